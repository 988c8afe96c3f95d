//! Chunked sealing, judged by the `ohttp` crate and by the enclave's side: what we seal opens there, what they answer opens here,
//! and nothing else does.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use super::*;
use cloister_wire::bhttp::{Part, ResponseHead, ResponseStart, ResponseStream};
use cloister_wire::chunked::MAX_CHUNK;
use cloister_wire::keyconfig::{AEAD_AES128GCM, AEAD_CHACHA20POLY1305, KEM_X25519, KEM_XWING};
use futures::executor::block_on;
use futures::{AsyncReadExt, AsyncWrite, AsyncWriteExt};
use ohttp::hpke::{Aead as PeerAead, Kdf, Kem as PeerKem};
use ohttp::{KeyConfig as PeerConfig, Server, SymmetricSuite};
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Poll};

const NOW: u64 = 1_795_435_200;

fn message(length: usize) -> Vec<u8> {
    (0..=250).cycle().take(length).collect()
}

/// Seals a message; gives the stream, and what opens a reply of chunks of any size.
fn seal(configs: &KeyConfigs, message: &[u8]) -> (Vec<u8>, ChunkedReplyOpener) {
    let mut sealer = seal_chunked_to(configs).unwrap();
    let (before, last) = message.split_at(message.len() - REQUEST_CHUNK);
    let mut stream = Vec::new();
    for chunk in before.chunks(REQUEST_CHUNK) {
        stream.extend(sealer.seal(chunk).unwrap());
    }
    let (sealed, mut opener) = sealer.finish(last).unwrap();
    stream.extend(sealed);
    assert_eq!(opener.size.take(), Some(REPLY_CHUNK));
    (stream, opener)
}

/// Opens a reply that comes in slices of `step` bytes; gives its chunks.
fn open(
    mut opener: ChunkedReplyOpener,
    reply: &[u8],
    step: usize,
) -> Result<Vec<Vec<u8>>, OpenChunkError> {
    let mut chunks = Vec::new();
    for slice in reply.chunks(step) {
        let mut input = slice;
        while let Some(chunk) = opener.open(&mut input)? {
            chunks.push(chunk.to_vec());
        }
        assert!(input.is_empty());
    }
    chunks.push(opener.finish()?.to_vec());
    Ok(chunks)
}

/// What the foreign service writes.
#[derive(Clone, Default)]
struct Pipe(Arc<Mutex<Vec<u8>>>);

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut TaskContext<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_close(self: Pin<&mut Self>, _: &mut TaskContext<'_>) -> Poll<std::io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[test]
fn every_suite_works_with_the_ohttp_crate_both_ways() {
    for kem in [PeerKem::XWing, PeerKem::X25519Sha256] {
        for aead in [PeerAead::Aes128Gcm, PeerAead::ChaCha20Poly1305] {
            let suites = vec![SymmetricSuite::new(Kdf::HkdfSha256, aead)];
            let server = Server::new(PeerConfig::new(7, kem, suites).unwrap()).unwrap();
            let list = PeerConfig::encode_list(&[server.config()]).unwrap();
            let configs = KeyConfigs::decode(&list).unwrap();
            for length in [pad::LOWEST, pad::HIGHEST] {
                let question = message(length);
                let (stream, opener) = seal(&configs, &question);
                let mut request = server.clone().decapsulate_stream(&stream[..]);
                let mut heard = Vec::new();
                block_on(request.read_to_end(&mut heard)).unwrap();
                assert!(heard == question);
                let mut cut = server
                    .clone()
                    .decapsulate_stream(&stream[..stream.len() - 1]);
                assert!(block_on(cut.read_to_end(&mut Vec::new())).is_err());

                // Its nonce has 32 bytes under ChaCha20-Poly1305.
                let pipe = Pipe::default();
                let mut response = request.response(pipe.clone()).unwrap();
                block_on(async {
                    response.write_all(b"first").await.unwrap();
                    response.write_all(&question).await.unwrap();
                    response.close().await.unwrap();
                });
                let reply = pipe.0.lock().unwrap().clone();
                let chunks = open(opener, &reply, 777).unwrap();
                assert_eq!(chunks[0], b"first");
                assert_eq!(chunks.last().unwrap(), b"");
                assert!(chunks[1..].concat() == question);
            }
        }
    }
}

/// The enclave's side, with this reply in chunks.
fn answered(
    suite: (u16, u16),
    chunks: &[&[u8]],
    last: &[u8],
) -> (Vec<u8>, impl Fn() -> (Vec<u8>, ChunkedReplyOpener) + use<>) {
    let ring = Arc::new(cloister_seal::KeyRing::generate().unwrap());
    let mut configs = KeyConfigs::decode(ring.key_configs())
        .unwrap()
        .as_slice()
        .to_vec();
    configs.retain(|config| config.kem == suite.0);
    configs[0].suites.retain(|one| one.aead == suite.1);
    let configs = KeyConfigs::new(configs).unwrap();
    let (chunks, last): (Vec<Vec<u8>>, Vec<u8>) = (
        chunks.iter().map(|chunk| chunk.to_vec()).collect(),
        last.to_vec(),
    );
    let whole = [&chunks.concat()[..], &last].concat();
    let exchange = move || {
        let (stream, opener) = seal(&configs, &message(2 * pad::LOWEST));
        let mut request = ring.open_chunked();
        for slice in stream.chunks(1000) {
            request.push(&ring, slice).unwrap();
        }
        let window = cloister_seal::ReplayWindow::new(NOW);
        let opened = request.finish(&window, NOW).ok().unwrap();
        assert!(opened.plaintext() == message(2 * pad::LOWEST));
        let (mut sealer, mut reply) = opened.into_parts().1.begin().unwrap();
        for chunk in &chunks {
            reply.extend(sealer.seal(chunk).unwrap());
        }
        reply.extend(sealer.finish(&last).unwrap());
        (reply, opener)
    };
    (whole, exchange)
}

const SMALL: (u16, u16) = (KEM_X25519, AEAD_AES128GCM);

#[test]
fn the_enclave_opens_what_the_device_seals_and_the_device_its_reply() {
    for kem in [KEM_XWING, KEM_X25519] {
        for aead in [AEAD_AES128GCM, AEAD_CHACHA20POLY1305] {
            let longest = message(MAX_CHUNK);
            let (whole, exchange) = answered((kem, aead), &[b"a", &longest, b"bc"], b"end");
            for step in [1, 16, 1000, 100_000] {
                let (reply, opener) = exchange();
                assert!(open(opener, &reply, step).unwrap().concat() == whole);
            }
        }
    }
}

#[test]
fn a41_a_reply_cut_anywhere_is_said_to_be_cut() {
    let (_, exchange) = answered(SMALL, &[b"one", b"two"], b"end");
    let length = exchange().0.len();
    let tag_complete = length - 3;
    for end in 0..length {
        let (reply, opener) = exchange();
        let expected = if end < tag_complete {
            OpenChunkError::Truncated
        } else {
            OpenChunkError::NotAuthentic
        };
        assert_eq!(
            open(opener, &reply[..end], 9),
            Err(expected),
            "cut to {end}"
        );
    }
}

#[test]
fn every_changed_byte_of_a_reply_is_refused() {
    let (_, exchange) = answered(SMALL, &[b"one", b"two"], b"end");
    for at in 0..exchange().0.len() {
        let (mut reply, opener) = exchange();
        reply[at] ^= 1 << (at % 8);
        assert!(open(opener, &reply, 40).is_err(), "byte {at}");
    }
}

#[test]
fn chunks_moved_doubled_dropped_or_from_elsewhere_are_refused() {
    let (_, exchange) = answered(SMALL, &[b"one", b"two"], b"end");
    let nonce = 16;
    let chunk = 1 + 3 + 16;
    let parts = |reply: &[u8]| -> [Vec<u8>; 3] {
        [0, 1, 2].map(|number| reply[nonce + number * chunk..][..chunk].to_vec())
    };
    let other = exchange().0;
    let [x, _, z] = parts(&other);
    for attempt in 0..9 {
        let (reply, opener) = exchange();
        let [a, b, c] = parts(&reply);
        let mut as_final = b.clone();
        as_final[0] = 0;
        let order = match attempt {
            0 => [&b, &a, &c].map(Clone::clone).concat(),
            1 => [&a, &a, &b, &c].map(Clone::clone).concat(),
            2 => [&b, &c].map(Clone::clone).concat(),
            3 => [&a, &c].map(Clone::clone).concat(),
            4 => c.clone(),
            5 => [&x, &b, &c].map(Clone::clone).concat(),
            6 => [&a, &b, &z].map(Clone::clone).concat(),
            7 => [&a, &as_final].map(Clone::clone).concat(),
            _ => [&a, &b, &c, &c].map(Clone::clone).concat(),
        };
        let changed = [&reply[..nonce], &order].concat();
        assert_eq!(
            open(opener, &changed, 11),
            Err(OpenChunkError::NotAuthentic),
            "attempt {attempt}"
        );
    }
    // Another reply as a whole, and this one's chunks behind that one's nonce.
    let (reply, opener) = exchange();
    assert_eq!(open(opener, &other, 11), Err(OpenChunkError::NotAuthentic));
    let (_, opener) = exchange();
    let spliced = [&other[..nonce], &reply[nonce..]].concat();
    assert_eq!(
        open(opener, &spliced, 11),
        Err(OpenChunkError::NotAuthentic)
    );
}

#[test]
fn an_opener_that_failed_stays_failed() {
    let (_, exchange) = answered(SMALL, &[b"one"], b"end");
    let (reply, mut opener) = exchange();
    let mut wrong = reply.clone();
    wrong[20] ^= 1;
    let refused = Err(OpenChunkError::NotAuthentic);
    assert_eq!(opener.open(&mut &wrong[..]), refused);
    assert_eq!(opener.open(&mut &reply[16..]), refused);
    assert_eq!(opener.finish().err(), refused.err());
}

#[test]
fn a45_requests_have_chunks_of_one_size_and_a_rung_in_all() {
    let ring = cloister_seal::KeyRing::generate().unwrap();
    let configs = KeyConfigs::decode(ring.key_configs()).unwrap();
    let chunk = message(REQUEST_CHUNK);
    let mut sealer = seal_chunked_to(&configs).unwrap();
    assert_eq!(sealer.suite(), "X-Wing, HKDF-SHA256, AES-128-GCM");
    for size in [0, 1, REQUEST_CHUNK - 1] {
        let refused = Some(SealChunkError::Size(size));
        assert_eq!(sealer.seal(&chunk[..size]).err(), refused);
    }
    // The refused ones have left no trace: this is the first.
    let on_wire = 2 + REQUEST_CHUNK + 16;
    assert_eq!(sealer.seal(&chunk).unwrap().len(), 7 + 1120 + on_wire);
    assert_eq!(sealer.seal(&chunk).unwrap().len(), on_wire);
    let three = 3 * REQUEST_CHUNK;
    assert_eq!(
        sealer.finish(&chunk).err(),
        Some(SealChunkError::Unpadded(three))
    );

    let mut sealer = seal_chunked_to(&configs).unwrap();
    for _ in 1..pad::HIGHEST / REQUEST_CHUNK {
        sealer.seal(&chunk).unwrap();
    }
    assert_eq!(
        sealer.seal(&chunk).err(),
        Some(SealChunkError::Unpadded(pad::HIGHEST))
    );
    let (sealed, _) = sealer.finish(&chunk).unwrap();
    assert_eq!(
        sealed.len(),
        on_wire,
        "the final chunk has the size of the others"
    );
}

#[test]
fn a45_a_paced_reply_is_read_part_by_part_and_others_are_refused() {
    let ring = cloister_seal::KeyRing::generate().unwrap();
    let configs = KeyConfigs::decode(ring.key_configs()).unwrap();
    let exchange = || {
        let sealer = seal_chunked_to(&configs).unwrap();
        let (stream, opener) = sealer.finish(&message(REQUEST_CHUNK)).unwrap();
        let mut request = ring.open_chunked();
        request.push(&ring, &stream).unwrap();
        let window = cloister_seal::ReplayWindow::new(NOW);
        let opened = request.finish(&window, NOW).ok().unwrap();
        (opened.into_parts().1, opener)
    };
    let (sealer, mut opener) = exchange();
    let head = ResponseHead {
        status: 200,
        fields: &[],
    };
    let (mut paced, nonce) = sealer.begin_paced(&head).unwrap();
    assert_eq!(opener.open(&mut &nonce[..]), Ok(None));
    let mut stream = ResponseStream::new();
    let mut json = Vec::new();
    let mut read = |stream: &mut ResponseStream, plaintext: &[u8], more: bool| {
        let mut input = plaintext;
        while let Some(part) = stream.next(&mut input, more).unwrap() {
            match part {
                Part::Head(ResponseStart::Final(status, _)) => assert_eq!(status, 200),
                Part::Content(content) => json.extend_from_slice(content),
                Part::Trailers(trailers) => assert_eq!(trailers.iter().count(), 0),
                Part::Head(_) => panic!("no informational response was sent"),
            }
        }
        assert!(input.is_empty(), "each chunk holds whole parts");
    };
    for beat in [&b"{\"a\":"[..], b"", b"1"] {
        let sealed = paced.seal(beat).unwrap();
        // It can be read at once, with nothing of what follows.
        let mut input = &sealed[..];
        read(&mut stream, opener.open(&mut input).unwrap().unwrap(), true);
        assert_eq!(opener.open(&mut input), Ok(None));
    }
    let sealed = paced.finish(b"}").unwrap();
    assert_eq!(opener.open(&mut &sealed[..]), Ok(None));
    read(&mut stream, &opener.finish().unwrap(), false);
    let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json, serde_json::json!({"a": 1}));

    for (before, last, size) in [
        (REPLY_CHUNK - 1, REPLY_CHUNK, REPLY_CHUNK - 1),
        (REPLY_CHUNK + 1, REPLY_CHUNK, REPLY_CHUNK + 1),
        (REPLY_CHUNK, 0, 0),
    ] {
        let (sealer, opener) = exchange();
        let (mut sealer, mut reply) = sealer.begin().unwrap();
        reply.extend(sealer.seal(&vec![1; before]).unwrap());
        reply.extend(sealer.finish(&vec![1; last]).unwrap());
        assert_eq!(
            open(opener, &reply, 512),
            Err(OpenChunkError::Unpadded(size))
        );
    }
}

#[test]
fn the_drafts_response_opens() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../enclave/wire/vectors/ohttp-chunked-08/example.json");
    let example: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let bytes = |name: &str| hex::decode(example[name].as_str().unwrap()).unwrap();
    let reply = bytes("encapsulated_response");
    for step in 1..=reply.len() {
        let opener = ChunkedReplyOpener {
            reader: ResponseReader::new(AEAD_AES128GCM).unwrap(),
            secret: ReplySecret {
                aead: AEAD_AES128GCM,
                enc: bytes("client_ephemeral_public_key"),
                secret: Zeroizing::new(bytes("exported_secret")),
            },
            keys: None,
            sequence: 0,
            size: None,
            chunk: Zeroizing::new(Vec::with_capacity(MAX_SEALED_CHUNK)),
            is_open: false,
            failed: None,
        };
        let chunks = open(opener, &reply, step).unwrap();
        assert_eq!(chunks, [&b"\x01"[..], b"\x40\xc8", b""]);
    }
}

#[test]
fn plaintext_is_never_moved() {
    let longest = message(MAX_CHUNK);
    let (_, exchange) = answered(SMALL, &[&longest, &longest], &longest);
    let (reply, mut opener) = exchange();
    let place = opener.chunk.as_ptr();
    for slice in reply.chunks(1000) {
        let mut input = slice;
        while let Some(chunk) = opener.open(&mut input).unwrap() {
            assert_eq!(chunk.as_ptr(), place);
        }
    }
    assert_eq!(opener.finish().unwrap().as_ptr(), place);
}
