//! A borrowed [`Thread`] of messages, or one plain text, comes in.
//! A [`Summary`] goes out: the passages that matter, in thread order, each a verbatim slice of its message.
//! Then nothing of the text is left with the engine: it borrows, its scratch is wiped, and neither its errors nor its spans hold a byte.
//!
//! [`Summariser`] is what the service asks; [`Highlights`] is the engine that is always there. It quotes and never writes, so it can
//! invent nothing and obey nothing that a message says; what it can do wrong is to choose the wrong messages, and
//! `cargo run -p cloister-model --example evaluate` prints how often it does.
#![forbid(unsafe_code)]

mod cancel;
mod cues;
mod embed;
mod highlights;
mod passage;
mod plain;
mod probe;
mod scan;
mod score;
mod select;
mod summary;
mod thread;
mod weights;

pub use cancel::Cancel;
pub use embed::{DIMENSIONS, EmbedError, Embedder};
pub use highlights::{Highlights, SummariseError};
pub use probe::{Probe, ProbeError};
pub use summary::{HIGHLIGHT_BYTES, Highlight, Style, Summary, Wish, WishError};
pub use thread::{MAX_MESSAGES, Message, Thread, ThreadError};
pub use weights::LoadError;

/// What the service asks for a summary.
pub trait Summariser: Send + Sync {
    /// The kind of engine, as the reply's `engine` member says it: `extractive`.
    fn engine(&self) -> &'static str;

    /// The model's name, as the reply's `model` member says it.
    fn model(&self) -> &str;

    /// Chooses what `wish` asks for out of `thread`.
    ///
    /// A thread that says nothing (no message, only emoji, only noise) gives an empty summary.
    ///
    /// # Errors
    /// [`SummariseError`] when `cancel` fired, or when the engine itself failed; never because of what the text says.
    fn summarise<'t>(
        &self,
        thread: &Thread<'t>,
        wish: &Wish,
        cancel: &Cancel,
    ) -> Result<Summary<'t>, SummariseError>;
}
