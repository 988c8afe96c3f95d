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
use cloister_verify::tdx::{self, Body};
use cloister_verify::wrap::azure::{self, Bundle};
use cloister_verify::wrap::hcl::{self, Beside, Judged, Kind};
use cloister_verify::wrap::{Quote, Wrapper};
use cloister_verify::{Outcome, Step};
use getrandom::SysRng;
use rsa::rand_core::UnwrapErr;
use rsa::traits::PublicKeyParts;
use rsa::{Pkcs1v15Sign, RsaPrivateKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256, Sha384};
use std::sync::LazyLock;
use support::intel::{REPORTDATA, TDATTRIBUTES, Td};
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

// --- TDX under the paravisor: the report inside is the one that the quote was made from ---

/// The quote of a TD whose report data name these claims, and the report that it was made from.
fn td_of(claims: &[u8]) -> (Td, Vec<u8>) {
    let mut td = Td::default();
    td.put(REPORTDATA, &[0; 64]);
    td.put(REPORTDATA, &Sha256::digest(claims));
    let mut report = vec![0; 1024];
    report[0] = 0x81;
    report[128..192].copy_from_slice(&td.body[REPORTDATA..REPORTDATA + 64]);
    report[512..912].copy_from_slice(&td.body[TDATTRIBUTES..REPORTDATA]);
    let hash = Sha384::digest(&report[512..]);
    report[80..128].copy_from_slice(&hash);
    (td, report)
}

fn body_of(td: &Td) -> Body {
    tdx::Quote::parse(&td.quote()).unwrap().body
}

#[test]
fn a22_a_tdx_report_inside_is_the_one_that_was_quoted() {
    let (td, report) = td_of(&claims());
    let body = body_of(&td);
    let judge = |report: &[u8]| {
        let wrapper = hcl_report(report, 4, &claims());
        hcl::judge(&wrapper, &Judged::Tdx(&body), &Beside::default())
    };
    assert!(failed(&judge(&report)).is_empty());
    // Every field that the quote repeats, and the hash over them.
    for place in [
        80, 127, 128, 191, 512, 520, 528, 576, 624, 672, 720, 768, 911,
    ] {
        let mut changed = report.clone();
        changed[place] ^= 1;
        assert_eq!(failed(&judge(&changed)), ["hcl.inner-report"], "{place}");
    }
    // What the quote does not repeat is under the hash.
    let mut changed = report.clone();
    changed[912] ^= 1;
    assert_eq!(failed(&judge(&changed)), ["hcl.inner-report"]);
    // Claims of another machine around the right report.
    let other = String::from_utf8(claims())
        .unwrap()
        .replace("user-data\":\"", "user-data\":\"x");
    let wrapper = hcl_report(&report, 4, other.as_bytes());
    let steps = hcl::judge(&wrapper, &Judged::Tdx(&body), &Beside::default());
    assert_eq!(failed(&steps), ["hcl.runtime-data"]);
    // And it never passes for an SNP report, nor one of those for it.
    let wrapper = hcl_report(&report, 4, &claims());
    let parsed = hcl::Hcl::parse(&wrapper).unwrap();
    assert_eq!((parsed.kind, parsed.snp_report()), (Kind::Tdx, None));
    let (good, snp) = good_hcl();
    assert!(failed(&Wrapper::Hcl.judge(&wrapper, Some(&snp))).contains(&"hcl.inner-report"));
    assert!(Wrapper::Hcl.open(&wrapper).is_err());
    let steps = hcl::judge(&good, &Judged::Tdx(&body), &Beside::default());
    assert!(failed(&steps).contains(&"hcl.inner-report"));
}

// --- Bundles of attesters ---

/// A bundle in the form of the `az-tdx-vtpm` attester around a TD's quote.
fn bundle() -> (Value, Td) {
    let (td, report) = td_of(&claims());
    let message = attest_all(b"nonce");
    let bundle = json!({
        "version": 1,
        "tpm_quote": {
            "message": hex::encode(&message),
            "signature": hex::encode(sign_quote(&message)),
            "pcrs": (0..24).map(|n| hex::encode([n; 32])).collect::<Vec<_>>(),
        },
        "hcl_report": Base64UrlUnpadded::encode_string(&hcl_report(&report, 4, &claims())),
        "td_quote": Base64UrlUnpadded::encode_string(&td.quote()),
    });
    (bundle, td)
}

/// A quote of all 24 registers, of which number n holds n.
fn attest_all(nonce: &[u8]) -> Vec<u8> {
    let mut message = attest(nonce);
    let end = message.len();
    message[end - 37..end - 34].fill(0xff);
    let all: Vec<u8> = (0..24).flat_map(|n| [n; 32]).collect();
    message[end - 32..].copy_from_slice(&Sha256::digest(all));
    message
}

fn judge_bundle(bundle: &Value, td: &Td) -> Vec<Step> {
    let text = bundle.to_string();
    assert!(Bundle::is_like(text.as_bytes()));
    let (body, quote) = (body_of(td), td.quote());
    azure::judge(
        text.as_bytes(),
        &Judged::Tdx(&body),
        Some(&quote),
        Some(b"nonce"),
    )
}

#[test]
fn a_good_bundle_passes_in_each_notation() {
    let (mut bundle, td) = bundle();
    let steps = judge_bundle(&bundle, &td);
    assert!(
        steps.iter().all(|step| step.outcome == Outcome::Passed),
        "{steps:?}"
    );
    assert_eq!(steps.len(), 10);
    let report = bundle["hcl_report"].as_str().unwrap();
    let report = Base64UrlUnpadded::decode_vec(report).unwrap();
    bundle["hcl_report"] = json!(base64ct::Base64::encode_string(&report));
    assert!(failed(&judge_bundle(&bundle, &td)).is_empty());
    // Rows of numbers, under the names of the form before.
    let numbers = |value: &Value| json!(hex::decode(value.as_str().unwrap()).unwrap());
    let quote = &bundle["tpm_quote"];
    let pcrs: Vec<Value> = quote["pcrs"]
        .as_array()
        .unwrap()
        .iter()
        .map(numbers)
        .collect();
    let before = json!({
        "quote": {
            "message": numbers(&quote["message"]),
            "signature": numbers(&quote["signature"]),
            "pcrs": pcrs,
        },
        "report": report,
        "td_quote": bundle["td_quote"],
    });
    assert!(failed(&judge_bundle(&before, &td)).is_empty());
}

#[test]
fn a22_parts_of_a_bundle_that_do_not_belong_together_are_refused() {
    let (good, td) = bundle();
    let refused = |change: &dyn Fn(&mut Value), rules: &[&str]| {
        let mut bundle = good.clone();
        change(&mut bundle);
        assert_eq!(failed(&judge_bundle(&bundle, &td)), rules);
    };
    // The quote of another TD, and none.
    let other = Base64UrlUnpadded::encode_string(&Td::default().quote());
    refused(
        &|bundle| bundle["td_quote"] = json!(other),
        &["azure.td-quote"],
    );
    refused(
        &|bundle| bundle["td_quote"] = Value::Null,
        &["azure.td-quote"],
    );
    // The paravisor's report of another TD: the TPM's key is the same here.
    let (_, mut report) = td_of(&claims());
    report[600] ^= 1;
    let foreign = Base64UrlUnpadded::encode_string(&hcl_report(&report, 4, &claims()));
    refused(
        &|bundle| bundle["hcl_report"] = json!(foreign),
        &["hcl.inner-report"],
    );
    // A quote of the TPM that its key did not sign, for another nonce, of other registers.
    let message = attest_all(b"yesterday");
    refused(
        &|bundle| bundle["tpm_quote"]["message"] = json!(hex::encode(&message)),
        &["hcl.quote.signature", "hcl.quote.nonce"],
    );
    refused(
        &|bundle| {
            bundle["tpm_quote"]["message"] = json!(hex::encode(&message));
            bundle["tpm_quote"]["signature"] = json!(hex::encode(sign_quote(&message)));
        },
        &["hcl.quote.nonce"],
    );
    refused(
        &|bundle| bundle["tpm_quote"]["pcrs"][3] = json!("00".repeat(32)),
        &["hcl.quote.pcrs"],
    );
}

#[test]
fn a51_bundles_of_other_shapes_are_refused() {
    let (good, td) = bundle();
    for (pointer, value) in [
        ("/version", json!(3)),
        ("/version", json!("1")),
        ("/hcl_report", json!("?")),
        ("/hcl_report", json!([256])),
        ("/tpm_quote/message", json!("zz")),
        ("/tpm_quote/pcrs", json!([])),
        ("/tpm_quote/pcrs/0", json!("00")),
        ("/tpm_quote", json!({ "pcrs": [] })),
    ] {
        let mut bundle = good.clone();
        *bundle.pointer_mut(pointer).unwrap() = value;
        assert_eq!(
            failed(&judge_bundle(&bundle, &td)),
            ["azure.format"],
            "{pointer}"
        );
    }
    let mut long = good.to_string();
    long.push_str(&" ".repeat(1 << 18));
    assert!(Bundle::parse(long.as_bytes()).is_err());
}
