//! The framing of chunked Oblivious HTTP (draft-ietf-ohai-chunked-ohttp-08 sections 4 and 5), without its cryptography.
//!
//! ```text
//! request:  key id 1 | KEM 2 | KDF 2 | AEAD 2 | encapsulated key Nenc | chunks
//! response: nonce max(Nn, Nk) | chunks
//! chunks:   (length i | sealed chunk)* | 0 i | sealed final chunk, up to the end of the stream
//! ```
//!
//! A reader is given the bytes of a stream in whatever pieces they arrive and hands on the pieces of the chunks in them: it does no
//! I/O, and keeps no more than a request's header. Lengths may be written in any form (RFC 9000 section 16). What the draft leaves
//! open, or leaves to the AEAD, is decided here:
//!
//! * A chunk has at most [`MAX_CHUNK`] bytes of plaintext, which every receiver must accept (section 3), and a stream at most
//!   [`MAX_CHUNKS`] chunks.
//! * A non-final chunk that could hold no plaintext is refused by its length alone (section 6).
//! * The final chunk ends with the stream, so nothing can follow it: what does is part of it, and its tag is then wrong.

mod read;
mod write;

pub use read::{ChunkReader, Piece, RequestPiece, RequestReader, ResponsePiece, ResponseReader};
pub use write::{FINAL_IN_TWO, put_length, put_request_head};

use crate::ohttp::{EncapsulationError, TAG_LENGTH};
use core::fmt;

/// HPKE `info` of a chunked request begins with this label (section 6.1).
pub const REQUEST_LABEL: &[u8; 29] = b"message/bhttp chunked request";
/// The export context of a chunked response's secret (section 6.2).
pub const RESPONSE_LABEL: &[u8; 30] = b"message/bhttp chunked response";
/// Associated data of the final chunk; that of any other chunk is empty (sections 6.1 and 6.2).
pub const FINAL_AAD: &[u8; 5] = b"final";

/// The most bytes of plaintext in a chunk: 16 KiB, what every receiver must accept (section 3).
pub const MAX_CHUNK: usize = 1 << 14;
/// The most bytes of a sealed chunk.
pub const MAX_SEALED_CHUNK: usize = MAX_CHUNK + TAG_LENGTH;
/// The most chunks of a stream, the final one counted. With [`MAX_CHUNK`] it keeps a stream below the 2^30 bytes that leave
/// AES-128-GCM its security margin (section 7.3).
pub const MAX_CHUNKS: u64 = 1 << 16;

/// Why bytes are not a chunked stream. Nothing here repeats a byte of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkError {
    /// A chunk that is not the final one has no plaintext.
    Empty,
    /// The header of the request, or the nonce of the response, is not to be read.
    Head(EncapsulationError),
    /// A chunk of more than [`MAX_SEALED_CHUNK`] bytes.
    TooLong,
    /// More than [`MAX_CHUNKS`] chunks.
    TooMany,
    /// The stream ends before its final chunk could be complete.
    Truncated,
}

impl fmt::Display for ChunkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => {
                f.write_str("chunked stream has a chunk without content before its final one")
            }
            Self::Head(error) => error.fmt(f),
            Self::TooLong => write!(
                f,
                "chunked stream has a sealed chunk of more than {MAX_SEALED_CHUNK} bytes"
            ),
            Self::TooMany => write!(f, "chunked stream has more than {MAX_CHUNKS} chunks"),
            Self::Truncated => f.write_str("chunked stream ends before its final chunk does"),
        }
    }
}

impl core::error::Error for ChunkError {}

impl From<EncapsulationError> for ChunkError {
    fn from(error: EncapsulationError) -> Self {
        Self::Head(error)
    }
}
