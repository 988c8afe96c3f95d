//! Every bound of the service in one place. None can be changed at run time: they are part of what is measured.

use std::time::Duration;

/// Connections held at once; more are closed at once.
pub(crate) const CONNECTIONS: usize = 256;
/// HTTP/2 streams of one connection at once.
pub(crate) const STREAMS: u32 = 16;
/// Streams that a peer may reset before the connection is closed (CVE-2023-44487).
pub(crate) const RESETS: usize = 32;
/// Bytes of one request's headers.
pub(crate) const HEADER_BYTES: u32 = 8 * 1024;
/// From accepting a connection to the end of its TLS handshake.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(10);
/// From the end of the handshake to the first request.
pub(crate) const FIRST_REQUEST: Duration = Duration::from_secs(15);
/// Age at which a connection gets no further request.
pub(crate) const CONNECTION_AGE: Duration = Duration::from_secs(600);
/// How long a peer may leave a ping unanswered.
pub(crate) const PING: Duration = Duration::from_secs(20);
/// From the first to the last byte of a request's body.
pub(crate) const BODY: Duration = Duration::from_secs(30);
/// From opening a request to its reply.
pub(crate) const WORK: Duration = Duration::from_secs(120);
/// How long connections may take to finish once the service stops or they are too old.
pub(crate) const DRAIN: Duration = Duration::from_secs(150);
/// Sealed requests in the service at once, waiting ones included; more are told to come back.
pub(crate) const REQUESTS: usize = 32;
/// Requests being summarised at once. The model uses all cores for one.
pub(crate) const SUMMARIES: usize = 1;
/// Evidence requests in the service at once.
pub(crate) const ATTESTATIONS: usize = 32;
/// Threads for work that blocks: requests and evidence.
pub(crate) const BLOCKING_THREADS: usize = REQUESTS + ATTESTATIONS + 4;
/// The keys are vouched for this long; evidence is made anew well before.
pub(crate) const KEYS_VOUCHED: Duration = Duration::from_secs(24 * 3600);
/// How often the keys are vouched for anew.
pub(crate) const REFRESH: Duration = Duration::from_secs(6 * 3600);
/// Seconds after which a refused client may come back.
pub(crate) const RETRY_AFTER: &str = "5";
