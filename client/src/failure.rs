//! What can go wrong, sorted by whose fault it is. Each sort is one exit code of the `cloister` command:
//!
//! | code | meaning |
//! |---|---|
//! | 0 | done |
//! | 1 | verification refused: a check of the evidence, the keys or the channel's binding failed; nothing was sent |
//! | 2 | input or usage: the thread, a file or an option can't be used; nothing was sent |
//! | 3 | network or relay: no connection on our terms, or no whole answer |
//! | 4 | the enclave refused: an authentic, sealed error came back |
//! | 5 | the reply is broken: it does not open, is cut, or is no summary |

use core::fmt;
use std::error::Error;

use cloister_verify::Step;

use crate::channel::ChannelError;
use crate::exchange::ExchangeError;
use crate::message::{ReplyError, RequestError};
use crate::relay::RelayError;
use crate::seal::{OpenReplyError, SealError};
use crate::session::SessionError;
use crate::thread::ThreadError;

/// Whose fault it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// A check failed.
    Verification,
    /// The input or an option can't be used.
    Input,
    /// The network, the relay or the gateway.
    Network,
    /// The enclave said no, under the seal.
    Enclave,
    /// The reply is broken.
    Reply,
}

impl Fault {
    /// The exit code.
    #[must_use]
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Verification => 1,
            Self::Input => 2,
            Self::Network => 3,
            Self::Enclave => 4,
            Self::Reply => 5,
        }
    }

    /// One word for programs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Verification => "verification",
            Self::Input => "input",
            Self::Network => "network",
            Self::Enclave => "enclave",
            Self::Reply => "reply",
        }
    }
}

/// A failure with all that can be said about it. Nothing of a thread is in it.
pub struct Failure {
    /// Whose fault.
    pub fault: Fault,
    /// What is wrong, what to do.
    pub message: String,
    /// Every check that was made, when evidence was judged.
    pub trail: Vec<Step>,
    /// Sentences that explain a measurement.
    pub explanation: Vec<String>,
    /// Whether the evidence came from the simulated processor.
    pub simulated: bool,
    /// Whether a sealed request had left the device.
    pub sent: bool,
}

impl Failure {
    /// A failure with nothing but a sentence, before anything was sent.
    #[must_use]
    pub fn new(fault: Fault, message: impl fmt::Display) -> Self {
        Self {
            fault,
            message: message.to_string(),
            trail: Vec::new(),
            explanation: Vec::new(),
            simulated: false,
            sent: false,
        }
    }

    /// The same failure, after the sealed request left.
    #[must_use]
    pub fn after_sending(self) -> Self {
        Self { sent: true, ..self }
    }

    /// An input or option that can't be used, with the name of the file or option.
    #[must_use]
    pub fn input(what: impl fmt::Display, why: impl fmt::Display) -> Self {
        Self::new(Fault::Input, format_args!("{what}: {why}"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.fault, self.message)
    }
}

impl Error for Failure {}

impl From<ThreadError> for Failure {
    fn from(error: ThreadError) -> Self {
        Self::new(Fault::Input, error)
    }
}

impl From<RequestError> for Failure {
    fn from(error: RequestError) -> Self {
        Self::new(Fault::Input, error)
    }
}

impl From<ChannelError> for Failure {
    fn from(error: ChannelError) -> Self {
        Self::new(Fault::Network, error)
    }
}

impl From<ExchangeError> for Failure {
    fn from(error: ExchangeError) -> Self {
        Self::new(Fault::Network, error)
    }
}

impl From<RelayError> for Failure {
    fn from(error: RelayError) -> Self {
        Self::new(Fault::Network, error)
    }
}

impl From<SealError> for Failure {
    fn from(error: SealError) -> Self {
        let fault = match error {
            SealError::KeyConfigs(_) | SealError::NoSuite | SealError::BadKey => {
                Fault::Verification
            }
            SealError::Unpadded(_) | SealError::Random | SealError::Encrypt => Fault::Input,
        };
        Self::new(fault, error)
    }
}

impl From<OpenReplyError> for Failure {
    fn from(error: OpenReplyError) -> Self {
        Self::new(Fault::Reply, error).after_sending()
    }
}

impl From<ReplyError> for Failure {
    fn from(error: ReplyError) -> Self {
        let fault = match error {
            ReplyError::Refused(_) | ReplyError::Status(_) => Fault::Enclave,
            ReplyError::Binary(_) | ReplyError::NotASummary => Fault::Reply,
        };
        Self::new(fault, error).after_sending()
    }
}

impl From<SessionError> for Failure {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Exchange(error) => error.into(),
            SessionError::KeyConfigs(_) | SessionError::Evidence(_) => {
                Self::new(Fault::Verification, error)
            }
            SessionError::Refused(ref refusal) => Self {
                trail: refusal.appraisal.trail.clone(),
                simulated: crate::trail::is_simulated(&refusal.evidence),
                ..Self::new(Fault::Verification, &error)
            },
        }
    }
}
