//! The framing of chunked Oblivious HTTP: the draft's example, every way to cut it up, and everything that is refused. Its
//! cryptography is checked in `cloister-seal`.
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use cloister_wire::chunked::{
    ChunkError, ChunkReader, FINAL_IN_TWO, MAX_CHUNKS, MAX_SEALED_CHUNK, Piece, REQUEST_LABEL,
    RequestPiece, RequestReader, ResponsePiece, ResponseReader, put_length, put_request_head,
};
use cloister_wire::keyconfig::{AEAD_AES128GCM, AEAD_CHACHA20POLY1305, KEM_X25519, KEM_XWING};
use cloister_wire::ohttp::{EncapsulationError, RequestHeader, request_info};
use proptest::prelude::*;
use std::io::Write;
use std::path::Path;

fn example() -> serde_json::Value {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors/ohttp-chunked-08/example.json");
    serde_json::from_str(&std::fs::read_to_string(own).unwrap()).unwrap()
}

fn bytes(example: &serde_json::Value, name: &str) -> Vec<u8> {
    hex::decode(example[name].as_str().unwrap()).unwrap()
}

/// The sealed chunks in `stream`, which comes in slices of `step` bytes, and how it ends.
fn chunks(stream: &[u8], step: usize) -> (Vec<Vec<u8>>, Result<(), ChunkError>) {
    let mut reader = ChunkReader::new();
    let (mut complete, mut current) = (Vec::new(), Vec::new());
    for slice in stream.chunks(step) {
        let mut input = slice;
        loop {
            match reader.read(&mut input) {
                Ok(Some(Piece::Sealed(sealed))) => {
                    assert!(!sealed.is_empty());
                    current.extend_from_slice(sealed);
                }
                Ok(Some(Piece::Complete)) => complete.push(std::mem::take(&mut current)),
                Ok(None) => break,
                Err(error) => {
                    assert_eq!(
                        reader.read(&mut &b"more"[..]),
                        Err(error),
                        "it stays failed"
                    );
                    assert_eq!(reader.finish(), Err(error));
                    return (complete, Err(error));
                }
            }
        }
        assert!(input.is_empty(), "everything is taken");
    }
    let end = reader.finish();
    if end.is_ok() {
        complete.push(current);
    }
    (complete, end)
}

fn framed(lengths: &[usize], last: usize) -> Vec<u8> {
    let mut out = Vec::new();
    for (number, &length) in (0..).zip(lengths) {
        put_length(length, &mut out).unwrap();
        out.extend(vec![number; length]);
    }
    put_length(0, &mut out).unwrap();
    out.extend(vec![0xff; last]);
    out
}

#[test]
fn the_drafts_request_in_slices_of_every_size() {
    let example = example();
    let request = bytes(&example, "encapsulated_request");
    for step in 1..=request.len() {
        let mut reader = RequestReader::new();
        let mut head = None;
        let mut sealed = vec![Vec::new()];
        for slice in request.chunks(step) {
            let mut input = slice;
            while let Some(piece) = reader.read(&mut input).unwrap() {
                match piece {
                    RequestPiece::Head(header, enc) => {
                        assert!(head.replace((header, enc)).is_none());
                    }
                    RequestPiece::Chunk(Piece::Sealed(bytes)) => {
                        sealed.last_mut().unwrap().extend_from_slice(bytes);
                    }
                    RequestPiece::Chunk(Piece::Complete) => sealed.push(Vec::new()),
                }
            }
        }
        assert_eq!(reader.finish(), Ok(()));
        let (header, enc) = head.unwrap();
        assert_eq!(
            header,
            RequestHeader {
                key_id: 1,
                kem: KEM_X25519,
                kdf: 1,
                aead: 1
            }
        );
        assert_eq!(
            request_info(REQUEST_LABEL, &header),
            bytes(&example, "info")
        );
        assert_eq!(enc, bytes(&example, "client_ephemeral_public_key"));
        let lengths: Vec<_> = sealed.iter().map(|chunk| chunk.len() - 16).collect();
        assert_eq!(serde_json::json!(lengths), example["request_chunk_lengths"]);
        // And written again it is the same.
        let mut written = Vec::new();
        put_request_head(&header, &enc, &mut written).unwrap();
        for chunk in &sealed[..2] {
            put_length(chunk.len(), &mut written).unwrap();
            written.extend(chunk);
        }
        put_length(0, &mut written).unwrap();
        written.extend(&sealed[2]);
        assert_eq!(written, request);
    }
}

#[test]
fn the_drafts_response_in_slices_of_every_size() {
    let example = example();
    let response = bytes(&example, "encapsulated_response");
    for step in 1..=response.len() {
        let mut reader = ResponseReader::new(AEAD_AES128GCM).unwrap();
        let mut nonce = Vec::new();
        let mut lengths = vec![0];
        for slice in response.chunks(step) {
            let mut input = slice;
            while let Some(piece) = reader.read(&mut input).unwrap() {
                match piece {
                    ResponsePiece::Nonce(found) => nonce.extend(found),
                    ResponsePiece::Chunk(Piece::Sealed(bytes)) => {
                        *lengths.last_mut().unwrap() += bytes.len();
                    }
                    ResponsePiece::Chunk(Piece::Complete) => lengths.push(0),
                }
            }
        }
        assert_eq!(reader.finish(), Ok(()));
        assert_eq!(nonce, bytes(&example, "salt")[32..]);
        let lengths: Vec<_> = lengths.iter().map(|length| length - 16).collect();
        assert_eq!(
            serde_json::json!(lengths),
            example["response_chunk_lengths"]
        );
    }
}

/// The corpus of evidence, when this machine has it, holds the same example.
#[test]
fn the_corpus_agrees() {
    let Some(corpus) = std::env::var_os("CLOISTER_EVIDENCE") else {
        // Past the capture of test output, so that the skip is seen.
        writeln!(std::io::stderr(), "SKIPPED: CLOISTER_EVIDENCE names no corpus of evidence; only the copy in vectors/ was checked").unwrap();
        return;
    };
    let path = Path::new(&corpus).join("vectors/ohttp-chunked-draft/example.json");
    let theirs = std::fs::read_to_string(&path)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let theirs: serde_json::Value = serde_json::from_str(&theirs).unwrap();
    let ours = example();
    let mut compared = 0;
    for (name, value) in ours.as_object().unwrap() {
        if !name.ends_with("_lengths") {
            assert_eq!(&theirs[name], value, "{name}");
            compared += 1;
        }
    }
    assert!(compared >= 14);
}

#[test]
fn a41_a_stream_cut_anywhere_is_truncated() {
    let stream = framed(&[17, 70, 16384 + 16], 20);
    assert!(chunks(&stream, stream.len()).1.is_ok());
    // Where the final chunk has its tag, only the tag can tell: everywhere before, the framing does.
    let tag_complete = stream.len() - 20 + 16;
    for end in (0..120).chain(tag_complete - 40..stream.len()) {
        let expected = if end < tag_complete {
            Err(ChunkError::Truncated)
        } else {
            Ok(())
        };
        assert_eq!(chunks(&stream[..end], 7).1, expected, "cut to {end}");
    }
}

#[test]
fn a51_chunks_are_as_long_as_they_may_be_and_no_longer() {
    let stream = framed(&[MAX_SEALED_CHUNK], MAX_SEALED_CHUNK);
    assert!(chunks(&stream, 1000).1.is_ok());
    let (complete, end) = chunks(&framed(&[MAX_SEALED_CHUNK + 1], 16), 1000);
    assert_eq!((complete.len(), end), (0, Err(ChunkError::TooLong)));
    // The final chunk has no length that says so beforehand.
    let (complete, end) = chunks(&framed(&[17], MAX_SEALED_CHUNK + 1), 1000);
    assert_eq!((complete.len(), end), (1, Err(ChunkError::TooLong)));
    // The greatest lengths that can be written.
    for length in ["ffffffffffffffff", "bfffffff", "80004011"] {
        let stream = hex::decode(length).unwrap();
        assert_eq!(chunks(&stream, 1).1, Err(ChunkError::TooLong));
    }
}

#[test]
fn a_chunk_without_content_is_refused_unless_it_is_the_final_one() {
    for length in 1..=16 {
        assert_eq!(chunks(&framed(&[length], 16), 5).1, Err(ChunkError::Empty));
    }
    assert!(chunks(&framed(&[17], 16), 5).1.is_ok());
    assert!(chunks(&framed(&[], 16), 5).1.is_ok());
    assert_eq!(chunks(&framed(&[], 15), 5).1, Err(ChunkError::Truncated));
}

#[test]
fn a51_chunks_are_counted() {
    let one = framed(&[17], 0)[..18].to_vec();
    let most = usize::try_from(MAX_CHUNKS).unwrap();
    let mut stream = one.repeat(most - 1);
    let last = framed(&[], 16);
    stream.extend(&last);
    assert!(chunks(&stream, 4096).1.is_ok());
    let stream = [one.repeat(most), last].concat();
    assert_eq!(chunks(&stream, 4096).1, Err(ChunkError::TooMany));
}

#[test]
fn lengths_may_be_written_in_any_form() {
    let body = [1; 20];
    for length in ["14", "4014", "80000014", "c000000000000014"] {
        for zero in ["00", "4000", "80000000", "c000000000000000"] {
            let [length, zero] = [length, zero].map(|form| hex::decode(form).unwrap());
            let stream = [&length[..], &body, &zero, &[2; 16]].concat();
            let (complete, end) = chunks(&stream, 3);
            assert_eq!((complete.len(), end), (2, Ok(())));
            assert_eq!(complete[0], body);
        }
    }
    assert_eq!(FINAL_IN_TWO, [0x40, 0]);
}

#[test]
fn a_head_of_unknown_algorithms_is_refused() {
    let refused = |head: &[u8]| {
        let mut reader = RequestReader::new();
        let mut input = head;
        let error = reader.read(&mut input).err();
        assert_eq!(reader.finish().err(), error, "it stays failed");
        error
    };
    assert_eq!(
        refused(&[1, 0, 0x10, 0, 1, 0, 1]),
        Some(EncapsulationError::UnknownKem(0x10).into())
    );
    assert_eq!(
        ResponseReader::new(2).err(),
        Some(EncapsulationError::UnknownAead(2))
    );
    for (kem, length) in [(KEM_X25519, 32), (KEM_XWING, 1120)] {
        let header = RequestHeader {
            key_id: 3,
            kem,
            kdf: 1,
            aead: 1,
        };
        let head = [&header.encode()[..], &vec![5; length]].concat();
        for end in 0..head.len() {
            let mut reader = RequestReader::new();
            assert_eq!(reader.read(&mut &head[..end]), Ok(None));
            assert_eq!(reader.finish(), Err(ChunkError::Truncated));
        }
        let found = RequestReader::new().read(&mut &head[..]);
        assert_eq!(found, Ok(Some(RequestPiece::Head(header, vec![5; length]))));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_framed_is_read_however_it_is_cut(
        lengths in prop::collection::vec(17_usize..600, 0..6),
        last in 16_usize..600,
        step in 1_usize..700,
    ) {
        let (complete, end) = chunks(&framed(&lengths, last), step);
        prop_assert_eq!(end, Ok(()));
        let found: Vec<_> = complete.iter().map(Vec::len).collect();
        prop_assert_eq!(found, [&lengths[..], &[last]].concat());
    }

    #[test]
    fn any_bytes_give_the_same_however_they_are_cut(
        stream in prop::collection::vec(prop_oneof![any::<u8>(), Just(0), Just(17)], 0..300),
        step in 1_usize..40,
        aead in prop::sample::select(vec![AEAD_AES128GCM, AEAD_CHACHA20POLY1305]),
    ) {
        prop_assert_eq!(chunks(&stream, step), chunks(&stream, stream.len().max(1)));
        let mut request = RequestReader::new();
        let mut input = &stream[..];
        while let Ok(Some(_)) = request.read(&mut input) {}
        let mut response = ResponseReader::new(aead).unwrap();
        let mut input = &stream[..];
        while let Ok(Some(_)) = response.read(&mut input) {}
    }
}
