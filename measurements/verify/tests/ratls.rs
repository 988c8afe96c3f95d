//! RA-TLS certificates of others: the real ones of the corpus, whole and broken, and some made here.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::cast_possible_truncation
)]

mod support;

use cloister_verify::ratls::{Demand, Opinion, Presented, judge};
use cloister_verify::{Outcome, Step, UnixTime, pem};
use p256::ecdsa::SigningKey;
use p256::ecdsa::signature::Signer;
use sha2::{Digest, Sha256, Sha512};
use std::fs;
use support::der::{bits, explicit, integer, oid, sequence, time, tlv};
use support::{corpus, pki};

/// 2023-03-01 00:00 UTC.
const MARCH_2023: UnixTime = UnixTime(1_677_628_800);
const NOW: UnixTime = UnixTime(pki::NOW);

fn failed(opinion: &Opinion) -> Vec<&'static str> {
    let failed = |step: &&Step| step.outcome == Outcome::Failed;
    opinion
        .trail
        .iter()
        .filter(failed)
        .map(|step| step.rule)
        .collect()
}

fn accepted(opinion: &Opinion) -> bool {
    opinion.trail.iter().all(Step::passed)
}

/// A certificate of the corpus, those above it, and when it is judged.
fn case(name: &str) -> Option<(Vec<u8>, Vec<Vec<u8>>, UnixTime)> {
    let folder = corpus()?.join("ratls").join(name);
    let all = |file: &str| pem::certificates(&fs::read_to_string(folder.join(file)).ok()?).ok();
    let der = fs::read(folder.join("cert.der")).ok();
    let certificate = der.or_else(|| all("cert.pem")?.pop()).unwrap();
    let now = if name == "dstack-tdx" {
        NOW
    } else {
        MARCH_2023
    };
    Some((certificate, all("ca_chain.pem").unwrap_or_default(), now))
}

const CASES: [&str; 3] = ["dstack-tdx", "gramine-cert", "rats-tls-cert"];

fn judge_bytes(certificate: &[u8], above: &[Vec<u8>], demand: Demand, now: UnixTime) -> Opinion {
    let presented = Presented {
        certificate,
        above,
        quote: None,
    };
    judge(&presented, demand, now)
}

#[test]
fn the_certificates_of_the_corpus_are_bound_and_no_more_is_said() {
    for name in CASES {
        let Some((certificate, above, now)) = case(name) else {
            return;
        };
        let opinion = judge_bytes(&certificate, &above, Demand::Binding, now);
        assert!(accepted(&opinion), "{name}: {:?}", failed(&opinion));
        assert!(opinion.fields.contains(&("scope", "binding".into())));
        let step = |rule| opinion.trail.iter().find(|step| step.rule == rule).unwrap();
        assert_eq!(step("ratls.collateral").outcome, Outcome::NotAsked);
    }
}

#[test]
fn a19_no_certificate_passes_for_production_without_collateral() {
    for name in CASES {
        let Some((certificate, above, now)) = case(name) else {
            return;
        };
        let opinion = judge_bytes(&certificate, &above, Demand::Production, now);
        let failed = failed(&opinion);
        if name == "dstack-tdx" {
            assert_eq!(failed, ["ratls.collateral"]);
        } else {
            // An enclave is no confidential VM, and these two are debuggable besides.
            assert_eq!(failed, ["ratls.tee", "ratls.debug", "ratls.collateral"]);
        }
    }
}

#[test]
fn a25_every_changed_byte_of_a_certificate_is_refused() {
    for name in CASES {
        let Some((certificate, above, now)) = case(name) else {
            return;
        };
        for place in (0..certificate.len())
            .step_by(61)
            .chain(certificate.len() - 4..certificate.len())
        {
            let mut changed = certificate.clone();
            changed[place] ^= 0x10;
            let opinion = judge_bytes(&changed, &above, Demand::Binding, now);
            assert!(!accepted(&opinion), "{name}: byte {place}");
        }
    }
}

#[test]
fn a_certificate_without_its_chain_or_out_of_its_time_is_refused() {
    let Some((certificate, above, now)) = case("dstack-tdx") else {
        return;
    };
    let opinion = judge_bytes(&certificate, &[], Demand::Binding, now);
    assert_eq!(failed(&opinion), ["ratls.certificate.signature"]);
    let opinion = judge_bytes(&certificate, &above[..1], Demand::Binding, now);
    assert_eq!(failed(&opinion), ["ratls.certificate.signature"]);
    let later = UnixTime(2_200_000_000);
    let opinion = judge_bytes(&certificate, &above, Demand::Binding, later);
    assert_eq!(
        failed(&opinion),
        ["ratls.certificate.validity", "ratls.chain.validity"]
    );
    let presented = Presented {
        certificate: &certificate,
        above: &above,
        quote: Some(b"another"),
    };
    assert_eq!(
        failed(&judge(&presented, Demand::Binding, now)),
        ["ratls.evidence"]
    );
}

// --- Certificates made here: their quotes chain to nobody, so those rules fail; the others are what is tested ---

const KEY: [u8; 32] = [3; 32];

fn spki(secret: &[u8; 32]) -> Vec<u8> {
    let key = SigningKey::from_slice(secret).unwrap();
    pki::ec_spki(
        "1.2.840.10045.3.1.7",
        key.verifying_key().to_sec1_point(false).as_bytes(),
    )
}

/// A TD quote of version 4 with these report data, TD attributes and registers, signed by the key of the tests.
fn quote(report_data: &[u8; 64], attributes: u8, registers: &[[u8; 48]; 4]) -> Vec<u8> {
    let key = SigningKey::from_slice(&[5; 32]).unwrap();
    let mut quote = [
        &4u16.to_le_bytes()[..],
        &2u16.to_le_bytes(),
        &0x81u32.to_le_bytes(),
    ]
    .concat();
    quote.resize(48 + 584, 0);
    quote[48 + 120] = attributes;
    for (place, register) in registers.iter().enumerate() {
        let start = 48 + 328 + 48 * place;
        quote[start..start + 48].copy_from_slice(register);
    }
    quote[48 + 520..].copy_from_slice(report_data);
    let signature: p256::ecdsa::Signature = key.sign(&quote);
    let point = key.verifying_key().to_sec1_point(false);
    let coordinates = &point.as_bytes()[1..];
    let mut qe_report = vec![0; 384];
    qe_report[320..352].copy_from_slice(&Sha256::digest(coordinates));
    let chain = b"no certificates";
    let inner = [
        &qe_report[..],
        &[1; 64],
        &0u16.to_le_bytes(),
        &5u16.to_le_bytes(),
        &(chain.len() as u32).to_le_bytes(),
        chain,
    ]
    .concat();
    let data = [
        &signature.to_bytes()[..],
        coordinates,
        &6u16.to_le_bytes(),
        &(inner.len() as u32).to_le_bytes(),
        &inner,
    ]
    .concat();
    [&quote[..], &(data.len() as u32).to_le_bytes(), &data].concat()
}

fn octets(value: &[u8]) -> Vec<u8> {
    tlv(4, value)
}

fn extension(id: &str, value: &[u8]) -> Vec<u8> {
    sequence(&[&oid(id), &octets(value)])
}

/// A self-signed certificate with these extensions.
fn certificate(algorithm: &[u8], extensions: &[&[u8]]) -> Vec<u8> {
    let key = SigningKey::from_slice(&KEY).unwrap();
    let name = pki::name("tests");
    let body = sequence(&[
        &explicit(0, &integer(&[2])),
        &integer(&[1]),
        algorithm,
        &name,
        &sequence(&[&time(pki::NOW - pki::DAY), &time(pki::NOW + pki::DAY)]),
        &name,
        &spki(&KEY),
        &explicit(3, &sequence(extensions)),
    ]);
    let signature: p256::ecdsa::Signature = key.sign(&body);
    sequence(&[&body, algorithm, &bits(0, signature.to_der().as_bytes())])
}

fn plain() -> Vec<u8> {
    sequence(&[&oid("1.2.840.10045.4.3.2")])
}

fn dstack_data(secret: &[u8; 32]) -> [u8; 64] {
    Sha512::digest([b"ratls-cert:", &spki(secret)[..]].concat()).into()
}

const DSTACK: &str = "1.3.6.1.4.1.62397.1.1";
const DSTACK_LOG: &str = "1.3.6.1.4.1.62397.1.2";
const DICE: &str = "2.23.133.5.4.9";
const NO_REGISTERS: [[u8; 48]; 4] = [[0; 48]; 4];

/// What fails beyond the quote's chain, which always does here.
fn beyond_the_chain(certificate: &[u8]) -> Vec<&'static str> {
    let opinion = judge_bytes(certificate, &[], Demand::Binding, NOW);
    let failed = failed(&opinion);
    failed
        .into_iter()
        .filter(|rule| *rule != "ratls.chain")
        .collect()
}

#[test]
fn a22_evidence_for_another_key_is_refused() {
    let with = |data: &[u8; 64]| {
        let quote = quote(data, 0, &NO_REGISTERS);
        certificate(&plain(), &[&extension(DSTACK, &octets(&quote))])
    };
    assert!(beyond_the_chain(&with(&dstack_data(&KEY))).is_empty());
    assert_eq!(
        beyond_the_chain(&with(&dstack_data(&[4; 32]))),
        ["ratls.binding.report-data", "ratls.binding.key"]
    );
    let mut half = dstack_data(&KEY);
    half[63] ^= 1;
    assert_eq!(
        beyond_the_chain(&with(&half)),
        ["ratls.binding.report-data", "ratls.binding.key"]
    );
}

/// Claims that name a key, and the certificate whose quote names the claims.
fn tagged(claims: &[u8], hashed: &[u8]) -> Vec<u8> {
    let mut data = [0; 64];
    data[..32].copy_from_slice(&Sha256::digest(hashed));
    let quote = quote(&data, 0, &NO_REGISTERS);
    let length = |bytes: &[u8]| [&[0x59][..], &(bytes.len() as u16).to_be_bytes()].concat();
    let value = [
        &[0xd9, 0xea, 0x60, 0x82][..],
        &length(&quote),
        &quote,
        &length(claims),
        claims,
    ]
    .concat();
    certificate(&plain(), &[&extension(DICE, &value)])
}

fn claims(algorithm: u8, spki: &[u8]) -> Vec<u8> {
    let hash = [&[0x82, algorithm, 0x58, 32][..], &Sha256::digest(spki)].concat();
    [
        &[0xa1, 0x6b][..],
        b"pubkey-hash",
        &[0x58, hash.len() as u8],
        &hash,
    ]
    .concat()
}

#[test]
fn a22_claims_about_another_key_are_refused() {
    let good = claims(1, &spki(&KEY));
    assert!(beyond_the_chain(&tagged(&good, &good)).is_empty());
    let other = claims(1, &spki(&[4; 32]));
    assert_eq!(
        beyond_the_chain(&tagged(&other, &other)),
        ["ratls.binding.key"]
    );
    // The claims are right, and not the ones in the quote.
    assert_eq!(
        beyond_the_chain(&tagged(&good, &other)),
        ["ratls.binding.report-data"]
    );
    // An unknown hash, no claims, claims of other shapes.
    for claims in [
        claims(2, &spki(&KEY)),
        vec![0xa0],
        vec![0x80],
        [&good[..], &[0]].concat(),
    ] {
        assert_eq!(
            beyond_the_chain(&tagged(&claims, &claims)),
            ["ratls.binding.key"]
        );
    }
}

#[test]
fn a_null_behind_the_algorithm_is_read_and_said() {
    let algorithm = sequence(&[&oid("1.2.840.10045.4.3.2"), &[5, 0]]);
    let quote = quote(&dstack_data(&KEY), 0, &NO_REGISTERS);
    let value = extension(DSTACK, &octets(&quote));
    assert!(beyond_the_chain(&certificate(&algorithm, &[&value])).is_empty());
    // Any other parameter is not.
    let algorithm = sequence(&[&oid("1.2.840.10045.4.3.2"), &[5, 1, 0]]);
    assert_eq!(
        beyond_the_chain(&certificate(&algorithm, &[&value])),
        ["ratls.certificate.format"]
    );
}

#[test]
fn certificates_without_or_with_two_kinds_of_evidence_are_refused() {
    let quote = quote(&dstack_data(&KEY), 0, &NO_REGISTERS);
    let dstack = extension(DSTACK, &octets(&quote));
    let bare = extension(DSTACK, &quote);
    let dice = extension(DICE, &[0xd9, 0xea, 0x60, 0x82, 0x40, 0x40]);
    let other_tag = extension(DICE, &[0xd9, 0xea, 0x61, 0x82, 0x40, 0x40]);
    let usage = extension(pki::KEY_USAGE, &[3, 2, 7, 0x80]);
    for extensions in [
        vec![&usage[..]],
        vec![&dstack, &dice],
        vec![&dstack, &dstack],
        vec![&bare],
        vec![&other_tag],
    ] {
        let certificate = certificate(&plain(), &extensions);
        assert_eq!(beyond_the_chain(&certificate), ["ratls.certificate.format"]);
    }
}

#[test]
fn a18_any_bit_of_the_debug_byte_is_refused_for_production() {
    for bit in 0..8 {
        let quote = quote(&dstack_data(&KEY), 1 << bit, &NO_REGISTERS);
        let certificate = certificate(&plain(), &[&extension(DSTACK, &octets(&quote))]);
        let opinion = judge_bytes(&certificate, &[], Demand::Production, NOW);
        assert!(failed(&opinion).contains(&"ratls.debug"), "bit {bit}");
    }
}

#[test]
fn a20_an_event_log_that_does_not_replay_is_refused() {
    use sha2::Sha384;
    let extended: [u8; 48] = Sha384::digest([[0; 48], [7; 48]].concat()).into();
    let registers = [[0; 48], extended, [0; 48], [0; 48]];
    let event =
        |imr: usize, digest: &str| format!(r#"[{{"imr":{imr},"digest":"{digest}","event":"x"}}]"#);
    let seven = "07".repeat(48);
    let with = |log: &str| {
        let quote = quote(&dstack_data(&KEY), 0, &registers);
        let quote = extension(DSTACK, &octets(&quote));
        beyond_the_chain(&certificate(
            &plain(),
            &[&quote, &extension(DSTACK_LOG, &octets(log.as_bytes()))],
        ))
    };
    assert!(with(&event(1, &seven)).is_empty());
    for log in [
        event(0, &seven),
        event(4, &seven),
        event(1, "07"),
        "[]".into(),
        "{}".into(),
    ] {
        assert_eq!(with(&log), ["ratls.event-log"], "{log}");
    }
}

#[test]
fn a51_quotes_whose_lengths_lie_are_refused() {
    let good = quote(&dstack_data(&KEY), 0, &NO_REGISTERS);
    let with = |quote: &[u8]| {
        beyond_the_chain(&certificate(
            &plain(),
            &[&extension(DSTACK, &octets(quote))],
        ))
    };
    assert!(with(&[&good[..], &[0; 100]].concat()).is_empty(), "padding");
    assert_eq!(with(&[&good[..], &[1]].concat()), ["ratls.quote.format"]);
    for cut in (0..good.len()).step_by(37) {
        assert_eq!(with(&good[..cut]), ["ratls.quote.format"], "{cut}");
    }
    let data = 48 + 584;
    for place in [
        0,
        2,
        4,
        data,
        data + 3,
        data + 4 + 128,
        data + 4 + 130,
        data + 4 + 134 + 448,
    ] {
        let mut changed = good.clone();
        changed[place] ^= 0x40;
        assert_eq!(with(&changed), ["ratls.quote.format"], "{place}");
    }
    let mut changed = good;
    changed[60] ^= 1;
    assert_eq!(with(&changed), ["ratls.quote.signature"]);
}
