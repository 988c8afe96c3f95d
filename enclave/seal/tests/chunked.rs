//! Requests and replies in chunks: every attack on the stream of a device of our own, and the `ohttp` crate as a foreign device.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

#[macro_use]
mod lacks;

use cloister_seal::{
    ChunkedReplySealer, ChunkedRequest, KeyRing, MAX_PLAINTEXT, OpenError, Opened, ReplayWindow,
};
use cloister_wire::chunked::{MAX_CHUNK, REQUEST_LABEL, put_length};
use cloister_wire::keyconfig::{
    AEAD_AES128GCM, AEAD_CHACHA20POLY1305, KEM_X25519, KEM_XWING, KeyConfig, KeyConfigs,
};
use cloister_wire::ohttp::{RequestHeader, request_info};
use futures::executor::block_on;
use futures::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use hpke::aead::{AeadCtxS, AesGcm128};
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{Deserializable, Kem, OpModeS, Serializable};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

const NOW: u64 = 1_795_435_200;
const SUITES: [(u16, u16); 4] = [
    (KEM_XWING, AEAD_AES128GCM),
    (KEM_XWING, AEAD_CHACHA20POLY1305),
    (KEM_X25519, AEAD_AES128GCM),
    (KEM_X25519, AEAD_CHACHA20POLY1305),
];

fn config(ring: &KeyRing, kem: u16) -> KeyConfig {
    let configs = KeyConfigs::decode(ring.key_configs()).unwrap();
    let mut all = configs.as_slice().iter();
    all.find(|config| config.kem == kem).unwrap().clone()
}

/// A device that seals what it likes, under X25519 and AES-128-GCM.
struct Device {
    head: Vec<u8>,
    context: AeadCtxS<AesGcm128, HkdfSha256, X25519HkdfSha256>,
}

impl Device {
    fn new(ring: &KeyRing) -> Self {
        Self::with_label(ring, REQUEST_LABEL)
    }

    fn with_label(ring: &KeyRing, label: &[u8]) -> Self {
        let config = config(ring, KEM_X25519);
        let header = RequestHeader {
            key_id: config.key_id,
            kem: config.kem,
            kdf: 1,
            aead: AEAD_AES128GCM,
        };
        let key = <X25519HkdfSha256 as Kem>::PublicKey::from_bytes(&config.public_key).unwrap();
        let info = request_info(label, &header);
        let (enc, context) = hpke::setup_sender::<AesGcm128, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            &key,
            &info,
        )
        .unwrap();
        let head = [&header.encode()[..], &enc.to_bytes()].concat();
        Self { head, context }
    }

    /// The next sealed chunk, without its length.
    fn seal(&mut self, text: &[u8], aad: &[u8]) -> Vec<u8> {
        self.context.seal(text, aad).unwrap()
    }
}

/// A sealed chunk behind its length.
fn framed(sealed: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    put_length(sealed.len(), &mut out).unwrap();
    out.extend_from_slice(sealed);
    out
}

fn last(sealed: &[u8]) -> Vec<u8> {
    [&[0], sealed].concat()
}

/// Head, and the framed chunks of "alpha", "beta", "gamma" and a final "delta".
fn parts(ring: &KeyRing) -> (Vec<u8>, [Vec<u8>; 4]) {
    let mut device = Device::new(ring);
    let chunks = [
        framed(&device.seal(b"alpha", b"")),
        framed(&device.seal(b"beta", b"")),
        framed(&device.seal(b"gamma", b"")),
        last(&device.seal(b"delta", b"final")),
    ];
    (device.head, chunks)
}

fn open_by(
    ring: &KeyRing,
    window: &ReplayWindow,
    stream: &[u8],
    step: usize,
) -> Result<Opened<ChunkedReplySealer>, OpenError> {
    let mut request = ring.open_chunked();
    for slice in stream.chunks(step) {
        request.push(ring, slice)?;
    }
    request.finish(window, NOW)
}

fn refusal(ring: &KeyRing, window: &ReplayWindow, stream: &[u8]) -> Option<OpenError> {
    open_by(ring, window, stream, 50).err()
}

#[test]
fn a_request_opens_however_it_is_cut_up() {
    let ring = KeyRing::generate().unwrap();
    let (head, chunks) = parts(&ring);
    let stream = [&head[..], &chunks.concat()].concat();
    for step in 1..=stream.len() {
        let window = ReplayWindow::new(NOW);
        let opened = open_by(&ring, &window, &stream, step).ok().unwrap();
        assert_eq!(opened.plaintext(), b"alphabetagammadelta");
        assert!(opened.admitted().admit_date(NOW).is_ok());
        assert!(opened.admitted().admit_date(NOW + 301).is_err());
    }
}

#[test]
fn a41_a_request_cut_anywhere_is_not_opened() {
    let ring = KeyRing::generate().unwrap();
    let window = ReplayWindow::new(NOW);
    let (head, chunks) = parts(&ring);
    let stream = [&head[..], &chunks.concat()].concat();
    // From where the final chunk is as long as a tag, only its tag can tell.
    let tag_complete = stream.len() - (5 + 16) + 16;
    for end in 0..stream.len() {
        let expected = if end < tag_complete {
            OpenError::Truncated
        } else {
            OpenError::CannotOpen
        };
        assert_eq!(
            refusal(&ring, &window, &stream[..end]),
            Some(expected),
            "cut to {end}"
        );
    }
    // Cut where a chunk ends, and given an end of the attacker's making.
    for number in 0..4 {
        let cut = [&head[..], &chunks[..number].concat(), &[0], &[7; 16]].concat();
        assert_eq!(refusal(&ring, &window, &cut), Some(OpenError::CannotOpen));
        // A chunk before the final one, marked as final.
        let mut marked = chunks[number].clone();
        marked[0] = 0;
        let cut = [&head[..], &chunks[..number].concat(), &marked].concat();
        let expected = (number < 3).then_some(OpenError::CannotOpen);
        assert_eq!(refusal(&ring, &window, &cut), expected);
    }
    assert_eq!(
        refusal(&ring, &window, &stream),
        Some(OpenError::Replayed),
        "only the whole one was let in, and only once"
    );
}

#[test]
fn every_flipped_bit_is_refused() {
    let ring = KeyRing::generate().unwrap();
    let window = ReplayWindow::new(NOW);
    let (head, chunks) = parts(&ring);
    let mut stream = [&head[..], &chunks.concat()].concat();
    for at in 0..stream.len() {
        for bit in 0..8 {
            stream[at] ^= 1 << bit;
            let found = refusal(&ring, &window, &stream);
            assert!(found.is_some(), "byte {at} bit {bit}");
            match at {
                0..=2 => assert_eq!(found, Some(OpenError::UnknownKey)),
                7..=38 => assert_eq!(found, Some(OpenError::CannotOpen)),
                _ => assert_ne!(found, Some(OpenError::Replayed)),
            }
            stream[at] ^= 1 << bit;
        }
    }
    assert_eq!(refusal(&ring, &window, &stream), None);
}

#[test]
fn chunks_moved_doubled_dropped_or_from_elsewhere_are_refused() {
    let ring = KeyRing::generate().unwrap();
    let window = ReplayWindow::new(NOW);
    let (head, chunks) = parts(&ring);
    let (other_head, other) = parts(&ring);
    let stream = |order: &[&Vec<u8>]| {
        let mut stream = head.clone();
        for chunk in order {
            stream.extend_from_slice(chunk);
        }
        stream
    };
    let [a, b, c, d] = &chunks;
    for order in [
        vec![b, a, c, d],
        vec![a, c, b, d],
        vec![a, a, b, c, d],
        vec![a, b, c, c, d],
        vec![b, c, d],
        vec![a, c, d],
        vec![a, b, d],
        vec![d],
        // Chunks of another message to the same key, in their right places.
        vec![&other[0], b, c, d],
        vec![a, b, &other[2], d],
        vec![a, b, c, &other[3]],
    ] {
        assert_eq!(
            refusal(&ring, &window, &stream(&order)),
            Some(OpenError::CannotOpen)
        );
    }
    // The final chunk twice, and bytes behind it: they are part of it.
    for more in [&d[..], b"\0", b"more"] {
        let mut longer = stream(&[a, b, c, d]);
        longer.extend_from_slice(more);
        assert_eq!(
            refusal(&ring, &window, &longer),
            Some(OpenError::CannotOpen)
        );
    }
    // The head of one message before the chunks of the other.
    let spliced = [&other_head[..], &chunks.concat()].concat();
    assert_eq!(
        refusal(&ring, &window, &spliced),
        Some(OpenError::CannotOpen)
    );
    assert_eq!(refusal(&ring, &window, &stream(&[a, b, c, d])), None);
}

#[test]
fn marks_that_do_not_fit_are_refused() {
    let ring = KeyRing::generate().unwrap();
    let window = ReplayWindow::new(NOW);
    let attempt = |before: &[u8], before_aad: &[u8], end: &[u8], end_aad: &[u8]| {
        let mut device = Device::new(&ring);
        let before = framed(&device.seal(before, before_aad));
        let end = last(&device.seal(end, end_aad));
        refusal(&ring, &window, &[&device.head[..], &before, &end].concat())
    };
    let refused = Some(OpenError::CannotOpen);
    assert_eq!(attempt(b"text", b"", b"end", b"final"), None);
    assert_eq!(attempt(b"text", b"", b"", b"final"), None);
    for wrong in [&b""[..], b"Final", b"final\0", b"fina"] {
        assert_eq!(attempt(b"text", b"", b"end", wrong), refused);
    }
    assert_eq!(attempt(b"text", b"final", b"end", b"final"), refused);
    // The draft's section 6: a chunk without content before the final one.
    assert_eq!(attempt(b"", b"", b"end", b"final"), refused);
}

#[test]
fn a_whole_request_is_no_chunk_and_a_chunk_no_whole_request() {
    let ring = KeyRing::generate().unwrap();
    let window = ReplayWindow::new(NOW);
    // The labels differ, so that neither opens as the other, whatever the framing.
    let mut device = Device::with_label(&ring, b"message/bhttp request");
    let sealed = device.seal(b"text", b"final");
    let stream = [&device.head[..], &last(&sealed)].concat();
    assert_eq!(
        refusal(&ring, &window, &stream),
        Some(OpenError::CannotOpen)
    );
    let mut device = Device::new(&ring);
    let sealed = device.seal(b"text", b"");
    let whole = [&device.head[..], &sealed].concat();
    assert_eq!(
        ring.open(&whole, &window, NOW).err(),
        Some(OpenError::CannotOpen)
    );
}

#[test]
fn a42_another_ring_or_key_opens_nothing() {
    let (ring, other) = (KeyRing::generate().unwrap(), KeyRing::generate().unwrap());
    let window = ReplayWindow::new(NOW);
    let (head, chunks) = parts(&ring);
    let stream = [&head[..], &chunks.concat()].concat();
    assert_eq!(
        refusal(&other, &window, &stream),
        Some(OpenError::CannotOpen)
    );
    for (at, value, expected) in [
        (0, 1, OpenError::UnknownKey),
        (0, 9, OpenError::UnknownKey),
        (4, 2, OpenError::UnsupportedSuite),
        (6, 2, OpenError::UnsupportedSuite),
        (6, 3, OpenError::CannotOpen),
    ] {
        let mut stream = stream.clone();
        stream[at] = value;
        assert_eq!(refusal(&ring, &window, &stream), Some(expected));
    }
    assert_eq!(refusal(&ring, &window, &stream), None);
}

#[test]
fn a51_chunks_and_requests_have_the_longest_size_and_no_longer() {
    let ring = KeyRing::generate().unwrap();
    let window = ReplayWindow::new(NOW);
    let long = vec![7; MAX_CHUNK + 1];
    let request = |texts: &[&[u8]], end: &[u8]| {
        let mut device = Device::new(&ring);
        let mut stream = device.head.clone();
        for text in texts {
            stream.extend(framed(&device.seal(text, b"")));
        }
        stream.extend(last(&device.seal(end, b"final")));
        open_by(&ring, &window, &stream, 10_000).map(|opened| opened.plaintext().len())
    };
    let max = &long[..MAX_CHUNK];
    assert_eq!(request(&[max], max), Ok(2 * MAX_CHUNK));
    assert_eq!(request(&[&long], b""), Err(OpenError::TooLarge));
    assert_eq!(request(&[], &long), Err(OpenError::TooLarge));
    // As many as the highest rung of the ladder holds, with the last byte in the final chunk, and one byte more.
    let most = vec![max; MAX_PLAINTEXT / MAX_CHUNK - 1];
    assert_eq!(request(&most, max), Ok(MAX_PLAINTEXT));
    assert_eq!(
        request(&[&most[..], &[max]].concat(), b""),
        Ok(MAX_PLAINTEXT)
    );
    assert_eq!(
        request(&[&most[..], &[max]].concat(), b"1"),
        Err(OpenError::TooLarge)
    );
}

#[test]
fn a_request_that_failed_stays_failed() {
    let ring = KeyRing::generate().unwrap();
    let window = ReplayWindow::new(NOW);
    let (head, chunks) = parts(&ring);
    let mut wrong = chunks[0].clone();
    wrong[3] ^= 1;
    let mut request = ring.open_chunked();
    request.push(&ring, &head).unwrap();
    let refused = Err(OpenError::CannotOpen);
    assert_eq!(request.push(&ring, &wrong), refused);
    // What would have been right does not help any more.
    assert_eq!(request.push(&ring, &chunks.concat()), refused);
    assert_eq!(request.finish(&window, NOW).err(), refused.err());
}

#[test]
fn no_request_opens_twice_nor_when_the_window_is_full() {
    let ring = KeyRing::generate().unwrap();
    let window = ReplayWindow::with_capacity(NOW, 1);
    let (head, chunks) = parts(&ring);
    let stream = [&head[..], &chunks.concat()].concat();
    // Two at the same time: both are read, and one of them is let in.
    let (mut one, mut two) = (ring.open_chunked(), ring.open_chunked());
    one.push(&ring, &stream).unwrap();
    two.push(&ring, &stream).unwrap();
    assert!(two.finish(&window, NOW).is_ok());
    assert_eq!(one.finish(&window, NOW).err(), Some(OpenError::Replayed));
    let (head, chunks) = parts(&ring);
    let stream = [&head[..], &chunks.concat()].concat();
    assert_eq!(
        refusal(&ring, &window, &stream),
        Some(OpenError::WindowFull)
    );
}

#[test]
fn random_bytes_open_nothing() {
    use proptest::prelude::*;
    use proptest::test_runner::{Config, TestRunner};
    let ring = KeyRing::generate().unwrap();
    let window = ReplayWindow::new(NOW);
    let (head, chunks) = parts(&ring);
    let mut runner = TestRunner::new(Config {
        cases: 64,
        failure_persistence: None,
        ..Config::default()
    });
    let bytes = prop::collection::vec(prop_oneof![any::<u8>(), Just(0), Just(21)], 0..200);
    runner
        .run(&(bytes, 0_usize..4), |(bytes, kept)| {
            prop_assert!(refusal(&ring, &window, &bytes).is_some());
            let stream = [&head[..], &chunks[..kept].concat(), &bytes].concat();
            prop_assert!(refusal(&ring, &window, &stream).is_some());
            Ok(())
        })
        .unwrap();
}

/// What the foreign device writes.
#[derive(Clone, Default)]
struct Pipe(Arc<Mutex<Vec<u8>>>);

impl Pipe {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap())
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn the_other_implementation_is_understood_and_understands() {
    ohttp::init();
    let ring = KeyRing::generate().unwrap();
    let window = ReplayWindow::new(NOW);
    for (kem, aead) in SUITES {
        for length in [0, 1, 4096, 16384, 16385, 100_000] {
            let question: Vec<u8> = (0..=250).cycle().take(length).collect();
            let mut config = config(&ring, kem);
            // It takes the first pair that it knows, so it is offered one.
            config.suites.retain(|suite| suite.aead == aead);
            let client =
                ohttp::ClientRequest::from_encoded_config(&config.encode().unwrap()).unwrap();
            let pipe = Pipe::default();
            let mut client = client.encapsulate_stream(pipe.clone()).unwrap();
            block_on(async {
                client.write_all(&question).await.unwrap();
                client.close().await.unwrap();
            });
            let sealed = pipe.take();
            let opened = open_by(&ring, &window, &sealed, 4099)
                .map_err(|error| panic!("{kem:#x} {aead} {length}: {error}"))
                .ok()
                .unwrap();
            assert!(opened.plaintext() == question);

            // Its client reads a response nonce of 32 bytes into 16, and panics: it is asked under AES-128-GCM alone.
            if aead == AEAD_CHACHA20POLY1305 {
                continue;
            }
            let (plaintext, sealer) = opened.into_parts();
            let (mut sealer, mut reply) = sealer.begin().unwrap();
            let mut chunks = plaintext.as_slice().chunks(5000).peekable();
            while let Some(chunk) = chunks.next_if(|chunk| chunk.len() == 5000) {
                reply.extend(sealer.seal(chunk).unwrap());
            }
            reply.extend(sealer.finish(chunks.next().unwrap_or_default()).unwrap());
            let mut answer = Vec::new();
            let read = |reply: &[u8], answer: &mut Vec<u8>| {
                let mut response = client.response(reply).unwrap();
                block_on(response.read_to_end(answer)).is_ok()
            };
            assert!(read(&reply, &mut answer));
            assert!(answer == question);
            assert!(!read(&reply[..reply.len() - 1], &mut Vec::new()), "cut");
        }
    }
}

#[test]
fn a45_the_other_implementation_reads_a_paced_reply() {
    use cloister_wire::bhttp::{Response, ResponseHead};
    ohttp::init();
    let ring = KeyRing::generate().unwrap();
    let window = ReplayWindow::new(NOW);
    let config = config(&ring, KEM_XWING).encode().unwrap();
    let client = ohttp::ClientRequest::from_encoded_config(&config).unwrap();
    let pipe = Pipe::default();
    let mut client = client.encapsulate_stream(pipe.clone()).unwrap();
    block_on(client.close()).unwrap();
    let opened = open_by(&ring, &window, &pipe.take(), 1).ok().unwrap();
    assert!(opened.plaintext().is_empty());
    let head = ResponseHead {
        status: 200,
        fields: &[],
    };
    let (mut paced, mut reply) = opened.into_parts().1.begin_paced(&head).unwrap();
    for beat in [&b"[1,"[..], b"", b"", b"2"] {
        reply.extend(paced.seal(beat).unwrap());
    }
    reply.extend(paced.finish(b"]").unwrap());
    assert_eq!(reply.len(), 16 + 5 * (2 + 1024 + 16));
    let mut answer = Vec::new();
    let mut response = client.response(&reply[..]).unwrap();
    block_on(response.read_to_end(&mut answer)).unwrap();
    let response = Response::decode(&answer).ok().unwrap();
    let content = response.content.pieces().collect::<Vec<_>>().concat();
    let json: serde_json::Value = serde_json::from_slice(&content).unwrap();
    assert_eq!(json, serde_json::json!([1, 2]));
}

assert_lacks!(ChunkedRequest: core::fmt::Debug, core::fmt::Display, Clone);
assert_lacks!(ChunkedReplySealer: core::fmt::Debug, core::fmt::Display, Clone);
assert_lacks!(cloister_seal::ChunkSealer: core::fmt::Debug, core::fmt::Display, Clone);
assert_lacks!(cloister_seal::PacedReply: core::fmt::Debug, core::fmt::Display, Clone);

#[test]
fn they_may_move_between_threads() {
    fn sendable<T: Send>() {}
    sendable::<ChunkedRequest>();
    sendable::<ChunkedReplySealer>();
    sendable::<cloister_seal::PacedReply>();
}
