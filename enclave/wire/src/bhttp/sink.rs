//! Where encoders write: memory of the caller's choice.

use super::fields::{self, Field};
use super::{BhttpError, Framing};
use crate::varint;
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

/// Writes the content's length of a known-length message; exactly that many bytes of content follow.
///
/// # Errors
/// [`EncodeError::NoRoom`] when the sink is full.
pub fn encode_length(content_length: usize, sink: &mut impl Sink) -> Result<(), EncodeError> {
    put_integer(sink, content_length)
}

/// Writes the trailer section of a known-length message behind its content; an empty one may be left away (RFC 9292 section 3.8).
///
/// # Errors
/// [`EncodeError`] for trailers that a reader would refuse, and when the sink is full.
pub fn encode_trailers(trailers: &[Field<'_>], sink: &mut impl Sink) -> Result<(), EncodeError> {
    fields::write(trailers, Framing::Known, sink)
}

/// The methods of the heads of both kinds of message, which have a `write` up to where the content begins.
macro_rules! write_methods {
    ($kind:literal, $message:ident) => {
        #[doc = concat!("How many bytes the known-length ", $kind, " with this much content has, before padding.")]
        ///
        /// # Errors
        #[doc = concat!("[`EncodeError`] for a ", $kind, " that a reader would refuse, and when it has more bytes than can be counted.")]
        pub fn encoded_len(&self, content_length: usize) -> Result<usize, EncodeError> {
            let mut counter = $crate::bhttp::Counter(0);
            self.encode_before_content(content_length, &mut counter)?;
            counter
                .0
                .checked_add(content_length)
                .ok_or(EncodeError::NoRoom)
        }

        #[doc = concat!("Writes a known-length ", $kind, " to the front of `out` and sets the rest of `out` to zero, as padding.")]
        #[doc = concat!("Returns how many bytes the ", $kind, " has without padding.")]
        ///
        /// # Errors
        #[doc = concat!("[`EncodeError`] for a ", $kind, " that [`", stringify!($message), "::decode`] would refuse, and when `out` is too small.")]
        pub fn encode(&self, content: &[u8], out: &mut [u8]) -> Result<usize, EncodeError> {
            let mut sink = $crate::bhttp::SliceSink::new(out);
            self.encode_before_content(content.len(), &mut sink)?;
            sink.put(content)?;
            Ok(sink.pad())
        }

        #[doc = concat!("Writes a known-length ", $kind, " up to where its content begins. The caller then writes exactly")]
        /// `content_length` bytes, and [`super::encode_trailers`] unless there are none (RFC 9292 section 3.8).
        ///
        /// # Errors
        #[doc = concat!("[`EncodeError`] for a ", $kind, " that a reader would refuse, and when the sink is full.")]
        pub fn encode_before_content(
            &self,
            content_length: usize,
            sink: &mut impl Sink,
        ) -> Result<(), EncodeError> {
            self.write(Framing::Known, sink)?;
            $crate::bhttp::encode_length(content_length, sink)
        }

        #[doc = concat!("Writes an indeterminate-length ", $kind, " up to where its content begins; [`super::encode_chunk`] and")]
        /// [`super::encode_end`] write the rest.
        ///
        /// # Errors
        #[doc = concat!("[`EncodeError`] for a ", $kind, " that a reader would refuse, and when the sink is full.")]
        pub fn encode_indeterminate(&self, sink: &mut impl Sink) -> Result<(), EncodeError> {
            self.write(Framing::Indeterminate, sink)
        }
    };
}
pub(super) use write_methods;

/// Writes an integer in its shortest form (RFC 9000 section 16).
pub(super) fn put_integer(sink: &mut impl Sink, value: usize) -> Result<(), EncodeError> {
    let encoded = u64::try_from(value).ok().and_then(varint::encode);
    sink.put(encoded.ok_or(EncodeError::NoRoom)?.as_slice())
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
    use super::*;

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
