//! The session way: evidence made for this very connection, before anything of the thread is sent.
//!
//! ```text
//! Session::open     TLS 1.3, hybrid; the server's key, our nonce, the exporter       nobody vouched for anything yet
//!   .attest()       GET /.well-known/ohttp-gateway, POST /attest, then every check   Err: the connection is closed
//! AttestedSession   POST /ohttp with a SealedRequest                                 the key, the channel and the machine are one
//! ```
//!
//! The types are the order: only [`AttestedSession`] can post a sealed request, and only [`Session::attest`] makes one.

use core::fmt;
use core::net::IpAddr;
use std::error::Error;

use bytes::Bytes;
use cloister_verify::{Appraisal, Attested, Binding, Claims, Expected, Step, attest};
use cloister_wire::evidence::{Evidence, EvidenceError, MAX_EVIDENCE};
use cloister_wire::keyconfig::{KeyConfigError, KeyConfigs};
use cloister_wire::media;
use http::Method;

use crate::bundle::MAX_BUNDLE;
use crate::channel::{Channel, ChannelError, Patience};
use crate::endpoint::Endpoint;
use crate::exchange::{Ask, ExchangeError};
use crate::seal::{MAX_REPLY, SealedRequest};

/// Where the enclave gives its key configurations (RFC 9540 section 4).
const KEYS: &str = "/.well-known/ohttp-gateway";
/// Where it takes a nonce and gives evidence.
const ATTEST: &str = "/attest";
/// Where it takes sealed requests.
const OHTTP: &str = "/ohttp";
/// Where it gives its attested key bundle.
const BUNDLE: &str = "/.well-known/cloister-bundle";
/// Greatest size of the key configurations in bytes: 16 of the largest.
const MAX_KEYS: usize = 32 << 10;
/// The frame around evidence is a few bytes; this leaves room for it.
const MAX_FRAME: usize = MAX_EVIDENCE + 1024;

/// A connection to somebody.
pub struct Session {
    channel: Channel,
}

/// A connection that ends in the verified machine.
pub struct AttestedSession {
    channel: Channel,
    attested: Attested,
    trail: Vec<Step>,
    claims: Option<Claims>,
}

/// The evidence was judged and failed.
pub struct Refusal {
    /// Every rule, what was expected, what was found.
    pub appraisal: Appraisal,
    /// The evidence itself, to explain a measurement.
    pub evidence: Evidence,
}

/// Why a session is not attested. Nothing of a thread was sent.
pub enum SessionError {
    /// The key configurations or the evidence did not arrive.
    Exchange(ExchangeError),
    /// The key configurations are malformed somewhere, so all of them are refused.
    KeyConfigs(KeyConfigError),
    /// The evidence frame is malformed.
    Evidence(EvidenceError),
    /// The evidence was judged and failed.
    Refused(Box<Refusal>),
}

impl fmt::Display for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exchange(error) => write!(f, "{error}"),
            Self::KeyConfigs(error) => write!(
                f,
                "{error}; a list of keys that is wrong anywhere is refused whole"
            ),
            Self::Evidence(error) => write!(f, "{error}"),
            Self::Refused(refusal) => match &refusal.appraisal.verdict {
                Ok(_) => f.write_str("the evidence is refused"),
                Err(refused) => write!(f, "{refused}"),
            },
        }
    }
}

impl fmt::Debug for SessionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Error for SessionError {}

impl From<ExchangeError> for SessionError {
    fn from(error: ExchangeError) -> Self {
        Self::Exchange(error)
    }
}

impl Session {
    /// Opens the outer channel, from a local address if one is given. See [`Channel::open`].
    ///
    /// # Errors
    /// [`ChannelError`] when there is no channel on our terms.
    pub async fn open(
        to: &Endpoint,
        from: Option<IpAddr>,
        patience: Patience,
    ) -> Result<Self, ChannelError> {
        Ok(Self {
            channel: Channel::open(to, from, patience).await?,
        })
    }

    /// Fetches key configurations and evidence, and verifies that the evidence covers the machine, the release, this channel and
    /// these keys.
    ///
    /// # Errors
    /// [`SessionError`] when anything does not arrive whole or any check fails. The connection is closed then.
    pub async fn attest(
        mut self,
        expected: &Expected<'_>,
    ) -> Result<AttestedSession, SessionError> {
        let key_configs = self.get(KEYS, media::OHTTP_KEYS, MAX_KEYS).await?;
        KeyConfigs::decode(&key_configs).map_err(SessionError::KeyConfigs)?;

        let nonce = self.channel.nonce();
        let ask = Ask {
            method: Method::POST,
            path: ATTEST,
            content_type: Some("application/octet-stream"),
            accept: media::CMW_CBOR,
            body: Bytes::copy_from_slice(&nonce),
            host: None,
        };
        let patience = self.channel.patience().exchange;
        let frame = self.channel.exchange(ask, MAX_FRAME, patience).await?;
        let evidence = Evidence::decode(&frame.body).map_err(SessionError::Evidence)?;

        // Every value here is our own: drawn, exported or received on this channel, never read out of the evidence.
        let spki_der = self.channel.spki_der().to_vec();
        let binding = Binding::Session {
            nonce,
            spki_der: &spki_der,
            exporter: self.channel.exporter(),
            key_configs: &key_configs,
        };
        let appraisal = attest(&evidence, &binding, expected);
        match appraisal.verdict {
            Ok(attested) => Ok(AttestedSession {
                channel: self.channel,
                attested,
                trail: appraisal.trail,
                claims: appraisal.claims,
            }),
            Err(_) => Err(SessionError::Refused(Box::new(Refusal {
                appraisal,
                evidence,
            }))),
        }
    }

    async fn get(
        &mut self,
        path: &str,
        accept: &'static str,
        limit: usize,
    ) -> Result<Bytes, ExchangeError> {
        get(&mut self.channel, path, accept, limit).await
    }
}

impl AttestedSession {
    /// The proof, and the keys to seal to.
    #[must_use]
    pub fn attested(&self) -> &Attested {
        &self.attested
    }

    /// Every check that was made.
    #[must_use]
    pub fn trail(&self) -> &[Step] {
        &self.trail
    }

    /// What the evidence says.
    #[must_use]
    pub fn claims(&self) -> Option<&Claims> {
        self.claims.as_ref()
    }

    /// Posts a sealed request and brings back the bytes of the sealed reply.
    ///
    /// # Errors
    /// [`ExchangeError`] when no sealed reply of bounded size arrives in time.
    pub async fn post(&mut self, sealed: SealedRequest) -> Result<Vec<u8>, ExchangeError> {
        let ask = Ask {
            method: Method::POST,
            path: OHTTP,
            content_type: Some(media::OHTTP_REQUEST),
            accept: media::OHTTP_RESPONSE,
            body: Bytes::from(sealed.into_bytes()),
            host: None,
        };
        let patience = self.channel.patience().answer;
        let answer = self.channel.exchange(ask, MAX_REPLY, patience).await?;
        Ok(answer.body.to_vec())
    }

    /// The bytes of the machine's attested key bundle, unread.
    ///
    /// # Errors
    /// [`ExchangeError`] when no bundle of bounded size arrives in time.
    pub async fn bundle(&mut self) -> Result<Vec<u8>, ExchangeError> {
        let body = get(&mut self.channel, BUNDLE, media::JSON, MAX_BUNDLE).await?;
        Ok(body.to_vec())
    }
}

async fn get(
    channel: &mut Channel,
    path: &str,
    accept: &'static str,
    limit: usize,
) -> Result<Bytes, ExchangeError> {
    let ask = Ask {
        method: Method::GET,
        path,
        content_type: None,
        accept,
        body: Bytes::new(),
        host: None,
    };
    let patience = channel.patience().exchange;
    Ok(channel.exchange(ask, limit, patience).await?.body)
}
