//! The algorithms that are spoken, and the one place where their numbers choose code (RFC 9180 section 7, RFC 9458 section 4.3).

use crate::schedule::Keys;
use aes_gcm::{AeadInOut, Aes128Gcm, KeyInit};
use chacha20poly1305::ChaCha20Poly1305;
use cloister_wire::keyconfig::{
    AEAD_AES128GCM, AEAD_CHACHA20POLY1305, KDF_HKDF_SHA256, KEM_X25519, KEM_XWING, Suite,
};
use cloister_wire::ohttp::{self, RequestHeader, TAG_LENGTH};
use hpke::inout::InOutBuf;
use hpke::kem::{SharedSecret, X25519HkdfSha256, XWing};
use hpke::{Deserializable, Kem as HpkeKem, Serializable};
use zeroize::Zeroizing;

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

    /// `Decap` (RFC 9180 section 4); `None` when a key is malformed or the shared secret would be all zero. Both KEMs' secrets have
    /// 32 bytes.
    pub(crate) fn decapsulate(self, private_key: &[u8], enc: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
        fn shared<K: HpkeKem>(private_key: &[u8], enc: &[u8]) -> Option<SharedSecret<K>> {
            let private_key = K::PrivateKey::from_bytes(private_key).ok()?;
            // Public, and left out of the crate's documentation: the vectors below and the foreign devices watch over it.
            K::decap(&private_key, None, &K::EncappedKey::from_bytes(enc).ok()?).ok()
        }
        let copy = |secret: &[u8]| secret.try_into().ok().map(Zeroizing::new);
        match self {
            Self::XWing => copy(&shared::<XWing>(private_key, enc)?.0),
            Self::X25519 => copy(&shared::<X25519HkdfSha256>(private_key, enc)?.0),
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

    pub(crate) const fn number(self) -> u16 {
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

impl Keys {
    /// Opens what was sealed as number `sequence`, from `text`'s input to its output. `None`, and nothing is written, when it is not
    /// authentic.
    pub(crate) fn open(
        &self,
        sequence: u64,
        aad: &[u8],
        text: InOutBuf<'_, '_, u8>,
        tag: &[u8],
    ) -> Option<()> {
        fn open<A: AeadInOut + KeyInit>(
            key: &[u8],
            nonce: &[u8],
            aad: &[u8],
            text: InOutBuf<'_, '_, u8>,
            tag: &[u8],
        ) -> Option<()> {
            A::new_from_slice(key)
                .ok()?
                .decrypt_inout_detached(nonce.try_into().ok()?, aad, text, tag.try_into().ok()?)
                .ok()
        }
        let (key, nonce) = (self.key()?, self.nonce(sequence)?);
        match self.aead {
            Aead::Aes128Gcm => open::<Aes128Gcm>(key, nonce.as_slice(), aad, text, tag),
            Aead::ChaCha20Poly1305 => {
                open::<ChaCha20Poly1305>(key, nonce.as_slice(), aad, text, tag)
            }
        }
    }

    /// Seals as number `sequence`, from `text`'s input to its output; returns the tag. `None` when the cipher refuses.
    pub(crate) fn seal(
        &self,
        sequence: u64,
        aad: &[u8],
        text: InOutBuf<'_, '_, u8>,
    ) -> Option<[u8; TAG_LENGTH]> {
        fn seal<A: AeadInOut + KeyInit>(
            key: &[u8],
            nonce: &[u8],
            aad: &[u8],
            text: InOutBuf<'_, '_, u8>,
        ) -> Option<[u8; TAG_LENGTH]> {
            let tag = A::new_from_slice(key)
                .ok()?
                .encrypt_inout_detached(nonce.try_into().ok()?, aad, text)
                .ok()?;
            tag.as_slice().try_into().ok()
        }
        let (key, nonce) = (self.key()?, self.nonce(sequence)?);
        match self.aead {
            Aead::Aes128Gcm => seal::<Aes128Gcm>(key, nonce.as_slice(), aad, text),
            Aead::ChaCha20Poly1305 => seal::<ChaCha20Poly1305>(key, nonce.as_slice(), aad, text),
        }
    }
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
    use crate::slots::Slots;
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
            let aead = match number("aead_id") {
                1 => Aead::Aes128Gcm,
                3 => Aead::ChaCha20Poly1305,
                _ => continue,
            };
            run(vector, aead);
            ran.push(number("aead_id"));
        }
        assert_eq!(ran, [1, 3], "one vector per AEAD that is spoken here");
    }

    fn hex_of(value: &serde_json::Value, name: &str) -> Vec<u8> {
        hex::decode(value[name].as_str().unwrap()).unwrap()
    }

    fn run(vector: &serde_json::Value, aead: Aead) {
        let get = |name: &str| hex_of(vector, name);
        assert_eq!(Kem::X25519.public_key(&get("skRm")).unwrap(), get("pkRm"));
        let secret = Kem::X25519.decapsulate(&get("skRm"), &get("enc")).unwrap();
        assert_eq!(secret.as_slice(), get("shared_secret"));
        let slots = Slots::default();
        let keys =
            Keys::of_request(&slots, Kem::X25519, aead, secret.as_slice(), &get("info")).unwrap();
        assert_eq!(keys.key().unwrap(), get("key"));
        assert_eq!(keys.nonce(0).unwrap().as_slice(), get("base_nonce"));
        let encryptions = vector["encryptions"].as_array().unwrap();
        let mut numbers = Vec::new();
        for (place, encryption) in encryptions.iter().enumerate() {
            // The appendices print some sequence numbers beyond the first ones, and name them.
            let sequence = encryption
                .get("seq")
                .and_then(serde_json::Value::as_u64)
                .unwrap_or_else(|| u64::try_from(place).unwrap());
            numbers.push(sequence);
            let (plain, aad) = (hex_of(encryption, "pt"), hex_of(encryption, "aad"));
            let sealed = hex_of(encryption, "ct");
            let (ciphertext, tag) = sealed.split_at(sealed.len() - TAG_LENGTH);
            let mut buffer = ciphertext.to_vec();
            let text = InOutBuf::from(&mut buffer[..]);
            keys.open(sequence, &aad, text, tag).unwrap();
            assert_eq!(buffer, plain);
            let text = InOutBuf::from(&mut buffer[..]);
            assert_eq!(keys.seal(sequence, &aad, text).unwrap(), tag);
            assert_eq!(buffer, ciphertext);
            let text = InOutBuf::from(&mut buffer[..]);
            assert_eq!(keys.open(sequence + 1, &aad, text, tag), None);
            assert_eq!(buffer, ciphertext, "what is not authentic is not decrypted");
        }
        assert!(numbers.len() >= 3 && numbers.starts_with(&[0, 1]));
        let exports = vector["exports"].as_array().unwrap();
        assert!(!exports.is_empty());
        for export in exports {
            let length = usize::try_from(export["L"].as_u64().unwrap()).unwrap();
            let context = hex_of(export, "exporter_context");
            let out = keys.export(&slots, Kem::X25519, &context, length).unwrap();
            assert_eq!(out.as_slice(), hex_of(export, "exported_value"));
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
            assert!(Kem::X25519.decapsulate(&[9; 32], &enc).is_none());
        }
    }
}
