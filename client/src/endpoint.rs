//! Where to connect: `HOST:PORT`, with an IPv6 address in brackets.

use core::fmt;
use core::net::IpAddr;
use std::error::Error;

/// A host (name or address) and a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    host: String,
    port: u16,
}

/// Why a text is not an [`Endpoint`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadEndpoint;

impl fmt::Display for BadEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "expected HOST:PORT with a port from 1 to 65535 and an IPv6 address in brackets, such as cloister.example:443 or [::1]:8443",
        )
    }
}

impl Error for BadEndpoint {}

impl Endpoint {
    /// Parses `HOST:PORT`.
    ///
    /// # Errors
    /// [`BadEndpoint`] when the host is neither an address nor a plain DNS name of at most 253 letters, digits, dots and hyphens,
    /// or when the port is missing, zero or not a number.
    pub fn parse(text: &str) -> Result<Self, BadEndpoint> {
        let (host, port) = text.rsplit_once(':').ok_or(BadEndpoint)?;
        let host = match host.strip_prefix('[') {
            Some(rest) => {
                let inner = rest.strip_suffix(']').ok_or(BadEndpoint)?;
                inner
                    .parse::<core::net::Ipv6Addr>()
                    .map_err(|_| BadEndpoint)?;
                inner
            }
            None => host,
        };
        let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'.' || b == b'-' || b == b'_';
        let is_address =
            host.parse::<IpAddr>().is_ok() && text.starts_with('[') == host.contains(':');
        let is_name = !host.is_empty() && host.len() <= 253 && host.bytes().all(plain);
        if !is_address && !is_name {
            return Err(BadEndpoint);
        }
        if port.is_empty() || port.len() > 5 || !port.bytes().all(|b| b.is_ascii_digit()) {
            return Err(BadEndpoint);
        }
        let port = port.parse::<u16>().map_err(|_| BadEndpoint)?;
        if port == 0 {
            return Err(BadEndpoint);
        }
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }

    /// An endpoint whose host was already taken apart by a URL parser.
    pub(crate) fn from_parts(host: &str, port: u16) -> Result<Self, BadEndpoint> {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        if bare.contains(':') {
            Self::parse(&format!("[{bare}]:{port}"))
        } else {
            Self::parse(&format!("{bare}:{port}"))
        }
    }

    /// The host: a name, or an address without brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether the host is a loopback address or the name `localhost`: the only place where plain HTTP is allowed.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.host.eq_ignore_ascii_case("localhost")
            || self.host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn names_and_addresses_round_trip() {
        for good in [
            "cloister.example:443",
            "127.0.0.1:8443",
            "[::1]:1",
            "a_b-c.d:65535",
        ] {
            assert_eq!(Endpoint::parse(good).unwrap().to_string(), good);
        }
        assert!(Endpoint::parse("[::1]:1").unwrap().is_loopback());
        assert!(Endpoint::parse("127.3.2.1:1").unwrap().is_loopback());
        assert!(!Endpoint::parse("10.0.0.1:1").unwrap().is_loopback());
        assert!(
            !Endpoint::parse("localhost.example:1")
                .unwrap()
                .is_loopback()
        );
    }

    #[test]
    fn anything_else_is_refused() {
        for bad in [
            "",
            ":",
            "host",
            "host:",
            ":443",
            "host:0",
            "host:65536",
            "host:+1",
            "host: 1",
            "::1:443",
            "[::1:443",
            "[host]:1",
            "ho st:1",
            "host/path:1",
            "user@host:1",
            "hôte:1",
        ] {
            assert_eq!(Endpoint::parse(bad), Err(BadEndpoint), "{bad:?}");
        }
    }
}
