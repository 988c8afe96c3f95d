//! Hostile requests inside the seal, made by a foreign implementation: answered like any other, by an error of the same size.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::cast_possible_truncation
)]

use std::time::Duration;

use bytes::Bytes;
use cloister_tests::children::run;
use cloister_tests::seeded::Seeded;
use cloister_tests::stack::HONEST;
use cloister_tests::{Stack, programs, tls};
use http::Request;

const SEED: u64 = 20_261_123;
const PATIENCE: Duration = Duration::from_secs(45);

/// A date as the service wants it inside the seal (RFC 9110 section 5.6.7).
fn now() -> String {
    let date = run(&programs::system("date"), b"", PATIENCE, |command| {
        command
            .env("LC_ALL", "C")
            .args(["-u", "+%a, %d %b %Y %H:%M:%S GMT"]);
    });
    date.out().trim().to_owned()
}

/// A binary HTTP request by the foreign `bhttp` crate.
fn inner(method: &str, path: &str, fields: &[(&str, &str)], content: &[u8]) -> Vec<u8> {
    let mut message = bhttp::Message::request(
        method.into(),
        b"https".to_vec(),
        b"cloister.invalid".to_vec(),
        path.into(),
    );
    for (name, value) in fields {
        message.put_header(*name, *value);
    }
    message.write_content(content);
    let mut bytes = Vec::new();
    message
        .write_bhttp(bhttp::Mode::KnownLength, &mut bytes)
        .unwrap();
    bytes
}

#[test]
fn inside_the_seal() {
    let mut stack = Stack::native(&[]);
    let to = stack.service.address;
    let get = Request::get("https://cloister.invalid/.well-known/ohttp-gateway")
        .body(Bytes::new())
        .unwrap();
    let keys = tls::ask_h2(to, get, PATIENCE)
        .expect("the key configurations")
        .body;
    let date = now();
    let (dated, json) = (
        ("date", date.as_str()),
        ("content-type", "application/json"),
    );
    let summary = |content: &[u8]| inner("POST", "/v1/summaries", &[dated, json], content);
    let mut seeded = Seeded::new(SEED);

    let mut cases: Vec<(Vec<u8>, u16, &str)> = vec![
        (
            summary(HONEST),
            200,
            "control: an honest request by the foreign implementation",
        ),
        (Vec::new(), 400, "nothing"),
        (vec![0], 400, "a framing indicator alone"),
        (vec![9; 300], 400, "an unknown framing indicator"),
        (vec![1; 300], 400, "a response"),
        (seeded.bytes(4096), 400, "random bytes"),
        (summary(HONEST)[..40].to_vec(), 400, "a truncated message"),
        (
            [summary(HONEST), vec![0, 0, 1]].concat(),
            400,
            "padding that is not zero",
        ),
        (summary(b""), 422, "no JSON"),
        (summary(b"{\"text\":"), 422, "JSON that ends"),
        (
            summary(b"{\"text\":\"\xff\"}"),
            422,
            "JSON that is not UTF-8",
        ),
        (
            summary(b"{\"text\":\"a\",\"text\":\"b\"}"),
            422,
            "a member twice",
        ),
        (
            summary(b"{\"text\":\"a\",\"messages\":[]}"),
            422,
            "both forms",
        ),
        (
            summary(b"{\"text\":\"a\",\"model\":\"b\"}"),
            422,
            "an unknown member",
        ),
        (
            summary(b"{\"text\":\"a\",\"length\":0}"),
            422,
            "a length of zero",
        ),
        (
            summary(b"{\"text\":\"a\",\"length\":1e99}"),
            422,
            "a length beyond measure",
        ),
        (
            summary("[".repeat(100_000).as_bytes()),
            422,
            "a hundred thousand brackets",
        ),
        (
            inner("GET", "/v1/summaries", &[dated, json], b""),
            405,
            "GET",
        ),
        (
            inner("POST", "/attest", &[dated, json], HONEST),
            404,
            "an outer route inside",
        ),
        (
            inner(
                "POST",
                "/v1/summaries",
                &[dated, ("content-type", "text/plain")],
                HONEST,
            ),
            415,
            "another type",
        ),
        (
            inner("POST", "/v1/summaries", &[json], HONEST),
            400,
            "no date",
        ),
        (
            inner(
                "POST",
                "/v1/summaries",
                &[json, ("date", "Tue, 15 Nov 1994 12:45:26 GMT")],
                HONEST,
            ),
            400,
            "an old date",
        ),
        (
            inner("POST", "/v1/summaries", &[json, ("date", "soon")], HONEST),
            400,
            "no date at all",
        ),
    ];
    for round in 0..8u64 {
        let mut changed = summary(HONEST);
        let at = seeded.number() as usize % 60;
        changed[at] ^= 0x80 >> (round % 8);
        cases.push((changed, 0, "one bit of an honest message flipped"));
    }

    for (plaintext, status, what) in cases {
        let client = ohttp::ClientRequest::from_encoded_config_list(&keys).unwrap();
        let (sealed, opener) = client.encapsulate(&plaintext).unwrap();
        let request = Request::post("https://cloister.invalid/ohttp")
            .header("content-type", "message/ohttp-req")
            .body(Bytes::from(sealed))
            .unwrap();
        let answer = tls::ask_h2(to, request, PATIENCE)
            .unwrap_or_else(|| panic!("{what} (seed {SEED}): no answer"));
        // RFC 9458 section 5.2: whoever stands between cannot tell a failure inside from an answer.
        assert_eq!(answer.status, 200, "{what} (seed {SEED}): {answer:?}");
        assert_eq!(
            answer.field("content-type"),
            Some("message/ohttp-res"),
            "{what}"
        );
        let reply = opener
            .decapsulate(&answer.body)
            .unwrap_or_else(|error| panic!("{what}: {error:?}"));
        assert_eq!(
            reply.len(),
            4096,
            "{what}: every reply of the lowest rung has one size"
        );
        let reply = bhttp::Message::read_bhttp(&mut std::io::Cursor::new(&reply[..])).unwrap();
        let found = reply.control().status().unwrap().code();
        if status == 0 {
            assert!(
                [200, 400, 404, 405, 415, 422].contains(&found),
                "{what} (seed {SEED}): {found}"
            );
        } else {
            assert_eq!(
                found,
                status,
                "{what}: {}",
                String::from_utf8_lossy(reply.content())
            );
        }
    }
    stack.still_serves("hostile requests inside the seal");
}
