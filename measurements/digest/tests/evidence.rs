//! The measurement cases of the evidence set: published vectors, and the inputs of a machine whose real report is at hand.
//!
//! The set is found through `CLOISTER_EVIDENCE` (otherwise `../shared/evidence` beside the repository); where it is absent the tests
//! say so on the terminal.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod cases;

use cases::evidence as case;
use cloister_digest::snp::{
    Boot, CpuType, Firmware, FirmwareLayout, Launcher, Section, Shape, launch_digest,
    launch_digest_by,
};
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::path::Path;

fn json(path: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn number(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

fn bytes<const N: usize>(value: &Value) -> [u8; N] {
    cloister_verify::release::Hex::parse(value.as_str().unwrap())
        .unwrap()
        .0
}

#[test]
fn published_vectors() {
    let Some(case) = case("snp-ovmf-suffix") else {
        return;
    };
    let (mut equal, mut of_google) = (0, 0);
    for vector in json(&case.join("vectors.json")).as_array().unwrap() {
        let name = vector["name"].as_str().unwrap();
        let inputs = &vector["inputs"];
        let launcher = match inputs["vmm"].as_str() {
            Some("QEMU") => Launcher::Qemu,
            Some("gce") => Launcher::Gce,
            other => panic!("{name}: unknown launcher {other:?}"),
        };
        let image = std::fs::read(case.join(inputs["ovmf"].as_str().unwrap())).unwrap();
        let layout = Firmware::parse(&image).unwrap().layout().unwrap();
        let empty = <[u8; 32]>::from(Sha256::digest(b""));
        let boot = match inputs["kernel"].as_str() {
            None => Boot::FirmwareOnly,
            Some("empty") => {
                assert_eq!(inputs["initrd"], "empty", "{name}");
                Boot::Direct {
                    kernel_sha256: empty,
                    initrd_sha256: empty,
                    cmdline: inputs["append"].as_str().unwrap(),
                }
            }
            Some(other) => panic!("{name}: unknown kernel {other}"),
        };
        let shape = Shape {
            cpu: CpuType::parse(inputs["vcpu_type"].as_str().unwrap_or("EPYC")).unwrap(),
            vcpus: number(&inputs["vcpus"]),
            guest_features: inputs["guest_features"].as_u64().unwrap(),
        };
        let expected: [u8; 48] = bytes(&vector["expected_launch_digest"]);
        assert_eq!(
            launch_digest_by(launcher, &layout, &boot, &shape).unwrap(),
            expected,
            "{name}"
        );
        equal += 1;
        of_google += usize::from(launcher == Launcher::Gce);
    }
    assert_eq!((equal, of_google), (15, 2));
}

#[test]
fn a_real_report_of_a_genoa_machine() {
    let Some(case) = case("snp-secretvm-genoa-real") else {
        return;
    };
    let inputs = json(&case.join("inputs.json"));
    let sections = inputs["ovmf_sections"].as_array().unwrap().iter().map(|s| {
        Section::new(
            number(&s["gpa"]),
            number(&s["size"]),
            number(&s["section_type"]),
        )
        .unwrap()
    });
    let layout = FirmwareLayout::new(
        bytes(&inputs["ovmf_hash"]),
        sections.collect(),
        number(&inputs["sev_es_reset_eip"]),
        Some(number(&inputs["sev_hashes_table_gpa"])),
    );
    let boot = Boot::Direct {
        kernel_sha256: bytes(&inputs["kernel_hash"]),
        initrd_sha256: bytes(&inputs["initrd_hash"]),
        cmdline: inputs["cmdline"].as_str().unwrap(),
    };
    let shape = Shape {
        cpu: CpuType::parse(inputs["vcpu_type"].as_str().unwrap()).unwrap(),
        vcpus: number(&inputs["vcpus"]),
        guest_features: inputs["guest_features"].as_u64().unwrap(),
    };
    let digest = launch_digest(&layout.unwrap(), &boot, &shape).unwrap();
    let report = std::fs::read(case.join("report.bin")).unwrap();
    assert_eq!(
        digest,
        report[0x90..0xc0],
        "the hardware measured what we compute"
    );
}
