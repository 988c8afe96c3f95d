//! Content (RFC 9292 sections 3.1 and 3.2).

use super::cursor::Cursor;
use super::{BhttpError, Fields, Framing};

/// The content of a message; it borrows from it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Content<'a> {
    /// The content itself, or its chunks, each behind its length.
    bytes: &'a [u8],
    framing: Framing,
    length: usize,
}

impl<'a> Content<'a> {
    pub(super) fn read(cursor: &mut Cursor<'a>, framing: Framing) -> Result<Self, BhttpError> {
        // A message may end before its content (RFC 9292 section 3.8).
        if cursor.is_at_end() {
            return Ok(Self {
                bytes: &[],
                framing: Framing::Known,
                length: 0,
            });
        }
        match framing {
            Framing::Known => {
                let bytes = cursor.prefixed()?;
                Ok(Self {
                    bytes,
                    framing,
                    length: bytes.len(),
                })
            }
            Framing::Indeterminate => {
                let start = cursor.rest();
                let mut length = 0;
                loop {
                    let used = start.len() - cursor.rest().len();
                    match cursor.integer()? {
                        0 => {
                            let bytes = start.get(..used).ok_or(BhttpError::Truncated)?;
                            return Ok(Self {
                                bytes,
                                framing,
                                length,
                            });
                        }
                        chunk => length += cursor.take(chunk)?.len(),
                    }
                }
            }
        }
    }

    /// Bytes of content.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    pub(super) fn length(&self) -> u64 {
        u64::try_from(self.length).unwrap_or(u64::MAX)
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The content piece by piece, no piece empty.
    #[must_use]
    pub fn pieces(&self) -> Pieces<'a> {
        match self.framing {
            Framing::Known => Pieces {
                whole: self.bytes,
                chunks: Cursor::new(&[]),
            },
            Framing::Indeterminate => Pieces {
                whole: &[],
                chunks: Cursor::new(self.bytes),
            },
        }
    }

    /// The content when it lies in one piece, which it does in known-length messages and in those of at most one chunk.
    #[must_use]
    pub fn as_single(&self) -> Option<&'a [u8]> {
        let mut pieces = self.pieces();
        let first = pieces.next().unwrap_or_default();
        pieces.next().is_none().then_some(first)
    }
}

/// The length that a `content-length` field states (RFC 9113 section 8.1.1): a length that is stated is the length.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct StatedLength(Option<u64>);

impl StatedLength {
    pub(super) fn of(fields: &Fields<'_>) -> Result<Self, BhttpError> {
        let stated = fields
            .single(b"content-length")
            .map_err(|_| BhttpError::ContentLength)?;
        let Some(digits) = stated else {
            return Ok(Self(None));
        };
        let number = digits
            .iter()
            .all(u8::is_ascii_digit)
            .then(|| core::str::from_utf8(digits).ok()?.parse().ok())
            .flatten();
        number
            .map(|number| Self(Some(number)))
            .ok_or(BhttpError::ContentLength)
    }

    /// `may_be_absent`: the responses to `HEAD` and with status 304 state a length and have no content (RFC 9110 section 8.6).
    pub(super) fn check(self, received: u64, may_be_absent: bool) -> Result<(), BhttpError> {
        let absent = may_be_absent && received == 0;
        if absent || self.0.is_none_or(|stated| stated == received) {
            Ok(())
        } else {
            Err(BhttpError::ContentLength)
        }
    }
}

/// Iterator over the pieces of a content.
pub struct Pieces<'a> {
    whole: &'a [u8],
    chunks: Cursor<'a>,
}

impl<'a> Iterator for Pieces<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if !self.whole.is_empty() {
            return Some(core::mem::take(&mut self.whole));
        }
        // The chunks were read once before: the only error left is their end.
        self.chunks.prefixed().ok()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn read(bytes: &[u8], framing: Framing) -> Result<Content<'_>, BhttpError> {
        Content::read(&mut Cursor::new(bytes), framing)
    }

    #[test]
    fn pieces_of_both_framings() {
        for (bytes, framing, pieces) in [
            (&b""[..], Framing::Known, &[][..]),
            (b"\x00", Framing::Known, &[]),
            (b"\x03abc", Framing::Known, &[&b"abc"[..]]),
            (b"", Framing::Indeterminate, &[]),
            (b"\x00", Framing::Indeterminate, &[]),
            (b"\x03abc\x00", Framing::Indeterminate, &[&b"abc"[..]]),
            (
                b"\x03abc\x40\x01d\x02ef\x00",
                Framing::Indeterminate,
                &[&b"abc"[..], b"d", b"ef"],
            ),
        ] {
            let content = read(bytes, framing).ok().unwrap();
            assert_eq!(content.pieces().collect::<Vec<_>>(), pieces);
            assert_eq!(content.len(), pieces.concat().len());
            assert_eq!(content.is_empty(), pieces.is_empty());
            let single = (pieces.len() < 2).then(|| pieces.concat());
            assert_eq!(content.as_single(), single.as_deref());
        }
    }

    #[test]
    fn content_ends_where_it_says() {
        assert_eq!(
            read(b"\x04abc", Framing::Known).err(),
            Some(BhttpError::Truncated)
        );
        assert_eq!(
            read(b"\x40", Framing::Known).err(),
            Some(BhttpError::Truncated)
        );
        assert_eq!(
            read(b"\x03abc", Framing::Indeterminate).err(),
            Some(BhttpError::Truncated)
        );
        assert_eq!(
            read(b"\x03ab", Framing::Indeterminate).err(),
            Some(BhttpError::Truncated)
        );
    }
}
