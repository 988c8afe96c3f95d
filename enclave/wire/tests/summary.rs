//! Summary requests and replies: what is read, what is refused, and where the texts end up.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use cloister_wire::summary::{
    Answer, Full, Highlight, Keep, MAX_AUTHOR, MAX_MESSAGES, Message, Source, Style, SummaryError,
    SummaryReply, SummaryRequest,
};
use proptest::prelude::*;
use std::cell::Cell;

/// Keeps texts for as long as the test runs, and counts them.
#[derive(Default)]
struct Kept(Cell<usize>);

impl Keep for Kept {
    fn keep(&self, text: &str) -> Result<&str, Full> {
        self.0.set(self.0.get() + 1);
        Ok(Box::leak(text.to_owned().into_boxed_str()))
    }
}

struct NoRoom;

impl Keep for NoRoom {
    fn keep(&self, _text: &str) -> Result<&str, Full> {
        Err(Full)
    }
}

fn refusal(json: &str) -> Option<SummaryError> {
    SummaryRequest::decode(json.as_bytes(), &Kept::default()).err()
}

#[test]
fn a_thread_is_read_in_place() {
    let json = br#" {"messages":[{"author":"Ann","time":"10:00","text":"hello"},{"text":"hi \"Ann\"","author":""}],"length":20,"style":"prose"} "#;
    let kept = Kept::default();
    let request = SummaryRequest::decode(json, &kept).unwrap();
    assert!(request.length == 20 && request.style == Style::Prose);
    let Source::Messages(messages) = request.source else {
        panic!("a thread is a thread")
    };
    assert!(
        messages[0]
            == Message {
                author: "Ann",
                time: Some("10:00"),
                text: "hello"
            }
    );
    assert!(
        messages[1]
            == Message {
                author: "",
                time: None,
                text: "hi \"Ann\""
            }
    );
    assert_eq!(kept.0.get(), 1, "only the text with escapes is copied");
    let inside = |text: &str| json.as_ptr_range().contains(&text.as_ptr());
    assert!(inside(messages[0].author) && inside(messages[0].text));
    assert!(!inside(messages[1].text));
}

#[test]
fn plain_text_and_defaults() {
    let kept = Kept::default();
    let request = SummaryRequest::decode(br#"{"text":"\u00e9"}"#, &kept).ok();
    assert!(request.is_some_and(|request| {
        request.length == 5
            && request.style == Style::Bullets
            && request.source == Source::Text("é")
    }));
    assert_eq!(refusal(r#"{"messages":[]}"#), None);
}

#[test]
fn everything_else_is_refused_for_its_reason() {
    let many = |count| {
        format!(
            r#"{{"messages":[{}]}}"#,
            vec![r#"{"author":"","text":""}"#; count].join(",")
        )
    };
    let author = |bytes| {
        format!(
            r#"{{"messages":[{{"author":"{}","text":""}}]}}"#,
            "a".repeat(bytes)
        )
    };
    let time = |bytes| {
        format!(
            r#"{{"messages":[{{"author":"","text":"","time":"{}"}}]}}"#,
            "1".repeat(bytes)
        )
    };
    for (json, expected) in [
        ("", Some(SummaryError::NotJson)),
        ("{", Some(SummaryError::NotJson)),
        ("[]", Some(SummaryError::Shape)),
        ("null", Some(SummaryError::Shape)),
        (r#""text""#, Some(SummaryError::Shape)),
        ("{}", Some(SummaryError::Missing)),
        ("\u{feff}{\"text\":\"\"}", Some(SummaryError::NotJson)),
        (r#"{"text":""}x"#, Some(SummaryError::NotJson)),
        (r#"{"text":""}{"text":""}"#, Some(SummaryError::NotJson)),
        (r#"{"text":"",}"#, Some(SummaryError::NotJson)),
        ("{\"text\":\"a\nb\"}", Some(SummaryError::NotJson)),
        (r#"{"text":"\ud800"}"#, Some(SummaryError::NotJson)),
        (r#"{"text":null}"#, Some(SummaryError::Shape)),
        (r#"{"text":5}"#, Some(SummaryError::Shape)),
        (r#"{"text":"","text":""}"#, Some(SummaryError::Duplicate)),
        (
            r#"{"text":"","t\u0065xt":""}"#,
            Some(SummaryError::Duplicate),
        ),
        (
            r#"{"text":"","length":5,"length":5}"#,
            Some(SummaryError::Duplicate),
        ),
        (r#"{"text":"","messages":[]}"#, Some(SummaryError::Sources)),
        (r#"{"text":"","lang":"en"}"#, Some(SummaryError::Unknown)),
        (r#"{"text":"","author":"a"}"#, Some(SummaryError::Unknown)),
        (r#"{"text":"","length":0}"#, Some(SummaryError::Length)),
        (r#"{"text":"","length":21}"#, Some(SummaryError::Length)),
        (r#"{"text":"","length":-1}"#, Some(SummaryError::Length)),
        (r#"{"text":"","length":5.0}"#, Some(SummaryError::Length)),
        (r#"{"text":"","length":"5"}"#, Some(SummaryError::Shape)),
        (r#"{"text":"","style":"poem"}"#, Some(SummaryError::Style)),
        (r#"{"text":"","style":1}"#, Some(SummaryError::Shape)),
        (r#"{"messages":{}}"#, Some(SummaryError::Shape)),
        (r#"{"messages":["hello"]}"#, Some(SummaryError::Shape)),
        (
            r#"{"messages":[{"author":"a"}]}"#,
            Some(SummaryError::Missing),
        ),
        (
            r#"{"messages":[{"text":"a"}]}"#,
            Some(SummaryError::Missing),
        ),
        (
            r#"{"messages":[{"author":"a","text":"b","time":null}]}"#,
            Some(SummaryError::Shape),
        ),
        (
            r#"{"messages":[{"author":"a","text":"b","text":"c"}]}"#,
            Some(SummaryError::Duplicate),
        ),
        (
            r#"{"messages":[{"author":"a","text":"b","id":1}]}"#,
            Some(SummaryError::Unknown),
        ),
        (
            r#"{"messages":[{"author":"a","text":"b","style":"prose"}]}"#,
            Some(SummaryError::Unknown),
        ),
        (&many(MAX_MESSAGES), None),
        (&many(MAX_MESSAGES + 1), Some(SummaryError::TooManyMessages)),
        (&author(MAX_AUTHOR), None),
        (&author(MAX_AUTHOR + 1), Some(SummaryError::AuthorTooLong)),
        (&time(64), None),
        (&time(65), Some(SummaryError::TimeTooLong)),
    ] {
        assert_eq!(
            refusal(json),
            expected,
            "{}",
            json.get(..80).unwrap_or(json)
        );
    }
    let not_utf8 = SummaryRequest::decode(b"{\"text\":\"\xff\"}", &Kept::default()).err();
    assert_eq!(not_utf8, Some(SummaryError::NotJson));
    let deep = SummaryRequest::decode(&vec![b'['; 100_000], &Kept::default()).err();
    assert_eq!(deep, Some(SummaryError::Shape));
}

#[test]
fn a_full_store_refuses_the_request() {
    let full = SummaryRequest::decode(br#"{"text":"a\tb"}"#, &NoRoom).err();
    assert_eq!(full, Some(SummaryError::Full));
    assert!(
        SummaryRequest::decode(br#"{"text":"a b"}"#, &NoRoom).is_ok(),
        "no escapes, no copy"
    );
}

#[test]
fn errors_repeat_nothing_of_the_request() {
    for json in [
        r#"{"Sesame":1}"#,
        r#"{"text":"Sesame"#,
        r#"{"text":"","style":"Sesame"}"#,
        r#"{"length":"Sesame"}"#,
    ] {
        let error = refusal(json).unwrap();
        assert!(!format!("{error} {error:?}").contains("Sesame"));
    }
}

#[test]
fn replies_are_read_back() {
    let highlights = [
        Highlight {
            id: 3,
            author: "Ann",
            time: Some("10:00"),
            text: "we \"meet\" at 5\n",
            clipped: false,
        },
        Highlight {
            id: 0,
            author: "",
            time: None,
            text: "Ω",
            clipped: true,
        },
    ];
    let reply = SummaryReply {
        engine: "extractive",
        model: "m",
        summary: "• a\n• b",
        highlights: &highlights,
    };
    let mut out = vec![0xaa; reply.encoded_len().unwrap()];
    assert_eq!(reply.encode_into(&mut out), Ok(out.len()));
    let length = out.len();
    assert_eq!(reply.encode_into(&mut out[..length - 1]), Err(Full));
    reply.encode_into(&mut out).unwrap();
    let answer = Answer::decode(&out).unwrap();
    assert_eq!(
        (answer.engine.as_str(), answer.summary.as_str()),
        ("extractive", "• a\n• b")
    );
    assert_eq!(answer.highlights.len(), 2);
    assert!(
        answer.highlights[0].text == highlights[0].text
            && answer.highlights[0].time.as_deref() == Some("10:00")
    );
    assert!(answer.highlights[1].clipped && answer.highlights[1].time.is_none());
    for end in 0..out.len() {
        assert!(Answer::decode(&out[..end]).is_none());
    }
}

#[test]
fn bad_replies_are_refused() {
    let reply = |extra: &str, highlights: &str| {
        Answer::decode(
            format!(
                r#"{{"engine":"e","model":"m","summary":"s"{extra},"highlights":[{highlights}]}}"#
            )
            .as_bytes(),
        )
    };
    let one = r#"{"id":0,"author":"","text":"","clipped":false}"#;
    assert!(reply("", one).is_some());
    assert!(reply("", &vec![one; 20].join(",")).is_some());
    assert!(reply("", &vec![one; 21].join(",")).is_none());
    assert!(reply(r#","engine":"f""#, one).is_none());
    assert!(reply(r#","note":"f""#, one).is_none());
    assert!(
        reply(
            "",
            r#"{"id":0,"author":"","text":"","clipped":false,"time":null}"#
        )
        .is_none()
    );
    assert!(reply("", r#"{"id":-1,"author":"","text":"","clipped":false}"#).is_none());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn requests_round_trip(
        messages in prop::collection::vec((".{0,40}", prop::option::of("[ -~]{0,64}"), ".{0,200}"), 0..8),
        length in 1_u8..=20,
        prose in any::<bool>(),
    ) {
        let request = SummaryRequest {
            source: Source::Messages(
                messages
                    .iter()
                    .map(|(author, time, text)| Message { author, time: time.as_deref(), text })
                    .collect(),
            ),
            length,
            style: if prose { Style::Prose } else { Style::Bullets },
        };
        let mut json = vec![0; request.encoded_len().unwrap()];
        prop_assert_eq!(request.encode_into(&mut json), Ok(json.len()));
        let kept = Kept::default();
        prop_assert!(SummaryRequest::decode(&json, &kept).is_ok_and(|back| back == request));
        let foreign: serde_json::Value = serde_json::from_slice(&json).unwrap();
        prop_assert_eq!(foreign["messages"].as_array().unwrap().len(), messages.len());
        for end in 0..json.len() {
            prop_assert!(SummaryRequest::decode(&json[..end], &kept).is_err());
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..100), text in "[{}\\[\\]\":,a-z0-9\\\\]{0,60}") {
        let _ = SummaryRequest::decode(&bytes, &NoRoom).is_ok();
        let _ = SummaryRequest::decode(text.as_bytes(), &NoRoom).is_ok();
        let _ = Answer::decode(text.as_bytes()).is_some();
    }
}

#[test]
fn limits_hold_for_the_writer_too() {
    let message = Message {
        author: "",
        time: None,
        text: "",
    };
    let long = "a".repeat(MAX_AUTHOR + 1);
    let with = |messages: Vec<Message<'_>>, length| {
        SummaryRequest {
            source: Source::Messages(messages),
            length,
            style: Style::Bullets,
        }
        .encoded_len()
    };
    assert_eq!(
        with(vec![message; MAX_MESSAGES + 1], 5),
        Err(SummaryError::TooManyMessages)
    );
    assert_eq!(
        with(
            vec![Message {
                author: &long,
                ..message
            }],
            5
        ),
        Err(SummaryError::AuthorTooLong)
    );
    assert_eq!(
        with(
            vec![Message {
                time: Some(&long),
                ..message
            }],
            5
        ),
        Err(SummaryError::TimeTooLong)
    );
    assert_eq!(with(vec![message], 0), Err(SummaryError::Length));
    assert_eq!(with(vec![message], 21), Err(SummaryError::Length));
}
