//! Public keys and signatures on the closed list.

use crate::x509::{BadX509, integer};
use der::asn1::{BitStringRef, ObjectIdentifier};
use der::{Decode, Reader, SliceReader};
use p384::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, Pkcs1v15Sign, Pss, RsaPublicKey};
use sha2::{Digest, Sha256, Sha384, Sha512};
use std::fmt;

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

/// Bytes of the RSA moduli that are taken: 2048 to 4096 bits.
const RSA_BYTES: std::ops::RangeInclusive<usize> = 256..=512;
/// The only public exponent that is taken.
const RSA_EXPONENT: [u8; 3] = [1, 0, 1];

/// The digests on the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hash {
    Sha256,
    Sha384,
    Sha512,
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sha256 => "SHA-256",
            Self::Sha384 => "SHA-384",
            Self::Sha512 => "SHA-512",
        })
    }
}

impl Hash {
    pub(crate) fn digest(self, message: &[u8]) -> Vec<u8> {
        match self {
            Self::Sha256 => Sha256::digest(message).to_vec(),
            Self::Sha384 => Sha384::digest(message).to_vec(),
            Self::Sha512 => Sha512::digest(message).to_vec(),
        }
    }

    /// `DigestInfo` up to the digest (RFC 8017 section 9.2, note 1).
    fn digest_info(self) -> [u8; 19] {
        let (bytes, arc) = match self {
            Self::Sha256 => (32, 1),
            Self::Sha384 => (48, 2),
            Self::Sha512 => (64, 3),
        };
        [
            0x30,
            17 + bytes,
            0x30,
            0x0d,
            0x06,
            0x09,
            0x60,
            0x86,
            0x48,
            0x01,
            0x65,
            0x03,
            0x04,
            0x02,
            arc,
            0x05,
            0x00,
            0x04,
            bytes,
        ]
    }
}

/// A public key on the list.
pub(crate) enum PublicKey {
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    Rsa(RsaPublicKey),
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::P256(_) => f.write_str("ECDSA on P-256"),
            Self::P384(_) => f.write_str("ECDSA on P-384"),
            Self::Rsa(key) => write!(f, "RSA of {} bytes", key.size()),
        }
    }
}

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo`; `None` when the key is not on the list.
    pub(crate) fn from_spki(spki: &[u8]) -> Option<Self> {
        let mut reader = SliceReader::new(spki).ok()?;
        let (algorithm, key) = reader
            .sequence(|body| {
                let algorithm = body.tlv_bytes()?;
                let key = BitStringRef::decode(body)?;
                Ok::<_, BadX509>((algorithm, key.as_bytes().ok_or(BadX509::NotDer)?))
            })
            .ok()?;
        reader.finish().ok()?;
        let mut reader = SliceReader::new(algorithm).ok()?;
        let (kind, curve) = reader
            .sequence(|body| {
                let kind = ObjectIdentifier::decode(body)?;
                let curve = if kind == EC_PUBLIC_KEY {
                    Some(ObjectIdentifier::decode(body)?)
                } else {
                    der::asn1::Null::decode(body)?;
                    None
                };
                Ok::<_, BadX509>((kind, curve))
            })
            .ok()?;
        reader.finish().ok()?;
        match curve {
            None if kind == RSA_ENCRYPTION => {
                let mut reader = SliceReader::new(key).ok()?;
                let (modulus, exponent) = reader
                    .sequence(|body| Ok::<_, BadX509>((integer(body)?, integer(body)?)))
                    .ok()?;
                reader.finish().ok()?;
                Self::rsa(modulus, exponent)
            }
            // 0x04, then both coordinates (SEC 1 section 2.3.3).
            Some(curve) => match key.split_first()? {
                (4, coordinates) if curve == SECP256R1 => Self::p256(coordinates),
                (4, coordinates) if curve == SECP384R1 => Self::p384(coordinates),
                _ => None,
            },
            None => None,
        }
    }

    /// x and y, 32 bytes each, big-endian.
    pub(crate) fn p256(coordinates: &[u8]) -> Option<Self> {
        let key: [u8; 64] = coordinates.try_into().ok()?;
        let point = [&[4], key.as_slice()].concat();
        Some(Self::P256(
            p256::ecdsa::VerifyingKey::from_sec1_bytes(&point).ok()?,
        ))
    }

    /// x and y, 48 bytes each, big-endian.
    pub(crate) fn p384(coordinates: &[u8]) -> Option<Self> {
        let key: [u8; 96] = coordinates.try_into().ok()?;
        let point = [&[4], key.as_slice()].concat();
        Some(Self::P384(
            p384::ecdsa::VerifyingKey::from_sec1_bytes(&point).ok()?,
        ))
    }

    /// Modulus and exponent, big-endian without leading zeroes.
    pub(crate) fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        if !RSA_BYTES.contains(&modulus.len())
            || *modulus.first()? < 0x80
            || exponent != RSA_EXPONENT
        {
            return None;
        }
        let key = RsaPublicKey::new(
            BoxedUint::from_be_slice_vartime(modulus),
            BoxedUint::from_be_slice_vartime(exponent),
        )
        .ok()?;
        Some(Self::Rsa(key))
    }

    /// Whether r and s, big-endian one after the other, sign `message` (FIPS 186-5 section 6.4.2).
    pub(crate) fn ecdsa(&self, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
        let digest = hash.digest(message);
        match self {
            // from_slice refuses r or s of zero and of the group order or more.
            Self::P256(key) => p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_prehash(&digest, &signature).is_ok()),
            Self::P384(key) => p384::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_prehash(&digest, &signature).is_ok()),
            Self::Rsa(_) => false,
        }
    }

    /// Whether an `Ecdsa-Sig-Value` (RFC 3279 section 2.2.3) signs `message`.
    pub(crate) fn ecdsa_der(&self, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
        let width = match self {
            Self::P256(_) => 32,
            Self::P384(_) => 48,
            Self::Rsa(_) => return false,
        };
        scalars(signature, width).is_some_and(|signature| self.ecdsa(hash, message, &signature))
    }

    /// Whether this is an RSASSA-PKCS1-v1_5 signature (RFC 8017 section 8.2.2).
    pub(crate) fn pkcs1(&self, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
        let Self::Rsa(key) = self else { return false };
        let info = [hash.digest_info().as_slice(), &hash.digest(message)].concat();
        // The prefix stands in front of the digest already.
        signature.len() == key.size()
            && key
                .verify(Pkcs1v15Sign::new_unprefixed(), &info, signature)
                .is_ok()
    }

    /// Whether this is an RSASSA-PSS signature with a salt as long as the digest (RFC 8017 section 8.1.2, RFC 8230 section 2).
    pub(crate) fn pss(&self, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
        let Self::Rsa(key) = self else { return false };
        let digest = hash.digest(message);
        let verified = match hash {
            Hash::Sha256 => key.verify(Pss::<Sha256>::new(), &digest, signature),
            Hash::Sha384 => key.verify(Pss::<Sha384>::new(), &digest, signature),
            Hash::Sha512 => key.verify(Pss::<Sha512>::new(), &digest, signature),
        };
        signature.len() == key.size() && verified.is_ok()
    }
}

/// r and s of an `Ecdsa-Sig-Value`, each filled up to `width` bytes.
fn scalars(signature: &[u8], width: usize) -> Option<Vec<u8>> {
    let mut reader = SliceReader::new(signature).ok()?;
    let (r, s) = reader
        .sequence(|body| Ok::<_, BadX509>((integer(body)?, integer(body)?)))
        .ok()?;
    reader.finish().ok()?;
    let mut both = vec![0; width.checked_mul(2)?];
    for (half, number) in both.chunks_exact_mut(width).zip([r, s]) {
        let skipped = half.len().checked_sub(number.len())?;
        half.get_mut(skipped..)?.copy_from_slice(number);
    }
    Some(both)
}
