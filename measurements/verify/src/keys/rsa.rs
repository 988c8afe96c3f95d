//! RSA (RFC 8017): signatures alone, under keys of 2048 to 4096 bits with exponent 65537.

use super::{Algorithm, Hash, KeyInfo};
use crate::x509::{BadX509, integer};
use der::{Reader, SliceReader};
use rsa::{BoxedUint, Pkcs1v15Sign, Pss, RsaPublicKey};
use sha2::{Sha256, Sha384, Sha512};

/// Bytes of the moduli that are taken: 2048 to 4096 bits.
const BYTES: std::ops::RangeInclusive<usize> = 256..=512;
/// Bytes of the moduli of AMD's keys.
const AMD_BYTES: usize = 512;
/// The only public exponent that is taken.
pub(super) const EXPONENT: [u8; 3] = [1, 0, 1];

/// A public key in one implementation; the caller has seen to it that a signature is as long as the modulus.
pub(super) trait Rsa: Send + Sync {
    /// Whether this is an RSASSA-PSS signature with a salt as long as the digest.
    fn pss(&self, hash: Hash, message: &[u8], signature: &[u8]) -> bool;
    /// Whether this is an RSASSA-PKCS1-v1_5 signature.
    fn pkcs1(&self, hash: Hash, message: &[u8], signature: &[u8]) -> bool;
}

/// An RSA key.
pub(crate) struct RsaKey {
    /// Bytes of the modulus.
    bytes: usize,
    key: Box<dyn Rsa>,
}

impl RsaKey {
    /// Reads a `SubjectPublicKeyInfo` of AMD's: 4096 bits; `None` when the key is of any other kind or size.
    pub(crate) fn of_amd(spki: &[u8]) -> Option<Self> {
        let key = Self::from_pkcs1(KeyInfo::of(spki, Algorithm::Rsa)?);
        key.filter(|key| key.bytes() == AMD_BYTES)
    }

    /// Reads an `RSAPublicKey` (RFC 8017 section A.1.1).
    pub(super) fn from_pkcs1(key: &[u8]) -> Option<Self> {
        let mut reader = SliceReader::new(key).ok()?;
        let (modulus, exponent) = reader
            .sequence(|body| Ok::<_, BadX509>((integer(body)?, integer(body)?)))
            .ok()?;
        reader.finish().ok()?;
        Self::of(modulus, exponent)
    }

    /// The key of a modulus and an exponent, big-endian without leading zeroes.
    pub(crate) fn of(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        if !BYTES.contains(&modulus.len()) || *modulus.first()? < 0x80 || exponent != EXPONENT {
            return None;
        }
        #[cfg(all(
            feature = "graviola",
            any(target_arch = "x86_64", target_arch = "aarch64")
        ))]
        if super::assembly::available() {
            return Self::in_assembly(modulus, exponent);
        }
        Self::portable(modulus, exponent)
    }

    /// The key in Rust, for every machine.
    pub(super) fn portable(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let key = RsaPublicKey::new(
            BoxedUint::from_be_slice_vartime(modulus),
            BoxedUint::from_be_slice_vartime(exponent),
        );
        Some(Self {
            bytes: modulus.len(),
            key: Box::new(key.ok()?),
        })
    }

    /// The key in assembly, where it is available.
    #[cfg(all(
        feature = "graviola",
        any(target_arch = "x86_64", target_arch = "aarch64")
    ))]
    pub(super) fn in_assembly(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        Some(Self {
            bytes: modulus.len(),
            key: Box::new(super::assembly::rsa(modulus, exponent)?),
        })
    }

    /// Bytes of the modulus, and of a signature.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Whether this is an RSASSA-PSS signature with a salt as long as the digest (RFC 8017 section 8.1.2, RFC 8230 section 2).
    pub(crate) fn pss(&self, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
        signature.len() == self.bytes && self.key.pss(hash, message, signature)
    }

    /// Whether this is an RSASSA-PKCS1-v1_5 signature (RFC 8017 section 8.2.2).
    pub(super) fn pkcs1(&self, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
        signature.len() == self.bytes && self.key.pkcs1(hash, message, signature)
    }
}

impl Rsa for RsaPublicKey {
    fn pss(&self, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
        let digest = hash.digest(message);
        let verified = match hash {
            Hash::Sha256 => self.verify(Pss::<Sha256>::new(), &digest, signature),
            Hash::Sha384 => self.verify(Pss::<Sha384>::new(), &digest, signature),
            Hash::Sha512 => self.verify(Pss::<Sha512>::new(), &digest, signature),
        };
        verified.is_ok()
    }

    fn pkcs1(&self, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
        // The prefix stands in front of the digest already.
        let info = [digest_info(hash).as_slice(), &hash.digest(message)].concat();
        self.verify(Pkcs1v15Sign::new_unprefixed(), &info, signature)
            .is_ok()
    }
}

/// `DigestInfo` up to the digest (RFC 8017 section 9.2, note 1).
fn digest_info(hash: Hash) -> [u8; 19] {
    let (bytes, arc) = match hash {
        Hash::Sha256 => (32, 1),
        Hash::Sha384 => (48, 2),
        Hash::Sha512 => (64, 3),
    };
    let mut info = *b"\x30\x11\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x00\x05\x00\x04\x00";
    let [_, whole, .., kind, _, _, _, octets] = &mut info;
    (*whole, *kind, *octets) = (17 + bytes, arc, bytes);
    info
}
