//! A false machine behind the gateway: it keeps what arrives and answers with every header that could mark a device.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use tokio_rustls::TlsAcceptor;

use crate::tls;

/// A request as it arrived at the machine.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// Who connected.
    pub peer: SocketAddr,
    /// Method and target.
    pub line: String,
    /// All header fields.
    pub fields: Vec<(String, String)>,
    /// The body.
    pub body: Vec<u8>,
}

/// What it answers.
pub const ANSWER: &[u8] = b"an answer that nobody could read";

/// Fields that it adds to each answer, and that must never reach a device.
pub const MARKING: [(&str, &str); 12] = [
    ("set-cookie", "device=4711"),
    ("etag", "\"4711\""),
    ("last-modified", "Tue, 15 Nov 1994 12:45:26 GMT"),
    ("location", "https://mark.example/4711"),
    ("link", "<https://mark.example/4711>; rel=preload"),
    ("alt-svc", "h3=\":4711\""),
    ("x-request-id", "4711"),
    ("server", "mark/4711"),
    ("content-disposition", "attachment; filename=4711"),
    ("strict-transport-security", "max-age=4711"),
    ("_mark", "4711"),
    ("9mark", "4711"),
];

/// The false machine. Health checks are answered and not kept.
#[derive(Debug)]
pub struct Upstream {
    address: SocketAddr,
    arrived: Arc<Mutex<Vec<Arrived>>>,
    // Dropped last: it ends the server.
    _runtime: tokio::runtime::Runtime,
}

impl Upstream {
    /// Listens on a free port; its certificate is made in `folder`. The runtime's threads end when this value is dropped.
    ///
    /// # Panics
    /// When it cannot listen.
    pub fn start(folder: &Path) -> Self {
        Self::at(SocketAddr::from(([127, 0, 0, 1], 0)), folder)
    }

    /// As [`Upstream::start`], at this address.
    ///
    /// # Panics
    /// When it cannot listen there.
    pub fn at(address: SocketAddr, folder: &Path) -> Self {
        let acceptor = TlsAcceptor::from(tls::server(folder));
        let arrived = Arc::new(Mutex::new(Vec::new()));
        let runtime = tls::runtime();
        let listener = runtime
            .block_on(tokio::net::TcpListener::bind(address))
            .expect("a port");
        let address = listener.local_addr().expect("its address");
        let kept = Arc::clone(&arrived);
        runtime.spawn(async move {
            while let Ok((stream, peer)) = listener.accept().await {
                let (acceptor, kept) = (acceptor.clone(), Arc::clone(&kept));
                tokio::spawn(async move {
                    let Ok(stream) = acceptor.accept(stream).await else {
                        return;
                    };
                    let service = service_fn(|request| answer(request, peer, Arc::clone(&kept)));
                    let _ = auto::Builder::new(TokioExecutor::new())
                        .serve_connection(TokioIo::new(stream), service)
                        .await;
                });
            }
        });
        Self {
            address,
            arrived,
            _runtime: runtime,
        }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What has arrived so far, health checks aside.
    pub fn arrived(&self) -> Vec<Arrived> {
        self.arrived
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
            .clone()
    }
}

async fn answer(
    request: Request<Incoming>,
    peer: SocketAddr,
    kept: Arc<Mutex<Vec<Arrived>>>,
) -> Result<Response<Full<Bytes>>, hyper::Error> {
    let (head, body) = request.into_parts();
    let body = body.collect().await?.to_bytes().to_vec();
    if head.uri.path() == "/health" {
        return Ok(Response::new(Full::new(Bytes::new())));
    }
    let arrived = Arrived {
        peer,
        line: format!("{} {}", head.method, head.uri),
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
    };
    kept.lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
        .push(arrived);
    let mut answer = Response::new(Full::new(Bytes::from_static(ANSWER)));
    let fields = answer.headers_mut();
    fields.insert(
        "content-type",
        HeaderValue::from_static("message/ohttp-res"),
    );
    for (name, value) in MARKING {
        fields.insert(name, HeaderValue::from_static(value));
    }
    Ok(answer)
}
