//! Why a launch measurement is not the published one, in sentences.
//!
//! A measurement is one number over everything that was launched, so a wrong one does not say what is wrong. The host may add an account
//! of what it launched to the evidence. Nobody signs that account; it is believed only when the digest computed from it equals the
//! measurement that the hardware signed ([`cloister_digest::explain`]), and it never makes a check pass.

use cloister_digest::LaunchClaims;
use cloister_digest::explain::mismatch;
use cloister_verify::log::PublishedRelease;
use cloister_verify::{Appraisal, Claims};
use cloister_wire::certs::{CertTable, Guid};
use cloister_wire::evidence::Evidence;

/// The rule whose failure is explained here.
const MEASUREMENT: &str = "release.measurement";

/// One sentence for each accepted release; empty when the measurement passed or was never read.
#[must_use]
pub fn explain(
    evidence: &Evidence,
    appraisal: &Appraisal,
    releases: &[PublishedRelease],
) -> Vec<String> {
    let failed = appraisal
        .trail
        .iter()
        .any(|step| step.rule == MEASUREMENT && !step.passed());
    let claims = match appraisal.claims.as_ref().filter(|_| failed) {
        Some(Claims::Snp(claims)) => claims,
        Some(Claims::Tdx(_)) => {
            return vec![
                "not explained: the measurements of a TD are compared, not taken apart".to_owned(),
            ];
        }
        None => return Vec::new(),
    };
    let account = CertTable::parse(&evidence.auxiliary)
        .ok()
        .and_then(|table| table.find(Guid::LAUNCH_CLAIMS));
    let Some(account) = account else {
        return vec!["not explained: the host gave no account of what it launched".to_owned()];
    };
    let account = match LaunchClaims::from_json(account) {
        Ok(account) => account,
        Err(error) => return vec![format!("not explained: {error}")],
    };
    releases
        .iter()
        .map(PublishedRelease::release)
        .map(|release| {
            format!(
                "compared with release {}: {}",
                release.release,
                mismatch(release, &account, &claims.report.measurement)
            )
        })
        .collect()
}
