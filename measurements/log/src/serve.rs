//! The witness over HTTP (C2SP tlog-witness): `POST /add-checkpoint` and `GET /<SHA-256 of the origin>/checkpoint`.

use crate::request::{MAX_REQUEST, PATH, SIZE_MEDIA_TYPE};
use crate::witness::{Answer, Witness};
use axum::Router;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use cloister_verify::UnixTime;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::{sleep, timeout};

/// Connections at a time; more wait.
const CONNECTIONS: usize = 64;
/// The life of a connection, requests and answers included.
const CONNECTION_AGE: Duration = Duration::from_secs(30);
/// The time for the head of a request.
const HEADER_TIME: Duration = Duration::from_secs(5);
const TEXT: &str = "text/plain; charset=utf-8";

/// The time now, in seconds since 1970; zero, which no witness signs twice, when the clock is before that.
#[must_use]
pub fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    UnixTime(since.map_or(0, |since| since.as_secs()))
}

/// Serves a witness for ever.
pub async fn serve(listener: TcpListener, witness: Arc<Witness>) {
    let routes = Router::new()
        .route(PATH, post(add))
        .route("/{origin}/checkpoint", get(checkpoint))
        .layer(DefaultBodyLimit::max(MAX_REQUEST))
        .with_state(witness);
    let free = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let Ok(permit) = Arc::clone(&free).acquire_owned().await else {
            return;
        };
        let Ok((stream, _)) = listener.accept().await else {
            // Out of file descriptors, for instance: others finish meanwhile.
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        let service = TowerToHyperService::new(routes.clone());
        tokio::spawn(async move {
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIME)
                .max_headers(32)
                .max_buf_size(16 << 10)
                .serve_connection(TokioIo::new(stream), service);
            // The peer's errors and slowness are its own affair: nothing to do but to close.
            let _ = timeout(CONNECTION_AGE, connection).await;
            drop(permit);
        });
    }
}

async fn add(State(witness): State<Arc<Witness>>, body: Bytes) -> Response {
    // Checking and making durable block, and must finish even when the peer is gone.
    let answer = tokio::task::spawn_blocking(move || witness.add(&body, now())).await;
    let plain = |status: StatusCode, text: &str| {
        (status, [(CONTENT_TYPE, TEXT)], format!("{text}\n")).into_response()
    };
    match answer.unwrap_or(Answer::Broken) {
        Answer::Cosigned(lines) => (StatusCode::OK, [(CONTENT_TYPE, TEXT)], lines).into_response(),
        Answer::Conflict(size) => {
            let body = format!("{size}\n");
            (
                StatusCode::CONFLICT,
                [(CONTENT_TYPE, SIZE_MEDIA_TYPE)],
                body,
            )
                .into_response()
        }
        Answer::Malformed => plain(StatusCode::BAD_REQUEST, "malformed request"),
        Answer::BadSignature => plain(StatusCode::FORBIDDEN, "not signed by the log"),
        Answer::UnknownOrigin => plain(StatusCode::NOT_FOUND, "unknown origin"),
        Answer::BadProof => plain(StatusCode::UNPROCESSABLE_ENTITY, "not consistent"),
        Answer::Broken => plain(StatusCode::INTERNAL_SERVER_ERROR, "the witness is broken"),
    }
}

async fn checkpoint(State(witness): State<Arc<Witness>>, Path(origin): Path<String>) -> Response {
    let note = tokio::task::spawn_blocking(move || witness.checkpoint(&origin)).await;
    match note {
        Ok(Ok(Some(note))) => ([(CONTENT_TYPE, TEXT)], note).into_response(),
        Ok(Ok(None)) => StatusCode::NOT_FOUND.into_response(),
        Ok(Err(_)) | Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
