//! Proofs: one text file beside the published one that shows, offline, that it was logged (C2SP tlog-proof).
//!
//! ```text
//! c2sp.org/tlog-proof@v1
//! extra Y2xvaXN0ZXItbG9nLWVudHJ5L3YxCmtpbmQgZmxvb3JzCi4uLgo=
//! index 73894
//! gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=
//! B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=
//!
//! example.com/fancylog
//! 109482
//! sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=
//!
//! — example.com/fancylog hI2DJw[...]1roloI=
//! — witness1.example mJirIklj[...]qY9v2B/5bg==
//! ```
//!
//! The extra line carries the entry. It is not believed: the hash of those bytes must be in the tree.

use super::checkpoint::hash_line;
use super::merkle::{Hash, MAX_PROOF};
use super::note::{MAX_NOTE, decimal};
use super::tile::MAX_ENTRY;
use base64ct::{Base64, Encoding};
use std::fmt;

/// The first line of every proof.
const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";
/// Bytes that a proof may have: a note, and before it an entry in base64 and the hashes.
pub const MAX_PROOF_FILE: usize = MAX_NOTE + MAX_ENTRY * 2;

/// A proof as it was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// What the application needs to find the leaf hash; nobody has signed it.
    pub extra: Option<Vec<u8>>,
    /// Place of the entry in the log.
    pub index: u64,
    /// From the sibling of the leaf to the child of the root.
    pub hashes: Vec<Hash>,
    /// The checkpoint: a signed note.
    pub checkpoint: Vec<u8>,
}

/// Why bytes are not a proof.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProofError {
    /// More than [`MAX_PROOF_FILE`] bytes, or more than [`MAX_PROOF`] hashes.
    TooLong,
    /// The first line is another.
    FirstLine,
    /// The extra line is no base64, or is empty.
    Extra,
    /// No index line, or no decimal number on it.
    Index,
    /// A line that is no hash.
    Hash,
    /// No empty line before the checkpoint, or bytes that are no text before it.
    Checkpoint,
}

impl fmt::Display for ProofError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "a proof that is too long",
            Self::FirstLine => "another first line",
            Self::Extra => "an extra line that is no base64",
            Self::Index => "no index",
            Self::Hash => "a line that is no hash",
            Self::Checkpoint => "no checkpoint",
        })
    }
}

impl std::error::Error for ProofError {}

impl Proof {
    /// Reads a proof. The checkpoint is taken as it is, and read by [`Note::parse`](super::Note::parse).
    ///
    /// # Errors
    /// [`ProofError`] says what is wrong with the bytes.
    pub fn parse(proof: &[u8]) -> Result<Self, ProofError> {
        if proof.len() > MAX_PROOF_FILE {
            return Err(ProofError::TooLong);
        }
        let end = proof
            .windows(2)
            .position(|pair| pair == b"\n\n")
            .ok_or(ProofError::Checkpoint)?;
        let (head, rest) = proof.split_at_checked(end).ok_or(ProofError::Checkpoint)?;
        let checkpoint = rest.strip_prefix(b"\n\n").ok_or(ProofError::Checkpoint)?;
        let head = std::str::from_utf8(head).map_err(|_| ProofError::Checkpoint)?;
        let mut lines = head.split('\n');
        if lines.next() != Some(FIRST_LINE) {
            return Err(ProofError::FirstLine);
        }
        let mut line = lines.next().ok_or(ProofError::Index)?;
        let extra = match line.strip_prefix("extra ") {
            None => None,
            Some(base64) => {
                let bytes = Base64::decode_vec(base64).map_err(|_| ProofError::Extra)?;
                if bytes.is_empty() {
                    return Err(ProofError::Extra);
                }
                line = lines.next().ok_or(ProofError::Index)?;
                Some(bytes)
            }
        };
        let index = line
            .strip_prefix("index ")
            .and_then(decimal)
            .ok_or(ProofError::Index)?;
        if lines.clone().count() > MAX_PROOF {
            return Err(ProofError::TooLong);
        }
        Ok(Self {
            extra,
            index,
            hashes: lines
                .map(hash_line)
                .collect::<Option<_>>()
                .ok_or(ProofError::Hash)?,
            checkpoint: checkpoint.to_vec(),
        })
    }

    /// The bytes of the file.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("{FIRST_LINE}\n");
        if let Some(extra) = &self.extra {
            text.push_str(&format!("extra {}\n", Base64::encode_string(extra)));
        }
        text.push_str(&format!("index {}\n", self.index));
        for hash in &self.hashes {
            text.push_str(&format!("{}\n", Base64::encode_string(hash)));
        }
        text.push('\n');
        [text.into_bytes(), self.checkpoint.clone()].concat()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn good() -> Proof {
        Proof {
            extra: Some(b"entry".to_vec()),
            index: 5,
            hashes: vec![[1; 32], [2; 32]],
            checkpoint: b"o\n8\nroot\n\nsignatures\n".to_vec(),
        }
    }

    #[test]
    fn a_proof_is_read_and_written() {
        let proof = good();
        assert_eq!(Proof::parse(&proof.to_bytes()), Ok(proof.clone()));
        let bare = Proof {
            extra: None,
            hashes: Vec::new(),
            ..proof
        };
        assert_eq!(Proof::parse(&bare.to_bytes()), Ok(bare));
    }

    #[test]
    fn anything_else_is_refused() {
        use ProofError::{Checkpoint, Extra, FirstLine, Hash, Index, TooLong};
        let text = String::from_utf8(good().to_bytes()).unwrap();
        for (from, to, error) in [
            ("@v1", "@v2", FirstLine),
            ("c2sp.org/tlog-proof@v1\n", "", FirstLine),
            (
                "c2sp.org/tlog-proof@v1\n",
                "c2sp.org/tlog-proof@v1\r\n",
                FirstLine,
            ),
            ("extra ZW50cnk=", "extra ZW50cnk", Extra),
            ("extra ZW50cnk=", "extra ", Extra),
            ("extra ZW50cnk=", "extra ZW50cnk=\nextra ZW50cnk=", Index),
            ("index 5", "index 05", Index),
            ("index 5", "index", Index),
            ("index 5\n", "", Index),
            ("index 5", "index 5\nindex 5", Hash),
            ("AQE=\n", "AQE\n", Hash),
            ("AQE=\n", "AQE=\n \n", Hash),
            ("\n\n", "\n", Hash),
        ] {
            let bad = text.replacen(from, to, 1);
            assert_ne!(bad, text);
            assert_eq!(Proof::parse(bad.as_bytes()), Err(error), "{bad}");
        }
        assert_eq!(Proof::parse(b""), Err(Checkpoint));
        assert_eq!(Proof::parse(b"\n\n"), Err(FirstLine));
        assert_eq!(Proof::parse(&vec![0; MAX_PROOF_FILE + 1]), Err(TooLong));
        let many = Proof {
            hashes: vec![[0; 32]; MAX_PROOF + 1],
            ..good()
        };
        assert_eq!(Proof::parse(&many.to_bytes()), Err(TooLong));
    }
}
