//! Opening a request (RFC 9458 section 4.3).

use crate::keys::Key;
use crate::reply::ReplySealer;
use crate::suite::{Aead, Sealed};
use crate::window::{AdmitError, Admitted, ReplayWindow};
use cloister_memory::Locked;
use cloister_wire::ohttp::{EncapsulatedRequest, EncapsulationError, request_info};
use core::fmt;

/// A request that was opened: sealed to a key of this machine, untampered, and not seen before.
///
/// Only [`crate::KeyRing::open`] makes one.
pub struct Opened {
    plaintext: Locked,
    sealer: ReplySealer,
    admitted: Admitted,
}

impl Opened {
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
    pub fn into_parts(self) -> (Locked, ReplySealer) {
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
    /// Longer than [`crate::MAX_ENCAPSULATED`].
    TooLarge,
    /// The bytes end before the tag could be complete.
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
            Self::TooLarge => "the sealed request is longer than the padding ladder's highest rung",
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

impl From<AdmitError> for OpenError {
    fn from(error: AdmitError) -> Self {
        match error {
            AdmitError::Full => Self::WindowFull,
            AdmitError::Replayed => Self::Replayed,
        }
    }
}

/// Never inlined, so that everything it leaves on the stack lies below its caller, which wipes there.
#[inline(never)]
pub(crate) fn open(
    keys: &[Key],
    encapsulated: &[u8],
    window: &ReplayWindow,
    now_unix: u64,
) -> Result<Opened, OpenError> {
    let request = EncapsulatedRequest::decode(encapsulated)?;
    let header = &request.header;
    let key = keys
        .iter()
        .find(|key| key.key_id == header.key_id && key.kem.number() == header.kem)
        .ok_or(OpenError::UnknownKey)?;
    let aead = Aead::of(header).ok_or(OpenError::UnsupportedSuite)?;
    let sealed = Sealed {
        private_key: key.private.expose(),
        enc: request.enc,
        info: &request_info(header),
        ciphertext: request.ciphertext,
    };
    let (plaintext, secret) = sealed.open(key.kem, aead)?;
    // Remembered only now: whoever fills the window must at least have sealed each request, and nobody who saw a request pass can
    // spoil it by sending its encapsulated key ahead.
    let admitted = window.admit(request.enc, now_unix)?;
    Ok(Opened {
        plaintext,
        sealer: ReplySealer::new(aead, request.enc, secret),
        admitted,
    })
}
