//! Opening a request (RFC 9458 section 4.3).

use crate::keys::Key;
use crate::reply::{ReplySealer, ReplySecret};
use crate::schedule::Keys;
use crate::slots::Slots;
use crate::suite::{Aead, Kem};
use crate::window::{AdmitError, Admitted, ReplayWindow};
use cloister_memory::Locked;
use cloister_wire::chunked::ChunkError;
use cloister_wire::ohttp::{
    EncapsulatedRequest, EncapsulationError, REQUEST_LABEL, RESPONSE_LABEL, RequestHeader,
    TAG_LENGTH, request_info,
};
use core::fmt;
use hpke::inout::InOutBuf;

/// A request that was opened: sealed to a key of this machine, whole, untampered, and not seen before.
///
/// Only [`crate::KeyRing::open`] makes one, and [`crate::ChunkedRequest::finish`] for a request in chunks. What seals the reply
/// goes with the kind of request.
pub struct Opened<S = ReplySealer> {
    plaintext: Locked,
    sealer: S,
    admitted: Admitted,
}

impl<S> Opened<S> {
    pub(crate) fn new(plaintext: Locked, sealer: S, admitted: Admitted) -> Self {
        Self {
            plaintext,
            sealer,
            admitted,
        }
    }

    /// The binary HTTP message, padding included.
    #[must_use]
    pub fn plaintext(&self) -> &[u8] {
        self.plaintext.as_slice()
    }

    /// When the request was let in, for [`Admitted::admit_date`].
    #[must_use]
    pub fn admitted(&self) -> Admitted {
        self.admitted
    }

    /// The plaintext, and what seals the one reply to it.
    #[must_use]
    pub fn into_parts(self) -> (Locked, S) {
        (self.plaintext, self.sealer)
    }
}

/// Why a request was not opened. No variant holds anything of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenError {
    /// The key is known, and the request is not what was sealed to it.
    CannotOpen,
    /// The same request was opened before.
    Replayed,
    /// Longer than [`crate::MAX_ENCAPSULATED`], or in chunks that are too long, too many, or together more than
    /// [`crate::MAX_PLAINTEXT`].
    TooLarge,
    /// The bytes end before the tag could be complete, that of the final chunk in a request that comes in chunks.
    Truncated,
    /// No locked memory is left.
    Unavailable,
    /// No key has this id and KEM.
    UnknownKey,
    /// The key is not used with this KDF and AEAD.
    UnsupportedSuite,
    /// The replay window can remember no more requests at present, so none is opened.
    WindowFull,
}

impl fmt::Display for OpenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::CannotOpen => {
                "the sealed request was not sealed to this key, or was changed on its way"
            }
            Self::Replayed => "the sealed request was opened before",
            Self::TooLarge => "the sealed request is longer than the padding ladder's highest rung, or has chunks that are too long or too many",
            Self::Truncated => "the sealed request ends too early",
            Self::Unavailable => "no locked memory is left for the sealed request",
            Self::UnknownKey => {
                "the sealed request names a key id and KEM that are not in the key configurations"
            }
            Self::UnsupportedSuite => {
                "the sealed request names a KDF and AEAD that are not in the key configuration"
            }
            Self::WindowFull => {
                "the replay window is full: no request is opened until its oldest part is dropped"
            }
        })
    }
}

impl core::error::Error for OpenError {}

impl From<EncapsulationError> for OpenError {
    fn from(error: EncapsulationError) -> Self {
        match error {
            EncapsulationError::TooLong { .. } => Self::TooLarge,
            EncapsulationError::Truncated => Self::Truncated,
            EncapsulationError::UnknownKem(_) => Self::UnknownKey,
            EncapsulationError::UnknownAead(_) => Self::UnsupportedSuite,
        }
    }
}

impl From<ChunkError> for OpenError {
    fn from(error: ChunkError) -> Self {
        match error {
            // The draft's section 6: the same as a chunk that does not open.
            ChunkError::Empty => Self::CannotOpen,
            ChunkError::Head(error) => error.into(),
            ChunkError::TooLong | ChunkError::TooMany => Self::TooLarge,
            ChunkError::Truncated => Self::Truncated,
        }
    }
}

impl From<AdmitError> for OpenError {
    fn from(error: AdmitError) -> Self {
        match error {
            AdmitError::Full => Self::WindowFull,
            AdmitError::Replayed => Self::Replayed,
        }
    }
}

/// The HPKE context of a request, and what its header chose.
pub(crate) struct Received {
    pub(crate) kem: Kem,
    pub(crate) keys: Keys,
}

/// Finds the key that a request is sealed to, and derives the request's own.
pub(crate) fn receive(
    keys: &[Key],
    slots: &Slots,
    label: &[u8],
    header: &RequestHeader,
    enc: &[u8],
) -> Result<Received, OpenError> {
    let key = keys
        .iter()
        .find(|key| key.key_id == header.key_id && key.kem.number() == header.kem)
        .ok_or(OpenError::UnknownKey)?;
    let aead = Aead::of(header).ok_or(OpenError::UnsupportedSuite)?;
    let secret = key
        .kem
        .decapsulate(key.private.expose(), enc)
        .ok_or(OpenError::CannotOpen)?;
    let info = request_info(label, header);
    let keys = Keys::of_request(slots, key.kem, aead, secret.as_slice(), &info)
        .ok_or(OpenError::Unavailable)?;
    Ok(Received { kem: key.kem, keys })
}

impl Received {
    /// The secret of the response, whose label tells a whole one from one in chunks.
    pub(crate) fn reply_secret(
        &self,
        slots: &Slots,
        label: &[u8],
        enc: &[u8],
    ) -> Result<ReplySecret, OpenError> {
        let aead = self.keys.aead;
        let secret = self
            .keys
            .export(slots, self.kem, label, aead.key_length())
            .ok_or(OpenError::Unavailable)?;
        Ok(ReplySecret::new(aead, enc, secret, slots.clone()))
    }
}

/// Never inlined, so that everything it leaves on the stack lies below its caller, which wipes there.
#[inline(never)]
pub(crate) fn open(
    keys: &[Key],
    slots: &Slots,
    encapsulated: &[u8],
    window: &ReplayWindow,
    now_unix: u64,
) -> Result<Opened, OpenError> {
    let request = EncapsulatedRequest::decode(encapsulated)?;
    let received = receive(keys, slots, REQUEST_LABEL, &request.header, request.enc)?;
    let (ciphertext, tag) = request
        .ciphertext
        .split_last_chunk::<TAG_LENGTH>()
        .ok_or(OpenError::Truncated)?;
    let length = ciphertext.len();
    let mut plaintext = Locked::with_capacity(length).map_err(|_| OpenError::Unavailable)?;
    // From where the bytes lie straight into locked memory.
    let room = plaintext
        .spare_mut()
        .get_mut(..length)
        .ok_or(OpenError::Unavailable)?;
    let text = InOutBuf::new(ciphertext, room).map_err(|_| OpenError::Unavailable)?;
    received
        .keys
        .open(0, b"", text, tag)
        .ok_or(OpenError::CannotOpen)?;
    plaintext
        .advance(length)
        .map_err(|_| OpenError::Unavailable)?;
    let secret = received.reply_secret(slots, RESPONSE_LABEL, request.enc)?;
    // Remembered only now: whoever fills the window must at least have sealed each request, and nobody who saw a request pass can
    // spoil it by sending its encapsulated key ahead.
    let admitted = window.admit(request.enc, now_unix)?;
    Ok(Opened::new(plaintext, ReplySealer::new(secret), admitted))
}
