//! RFC 9292: its examples, broken forms of them, and another implementation as judge in both directions.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use cloister_wire::bhttp::{
    self, BhttpError, EncodeError, Field, MAX_FIELDS, Request, RequestHead, Response, ResponseHead,
    SliceSink,
};
use proptest::prelude::*;
use std::io::Cursor;
use std::path::Path;

/// A vector's bytes, and the words of its first line when that is not hexadecimal.
fn vector(name: &str) -> (Option<String>, Vec<u8>) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("vectors/bhttp-rfc9292")
        .join(name);
    let text = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let mut lines = text.lines().peekable();
    let head = lines
        .next_if(|line| hex::decode(line).is_err())
        .map(str::to_owned);
    (head, hex::decode(lines.collect::<String>()).unwrap())
}

fn example(name: &str) -> Vec<u8> {
    vector(name).1
}

/// Field lines as owned pairs.
fn pairs(fields: &bhttp::Fields<'_>) -> Vec<(Vec<u8>, Vec<u8>)> {
    fields
        .iter()
        .map(|field| (field.name.to_vec(), field.value.to_vec()))
        .collect()
}

fn decode_request(bytes: &[u8]) -> Result<Request<'_>, BhttpError> {
    Request::decode(bytes)
}

#[test]
fn request_examples() {
    for name in ["request-known.hex", "request-indeterminate.hex"] {
        let bytes = example(name);
        let request = decode_request(&bytes).unwrap();
        assert_eq!(request.method, b"GET");
        assert_eq!(request.scheme, b"https");
        assert_eq!(request.authority, b"");
        assert_eq!(request.path, b"/hello.txt");
        assert_eq!(request.fields.iter().count(), 3);
        assert_eq!(
            request.fields.single(b"host"),
            Ok(Some(&b"www.example.com"[..]))
        );
        assert_eq!(
            request.fields.single(b"accept-language"),
            Ok(Some(&b"en, mi"[..]))
        );
        assert!(request.content.is_empty());
        assert_eq!(request.trailers.iter().count(), 0);
    }
}

#[test]
fn the_same_message_in_fewer_bytes() {
    // Section 5.1: the last two bytes, and the last twelve, can be removed without a change of meaning.
    for (name, removable) in [("request-known.hex", 2), ("request-indeterminate.hex", 12)] {
        let bytes = example(name);
        let whole = decode_request(&bytes).unwrap();
        for fewer in 1..=removable {
            let cut = decode_request(&bytes[..bytes.len() - fewer]).unwrap();
            assert_eq!(pairs(&cut.fields), pairs(&whole.fields));
            assert!(cut.content.is_empty());
        }
    }
}

#[test]
fn every_other_truncation_is_refused() {
    for (name, removable) in [("request-known.hex", 2), ("request-indeterminate.hex", 12)] {
        let bytes = example(name);
        let control_data = 1 + 4 + 6 + 1 + 11;
        for end in 0..bytes.len() - removable {
            let result = decode_request(&bytes[..end]).map(|_| ());
            // The one place left is before the header section: RFC 9458 appendix A has such a message.
            if end == control_data {
                assert_eq!(result, Ok(()));
            } else {
                assert!(
                    matches!(result, Err(BhttpError::Truncated | BhttpError::ControlData)),
                    "{name} cut to {end}: {result:?}"
                );
            }
        }
    }
    let bytes = example("response-informational.hex");
    for end in 0..bytes.len() {
        let result = Response::decode(&bytes[..end]).map(|_| ());
        let after_final_status = bytes
            .windows(2)
            .position(|pair| pair == [0x40, 0xc8])
            .unwrap()
            + 2;
        let allowed =
            end == after_final_status || end >= bytes.len() - 1 || end == bytes.len() - 54;
        assert_eq!(result.is_ok(), allowed, "cut to {end}: {result:?}");
    }
}

#[test]
fn response_examples() {
    let bytes = example("response-informational.hex");
    let response = Response::decode(&bytes).ok().unwrap();
    assert_eq!(response.status, 200);
    let informational: Vec<_> = response
        .informational
        .iter()
        .map(|one| (one.status, pairs(&one.fields)))
        .collect();
    assert_eq!(
        informational[0],
        (102, vec![(b"running".to_vec(), b"\"sleep 15\"".to_vec())])
    );
    assert_eq!(informational[1].0, 103);
    assert_eq!(informational[1].1.len(), 2);
    assert_eq!(response.fields.iter().count(), 8);
    assert_eq!(
        response.fields.single(b"etag"),
        Ok(Some(&b"\"34aa387-d-1568eb00\""[..]))
    );
    assert_eq!(
        response.content.as_single(),
        Some(&b"Hello World! My content includes a trailing CRLF.\r\n"[..])
    );

    let bytes = example("response-trailer.hex");
    let response = Response::decode(&bytes).ok().unwrap();
    assert_eq!(response.status, 200);
    assert_eq!(
        response.content.as_single(),
        Some(&b"This content contains CRLF.\r\n"[..])
    );
    assert_eq!(
        pairs(&response.trailers),
        [(b"trailer".to_vec(), b"text".to_vec())]
    );
}

#[test]
fn bad_vectors_are_refused_each_for_its_reason() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/bhttp-rfc9292");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        if !name.starts_with("bad_") {
            continue;
        }
        let (expected, bytes) = vector(&name);
        let expected = expected.expect("a bad vector names its error in the first line");
        let is_response = matches!(bytes[0], 1 | 3);
        let found = if is_response {
            Response::decode(&bytes).err()
        } else {
            Request::decode(&bytes).err()
        };
        assert_eq!(
            found.map(|error| format!("{error:?}")),
            Some(expected),
            "{name}"
        );
        count += 1;
    }
    assert!(count >= 18, "only {count} bad vectors were found");
}

#[test]
fn kinds_are_not_confused() {
    assert_eq!(
        Request::decode(&example("response-trailer.hex")).err(),
        Some(BhttpError::Framing)
    );
    assert_eq!(
        Response::decode(&example("request-known.hex")).err(),
        Some(BhttpError::Framing)
    );
}

#[test]
fn errors_repeat_nothing_of_the_message() {
    let secret = b"Sesame";
    for message in [
        [&b"\x00\x06"[..], secret, b"\x05https\x00\x02 /"].concat(),
        [
            &b"\x00\x03GET\x05https\x00\x01/\x0f\x06"[..],
            secret,
            b"\x07abc\ndef",
        ]
        .concat(),
    ] {
        let error = Request::decode(&message).err().unwrap();
        let text = format!("{error} {error:?}");
        assert!(!text.contains("Sesame") && !text.contains("abc"), "{text}");
    }
}

#[test]
fn what_would_be_refused_is_not_written() {
    let head = RequestHead {
        method: b"POST",
        scheme: b"https",
        authority: b"a",
        path: b"/",
        fields: &[],
    };
    let mut out = [0; 64];
    let refused = |head: RequestHead<'_>, out: &mut [u8]| match head.encode(b"", out) {
        Err(EncodeError::Invalid(error)) => Some(error),
        _ => None,
    };
    assert_eq!(
        refused(
            RequestHead {
                method: b"PO ST",
                ..head
            },
            &mut out
        ),
        Some(BhttpError::ControlData)
    );
    assert_eq!(
        refused(RequestHead { path: b"", ..head }, &mut out),
        Some(BhttpError::ControlData)
    );
    assert_eq!(
        refused(
            RequestHead {
                path: b"/\r\n",
                ..head
            },
            &mut out
        ),
        Some(BhttpError::ControlData)
    );
    let expect = [Field {
        name: b"expect",
        value: b"100-continue",
    }];
    assert_eq!(
        refused(
            RequestHead {
                fields: &expect,
                ..head
            },
            &mut out
        ),
        Some(BhttpError::Expect)
    );
    assert_eq!(head.encode(&[0; 64], &mut out), Err(EncodeError::NoRoom));
    let response = ResponseHead {
        status: 102,
        fields: &[],
    };
    assert_eq!(
        response.encode(b"", &mut out),
        Err(EncodeError::Invalid(BhttpError::Status))
    );
}

/// Whatever a client may send: fields in lower case with plain values.
fn any_fields() -> impl Strategy<Value = Vec<(String, String)>> {
    prop::collection::vec(
        ("[a-z][a-z0-9-]{0,12}", "([!-~]([ -~]{0,30}[!-~])?)?"),
        0..6,
    )
    .prop_map(|fields| {
        fields
            .into_iter()
            .filter(|(name, _)| name != "expect" && name != "content-length")
            .collect()
    })
}

fn borrowed(fields: &[(String, String)]) -> Vec<Field<'_>> {
    fields
        .iter()
        .map(|(name, value)| Field {
            name: name.as_bytes(),
            value: value.as_bytes(),
        })
        .collect()
}

fn owned(fields: &[(String, String)]) -> Vec<(Vec<u8>, Vec<u8>)> {
    fields
        .iter()
        .map(|(name, value)| (name.clone().into_bytes(), value.clone().into_bytes()))
        .collect()
}

fn foreign(fields: &::bhttp::FieldSection) -> Vec<(Vec<u8>, Vec<u8>)> {
    fields
        .iter()
        .map(|field| (field.name().to_vec(), field.value().to_vec()))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn requests_round_trip_and_the_other_implementation_agrees(
        fields in any_fields(),
        content in prop::collection::vec(any::<u8>(), 0..300),
        padding in 0_usize..40,
    ) {
        let lines = borrowed(&fields);
        let head = RequestHead { method: b"POST", scheme: b"https", authority: b"a.example:8443", path: b"/v1?x=1", fields: &lines };
        let length = head.encoded_len(content.len()).unwrap();
        let mut bytes = vec![0xaa; length + padding];
        prop_assert_eq!(head.encode(&content, &mut bytes), Ok(length));
        prop_assert!(bytes[length..].iter().all(|&byte| byte == 0));

        let request = Request::decode(&bytes).ok().unwrap();
        prop_assert_eq!(request.path, b"/v1?x=1");
        prop_assert_eq!(pairs(&request.fields), owned(&fields));
        prop_assert_eq!(request.content.as_single(), Some(&content[..]));

        let theirs = ::bhttp::Message::read_bhttp(&mut Cursor::new(&bytes)).unwrap();
        prop_assert_eq!(theirs.control().method().unwrap(), b"POST");
        prop_assert_eq!(theirs.control().authority().unwrap(), b"a.example:8443");
        prop_assert_eq!(foreign(theirs.header()), owned(&fields));
        prop_assert_eq!(theirs.content(), &content[..]);

        for mode in [::bhttp::Mode::KnownLength, ::bhttp::Mode::IndeterminateLength] {
            let mut written = Vec::new();
            theirs.write_bhttp(mode, &mut written).unwrap();
            let back = Request::decode(&written).ok().unwrap();
            prop_assert_eq!(pairs(&back.fields), owned(&fields));
            prop_assert_eq!(back.content.pieces().collect::<Vec<_>>().concat(), &content[..]);
        }
    }

    #[test]
    fn responses_round_trip_and_the_other_implementation_agrees(
        status in 200_u16..600,
        fields in any_fields(),
        chunks in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..100), 0..4),
        trailers in any_fields(),
    ) {
        let content = chunks.concat();
        let (lines, trailer_lines) = (borrowed(&fields), borrowed(&trailers));
        let head = ResponseHead { status, fields: &lines };
        let mut known = vec![0; head.encoded_len(content.len()).unwrap() + 7];
        head.encode(&content, &mut known).unwrap();
        let mut indeterminate = vec![0; known.len() + 2000];
        let mut sink = SliceSink::new(&mut indeterminate);
        head.encode_indeterminate(&mut sink).unwrap();
        for chunk in &chunks {
            bhttp::encode_chunk(chunk, &mut sink).unwrap();
        }
        bhttp::encode_end(&trailer_lines, &mut sink).unwrap();
        sink.pad();

        for (bytes, trailers) in [(&known, &[][..]), (&indeterminate, &trailers[..])] {
            let response = Response::decode(bytes).ok().unwrap();
            prop_assert_eq!(response.status, status);
            prop_assert_eq!(pairs(&response.fields), owned(&fields));
            prop_assert_eq!(response.content.pieces().collect::<Vec<_>>().concat(), &content[..]);
            prop_assert_eq!(response.content.len(), content.len());
            prop_assert_eq!(pairs(&response.trailers), owned(trailers));

            let theirs = ::bhttp::Message::read_bhttp(&mut Cursor::new(bytes)).unwrap();
            prop_assert_eq!(theirs.control().status().unwrap().code(), status);
            prop_assert_eq!(foreign(theirs.header()), owned(&fields));
            prop_assert_eq!(theirs.content(), &content[..]);
            prop_assert_eq!(foreign(theirs.trailer()), owned(trailers));
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), kind in 0_u8..4) {
        let _ = Request::decode(&bytes).map(|request| request.content.pieces().count());
        let bytes = [&[kind][..], &bytes].concat();
        let _ = Request::decode(&bytes).map(|request| request.fields.iter().count() <= MAX_FIELDS);
        let _ = Response::decode(&bytes).map(|response| response.content.pieces().count());
    }
}

#[test]
fn no_flipped_bit_makes_it_panic() {
    for name in [
        "request-known.hex",
        "request-indeterminate.hex",
        "response-informational.hex",
        "response-trailer.hex",
    ] {
        let mut bytes = example(name);
        for at in 0..bytes.len() {
            for bit in 0..8 {
                bytes[at] ^= 1 << bit;
                if let Ok(request) = Request::decode(&bytes) {
                    assert_eq!(
                        request.content.len(),
                        request.content.pieces().map(<[u8]>::len).sum::<usize>()
                    );
                }
                if let Ok(response) = Response::decode(&bytes) {
                    assert_eq!(
                        response.content.len(),
                        response.content.pieces().map(<[u8]>::len).sum::<usize>()
                    );
                }
                bytes[at] ^= 1 << bit;
            }
        }
    }
}
