//! Writes the corpus of Intel's formats, event logs and the transparency log: `cargo run -p cloister-decoders --example seeds_intel`.
//!
//! All of it is written by hand: structure without a signature that anybody would accept.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_possible_truncation
)]

use cloister_verify::ccel::EventLog;
use cloister_verify::log::{Proof, unbundle};
use cloister_verify::tdx::Quote;
use std::fs;
use std::path::Path;

fn seed(target: &str, name: &str, bytes: &[u8]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), bytes).unwrap();
}

fn main() {
    write();
    // A seed that is not read leads a fuzzer nowhere.
    let read = |target: &str, name: &str| {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus");
        fs::read(corpus.join(target).join(name)).unwrap()
    };
    for name in ["v4", "v5-td15"] {
        Quote::parse(&read("tdx-quote", name)).unwrap();
    }
    EventLog::parse_ccel(&read("event-log", "one-separator")).unwrap();
    EventLog::parse_dstack(&read("dstack-log", "one-event")).unwrap();
    Proof::parse(&read("log-proof", "one-hash")).unwrap();
    unbundle(&read("tile", "bundle")[1..], 2).unwrap();
}

fn write() {
    for (name, version, kind, size) in [("v4", 4u16, None, 584), ("v5-td15", 5, Some(3u16), 648)] {
        seed("tdx-quote", name, &quote(version, kind, size));
    }
    collateral();
    seed("event-log", "one-separator", &event_log());
    seed(
        "dstack-log",
        "one-event",
        format!(
            r#"[{{"imr":3,"event_type":134217729,"digest":"{}","event":"app-id","event_payload":"00ff"}}]"#,
            "0".repeat(96)
        )
        .as_bytes(),
    );
    let hash = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    seed(
        "log-proof",
        "one-hash",
        format!("c2sp.org/tlog-proof@v1\nindex 1\n{hash}\n\nlog.example\n2\n{hash}\n\n\u{2014} log.example AAAAAAA=\n").as_bytes(),
    );
    seed(
        "log-policy",
        "empty",
        include_bytes!("../../../measurements/policy/log.toml"),
    );
    seed(
        "log-state",
        "two",
        br#"{"accepted":[{"log":"log.example","series":"floors amd-floors.toml","index":2},{"log":"log.example","series":"image-release","index":7}]}"#,
    );
    seed("tile", "path", b"tile/0/x001/067.p/3");
    seed("tile", "bundle", b"\x01\x00\x02ab\x00\x01c");
    seed(
        "policy",
        "intel-floors",
        &[
            b"i",
            include_bytes!("../../../measurements/policy/intel-floors.toml").as_slice(),
        ]
        .concat(),
    );
}

/// Header, body of ones, signature data of zeroes with lengths that agree (Intel TDX DCAP Quoting Library API, appendix A.3).
fn quote(version: u16, kind: Option<u16>, size: usize) -> Vec<u8> {
    let mut bytes = version.to_le_bytes().to_vec();
    bytes.extend([2, 0, 0x81, 0, 0, 0]);
    bytes.extend([0; 4]);
    bytes.extend(b"\x93\x9a\x72\x33\xf7\x9c\x4c\xa9\x94\x0a\x0d\xb3\x95\x7f\x06\x07");
    bytes.extend([0; 20]);
    if let Some(kind) = kind {
        bytes.extend(kind.to_le_bytes());
        bytes.extend((size as u32).to_le_bytes());
    }
    bytes.extend(vec![1; size]);
    let chain = b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n";
    let mut inner = vec![0; 384 + 64];
    inner.extend([32, 0]);
    inner.extend([0; 32]);
    inner.extend([5, 0]);
    inner.extend((chain.len() as u32).to_le_bytes());
    inner.extend(chain);
    let mut data = vec![0; 64 + 64];
    data.extend([6, 0]);
    data.extend((inner.len() as u32).to_le_bytes());
    data.extend(inner);
    bytes.extend((data.len() as u32).to_le_bytes());
    bytes.extend(data);
    bytes.extend([0; 16]);
    bytes
}

/// TCB info, QE identity, two empty lists and a chain.
fn collateral() {
    let signature = "0".repeat(128);
    let tcb_info = format!(
        r#"{{"tcbInfo":{{"id":"TDX","version":3,"issueDate":"2026-01-01T00:00:00Z","nextUpdate":"2026-02-01T00:00:00Z","fmspc":"00806f050000","pceId":"0000","tcbType":0,"tcbEvaluationDataNumber":19,"tdxModule":{{"mrsigner":"{}","attributes":"0000000000000000","attributesMask":"FFFFFFFFFFFFFFFF"}},"tcbLevels":[]}},"signature":"{signature}"}}"#,
        "0".repeat(96)
    );
    let identity = format!(
        r#"{{"enclaveIdentity":{{"id":"TD_QE","version":2,"issueDate":"2026-01-01T00:00:00Z","nextUpdate":"2026-02-01T00:00:00Z","tcbEvaluationDataNumber":19,"miscselect":"00000000","miscselectMask":"FFFFFFFF","attributes":"{0}","attributesMask":"{0}","mrsigner":"{1}","isvprodid":2,"tcbLevels":[]}},"signature":"{signature}"}}"#,
        "0".repeat(32),
        "0".repeat(64)
    );
    let mut bytes = Vec::new();
    for part in [
        tcb_info.as_bytes(),
        identity.as_bytes(),
        b"\x30\x00",
        b"\x30\x00",
    ] {
        bytes.extend((part.len() as u16).to_be_bytes());
        bytes.extend(part);
    }
    bytes.extend(b"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n");
    seed("collateral", "unsigned", &bytes);
}

/// The header of a TCG crypto-agile log with SHA-384 alone, and one separator in the first register.
fn event_log() -> Vec<u8> {
    let mut spec = b"Spec ID Event03\0".to_vec();
    spec.extend([0, 0, 0, 0, 0, 2, 0, 2]);
    spec.extend([1, 0, 0, 0, 0x0c, 0, 48, 0, 0]);
    let mut log = [1, 0, 0, 0, 3, 0, 0, 0].to_vec();
    log.extend([0; 20]);
    log.extend((spec.len() as u32).to_le_bytes());
    log.extend(spec);
    log.extend([1, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0, 0x0c, 0]);
    log.extend([7; 48]);
    log.extend([4, 0, 0, 0, 0, 0, 0, 0]);
    log
}
