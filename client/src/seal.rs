//! The device's side of the seal: Oblivious HTTP (RFC 9458 section 4) on the `hpke` crate; in chunks in [`chunked`].
//!
//! In goes a padded message and the [`Attested`] value that names the keys; nothing can be sealed to a key that evidence did not
//! cover. Out comes a [`SealedRequest`], the only thing that may leave the device, and a [`ReplyOpener`] that opens the one reply to
//! it and is gone by then. Every request has its own encapsulated key.
//!
//! No I/O and no clock: the same code is for a command, a proxy and a browser.

use core::fmt;
use std::error::Error;

pub mod chunked;

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
    EncapsulatedResponse, EncapsulationError, MAX_RESPONSE, NONCE_LENGTH, REQUEST_LABEL,
    RESPONSE_KEY_INFO, RESPONSE_LABEL, RESPONSE_NONCE_INFO, RequestHeader, TAG_LENGTH, key_length,
    request_info, response_salt,
};
use cloister_wire::pad;
use hkdf::Hkdf;
use hpke::aead::{Aead, AeadCtxS};
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
        suite_name(self.kem, self.aead)
    }
}

fn suite_name(kem: u16, aead: u16) -> &'static str {
    match (kem, aead) {
        (KEM_XWING, AEAD_AES128GCM) => "X-Wing, HKDF-SHA256, AES-128-GCM",
        (KEM_XWING, _) => "X-Wing, HKDF-SHA256, ChaCha20-Poly1305",
        (_, AEAD_AES128GCM) => "X25519, HKDF-SHA256, AES-128-GCM",
        (_, _) => "X25519, HKDF-SHA256, ChaCha20-Poly1305",
    }
}

/// What opens the one reply to one request.
pub struct ReplyOpener(ReplySecret);

/// What ties a reply to its request.
struct ReplySecret {
    aead: u16,
    enc: Vec<u8>,
    secret: Zeroizing<Vec<u8>>,
}

/// Key and base nonce of a reply.
struct ReplyKeys {
    aead: u16,
    key: Zeroizing<Vec<u8>>,
    nonce: Zeroizing<[u8; NONCE_LENGTH]>,
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
    encapsulate(&choose(configs)?, message)
}

/// A key that was chosen, and what a request to it says in clear.
struct Recipient<'a> {
    header: RequestHeader,
    public_key: &'a [u8],
}

/// The first suite in [`SUITES`] that a configuration offers.
fn choose(configs: &KeyConfigs) -> Result<Recipient<'_>, SealError> {
    let header = |config: &KeyConfig, suite: &Suite| RequestHeader {
        key_id: config.key_id,
        kem: config.kem,
        kdf: suite.kdf,
        aead: suite.aead,
    };
    SUITES
        .iter()
        .find_map(|(kem, suite)| {
            configs
                .as_slice()
                .iter()
                .find(|config| config.kem == *kem && config.suites.contains(suite))
                .map(|config| Recipient {
                    header: header(config, suite),
                    public_key: &config.public_key,
                })
        })
        .ok_or(SealError::NoSuite)
}

/// A sender's HPKE context, of whatever suite.
trait Context: Send {
    /// `Context.Seal` (RFC 9180 section 5.2) in place; gives the tag. `None` when the sequence number is at its end.
    fn seal(&mut self, aad: &[u8], text: &mut [u8]) -> Option<[u8; TAG_LENGTH]>;
    /// `Context.Export` (RFC 9180 section 5.3).
    fn export(&self, label: &[u8], out: &mut [u8]) -> Option<()>;
}

impl<A: Aead, K: Kem> Context for AeadCtxS<A, HkdfSha256, K>
where
    Self: Send,
{
    fn seal(&mut self, aad: &[u8], text: &mut [u8]) -> Option<[u8; TAG_LENGTH]> {
        let tag = self.seal_inout_detached(InOutBuf::from(text), aad).ok()?;
        tag.to_bytes().as_slice().try_into().ok()
    }

    fn export(&self, label: &[u8], out: &mut [u8]) -> Option<()> {
        AeadCtxS::export(self, label, out).ok()
    }
}

impl Recipient<'_> {
    /// `SetupBaseS` (RFC 9180 section 5.1.1), with an encapsulated key that was made for this request alone.
    fn set_up(&self, label: &[u8]) -> Result<(Vec<u8>, Box<dyn Context>), SealError> {
        let set_up = match (self.header.kem, self.header.aead) {
            (KEM_XWING, AEAD_AES128GCM) => set_up::<XWing, hpke::aead::AesGcm128>,
            (KEM_XWING, _) => set_up::<XWing, hpke::aead::ChaCha20Poly1305>,
            (_, AEAD_AES128GCM) => set_up::<X25519HkdfSha256, hpke::aead::AesGcm128>,
            (_, _) => set_up::<X25519HkdfSha256, hpke::aead::ChaCha20Poly1305>,
        };
        // The hpke crate panics when the system has no random bytes; ask before it does.
        getrandom::fill(&mut [0; 1]).map_err(|_| SealError::Random)?;
        set_up(self.public_key, &request_info(label, &self.header)).ok_or(SealError::BadKey)
    }
}

fn set_up<K: Kem + 'static, A: Aead + 'static>(
    public_key: &[u8],
    info: &[u8],
) -> Option<(Vec<u8>, Box<dyn Context>)>
where
    AeadCtxS<A, HkdfSha256, K>: Send,
{
    let key = K::PublicKey::from_bytes(public_key).ok()?;
    let (enc, context) = hpke::setup_sender::<A, HkdfSha256, K>(&OpModeS::Base, &key, info).ok()?;
    Some((enc.to_bytes().to_vec(), Box::new(context)))
}

/// RFC 9458 section 4.3, and the secret of section 4.4 exported at once so that the HPKE context ends here.
fn encapsulate(
    recipient: &Recipient<'_>,
    message: &[u8],
) -> Result<(SealedRequest, ReplyOpener), SealError> {
    let header = recipient.header;
    let (enc, mut context) = recipient.set_up(REQUEST_LABEL)?;
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
    let tag = context.seal(b"", body).ok_or(SealError::Encrypt)?;
    bytes.extend_from_slice(&tag);

    let secret = ReplySecret::export(context.as_ref(), RESPONSE_LABEL, header.aead, enc)?;
    let sealed = SealedRequest {
        bytes: core::mem::take(&mut *bytes),
        kem: header.kem,
        aead: header.aead,
    };
    Ok((sealed, ReplyOpener(secret)))
}

impl ReplySecret {
    fn export(
        context: &dyn Context,
        label: &[u8],
        aead: u16,
        enc: Vec<u8>,
    ) -> Result<Self, SealError> {
        let length = key_length(aead)
            .map(|length| length.max(NONCE_LENGTH))
            .ok_or(SealError::NoSuite)?;
        let mut secret = Zeroizing::new(vec![0; length]);
        context
            .export(label, &mut secret)
            .ok_or(SealError::Encrypt)?;
        Ok(Self { aead, enc, secret })
    }

    /// The keys of the reply with this nonce (RFC 9458 section 4.4, steps 3 to 5).
    fn keys(&self, nonce: &[u8]) -> Option<ReplyKeys> {
        let schedule = Hkdf::<Sha256>::new(Some(&response_salt(&self.enc, nonce)), &self.secret);
        let mut keys = ReplyKeys {
            aead: self.aead,
            key: Zeroizing::new(vec![0; key_length(self.aead)?]),
            nonce: Zeroizing::new([0; NONCE_LENGTH]),
        };
        schedule.expand(RESPONSE_KEY_INFO, &mut keys.key).ok()?;
        schedule
            .expand(RESPONSE_NONCE_INFO, keys.nonce.as_mut_slice())
            .ok()?;
        Some(keys)
    }
}

impl ReplyKeys {
    /// Decrypts in place what was sealed as number `sequence`, and leaves the plaintext alone in `sealed`; `None` when the tag is
    /// wrong. The nonce is the base nonce with the big-endian number in its last bytes (the draft's section 6.2).
    fn open(&self, sequence: u64, aad: &[u8], sealed: &mut Vec<u8>) -> Option<()> {
        fn open<A: AeadInOut + KeyInit>(
            keys: &ReplyKeys,
            nonce: &[u8],
            aad: &[u8],
            text: &mut [u8],
            tag: &[u8],
        ) -> Option<()> {
            let text = InOutBuf::from(text);
            A::new_from_slice(&keys.key)
                .ok()?
                .decrypt_inout_detached(nonce.try_into().ok()?, aad, text, tag.try_into().ok()?)
                .ok()
        }
        let mut nonce = self.nonce.clone();
        let counter = nonce.last_chunk_mut::<8>()?;
        *counter = (u64::from_be_bytes(*counter) ^ sequence).to_be_bytes();
        let (text, tag) = sealed.split_last_chunk_mut::<TAG_LENGTH>()?;
        let length = text.len();
        if self.aead == AEAD_AES128GCM {
            open::<Aes128Gcm>(self, nonce.as_slice(), aad, text, tag)?;
        } else {
            open::<ChaCha20Poly1305>(self, nonce.as_slice(), aad, text, tag)?;
        }
        sealed.truncate(length);
        Some(())
    }
}

impl ReplyOpener {
    /// Opens the reply (RFC 9458 section 4.4): a binary HTTP message with its padding. The opener is used up, whatever comes.
    ///
    /// # Errors
    /// [`OpenReplyError`] when the reply is no sealed reply to this request, or has a size that is not on the padding ladder.
    pub fn open(self, reply: &[u8]) -> Result<Zeroizing<Vec<u8>>, OpenReplyError> {
        let parts =
            EncapsulatedResponse::decode(reply, self.0.aead).map_err(OpenReplyError::Framing)?;
        let not_authentic = OpenReplyError::NotAuthentic;
        let keys = self.0.keys(parts.nonce).ok_or(not_authentic)?;
        let mut plaintext = Zeroizing::new(parts.ciphertext.to_vec());
        keys.open(0, b"", &mut plaintext).ok_or(not_authentic)?;
        if pad::rung(plaintext.len()) != Some(plaintext.len()) {
            return Err(OpenReplyError::Unpadded(plaintext.len()));
        }
        Ok(plaintext)
    }
}

#[cfg(test)]
mod interop;
