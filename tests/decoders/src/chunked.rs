//! The decoders of what comes in pieces: chunked streams, and binary HTTP bit by bit.
//!
//! The first byte of the input says how long the pieces are. Whatever they are, the outcome must be that of one piece.

use cloister_wire::bhttp::{
    MAX_UNREAD, Part, Request, RequestStream, Response, ResponseStart, ResponseStream,
};
use cloister_wire::chunked::{
    ChunkError, MAX_SEALED_CHUNK, Piece, RequestPiece, RequestReader, ResponsePiece, ResponseReader,
};
use cloister_wire::keyconfig::{AEAD_AES128GCM, AEAD_CHACHA20POLY1305};

/// What a stream came to, without keeping any of it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    head: usize,
    complete: usize,
    sealed: usize,
    /// Mixes all sealed bytes, each with its place.
    sum: u64,
}

impl Seen {
    fn sealed(&mut self, bytes: &[u8]) {
        assert!(!bytes.is_empty());
        for byte in bytes {
            self.sealed += 1;
            self.sum = self.sum.wrapping_mul(31).wrapping_add(u64::from(*byte));
        }
    }

    fn piece(&mut self, piece: Piece<'_>, current: &mut usize) {
        match piece {
            Piece::Sealed(bytes) => {
                self.sealed(bytes);
                *current += bytes.len();
                assert!(*current <= MAX_SEALED_CHUNK);
            }
            Piece::Complete => {
                assert!(*current > 16);
                self.complete += 1;
                *current = 0;
            }
        }
    }
}

type Outcome = (Seen, Result<(), ChunkError>);

fn read_request(stream: &[u8], step: usize) -> Outcome {
    let (mut seen, mut current) = (Seen::default(), 0);
    let mut reader = RequestReader::new();
    for slice in stream.chunks(step) {
        let mut input = slice;
        loop {
            match reader.read(&mut input) {
                Ok(Some(RequestPiece::Head(header, enc))) => {
                    assert_eq!(seen.head, 0);
                    seen.head = header.encode().len() + enc.len();
                    assert!(stream.starts_with(&header.encode()));
                }
                Ok(Some(RequestPiece::Chunk(piece))) => seen.piece(piece, &mut current),
                Ok(None) => break,
                Err(error) => return (seen, Err(error)),
            }
        }
        assert!(input.is_empty());
    }
    (seen, reader.finish())
}

fn read_response(stream: &[u8], step: usize, aead: u16) -> Outcome {
    let (mut seen, mut current) = (Seen::default(), 0);
    let Ok(mut reader) = ResponseReader::new(aead) else {
        unreachable!("the AEAD is known");
    };
    for slice in stream.chunks(step) {
        let mut input = slice;
        loop {
            match reader.read(&mut input) {
                Ok(Some(ResponsePiece::Nonce(nonce))) => {
                    assert_eq!(seen.head, 0);
                    seen.head = nonce.len();
                    assert!(stream.starts_with(&nonce));
                }
                Ok(Some(ResponsePiece::Chunk(piece))) => seen.piece(piece, &mut current),
                Ok(None) => break,
                Err(error) => return (seen, Err(error)),
            }
        }
        assert!(input.is_empty());
    }
    (seen, reader.finish())
}

/// The length of the pieces, and the stream.
fn pieces(data: &[u8]) -> (usize, &[u8]) {
    let Some((step, stream)) = data.split_first() else {
        return (1, &[]);
    };
    (usize::from(*step) + 1, stream)
}

fn same(whole: &Outcome, pieces: &Outcome) {
    // A piece of a chunk that turns out to be too long is handed on or not, as the slices fall.
    if whole.1 == Err(ChunkError::TooLong) || pieces.1 == Err(ChunkError::TooLong) {
        assert_eq!(whole.1, pieces.1);
    } else {
        assert_eq!(whole, pieces);
    }
}

pub(crate) fn request(data: &[u8]) {
    let (step, stream) = pieces(data);
    same(
        &read_request(stream, stream.len().max(1)),
        &read_request(stream, step),
    );
}

pub(crate) fn response(data: &[u8]) {
    let (step, stream) = pieces(data);
    for aead in [AEAD_AES128GCM, AEAD_CHACHA20POLY1305] {
        same(
            &read_response(stream, stream.len().max(1), aead),
            &read_response(stream, step, aead),
        );
    }
}

/// Shows a stream its message piece by piece, as a caller does that keeps what was left unread; gives the bytes of content, or
/// nothing when it is refused. The message is one slice here, so nothing needs to be copied.
fn content_of(
    message: &[u8],
    step: usize,
    mut next: impl FnMut(&mut &[u8], bool, &mut u64) -> Option<bool>,
) -> Option<u64> {
    let (mut taken, mut shown, mut sum) = (0, 0, 0);
    loop {
        shown = message.len().min(shown + step);
        let more = shown < message.len();
        let mut input = message.get(taken..shown).unwrap_or_default();
        while next(&mut input, more, &mut sum)? {}
        assert!(input.len() <= MAX_UNREAD);
        taken = shown - input.len();
        if !more {
            assert!(input.is_empty());
            return Some(sum);
        }
    }
}

fn mix(sum: &mut u64, bytes: &[u8]) {
    for byte in bytes {
        *sum = sum.wrapping_mul(31).wrapping_add(u64::from(*byte)) + 1;
    }
}

pub(crate) fn bhttp(data: &[u8]) {
    let (step, message) = pieces(data);
    let whole = |mut pieces: cloister_wire::bhttp::Pieces<'_>| {
        let mut sum = 0;
        pieces.by_ref().for_each(|piece| mix(&mut sum, piece));
        sum
    };
    let mut stream = RequestStream::new();
    let found = content_of(message, step, |input, more, sum| {
        let part = stream.next(input, more).ok()?;
        if let Some(Part::Content(content)) = &part {
            mix(sum, content);
        }
        Some(part.is_some())
    });
    let expected = Request::decode(message).map(|request| whole(request.content.pieces()));
    assert_eq!(found, expected.ok());

    let (mut stream, mut informational) = (ResponseStream::new(), 0);
    let found = content_of(message, step, |input, more, sum| {
        let part = stream.next(input, more).ok()?;
        match &part {
            Some(Part::Content(content)) => mix(sum, content),
            Some(Part::Head(ResponseStart::Informational(one))) => {
                assert!((100..200).contains(&one.status));
                informational += 1;
            }
            _ => {}
        }
        Some(part.is_some())
    });
    let expected = Response::decode(message).map(|response| {
        assert_eq!(response.informational.len(), informational);
        whole(response.content.pieces())
    });
    assert_eq!(found, expected.ok());
}
