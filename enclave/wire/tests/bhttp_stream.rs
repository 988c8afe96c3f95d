//! Messages that arrive bit by bit are read as if they had come at once, and everything of RFC 9292 can be written.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use cloister_wire::bhttp::{
    self, BhttpError, EncodeError, Field, Framing, MAX_INFORMATIONAL, MAX_UNREAD, Part, Request,
    RequestHead, RequestStart, RequestStream, Response, ResponseHead, ResponseStart,
    ResponseStream, ResponseWriter, Sink,
};
use proptest::prelude::*;
use std::io::Cursor;
use std::path::Path;

type Pairs = Vec<(Vec<u8>, Vec<u8>)>;

fn pairs(fields: &bhttp::Fields<'_>) -> Pairs {
    fields
        .iter()
        .map(|field| (field.name.to_vec(), field.value.to_vec()))
        .collect()
}

/// A message, whichever way it was read.
#[derive(Debug, Default, PartialEq, Eq)]
struct Read {
    control: Vec<Vec<u8>>,
    informational: Vec<(u16, Pairs)>,
    fields: Pairs,
    content: Vec<u8>,
    trailers: Pairs,
}

fn at_once(message: &[u8]) -> Result<Read, BhttpError> {
    if matches!(message.first(), Some(1 | 3)) {
        let response = Response::decode(message)?;
        return Ok(Read {
            control: vec![response.status.to_be_bytes().to_vec()],
            informational: response
                .informational
                .iter()
                .map(|one| (one.status, pairs(&one.fields)))
                .collect(),
            fields: pairs(&response.fields),
            content: response.content.pieces().collect::<Vec<_>>().concat(),
            trailers: pairs(&response.trailers),
        });
    }
    let request = Request::decode(message)?;
    Ok(Read {
        control: [
            request.method,
            request.scheme,
            request.authority,
            request.path,
        ]
        .map(<[u8]>::to_vec)
        .to_vec(),
        informational: Vec::new(),
        fields: pairs(&request.fields),
        content: request.content.pieces().collect::<Vec<_>>().concat(),
        trailers: pairs(&request.trailers),
    })
}

/// Reads a message that comes in slices of `step` bytes.
fn bit_by_bit(message: &[u8], step: usize) -> Result<Read, BhttpError> {
    let mut read = Read::default();
    let (mut request, mut response) = (RequestStream::new(), ResponseStream::new());
    let is_response = matches!(message.first(), Some(1 | 3));
    let mut unread = Vec::new();
    let mut slices = message.chunks(step).peekable();
    loop {
        unread.extend_from_slice(slices.next().unwrap_or_default());
        let more = slices.peek().is_some();
        let mut input = &unread[..];
        loop {
            let part = if is_response {
                response.next(&mut input, more)?.map(|part| match part {
                    Part::Head(ResponseStart::Informational(one)) => {
                        read.informational.push((one.status, pairs(&one.fields)));
                    }
                    Part::Head(ResponseStart::Final(status, fields)) => {
                        read.control = vec![status.to_be_bytes().to_vec()];
                        read.fields = pairs(&fields);
                    }
                    Part::Content(content) => read.content.extend_from_slice(content),
                    Part::Trailers(trailers) => read.trailers = pairs(&trailers),
                })
            } else {
                request.next(&mut input, more)?.map(|part| match part {
                    Part::Head(RequestStart {
                        method,
                        scheme,
                        authority,
                        path,
                        fields,
                    }) => {
                        read.control = [method, scheme, authority, path]
                            .map(<[u8]>::to_vec)
                            .to_vec();
                        read.fields = pairs(&fields);
                    }
                    Part::Content(content) => {
                        assert!(!content.is_empty());
                        read.content.extend_from_slice(content);
                    }
                    Part::Trailers(trailers) => read.trailers = pairs(&trailers),
                })
            };
            if part.is_none() {
                break;
            }
        }
        let taken = unread.len() - input.len();
        unread.drain(..taken);
        assert!(unread.len() <= MAX_UNREAD);
        if !more {
            return Ok(read);
        }
    }
}

fn vectors() -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/bhttp-rfc9292");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|end| end == "hex") {
            let text = std::fs::read_to_string(&path).unwrap();
            let digits: String = text
                .lines()
                .filter(|line| hex::decode(line).is_ok())
                .collect();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            found.push((name, hex::decode(digits).unwrap()));
        }
    }
    found
}

#[test]
fn every_vector_cut_anywhere_is_read_alike_at_once_and_bit_by_bit() {
    let vectors = vectors();
    assert!(vectors.len() >= 22);
    for (name, message) in vectors {
        for end in 0..=message.len() {
            let message = &message[..end];
            let expected = at_once(message);
            for step in [1, 2, 3, 7, 50, 1000] {
                let found = bit_by_bit(message, step);
                match (&expected, &found) {
                    (Ok(_), _) | (_, Ok(_)) => {
                        assert_eq!(found, expected, "{name} cut to {end}, by {step}");
                    }
                    // Which of two faults is seen first may differ.
                    (Err(_), Err(_)) => {}
                }
            }
        }
    }
}

#[test]
fn a51_no_more_than_a_head_is_left_unread() {
    // A header section that never ends, of many lines: refused for their number. Of one line: for its length.
    let mut message = b"\x03\x40\xc8".to_vec();
    for _ in 0..2000 {
        message.extend(b"\x01a\x14bbbbbbbbbbbbbbbbbbbb");
    }
    assert_eq!(bit_by_bit(&message, 100), Err(BhttpError::TooManyFields));
    let mut message = b"\x03\x40\xc8\x01a\xbf\xff\xff\xff".to_vec();
    message.extend(vec![b'b'; 3 * MAX_UNREAD]);
    let mut stream = ResponseStream::new();
    assert!(
        stream
            .next(&mut &message[..MAX_UNREAD], true)
            .is_ok_and(|part| part.is_none())
    );
    assert_eq!(
        stream.next(&mut &message[..=MAX_UNREAD], true).err(),
        Some(BhttpError::SectionTooLong)
    );
}

#[test]
fn content_is_handed_on_before_the_message_is_whole() {
    let mut stream = ResponseStream::new();
    let mut input = &b"\x03\x40\xc8\x00\x05hel"[..];
    assert!(
        matches!(stream.next(&mut input, true), Ok(Some(Part::Head(ResponseStart::Final(200, fields)))) if fields.iter().count() == 0)
    );
    assert!(matches!(
        stream.next(&mut input, true),
        Ok(Some(Part::Content(b"hel")))
    ));
    assert!(
        stream
            .next(&mut input, true)
            .is_ok_and(|part| part.is_none())
    );
    let mut cut = stream.clone();
    assert_eq!(
        cut.next(&mut &b""[..], false).err(),
        Some(BhttpError::Truncated)
    );
    let mut input = &b"lo\x00\x00\x00\x00"[..];
    assert!(matches!(
        stream.next(&mut input, true),
        Ok(Some(Part::Content(b"lo")))
    ));
    assert!(
        matches!(stream.next(&mut input, true), Ok(Some(Part::Trailers(trailers))) if trailers.iter().count() == 0)
    );
    assert!(
        stream
            .next(&mut input, false)
            .is_ok_and(|part| part.is_none())
    );
    assert!(input.is_empty());
    assert_eq!(
        stream.next(&mut &b"\x01"[..], false).err(),
        Some(BhttpError::Padding)
    );
}

#[test]
fn a_stated_length_is_the_contents() {
    let message = |status: u16, stated: &[u8], content: &[u8]| {
        let fields = [Field {
            name: b"content-length",
            value: stated,
        }];
        let head = ResponseHead {
            status,
            fields: &fields,
        };
        let mut out = vec![0; head.encoded_len(content.len()).unwrap()];
        head.encode(content, &mut out).unwrap();
        let whole = at_once(&out).map(|_| ());
        assert_eq!(bit_by_bit(&out, 1).map(|_| ()), whole);
        whole
    };
    assert_eq!(message(200, b"3", b"abc"), Ok(()));
    // As in the response to HEAD, and with status 304.
    assert_eq!(message(304, b"3", b""), Ok(()));
    for stated in [
        &b"2"[..],
        b"4",
        b"+3",
        b"3, 3",
        b"",
        b"99999999999999999999",
    ] {
        assert_eq!(message(200, stated, b"abc"), Err(BhttpError::ContentLength));
    }
}

#[test]
fn informational_responses_and_trailers_are_written_in_both_framings() {
    let field = |name, value| Field { name, value };
    for framing in [Framing::Known, Framing::Indeterminate] {
        let mut out = Vec::new();
        let mut writer = ResponseWriter::begin(framing, &mut out).unwrap();
        writer
            .informational(102, &[field(b"running", b"\"sleep 15\"")], &mut out)
            .unwrap();
        writer.informational(103, &[], &mut out).unwrap();
        let head = ResponseHead {
            status: 200,
            fields: &[field(b"date", b"x")],
        };
        writer.head(&head, &mut out).unwrap();
        let trailers = [field(b"trailer", b"text")];
        match framing {
            Framing::Known => {
                bhttp::encode_length(5, &mut out).unwrap();
                out.put(b"hello").unwrap();
                bhttp::encode_trailers(&trailers, &mut out).unwrap();
            }
            Framing::Indeterminate => {
                bhttp::encode_chunk(b"hel", &mut out).unwrap();
                bhttp::encode_chunk(b"lo", &mut out).unwrap();
                bhttp::encode_end(&trailers, &mut out).unwrap();
            }
        }
        let response = at_once(&out).unwrap();
        assert_eq!(response.informational.len(), 2);
        assert_eq!(response.informational[0].0, 102);
        assert_eq!(response.content, b"hello");
        assert_eq!(response.trailers, [(b"trailer".to_vec(), b"text".to_vec())]);
        let theirs = ::bhttp::Message::read_bhttp(&mut Cursor::new(&out)).unwrap();
        assert_eq!(theirs.informational().len(), 2);
        assert_eq!(theirs.content(), b"hello");
        assert_eq!(theirs.trailer().get(b"trailer"), Some(&b"text"[..]));
    }
    let mut out = Vec::new();
    let mut writer = ResponseWriter::begin(Framing::Known, &mut out).unwrap();
    for status in [0, 99, 200, 65535] {
        assert_eq!(
            writer.informational(status, &[], &mut out),
            Err(EncodeError::Invalid(BhttpError::Status))
        );
    }
    for _ in 0..MAX_INFORMATIONAL {
        writer.informational(100, &[], &mut out).unwrap();
    }
    assert_eq!(
        writer.informational(100, &[], &mut out),
        Err(EncodeError::Invalid(BhttpError::TooManyInformational))
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn messages_are_read_alike_however_they_come(
        content in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..90), 0..4),
        value in "[!-~]{0,40}",
        indeterminate in any::<bool>(),
        padding in 0_usize..20,
        step in 1_usize..200,
    ) {
        let fields = [Field { name: b"name", value: value.as_bytes() }];
        let head = RequestHead { method: b"POST", scheme: b"https", authority: b"", path: b"/x", fields: &fields };
        let mut out = Vec::new();
        if indeterminate {
            head.encode_indeterminate(&mut out).unwrap();
            for chunk in &content {
                bhttp::encode_chunk(chunk, &mut out).unwrap();
            }
            bhttp::encode_end(&fields, &mut out).unwrap();
        } else {
            let content = content.concat();
            head.encode_before_content(content.len(), &mut out).unwrap();
            out.put(&content).unwrap();
            bhttp::encode_trailers(&fields, &mut out).unwrap();
        }
        out.extend(vec![0; padding]);
        let read = bit_by_bit(&out, step).unwrap();
        prop_assert_eq!(&read.content, &content.concat());
        prop_assert_eq!(read.trailers.len(), 1);
        prop_assert_eq!(Ok(read), at_once(&out));
    }

    #[test]
    fn any_bytes_are_read_alike_however_they_come(
        kind in 0_u8..4,
        bytes in prop::collection::vec(prop_oneof![any::<u8>(), 0_u8..4, Just(b'a')], 0..120),
        step in 1_usize..30,
    ) {
        let message = [&[kind][..], &bytes].concat();
        let (whole, parts) = (at_once(&message), bit_by_bit(&message, step));
        if whole.is_ok() || parts.is_ok() {
            prop_assert_eq!(parts, whole);
        }
    }
}
