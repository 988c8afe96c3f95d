//! A case of SEV-SNP: `report.bin`, `vcek.der` or `vlek.der`, `cert_chain.pem` (intermediate, then root), `ark.crl.der` (the root's
//! revocation list). The wrappers that the report came in may stand beside it, see [`super::super::wrapped`], and are judged as well; what
//! the folder has no file of its own for is taken out of them.

use std::path::Path;

use cloister_client::failure::Failure;
use cloister_verify::snp::REPORT_BYTES;
use cloister_verify::wrap::Inner;
use cloister_verify::{Anchors, Endorsements, Policy, Step, UnixTime, appraise};

use super::super::verify::Verdict;
use super::super::wrapped;
use super::{certificates, decoded, if_there, one_of};

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
    let is_report = |bytes: &[u8]| bytes.len() == REPORT_BYTES;
    let mut wrapped_report = wrapped::open_beside(folder)?;
    let report = match (if_there(&folder.join("report.bin"))?, &wrapped_report) {
        (Some(bytes), _) => decoded(bytes, is_report),
        (None, Some(inner)) => inner.report.to_vec(),
        (None, None) => {
            return Err(Failure::input(
                folder.join("report.bin").display(),
                "expected a report, or a wrapper with one beside it",
            ));
        }
    };
    // Certificates of another report are none of this one's.
    wrapped_report.take_if(|inner| *inner.report != report);
    let presented = Presented::read(folder, wrapped_report)?;
    let crl = if_there(&folder.join("ark.crl.der"))?;
    let endorsements = Endorsements {
        vcek: presented.vcek.as_deref(),
        vlek: presented.vlek.as_deref(),
        ask: presented.ask.as_deref(),
        ark: presented.ark.as_deref(),
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

/// The certificates of a case, DER.
#[derive(Default)]
struct Presented {
    vcek: Option<Vec<u8>>,
    vlek: Option<Vec<u8>>,
    ask: Option<Vec<u8>>,
    ark: Option<Vec<u8>>,
}

impl Presented {
    /// Reads the files, and takes from the wrapper what they leave out.
    fn read(folder: &Path, wrapped: Option<Inner<'_>>) -> Result<Self, Failure> {
        let leaf = |names: [&str; 2]| match one_of(folder, names)? {
            None => Ok(None),
            Some((path, bytes)) => match certificates(&path, &bytes)?.as_slice() {
                [one] => Ok(Some(one.clone())),
                _ => Err(Failure::input(path.display(), "expected one certificate")),
            },
        };
        let mut found = Self {
            vcek: leaf(["vcek.der", "vcek.pem"])?,
            vlek: leaf(["vlek.der", "vlek.pem"])?,
            ..Self::default()
        };
        let mut chain = match one_of(folder, ["cert_chain.pem", "cert_chain.der"])? {
            None => Vec::new(),
            Some((path, bytes)) => {
                let chain = certificates(&path, &bytes)?;
                if chain.len() > 3 {
                    return Err(Failure::input(
                        path.display(),
                        "expected the intermediate and the root, or the signing key's before them",
                    ));
                }
                chain
            }
        };
        let mut leaf = (chain.len() == 3).then(|| chain.remove(0));
        if let Some(inner) = wrapped {
            let mut inner = inner.certificates.into_iter();
            leaf = leaf.or(inner.next());
            if chain.is_empty() {
                chain.extend(inner);
            }
        }
        // Whether the leaf is a VCEK or a VLEK is for the report to say, and for the chain's names to bear out.
        if (&found.vcek, &found.vlek) == (&None, &None) {
            (found.vcek, found.vlek) = (leaf.clone(), leaf);
        }
        let mut chain = chain.into_iter();
        (found.ask, found.ark) = (chain.next(), chain.next());
        Ok(found)
    }
}
