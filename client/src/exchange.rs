//! One HTTP request and its answer, with a limit on size and time.

use core::fmt;
use core::future::Future;
use core::time::Duration;
use std::error::Error;

use bytes::Bytes;
use cloister_wire::media;
use cloister_wire::problem::Problem;
use http::header::{ACCEPT, CONTENT_LENGTH, CONTENT_TYPE, HOST};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use tokio::time::timeout;

/// Greatest size of a problem report in bytes.
const MAX_PROBLEM: usize = 4 << 10;

/// What to ask.
pub(crate) struct Ask<'a> {
    /// GET or POST.
    pub(crate) method: Method,
    /// Path on the server.
    pub(crate) path: &'a str,
    /// Media type of the body, for POST.
    pub(crate) content_type: Option<&'static str>,
    /// Media type that the answer must have.
    pub(crate) accept: &'static str,
    /// The body; empty for GET.
    pub(crate) body: Bytes,
    /// The `Host` field, where the URI is a path only (HTTP/1.1).
    pub(crate) host: Option<&'a str>,
}

/// What came back: status 200, the media type asked for, and at most as many bytes as allowed.
pub(crate) struct Answer {
    /// The body.
    pub(crate) body: Bytes,
}

/// Why there is no usable answer.
#[derive(Debug)]
pub enum ExchangeError {
    /// The connection broke before the answer was whole.
    Broken(String),
    /// The answer has another status than 200.
    Status {
        /// What was asked for.
        path: String,
        /// The status that came.
        found: u16,
        /// The reason out of the closed list, if one came with it. It was not sealed: anybody on the way may have written it.
        problem: Option<Problem>,
    },
    /// The answer has another media type than asked for.
    Type {
        /// What was asked for.
        path: String,
        /// The media type that should have come.
        expected: &'static str,
    },
    /// The answer is larger than it may be.
    TooLarge {
        /// What was asked for.
        path: String,
        /// Greatest size in bytes.
        limit: usize,
    },
    /// The answer took too long.
    TooSlow {
        /// What was asked for.
        path: String,
        /// How long we waited.
        limit: Duration,
    },
    /// The request could not be written down: a bad path or address.
    Malformed,
}

impl fmt::Display for ExchangeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Broken(path) => {
                write!(
                    f,
                    "the connection broke before the answer to {path} was whole"
                )
            }
            Self::Status {
                path,
                found,
                problem,
            } => {
                write!(f, "{path}: expected status 200, found {found}")?;
                if let Some(problem) = problem {
                    return write!(f, ": {} (said outside of the seal)", problem.title());
                }
                match found {
                    413 => f.write_str(" (too large for the relay or the gateway)"),
                    429 | 503 => f.write_str(" (the service is busy; ask again later)"),
                    502 | 504 => {
                        f.write_str(" (the relay or the gateway does not reach the enclave)")
                    }
                    _ => Ok(()),
                }
            }
            Self::Type { path, expected } => {
                write!(
                    f,
                    "{path}: expected an answer of type {expected}, found another"
                )
            }
            Self::TooLarge { path, limit } => {
                write!(f, "{path}: the answer is larger than {limit} bytes")
            }
            Self::TooSlow { path, limit } => {
                write!(f, "{path}: no whole answer within {} s", limit.as_secs())
            }
            Self::Malformed => f.write_str("the address makes no valid request"),
        }
    }
}

impl Error for ExchangeError {}

/// Sends one request through `send` and reads its whole answer.
///
/// # Errors
/// [`ExchangeError`] when anything but a 200 of the right type and size comes back in time.
pub(crate) async fn exchange<S, F>(
    uri: &str,
    ask: Ask<'_>,
    send: S,
    limit: usize,
    patience: Duration,
) -> Result<Answer, ExchangeError>
where
    S: FnOnce(Request<Full<Bytes>>) -> F,
    F: Future<Output = hyper::Result<Response<Incoming>>>,
{
    let path = ask.path.to_owned();
    let mut request = Request::builder()
        .method(ask.method)
        .uri(uri)
        .header(ACCEPT, HeaderValue::from_static(ask.accept));
    if let Some(content_type) = ask.content_type {
        request = request.header(CONTENT_TYPE, HeaderValue::from_static(content_type));
    }
    if let Some(host) = ask.host {
        request = request.header(HOST, host);
    }
    let request = request
        .body(Full::new(ask.body))
        .map_err(|_| ExchangeError::Malformed)?;
    let whole = async {
        let response = send(request)
            .await
            .map_err(|_| ExchangeError::Broken(path.clone()))?;
        read(response, &path, ask.accept, limit).await
    };
    timeout(patience, whole)
        .await
        .map_err(|_| ExchangeError::TooSlow {
            path: path.clone(),
            limit: patience,
        })?
}

async fn read(
    response: Response<Incoming>,
    path: &str,
    accept: &'static str,
    limit: usize,
) -> Result<Answer, ExchangeError> {
    let path = || path.to_owned();
    if response.status() != StatusCode::OK {
        let found = response.status().as_u16();
        let problem = if has_type(&response, media::PROBLEM_JSON) {
            let body = Limited::new(response.into_body(), MAX_PROBLEM)
                .collect()
                .await;
            body.ok()
                .and_then(|body| Problem::from_json(&body.to_bytes()))
        } else {
            None
        };
        return Err(ExchangeError::Status {
            path: path(),
            found,
            problem,
        });
    }
    if !has_type(&response, accept) {
        return Err(ExchangeError::Type {
            path: path(),
            expected: accept,
        });
    }
    let announced = response
        .headers()
        .get(CONTENT_LENGTH)
        .and_then(|v| v.to_str().ok())
        .and_then(|v| v.parse::<usize>().ok());
    if announced.is_some_and(|n| n > limit) {
        return Err(ExchangeError::TooLarge {
            path: path(),
            limit,
        });
    }
    let collected = Limited::new(response.into_body(), limit).collect().await;
    match collected {
        Ok(body) => Ok(Answer {
            body: body.to_bytes(),
        }),
        Err(error) if error.is::<LengthLimitError>() => Err(ExchangeError::TooLarge {
            path: path(),
            limit,
        }),
        Err(_) => Err(ExchangeError::Broken(path())),
    }
}

/// Whether there is one media type, and it is this one. Media types compare without case and without parameters (RFC 9110 section
/// 8.3.1).
fn has_type(response: &Response<Incoming>, expected: &str) -> bool {
    let mut types = response.headers().get_all(CONTENT_TYPE).iter();
    let (Some(one), None) = (types.next(), types.next()) else {
        return false;
    };
    one.to_str()
        .ok()
        .and_then(|text| text.split(';').next())
        .is_some_and(|kind| kind.trim().eq_ignore_ascii_case(expected))
}
