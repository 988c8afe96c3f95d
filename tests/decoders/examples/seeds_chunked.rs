//! Writes the corpus of what comes in pieces: `cargo run -p cloister-decoders --example seeds_chunked`.
//!
//! All of it is written by hand: the framing is real, and what it frames is not sealed to anybody.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

use cloister_wire::bhttp::{
    Field, Framing, Request, RequestHead, Response, ResponseHead, ResponseWriter, encode_chunk,
    encode_end, encode_length, encode_trailers,
};
use cloister_wire::chunked::{FINAL_IN_TWO, put_length, put_request_head};
use cloister_wire::keyconfig::{AEAD_AES128GCM, KDF_HKDF_SHA256, KEM_X25519, KEM_XWING};
use cloister_wire::ohttp::RequestHeader;
use std::fs;
use std::path::Path;

/// The length of the pieces, less one, comes before the stream.
fn seed(target: &str, name: &str, step: u8, stream: &[u8]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/corpus")
        .join(target);
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), [&[step - 1], stream].concat()).unwrap();
}

fn main() {
    streams();
    messages();
}

fn streams() {
    let mut chunks = Vec::new();
    for length in [17, 40, 100] {
        put_length(length, &mut chunks).unwrap();
        chunks.extend(vec![7; length]);
    }
    for (name, kem, enc, step) in [
        ("x25519", KEM_X25519, 32, 3),
        ("xwing", KEM_XWING, 1120, 200),
    ] {
        let header = RequestHeader {
            key_id: 1,
            kem,
            kdf: KDF_HKDF_SHA256,
            aead: AEAD_AES128GCM,
        };
        let mut stream = Vec::new();
        put_request_head(&header, &vec![9; enc], &mut stream).unwrap();
        stream.extend(&chunks);
        stream.push(0);
        stream.extend([8; 20]);
        seed("chunked-request", name, step, &stream);
    }
    let last = [&FINAL_IN_TWO[..], &[8; 16]].concat();
    for (name, nonce, step) in [("aes-128-gcm", 16, 5), ("chacha20-poly1305", 32, 33)] {
        let stream = [&vec![5; nonce], &chunks[..], &last].concat();
        seed("chunked-response", name, step, &stream);
    }
    // Lengths in every form, and one that is too long.
    let forms = b"\x80\x00\x00\x11ccccccccccccccccc\xc0\x00\x00\x00\x00\x00\x00\x11ccccccccccccccccc\x80\x00\x40\x11";
    let stream = [&[5; 16][..], forms].concat();
    seed("chunked-response", "forms", 2, &stream);
}

fn messages() {
    let fields = [Field {
        name: b"content-type",
        value: b"application/json",
    }];
    let request = RequestHead {
        method: b"POST",
        scheme: b"https",
        authority: b"",
        path: b"/v1/summaries",
        fields: &fields,
    };
    let mut out = Vec::new();
    request.encode_indeterminate(&mut out).unwrap();
    encode_chunk(b"{\"text\":", &mut out).unwrap();
    encode_chunk(b"\"one\"}", &mut out).unwrap();
    encode_end(&fields, &mut out).unwrap();
    out.extend([0; 9]);
    assert!(Request::decode(&out).is_ok());
    seed("bhttp-stream", "request", 4, &out);

    for (name, framing, step) in [
        ("known-length", Framing::Known, 1),
        ("indeterminate", Framing::Indeterminate, 50),
    ] {
        let mut out = Vec::new();
        let mut writer = ResponseWriter::begin(framing, &mut out).unwrap();
        writer.informational(103, &fields, &mut out).unwrap();
        let head = ResponseHead {
            status: 200,
            fields: &[Field {
                name: b"content-length",
                value: b"2",
            }],
        };
        writer.head(&head, &mut out).unwrap();
        match framing {
            Framing::Known => {
                encode_length(2, &mut out).unwrap();
                out.extend(b"{}");
                encode_trailers(&fields, &mut out).unwrap();
            }
            Framing::Indeterminate => {
                encode_chunk(b"{}", &mut out).unwrap();
                encode_end(&fields, &mut out).unwrap();
            }
        }
        assert!(Response::decode(&out).is_ok());
        seed("bhttp-stream", name, step, &out);
    }
}
