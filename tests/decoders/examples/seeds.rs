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

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
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
    wrapped(&evidence);
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

fn word(value: usize) -> [u8; 4] {
    u32::try_from(value).unwrap().to_le_bytes()
}

/// Wrappers of the shape that cloud providers use, around our own report; the key is a number and no key of anybody's.
fn wrapped(evidence: &Evidence) {
    let claims = format!(
        r#"{{"keys":[{{"kid":"HCLAkPub","key_ops":["sign"],"kty":"RSA","e":"AQAB","n":"{}"}}],"user-data":""}}"#,
        Base64UrlUnpadded::encode_string(&[0xc1; 256])
    );
    let data = 20 + claims.len();
    let mut hcl = [
        b"HCLA".to_vec(),
        word(2).to_vec(),
        word(1216 + data).to_vec(),
        word(2).to_vec(),
        vec![0; 16],
    ]
    .concat();
    hcl.extend(&evidence.report);
    for value in [data, 1, 2, 1, claims.len()] {
        hcl.extend(word(value));
    }
    hcl.extend(claims.as_bytes());
    fs::write(folder("fixtures").join("hcl_report.bin"), &hcl).unwrap();
    seed("hcl-report", "snp", &hcl);
    seed("wrapper", "hcl", &hcl);
    seed(
        "wrapper",
        "extended",
        &[&evidence.report[..], &evidence.auxiliary].concat(),
    );
    let json = |bytes: &[u8]| Base64UrlUnpadded::encode_string(bytes);
    let tsm = format!(
        r#"{{"auxblob":"{}","outblob":"{}","provider":"sev_guest\n"}}"#,
        json(&evidence.auxiliary),
        json(&evidence.report)
    );
    seed("wrapper", "configfs-tsm", tsm.as_bytes());
    let bundle = format!(
        r#"{{"evidence":"{}","endorsements":"MAA=","uvm_endorsements":"0oQ=","endorsed_tcb":"0b0000000000001d58"}}"#,
        Base64::encode_string(&evidence.report)
    );
    seed("wrapper", "aci", bundle.as_bytes());
    // COSE_Sign1 with an attestation of the right shape and a point that is on no curve.
    let text = |text: &str| [vec![0x60 | text.len() as u8], text.as_bytes().to_vec()].concat();
    let long = |text: &str| [vec![0x78, text.len() as u8], text.as_bytes().to_vec()].concat();
    let bytes = |bytes: &[u8]| {
        [
            vec![0x59],
            (bytes.len() as u16).to_be_bytes().to_vec(),
            bytes.to_vec(),
        ]
        .concat()
    };
    let protected = [
        vec![0xa3, 1, 0x26, 2, 0x81],
        text("svc"),
        text("svc"),
        vec![0xa5],
        text("attestation"),
        bytes(&evidence.report),
        text("attestation_type"),
        long("SEV-SNP:ContainerPlat-AMD-UVM"),
        text("snp_endorsements"),
        bytes(b"-----BEGIN CERTIFICATE-----"),
        text("uvm_endorsements"),
        bytes(b"\xd2\x84"),
        text("cose_key"),
        [
            &[0xa4, 1, 2, 0x20, 1, 0x21][..],
            &bytes(&[1; 32]),
            &[0x22],
            &bytes(&[2; 32]),
        ]
        .concat(),
    ]
    .concat();
    let message = [
        vec![0xd2, 0x84],
        bytes(&protected),
        vec![0xa0],
        bytes(b"payload"),
        bytes(&[1; 64]),
    ]
    .concat();
    seed("wrapper", "cose", &message);
    let payload = br#"{"x-ms-sevsnpvm-guestsvn":"100","x-ms-sevsnpvm-launchmeasurement":"00"}"#;
    let protected = [
        vec![0xa5, 1, 0x38, 0x25],
        vec![0x18, 33, 0x81],
        bytes(include_bytes!(
            "../../../measurements/verify/anchors/intel_sgx_root_ca.der"
        )),
        text("iss"),
        text("did:x509:0:sha256:"),
        text("feed"),
        text("ContainerPlat-AMD-UVM"),
        text("signingtime"),
        vec![0xc1, 0x1a, 0x65, 0, 0, 0],
    ]
    .concat();
    let endorsement = [
        vec![0xd2, 0x84],
        bytes(&protected),
        vec![0xa0],
        bytes(payload),
        bytes(&[1; 384]),
    ]
    .concat();
    seed("uvm-endorsement", "shape", &endorsement);
    let quote = [
        &b"\xff\x54\x43\x47\x80\x18\x00\x02\x01\x01\x00\x05nonce"[..],
        &[0; 25],
        &[0, 0, 0, 1, 0, 0x0b, 3, 1, 0, 0, 0, 32],
        &[7; 32],
    ]
    .concat();
    seed(
        "tpm-quote",
        "shape",
        &[behind_length(&quote), vec![1; 256]].concat(),
    );
    ratls();
}

/// A self-signed certificate of the shape that RA-TLS uses, around a quote of the right lengths.
fn ratls() {
    let tlv = |tag: u8, value: &[u8]| {
        let length = (value.len() as u16).to_be_bytes();
        match value.len() {
            0..=0x7f => [&[tag, length[1]][..], value].concat(),
            0x80..=0xff => [&[tag, 0x81, length[1]][..], value].concat(),
            _ => [&[tag, 0x82][..], &length, value].concat(),
        }
    };
    let algorithm = b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02".to_vec();
    let name = tlv(
        0x30,
        &tlv(0x31, &tlv(0x30, b"\x06\x03\x55\x04\x03\x0c\x05seeds")),
    );
    let dates = tlv(0x30, b"\x17\x0d260101000000Z\x17\x0d270101000000Z");
    // The generator of P-256 is a point of it.
    let point = decode_hex(
        "046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5",
    );
    let spki = tlv(
        0x30,
        &[
            decode_hex("301306072a8648ce3d020106082a8648ce3d030107"),
            tlv(3, &[vec![0], point].concat()),
        ]
        .concat(),
    );
    let inner = [
        vec![0; 384 + 64],
        vec![0, 0, 5, 0],
        word(4).to_vec(),
        b"none".to_vec(),
    ]
    .concat();
    let data = [vec![1; 128], vec![6, 0], word(inner.len()).to_vec(), inner].concat();
    let quote = [
        vec![4, 0, 2, 0, 0x81, 0, 0, 0],
        vec![0; 40 + 584],
        word(data.len()).to_vec(),
        data,
    ]
    .concat();
    let claims = [
        &b"\xa1\x6bpubkey-hash\x58\x24\x82\x01\x58\x20"[..],
        &[0; 32],
    ]
    .concat();
    let bytes = |bytes: &[u8]| {
        [
            vec![0x59],
            (bytes.len() as u16).to_be_bytes().to_vec(),
            bytes.to_vec(),
        ]
        .concat()
    };
    let tagged = [vec![0xd9, 0xea, 0x60, 0x82], bytes(&quote), bytes(&claims)].concat();
    let log = br#"[{"imr":0,"digest":"00"}]"#;
    let dstack = |id: u8, value: &[u8]| {
        tlv(
            0x30,
            &[
                decode_hex("060a2b0601040183e73d01"),
                vec![id],
                tlv(4, &tlv(4, value)),
            ]
            .concat(),
        )
    };
    let dice = tlv(
        0x30,
        &[
            decode_hex("06066781050504").as_slice(),
            &[9],
            &tlv(4, &tagged),
        ]
        .concat(),
    );
    for (file, extensions) in [
        ("dice", dice),
        ("dstack", [dstack(1, &quote), dstack(2, log)].concat()),
    ] {
        let extensions = tlv(0xa3, &tlv(0x30, &extensions));
        let body = [
            vec![0xa0, 3, 2, 1, 2, 2, 1, 1],
            algorithm.clone(),
            name.clone(),
            dates.clone(),
            name.clone(),
            spki.clone(),
            extensions,
        ]
        .concat();
        let certificate = tlv(
            0x30,
            &[
                tlv(0x30, &body),
                algorithm.clone(),
                tlv(3, b"\x00\x30\x06\x02\x01\x01\x02\x01\x01"),
            ]
            .concat(),
        );
        seed("ratls-certificate", file, &behind_length(&certificate));
    }
}
