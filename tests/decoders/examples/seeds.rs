//! Writes the fixtures and the first corpus: `cargo run -p cloister-decoders --example seeds`.
//!
//! All of it is of our own make: a simulated processor with fresh keys, and messages written by hand. Files that a fuzzer added (their names
//! begin with `found-`) are left alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_possible_truncation
)]

#[path = "../../../measurements/digest/tests/synthetic/mod.rs"]
mod synthetic;

use base64ct::{Base64, Encoding};
use cloister_bind::ReportData;
use cloister_digest::measure::{Files, Measured};
use cloister_digest::snp::{CpuType, Shape};
use cloister_sim_processor::Processor;
use cloister_wire::bhttp::{Field, RequestHead, ResponseHead, SliceSink};
use cloister_wire::certs::{CertTable, Guid};
use cloister_wire::cmw::Record;
use cloister_wire::evidence::Evidence;
use cloister_wire::keyconfig::{
    AEAD_AES128GCM, AEAD_CHACHA20POLY1305, KDF_HKDF_SHA256, KEM_X25519, KEM_XWING, KeyConfig,
    KeyConfigs, Suite,
};
use std::fs;
use std::path::{Path, PathBuf};

/// When the certificates are valid: 2026-11-23 00:00 UTC.
const NOW: u64 = 1_795_392_000;

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

fn seed(target: &str, name: &str, bytes: &[u8]) {
    let folder = folder("../../fuzz/corpus").join(target);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), bytes).unwrap();
}

/// `part`s of a target: a length of two bytes before each.
fn behind_length(bytes: &[u8]) -> Vec<u8> {
    [&(bytes.len() as u16).to_be_bytes(), bytes].concat()
}

fn main() {
    let evidence = evidence();
    messages();
    keys();
    texts();
    frames(&evidence);
}

/// A simulated machine, its certificates, its report and what describes it.
fn evidence() -> Evidence {
    let firmware = synthetic::amdsev().bytes();
    seed("firmware", "amdsev", &firmware[firmware.len() - 0x400..]);
    let bare = synthetic::without_hashes().bytes();
    seed("firmware", "without-hashes", &bare[bare.len() - 0x400..]);
    let measured = Measured::hash(&Files {
        firmware: &firmware,
        kernel: b"kernel",
        initrd: b"initrd",
        cmdline: b"cloister.release=0.1.0",
    })
    .unwrap();
    let shape = Shape {
        cpu: CpuType::parse("EPYC-Genoa").unwrap(),
        vcpus: 2,
        guest_features: 1,
    };
    let processor = Processor::start(&measured, &shape, NOW).unwrap();
    let frame = processor.answer(&ReportData([7; 64])).unwrap();
    let evidence = Evidence::decode(&frame).unwrap();
    let table = CertTable::parse(&evidence.auxiliary).unwrap();
    let [ark, ask, vcek, crl, claims] = [
        Guid::ARK,
        Guid::ASK,
        Guid::VCEK,
        Guid::CRL,
        Guid::LAUNCH_CLAIMS,
    ]
    .map(|guid| table.find(guid).unwrap());
    for (name, bytes) in [
        ("ark.der", ark),
        ("ask.der", ask),
        ("vcek.der", vcek),
        ("report.bin", &evidence.report),
    ] {
        fs::write(folder("fixtures").join(name), bytes).unwrap();
    }
    seed("snp-report", "simulated", &evidence.report);
    seed("certificate-leaf", "vcek", vcek);
    seed("certificate-leaf", "ask", ask);
    seed("certificate-root", "ark", ark);
    let chain = [behind_length(vcek), behind_length(ask), ark.to_vec()].concat();
    seed("certificate-chain", "simulated", &chain);
    seed("revocation-list", "empty", crl);
    seed("launch-claims", "simulated", claims);
    seed("certificate-table", "simulated", &evidence.auxiliary);
    seed(
        "certificate-table",
        "small",
        &CertTable::encode(&[(Guid::VCEK, b"leaf"), (Guid::ASK, b"ask")]).unwrap(),
    );
    seed("evidence-frame", "simulated", &frame);
    evidence
}

/// Binary HTTP and what travels in it.
fn messages() {
    let fields = [
        Field {
            name: b"content-type",
            value: b"application/json",
        },
        Field {
            name: b"date",
            value: b"Mon, 23 Nov 2026 00:00:00 GMT",
        },
    ];
    let json = br#"{"messages":[{"author":"Ann","time":"09:00","text":"Ship \"it\"\u0021"},{"author":"Bo","text":"Done."}],"length":3,"style":"prose"}"#;
    let request = RequestHead {
        method: b"POST",
        scheme: b"https",
        authority: b"",
        path: b"/v1/summaries",
        fields: &fields,
    };
    let mut out = [0; 512];
    let length = request.encode(json, &mut out).unwrap();
    seed("bhttp-request", "known-length", &out[..length + 8]);
    let mut sink = SliceSink::new(&mut out);
    request.encode_indeterminate(&mut sink).unwrap();
    cloister_wire::bhttp::encode_chunk(json, &mut sink).unwrap();
    cloister_wire::bhttp::encode_end(&[], &mut sink).unwrap();
    let length = sink.written();
    seed("bhttp-request", "indeterminate", &out[..length]);
    seed("summary-request", "messages", json);
    seed(
        "summary-request",
        "text",
        br#"{"text":"one two three","style":"bullets"}"#,
    );

    let reply = br#"{"engine":"extractive","model":"m","summary":"Ann ships.","highlights":[{"id":0,"author":"Ann","text":"Ship it","clipped":false}]}"#;
    let response = ResponseHead {
        status: 200,
        fields: &fields[..1],
    };
    let length = response.encode(reply, &mut out).unwrap();
    seed("bhttp-response", "known-length", &out[..length + 8]);
    seed("summary-reply", "padded", &out[..length + 8]);
    let mut sink = SliceSink::new(&mut out);
    response.encode_indeterminate(&mut sink).unwrap();
    cloister_wire::bhttp::encode_chunk(reply, &mut sink).unwrap();
    cloister_wire::bhttp::encode_end(&[], &mut sink).unwrap();
    let length = sink.written();
    seed("bhttp-response", "indeterminate", &out[..length]);
    // An informational response before the final one (RFC 9292 section 3.5.1).
    seed(
        "bhttp-response",
        "informational",
        b"\x01\x40\x66\x00\x40\xc8\x00\x02ok\x00",
    );
    seed("summary-reply", "json", reply);
    seed(
        "problem",
        "first",
        cloister_wire::problem::Problem::ALL[0].json().as_bytes(),
    );
    seed("date", "imf-fixdate", b"Sun, 06 Nov 1994 08:49:37 GMT");
    seed(
        "ohttp-request",
        "x25519",
        &[&[1, 0, 0x20, 0, 1, 0, 1][..], &[9; 32 + 40]].concat(),
    );
    seed(
        "ohttp-request",
        "xwing",
        &[&[1, 0x64, 0x7a, 0, 1, 0, 3][..], &[9; 1120 + 40]].concat(),
    );
    seed("ohttp-response", "aes-128-gcm", &[5; 16 + 40]);
}

fn key_configs() -> KeyConfigs {
    let suites = vec![
        Suite {
            kdf: KDF_HKDF_SHA256,
            aead: AEAD_AES128GCM,
        },
        Suite {
            kdf: KDF_HKDF_SHA256,
            aead: AEAD_CHACHA20POLY1305,
        },
    ];
    let config = |key_id, kem, length| KeyConfig {
        key_id,
        kem,
        public_key: vec![9; length],
        suites: suites.clone(),
    };
    KeyConfigs::new(vec![config(1, KEM_X25519, 32), config(2, KEM_XWING, 1216)]).unwrap()
}

fn keys() {
    seed("key-configs", "two", &key_configs().encode().unwrap());
    // The fixed head of an issuer's key (RFC 9578 section 6.5), an odd modulus and the exponent, then a token of 354 bytes.
    let head = "30820152303d06092a864886f70d01010a3030a00d300b0609608648016503040202a11a301806092a864886f70d010108300b0609608648016503040202a2030201300382010f003082010a0282010100";
    let spki = [decode_hex(head), vec![0xc1; 256], decode_hex("0203010001")].concat();
    seed(
        "issuer-key",
        "shape",
        &[behind_length(&spki), vec![0, 2], vec![3; 352]].concat(),
    );
}

fn decode_hex(text: &str) -> Vec<u8> {
    let pairs = text.as_bytes().chunks(2);
    pairs
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn texts() {
    seed("thread", "json", br#"{"messages":[{"author":"Ann","time":"09:00","text":"Ship it"},{"author":"Bo","text":"Done \u00e9"}]}"#);
    seed(
        "thread",
        "plain",
        "\u{feff}Ann: ship it\nBo: done\n".as_bytes(),
    );
    seed("pem", "two", b"-----BEGIN CERTIFICATE-----\nMAMCAQE=\n-----END CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n");
    for (first, name, text) in [
        (
            "r",
            "rules",
            include_str!("../../../measurements/policy/production.toml"),
        ),
        (
            "f",
            "floors",
            include_str!("../../../measurements/policy/amd-floors.toml"),
        ),
        (
            "m",
            "machines",
            "machines = [{ hardware-id = \"0102030405060708\", smt = false, name = \"a\", source = \"b\", date = \"2026-11-23\" }]",
        ),
    ] {
        // Without comments: a fuzzer should not spend its time in them.
        let lines: Vec<_> = text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty())
            .collect();
        seed(
            "policy",
            name,
            format!("{first}{}\n", lines.join("\n")).as_bytes(),
        );
    }
    let zeroes = "00".repeat(32);
    let digest = "4d".repeat(48);
    let release = format!(
        r#"{{"release":"0.1.0","flavour":"production","firmware":{{"name":"a","sha256":"{zeroes}","snp":{{"pages_digest":"{digest}","sections":[{{"gpa":8388608,"size":36864,"kind":1}}],"reset_eip":1,"hashes_gpa":2}}}},"kernel_sha256":"{zeroes}","initrd_sha256":"{zeroes}","cmdline":"a","weights":{{"root_hash":"{zeroes}"}},"snp":[{{"cpu":"EPYC-v4","vcpus":1,"guest_features":1,"digest":"{digest}"}}]}}"#
    );
    seed("release", "one-shape", release.as_bytes());
}

fn frames(evidence: &Evidence) {
    let record = Record {
        media_type: "a/b",
        value: &evidence.report[..64],
        indicator: 4,
    };
    seed("message-record", "evidence", &record.encode());
    let small = Evidence {
        auxiliary: Vec::new(),
        ..evidence.clone()
    };
    let frame = small.encode().unwrap();
    seed("evidence-frame", "without-certificates", &frame);
    let configs = key_configs().encode().unwrap();
    let bundle = format!(
        r#"{{"key_configs":"{}","spki":"MAA=","not_after":1795392000,"evidence":"{}"}}"#,
        Base64::encode_string(&configs),
        Base64::encode_string(&frame)
    );
    seed("bundle", "members", bundle.as_bytes());
}
