//! TCB info and enclave identity as Intel writes them (Intel PCS API v4): data, read strictly and judged elsewhere.

use super::claims::Evaluation;
use super::collateral::{AnyCaseHex, Moment};
use super::status::TcbStatus;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

/// A number that can only be the one known version.
#[derive(Clone, Copy, Debug)]
pub(super) struct Only<const N: u32>;

impl<'de, const N: u32> Deserialize<'de> for Only<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match u32::deserialize(deserializer)? {
            found if found == N => Ok(Self),
            found => Err(D::Error::custom(format!("expected {N}, found {found}"))),
        }
    }
}

/// The only `id` of TCB info that is taken.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) enum TcbInfoId {
    #[serde(rename = "TDX")]
    Tdx,
}

/// The only `id` of an enclave identity that is taken.
#[derive(Clone, Copy, Debug, Deserialize)]
pub(super) enum EnclaveIdentityId {
    #[serde(rename = "TD_QE")]
    TdQe,
}

/// TCB info, version 3.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[allow(
    dead_code,
    reason = "members that are read to be known, not to be used"
)]
pub(super) struct TcbInfo {
    id: TcbInfoId,
    version: Only<3>,
    pub(super) issue_date: Moment,
    pub(super) next_update: Moment,
    pub(super) fmspc: AnyCaseHex<6>,
    pub(super) pce_id: AnyCaseHex<2>,
    /// How to compare SVNs; there is one way.
    tcb_type: Only<0>,
    pub(super) tcb_evaluation_data_number: u32,
    pub(super) tdx_module: TdxModule,
    /// Absent before TDX 1.5.
    #[serde(default)]
    pub(super) tdx_module_identities: Vec<TdxModuleIdentity>,
    pub(super) tcb_levels: Vec<PlatformLevel>,
}

/// The TDX module of TDX 1.0.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct TdxModule {
    pub(super) mrsigner: AnyCaseHex<48>,
    pub(super) attributes: AnyCaseHex<8>,
    pub(super) attributes_mask: AnyCaseHex<8>,
}

/// A TDX module of TDX 1.5 and later.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct TdxModuleIdentity {
    /// `TDX_` and the major version in two hexadecimal digits.
    pub(super) id: String,
    pub(super) mrsigner: AnyCaseHex<48>,
    pub(super) attributes: AnyCaseHex<8>,
    pub(super) attributes_mask: AnyCaseHex<8>,
    pub(super) tcb_levels: Vec<EnclaveLevel>,
}

/// What either of them says about a module.
pub(super) struct AnyModule<'a> {
    pub(super) mrsigner: &'a [u8; 48],
    pub(super) attributes: &'a [u8; 8],
    pub(super) attributes_mask: &'a [u8; 8],
}

impl<'a> AnyModule<'a> {
    pub(super) fn of(module: &'a TdxModule) -> Self {
        Self {
            mrsigner: &module.mrsigner.0,
            attributes: &module.attributes.0,
            attributes_mask: &module.attributes_mask.0,
        }
    }

    pub(super) fn of_identity(module: &'a TdxModuleIdentity) -> Self {
        Self {
            mrsigner: &module.mrsigner.0,
            attributes: &module.attributes.0,
            attributes_mask: &module.attributes_mask.0,
        }
    }
}

/// A TCB level of a platform.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[allow(
    dead_code,
    reason = "members that are read to be known, not to be used"
)]
pub(super) struct PlatformLevel {
    pub(super) tcb: PlatformTcb,
    tcb_date: Moment,
    #[serde(deserialize_with = "level_status")]
    pub(super) tcb_status: TcbStatus,
    #[serde(rename = "advisoryIDs", default)]
    pub(super) advisory_ids: Vec<String>,
}

/// The status of a level: what becomes of two levels is none of one.
fn level_status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TcbStatus, D::Error> {
    match TcbStatus::deserialize(deserializer)? {
        status @ (TcbStatus::TDRelaunchAdvised
        | TcbStatus::TDRelaunchAdvisedConfigurationNeeded) => Err(D::Error::custom(format!(
            "no level has the status {status}"
        ))),
        status => Ok(status),
    }
}

/// The SVNs that a platform must have to be of a level.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PlatformTcb {
    pub(super) sgxtcbcomponents: [Component; 16],
    pub(super) pcesvn: u16,
    pub(super) tdxtcbcomponents: [Component; 16],
}

/// The SVN of one component, and what Intel calls it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[allow(
    dead_code,
    reason = "members that are read to be known, not to be used"
)]
pub(super) struct Component {
    pub(super) svn: u8,
    #[serde(default)]
    category: String,
    #[serde(default, rename = "type")]
    kind: String,
}

/// A TCB level of an enclave or of a TDX module.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[allow(
    dead_code,
    reason = "members that are read to be known, not to be used"
)]
pub(super) struct EnclaveLevel {
    pub(super) tcb: EnclaveTcb,
    tcb_date: Moment,
    #[serde(deserialize_with = "level_status")]
    pub(super) tcb_status: TcbStatus,
    #[serde(rename = "advisoryIDs", default)]
    pub(super) advisory_ids: Vec<String>,
}

/// The SVN that an enclave or a TDX module must have to be of a level.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EnclaveTcb {
    pub(super) isvsvn: u16,
}

/// The identity of the TD quoting enclave, version 2.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[allow(
    dead_code,
    reason = "members that are read to be known, not to be used"
)]
pub(super) struct EnclaveIdentity {
    id: EnclaveIdentityId,
    version: Only<2>,
    pub(super) issue_date: Moment,
    pub(super) next_update: Moment,
    pub(super) tcb_evaluation_data_number: u32,
    /// Big-endian, as a number is written.
    pub(super) miscselect: AnyCaseHex<4>,
    pub(super) miscselect_mask: AnyCaseHex<4>,
    /// As in the report.
    pub(super) attributes: AnyCaseHex<16>,
    pub(super) attributes_mask: AnyCaseHex<16>,
    pub(super) mrsigner: AnyCaseHex<32>,
    pub(super) isvprodid: u16,
    pub(super) tcb_levels: Vec<EnclaveLevel>,
}

impl TcbInfo {
    pub(super) fn evaluation(&self) -> Evaluation {
        Evaluation {
            issued: self.issue_date.0,
            next_update: self.next_update.0,
            number: self.tcb_evaluation_data_number,
        }
    }
}

impl EnclaveIdentity {
    pub(super) fn evaluation(&self) -> Evaluation {
        Evaluation {
            issued: self.issue_date.0,
            next_update: self.next_update.0,
            number: self.tcb_evaluation_data_number,
        }
    }
}
