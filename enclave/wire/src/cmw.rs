//! The conceptual message wrapper of RATS, as a CBOR record (RFC 9999).
//!
//! A record is the array `[type, value, indicator]`. Cloister uses one form only: the type as a media type in text, the value as
//! bytes, and the indicator always present, so that a message says what it is for.
//!
//! ```text
//! 83                 array of 3
//!    78 21 "application/vnd.cloister.snp+cbor"
//!    59 0abc ...     value
//!    04              indicator: evidence
//! ```

pub use crate::cbor::CborError;
use crate::cbor::{self, Reader};

/// The indicator bit of evidence (RFC 9999, `cm-type`: reference values 1, endorsements 2, evidence 4, results 8, policy 16).
pub const EVIDENCE: u64 = 1 << 2;

/// A decoded record; it borrows from the frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// What the value is: a media type.
    pub media_type: &'a str,
    /// The wrapped message.
    pub value: &'a [u8],
    /// Which conceptual messages the value holds, one bit each.
    pub indicator: u64,
}

impl<'a> Record<'a> {
    /// Reads exactly one record.
    ///
    /// # Errors
    /// [`CborError`] for anything but an array of exactly text, bytes and number in preferred serialization, with nothing behind
    /// it. A record without an indicator is refused as [`CborError::Truncated`], one with more members as
    /// [`CborError::Trailing`].
    pub fn decode(frame: &'a [u8]) -> Result<Self, CborError> {
        let mut reader = Reader(frame);
        match reader.array()? {
            0..=2 => return Err(CborError::Truncated),
            3 => {}
            _ => return Err(CborError::Trailing),
        }
        let record = Self {
            media_type: reader.text()?,
            value: reader.bytes()?,
            indicator: reader.unsigned()?,
        };
        reader.end()?;
        Ok(record)
    }

    /// The record as bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        // One byte for the array and at most nine for each of the three heads.
        let mut out = Vec::with_capacity(self.media_type.len() + self.value.len() + 1 + 3 * 9);
        cbor::put_array(&mut out, 3);
        cbor::put_text(&mut out, self.media_type);
        cbor::put_bytes(&mut out, self.value);
        cbor::put_unsigned(&mut out, self.indicator);
        out
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    const FRAME: &[u8] = b"\x83\x63a/b\x42\x01\x02\x04";

    #[test]
    fn a_record_has_one_encoding() {
        let record = Record {
            media_type: "a/b",
            value: &[1, 2],
            indicator: EVIDENCE,
        };
        assert_eq!(record.encode(), FRAME);
        assert_eq!(Record::decode(FRAME), Ok(record));
    }

    #[test]
    fn everything_else_is_refused() {
        for end in 0..FRAME.len() {
            assert_eq!(
                Record::decode(&FRAME[..end]),
                Err(CborError::Truncated),
                "{end}"
            );
        }
        assert_eq!(
            Record::decode(b"\x83\x63a/b\x42\x01\x02\x04\x00"),
            Err(CborError::Trailing)
        );
        assert_eq!(
            Record::decode(b"\x84\x63a/b\x42\x01\x02\x04\x00"),
            Err(CborError::Trailing)
        );
        assert_eq!(
            Record::decode(b"\x82\x63a/b\x42\x01\x02"),
            Err(CborError::Truncated)
        );
        assert_eq!(
            Record::decode(b"\x9f\x63a/b\x42\x01\x02\x04\xff"),
            Err(CborError::NotPreferred)
        );
        // The JSON form and the tag form of RFC 9999 are not spoken here.
        assert!(Record::decode(b"[\"a/b\",\"AQI\",4]").is_err());
        assert!(Record::decode(b"\xda\x63\x74\x01\x01\x42\x01\x02").is_err());
    }
}
