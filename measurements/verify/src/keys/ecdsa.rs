//! ECDSA (FIPS 186-5 section 6.4.2) on P-256 and P-384.

use super::{Algorithm, Hash, KeyInfo};
use crate::x509::{BadX509, integer};
use der::{Reader, SliceReader};
use p384::ecdsa::signature::hazmat::PrehashVerifier;

/// A public key in one implementation; a signature is r and s, big-endian one after the other, `BOTH` bytes together.
pub(super) trait Ecdsa<const BOTH: usize>: Send + Sync {
    /// Whether r and s are this key's signature over `message`; never for r or s of zero or of the group order or more.
    fn signed(&self, hash: Hash, message: &[u8], signature: &[u8; BOTH]) -> bool;
}

/// One curve: how many bytes an uncompressed point has, and a signature.
macro_rules! curve {
    ($key:ident, $curve:ident, $algorithm:ident, $point:literal, $both:literal, $name:literal) => {
        #[doc = concat!("A key on ", $name, ".")]
        pub(crate) struct $key(Box<dyn Ecdsa<$both>>);

        impl $key {
            /// Reads a `SubjectPublicKeyInfo`; `None` when it is of another kind, curve or form, or no point of the curve.
            pub(crate) fn from_spki(spki: &[u8]) -> Option<Self> {
                Self::from_point(KeyInfo::of(spki, Algorithm::$algorithm)?)
            }

            /// Reads an uncompressed point: 0x04, then both coordinates (SEC 1 section 2.3.3).
            pub(super) fn from_point(point: &[u8]) -> Option<Self> {
                let point: &[u8; $point] = point.try_into().ok()?;
                if point.first() != Some(&4) {
                    return None;
                }
                #[cfg(all(
                    feature = "graviola",
                    any(target_arch = "x86_64", target_arch = "aarch64")
                ))]
                if super::assembly::available() {
                    return Self::in_assembly(point);
                }
                Self::portable(point)
            }

            /// The key in Rust, for every machine.
            pub(super) fn portable(point: &[u8; $point]) -> Option<Self> {
                let key = $curve::ecdsa::VerifyingKey::from_sec1_bytes(point).ok()?;
                Some(Self(Box::new(key)))
            }

            /// The key in assembly, where it is available.
            #[cfg(all(
                feature = "graviola",
                any(target_arch = "x86_64", target_arch = "aarch64")
            ))]
            pub(super) fn in_assembly(point: &[u8; $point]) -> Option<Self> {
                super::assembly::$curve(point).map(|key| Self(Box::new(key)))
            }

            /// The key with these coordinates, x then y, big-endian; `None` when they are no point of the curve.
            pub(crate) fn from_coordinates(coordinates: &[u8; $both]) -> Option<Self> {
                let mut point = [4; $point];
                point
                    .last_chunk_mut::<$both>()?
                    .copy_from_slice(coordinates);
                Self::from_point(&point)
            }

            /// Whether r and s are this key's signature over `message`.
            pub(crate) fn signed(
                &self,
                hash: Hash,
                message: &[u8],
                signature: &[u8; $both],
            ) -> bool {
                self.0.signed(hash, message, signature)
            }
        }

        impl Ecdsa<$both> for $curve::ecdsa::VerifyingKey {
            fn signed(&self, hash: Hash, message: &[u8], signature: &[u8; $both]) -> bool {
                // Refuses r or s of zero and of the group order or more.
                $curve::ecdsa::Signature::from_slice(signature).is_ok_and(|signature| {
                    self.verify_prehash(&hash.digest(message), &signature)
                        .is_ok()
                })
            }
        }
    };
}

curve!(P256Key, p256, P256, 65, 64, "P-256");
curve!(P384Key, p384, P384, 97, 96, "P-384");

/// r and s of an `Ecdsa-Sig-Value` (RFC 3279 section 2.2.3), each filled up to half of `BOTH` bytes.
pub(super) fn scalars<const BOTH: usize>(signature: &[u8]) -> Option<[u8; BOTH]> {
    let mut reader = SliceReader::new(signature).ok()?;
    let (r, s) = reader
        .sequence(|body| Ok::<_, BadX509>((integer(body)?, integer(body)?)))
        .ok()?;
    reader.finish().ok()?;
    let mut both = [0; BOTH];
    for (half, number) in both.chunks_exact_mut(BOTH / 2).zip([r, s]) {
        let skipped = half.len().checked_sub(number.len())?;
        half.get_mut(skipped..)?.copy_from_slice(number);
    }
    Some(both)
}
