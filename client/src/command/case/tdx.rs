//! A case of TDX: `quote.bin`, `tcb_info.json` and `qe_identity.json` with the chains of their signers, `root_ca.crl.der` and
//! `pck_ca.crl.der` with the chain of its issuer. Azure's cases have further files around the quote, which is judged by itself.

use std::path::Path;

use cloister_client::failure::Failure;
use cloister_verify::{Anchors, Collateral, Policy, UnixTime, appraise_quote};

use super::super::files;
use super::super::verify::Verdict;
use super::{MAX_FILE, if_there};

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
    let quote = files::read(&folder.join("quote.bin"), MAX_FILE)?;
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
    Ok(Verdict {
        platform: "TDX",
        trail: opinion.trail,
        claims: opinion.claims,
        accepted: opinion.verdict.is_ok(),
        measured: Vec::new(),
        attested: None,
        published: serde_json::Value::Null,
        explanation: Vec::new(),
    })
}
