//! The few items of CBOR (RFC 8949) that evidence frames are made of.
//!
//! Only the preferred serialization with definite lengths is read (RFC 8949 sections 4.1 and 4.2.1): a frame then has exactly one
//! encoding, so the bytes that were hashed and the bytes that were read cannot differ (attack A32).

use core::fmt;

/// Major types in use (RFC 8949 section 3.1).
const UNSIGNED: u8 = 0;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;

/// Why bytes are not the CBOR item that was expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CborError {
    /// A length or number is not in its shortest form, or of indefinite length.
    NotPreferred,
    /// A text string is not UTF-8.
    NotUtf8,
    /// Bytes follow the item.
    Trailing,
    /// The bytes end inside the item.
    Truncated,
    /// The item is of another major type than expected; the numbers are major types of RFC 8949 section 3.1.
    WrongType {
        /// The major type that belongs here.
        expected: u8,
        /// The major type that is here.
        found: u8,
    },
}

impl fmt::Display for CborError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotPreferred => {
                f.write_str("CBOR length or number is not in its shortest definite form")
            }
            Self::NotUtf8 => f.write_str("CBOR text is not UTF-8"),
            Self::Trailing => f.write_str("bytes follow the CBOR item"),
            Self::Truncated => f.write_str("the bytes end inside the CBOR item"),
            Self::WrongType { expected, found } => {
                write!(f, "CBOR major type {expected} expected, {found} found")
            }
        }
    }
}

impl core::error::Error for CborError {}

/// Reads items off the front of a slice.
pub(crate) struct Reader<'a>(pub(crate) &'a [u8]);

impl<'a> Reader<'a> {
    /// The number of elements of an array.
    pub(crate) fn array(&mut self) -> Result<u64, CborError> {
        self.head(ARRAY)
    }

    /// An unsigned number.
    pub(crate) fn unsigned(&mut self) -> Result<u64, CborError> {
        self.head(UNSIGNED)
    }

    /// A byte string.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], CborError> {
        let length = self.head(BYTES)?;
        self.take(length)
    }

    /// A text string.
    pub(crate) fn text(&mut self) -> Result<&'a str, CborError> {
        let length = self.head(TEXT)?;
        core::str::from_utf8(self.take(length)?).map_err(|_| CborError::NotUtf8)
    }

    /// Nothing may be left.
    pub(crate) fn end(self) -> Result<(), CborError> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(CborError::Trailing)
        }
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], CborError> {
        let length = usize::try_from(length).map_err(|_| CborError::Truncated)?;
        let (taken, rest) = self
            .0
            .split_at_checked(length)
            .ok_or(CborError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    fn head(&mut self, expected: u8) -> Result<u64, CborError> {
        let (&first, rest) = self.0.split_first().ok_or(CborError::Truncated)?;
        let found = first >> 5;
        if found != expected {
            return Err(CborError::WrongType { expected, found });
        }
        self.0 = rest;
        let (width, least) = match first & 0x1f {
            small @ 0..=23 => return Ok(u64::from(small)),
            24 => (1, 24),
            25 => (2, 1 << 8),
            26 => (4, 1 << 16),
            27 => (8, 1 << 32),
            _ => return Err(CborError::NotPreferred),
        };
        let value = self
            .take(width)?
            .iter()
            .fold(0, |value, &byte| (value << 8) | u64::from(byte));
        if value < least {
            return Err(CborError::NotPreferred);
        }
        Ok(value)
    }
}

/// Appends an array's head.
pub(crate) fn put_array(out: &mut Vec<u8>, count: u8) {
    put_head(out, ARRAY, u64::from(count));
}

/// Appends an unsigned number.
pub(crate) fn put_unsigned(out: &mut Vec<u8>, value: u64) {
    put_head(out, UNSIGNED, value);
}

/// Appends a byte string.
pub(crate) fn put_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    put_head(out, BYTES, length(bytes));
    out.extend_from_slice(bytes);
}

/// Appends a text string.
pub(crate) fn put_text(out: &mut Vec<u8>, text: &str) {
    put_head(out, TEXT, length(text.as_bytes()));
    out.extend_from_slice(text.as_bytes());
}

/// A slice never holds more than `isize::MAX` bytes, which a `u64` always can count.
fn length(bytes: &[u8]) -> u64 {
    u64::try_from(bytes.len()).unwrap_or(u64::MAX)
}

fn put_head(out: &mut Vec<u8>, major: u8, value: u64) {
    let major = major << 5;
    if let Ok(value) = u8::try_from(value) {
        if value < 24 {
            out.push(major | value);
        } else {
            out.extend_from_slice(&[major | 24, value]);
        }
    } else if let Ok(value) = u16::try_from(value) {
        out.push(major | 25);
        out.extend_from_slice(&value.to_be_bytes());
    } else if let Ok(value) = u32::try_from(value) {
        out.push(major | 26);
        out.extend_from_slice(&value.to_be_bytes());
    } else {
        out.push(major | 27);
        out.extend_from_slice(&value.to_be_bytes());
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn numbers_of_rfc_8949_appendix_a() {
        for (value, bytes) in [
            (0, &[0x00][..]),
            (23, &[0x17]),
            (24, &[0x18, 0x18]),
            (100, &[0x18, 0x64]),
            (1000, &[0x19, 0x03, 0xe8]),
            (1_000_000, &[0x1a, 0x00, 0x0f, 0x42, 0x40]),
            (
                u64::MAX,
                &[0x1b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
            ),
        ] {
            let mut out = Vec::new();
            put_unsigned(&mut out, value);
            assert_eq!(out, bytes);
            let mut reader = Reader(bytes);
            assert_eq!(reader.unsigned(), Ok(value));
            reader.end().unwrap();
        }
    }

    #[test]
    fn a32_longer_forms_are_refused() {
        for bytes in [
            &[0x18, 23][..],
            &[0x19, 0, 255],
            &[0x1a, 0, 0, 255, 255],
            &[0x1b, 0, 0, 0, 0, 255, 255, 255, 255],
            &[0x1f],
            &[0x1c],
        ] {
            assert_eq!(Reader(bytes).unsigned(), Err(CborError::NotPreferred));
        }
    }

    #[test]
    fn a_length_beyond_the_input_is_refused_before_anything_is_taken() {
        assert_eq!(
            Reader(&[0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]).bytes(),
            Err(CborError::Truncated)
        );
        assert_eq!(Reader(&[0x42, 1]).bytes(), Err(CborError::Truncated));
        assert_eq!(Reader(&[]).array(), Err(CborError::Truncated));
        assert_eq!(Reader(&[0x61, 0xff]).text(), Err(CborError::NotUtf8));
        assert_eq!(
            Reader(&[0x60]).bytes(),
            Err(CborError::WrongType {
                expected: 2,
                found: 3
            })
        );
    }
}
