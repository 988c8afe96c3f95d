//! The device's side of the seal: Oblivious HTTP (RFC 9458 section 4) on the `hpke` crate.
//!
//! In goes a padded message and the [`Attested`] value that names the keys; nothing can be sealed to a key that evidence did not
//! cover. Out comes a [`SealedRequest`], the only thing that may leave the device, and a [`ReplyOpener`] that opens the one reply to
//! it and is gone by then. Every request has its own encapsulated key.
//!
//! No I/O and no clock: the same code is for a command, a proxy and a browser.

use core::fmt;
use std::error::Error;

use aes_gcm::Aes128Gcm;
use aes_gcm::aead::inout::InOutBuf;
use aes_gcm::aead::{AeadInOut, KeyInit};
use chacha20poly1305::ChaCha20Poly1305;
use cloister_verify::Attested;
use cloister_wire::keyconfig::{
    AEAD_AES128GCM, AEAD_CHACHA20POLY1305, KDF_HKDF_SHA256, KEM_X25519, KEM_XWING, KeyConfig,
    KeyConfigError, KeyConfigs, Suite,
};
use cloister_wire::ohttp::{
    EncapsulatedResponse, EncapsulationError, MAX_RESPONSE, NONCE_LENGTH, RESPONSE_KEY_INFO,
    RESPONSE_LABEL, RESPONSE_NONCE_INFO, RequestHeader, TAG_LENGTH, key_length, request_info,
    response_salt,
};
use cloister_wire::pad;
use hkdf::Hkdf;
use hpke::aead::Aead;
use hpke::kdf::HkdfSha256;
use hpke::kem::{X25519HkdfSha256, XWing};
use hpke::{Deserializable, Kem, OpModeS, Serializable};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Greatest size of a sealed reply in bytes.
pub const MAX_REPLY: usize = MAX_RESPONSE;

/// The suites that the device uses, best first. The order is ours: what the service prefers, or lists first, has no say, or it could
/// sort devices by offering each one something else (RFC 9458 section 7).
const SUITES: [(u16, Suite); 4] = [
    (KEM_XWING, AES),
    (KEM_XWING, CHACHA),
    (KEM_X25519, AES),
    (KEM_X25519, CHACHA),
];
const AES: Suite = Suite {
    kdf: KDF_HKDF_SHA256,
    aead: AEAD_AES128GCM,
};
const CHACHA: Suite = Suite {
    kdf: KDF_HKDF_SHA256,
    aead: AEAD_CHACHA20POLY1305,
};

/// A request that only the attested machine can open. It can be sent once and read by nobody in between.
pub struct SealedRequest {
    bytes: Vec<u8>,
    kem: u16,
    aead: u16,
}

impl SealedRequest {
    /// The encapsulated request (RFC 9458 section 4.3), for a body of type `message/ohttp-req`.
    #[must_use]
    pub fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Its size in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.bytes.len()
    }

    /// The names of the algorithms, for the trail.
    #[must_use]
    pub fn suite(&self) -> &'static str {
        match (self.kem, self.aead) {
            (KEM_XWING, AEAD_AES128GCM) => "X-Wing, HKDF-SHA256, AES-128-GCM",
            (KEM_XWING, _) => "X-Wing, HKDF-SHA256, ChaCha20-Poly1305",
            (_, AEAD_AES128GCM) => "X25519, HKDF-SHA256, AES-128-GCM",
            (_, _) => "X25519, HKDF-SHA256, ChaCha20-Poly1305",
        }
    }
}

/// What opens the one reply to one request.
pub struct ReplyOpener {
    aead: u16,
    enc: Vec<u8>,
    secret: Zeroizing<Vec<u8>>,
}

/// Why nothing was sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealError {
    /// The message has not the size of a rung of the padding ladder; its size in bytes.
    Unpadded(usize),
    /// The key configurations are malformed somewhere, so all of them are refused.
    KeyConfigs(KeyConfigError),
    /// No configuration offers a suite that the device uses.
    NoSuite,
    /// A public key is no valid key of its KEM.
    BadKey,
    /// The system gave no random bytes.
    Random,
    /// Encryption failed.
    Encrypt,
}

impl fmt::Display for SealError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unpadded(size) => write!(
                f,
                "the message has {size} bytes, which is no rung of the padding ladder"
            ),
            Self::KeyConfigs(error) => write!(
                f,
                "{error}; a list of keys that is wrong anywhere is refused whole"
            ),
            Self::NoSuite => f.write_str(
                "no key configuration offers X-Wing or X25519 with HKDF-SHA256 and AES-128-GCM or ChaCha20-Poly1305",
            ),
            Self::BadKey => f.write_str("the attested public key is no valid key of its KEM"),
            Self::Random => f.write_str("the system gave no random bytes"),
            Self::Encrypt => f.write_str("the message could not be encrypted"),
        }
    }
}

impl Error for SealError {}

/// Why a reply could not be opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OpenReplyError {
    /// It is too short or too long to be a sealed reply.
    Framing(EncapsulationError),
    /// It was not sealed by the machine that opened the request, or was changed or cut on the way.
    NotAuthentic,
    /// It was authentic and has not the size of a rung of the padding ladder; its size in bytes.
    Unpadded(usize),
}

impl fmt::Display for OpenReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Framing(error) => write!(f, "the sealed reply is broken: {error}"),
            Self::NotAuthentic => f.write_str(
                "the sealed reply does not open: it was changed or cut on the way, or is not from the machine that was verified",
            ),
            Self::Unpadded(size) => write!(
                f,
                "the reply has {size} bytes, which is no rung of the padding ladder"
            ),
        }
    }
}

impl Error for OpenReplyError {}

/// Seals a padded message to the attested keys.
///
/// # Errors
/// [`SealError`] when the message is not padded, or the keys are unusable. Nothing about the message is in the error.
pub fn seal(
    attested: &Attested,
    message: &[u8],
) -> Result<(SealedRequest, ReplyOpener), SealError> {
    let configs = KeyConfigs::decode(attested.key_configs()).map_err(SealError::KeyConfigs)?;
    seal_to(&configs, message)
}

/// Seals under the first of our suites that is on offer. Private, so that only attested keys ever get here.
fn seal_to(
    configs: &KeyConfigs,
    message: &[u8],
) -> Result<(SealedRequest, ReplyOpener), SealError> {
    if pad::rung(message.len()) != Some(message.len()) {
        return Err(SealError::Unpadded(message.len()));
    }
    let (config, suite) = choose(configs)?;
    let header = RequestHeader {
        key_id: config.key_id,
        kem: config.kem,
        kdf: suite.kdf,
        aead: suite.aead,
    };
    let key = config.public_key.as_slice();
    let encapsulate = match (config.kem, suite.aead) {
        (KEM_XWING, AEAD_AES128GCM) => encapsulate::<XWing, hpke::aead::AesGcm128>,
        (KEM_XWING, _) => encapsulate::<XWing, hpke::aead::ChaCha20Poly1305>,
        (_, AEAD_AES128GCM) => encapsulate::<X25519HkdfSha256, hpke::aead::AesGcm128>,
        (_, _) => encapsulate::<X25519HkdfSha256, hpke::aead::ChaCha20Poly1305>,
    };
    encapsulate(header, key, message)
}

/// The first suite in [`SUITES`] that a configuration offers.
fn choose(configs: &KeyConfigs) -> Result<(&KeyConfig, Suite), SealError> {
    SUITES
        .iter()
        .find_map(|(kem, suite)| {
            configs
                .as_slice()
                .iter()
                .find(|config| config.kem == *kem && config.suites.contains(suite))
                .map(|config| (config, *suite))
        })
        .ok_or(SealError::NoSuite)
}

/// RFC 9458 section 4.3, and the secret of section 4.4 exported at once so that the HPKE context ends here.
fn encapsulate<K: Kem, A: Aead>(
    header: RequestHeader,
    public_key: &[u8],
    message: &[u8],
) -> Result<(SealedRequest, ReplyOpener), SealError> {
    // The hpke crate panics when the system has no random bytes; ask before it does.
    getrandom::fill(&mut [0; 1]).map_err(|_| SealError::Random)?;
    let key = K::PublicKey::from_bytes(public_key).map_err(|_| SealError::BadKey)?;
    let info = request_info(&header);
    let (enc, mut context) = hpke::setup_sender::<A, HkdfSha256, K>(&OpModeS::Base, &key, &info)
        .map_err(|_| SealError::BadKey)?;
    let enc = enc.to_bytes().to_vec();
    let head = header.encode();

    // One allocation of the final size: the plaintext is encrypted in place and never moved.
    let size = [head.len(), enc.len(), message.len(), TAG_LENGTH]
        .iter()
        .sum();
    let mut bytes = Zeroizing::new(Vec::with_capacity(size));
    bytes.extend_from_slice(&head);
    bytes.extend_from_slice(&enc);
    let start = bytes.len();
    bytes.extend_from_slice(message);
    let body = bytes.get_mut(start..).ok_or(SealError::Encrypt)?;
    let tag = context
        .seal_inout_detached(InOutBuf::from(body), b"")
        .map_err(|_| SealError::Encrypt)?;
    bytes.extend_from_slice(&tag.to_bytes());

    let nonce_length = key_length(header.aead)
        .map(|length| length.max(NONCE_LENGTH))
        .ok_or(SealError::NoSuite)?;
    let mut secret = Zeroizing::new(vec![0; nonce_length]);
    context
        .export(RESPONSE_LABEL, &mut secret)
        .map_err(|_| SealError::Encrypt)?;
    let sealed = SealedRequest {
        bytes: core::mem::take(&mut *bytes),
        kem: header.kem,
        aead: header.aead,
    };
    let opener = ReplyOpener {
        aead: header.aead,
        enc,
        secret,
    };
    Ok((sealed, opener))
}

impl ReplyOpener {
    /// Opens the reply (RFC 9458 section 4.4): a binary HTTP message with its padding. The opener is used up, whatever comes.
    ///
    /// # Errors
    /// [`OpenReplyError`] when the reply is no sealed reply to this request, or has a size that is not on the padding ladder.
    pub fn open(self, reply: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenReplyError> {
        let parts =
            EncapsulatedResponse::decode(reply, self.aead).map_err(OpenReplyError::Framing)?;
        let salt = response_salt(&self.enc, parts.nonce);
        let schedule = Hkdf::<Sha256>::new(Some(&salt), &self.secret);
        let not_authentic = OpenReplyError::NotAuthentic;
        let key_size = key_length(self.aead).ok_or(not_authentic)?;
        let mut key = Zeroizing::new(vec![0; key_size]);
        let mut nonce = [0; NONCE_LENGTH];
        schedule
            .expand(RESPONSE_KEY_INFO, &mut key)
            .map_err(|_| not_authentic)?;
        schedule
            .expand(RESPONSE_NONCE_INFO, &mut nonce)
            .map_err(|_| not_authentic)?;
        let plaintext = if self.aead == AEAD_AES128GCM {
            decrypt::<Aes128Gcm>(&key, &nonce, parts.ciphertext)
        } else {
            decrypt::<ChaCha20Poly1305>(&key, &nonce, parts.ciphertext)
        }
        .ok_or(not_authentic)?;
        if pad::rung(plaintext.len()) != Some(plaintext.len()) {
            return Err(OpenReplyError::Unpadded(plaintext.len()));
        }
        Ok(plaintext)
    }
}

/// Decrypts with empty associated data; `None` when the tag is wrong.
fn decrypt<A: AeadInOut + KeyInit>(
    key: &[u8],
    nonce: &[u8],
    sealed: &[u8],
) -> Option<Zeroizing<Vec<u8>>> {
    let cipher = A::new_from_slice(key).ok()?;
    let (ciphertext, tag) = sealed.split_at_checked(sealed.len().checked_sub(TAG_LENGTH)?)?;
    let mut plaintext = Zeroizing::new(ciphertext.to_vec());
    cipher
        .decrypt_inout_detached(
            nonce.try_into().ok()?,
            b"",
            InOutBuf::from(plaintext.as_mut_slice()),
            tag.try_into().ok()?,
        )
        .ok()?;
    Some(plaintext)
}

#[cfg(test)]
mod interop;
