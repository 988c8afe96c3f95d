//! The verifier's own rules on what the simulated processor signs: with the right root and machine everything passes, production
//! rules included; each tampering is refused for its own reason.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic
)]

#[path = "../../../measurements/digest/tests/synthetic/mod.rs"]
mod synthetic;

// The log of the verifier's own tests.
#[allow(dead_code, reason = "only publishing is wanted here")]
#[path = "../../../measurements/verify/tests/support/merkle.rs"]
mod merkle;
#[path = "../../../measurements/verify/tests/support/publish.rs"]
mod publish;
#[allow(dead_code, reason = "only publishing is wanted here")]
#[path = "../../../measurements/verify/tests/support/scene.rs"]
mod scene;

use cloister_bind::{ReleaseId, ReportData, SessionBinding};
use cloister_digest::explain::mismatch;
use cloister_digest::measure::{Files, Measured};
use cloister_digest::snp::{CpuType, Shape};
use cloister_digest::{LaunchClaims, measure};
use cloister_sim_processor::{CHIP_ID, Processor};
use cloister_verify::release::{Firmware, Flavour, Hex, Release, SnpShape, Weights};
use cloister_verify::{Anchors, Appraisal, Binding, Expected, Outcome, Policy, UnixTime, attest};
use cloister_wire::certs::{CertTable, Guid};
use cloister_wire::evidence::{Evidence, EvidenceKind};
use sha2::{Digest, Sha256};
use std::io::Write as _;
use std::sync::OnceLock;

const NOW: u64 = 1_795_000_000;
const NONCE: [u8; 32] = [5; 32];
const EXPORTER: [u8; 32] = [6; 32];
const SPKI: &[u8] = b"a public key";
const KEY_CONFIGS: &[u8] = b"key configurations";
const BINDING: Binding<'static> = Binding::Session {
    nonce: NONCE,
    spki_der: SPKI,
    exporter: EXPORTER,
    key_configs: KEY_CONFIGS,
};

fn cmdline() -> String {
    format!(
        "console=ttyS0 panic=-1 cloister.release=0.1.0 cloister.weights={}:12",
        "ab".repeat(32)
    )
}

/// The machine's files; tests change single ones.
#[derive(Clone)]
struct Machine {
    firmware: Vec<u8>,
    kernel: Vec<u8>,
    initrd: Vec<u8>,
    cmdline: String,
    vcpus: u32,
    cpu: &'static str,
}

impl Machine {
    fn published() -> Self {
        Self {
            firmware: synthetic::amdsev().bytes(),
            kernel: vec![0x4d; 5000],
            initrd: vec![0x07; 9000],
            cmdline: cmdline(),
            vcpus: 2,
            cpu: "EPYC-v4",
        }
    }

    fn measured(&self) -> Measured {
        let files = Files {
            firmware: &self.firmware,
            kernel: &self.kernel,
            initrd: &self.initrd,
            cmdline: self.cmdline.as_bytes(),
        };
        Measured::hash(&files).unwrap()
    }

    fn shape(&self) -> Shape {
        Shape {
            cpu: CpuType::parse(self.cpu).unwrap(),
            vcpus: self.vcpus,
            guest_features: 1,
        }
    }

    fn processor(&self) -> Processor {
        Processor::start(&self.measured(), &self.shape(), NOW).unwrap()
    }
}

/// The release of the published machine, written by hand: the firmware is synthetic and on no list.
fn release() -> Release {
    let machine = Machine::published();
    let measured = machine.measured();
    let claims = measured.claims(&machine.shape()).unwrap();
    let cpus = [CpuType::parse("EPYC-v4").unwrap()];
    let shapes = measure::shapes(&cpus, &[1, 2, 4], 1);
    let release = Release {
        release: ReleaseId::parse("0.1.0").unwrap(),
        flavour: Flavour::Simulated,
        firmware: Firmware {
            name: "synthetic".to_owned(),
            sha256: claims.firmware_sha256,
            snp: claims.firmware_layout,
        },
        kernel_sha256: claims.kernel_sha256,
        initrd_sha256: claims.initrd_sha256,
        cmdline: claims.cmdline,
        weights: Weights {
            root_hash: Hex([0xab; 32]),
        },
        snp: shapes
            .iter()
            .map(|shape| SnpShape {
                cpu: shape.cpu.name().to_owned(),
                vcpus: shape.vcpus,
                guest_features: shape.guest_features,
                digest: Hex(measured.digest(shape).unwrap()),
            })
            .collect(),
        tdx: Vec::new(),
    };
    release.check().unwrap();
    release
}

/// One processor for the tests that only read it: its keys take a second.
fn published() -> &'static Processor {
    static PROCESSOR: OnceLock<Processor> = OnceLock::new();
    PROCESSOR.get_or_init(|| Machine::published().processor())
}

fn session() -> ReportData {
    let sha256 = |bytes: &[u8]| <[u8; 32]>::from(Sha256::digest(bytes));
    SessionBinding {
        nonce: NONCE,
        spki_sha256: sha256(SPKI),
        exporter: EXPORTER,
        key_configs_sha256: sha256(KEY_CONFIGS),
        release: ReleaseId::parse("0.1.0").unwrap(),
    }
    .report_data()
}

fn evidence(processor: &Processor) -> Evidence {
    Evidence::decode(&processor.answer(&session()).unwrap()).unwrap()
}

fn judge(evidence: &Evidence, root: &[u8], policy: &Policy) -> Appraisal {
    let anchors = Anchors::danger_simulated(root).unwrap();
    let expected = Expected {
        policy,
        releases: &publish::publish(&[release()], NOW),
        anchors: &anchors,
        now: UnixTime(NOW),
    };
    attest(evidence, &BINDING, &expected)
}

/// The rules that failed, without those that could not be judged after them.
fn failed(appraisal: &Appraisal) -> Vec<&'static str> {
    assert!(appraisal.verdict.is_err());
    appraisal
        .trail
        .iter()
        .filter(|step| step.outcome == Outcome::Failed)
        .map(|step| step.rule)
        .collect()
}

/// Production's rules and floors; only the machine is added.
fn production_with_the_machine() -> Policy {
    let id: String = CHIP_ID.iter().map(|byte| format!("{byte:02x}")).collect();
    let machines = format!(
        "machines = [{{ hardware-id = \"{id}\", smt = false, name = \"simulated\", source = \"a test\", date = \"2026-11-23\" }}]"
    );
    Policy::production().with_machines(&machines).unwrap()
}

#[test]
fn passes_every_rule_of_the_production_policy() {
    for policy in [Policy::simulated(), production_with_the_machine()] {
        let appraisal = judge(&evidence(published()), published().root(), &policy);
        for step in &appraisal.trail {
            assert!(step.passed(), "{}: {step}", policy.name());
        }
        let attested = appraisal.verdict.unwrap();
        assert!(attested.simulated());
        assert_eq!(attested.measurement(), published().measurement());
        assert_eq!(attested.key_configs(), KEY_CONFIGS);
    }
}

#[test]
fn passes_for_nobody_who_did_not_ask_for_a_simulation() {
    let simulated = evidence(published());
    // The production policy lists no simulated machine.
    let appraisal = judge(&simulated, published().root(), &Policy::production());
    assert_eq!(failed(&appraisal), ["snp.machine"]);
    // AMD's roots do not vouch for the kind, nor for the chain under another label.
    let amd = Anchors::hardware();
    let policy = production_with_the_machine();
    let releases = publish::publish(&[release()], NOW);
    let expected = Expected {
        policy: &policy,
        releases: &releases,
        anchors: &amd,
        now: UnixTime(NOW),
    };
    assert!(failed(&attest(&simulated, &BINDING, &expected)).contains(&"evidence.kind"));
    let relabelled = Evidence {
        kind: EvidenceKind::Snp,
        ..simulated.clone()
    };
    assert!(failed(&attest(&relabelled, &BINDING, &expected)).contains(&"snp.chain.root"));
    assert!(failed(&judge(&relabelled, published().root(), &policy)).contains(&"evidence.kind"));
    // Each start has a root of its own.
    let other = Machine::published().processor();
    assert_ne!(other.root(), published().root());
    assert!(failed(&judge(&simulated, other.root(), &policy)).contains(&"snp.chain.root"));
}

#[test]
fn each_tampering_is_refused_and_explained() {
    let bend = |change: &dyn Fn(&mut Machine)| {
        let mut machine = Machine::published();
        change(&mut machine);
        machine
    };
    let cases = [
        ("the kernel differs", bend(&|m| m.kernel[777] ^= 1)),
        ("the initrd differs", bend(&|m| m.initrd[0] ^= 0x80)),
        (
            "the kernel command line differs at word 2",
            bend(&|m| m.cmdline = m.cmdline.replace("panic=-1", "panic=0")),
        ),
        (
            "the CPU count differs: expected 1, 2 or 4, found 3",
            bend(&|m| m.vcpus = 3),
        ),
        (
            "the CPU type differs: expected EPYC-v4, found EPYC-Milan",
            bend(&|m| m.cpu = "EPYC-Milan"),
        ),
        ("the firmware differs", bend(&|m| m.firmware[5] ^= 1)),
    ];
    // The keys of one machine after the other take too long on a small computer; all at once they do not.
    std::thread::scope(|scope| {
        for (sentence, machine) in &cases {
            scope.spawn(move || {
                let processor = machine.processor();
                let evidence = evidence(&processor);
                let appraisal = judge(&evidence, processor.root(), &Policy::simulated());
                assert_eq!(failed(&appraisal), ["release.measurement"], "{sentence}");
                let table = CertTable::parse(&evidence.auxiliary).unwrap();
                let claims =
                    LaunchClaims::from_json(table.find(Guid::LAUNCH_CLAIMS).unwrap()).unwrap();
                let said = mismatch(&release(), &claims, processor.measurement()).to_string();
                assert!(said.starts_with(sentence) && !said.contains(';'), "{said}");
            });
        }
    });
}

#[test]
fn a_flipped_bit_anywhere_in_the_report_is_refused() {
    let good = evidence(published());
    let policy = Policy::simulated();
    // Every field of the signed part, and both halves of the signature.
    for offset in (0..0x2a0)
        .step_by(13)
        .chain([0x2a0, 0x2cf, 0x2d0, 0x2e8, 0x317, 0x4a0 - 1])
    {
        let mut bad = good.clone();
        bad.report[offset] ^= 1;
        assert!(
            judge(&bad, published().root(), &policy).verdict.is_err(),
            "offset {offset:#x}"
        );
    }
}

#[test]
fn the_binding_is_the_session_s_own() {
    let policy = Policy::simulated();
    let other = published().answer(&ReportData([1; 64])).unwrap();
    let appraisal = judge(
        &Evidence::decode(&other).unwrap(),
        published().root(),
        &policy,
    );
    assert_eq!(failed(&appraisal), ["binding.report-data"]);
}

/// Foreign judgement: OpenSSL verifies chain and revocation list, and the report's signature under the leaf.
#[test]
fn openssl_accepts_the_chain_and_the_signature() {
    if std::process::Command::new("openssl")
        .arg("version")
        .output()
        .is_err()
    {
        assert!(
            std::env::var_os("CLOISTER_REQUIRE_PEERS").is_none(),
            "openssl is required and absent"
        );
        let _ = writeln!(
            std::io::stderr(),
            "SKIPPED: no openssl to judge the simulated chain"
        );
        return;
    }
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join("openssl");
    std::fs::create_dir_all(&folder).unwrap();
    let openssl = |arguments: &[&str]| {
        let output = std::process::Command::new("openssl")
            .args(arguments)
            .current_dir(&folder)
            .output()
            .unwrap();
        let said = format!(
            "{}{}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        assert!(output.status.success(), "openssl {arguments:?}: {said}");
        said
    };
    let evidence = evidence(published());
    let table = CertTable::parse(&evidence.auxiliary).unwrap();
    for (name, guid) in [("ark", Guid::ARK), ("ask", Guid::ASK), ("vcek", Guid::VCEK)] {
        std::fs::write(folder.join(name), table.find(guid).unwrap()).unwrap();
        openssl(&[
            "x509",
            "-inform",
            "der",
            "-in",
            name,
            "-out",
            &format!("{name}.pem"),
        ]);
    }
    std::fs::write(folder.join("crl"), table.find(Guid::CRL).unwrap()).unwrap();
    openssl(&["crl", "-inform", "der", "-in", "crl", "-out", "crl.pem"]);
    let at = NOW.to_string();
    let chain = [
        "verify",
        "-attime",
        &at,
        "-CAfile",
        "ark.pem",
        "-untrusted",
        "ask.pem",
        "vcek.pem",
    ];
    assert!(openssl(&chain).contains("vcek.pem: OK"));
    let crl = openssl(&[
        "crl", "-in", "crl.pem", "-CAfile", "ark.pem", "-noout", "-text",
    ]);
    assert!(
        crl.contains("verify OK") && crl.contains("No Revoked Certificates"),
        "{crl}"
    );
    assert!(openssl(&["x509", "-in", "vcek.pem", "-noout", "-subject"]).contains("SIMULATED"));

    std::fs::write(folder.join("signed"), &evidence.report[..0x2a0]).unwrap();
    std::fs::write(folder.join("signature"), der_signature(&evidence.report)).unwrap();
    std::fs::write(
        folder.join("key.pem"),
        openssl(&["x509", "-in", "vcek.pem", "-noout", "-pubkey"]),
    )
    .unwrap();
    let judged = openssl(&[
        "dgst",
        "-sha384",
        "-verify",
        "key.pem",
        "-signature",
        "signature",
        "signed",
    ]);
    assert!(judged.contains("Verified OK"), "{judged}");
}

/// The report's signature as OpenSSL reads it: `SEQUENCE` of two `INTEGER`s.
fn der_signature(report: &[u8]) -> Vec<u8> {
    let integer = |field: &[u8]| {
        let mut number: Vec<u8> = field
            .iter()
            .rev()
            .copied()
            .skip_while(|byte| *byte == 0)
            .collect();
        if number[0] >= 0x80 {
            number.insert(0, 0);
        }
        [&[2, u8::try_from(number.len()).unwrap()], number.as_slice()].concat()
    };
    let body = [
        integer(&report[0x2a0..0x2e8]),
        integer(&report[0x2e8..0x330]),
    ]
    .concat();
    [&[0x30, u8::try_from(body.len()).unwrap()], body.as_slice()].concat()
}
