//! The TDX cases of the evidence corpus.

use super::evaluation_date;
use cloister_verify::{Anchors, Collateral, Opinion, Policy, UnixTime, appraise_quote};
use serde_json::Value;
use std::fs;
use std::path::Path;

/// The files of a case in this order: quote, TCB info, its chain, QE identity, its chain, root CRL, PCK CRL, its chain.
pub(crate) const FILES: [&str; 8] = [
    "quote.bin",
    "tcb_info.json",
    "tcb_info_issuer_chain.pem",
    "qe_identity.json",
    "qe_identity_issuer_chain.pem",
    "root_ca.crl.der",
    "pck_ca.crl.der",
    "pck_crl_issuer_chain.pem",
];

/// The files' bytes; what is not there has none.
pub(crate) type Parts = [Vec<u8>; 8];

/// One case.
pub(crate) struct TdxCase {
    pub(crate) name: String,
    pub(crate) description: Value,
    pub(crate) parts: Parts,
}

/// Judges the parts.
pub(crate) fn judge(parts: &Parts, policy: &Policy, anchors: &Anchors, now: UnixTime) -> Opinion {
    let [quote, rest @ ..] = parts;
    let [
        tcb_info,
        tcb_info_chain,
        qe_identity,
        qe_identity_chain,
        root_crl,
        pck_crl,
        pck_crl_chain,
    ] = rest
        .each_ref()
        .map(|part| (!part.is_empty()).then_some(part.as_slice()));
    let collateral = Collateral {
        tcb_info,
        tcb_info_chain,
        qe_identity,
        qe_identity_chain,
        root_crl,
        pck_crl,
        pck_crl_chain,
    };
    appraise_quote(quote, &collateral, policy, anchors, now)
}

impl TdxCase {
    pub(crate) fn load(folder: &Path) -> Self {
        let description = fs::read_to_string(folder.join("case.json")).unwrap();
        Self {
            name: folder.file_name().unwrap().to_string_lossy().into_owned(),
            description: serde_json::from_str(&description).unwrap(),
            parts: FILES.map(|name| fs::read(folder.join(name)).unwrap_or_default()),
        }
    }

    /// All cases, in order.
    pub(crate) fn all(corpus: &Path) -> Vec<Self> {
        let mut folders: Vec<_> = fs::read_dir(corpus.join("tdx"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.join("case.json").is_file())
            .collect();
        folders.sort();
        folders.iter().map(|folder| Self::load(folder)).collect()
    }

    pub(crate) fn named(corpus: &Path, name: &str) -> Self {
        Self::load(&corpus.join("tdx").join(name))
    }

    pub(crate) fn now(&self) -> UnixTime {
        evaluation_date(&self.description).unwrap_or(UnixTime(1_785_542_400))
    }

    pub(crate) fn appraise(&self, policy: &Policy, anchors: &Anchors) -> Opinion {
        judge(&self.parts, policy, anchors, self.now())
    }

    pub(crate) fn expected(&self, member: &str) -> Option<&str> {
        self.description["expected"][member].as_str()
    }
}

/// The root of the synthetic cases.
pub(crate) fn test_anchors(corpus: &Path) -> Anchors {
    let root = fs::read(corpus.join("roots/test-only/tdx_test_root.der")).unwrap();
    Anchors::danger_test_root(&root).unwrap()
}
