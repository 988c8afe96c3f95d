//! The draft's example, recomputed from its keys in both directions.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use crate::keys::Key;
use crate::open::receive;
use crate::schedule::Keys;
use crate::suite::Kem;
use cloister_memory::{LockError, Secret};
use cloister_wire::chunked::{put_length, put_request_head};
use cloister_wire::ohttp::{RequestHeader, request_info};
use std::path::Path;

fn secret(bytes: &[u8]) -> Secret<32> {
    Secret::filled::<LockError>(|out| {
        out.copy_from_slice(bytes);
        Ok(())
    })
    .unwrap()
}

struct Example(serde_json::Value);

impl Example {
    fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../wire/vectors/ohttp-chunked-08/example.json");
        Self(serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap())
    }

    fn bytes(&self, name: &str) -> Vec<u8> {
        hex::decode(self.0[name].as_str().unwrap()).unwrap()
    }

    /// The plaintext of each chunk.
    fn chunks(&self, message: &str, lengths: &str) -> Vec<Vec<u8>> {
        let mut rest = self.bytes(message);
        let lengths = self.0[lengths].as_array().unwrap().clone();
        let chunks = lengths
            .iter()
            .map(|length| {
                let length = usize::try_from(length.as_u64().unwrap()).unwrap();
                rest.drain(..length).collect()
            })
            .collect();
        assert!(rest.is_empty());
        chunks
    }

    fn ring(&self) -> KeyRing {
        KeyRing::from_keys([
            Key {
                key_id: 1,
                kem: Kem::X25519,
                private: secret(&self.bytes("gateway_secret_key")),
            },
            Key {
                key_id: 2,
                kem: Kem::XWing,
                private: secret(&[7; 32]),
            },
        ])
        .unwrap()
    }
}

#[test]
fn the_drafts_example_opens_and_its_reply_is_sealed_to_the_same_bytes() {
    let example = Example::read();
    let ring = example.ring();
    let config = example.bytes("key_config");
    assert_eq!(ring.key_configs()[2..2 + config.len()], config);
    let sealed = example.bytes("encapsulated_request");
    for step in 1..=sealed.len() {
        let mut request = ring.open_chunked();
        for slice in sealed.chunks(step) {
            request.push(&ring, slice).unwrap();
        }
        let window = ReplayWindow::new(0);
        let opened = request.finish(&window, 0).ok().unwrap();
        assert_eq!(opened.plaintext(), example.bytes("request_bhttp"));

        let (_, sealer) = opened.into_parts();
        assert_eq!(sealer.expose(), example.bytes("exported_secret"));
        let response = example.bytes("encapsulated_response");
        let (nonce, rest) = response.split_at(16);
        let mut sealer = sealer.begin_under(nonce).unwrap();
        assert_eq!(sealer.keys().key().unwrap(), example.bytes("aead_key"));
        for (number, nonce) in (0..).zip(example.0["response_chunk_nonces"].as_array().unwrap()) {
            let ours = sealer.keys().nonce(number).unwrap();
            assert_eq!(hex::encode(ours.as_slice()), nonce.as_str().unwrap());
        }
        let chunks = example.chunks("response_bhttp", "response_chunk_lengths");
        let mut written = Vec::new();
        for chunk in &chunks[..2] {
            written.extend(sealer.seal(chunk).unwrap());
        }
        written.extend(sealer.finish(&chunks[2]).unwrap());
        assert_eq!(written, rest);
    }
}

#[test]
fn the_drafts_request_is_sealed_to_the_same_bytes() {
    let example = Example::read();
    let ring = example.ring();
    let header = RequestHeader {
        key_id: 1,
        kem: Kem::X25519.number(),
        kdf: 1,
        aead: 1,
    };
    assert_eq!(request_info(REQUEST_LABEL, &header), example.bytes("info"));
    let enc = example.bytes("client_ephemeral_public_key");
    assert_eq!(
        Kem::X25519
            .public_key(&example.bytes("client_ephemeral_secret_key"))
            .unwrap(),
        enc
    );
    // The device's keys are the gateway's: one schedule stands for both.
    let slots = Slots::default();
    let received = receive(&ring.keys, &slots, REQUEST_LABEL, &header, &enc)
        .ok()
        .unwrap();
    let mut written = Vec::new();
    put_request_head(&header, &enc, &mut written).unwrap();
    let chunks = example.chunks("request_bhttp", "request_chunk_lengths");
    let last = chunks.len() - 1;
    for (number, mut chunk) in chunks.into_iter().enumerate() {
        let is_last = number == last;
        let aad: &[u8] = if is_last { FINAL_AAD } else { b"" };
        let sequence = u64::try_from(number).unwrap();
        let text = InOutBuf::from(&mut chunk[..]);
        let tag = received.keys.seal(sequence, aad, text).unwrap();
        let length = if is_last { 0 } else { chunk.len() + 16 };
        put_length(length, &mut written).unwrap();
        written.extend(chunk);
        written.extend(tag);
    }
    assert_eq!(written, example.bytes("encapsulated_request"));
    let keys = Keys::of_response(
        &slots,
        received.keys.aead,
        &enc,
        &example.bytes("salt")[32..],
        &example.bytes("exported_secret"),
    );
    assert_eq!(
        keys.unwrap().nonce(0).unwrap().as_slice(),
        example.bytes("aead_base_nonce")
    );
}
