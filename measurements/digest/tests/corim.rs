//! CoRIM output, read by a foreign CBOR decoder (PyPI cbor2) and compared with a manifest of another project (evidence set).
//!
//! The decoder is installed by pip under Cargo's temporary directory from `cbor2.txt`. Where that does not work the comparison says
//! so on the terminal, unless `CLOISTER_REQUIRE_PEERS` is set: then it fails.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::cast_possible_truncation
)]

use cloister_digest::corim;
use cloister_verify::release::{Hex, Release};
use serde_json::{Value, json};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

fn release() -> Release {
    let (hash, digest) = ("ab".repeat(32), "cd".repeat(48));
    let text = format!(
        r#"{{"release":"0.1.0","flavour":"production","firmware":{{"name":"f","sha256":"{hash}","snp":{{"pages_digest":"{digest}",
"sections":[{{"gpa":8388608,"size":4096,"kind":16}}],"reset_eip":1,"hashes_gpa":8388608}}}},"kernel_sha256":"{hash}","initrd_sha256":"{hash}",
"cmdline":"cloister.release=0.1.0 cloister.weights={hash}:12","weights":{{"root_hash":"{hash}"}},
"snp":[{{"cpu":"EPYC-v4","vcpus":1,"guest_features":1,"digest":"{}"}},{{"cpu":"EPYC-Turin","vcpus":64,"guest_features":33,"digest":"{}"}}],
"tdx":[{{"firmware_sha256":"{hash}","vcpus":4,"memory_mib":8192,"mrtd":"{}","rtmr0":"{}","rtmr1":"{}","rtmr2":"{}"}}]}}"#,
        "a1".repeat(48),
        "a2".repeat(48),
        "b0".repeat(48),
        "b1".repeat(48),
        "b2".repeat(48),
        "b3".repeat(48)
    );
    Release::from_json(text.as_bytes()).unwrap()
}

fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// A Python interpreter with the decoder.
fn python() -> Option<Command> {
    // The tests of this file run side by side and share the folder.
    static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one = ONE.lock().unwrap();
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cbor2");
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cbor2.txt");
    let pip = Command::new("python3")
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--require-hashes",
            "--upgrade",
        ])
        .arg("--target")
        .arg(&target)
        .arg("-r")
        .arg(requirements)
        .output();
    let why = match pip {
        Ok(output) if output.status.success() => {
            let mut python = Command::new("python3");
            python.env("PYTHONPATH", target);
            return Some(python);
        }
        Ok(output) => String::from_utf8_lossy(&output.stderr).trim().to_owned(),
        Err(error) => error.to_string(),
    };
    assert!(
        std::env::var_os("CLOISTER_REQUIRE_PEERS").is_none(),
        "cbor2 is required and absent: {why}"
    );
    say(&format!(
        "SKIPPED: no comparison with a foreign CBOR decoder: {why}"
    ));
    None
}

/// What the foreign decoder reads in these files.
fn read(files: &[PathBuf]) -> Option<Vec<Value>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/corim.py");
    let output = python()?.arg(script).args(files).output().unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    Some(
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
    )
}

fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

/// The reference triple of a CoMID: its environment and measurements.
fn triple(tag: &Value) -> (&Value, &Value) {
    let triples = tag["comid"]["4"]["0"].as_array().unwrap();
    assert_eq!(triples.len(), 1);
    (&triples[0][0], &triples[0][1])
}

#[test]
fn a_foreign_decoder_reads_what_was_published() {
    let release = release();
    let files = [
        file("snp.corim", &corim::snp(&release).unwrap()),
        file("tdx.corim", &corim::tdx(&release).unwrap()),
    ];
    let Some(found) = read(&files) else { return };
    for manifest in &found {
        assert_eq!(manifest["canonical"], true, "deterministic encoding");
        assert_eq!(manifest["tag"], 501);
        assert_eq!(manifest["keys"], json!([0, 1, 3]));
    }
    let snp = &found[0];
    assert_eq!(snp["id"], "cloister 0.1.0 sev-snp");
    assert_eq!(
        snp["profile"],
        json!([32, "tag:amd.com,2025:snp-corim-profile"])
    );
    let digest = |digest: &str| json!([[7, digest]]);
    let expected = [
        ("EPYC-v4 1 CPUs 0x1", "a1".repeat(48)),
        ("EPYC-Turin 64 CPUs 0x21", "a2".repeat(48)),
    ];
    let tags = snp["tags"].as_array().unwrap();
    assert_eq!(tags.len(), expected.len());
    for (tag, (name, value)) in tags.iter().zip(&expected) {
        assert_eq!(tag["tag"], 506);
        assert_eq!(
            tag["comid"]["1"]["0"],
            format!("cloister 0.1.0 sev-snp {name}")
        );
        let (environment, measurements) = triple(tag);
        assert_eq!(
            environment,
            &json!({"0": {"0": [111, "2b060104019c780301"]}})
        );
        assert_eq!(
            measurements,
            &json!([{"0": 641, "1": {"2": digest(value)}}])
        );
    }
    let tdx = &found[1];
    assert_eq!(tdx["profile"], json!([111, "6086480186f84d011001"]));
    let tags = tdx["tags"].as_array().unwrap();
    assert_eq!(tags.len(), 1);
    assert_eq!(
        tags[0]["comid"]["1"]["0"],
        format!(
            "cloister 0.1.0 tdx 8192 MiB 4 CPUs firmware {}",
            "ab".repeat(32)
        )
    );
    let (environment, measurements) = triple(&tags[0]);
    assert_eq!(
        environment,
        &json!({"0": {"1": "Intel Corporation", "2": "TDX TD"}})
    );
    let registers = json!({"0": digest(&"b1".repeat(48)), "1": digest(&"b2".repeat(48)), "2": digest(&"b3".repeat(48))});
    assert_eq!(
        measurements,
        &json!([{"1": {"14": registers, "-83": digest(&"b0".repeat(48))}}])
    );
}

/// The manifest of another project for a Genoa machine: the same tags, class, key and form of digest as ours; its digest, published by
/// us, is the same bytes.
#[test]
fn the_shape_of_a_foreign_manifest() {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/evidence");
    let theirs = std::env::var_os("CLOISTER_EVIDENCE")
        .map_or(beside, PathBuf::from)
        .join("snp/genoa-v3-tsm-veraison/corim_valid.cbor");
    if !theirs.is_file() {
        assert!(
            std::env::var_os("CLOISTER_REQUIRE_PEERS").is_none(),
            "evidence is required and absent: {}",
            theirs.display()
        );
        return say(&format!("SKIPPED: no evidence set at {}", theirs.display()));
    }
    let Some(found) = read(&[theirs]) else { return };
    let theirs = &found[0];
    assert_eq!(
        (&theirs["tag"], &theirs["tags"][0]["tag"]),
        (&json!(501), &json!(506))
    );
    let (environment, measurements) = triple(&theirs["tags"][0]);
    let by_key = |measurements: &Value| {
        let list = measurements.as_array().unwrap().clone();
        list.into_iter().find(|m| m["0"] == 641).unwrap()
    };
    let measured = by_key(measurements);
    let mut release = release();
    release.snp.truncate(1);
    release.snp[0].digest = Hex::parse(measured["1"]["2"][0][1].as_str().unwrap()).unwrap();
    let ours = read(&[file("same.corim", &corim::snp(&release).unwrap())]).unwrap();
    let (our_environment, our_measurements) = triple(&ours[0]["tags"][0]);
    assert_eq!(our_environment["0"]["0"], environment["0"]["0"], "class");
    assert_eq!(by_key(our_measurements), measured, "measurement");
}

#[test]
fn a_technology_without_shapes_has_no_manifest() {
    let mut release = release();
    release.tdx.clear();
    assert!(corim::tdx(&release).is_none() && corim::snp(&release).is_some());
    release.snp.clear();
    assert!(corim::snp(&release).is_none());
    // Every measurement is in the bytes: a changed digest changes them.
    let one = self::release();
    let mut other = self::release();
    other.tdx[0].rtmr2 = other.tdx[0].rtmr1;
    assert_ne!(corim::tdx(&one), corim::tdx(&other));
    assert_eq!(corim::snp(&one), corim::snp(&other));
}
