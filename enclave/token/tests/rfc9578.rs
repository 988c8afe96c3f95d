//! The vectors of RFC 9578 appendix A.2 (blind RSA), and one mutation of them for each rule.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::expect_used)]

use cloister_token::{IssuerKey, TokenError};
use sha2::{Digest, Sha256};
use std::{io::Write, path::PathBuf};

struct Vector {
    spki: Vec<u8>,
    challenge_digest: [u8; 32],
    token: Vec<u8>,
}

/// The vectors, or nothing (said aloud) when the evidence folder is absent.
fn vectors() -> Vec<Vector> {
    let evidence = std::env::var_os("CLOISTER_EVIDENCE").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/evidence"),
        PathBuf::from,
    );
    let Ok(text) =
        std::fs::read_to_string(evidence.join("vectors/privacypass-rfc9578-blindrsa/vectors.json"))
    else {
        // Not `eprintln`: the test harness would swallow it.
        let _ = std::io::stderr()
            .write_all(b"SKIPPED: token vectors: no evidence folder (set CLOISTER_EVIDENCE)\n");
        return Vec::new();
    };
    let vectors: serde_json::Value = serde_json::from_str(&text).unwrap();
    let vectors = vectors.as_array().unwrap();
    assert!(vectors.len() >= 5, "the standard prints five vectors");
    let field = |vector: &serde_json::Value, name: &str| {
        hex::decode(vector[name].as_str().unwrap()).unwrap()
    };
    vectors
        .iter()
        .map(|vector| Vector {
            spki: field(vector, "pkS"),
            challenge_digest: Sha256::digest(field(vector, "token_challenge")).into(),
            token: field(vector, "token"),
        })
        .collect()
}

#[test]
fn the_standards_tokens_verify() {
    for Vector {
        spki,
        challenge_digest,
        token,
    } in vectors()
    {
        let key = IssuerKey::from_spki(&spki).unwrap();
        assert!(key.verify(&token, &challenge_digest).is_ok());
        assert_eq!(key.id(), &<[u8; 32]>::from(Sha256::digest(&spki)));
    }
}

#[test]
fn one_changed_byte_and_they_do_not() {
    for Vector {
        spki,
        challenge_digest,
        token,
    } in vectors()
    {
        let key = IssuerKey::from_spki(&spki).unwrap();
        for at in 0..token.len() {
            let mut bad = token.clone();
            bad[at] ^= 0x10;
            let expected = match at {
                0..2 => TokenError::Type(u16::from_be_bytes([bad[0], bad[1]])),
                34..66 => TokenError::Challenge,
                66..98 => TokenError::Key,
                _ => TokenError::Authenticator,
            };
            assert_eq!(
                key.verify(&bad, &challenge_digest).err(),
                Some(expected),
                "byte {at}"
            );
        }
        assert_eq!(
            key.verify(&token[..353], &challenge_digest).err(),
            Some(TokenError::Length(353))
        );
        assert_eq!(
            key.verify(&[&token[..], &[0]].concat(), &challenge_digest)
                .err(),
            Some(TokenError::Length(355))
        );
        assert_eq!(
            key.verify(&token, &[0; 32]).err(),
            Some(TokenError::Challenge)
        );
    }
}

#[test]
fn issuer_keys_have_one_encoding() {
    for Vector { spki, .. } in vectors() {
        // All but the 256 bytes of the modulus.
        for at in (0..81).chain(337..spki.len()) {
            let mut bad = spki.clone();
            bad[at] ^= 0x81;
            assert!(IssuerKey::from_spki(&bad).is_err(), "byte {at}");
        }
        assert!(IssuerKey::from_spki(&spki[..spki.len() - 1]).is_err());
    }
    assert!(IssuerKey::from_spki(&[]).is_err());
}
