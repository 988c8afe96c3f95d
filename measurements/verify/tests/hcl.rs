//! Azure's HCL report and the quote of its virtual TPM: made here, and broken one thing at a time.
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
use cloister_verify::wrap::hcl::{self, Beside, Judged, Kind};
use cloister_verify::wrap::{Quote, Wrapper};
use cloister_verify::{Outcome, Step};
use getrandom::SysRng;
use rsa::rand_core::UnwrapErr;
use rsa::traits::PublicKeyParts;
use rsa::{Pkcs1v15Sign, RsaPrivateKey};
use sha2::{Digest, Sha256};
use std::sync::LazyLock;
use support::wrapped::{failed, outcome, report};

static TPM_KEY: LazyLock<RsaPrivateKey> =
    LazyLock::new(|| RsaPrivateKey::new(&mut UnwrapErr(SysRng), 2048).unwrap());

fn key_claim(kid: &str) -> String {
    let modulus = Base64UrlUnpadded::encode_string(&TPM_KEY.n_bytes());
    format!(r#"{{"kid":"{kid}","key_ops":["sign"],"kty":"RSA","e":"AQAB","n":"{modulus}"}}"#)
}

fn claims() -> Vec<u8> {
    format!(r#"{{"keys":[{}],"user-data":""}}"#, key_claim("HCLAkPub")).into_bytes()
}

fn hcl_report(inner: &[u8], kind: u32, claims: &[u8]) -> Vec<u8> {
    let mut out = b"HCLA".to_vec();
    let data = 20 + claims.len() as u32;
    for word in [2, 32 + 1184 + data, 2, 0, 0, 0, 0] {
        out.extend(u32::to_le_bytes(word));
    }
    out.extend(inner);
    out.resize(32 + 1184, 0);
    for word in [data, 1, kind, 1, claims.len() as u32] {
        out.extend(u32::to_le_bytes(word));
    }
    out.extend(claims);
    out.resize(out.len().max(2600), 0);
    out
}

fn good_hcl() -> (Vec<u8>, Report) {
    let report = report(&Sha256::digest(claims()));
    (hcl_report(report.bytes(), 2, &claims()), report)
}

const REGISTERS: [(u8, [u8; 32]); 2] = [(0, [5; 32]), (9, [6; 32])];

fn attest(nonce: &[u8]) -> Vec<u8> {
    let digest = Sha256::digest([REGISTERS[0].1, REGISTERS[1].1].concat());
    let mut out = vec![0xff, 0x54, 0x43, 0x47, 0x80, 0x18, 0, 2, 1, 1];
    out.extend((nonce.len() as u16).to_be_bytes());
    out.extend(nonce);
    out.extend([0; 16]);
    out.push(1);
    out.extend([0; 8]);
    out.extend([0, 0, 0, 1, 0, 0x0b, 3, 1, 2, 0, 0, 32]);
    out.extend(digest);
    out
}

fn sign_quote(message: &[u8]) -> Vec<u8> {
    let info = [
        &b"\x30\x31\x30\x0d\x06\x09\x60\x86\x48\x01\x65\x03\x04\x02\x01\x05\x00\x04\x20"[..],
        &Sha256::digest(message),
    ]
    .concat();
    TPM_KEY.sign(Pkcs1v15Sign::new_unprefixed(), &info).unwrap()
}

fn judge_quote(
    message: &[u8],
    signature: &[u8],
    nonce: &[u8],
    registers: &[(u8, [u8; 32])],
) -> Vec<Step> {
    let (wrapper, report) = good_hcl();
    let beside = Beside {
        quote: Some(Quote { message, signature }),
        nonce: Some(nonce),
        registers: Some(registers),
    };
    hcl::judge(&wrapper, &Judged::Snp(&report), &beside)
}

#[test]
fn a_good_hcl_report_passes_with_its_quote() {
    let message = attest(b"nonce");
    let bare = sign_quote(&message);
    // The signature by itself, and as the TPM's own structure.
    let structure = [&[0, 0x14, 0, 0x0b, 1, 0][..], &bare].concat();
    for signature in [bare, structure] {
        let steps = judge_quote(&message, &signature, b"nonce", &REGISTERS);
        assert!(
            steps.iter().all(|step| step.outcome == Outcome::Passed),
            "{steps:?}"
        );
        assert_eq!(steps.len(), 8);
    }
}

#[test]
fn a15_a_quote_with_another_nonce_is_refused_and_one_without_a_nonce_says_so() {
    let message = attest(b"yesterday");
    let signature = sign_quote(&message);
    let steps = judge_quote(&message, &signature, b"today", &REGISTERS);
    assert_eq!(failed(&steps), ["hcl.quote.nonce"]);
    let (wrapper, report) = good_hcl();
    let beside = Beside {
        quote: Some(Quote {
            message: &message,
            signature: &signature,
        }),
        ..Beside::default()
    };
    let steps = hcl::judge(&wrapper, &Judged::Snp(&report), &beside);
    assert_eq!(outcome(&steps, "hcl.quote.nonce"), Outcome::NotAsked);
}

#[test]
fn a20_a_quote_that_the_attested_key_did_not_sign_is_refused() {
    let message = attest(b"nonce");
    let mut signature = sign_quote(&message);
    signature[100] ^= 1;
    let steps = judge_quote(&message, &signature, b"nonce", &REGISTERS);
    assert_eq!(failed(&steps), ["hcl.quote.signature"]);
    // Nor does a signature over something that no TPM has made pass for a quote.
    for (offset, value) in [(0, 0xfe), (5, 0x17), (message.len() - 34, 1)] {
        let mut other = message.clone();
        other[offset] = value;
        let steps = judge_quote(&other, &sign_quote(&other), b"nonce", &REGISTERS);
        assert_eq!(failed(&steps), ["hcl.quote.format"], "{offset}");
        assert_eq!(
            outcome(&steps, "hcl.quote.signature"),
            Outcome::NotEvaluated
        );
    }
}

#[test]
fn a21_registers_that_are_missing_doubled_or_others_are_refused() {
    let message = attest(b"nonce");
    let signature = sign_quote(&message);
    let [first, second] = REGISTERS;
    for registers in [
        vec![],
        vec![first],
        vec![first, second, second],
        vec![first, (9, [7; 32])],
    ] {
        let steps = judge_quote(&message, &signature, b"nonce", &registers);
        assert_eq!(failed(&steps), ["hcl.quote.pcrs"]);
    }
}

#[test]
fn a22_runtime_data_that_the_report_does_not_name_are_refused() {
    let (_, report) = good_hcl();
    let other = br#"{"keys":[{"kid":"HCLAkPub","kty":"RSA","e":"AQAB","n":"AQAB"}]}"#;
    let steps = Wrapper::Hcl.judge(&hcl_report(report.bytes(), 2, other), Some(&report));
    assert_eq!(failed(&steps), ["hcl.runtime-data", "hcl.attestation-key"]);
    // The right claims around a report that is not the judged one.
    let foreign = support::wrapped::report(&Sha256::digest(claims()));
    let mut bytes = *foreign.bytes();
    bytes[0x90] ^= 1;
    let steps = Wrapper::Hcl.judge(&hcl_report(&bytes, 2, &claims()), Some(&report));
    assert_eq!(failed(&steps), ["hcl.inner-report"]);
}

#[test]
fn a32_runtime_data_are_hashed_byte_for_byte() {
    let (_, report) = good_hcl();
    // The same JSON, written otherwise.
    let respelled = String::from_utf8(claims()).unwrap().replace("\":", "\": ");
    let steps = Wrapper::Hcl.judge(
        &hcl_report(report.bytes(), 2, respelled.as_bytes()),
        Some(&report),
    );
    assert_eq!(failed(&steps), ["hcl.runtime-data"]);
}

#[test]
fn runtime_data_with_two_attestation_keys_are_refused() {
    let key = key_claim("HCLAkPub");
    let doubled = format!(r#"{{"keys":[{key},{key}]}}"#).into_bytes();
    let none = format!(r#"{{"keys":[{}]}}"#, key_claim("HCLEkPub")).into_bytes();
    for claims in [doubled, none, b"[]".to_vec()] {
        let report = report(&Sha256::digest(&claims));
        let steps = Wrapper::Hcl.judge(&hcl_report(report.bytes(), 2, &claims), Some(&report));
        assert_eq!(failed(&steps), ["hcl.attestation-key"]);
    }
}

#[test]
fn the_report_data_behind_the_hash_are_zero() {
    let data = [Sha256::digest(claims()).as_slice(), &[1]].concat();
    let report = report(&data);
    let steps = Wrapper::Hcl.judge(&hcl_report(report.bytes(), 2, &claims()), Some(&report));
    assert_eq!(failed(&steps), ["hcl.runtime-data"]);
}

#[test]
fn a51_hcl_headers_with_wrong_numbers_are_refused() {
    let (good, report) = good_hcl();
    let runtime = 32 + 1184;
    for (offset, value) in [
        (4, 0u32),
        (4, 3),
        (8, 0),
        (8, u32::MAX),
        (12, 1),
        (16, 1),
        (20, 1),
        (28, 1),
        (runtime, u32::MAX),
        (runtime + 4, 2),
        (runtime + 8, 3),
        (runtime + 12, 0),
        (runtime + 12, 4),
        (runtime + 16, u32::MAX),
        (runtime + 16, 0),
        (2596, 1),
    ] {
        let mut bytes = good.clone();
        bytes[offset..offset + 4].copy_from_slice(&value.to_le_bytes());
        assert!(hcl::Hcl::parse(&bytes).is_err(), "{offset}: {value}");
        let steps = Wrapper::Hcl.judge(&bytes, Some(&report));
        assert_eq!(failed(&steps), ["hcl.format"]);
    }
    let end = runtime + 20 + claims().len();
    for cut in (0..end).step_by(7) {
        assert!(hcl::Hcl::parse(&good[..cut]).is_err(), "{cut}");
    }
    assert!(hcl::Hcl::parse(&[good, vec![0; 1 << 14]].concat()).is_err());
}

#[test]
fn a_tdx_report_inside_is_compared_with_the_quote() {
    let data: [u8; 64] = {
        let mut data = [0; 64];
        data[..32].copy_from_slice(&Sha256::digest(claims()));
        data
    };
    let mut inner = vec![0x81; 1024];
    inner[128..192].copy_from_slice(&data);
    let wrapper = hcl_report(&inner, 4, &claims());
    let parsed = hcl::Hcl::parse(&wrapper).unwrap();
    assert_eq!((parsed.kind, parsed.snp_report()), (Kind::Tdx, None));
    let judge = |data| hcl::judge(&wrapper, &Judged::Tdx(data), &Beside::default());
    assert!(failed(&judge(&data)).is_empty());
    assert_eq!(
        failed(&judge(&[0; 64])),
        ["hcl.inner-report", "hcl.runtime-data"]
    );
    // And it never passes for an SNP report.
    let (_, report) = good_hcl();
    assert!(failed(&Wrapper::Hcl.judge(&wrapper, Some(&report))).contains(&"hcl.inner-report"));
    assert!(Wrapper::Hcl.open(&wrapper).is_err());
}
