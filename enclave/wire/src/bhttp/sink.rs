//! Where encoders write: memory of the caller's choice.

use super::fields::{self, Field};
use super::{BhttpError, Framing};
use core::fmt;

/// Takes the bytes of a message in order.
pub trait Sink {
    /// Appends `bytes`.
    ///
    /// # Errors
    /// [`EncodeError::NoRoom`] when they do not fit; the message is then incomplete and must not be used.
    fn put(&mut self, bytes: &[u8]) -> Result<(), EncodeError>;
}

/// Why a message was not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncodeError {
    /// A reader would refuse the message, for this reason.
    Invalid(BhttpError),
    /// The sink cannot hold the message.
    NoRoom,
}

impl fmt::Display for EncodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invalid(error) => write!(f, "not written: {error}"),
            Self::NoRoom => {
                f.write_str("not written: the buffer is too small for the binary HTTP message")
            }
        }
    }
}

impl core::error::Error for EncodeError {}

/// Counts the bytes of a message and keeps none: what an encoder wrote here is what it will write elsewhere.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counter(pub usize);

impl Sink for Counter {
    fn put(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.0 = self.0.checked_add(bytes.len()).ok_or(EncodeError::NoRoom)?;
        Ok(())
    }
}

impl Sink for Vec<u8> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        self.extend_from_slice(bytes);
        Ok(())
    }
}

/// Fills a slice from its start.
pub struct SliceSink<'b> {
    rest: &'b mut [u8],
    written: usize,
}

impl<'b> SliceSink<'b> {
    /// A sink over all of `out`.
    #[must_use]
    pub fn new(out: &'b mut [u8]) -> Self {
        Self {
            rest: out,
            written: 0,
        }
    }

    /// Bytes written so far.
    #[must_use]
    pub fn written(&self) -> usize {
        self.written
    }

    /// Sets the rest of the slice to zero, which is padding (RFC 9292 section 3.8); returns how many bytes the message has.
    pub fn pad(self) -> usize {
        self.rest.fill(0);
        self.written
    }
}

impl Sink for SliceSink<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), EncodeError> {
        let (place, rest) = core::mem::take(&mut self.rest)
            .split_at_mut_checked(bytes.len())
            .ok_or(EncodeError::NoRoom)?;
        place.copy_from_slice(bytes);
        self.rest = rest;
        self.written += bytes.len();
        Ok(())
    }
}

/// Writes one chunk of content of an indeterminate-length message; an empty one, which would end the content, writes nothing.
///
/// # Errors
/// [`EncodeError::NoRoom`] when the sink is full.
pub fn encode_chunk(chunk: &[u8], sink: &mut impl Sink) -> Result<(), EncodeError> {
    if chunk.is_empty() {
        return Ok(());
    }
    put_prefixed(sink, chunk)
}

/// Ends the content of an indeterminate-length message and writes its trailer section.
///
/// # Errors
/// [`EncodeError`] for trailers that a reader would refuse, and when the sink is full.
pub fn encode_end(trailers: &[Field<'_>], sink: &mut impl Sink) -> Result<(), EncodeError> {
    put_integer(sink, 0)?;
    fields::write(trailers, Framing::Indeterminate, sink)
}

/// Writes an integer in its shortest form (RFC 9000 section 16).
pub(super) fn put_integer(sink: &mut impl Sink, value: usize) -> Result<(), EncodeError> {
    let value = u64::try_from(value).map_err(|_| EncodeError::NoRoom)?;
    let bytes = match integer_length(value)? {
        1 => value << 56,
        2 => (value | (1 << 14)) << 48,
        4 => (value | (2 << 30)) << 32,
        _ => value | (3 << 62),
    }
    .to_be_bytes();
    sink.put(bytes.get(..integer_length(value)?).unwrap_or(&bytes))
}

fn integer_length(value: u64) -> Result<usize, EncodeError> {
    match value {
        0..=0x3f => Ok(1),
        0x40..=0x3fff => Ok(2),
        0x4000..=0x3fff_ffff => Ok(4),
        0x4000_0000..=0x3fff_ffff_ffff_ffff => Ok(8),
        _ => Err(EncodeError::NoRoom),
    }
}

/// Writes the length of `bytes`, then `bytes`.
pub(super) fn put_prefixed(sink: &mut impl Sink, bytes: &[u8]) -> Result<(), EncodeError> {
    put_integer(sink, bytes.len())?;
    sink.put(bytes)
}

/// How many bytes [`put_prefixed`] writes.
pub(super) fn prefixed_length(bytes: &[u8]) -> Result<usize, EncodeError> {
    let mut counter = Counter(0);
    put_prefixed(&mut counter, bytes)?;
    Ok(counter.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::super::cursor::Cursor;
    use super::*;

    #[test]
    fn integers_are_written_in_their_shortest_form() {
        for (value, length) in [
            (0, 1),
            (63, 1),
            (64, 2),
            (16383, 2),
            (16384, 4),
            ((1 << 30) - 1, 4),
            (1 << 30, 8),
            ((1 << 62) - 1, 8),
        ] {
            let mut out = Vec::new();
            put_integer(&mut out, value).unwrap();
            assert_eq!(out.len(), length);
            assert_eq!(
                Cursor::new(&out).integer(),
                Ok(u64::try_from(value).unwrap())
            );
        }
        assert_eq!(
            put_integer(&mut Vec::new(), 1 << 62),
            Err(EncodeError::NoRoom)
        );
    }

    #[test]
    fn a_full_slice_stays_full() {
        let mut out = [9; 3];
        let mut sink = SliceSink::new(&mut out);
        sink.put(&[1]).unwrap();
        assert_eq!(sink.put(&[1, 2, 3]), Err(EncodeError::NoRoom));
        assert_eq!(
            sink.put(&[1]),
            Err(EncodeError::NoRoom),
            "a failed write must not leave a gap to fill"
        );
        let mut out = [9; 3];
        let mut sink = SliceSink::new(&mut out);
        sink.put(&[1]).unwrap();
        assert_eq!(sink.pad(), 1);
        assert_eq!(out, [1, 0, 0]);
    }
}
