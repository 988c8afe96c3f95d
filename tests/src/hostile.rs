//! Bytes that no honest peer sends: what is written to a TCP or TLS listener to see that nothing breaks.

use std::sync::Arc;

use rustls::pki_types::ServerName;

use crate::seeded::Seeded;
use crate::tls;

/// One hostile input and its name.
#[derive(Clone, Debug)]
pub struct Hostile {
    /// What it is.
    pub name: String,
    /// The bytes.
    pub bytes: Vec<u8>,
}

fn named(name: impl Into<String>, bytes: impl Into<Vec<u8>>) -> Hostile {
    Hostile {
        name: name.into(),
        bytes: bytes.into(),
    }
}

/// A ClientHello as our own client would send it.
///
/// # Panics
/// Never: the parameters are fixed.
pub fn client_hello() -> Vec<u8> {
    let name = ServerName::try_from("cloister").expect("a name");
    let mut connection = rustls::ClientConnection::new(Arc::clone(&tls::stranger(&[b"h2"])), name)
        .expect("a connection");
    let mut bytes = Vec::new();
    while connection.wants_write() {
        connection.write_tls(&mut bytes).expect("memory takes it");
    }
    bytes
}

/// A ClientHello of TLS 1.2 (RFC 5246 section 7.4.1.2): no supported_versions extension, ciphers of its time.
pub fn client_hello_1_2() -> Vec<u8> {
    let mut hello = vec![3, 3];
    hello.extend(Seeded::new(12).bytes(32));
    hello.push(0);
    // ECDHE with AES-GCM, for either kind of certificate.
    hello.extend([0, 4, 0xc0, 0x2b, 0xc0, 0x2f, 1, 0]);
    // supported_groups: x25519, secp256r1; signature_algorithms: ECDSA and RSA-PSS with SHA-256; point formats.
    let extensions = [
        &[0, 10, 0, 6, 0, 4, 0, 0x1d, 0, 0x17][..],
        &[0, 13, 0, 6, 0, 4, 4, 3, 8, 4],
        &[0, 11, 0, 2, 1, 0],
    ]
    .concat();
    hello.extend((extensions.len() as u16).to_be_bytes());
    hello.extend(extensions);
    let mut message = vec![1, 0];
    message.extend((hello.len() as u16).to_be_bytes());
    message.extend(hello);
    let mut record = vec![0x16, 3, 1];
    record.extend((message.len() as u16).to_be_bytes());
    record.extend(message);
    record
}

/// For a listener that expects TLS (or passes bytes to one that does).
pub fn for_tls(seed: u64) -> Vec<Hostile> {
    let mut seeded = Seeded::new(seed);
    let hello = client_hello();
    let mut all = vec![
        named("nothing", Vec::new()),
        named("one byte", [0x16]),
        named("plain HTTP/1.1", "GET /health HTTP/1.1\r\nHost: a\r\n\r\n"),
        named("plain HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        named("TLS 1.2 ClientHello", client_hello_1_2()),
        named(
            "SSL 2 ClientHello",
            [0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10, 1, 0, 0x80],
        ),
        named(
            "a record of 65535 bytes",
            [&[0x16, 3, 1, 0xff, 0xff][..], &[0; 70_000]].concat(),
        ),
        named(
            "a ClientHello that claims 16 MiB",
            [
                &[0x16, 3, 1, 0x40, 0, 1, 0xff, 0xff, 0xff][..],
                &[0; 16_380],
            ]
            .concat(),
        ),
        named("an alert first", [0x15, 3, 3, 0, 2, 2, 80]),
        named(
            "application data first",
            [&[0x17, 3, 3, 0x10, 0][..], &[7; 4096]].concat(),
        ),
        named(
            "ten thousand empty records",
            [0x16, 3, 1, 0, 0].repeat(10_000),
        ),
        named(
            "a ClientHello, then random bytes",
            [hello.clone(), seeded.bytes(20_000)].concat(),
        ),
        named("two ClientHellos", hello.repeat(2)),
    ];
    for length in [1, 16, 517, 10_000, 1_000_000] {
        all.push(named(
            format!("{length} random bytes"),
            seeded.bytes(length),
        ));
    }
    for part in [3, 9, hello.len() / 2, hello.len() - 1] {
        all.push(named(
            format!("the first {part} bytes of a ClientHello"),
            &hello[..part],
        ));
    }
    for _ in 0..16 {
        let mut changed = hello.clone();
        let (at, bit) = (
            seeded.number() as usize % changed.len(),
            seeded.number() % 8,
        );
        changed[at] ^= 1 << bit;
        all.push(named(
            format!("a ClientHello with bit {bit} of byte {at} flipped"),
            changed,
        ));
    }
    all
}

/// For a listener that expects HTTP/1.1.
pub fn for_http(seed: u64) -> Vec<Hostile> {
    let mut seeded = Seeded::new(seed);
    let post = "POST /ohttp HTTP/1.1\r\nHost: a\r\nContent-Type: message/ohttp-req\r\n";
    let mut all = vec![
        named("nothing", Vec::new()),
        named("a TLS ClientHello", client_hello()),
        named(
            "HTTP/2 with prior knowledge",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\u{4}\0\0\0\0\0",
        ),
        named("HTTP/0.9", "GET /\r\n"),
        named("no version", "POST /ohttp\r\n\r\n"),
        named(
            "a version of the future",
            "POST /ohttp HTTP/7.0\r\nHost: a\r\n\r\n",
        ),
        named(
            "no host",
            "POST /ohttp HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
        ),
        named(
            "an absolute target elsewhere",
            "POST http://198.51.100.1/ohttp HTTP/1.1\r\nHost: a\r\n\r\n",
        ),
        named(
            "CONNECT",
            "CONNECT 198.51.100.1:443 HTTP/1.1\r\nHost: a\r\n\r\n",
        ),
        named("a NUL in a header", format!("{post}X: a\0b\r\n\r\n")),
        named("a bare CR", format!("{post}X: a\rb\r\n\r\n")),
        named(
            "a folded header",
            format!("{post}X: a\r\n b\r\nContent-Length: 0\r\n\r\n"),
        ),
        named(
            "a header of 1 MB",
            format!("{post}X: {}\r\n\r\n", "a".repeat(1_000_000)),
        ),
        named(
            "ten thousand headers",
            format!("{post}{}\r\n", "X: a\r\n".repeat(10_000)),
        ),
        named(
            "a target of 1 MB",
            format!(
                "POST /{} HTTP/1.1\r\nHost: a\r\n\r\n",
                "a".repeat(1_000_000)
            ),
        ),
        named(
            "a length beyond 64 bits",
            format!("{post}Content-Length: 99999999999999999999999\r\n\r\n"),
        ),
        named(
            "a length of 8 EiB",
            format!("{post}Content-Length: 9223372036854775807\r\n\r\nabc"),
        ),
        named(
            "a body that is cut",
            format!("{post}Content-Length: 5000\r\n\r\n\u{1}abc"),
        ),
        named(
            "a chunk of 4 GiB",
            format!("{post}Transfer-Encoding: chunked\r\n\r\nffffffff\r\n\u{1}abc"),
        ),
        named(
            "a chunk size of letters",
            format!("{post}Transfer-Encoding: chunked\r\n\r\nzz\r\n\u{1}abc\r\n0\r\n\r\n"),
        ),
        named(
            "a chunk size that overflows",
            format!("{post}Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n\u{1}"),
        ),
        named(
            "an upgrade to h2c",
            format!(
                "{post}Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\nContent-Length: 0\r\n\r\n"
            ),
        ),
        named(
            "PROXY protocol",
            format!("PROXY TCP4 198.51.100.1 198.51.100.2 1 2\r\n{post}Content-Length: 0\r\n\r\n"),
        ),
    ];
    for length in [1, 16, 517, 10_000, 1_000_000] {
        all.push(named(
            format!("{length} random bytes"),
            seeded.bytes(length),
        ));
    }
    all
}

/// For the inside of a TLS connection that was opened for HTTP/2 (RFC 9113).
pub fn inside_h2(seed: u64) -> Vec<Hostile> {
    let mut seeded = Seeded::new(seed);
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
    let settings = frame(4, 0, 0, &[]);
    let start = [preface.clone(), settings.clone()].concat();
    // :method POST, :scheme https, :path /, from the static table (RFC 7541 appendix A).
    let head = [0x83, 0x87, 0x84];
    let with = |more: Vec<u8>| [start.clone(), more].concat();
    let mut all = vec![
        named("nothing", Vec::new()),
        named("HTTP/1.1", "GET /health HTTP/1.1\r\nHost: a\r\n\r\n"),
        named("half a preface", &preface[..10]),
        named(
            "a frame of 16 MiB",
            with([&[0xff, 0xff, 0xff, 0, 0, 0, 0, 0, 1][..], &[0; 100_000]].concat()),
        ),
        named("ten thousand SETTINGS", with(settings.repeat(10_000))),
        named(
            "ten thousand PINGs",
            with(frame(6, 0, 0, &[0; 8]).repeat(10_000)),
        ),
        named("DATA without HEADERS", with(frame(0, 1, 1, b"abc"))),
        named("an even stream", with(frame(1, 5, 2, &head))),
        named(
            "a window that overflows",
            with(frame(8, 0, 0, &[0x7f, 0xff, 0xff, 0xff]).repeat(2)),
        ),
        named("a broken header block", with(frame(1, 5, 1, &[0xff; 64]))),
        named(
            "a table of 4 GiB",
            with(frame(1, 5, 1, &[0x3f, 0xff, 0xff, 0xff, 0xff, 0xf])),
        ),
        named("SETTINGS of odd length", with(frame(4, 0, 0, &[0; 5]))),
        named(
            "unknown frames",
            with(frame(0x77, 0xff, 0, &[0; 1000]).repeat(200)),
        ),
    ];
    // CVE-2023-44487 and its kin: streams opened and reset at once; a header block that never ends.
    let mut resets = start.clone();
    for stream in 0..2000u32 {
        resets.extend(frame(1, 5, 2 * stream + 1, &head));
        resets.extend(frame(3, 0, 2 * stream + 1, &[0, 0, 0, 8]));
    }
    all.push(named("two thousand streams, each reset", resets));
    let mut endless = with(frame(1, 0, 1, &head));
    for _ in 0..200 {
        // A literal field without indexing, again and again.
        endless.extend(frame(
            9,
            0,
            1,
            &[&[0, 1, b'x', 0x7f, 0x81, 0x3f][..], &[b'a'; 8192]].concat(),
        ));
    }
    all.push(named("a header block that never ends", endless));
    for length in [1, 517, 100_000] {
        all.push(named(
            format!("{length} random bytes"),
            seeded.bytes(length),
        ));
        all.push(named(
            format!("a preface and {length} random bytes"),
            with(seeded.bytes(length)),
        ));
    }
    all
}

/// One HTTP/2 frame (RFC 9113 section 4.1).
fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = (payload.len() as u32).to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend(stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}
