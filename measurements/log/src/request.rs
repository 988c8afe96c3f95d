//! What a log asks of a witness (C2SP tlog-witness, `add-checkpoint`).
//!
//! ```text
//! old 20852014
//! PlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=
//! jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=
//!
//! example.com/behind-the-sofa
//! 20852163
//! CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=
//!
//! — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
//! ```

use base64ct::{Base64, Encoding};
use cloister_verify::log::{Hash, MAX_NOTE, MAX_PROOF};
use std::fmt;

/// Where the request goes, after the witness's submission prefix.
pub const PATH: &str = "/add-checkpoint";
/// Media type of the answer 409.
pub const SIZE_MEDIA_TYPE: &str = "text/x.tlog.size";
/// Bytes of a request: a note, and before it a size and the hashes in base64.
pub const MAX_REQUEST: usize = MAX_NOTE + 64 * 45;

/// A request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddCheckpoint {
    /// The size of the checkpoint that the witness cosigned last.
    pub old: u64,
    /// The consistency proof from there.
    pub proof: Vec<Hash>,
    /// The new checkpoint: a signed note.
    pub checkpoint: Vec<u8>,
}

/// The bytes are no request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadRequest;

impl fmt::Display for BadRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected an old size, consistency proof lines, an empty line and a checkpoint")
    }
}

impl std::error::Error for BadRequest {}

/// Reads a size: decimal, no leading zeroes.
#[must_use]
pub fn size(text: &str) -> Option<u64> {
    let size = text.parse::<u64>().ok()?;
    // One number has one spelling.
    (size.to_string() == text && size <= i64::MAX.unsigned_abs()).then_some(size)
}

impl AddCheckpoint {
    /// Reads a request.
    ///
    /// # Errors
    /// [`BadRequest`].
    pub fn parse(bytes: &[u8]) -> Result<Self, BadRequest> {
        if bytes.len() > MAX_REQUEST {
            return Err(BadRequest);
        }
        let end = bytes
            .windows(2)
            .position(|pair| pair == b"\n\n")
            .ok_or(BadRequest)?;
        let (head, rest) = bytes.split_at_checked(end).ok_or(BadRequest)?;
        let checkpoint = rest.strip_prefix(b"\n\n").ok_or(BadRequest)?;
        let head = std::str::from_utf8(head).map_err(|_| BadRequest)?;
        let mut lines = head.split('\n');
        let old = lines
            .next()
            .and_then(|line| line.strip_prefix("old "))
            .and_then(size)
            .ok_or(BadRequest)?;
        if lines.clone().count() > MAX_PROOF {
            return Err(BadRequest);
        }
        let hash = |line: &str| {
            let mut hash = Hash::default();
            let bytes = Base64::decode(line, &mut hash).map_err(|_| BadRequest)?;
            if bytes.len() == 32 {
                Ok(hash)
            } else {
                Err(BadRequest)
            }
        };
        Ok(Self {
            old,
            proof: lines.map(hash).collect::<Result<_, _>>()?,
            checkpoint: checkpoint.to_vec(),
        })
    }

    /// The bytes of the request.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!("old {}\n", self.old);
        for hash in &self.proof {
            text.push_str(&Base64::encode_string(hash));
            text.push('\n');
        }
        text.push('\n');
        [text.into_bytes(), self.checkpoint.clone()].concat()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_request_is_read_and_written() {
        for proof in [vec![], vec![[1; 32], [2; 32]]] {
            let checkpoint = b"o\n1\nr\n\ns\n".to_vec();
            let request = AddCheckpoint {
                old: 3,
                proof,
                checkpoint,
            };
            assert_eq!(AddCheckpoint::parse(&request.to_bytes()), Ok(request));
        }
    }

    #[test]
    fn a51_anything_else_is_refused() {
        let line = Base64::encode_string(&[1; 32]);
        for bad in [
            String::new(),
            "old 1".into(),
            "old 1\n".into(),
            "\n\nnote".into(),
            "old\n\nnote".into(),
            "old 01\n\nnote".into(),
            "old +1\n\nnote".into(),
            "old 1 \n\nnote".into(),
            "old 9223372036854775808\n\nnote".into(),
            "old 1\nAAAA\n\nnote".into(),
            format!("old 1\n{line}\r\n\nnote"),
            format!("old 1\n{}\n\nnote", line.trim_end_matches('=')),
            format!("old 1\n{}\nnote", format!("{line}\n").repeat(MAX_PROOF + 1)),
        ] {
            assert_eq!(
                AddCheckpoint::parse(bad.as_bytes()),
                Err(BadRequest),
                "{bad:?}"
            );
        }
        assert_eq!(
            AddCheckpoint::parse(&vec![b'\n'; MAX_REQUEST + 1]),
            Err(BadRequest)
        );
    }
}
