//! Opening a request that comes in chunks (draft-ietf-ohai-chunked-ohttp-08 section 6.1).

use crate::keys::KeyRing;
use crate::open::{OpenError, Opened, Received, receive};
use crate::slots::Slots;
use crate::stream::ChunkedReplySealer;
use crate::window::ReplayWindow;
use crate::wipe;
use cloister_memory::Locked;
use cloister_wire::chunked::{
    FINAL_AAD, Piece, REQUEST_LABEL, RESPONSE_LABEL, RequestPiece, RequestReader,
};
use cloister_wire::ohttp::TAG_LENGTH;
use cloister_wire::pad;
use hpke::inout::InOutBuf;

/// A request that is still coming: its bytes are pushed in as they arrive, in whatever pieces, and each chunk is opened as soon as it
/// is there, in place, in locked memory.
///
/// It gives nothing out before [`ChunkedRequest::finish`] has verified the final chunk, so a request that was cut off is never taken
/// for a whole one (attack A41), and nothing is done for a replayed one. It holds at most [`crate::MAX_PLAINTEXT`] bytes, in a buffer
/// that grows fourfold, along the padding ladder, as chunks prove authentic. Once it has failed, it fails in the same way for ever and
/// holds nothing.
pub struct ChunkedRequest {
    reader: RequestReader,
    slots: Slots,
    state: State,
}

enum State {
    Head,
    Body(Body),
    Failed(OpenError),
}

/// A request whose header was read.
struct Body {
    enc: Vec<u8>,
    received: Received,
    /// The number of the next chunk.
    sequence: u64,
    /// The plaintext of all complete chunks, then what has come of the sealed one that is being read.
    text: Locked,
    /// Bytes of plaintext in `text`.
    opened: usize,
}

impl ChunkedRequest {
    pub(crate) fn new(slots: Slots) -> Self {
        Self {
            reader: RequestReader::new(),
            slots,
            state: State::Head,
        }
    }

    /// Takes the next bytes of the request. `ring` is the one whose [`KeyRing::open_chunked`] began it.
    ///
    /// # Errors
    /// [`OpenError`] when the request is malformed, too long, sealed to another key or was tampered with, or there is no room. Nothing
    /// of it is kept then.
    pub fn push(&mut self, ring: &KeyRing, bytes: &[u8]) -> Result<(), OpenError> {
        let in_head = matches!(self.state, State::Head);
        let taken = self.take(ring, bytes);
        if let Err(error) = taken {
            self.state = State::Failed(error);
        }
        // The header brings the KEM's computation with it, the chunks only symmetric ones.
        if in_head {
            wipe::stack();
        } else {
            wipe::shallow_stack();
        }
        taken
    }

    /// Never inlined, so that everything it leaves on the stack lies below its caller, which wipes there.
    #[inline(never)]
    fn take(&mut self, ring: &KeyRing, mut bytes: &[u8]) -> Result<(), OpenError> {
        if let State::Failed(error) = self.state {
            return Err(error);
        }
        while let Some(piece) = self.reader.read(&mut bytes)? {
            match (piece, &mut self.state) {
                (RequestPiece::Head(header, enc), state) => {
                    let received = receive(&ring.keys, &self.slots, REQUEST_LABEL, &header, &enc)?;
                    *state = State::Body(Body {
                        enc,
                        received,
                        sequence: 0,
                        text: room_for(0)?,
                        opened: 0,
                    });
                }
                (RequestPiece::Chunk(Piece::Sealed(sealed)), State::Body(body)) => {
                    body.append(sealed)?;
                }
                (RequestPiece::Chunk(Piece::Complete), State::Body(body)) => body.open(b"")?,
                // The reader gives the head first.
                (RequestPiece::Chunk(_), _) => return Err(OpenError::CannotOpen),
            }
        }
        Ok(())
    }

    /// Ends the request where its outer message has ended: opens the final chunk, and remembers the request in `window`. `now_unix`
    /// is the time in seconds.
    ///
    /// # Errors
    /// [`OpenError::Truncated`] when there is no final chunk, [`OpenError::CannotOpen`] when it was not sealed as the final one,
    /// [`OpenError`] otherwise as for [`KeyRing::open`].
    pub fn finish(
        self,
        window: &ReplayWindow,
        now_unix: u64,
    ) -> Result<Opened<ChunkedReplySealer>, OpenError> {
        let opened = self.complete(window, now_unix);
        wipe::shallow_stack();
        opened
    }

    #[inline(never)]
    fn complete(
        self,
        window: &ReplayWindow,
        now_unix: u64,
    ) -> Result<Opened<ChunkedReplySealer>, OpenError> {
        let mut body = match self.state {
            State::Head => return Err(OpenError::Truncated),
            State::Failed(error) => return Err(error),
            State::Body(body) => body,
        };
        self.reader.finish()?;
        body.open(FINAL_AAD)?;
        let secret = body
            .received
            .reply_secret(&self.slots, RESPONSE_LABEL, &body.enc)?;
        // Remembered only now, as whole requests are: nothing of it was given out before.
        let admitted = window.admit(&body.enc, now_unix)?;
        let sealer = ChunkedReplySealer::new(secret);
        Ok(Opened::new(body.text, sealer, admitted))
    }
}

impl Body {
    /// Takes sealed bytes behind the plaintext.
    fn append(&mut self, sealed: &[u8]) -> Result<(), OpenError> {
        let needed = self.text.len() + sealed.len();
        if needed > self.text.capacity() {
            // Fourfold, so that little is copied; what is there already is authentic but for one chunk. The old buffer is wiped
            // when it is dropped.
            let fourfold = (4 * (self.text.capacity() - TAG_LENGTH)).min(pad::HIGHEST);
            let mut larger = room_for(needed.max(fourfold + TAG_LENGTH))?;
            larger
                .extend_from_slice(self.text.as_slice())
                .map_err(|_| OpenError::Unavailable)?;
            self.text = larger;
        }
        self.text
            .extend_from_slice(sealed)
            .map_err(|_| OpenError::Unavailable)
    }

    /// Opens the chunk that is complete, in its place.
    fn open(&mut self, aad: &[u8]) -> Result<(), OpenError> {
        let sealed = self
            .text
            .as_mut_slice()
            .get_mut(self.opened..)
            .ok_or(OpenError::CannotOpen)?;
        let (ciphertext, tag) = sealed
            .split_last_chunk_mut::<TAG_LENGTH>()
            .ok_or(OpenError::Truncated)?;
        let length = ciphertext.len();
        self.received
            .keys
            .open(self.sequence, aad, InOutBuf::from(ciphertext), tag)
            .ok_or(OpenError::CannotOpen)?;
        self.opened += length;
        self.text.truncate(self.opened);
        // Cannot overflow: the reader refuses more chunks than `MAX_CHUNKS`.
        self.sequence += 1;
        Ok(())
    }
}

/// A buffer for `needed` bytes, a tag included: the lowest rung of the ladder that they fit.
fn room_for(needed: usize) -> Result<Locked, OpenError> {
    let rung = pad::rung(needed.saturating_sub(TAG_LENGTH)).ok_or(OpenError::TooLarge)?;
    Locked::with_capacity(rung + TAG_LENGTH).map_err(|_| OpenError::Unavailable)
}

#[cfg(test)]
mod tests;
