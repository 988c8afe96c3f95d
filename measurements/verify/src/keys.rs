//! The kinds of public key in the vendors' chains, read from `SubjectPublicKeyInfo`. AMD: RSA of 4096 bits that signs certificates,
//! ECDSA on P-384 that signs reports. Intel: ECDSA on P-256 that signs everything.

use crate::x509::{BadX509, Maker, Signed, integer};
use der::asn1::{BitStringRef, ObjectIdentifier};
use der::{Decode, Reader, SliceReader};
use p384::ecdsa::signature::hazmat::PrehashVerifier;
use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, Pss, RsaPublicKey};
use sha2::{Digest, Sha256, Sha384};

/// The body of `AlgorithmIdentifier` for rsaEncryption with NULL parameters (RFC 3279 section 2.3.1).
const RSA_ENCRYPTION: &[u8] = &[
    0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00,
];
const EC_PUBLIC_KEY: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const SECP256R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const SECP384R1: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

/// Bytes of an RSA modulus, and of a signature under it.
const RSA_BYTES: usize = 512;
/// The only public exponent that AMD uses.
const RSA_EXPONENT: [u8; 3] = [1, 0, 1];

/// Splits `SubjectPublicKeyInfo` into algorithm and key bytes.
fn split_spki(spki: &[u8]) -> Result<(&[u8], &[u8]), BadX509> {
    let mut reader = SliceReader::new(spki)?;
    let parts = reader.sequence(|body| {
        let algorithm = body.tlv_bytes()?;
        let key = BitStringRef::decode(body)?;
        Ok::<_, BadX509>((algorithm, key.as_bytes().ok_or(BadX509::NotDer)?))
    })?;
    reader.finish()?;
    Ok(parts)
}

/// The uncompressed point of an elliptic-curve key (0x04, then both coordinates, SEC 1 section 2.3.3) on a named curve.
fn point<const N: usize>(spki: &[u8], curve: ObjectIdentifier) -> Option<&[u8; N]> {
    let (algorithm, key) = split_spki(spki).ok()?;
    let mut reader = SliceReader::new(algorithm).ok()?;
    let named = reader
        .sequence(|body| {
            Ok::<_, BadX509>((
                ObjectIdentifier::decode(body)?,
                ObjectIdentifier::decode(body)?,
            ))
        })
        .ok()?;
    reader.finish().ok()?;
    let point: &[u8; N] = key.try_into().ok()?;
    (named == (EC_PUBLIC_KEY, curve) && point.first() == Some(&4)).then_some(point)
}

/// A key that signs certificates and revocation lists.
pub(crate) trait CertifyingKey {
    /// Whether `signed` carries this key's signature in its maker's algorithm.
    fn signed(&self, signed: &Signed<'_>) -> bool;
}

/// A key that signs certificates: RSA, 4096 bits, exponent 65537.
pub(crate) struct RsaKey(RsaPublicKey);

impl RsaKey {
    /// Reads the key; `None` when it is of any other kind or size.
    pub(crate) fn from_spki(spki: &[u8]) -> Option<Self> {
        let (algorithm, key) = split_spki(spki).ok()?;
        if algorithm != RSA_ENCRYPTION {
            return None;
        }
        let mut reader = SliceReader::new(key).ok()?;
        let (modulus, exponent) = reader
            .sequence(|body| Ok::<_, BadX509>((integer(body)?, integer(body)?)))
            .ok()?;
        reader.finish().ok()?;
        if modulus.len() != RSA_BYTES || *modulus.first()? < 0x80 || exponent != RSA_EXPONENT {
            return None;
        }
        let key = RsaPublicKey::new(
            BoxedUint::from_be_slice_vartime(modulus),
            BoxedUint::from_be_slice_vartime(exponent),
        )
        .ok()?;
        (key.size() == RSA_BYTES).then_some(Self(key))
    }
}

impl CertifyingKey for RsaKey {
    /// RSASSA-PSS (RFC 8017 section 8.1.2; SHA-384, salt of 48 bytes).
    fn signed(&self, signed: &Signed<'_>) -> bool {
        let digest = Sha384::digest(signed.tbs);
        signed.maker == Maker::Amd
            && signed.signature.len() == RSA_BYTES
            && self
                .0
                .verify(Pss::<Sha384>::new(), &digest, signed.signature)
                .is_ok()
    }
}

/// A key that signs reports: ECDSA on P-384.
pub(crate) struct ReportKey(p384::ecdsa::VerifyingKey);

impl ReportKey {
    /// Reads the key; `None` when it is of another kind, curve or form, or no point of the curve.
    pub(crate) fn from_spki(spki: &[u8]) -> Option<Self> {
        let key: &[u8; 97] = point(spki, SECP384R1)?;
        Some(Self(p384::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?))
    }

    /// Whether (r, s), big-endian, is this key's signature over `message` hashed with SHA-384 (FIPS 186-5 section 6.4.2).
    pub(crate) fn signed(&self, message: &[u8], r: [u8; 48], s: [u8; 48]) -> bool {
        // Refuses r or s of zero and of the group order or more.
        p384::ecdsa::Signature::from_scalars(r, s).is_ok_and(|signature| {
            self.0
                .verify_prehash(&Sha384::digest(message), &signature)
                .is_ok()
        })
    }
}

/// A key of Intel's: ECDSA on P-256. It signs certificates, collateral, and the reports of quoting enclaves and TDs.
pub(crate) struct P256Key(p256::ecdsa::VerifyingKey);

impl P256Key {
    /// Reads the key; `None` when it is of another kind, curve or form, or no point of the curve.
    pub(crate) fn from_spki(spki: &[u8]) -> Option<Self> {
        let key: &[u8; 65] = point(spki, SECP256R1)?;
        Some(Self(p256::ecdsa::VerifyingKey::from_sec1_bytes(key).ok()?))
    }

    /// The key with these coordinates, x then y, big-endian; `None` when they are no point of the curve.
    pub(crate) fn from_coordinates(coordinates: &[u8; 64]) -> Option<Self> {
        let mut key = [4; 65];
        key.last_chunk_mut::<64>()?.copy_from_slice(coordinates);
        Some(Self(p256::ecdsa::VerifyingKey::from_sec1_bytes(&key).ok()?))
    }

    /// Whether r and s, big-endian one after the other, are this key's signature over `message` hashed with SHA-256 (FIPS 186-5
    /// section 6.4.2).
    pub(crate) fn signed_message(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        // Refuses r or s of zero and of the group order or more.
        p256::ecdsa::Signature::from_slice(signature).is_ok_and(|signature| {
            self.0
                .verify_prehash(&Sha256::digest(message), &signature)
                .is_ok()
        })
    }
}

impl CertifyingKey for P256Key {
    /// `Ecdsa-Sig-Value` (RFC 3279 section 2.2.3), DER.
    fn signed(&self, signed: &Signed<'_>) -> bool {
        signed.maker == Maker::Intel
            && scalars(signed.signature)
                .is_some_and(|signature| self.signed_message(signed.tbs, &signature))
    }
}

/// r and s of an `Ecdsa-Sig-Value`, each filled up to 32 bytes.
fn scalars(signature: &[u8]) -> Option<[u8; 64]> {
    let mut reader = SliceReader::new(signature).ok()?;
    let (r, s) = reader
        .sequence(|body| Ok::<_, BadX509>((integer(body)?, integer(body)?)))
        .ok()?;
    reader.finish().ok()?;
    let mut both = [0; 64];
    for (half, number) in both.chunks_exact_mut(32).zip([r, s]) {
        let skipped = half.len().checked_sub(number.len())?;
        half.get_mut(skipped..)?.copy_from_slice(number);
    }
    Some(both)
}
