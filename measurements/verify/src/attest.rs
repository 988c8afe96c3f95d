//! The one function that makes [`Attested`].
//!
//! Its steps, numbered as at the code:
//!
//! 1. the kind: hardware evidence under the vendor's roots, simulated evidence under the simulated root, nothing else;
//! 2. the evidence, by every rule of its kind (see [`crate::snp`] and [`crate::tdx`]);
//! 3. the releases: those whose proof from the log is still good; the measurement: a shape of one of them, of the flavour of this kind; of
//!    TDX four numbers, all of one shape;
//! 4. the life of an attested key, when the evidence is bound to a key and not to a session;
//! 5. all 64 bytes of `REPORT_DATA`, recomputed from the caller's own facts and the release that the measurement names.

use crate::anchors::{AnchorKind, Anchors};
use crate::claims::Claims;
use crate::log::{self, PublishedRelease};
use crate::measured;
use crate::policy::Policy;
use crate::release::Flavour;
use crate::snp::{self, Endorsements};
use crate::tdx::{self, Collateral};
use crate::time::UnixTime;
use crate::trail::{Outcome, Rule, Step, Trail};
use cloister_bind::{KeyBinding, ReleaseId, ReportData, SessionBinding};
use cloister_wire::evidence::{Evidence, EvidenceKind};
use sha2::{Digest, Sha256};
use std::fmt;

/// The rules that stand around those of the evidence's kind.
pub(crate) mod rules {
    use super::Rule;

    pub(crate) const KIND: Rule = Rule {
        id: "evidence.kind",
        title: "the evidence is of a kind that these roots vouch for",
        clause: "RFC 9999, conceptual message type; Cloister, anchors",
    };
    pub(crate) const CERTIFICATES: Rule = Rule {
        id: "evidence.certificates",
        title: "the certificate table is well-formed",
        clause: "AMD 56421, GHCB, certificate table",
    };
    pub(crate) const COLLATERAL: Rule = Rule {
        id: "evidence.collateral",
        title: "the table of collateral is well-formed",
        clause: "Cloister, table of collateral",
    };
    pub(crate) const PUBLISHED: Rule = Rule {
        id: "release.published",
        title: "a log has the release, and enough witnesses have seen it there lately",
        clause: "C2SP tlog-proof, use of timestamps; Cloister, log policy, maximum-age-hours",
    };
    pub(crate) const MEASUREMENT: Rule = Rule {
        id: "release.measurement",
        title: "the launch measurement is one of an accepted release",
        clause: "AMD 56860, ATTESTATION_REPORT, MEASUREMENT; Intel TDX module ABI, MRTD and RTMR0 to RTMR2",
    };
    pub(crate) const FLAVOUR: Rule = Rule {
        id: "release.flavour",
        title: "the release is made for this kind of evidence",
        clause: "Cloister, release file, flavour",
    };
    pub(crate) const LIFETIME: Rule = Rule {
        id: "binding.lifetime",
        title: "the attested key is not past its life, and its life is short",
        clause: "Cloister, key binding, not_after",
    };
    pub(crate) const REPORT_DATA: Rule = Rule {
        id: "binding.report-data",
        title: "all 64 bytes of REPORT_DATA are the ones recomputed here",
        clause: "AMD 56860, ATTESTATION_REPORT, REPORT_DATA; Intel TDX module ABI, REPORTDATA; Cloister, enclave/bind",
    };

    /// The rules of a kind of evidence, with its table before and the release behind them.
    pub(crate) fn around(
        table: &'static Rule,
        kind: &'static [&'static Rule],
    ) -> impl Iterator<Item = &'static Rule> {
        [&KIND, table]
            .into_iter()
            .chain(kind.iter().copied())
            .chain([&PUBLISHED, &MEASUREMENT, &FLAVOUR, &LIFETIME, &REPORT_DATA])
    }
}

/// What the caller knows about the other side, from its own hands: never from the evidence.
#[derive(Clone, Copy, Debug)]
pub enum Binding<'a> {
    /// Evidence made for one TLS session.
    Session {
        /// The nonce that the caller chose after the handshake.
        nonce: [u8; 32],
        /// DER `SubjectPublicKeyInfo` of the certificate that the server showed in this session.
        spki_der: &'a [u8],
        /// The exporter of this session under [`cloister_bind::EXPORTER_LABEL`] with the nonce as context.
        exporter: [u8; 32],
        /// The `application/ohttp-keys` bytes that requests will be sealed to.
        key_configs: &'a [u8],
    },
    /// Evidence made once for a key, for as long as the key lives.
    Key {
        /// DER `SubjectPublicKeyInfo` of the key.
        spki_der: &'a [u8],
        /// The `application/ohttp-keys` bytes that requests will be sealed to.
        key_configs: &'a [u8],
        /// Unix time in seconds after which the keys must not be used.
        not_after: u64,
    },
}

impl Binding<'_> {
    /// The bytes that the hardware must have signed for this release.
    fn report_data(&self, release: &ReleaseId) -> ReportData {
        let sha256 = |bytes: &[u8]| <[u8; 32]>::from(Sha256::digest(bytes));
        match *self {
            Self::Session {
                nonce,
                spki_der,
                exporter,
                key_configs,
            } => SessionBinding {
                nonce,
                spki_sha256: sha256(spki_der),
                exporter,
                key_configs_sha256: sha256(key_configs),
                release: release.clone(),
            }
            .report_data(),
            Self::Key {
                spki_der,
                key_configs,
                not_after,
            } => KeyBinding {
                spki_sha256: sha256(spki_der),
                key_configs_sha256: sha256(key_configs),
                not_after,
                release: release.clone(),
            }
            .report_data(),
        }
    }

    fn key_configs(&self) -> &[u8] {
        match self {
            Self::Session { key_configs, .. } | Self::Key { key_configs, .. } => key_configs,
        }
    }

    fn kind(&self) -> BindingKind {
        match *self {
            Self::Session { .. } => BindingKind::Session,
            Self::Key { not_after, .. } => BindingKind::Key {
                not_after: UnixTime(not_after),
            },
        }
    }
}

/// What attested evidence is bound to, and so how fresh it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BindingKind {
    /// One TLS session: fresh by the caller's nonce.
    Session,
    /// A key: fresh only by its end of life.
    Key {
        /// When the key must not be used any more.
        not_after: UnixTime,
    },
}

/// What is expected of evidence. Every member is needed: there is no default and nothing to leave out.
///
/// ```compile_fail,E0063
/// use cloister_verify::{Anchors, Expected, Policy};
/// // Without a time there is no expectation.
/// let expected = Expected { policy: &Policy::production(), releases: &[], anchors: &Anchors::hardware() };
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The rules.
    pub policy: &'a Policy,
    /// The releases that the caller accepts, each with its proof that it was published. None accepts nothing.
    pub releases: &'a [PublishedRelease],
    /// Whom to believe.
    pub anchors: &'a Anchors,
    /// The time at which to judge.
    pub now: UnixTime,
}

/// Proof that evidence passed every rule: requests may be sealed to its keys. Only [`attest()`] makes one.
///
/// ```compile_fail,E0451
/// use cloister_verify::{Attested, BindingKind};
/// let release = cloister_bind::ReleaseId::parse("0.1.0").unwrap();
/// let (key_configs, measurement, binding) = (Vec::new(), [0; 48], BindingKind::Session);
/// // Nobody else can: the members are private, and there is no default.
/// let forged = Attested { key_configs, release, measurement, simulated: false, binding };
/// ```
#[derive(Clone, Debug)]
pub struct Attested {
    key_configs: Vec<u8>,
    release: ReleaseId,
    measurement: [u8; 48],
    simulated: bool,
    binding: BindingKind,
}

impl Attested {
    /// The `application/ohttp-keys` bytes that the evidence vouches for.
    #[must_use]
    pub fn key_configs(&self) -> &[u8] {
        &self.key_configs
    }

    /// The release that runs.
    #[must_use]
    pub fn release(&self) -> &ReleaseId {
        &self.release
    }

    /// The launch measurement: the launch digest of SEV-SNP, `MRTD` of TDX. The release has the whole of it.
    #[must_use]
    pub fn measurement(&self) -> &[u8; 48] {
        &self.measurement
    }

    /// Whether the processor is the simulated one: then nothing is protected, and every line that people see must say so.
    #[must_use]
    pub fn simulated(&self) -> bool {
        self.simulated
    }

    /// What the evidence is bound to.
    #[must_use]
    pub fn binding(&self) -> BindingKind {
        self.binding
    }
}

/// Evidence failed rules; the trail says which and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// The ids of the rules that failed or could not be evaluated, in the order of the trail.
    pub rules: Vec<&'static str>,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the evidence is refused: {}", self.rules.join(", "))
    }
}

impl std::error::Error for Refused {}

/// A judged piece of evidence.
#[derive(Clone, Debug)]
pub struct Appraisal {
    /// Every rule, with what was expected and found.
    pub trail: Vec<Step>,
    /// Proof, or the failed rules.
    pub verdict: Result<Attested, Refused>,
    /// What the evidence says, as far as it could be read.
    pub claims: Option<Claims>,
}

/// A judged piece of foreign evidence: whether it passes, and never proof that anything may be sent.
#[derive(Clone, Debug)]
pub struct Opinion {
    /// Every rule of the evidence itself, with what was expected and found.
    pub trail: Vec<Step>,
    /// Nothing, or the failed rules.
    pub verdict: Result<(), Refused>,
    /// What the evidence says, as far as it could be read.
    pub claims: Option<Claims>,
}

/// Judges evidence by every rule and compares what it is bound to with what the caller knows.
#[must_use]
pub fn attest(evidence: &Evidence, binding: &Binding<'_>, expected: &Expected<'_>) -> Appraisal {
    let mut trail = Trail::default();

    // 1. The kind.
    let anchors = expected.anchors.kind();
    let simulated = match (evidence.kind, anchors) {
        (EvidenceKind::Snp | EvidenceKind::Tdx, AnchorKind::Hardware) => Some(false),
        (EvidenceKind::Simulated, AnchorKind::Simulated) => Some(true),
        _ => None,
    };
    trail.check(
        &rules::KIND,
        simulated.is_some(),
        match anchors {
            AnchorKind::Hardware => "evidence of AMD SEV-SNP or Intel TDX",
            AnchorKind::Simulated => "SIMULATED evidence",
            AnchorKind::Test => "nothing: a test root attests nothing",
        },
        match evidence.kind {
            EvidenceKind::Snp => "evidence of AMD SEV-SNP",
            EvidenceKind::Tdx => "evidence of Intel TDX",
            EvidenceKind::Simulated => "SIMULATED evidence",
        },
    );

    // 2. The evidence.
    let claims = judge_evidence(&mut trail, evidence, expected);

    // 3. The releases, whatever the evidence says.
    let releases = log::release::good(
        &mut trail,
        &rules::PUBLISHED,
        expected.releases,
        expected.now,
    );

    let mut bound = None;
    let measured = claims.as_ref().and_then(measured::measured);
    if let Some((measured, report_data)) = &measured {
        // 3. The measurement.
        let flavour = match evidence.kind {
            EvidenceKind::Simulated => Flavour::Simulated,
            EvidenceKind::Snp | EvidenceKind::Tdx => Flavour::Production,
        };
        let candidates = measured::judge(&mut trail, measured, &releases, flavour);
        // 4. The life of the key.
        judge_lifetime(&mut trail, binding, expected);
        // 5. REPORT_DATA.
        bound = judge_report_data(&mut trail, report_data, binding, &candidates);
    }

    let order: Vec<&Rule> = match evidence.kind {
        EvidenceKind::Tdx => crate::quote_rules().collect(),
        EvidenceKind::Snp | EvidenceKind::Simulated => crate::rules().collect(),
    };
    let trail = trail.complete(&order, "a step before this one failed");
    let verdict = match (refusal(&trail), bound, simulated, &measured) {
        (None, Some(release), Some(simulated), Some((measured, _))) => Ok(Attested {
            key_configs: binding.key_configs().to_vec(),
            release: release.clone(),
            measurement: *measured.first(),
            simulated,
            binding: binding.kind(),
        }),
        (refused, ..) => Err(refused.unwrap_or(Refused { rules: Vec::new() })),
    };
    Appraisal {
        trail,
        verdict,
        claims,
    }
}

/// Step 2.
fn judge_evidence(
    trail: &mut Trail,
    evidence: &Evidence,
    expected: &Expected<'_>,
) -> Option<Claims> {
    let Expected {
        policy,
        anchors,
        now,
        ..
    } = *expected;
    let well_formed = "a well-formed table";
    match evidence.kind {
        EvidenceKind::Snp | EvidenceKind::Simulated => {
            let table = Endorsements::from_table(&evidence.auxiliary);
            let found = table
                .as_ref()
                .map_or_else(ToString::to_string, |_| well_formed.into());
            trail.check(&rules::CERTIFICATES, table.is_ok(), well_formed, found);
            let endorsements = table.unwrap_or_default();
            snp::judge(trail, &evidence.report, &endorsements, policy, anchors, now)
                .map(|claims| Claims::Snp(Box::new(claims)))
        }
        EvidenceKind::Tdx => {
            let table = Collateral::from_table(&evidence.auxiliary);
            let found = table
                .as_ref()
                .map_or_else(ToString::to_string, |_| well_formed.into());
            trail.check(&rules::COLLATERAL, table.is_ok(), well_formed, found);
            let collateral = table.unwrap_or_default();
            tdx::judge(trail, &evidence.report, &collateral, policy, anchors, now)
                .map(|claims| Claims::Tdx(Box::new(claims)))
        }
    }
}

/// Judges an SNP report that is bound to nothing of ours: no measurement, no `REPORT_DATA`, and so no proof.
#[must_use]
pub fn appraise(
    report: &[u8],
    endorsements: &Endorsements<'_>,
    policy: &Policy,
    anchors: &Anchors,
    now: UnixTime,
) -> Opinion {
    let mut trail = Trail::default();
    let claims = snp::judge(&mut trail, report, endorsements, policy, anchors, now);
    opinion(
        trail,
        snp::rules::ALL,
        claims.map(|claims| Claims::Snp(Box::new(claims))),
    )
}

/// Judges a TDX quote that is bound to nothing of ours: no measurement, no `REPORTDATA`, and so no proof.
#[must_use]
pub fn appraise_quote(
    quote: &[u8],
    collateral: &Collateral<'_>,
    policy: &Policy,
    anchors: &Anchors,
    now: UnixTime,
) -> Opinion {
    let mut trail = Trail::default();
    let claims = tdx::judge(&mut trail, quote, collateral, policy, anchors, now);
    opinion(
        trail,
        tdx::rules::ALL,
        claims.map(|claims| Claims::Tdx(Box::new(claims))),
    )
}

fn opinion(trail: Trail, order: &[&Rule], claims: Option<Claims>) -> Opinion {
    let trail = trail.complete(order, "a step before this one failed");
    let verdict = refusal(&trail).map_or(Ok(()), Err);
    Opinion {
        trail,
        verdict,
        claims,
    }
}

/// The rules that did not pass, if any. An empty trail passes nothing.
fn refusal(trail: &[Step]) -> Option<Refused> {
    let failed: Vec<_> = trail
        .iter()
        .filter(|step| matches!(step.outcome, Outcome::Failed | Outcome::NotEvaluated))
        .map(|step| step.rule)
        .collect();
    (trail.is_empty() || !failed.is_empty()).then_some(Refused { rules: failed })
}

/// Step 4.
fn judge_lifetime(trail: &mut Trail, binding: &Binding<'_>, expected: &Expected<'_>) {
    match *binding {
        Binding::Session { .. } => {
            trail.not_asked(&rules::LIFETIME, "evidence for this session alone");
        }
        Binding::Key { not_after, .. } => {
            let now = expected.now.0;
            let latest = now.saturating_add(expected.policy.key_lifetime());
            trail.check(
                &rules::LIFETIME,
                (now..=latest).contains(&not_after),
                format!("from {} to {}", expected.now, UnixTime(latest)),
                UnixTime(not_after).to_string(),
            );
        }
    }
}

/// Step 5: the release for which the recomputed bytes are the signed ones, all 64.
fn judge_report_data<'a>(
    trail: &mut Trail,
    signed: &[u8; 64],
    binding: &Binding<'_>,
    candidates: &[&'a ReleaseId],
) -> Option<&'a ReleaseId> {
    let Some(first) = candidates.first() else {
        trail.not_evaluated(
            &rules::REPORT_DATA,
            "the release is not known, and its name is among the bytes",
        );
        return None;
    };
    let bound = candidates
        .iter()
        .find(|release| binding.report_data(release).0 == *signed);
    trail.check(
        &rules::REPORT_DATA,
        bound.is_some(),
        hex::encode(binding.report_data(bound.unwrap_or(first)).0),
        hex::encode(signed),
    );
    bound.copied()
}

#[cfg(test)]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "tests stop at the first fault"
)]
mod tests;
