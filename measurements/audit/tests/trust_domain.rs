//! The registers of a TDX shape are computed again, with the real firmware where it is and a host's tables made by hand.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::cast_possible_truncation
)]

#[path = "../../digest/tests/direct/mod.rs"]
mod direct;
#[path = "../../digest/tests/real/mod.rs"]
mod real;
mod support;
#[path = "../../digest/tests/tdvf/mod.rs"]
mod tdvf;

use cloister_audit::recompute;
use cloister_audit::report::Mark;
use cloister_digest::measure::{Files, Host, HostShape, add_tdx, release};
use cloister_digest::snp::{CpuType, Shape};
use cloister_digest::tdx::HostTables;
use cloister_verify::release::Flavour;
use std::fs;
use std::path::{Path, PathBuf};
use support::{changed, failed, flip, replace};

const SHAPE: &str = "memory-mib = 2048\nvcpus = 2\nsource = \"this test\"\ndate = \"2026-11-23\"\n";

/// A folder like a checkout: the image under target/image, one host, and the release that cloister-measure's library makes of them.
fn folder() -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("audit-tdx");
    let _ = fs::remove_dir_all(&root);
    let image = root.join("target/image");
    for (name, package) in [
        ("OVMF.amdsev.fd", "OVMF.amdsev.fd"),
        ("OVMF.generic.fd", "OVMF.fd"),
    ] {
        support::put(&image, name, fs::read(real::firmware(package)?).unwrap());
    }
    let cmdline = format!(
        "panic=-1 cloister.release=0.1.0 cloister.weights={}:3",
        "5a".repeat(32)
    );
    support::put(&image, "vmlinuz", direct::kernel());
    support::put(&image, "initrd.cpio", b"070701");
    support::put(&image, "cmdline", &cmdline);
    let host = root.join("measurements/hosts/small");
    for (name, bytes) in direct::host() {
        support::put(&host, &name, bytes);
    }
    support::put(&host, "shape.toml", SHAPE);
    Some(root)
}

/// The release of the folder, as cloister-measure makes it.
fn measured(root: &Path) -> PathBuf {
    let image = root.join("target/image");
    let bytes = |name: &str| fs::read(image.join(name)).unwrap();
    let (snp, tdx) = (bytes("OVMF.amdsev.fd"), bytes("OVMF.generic.fd"));
    let (kernel, initrd, cmdline) = (bytes("vmlinuz"), bytes("initrd.cpio"), bytes("cmdline"));
    let files = Files {
        firmware: &snp,
        kernel: &kernel,
        initrd: &initrd,
        cmdline: &cmdline,
    };
    let shape = Shape {
        cpu: CpuType::parse("EPYC-Genoa").unwrap(),
        vcpus: 2,
        guest_features: 1,
    };
    let mut made = release(&files, Flavour::Production, &[shape]).unwrap();
    let host = Host {
        shape: HostShape::parse(SHAPE).unwrap(),
        tables: HostTables::new(direct::host().into_iter().collect()).unwrap(),
    };
    let files = Files {
        firmware: &tdx,
        ..files
    };
    add_tdx(&mut made, &files, &[host]).unwrap();
    support::put(&image, "release.json", made.to_json().unwrap());
    image.join("release.json")
}

#[test]
fn each_register_of_a_trust_domain_is_named() {
    let Some(root) = folder() else { return };
    let release = measured(&root);
    let image = root.join("target/image");
    let look = || failed(&recompute::section(&root, &image, &release));
    assert_eq!(look(), Vec::<String>::new());
    let good = recompute::section(&root, &image, &release);
    for name in ["firmware", "MRTD", "RTMR0", "RTMR1", "RTMR2", "events"] {
        let subject = format!("release TDX x2 2048 MiB {name}");
        assert!(
            good.marked(Mark::Ok).any(|line| line.subject == subject),
            "{subject}"
        );
    }

    // Another table of the host's: RTMR0 and its events, and nothing else.
    let host = root.join("measurements/hosts/small");
    let seen = changed(&host.join("etc/acpi/tables"), flip, look);
    assert_eq!(
        seen,
        [
            "release TDX x2 2048 MiB RTMR0",
            "release TDX x2 2048 MiB events"
        ]
    );
    let seen = changed(
        &host.join("shape.toml"),
        replace("vcpus = 2", "vcpus = 3"),
        look,
    );
    assert_eq!(seen, ["release TDX x2 2048 MiB"]);
    // Another number in the release file: one that its events do not lead to makes no release file.
    let text: serde_json::Value = serde_json::from_slice(&fs::read(&release).unwrap()).unwrap();
    for (register, subjects) in [
        ("mrtd", vec!["release TDX x2 2048 MiB MRTD".to_owned()]),
        ("rtmr1", vec![release.display().to_string()]),
    ] {
        let digest = text["tdx"][0][register].as_str().unwrap();
        let other = digest.replacen(
            &digest[..1],
            if digest.starts_with('0') { "1" } else { "0" },
            1,
        );
        assert_eq!(changed(&release, replace(digest, &other), look), subjects);
    }
    // Another firmware than the one that was looked into.
    let seen = changed(&image.join("OVMF.generic.fd"), flip, look);
    assert_eq!(seen, ["release"]);
}
