//! After a request nothing of it is left: this test reads its own memory and looks (promise "Forgotten", attack A57).
//!
//! The device's part runs in another process, and what is looked for is kept masked, so that whatever is found is a copy that this
//! crate, or a crate below it, has left.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::expect_used
)]

use crate::keys::{Key, KeyRing};
use crate::open::Opened;
use crate::suite::Kem;
use crate::window::ReplayWindow;
use cloister_memory::{LockError, Locked, Secret, ZeroOnFree};
use cloister_wire::chunked;
use cloister_wire::keyconfig::{AEAD_AES128GCM, KEM_X25519, KEM_XWING, KeyConfigs};
use cloister_wire::ohttp::{REQUEST_LABEL, RESPONSE_LABEL, RequestHeader, request_info};
use hpke::aead::AesGcm128;
use hpke::kdf::HkdfSha256;
use hpke::kem::{X25519HkdfSha256, XWing};
use hpke::{Deserializable, OpModeS, Serializable};
use std::alloc::System;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::process::Command;

#[global_allocator]
static ALLOCATOR: ZeroOnFree<System> = ZeroOnFree(System);

const MASK: u8 = 0x5a;
const ROLE: &str = "CLOISTER_SEAL_TEST_DEVICE";
const CHUNKED: &str = "chunked";

fn mask(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().map(|byte| byte ^ MASK).collect()
}

/// The device, in a process of its own: seals a secret text and prints the request, then what must not be left of it.
#[test]
fn device() {
    let Ok(role) = std::env::var(ROLE) else {
        return;
    };
    let [kind, kem, configs]: [&str; 3] = role
        .split(' ')
        .collect::<Vec<_>>()
        .try_into()
        .unwrap_or_else(|_| panic!("{ROLE}: expected kind, KEM and key configurations"));
    let configs = KeyConfigs::decode(&hex::decode(configs).unwrap()).unwrap();
    let config = configs
        .as_slice()
        .iter()
        .find(|config| config.kem.to_string() == kem)
        .unwrap();
    let header = RequestHeader {
        key_id: config.key_id,
        kem: config.kem,
        kdf: 1,
        aead: AEAD_AES128GCM,
    };
    let mut marker = [0; 32];
    getrandom::fill(&mut marker).unwrap();
    let text = marker.repeat(128);
    let is_chunked = kind == CHUNKED;
    let label: &[u8] = if is_chunked {
        chunked::REQUEST_LABEL
    } else {
        REQUEST_LABEL
    };
    let info = request_info(label, &header);
    let seal = match config.kem {
        KEM_XWING => seal::<XWing>,
        _ => seal::<X25519HkdfSha256>,
    };
    let (enc, ciphertext, secret) = seal(&config.public_key, &info, &text, is_chunked);
    let request = [&header.encode()[..], &enc, &ciphertext].concat();
    println!(
        "\nDEVICE {} {} {}",
        hex::encode(request),
        hex::encode(mask(&marker)),
        hex::encode(mask(&secret))
    );
}

fn seal<K: hpke::Kem>(
    public_key: &[u8],
    info: &[u8],
    text: &[u8],
    is_chunked: bool,
) -> (Vec<u8>, Vec<u8>, Vec<u8>) {
    let public_key = K::PublicKey::from_bytes(public_key).unwrap();
    let (enc, mut context) =
        hpke::setup_sender::<AesGcm128, HkdfSha256, K>(&OpModeS::Base, &public_key, info).unwrap();
    let mut secret = vec![0; 16];
    let label: &[u8] = if is_chunked {
        chunked::RESPONSE_LABEL
    } else {
        RESPONSE_LABEL
    };
    context.export(label, &mut secret).unwrap();
    let ciphertext = if is_chunked {
        let mut out = Vec::new();
        let (before, last) = text.split_at(text.len() - 1000);
        for chunk in before.chunks(1000) {
            let sealed = context.seal(chunk, b"").unwrap();
            chunked::put_length(sealed.len(), &mut out).unwrap();
            out.extend(sealed);
        }
        out.push(0);
        out.extend(context.seal(last, b"final").unwrap());
        out
    } else {
        context.seal(text, b"").unwrap()
    };
    (enc.to_bytes().to_vec(), ciphertext, secret)
}

/// How often the masked needle's original occurs in this process's writable memory.
fn copies(masked: &[u8]) -> usize {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let memory = File::open("/proc/self/mem").unwrap();
    let mut buffer = vec![0; 1 << 20];
    let own = buffer.as_ptr_range();
    let own = own.start.addr()..own.end.addr();
    let mut count = 0;
    for line in maps.lines().filter(|line| {
        line.split(' ')
            .nth(1)
            .is_some_and(|mode| mode.starts_with("rw"))
    }) {
        let (start, end) = line.split(' ').next().unwrap().split_once('-').unwrap();
        let (mut at, end) = (
            usize::from_str_radix(start, 16).unwrap(),
            usize::from_str_radix(end, 16).unwrap(),
        );
        while at < end {
            let want = buffer.len().min(end - at);
            let got = memory
                .read_at(&mut buffer[..want], u64::try_from(at).unwrap())
                .unwrap_or(0);
            if got < masked.len() {
                break;
            }
            let found = |(offset, window): &(usize, &[u8])| {
                // What was read lies in the buffer too: that is no copy of theirs.
                !own.contains(&(at + offset))
                    && window
                        .iter()
                        .zip(masked)
                        .all(|(byte, want)| byte ^ MASK == *want)
            };
            count += buffer[..got]
                .windows(masked.len())
                .enumerate()
                .filter(found)
                .count();
            // A needle may lie across the end of what was read.
            at += if at + got == end {
                got
            } else {
                got - (masked.len() - 1)
            };
        }
    }
    count
}

fn secret_key(masked: &[u8]) -> Secret<32> {
    Secret::filled::<LockError>(|bytes| {
        for (byte, masked) in bytes.iter_mut().zip(masked) {
            *byte = masked ^ MASK;
        }
        Ok(())
    })
    .unwrap()
}

/// A request of the device's to this ring, then its masked marker and response secret.
fn ask(kind: &str, kem: u16, ring: &KeyRing) -> [Vec<u8>; 3] {
    let role = format!("{kind} {kem} {}", hex::encode(ring.key_configs()));
    let output = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "residue::device",
            "--nocapture",
            "--test-threads=1",
        ])
        .env(ROLE, role)
        .output()
        .unwrap();
    let output = String::from_utf8(output.stdout).unwrap();
    let line = output
        .lines()
        .find_map(|line| line.strip_prefix("DEVICE "))
        .unwrap();
    [0, 1, 2].map(|part| hex::decode(line.split(' ').nth(part).unwrap()).unwrap())
}

/// One test, for the search reads the whole process and must find no other test's request.
#[test]
fn a57_nothing_of_a_request_is_left() {
    let mut keys = [[0; 32]; 2];
    for masked in &mut keys {
        getrandom::fill(masked).unwrap();
    }
    let ring = KeyRing::from_keys([
        Key {
            key_id: 1,
            kem: Kem::XWing,
            private: secret_key(&keys[0]),
        },
        Key {
            key_id: 2,
            kem: Kem::X25519,
            private: secret_key(&keys[1]),
        },
    ])
    .unwrap();
    let window = ReplayWindow::new(0);
    for (kem, key) in [(KEM_XWING, &keys[0]), (KEM_X25519, &keys[1])] {
        assert_eq!(
            copies(key),
            1,
            "the private key lies in its locked buffer and nowhere else"
        );
        let [request, marker, secret] = ask("whole", kem, &ring);
        let opened = ring.open(&request, &window, 0).ok().unwrap();
        let reply = look_at(&opened, &marker, &secret);
        let (plaintext, sealer) = opened.into_parts();
        drop(plaintext);
        let response = sealer.seal(reply).unwrap();
        assert_eq!(response.len(), 16 + 4096 + 16);
        nothing_is_left(&marker, &secret, key);

        in_chunks(&ring, &window, kem, key);
    }
}

/// After opening, and with the device's marker, a copy of the plaintext as the reply.
fn look_at<S>(opened: &Opened<S>, marker: &[u8], secret: &[u8]) -> Locked {
    assert!(
        copies(marker) >= 127,
        "an opened request is there, so the search finds what is there"
    );
    assert_eq!(
        copies(secret),
        1,
        "the response secret lies in its locked buffer and nowhere else"
    );
    Locked::copy_of(opened.plaintext()).unwrap()
}

fn nothing_is_left(marker: &[u8], secret: &[u8], key: &[u8]) {
    assert_eq!(copies(marker), 0, "plaintext is left");
    assert_eq!(copies(secret), 0, "the response secret is left");
    assert_eq!(copies(key), 1, "the private key was copied");
}

fn in_chunks(ring: &KeyRing, window: &ReplayWindow, kem: u16, key: &[u8]) {
    // Cut off half-way: what was opened until then is gone with the request.
    let [request, marker, secret] = ask(CHUNKED, kem, ring);
    let mut cut = ring.open_chunked();
    for slice in request[..request.len() - 500].chunks(333) {
        cut.push(ring, slice).unwrap();
    }
    assert!(copies(&marker) >= 60, "the first chunks are open");
    assert_eq!(
        cut.finish(window, 0).err(),
        Some(crate::OpenError::CannotOpen),
        "half of the final chunk is there"
    );
    nothing_is_left(&marker, &secret, key);

    // Tampered with half-way: it goes at once.
    let mut changed = request.clone();
    let at = request.len() - 1500;
    changed[at] ^= 1;
    let mut refused = ring.open_chunked();
    assert_eq!(
        refused.push(ring, &changed),
        Err(crate::OpenError::CannotOpen)
    );
    nothing_is_left(&marker, &secret, key);
    drop(refused);

    // Whole, and answered in chunks.
    let mut whole = ring.open_chunked();
    for slice in request.chunks(333) {
        whole.push(ring, slice).unwrap();
    }
    let opened = whole.finish(window, 0).ok().unwrap();
    let reply = look_at(&opened, &marker, &secret);
    let (plaintext, sealer) = opened.into_parts();
    drop(plaintext);
    let (mut sealer, nonce) = sealer.begin().unwrap();
    assert_eq!(copies(&secret), 0, "the response secret was used up");
    let mut sealed = 0;
    let (before, last) = reply.as_slice().split_at(reply.len() - 1000);
    for chunk in before.chunks(1000) {
        sealed += sealer.seal(chunk).unwrap().len();
    }
    let response_key = mask(sealer.keys().key().unwrap());
    assert_eq!(copies(&response_key), 1, "the reply's key lies in its slot");
    sealed += sealer.finish(last).unwrap().len();
    assert_eq!((nonce.len(), sealed), (16, 4096 + 4 * 18 + 17));
    drop(reply);
    assert_eq!(copies(&response_key), 0, "the reply's key is left");
    nothing_is_left(&marker, &secret, key);
}
