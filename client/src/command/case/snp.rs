//! A case of SEV-SNP: `report.bin`, `vcek.der` or `vlek.der`, `cert_chain.pem` (intermediate, then root), `ark.crl.der` (the root's
//! revocation list). The wrappers that the report came in may stand beside it, see [`super::super::wrapped`], and are judged as well.

use std::path::Path;

use cloister_client::failure::Failure;
use cloister_verify::{Anchors, Endorsements, Policy, Step, UnixTime, appraise};

use super::super::files;
use super::super::verify::Verdict;
use super::super::wrapped;
use super::{MAX_FILE, certificates, if_there};

/// Judges the report of a case.
///
/// # Errors
/// [`Failure`] of the input when a file can't be read, the report is missing or the chain is no chain.
pub(super) fn judge(
    folder: &Path,
    policy: &Policy,
    anchors: &Anchors,
    now: UnixTime,
) -> Result<Verdict, Failure> {
    let report = files::read(&folder.join("report.bin"), MAX_FILE)?;
    let [vcek, vlek, crl] =
        ["vcek.der", "vlek.der", "ark.crl.der"].map(|name| if_there(&folder.join(name)));
    let (vcek, vlek, crl) = (vcek?, vlek?, crl?);
    let path = folder.join("cert_chain.pem");
    let chain = match if_there(&path)? {
        None => Vec::new(),
        Some(bytes) => certificates(&path, &bytes)?,
    };
    let (ask, ark) = match chain.as_slice() {
        [] => (None, None),
        [ask, ark] => (Some(ask.as_slice()), Some(ark.as_slice())),
        _ => {
            return Err(Failure::input(
                path.display(),
                "expected two certificates: the intermediate and the root",
            ));
        }
    };
    let endorsements = Endorsements {
        vcek: vcek.as_deref(),
        vlek: vlek.as_deref(),
        ask,
        ark,
        crl: crl.as_deref(),
    };
    let opinion = appraise(&report, &endorsements, policy, anchors, now);
    let wrappers = wrapped::judge_beside(folder, wrapped::report_of(opinion.claims.as_ref()))?;
    let accepted = opinion.verdict.is_ok() && wrappers.iter().all(Step::passed);
    let mut trail = opinion.trail;
    trail.extend(wrappers);
    Ok(Verdict {
        platform: "SEV-SNP",
        trail,
        claims: opinion.claims,
        accepted,
        measured: Vec::new(),
        attested: None,
        published: serde_json::Value::Null,
        explanation: Vec::new(),
    })
}
