//! The device's side of a seal in chunks (draft-ietf-ohai-chunked-ohttp-08).
//!
//! In goes a padded message bit by bit, in chunks of one size, sealed to the keys of an [`Attested`] value; out comes, with the final
//! chunk, what opens the one reply chunk by chunk as it arrives. There is no way to open a reply before the request is complete, so
//! nobody learns from the device's answer to it how far away the device is (the draft's section 7.2).
//!
//! What was opened is authentic and in order, but it is the whole reply only once [`ChunkedReplyOpener::finish`] has verified the
//! final chunk: a reply that ends without one was cut on the way (attack A41).

use super::{Context, ReplyKeys, ReplySecret, SealError, choose, suite_name};
use cloister_verify::Attested;
use cloister_wire::chunked::{
    ChunkError, FINAL_AAD, FINAL_IN_TWO, MAX_CHUNKS, MAX_SEALED_CHUNK, Piece, REQUEST_LABEL,
    RESPONSE_LABEL, ResponsePiece, ResponseReader, put_length, put_request_head,
};
use cloister_wire::keyconfig::KeyConfigs;
use cloister_wire::ohttp::{RequestHeader, TAG_LENGTH};
use cloister_wire::pad::{self, REPLY_CHUNK, REQUEST_CHUNK};
use core::fmt;
use std::error::Error;
use zeroize::{Zeroize, Zeroizing};

/// Seals a request chunk by chunk. Every chunk has [`REQUEST_CHUNK`] bytes of plaintext, and all together have a rung of the padding
/// ladder.
pub struct ChunkedRequestSealer {
    header: RequestHeader,
    enc: Vec<u8>,
    context: Box<dyn Context>,
    /// Bytes of plaintext that were sealed.
    sealed: usize,
}

/// Why a chunk was not sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealChunkError {
    /// Encryption failed, or the reply's secret could not be derived.
    Encrypt,
    /// The chunk has another size than [`REQUEST_CHUNK`]; its size in bytes.
    Size(usize),
    /// With this chunk the message is longer than the ladder's highest rung, or is no rung where it should end; its size in bytes.
    Unpadded(usize),
}

impl fmt::Display for SealChunkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Encrypt => f.write_str("the chunk could not be encrypted"),
            Self::Size(size) => write!(
                f,
                "the chunk has {size} bytes, where every chunk of a request must have {REQUEST_CHUNK}"
            ),
            Self::Unpadded(size) => write!(
                f,
                "the message has {size} bytes with this chunk, which is no rung of the padding ladder"
            ),
        }
    }
}

impl Error for SealChunkError {}

/// Begins a request in chunks to the attested keys.
///
/// # Errors
/// [`SealError`] when the keys are unusable, or the system has no random bytes.
pub fn seal_chunked(attested: &Attested) -> Result<ChunkedRequestSealer, SealError> {
    let configs = KeyConfigs::decode(attested.key_configs()).map_err(SealError::KeyConfigs)?;
    seal_chunked_to(&configs)
}

/// Private, so that only attested keys ever get here.
fn seal_chunked_to(configs: &KeyConfigs) -> Result<ChunkedRequestSealer, SealError> {
    let recipient = choose(configs)?;
    let (enc, context) = recipient.set_up(REQUEST_LABEL)?;
    Ok(ChunkedRequestSealer {
        header: recipient.header,
        enc,
        context,
        sealed: 0,
    })
}

impl ChunkedRequestSealer {
    /// The names of the algorithms, for the trail.
    #[must_use]
    pub fn suite(&self) -> &'static str {
        suite_name(self.header.kem, self.header.aead)
    }

    /// Seals a chunk before the final one. What comes out is to be sent as it is, each behind the one before.
    ///
    /// # Errors
    /// [`SealChunkError`] for a chunk of the wrong size, or one too many. The sealer can then still seal others.
    pub fn seal(&mut self, chunk: &[u8]) -> Result<Vec<u8>, SealChunkError> {
        let total = self.total_with(chunk)?;
        if total >= pad::HIGHEST {
            // The final chunk would make it too long.
            return Err(SealChunkError::Unpadded(total));
        }
        self.seal_chunk(chunk, b"")
    }

    /// Seals the final chunk, and gives what opens the reply.
    ///
    /// # Errors
    /// [`SealChunkError`] for a chunk of the wrong size, or when the message is not padded. What was sent before is then no request.
    pub fn finish(mut self, chunk: &[u8]) -> Result<(Vec<u8>, ChunkedReplyOpener), SealChunkError> {
        let total = self.total_with(chunk)?;
        if pad::rung(total) != Some(total) {
            return Err(SealChunkError::Unpadded(total));
        }
        let sealed = self.seal_chunk(chunk, FINAL_AAD)?;
        Ok((sealed, self.opener(Some(REPLY_CHUNK))?))
    }

    fn total_with(&self, chunk: &[u8]) -> Result<usize, SealChunkError> {
        if chunk.len() != REQUEST_CHUNK {
            return Err(SealChunkError::Size(chunk.len()));
        }
        Ok(self.sealed + chunk.len())
    }

    /// Head, when it is the first, length, ciphertext, tag (the draft's section 6.1).
    fn seal_chunk(&mut self, chunk: &[u8], aad: &[u8]) -> Result<Vec<u8>, SealChunkError> {
        let failed = SealChunkError::Encrypt;
        let size = self.enc.len() + 16 + chunk.len() + TAG_LENGTH;
        // One allocation of the final size: the plaintext is encrypted in place and never moved.
        let mut out = Zeroizing::new(Vec::with_capacity(size));
        if self.sealed == 0 {
            put_request_head(&self.header, &self.enc, &mut *out).map_err(|_| failed)?;
        }
        if aad == FINAL_AAD {
            // In as many bytes as the other lengths have, so that all chunks have one size on the wire.
            out.extend_from_slice(&FINAL_IN_TWO);
        } else {
            put_length(chunk.len() + TAG_LENGTH, &mut *out).map_err(|_| failed)?;
        }
        let start = out.len();
        out.extend_from_slice(chunk);
        let text = out.get_mut(start..).ok_or(failed)?;
        let tag = self.context.seal(aad, text).ok_or(failed)?;
        out.extend_from_slice(&tag);
        self.sealed += chunk.len();
        Ok(core::mem::take(&mut *out))
    }

    /// `size`: bytes of plaintext that every chunk of the reply must have.
    fn opener(self, size: Option<usize>) -> Result<ChunkedReplyOpener, SealChunkError> {
        let aead = self.header.aead;
        let secret = ReplySecret::export(self.context.as_ref(), RESPONSE_LABEL, aead, self.enc)
            .map_err(|_| SealChunkError::Encrypt)?;
        Ok(ChunkedReplyOpener {
            reader: ResponseReader::new(aead).map_err(|_| SealChunkError::Encrypt)?,
            secret,
            keys: None,
            sequence: 0,
            size,
            chunk: Zeroizing::new(Vec::with_capacity(MAX_SEALED_CHUNK)),
            is_open: false,
            failed: None,
        })
    }
}

/// Opens the one reply to a request in chunks.
pub struct ChunkedReplyOpener {
    reader: ResponseReader,
    secret: ReplySecret,
    /// Known once the response's nonce has come.
    keys: Option<ReplyKeys>,
    /// The number of the next chunk.
    sequence: u64,
    size: Option<usize>,
    /// What has come of the sealed chunk that is being read, or the plaintext of the last one. Its capacity is never exceeded, so
    /// plaintext is never moved.
    chunk: Zeroizing<Vec<u8>>,
    /// Whether `chunk` is plaintext, which was handed out.
    is_open: bool,
    failed: Option<OpenChunkError>,
}

/// Why a chunk of a reply was not opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenChunkError {
    /// The reply is no chunked stream.
    Framing(ChunkError),
    /// A chunk does not open under the key of this request's reply, in its place, and as final or not.
    NotAuthentic,
    /// The reply ends before its final chunk: it was cut on the way, and what was opened is not all of it.
    Truncated,
    /// A chunk is authentic and has not the size of every chunk; its size in bytes.
    Unpadded(usize),
}

impl fmt::Display for OpenChunkError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Framing(error) => write!(f, "the sealed reply is broken: {error}"),
            Self::NotAuthentic => f.write_str(
                "a chunk of the sealed reply does not open: it was changed, cut, moved or left out on the way, or is not from the machine that was verified",
            ),
            Self::Truncated => f.write_str(
                "the sealed reply ends before its final chunk: it was cut on the way, and what came of it is not all of it",
            ),
            Self::Unpadded(size) => write!(
                f,
                "a chunk of the reply has {size} bytes, where every chunk must have {REPLY_CHUNK}"
            ),
        }
    }
}

impl Error for OpenChunkError {}

impl From<ChunkError> for OpenChunkError {
    fn from(error: ChunkError) -> Self {
        match error {
            ChunkError::Truncated => Self::Truncated,
            error => Self::Framing(error),
        }
    }
}

impl ChunkedReplyOpener {
    /// Takes bytes of the reply off the front of `input`, up to the end of a chunk, and gives that chunk's plaintext. `None` when all
    /// of `input` is used up. The plaintext is wiped at the next call.
    ///
    /// # Errors
    /// [`OpenChunkError`] when the reply was tampered with or is malformed. The opener then fails in the same way for ever.
    pub fn open<'o>(&'o mut self, input: &mut &[u8]) -> Result<Option<&'o [u8]>, OpenChunkError> {
        if self.is_open {
            self.chunk.zeroize();
            self.is_open = false;
        }
        match self.take(input) {
            Ok(false) => Ok(None),
            Ok(true) => {
                self.is_open = true;
                Ok(Some(&self.chunk))
            }
            Err(error) => {
                self.chunk.zeroize();
                self.failed = Some(error);
                Err(error)
            }
        }
    }

    /// Whether `chunk` now is the plaintext of a chunk.
    fn take(&mut self, input: &mut &[u8]) -> Result<bool, OpenChunkError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        while let Some(piece) = self.reader.read(input)? {
            match piece {
                ResponsePiece::Nonce(nonce) => self.keys = self.secret.keys(&nonce),
                // The reader gives no more of a chunk than there is room for.
                ResponsePiece::Chunk(Piece::Sealed(sealed)) => self.chunk.extend_from_slice(sealed),
                ResponsePiece::Chunk(Piece::Complete) => {
                    self.decrypt(b"")?;
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }

    fn decrypt(&mut self, aad: &[u8]) -> Result<(), OpenChunkError> {
        let not_authentic = OpenChunkError::NotAuthentic;
        if self.sequence >= MAX_CHUNKS {
            return Err(not_authentic);
        }
        let keys = self.keys.as_ref().ok_or(not_authentic)?;
        keys.open(self.sequence, aad, &mut self.chunk)
            .ok_or(not_authentic)?;
        self.sequence += 1;
        let size = self.chunk.len();
        if self.size.is_some_and(|wanted| wanted != size) {
            return Err(OpenChunkError::Unpadded(size));
        }
        Ok(())
    }

    /// Ends the reply where its outer message has ended, and gives the final chunk's plaintext. With it the reply is whole.
    ///
    /// # Errors
    /// [`OpenChunkError::Truncated`] when no final chunk has come, [`OpenChunkError::NotAuthentic`] when it was not sealed as the
    /// final one or is itself cut.
    pub fn finish(mut self) -> Result<Zeroizing<Vec<u8>>, OpenChunkError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.reader.finish()?;
        self.decrypt(FINAL_AAD)?;
        Ok(self.chunk)
    }
}

#[cfg(test)]
mod tests;
