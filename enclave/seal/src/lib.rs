//! The seal between a device and this machine: HPKE keys, opened requests, sealed replies, and the replay window.
//!
//! In comes an encapsulated request, whole (RFC 9458) or in chunks (draft-ietf-ohai-chunked-ohttp-08); out goes its plaintext in
//! locked memory together with the means to seal exactly one reply to it, of the same kind. The keys are born here, live in locked memory and die with the process; nobody else can open what was opened,
//! nothing is opened twice, and only the device that sealed the request can open the reply.
//!
//! Nothing here says a byte of a request in an error, and no type that holds a secret can be printed, copied or stored.
#![forbid(unsafe_code)]

mod chunked;
mod keys;
mod open;
mod reply;
mod schedule;
mod slots;
mod stream;
mod suite;
mod window;
mod wipe;

#[cfg(test)]
mod residue;

pub use chunked::ChunkedRequest;
pub use cloister_wire::ohttp::{MAX_REQUEST as MAX_ENCAPSULATED, MAX_RESPONSE};
pub use cloister_wire::pad::HIGHEST as MAX_PLAINTEXT;
pub use keys::{KeyRing, KeyRingError};
pub use open::{OpenError, Opened};
pub use reply::{ReplySealer, SealError};
pub use stream::{ChunkSealer, ChunkedReplySealer, PacedReply};
pub use window::{Admitted, CAPACITY, DateRefused, ReplayWindow, TOLERANCE};
