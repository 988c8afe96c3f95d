//! Sealing the reply (RFC 9458 section 4.4).

use crate::schedule::Keys;
use crate::slots::{Slot, Slots};
use crate::suite::Aead;
use crate::wipe;
use cloister_memory::Locked;
use cloister_wire::bhttp::EncodeError;
use cloister_wire::chunked::{MAX_CHUNK, MAX_CHUNKS};
use cloister_wire::ohttp::TAG_LENGTH;
use cloister_wire::pad;
use core::fmt;
use hpke::inout::InOutBuf;

/// Seals the one reply to one request. It is used up by that, for a second reply under the same secret must not exist.
pub struct ReplySealer(ReplySecret);

/// What ties a reply to its request.
pub(crate) struct ReplySecret {
    aead: Aead,
    /// The request's encapsulated key.
    enc: Vec<u8>,
    /// Exported from the request's HPKE context: known to the device and to this machine.
    secret: Slot,
    slots: Slots,
}

/// Why a reply was not sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealError {
    /// A chunk of a reply has more than [`MAX_CHUNK`] bytes.
    ChunkTooLong,
    /// A chunk before the final one has no content, which the receiver would refuse.
    EmptyChunk,
    /// The reply has [`MAX_CHUNKS`] chunks; only the final one can still be sealed as the last of them.
    Exhausted,
    /// The binary HTTP message inside the chunks cannot be written.
    Message(EncodeError),
    /// The system gave no random bytes.
    Random,
    /// The plaintext is longer than the padding ladder's highest rung.
    TooLong,
    /// The cipher refused. A fault of this crate.
    Unavailable,
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ChunkTooLong => write!(
                f,
                "reply not sealed: a chunk is longer than {MAX_CHUNK} bytes"
            ),
            Self::EmptyChunk => {
                f.write_str("reply not sealed: a chunk before the final one has no content")
            }
            Self::Exhausted => write!(
                f,
                "reply not sealed: it has {MAX_CHUNKS} chunks, the last of which must be the final one"
            ),
            Self::Message(error) => write!(f, "reply not sealed: {error}"),
            Self::Random => f.write_str("reply not sealed: the system gave no random bytes"),
            Self::TooLong => write!(
                f,
                "reply not sealed: it is longer than {} bytes",
                pad::HIGHEST
            ),
            Self::Unavailable => f.write_str("reply not sealed: the cipher refused"),
        }
    }
}

impl core::error::Error for SealError {}

impl From<EncodeError> for SealError {
    fn from(error: EncodeError) -> Self {
        Self::Message(error)
    }
}

impl ReplySecret {
    pub(crate) fn new(aead: Aead, enc: &[u8], secret: Slot, slots: Slots) -> Self {
        Self {
            aead,
            enc: enc.to_vec(),
            secret,
            slots,
        }
    }

    /// A fresh response nonce (RFC 9458 section 4.4, step 2).
    pub(crate) fn nonce(&self) -> Result<Vec<u8>, SealError> {
        let mut nonce = vec![0; self.aead.key_length()];
        getrandom::fill(&mut nonce).map_err(|_| SealError::Random)?;
        Ok(nonce)
    }

    /// The keys of the response with this nonce.
    pub(crate) fn keys(self, nonce: &[u8]) -> Result<Keys, SealError> {
        Keys::of_response(
            &self.slots,
            self.aead,
            &self.enc,
            nonce,
            self.secret.as_slice(),
        )
        .ok_or(SealError::Unavailable)
    }

    #[cfg(test)]
    pub(crate) fn expose(&self) -> &[u8] {
        self.secret.as_slice()
    }
}

impl ReplySealer {
    pub(crate) fn new(secret: ReplySecret) -> Self {
        Self(secret)
    }

    /// Seals `plaintext` and returns the whole encapsulated response: nonce, ciphertext, tag.
    ///
    /// The caller pads: what goes in here is a binary HTTP message filled up with zero bytes to a rung of [`pad`].
    ///
    /// # Errors
    /// [`SealError`] when the plaintext is too long or there are no random bytes. The plaintext is wiped in every case.
    pub fn seal(self, plaintext: Locked) -> Result<Vec<u8>, SealError> {
        let nonce = self.0.nonce()?;
        let sealed = self.seal_under(&nonce, &plaintext);
        wipe::shallow_stack();
        sealed
    }

    /// Steps 3 to 7 of the section, with the response nonce of step 2 given. Never inlined, so that everything it leaves on the
    /// stack lies below its caller, which wipes there.
    #[inline(never)]
    fn seal_under(self, nonce: &[u8], plaintext: &Locked) -> Result<Vec<u8>, SealError> {
        if plaintext.len() > pad::HIGHEST {
            return Err(SealError::TooLong);
        }
        let keys = self.0.keys(nonce)?;
        let mut response = Vec::with_capacity(nonce.len() + plaintext.len() + TAG_LENGTH);
        response.extend_from_slice(nonce);
        seal_behind(&keys, 0, b"", plaintext.as_slice(), &mut response)?;
        Ok(response)
    }
}

/// Seals as number `sequence`, straight from locked memory to the end of `out`: ciphertext, tag.
pub(crate) fn seal_behind(
    keys: &Keys,
    sequence: u64,
    aad: &[u8],
    plaintext: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), SealError> {
    let start = out.len();
    out.resize(start + plaintext.len(), 0);
    let room = out.get_mut(start..).ok_or(SealError::Unavailable)?;
    let text = InOutBuf::new(plaintext, room).map_err(|_| SealError::Unavailable)?;
    let tag = keys
        .seal(sequence, aad, text)
        .ok_or(SealError::Unavailable)?;
    out.extend_from_slice(&tag);
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::keys::{Key, KeyRing};
    use crate::suite::Kem;
    use crate::window::ReplayWindow;
    use cloister_memory::{LockError, Secret};
    use std::path::Path;

    fn secret(bytes: &[u8]) -> Secret<32> {
        Secret::filled::<LockError>(|out| {
            out.copy_from_slice(bytes);
            Ok(())
        })
        .unwrap()
    }

    fn sealer(aead: Aead) -> ReplySealer {
        let slots = Slots::default();
        let secret = slots.filled(aead.key_length(), |secret| {
            secret.fill(2);
            Some(())
        });
        ReplySealer::new(ReplySecret::new(aead, &[1; 32], secret.unwrap(), slots))
    }

    #[test]
    fn rfc_9458_appendix_a_from_end_to_end() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../wire/vectors/ohttp-rfc9458/example.json");
        let example: serde_json::Value =
            serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
        let bytes = |name: &str| hex::decode(example[name].as_str().unwrap()).unwrap();

        let ring = KeyRing::from_keys([
            Key {
                key_id: 1,
                kem: Kem::X25519,
                private: secret(&bytes("gateway_secret_key")),
            },
            Key {
                key_id: 2,
                kem: Kem::XWing,
                private: secret(&[7; 32]),
            },
        ])
        .unwrap();
        let config = bytes("key_config");
        assert_eq!(ring.key_configs()[..2], [0, 45]);
        assert_eq!(ring.key_configs()[2..2 + config.len()], config);

        let window = ReplayWindow::new(0);
        let opened = ring
            .open(&bytes("encapsulated_request"), &window, 0)
            .ok()
            .unwrap();
        assert_eq!(opened.plaintext(), bytes("request_bhttp"));
        let (_, sealer) = opened.into_parts();
        assert_eq!(sealer.0.expose(), bytes("exported_secret"));

        let nonce = bytes("encapsulated_response")[..16].to_vec();
        let response = sealer
            .seal_under(&nonce, &Locked::copy_of(&bytes("response_bhttp")).unwrap())
            .unwrap();
        assert_eq!(response, bytes("encapsulated_response"));
    }

    #[test]
    fn a51_a_reply_above_the_highest_rung_is_not_sealed() {
        let sealer = || sealer(Aead::ChaCha20Poly1305);
        let reply = |length| Locked::copy_of(&vec![3; length]).unwrap();
        assert_eq!(
            sealer().seal(reply(pad::HIGHEST + 1)),
            Err(SealError::TooLong)
        );
        assert_eq!(
            sealer()
                .seal(reply(pad::HIGHEST))
                .map(|response| response.len()),
            Ok(crate::MAX_RESPONSE)
        );
    }

    #[test]
    fn two_replies_never_share_a_nonce() {
        let seal = || {
            sealer(Aead::Aes128Gcm)
                .seal(Locked::copy_of(b"same").unwrap())
                .unwrap()
        };
        let (one, two) = (seal(), seal());
        assert_eq!(one.len(), 16 + 4 + 16);
        assert!(one[..16] != two[..16] && one[16..] != two[16..]);
    }
}
