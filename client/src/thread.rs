//! The thread as the person has it: a JSON file of messages, or plain text.
//!
//! ```json
//! {"messages": [{"author": "Ana", "time": "2026-11-20T18:03:00Z", "text": "Train at 9:14, platform 3."}]}
//! {"text": "any plain text"}
//! ```
//!
//! Both shapes are those of the request that is sealed ([`cloister_wire::summary`]); anything that does not begin with a brace is
//! taken as plain text. Errors name a place and a rule, never a word of the thread (attack A49). What is kept is wiped when dropped.

use core::fmt;
use core::str;
use std::borrow::Cow;
use std::error::Error;

use cloister_wire::summary::{MAX_AUTHOR, MAX_MESSAGES, MAX_TIME};
use serde::Deserialize;
use serde_json::error::Category;
use zeroize::{Zeroize, Zeroizing};

/// Greatest size of the input in bytes: a thread that fits the greatest sealed request can't be larger than it.
pub const MAX_INPUT: usize = 1 << 20;
/// How to read the input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// JSON when the first character that is not white space is an opening brace, otherwise plain text.
    Guess,
    /// Plain text, whatever it looks like.
    Plain,
}

/// One message.
pub struct Message {
    pub(crate) author: Zeroizing<String>,
    pub(crate) time: Option<Zeroizing<String>>,
    pub(crate) text: Zeroizing<String>,
}

/// A thread within all limits.
pub struct Thread(Content);

/// What a thread is made of.
pub(crate) enum Content {
    /// One or more messages.
    Messages(Vec<Message>),
    /// Text that is not blank.
    Text(Zeroizing<String>),
}

/// A place in the input, counted from one; columns count bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Line.
    pub line: usize,
    /// Byte in the line.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}", self.line, self.column)
    }
}

/// Why the input is not a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ThreadError {
    /// Larger than [`MAX_INPUT`].
    TooLarge,
    /// Not UTF-8 from here on.
    NotUtf8(Place),
    /// Not JSON from here on.
    NotJson(Place),
    /// The JSON ends in the middle.
    EndsEarly(Place),
    /// JSON of another shape; the sentence says which rule it breaks.
    Shape(Place, &'static str),
    /// Nothing to summarise.
    Empty,
    /// More than [`MAX_MESSAGES`].
    TooManyMessages(usize),
    /// A member of a message is too long.
    TooLong {
        /// Which message, counted from one.
        message: usize,
        /// Which member.
        member: &'static str,
        /// Greatest length in bytes.
        limit: usize,
        /// Length in bytes.
        found: usize,
    },
}

impl fmt::Display for ThreadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge => write!(
                f,
                "the input is larger than {MAX_INPUT} bytes; split the thread and ask for each part"
            ),
            Self::NotUtf8(at) => write!(f, "{at}: the input is not UTF-8 text from here on"),
            Self::NotJson(at) => write!(
                f,
                "{at}: not valid JSON from here on; if this is plain text that begins with a brace, use --plain"
            ),
            Self::EndsEarly(at) => write!(f, "{at}: the JSON ends in the middle"),
            Self::Shape(at, rule) => write!(
                f,
                "{at}: {rule}; expected {{\"messages\":[{{\"author\":\"..\",\"time\":\"..\",\"text\":\"..\"}}, ..]}} (time is optional) or {{\"text\":\"..\"}}"
            ),
            Self::Empty => {
                f.write_str("there is nothing to summarise: no message or only white space")
            }
            Self::TooManyMessages(found) => write!(
                f,
                "expected at most {MAX_MESSAGES} messages, found {found}; split the thread and ask for each part"
            ),
            Self::TooLong {
                message,
                member,
                limit,
                found,
            } => write!(
                f,
                "message {message}: expected {member} of at most {limit} bytes, found {found}"
            ),
        }
    }
}

impl Error for ThreadError {}

impl Thread {
    /// Reads a thread.
    ///
    /// # Errors
    /// [`ThreadError`] when the input is too large, is not UTF-8, is JSON of another shape, breaks a limit, or is empty.
    pub fn parse(input: &[u8], format: Format) -> Result<Self, ThreadError> {
        if input.len() > MAX_INPUT {
            return Err(ThreadError::TooLarge);
        }
        let text = str::from_utf8(input)
            .map_err(|error| ThreadError::NotUtf8(place(input, error.valid_up_to())))?;
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let content = if format == Format::Guess && text.trim_start().starts_with('{') {
            parse_json(text)?
        } else if text.trim().is_empty() {
            return Err(ThreadError::Empty);
        } else {
            Content::Text(Zeroizing::new(text.to_owned()))
        };
        Ok(Self(content))
    }

    /// The number of messages; a plain text counts as one.
    #[must_use]
    pub fn messages(&self) -> usize {
        match &self.0 {
            Content::Messages(messages) => messages.len(),
            Content::Text(_) => 1,
        }
    }

    /// What is in it.
    pub(crate) fn content(&self) -> &Content {
        &self.0
    }
}

/// The JSON as it stands in the file: strings without escapes borrow from it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File<'a> {
    #[serde(borrow, default)]
    messages: Option<Vec<Entry<'a>>>,
    #[serde(borrow, default)]
    text: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry<'a> {
    #[serde(borrow)]
    author: Cow<'a, str>,
    #[serde(borrow, default)]
    time: Option<Cow<'a, str>>,
    #[serde(borrow)]
    text: Cow<'a, str>,
}

fn parse_json(text: &str) -> Result<Content, ThreadError> {
    let file: File<'_> = serde_json::from_str(text).map_err(|error| explain(&error))?;
    let start = Place { line: 1, column: 1 };
    match (file.messages, file.text) {
        (Some(_), Some(_)) => Err(ThreadError::Shape(
            start,
            "both messages and text are given, only one may be",
        )),
        (None, None) => Err(ThreadError::Shape(
            start,
            "neither messages nor text is given",
        )),
        (None, Some(text)) if text.trim().is_empty() => Err(ThreadError::Empty),
        (None, Some(text)) => Ok(Content::Text(Zeroizing::new(text.into_owned()))),
        (Some(entries), None) => keep(entries),
    }
}

fn keep(entries: Vec<Entry<'_>>) -> Result<Content, ThreadError> {
    if entries.len() > MAX_MESSAGES {
        return Err(ThreadError::TooManyMessages(entries.len()));
    }
    if entries.iter().all(|entry| entry.text.trim().is_empty()) {
        return Err(ThreadError::Empty);
    }
    let mut messages = Vec::with_capacity(entries.len());
    for (index, entry) in entries.into_iter().enumerate() {
        let check = |member, length: usize, limit| {
            if length > limit {
                return Err(ThreadError::TooLong {
                    message: index.saturating_add(1),
                    member,
                    limit,
                    found: length,
                });
            }
            Ok(())
        };
        check("an author", entry.author.len(), MAX_AUTHOR)?;
        if let Some(time) = &entry.time {
            check("a time", time.len(), MAX_TIME)?;
        }
        messages.push(Message {
            author: Zeroizing::new(entry.author.into_owned()),
            time: entry.time.map(|time| Zeroizing::new(time.into_owned())),
            text: Zeroizing::new(entry.text.into_owned()),
        });
    }
    Ok(Content::Messages(messages))
}

/// Says what is wrong in our own words: the parser's message may quote the thread.
fn explain(error: &serde_json::Error) -> ThreadError {
    let at = Place {
        line: error.line(),
        column: error.column(),
    };
    match error.classify() {
        Category::Eof => ThreadError::EndsEarly(at),
        Category::Syntax | Category::Io => ThreadError::NotJson(at),
        Category::Data => {
            let mut said = error.to_string();
            let rule = if said.starts_with("unknown field") {
                "a member has an unknown name"
            } else if said.starts_with("missing field `author`") {
                "a message has no author"
            } else if said.starts_with("missing field `text`") {
                "a message has no text"
            } else if said.starts_with("duplicate field") {
                "a member is given twice"
            } else {
                "a value has the wrong type"
            };
            said.zeroize();
            ThreadError::Shape(at, rule)
        }
    }
}

/// Line and column of a byte offset.
fn place(input: &[u8], offset: usize) -> Place {
    let before = input.get(..offset).unwrap_or(input);
    let line_start = before
        .iter()
        .rposition(|b| *b == b'\n')
        .map_or(0, |i| i.saturating_add(1));
    Place {
        line: before.split(|b| *b == b'\n').count(),
        column: before.len().saturating_sub(line_start).saturating_add(1),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;

    fn refusal(input: &str) -> ThreadError {
        match Thread::parse(input.as_bytes(), Format::Guess) {
            Ok(_) => panic!("accepted {input:?}"),
            Err(error) => error,
        }
    }

    #[test]
    fn both_shapes_and_plain_text_are_read() {
        let thread = Thread::parse(
            br#" {"messages":[{"author":"A","text":"x\n\u00e9"},{"author":"","time":"t","text":""}]}"#,
            Format::Guess,
        )
        .unwrap();
        let Content::Messages(messages) = thread.content() else {
            panic!("not messages")
        };
        assert_eq!(messages.len(), 2);
        assert_eq!(messages[0].text.as_str(), "x\né");
        assert_eq!(messages[1].time.as_ref().unwrap().as_str(), "t");

        for (input, format) in [
            (r#"{"text":"hello"}"#, Format::Guess),
            ("hello", Format::Guess),
            ("\u{feff}hello", Format::Guess),
        ] {
            let thread = Thread::parse(input.as_bytes(), format).unwrap();
            let Content::Text(text) = thread.content() else {
                panic!("not text")
            };
            assert_eq!(text.as_str(), "hello");
            assert_eq!(thread.messages(), 1);
        }
        let thread = Thread::parse(b"{not json", Format::Plain).unwrap();
        assert!(matches!(thread.content(), Content::Text(text) if text.as_str() == "{not json"));
    }

    #[test]
    fn errors_name_the_place_and_the_rule() {
        let at = |line, column| Place { line, column };
        assert_eq!(
            refusal("{\n\"messages\": [}"),
            ThreadError::NotJson(at(2, 14))
        );
        assert_eq!(
            refusal("{\"messages\":\n["),
            ThreadError::EndsEarly(at(2, 1))
        );
        let rules = [
            (r#"{"messages":[{"author":"a"}]}"#, "a message has no text"),
            (r#"{"messages":[{"text":"a"}]}"#, "a message has no author"),
            (
                r#"{"messages":[{"author":"a","text":"b","x":1}]}"#,
                "a member has an unknown name",
            ),
            (
                r#"{"messages":[{"author":"a","text":"b","text":"c"}]}"#,
                "a member is given twice",
            ),
            (r#"{"messages":"a"}"#, "a value has the wrong type"),
            (
                r#"{"messages":[],"text":"a"}"#,
                "both messages and text are given, only one may be",
            ),
            ("{}", "neither messages nor text is given"),
        ];
        for (input, rule) in rules {
            assert!(
                matches!(refusal(input), ThreadError::Shape(_, found) if found == rule),
                "{input}: {:?}",
                refusal(input)
            );
        }
        let latin1 = Thread::parse(b"one\ntw\xf6\n", Format::Guess);
        assert!(matches!(latin1, Err(ThreadError::NotUtf8(p)) if p == at(2, 3)));
    }

    #[test]
    fn limits_hold_at_their_edges() {
        let author = |n: usize| {
            format!(
                r#"{{"messages":[{{"author":"{}","text":"x"}}]}}"#,
                "a".repeat(n)
            )
        };
        assert!(Thread::parse(author(MAX_AUTHOR).as_bytes(), Format::Guess).is_ok());
        assert!(matches!(
            refusal(&author(MAX_AUTHOR + 1)),
            ThreadError::TooLong {
                message: 1,
                found: 257,
                ..
            }
        ));
        let time = |n: usize| {
            format!(
                r#"{{"messages":[{{"author":"","text":"x"}},{{"author":"a","time":"{}","text":"x"}}]}}"#,
                "1".repeat(n)
            )
        };
        assert!(Thread::parse(time(MAX_TIME).as_bytes(), Format::Guess).is_ok());
        assert!(matches!(
            refusal(&time(MAX_TIME + 1)),
            ThreadError::TooLong { message: 2, .. }
        ));
        let many = |n: usize| {
            format!(
                r#"{{"messages":[{}]}}"#,
                vec![r#"{"author":"a","text":"x"}"#; n].join(",")
            )
        };
        assert_eq!(
            Thread::parse(many(MAX_MESSAGES).as_bytes(), Format::Guess)
                .unwrap()
                .messages(),
            MAX_MESSAGES
        );
        assert_eq!(
            refusal(&many(MAX_MESSAGES + 1)),
            ThreadError::TooManyMessages(MAX_MESSAGES + 1)
        );
        assert!(Thread::parse(&vec![b'a'; MAX_INPUT], Format::Guess).is_ok());
        assert_eq!(refusal(&"a".repeat(MAX_INPUT + 1)), ThreadError::TooLarge);
        for empty in [
            "",
            " \n",
            r#"{"messages":[]}"#,
            r#"{"text":" "}"#,
            r#"{"messages":[{"author":"a","text":" "}]}"#,
        ] {
            assert_eq!(refusal(empty), ThreadError::Empty, "{empty:?}");
        }
    }

    #[test]
    fn a49_errors_never_quote_the_thread() {
        let marked = [
            r#"{"messages":"SECRET"}"#,
            r#"{"messages":[{"author":"a","text":"b","SECRET":1}]}"#,
            r#"{"messages":["SECRET"]}"#,
            r#"{"SECRET"}"#,
            r#"{"messages":[{"author":"SECRET","author":"SECRET","text":""}]}"#,
        ];
        for input in marked {
            let error = refusal(input);
            assert!(
                !error.to_string().contains("SECRET") && !format!("{error:?}").contains("SECRET"),
                "{error}"
            );
        }
    }
}
