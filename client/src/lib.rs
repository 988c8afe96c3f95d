//! The device: verify, seal, ask.
//!
//! In come a thread, what the person accepts (releases, a policy, roots) and where the service is. Out goes a summary, or a refusal
//! that names each failed check with what was expected and found. When a sealed request has left the device, a genuine and allowed
//! machine was verified to run a published release and to hold the only key that opens it; until then, nothing has left.
//!
//! ```text
//! thread ─ message ─ seal                 what is sent, and to whose key          pure: no socket, no clock
//! bundle, trail, launch, terminal         what is believed, shown and explained   pure
//! published                               what was accepted from the log before   pure
//! endpoint ─ channel ─ session            the session way                         sockets
//! relay                                   the one-shot way                        sockets
//! failure                                 what the exit codes mean
//! ```
//!
//! A browser build has the pure modules only; what needs sockets is left away where there are none.
#![forbid(unsafe_code)]

pub mod bundle;
pub mod launch;
pub mod message;
pub mod published;
pub mod seal;
pub mod terminal;
pub mod thread;
pub mod trail;

#[cfg(not(target_family = "wasm"))]
pub mod channel;
#[cfg(not(target_family = "wasm"))]
pub mod endpoint;
#[cfg(not(target_family = "wasm"))]
pub mod exchange;
#[cfg(not(target_family = "wasm"))]
pub mod failure;
#[cfg(not(target_family = "wasm"))]
pub mod relay;
#[cfg(not(target_family = "wasm"))]
pub mod session;

#[cfg(not(target_family = "wasm"))]
mod danger_any_certificate;
