//! The events. Each variant says why the host may see it.

use core::{panic::Location, time::Duration};

/// Target of all our `tracing` events; the console prints no other.
pub(crate) const TARGET: &str = "cloister";

/// Something that happened. There is no variant, and no field, for text from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A sealed request was answered, well or not: the two look alike. The host sees request and reply pass anyway.
    Answered {
        /// How long it took, in coarse steps: the host could time the wire more finely.
        took: LatencyClass,
    },
    /// A connection ended before any request. The host opened it or passed it on.
    ConnectionRefused {
        /// Which limit or rule it met.
        reason: ConnectionRefusal,
    },
    /// The hardware signed evidence. The host carries these messages to the secure processor itself.
    EvidenceMade {
        /// Milliseconds that the secure processor took.
        millis: u64,
    },
    /// The hardware refused to sign evidence. As above.
    EvidenceRefused,
    /// New HPKE keys exist. Their configurations are public.
    KeysBorn {
        /// How many key configurations are offered.
        configurations: u64,
    },
    /// The service accepts connections. The host can find out by connecting.
    Listening {
        /// TCP port.
        port: u16,
    },
    /// A request panicked; its buffers were wiped and its sender got an error. The place is a constant of the published binary.
    Panicked {
        /// Where in our source.
        site: PanicSite,
    },
    /// A request was refused before it was opened. The answer says the same, unsealed.
    RequestRefused {
        /// Which rule it met.
        reason: RequestRefusal,
    },
    /// The service stopped. The host stops it.
    Stopped,
    /// The service finishes what it has and takes no more. As above.
    Stopping,
}

/// How long an answer took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LatencyClass {
    /// Under a second.
    Moment,
    /// Under ten seconds.
    Seconds,
    /// Ten seconds or more.
    Long,
}

impl From<Duration> for LatencyClass {
    fn from(took: Duration) -> Self {
        match took.as_secs() {
            0 => Self::Moment,
            1..=9 => Self::Seconds,
            _ => Self::Long,
        }
    }
}

/// Why a connection was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionRefusal {
    /// As many connections as the service holds are open.
    Busy,
    /// The TLS handshake failed.
    Handshake,
    /// The TLS handshake took too long.
    HandshakeTimeout,
}

/// Why a request was refused before it was opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RequestRefusal {
    /// As many sealed requests as the service holds are in work.
    Busy,
    /// It could not be opened.
    CannotOpen,
    /// It is not an encapsulated request.
    Malformed,
    /// The request was seen before.
    Replayed,
    /// It did not arrive in time.
    Slow,
    /// It is larger than the largest size class.
    TooLarge,
    /// It names a key or suite that the service does not have.
    UnknownKey,
}

/// A place in the source of the published binary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PanicSite {
    /// FNV-1a hash of the source path, to be compared with the paths of the published source.
    pub file: u64,
    /// Line in that file.
    pub line: u32,
}

impl From<&Location<'_>> for PanicSite {
    fn from(location: &Location<'_>) -> Self {
        let fnv = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self {
            file: location.file().bytes().fold(0xcbf2_9ce4_8422_2325, fnv),
            line: location.line(),
        }
    }
}

impl LatencyClass {
    fn word(self) -> &'static str {
        match self {
            Self::Moment => "under-1s",
            Self::Seconds => "under-10s",
            Self::Long => "10s-or-more",
        }
    }
}

impl ConnectionRefusal {
    fn word(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Handshake => "handshake",
            Self::HandshakeTimeout => "handshake-timeout",
        }
    }
}

impl RequestRefusal {
    fn word(self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::CannotOpen => "cannot-open",
            Self::Malformed => "malformed",
            Self::Replayed => "replayed",
            Self::Slow => "slow",
            Self::TooLarge => "too-large",
            Self::UnknownKey => "unknown-key",
        }
    }
}

/// Writes the event to the installed journal; nothing happens when there is none.
pub fn record(event: Event) {
    match event {
        Event::Answered { took } => {
            tracing::info!(target: TARGET, event = "answered", took = took.word())
        }
        Event::ConnectionRefused { reason } => {
            tracing::info!(target: TARGET, event = "connection-refused", reason = reason.word());
        }
        Event::EvidenceMade { millis } => {
            tracing::info!(target: TARGET, event = "evidence-made", millis)
        }
        Event::EvidenceRefused => tracing::error!(target: TARGET, event = "evidence-refused"),
        Event::KeysBorn { configurations } => {
            tracing::info!(target: TARGET, event = "keys-born", configurations)
        }
        Event::Listening { port } => tracing::info!(target: TARGET, event = "listening", port),
        Event::Panicked { site } => {
            tracing::error!(target: TARGET, event = "panicked", file = site.file, line = site.line);
        }
        Event::RequestRefused { reason } => {
            tracing::info!(target: TARGET, event = "request-refused", reason = reason.word());
        }
        Event::Stopped => tracing::info!(target: TARGET, event = "stopped"),
        Event::Stopping => tracing::info!(target: TARGET, event = "stopping"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn latency_is_coarse() {
        for (millis, class) in [
            (0, "under-1s"),
            (999, "under-1s"),
            (1000, "under-10s"),
            (10_000, "10s-or-more"),
        ] {
            assert_eq!(
                LatencyClass::from(Duration::from_millis(millis)).word(),
                class
            );
        }
    }

    #[test]
    fn a49_events_have_no_room_for_text() {
        // `Copy` rules out `String`, `Vec` and `Box`; `'static` rules out borrowed request data.
        fn closed<T: Copy + Send + Sync + 'static>() {}
        closed::<Event>();
        assert!(
            size_of::<Event>() <= 24,
            "an event carries at most a few numbers"
        );
    }
}
