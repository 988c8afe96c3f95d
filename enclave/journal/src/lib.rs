//! The closed list of what the enclave may say about itself.
//!
//! In come [`Event`]s, made of numbers and fixed words; out go lines on the console, which the host can read. No event has room for
//! free text, so nothing of a request can be logged: it does not compile (attack A49). What other crates emit through `tracing`
//! is dropped before it is formatted.
#![forbid(unsafe_code)]

mod console;
mod event;

pub use console::{InstallError, install};
pub use event::{ConnectionRefusal, Event, LatencyClass, PanicSite, RequestRefusal, record};
