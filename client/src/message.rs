//! What is inside the seal: a binary HTTP request with the thread, and the binary HTTP reply with its summary.
//!
//! In go a thread and what is wanted of it. Out comes the padded plaintext that is sealed, in a buffer that is wiped when dropped; the
//! way back reads the opened reply. Every size is a rung of the padding ladder, so that the sealed message says little about the
//! thread (attack A45). The date is the device's own (RFC 9458 section 6.5.2) and never one that a server named.

use core::fmt;
use std::error::Error;

use cloister_wire::bhttp::{BhttpError, Field, RequestHead, Response, SliceSink};
use cloister_wire::problem::Problem;
use cloister_wire::summary::{self, Answer, Message, Source, Style, SummaryRequest};
use cloister_wire::{date, media, pad};
use zeroize::Zeroizing;

use crate::thread::{Content, Thread};

/// What is wanted of the summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    /// How many highlights: 1 to [`summary::MAX_LENGTH`].
    pub length: u8,
    /// One line per highlight, or one paragraph.
    pub style: Style,
}

/// Why there is no plaintext to seal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestError {
    /// The device's clock shows a time that can't be written as a date.
    Clock,
    /// The thread and its frame are larger than the highest rung of the padding ladder; their size in bytes.
    TooLarge(usize),
    /// The thread or the wish breaks a limit of the request.
    Limit,
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clock => f.write_str("this device's clock shows an impossible time"),
            Self::TooLarge(size) => write!(
                f,
                "the thread makes a request of {size} bytes, expected at most {}; split it and ask for each part",
                pad::HIGHEST
            ),
            Self::Limit => write!(
                f,
                "expected a length from 1 to {} and a thread within the limits of the service",
                summary::MAX_LENGTH
            ),
        }
    }
}

impl Error for RequestError {}

/// The padded plaintext of a request: `POST /v1/summaries` as a known-length binary HTTP message, then zero bytes.
///
/// # Errors
/// [`RequestError`] when the thread does not fit, a limit is broken, or `now_unix` (seconds) is beyond the year 9999.
pub fn request(
    thread: &Thread,
    wish: Wish,
    now_unix: u64,
) -> Result<Zeroizing<Vec<u8>>, RequestError> {
    let source = match thread.content() {
        Content::Text(text) => Source::Text(text),
        Content::Messages(messages) => Source::Messages(
            messages
                .iter()
                .map(|message| Message {
                    author: &message.author,
                    time: message.time.as_ref().map(|time| time.as_str()),
                    text: &message.text,
                })
                .collect(),
        ),
    };
    let body = SummaryRequest {
        source,
        length: wish.length,
        style: wish.style,
    };
    let date = date::format(now_unix).ok_or(RequestError::Clock)?;
    let fields = [
        Field {
            name: b"content-type",
            value: media::JSON.as_bytes(),
        },
        Field {
            name: b"date",
            value: &date,
        },
    ];
    // The authority is empty: there is one service behind the key, and nothing to route by (attack A40).
    let head = RequestHead {
        method: b"POST",
        scheme: b"https",
        authority: b"",
        path: summary::PATH.as_bytes(),
        fields: &fields,
    };
    // Lengths first, then one buffer of the final size, so that no copy of the thread is left behind by growing.
    let content = body.encoded_len().map_err(|_| RequestError::Limit)?;
    let message = head.encoded_len(content).map_err(|_| RequestError::Limit)?;
    let rung = pad::rung(message).ok_or(RequestError::TooLarge(message))?;
    let mut padded = Zeroizing::new(vec![0; rung]);
    let mut sink = SliceSink::new(&mut padded);
    head.encode_before_content(content, &mut sink)
        .map_err(|_| RequestError::Limit)?;
    let start = sink.written();
    let room = padded
        .get_mut(start..)
        .and_then(|rest| rest.get_mut(..content))
        .ok_or(RequestError::Limit)?;
    body.encode_into(room).map_err(|_| RequestError::Limit)?;
    Ok(padded)
}

/// Why an opened reply brings no summary. It was sealed by the attested machine, so the fault is the service's or the request's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyError {
    /// Not a binary HTTP response, or one that is cut, or padded with anything but zero bytes.
    Binary(BhttpError),
    /// The enclave refused or failed, for a reason out of the closed list.
    Refused(Problem),
    /// The enclave refused or failed with this status and no reason that is known here.
    Status(u16),
    /// Status 200, and not the JSON of a summary.
    NotASummary,
}

impl fmt::Display for ReplyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Binary(error) => write!(f, "the opened reply is broken: {error}"),
            Self::Refused(problem) => write!(f, "{problem}"),
            Self::Status(status) => write!(
                f,
                "expected status 200 inside the seal, found {status} without a known reason"
            ),
            Self::NotASummary => f.write_str("the opened reply is not a summary"),
        }
    }
}

impl Error for ReplyError {}

/// Reads the padded plaintext of a reply.
///
/// # Errors
/// [`ReplyError`] when it is anything but a whole summary.
pub fn reply(plaintext: &[u8]) -> Result<Answer, ReplyError> {
    let response = Response::decode(plaintext).map_err(ReplyError::Binary)?;
    let mut content = Zeroizing::new(Vec::with_capacity(response.content.len()));
    for piece in response.content.pieces() {
        content.extend_from_slice(piece);
    }
    if response.status != 200 {
        return Err(Problem::from_json(&content)
            .map_or(ReplyError::Status(response.status), ReplyError::Refused));
    }
    let kind = response
        .fields
        .single(b"content-type")
        .map_err(ReplyError::Binary)?;
    if kind != Some(media::JSON.as_bytes()) {
        return Err(ReplyError::NotASummary);
    }
    Answer::decode(&content).ok_or(ReplyError::NotASummary)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use crate::thread::Format;
    use cloister_wire::bhttp::{Request, ResponseHead};
    use cloister_wire::summary::{Full, Keep};

    struct Nowhere;
    impl Keep for Nowhere {
        fn keep(&self, _: &str) -> Result<&str, Full> {
            Err(Full)
        }
    }

    const WISH: Wish = Wish {
        length: 7,
        style: Style::Prose,
    };
    // Sun, 06 Nov 1994 08:49:37 GMT, the example of RFC 9110 section 5.6.7.
    const THEN: u64 = 784_111_777;

    fn plaintext(thread: &str) -> Zeroizing<Vec<u8>> {
        let thread = Thread::parse(thread.as_bytes(), Format::Guess).unwrap();
        request(&thread, WISH, THEN).unwrap()
    }

    #[test]
    fn a_request_reads_back_as_the_service_reads_it() {
        let padded = plaintext(
            r#"{"messages":[{"author":"Ana","time":"now","text":"hi"},{"author":"","text":"x"}]}"#,
        );
        let request = Request::decode(&padded).unwrap();
        assert_eq!(
            (request.method, request.path),
            (&b"POST"[..], &b"/v1/summaries"[..])
        );
        assert_eq!(
            request.fields.single(b"date").unwrap().unwrap(),
            b"Sun, 06 Nov 1994 08:49:37 GMT"
        );
        let keep = Nowhere;
        let body = SummaryRequest::decode(request.content.as_single().unwrap(), &keep).unwrap();
        assert_eq!((body.length, body.style), (7, Style::Prose));
        let Source::Messages(messages) = body.source else {
            panic!("not messages")
        };
        assert_eq!(
            (messages[0].author, messages[0].time, messages[0].text),
            ("Ana", Some("now"), "hi")
        );
        assert_eq!(messages[1].time, None);
    }

    #[test]
    fn the_bhttp_crate_reads_the_same_request() {
        let padded = plaintext("plain words");
        let message = bhttp::Message::read_bhttp(&mut std::io::Cursor::new(&padded[..])).unwrap();
        assert_eq!(message.control().method().unwrap(), b"POST");
        assert_eq!(message.control().path().unwrap(), b"/v1/summaries");
        assert_eq!(
            message.header().get(b"content-type").unwrap(),
            b"application/json"
        );
        assert_eq!(
            message.content(),
            br#"{"text":"plain words","length":7,"style":"prose"}"#
        );
    }

    #[test]
    fn a45_requests_have_the_sizes_of_the_ladder() {
        for size in [1, 3000, 5000, 100_000, 900_000] {
            let padded = plaintext(&"a".repeat(size));
            assert_eq!(pad::rung(padded.len()), Some(padded.len()));
        }
        assert_eq!(plaintext("a").len(), plaintext(&"a".repeat(3000)).len());
        let thread = Thread::parse(&vec![b'a'; 1 << 20], Format::Guess).unwrap();
        assert!(matches!(
            request(&thread, WISH, THEN),
            Err(RequestError::TooLarge(_))
        ));
    }

    #[test]
    fn wishes_beyond_the_limits_are_refused() {
        let thread = Thread::parse(b"a", Format::Guess).unwrap();
        for length in [0, 21] {
            let wish = Wish { length, ..WISH };
            assert_eq!(
                request(&thread, wish, THEN).err(),
                Some(RequestError::Limit)
            );
        }
        assert_eq!(
            request(&thread, WISH, u64::MAX).err(),
            Some(RequestError::Clock)
        );
    }

    fn answered(status: u16, kind: &[u8], content: &[u8]) -> Vec<u8> {
        let fields = [Field {
            name: b"content-type",
            value: kind,
        }];
        let head = ResponseHead {
            status,
            fields: &fields,
        };
        let mut out = vec![0; pad::LOWEST];
        head.encode(content, &mut out).unwrap();
        out
    }

    const SUMMARY: &[u8] = br#"{"engine":"e","model":"m","summary":"s","highlights":[{"id":0,"author":"a","text":"t","clipped":false}]}"#;

    #[test]
    fn a_summary_is_read() {
        let answer = reply(&answered(200, b"application/json", SUMMARY)).unwrap();
        assert_eq!((answer.summary.as_str(), answer.highlights.len()), ("s", 1));
    }

    #[test]
    fn anything_else_is_an_error_of_its_own() {
        let problem = answered(
            422,
            b"application/problem+json",
            Problem::Request.json().as_bytes(),
        );
        assert_eq!(
            reply(&problem).err(),
            Some(ReplyError::Refused(Problem::Request))
        );
        let foreign = answered(
            500,
            b"application/problem+json",
            br#"{"title":"free text"}"#,
        );
        assert_eq!(reply(&foreign).err(), Some(ReplyError::Status(500)));
        for (kind, content) in [
            (&b"text/plain"[..], SUMMARY),
            (b"application/json", b"{}"),
            (b"application/json", b""),
        ] {
            assert_eq!(
                reply(&answered(200, kind, content)).err(),
                Some(ReplyError::NotASummary)
            );
        }
    }

    #[test]
    fn a45_padding_that_is_not_zero_is_refused() {
        let mut padded = answered(200, b"application/json", SUMMARY);
        *padded.last_mut().unwrap() = 1;
        assert!(matches!(reply(&padded).err(), Some(ReplyError::Binary(_))));
    }

    #[test]
    fn a41_a_reply_cut_inside_the_seal_is_refused() {
        let padded = answered(200, b"application/json", SUMMARY);
        for keep in [0, 1, 4, 40, 100] {
            assert!(
                matches!(reply(&padded[..keep]).err(), Some(ReplyError::Binary(_))),
                "{keep}"
            );
        }
    }
}
