//! The platform's chain in a quote, by the rules of an RA-TLS certificate: it is read as [`crate::tdx`] reads it, and without collateral.

use super::rules;
use crate::anchors::IntelRoot;
use crate::certificates::outside;
use crate::keys::Hash;
use crate::tdx::envelope::Envelope;
use crate::tdx::pck_chain::{PckChain, certificates};
use crate::time::UnixTime;
use crate::trail::Trail;
use std::sync::LazyLock;

/// Read and self-verified once.
static ROOT: LazyLock<IntelRoot> = LazyLock::new(IntelRoot::built_in);

/// Judges the chain and the signature over the quoting enclave's report. Returns the platform's family as it is written in the certificate.
pub(super) fn judge(trail: &mut Trail, quote: &Envelope<'_>, now: UnixTime) -> Option<String> {
    let expected = "a PCK certificate under Intel SGX Root CA, pinned";
    let ders = certificates(quote.pck_chain);
    let read = ders
        .as_ref()
        .map_err(Clone::clone)
        .and_then(|ders| PckChain::read(ders));
    let chain = match read {
        Ok(chain) => chain,
        Err(found) => {
            trail.check(&rules::CHAIN, false, expected, found);
            return None;
        }
    };
    let root = ROOT.certificate();
    let found = match &root {
        Some(root) if ROOT.is(chain.root) => chain
            .issuer_fault(&ROOT)
            .or_else(|| chain.leaf_fault())
            .or_else(|| {
                let right = chain.names_meet(root) && chain.names_fit();
                (!right).then_some("certificates in the wrong roles")
            }),
        _ => Some("another root, whatever it calls itself"),
    };
    trail.check(
        &rules::CHAIN,
        found.is_none(),
        expected,
        found.unwrap_or(expected),
    );
    let outside: Vec<String> = [&chain.leaf, &chain.issuer]
        .into_iter()
        .chain(&root)
        .filter_map(|certificate| outside(certificate, now))
        .collect();
    trail.check(
        &rules::CHAIN_VALIDITY,
        outside.is_empty(),
        format!("valid at {now}"),
        if outside.is_empty() {
            "all valid".into()
        } else {
            outside.join("; ")
        },
    );
    let report = quote.qe_report.signed_bytes();
    let signed = chain.key.signed(Hash::Sha256, report, &quote.qe_signature);
    trail.check(
        &rules::QE_SIGNATURE,
        signed,
        "signed by the platform's key",
        if signed {
            "signed by the platform's key"
        } else {
            "not signed by the platform's key"
        },
    );
    Some(hex::encode(chain.pck.fmspc))
}
