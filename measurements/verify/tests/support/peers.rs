//! Other verifiers of the same evidence: `dcap-qvl` for quotes of TDs, `sev` for reports of SEV-SNP. Tests judge beside them, benches run
//! against them.
#![allow(dead_code, reason = "tests and benches use their parts")]

use dcap_qvl::QuoteCollateralV3;
use dcap_qvl::verify::QuoteVerifier;
use serde::Deserialize;
use serde_json::value::RawValue;
use sev::certs::snp::{Chain, Verifiable};
use sev::firmware::guest::AttestationReport;
use sev::parser::ByteParser;

/// The signed text and the signature of a document of Intel's.
fn document(bytes: &[u8]) -> Option<(String, Vec<u8>)> {
    #[derive(Deserialize)]
    struct Frame<'a> {
        #[serde(borrow, alias = "tcbInfo", alias = "enclaveIdentity")]
        content: &'a RawValue,
        signature: String,
    }
    let frame: Frame<'_> = serde_json::from_slice(bytes).ok()?;
    let signature = hex::decode(frame.signature).ok()?;
    Some((frame.content.get().to_owned(), signature))
}

/// Collateral in the peer's form: TCB info, its chain, QE identity, its chain, root CRL, PCK CRL, its chain. What is missing or malformed
/// is empty, for the peer to refuse.
pub(crate) fn collateral(parts: &[Vec<u8>; 7]) -> QuoteCollateralV3 {
    let [
        tcb_info,
        tcb_info_chain,
        qe_identity,
        qe_identity_chain,
        root_crl,
        pck_crl,
        pck_crl_chain,
    ] = parts;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (tcb_info, tcb_info_signature) = document(tcb_info).unwrap_or_default();
    let (qe_identity, qe_identity_signature) = document(qe_identity).unwrap_or_default();
    QuoteCollateralV3 {
        pck_crl_issuer_chain: text(pck_crl_chain),
        root_ca_crl: root_crl.clone(),
        pck_crl: pck_crl.clone(),
        tcb_info_issuer_chain: text(tcb_info_chain),
        tcb_info,
        tcb_info_signature,
        qe_identity_issuer_chain: text(qe_identity_chain),
        qe_identity,
        qe_identity_signature,
        pck_certificate_chain: None,
    }
}

/// What `dcap-qvl` says of a quote under a root, or under Intel's: the TCB status, or why not.
pub(crate) fn dcap_qvl(
    quote: &[u8],
    collateral: &QuoteCollateralV3,
    root: Option<&[u8]>,
    now: u64,
) -> Result<String, String> {
    let verifier = match root {
        Some(root) => QuoteVerifier::new(root.to_vec()),
        None => QuoteVerifier::new_prod(),
    };
    verifier
        .verify(quote, collateral, now)
        .map(|report| report.status)
        .map_err(|error| format!("{error:#}"))
}

/// What `sev` says of a report: whether root, intermediate and leaf sign one another, and the leaf the report. It has no time and no policy.
pub(crate) fn sev(report: &[u8], leaf: &[u8], ask: &[u8], ark: &[u8]) -> Result<(), String> {
    let chain = Chain::from_der(ark, ask, leaf).map_err(|error| error.to_string())?;
    let report = AttestationReport::from_bytes(report).map_err(|error| error.to_string())?;
    (&chain, &report)
        .verify()
        .map_err(|error| error.to_string())
}
