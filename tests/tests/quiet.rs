//! Row A49 of the list of attacks: nothing of a thread is in any log, console output, error or file of any component.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::net::Ipv4Addr;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use cloister_tests::markers::{holds, holds_address};
use cloister_tests::raw::{post, send};
use cloister_tests::{Stack, tls};
use http::Request;

const DEVICE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 77);

/// One marker for each place where a careless log would take it from. None is in a program's own words.
const MARKERS: [&str; 10] = [
    "Quokkafield",
    "Zyxomma",
    "3021-07-19T04:05",
    "Vexillology",
    "Jabberwhip",
    "Ombrophobe",
    "Kakorrhaph",
    "Tmesisdrop",
    "Umbraculi",
    "Wabblefen",
];

/// Which of the markers `bytes` holds, in any case of letters.
fn found(bytes: &[u8]) -> Vec<&'static str> {
    let lower = bytes.to_ascii_lowercase();
    MARKERS
        .into_iter()
        .filter(|marker| holds(&lower, marker.to_ascii_lowercase().as_bytes()))
        .collect()
}

#[test]
fn nothing_of_a_request_is_in_any_output() {
    let mut stack = Stack::native(&[]);
    let thread = br#"{"messages":[
        {"author":"Zyxomma","time":"3021-07-19T04:05:06Z","text":"Quokkafield: the decision is to meet on Friday at 18:30."},
        {"author":"Ola","time":"3021-07-19T04:06:06Z","text":"I bring the Quokkafield papers, 40 copies."},
        {"author":"Zyxomma","time":"3021-07-19T04:07:06Z","text":"Who brings the Quokkafield key? Ines?"}]}"#;
    assert_eq!(found(thread).len(), 3, "control: the search finds markers");

    let session = stack.ask_in_session(thread, DEVICE, &["-v"]);
    assert_eq!(session.code, 0, "{}", session.err());
    assert!(
        found(&session.stdout).contains(&"Quokkafield"),
        "control: the answer quotes the thread"
    );
    assert_eq!(
        found(&session.stderr),
        [""; 0],
        "the client's trail and progress"
    );
    let one_shot = stack.ask_in_one_shot(thread, DEVICE, &["-v"]);
    assert_eq!(one_shot.code, 0, "{}", one_shot.err());
    assert_eq!(
        found(&one_shot.stderr),
        [""; 0],
        "the client's trail and progress"
    );

    // What the client refuses, it refuses without repeating it.
    for broken in [
        &br#"{"messages":[{"author":"Zyxomma","text":"Quokkafield"#[..],
        br#"{"messages":[{"author":"Zyxomma","text":"Quokkafield","Vexillology":1}]}"#,
        br#"{"messages":[{"author":"Zyxomma","text":7, "time":"3021-07-19T04:05"}]}"#,
        b"{\"text\":\"Quokkafield \xff\"}",
        br#"{"text":"Quokkafield"} Vexillology"#,
    ] {
        let refused = stack.ask_in_session(broken, DEVICE, &[]);
        assert_ne!(refused.code, 0, "{}", refused.out());
        assert!(!refused.stderr.is_empty(), "it says why");
        assert_eq!(found(&refused.stderr), [""; 0], "{}", refused.err());
        assert_eq!(found(&refused.stdout), [""; 0], "{}", refused.out());
    }

    // Malformed requests at every listener, with a marker wherever one fits.
    let at = stack.edge.at;
    let head = [
        ("User-Agent", "Jabberwhip"),
        ("Cookie", "Ombrophobe=1"),
        ("Content-Type", "message/ohttp-req"),
    ];
    let mut bodies: Vec<Vec<u8>> = vec![
        b"\x01Kakorrhaph".to_vec(),
        b"\xeeKakorrhaph".to_vec(),
        Vec::new(),
    ];
    // The shape of a sealed request under the first key, with words where ciphertext belongs.
    bodies.push([&[1, 0x64, 0x7a, 0, 1, 0, 1][..], &b"Kakorrhaph".repeat(200)].concat());
    for to in [at.relay_oneshot, at.gateway_oneshot] {
        for body in &bodies {
            send(
                to,
                &post("/ohttp?Tmesisdrop", &head, body),
                Duration::from_secs(10),
            );
            send(
                to,
                &post("/Umbraculi/../ohttp", &head, body),
                Duration::from_secs(10),
            );
        }
        send(
            to,
            b"GET /Umbraculi HTTP/1.1\r\nHost: Wabblefen\r\n\r\n",
            Duration::from_secs(2),
        );
        send(
            to,
            b"Wabblefen / HTTP/9.9\r\nUmbraculi\r\n\r\n",
            Duration::from_secs(2),
        );
    }
    for to in [at.relay_session, at.gateway_session, stack.service.address] {
        send(
            to,
            b"GET /Umbraculi HTTP/1.1\r\nHost: Wabblefen\r\n\r\n",
            Duration::from_secs(2),
        );
    }
    for body in bodies {
        for path in [
            "/ohttp?Tmesisdrop",
            "/attest",
            "/Umbraculi",
            "/health?Wabblefen",
        ] {
            let request = Request::post(format!("https://Vexillology.invalid{path}"))
                .header("user-agent", "Jabberwhip")
                .header("cookie", "Ombrophobe")
                .header("content-type", "message/ohttp-req")
                .body(Bytes::from(body.clone()))
                .unwrap();
            let answer = tls::ask_h2(stack.service.address, request, Duration::from_secs(10))
                .expect("an answer");
            assert_eq!(
                found(&answer.body),
                [""; 0],
                "{path}: an error repeats the request"
            );
            for (name, value) in &answer.fields {
                assert_eq!(
                    found(value.as_bytes()),
                    [""; 0],
                    "{path}: {name} repeats the request"
                );
            }
        }
    }

    let asked = stack.ask_in_session(thread, DEVICE, &[]);
    assert_eq!(asked.code, 0, "everything still runs: {}", asked.err());
    let outputs = stack.outputs();
    assert!(
        holds(&outputs, b"listening"),
        "control: the outputs are read"
    );
    assert_eq!(
        found(&outputs),
        [""; 0],
        "{}",
        String::from_utf8_lossy(&outputs)
    );
    assert!(
        !holds(&outputs, DEVICE.to_string().as_bytes()),
        "{}",
        String::from_utf8_lossy(&outputs)
    );
    assert!(!holds_address(&outputs, DEVICE));
    no_file_holds_a_marker(stack.file("").as_path());
}

/// Logs, configurations, temporary files: everything that any component has written below the test's folder.
fn no_file_holds_a_marker(folder: &Path) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let kind = entry.file_type().unwrap();
        if kind.is_dir() {
            no_file_holds_a_marker(&entry.path());
        } else if kind.is_file() {
            let bytes = std::fs::read(entry.path()).unwrap();
            assert_eq!(found(&bytes), [""; 0], "{}", entry.path().display());
        }
    }
}
