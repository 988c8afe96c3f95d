//! Public keys and signatures, on a closed list: what AMD, Intel and the makers of wrapped evidence sign with.
//!
//! AMD: RSA of 4096 bits that signs certificates, ECDSA on P-384 that signs reports. Intel: ECDSA on P-256 that signs everything. Others:
//! the same kinds, and RSA from 2048 bits on. One type for each kind of key, whoever made it.
//!
//! Each kind is implemented in Rust, for every machine. With the feature `graviola` it is implemented in assembly as well, and a processor
//! that has the instructions verifies with that. Both give the same verdicts.

#[cfg(all(
    feature = "graviola",
    any(target_arch = "x86_64", target_arch = "aarch64")
))]
mod assembly;
mod ecdsa;
mod rsa;
#[cfg(test)]
mod tests;

pub(crate) use ecdsa::{P256Key, P384Key};
pub(crate) use rsa::RsaKey;

use crate::x509::{BadX509, Maker, Signed};
use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier};
use der::{Decode, Reader, SliceReader};
use sha2::{Digest, Sha256, Sha384, Sha512};
use std::fmt;

const RSA_ENCRYPTION: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

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
}

/// A public key of any kind on the list.
pub(crate) enum PublicKey {
    P256(P256Key),
    P384(P384Key),
    Rsa(RsaKey),
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::P256(_) => f.write_str("ECDSA on P-256"),
            Self::P384(_) => f.write_str("ECDSA on P-384"),
            Self::Rsa(key) => write!(f, "RSA of {} bytes", key.bytes()),
        }
    }
}

impl PublicKey {
    /// Reads a `SubjectPublicKeyInfo` (RFC 3279 section 2.3); `None` when the key is not on the list.
    pub(crate) fn from_spki(spki: &[u8]) -> Option<Self> {
        let info = KeyInfo::read(spki).ok()?;
        match info.algorithm {
            Algorithm::Rsa => RsaKey::from_pkcs1(info.key).map(Self::Rsa),
            Algorithm::P256 => P256Key::from_point(info.key).map(Self::P256),
            Algorithm::P384 => P384Key::from_point(info.key).map(Self::P384),
        }
    }

    /// Whether an `Ecdsa-Sig-Value` (RFC 3279 section 2.2.3) signs `message`.
    pub(crate) fn ecdsa_der(&self, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::P256(key) => ecdsa::scalars::<64>(signature)
                .is_some_and(|signature| key.signed(hash, message, &signature)),
            Self::P384(key) => ecdsa::scalars::<96>(signature)
                .is_some_and(|signature| key.signed(hash, message, &signature)),
            Self::Rsa(_) => false,
        }
    }

    /// Whether this is an RSASSA-PKCS1-v1_5 signature (RFC 8017 section 8.2.2).
    pub(crate) fn pkcs1(&self, hash: Hash, message: &[u8], signature: &[u8]) -> bool {
        matches!(self, Self::Rsa(key) if key.pkcs1(hash, message, signature))
    }
}

/// The kinds of key on the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    Rsa,
    P256,
    P384,
}

/// `SubjectPublicKeyInfo`: which kind of key, and its bytes.
struct KeyInfo<'a> {
    algorithm: Algorithm,
    key: &'a [u8],
}

impl<'a> KeyInfo<'a> {
    fn read(spki: &'a [u8]) -> Result<Self, BadX509> {
        let mut reader = SliceReader::new(spki)?;
        let (algorithm, key) = reader.sequence(|body| {
            let algorithm = body.sequence(|algorithm| {
                let kind = ObjectIdentifier::decode(algorithm)?;
                let parameters = AnyRef::decode(algorithm)?;
                Ok::<_, BadX509>((kind, parameters))
            })?;
            let key = BitStringRef::decode(body)?;
            Ok::<_, BadX509>((algorithm, key.as_bytes().ok_or(BadX509::NotDer)?))
        })?;
        reader.finish()?;
        let algorithm = match algorithm {
            (RSA_ENCRYPTION, parameters) if parameters == AnyRef::NULL => Algorithm::Rsa,
            (EC_PUBLIC_KEY, parameters) => match parameters.decode_as::<ObjectIdentifier>()? {
                SECP256R1 => Algorithm::P256,
                SECP384R1 => Algorithm::P384,
                _ => return Err(BadX509::NotDer),
            },
            _ => return Err(BadX509::NotDer),
        };
        Ok(Self { algorithm, key })
    }

    /// The bytes of a key of this kind.
    fn of(spki: &'a [u8], algorithm: Algorithm) -> Option<&'a [u8]> {
        let info = Self::read(spki).ok()?;
        (info.algorithm == algorithm).then_some(info.key)
    }
}

/// A key that signs certificates and revocation lists.
pub(crate) trait CertifyingKey {
    /// Whether `signed` carries this key's signature in its maker's algorithm.
    fn certified(&self, signed: &Signed<'_>) -> bool;
}

impl CertifyingKey for RsaKey {
    /// AMD's: RSASSA-PSS with SHA-384 under 4096 bits.
    fn certified(&self, signed: &Signed<'_>) -> bool {
        signed.maker == Maker::Amd && self.pss(Hash::Sha384, signed.tbs, signed.signature)
    }
}

impl CertifyingKey for P256Key {
    /// Intel's: `Ecdsa-Sig-Value` (RFC 3279 section 2.2.3) with SHA-256.
    fn certified(&self, signed: &Signed<'_>) -> bool {
        signed.maker == Maker::Intel
            && ecdsa::scalars(signed.signature)
                .is_some_and(|signature| self.signed(Hash::Sha256, signed.tbs, &signature))
    }
}
