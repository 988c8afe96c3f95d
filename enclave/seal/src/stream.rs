//! Sealing a reply in chunks (draft-ietf-ohai-chunked-ohttp-08 section 6.2), and in chunks of one size.

use crate::reply::{ReplySecret, SealError, seal_behind};
use crate::schedule::Keys;
use crate::wipe;
use cloister_memory::Locked;
use cloister_wire::bhttp::{self, ResponseHead, SliceSink};
use cloister_wire::chunked::{FINAL_AAD, FINAL_IN_TWO, MAX_CHUNK, MAX_CHUNKS, put_length};
use cloister_wire::ohttp::TAG_LENGTH;
use cloister_wire::pad::REPLY_CHUNK;

/// Seals the one reply to a request that came in chunks. It is used up by that, as [`crate::ReplySealer`] is.
pub struct ChunkedReplySealer(ReplySecret);

/// Seals chunk after chunk of a reply, under a nonce of its own each.
pub struct ChunkSealer {
    keys: Keys,
    /// The number of the next chunk.
    sequence: u64,
}

impl ChunkedReplySealer {
    pub(crate) fn new(secret: ReplySecret) -> Self {
        Self(secret)
    }

    /// Begins the reply with a fresh response nonce, which is to be sent first.
    ///
    /// # Errors
    /// [`SealError`] without random bytes or locked memory.
    pub fn begin(self) -> Result<(ChunkSealer, Vec<u8>), SealError> {
        let nonce = self.0.nonce()?;
        let sealer = self.begin_under(&nonce);
        wipe::shallow_stack();
        Ok((sealer?, nonce))
    }

    /// Never inlined, so that everything it leaves on the stack lies below its caller, which wipes there.
    #[inline(never)]
    pub(crate) fn begin_under(self, nonce: &[u8]) -> Result<ChunkSealer, SealError> {
        Ok(ChunkSealer {
            keys: self.0.keys(nonce)?,
            sequence: 0,
        })
    }

    #[cfg(test)]
    pub(crate) fn expose(&self) -> &[u8] {
        self.0.expose()
    }

    /// Begins the reply as one whose chunks all have one size: see [`PacedReply`]. The response nonce is to be sent first.
    ///
    /// # Errors
    /// [`SealError`] without random bytes or locked memory, and for a head that does not fit the first chunk.
    pub fn begin_paced(self, head: &ResponseHead<'_>) -> Result<(PacedReply, Vec<u8>), SealError> {
        let (sealer, nonce) = self.begin()?;
        Ok((PacedReply::new(sealer, head)?, nonce))
    }
}

impl ChunkSealer {
    #[cfg(test)]
    pub(crate) fn keys(&self) -> &Keys {
        &self.keys
    }

    /// Seals a chunk before the final one: its length, ciphertext, tag.
    ///
    /// # Errors
    /// [`SealError`] for an empty chunk, one of more than [`MAX_CHUNK`] bytes, and when only the final one is left. The sealer can
    /// then still seal others.
    pub fn seal(&mut self, plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
        if plaintext.is_empty() {
            return Err(SealError::EmptyChunk);
        }
        if self.sequence + 1 >= MAX_CHUNKS {
            return Err(SealError::Exhausted);
        }
        let mut out = Vec::with_capacity(4 + plaintext.len() + TAG_LENGTH);
        put_length(plaintext.len() + TAG_LENGTH, &mut out)?;
        self.seal_behind(b"", plaintext, &mut out)?;
        self.sequence += 1;
        Ok(out)
    }

    /// Seals the final chunk, which may be empty: a zero, ciphertext, tag.
    ///
    /// # Errors
    /// [`SealError::ChunkTooLong`] for one of more than [`MAX_CHUNK`] bytes. The reply is then cut, and the device says so.
    pub fn finish(self, plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
        self.finish_behind(&[0], plaintext)
    }

    fn finish_behind(self, length: &[u8], plaintext: &[u8]) -> Result<Vec<u8>, SealError> {
        let mut out = Vec::with_capacity(length.len() + plaintext.len() + TAG_LENGTH);
        out.extend_from_slice(length);
        self.seal_behind(FINAL_AAD, plaintext, &mut out)?;
        Ok(out)
    }

    fn seal_behind(&self, aad: &[u8], text: &[u8], out: &mut Vec<u8>) -> Result<(), SealError> {
        if text.len() > MAX_CHUNK {
            return Err(SealError::ChunkTooLong);
        }
        // As above: not inlined into its caller, which wipes.
        #[inline(never)]
        fn apart(
            sealer: &ChunkSealer,
            aad: &[u8],
            text: &[u8],
            out: &mut Vec<u8>,
        ) -> Result<(), SealError> {
            seal_behind(&sealer.keys, sealer.sequence, aad, text, out)
        }
        let sealed = apart(self, aad, text, out);
        wipe::shallow_stack();
        sealed
    }
}

/// What fills a chunk for which there is not enough to say: white space between the tokens of JSON (RFC 8259 section 2).
const FILLER: u8 = b' ';
/// A chunk of content and its length in two bytes, where it has 64 bytes or more.
const CONTENT_PREFIX: usize = 2;
/// The end of the content and an empty trailer section.
const END: usize = 2;

/// A reply whose chunks all have the same size, [`REPLY_CHUNK`] bytes of plaintext, so that what is sent tells how long the reply
/// takes and nothing of what becomes known when (attack A45). Sending them at a fixed pace is the caller's business: at each beat it
/// seals what content there is, or none.
///
/// Inside is an indeterminate-length binary HTTP response (RFC 9292 section 3.2) of some JSON. Content that does not fill its chunk is
/// filled up with spaces, so it must end between two tokens of the JSON, not inside a string; content that fills it may end anywhere.
/// The final chunk is filled up with the message's own padding (RFC 9292 section 3.8).
pub struct PacedReply {
    sealer: ChunkSealer,
    /// The plaintext of the next chunk, as far as it is known.
    chunk: Locked,
}

impl PacedReply {
    fn new(sealer: ChunkSealer, head: &ResponseHead<'_>) -> Result<Self, SealError> {
        let mut chunk = Locked::with_capacity(REPLY_CHUNK).map_err(|_| SealError::Unavailable)?;
        let mut sink = SliceSink::new(chunk.spare_mut());
        head.encode_indeterminate(&mut sink)?;
        let written = sink.written();
        chunk.advance(written).map_err(|_| SealError::Unavailable)?;
        let reply = Self { sealer, chunk };
        // With less than this the length of the first content might take one byte.
        if reply.left() < CONTENT_PREFIX + 64 + END {
            return Err(SealError::Message(bhttp::EncodeError::NoRoom));
        }
        Ok(reply)
    }

    /// Bytes of the next chunk that are not yet spoken for.
    fn left(&self) -> usize {
        self.chunk.capacity() - self.chunk.len()
    }

    /// The most bytes of content that the next chunk takes, be it the final one or not.
    #[must_use]
    pub fn room(&self) -> usize {
        self.left() - CONTENT_PREFIX - END
    }

    /// Seals the next chunk with this content, of at most [`PacedReply::room`] bytes and perhaps none.
    ///
    /// # Errors
    /// [`SealError`] when there is more content than room, and when only the final chunk is left.
    pub fn seal(&mut self, content: &[u8]) -> Result<Vec<u8>, SealError> {
        let filled = self.left() - CONTENT_PREFIX;
        if content.len() > self.room() {
            return Err(SealError::ChunkTooLong);
        }
        let start = self.chunk.len();
        // Content and filler are one chunk of content, which ends with the sealed chunk.
        let room = self.chunk.spare_mut();
        let (prefix, content_room) = room
            .split_at_mut_checked(CONTENT_PREFIX)
            .ok_or(SealError::Unavailable)?;
        bhttp::encode_length(filled, &mut SliceSink::new(prefix))?;
        let (to, filler) = content_room
            .split_at_mut_checked(content.len())
            .ok_or(SealError::Unavailable)?;
        to.copy_from_slice(content);
        filler.fill(FILLER);
        self.chunk
            .advance(CONTENT_PREFIX + filled)
            .map_err(|_| SealError::Unavailable)?;
        let sealed = self.sealer.seal(self.chunk.as_slice());
        // After a failure the next attempt begins where this one did, after a success with an empty chunk.
        self.chunk.truncate(if sealed.is_ok() { 0 } else { start });
        sealed
    }

    /// Seals the final chunk with the last of the content. It has the same size as the others, length and all.
    ///
    /// # Errors
    /// [`SealError`] when there is more content than room.
    pub fn finish(mut self, content: &[u8]) -> Result<Vec<u8>, SealError> {
        if content.len() > self.room() {
            return Err(SealError::ChunkTooLong);
        }
        let left = self.left();
        let mut sink = SliceSink::new(self.chunk.spare_mut());
        bhttp::encode_chunk(content, &mut sink)?;
        bhttp::encode_end(&[], &mut sink)?;
        sink.pad();
        self.chunk
            .advance(left)
            .map_err(|_| SealError::Unavailable)?;
        self.sealer
            .finish_behind(&FINAL_IN_TWO, self.chunk.as_slice())
    }
}

#[cfg(test)]
mod tests;
