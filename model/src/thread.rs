//! What is to be summarised, borrowed from the request's locked memory.

use core::fmt;
use std::error::Error;

/// The most messages a thread may have. The request's own limit is the same (`cloister-wire`, `summary`).
pub const MAX_MESSAGES: usize = 5000;

/// One message. No `Debug`: its text is a secret.
#[derive(Clone, Copy)]
pub struct Message<'t> {
    /// Its place in the thread, counted from 1; a highlight names it.
    pub id: u32,
    /// Who wrote it, as the device says; may be empty.
    pub author: &'t str,
    /// When, as the device says; never interpreted; may be empty.
    pub time: &'t str,
    /// What was written.
    pub text: &'t str,
}

/// Messages in the order in which they were written. No `Debug`: its text is a secret.
pub struct Thread<'t> {
    messages: Vec<Message<'t>>,
    plain: bool,
}

impl<'t> Thread<'t> {
    /// A chat. Each item is (author, time, text); the ids are counted here.
    ///
    /// # Errors
    /// [`ThreadError`] for more than [`MAX_MESSAGES`].
    pub fn from_messages(
        messages: impl IntoIterator<Item = (&'t str, &'t str, &'t str)>,
    ) -> Result<Self, ThreadError> {
        Self::numbered(messages, false)
    }

    /// One text without authors: its sentences become the messages, as slices of `text`.
    ///
    /// Sentences end where [`crate::Summary`]'s reader would end them, at `. ! ? …`, their relatives in other scripts, and line
    /// breaks; never inside a number, after an initial or a usual abbreviation, or before a small letter. A text with more than
    /// [`MAX_MESSAGES`] sentences is cut into coarser pieces, never refused.
    #[must_use]
    pub fn from_plain(text: &'t str) -> Self {
        let pieces = crate::plain::sentences(text);
        Self::numbered(pieces.into_iter().map(|piece| ("", "", piece)), true).unwrap_or(Self {
            messages: Vec::new(),
            plain: true,
        })
    }

    fn numbered(
        messages: impl IntoIterator<Item = (&'t str, &'t str, &'t str)>,
        plain: bool,
    ) -> Result<Self, ThreadError> {
        let mut kept = Vec::new();
        for ((author, time, text), id) in messages.into_iter().zip(1_u32..) {
            if kept.len() >= MAX_MESSAGES {
                return Err(ThreadError);
            }
            kept.push(Message {
                id,
                author,
                time,
                text,
            });
        }
        Ok(Self {
            messages: kept,
            plain,
        })
    }

    /// The messages, in order.
    #[must_use]
    pub fn messages(&self) -> &[Message<'t>] {
        &self.messages
    }

    /// Whether this is one plain text, cut into sentences.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.plain
    }
}

/// The thread has more messages than [`MAX_MESSAGES`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadError;

impl fmt::Display for ThreadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the thread has more than {MAX_MESSAGES} messages; send the latest {MAX_MESSAGES}"
        )
    }
}

impl Error for ThreadError {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn counts_from_one_and_refuses_too_many() {
        let thread = Thread::from_messages([("a", "", "x"), ("b", "", "y")]).unwrap();
        assert_eq!(
            thread
                .messages()
                .iter()
                .map(|message| message.id)
                .collect::<Vec<_>>(),
            [1, 2]
        );
        assert!(Thread::from_messages(vec![("", "", ""); MAX_MESSAGES]).is_ok());
        assert!(Thread::from_messages(vec![("", "", ""); MAX_MESSAGES + 1]).is_err());
    }
}
