#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use super::*;
use crate::slots::Slots;
use crate::suite::Aead;
use cloister_wire::bhttp::{EncodeError, Field, Response};
use cloister_wire::chunked::{ChunkReader, Piece};
use hpke::inout::InOutBuf;

fn reply(aead: Aead) -> ChunkedReplySealer {
    let slots = Slots::default();
    let secret = slots.filled(aead.key_length(), |secret| {
        secret.fill(2);
        Some(())
    });
    ChunkedReplySealer::new(ReplySecret::new(aead, &[1; 32], secret.unwrap(), slots))
}

/// The same keys as those of `reply`.
fn keys(aead: Aead, nonce: &[u8]) -> Keys {
    reply(aead).begin_under(nonce).unwrap().keys
}

/// The sealed chunks of a stream, lengths taken off.
fn chunks(stream: &[u8]) -> Vec<Vec<u8>> {
    let mut reader = ChunkReader::new();
    let (mut input, mut found) = (stream, vec![Vec::new()]);
    while let Some(piece) = reader.read(&mut input).unwrap() {
        match piece {
            Piece::Sealed(bytes) => found.last_mut().unwrap().extend_from_slice(bytes),
            Piece::Complete => found.push(Vec::new()),
        }
    }
    reader.finish().unwrap();
    found
}

fn open(keys: &Keys, sequence: u64, aad: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
    let (text, tag) = sealed.split_at(sealed.len() - TAG_LENGTH);
    let mut text = text.to_vec();
    keys.open(sequence, aad, InOutBuf::from(&mut text[..]), tag)?;
    Some(text)
}

#[test]
fn chunks_are_sealed_in_order_and_the_last_one_as_final() {
    for aead in [Aead::Aes128Gcm, Aead::ChaCha20Poly1305] {
        let (mut sealer, nonce) = reply(aead).begin().unwrap();
        assert_eq!(nonce.len(), aead.key_length());
        let mut stream = sealer.seal(b"one").unwrap();
        stream.extend(sealer.seal(b"two").unwrap());
        stream.extend(sealer.finish(b"").unwrap());
        let (chunks, keys) = (chunks(&stream), keys(aead, &nonce));
        assert_eq!(open(&keys, 0, b"", &chunks[0]).unwrap(), b"one");
        assert_eq!(open(&keys, 1, b"", &chunks[1]).unwrap(), b"two");
        assert_eq!(open(&keys, 2, b"final", &chunks[2]).unwrap(), b"");
        // Neither in another place, nor with the other mark.
        assert!(open(&keys, 1, b"", &chunks[0]).is_none());
        assert!(open(&keys, 0, b"final", &chunks[0]).is_none());
        assert!(open(&keys, 2, b"", &chunks[2]).is_none());
    }
}

#[test]
fn what_a_receiver_would_refuse_is_not_sealed() {
    let (mut sealer, _) = reply(Aead::Aes128Gcm).begin().unwrap();
    assert_eq!(sealer.seal(b""), Err(SealError::EmptyChunk));
    let long = [0; MAX_CHUNK + 1];
    assert_eq!(sealer.seal(&long), Err(SealError::ChunkTooLong));
    assert_eq!(sealer.sequence, 0, "a refused chunk has no number");
    let sealed = sealer.seal(&long[..MAX_CHUNK]).unwrap();
    assert_eq!(sealed.len(), 4 + MAX_CHUNK + 16);
    assert_eq!(sealer.finish(&long), Err(SealError::ChunkTooLong));
}

#[test]
fn a_reply_ends_before_its_numbers_do() {
    let (mut sealer, nonce) = reply(Aead::Aes128Gcm).begin().unwrap();
    sealer.sequence = MAX_CHUNKS - 2;
    assert!(sealer.seal(b"last but one").is_ok());
    assert_eq!(sealer.seal(b"last"), Err(SealError::Exhausted));
    assert_eq!(sealer.seal(b"last"), Err(SealError::Exhausted));
    let sealed = sealer.finish(b"last").unwrap();
    let keys = keys(Aead::Aes128Gcm, &nonce);
    let opened = open(&keys, MAX_CHUNKS - 1, b"final", &sealed[1..]);
    assert_eq!(opened.unwrap(), b"last");
}

#[test]
fn two_replies_never_share_a_nonce() {
    let seal = || {
        let (sealer, nonce) = reply(Aead::Aes128Gcm).begin().unwrap();
        (nonce, sealer.finish(b"same").unwrap())
    };
    let (one, two) = (seal(), seal());
    assert!(one.0 != two.0 && one.1 != two.1);
}

const HEAD: ResponseHead<'_> = ResponseHead {
    status: 200,
    fields: &[Field {
        name: b"content-type",
        value: b"application/json",
    }],
};

#[test]
fn a45_every_chunk_has_one_size_whatever_is_said() {
    let json: Vec<Vec<u8>> = [0, 1, 5, 300, 1018, 63, 64, 0, 999]
        .into_iter()
        .map(|length| vec![b'1'; length])
        .collect();
    for last in [0, 1, 63, 64, 700, 1020] {
        let (mut paced, nonce) = reply(Aead::Aes128Gcm).begin_paced(&HEAD).unwrap();
        let first_room = paced.room();
        assert!(first_room < REPLY_CHUNK - 4);
        let mut stream = Vec::new();
        let mut said = Vec::new();
        for content in &json {
            let content = &content[..content.len().min(paced.room())];
            let sealed = paced.seal(content).unwrap();
            assert_eq!(sealed.len(), 2 + REPLY_CHUNK + 16);
            stream.extend(sealed);
            said.extend_from_slice(content);
        }
        assert_eq!(paced.room(), REPLY_CHUNK - 4);
        let content = vec![b'2'; last];
        let sealed = paced.finish(&content).unwrap();
        assert_eq!(sealed.len(), 2 + REPLY_CHUNK + 16);
        stream.extend(sealed);
        said.extend(content);

        let keys = keys(Aead::Aes128Gcm, &nonce);
        let chunks = chunks(&stream);
        let mut plaintext = Vec::new();
        for (number, chunk) in (0..).zip(&chunks) {
            let is_last = number + 1 == chunks.len();
            let aad: &[u8] = if is_last { FINAL_AAD } else { b"" };
            let opened = open(&keys, u64::try_from(number).unwrap(), aad, chunk).unwrap();
            assert_eq!(opened.len(), REPLY_CHUNK);
            plaintext.extend(opened);
        }
        let response = Response::decode(&plaintext).ok().unwrap();
        assert_eq!(response.status, 200);
        let content = response.content.pieces().collect::<Vec<_>>().concat();
        let without_filler: Vec<u8> = content.into_iter().filter(|&byte| byte != b' ').collect();
        assert_eq!(without_filler, said);
    }
}

#[test]
fn a_paced_reply_of_one_chunk() {
    let (paced, nonce) = reply(Aead::ChaCha20Poly1305).begin_paced(&HEAD).unwrap();
    let sealed = paced.finish(b"{}").unwrap();
    assert_eq!(sealed.len(), 2 + REPLY_CHUNK + 16);
    let keys = keys(Aead::ChaCha20Poly1305, &nonce);
    let plaintext = open(&keys, 0, FINAL_AAD, &sealed[2..]).unwrap();
    let response = Response::decode(&plaintext).ok().unwrap();
    assert_eq!(response.content.as_single(), Some(&b"{}"[..]));
}

#[test]
fn content_beyond_the_room_is_refused_and_loses_nothing() {
    let (mut paced, nonce) = reply(Aead::Aes128Gcm).begin_paced(&HEAD).unwrap();
    let long = vec![b'1'; paced.room() + 1];
    assert_eq!(paced.seal(&long), Err(SealError::ChunkTooLong));
    paced.sealer.sequence = MAX_CHUNKS - 1;
    assert_eq!(paced.seal(b"1"), Err(SealError::Exhausted));
    let sealed = paced.finish(&long[1..]).unwrap();
    let keys = keys(Aead::Aes128Gcm, &nonce);
    let plaintext = open(&keys, MAX_CHUNKS - 1, FINAL_AAD, &sealed[2..]).unwrap();
    let response = Response::decode(&plaintext).ok().unwrap();
    assert_eq!(response.content.as_single(), Some(&long[1..]));

    let value = [b'x'; REPLY_CHUNK - 70];
    let head = ResponseHead {
        status: 200,
        fields: &[Field {
            name: b"long",
            value: &value,
        }],
    };
    let refused = reply(Aead::Aes128Gcm).begin_paced(&head).err();
    assert_eq!(refused, Some(SealError::Message(EncodeError::NoRoom)));
}
