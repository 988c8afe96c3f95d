//! What `REPORT_DATA` means.
//!
//! In come the facts that evidence must vouch for: the session (nonce, TLS key, exporter), the HPKE key configurations and the
//! release. Out go the 64 bytes that the hardware signs. The enclave and the verifier share this one file, so when the verifier's
//! bytes equal the signed ones, every fact is the one the verified machine stated.
//!
//! The bytes are `SHA-512(tag ‖ field ‖ field ‖ …)`, each field preceded by its length as a big-endian u16, so that no two
//! different lists of fields have the same encoding (attacks A33, A34).
#![forbid(unsafe_code)]
#![no_std]

extern crate alloc;

use alloc::string::String;
use core::fmt;
use sha2::{Digest, Sha512};

/// Label for the TLS 1.3 exporter (RFC 8446 section 7.5); the context is the client's nonce, the output 32 bytes.
pub const EXPORTER_LABEL: &[u8] = b"EXPORTER-cloister-attest-v1";

/// Domain tag of [`SessionBinding`].
const SESSION_TAG: &[u8] = b"cloister/bind/session/v1";
/// Domain tag of [`KeyBinding`].
const KEY_TAG: &[u8] = b"cloister/bind/key/v1";

/// The 64 bytes of `REPORT_DATA` (AMD 56860 table 23, `REPORT_DATA`; Intel TDX module ABI, `REPORTDATA`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReportData(pub [u8; 64]);

/// The name of a published release: 1 to 64 bytes of `a-z`, `0-9`, `.` and `-`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReleaseId(String);

/// Why a text is not a release id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadReleaseId;

impl fmt::Display for BadReleaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a release id is 1 to 64 characters out of a-z, 0-9, '.' and '-'")
    }
}

impl core::error::Error for BadReleaseId {}

impl ReleaseId {
    /// Parses a release id.
    ///
    /// # Errors
    /// [`BadReleaseId`] when the text is empty, too long or has another character.
    pub fn parse(text: &str) -> Result<Self, BadReleaseId> {
        let allowed =
            |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-';
        if text.is_empty() || text.len() > 64 || !text.bytes().all(allowed) {
            return Err(BadReleaseId);
        }
        Ok(Self(String::from(text)))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ReleaseId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Evidence made for one TLS session: fresh by the client's nonce, tied to the finished handshake by the exporter.
#[derive(Clone, Debug)]
pub struct SessionBinding {
    /// Chosen by the client after the handshake, never used twice.
    pub nonce: [u8; 32],
    /// SHA-256 of the DER `SubjectPublicKeyInfo` of the server's certificate.
    pub spki_sha256: [u8; 32],
    /// TLS exporter value under [`EXPORTER_LABEL`] with the nonce as context.
    pub exporter: [u8; 32],
    /// SHA-256 of the exact `application/ohttp-keys` bytes.
    pub key_configs_sha256: [u8; 32],
    /// The release that the machine says it runs (from its measured command line).
    pub release: ReleaseId,
}

impl SessionBinding {
    /// The bytes that the hardware must have signed.
    #[must_use]
    pub fn report_data(&self) -> ReportData {
        digest(
            SESSION_TAG,
            &[
                &self.nonce,
                &self.spki_sha256,
                &self.exporter,
                &self.key_configs_sha256,
                self.release.as_str().as_bytes(),
            ],
        )
    }
}

/// Evidence made once per key epoch: it vouches for the HPKE keys until `not_after`, and for no session.
#[derive(Clone, Debug)]
pub struct KeyBinding {
    /// SHA-256 of the DER `SubjectPublicKeyInfo` of the server's certificate.
    pub spki_sha256: [u8; 32],
    /// SHA-256 of the exact `application/ohttp-keys` bytes.
    pub key_configs_sha256: [u8; 32],
    /// Unix time in seconds after which the keys must not be used.
    pub not_after: u64,
    /// The release that the machine says it runs (from its measured command line).
    pub release: ReleaseId,
}

impl KeyBinding {
    /// The bytes that the hardware must have signed.
    #[must_use]
    pub fn report_data(&self) -> ReportData {
        digest(
            KEY_TAG,
            &[
                &self.spki_sha256,
                &self.key_configs_sha256,
                &self.not_after.to_be_bytes(),
                self.release.as_str().as_bytes(),
            ],
        )
    }
}

/// `SHA-512(tag ‖ fields)`, everything length-prefixed. The callers pass fields of at most 64 bytes, so a u16 always holds.
fn digest(tag: &[u8], fields: &[&[u8]]) -> ReportData {
    let mut hash = Sha512::new();
    for part in core::iter::once(&tag).chain(fields) {
        debug_assert!(part.len() <= 64, "bind fields are short by construction");
        let length = u16::try_from(part.len()).unwrap_or(u16::MAX);
        hash.update(length.to_be_bytes());
        hash.update(part);
    }
    ReportData(hash.finalize().into())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use alloc::vec::Vec;

    fn session() -> SessionBinding {
        SessionBinding {
            nonce: [1; 32],
            spki_sha256: [2; 32],
            exporter: [3; 32],
            key_configs_sha256: [4; 32],
            release: ReleaseId::parse("0.1.0").unwrap(),
        }
    }

    #[test]
    fn a33_every_field_moves_the_bytes() {
        let mut seen = Vec::new();
        let mut note = |data: ReportData| {
            assert!(
                !seen.contains(&data),
                "two different bindings gave the same REPORT_DATA"
            );
            seen.push(data);
        };
        note(session().report_data());
        for change in 0..5 {
            let mut s = session();
            match change {
                0 => s.nonce[31] ^= 1,
                1 => s.spki_sha256[0] ^= 1,
                2 => s.exporter[7] ^= 1,
                3 => s.key_configs_sha256[9] ^= 1,
                _ => s.release = ReleaseId::parse("0.1.1").unwrap(),
            }
            note(s.report_data());
        }
        let key = KeyBinding {
            spki_sha256: [2; 32],
            key_configs_sha256: [4; 32],
            not_after: 1,
            release: ReleaseId::parse("0.1.0").unwrap(),
        };
        note(key.report_data());
        note(
            KeyBinding {
                not_after: 2,
                ..key
            }
            .report_data(),
        );
    }

    #[test]
    fn encoding_is_pinned() {
        // Written out by hand, so that a change of the encoding is a deliberate act on both sides.
        let mut bytes = Vec::new();
        for part in [
            SESSION_TAG,
            &[1; 32],
            &[2; 32],
            &[3; 32],
            &[4; 32],
            b"0.1.0",
        ] {
            bytes.extend_from_slice(&[0, u8::try_from(part.len()).unwrap()]);
            bytes.extend_from_slice(part);
        }
        assert_eq!(
            session().report_data().0,
            <[u8; 64]>::from(Sha512::digest(&bytes))
        );
    }

    #[test]
    fn release_ids_are_plain() {
        for bad in ["", "A", "1 0", "1/0", "é", &"a".repeat(65)] {
            assert_eq!(ReleaseId::parse(bad), Err(BadReleaseId), "{bad:?}");
        }
        assert_eq!(
            ReleaseId::parse("0.1.0-rc.1").unwrap().as_str(),
            "0.1.0-rc.1"
        );
    }
}
