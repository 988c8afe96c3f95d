//! What a policy demands of Intel TDX: rules, accepted advisories and the floor of evaluations.

use super::sourced::{Bit, Bits, Date, Demand, Exact, Smt, Source, Sourced};
use super::{MachineRules, RevocationRules};
use crate::tdx::{BodyKind, Standing, TcbStatus};
use crate::time::UnixTime;
use serde::Deserialize;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct TdxRules {
    pub(crate) quote_versions: Sourced<Vec<u16>>,
    pub(crate) bodies: Sourced<Vec<BodyKind>>,
    pub(crate) revocation: RevocationRules,
    pub(crate) tcb: TcbRules,
    pub(crate) seam: SeamRules,
    pub(crate) attributes: AttributeRules,
    pub(crate) xfam: XfamRules,
    pub(crate) identity: IdentityRules,
    pub(crate) platform: PlatformRules,
    pub(crate) machine: MachineRules,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct TcbRules {
    /// Statuses that are taken whatever stands behind them.
    pub(crate) statuses: Sourced<Vec<TcbStatus>>,
    /// Whether another status is taken when every advisory behind it is listed.
    pub(crate) advisories: Sourced<Advisories>,
    pub(crate) evaluation_number: Sourced<Demand>,
    pub(crate) current: Sourced<Demand>,
}

/// What a listed advisory is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Advisories {
    /// Nothing: the status alone decides.
    Refused,
    /// A status other than `Revoked` is taken when advisories are named for it and every one is listed and not expired.
    Listed,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct SeamRules {
    pub(crate) attributes: Sourced<Exact<8>>,
    pub(crate) signer: Sourced<Exact<48>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct AttributeRules {
    /// The whole byte of the untrusted-debug bits.
    pub(crate) debug: Sourced<Bit>,
    /// Every bit that has no name.
    pub(crate) reserved: Sourced<Bit>,
    pub(crate) icssd: Sourced<Bit>,
    pub(crate) sept_ve_disable: Sourced<Bit>,
    pub(crate) migratable: Sourced<Bit>,
    pub(crate) pks: Sourced<Bit>,
    pub(crate) kl: Sourced<Bit>,
    pub(crate) perfmon: Sourced<Bit>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct XfamRules {
    /// The combinations that a TDX module takes.
    pub(crate) fixed: Sourced<Demand>,
    /// Bits that must be set.
    pub(crate) at_least: Sourced<Bits>,
    /// Bits that may be set.
    pub(crate) at_most: Sourced<Bits>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct IdentityRules {
    pub(crate) mrconfigid: Sourced<Exact<48>>,
    pub(crate) mrowner: Sourced<Exact<48>>,
    pub(crate) mrownerconfig: Sourced<Exact<48>>,
    pub(crate) mrservicetd: Sourced<Exact<48>>,
    pub(crate) rtmr3: Sourced<Exact<48>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PlatformRules {
    pub(crate) smt: Sourced<Smt>,
}

/// The file of floors.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct IntelFloors {
    evaluation_number: Sourced<u32>,
    advisories: Vec<Advisory>,
}

/// An advisory that a status may stand on for a while.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Advisory {
    id: String,
    /// Why it does no harm here.
    #[allow(dead_code, reason = "required in the file, for its readers")]
    reason: Source,
    #[allow(dead_code, reason = "required in the file, for its readers")]
    source: Source,
    #[allow(dead_code, reason = "required in the file, for its readers")]
    date: Date,
    /// The last day on which it counts.
    expiry: Date,
}

impl IntelFloors {
    /// The lowest `tcbEvaluationDataNumber` that is acceptable.
    pub(super) fn evaluation_number(&self) -> u32 {
        self.evaluation_number.value
    }

    /// Whether every advisory is listed and not expired.
    fn cover(&self, standing: &Standing, now: UnixTime) -> bool {
        let listed = |id: &String| {
            self.advisories
                .iter()
                .any(|line| line.id == *id && line.expiry.not_before_day_of(now))
        };
        !standing.advisories.is_empty() && standing.advisories.iter().all(listed)
    }

    /// Whether a status is acceptable under these rules.
    pub(super) fn accept(&self, rules: &TcbRules, standing: &Standing, now: UnixTime) -> bool {
        rules.statuses.value.contains(&standing.status)
            || rules.advisories.value == Advisories::Listed
                && standing.status != TcbStatus::Revoked
                && self.cover(standing, now)
    }
}
