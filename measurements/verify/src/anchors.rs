//! Whom the verifier believes: root certificates, compiled in or named on purpose.

use crate::certificates::is_root;
use crate::keys::{CertifyingKey, P256Key, RsaKey};
use crate::snp::Line;
use crate::x509::{Certificate, Maker};
use std::fmt;

/// AMD's roots with the intermediates below them (see `anchors/README.md`).
const AMD: [(&[u8], [&[u8]; 2]); 3] = [
    (
        include_bytes!("../anchors/milan_ark.der"),
        [
            include_bytes!("../anchors/milan_ask.der"),
            include_bytes!("../anchors/milan_asvk.der"),
        ],
    ),
    (
        include_bytes!("../anchors/genoa_ark.der"),
        [
            include_bytes!("../anchors/genoa_ask.der"),
            include_bytes!("../anchors/genoa_asvk.der"),
        ],
    ),
    (
        include_bytes!("../anchors/turin_ark.der"),
        [
            include_bytes!("../anchors/turin_ask.der"),
            include_bytes!("../anchors/turin_asvk.der"),
        ],
    ),
];

/// Intel's root (see `anchors/README.md`).
const INTEL: &[u8] = include_bytes!("../anchors/intel_sgx_root_ca.der");
/// The certificates that Intel's root has signed: the authorities of PCK certificates and the signers of collateral.
const INTEL_KNOWN: [&[u8]; 4] = [
    include_bytes!("../anchors/intel_platform_ca.der"),
    include_bytes!("../anchors/intel_processor_ca.der"),
    include_bytes!("../anchors/intel_tcb_signing_2018.der"),
    include_bytes!("../anchors/intel_tcb_signing_2025.der"),
];
/// The name of every root of Intel's, those of its pre-production machines included: what counts is the key.
const INTEL_NAME: &str = "Intel SGX Root CA";

/// What a set of anchors vouches for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnchorKind {
    /// Hardware of AMD and Intel.
    Hardware,
    /// The simulated secure processor. Accepts no hardware evidence, and no other anchors accept simulated evidence.
    Simulated,
    /// A root of a test corpus, for appraisals only: nothing attested ever comes of it.
    Test,
}

/// Roots with their keys, read and self-verified once; share one value between appraisals.
pub struct Anchors {
    kind: AnchorKind,
    /// AMD's, or the simulated one.
    roots: Vec<Root>,
    intel: Option<IntelRoot>,
}

impl fmt::Debug for Anchors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let roots = self.roots.len() + usize::from(self.intel.is_some());
        write!(f, "Anchors({:?}, {roots} roots)", self.kind)
    }
}

/// One trusted root of AMD's shape.
pub(crate) struct Root {
    /// The line that the root's certificates are for; `None` for the simulated root, which serves any.
    pub(crate) line: Option<Line>,
    der: Vec<u8>,
    pub(crate) key: RsaKey,
    /// Intermediates whose signature by this root was verified when the anchors were made, with their keys.
    intermediates: Vec<(Vec<u8>, RsaKey)>,
}

/// Intel's root, or the root of a test corpus that stands for it.
pub(crate) struct IntelRoot {
    der: Vec<u8>,
    pub(crate) key: P256Key,
    /// Certificates whose signature by this root was verified when the anchors were made.
    known: Vec<&'static [u8]>,
}

/// Why bytes are not a root certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadAnchor(&'static str);

impl fmt::Display for BadAnchor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the root certificate cannot be trusted: {}", self.0)
    }
}

impl std::error::Error for BadAnchor {}

impl Root {
    /// Reads a root and verifies its own signature.
    fn read(der: &[u8]) -> Result<Self, BadAnchor> {
        let certificate = Certificate::parse(der, Maker::Amd)
            .map_err(|_| BadAnchor("it is not a certificate of AMD's shape"))?;
        let key =
            RsaKey::of_amd(certificate.spki).ok_or(BadAnchor("its key is not RSA of 4096 bits"))?;
        if certificate.issuer != certificate.subject || !key.certified(&certificate.signed) {
            return Err(BadAnchor("it is not signed by itself"));
        }
        if certificate.may_certify() != Ok(true) {
            return Err(BadAnchor("it may not sign certificates"));
        }
        let line = certificate
            .subject
            .common_name
            .strip_prefix("ARK-")
            .and_then(Line::named);
        Ok(Self {
            line,
            der: der.to_vec(),
            key,
            intermediates: Vec::new(),
        })
    }

    /// The root's certificate.
    pub(crate) fn certificate(&self) -> Option<Certificate<'_>> {
        Certificate::parse(&self.der, Maker::Amd).ok()
    }

    /// The key of an intermediate, if this very certificate was verified when the anchors were made.
    pub(crate) fn known(&self, intermediate: &[u8]) -> Option<&RsaKey> {
        self.intermediates
            .iter()
            .find(|(known, _)| known == intermediate)
            .map(|(_, key)| key)
    }
}

impl IntelRoot {
    /// Reads a root and verifies its own signature.
    fn read(der: &[u8]) -> Result<Self, BadAnchor> {
        let certificate = Certificate::parse(der, Maker::Intel)
            .map_err(|_| BadAnchor("it is not a certificate of AMD's or Intel's shape"))?;
        let key =
            P256Key::from_spki(certificate.spki).ok_or(BadAnchor("its key is not on P-256"))?;
        if certificate.issuer != certificate.subject || !key.certified(&certificate.signed) {
            return Err(BadAnchor("it is not signed by itself"));
        }
        if certificate.may_certify() != Ok(true) || certificate.may_sign_crl() != Ok(true) {
            return Err(BadAnchor("it may not sign certificates and their lists"));
        }
        if certificate.subject.common_name != INTEL_NAME {
            return Err(BadAnchor("its name is not Intel SGX Root CA"));
        }
        Ok(Self {
            der: der.to_vec(),
            key,
            known: Vec::new(),
        })
    }

    /// The root's certificate.
    pub(crate) fn certificate(&self) -> Option<Certificate<'_>> {
        Certificate::parse(&self.der, Maker::Intel).ok()
    }

    /// Whether a certificate that came with evidence is this root.
    pub(crate) fn is(&self, der: &[u8]) -> bool {
        der == self.der
            || self
                .certificate()
                .is_some_and(|pinned| is_root(der, &pinned, &self.key, Maker::Intel))
    }

    /// Whether this root has signed a certificate.
    pub(crate) fn certified(&self, certificate: &Certificate<'_>) -> bool {
        self.known.contains(&certificate.der) || self.key.certified(&certificate.signed)
    }

    /// Intel's root as compiled in, for evidence that is judged under no other.
    #[allow(
        clippy::expect_used,
        reason = "the bytes are compiled in and a test reads them"
    )]
    pub(crate) fn built_in() -> Self {
        let mut root = Self::read(INTEL).expect("the built-in root is well-formed");
        root.known = INTEL_KNOWN
            .into_iter()
            .filter(|der| {
                Certificate::parse(der, Maker::Intel)
                    .is_ok_and(|known| root.key.certified(&known.signed))
            })
            .collect();
        root
    }
}

impl Anchors {
    /// AMD's roots for Milan, Genoa (with Bergamo and Siena) and Turin, and Intel's root, as compiled in.
    #[must_use]
    #[allow(
        clippy::expect_used,
        reason = "the bytes are compiled in and a test reads them"
    )]
    pub fn hardware() -> Self {
        let roots = AMD
            .iter()
            .map(|(root, intermediates)| {
                let mut root = Root::read(root).expect("the built-in roots are well-formed");
                root.intermediates = intermediates
                    .iter()
                    .filter_map(|der| {
                        let intermediate = Certificate::parse(der, Maker::Amd).ok()?;
                        let key = RsaKey::of_amd(intermediate.spki)?;
                        root.key
                            .certified(&intermediate.signed)
                            .then(|| (der.to_vec(), key))
                    })
                    .collect();
                root
            })
            .collect();
        Self {
            kind: AnchorKind::Hardware,
            roots,
            intel: Some(IntelRoot::built_in()),
        }
    }

    /// The root of a simulated secure processor. Whoever holds its key can say anything, so nothing that rests on it is private.
    ///
    /// # Errors
    /// [`BadAnchor`] when the bytes are no self-signed root, or when its name does not say `SIMULATED`.
    pub fn danger_simulated(ark_der: &[u8]) -> Result<Self, BadAnchor> {
        let mut root = Root::read(ark_der)?;
        let simulated = root
            .certificate()
            .is_some_and(|certificate| says_simulated(certificate.subject.common_name));
        if !simulated {
            return Err(BadAnchor("its name does not say SIMULATED"));
        }
        root.line = None;
        Ok(Self {
            kind: AnchorKind::Simulated,
            roots: vec![root],
            intel: None,
        })
    }

    /// A root of a test corpus, for [`crate::appraise`] and [`crate::appraise_quote`] alone: [`crate::attest()`] refuses it.
    ///
    /// # Errors
    /// [`BadAnchor`] when the bytes are no self-signed root named like one of AMD's or Intel's.
    pub fn danger_test_root(der: &[u8]) -> Result<Self, BadAnchor> {
        let mut anchors = Self {
            kind: AnchorKind::Test,
            roots: Vec::new(),
            intel: None,
        };
        if Certificate::parse(der, Maker::Amd).is_err() {
            anchors.intel = Some(IntelRoot::read(der)?);
            return Ok(anchors);
        }
        let root = Root::read(der)?;
        if root.line.is_none() {
            return Err(BadAnchor(
                "its name is not ARK-Milan, ARK-Genoa or ARK-Turin",
            ));
        }
        anchors.roots.push(root);
        Ok(anchors)
    }

    /// Anchors of the hardware kind that hold roots of our own, so that the accepting path can be tested. They exist in the tests of this
    /// crate alone.
    #[cfg(test)]
    #[allow(clippy::unwrap_used, reason = "tests stop at the first fault")]
    pub(crate) fn hardware_of_tests(amd: Option<&[u8]>, intel: Option<&[u8]>) -> Self {
        Self {
            kind: AnchorKind::Hardware,
            roots: amd
                .map(|der| Root::read(der).unwrap())
                .into_iter()
                .collect(),
            intel: intel.map(|der| IntelRoot::read(der).unwrap()),
        }
    }

    /// What the anchors vouch for.
    #[must_use]
    pub fn kind(&self) -> AnchorKind {
        self.kind
    }

    pub(crate) fn roots(&self) -> &[Root] {
        &self.roots
    }

    /// Intel's root, where it is believed.
    pub(crate) fn intel(&self) -> Option<&IntelRoot> {
        self.intel.as_ref()
    }

    /// The built-in intermediate with this name, for evidence that comes without one.
    pub(crate) fn intermediate_named(&self, subject_der: &[u8]) -> Option<&[u8]> {
        self.roots
            .iter()
            .flat_map(|root| &root.intermediates)
            .map(|(der, _)| der.as_slice())
            .find(|der| {
                Certificate::parse(der, Maker::Amd)
                    .is_ok_and(|known| known.subject.der == subject_der)
            })
    }
}

/// Whether a common name says that its key is a simulation.
pub(crate) fn says_simulated(common_name: &str) -> bool {
    common_name.contains("SIMULATED")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn built_in_roots_are_the_makers() {
        let anchors = Anchors::hardware();
        let lines: Vec<_> = anchors.roots.iter().map(|root| root.line).collect();
        assert_eq!(
            lines,
            [Some(Line::Milan), Some(Line::Genoa), Some(Line::Turin)]
        );
        for root in &anchors.roots {
            // Both intermediates are signed by their root and may certify.
            assert_eq!(root.intermediates.len(), 2);
            for (der, _) in &root.intermediates {
                let intermediate = Certificate::parse(der, Maker::Amd).unwrap();
                assert_eq!(intermediate.may_certify(), Ok(true));
                let root = root.certificate().unwrap();
                assert_eq!(intermediate.issuer.der, root.subject.der);
            }
        }
        let intel = anchors.intel().unwrap();
        assert!(intel.is(INTEL));
        // Each of the compiled-in certificates is really signed by it.
        assert_eq!(intel.known, INTEL_KNOWN);
        let mut forged = INTEL_KNOWN[0].to_vec();
        *forged.last_mut().unwrap() ^= 1;
        let forged = Certificate::parse(&forged, Maker::Intel).unwrap();
        assert!(!intel.certified(&forged));
        assert_eq!(intel.certificate().unwrap().subject.common_name, INTEL_NAME);
    }
}
