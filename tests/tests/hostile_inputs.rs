//! Hostile input of every kind at each listener: an error or a closed connection, no panic, and the next honest request is answered.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::cast_possible_truncation
)]

use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cloister_tests::hostile::{self, Hostile};
use cloister_tests::markers::holds;
use cloister_tests::raw::{Answer, End, read_all, send};
use cloister_tests::seeded::Seeded;
use cloister_tests::stack::HONEST;
use cloister_tests::{Stack, tls};
use http::Request;

const SEED: u64 = 20_261_123;

/// Longer than any patience of relay, gateway and service with a silent peer (the longest is 30 s).
const PATIENCE: Duration = Duration::from_secs(45);

/// All inputs at once, as an attacker would; returns each answer and how the connection ended.
fn storm(to: SocketAddr, inputs: Vec<Hostile>) -> Vec<(Hostile, Vec<u8>, End)> {
    let threads: Vec<_> = inputs
        .into_iter()
        .map(|input| {
            std::thread::spawn(move || {
                let (answer, end) = send(to, &input.bytes, PATIENCE);
                (input, answer, end)
            })
        })
        .collect();
    threads
        .into_iter()
        .map(|thread| thread.join().unwrap())
        .collect()
}

/// What a TLS 1.3 server may say to who is no TLS 1.3 client: nothing, an alert, or (a hello can be honest up to its end) a
/// ServerHello. Never application data in the clear.
fn is_tls_or_silence(answer: &[u8]) -> bool {
    answer.is_empty() || (matches!(answer[0], 0x14..=0x17) && answer.get(1) == Some(&3))
}

#[test]
fn at_every_listener_that_carries_tls() {
    let mut stack = Stack::native(&[("RELAY_IDLE", "20s"), ("GATEWAY_IDLE", "20s")]);
    let at = stack.edge.at;
    for (to, who) in [
        (at.relay_session, "the relay"),
        (at.gateway_session, "the gateway"),
        (stack.service.address, "the service"),
    ] {
        for (input, answer, end) in storm(to, hostile::for_tls(SEED)) {
            assert!(
                is_tls_or_silence(&answer),
                "{who}, {}: {:?}",
                input.name,
                String::from_utf8_lossy(&answer)
            );
            assert_eq!(
                end,
                End::Closed,
                "{who}, {} (seed {SEED}): the connection is held open",
                input.name
            );
            if input.name.starts_with("TLS 1.2") {
                assert_eq!(
                    answer,
                    [0x15, 3, 3, 0, 2, 2, 70],
                    "{who}: the alert protocol_version"
                );
            }
        }
        stack.still_serves(&format!("hostile bytes at {who}"));
    }
}

#[test]
fn at_every_listener_that_carries_http() {
    let mut stack = Stack::native(&[("RELAY_PATIENCE", "3s"), ("GATEWAY_PATIENCE", "3s")]);
    let at = stack.edge.at;
    for (to, who) in [
        (at.relay_oneshot, "the relay"),
        (at.gateway_oneshot, "the gateway"),
    ] {
        for (input, answer, end) in storm(to, hostile::for_http(SEED)) {
            assert_eq!(
                end,
                End::Closed,
                "{who}, {} (seed {SEED}): the connection is held open",
                input.name
            );
            if let Some(answer) = Answer::parse(&answer) {
                assert!(
                    (400..506).contains(&answer.status),
                    "{who}, {}: {answer:?}",
                    input.name
                );
            }
        }
        stack.still_serves(&format!("hostile HTTP at {who}"));
    }
}

#[test]
fn inside_tls_below_http() {
    let mut stack = Stack::native(&[]);
    let to = stack.service.address;
    assert!(
        tls::send_inside(to, b"http/1.1", b"GET /health HTTP/1.1\r\n\r\n", PATIENCE).is_none(),
        "only h2 is spoken"
    );
    let threads: Vec<_> = hostile::inside_h2(SEED)
        .into_iter()
        .map(|input| {
            std::thread::spawn(move || {
                let start = Instant::now();
                let answer = tls::send_inside(to, b"h2", &input.bytes, PATIENCE);
                (input, answer, start.elapsed())
            })
        })
        .collect();
    for thread in threads {
        let (input, answer, took) = thread.join().unwrap();
        let answer = answer.unwrap_or_else(|| panic!("{}: no handshake", input.name));
        assert!(
            !holds(&answer, b"HTTP/1.1"),
            "{}: {:?}",
            input.name,
            String::from_utf8_lossy(&answer)
        );
        assert!(
            took < PATIENCE,
            "{} (seed {SEED}): the connection is held open",
            input.name
        );
    }
    stack.still_serves("hostile HTTP/2");
}

/// The first key's header, as an honest client would begin (RFC 9458 section 4.3): key 1, X-Wing, HKDF-SHA256, AES-128-GCM.
const HEADER: [u8; 7] = [1, 0x64, 0x7a, 0, 1, 0, 1];

/// Method, path, content type, body, the statuses that may answer, and what it is.
type Case = (
    &'static str,
    &'static str,
    &'static str,
    Vec<u8>,
    &'static [u16],
    &'static str,
);

#[test]
fn inside_tls_at_every_route() {
    let mut stack = Stack::native(&[]);
    let to = stack.service.address;
    let mut seeded = Seeded::new(SEED);
    let mut sealed = |header: [u8; 7], length: usize| [&header[..], &seeded.bytes(length)].concat();
    let ohttp = "message/ohttp-req";

    let mut cases: Vec<Case> = vec![
        (
            "POST",
            "/attest",
            "application/octet-stream",
            vec![],
            &[400],
            "no nonce",
        ),
        (
            "POST",
            "/attest",
            "application/octet-stream",
            vec![1; 31],
            &[400],
            "a short nonce",
        ),
        (
            "POST",
            "/attest",
            "application/octet-stream",
            vec![1; 33],
            &[400, 413],
            "a long nonce",
        ),
        (
            "POST",
            "/attest",
            "application/octet-stream",
            vec![1; 1_000_000],
            &[400, 413],
            "a nonce of 1 MB",
        ),
        ("GET", "/attest", ohttp, vec![], &[405], "GET"),
        ("POST", "/health", ohttp, vec![], &[405], "POST"),
        (
            "POST",
            "/.well-known/ohttp-gateway",
            ohttp,
            vec![],
            &[405],
            "POST",
        ),
        (
            "DELETE",
            "/.well-known/cloister-bundle",
            ohttp,
            vec![],
            &[405],
            "DELETE",
        ),
        ("GET", "/ohttp", ohttp, vec![], &[405], "GET"),
        ("POST", "/ohttp", ohttp, vec![], &[400], "nothing"),
        ("POST", "/ohttp", ohttp, vec![1], &[400], "one byte"),
        (
            "POST",
            "/ohttp",
            ohttp,
            HEADER[..6].to_vec(),
            &[400],
            "six bytes of a header",
        ),
        (
            "POST",
            "/ohttp",
            ohttp,
            HEADER.to_vec(),
            &[400],
            "a header alone",
        ),
        (
            "POST",
            "/ohttp",
            ohttp,
            sealed(HEADER, 1119),
            &[400],
            "a truncated share",
        ),
        (
            "POST",
            "/ohttp",
            ohttp,
            sealed(HEADER, 1120),
            &[400],
            "no ciphertext",
        ),
        (
            "POST",
            "/ohttp",
            ohttp,
            sealed(HEADER, 1130),
            &[400],
            "less than a tag",
        ),
        (
            "POST",
            "/ohttp",
            ohttp,
            sealed(HEADER, 1120 + 4112),
            &[400],
            "random bytes under the first key",
        ),
        (
            "POST",
            "/ohttp",
            ohttp,
            sealed([2, 0, 0x20, 0, 1, 0, 1], 32 + 4112),
            &[400],
            "random bytes under the second key",
        ),
        (
            "POST",
            "/ohttp",
            ohttp,
            sealed([0xee, 0x64, 0x7a, 0, 1, 0, 1], 5232),
            &[400],
            "an unknown key id",
        ),
        (
            "POST",
            "/ohttp",
            ohttp,
            sealed([1, 0, 0x20, 0, 1, 0, 1], 5232),
            &[400],
            "another key's KEM",
        ),
        (
            "POST",
            "/ohttp",
            ohttp,
            sealed([1, 0x64, 0x7a, 0, 9, 0, 1], 5232),
            &[400],
            "an unknown KDF",
        ),
        (
            "POST",
            "/ohttp",
            ohttp,
            sealed([1, 0x64, 0x7a, 0, 1, 0xff, 0xff], 5232),
            &[400],
            "the export-only AEAD",
        ),
        (
            "POST",
            "/ohttp",
            ohttp,
            vec![1; 1_100_000],
            &[413],
            "more than the highest rung",
        ),
        (
            "POST",
            "/ohttp",
            "application/json",
            sealed(HEADER, 5232),
            &[415],
            "another type",
        ),
        (
            "POST",
            "/ohttp",
            "message/ohttp-res",
            sealed(HEADER, 5232),
            &[415],
            "the type of replies",
        ),
        (
            "POST",
            "/",
            ohttp,
            sealed(HEADER, 5232),
            &[404],
            "no such route",
        ),
        (
            "POST",
            "/v1/summaries",
            "application/json",
            HONEST.to_vec(),
            &[404],
            "an inner route outside",
        ),
        (
            "POST",
            "/../ohttp",
            ohttp,
            sealed(HEADER, 5232),
            &[404],
            "a path that climbs",
        ),
    ];
    // RFC 9458 section 5.1 and the length rules of HTTP/2.
    cases.push((
        "EXPECT",
        "/ohttp",
        ohttp,
        sealed(HEADER, 5232),
        &[400, 417],
        "Expect: 100-continue",
    ));
    for (method, path, kind, body, statuses, what) in cases {
        let mut request = Request::builder()
            .uri(format!("https://cloister.invalid{path}"))
            .header("content-type", kind);
        request = match method {
            "EXPECT" => request.method("POST").header("expect", "100-continue"),
            method => request.method(method),
        };
        let request = request.body(Bytes::from(body)).unwrap();
        let answer = tls::ask_h2(to, request, PATIENCE)
            .unwrap_or_else(|| panic!("{method} {path}, {what} (seed {SEED}): no answer"));
        assert!(
            statuses.contains(&answer.status),
            "{method} {path}, {what} (seed {SEED}): {answer:?}"
        );
        assert_eq!(
            answer.field("cache-control"),
            Some("no-store"),
            "{method} {path}, {what}: {answer:?}"
        );
    }
    let huge = Request::get("https://cloister.invalid/health")
        .header("x", "a".repeat(100_000))
        .body(Bytes::new());
    if let Some(answer) = tls::ask_h2(to, huge.unwrap(), PATIENCE) {
        assert_eq!(answer.status, 431, "a header of 100 kB: {answer:?}");
    }
    stack.still_serves("hostile requests at every route");
}

#[test]
fn slow_senders_at_the_service_are_cut_while_others_are_served() {
    let mut stack = Stack::native(&[]);
    let to = stack.service.address;
    let hello = hostile::client_hello();
    let slow: Vec<_> = (0..20)
        .map(|_| {
            let mut stream = TcpStream::connect(to).unwrap();
            stream.write_all(&hello[..50]).unwrap();
            let mut dripping = stream.try_clone().unwrap();
            let rest = hello[50..].to_vec();
            // A byte each second is no silence, and still too slow.
            std::thread::spawn(move || {
                for byte in rest {
                    if dripping.write_all(&[byte]).is_err() {
                        return;
                    }
                    std::thread::sleep(Duration::from_secs(1));
                }
            });
            stream
        })
        .collect();
    // Inside TLS: a body that never comes, and a connection that never asks.
    let body = std::thread::spawn(move || {
        let start = Instant::now();
        let mut request = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
        // HEADERS of POST https /attest without END_STREAM, the path as a literal without indexing.
        let head = [&[0x83, 0x87, 0x04, 7][..], b"/attest"].concat();
        request.extend([0, 0, head.len() as u8, 1, 4, 0, 0, 0, 1]);
        request.extend(head);
        let answer = tls::send_inside(to, b"h2", &request, Duration::from_secs(60));
        (answer, start.elapsed())
    });
    let idle = std::thread::spawn(move || {
        let start = Instant::now();
        tls::send_inside(to, b"h2", b"", PATIENCE).expect("a handshake");
        start.elapsed()
    });
    stack.still_serves("slow handshakes began");
    for stream in slow {
        let (_, end) = read_all(&stream, Duration::from_secs(30));
        assert_eq!(end, End::Closed, "a slow handshake is cut");
    }
    assert!(
        idle.join().unwrap() < PATIENCE,
        "a connection that never asks is closed"
    );
    let (answer, _) = body.join().unwrap();
    // The service answers 408 to the stream, or closes; either way something comes before our patience ends.
    assert!(
        answer.is_some_and(|bytes| bytes.len() > 9),
        "a body that never comes is answered"
    );
    stack.still_serves("slow senders");
}
