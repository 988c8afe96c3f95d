//! Integers and length-prefixed strings (RFC 9292 section 3, RFC 9000 section 16).

use super::BhttpError;

/// Reads off the front of a slice. A failed read ends the message, so what is left behind it does not matter.
pub(super) struct Cursor<'a> {
    rest: &'a [u8],
    /// Whether more bytes may come behind these: their end is then not the message's.
    partial: bool,
}

impl<'a> Cursor<'a> {
    /// Over all that is left of a message.
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            partial: false,
        }
    }

    /// Over what has come of a message so far.
    pub(super) fn partial(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            partial: true,
        }
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Whether the message ends here.
    pub(super) fn is_at_end(&self) -> bool {
        self.rest.is_empty() && !self.partial
    }

    /// A variable-length integer: the two high bits of the first byte say whether it has 1, 2, 4 or 8 bytes.
    pub(super) fn integer(&mut self) -> Result<u64, BhttpError> {
        let &first = self.rest.first().ok_or(BhttpError::Truncated)?;
        let (bytes, rest) = self
            .rest
            .split_at_checked(1 << (first >> 6))
            .ok_or(BhttpError::Truncated)?;
        self.rest = rest;
        let value = bytes
            .iter()
            .fold(0_u64, |value, &byte| (value << 8) | u64::from(byte));
        let width = 8 * bytes.len();
        // Clears the two bits that hold the width.
        Ok(value & (u64::MAX >> (64 - width + 2)))
    }

    pub(super) fn take(&mut self, length: u64) -> Result<&'a [u8], BhttpError> {
        let length = usize::try_from(length).map_err(|_| BhttpError::Truncated)?;
        let (taken, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(BhttpError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    /// An integer and then that many bytes.
    pub(super) fn prefixed(&mut self) -> Result<&'a [u8], BhttpError> {
        let length = self.integer()?;
        self.take(length)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn integers_of_rfc_9000_appendix_a_1() {
        for (bytes, value) in [
            (
                &[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c][..],
                151_288_809_941_952_652,
            ),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (&[0x7b, 0xbd], 15293),
            (&[0x25], 37),
            // The same number in a longer form, which RFC 9292 section 3 allows.
            (&[0x40, 0x25], 37),
            (&[0xff; 8], (1 << 62) - 1),
        ] {
            let mut cursor = Cursor::new(bytes);
            assert_eq!(cursor.integer(), Ok(value));
            assert!(cursor.is_empty());
            for end in 0..bytes.len() {
                assert_eq!(
                    Cursor::new(&bytes[..end]).integer(),
                    Err(BhttpError::Truncated)
                );
            }
        }
    }

    #[test]
    fn a51_a_length_beyond_the_input_takes_nothing() {
        assert_eq!(
            Cursor::new(&[0xff; 8]).prefixed(),
            Err(BhttpError::Truncated)
        );
        assert_eq!(Cursor::new(&[2, 1]).prefixed(), Err(BhttpError::Truncated));
        assert_eq!(Cursor::new(&[1, 9]).prefixed(), Ok(&[9][..]));
    }
}
