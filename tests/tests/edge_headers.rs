//! What passes relay and gateway on the one-shot way, seen from a false machine behind both: the body, its length and its type.
//! Rows A40 and A50 of the list of attacks: outer metadata steers nothing, and each configured limit is really hit.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::net::Ipv4Addr;
use std::time::Duration;

use cloister_tests::edge::{Edge, GATEWAY_ADDRESS, Listeners, RELAY_ADDRESS};
use cloister_tests::folder::Folder;
use cloister_tests::markers::{holds, holds_address};
use cloister_tests::oneshot::{WHOLE, Way, sealed};
use cloister_tests::raw::{Answer, ask, ask_from, post, send};
use cloister_tests::tap::Tap;
use cloister_tests::upstream::{ANSWER, Arrived, MARKING, Upstream};

/// What a browser, a proxy or a spy might add.
const TELLING: [(&str, &str); 16] = [
    ("User-Agent", "TellTale/4711"),
    ("Cookie", "session=telltale4711"),
    ("Authorization", "Bearer telltale4711"),
    ("X-Forwarded-For", "198.51.100.77"),
    ("X-Real-IP", "198.51.100.77"),
    ("Forwarded", "for=198.51.100.77"),
    ("Via", "1.1 telltale4711"),
    ("Accept-Language", "tlh-telltale4711"),
    ("Accept-Encoding", "gzip"),
    ("Referer", "https://telltale4711.example/"),
    ("Origin", "https://telltale4711.example"),
    ("DNT", "1"),
    ("Traceparent", "00-telltale4711-01"),
    ("X-Cloister-Route", "telltale4711"),
    ("X-HTTP-Method-Override", "GET"),
    ("Priority", "u=1"),
];

fn is_only(arrived: &Arrived, body: &[u8], peer: std::net::IpAddr) {
    let mut names: Vec<_> = arrived
        .fields
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    names.sort_unstable();
    assert!(
        names
            .iter()
            .all(|name| ["content-length", "content-type", "host"].contains(name)),
        "only length and type arrive: {:?}",
        arrived.fields
    );
    assert!(
        arrived.line.starts_with("POST ") && arrived.line.ends_with("/ohttp"),
        "{}",
        arrived.line
    );
    assert!(!arrived.line.contains('?'), "{}", arrived.line);
    for (name, value) in &arrived.fields {
        match name.as_str() {
            "content-type" => assert_eq!(value, "message/ohttp-req"),
            "content-length" => assert_eq!(*value, body.len().to_string()),
            _ => assert_eq!(value, "cloister"),
        }
    }
    assert_eq!(arrived.body, body);
    assert_eq!(arrived.peer.ip(), peer);
}

#[test]
fn no_header_and_no_address_of_the_device_passes() {
    let way = Way::open(&[]);
    let before = Tap::before(way.edge.at.relay_oneshot);
    let body = sealed(5000);
    let mut fields = vec![WHOLE];
    fields.extend(TELLING);
    let device = Ipv4Addr::new(127, 0, 0, 77);
    let answer = ask_from(
        device,
        before.address(),
        &post("/ohttp?device=telltale4711", &fields, &body),
    );
    assert_eq!((answer.status, answer.body.as_slice()), (200, ANSWER));
    assert_eq!(
        before.records()[0].peer.ip(),
        device,
        "control: the relay's side sees the device"
    );
    let answer = ask_from(
        device,
        way.edge.at.relay_oneshot,
        &post("/", &fields, &body),
    );
    assert_eq!((answer.status, answer.body.as_slice()), (200, ANSWER));

    let arrived = way.machine.arrived();
    assert_eq!(arrived.len(), 2);
    for request in &arrived {
        is_only(request, &body, GATEWAY_ADDRESS);
    }
    let wire = way.wire.bytes();
    assert!(
        !holds_address(&wire, device),
        "the device's address on the wire from relay to gateway"
    );
    assert!(
        holds(&wire, b"message/ohttp-req"),
        "the tap saw the request"
    );
    for marker in ["elltale", "198.51.100.77", "TellTale", "tlh-"] {
        assert!(
            !holds(&wire, marker.as_bytes()),
            "{marker} on the wire from relay to gateway"
        );
        assert!(
            holds(&before.bytes(), marker.as_bytes()),
            "control: {marker} is seen before the relay"
        );
    }
    for record in way.wire.records() {
        assert_eq!(
            record.peer.ip(),
            RELAY_ADDRESS,
            "the gateway sees the relay"
        );
    }
}

#[test]
fn the_gateway_alone_strips_just_as_much() {
    let way = Way::open(&[]);
    let body = sealed(5000);
    let mut fields = vec![WHOLE];
    fields.extend(TELLING);
    let answer = ask(
        way.edge.at.gateway_oneshot,
        &post("/ohttp?device=telltale4711", &fields, &body),
    );
    assert_eq!((answer.status, answer.body.as_slice()), (200, ANSWER));
    is_only(&way.only(), &body, GATEWAY_ADDRESS);
    unmarked(&answer);
}

#[test]
fn the_answer_brings_no_header_that_could_mark_a_device() {
    let way = Way::open(&[]);
    let answer = ask(
        way.edge.at.relay_oneshot,
        &post("/", &[WHOLE], &sealed(300)),
    );
    assert_eq!((answer.status, answer.body.as_slice()), (200, ANSWER));
    unmarked(&answer);
    assert_eq!(answer.field("content-type"), Some("message/ohttp-res"));
    only_known_fields(&answer);
}

#[test]
fn the_relay_alone_strips_the_answer_of_a_hostile_gateway() {
    let folder = Folder::new();
    let gateway = Upstream::start(folder.path());
    let pem = folder
        .path()
        .join("upstream.pem")
        .to_str()
        .unwrap()
        .to_owned();
    let both = folder.path().join("both.pem");
    let key = std::fs::read(folder.path().join("upstream.key")).unwrap();
    std::fs::write(&both, [std::fs::read(&pem).unwrap(), key].concat()).unwrap();
    let at = Listeners::free();
    let settings = [
        ("GATEWAY_SCHEME", "https"),
        ("GATEWAY_NAME", "upstream"),
        ("GATEWAY_AUTHORITY", pem.as_str()),
        ("GATEWAY_CERTIFICATE", both.to_str().unwrap()),
    ];
    let _edge = Edge::start(
        folder.path(),
        at,
        at.gateway_session,
        gateway.address(),
        gateway.address(),
        &settings,
    );
    let answer = ask(at.relay_oneshot, &post("/", &[WHOLE], &sealed(300)));
    assert_eq!((answer.status, answer.body.as_slice()), (200, ANSWER));
    assert_eq!(gateway.arrived().len(), 1);
    unmarked(&answer);
    only_known_fields(&answer);
}

fn only_known_fields(answer: &Answer) {
    let allowed = [
        "date",
        "content-type",
        "content-length",
        "transfer-encoding",
        "connection",
        "cache-control",
    ];
    for (name, _) in &answer.fields {
        assert!(
            allowed.contains(&name.as_str()),
            "{name} in {:?}",
            answer.fields
        );
    }
}

fn unmarked(answer: &Answer) {
    for (name, _) in MARKING {
        assert!(
            answer.field(name).is_none(),
            "{name} in {:?}",
            answer.fields
        );
    }
    assert!(
        !answer
            .fields
            .iter()
            .any(|(_, value)| value.contains("4711")),
        "{:?}",
        answer.fields
    );
    assert_eq!(answer.field("cache-control"), Some("no-store"));
}

#[test]
fn what_is_no_sealed_request_is_refused_with_4xx() {
    let way = Way::open(&[]);
    let at = way.edge.at;
    for (to, who) in [(at.relay_oneshot, "relay"), (at.gateway_oneshot, "gateway")] {
        let close = "Host: relay.example\r\nConnection: close\r\n";
        for method in ["GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE"] {
            let request = format!(
                "{method} /ohttp HTTP/1.1\r\n{close}Content-Type: message/ohttp-req\r\n\r\n"
            );
            way.refuses(to, request.as_bytes(), 405, &format!("{who}: {method}"));
        }
        for path in [
            "/ohttp/",
            "/ohttpx",
            "/attest",
            "/health",
            "/.well-known/ohttp-gateway",
            "/x/..%2fattest",
            "/.whole",
        ] {
            way.refuses(
                to,
                &post(path, &[WHOLE], &sealed(300)),
                404,
                &format!("{who}: {path}"),
            );
        }
        for kind in [
            "application/json",
            "message/ohttp-res",
            "message/ohttp-req; device=4711",
            "text/plain",
        ] {
            way.refuses(
                to,
                &post("/ohttp", &[("Content-Type", kind)], &sealed(300)),
                415,
                &format!("{who}: {kind}"),
            );
        }
        way.refuses(
            to,
            &post("/ohttp", &[], &sealed(300)),
            415,
            &format!("{who}: no type"),
        );
        way.refuses(
            to,
            &post("/ohttp", &[WHOLE], &sealed(1_200_000)),
            413,
            &format!("{who}: 1.2 MB"),
        );
    }
    let unknown = post("/ohttp", &[WHOLE], &[0xee; 300]);
    way.refuses(
        at.gateway_oneshot,
        &unknown,
        400,
        "gateway: a key id that no machine has",
    );
    let answer = ask(at.relay_oneshot, &unknown);
    assert_eq!(
        (answer.status, answer.field("content-type")),
        (400, Some("application/problem+json"))
    );
    assert!(
        holds(&answer.body, b"http-problem-types#ohttp-key"),
        "RFC 9458 section 5.3"
    );
    way.refuses(
        at.gateway_oneshot,
        &post("/ohttp", &[WHOLE], b""),
        400,
        "gateway: no key id at all",
    );

    let answer = ask(
        at.relay_oneshot,
        &post("/ohttp", &[WHOLE], &sealed(1_049_719)),
    );
    assert_eq!(
        answer.status, 200,
        "the largest rung of the ladder still passes"
    );
}

#[test]
fn outer_headers_steer_nothing() {
    let way = Way::open(&[]);
    let steering = [
        WHOLE,
        ("X-Original-URL", "/attest"),
        ("X-Rewrite-URL", "/attest"),
        ("X-Accel-Redirect", "/.chunked"),
        ("X-Forwarded-Host", "other.example"),
        ("X-Forwarded-Proto", "http"),
        ("Connection", "Content-Type"),
        ("Upgrade", "h2c"),
    ];
    let body = sealed(300);
    let answer = ask(way.edge.at.relay_oneshot, &post("/", &steering, &body));
    assert_eq!(answer.status, 200);
    is_only(&way.only(), &body, GATEWAY_ADDRESS);
}

#[test]
fn two_lengths_or_a_second_request_in_the_body_are_not_smuggled() {
    let way = Way::open(&[]);
    let inner = post("/ohttp", &[WHOLE], &sealed(64));
    for to in [way.edge.at.relay_oneshot, way.edge.at.gateway_oneshot] {
        let head = "POST /ohttp HTTP/1.1\r\nHost: a\r\nContent-Type: message/ohttp-req\r\n";
        for lengths in [
            "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "Content-Length: 1\r\nContent-Length: 2\r\n\r\n\u{1}",
            "Transfer-Encoding: xchunked\r\n\r\n\u{1}",
            "Content-Length: -1\r\n\r\n\u{1}",
            "Content-Length : 1\r\n\r\n\u{1}",
        ] {
            let mut request = format!("{head}{lengths}").into_bytes();
            request.extend_from_slice(&inner);
            let before = way.machine.arrived().len();
            let (bytes, _) = send(to, &request, Duration::from_secs(5));
            let answer = Answer::parse(&bytes).unwrap_or_else(|| panic!("{lengths:?}: no answer"));
            assert!(
                (400..502).contains(&answer.status),
                "{lengths:?}: {answer:?}"
            );
            assert_eq!(
                way.machine.arrived().len(),
                before,
                "{lengths:?}: nothing reaches the machine"
            );
        }
    }
}
