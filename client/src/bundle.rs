//! The attested key bundle: what a device needs to seal a request without any connection to the enclave.
//!
//! ```json
//! {"key_configs": "base64 of application/ohttp-keys", "spki": "base64 of DER", "not_after": 1796000000, "evidence": "base64 of CMW"}
//! ```
//!
//! In go its bytes, from a file or a CDN that need not be trusted. Out comes a [`Bundle`], whole or not at all: every part is read and
//! bounded before any is used. [`Bundle::attest`] then finds out whether the evidence covers the keys. What it proves is weaker than a
//! session: the keys were born in a verified machine and are not past their expiry, but nobody answered a fresh nonce.

use core::fmt;
use std::error::Error;

use base64ct::{Base64, Encoding};
use cloister_verify::{Appraisal, Binding, Expected, attest};
use cloister_wire::evidence::{Evidence, EvidenceError};
use cloister_wire::keyconfig::{KeyConfigError, KeyConfigs};
use serde::Deserialize;

/// Greatest size of a bundle in bytes: 64 KiB of evidence and a few kilobytes of keys, as base64.
pub const MAX_BUNDLE: usize = 128 << 10;

/// An attested key bundle that is well-formed. Nothing in it is proven yet.
pub struct Bundle {
    key_configs: Vec<u8>,
    spki_der: Vec<u8>,
    not_after: u64,
    evidence: Evidence,
}

/// Why bytes are no bundle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BundleError {
    /// Larger than [`MAX_BUNDLE`]; the size in bytes.
    TooLarge(usize),
    /// Not the JSON of a bundle; line and column from one.
    Json {
        /// Line.
        line: usize,
        /// Column.
        column: usize,
    },
    /// A member is not strict base64.
    Base64(&'static str),
    /// The key configurations are malformed somewhere, so all of them are refused.
    KeyConfigs(KeyConfigError),
    /// The evidence frame is malformed.
    Evidence(EvidenceError),
}

impl fmt::Display for BundleError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("key bundle: ")?;
        match self {
            Self::TooLarge(found) => {
                write!(f, "expected at most {MAX_BUNDLE} bytes, found {found}")
            }
            Self::Json { line, column } => write!(
                f,
                "expected JSON with exactly key_configs, spki, not_after and evidence; broken at line {line}, column {column}"
            ),
            Self::Base64(member) => write!(f, "{member}: expected padded base64"),
            Self::KeyConfigs(error) => write!(
                f,
                "{error}; a list of keys that is wrong anywhere is refused whole"
            ),
            Self::Evidence(error) => write!(f, "{error}"),
        }
    }
}

impl Error for BundleError {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Members {
    key_configs: String,
    spki: String,
    not_after: u64,
    evidence: String,
}

impl Bundle {
    /// Reads a bundle, whole or not at all.
    ///
    /// # Errors
    /// [`BundleError`] names the first part that is wrong; none of the others is used then.
    pub fn from_json(bytes: &[u8]) -> Result<Self, BundleError> {
        if bytes.len() > MAX_BUNDLE {
            return Err(BundleError::TooLarge(bytes.len()));
        }
        let members: Members =
            serde_json::from_slice(bytes).map_err(|error| BundleError::Json {
                line: error.line(),
                column: error.column(),
            })?;
        let decode =
            |name, text: &str| Base64::decode_vec(text).map_err(|_| BundleError::Base64(name));
        let key_configs = decode("key_configs", &members.key_configs)?;
        let spki_der = decode("spki", &members.spki)?;
        let evidence = decode("evidence", &members.evidence)?;
        KeyConfigs::decode(&key_configs).map_err(BundleError::KeyConfigs)?;
        let evidence = Evidence::decode(&evidence).map_err(BundleError::Evidence)?;
        Ok(Self {
            key_configs,
            spki_der,
            not_after: members.not_after,
            evidence,
        })
    }

    /// Verifies that the evidence covers these keys until their expiry.
    #[must_use]
    pub fn attest(&self, expected: &Expected<'_>) -> Appraisal {
        let binding = Binding::Key {
            spki_der: &self.spki_der,
            key_configs: &self.key_configs,
            not_after: self.not_after,
        };
        attest(&self.evidence, &binding, expected)
    }

    /// The evidence, to explain a refusal.
    #[must_use]
    pub fn evidence(&self) -> &Evidence {
        &self.evidence
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use cloister_wire::evidence::EvidenceKind;

    fn keys() -> Vec<u8> {
        let mut bytes = vec![0, 41, 9, 0, 0x20];
        bytes.extend([1; 32]);
        bytes.extend([0, 4, 0, 1, 0, 1]);
        bytes
    }

    fn bundle(keys: &[u8], evidence: &[u8]) -> String {
        format!(
            r#"{{"key_configs":"{}","spki":"AA==","not_after":1,"evidence":"{}"}}"#,
            Base64::encode_string(keys),
            Base64::encode_string(evidence)
        )
    }

    fn evidence() -> Vec<u8> {
        let evidence = Evidence {
            kind: EvidenceKind::Snp,
            report: vec![1],
            auxiliary: vec![2],
        };
        evidence.encode().unwrap()
    }

    #[test]
    fn a_bundle_is_read_whole_or_not_at_all() {
        let good = bundle(&keys(), &evidence());
        assert!(Bundle::from_json(good.as_bytes()).is_ok());
        let refused = |text: &str| Bundle::from_json(text.as_bytes()).err().unwrap();

        assert!(matches!(
            refused(&good.replace("\"spki\"", "\"x\"")),
            BundleError::Json { .. }
        ));
        assert!(matches!(
            refused(&good.replacen('{', "{\"x\":1,", 1)),
            BundleError::Json { .. }
        ));
        assert!(matches!(
            refused(&format!("{good}x")),
            BundleError::Json { .. }
        ));
        assert!(matches!(
            refused(&good.replace(":1,", ":-1,")),
            BundleError::Json { .. }
        ));
        assert_eq!(
            refused(&good.replace("AA==", "AA")),
            BundleError::Base64("spki")
        );
        assert_eq!(
            refused(&good.replace("AA==", "AB==")),
            BundleError::Base64("spki")
        );

        let two = [keys(), keys()].concat();
        assert_eq!(
            refused(&bundle(&two, &evidence())),
            BundleError::KeyConfigs(KeyConfigError::DuplicateKeyId(9))
        );
        let tail = [keys(), vec![0]].concat();
        assert!(matches!(
            refused(&bundle(&tail, &evidence())),
            BundleError::KeyConfigs(_)
        ));
        assert!(matches!(
            refused(&bundle(b"", &evidence())),
            BundleError::KeyConfigs(_)
        ));
        let longer = [evidence(), vec![0]].concat();
        assert!(matches!(
            refused(&bundle(&keys(), &longer)),
            BundleError::Evidence(_)
        ));
        assert!(matches!(
            refused(&" ".repeat(MAX_BUNDLE + 1)),
            BundleError::TooLarge(_)
        ));
    }
}
