//! The one-shot way: one POST of a sealed request to a relay (RFC 9458 section 6).
//!
//! In goes a relay's URL and bytes that were sealed under attested keys. Out come the bytes of the sealed reply. The relay learns the
//! device's address and sizes, and nothing of the content; it is an ordinary HTTPS server whose name an authority vouches for. Plain
//! HTTP is accepted to a loopback address only.

use core::fmt;
use core::net::IpAddr;
use std::error::Error;
use std::sync::Arc;

use bytes::Bytes;
use cloister_wire::media;
use http::uri::Scheme;
use http::{Method, Uri};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::timeout;

use crate::channel::{ChannelError, Patience, connect, handshake};
use crate::endpoint::Endpoint;
use crate::exchange::{Ask, ExchangeError, exchange};
use crate::seal::{MAX_REPLY, SealedRequest};

/// Where the relay takes sealed requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RelayUrl {
    secure: bool,
    endpoint: Endpoint,
    target: String,
}

/// Why a text is not a [`RelayUrl`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadRelayUrl {
    /// Not `https://host[:port]/path`.
    Malformed,
    /// Plain HTTP to another machine.
    PlainHttp,
}

impl fmt::Display for BadRelayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => {
                "expected a relay such as https://relay.example/ohttp, without user name or fragment"
            }
            Self::PlainHttp => {
                "plain http:// is accepted to a loopback address only; use https:// so that the network does not see who asks the relay"
            }
        })
    }
}

impl Error for BadRelayUrl {}

impl RelayUrl {
    /// Parses a relay's URL.
    ///
    /// # Errors
    /// [`BadRelayUrl`] when it is no absolute http or https URL, has a user name, or is http to anything but loopback.
    pub fn parse(text: &str) -> Result<Self, BadRelayUrl> {
        let uri: Uri = text.parse().map_err(|_| BadRelayUrl::Malformed)?;
        let secure = match uri.scheme() {
            Some(scheme) if *scheme == Scheme::HTTPS => true,
            Some(scheme) if *scheme == Scheme::HTTP => false,
            _ => return Err(BadRelayUrl::Malformed),
        };
        let authority = uri.authority().ok_or(BadRelayUrl::Malformed)?;
        if authority.as_str().contains('@') || text.contains('#') {
            return Err(BadRelayUrl::Malformed);
        }
        // The parser of URLs drops a port that is no port; here it is an error.
        let behind_host = authority
            .as_str()
            .strip_prefix(authority.host())
            .ok_or(BadRelayUrl::Malformed)?;
        let port = match (behind_host.strip_prefix(':'), secure) {
            (Some(port), _) => port.parse::<u16>().map_err(|_| BadRelayUrl::Malformed)?,
            (None, _) if !behind_host.is_empty() => return Err(BadRelayUrl::Malformed),
            (None, true) => 443,
            (None, false) => 80,
        };
        let endpoint =
            Endpoint::from_parts(authority.host(), port).map_err(|_| BadRelayUrl::Malformed)?;
        if !secure && !endpoint.is_loopback() {
            return Err(BadRelayUrl::PlainHttp);
        }
        let target = uri
            .path_and_query()
            .map_or_else(|| "/".to_owned(), |target| target.as_str().to_owned());
        Ok(Self {
            secure,
            endpoint,
            target,
        })
    }

    /// The `Host` field: without the port where it is the scheme's own (RFC 9110 section 7.2).
    fn host_field(&self) -> String {
        let text = self.endpoint.to_string();
        let own = if self.secure { ":443" } else { ":80" };
        text.strip_suffix(own).map_or(text.clone(), str::to_owned)
    }
}

impl fmt::Display for RelayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.secure { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.endpoint, self.target)
    }
}

/// Who may vouch for the relay's name.
pub struct RelayTrust(RootCertStore);

/// Why a file names no authority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadAuthorities;

impl fmt::Display for BadAuthorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected one or more PEM certificates of authorities, and nothing that can't be read as one")
    }
}

impl Error for BadAuthorities {}

impl RelayTrust {
    /// The authorities of Mozilla's root programme, compiled in.
    #[must_use]
    pub fn web() -> Self {
        Self(RootCertStore::from_iter(
            webpki_roots::TLS_SERVER_ROOTS.iter().cloned(),
        ))
    }

    /// Only the authorities in a PEM file.
    ///
    /// # Errors
    /// [`BadAuthorities`] when any entry can't be read or there is none.
    pub fn only(pem: &[u8]) -> Result<Self, BadAuthorities> {
        let mut store = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            let certificate = certificate.map_err(|_| BadAuthorities)?;
            store.add(certificate).map_err(|_| BadAuthorities)?;
        }
        if store.is_empty() {
            return Err(BadAuthorities);
        }
        Ok(Self(store))
    }
}

/// Why the relay brought no sealed reply.
#[derive(Debug)]
pub enum RelayError {
    /// There is no connection to the relay.
    Channel(ChannelError),
    /// There is one, and no usable answer.
    Exchange(ExchangeError),
}

impl fmt::Display for RelayError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Channel(error) => write!(f, "relay: {error}"),
            Self::Exchange(error) => write!(f, "relay: {error}"),
        }
    }
}

impl Error for RelayError {}

impl RelayError {
    /// Whether the sealed request may have left the device before this happened.
    #[must_use]
    pub fn may_have_sent(&self) -> bool {
        matches!(self, Self::Exchange(_))
    }
}

impl From<ChannelError> for RelayError {
    fn from(error: ChannelError) -> Self {
        Self::Channel(error)
    }
}

impl From<ExchangeError> for RelayError {
    fn from(error: ExchangeError) -> Self {
        Self::Exchange(error)
    }
}

/// Posts one sealed request and brings back the bytes of the sealed reply. It takes a [`SealedRequest`], which only sealing under
/// attested keys makes, so nothing else can be sent by mistake.
///
/// # Errors
/// [`RelayError`] when the relay can't be reached or answers with anything but a sealed reply of bounded size.
pub async fn post(
    url: &RelayUrl,
    trust: &RelayTrust,
    sealed: SealedRequest,
    from: Option<IpAddr>,
    patience: Patience,
) -> Result<Vec<u8>, RelayError> {
    let tcp = connect(&url.endpoint, from, patience.connect).await?;
    if url.secure {
        let config = relay_config(trust)?;
        let tls = handshake(tcp, &url.endpoint, config, patience.handshake)
            .await
            // The channel's own text speaks of the enclave's rules; a relay has others.
            .map_err(|error| match error {
                ChannelError::Handshake(at, why) => ChannelError::Relay(at, why),
                other => other,
            })?;
        post_over(tls, url, sealed, patience).await
    } else {
        post_over(tcp, url, sealed, patience).await
    }
}

async fn post_over<S>(
    stream: S,
    url: &RelayUrl,
    sealed: SealedRequest,
    patience: Patience,
) -> Result<Vec<u8>, RelayError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let start = http1::Builder::new()
        .max_headers(64)
        .max_buf_size(64 << 10)
        .handshake(TokioIo::new(stream));
    let (mut http, driving) = timeout(patience.handshake, start)
        .await
        .map_err(|_| ChannelError::TooSlow("starting HTTP", patience.handshake))?
        .map_err(|_| ExchangeError::Broken(url.target.clone()))?;
    let driver = tokio::spawn(async move {
        // An error here also ends the exchange that waits for it, which reports it.
        let _ = driving.await;
    });
    let ask = Ask {
        method: Method::POST,
        path: &url.target,
        content_type: Some(media::OHTTP_REQUEST),
        accept: media::OHTTP_RESPONSE,
        body: Bytes::from(sealed.into_bytes()),
        host: Some(&url.host_field()),
    };
    let send = |request| async move {
        http.ready().await?;
        http.send_request(request).await
    };
    let answer = exchange(&url.target, ask, send, MAX_REPLY, patience.answer).await;
    driver.abort();
    Ok(answer?.body.to_vec())
}

/// TLS 1.3 with certificates of known authorities. The hybrid group comes first; a classical one is accepted, because what the relay
/// is handed is sealed with a hybrid key already.
fn relay_config(trust: &RelayTrust) -> Result<ClientConfig, ChannelError> {
    let provider = rustls_graviola::default_provider();
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|_| ChannelError::Setup("no TLS 1.3 suite"))?
        .with_root_certificates(trust.0.clone())
        .with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config.resumption = Resumption::disabled();
    Ok(config)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn urls_are_https_or_loopback() {
        for (good, shown) in [
            (
                "https://relay.example/ohttp",
                "https://relay.example:443/ohttp",
            ),
            ("https://relay.example", "https://relay.example:443/"),
            ("http://127.0.0.1:8080/x?y=z", "http://127.0.0.1:8080/x?y=z"),
            ("http://[::1]:8080/", "http://[::1]:8080/"),
            ("http://localhost/", "http://localhost:80/"),
        ] {
            assert_eq!(RelayUrl::parse(good).unwrap().to_string(), shown);
        }
        for bad in [
            "",
            "relay.example",
            "/ohttp",
            "ftp://relay.example/",
            "https://a@relay.example/",
            "https://relay.example/#x",
            "https://relay.example:99999/",
        ] {
            assert_eq!(RelayUrl::parse(bad), Err(BadRelayUrl::Malformed), "{bad:?}");
        }
        for plain in [
            "http://relay.example/ohttp",
            "http://10.0.0.1/",
            "http://127.0.0.1.example/",
        ] {
            assert_eq!(
                RelayUrl::parse(plain),
                Err(BadRelayUrl::PlainHttp),
                "{plain:?}"
            );
        }
    }

    #[test]
    fn a_file_without_a_certificate_names_no_authority() {
        for bad in [
            &b""[..],
            b"hello",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            assert_eq!(RelayTrust::only(bad).err(), Some(BadAuthorities));
        }
    }
}
