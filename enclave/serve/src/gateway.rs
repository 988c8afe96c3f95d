//! The routes, and what is refused before anything is opened.
//!
//! Nothing of an outer request but its path, content type and body is looked at, and no outer header changes what happens inside
//! (attack A40). Refusals here are plain problem reports (RFC 9457), for they reveal only what the sender or the relay already
//! knows.

use crate::{answer, channel::Channel, limits, service::Service};
use axum::{
    Extension, Router,
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::{get, post},
};
use bytes::Bytes;
use cloister_journal::{Event, RequestRefusal, record};
use cloister_seal::OpenError;
use cloister_wire::{media, problem::Problem};
use http_body_util::{BodyExt, Limited};
use std::sync::{Arc, PoisonError};
use tokio::time::timeout;

/// The routes for one connection.
pub(crate) fn routes(service: Arc<Service>, channel: Channel) -> Router {
    Router::new()
        .route("/.well-known/ohttp-gateway", get(key_configurations))
        .route("/.well-known/cloister-bundle", get(key_bundle))
        .route("/attest", post(attest))
        .route("/health", get(|| async { "ok\n" }))
        .route("/ohttp", post(sealed))
        .fallback(|| async { Refusal::NotFound.into_response() })
        .method_not_allowed_fallback(|| async { Refusal::Method.into_response() })
        .layer(Extension(channel))
        .with_state(service)
}

/// RFC 9540 section 4: the key configurations of the gateway.
async fn key_configurations(State(service): State<Arc<Service>>) -> Response {
    reply(media::OHTTP_KEYS, service.keys.key_configs().to_vec())
}

async fn key_bundle(State(service): State<Arc<Service>>) -> Response {
    reply(
        media::JSON,
        service
            .bundle
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone(),
    )
}

/// 32 bytes of nonce in, one evidence frame out, bound to this very session.
async fn attest(
    State(service): State<Arc<Service>>,
    Extension(channel): Extension<Channel>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    let place = Arc::clone(&service.attestations)
        .try_acquire_owned()
        .map_err(|_| Refusal::Busy)?;
    let nonce: [u8; 32] = receive(&headers, body, 32)
        .await?
        .as_ref()
        .try_into()
        .map_err(|_| Refusal::Nonce)?;
    let frame = tokio::task::spawn_blocking(move || {
        let frame = service.attestation.session(&channel, nonce);
        drop(place);
        frame
    });
    match frame.await {
        Ok(Ok(frame)) => Ok(reply(media::CMW_CBOR, frame)),
        _ => Err(Refusal::NoEvidence),
    }
}

/// A sealed request in, a sealed reply out (RFC 9458 section 5).
async fn sealed(
    State(service): State<Arc<Service>>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refusal> {
    if headers
        .get(header::CONTENT_TYPE)
        .is_none_or(|value| value != media::OHTTP_REQUEST)
    {
        return Err(Refusal::ContentType);
    }
    let place = Arc::clone(&service.requests)
        .try_acquire_owned()
        .map_err(|_| Refusal::Busy)?;
    let request = receive(&headers, body, cloister_seal::MAX_ENCAPSULATED).await?;
    let sealed = answer::answer(service, request, place).await?;
    Ok(reply(media::OHTTP_RESPONSE, sealed))
}

/// The whole body, at most `limit` bytes of it and in time.
async fn receive(headers: &HeaderMap, body: Body, limit: usize) -> Result<Bytes, Refusal> {
    if headers.contains_key(header::EXPECT) {
        return Err(Refusal::Expect);
    }
    match timeout(limits::BODY, Limited::new(body, limit).collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => Err(Refusal::TooLarge),
        Ok(Err(_)) => Err(Refusal::Body),
        Err(_) => Err(Refusal::Slow),
    }
}

fn reply(content_type: &'static str, body: Vec<u8>) -> Response {
    (
        [
            (header::CONTENT_TYPE, HeaderValue::from_static(content_type)),
            (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ],
        body,
    )
        .into_response()
}

/// Why a request was refused unopened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    Body,
    Busy,
    CannotOpen,
    ContentType,
    Expect,
    Key,
    Malformed,
    Method,
    NoEvidence,
    Nonce,
    NotFound,
    Replayed,
    Slow,
    TooLarge,
    Unavailable,
}

impl From<OpenError> for Refusal {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::Truncated | OpenError::TooLarge => Self::Malformed,
            OpenError::UnknownKey | OpenError::UnsupportedSuite => Self::Key,
            OpenError::CannotOpen => Self::CannotOpen,
            OpenError::Replayed => Self::Replayed,
            OpenError::WindowFull | OpenError::Unavailable => Self::Unavailable,
        }
    }
}

impl Refusal {
    /// The report that the sender gets: one of a closed list, so nothing of the request is repeated.
    fn problem(self) -> Problem {
        match self {
            Self::Body | Self::CannotOpen | Self::Expect | Self::Malformed | Self::Nonce => {
                Problem::Malformed
            }
            Self::Busy | Self::Unavailable => Problem::Busy,
            Self::ContentType => Problem::Type,
            Self::Key => Problem::Key,
            Self::Method => Problem::Method,
            Self::NoEvidence => Problem::Evidence,
            Self::NotFound => Problem::NotFound,
            Self::Replayed => Problem::Replayed,
            Self::Slow => Problem::Timeout,
            Self::TooLarge => Problem::TooLong,
        }
    }

    /// The word for the journal; refusals that are no sealed requests are not worth an event.
    fn reason(self) -> Option<RequestRefusal> {
        match self {
            Self::Body | Self::ContentType | Self::Malformed => Some(RequestRefusal::Malformed),
            Self::Busy | Self::Unavailable => Some(RequestRefusal::Busy),
            Self::CannotOpen => Some(RequestRefusal::CannotOpen),
            Self::Key => Some(RequestRefusal::UnknownKey),
            Self::Replayed => Some(RequestRefusal::Replayed),
            Self::Slow => Some(RequestRefusal::Slow),
            Self::TooLarge => Some(RequestRefusal::TooLarge),
            Self::Expect | Self::Method | Self::NoEvidence | Self::Nonce | Self::NotFound => None,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        if let Some(reason) = self.reason() {
            record(Event::RequestRefused { reason });
        }
        let problem = self.problem();
        let status =
            StatusCode::from_u16(problem.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let body = problem.json().as_bytes().to_vec();
        let mut response = (status, reply(media::PROBLEM_JSON, body)).into_response();
        if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(
                header::RETRY_AFTER,
                HeaderValue::from_static(limits::RETRY_AFTER),
            );
        }
        response
    }
}
