//! RFC 9458 appendix A: the framing of its example. Its cryptography is checked in `cloister-seal`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use cloister_wire::bhttp::{Request, Response};
use cloister_wire::keyconfig::{KEM_X25519, KeyConfig, KeyConfigs, Suite};
use cloister_wire::ohttp::{
    EncapsulatedRequest, EncapsulatedResponse, REQUEST_LABEL, RequestHeader, request_info,
    response_salt,
};
use std::io::Write;
use std::path::Path;

fn example() -> serde_json::Value {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/ohttp-rfc9458/example.json");
    serde_json::from_str(&std::fs::read_to_string(own).unwrap()).unwrap()
}

fn bytes(example: &serde_json::Value, name: &str) -> Vec<u8> {
    hex::decode(example[name].as_str().unwrap()).unwrap()
}

#[test]
fn the_key_configuration() {
    let encoded = bytes(&example(), "key_config");
    let config = KeyConfig::decode(&encoded).unwrap();
    assert_eq!((config.key_id, config.kem), (1, KEM_X25519));
    assert_eq!(
        config.suites,
        [Suite { kdf: 1, aead: 1 }, Suite { kdf: 1, aead: 3 }]
    );
    assert_eq!(config.encode().unwrap(), encoded);
    let configs = KeyConfigs::new(vec![config]).unwrap();
    assert_eq!(configs.encode().unwrap(), [&[0, 45][..], &encoded].concat());
}

#[test]
fn the_request() {
    let example = example();
    let encapsulated = bytes(&example, "encapsulated_request");
    let request = EncapsulatedRequest::decode(&encapsulated).unwrap();
    assert_eq!(
        request.header,
        RequestHeader {
            key_id: 1,
            kem: KEM_X25519,
            kdf: 1,
            aead: 1
        }
    );
    assert_eq!(
        request_info(REQUEST_LABEL, &request.header),
        bytes(&example, "info")
    );
    assert_eq!(request.enc, bytes(&example, "client_ephemeral_public_key"));

    let plaintext = bytes(&example, "request_bhttp");
    assert_eq!(request.ciphertext.len(), plaintext.len() + 16);
    let inner = Request::decode(&plaintext).ok().unwrap();
    assert_eq!(
        (inner.method, inner.scheme, inner.authority, inner.path),
        (&b"GET"[..], &b"https"[..], &b"example.com"[..], &b"/"[..])
    );
    assert!(inner.content.is_empty() && inner.fields.iter().next().is_none());
}

#[test]
fn the_response() {
    let example = example();
    let encapsulated = bytes(&example, "encapsulated_response");
    let response = EncapsulatedResponse::decode(&encapsulated, 1).unwrap();
    let enc = bytes(&example, "client_ephemeral_public_key");
    assert_eq!(response_salt(&enc, response.nonce), bytes(&example, "salt"));
    let plaintext = bytes(&example, "response_bhttp");
    assert_eq!(response.ciphertext.len(), plaintext.len() + 16);
    assert_eq!(Response::decode(&plaintext).ok().unwrap().status, 200);
}

/// The corpus of evidence, when this machine has it, holds the same example.
#[test]
fn the_corpus_agrees() {
    let Some(corpus) = std::env::var_os("CLOISTER_EVIDENCE") else {
        // Past the capture of test output, so that the skip is seen.
        writeln!(std::io::stderr(), "SKIPPED: CLOISTER_EVIDENCE names no corpus of evidence; only the copy in vectors/ was checked").unwrap();
        return;
    };
    let path = Path::new(&corpus).join("vectors/ohttp-rfc9458/example.json");
    let theirs = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&theirs).unwrap(),
        example()
    );
}
