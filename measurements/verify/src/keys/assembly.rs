//! The same signatures in assembly that is proved correct (s2n-bignum, through Graviola), for x86-64 and AArch64.
//!
//! Graviola panics on a processor without the instructions that it needs. So whoever makes a key of this module asks [`available`] first,
//! and has the portable implementation where the answer is no.

use super::Hash;
use super::ecdsa::Ecdsa;
use super::rsa::Rsa;
use der::asn1::UintRef;
use der::{Encode, Sequence};
use graviola::hashing::{Sha256, Sha384, Sha512};
use graviola::signing::{ecdsa, rsa};

/// Whether this processor has the instructions. It is what Graviola itself asserts; the standard library detects them once and remembers.
pub(super) fn available() -> bool {
    graviola::util::is_cpu_supported()
}

/// A key on P-256 from 0x04 and both coordinates; `None` when they are no point of the curve.
pub(super) fn p256(point: &[u8; 65]) -> Option<ecdsa::VerifyingKey<ecdsa::P256>> {
    ecdsa::VerifyingKey::from_x962_uncompressed(point).ok()
}

/// A key on P-384 from 0x04 and both coordinates; `None` when they are no point of the curve.
pub(super) fn p384(point: &[u8; 97]) -> Option<ecdsa::VerifyingKey<ecdsa::P384>> {
    ecdsa::VerifyingKey::from_x962_uncompressed(point).ok()
}

/// ECDSA on a curve of Graviola's, which refuses r or s of zero and of the group order or more.
macro_rules! ecdsa_on {
    ($curve:ident, $both:literal) => {
        impl Ecdsa<$both> for ecdsa::VerifyingKey<ecdsa::$curve> {
            fn signed(&self, hash: Hash, message: &[u8], signature: &[u8; $both]) -> bool {
                let message = &[message];
                let verified = match hash {
                    Hash::Sha256 => self.verify::<Sha256>(message, signature),
                    Hash::Sha384 => self.verify::<Sha384>(message, signature),
                    Hash::Sha512 => self.verify::<Sha512>(message, signature),
                };
                verified.is_ok()
            }
        }
    };
}

ecdsa_on!(P256, 64);
ecdsa_on!(P384, 96);

/// `RSAPublicKey` (RFC 8017 section A.1.1), the one form in which Graviola takes a key.
#[derive(Sequence)]
struct RsaPublicKey<'a> {
    modulus: UintRef<'a>,
    public_exponent: UintRef<'a>,
}

/// An RSA key from its numbers, big-endian; `None` when they cannot be a key's.
pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<rsa::VerifyingKey> {
    let key = RsaPublicKey {
        modulus: UintRef::new(modulus).ok()?,
        public_exponent: UintRef::new(exponent).ok()?,
    };
    rsa::VerifyingKey::from_pkcs1_der(&key.to_der().ok()?).ok()
}

impl Rsa for rsa::VerifyingKey {
    fn pss(&self, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
        let verified = match hash {
            Hash::Sha256 => self.verify_pss_sha256(signature, message),
            Hash::Sha384 => self.verify_pss_sha384(signature, message),
            Hash::Sha512 => self.verify_pss_sha512(signature, message),
        };
        verified.is_ok()
    }

    fn pkcs1(&self, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
        let verified = match hash {
            Hash::Sha256 => self.verify_pkcs1_sha256(signature, message),
            Hash::Sha384 => self.verify_pkcs1_sha384(signature, message),
            Hash::Sha512 => self.verify_pkcs1_sha512(signature, message),
        };
        verified.is_ok()
    }
}
