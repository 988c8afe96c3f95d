//! Bytes to types and back: binary HTTP, key configurations, OHTTP framing, whole and chunked, padding, evidence frames, summaries.
//!
//! In come bytes from a peer: untrusted, of any length and content. Out go types that borrow from those bytes (or, in the other
//! direction, bytes whose number was known beforehand, written into memory that the caller owns). A value that came out obeys its
//! specification: no trailing byte, no duplicate or unknown member, no length beyond its limit, and nothing was allocated before
//! its size was checked (attacks A32, A51).
//!
//! Nothing here does I/O, holds a secret, reads a clock or knows a key.
#![forbid(unsafe_code)]

pub mod bhttp;
pub mod certs;
pub mod chunked;
pub mod cmw;
pub mod date;
pub mod evidence;
pub mod keyconfig;
pub mod media;
pub mod ohttp;
pub mod pad;
pub mod problem;
pub mod summary;

mod cbor;
mod varint;
