//! The sealed request and reply of `POST /v1/summaries`, in JSON (RFC 8259).
//!
//! ```text
//! request: {"messages":[{"author":"Ann","time":"2026-11-23T10:00:00Z","text":"..."}],"length":5,"style":"bullets"}
//!      or: {"text":"..."}
//! reply:   {"engine":"extractive","model":"...","summary":"...",
//!           "highlights":[{"id":3,"author":"Ann","time":"...","text":"...","clipped":false}]}
//! ```
//!
//! The enclave reads a request in place: a text without escapes is borrowed from the plaintext, one with escapes is stored by the
//! caller's [`Keep`], in locked memory. The reader has a scratch buffer of its own for escapes on the heap, which the enclave's
//! allocator zeroes on free. Unknown and doubled members are refused, and so is whatever follows the object.

mod reply;
mod request;

pub use reply::{Answer, Highlight, Quoted, SummaryReply};
pub use request::{Full, Keep, Message, Source, Style, SummaryError, SummaryRequest};

/// The path that takes summary requests.
pub const PATH: &str = "/v1/summaries";
/// The most messages of a thread.
pub const MAX_MESSAGES: usize = 5000;
/// The most bytes of an author's name.
pub const MAX_AUTHOR: usize = 256;
/// The most bytes of a time.
pub const MAX_TIME: usize = 64;
/// How many highlights are given when the request does not say.
pub const DEFAULT_LENGTH: u8 = 5;
/// The most highlights that can be asked for.
pub const MAX_LENGTH: u8 = 20;

use std::io;

/// Counts what JSON would take.
struct Count(usize);

impl io::Write for Count {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 = self
            .0
            .checked_add(bytes.len())
            .ok_or(io::ErrorKind::OutOfMemory)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// How many bytes a value has as JSON.
fn json_len(value: &impl serde::Serialize) -> Result<usize, Full> {
    let mut count = Count(0);
    serde_json::to_writer(&mut count, value).map_err(|_| Full)?;
    Ok(count.0)
}

/// Writes a value as JSON to the front of `out`; returns how many bytes that took.
fn json_into(value: &impl serde::Serialize, out: &mut [u8]) -> Result<usize, Full> {
    let room = out.len();
    let mut rest = out;
    serde_json::to_writer(&mut rest, value).map_err(|_| Full)?;
    Ok(room - rest.len())
}
