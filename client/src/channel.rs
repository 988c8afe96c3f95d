//! The outer channel: TLS 1.3 with a hybrid key exchange to a server that nobody has vouched for yet.
//!
//! In goes an address. Out comes a [`Channel`]: HTTP/2 over one TLS connection, together with the three facts that evidence must
//! cover: the server's public key, a fresh nonce of ours, and the exporter value of this very handshake (RFC 8446 section 7.5).
//! What holds then: the peer has the private key of its certificate, the keys of the connection come out of X25519MLKEM768, and
//! nothing was resumed or sent early. What does not hold yet: that the peer is an enclave. [`crate::session`] finds that out.

use core::fmt;
use core::net::{IpAddr, SocketAddr};
use core::time::Duration;
use std::error::Error;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::client::Resumption;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, NamedGroup, ProtocolVersion};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::danger_any_certificate::{DangerAnyCertificate, spki_der};
use crate::endpoint::Endpoint;
use crate::exchange::{Answer, Ask, ExchangeError, exchange};

/// The one application protocol of the enclave (RFC 7301, RFC 9113).
const ALPN_H2: &[u8] = b"h2";

/// How long each phase may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// Name look-up and TCP connection.
    pub connect: Duration,
    /// TLS handshake.
    pub handshake: Duration,
    /// A small request and its answer: key configurations, evidence.
    pub exchange: Duration,
    /// A sealed request and its answer: the model works in between.
    pub answer: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(10),
            handshake: Duration::from_secs(20),
            exchange: Duration::from_secs(30),
            answer: Duration::from_secs(180),
        }
    }
}

/// Why there is no channel.
#[derive(Debug)]
pub enum ChannelError {
    /// The name has no address of the wanted family.
    NoAddress(Endpoint),
    /// The operating system could not connect.
    Connect(Endpoint, io::ErrorKind),
    /// The system gave no random bytes, or the TLS library could not be set up.
    Setup(&'static str),
    /// The handshake failed; the text is the TLS library's.
    Handshake(Endpoint, String),
    /// The relay's handshake failed; the text is the TLS library's.
    Relay(Endpoint, String),
    /// The handshake succeeded on terms that Cloister does not accept.
    Terms {
        /// Which term.
        what: &'static str,
        /// What Cloister demands.
        expected: &'static str,
        /// What was negotiated.
        found: String,
    },
    /// HTTP/2 did not start.
    Http2(Endpoint),
    /// A phase took too long.
    TooSlow(&'static str, Duration),
}

impl fmt::Display for ChannelError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoAddress(at) => write!(
                f,
                "no usable address for {at}; check the name, the network, and that --from-address is of the same family"
            ),
            Self::Connect(at, kind) => {
                write!(
                    f,
                    "could not connect to {at}: {kind}; is the relay running there?"
                )
            }
            Self::Setup(what) => write!(f, "could not set up TLS: {what}"),
            Self::Handshake(at, why) => write!(
                f,
                "TLS handshake with {at} failed: {why}; Cloister needs TLS 1.3 with X25519MLKEM768 and a certificate whose key signs the handshake"
            ),
            Self::Relay(at, why) => write!(
                f,
                "TLS handshake with {at} failed: {why}; a relay needs TLS 1.3 and a certificate of an authority that the device knows (see --relay-ca)"
            ),
            Self::Terms {
                what,
                expected,
                found,
            } => write!(f, "TLS {what}: expected {expected}, found {found}"),
            Self::Http2(at) => write!(f, "{at} does not speak HTTP/2 inside TLS"),
            Self::TooSlow(phase, limit) => {
                write!(f, "{phase} took longer than {} s", limit.as_secs())
            }
        }
    }
}

impl Error for ChannelError {}

/// An open channel and the facts that evidence must cover.
pub struct Channel {
    http: http2::SendRequest<Full<Bytes>>,
    driver: JoinHandle<()>,
    authority: String,
    patience: Patience,
    nonce: [u8; 32],
    exporter: [u8; 32],
    spki_der: Vec<u8>,
}

impl Channel {
    /// Connects, shakes hands, draws the nonce and starts HTTP/2. Not one byte of HTTP content is sent.
    ///
    /// # Errors
    /// [`ChannelError`] for the phase that failed; the connection is closed then.
    pub async fn open(
        to: &Endpoint,
        from: Option<IpAddr>,
        patience: Patience,
    ) -> Result<Self, ChannelError> {
        let config = enclave_config()?;
        let tcp = connect(to, from, patience.connect).await?;
        let tls = handshake(tcp, to, config, patience.handshake).await?;
        let (_, connection) = tls.get_ref();
        check_terms(connection)?;

        let certificate = connection
            .peer_certificates()
            .and_then(|chain| chain.first())
            .ok_or(ChannelError::Setup("the server sent no certificate"))?;
        let spki_der = spki_der(certificate)
            .map_err(|_| ChannelError::Setup("the certificate has no readable key"))?;

        // The nonce is drawn after the handshake, so nothing that the server chose in it can depend on the nonce.
        let mut nonce = [0; 32];
        getrandom::fill(&mut nonce)
            .map_err(|_| ChannelError::Setup("the system gave no random bytes"))?;
        let exporter = connection
            .export_keying_material([0; 32], cloister_bind::EXPORTER_LABEL, Some(&nonce))
            .map_err(|_| ChannelError::Setup("no keying material could be exported"))?;

        let mut builder = http2::Builder::new(TokioExecutor::new());
        builder.max_header_list_size(16 << 10);
        let start = builder.handshake(TokioIo::new(tls));
        let (http, driving) = timeout(patience.handshake, start)
            .await
            .map_err(|_| ChannelError::TooSlow("starting HTTP/2", patience.handshake))?
            .map_err(|_| ChannelError::Http2(to.clone()))?;
        let driver = tokio::spawn(async move {
            // An error here also ends the exchange that waits for it, which reports it.
            let _ = driving.await;
        });
        Ok(Self {
            http,
            driver,
            authority: to.to_string(),
            patience,
            nonce,
            exporter,
            spki_der,
        })
    }

    /// Our nonce, drawn after the handshake.
    #[must_use]
    pub fn nonce(&self) -> [u8; 32] {
        self.nonce
    }

    /// Exporter value under [`cloister_bind::EXPORTER_LABEL`] with the nonce as context.
    #[must_use]
    pub fn exporter(&self) -> [u8; 32] {
        self.exporter
    }

    /// DER `SubjectPublicKeyInfo` of the key that signed the handshake.
    #[must_use]
    pub fn spki_der(&self) -> &[u8] {
        &self.spki_der
    }

    /// How long each phase may take on this channel.
    pub(crate) fn patience(&self) -> Patience {
        self.patience
    }

    /// One HTTP exchange over this channel.
    pub(crate) async fn exchange(
        &mut self,
        ask: Ask<'_>,
        limit: usize,
        patience: Duration,
    ) -> Result<Answer, ExchangeError> {
        let uri = format!("https://{}{}", self.authority, ask.path);
        let http = &mut self.http;
        let send = |request| async move {
            http.ready().await?;
            http.send_request(request).await
        };
        exchange(&uri, ask, send, limit, patience).await
    }
}

impl Drop for Channel {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

/// TLS 1.3 only, hybrid groups only, no memory of earlier connections, any certificate whose key signs.
fn enclave_config() -> Result<ClientConfig, ChannelError> {
    let mut provider: CryptoProvider = rustls_graviola::default_provider();
    // No classical group is offered, so that a recording of this handshake stays closed (attack A36).
    provider
        .kx_groups
        .retain(|group| group.name() == NamedGroup::X25519MLKEM768);
    let algorithms = provider.signature_verification_algorithms;
    let mut config = ClientConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|_| ChannelError::Setup("no TLS 1.3 suite with X25519MLKEM768"))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(DangerAnyCertificate { algorithms }))
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN_H2.to_vec()];
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    Ok(config)
}

/// Compares what was negotiated with what was offered: the TLS library should have, and this does not rest on it.
fn check_terms(connection: &rustls::ClientConnection) -> Result<(), ChannelError> {
    let version = connection.protocol_version();
    if version != Some(ProtocolVersion::TLSv1_3) {
        return Err(ChannelError::Terms {
            what: "version",
            expected: "TLS 1.3",
            found: format!("{version:?}"),
        });
    }
    let group = connection
        .negotiated_key_exchange_group()
        .map(|group| group.name());
    if group != Some(NamedGroup::X25519MLKEM768) {
        return Err(ChannelError::Terms {
            what: "key exchange",
            expected: "X25519MLKEM768",
            found: format!("{group:?}"),
        });
    }
    let protocol = connection.alpn_protocol();
    if protocol != Some(ALPN_H2) {
        return Err(ChannelError::Terms {
            what: "application protocol",
            expected: "h2",
            found: protocol.map_or_else(
                || "none".to_owned(),
                |p| String::from_utf8_lossy(p).escape_debug().to_string(),
            ),
        });
    }
    Ok(())
}

/// TCP to the first address that answers, from `from` where given.
pub(crate) async fn connect(
    to: &Endpoint,
    from: Option<IpAddr>,
    patience: Duration,
) -> Result<TcpStream, ChannelError> {
    let attempt = async {
        let mut last = ChannelError::NoAddress(to.clone());
        let addresses = tokio::net::lookup_host((to.host(), to.port()))
            .await
            .map_err(|_| ChannelError::NoAddress(to.clone()))?;
        for address in addresses {
            if from.is_some_and(|ip| ip.is_ipv4() != address.is_ipv4()) {
                continue;
            }
            match connect_one(address, from).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = ChannelError::Connect(to.clone(), error.kind()),
            }
        }
        Err(last)
    };
    timeout(patience, attempt)
        .await
        .map_err(|_| ChannelError::TooSlow("connecting", patience))?
}

async fn connect_one(address: SocketAddr, from: Option<IpAddr>) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    if let Some(ip) = from {
        socket.bind(SocketAddr::new(ip, 0))?;
    }
    let stream = socket.connect(address).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// The TLS handshake as a client.
pub(crate) async fn handshake(
    tcp: TcpStream,
    to: &Endpoint,
    config: ClientConfig,
    patience: Duration,
) -> Result<TlsStream<TcpStream>, ChannelError> {
    let name = ServerName::try_from(to.host().to_owned())
        .map_err(|_| ChannelError::NoAddress(to.clone()))?;
    let shake = TlsConnector::from(Arc::new(config)).connect(name, tcp);
    timeout(patience, shake)
        .await
        .map_err(|_| ChannelError::TooSlow("the TLS handshake", patience))?
        .map_err(|error| ChannelError::Handshake(to.clone(), error.to_string()))
}
