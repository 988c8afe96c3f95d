//! The chain of a platform: PCK certificate, its issuer, Intel's pinned root (Intel SGX PCK Certificate and CRL Profile). It stands in
//! quotes of TDs and of enclaves alike; who judges it writes the trail.

use super::pck::Pck;
use crate::anchors::IntelRoot;
use crate::keys::{CertifyingKey, P256Key};
use crate::x509::{Certificate, Maker};

/// The common names of a PCK certificate's issuer.
pub(super) const ISSUERS: [&str; 2] = ["Intel SGX PCK Platform CA", "Intel SGX PCK Processor CA"];
/// The common name of a PCK certificate.
pub(super) const PCK: &str = "Intel SGX PCK Certificate";

/// The certificates of a chain with what they say; nothing about them is verified yet.
pub(crate) struct PckChain<'a> {
    pub(crate) leaf: Certificate<'a>,
    pub(crate) issuer: Certificate<'a>,
    /// The root as it came: only the pinned one counts.
    pub(crate) root: &'a [u8],
    /// What the leaf says about its platform.
    pub(crate) pck: Pck,
    /// The leaf's key, which signs the quoting enclave's report.
    pub(crate) key: P256Key,
    pub(crate) issuer_key: P256Key,
}

/// The DER certificates of a PEM text. Quotes end theirs as a C string does, with one zero byte.
pub(crate) fn certificates(text: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let text = text.strip_suffix(&[0]).unwrap_or(text);
    let text = std::str::from_utf8(text).map_err(|_| "not text".to_owned())?;
    crate::pem::certificates(text).map_err(|error| error.to_string())
}

impl<'a> PckChain<'a> {
    /// Reads the three certificates of a chain. `Err` says what is wrong with which.
    pub(crate) fn read(chain: &'a [Vec<u8>]) -> Result<Self, String> {
        let [leaf, issuer, root] = chain else {
            return Err(format!("{} certificates", chain.len()));
        };
        let parse = |der, whose: &str| {
            Certificate::parse(der, Maker::Intel).map_err(|error| format!("{whose} with {error}"))
        };
        let leaf = parse(leaf, "a PCK certificate")?;
        let issuer = parse(issuer, "an issuer's certificate")?;
        let pck = Pck::read(&leaf).map_err(|error| format!("a PCK certificate with {error}"))?;
        match (
            P256Key::from_spki(leaf.spki),
            P256Key::from_spki(issuer.spki),
        ) {
            (Some(key), Some(issuer_key)) => Ok(Self {
                leaf,
                issuer,
                root,
                pck,
                key,
                issuer_key,
            }),
            _ => Err("a certificate without a P-256 key".into()),
        }
    }

    /// What speaks against the issuer: the root has signed it, and it may certify.
    pub(crate) fn issuer_fault(&self, root: &IntelRoot) -> Option<&'static str> {
        if !root.certified(&self.issuer) {
            Some("a certificate that the root did not sign")
        } else if self.issuer.may_certify() != Ok(true) {
            Some("a certificate that may not sign certificates")
        } else {
            None
        }
    }

    /// What speaks against the leaf: its issuer has signed it, and it is no authority.
    pub(crate) fn leaf_fault(&self) -> Option<&'static str> {
        if !self.issuer_key.certified(&self.leaf.signed) {
            Some("a certificate that its issuer did not sign")
        } else if self.leaf.claims_authority() != Ok(false) {
            Some("a certificate that claims to be an authority")
        } else {
            None
        }
    }

    /// Whether issuers and subjects meet.
    pub(crate) fn names_meet(&self, root: &Certificate<'_>) -> bool {
        self.leaf.issuer.der == self.issuer.subject.der
            && self.issuer.issuer.der == root.subject.der
    }

    /// Whether every name is the one of its role.
    pub(crate) fn names_fit(&self) -> bool {
        self.leaf.subject.common_name == PCK && ISSUERS.contains(&self.issuer.subject.common_name)
    }
}
