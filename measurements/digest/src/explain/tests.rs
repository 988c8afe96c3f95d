//! Each differing input is named, and nothing that the hardware does not prove.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
use super::*;
use cloister_bind::ReleaseId;
use cloister_verify::release::{Firmware, Flavour, SnpLayout, SnpSection, Weights};

fn claims() -> LaunchClaims {
    LaunchClaims {
        firmware_sha256: Hex([1; 32]),
        firmware_layout: SnpLayout {
            pages_digest: Hex([2; 48]),
            sections: vec![
                SnpSection {
                    gpa: 0x1000,
                    size: 0x1000,
                    kind: 16,
                },
                SnpSection {
                    gpa: 0x4000,
                    size: 0x2000,
                    kind: 1,
                },
            ],
            reset_eip: 0x1234_5678,
            hashes_gpa: 0x1c00,
        },
        kernel_sha256: Hex([3; 32]),
        initrd_sha256: Hex([4; 32]),
        cmdline: "console=ttyS0 panic=-1 cloister.release=0.1.0".to_owned(),
        vcpus: 2,
        cpu: "EPYC-v4".to_owned(),
        guest_features: 1,
    }
}

fn release() -> Release {
    let honest = claims();
    let mut snp = Vec::new();
    for cpu in ["EPYC-v4", "EPYC-Genoa"] {
        for vcpus in [1, 2, 4] {
            let shape = LaunchClaims {
                cpu: cpu.to_owned(),
                vcpus,
                ..claims()
            };
            let digest = Hex(shape.digest().unwrap());
            snp.push(SnpShape {
                cpu: cpu.to_owned(),
                vcpus,
                guest_features: 1,
                digest,
            });
        }
    }
    Release {
        release: ReleaseId::parse("0.1.0").unwrap(),
        flavour: Flavour::Production,
        firmware: Firmware {
            name: "the firmware".to_owned(),
            sha256: honest.firmware_sha256,
            snp: honest.firmware_layout,
        },
        kernel_sha256: honest.kernel_sha256,
        initrd_sha256: honest.initrd_sha256,
        cmdline: honest.cmdline,
        weights: Weights {
            root_hash: Hex([5; 32]),
        },
        snp,
        tdx: Vec::new(),
    }
}

/// The sentence for a launch whose host tells the truth.
fn said(bend: impl Fn(&mut LaunchClaims)) -> String {
    let mut claims = claims();
    bend(&mut claims);
    mismatch(&release(), &claims, &claims.digest().unwrap()).to_string()
}

#[test]
fn the_published_launch_is_recognised() {
    assert_eq!(
        mismatch(&release(), &claims(), &claims().digest().unwrap()),
        Explanation::Published
    );
    assert_eq!(
        said(|c| c.cpu = "EPYC-Genoa-v1".to_owned()),
        "every input is the published one"
    );
}

#[test]
fn each_input_has_its_own_sentence() {
    let (two, three, four, nine) = (
        "02".repeat(48),
        "03".repeat(32),
        "04".repeat(32),
        "09".repeat(48),
    );
    let nine32 = "09".repeat(32);
    assert_eq!(
        said(|c| c.kernel_sha256 = Hex([9; 32])),
        format!("the kernel differs: expected SHA-256 {three}, found {nine32}")
    );
    assert_eq!(
        said(|c| c.initrd_sha256 = Hex([9; 32])),
        format!("the initrd differs: expected SHA-256 {four}, found {nine32}")
    );
    assert_eq!(
        said(|c| c.vcpus = 3),
        "the CPU count differs: expected 1, 2 or 4, found 3"
    );
    assert_eq!(
        said(|c| c.cpu = "EPYC-Milan".to_owned()),
        "the CPU type differs: expected EPYC-v4 or EPYC-Genoa, found EPYC-Milan"
    );
    assert_eq!(
        said(|c| c.guest_features = 0x21),
        "the guest features differ: expected 0x1, found 0x21"
    );
    assert_eq!(
        said(|c| c.firmware_layout.pages_digest = Hex([9; 48])),
        format!("the firmware differs: expected the firmware with page digest {two}, found {nine}")
    );
    assert_eq!(
        said(|c| c.firmware_layout.reset_eip = 7),
        "the firmware's memory sections differ from those of the firmware"
    );
}

#[test]
fn the_differing_words_of_a_command_line_are_named() {
    let at = "the kernel command line differs at word";
    let with = |text: &'static str| said(move |c| c.cmdline = text.to_owned());
    assert_eq!(
        with("console=ttyS0 panic=0 cloister.release=0.1.0"),
        format!("{at} 2: expected \"panic=-1\", found \"panic=0\"")
    );
    assert_eq!(
        with("console=ttyS0 panic=-1 init=/bin/sh debug cloister.release=0.1.0"),
        format!("{at} 3: expected nothing, found \"init=/bin/sh debug\"")
    );
    assert_eq!(
        with("console=ttyS0 cloister.release=0.1.0"),
        format!("{at} 2: expected \"panic=-1\", found nothing")
    );
    assert_eq!(
        with("console=ttyS0 panic=-1 cloister.release=0.1.0 \u{1b}[2J"),
        format!("{at} 4: expected nothing, found \"\\u{{1b}}[2J\"")
    );
    let long = said(|c| c.cmdline = "x".repeat(2000));
    assert!(long.contains('…') && long.len() < 500, "{long}");
}

#[test]
fn several_differences_are_all_named() {
    let both = said(|c| {
        c.kernel_sha256 = Hex([9; 32]);
        c.vcpus = 8;
    });
    assert!(
        both.contains("the kernel differs") && both.contains("; the CPU count differs"),
        "{both}"
    );
}

#[test]
fn lies_explain_nothing() {
    // The host ran another kernel and says that it ran the published one.
    let mut truth = claims();
    truth.kernel_sha256 = Hex([9; 32]);
    let lie = mismatch(&release(), &claims(), &truth.digest().unwrap());
    assert!(matches!(&lie, Explanation::NotExplained { .. }), "{lie}");
    // It blames the command line for what the kernel did.
    let mut blame = claims();
    blame.cmdline.push_str(" quiet");
    let lie = mismatch(&release(), &blame, &truth.digest().unwrap());
    assert!(matches!(&lie, Explanation::NotExplained { .. }), "{lie}");
    for bend in [
        |c: &mut LaunchClaims| c.cpu = "Z80".to_owned(),
        |c: &mut LaunchClaims| c.vcpus = 0,
        |c: &mut LaunchClaims| c.firmware_layout.hashes_gpa = 0x9000,
    ] {
        let mut nonsense = claims();
        bend(&mut nonsense);
        let said = mismatch(&release(), &nonsense, &truth.digest().unwrap());
        assert!(matches!(&said, Explanation::NotExplained { .. }), "{said}");
    }
}

#[test]
fn claims_survive_their_json_and_nothing_else_does() {
    let json = claims().to_json().unwrap();
    assert_eq!(LaunchClaims::from_json(&json).unwrap(), claims());
    for end in 0..json.len() {
        assert!(
            LaunchClaims::from_json(&json[..end]).is_err(),
            "cut at {end}"
        );
    }
    assert!(LaunchClaims::from_json(&[json.as_slice(), b"x"].concat()).is_err());
    let text = String::from_utf8(json).unwrap();
    let unknown = text.replacen("\"vcpus\"", "\"memory\":1,\"vcpus\"", 1);
    assert!(LaunchClaims::from_json(unknown.as_bytes()).is_err());
    let mut long = claims();
    long.cmdline = "x".repeat(crate::claims::MAX_CLAIMS);
    assert!(long.to_json().is_err());
}
