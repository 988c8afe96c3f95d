//! A small TLS server that can be told to misbehave, and remembers which paths were asked for.
#![allow(
    dead_code,
    unreachable_pub,
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use cloister_client::endpoint::Endpoint;
use graviola::hashing::Sha256;
use graviola::signing::ecdsa::{P256, SigningKey};
use http::{Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::{NamedGroup, ServerConfig, SupportedProtocolVersion};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

pub mod device;
pub mod enclave;

// The log of the verifier's own tests.
#[path = "../../../measurements/verify/tests/support/merkle.rs"]
pub mod merkle;
#[path = "../../../measurements/verify/tests/support/publish.rs"]
pub mod publish;
#[path = "../../../measurements/verify/tests/support/scene.rs"]
pub mod scene;

/// How the TLS side behaves.
pub struct Tls {
    pub versions: Vec<&'static SupportedProtocolVersion>,
    pub groups: Vec<NamedGroup>,
    pub alpn: Vec<Vec<u8>>,
    /// Present one key's certificate and sign with another's.
    pub sign_with_another_key: bool,
    /// Send the certificate twice, the second time as an intermediate.
    pub certificate_twice: bool,
}

impl Default for Tls {
    fn default() -> Self {
        Self {
            versions: vec![&rustls::version::TLS13],
            groups: vec![NamedGroup::X25519MLKEM768],
            alpn: vec![b"h2".to_vec()],
            sign_with_another_key: false,
            certificate_twice: false,
        }
    }
}

/// A key with its self-signed certificate.
pub struct Identity {
    key: SigningKey<P256>,
    public: Vec<u8>,
    pub spki: Vec<u8>,
    pub certificate: Vec<u8>,
}

impl rcgen::PublicKeyData for Identity {
    fn der_bytes(&self) -> &[u8] {
        &self.public
    }
    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        &rcgen::PKCS_ECDSA_P256_SHA256
    }
}

impl rcgen::SigningKey for Identity {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let mut out = [0; 128];
        Ok(self
            .key
            .sign_asn1::<Sha256>(&[message], &mut out)
            .unwrap()
            .to_vec())
    }
}

impl Identity {
    pub fn generate() -> Self {
        let key = SigningKey::<P256>::generate().unwrap();
        let mut buffer = [0; 256];
        let spki = key.to_spki_der(&mut buffer).unwrap().to_vec();
        let mut identity = Self {
            key,
            public: spki[spki.len() - 65..].to_vec(),
            spki,
            certificate: Vec::new(),
        };
        let mut params = rcgen::CertificateParams::default();
        params.serial_number = Some(1u64.into());
        params.key_identifier_method = rcgen::KeyIdMethod::PreSpecified(vec![1]);
        identity.certificate = params.self_signed(&identity).unwrap().der().to_vec();
        identity
    }

    fn private_der(&self) -> PrivateKeyDer<'static> {
        let mut buffer = [0; 256];
        let der = self.key.to_pkcs8_der(&mut buffer).unwrap().to_vec();
        PrivatePkcs8KeyDer::from(der).into()
    }
}

/// What a handler may look at.
pub struct Facts<'a> {
    stream: Option<&'a Shared>,
    pub spki: &'a [u8],
}

impl Facts<'_> {
    /// The exporter value of this connection for a nonce.
    pub fn exporter(&self, nonce: &[u8]) -> [u8; 32] {
        let stream = self.stream.unwrap().0.lock().unwrap();
        stream
            .get_ref()
            .1
            .export_keying_material([0; 32], cloister_bind::EXPORTER_LABEL, Some(nonce))
            .unwrap()
    }
}

/// Status, media type, body.
pub type Reply = (u16, &'static str, Vec<u8>);
/// Answers one request: method and path, body.
pub type Handler = Arc<dyn Fn(&Facts<'_>, &str, &[u8]) -> Reply + Send + Sync>;

/// A running server.
pub struct Mock {
    pub endpoint: Endpoint,
    pub spki: Vec<u8>,
    pub certificate: Vec<u8>,
    seen: Arc<Mutex<Vec<String>>>,
}

impl Mock {
    /// Starts a TLS server on a free loopback port.
    pub async fn start(tls: Tls, handler: Handler) -> Self {
        let identity = Identity::generate();
        let config = Arc::new(config(&tls, &identity));
        let (listener, mock) = Self::listen(&identity).await;
        let (seen, spki) = (mock.seen.clone(), mock.spki.clone());
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                let acceptor = TlsAcceptor::from(config.clone());
                let (handler, seen, spki) = (handler.clone(), seen.clone(), spki.clone());
                tokio::spawn(async move {
                    if let Ok(stream) = acceptor.accept(tcp).await {
                        let shared = Shared(Arc::new(Mutex::new(stream)));
                        serve_h2(shared, handler, seen, spki).await;
                    }
                });
            }
        });
        mock
    }

    /// Starts a plain HTTP/1.1 server on a free loopback port, as a relay on the same machine.
    pub async fn start_plain(handler: Handler) -> Self {
        let (listener, mock) = Self::listen(&Identity::generate()).await;
        let seen = mock.seen.clone();
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                tokio::spawn(serve_h1(TokioIo::new(tcp), handler.clone(), seen.clone()));
            }
        });
        mock
    }

    /// Starts an HTTPS server that speaks HTTP/1.1, as a relay elsewhere. Its name is `localhost`.
    pub async fn start_https(handler: Handler) -> (Self, String) {
        let identity = Identity::generate();
        let mut params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.serial_number = Some(2u64.into());
        params.key_identifier_method = rcgen::KeyIdMethod::PreSpecified(vec![2]);
        let authority = Identity::generate();
        let mut ca = rcgen::CertificateParams::default();
        ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        ca.serial_number = Some(3u64.into());
        ca.key_identifier_method = rcgen::KeyIdMethod::PreSpecified(vec![3]);
        let ca_der = ca.self_signed(&authority).unwrap().der().to_vec();
        let issuer = rcgen::Issuer::new(ca, &authority);
        let leaf = params.signed_by(&identity, &issuer).unwrap().der().to_vec();
        let mut config = builder(&Tls::default())
            .with_single_cert(vec![leaf.into()], identity.private_der())
            .unwrap();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let config = Arc::new(config);
        let (listener, mock) = Self::listen(&identity).await;
        let seen = mock.seen.clone();
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                if let Ok(stream) = TlsAcceptor::from(config.clone()).accept(tcp).await {
                    tokio::spawn(serve_h1(
                        TokioIo::new(stream),
                        handler.clone(),
                        seen.clone(),
                    ));
                }
            }
        });
        (mock, pem(&ca_der))
    }

    async fn listen(identity: &Identity) -> (TcpListener, Self) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mock = Self {
            endpoint: Endpoint::parse(&listener.local_addr().unwrap().to_string()).unwrap(),
            spki: identity.spki.clone(),
            certificate: identity.certificate.clone(),
            seen: Arc::default(),
        };
        (listener, mock)
    }

    /// Which paths were asked for, in order.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

/// A certificate as PEM (RFC 7468: lines of 64 characters).
pub fn pem(der: &[u8]) -> String {
    use base64ct::{Base64, Encoding};
    let text = Base64::encode_string(der);
    let lines: Vec<&str> = (0..text.len())
        .step_by(64)
        .map(|at| &text[at..text.len().min(at + 64)])
        .collect();
    format!(
        "-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n",
        lines.join("\n")
    )
}

fn builder(tls: &Tls) -> rustls::ConfigBuilder<ServerConfig, rustls::server::WantsServerCert> {
    let mut provider = rustls_graviola::default_provider();
    provider
        .kx_groups
        .retain(|group| tls.groups.contains(&group.name()));
    ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&tls.versions)
        .unwrap()
        .with_no_client_auth()
}

fn config(tls: &Tls, identity: &Identity) -> ServerConfig {
    #[derive(Debug)]
    struct Fixed(Arc<CertifiedKey>);
    impl ResolvesServerCert for Fixed {
        fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
            Some(self.0.clone())
        }
    }
    let other = Identity::generate();
    let signer = if tls.sign_with_another_key {
        &other
    } else {
        identity
    };
    let key = rustls_graviola::default_provider()
        .key_provider
        .load_private_key(signer.private_der())
        .unwrap();
    let certificate = CertificateDer::from(identity.certificate.clone());
    let mut chain = vec![certificate.clone()];
    if tls.certificate_twice {
        chain.push(certificate);
    }
    let certified = CertifiedKey::new(chain, key);
    let mut config = builder(tls).with_cert_resolver(Arc::new(Fixed(Arc::new(certified))));
    config.alpn_protocols = tls.alpn.clone();
    config
}

async fn serve_h2(stream: Shared, handler: Handler, seen: Arc<Mutex<Vec<String>>>, spki: Vec<u8>) {
    let shared = stream.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let (handler, seen) = (handler.clone(), seen.clone());
        let (shared, spki) = (shared.clone(), spki.clone());
        async move {
            let facts = Facts {
                stream: Some(&shared),
                spki: &spki,
            };
            Ok::<_, hyper::Error>(answer(request, &handler, &seen, &facts).await)
        }
    });
    let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

async fn serve_h1<S>(stream: TokioIo<S>, handler: Handler, seen: Arc<Mutex<Vec<String>>>)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = service_fn(move |request: Request<Incoming>| {
        let (handler, seen) = (handler.clone(), seen.clone());
        async move {
            let facts = Facts {
                stream: None,
                spki: &[],
            };
            Ok::<_, hyper::Error>(answer(request, &handler, &seen, &facts).await)
        }
    });
    let _ = hyper::server::conn::http1::Builder::new()
        .serve_connection(stream, service)
        .await;
}

async fn answer(
    request: Request<Incoming>,
    handler: &Handler,
    seen: &Mutex<Vec<String>>,
    facts: &Facts<'_>,
) -> Response<Full<Bytes>> {
    let what = format!("{} {}", request.method(), request.uri().path());
    seen.lock().unwrap().push(what.clone());
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let (status, kind, body) = handler(facts, &what, &body);
    Response::builder()
        .status(status)
        .header("content-type", kind)
        .body(Full::new(Bytes::from(body)))
        .unwrap()
}

/// A TLS stream that the handler can still ask for exporter values while HTTP/2 runs over it.
#[derive(Clone)]
struct Shared(Arc<Mutex<TlsStream<TcpStream>>>);

impl AsyncRead for Shared {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.lock().unwrap()).poll_read(cx, buf)
    }
}

impl AsyncWrite for Shared {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut *self.0.lock().unwrap()).poll_write(cx, buf)
    }
    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.lock().unwrap()).poll_flush(cx)
    }
    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut *self.0.lock().unwrap()).poll_shutdown(cx)
    }
}
