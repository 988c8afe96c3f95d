//! `cloister-measure` as a process.
#![allow(missing_docs, clippy::unwrap_used)]

mod real;
mod synthetic;

use cloister_digest::measure::{Files, Measured};
use cloister_digest::snp::{CpuType, Shape};
use cloister_verify::release::{Flavour, Hex, Release};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// A folder with the files of an image and this firmware.
fn folder(name: &str, firmware: &[u8], cmdline: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    let kernel = vec![1; 5000];
    for (file, bytes) in [
        ("firmware", firmware),
        ("kernel", &kernel),
        ("initrd", b"070701"),
        ("cmdline", cmdline.as_bytes()),
    ] {
        std::fs::write(folder.join(file), bytes).unwrap();
    }
    let _ = std::fs::remove_file(folder.join("release.json"));
    folder
}

fn measure(folder: &Path, first: &[&str], last: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloister-measure"));
    command.args(first);
    for file in ["firmware", "kernel", "initrd", "cmdline"] {
        command.arg(format!("--{file}")).arg(folder.join(file));
    }
    command.args(last).current_dir(folder).output().unwrap()
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

fn cmdline() -> String {
    format!(
        "console=ttyS0 panic=-1 cloister.release=0.1.0 cloister.weights={}:1234",
        "5a".repeat(32)
    )
}

#[test]
fn prints_one_digest_of_any_firmware() {
    let image = synthetic::amdsev().bytes();
    let folder = folder("one", &image, &cmdline());
    let output = measure(
        &folder,
        &["snp"],
        &[
            "--vcpus",
            "4",
            "--cpu",
            "EPYC-Genoa",
            "--guest-features",
            "0x21",
        ],
    );
    assert!(output.status.success(), "{}", said(&output));
    let cmdline = cmdline();
    let files = Files {
        firmware: &image,
        kernel: &[1; 5000],
        initrd: b"070701",
        cmdline: cmdline.as_bytes(),
    };
    let shape = Shape {
        cpu: CpuType::parse("EPYC-Genoa").unwrap(),
        vcpus: 4,
        guest_features: 0x21,
    };
    let digest = Hex(Measured::hash(&files).unwrap().digest(&shape).unwrap());
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        format!("{digest}\n")
    );
    assert!(
        String::from_utf8(output.stderr)
            .unwrap()
            .contains("not for a release"),
        "no warning"
    );
}

#[test]
fn refuses_a_firmware_that_nobody_looked_at() {
    let folder = folder("unknown", &synthetic::amdsev().bytes(), &cmdline());
    for flavour in ["production", "simulated"] {
        let output = measure(
            &folder,
            &[],
            &["--flavour", flavour, "--out", "release.json"],
        );
        assert!(!output.status.success());
        assert!(
            said(&output).contains("is not on the list"),
            "{}",
            said(&output)
        );
        assert!(
            !folder.join("release.json").exists(),
            "a release was written"
        );
    }
}

#[test]
fn writes_the_release_of_each_flavour_with_its_own_firmware() {
    for (flavour, expected, own, other) in [
        (
            "production",
            Flavour::Production,
            "OVMF.amdsev.fd",
            "OVMF.fd",
        ),
        ("simulated", Flavour::Simulated, "OVMF.fd", "OVMF.amdsev.fd"),
    ] {
        let (Some(own), Some(other)) = (real::firmware(own), real::firmware(other)) else {
            return;
        };
        let (own, other) = (std::fs::read(own).unwrap(), std::fs::read(other).unwrap());
        let line = [
            "--flavour",
            flavour,
            "--release",
            "0.1.0",
            "--vcpus",
            "1,2",
            "--cpu",
            "EPYC-v4",
            "--out",
            "release.json",
        ];
        let at = folder(flavour, &own, &cmdline());
        let output = measure(&at, &[], &line);
        assert!(output.status.success(), "{}", said(&output));
        let release = Release::from_json(&std::fs::read(at.join("release.json")).unwrap()).unwrap();
        assert_eq!(
            (release.flavour, release.release.as_str(), release.snp.len()),
            (expected, "0.1.0", 2)
        );
        assert_eq!(release.weights.root_hash, Hex([0x5a; 32]));
        for shape in &release.snp {
            assert!(
                said(&output).contains(&shape.digest.to_string()),
                "the table lacks a digest"
            );
        }

        let at = folder(flavour, &other, &cmdline());
        let output = measure(&at, &[], &line);
        assert!(
            !output.status.success() && said(&output).contains("is not for "),
            "{}",
            said(&output)
        );

        for (what, cmdline, reason) in [
            (
                "another release",
                cmdline().replace("0.1.0", "0.1.1"),
                "expected 0.1.0, found 0.1.1",
            ),
            (
                "no weights",
                "quiet cloister.release=0.1.0".to_owned(),
                "cloister.weights=",
            ),
            (
                "weights without blocks",
                cmdline().replace(":1234", ""),
                "cloister.weights=",
            ),
            ("a newline", format!("{}\n", cmdline()), "without a newline"),
        ] {
            let at = folder(flavour, &own, &cmdline);
            let output = measure(&at, &[], &line);
            assert!(
                !output.status.success() && said(&output).contains(reason),
                "{what}: {}",
                said(&output)
            );
            assert!(
                !at.join("release.json").exists(),
                "{what}: a release was written"
            );
        }
    }
}
