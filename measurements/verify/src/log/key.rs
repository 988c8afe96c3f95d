//! Verifier keys (C2SP signed-note, "Verifier keys"; tlog-cosignature).
//!
//! ```text
//! example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k
//! ```

use super::note::is_key_name;
use crate::release::Hex;
use base64ct::{Base64, Encoding};
use ed25519_dalek::{Signature, VerifyingKey};
use serde::de::{Deserialize, Deserializer, Error as _};
use sha2::{Digest, Sha256};
use std::fmt;

/// What a key signs. The number is the one that enters the key id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// 0x01: Ed25519 over the text of a note.
    Ed25519,
    /// 0x04: Ed25519 over a time and the text of a checkpoint, `cosignature/v1`.
    Cosignature,
}

impl Algorithm {
    fn number(self) -> u8 {
        match self {
            Self::Ed25519 => 0x01,
            Self::Cosignature => 0x04,
        }
    }
}

/// A public key with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VerifierKey {
    name: String,
    id: [u8; 4],
    algorithm: Algorithm,
    key: VerifyingKey,
}

/// Why a text is not a verifier key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadVerifierKey {
    /// Not `name+id+key`.
    Shape,
    /// An algorithm that this crate does not know.
    Algorithm,
    /// Not a point of the curve, or one of small order, under which anybody can sign.
    Point,
    /// The id is not the hash of name, algorithm and key.
    Id,
}

impl fmt::Display for BadVerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Shape => "expected a verifier key, name+id+key",
            Self::Algorithm => "expected a key of type 0x01 or 0x04",
            Self::Point => "expected an Ed25519 public key",
            Self::Id => "the key's id is not the hash of its name and key",
        })
    }
}

impl std::error::Error for BadVerifierKey {}

impl VerifierKey {
    /// A key of this name.
    ///
    /// # Errors
    /// [`BadVerifierKey`] when the name cannot name a key or the bytes are no usable public key.
    pub fn new(name: &str, algorithm: Algorithm, key: &[u8; 32]) -> Result<Self, BadVerifierKey> {
        if !is_key_name(name) {
            return Err(BadVerifierKey::Shape);
        }
        let key = VerifyingKey::from_bytes(key)
            .ok()
            .filter(|key| !key.is_weak())
            .ok_or(BadVerifierKey::Point)?;
        let hash = Sha256::new()
            .chain_update(name)
            .chain_update([b'\n', algorithm.number()])
            .chain_update(key.as_bytes())
            .finalize();
        let [a, b, c, d, ..] = <[u8; 32]>::from(hash);
        Ok(Self {
            name: name.into(),
            id: [a, b, c, d],
            algorithm,
            key,
        })
    }

    /// Reads `name+id+key`. An id that is not the recommended hash is refused: nobody needs one, and it would hide a mistyped key.
    ///
    /// # Errors
    /// [`BadVerifierKey`] says what is wrong.
    pub fn parse(text: &str) -> Result<Self, BadVerifierKey> {
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(id), Some(base64)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(BadVerifierKey::Shape);
        };
        let Hex(id) = Hex::<4>::parse(id).ok_or(BadVerifierKey::Shape)?;
        let bytes = Base64::decode_vec(base64).map_err(|_| BadVerifierKey::Shape)?;
        let (number, key) = bytes.split_first().ok_or(BadVerifierKey::Shape)?;
        let algorithm = [Algorithm::Ed25519, Algorithm::Cosignature]
            .into_iter()
            .find(|algorithm| algorithm.number() == *number)
            .ok_or(BadVerifierKey::Algorithm)?;
        let key: &[u8; 32] = key.try_into().map_err(|_| BadVerifierKey::Shape)?;
        let key = Self::new(name, algorithm, key)?;
        if key.id == id {
            Ok(key)
        } else {
            Err(BadVerifierKey::Id)
        }
    }

    /// The key's name: a log's origin, a witness's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first four bytes of SHA-256(name, newline, algorithm, key).
    #[must_use]
    pub fn id(&self) -> [u8; 4] {
        self.id
    }

    /// What the key signs.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Whether both are the same point, whatever they are called.
    #[must_use]
    pub fn same_key(&self, other: &Self) -> bool {
        self.key == other.key
    }

    /// Whether the key has signed the message: RFC 8032, strictly (canonical encodings, no small orders).
    pub(super) fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature)
            .is_ok_and(|signature| self.key.verify_strict(message, &signature).is_ok())
    }

    /// Whether the key has signed the text of a note itself.
    #[must_use]
    pub fn signed_note(&self, text: &str, signature: &[u8]) -> bool {
        self.algorithm == Algorithm::Ed25519 && self.signed(text.as_bytes(), signature)
    }
}

impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&[self.algorithm.number()], self.key.as_bytes().as_slice()].concat();
        let key = Base64::encode_string(&bytes);
        write!(f, "{}+{}+{key}", self.name, Hex(self.id))
    }
}

impl<'de> Deserialize<'de> for VerifierKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::super::note::Note;
    use super::*;

    const KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
    const NOTE: &str = "This is an example message.\n\n— example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

    #[test]
    fn the_example_of_the_specification_verifies() {
        let key = VerifierKey::parse(KEY).unwrap();
        assert_eq!(key.to_string(), KEY);
        let note = Note::parse(NOTE.as_bytes()).unwrap();
        let line = note.by(key.name(), key.id()).next().unwrap();
        assert!(key.signed_note(note.text, &line.signature));
        assert!(!key.signed_note("This is an example message!\n", &line.signature));
        assert!(!key.signed_note(note.text, &line.signature[..63]));
    }

    #[test]
    fn keys_that_are_none_are_refused() {
        use BadVerifierKey::{Algorithm, Id, Point, Shape};
        let weak = format!(
            "n+00000000+{}",
            Base64::encode_string(&[&[1_u8], [0; 32].as_slice()].concat())
        );
        for (bad, error) in [
            ("", Shape),
            ("example.com/foo", Shape),
            (&KEY.replace("530d903a", "530D903A"), Shape),
            (&KEY.replace("530d903a", "530d903b"), Id),
            (&KEY.replace("example.com/foo", "example.com/fop"), Id),
            (&KEY.replace("example.com/foo", "example.com foo"), Shape),
            (&KEY.replace("example.com/foo", ""), Shape),
            (&KEY.replace("+Aek", "+BOk"), Id),
            (&KEY.replace("+Aek", "+Auk"), Algorithm),
            (&KEY.replace("3U2k", ""), Shape),
            (&weak, Point),
        ] {
            assert_eq!(VerifierKey::parse(bad), Err(error), "{bad:?}");
        }
    }
}
