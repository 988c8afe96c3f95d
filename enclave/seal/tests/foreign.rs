//! A device in another language and with other people's cryptography: `foreign/device.mjs` on Node.
//!
//! `make test` installs its packages, by version and hash, into `target/foreign/seal`. Without them, or without Node, the test says
//! loudly that it was skipped.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use cloister_memory::Locked;
use cloister_seal::{KeyRing, ReplayWindow};
use cloister_wire::keyconfig::{AEAD_AES128GCM, AEAD_CHACHA20POLY1305, KEM_X25519, KEM_XWING};
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

const NOW: u64 = 1_795_435_200;

/// Where the packages are, or why the test cannot run.
fn packages() -> Result<PathBuf, &'static str> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = std::env::var_os("CLOISTER_SEAL_FOREIGN")
        .map_or_else(|| here.join("../../target/foreign/seal"), PathBuf::from);
    if !folder.join("node_modules/hpke/index.js").is_file() {
        return Err("its packages are not installed (make test installs them)");
    }
    match Command::new("node").arg("--version").output() {
        Ok(output) if output.status.success() => Ok(folder),
        _ => Err("node is not installed"),
    }
}

/// The running script; killed when dropped.
struct Device {
    process: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
}

impl Device {
    fn start(packages: &Path) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/device.mjs");
        let mut process = Command::new("node")
            .arg(script)
            .arg(packages)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let to = process.stdin.take().unwrap();
        let from = BufReader::new(process.stdout.take().unwrap());
        Self { process, to, from }
    }

    fn ask(&mut self, question: &Value) -> Value {
        writeln!(self.to, "{question}").unwrap();
        let mut line = String::new();
        self.from.read_line(&mut line).unwrap();
        serde_json::from_str(&line)
            .unwrap_or_else(|_| panic!("the device failed: see its words above"))
    }
}

impl Drop for Device {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn bytes(answer: &Value, name: &str) -> Vec<u8> {
    hex::decode(answer[name].as_str().unwrap()).unwrap()
}

/// Where the packages are; without them it says so loudly.
fn packages_or_skip() -> Option<PathBuf> {
    packages()
        .inspect_err(|why| {
            // Past the capture of test output, so that the skip is seen.
            let mut seen = std::io::stderr();
            writeln!(seen, "SKIPPED: no judgement by a foreign HPKE: {why}").unwrap();
        })
        .ok()
}

#[test]
fn a_device_in_another_language_is_understood_and_understands() {
    let Some(packages) = packages_or_skip() else {
        return;
    };
    let ring = KeyRing::generate().unwrap();
    let window = ReplayWindow::new(NOW);
    let question = b"\x00\x04POST\x05https\x00\x0d/v1/summaries\x00\x00\x00\x00";
    let reply = b"\x01\x40\xc8\x00\x00\x00";
    for kem in [KEM_XWING, KEM_X25519] {
        for aead in [AEAD_AES128GCM, AEAD_CHACHA20POLY1305] {
            let mut device = Device::start(&packages);
            let sealed = device.ask(&json!({
                "key_configs": hex::encode(ring.key_configs()),
                "kem": kem,
                "aead": aead,
                "plaintext": hex::encode(question),
            }));
            let opened = ring
                .open(&bytes(&sealed, "request"), &window, NOW)
                .map_err(|error| format!("{kem:#x} {aead}: {error}"));
            let opened = opened.unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(opened.plaintext(), question);
            let (_, sealer) = opened.into_parts();
            let response = sealer.seal(Locked::copy_of(reply).unwrap()).unwrap();
            let heard = device.ask(&json!({ "response": hex::encode(response) }));
            assert_eq!(bytes(&heard, "plaintext"), reply);
        }
    }
}

#[test]
fn a_device_in_another_language_is_understood_and_understands_in_chunks() {
    let Some(packages) = packages_or_skip() else {
        return;
    };
    let ring = KeyRing::generate().unwrap();
    let window = ReplayWindow::new(NOW);
    let chunks: [&[u8]; 4] = [b"a", &[7; 16384], b"bc", b"end"];
    let encoded: Vec<_> = chunks.iter().map(hex::encode).collect();
    for kem in [KEM_XWING, KEM_X25519] {
        for aead in [AEAD_AES128GCM, AEAD_CHACHA20POLY1305] {
            let mut device = Device::start(&packages);
            let sealed = device.ask(&json!({
                "key_configs": hex::encode(ring.key_configs()),
                "kem": kem,
                "aead": aead,
                "chunks": encoded,
            }));
            let mut request = ring.open_chunked();
            for slice in bytes(&sealed, "request").chunks(1001) {
                request.push(&ring, slice).unwrap();
            }
            let opened = request.finish(&window, NOW).ok().unwrap();
            assert!(opened.plaintext() == chunks.concat());
            let (mut sealer, mut response) = opened.into_parts().1.begin().unwrap();
            for chunk in &chunks[..3] {
                response.extend(sealer.seal(chunk).unwrap());
            }
            response.extend(sealer.finish(chunks[3]).unwrap());
            let heard = device.ask(&json!({ "response": hex::encode(response) }));
            assert_eq!(heard["chunks"], json!(encoded));
        }
    }
}
