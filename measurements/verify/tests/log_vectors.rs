//! Vectors of other hands on the formats of the log: RFC 6962 cases, a log of Tessera, Ed25519 by Wycheproof.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::cast_possible_truncation
)]

mod support;

use base64ct::{Base64, Encoding};
use cloister_verify::log::{
    Algorithm, Checkpoint, Hash, Head, Note, VerifierKey, is_consistent, is_included, leaf_hash,
    unbundle,
};
use std::fs;
use support::merkle::{path, root};

fn hash(base64: &str) -> Option<Hash> {
    Base64::decode_vec(base64).ok()?.try_into().ok()
}

#[test]
fn the_cases_of_rfc_6962_come_out_as_they_should() {
    let Some(corpus) = support::corpus() else {
        return;
    };
    let text = fs::read_to_string(corpus.join("vectors/merkle-rfc6962/cases.json")).unwrap();
    let cases: serde_json::Value = serde_json::from_str(&text).unwrap();
    let (mut inclusions, mut consistencies) = (0, 0);
    for case in cases.as_array().unwrap() {
        let text = |member: &str| case[member].as_str().unwrap_or_default();
        let number = |member: &str| case[member].as_u64().unwrap_or_default();
        let hashes = case["proof"]
            .as_array()
            .map(Vec::as_slice)
            .unwrap_or_default();
        let proof: Option<Vec<Hash>> = hashes.iter().map(|h| hash(h.as_str()?)).collect();
        // What is no hash does not get past the parser of proofs.
        let holds = |holds: &dyn Fn(&[Hash]) -> Option<bool>| {
            proof.as_deref().and_then(holds).unwrap_or(false)
        };
        let good = if text("kind") == "inclusion" {
            inclusions += 1;
            let (leaf, root) = (hash(text("leafHash")), hash(text("root")));
            holds(&|p| {
                Some(is_included(
                    &leaf?,
                    number("leafIdx"),
                    number("treeSize"),
                    p,
                    &root?,
                ))
            })
        } else {
            consistencies += 1;
            let head = |size: &str, root: &str| {
                Some(Head {
                    size: number(size),
                    root: hash(text(root))?,
                })
            };
            let (old, new) = (head("size1", "root1"), head("size2", "root2"));
            holds(&|p| Some(is_consistent(&old?, &new?, p)))
        };
        assert_eq!(
            good,
            !case["wantErr"].as_bool().unwrap(),
            "{}",
            text("source")
        );
    }
    assert!(
        inclusions + consistencies >= 98 && inclusions > 0,
        "{inclusions} {consistencies}"
    );
}

#[test]
fn the_log_of_tessera_is_read_as_it_was_written() {
    let Some(corpus) = support::corpus() else {
        return;
    };
    let folder = corpus.join("vectors/tlog-tessera");
    let read = |name: &str| fs::read(folder.join(name)).unwrap();
    let key = String::from_utf8(read("verifier_key.txt")).unwrap();
    let key = VerifierKey::parse(key.trim_end()).unwrap();
    let mut heads: Vec<(Head, Vec<Hash>)> = Vec::new();
    for size in 0..=15_u16 {
        let note = read(&format!("checkpoint.{size}"));
        let note = Note::parse(&note).unwrap();
        let line = note.by(key.name(), key.id()).next().unwrap();
        assert!(key.signed_note(note.text, &line.signature), "{size}");
        let checkpoint = Checkpoint::parse(note.text).unwrap();
        assert_eq!(
            (checkpoint.size, checkpoint.origin.as_str()),
            (size.into(), key.name())
        );
        let leaves: Vec<Hash> = if size == 0 {
            Vec::new()
        } else {
            let tile = read(&format!("tile__0__000.p__{size}"));
            let bundle = read(&format!("tile__entries__000.p__{size}"));
            let entries = unbundle(&bundle, size).unwrap();
            let hashes = tile.chunks(32).map(|hash| Hash::try_from(hash).unwrap());
            let hashes: Vec<Hash> = hashes.collect();
            let leaves: Vec<Hash> = entries.into_iter().map(leaf_hash).collect();
            assert_eq!(leaves, hashes, "{size}");
            leaves
        };
        assert_eq!(root(&leaves), checkpoint.root, "{size}");
        for (index, leaf) in leaves.iter().enumerate() {
            let place = index.try_into().unwrap();
            let hashes = path(&leaves, index);
            assert!(is_included(
                leaf,
                place,
                size.into(),
                &hashes,
                &checkpoint.root
            ));
        }
        let head = Head {
            size: size.into(),
            root: checkpoint.root,
        };
        if let Some((_, earlier)) = heads.last() {
            assert_eq!(leaves[..earlier.len()], earlier[..], "a prefix");
        }
        heads.push((head, leaves));
    }
}

#[test]
fn ed25519_is_verified_as_wycheproof_asks() {
    let Some(corpus) = support::corpus() else {
        return;
    };
    let text = fs::read_to_string(corpus.join("vectors/wycheproof/ed25519_test.json")).unwrap();
    let vectors: serde_json::Value = serde_json::from_str(&text).unwrap();
    let mut judged = 0;
    for group in vectors["testGroups"].as_array().unwrap() {
        let key = hex::decode(group["publicKey"]["pk"].as_str().unwrap()).unwrap();
        let key = VerifierKey::new("k", Algorithm::Ed25519, &key.try_into().unwrap()).unwrap();
        for test in group["tests"].as_array().unwrap() {
            let bytes = |member: &str| hex::decode(test[member].as_str().unwrap()).unwrap();
            // Notes are text; what is none cannot be signed as one.
            let Ok(text) = String::from_utf8(bytes("msg")) else {
                continue;
            };
            let good = key.signed_note(&text, &bytes("sig"));
            assert_eq!(good, test["result"] == "valid", "{}", test["tcId"]);
            judged += 1;
        }
    }
    assert!(judged > 80, "only {judged} were judged");
}
