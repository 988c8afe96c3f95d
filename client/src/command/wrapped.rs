//! Evidence in the wrapper of a cloud provider: a file by itself, or files beside captured evidence.

use std::collections::BTreeMap;
use std::path::Path;

use cloister_client::failure::Failure;
use cloister_verify::snp::Report;
use cloister_verify::wrap::azure::{self, Bundle};
use cloister_verify::wrap::hcl::{self, Beside, Judged};
use cloister_verify::wrap::{Inner, MAX_WRAPPER, Quote, Wrapper};
use cloister_verify::{
    Anchors, Claims, Endorsements, Field, Outcome, Policy, Step, UnixTime, appraise,
};

use super::case::{MAX_FILE, certificates, if_there};
use super::files;
use super::verify::Verdict;

/// The files that may stand beside a report, and what they are. The paravisor's report is not among them: it has files of its own.
const FILES: [(&str, Wrapper); 7] = [
    ("message.cose", Wrapper::AttestedMessage),
    ("uvm_endorsement.cose", Wrapper::UvmEndorsement),
    ("snp.json", Wrapper::AciBundle),
    ("security_policy.bin", Wrapper::SecurityPolicy),
    ("tsm_report.json", Wrapper::Table),
    ("tsm_report.cbor", Wrapper::Table),
    ("auxblob.bin", Wrapper::TableAlone),
];
/// The paravisor's report, and an attester's bundle around it.
const HCL_REPORT: &str = "hcl_report.bin";
const BUNDLE: &str = "evidence.json";

/// Takes the report, with the certificates beside it, out of the first wrapper in a folder that holds one.
///
/// # Errors
/// [`Failure`] of the input when a file can't be read.
pub(crate) fn open_beside(folder: &Path) -> Result<Option<Inner<'static>>, Failure> {
    let names = FILES.map(|(name, _)| name);
    for name in names.into_iter().chain([BUNDLE, HCL_REPORT]) {
        let Some(bytes) = if_there(&folder.join(name))? else {
            continue;
        };
        let opened = Wrapper::of(&bytes).and_then(|wrapper| wrapper.open(&bytes));
        if let Ok(inner) = opened {
            return Ok(Some(Inner {
                report: inner.report.into_owned().into(),
                certificates: inner.certificates,
            }));
        }
    }
    Ok(None)
}

/// An attester's bundle in a folder, when there is one.
///
/// # Errors
/// [`Failure`] of the input when the file can't be read.
pub(crate) fn bundle_beside(folder: &Path) -> Result<Option<Vec<u8>>, Failure> {
    let bytes = if_there(&folder.join(BUNDLE))?;
    Ok(bytes.filter(|bytes| Bundle::is_like(bytes)))
}

/// Judges every wrapper that stands beside a report in a folder.
///
/// # Errors
/// [`Failure`] of the input when a file can't be read.
pub(crate) fn judge_beside(folder: &Path, report: Option<&Report>) -> Result<Vec<Step>, Failure> {
    let mut steps = judge_azure(folder, report.map(Judged::Snp).as_ref(), None)?;
    for (name, wrapper) in FILES {
        if let Some(bytes) = if_there(&folder.join(name))? {
            steps.extend(wrapper.judge(&bytes, report));
        }
    }
    Ok(steps)
}

/// Judges the paravisor's report in a folder, and an attester's bundle, around what the hardware said: an SNP report, or a TD's `quote`.
/// Where bundle and files say the same, it is said once.
///
/// # Errors
/// [`Failure`] of the input when a file can't be read.
pub(crate) fn judge_azure(
    folder: &Path,
    judged: Option<&Judged<'_>>,
    quote: Option<&[u8]>,
) -> Result<Vec<Step>, Failure> {
    let mut steps = match (if_there(&folder.join(HCL_REPORT))?, judged) {
        (None, _) => Vec::new(),
        (Some(bytes), Some(judged)) => judge_hcl(folder, &bytes, judged)?,
        (Some(bytes), None) => Wrapper::Hcl.judge(&bytes, None),
    };
    if let Some(bytes) = bundle_beside(folder)? {
        let nonce = if_there(&folder.join("tpm_nonce.bin"))?;
        let more = match judged {
            Some(judged) => azure::judge(&bytes, judged, quote, nonce.as_deref()),
            None => Wrapper::AzureBundle.judge(&bytes, None),
        };
        // What the files left open, the bundle answers.
        steps.retain(|step| {
            step.outcome != Outcome::NotAsked || !more.iter().any(|other| other.rule == step.rule)
        });
        let said = steps.clone();
        steps.extend(more.into_iter().filter(|step| !said.contains(step)));
    }
    Ok(steps)
}

/// The paravisor's report with `tpm_quote.msg` and `tpm_quote.sig`, `tpm_nonce.bin`, and `tpm_pcrs_sha256.json` (register to hexadecimal).
fn judge_hcl(folder: &Path, bytes: &[u8], judged: &Judged<'_>) -> Result<Vec<Step>, Failure> {
    let [message, signature, nonce] = ["tpm_quote.msg", "tpm_quote.sig", "tpm_nonce.bin"]
        .map(|name| if_there(&folder.join(name)));
    let (message, signature, nonce) = (message?, signature?, nonce?);
    if message.is_some() != signature.is_some() {
        return Err(Failure::input(
            folder.display(),
            "expected tpm_quote.msg and tpm_quote.sig, or neither",
        ));
    }
    let path = folder.join("tpm_pcrs_sha256.json");
    let registers = match if_there(&path)? {
        None => None,
        Some(bytes) => Some(registers(&bytes).ok_or_else(|| {
            Failure::input(
                path.display(),
                "expected registers by number, 32 bytes in hexadecimal each",
            )
        })?),
    };
    let quote = message.as_deref().zip(signature.as_deref());
    let beside = Beside {
        quote: quote.map(|(message, signature)| Quote { message, signature }),
        nonce: nonce.as_deref(),
        registers: registers.as_deref(),
    };
    Ok(hcl::judge(bytes, judged, &beside))
}

fn registers(bytes: &[u8]) -> Option<Vec<(u8, [u8; 32])>> {
    let named: BTreeMap<u8, String> = serde_json::from_slice(bytes).ok()?;
    let value = |text: &str| {
        let mut value = [0; 32];
        hex::decode_to_slice(text, &mut value).ok().map(|()| value)
    };
    named
        .into_iter()
        .map(|(number, text)| Some((number, value(&text)?)))
        .collect()
}

/// Judges one file of wrapped evidence: the report inside with the certificates that the wrapper brings (or, where it brings none, those of
/// `certs`: the signing key's, then the intermediate's and the root's), and the wrapper.
///
/// # Errors
/// [`Failure`] of the input when the file is no wrapper with an SNP report.
pub(crate) fn judge(
    path: &Path,
    certs: Option<&Path>,
    policy: &Policy,
    now: UnixTime,
) -> Result<Verdict, Failure> {
    let bytes = files::read(path, MAX_WRAPPER)?;
    let not_wrapped = |error| Failure::input(path.display(), error);
    let wrapper = Wrapper::of(&bytes).map_err(not_wrapped)?;
    let inner = wrapper.open(&bytes).map_err(not_wrapped)?;
    let chain = match certs {
        None => inner.certificates,
        Some(path) => certificates(path, &files::read(path, MAX_FILE)?)?,
    };
    let [leaf, ask, ark] = [0, 1, 2].map(|place| chain.get(place).map(Vec::as_slice));
    // Whether the leaf is a VCEK or a VLEK is for the report to say, and for the chain's names to bear out.
    let endorsements = Endorsements {
        vcek: leaf,
        vlek: leaf,
        ask,
        ark,
        crl: None,
    };
    let opinion = appraise(
        &inner.report,
        &endorsements,
        policy,
        &Anchors::hardware(),
        now,
    );
    let mut trail = opinion.trail;
    trail.extend(wrapper.judge(&bytes, report_of(opinion.claims.as_ref())));
    Ok(Verdict {
        platform: "SEV-SNP",
        accepted: opinion.verdict.is_ok() && trail.iter().all(Step::passed),
        trail,
        claims: opinion.claims,
        measured: vec![("wrapper".to_owned(), Field::Text(wrapper.to_string()))],
        attested: None,
        published: serde_json::Value::Null,
        explanation: Vec::new(),
    })
}

/// The report among claims; a quote of Intel's is none.
pub(crate) fn report_of(claims: Option<&Claims>) -> Option<&Report> {
    match claims {
        Some(Claims::Snp(claims)) => Some(&claims.report),
        Some(Claims::Tdx(_)) | None => None,
    }
}
