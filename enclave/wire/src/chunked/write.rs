//! Writing: lengths and heads. The sealed bytes go between, as they are.

use crate::bhttp::{EncodeError, Sink};
use crate::ohttp::RequestHeader;
use crate::varint;

/// The length of a final chunk, 0, in a form of two bytes. A chunk of 64 to 16383 bytes has its length in two bytes too, so that with
/// this one all chunks of a stream can have one size on the wire.
pub const FINAL_IN_TWO: [u8; 2] = [0x40, 0];

/// Writes the length before a sealed chunk: 0 says that it is the final one.
///
/// # Errors
/// [`EncodeError::NoRoom`] when the sink is full.
pub fn put_length(sealed: usize, sink: &mut impl Sink) -> Result<(), EncodeError> {
    let length = u64::try_from(sealed).ok().and_then(varint::encode);
    sink.put(length.ok_or(EncodeError::NoRoom)?.as_slice())
}

/// Writes what a request begins with (section 4).
///
/// # Errors
/// [`EncodeError::NoRoom`] when the sink is full.
pub fn put_request_head(
    header: &RequestHeader,
    enc: &[u8],
    sink: &mut impl Sink,
) -> Result<(), EncodeError> {
    sink.put(&header.encode())?;
    sink.put(enc)
}
