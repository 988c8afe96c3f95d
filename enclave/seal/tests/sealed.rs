//! Opening and sealing with the `ohttp` crate as the device, and everything that must not open.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

#[macro_use]
mod lacks;

use cloister_memory::Locked;
use cloister_seal::{KeyRing, MAX_ENCAPSULATED, OpenError, Opened, ReplayWindow, ReplySealer};
use cloister_wire::keyconfig::{
    AEAD_AES128GCM, AEAD_CHACHA20POLY1305, KEM_X25519, KEM_XWING, KeyConfigs,
};
use cloister_wire::pad;
use ohttp::{ClientRequest, ClientResponse};

const NOW: u64 = 1_795_435_200;
const SUITES: [(u16, u16); 4] = [
    (KEM_XWING, AEAD_AES128GCM),
    (KEM_XWING, AEAD_CHACHA20POLY1305),
    (KEM_X25519, AEAD_AES128GCM),
    (KEM_X25519, AEAD_CHACHA20POLY1305),
];

/// A request sealed by the other implementation under the given algorithms.
fn foreign(ring: &KeyRing, (kem, aead): (u16, u16), plaintext: &[u8]) -> (Vec<u8>, ClientResponse) {
    ohttp::init();
    let configs = KeyConfigs::decode(ring.key_configs()).unwrap();
    let mut config = configs
        .as_slice()
        .iter()
        .find(|config| config.kem == kem)
        .unwrap()
        .clone();
    // It takes the first pair that it knows, so it is offered one.
    config.suites.retain(|suite| suite.aead == aead);
    let client = ClientRequest::from_encoded_config(&config.encode().unwrap()).unwrap();
    client.encapsulate(plaintext).unwrap()
}

fn refusal(ring: &KeyRing, window: &ReplayWindow, request: &[u8]) -> Option<OpenError> {
    ring.open(request, window, NOW).err()
}

#[test]
fn the_key_configurations_are_read_by_the_other_implementation() {
    let ring = KeyRing::generate().unwrap();
    ohttp::init();
    let theirs = ohttp::KeyConfig::decode_list(ring.key_configs()).unwrap();
    assert_eq!(theirs.len(), 2);
    let ours = KeyConfigs::decode(ring.key_configs()).unwrap();
    let kems: Vec<_> = ours
        .as_slice()
        .iter()
        .map(|config| (config.key_id, config.kem))
        .collect();
    assert_eq!(kems, [(1, KEM_XWING), (2, KEM_X25519)]);
    for config in ours.as_slice() {
        let suites: Vec<_> = config
            .suites
            .iter()
            .map(|suite| (suite.kdf, suite.aead))
            .collect();
        assert_eq!(suites, [(1, AEAD_AES128GCM), (1, AEAD_CHACHA20POLY1305)]);
    }
}

#[test]
fn the_other_implementation_is_understood_and_understands() {
    let ring = KeyRing::generate().unwrap();
    let window = ReplayWindow::new(NOW);
    for suite in SUITES {
        for length in [0, 1, 4096, pad::HIGHEST] {
            let question: Vec<u8> = (0..=250).cycle().take(length).collect();
            let (request, response) = foreign(&ring, suite, &question);
            let opened = ring
                .open(&request, &window, NOW)
                .expect("a sealed request opens");
            assert!(opened.plaintext() == question);
            let (plaintext, sealer) = opened.into_parts();
            assert_eq!(
                plaintext.capacity(),
                length.max(1),
                "no more memory than the plaintext needs"
            );
            let reply = sealer.seal(plaintext).unwrap();
            assert!(response.decapsulate(&reply).unwrap() == question);
        }
    }
}

#[test]
fn a_reply_is_for_its_request_alone() {
    let ring = KeyRing::generate().unwrap();
    let window = ReplayWindow::new(NOW);
    for suite in SUITES {
        let (one, _) = foreign(&ring, suite, b"one");
        let (_, two_response) = foreign(&ring, suite, b"one");
        let (plaintext, sealer) = ring.open(&one, &window, NOW).ok().unwrap().into_parts();
        assert!(
            two_response
                .decapsulate(&sealer.seal(plaintext).unwrap())
                .is_err()
        );
    }
}

#[test]
fn a42_another_ring_opens_nothing() {
    let (ring, other) = (KeyRing::generate().unwrap(), KeyRing::generate().unwrap());
    assert!(ring.key_configs() != other.key_configs());
    let window = ReplayWindow::new(NOW);
    for suite in SUITES {
        let (request, _) = foreign(&ring, suite, b"text");
        assert_eq!(
            refusal(&other, &window, &request),
            Some(OpenError::CannotOpen)
        );
        assert_eq!(
            refusal(&ring, &window, &request),
            None,
            "what did not open was not remembered"
        );
    }
}

#[test]
fn no_request_opens_twice() {
    let ring = KeyRing::generate().unwrap();
    let window = ReplayWindow::new(NOW);
    for suite in SUITES {
        let (request, _) = foreign(&ring, suite, b"text");
        assert_eq!(refusal(&ring, &window, &request), None);
        assert_eq!(refusal(&ring, &window, &request), Some(OpenError::Replayed));
    }
}

#[test]
fn a_full_window_opens_nothing() {
    let ring = KeyRing::generate().unwrap();
    let window = ReplayWindow::with_capacity(NOW, 1);
    let (one, _) = foreign(&ring, SUITES[2], b"text");
    let (two, _) = foreign(&ring, SUITES[2], b"text");
    assert_eq!(refusal(&ring, &window, &one), None);
    assert_eq!(refusal(&ring, &window, &two), Some(OpenError::WindowFull));
}

#[test]
fn the_date_is_checked_against_the_admission() {
    let ring = KeyRing::generate().unwrap();
    let window = ReplayWindow::new(NOW);
    let (request, _) = foreign(&ring, SUITES[0], b"text");
    let admitted = ring
        .open(&request, &window, NOW + 10)
        .ok()
        .unwrap()
        .admitted();
    assert!(admitted.admit_date(NOW).is_ok());
    assert!(admitted.admit_date(NOW + 310).is_ok());
    assert!(admitted.admit_date(NOW + 311).is_err());
    assert!(admitted.admit_date(NOW - 1).is_ok());
}

#[test]
fn every_truncation_is_refused() {
    let ring = KeyRing::generate().unwrap();
    let window = ReplayWindow::new(NOW);
    for suite in [SUITES[0], SUITES[3]] {
        let (request, _) = foreign(&ring, suite, b"text");
        let tag_complete = request.len() - 4;
        for end in (0..request.len()).step_by(if suite.0 == KEM_XWING { 13 } else { 1 }) {
            let expected = if end < tag_complete {
                OpenError::Truncated
            } else {
                OpenError::CannotOpen
            };
            assert_eq!(
                refusal(&ring, &window, &request[..end]),
                Some(expected),
                "cut to {end}"
            );
        }
        assert_eq!(
            refusal(&ring, &window, &[&request[..], &[0]].concat()),
            Some(OpenError::CannotOpen)
        );
        assert_eq!(refusal(&ring, &window, &request), None);
    }
    assert_eq!(
        refusal(&ring, &window, &vec![0; MAX_ENCAPSULATED + 1]),
        Some(OpenError::TooLarge)
    );
}

#[test]
fn every_flipped_bit_is_refused() {
    let ring = KeyRing::generate().unwrap();
    let window = ReplayWindow::new(NOW);
    for suite in [SUITES[0], SUITES[3]] {
        let (mut request, _) = foreign(&ring, suite, b"text");
        // Every bit of header and ciphertext; of the encapsulated key every bit of X25519's and one per 16 bytes of X-Wing's.
        for at in 0..request.len() {
            let thin = suite.0 == KEM_XWING && (7..7 + 1120).contains(&at);
            for bit in 0..8 {
                if thin && (at % 16 != 0 || bit != 3) {
                    continue;
                }
                request[at] ^= 1 << bit;
                let expected: &[OpenError] = match at {
                    0..=2 => &[OpenError::UnknownKey],
                    3..=6 => &[OpenError::UnsupportedSuite, OpenError::CannotOpen],
                    // The highest bit of an X25519 key is ignored (RFC 7748 section 5), and bound by HPKE all the same.
                    _ => &[OpenError::CannotOpen],
                };
                let found = refusal(&ring, &window, &request);
                assert!(
                    found.is_some_and(|error| expected.contains(&error)),
                    "byte {at} bit {bit}: {found:?}"
                );
                request[at] ^= 1 << bit;
            }
        }
        assert_eq!(refusal(&ring, &window, &request), None);
    }
}

#[test]
fn the_header_is_bound_to_the_seal() {
    // The same key, another AEAD than the one it was sealed with: known here, and refused by the seal alone.
    let ring = KeyRing::generate().unwrap();
    let window = ReplayWindow::new(NOW);
    let (mut request, _) = foreign(&ring, (KEM_X25519, AEAD_AES128GCM), b"text");
    request[6] = 3;
    assert_eq!(
        refusal(&ring, &window, &request),
        Some(OpenError::CannotOpen)
    );
    request[6] = 2;
    assert_eq!(
        refusal(&ring, &window, &request),
        Some(OpenError::UnsupportedSuite)
    );
    request[4] = 2;
    assert_eq!(
        refusal(&ring, &window, &request),
        Some(OpenError::UnsupportedSuite)
    );
    // Key id 1 is X-Wing's: with X25519 there is no such key.
    request[0] = 1;
    assert_eq!(
        refusal(&ring, &window, &request),
        Some(OpenError::UnknownKey)
    );
}

#[test]
fn random_bytes_open_nothing() {
    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestRunner};
    let ring = KeyRing::generate().unwrap();
    let window = ReplayWindow::new(NOW);
    let header = prop::sample::select(vec![
        [1, 0x64, 0x7a, 0, 1, 0, 1],
        [2, 0, 0x20, 0, 1, 0, 3],
        [9; 7],
    ]);
    let mut runner = TestRunner::new(Config {
        cases: 48,
        failure_persistence: None,
        ..Config::default()
    });
    runner
        .run(
            &(header, prop::collection::vec(any::<u8>(), 0..1400)),
            |(header, body)| {
                prop_assert!(
                    ring.open(&[&header[..], &body].concat(), &window, NOW)
                        .is_err()
                );
                prop_assert!(ring.open(&body, &window, NOW).is_err());
                Ok(())
            },
        )
        .unwrap();
}

#[test]
fn errors_say_nothing_of_the_request() {
    // An error is a bare word: no variant can carry a byte, and the words are fixed.
    assert_eq!(size_of::<OpenError>(), 1);
    let ring = KeyRing::generate().unwrap();
    let window = ReplayWindow::new(NOW);
    let (mut request, _) = foreign(&ring, SUITES[2], b"Sesame");
    let last = request.len() - 1;
    request[last] ^= 1;
    let error = refusal(&ring, &window, &request).unwrap();
    let text = format!("{error} {error:?}");
    assert!(!text.contains("Sesame") && !text.contains(&hex::encode(&request[7..15])));
}

assert_lacks!(KeyRing: core::fmt::Debug, core::fmt::Display, Clone);
assert_lacks!(Opened: core::fmt::Debug, core::fmt::Display, Clone);
assert_lacks!(ReplySealer: core::fmt::Debug, core::fmt::Display, Clone);
assert_lacks!(ReplayWindow: core::fmt::Debug, core::fmt::Display, Clone);
assert_lacks!(Locked: core::fmt::Debug, core::fmt::Display, Clone);

#[test]
fn they_may_move_between_threads() {
    fn sendable<T: Send>() {}
    fn shareable<T: Send + Sync>() {}
    shareable::<KeyRing>();
    shareable::<ReplayWindow>();
    sendable::<Opened>();
    sendable::<ReplySealer>();
}

#[test]
fn many_threads_let_a_request_in_once() {
    let ring = KeyRing::generate().unwrap();
    let window = ReplayWindow::new(NOW);
    let (request, _) = foreign(&ring, SUITES[2], b"text");
    let opened: usize = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| usize::from(ring.open(&request, &window, NOW).is_ok())))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .sum()
    });
    assert_eq!(opened, 1);
}
