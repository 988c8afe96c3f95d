//! Checkpoints: the size and the root hash of a log, signed by it (C2SP tlog-checkpoint), and cosigned by witnesses with the time
//! (C2SP tlog-cosignature).
//!
//! ```text
//! example.com/behind-the-sofa
//! 20852163
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//!
//! — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
//! — witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==
//! ```

use super::key::{Algorithm, VerifierKey};
use super::merkle::{self, Hash};
use super::note::decimal;
use crate::time::UnixTime;
use base64ct::{Base64, Encoding};
use std::fmt;

/// The head of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log it is.
    pub origin: String,
    /// Number of its entries.
    pub size: u64,
    /// Root of its Merkle tree (RFC 6962 section 2.1).
    pub root: Hash,
}

/// Why a text is not a checkpoint.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CheckpointError {
    /// Not three lines that end in newlines. Extension lines are refused: no monitor can audit them.
    Lines,
    /// The origin is empty.
    Origin,
    /// The size is no decimal number.
    Size,
    /// The root is not the base64 of 32 bytes.
    Root,
    /// The size is zero, and the root is not the one of the empty tree.
    EmptyRoot,
}

impl fmt::Display for CheckpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Lines => "a text that is not exactly three lines",
            Self::Origin => "an empty origin",
            Self::Size => "a size that is no number",
            Self::Root => "a root that is no hash",
            Self::EmptyRoot => "an empty tree with a root of another",
        })
    }
}

impl std::error::Error for CheckpointError {}

impl Checkpoint {
    /// Reads the text of a note.
    ///
    /// # Errors
    /// [`CheckpointError`] says what is wrong with the text.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text
            .strip_suffix('\n')
            .ok_or(CheckpointError::Lines)?
            .split('\n');
        let (Some(origin), Some(size), Some(root), None) =
            (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(CheckpointError::Lines);
        };
        if origin.is_empty() {
            return Err(CheckpointError::Origin);
        }
        let size = decimal(size).ok_or(CheckpointError::Size)?;
        let root = hash_line(root).ok_or(CheckpointError::Root)?;
        if size == 0 && root != merkle::empty_root() {
            return Err(CheckpointError::EmptyRoot);
        }
        Ok(Self {
            origin: origin.into(),
            size,
            root,
        })
    }
}

/// The text that is signed.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let root = Base64::encode_string(&self.root);
        writeln!(f, "{}\n{}\n{root}", self.origin, self.size)
    }
}

/// Reads the base64 of a hash.
pub(super) fn hash_line(line: &str) -> Option<Hash> {
    let mut hash = [0; 32];
    let bytes = Base64::decode(line, &mut hash).ok()?;
    (bytes.len() == 32).then_some(hash)
}

/// The message of a `cosignature/v1`: header, time, and the text of the checkpoint.
#[must_use]
pub fn cosigned_message(time: UnixTime, text: &str) -> String {
    format!("cosignature/v1\ntime {}\n{text}", time.0)
}

impl VerifierKey {
    /// The time at which this witness says that the checkpoint was the largest consistent head it had seen; none when it did not sign.
    ///
    /// `signature` is the `timestamped_signature` of tlog-cosignature: eight bytes of time and an Ed25519 signature.
    #[must_use]
    pub fn cosigned(&self, text: &str, signature: &[u8]) -> Option<UnixTime> {
        let (time, signature) = signature.split_first_chunk::<8>()?;
        let time = UnixTime(u64::from_be_bytes(*time));
        let message = cosigned_message(time, text);
        let signed = self.algorithm() == Algorithm::Cosignature
            && time.0 <= i64::MAX.unsigned_abs()
            && self.signed(message.as_bytes(), signature);
        signed.then_some(time)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const GOOD: &str =
        "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";

    #[test]
    fn a_checkpoint_is_read_and_written() {
        let checkpoint = Checkpoint::parse(GOOD).unwrap();
        assert_eq!(checkpoint.size, 20_852_163);
        assert_eq!(checkpoint.to_string(), GOOD);
    }

    #[test]
    fn anything_else_is_refused() {
        use CheckpointError::{EmptyRoot, Lines, Origin, Root, Size};
        for (bad, error) in [
            (GOOD.trim_end().to_owned(), Lines),
            (format!("{GOOD}extension\n"), Lines),
            (format!("{GOOD}\n"), Lines),
            (GOOD.replacen('\n', "", 1), Lines),
            (GOOD.replace("example.com/behind-the-sofa", ""), Origin),
            (GOOD.replace("20852163", "020852163"), Size),
            (GOOD.replace("20852163", ""), Size),
            (GOOD.replace("20852163", "0"), EmptyRoot),
            (GOOD.replace("q2I=", "q2J="), Root),
            (GOOD.replace("q2I=", "q2I"), Root),
            (GOOD.replace("q2I=", "q2IAAAA="), Root),
            (GOOD.replace("CsUY", ""), Root),
        ] {
            assert_eq!(Checkpoint::parse(&bad), Err(error), "{bad:?}");
        }
    }

    #[test]
    fn a_key_signs_only_what_it_is_for() {
        use ed25519_dalek::{Signer, SigningKey};
        let secret = SigningKey::from_bytes(&[7; 32]);
        let key = |algorithm| {
            VerifierKey::new("n", algorithm, secret.verifying_key().as_bytes()).unwrap()
        };
        let (log, witness) = (key(Algorithm::Ed25519), key(Algorithm::Cosignature));
        assert_ne!(log.id(), witness.id());
        let of_log = secret.sign(GOOD.as_bytes()).to_bytes();
        assert!(log.signed_note(GOOD, &of_log));
        assert!(!witness.signed_note(GOOD, &of_log));
        let message = cosigned_message(UnixTime(5), GOOD);
        let signature = secret.sign(message.as_bytes()).to_bytes();
        let of_witness = [5_u64.to_be_bytes().as_slice(), &signature].concat();
        assert_eq!(witness.cosigned(GOOD, &of_witness), Some(UnixTime(5)));
        assert_eq!(log.cosigned(GOOD, &of_witness), None);
    }
}
