//! COSE messages, bundles and tables: made here and broken one thing at a time, and the real ones of the corpus.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::cast_possible_truncation
)]

mod support;

use base64ct::{Base64UrlUnpadded, Encoding};
use cloister_verify::snp::Report;
use cloister_verify::wrap::{MAX_WRAPPER, Wrapper};
use cloister_verify::{Outcome, Step};
use cloister_wire::certs::{CertTable, Guid};
use p256::ecdsa::signature::Signer;
use sha2::{Digest, Sha256};
use support::wrapped::{failed, report};
use support::{corpus, pki::Scene};

// --- COSE messages under an attested key ---

fn head(major: u8, value: usize) -> Vec<u8> {
    let major = major << 5;
    match value {
        0..=23 => vec![major | value as u8],
        24..=0xff => vec![major | 24, value as u8],
        _ => [&[major | 25][..], &(value as u16).to_be_bytes()].concat(),
    }
}

fn bytes(value: &[u8]) -> Vec<u8> {
    [head(2, value.len()), value.to_vec()].concat()
}

fn text(value: &str) -> Vec<u8> {
    [head(3, value.len()), value.as_bytes().to_vec()].concat()
}

/// A message, its parts open to change.
struct Message {
    key: p256::ecdsa::SigningKey,
    /// What is put into the header as the key.
    named: Vec<u8>,
    report: Vec<u8>,
    critical: Vec<u8>,
    kind: &'static str,
}

fn cose_key(key: &p256::ecdsa::SigningKey) -> Vec<u8> {
    let point = key.verifying_key().to_sec1_point(false);
    let (x, y) = point.as_bytes()[1..].split_at(32);
    [
        &[0xa4, 1, 2, 0x20, 1, 0x21][..],
        &bytes(x),
        &[0x22],
        &bytes(y),
    ]
    .concat()
}

impl Message {
    fn new(secret: u8) -> (Self, Report) {
        let key = p256::ecdsa::SigningKey::from_slice(&[secret; 32]).unwrap();
        let named = cose_key(&key);
        let report = report(&Sha256::digest(&named));
        let message = Self {
            key,
            named,
            report: report.bytes().to_vec(),
            critical: [vec![0x81], text("svc")].concat(),
            kind: "SEV-SNP:ContainerPlat-AMD-UVM",
        };
        (message, report)
    }

    fn sign(&self) -> Vec<u8> {
        let attestation = [
            head(5, 5),
            [text("attestation"), bytes(&self.report)].concat(),
            [text("attestation_type"), text(self.kind)].concat(),
            [text("snp_endorsements"), bytes(b"-----BEGIN")].concat(),
            [text("uvm_endorsements"), bytes(b"none")].concat(),
            [text("cose_key"), self.named.clone()].concat(),
        ]
        .concat();
        let protected = [
            &[0xa3, 1, 0x26, 2][..],
            &self.critical,
            &text("svc"),
            &attestation,
        ]
        .concat();
        let signed = [
            vec![0x84],
            text("Signature1"),
            bytes(&protected),
            bytes(b""),
            bytes(b"hello"),
        ]
        .concat();
        let signature: p256::ecdsa::Signature = self.key.sign(&signed);
        [
            &[0xd2, 0x84][..],
            &bytes(&protected),
            &[0xa0],
            &bytes(b"hello"),
            &bytes(&signature.to_bytes()),
        ]
        .concat()
    }
}

fn cose_failures(message: &[u8], report: &Report) -> Vec<&'static str> {
    let steps = Wrapper::AttestedMessage.judge(message, Some(report));
    // The endorsement of this message is none: its rules have a test of their own.
    let failed = failed(&steps);
    failed
        .into_iter()
        .filter(|rule| rule.starts_with("cose."))
        .collect()
}

#[test]
fn a22_a_message_under_another_key_than_the_attested_one_is_refused() {
    let (message, report) = Message::new(3);
    assert!(cose_failures(&message.sign(), &report).is_empty());
    assert_eq!(Wrapper::of(&message.sign()), Ok(Wrapper::AttestedMessage));
    // Signed by another key than the one it names.
    let (mut other, _) = Message::new(3);
    other.key = p256::ecdsa::SigningKey::from_slice(&[4; 32]).unwrap();
    assert_eq!(cose_failures(&other.sign(), &report), ["cose.signature"]);
    // Signed by the key that it names, which the report does not.
    let (mut other, _) = Message::new(4);
    other.report = report.bytes().to_vec();
    assert_eq!(cose_failures(&other.sign(), &report), ["cose.key"]);
    // Another report than the judged one.
    let (mut other, _) = Message::new(3);
    other.report[0x90] ^= 1;
    assert_eq!(cose_failures(&other.sign(), &report), ["cose.inner-report"]);
}

#[test]
fn a32_every_changed_byte_of_a_message_is_refused() {
    let (message, report) = Message::new(3);
    let message = message.sign();
    for place in 0..message.len() {
        let mut changed = message.clone();
        changed[place] ^= 1;
        assert!(!cose_failures(&changed, &report).is_empty(), "byte {place}");
    }
    for cut in 0..message.len() {
        assert_eq!(cose_failures(&message[..cut], &report), ["cose.format"]);
    }
    assert_eq!(
        cose_failures(&[message, vec![0]].concat(), &report),
        ["cose.format"]
    );
}

#[test]
fn messages_with_unknown_critical_parameters_or_kinds_are_refused() {
    let (mut message, report) = Message::new(3);
    message.kind = "SEV-SNP:SomethingElse";
    assert_eq!(cose_failures(&message.sign(), &report), ["cose.format"]);
    for critical in [
        [vec![0x82], text("svc"), text("more")].concat(),
        [vec![0x81], text("more")].concat(),
        vec![0x81, 1],
        vec![0x80],
    ] {
        let (mut message, _) = Message::new(3);
        message.critical = critical;
        assert_eq!(cose_failures(&message.sign(), &report), ["cose.format"]);
    }
}

#[test]
fn a51_cbor_that_claims_more_than_it_has_or_nests_deeply_is_refused() {
    let (_, report) = Message::new(3);
    let nested = [&[0xd2, 0x84, 0x40][..], &[0x81; 1 << 16]].concat();
    let long = b"\xd2\x84\x5b\xff\xff\xff\xff\xff\xff\xff\xff".to_vec();
    let wide = b"\xd2\x84\x40\xbb\xff\xff\xff\xff\xff\xff\xff\xff".to_vec();
    for bytes in [nested, long, wide] {
        assert_eq!(cose_failures(&bytes, &report), ["cose.format"]);
    }
    assert!(Wrapper::of(&vec![b'{'; MAX_WRAPPER + 1]).is_err());
}

// --- Tables, bundles, and what is no wrapper ---

#[test]
fn an_extended_report_opens_in_all_its_forms() {
    let scene = Scene::default();
    let (report, table) = (scene.signed_report(), scene.evidence().auxiliary);
    let judged = Report::parse(&report).unwrap();
    let raw = [report.clone(), table.clone()].concat();
    let base64 = Base64UrlUnpadded::encode_string;
    let json = format!(
        r#"{{"auxblob":"{}","outblob":"{}","provider":"sev_guest\n"}}"#,
        base64(&table),
        base64(&report)
    )
    .into_bytes();
    let cbor = [
        vec![0xa3],
        [text("auxblob"), bytes(&table)].concat(),
        [text("outblob"), bytes(&report)].concat(),
        [text("provider"), text("sev_guest\n")].concat(),
    ]
    .concat();
    for form in [raw, json, cbor] {
        let wrapper = Wrapper::of(&form).unwrap();
        assert_eq!(wrapper, Wrapper::Table);
        let inner = wrapper.open(&form).unwrap();
        assert_eq!((&*inner.report, inner.certificates.len()), (&report[..], 3));
        assert!(failed(&wrapper.judge(&form, Some(&judged))).is_empty());
        let other = support::wrapped::report(&[9; 64]);
        assert_eq!(
            failed(&wrapper.judge(&form, Some(&other))),
            ["table.inner-report"]
        );
    }
}

#[test]
fn tables_without_exactly_one_signing_key_are_refused() {
    let judged = report(&[0; 64]);
    for entries in [
        vec![(Guid::ASK, &b"ask"[..])],
        vec![(Guid::VCEK, b"one"), (Guid::VLEK, b"two")],
        vec![(Guid::VCEK, b"-----BEGIN CERTIFICATE-----\nMAA=\n")],
    ] {
        let table = CertTable::encode(&entries).unwrap();
        let steps = Wrapper::TableAlone.judge(&table, Some(&judged));
        assert_eq!(failed(&steps), ["table.certificates"]);
    }
}

#[test]
fn a14_a_bundle_that_names_another_tcb_is_refused() {
    let Some(corpus) = corpus() else { return };
    let case = support::case(&corpus, "aci-milan-v2-kms");
    let report = Report::parse(&case.report).unwrap();
    let bundle = std::fs::read_to_string(corpus.join("snp/aci-milan-v2-kms/snp.json")).unwrap();
    assert!(failed(&Wrapper::AciBundle.judge(bundle.as_bytes(), Some(&report))).is_empty());
    let raised = bundle.replace("0300000000000873", "0400000000000873");
    let steps = Wrapper::AciBundle.judge(raised.as_bytes(), Some(&report));
    assert_eq!(failed(&steps), ["aci.endorsed-tcb"]);
    let doubled = bundle.replacen('{', r#"{"endorsed_tcb":"0300000000000873","#, 1);
    let steps = Wrapper::AciBundle.judge(doubled.as_bytes(), Some(&report));
    assert!(failed(&steps).contains(&"aci.format"));
}

#[test]
fn a23_an_endorsement_of_another_measurement_is_refused() {
    let Some(corpus) = corpus() else { return };
    let load = |name: &str| Report::parse(&support::case(&corpus, name).report).unwrap();
    let file = |path: &str| std::fs::read(corpus.join("snp").join(path)).unwrap();
    let endorsement = file("aci-milan-v2-kms/uvm_endorsement.cose");
    let report = load("aci-milan-v2-kms");
    assert!(failed(&Wrapper::UvmEndorsement.judge(&endorsement, Some(&report))).is_empty());
    let other = load("aci-milan-v2-sidecar");
    let steps = Wrapper::UvmEndorsement.judge(&endorsement, Some(&other));
    assert_eq!(failed(&steps), ["uvm.measurement"]);
    let policy = file("aci-milan-v2-sidecar/security_policy.bin");
    assert!(failed(&Wrapper::SecurityPolicy.judge(&policy, Some(&other))).is_empty());
    let steps = Wrapper::SecurityPolicy.judge(&policy, Some(&report));
    assert_eq!(failed(&steps), ["aci.security-policy"]);
    // A signature over other bytes, and one by a chain that is not the known issuer's.
    let place = endorsement
        .windows(4)
        .position(|part| part == b"\"100")
        .unwrap()
        + 1;
    let mut changed = endorsement.clone();
    changed[place] = b'9';
    let steps = Wrapper::UvmEndorsement.judge(&changed, Some(&report));
    assert_eq!(failed(&steps), ["uvm.signature"]);
    let place = endorsement
        .windows(4)
        .position(|part| part == b"eku:")
        .unwrap();
    let mut changed = endorsement;
    changed[place] = b'E';
    let steps = Wrapper::UvmEndorsement.judge(&changed, Some(&report));
    assert_eq!(failed(&steps), ["uvm.signature", "uvm.issuer"]);
}

#[test]
fn without_a_report_no_wrapper_says_anything() {
    for wrapper in [
        Wrapper::Hcl,
        Wrapper::AttestedMessage,
        Wrapper::UvmEndorsement,
        Wrapper::AciBundle,
        Wrapper::SecurityPolicy,
        Wrapper::Table,
        Wrapper::TableAlone,
    ] {
        let steps = wrapper.judge(b"HCLA", None);
        assert!(!steps.is_empty());
        assert!(
            steps
                .iter()
                .all(|step| step.outcome == Outcome::NotEvaluated)
        );
    }
}

#[test]
fn every_wrapper_of_the_corpus_passes_and_opens() {
    let Some(corpus) = corpus() else { return };
    let mut judged = 0;
    for case in support::snp_cases(&corpus) {
        let Ok(report) = Report::parse(&case.report) else {
            continue;
        };
        for (name, wrapper) in [
            ("hcl_report.bin", Wrapper::Hcl),
            ("message.cose", Wrapper::AttestedMessage),
            ("snp.json", Wrapper::AciBundle),
            ("tsm_report.json", Wrapper::Table),
            ("tsm_report.cbor", Wrapper::Table),
        ] {
            let Ok(bytes) = std::fs::read(corpus.join("snp").join(&case.name).join(name)) else {
                continue;
            };
            assert_eq!(Wrapper::of(&bytes), Ok(wrapper), "{} {name}", case.name);
            let inner = wrapper.open(&bytes).unwrap();
            assert_eq!(*inner.report, case.report);
            let steps = wrapper.judge(&bytes, Some(&report));
            assert!(
                steps.iter().all(Step::passed),
                "{} {name}: {steps:?}",
                case.name
            );
            judged += 1;
        }
    }
    assert!(judged >= 10, "only {judged} wrappers");
}
