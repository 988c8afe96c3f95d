//! The service: a sealed request comes in, a sealed reply goes out.
//!
//! In come TLS 1.3 connections; out go attestation evidence, key configurations and sealed replies. What a request holds exists
//! in the clear only in locked buffers of this process, between `answer` opening it and sealing the reply; when the reply has
//! left, the buffers are wiped. Nothing that was not sealed decides what happens inside, and nothing from inside is sent unsealed.
//!
//! The path of a request: `channel` (TLS, exporter) -> `gateway` (routes, limits) -> `answer` (open, parse, summarise, seal).
#![forbid(unsafe_code)]

mod answer;
mod attestation;
mod bundle;
mod channel;
mod gateway;
mod identity;
mod limits;
mod service;

use cloister_bind::ReleaseId;
use cloister_guest::EvidenceSource;
use cloister_journal::{Event, PanicSite, record};
use service::Service;
use std::{fmt, io, net::SocketAddr, path::PathBuf, sync::Arc};
use tokio::{net::TcpListener, signal::unix, sync::watch};

/// What the service needs to know; all of it comes from the measured command line, except for the evidence source.
pub struct Config {
    /// Address and TCP port to listen on.
    pub listen: SocketAddr,
    /// The directory with the files named in `model/weights.lock`.
    pub weights: PathBuf,
    /// The release that this image is, as on its measured command line.
    pub release: ReleaseId,
    /// Signs evidence.
    pub source: Box<dyn EvidenceSource>,
}

/// Why the service did not start, or stopped.
#[derive(Debug)]
pub enum ServeError {
    /// The network or the runtime failed.
    Io {
        /// What was attempted.
        step: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// A part could not be made ready.
    NotReady {
        /// Which part.
        part: &'static str,
        /// What it said.
        reason: String,
    },
}

impl fmt::Display for ServeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { step, source } => write!(f, "cannot {step}: {source}"),
            Self::NotReady { part, reason } => write!(f, "{part}: {reason}"),
        }
    }
}

impl std::error::Error for ServeError {}

impl ServeError {
    fn io(step: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { step, source }
    }

    fn part<E: fmt::Display>(part: &'static str) -> impl FnOnce(E) -> Self {
        move |error| Self::NotReady {
            part,
            reason: error.to_string(),
        }
    }
}

/// Serves until `SIGTERM` or `SIGINT`, then finishes what it has and returns.
///
/// # Errors
/// [`ServeError`] when a part is not ready: evidence, keys, weights or the port. Nothing was served then.
pub fn run(config: Config) -> Result<(), ServeError> {
    // A panic message may quote what was being worked on, so only its place is told.
    std::panic::set_hook(Box::new(|info| {
        if let Some(location) = info.location() {
            record(Event::Panicked {
                site: PanicSite::from(location),
            });
        }
    }));
    cloister_memory::harden_process().map_err(ServeError::part("process hardening"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .max_blocking_threads(limits::BLOCKING_THREADS)
        .build()
        .map_err(ServeError::io("start the runtime"))?;
    let listen = config.listen;
    let service = Arc::new(Service::new(config)?);
    runtime.block_on(serve(listen, service))
}

async fn serve(listen: SocketAddr, service: Arc<Service>) -> Result<(), ServeError> {
    let listener = TcpListener::bind(listen)
        .await
        .map_err(ServeError::io("listen"))?;
    let port = listener
        .local_addr()
        .map_err(ServeError::io("read the listening address"))?
        .port();
    let (stop, stopping) = watch::channel(false);
    let refresh = tokio::spawn(Arc::clone(&service).refresh_evidence());
    let accept = tokio::spawn(channel::accept(listener, service, stopping));
    record(Event::Listening { port });
    stop_signal().await?;
    record(Event::Stopping);
    // The acceptor returns when every connection has ended, each within its own limit.
    stop.send_replace(true);
    refresh.abort();
    accept.await.map_err(ServeError::part("acceptor"))?;
    record(Event::Stopped);
    Ok(())
}

async fn stop_signal() -> Result<(), ServeError> {
    let mut terminate =
        unix::signal(unix::SignalKind::terminate()).map_err(ServeError::io("wait for SIGTERM"))?;
    let mut interrupt =
        unix::signal(unix::SignalKind::interrupt()).map_err(ServeError::io("wait for SIGINT"))?;
    tokio::select! {
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}
