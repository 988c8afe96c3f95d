//! TLS 1.3 without verification, to speak to a service as a stranger would, and certificates for a false one.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, ServerConfig, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::raw::Answer;
use crate::{children, programs};

/// A client that takes any certificate and offers these protocols by ALPN.
///
/// # Panics
/// Never: the parameters are fixed.
pub fn stranger(protocols: &[&[u8]]) -> Arc<ClientConfig> {
    let provider = Arc::new(rustls_graviola::default_provider());
    let mut config = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3 is there")
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(Any(provider)))
        .with_no_client_auth();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
    Arc::new(config)
}

/// Connects and shakes hands.
///
/// # Errors
/// As the system or rustls says.
pub async fn connect(
    to: SocketAddr,
    config: Arc<ClientConfig>,
) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    let name = ServerName::try_from("cloister").expect("a name");
    TlsConnector::from(config).connect(name, stream).await
}

/// One request over TLS and HTTP/2, on a connection of its own. `None` when the service closed without an answer or took longer
/// than `patience`.
pub fn ask_h2(to: SocketAddr, request: http::Request<Bytes>, patience: Duration) -> Option<Answer> {
    runtime().block_on(async {
        tokio::time::timeout(patience, async {
            let stream = connect(to, stranger(&[b"h2"])).await.ok()?;
            let (mut sender, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                    .await
                    .ok()?;
            let driver = tokio::spawn(connection);
            let answer = sender.send_request(request.map(Full::new)).await.ok()?;
            let (head, body) = answer.into_parts();
            let body = body.collect().await.ok()?.to_bytes().to_vec();
            driver.abort();
            Some(Answer {
                status: head.status.as_u16(),
                fields: head
                    .headers
                    .iter()
                    .map(|(name, value)| {
                        (
                            name.to_string(),
                            String::from_utf8_lossy(value.as_bytes()).into_owned(),
                        )
                    })
                    .collect(),
                body,
            })
        })
        .await
        .ok()
        .flatten()
    })
}

/// Sends `bytes` inside TLS, under this ALPN protocol, and reads until the peer closes or `patience` ends. `None` when there was
/// no handshake.
pub fn send_inside(
    to: SocketAddr,
    protocol: &[u8],
    bytes: &[u8],
    patience: Duration,
) -> Option<Vec<u8>> {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    runtime().block_on(async {
        let mut stream = connect(to, stranger(&[protocol])).await.ok()?;
        let _ = stream.write_all(bytes).await;
        let _ = stream.flush().await;
        let mut all = Vec::new();
        let mut buffer = vec![0; 16 * 1024];
        let deadline = tokio::time::Instant::now() + patience;
        while let Ok(Ok(length)) = tokio::time::timeout_at(deadline, stream.read(&mut buffer)).await
        {
            if length == 0 {
                break;
            }
            all.extend_from_slice(&buffer[..length]);
        }
        Some(all)
    })
}

/// A small runtime for one exchange.
///
/// # Panics
/// When the system gives no resources for it.
pub fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .expect("a runtime")
}

/// A server with a certificate made by openssl in `folder`.
///
/// # Panics
/// When openssl is missing or fails.
pub fn server(folder: &Path) -> Arc<ServerConfig> {
    let (key, certificate) = (folder.join("upstream.key"), folder.join("upstream.pem"));
    let made = children::run(
        &programs::system("openssl"),
        b"",
        Duration::from_secs(30),
        |command| {
            command
                .args([
                    "req",
                    "-x509",
                    "-nodes",
                    "-days",
                    "2",
                    "-subj",
                    "/CN=upstream",
                    "-newkey",
                    "ec",
                ])
                .args(["-pkeyopt", "ec_paramgen_curve:prime256v1", "-keyout"])
                .arg(&key)
                .arg("-out")
                .arg(&certificate);
        },
    );
    assert_eq!(made.code, 0, "openssl: {}", made.err());
    let provider = Arc::new(rustls_graviola::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .expect("TLS 1.3 is there")
        .with_no_client_auth()
        .with_single_cert(
            vec![CertificateDer::from_pem_file(&certificate).expect("a certificate")],
            PrivateKeyDer::from_pem_file(&key).expect("a key"),
        )
        .expect("they belong together");
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Arc::new(config)
}

/// Takes every certificate; the handshake's signature is still checked.
#[derive(Debug)]
struct Any(Arc<CryptoProvider>);

impl ServerCertVerifier for Any {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Err(rustls::Error::General("TLS 1.2 is not spoken".into()))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(
            message,
            certificate,
            signature,
            &self.0.signature_verification_algorithms,
        )
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// The key exchange group of a handshake with a peer that knows all of ours.
pub fn negotiated_group(to: SocketAddr) -> Option<String> {
    runtime().block_on(async {
        let stream = connect(to, stranger(&[b"h2"])).await.ok()?;
        let group = stream.get_ref().1.negotiated_key_exchange_group()?;
        Some(format!("{:?}", group.name()))
    })
}
