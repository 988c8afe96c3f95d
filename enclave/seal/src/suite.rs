//! The algorithms that are spoken, and the one place where their numbers choose code (RFC 9180 section 7, RFC 9458 section 4.3).

use crate::open::OpenError;
use cloister_memory::Locked;
use cloister_wire::keyconfig::{
    AEAD_AES128GCM, AEAD_CHACHA20POLY1305, KDF_HKDF_SHA256, KEM_X25519, KEM_XWING, Suite,
};
use cloister_wire::ohttp::{self, RESPONSE_LABEL, RequestHeader, TAG_LENGTH};
use hpke::aead::{Aead as HpkeAead, AeadCtxR, AeadTag, AesGcm128, ChaCha20Poly1305};
use hpke::inout::InOutBuf;
use hpke::kdf::HkdfSha256;
use hpke::kem::{X25519HkdfSha256, XWing};
use hpke::{Deserializable, Kem as HpkeKem, OpModeR, Serializable};

/// The KEMs, most wanted first: X-Wing also withstands a quantum computer (attack A36).
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kem {
    XWing,
    X25519,
}

impl Kem {
    pub(crate) const fn number(self) -> u16 {
        match self {
            Self::XWing => KEM_XWING,
            Self::X25519 => KEM_X25519,
        }
    }

    /// The public key of a private one; `None` when the bytes are no private key.
    pub(crate) fn public_key(self, private_key: &[u8]) -> Option<Vec<u8>> {
        fn of<K: HpkeKem>(private_key: &[u8]) -> Option<Vec<u8>> {
            let private_key = K::PrivateKey::from_bytes(private_key).ok()?;
            Some(K::sk_to_pk(&private_key).to_bytes().to_vec())
        }
        match self {
            Self::XWing => of::<XWing>(private_key),
            Self::X25519 => of::<X25519HkdfSha256>(private_key),
        }
    }
}

/// The AEADs, both under HKDF-SHA256.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aead {
    Aes128Gcm,
    ChaCha20Poly1305,
}

impl Aead {
    const ALL: [Self; 2] = [Self::Aes128Gcm, Self::ChaCha20Poly1305];

    const fn number(self) -> u16 {
        match self {
            Self::Aes128Gcm => AEAD_AES128GCM,
            Self::ChaCha20Poly1305 => AEAD_CHACHA20POLY1305,
        }
    }

    /// The length of key, response secret and response nonce: `max(Nn, Nk)` is the key's (RFC 9458 section 4.4).
    pub(crate) const fn key_length(self) -> usize {
        match self {
            Self::Aes128Gcm => 16,
            Self::ChaCha20Poly1305 => 32,
        }
    }

    /// What a request's header asks for, if it is spoken here.
    pub(crate) fn of(header: &RequestHeader) -> Option<Self> {
        let spoken = |aead: &Self| header.kdf == KDF_HKDF_SHA256 && header.aead == aead.number();
        Self::ALL.into_iter().find(spoken)
    }
}

/// What every key configuration offers, most wanted first.
pub(crate) fn suites() -> Vec<Suite> {
    Aead::ALL
        .into_iter()
        .map(|aead| Suite {
            kdf: KDF_HKDF_SHA256,
            aead: aead.number(),
        })
        .collect()
}

/// A sealed request and what opens it.
pub(crate) struct Sealed<'a> {
    pub(crate) private_key: &'a [u8],
    pub(crate) enc: &'a [u8],
    pub(crate) info: &'a [u8],
    pub(crate) ciphertext: &'a [u8],
}

impl Sealed<'_> {
    /// Plaintext and response secret, each in locked memory.
    pub(crate) fn open(&self, kem: Kem, aead: Aead) -> Result<(Locked, Locked), OpenError> {
        match kem {
            Kem::XWing => self.open_under::<XWing>(aead),
            Kem::X25519 => self.open_under::<X25519HkdfSha256>(aead),
        }
    }

    fn open_under<K: HpkeKem>(&self, aead: Aead) -> Result<(Locked, Locked), OpenError> {
        match aead {
            Aead::Aes128Gcm => self.open_with::<K, AesGcm128>(aead),
            Aead::ChaCha20Poly1305 => self.open_with::<K, ChaCha20Poly1305>(aead),
        }
    }

    fn open_with<K: HpkeKem, A: HpkeAead>(
        &self,
        aead: Aead,
    ) -> Result<(Locked, Locked), OpenError> {
        let (ciphertext, tag) = self
            .ciphertext
            .len()
            .checked_sub(TAG_LENGTH)
            .and_then(|length| self.ciphertext.split_at_checked(length))
            .ok_or(OpenError::Truncated)?;
        let tag = AeadTag::<A>::from_bytes(tag).map_err(|_| OpenError::Truncated)?;
        let mut context =
            receive::<K, A>(self.private_key, self.enc, self.info).ok_or(OpenError::CannotOpen)?;

        let mut plaintext = Locked::copy_of(ciphertext).map_err(|_| OpenError::Unavailable)?;
        context
            .open_inout_detached(InOutBuf::from(plaintext.as_mut_slice()), b"", &tag)
            .map_err(|_| OpenError::CannotOpen)?;

        let length = aead.key_length();
        let mut secret = Locked::with_capacity(length).map_err(|_| OpenError::Unavailable)?;
        let room = secret
            .spare_mut()
            .get_mut(..length)
            .ok_or(OpenError::Unavailable)?;
        context
            .export(RESPONSE_LABEL, room)
            .map_err(|_| OpenError::CannotOpen)?;
        secret.advance(length).map_err(|_| OpenError::Unavailable)?;
        Ok((plaintext, secret))
    }
}

/// `SetupBaseR` (RFC 9180 section 5.1.1); `None` when a key is malformed or the shared secret would be all zero.
fn receive<K: HpkeKem, A: HpkeAead>(
    private_key: &[u8],
    enc: &[u8],
    info: &[u8],
) -> Option<AeadCtxR<A, HkdfSha256, K>> {
    let private_key = K::PrivateKey::from_bytes(private_key).ok()?;
    let enc = K::EncappedKey::from_bytes(enc).ok()?;
    hpke::setup_receiver(&OpModeR::Base, &private_key, &enc, info).ok()
}

const _: () = {
    // The framing crate and this one must agree, or a response would be cut in the wrong place.
    assert!(
        matches!(ohttp::key_length(AEAD_AES128GCM), Some(length) if length == Aead::Aes128Gcm.key_length())
    );
    assert!(
        matches!(ohttp::key_length(AEAD_CHACHA20POLY1305), Some(length) if length == Aead::ChaCha20Poly1305.key_length())
    );
};

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use std::io::Write;
    use std::path::Path;

    /// RFC 9180 appendix A.1 and A.2 (base mode), from the corpus of evidence that `CLOISTER_EVIDENCE` names.
    #[test]
    fn rfc_9180_vectors() {
        let Some(corpus) = std::env::var_os("CLOISTER_EVIDENCE") else {
            // Past the capture of test output, so that the skip is seen.
            writeln!(
                std::io::stderr(),
                "SKIPPED: CLOISTER_EVIDENCE names no corpus of evidence; no RFC 9180 vector was run"
            )
            .unwrap();
            return;
        };
        let path = Path::new(&corpus).join("vectors/hpke-rfc9180/vectors.json");
        let text = std::fs::read_to_string(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let vectors: Vec<serde_json::Value> = serde_json::from_str(&text).unwrap();
        let mut ran = Vec::new();
        for vector in &vectors {
            let number = |name: &str| vector[name].as_u64().unwrap();
            if number("mode") != 0 || number("kem_id") != 0x20 || number("kdf_id") != 1 {
                continue;
            }
            match number("aead_id") {
                1 => run::<AesGcm128>(vector),
                3 => run::<ChaCha20Poly1305>(vector),
                _ => continue,
            }
            ran.push(number("aead_id"));
        }
        assert_eq!(ran, [1, 3], "one vector per AEAD that is spoken here");
    }

    fn hex_of(value: &serde_json::Value, name: &str) -> Vec<u8> {
        hex::decode(value[name].as_str().unwrap()).unwrap()
    }

    fn run<A: HpkeAead>(vector: &serde_json::Value) {
        let get = |name: &str| hex_of(vector, name);
        assert_eq!(Kem::X25519.public_key(&get("skRm")).unwrap(), get("pkRm"));
        let mut context =
            receive::<X25519HkdfSha256, A>(&get("skRm"), &get("enc"), &get("info")).unwrap();
        let encryptions = vector["encryptions"].as_array().unwrap();
        // Those with sequence numbers 0, 1 and 2 in order: the context counts for itself.
        for (sequence, encryption) in encryptions.iter().take(3).enumerate() {
            let expected = encryption.get("seq").and_then(serde_json::Value::as_u64);
            assert!(expected.is_none_or(|seq| seq == u64::try_from(sequence).unwrap()));
            let sealed = hex_of(encryption, "ct");
            let (ciphertext, tag) = sealed.split_at(sealed.len() - TAG_LENGTH);
            let mut buffer = ciphertext.to_vec();
            let tag = AeadTag::<A>::from_bytes(tag).unwrap();
            context
                .open_inout_detached(
                    InOutBuf::from(&mut buffer[..]),
                    &hex_of(encryption, "aad"),
                    &tag,
                )
                .unwrap();
            assert_eq!(buffer, hex_of(encryption, "pt"));
        }
        let exports = vector["exports"].as_array().unwrap();
        assert!(encryptions.len() >= 3 && !exports.is_empty());
        for export in exports {
            let mut out = vec![0; usize::try_from(export["L"].as_u64().unwrap()).unwrap()];
            context
                .export(&hex_of(export, "exporter_context"), &mut out)
                .unwrap();
            assert_eq!(out, hex_of(export, "exported_value"));
        }
    }

    #[test]
    fn a24_a_shared_secret_of_zero_is_no_key() {
        // Every point of low order on Curve25519 gives the same, all-zero shared secret (RFC 7748 section 6.1).
        for low in [
            "00",
            "01",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ] {
            let mut enc = hex::decode(low).unwrap();
            enc.resize(32, 0);
            assert!(receive::<X25519HkdfSha256, AesGcm128>(&[9; 32], &enc, b"").is_none());
        }
    }
}
