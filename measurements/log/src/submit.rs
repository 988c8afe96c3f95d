//! Asks witnesses for their cosignatures. What they answer is believed only by their keys, so the channel need not be.

use crate::log::Log;
use crate::request::{AddCheckpoint, PATH, size};
use bytes::Bytes;
use cloister_verify::log::{MAX_NOTE, NoteSignature};
use http::{Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// The time that a witness has for one answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a witness has not cosigned.
#[derive(Debug)]
pub enum SubmitError {
    /// The address is not `https://…`, or `http://…` of this machine.
    Url,
    /// The witness could not be reached, or not talked to.
    Io(io::Error),
    /// It did not answer in time.
    TooSlow,
    /// It answered with this status.
    Status(StatusCode),
    /// It answered with something that is no answer.
    Answer,
    /// It has seen another history of this log, or more of it than there is.
    Forked,
}

impl fmt::Display for SubmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Url => f.write_str("expected https://…, or http://… of a loopback address"),
            Self::Io(error) => error.fmt(f),
            Self::TooSlow => write!(f, "no answer in {PATIENCE:?}"),
            Self::Status(status) => write!(f, "answered {status}"),
            Self::Answer => f.write_str("an answer that is none"),
            Self::Forked => f.write_str(
                "THE WITNESS HAS SEEN ANOTHER HISTORY OF THIS LOG, or more of it than there is: do not sign with this key again",
            ),
        }
    }
}

impl std::error::Error for SubmitError {}

impl From<io::Error> for SubmitError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// A witness's submission prefix.
#[derive(Clone, Debug)]
pub struct WitnessUrl {
    secure: bool,
    host: String,
    port: u16,
    path: String,
}

impl WitnessUrl {
    /// Reads `https://host[:port][/path]`, or `http://` of a loopback address.
    ///
    /// # Errors
    /// [`SubmitError::Url`].
    pub fn parse(text: &str) -> Result<Self, SubmitError> {
        let uri: Uri = text.parse().map_err(|_| SubmitError::Url)?;
        let secure = uri.scheme_str() == Some("https");
        let host = uri.host().ok_or(SubmitError::Url)?;
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let near = host == "localhost" || host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        let plain = uri.scheme_str() == Some("http") && near;
        let authority = uri.authority().ok_or(SubmitError::Url)?;
        if !(secure || plain) || uri.query().is_some() || authority.as_str().contains('@') {
            return Err(SubmitError::Url);
        }
        Ok(Self {
            secure,
            host: host.to_owned(),
            port: uri.port_u16().unwrap_or(if secure { 443 } else { 80 }),
            path: format!("{}{PATH}", uri.path().trim_end_matches('/')),
        })
    }
}

/// Brings the log's newest head to a witness and returns the signature lines that it answers with.
///
/// # Errors
/// [`SubmitError`].
pub async fn submit(log: &Log, url: &WitnessUrl) -> Result<Vec<NoteSignature>, SubmitError> {
    let checkpoint = log.head_note()?;
    // Most likely the witness saw what was published last; otherwise it says what it saw.
    let mut old = log.published_size()?;
    for _ in 0..3 {
        let proof = log.consistency(old).map_err(|_| SubmitError::Forked)?;
        let request = AddCheckpoint {
            old,
            proof,
            checkpoint: checkpoint.clone(),
        };
        let (status, body) = timeout(PATIENCE, ask(url, request.to_bytes()))
            .await
            .map_err(|_| SubmitError::TooSlow)??;
        match status {
            StatusCode::OK => {
                return NoteSignature::parse_lines(&body).map_err(|_| SubmitError::Answer);
            }
            StatusCode::CONFLICT => {
                old = std::str::from_utf8(&body)
                    .ok()
                    .and_then(|text| text.strip_suffix('\n'))
                    .and_then(size)
                    .ok_or(SubmitError::Answer)?;
            }
            StatusCode::UNPROCESSABLE_ENTITY => return Err(SubmitError::Forked),
            other => return Err(SubmitError::Status(other)),
        }
    }
    Err(SubmitError::Status(StatusCode::CONFLICT))
}

async fn ask(url: &WitnessUrl, body: Vec<u8>) -> Result<(StatusCode, Bytes), SubmitError> {
    let tcp = TcpStream::connect((url.host.as_str(), url.port)).await?;
    if !url.secure {
        return post(tcp, url, body).await;
    }
    let roots = RootCertStore::from_iter(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
    let config = ClientConfig::builder_with_provider(Arc::new(rustls_graviola::default_provider()))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(url.host.clone()).map_err(|_| SubmitError::Url)?;
    let tls = TlsConnector::from(Arc::new(config))
        .connect(name, tcp)
        .await?;
    post(tls, url, body).await
}

async fn post<S>(
    stream: S,
    url: &WitnessUrl,
    body: Vec<u8>,
) -> Result<(StatusCode, Bytes), SubmitError>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let (mut sender, driving) = http1::Builder::new()
        .max_headers(64)
        .max_buf_size(64 << 10)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(io::Error::other)?;
    let driver = tokio::spawn(async move {
        // An error here also ends the exchange that waits for it, which reports it.
        let _ = driving.await;
    });
    let host = if url.host.contains(':') {
        format!("[{}]:{}", url.host, url.port)
    } else {
        format!("{}:{}", url.host, url.port)
    };
    let request = Request::builder()
        .method(Method::POST)
        .uri(&url.path)
        .header(header::HOST, host)
        .body(Full::new(Bytes::from(body)))
        .map_err(io::Error::other)?;
    let answer = async {
        let response = sender
            .send_request(request)
            .await
            .map_err(io::Error::other)?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MAX_NOTE)
            .collect()
            .await
            .map_err(io::Error::other)?;
        Ok((status, body.to_bytes()))
    };
    let answer = answer.await;
    driver.abort();
    answer
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn witnesses_are_asked_over_tls_or_on_this_machine() {
        for (good, path) in [
            ("https://witness.example/w1", "/w1/add-checkpoint"),
            ("https://witness.example", "/add-checkpoint"),
            ("http://127.0.0.1:8080/", "/add-checkpoint"),
            ("http://[::1]:8080/a/", "/a/add-checkpoint"),
        ] {
            assert_eq!(WitnessUrl::parse(good).unwrap().path, path);
        }
        for bad in [
            "",
            "witness.example",
            "http://witness.example/",
            "http://10.0.0.1/",
            "ftp://127.0.0.1/",
            "https://a@witness.example/",
            "https://witness.example/?x",
        ] {
            assert!(WitnessUrl::parse(bad).is_err(), "{bad:?}");
        }
    }
}
