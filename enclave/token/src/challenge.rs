//! The challenge that tokens answer (RFC 9577 section 2.1).

use crate::TOKEN_TYPE;
use core::fmt;
use sha2::{Digest, Sha256};

/// A token challenge that is the same for every device: its redemption context is always empty, for anything else would be a tag
/// by which requests could be told apart.
///
/// ```text
/// token_type u16 | issuer_name <1..2^16-1> | redemption_context <0> | origin_info <0..2^16-1>
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge(Vec<u8>);

/// A name does not fit into a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChallengeError {
    /// Which name.
    pub name: &'static str,
    /// Its length in bytes.
    pub length: usize,
}

impl fmt::Display for ChallengeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the {} has {} bytes; 1 to 65535 are allowed",
            self.name, self.length
        )
    }
}

impl core::error::Error for ChallengeError {}

impl Challenge {
    /// The challenge of `origin` for tokens of `issuer`, both host names.
    ///
    /// # Errors
    /// [`ChallengeError`] when a name is empty or longer than 65535 bytes.
    pub fn new(issuer: &str, origin: &str) -> Result<Self, ChallengeError> {
        let mut bytes = TOKEN_TYPE.to_be_bytes().to_vec();
        push_name(&mut bytes, "issuer name", issuer)?;
        bytes.push(0);
        push_name(&mut bytes, "origin name", origin)?;
        Ok(Self(bytes))
    }

    /// The challenge as it goes into the `WWW-Authenticate` header and to the issuer.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// SHA-256 of the challenge, as tokens carry it.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(&self.0).into()
    }
}

fn push_name(bytes: &mut Vec<u8>, what: &'static str, name: &str) -> Result<(), ChallengeError> {
    let length = u16::try_from(name.len())
        .ok()
        .filter(|&length| length > 0)
        .ok_or(ChallengeError {
            name: what,
            length: name.len(),
        })?;
    bytes.extend_from_slice(&length.to_be_bytes());
    bytes.extend_from_slice(name.as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a42_the_challenge_is_fixed_for_everyone() {
        let challenge = Challenge::new("issuer.example", "enclave.example").unwrap();
        assert_eq!(
            challenge.as_bytes(),
            b"\x00\x02\x00\x0eissuer.example\x00\x00\x0fenclave.example"
        );
        assert_eq!(
            challenge,
            Challenge::new("issuer.example", "enclave.example").unwrap()
        );
        assert!(Challenge::new("", "x").is_err());
        assert!(Challenge::new("x", &"y".repeat(65_536)).is_err());
    }
}
