//! The key schedule of HPKE (RFC 9180 section 5.1) in base mode under HKDF-SHA256, and that of a response.
//!
//! The `hpke` crate has the same schedule, but keeps the keys it makes in ordinary memory and hands none out. A request that comes in
//! chunks is opened over seconds, so its keys must lie in locked memory all that time: here they are written straight into it.

use crate::slots::{Slot, Slots};
use crate::suite::{Aead, Kem};
use cloister_wire::keyconfig::KDF_HKDF_SHA256;
use cloister_wire::ohttp::{NONCE_LENGTH, RESPONSE_KEY_INFO, RESPONSE_NONCE_INFO, response_salt};
use hkdf::{Hkdf, HkdfExtract};
use sha2::Sha256;
use zeroize::Zeroizing;

/// Bytes of the exporter secret (Nh, RFC 9180 section 7.2).
const EXPORTER: usize = 32;
/// RFC 9180 section 4.
const VERSION: &[u8] = b"HPKE-v1";

/// Key and base nonce of one direction, and for a request the exporter secret behind them.
pub(crate) struct Keys {
    pub(crate) aead: Aead,
    /// Key, base nonce, exporter secret.
    slot: Slot,
}

/// "HPKE", KEM, KDF, AEAD (RFC 9180 section 5.1).
fn suite_id(kem: Kem, aead: Aead) -> [u8; 10] {
    let [kem0, kem1] = kem.number().to_be_bytes();
    let [kdf0, kdf1] = KDF_HKDF_SHA256.to_be_bytes();
    let [aead0, aead1] = aead.number().to_be_bytes();
    [b'H', b'P', b'K', b'E', kem0, kem1, kdf0, kdf1, aead0, aead1]
}

/// `LabeledExtract` (RFC 9180 section 4); also gives the key as what expands it.
fn extract(
    suite: &[u8],
    salt: &[u8],
    label: &[u8],
    key: &[u8],
) -> (Zeroizing<[u8; 32]>, Hkdf<Sha256>) {
    let mut extract = HkdfExtract::<Sha256>::new(Some(salt));
    for part in [VERSION, suite, label, key] {
        extract.input_ikm(part);
    }
    let (key, expander) = extract.finalize();
    (Zeroizing::new(key.into()), expander)
}

/// `LabeledExpand` (RFC 9180 section 4).
fn expand(
    suite: &[u8],
    key: &Hkdf<Sha256>,
    label: &[u8],
    info: &[u8],
    out: &mut [u8],
) -> Option<()> {
    let length = u16::try_from(out.len()).ok()?.to_be_bytes();
    key.expand_multi_info(&[&length, VERSION, suite, label, info], out)
        .ok()
}

impl Keys {
    /// `KeySchedule` in base mode (RFC 9180 section 5.1).
    pub(crate) fn of_request(
        slots: &Slots,
        kem: Kem,
        aead: Aead,
        shared_secret: &[u8],
        info: &[u8],
    ) -> Option<Self> {
        let suite = suite_id(kem, aead);
        let (psk_id_hash, _) = extract(&suite, b"", b"psk_id_hash", b"");
        let (info_hash, _) = extract(&suite, b"", b"info_hash", info);
        // The mode comes first: base is 0.
        let context = [&[0], psk_id_hash.as_slice(), info_hash.as_slice()].concat();
        let (_, secret) = extract(&suite, shared_secret, b"secret", b"");
        let slot = slots.filled(aead.key_length() + NONCE_LENGTH + EXPORTER, |out| {
            let (key, out) = out.split_at_mut_checked(aead.key_length())?;
            let (nonce, exporter) = out.split_at_mut_checked(NONCE_LENGTH)?;
            expand(&suite, &secret, b"key", &context, key)?;
            expand(&suite, &secret, b"base_nonce", &context, nonce)?;
            expand(&suite, &secret, b"exp", &context, exporter)
        })?;
        Some(Self { aead, slot })
    }

    /// The keys of a response: RFC 9458 section 4.4, steps 3 to 5, and the draft's section 6.2, which differ in the secret alone.
    pub(crate) fn of_response(
        slots: &Slots,
        aead: Aead,
        enc: &[u8],
        nonce: &[u8],
        secret: &[u8],
    ) -> Option<Self> {
        let kdf = Hkdf::<Sha256>::new(Some(&response_salt(enc, nonce)), secret);
        let slot = slots.filled(aead.key_length() + NONCE_LENGTH, |out| {
            let (key, nonce) = out.split_at_mut_checked(aead.key_length())?;
            kdf.expand(RESPONSE_KEY_INFO, key).ok()?;
            kdf.expand(RESPONSE_NONCE_INFO, nonce).ok()
        })?;
        Some(Self { aead, slot })
    }

    /// `Context.Export` (RFC 9180 section 5.3).
    pub(crate) fn export(
        &self,
        slots: &Slots,
        kem: Kem,
        label: &[u8],
        length: usize,
    ) -> Option<Slot> {
        let exporter = self
            .slot
            .as_slice()
            .get(self.aead.key_length() + NONCE_LENGTH..)?;
        let exporter = Hkdf::<Sha256>::from_prk(exporter).ok()?;
        let suite = suite_id(kem, self.aead);
        slots.filled(length, |out| expand(&suite, &exporter, b"sec", label, out))
    }

    pub(crate) fn key(&self) -> Option<&[u8]> {
        self.slot.as_slice().get(..self.aead.key_length())
    }

    /// The base nonce, with the big-endian sequence number in its last bytes (RFC 9180 section 5.2, the draft's section 6.2).
    pub(crate) fn nonce(&self, sequence: u64) -> Option<Zeroizing<[u8; NONCE_LENGTH]>> {
        let base = self.slot.as_slice().get(self.aead.key_length()..)?;
        let mut nonce = Zeroizing::new(*base.first_chunk::<NONCE_LENGTH>()?);
        let counter = nonce.last_chunk_mut::<8>()?;
        *counter = (u64::from_be_bytes(*counter) ^ sequence).to_be_bytes();
        Some(nonce)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn nonces_are_those_of_the_draft_and_count_across_bytes() {
        let slots = Slots::default();
        let base = hex::decode("fead854635d2d5527d64f546").unwrap();
        let slot = slots.filled(16 + 12, |out| {
            out[16..].copy_from_slice(&base);
            Some(())
        });
        let keys = Keys {
            aead: Aead::Aes128Gcm,
            slot: slot.unwrap(),
        };
        for (sequence, nonce) in [
            (0, "fead854635d2d5527d64f546"),
            (1, "fead854635d2d5527d64f547"),
            (2, "fead854635d2d5527d64f544"),
            (0x100, "fead854635d2d5527d64f446"),
            (u64::MAX, "fead8546ca2d2aad829b0ab9"),
        ] {
            assert_eq!(hex::encode(keys.nonce(sequence).unwrap().as_slice()), nonce);
        }
    }
}
