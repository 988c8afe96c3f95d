//! `cloister-measure` for trust domains, as a process: shapes in the release, JSON, CoRIM, and refusals.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::cast_possible_truncation
)]

mod direct;
mod real;
mod tdvf;

use cloister_verify::release::{Flavour, Release};
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const ID: &str = "0.1.0";

/// A folder with an image's files, and a host's.
fn folder(name: &str) -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).unwrap();
    for (file, package) in [("amdsev", "OVMF.amdsev.fd"), ("generic", "OVMF.fd")] {
        std::fs::copy(real::firmware(package)?, folder.join(file)).unwrap();
    }
    let cmdline = format!(
        "panic=-1 cloister.release={ID} cloister.weights={}:1234",
        "5a".repeat(32)
    );
    std::fs::write(folder.join("kernel"), direct::kernel()).unwrap();
    std::fs::write(folder.join("initrd"), b"070701").unwrap();
    std::fs::write(folder.join("cmdline"), cmdline).unwrap();
    host(&folder.join("host"), 2048, 2);
    Some(folder)
}

/// A folder as measurements/capture-host writes it.
fn host(folder: &Path, memory: u32, vcpus: u32) {
    for (name, bytes) in direct::host() {
        let path = folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }
    let shape = format!(
        "memory-mib = {memory}\nvcpus = {vcpus}\nsource = \"tests\"\ndate = \"2026-11-23\"\n"
    );
    std::fs::write(folder.join("shape.toml"), shape).unwrap();
}

fn measure(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloister-measure"));
    command
        .args(arguments)
        .current_dir(folder)
        .output()
        .unwrap()
}

fn said(output: &Output) -> String {
    format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

const FILES: [&str; 6] = [
    "--kernel",
    "kernel",
    "--initrd",
    "initrd",
    "--cmdline",
    "cmdline",
];

fn release_line<'a>(firmware: &'a str, flavour: &'a str, more: &[&'a str]) -> Vec<&'a str> {
    let mut line = vec![
        "--firmware",
        firmware,
        "--flavour",
        flavour,
        "--release",
        ID,
        "--vcpus",
        "1,2",
        "--out",
        "release.json",
    ];
    line.extend(FILES);
    line.extend(more);
    line
}

#[test]
fn a_release_with_tdx_shapes() {
    let Some(at) = folder("tdx-release") else {
        return;
    };
    host(&at.join("large"), 8192, 4);
    let more = [
        "--tdx-firmware",
        "generic",
        "--tdx-host",
        "host",
        "--tdx-host",
        "large",
        "--corim",
        "snp.corim",
        "--corim-tdx",
        "tdx.corim",
    ];
    let output = measure(&at, &release_line("amdsev", "production", &more));
    assert!(output.status.success(), "{}", said(&output));
    let release = Release::from_json(&std::fs::read(at.join("release.json")).unwrap()).unwrap();
    assert_eq!(
        (release.flavour, release.snp.len(), release.tdx.len()),
        (Flavour::Production, 6, 2)
    );
    let [small, large] = [&release.tdx[0], &release.tdx[1]];
    assert_eq!(
        [
            (small.memory_mib, small.vcpus),
            (large.memory_mib, large.vcpus)
        ],
        [(2048, 2), (8192, 4)]
    );
    // Of equal tables only the memory map differs.
    assert_ne!(small.rtmr0, large.rtmr0);
    assert_eq!(
        (small.mrtd, small.rtmr1, small.rtmr2),
        (large.mrtd, large.rtmr1, large.rtmr2)
    );
    let text = said(&output);
    for shape in &release.tdx {
        for digest in [shape.mrtd, shape.rtmr0, shape.rtmr1, shape.rtmr2] {
            assert!(
                text.contains(&digest.to_string()),
                "the table lacks a register"
            );
        }
        assert_eq!(shape.known().len(), shape.events.len());
    }
    assert!(
        text.contains("note: TDX: RTMR0 holds for hosts with exactly the captured tables"),
        "{text}"
    );
    assert!(at.join("snp.corim").is_file() && at.join("tdx.corim").is_file());

    // The same as JSON.
    let output = measure(
        &at,
        &release_line("amdsev", "production", &[&more[..4], &["--json"]].concat()),
    );
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (report["format"].as_str(), report["release"].as_str()),
        (Some("cloister-measure-1"), Some(ID))
    );
    let shapes = report["shapes"].as_array().unwrap();
    assert_eq!(
        shapes
            .iter()
            .filter(|s| s["technology"] == "sev-snp")
            .count(),
        6
    );
    assert_eq!(
        shapes[0]["launch_digest"],
        release.snp[0].digest.to_string()
    );
    let tdx = shapes.iter().find(|s| s["technology"] == "tdx").unwrap();
    assert_eq!(tdx["rtmr0"], small.rtmr0.to_string());
    assert_eq!(tdx["events"].as_array().unwrap().len(), small.events.len());
    assert_eq!(report["not_predicted"].as_array().unwrap().len(), 2);

    // The single launch agrees with the release.
    let line = [
        &["tdx", "--firmware", "generic"][..],
        &FILES,
        &["--host", "host"],
    ]
    .concat();
    let output = measure(&at, &line);
    for digest in [small.mrtd, small.rtmr0, small.rtmr1, small.rtmr2] {
        assert!(
            said(&output).contains(&digest.to_string()),
            "{}",
            said(&output)
        );
    }
}

#[test]
fn without_a_host_rtmr0_is_not_pretended() {
    let Some(at) = folder("tdx-alone") else {
        return;
    };
    let output = measure(&at, &release_line("amdsev", "production", &[]));
    assert!(output.status.success(), "{}", said(&output));
    let release = Release::from_json(&std::fs::read(at.join("release.json")).unwrap()).unwrap();
    assert!(release.tdx.is_empty());
    assert!(
        said(&output).contains("RTMR0 is not predicted"),
        "{}",
        said(&output)
    );
    let output = measure(
        &at,
        &[
            &["tdx", "--firmware", "generic"][..],
            &FILES,
            &["--memory", "2048"],
        ]
        .concat(),
    );
    assert!(output.status.success(), "{}", said(&output));
    assert!(
        said(&output).contains("RTMR0  not predicted"),
        "{}",
        said(&output)
    );
}

#[test]
fn refuses_what_is_not_for_a_trust_domain() {
    let Some(at) = folder("tdx-refused") else {
        return;
    };
    let tdx = ["--tdx-firmware", "generic", "--tdx-host", "host"];
    let refused = |what: &str, line: &[&str], reason: &str| {
        let _ = std::fs::remove_file(at.join("release.json"));
        let output = measure(&at, line);
        assert!(
            !output.status.success() && said(&output).contains(reason),
            "{what}: {}",
            said(&output)
        );
        assert!(
            !at.join("release.json").exists(),
            "{what}: a release was written"
        );
    };
    let amdsev = ["--tdx-firmware", "amdsev", "--tdx-host", "host"];
    refused(
        "firmware that measures nothing",
        &release_line("amdsev", "production", &amdsev),
        "is not for TDX",
    );
    refused(
        "firmware that verifies nothing",
        &release_line("generic", "production", &tdx),
        "is not for SEV-SNP",
    );
    refused(
        "the simulated image",
        &release_line("generic", "simulated", &tdx),
        "simulated processor has no TDX shapes",
    );
    refused(
        "firmware without hosts",
        &release_line("amdsev", "production", &tdx[..2]),
        "--tdx-host",
    );
    let twice = [&tdx[..], &["--tdx-host", "host"]].concat();
    refused(
        "a shape twice",
        &release_line("amdsev", "production", &twice),
        "occurs twice",
    );
    let line = |firmware| {
        [
            &["tdx", "--firmware", firmware][..],
            &FILES,
            &["--memory", "2048"],
        ]
        .concat()
    };
    refused("one launch with it", &line("amdsev"), "is not for TDX");
    let unknown = release_line("amdsev", "production", &tdx);
    for (name, content, reason) in [
        (
            "shape.toml",
            "memory-mib = 2048\nvcpus = 0\nsource = \"t\"\ndate = \"d\"\n",
            "expected 1 to",
        ),
        ("shape.toml", "memory-mib = 2048\n", "shape.toml"),
        ("etc/table-loader", "", "is not a script"),
        ("BootMenu", "menu", "which the firmware would not take"),
        ("smbios", "", "SMBIOS"),
    ] {
        host(&at.join("host"), 2048, 2);
        std::fs::write(at.join("host").join(name), content).unwrap();
        refused(name, &unknown, reason);
    }
    host(&at.join("host"), 2048, 2);
    std::fs::remove_file(at.join("host/etc/acpi/rsdp")).unwrap();
    refused("a missing table", &unknown, "etc/acpi/rsdp is missing");
}
