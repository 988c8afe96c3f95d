//! Connections: accept, TLS handshake, HTTP/2, and the exporter that ties evidence to a session.

use crate::{gateway, limits, service::Service};
use axum::body::Body;
use cloister_journal::{ConnectionRefusal, Event, record};
use hyper::{Request, body::Incoming, server::conn::http2, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use std::{
    io,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context, Poll},
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpListener, TcpStream},
    sync::{Semaphore, watch},
    task::JoinSet,
    time::{Instant, sleep_until, timeout},
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// A TLS connection that HTTP reads and writes while a handler can ask for its exporter.
#[derive(Clone)]
pub(crate) struct Channel(Arc<Mutex<TlsStream<TcpStream>>>);

impl Channel {
    /// Keying material of the finished handshake (RFC 8446 section 7.5), 32 bytes.
    pub(crate) fn exporter(&self, label: &[u8], context: &[u8]) -> Result<[u8; 32], rustls::Error> {
        let stream = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        stream
            .get_ref()
            .1
            .export_keying_material([0; 32], label, Some(context))
    }

    fn with<T>(&self, act: impl FnOnce(Pin<&mut TlsStream<TcpStream>>) -> T) -> T {
        act(Pin::new(
            &mut *self.0.lock().unwrap_or_else(PoisonError::into_inner),
        ))
    }
}

impl AsyncRead for Channel {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_read(context, buffer))
    }
}

impl AsyncWrite for Channel {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.with(|stream| stream.poll_write(context, bytes))
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_flush(context))
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.with(|stream| stream.poll_shutdown(context))
    }
}

/// Accepts until `stopping` says so, and returns when every connection has ended.
pub(crate) async fn accept(
    listener: TcpListener,
    service: Arc<Service>,
    mut stopping: watch::Receiver<bool>,
) {
    let acceptor = TlsAcceptor::from(Arc::clone(&service.tls));
    let places = Arc::new(Semaphore::new(limits::CONNECTIONS));
    let mut connections = JoinSet::new();
    while !*stopping.borrow_and_update() {
        tokio::select! {
            _ = stopping.changed() => {}
            Some(_) = connections.join_next() => {}
            accepted = listener.accept() => {
                // Out of descriptors, or the peer is gone already: neither may end the service.
                let Ok((tcp, _)) = accepted else {
                    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
                    continue;
                };
                let Ok(place) = Arc::clone(&places).try_acquire_owned() else {
                    record(Event::ConnectionRefused { reason: ConnectionRefusal::Busy });
                    continue;
                };
                let (acceptor, service, stopping) = (acceptor.clone(), Arc::clone(&service), stopping.clone());
                connections.spawn(async move {
                    if let Some(channel) = handshake(&acceptor, tcp).await {
                        converse(channel, service, stopping).await;
                    }
                    drop(place);
                });
            }
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn handshake(acceptor: &TlsAcceptor, tcp: TcpStream) -> Option<Channel> {
    // Small frames must not wait for each other; a socket that refuses the option still works.
    let _ = tcp.set_nodelay(true);
    let refused = match timeout(limits::HANDSHAKE, acceptor.accept(tcp)).await {
        Ok(Ok(stream)) => return Some(Channel(Arc::new(Mutex::new(stream)))),
        Ok(Err(_)) => ConnectionRefusal::Handshake,
        Err(_) => ConnectionRefusal::HandshakeTimeout,
    };
    record(Event::ConnectionRefused { reason: refused });
    None
}

/// One HTTP/2 connection, from its first to its last request.
async fn converse(channel: Channel, service: Arc<Service>, mut stopping: watch::Receiver<bool>) {
    let asked = Arc::new(AtomicBool::new(false));
    let routes = gateway::routes(service, channel.clone());
    let respond = {
        let asked = Arc::clone(&asked);
        service_fn(move |request: Request<Incoming>| {
            asked.store(true, Ordering::Relaxed);
            let mut routes = routes.clone();
            async move { tower_service(&mut routes, request.map(Body::new)).await }
        })
    };
    let mut server = http2::Builder::new(TokioExecutor::new());
    server
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits::STREAMS)
        .max_header_list_size(limits::HEADER_BYTES)
        .max_pending_accept_reset_streams(limits::RESETS)
        .max_local_error_reset_streams(Some(limits::RESETS))
        .keep_alive_interval(limits::PING)
        .keep_alive_timeout(limits::PING);
    let mut connection = pin!(server.serve_connection(TokioIo::new(channel), respond));

    let begun = Instant::now();
    let mut end = begun + limits::CONNECTION_AGE + limits::DRAIN;
    let (mut judged, mut closing) = (false, false);
    loop {
        tokio::select! {
            // The peer's errors are its own affair: nothing to do but to close.
            _ = connection.as_mut() => return,
            () = sleep_until(end) => return,
            () = sleep_until(begun + limits::FIRST_REQUEST), if !judged => {
                judged = true;
                if !asked.load(Ordering::Relaxed) {
                    return;
                }
            }
            () = sleep_until(begun + limits::CONNECTION_AGE), if !closing => {
                closing = true;
                connection.as_mut().graceful_shutdown();
            }
            _ = stopping.changed(), if !closing => {
                closing = true;
                end = Instant::now() + limits::DRAIN;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

/// Calls the router, which is always ready and never fails.
async fn tower_service(
    routes: &mut axum::Router,
    request: Request<Body>,
) -> Result<axum::response::Response, std::convert::Infallible> {
    use hyper_util::service::TowerToHyperService;
    hyper::service::Service::call(&TowerToHyperService::new(routes.clone()), request).await
}
