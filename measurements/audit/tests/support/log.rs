//! A log and a witness of the tests' own, with one entry.

use super::NOW;
use base64ct::{Base64, Encoding};
use cloister_verify::UnixTime;
use cloister_verify::log::{
    Algorithm, Entry, Kind, LogPolicy, Proof, VerifierKey, Word, cosigned_message, leaf_hash,
};
use cloister_verify::release::Hex;
use ed25519_dalek::{Signer, SigningKey};
use std::fs;
use std::path::Path;

const LOG: &str = "log.example/test";
const WITNESS: &str = "witness.example/w1";

fn signer(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn verifier(
    name: &str,
    algorithm: Algorithm,
    number: u8,
    key: &SigningKey,
) -> (VerifierKey, String) {
    let bytes = key.verifying_key().to_bytes();
    let verifier = VerifierKey::new(name, algorithm, &bytes).unwrap();
    let line = format!(
        "{name}+{}+{}",
        Hex(verifier.id()),
        Base64::encode_string(&[&[number][..], &bytes].concat())
    );
    (verifier, line)
}

/// A policy that believes the log and the witness of [`prove()`].
fn log_policy_text() -> String {
    let (_, log) = verifier(LOG, Algorithm::Ed25519, 1, &signer(7));
    let (_, witness) = verifier(WITNESS, Algorithm::Cosignature, 4, &signer(8));
    let about = "source = \"this test\", date = \"2026-11-23\"";
    let index = ["image-release", "key-bundle", "machine-list", "floors"]
        .map(|kind| format!("{kind} = {{ value = 0, {about} }}\n"));
    format!(
        "logs = [ {{ value = \"{log}\", {about} }} ]\nwitnesses = [ {{ value = \"{witness}\", {about} }} ]\ngroups = []\nquorum = {{ value = \"{WITNESS}\", {about} }}\nmaximum-age-hours = {{ value = 24, {about} }}\nclock-skew-seconds = {{ value = 300, {about} }}\n[first-index]\n{}",
        index.concat()
    )
}

pub(crate) fn log_policy() -> LogPolicy {
    LogPolicy::parse(&log_policy_text()).unwrap()
}

/// Writes a proof beside a file: of a log with this one entry, cosigned an hour ago.
pub(crate) fn prove(folder: &Path, name: &str, kind: Kind, version: &str) {
    let file = fs::read(folder.join(name)).unwrap();
    let entry = Entry::of(
        kind,
        Word::parse(name).unwrap(),
        Word::parse(version).unwrap(),
        &file,
    )
    .to_string();
    let text = format!(
        "{LOG}\n1\n{}\n",
        Base64::encode_string(&leaf_hash(entry.as_bytes()))
    );
    let line = |name: &str, id: [u8; 4], signature: &[u8]| {
        format!(
            "\u{2014} {name} {}\n",
            Base64::encode_string(&[&id[..], signature].concat())
        )
    };
    let (log, _) = verifier(LOG, Algorithm::Ed25519, 1, &signer(7));
    let (witness, _) = verifier(WITNESS, Algorithm::Cosignature, 4, &signer(8));
    let time = UnixTime(NOW.0 - 3600);
    let cosignature = signer(8)
        .sign(cosigned_message(time, &text).as_bytes())
        .to_bytes();
    let cosigned = [&time.0.to_be_bytes()[..], &cosignature].concat();
    let checkpoint = format!(
        "{text}\n{}{}",
        line(LOG, log.id(), &signer(7).sign(text.as_bytes()).to_bytes()),
        line(WITNESS, witness.id(), &cosigned)
    );
    let proof = Proof {
        extra: Some(entry.into_bytes()),
        index: 0,
        hashes: Vec::new(),
        checkpoint: checkpoint.into_bytes(),
    };
    fs::write(folder.join(format!("{name}.tlog-proof")), proof.to_bytes()).unwrap();
}
