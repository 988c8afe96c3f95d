//! A case of TDX: `quote.bin`, `tcb_info.json` and `qe_identity.json` with the chains of their signers, `root_ca.crl.der` and
//! `pck_ca.crl.der` with the chain of its issuer. Azure's cases have further files around the quote, see [`super::super::wrapped`]: the
//! paravisor's report and the quote of its virtual TPM are judged as well.

use std::path::Path;

use cloister_client::failure::Failure;
use cloister_verify::tdx::{Body, Quote};
use cloister_verify::wrap::azure::Bundle;
use cloister_verify::wrap::hcl::Judged;
use cloister_verify::{Anchors, Claims, Collateral, Policy, Step, UnixTime, appraise_quote};

use super::super::verify::Verdict;
use super::super::wrapped;
use super::{decoded, if_there};

/// Judges the quote of a case.
///
/// # Errors
/// [`Failure`] of the input when a file can't be read or the quote is missing.
pub(super) fn judge(
    folder: &Path,
    policy: &Policy,
    anchors: &Anchors,
    now: UnixTime,
) -> Result<Verdict, Failure> {
    let quote = quote(folder)?;
    let file = |name: &str| if_there(&folder.join(name));
    let (tcb_info, tcb_info_chain) = (file("tcb_info.json")?, file("tcb_info_issuer_chain.pem")?);
    let qe_identity = file("qe_identity.json")?;
    let qe_identity_chain = file("qe_identity_issuer_chain.pem")?;
    let (root_crl, pck_crl) = (file("root_ca.crl.der")?, file("pck_ca.crl.der")?);
    let pck_crl_chain = file("pck_crl_issuer_chain.pem")?;
    let collateral = Collateral {
        tcb_info: tcb_info.as_deref(),
        tcb_info_chain: tcb_info_chain.as_deref(),
        qe_identity: qe_identity.as_deref(),
        qe_identity_chain: qe_identity_chain.as_deref(),
        root_crl: root_crl.as_deref(),
        pck_crl: pck_crl.as_deref(),
        pck_crl_chain: pck_crl_chain.as_deref(),
    };
    let opinion = appraise_quote(&quote, &collateral, policy, anchors, now);
    let judged = body_of(opinion.claims.as_ref()).map(Judged::Tdx);
    let wrappers = wrapped::judge_azure(folder, judged.as_ref(), Some(&quote))?;
    let accepted = opinion.verdict.is_ok() && wrappers.iter().all(Step::passed);
    let mut trail = opinion.trail;
    trail.extend(wrappers);
    Ok(Verdict {
        platform: "TDX",
        trail,
        claims: opinion.claims,
        accepted,
        measured: Vec::new(),
        attested: None,
        published: serde_json::Value::Null,
        explanation: Vec::new(),
    })
}

/// The quote by itself, or out of an attester's bundle.
fn quote(folder: &Path) -> Result<Vec<u8>, Failure> {
    let is_quote = |bytes: &[u8]| matches!(Quote::version_of(bytes), Some(3..=5));
    let path = folder.join("quote.bin");
    if let Some(bytes) = if_there(&path)? {
        return Ok(decoded(bytes, is_quote));
    }
    let bundle = wrapped::bundle_beside(folder)?.and_then(|bytes| Bundle::parse(&bytes).ok());
    let quote = bundle.and_then(|bundle| bundle.td_quote().map(<[u8]>::to_vec));
    quote.ok_or_else(|| {
        Failure::input(
            path.display(),
            "expected a quote, or a bundle with one beside it",
        )
    })
}

/// The body of a TD's quote among claims.
fn body_of(claims: Option<&Claims>) -> Option<&Body> {
    match claims {
        Some(Claims::Tdx(claims)) => claims.quote.as_ref().map(|quote| &quote.body),
        Some(Claims::Snp(_)) | None => None,
    }
}
