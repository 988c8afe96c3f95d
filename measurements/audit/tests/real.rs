//! The audit of this very checkout and of the image that was built from it, by the program; and the folder of a release made from it.
//!
//! They need a finished image in `target/image` (or where `CLOISTER_IMAGE` says). Without one they say so on the terminal, unless
//! `CLOISTER_REQUIRE_PEERS` is set: then they fail.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap()
}

fn image() -> Option<PathBuf> {
    let image = std::env::var_os("CLOISTER_IMAGE")
        .map_or_else(|| root().join("target/image"), PathBuf::from);
    if image.join("manifest.json").is_file() && image.join("release.json").is_file() {
        return Some(image);
    }
    assert!(
        std::env::var_os("CLOISTER_REQUIRE_PEERS").is_none(),
        "an image is required and absent: {}",
        image.display()
    );
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED: no finished image in {}; make measure makes it",
        image.display()
    );
    None
}

fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

#[test]
fn this_checkout_is_audited() {
    if image().is_none() {
        return;
    }
    let json = folder("audit-real").join("report.json");
    let output = Command::new(env!("CARGO_BIN_EXE_cloister-audit"))
        .args(["--no-rebuild", "--root"])
        .arg(root())
        .arg("--json")
        .arg(&json)
        .output()
        .unwrap();
    let report: serde_json::Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let ids: Vec<&str> = report["sections"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["id"].as_str().unwrap())
        .collect();
    assert_eq!(
        ids,
        [
            "inputs",
            "rebuild",
            "recompute",
            "log",
            "policy",
            "base",
            "live",
            "limits"
        ]
    );
    let mut failed = Vec::new();
    let mut lines = 0;
    for line in report["sections"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|it| it["lines"].as_array().unwrap())
    {
        lines += 1;
        if line["mark"] == "failed" {
            failed.push(format!("{}: {}", line["subject"], line["says"]));
        }
    }
    // While somebody works on the tree, files differ from the commit, and that is all that may be wrong.
    let serious: Vec<_> = failed
        .iter()
        .filter(|line| !line.contains("commit"))
        .collect();
    assert!(serious.is_empty(), "{serious:#?}");
    assert_eq!(
        output.status.code(),
        Some(i32::from(!failed.is_empty())),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(
        report["verdict"],
        if failed.is_empty() { "ok" } else { "failed" }
    );
    assert_eq!(report["counts"]["failed"], failed.len());
    assert!(lines > 600, "only {lines} lines");
    for word in [
        "1. Inputs",
        "8. What none of this shows",
        "crate hpke ",
        "weights model.safetensors",
        "release SNP EPYC-Genoa x4",
        "kernel options",
    ] {
        assert!(text.contains(word), "the text lacks {word:?}");
    }
}

#[test]
fn a_release_is_assembled_once() {
    let Some(image) = image() else { return };
    let releases = folder("audit-releases");
    let assemble = || {
        Command::new(root().join("measurements/release"))
            .env("CLOISTER_AUDIT", env!("CARGO_BIN_EXE_cloister-audit"))
            .env("CLOISTER_RELEASES", &releases)
            .env("CLOISTER_IMAGE", &image)
            .output()
            .unwrap()
    };
    let output = assemble();
    assert!(output.status.success(), "{}", said(&output));
    let version = fs::read_dir(&releases)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let bytes = |name: &str| fs::read(version.join(name)).unwrap();
    assert_eq!(
        bytes("manifest.json"),
        fs::read(image.join("manifest.json")).unwrap()
    );
    assert_eq!(
        bytes("release.json"),
        fs::read(image.join("release.json")).unwrap()
    );
    for name in ["release.snp.corim", "release.tdx.corim", "corim.cbor"] {
        assert_eq!(
            version.join(name).exists(),
            image.join(name).exists(),
            "{name}"
        );
    }
    let provenance = bytes("provenance.json");
    let statement: serde_json::Value = serde_json::from_slice(&provenance).unwrap();
    let named = statement["predicate"]["buildDefinition"]["resolvedDependencies"]
        .as_array()
        .unwrap();
    assert!(named.len() > 300, "only {} inputs", named.len());
    // The same again is no change; other bytes are refused and nothing is touched.
    let output = assemble();
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(bytes("provenance.json"), provenance);
    fs::write(version.join("release.json"), "{}").unwrap();
    let output = assemble();
    assert!(
        !output.status.success() && said(&output).contains("published with other bytes"),
        "{}",
        said(&output)
    );
    assert_eq!(bytes("release.json"), b"{}");
}
