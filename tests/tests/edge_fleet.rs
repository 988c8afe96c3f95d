//! Two machines behind one gateway: the key id that the device chose decides, and a machine that is down gets no session.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::time::{Duration, Instant};

use bytes::Bytes;
use cloister_tests::edge::{Edge, Listeners};
use cloister_tests::folder::Folder;
use cloister_tests::raw::{ask, post};
use cloister_tests::upstream::Upstream;
use cloister_tests::{ports, tls};
use http::Request;

const WHOLE: (&str, &str) = ("Content-Type", "message/ohttp-req");

fn request() -> Request<Bytes> {
    Request::post("https://cloister.invalid/session")
        .body(Bytes::from_static(b"in a session"))
        .unwrap()
}

#[test]
fn the_key_id_alone_names_the_machine() {
    let (folder, other) = (Folder::new(), Folder::new());
    let (one, two) = (
        Upstream::start(folder.path()),
        Upstream::start(other.path()),
    );
    let at = Listeners::free();
    let machines = format!("one={} two={}", one.address(), two.address());
    let settings = [
        ("GATEWAY_MACHINES", machines.as_str()),
        ("GATEWAY_KEYS", "01=one 02=one 7F=two"),
    ];
    let edge = Edge::start(
        folder.path(),
        at,
        at.gateway_session,
        at.gateway_oneshot,
        one.address(),
        &settings,
    );

    for (key, status) in [
        (1, 200),
        (2, 200),
        (0x7f, 200),
        (0x7f, 200),
        (3, 400),
        (0, 400),
    ] {
        for fields in [
            &[WHOLE][..],
            &[
                WHOLE,
                ("X-Cloister-Machine", "one"),
                ("X-Forwarded-Host", "two"),
            ],
        ] {
            assert_eq!(
                ask(at.relay_oneshot, &post("/", fields, &[key; 500])).status,
                status,
                "key id {key}"
            );
        }
    }
    let keys = |machine: &Upstream| {
        machine
            .arrived()
            .iter()
            .map(|arrived| arrived.body[0])
            .collect::<Vec<_>>()
    };
    assert_eq!(keys(&one), [1, 1, 2, 2]);
    assert_eq!(keys(&two), [0x7f; 4]);
    drop(edge);
}

#[test]
fn a_machine_that_is_down_gets_no_session_and_one_that_returns_does() {
    let folder = Folder::new();
    let up = Upstream::start(folder.path());
    let down = ports::free();
    let at = Listeners::free();
    let machines = format!("one={down} two={}", up.address());
    let settings = [
        ("GATEWAY_MACHINES", machines.as_str()),
        ("GATEWAY_KEYS", "01=one 02=two"),
    ];
    let mut edge = Edge::start(
        folder.path(),
        at,
        at.gateway_session,
        at.gateway_oneshot,
        up.address(),
        &settings,
    );
    edge.script()
        .wait_for("session_machines/one is DOWN", Duration::from_secs(20));

    for session in 1..=6 {
        let start = Instant::now();
        let answer = tls::ask_h2(at.relay_session, request(), Duration::from_secs(10));
        assert_eq!(answer.expect("an answer").status, 200, "session {session}");
        assert!(
            start.elapsed() < Duration::from_secs(3),
            "no time is spent on the machine that is down"
        );
    }
    assert_eq!(up.arrived().len(), 6);
    assert_eq!(
        ask(at.relay_oneshot, &post("/", &[WHOLE], &[2; 500])).status,
        200
    );
    let dead = ask(at.relay_oneshot, &post("/", &[WHOLE], &[1; 500]));
    assert_eq!(
        dead.status, 503,
        "a request for the machine that is down goes nowhere else: {dead:?}"
    );

    let returned = Upstream::at(down, folder.path());
    edge.script()
        .wait_for("session_machines/one is UP", Duration::from_secs(20));
    assert_eq!(
        ask(at.relay_oneshot, &post("/", &[WHOLE], &[1; 500])).status,
        200
    );
    assert_eq!(returned.arrived().len(), 1);
}
