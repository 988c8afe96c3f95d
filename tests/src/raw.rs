//! HTTP/1.1 by hand: a test must be able to say what no client library would.

use std::io::{ErrorKind, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// An answer, split but otherwise as received.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// Header fields in order, names in lower case.
    pub fields: Vec<(String, String)>,
    /// The body, with chunked coding removed.
    pub body: Vec<u8>,
}

impl Answer {
    /// The value of a field, when there is exactly one.
    pub fn field(&self, name: &str) -> Option<&str> {
        let mut values = self.fields.iter().filter(|(field, _)| field == name);
        let first = values.next();
        if values.next().is_some() {
            None
        } else {
            first.map(|(_, value)| value.as_str())
        }
    }

    /// Reads the last answer out of a connection's bytes; interim ones (1xx) are skipped.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
        let head = std::str::from_utf8(&bytes[..end]).ok()?;
        let mut lines = head.split("\r\n");
        let status: u16 = lines.next()?.split(' ').nth(1)?.parse().ok()?;
        if status < 200 {
            return Self::parse(&bytes[end + 4..]);
        }
        let fields: Vec<_> = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
            .collect();
        let chunked = fields
            .iter()
            .any(|(name, value)| name == "transfer-encoding" && value == "chunked");
        let rest = &bytes[end + 4..];
        let body = if chunked {
            unchunk(rest)?
        } else {
            rest.to_vec()
        };
        Some(Self {
            status,
            fields,
            body,
        })
    }
}

fn unchunk(mut rest: &[u8]) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = rest.windows(2).position(|window| window == b"\r\n")?;
        let length =
            usize::from_str_radix(std::str::from_utf8(&rest[..line]).ok()?.trim(), 16).ok()?;
        rest = rest.get(line + 2..)?;
        if length == 0 {
            return Some(body);
        }
        body.extend_from_slice(rest.get(..length)?);
        rest = rest.get(length + 2..)?;
    }
}

/// How a connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The peer closed or reset it.
    Closed,
    /// It was still open when our patience ended.
    Open,
}

/// Sends `bytes` as they are, then reads until the peer closes or `patience` is over. A reset is an end like any other.
///
/// # Panics
/// When nothing listens at `to`.
pub fn send(to: SocketAddr, bytes: &[u8], patience: Duration) -> (Vec<u8>, End) {
    exchange(
        TcpStream::connect_timeout(&to, Duration::from_secs(5)).expect("somebody listens"),
        bytes,
        patience,
    )
}

/// Connects from the loopback address `from`, as a device with that address would.
///
/// # Panics
/// When nothing listens at `to`.
pub fn connect_from(from: Ipv4Addr, to: SocketAddr) -> TcpStream {
    let stream = crate::tls::runtime().block_on(async {
        let socket = tokio::net::TcpSocket::new_v4().expect("a socket");
        socket
            .bind(SocketAddr::from((from, 0)))
            .expect("a loopback address");
        socket
            .connect(to)
            .await
            .expect("somebody listens")
            .into_std()
            .expect("an ordinary socket")
    });
    stream.set_nonblocking(false).expect("an ordinary socket");
    stream
}

fn exchange(stream: TcpStream, bytes: &[u8], patience: Duration) -> (Vec<u8>, End) {
    let _ = stream.set_nodelay(true);
    let mut writer = stream.try_clone().expect("the same connection");
    let bytes = bytes.to_vec();
    // In a thread of its own: a peer that refuses may stop reading before we are done.
    let writing = std::thread::spawn(move || {
        let _ = writer.set_write_timeout(Some(Duration::from_secs(20)));
        let _ = writer.write_all(&bytes);
    });
    let end = read_all(&stream, patience);
    let _ = stream.shutdown(std::net::Shutdown::Both);
    let _ = writing.join();
    end
}

/// Reads until the peer closes or `patience` is over.
pub fn read_all(mut stream: &TcpStream, patience: Duration) -> (Vec<u8>, End) {
    let start = Instant::now();
    let mut all = Vec::new();
    let mut buffer = [0; 16 * 1024];
    loop {
        let left = patience.saturating_sub(start.elapsed());
        if left.is_zero() {
            return (all, End::Open);
        }
        let _ = stream.set_read_timeout(Some(left));
        match stream.read(&mut buffer) {
            Ok(0) => return (all, End::Closed),
            Ok(length) => all.extend_from_slice(&buffer[..length]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                return (all, End::Open);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return (all, End::Closed),
        }
    }
}

/// A POST with `Connection: close` and these fields beside Host and Content-Length.
pub fn post(target: &str, fields: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut request =
        format!("POST {target} HTTP/1.1\r\nHost: relay.example\r\nConnection: close\r\n");
    for (name, value) in fields {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("Content-Length: {}\r\n\r\n", body.len()));
    let mut request = request.into_bytes();
    request.extend_from_slice(body);
    request
}

/// Sends a request and reads its answer.
///
/// # Panics
/// When the peer does not answer with HTTP within 20 seconds.
pub fn ask(to: SocketAddr, request: &[u8]) -> Answer {
    answer(to, &send(to, request, Duration::from_secs(20)).0)
}

/// As [`ask`], from the loopback address `from`.
///
/// # Panics
/// As [`ask`].
pub fn ask_from(from: Ipv4Addr, to: SocketAddr, request: &[u8]) -> Answer {
    answer(
        to,
        &exchange(connect_from(from, to), request, Duration::from_secs(20)).0,
    )
}

fn answer(to: SocketAddr, bytes: &[u8]) -> Answer {
    Answer::parse(bytes).unwrap_or_else(|| {
        panic!(
            "no HTTP answer from {to}, only {:?}",
            String::from_utf8_lossy(bytes)
        )
    })
}
