//! Sealing the reply (RFC 9458 section 4.4).

use crate::suite::Aead;
use crate::wipe;
use aes_gcm::Aes128Gcm;
use chacha20poly1305::ChaCha20Poly1305;
use cloister_memory::Locked;
use cloister_wire::ohttp::{
    NONCE_LENGTH, RESPONSE_KEY_INFO, RESPONSE_NONCE_INFO, TAG_LENGTH, response_salt,
};
use cloister_wire::pad;
use core::fmt;
use hkdf::Hkdf;
use hpke::inout::InOutBuf;
use sha2::Sha256;
use zeroize::Zeroizing;

/// Seals the one reply to one request. It is used up by that, for a second reply under the same secret must not exist.
pub struct ReplySealer {
    aead: Aead,
    /// The request's encapsulated key, which ties the reply to it.
    enc: Vec<u8>,
    /// Exported from the request's HPKE context: known to the device and to this machine.
    secret: Locked,
}

/// Why a reply was not sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealError {
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

impl ReplySealer {
    pub(crate) fn new(aead: Aead, enc: &[u8], secret: Locked) -> Self {
        Self {
            aead,
            enc: enc.to_vec(),
            secret,
        }
    }

    /// Seals `plaintext`, in its own place, and returns the whole encapsulated response: nonce, ciphertext, tag.
    ///
    /// The caller pads: what goes in here is a binary HTTP message filled up with zero bytes to a rung of [`pad`].
    ///
    /// # Errors
    /// [`SealError`] when the plaintext is too long or there are no random bytes. The plaintext is wiped in every case.
    pub fn seal(self, plaintext: Locked) -> Result<Vec<u8>, SealError> {
        let mut nonce = [0; 32];
        let nonce = nonce
            .get_mut(..self.aead.key_length())
            .ok_or(SealError::Unavailable)?;
        getrandom::fill(nonce).map_err(|_| SealError::Random)?;
        let sealed = self.seal_under(nonce, plaintext);
        wipe::stack();
        sealed
    }

    /// Steps 3 to 7 of the section, with the response nonce of step 2 given. Never inlined, so that everything it leaves on the
    /// stack lies below its caller, which wipes there.
    #[inline(never)]
    fn seal_under(
        self,
        response_nonce: &[u8],
        mut plaintext: Locked,
    ) -> Result<Vec<u8>, SealError> {
        if plaintext.len() > pad::HIGHEST {
            return Err(SealError::TooLong);
        }
        let salt = response_salt(&self.enc, response_nonce);
        let kdf = Hkdf::<Sha256>::new(Some(&salt), self.secret.as_slice());
        let mut key = Zeroizing::new([0; 32]);
        let key = key
            .get_mut(..self.aead.key_length())
            .ok_or(SealError::Unavailable)?;
        let mut nonce = Zeroizing::new([0; NONCE_LENGTH]);
        kdf.expand(RESPONSE_KEY_INFO, key)
            .map_err(|_| SealError::Unavailable)?;
        kdf.expand(RESPONSE_NONCE_INFO, nonce.as_mut_slice())
            .map_err(|_| SealError::Unavailable)?;

        let tag = match self.aead {
            Aead::Aes128Gcm => encrypt::<Aes128Gcm>(key, &nonce, plaintext.as_mut_slice()),
            Aead::ChaCha20Poly1305 => {
                encrypt::<ChaCha20Poly1305>(key, &nonce, plaintext.as_mut_slice())
            }
        }
        .ok_or(SealError::Unavailable)?;

        let mut response = Vec::with_capacity(response_nonce.len() + plaintext.len() + TAG_LENGTH);
        response.extend_from_slice(response_nonce);
        response.extend_from_slice(plaintext.as_slice());
        response.extend_from_slice(&tag);
        Ok(response)
    }
}

/// Encrypts in place; returns the tag. `None` when a length is not the cipher's.
fn encrypt<A>(key: &[u8], nonce: &[u8; NONCE_LENGTH], buffer: &mut [u8]) -> Option<[u8; TAG_LENGTH]>
where
    A: aes_gcm::AeadInOut + aes_gcm::KeyInit,
{
    let cipher = A::new_from_slice(key).ok()?;
    let nonce = nonce.as_slice().try_into().ok()?;
    let tag = cipher
        .encrypt_inout_detached(nonce, b"", InOutBuf::from(buffer))
        .ok()?;
    tag.as_slice().try_into().ok()
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
        assert_eq!(sealer.secret.as_slice(), bytes("exported_secret"));

        let nonce = bytes("encapsulated_response")[..16].to_vec();
        let response = sealer
            .seal_under(&nonce, Locked::copy_of(&bytes("response_bhttp")).unwrap())
            .unwrap();
        assert_eq!(response, bytes("encapsulated_response"));
    }

    #[test]
    fn a51_a_reply_above_the_highest_rung_is_not_sealed() {
        let sealer = || {
            ReplySealer::new(
                Aead::ChaCha20Poly1305,
                &[1; 32],
                Locked::copy_of(&[2; 32]).unwrap(),
            )
        };
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
            ReplySealer::new(
                Aead::Aes128Gcm,
                &[1; 32],
                Locked::copy_of(&[2; 16]).unwrap(),
            )
            .seal(Locked::copy_of(b"same").unwrap())
            .unwrap()
        };
        let (one, two) = (seal(), seal());
        assert_eq!(one.len(), 16 + 4 + 16);
        assert!(one[..16] != two[..16] && one[16..] != two[16..]);
    }
}
