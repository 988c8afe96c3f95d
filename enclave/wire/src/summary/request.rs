//! What is to be summarised.

use super::{DEFAULT_LENGTH, MAX_AUTHOR, MAX_LENGTH, MAX_MESSAGES, MAX_TIME};
use core::cell::Cell;
use core::fmt;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeStruct, Serializer};

/// Stores texts that had escapes, for as long as the request lives.
pub trait Keep {
    /// Stores a copy of `text`.
    ///
    /// # Errors
    /// [`Full`] when there is no room.
    fn keep(&self, text: &str) -> Result<&str, Full>;
}

/// There is no room for a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no room for the text")
    }
}

impl core::error::Error for Full {}

/// A summary request. It borrows its texts, and has no `Debug` since they are the user's.
#[derive(Clone, PartialEq, Eq)]
pub struct SummaryRequest<'a> {
    /// What to summarise.
    pub source: Source<'a>,
    /// How many highlights, 1 to [`MAX_LENGTH`].
    pub length: u8,
    /// How to write the summary.
    pub style: Style,
}

/// What is summarised.
#[derive(Clone, PartialEq, Eq)]
pub enum Source<'a> {
    /// A thread, in its order; at most [`MAX_MESSAGES`].
    Messages(Vec<Message<'a>>),
    /// Plain text.
    Text(&'a str),
}

/// One message of a thread.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Message<'a> {
    /// Who wrote it; at most [`MAX_AUTHOR`] bytes, may be empty.
    pub author: &'a str,
    /// When, in the sender's words (RFC 3339 is best); at most [`MAX_TIME`] bytes.
    pub time: Option<&'a str>,
    /// What it says.
    pub text: &'a str,
}

/// How the summary is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// One line per highlight.
    #[default]
    Bullets,
    /// One paragraph.
    Prose,
}

impl Style {
    const fn word(self) -> &'static str {
        match self {
            Self::Bullets => "bullets",
            Self::Prose => "prose",
        }
    }
}

/// Why bytes are not a summary request, or a request cannot be written. Nothing here repeats a byte of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SummaryError {
    /// An author of more than [`MAX_AUTHOR`] bytes.
    AuthorTooLong,
    /// A member is there twice.
    Duplicate,
    /// The texts with escapes are too long for the caller's [`Keep`].
    Full,
    /// The length is no whole number from 1 to [`MAX_LENGTH`].
    Length,
    /// A member is missing: a message's author or text, or both of messages and text.
    Missing,
    /// Not JSON, or bytes behind it.
    NotJson,
    /// A value is of another type than its member's.
    Shape,
    /// Both messages and text.
    Sources,
    /// A style other than `bullets` and `prose`.
    Style,
    /// A time of more than [`MAX_TIME`] bytes.
    TimeTooLong,
    /// More than [`MAX_MESSAGES`] messages.
    TooManyMessages,
    /// A member that is not known.
    Unknown,
}

impl fmt::Display for SummaryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AuthorTooLong => write!(f, "summary request: an author has more than {MAX_AUTHOR} bytes"),
            Self::Duplicate => f.write_str("summary request: a member is there twice"),
            Self::Full => f.write_str("summary request: its texts with escapes are too long"),
            Self::Length => write!(f, "summary request: length is not a whole number from 1 to {MAX_LENGTH}"),
            Self::Missing => f.write_str(
                "summary request: a member is missing; expected messages, each with author and text, or text",
            ),
            Self::NotJson => f.write_str("summary request: not one JSON object"),
            Self::Shape => f.write_str("summary request: a member has a value of another type than expected"),
            Self::Sources => f.write_str("summary request: both messages and text; expected one of them"),
            Self::Style => f.write_str("summary request: style is neither bullets nor prose"),
            Self::TimeTooLong => write!(f, "summary request: a time has more than {MAX_TIME} bytes"),
            Self::TooManyMessages => write!(f, "summary request: more than {MAX_MESSAGES} messages"),
            Self::Unknown => f.write_str("summary request: a member is not known"),
        }
    }
}

impl core::error::Error for SummaryError {}

impl<'a> SummaryRequest<'a> {
    /// Reads exactly one request.
    ///
    /// # Errors
    /// [`SummaryError`] when `json` is malformed or breaks a limit, or when `keep` is full.
    pub fn decode(json: &'a [u8], keep: &'a dyn Keep) -> Result<Self, SummaryError> {
        let context = Context {
            keep,
            why: Cell::new(None),
        };
        let mut reader = serde_json::Deserializer::from_slice(json);
        // The reader's own errors may quote the request: they are looked at for their kind and dropped.
        let failed = |error: &serde_json::Error| {
            context.why.get().unwrap_or(match error.classify() {
                serde_json::error::Category::Data => SummaryError::Shape,
                _ => SummaryError::NotJson,
            })
        };
        let request = RequestSeed(&context)
            .deserialize(&mut reader)
            .map_err(|error| failed(&error))?;
        reader.end().map_err(|_| SummaryError::NotJson)?;
        Ok(request)
    }

    /// How many bytes the request has as JSON.
    ///
    /// # Errors
    /// [`SummaryError`] for what [`SummaryRequest::decode`] would refuse.
    pub fn encoded_len(&self) -> Result<usize, SummaryError> {
        self.check()?;
        super::json_len(&RequestJson(self)).map_err(|Full| SummaryError::Full)
    }

    /// Writes the request as JSON to the front of `out`; returns how many bytes that took.
    ///
    /// # Errors
    /// [`SummaryError`] for what [`SummaryRequest::decode`] would refuse; [`SummaryError::Full`] when `out` is too small.
    pub fn encode_into(&self, out: &mut [u8]) -> Result<usize, SummaryError> {
        self.check()?;
        super::json_into(&RequestJson(self), out).map_err(|Full| SummaryError::Full)
    }

    fn check(&self) -> Result<(), SummaryError> {
        if !(1..=MAX_LENGTH).contains(&self.length) {
            return Err(SummaryError::Length);
        }
        let Source::Messages(messages) = &self.source else {
            return Ok(());
        };
        if messages.len() > MAX_MESSAGES {
            return Err(SummaryError::TooManyMessages);
        }
        if messages
            .iter()
            .any(|message| message.author.len() > MAX_AUTHOR)
        {
            return Err(SummaryError::AuthorTooLong);
        }
        if messages
            .iter()
            .any(|message| message.time.is_some_and(|time| time.len() > MAX_TIME))
        {
            return Err(SummaryError::TimeTooLong);
        }
        Ok(())
    }
}

/// What every part of the reader knows: where texts go, and why it failed, which serde's errors cannot say without quoting.
struct Context<'a> {
    keep: &'a dyn Keep,
    why: Cell<Option<SummaryError>>,
}

impl Context<'_> {
    fn refuse<E: de::Error>(&self, why: SummaryError) -> E {
        self.why.set(Some(why));
        E::custom("refused")
    }

    /// Puts a value in its empty place.
    fn fill<T, E: de::Error>(&self, place: &mut Option<T>, value: T) -> Result<(), E> {
        match place.replace(value) {
            None => Ok(()),
            Some(_) => Err(self.refuse(SummaryError::Duplicate)),
        }
    }
}

/// Serde's seeds and visitors are one object here: `Self` knows the context and visits one kind of value.
macro_rules! seed {
    ($name:ident, $value:ty, $method:ident) => {
        impl<'a> DeserializeSeed<'a> for $name<'_, 'a> {
            type Value = $value;

            fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<$value, D::Error> {
                deserializer.$method(self)
            }
        }
    };
}

struct RequestSeed<'c, 'a>(&'c Context<'a>);
seed!(RequestSeed, SummaryRequest<'a>, deserialize_map);

impl<'a> Visitor<'a> for RequestSeed<'_, 'a> {
    type Value = SummaryRequest<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a summary request")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<SummaryRequest<'a>, A::Error> {
        let context = self.0;
        let (mut messages, mut text, mut length, mut style) = (None, None, None, None);
        while let Some(name) = map.next_key_seed(NameSeed(context))? {
            match name {
                Name::Messages => {
                    context.fill(&mut messages, map.next_value_seed(MessagesSeed(context))?)?
                }
                Name::Text => context.fill(&mut text, map.next_value_seed(TextSeed(context))?)?,
                Name::Length => {
                    context.fill(&mut length, map.next_value_seed(LengthSeed(context))?)?
                }
                Name::Style => {
                    context.fill(&mut style, map.next_value_seed(StyleSeed(context))?)?
                }
                Name::Author | Name::Time => return Err(context.refuse(SummaryError::Unknown)),
            }
        }
        let source = match (messages, text) {
            (Some(messages), None) => Source::Messages(messages),
            (None, Some(text)) => Source::Text(text),
            (Some(_), Some(_)) => return Err(context.refuse(SummaryError::Sources)),
            (None, None) => return Err(context.refuse(SummaryError::Missing)),
        };
        Ok(SummaryRequest {
            source,
            length: length.unwrap_or(DEFAULT_LENGTH),
            style: style.unwrap_or_default(),
        })
    }
}

struct MessagesSeed<'c, 'a>(&'c Context<'a>);
seed!(MessagesSeed, Vec<Message<'a>>, deserialize_seq);

impl<'a> Visitor<'a> for MessagesSeed<'_, 'a> {
    type Value = Vec<Message<'a>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("messages")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut seq: A) -> Result<Vec<Message<'a>>, A::Error> {
        let mut messages = Vec::new();
        while let Some(message) = seq.next_element_seed(MessageSeed(self.0))? {
            if messages.len() == MAX_MESSAGES {
                return Err(self.0.refuse(SummaryError::TooManyMessages));
            }
            messages.push(message);
        }
        Ok(messages)
    }
}

struct MessageSeed<'c, 'a>(&'c Context<'a>);
seed!(MessageSeed, Message<'a>, deserialize_map);

impl<'a> Visitor<'a> for MessageSeed<'_, 'a> {
    type Value = Message<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a message")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<Message<'a>, A::Error> {
        let context = self.0;
        let (mut author, mut time, mut text) = (None, None, None);
        while let Some(name) = map.next_key_seed(NameSeed(context))? {
            let place = match name {
                Name::Author => &mut author,
                Name::Time => &mut time,
                Name::Text => &mut text,
                Name::Messages | Name::Length | Name::Style => {
                    return Err(context.refuse(SummaryError::Unknown));
                }
            };
            context.fill(place, map.next_value_seed(TextSeed(context))?)?;
        }
        let (Some(author), Some(text)) = (author, text) else {
            return Err(context.refuse(SummaryError::Missing));
        };
        if author.len() > MAX_AUTHOR {
            return Err(context.refuse(SummaryError::AuthorTooLong));
        }
        if time.is_some_and(|time: &str| time.len() > MAX_TIME) {
            return Err(context.refuse(SummaryError::TimeTooLong));
        }
        Ok(Message { author, time, text })
    }
}

/// Every member name of a request and of a message.
enum Name {
    Author,
    Length,
    Messages,
    Style,
    Text,
    Time,
}

struct NameSeed<'c, 'a>(&'c Context<'a>);
seed!(NameSeed, Name, deserialize_identifier);

impl<'a> Visitor<'a> for NameSeed<'_, 'a> {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }

    fn visit_str<E: de::Error>(self, name: &str) -> Result<Name, E> {
        match name {
            "author" => Ok(Name::Author),
            "length" => Ok(Name::Length),
            "messages" => Ok(Name::Messages),
            "style" => Ok(Name::Style),
            "text" => Ok(Name::Text),
            "time" => Ok(Name::Time),
            _ => Err(self.0.refuse(SummaryError::Unknown)),
        }
    }
}

struct TextSeed<'c, 'a>(&'c Context<'a>);
seed!(TextSeed, &'a str, deserialize_str);

impl<'a> Visitor<'a> for TextSeed<'_, 'a> {
    type Value = &'a str;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E: de::Error>(self, text: &'a str) -> Result<&'a str, E> {
        Ok(text)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<&'a str, E> {
        self.0
            .keep
            .keep(text)
            .map_err(|Full| self.0.refuse(SummaryError::Full))
    }
}

struct LengthSeed<'c, 'a>(&'c Context<'a>);
seed!(LengthSeed, u8, deserialize_any);

impl<'a> Visitor<'a> for LengthSeed<'_, 'a> {
    type Value = u8;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a length")
    }

    fn visit_u64<E: de::Error>(self, length: u64) -> Result<u8, E> {
        u8::try_from(length)
            .ok()
            .filter(|length| (1..=MAX_LENGTH).contains(length))
            .ok_or_else(|| self.0.refuse(SummaryError::Length))
    }

    fn visit_i64<E: de::Error>(self, _negative: i64) -> Result<u8, E> {
        Err(self.0.refuse(SummaryError::Length))
    }

    fn visit_f64<E: de::Error>(self, _fraction: f64) -> Result<u8, E> {
        Err(self.0.refuse(SummaryError::Length))
    }
}

struct StyleSeed<'c, 'a>(&'c Context<'a>);
seed!(StyleSeed, Style, deserialize_str);

impl<'a> Visitor<'a> for StyleSeed<'_, 'a> {
    type Value = Style;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a style")
    }

    fn visit_str<E: de::Error>(self, word: &str) -> Result<Style, E> {
        [Style::Bullets, Style::Prose]
            .into_iter()
            .find(|style| style.word() == word)
            .ok_or_else(|| self.0.refuse(SummaryError::Style))
    }
}

/// Writes a request; apart from it, so that the request itself cannot be serialized by accident.
struct RequestJson<'r, 'a>(&'r SummaryRequest<'a>);

impl Serialize for RequestJson<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("request", 3)?;
        match &self.0.source {
            Source::Messages(messages) => {
                object.serialize_field("messages", &MessagesJson(messages))?
            }
            Source::Text(text) => object.serialize_field("text", text)?,
        }
        object.serialize_field("length", &self.0.length)?;
        object.serialize_field("style", self.0.style.word())?;
        object.end()
    }
}

struct MessagesJson<'r, 'a>(&'r [Message<'a>]);

impl Serialize for MessagesJson<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(MessageJson))
    }
}

struct MessageJson<'r, 'a>(&'r Message<'a>);

impl Serialize for MessageJson<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("message", 3)?;
        object.serialize_field("author", self.0.author)?;
        if let Some(time) = self.0.time {
            object.serialize_field("time", time)?;
        }
        object.serialize_field("text", self.0.text)?;
        object.end()
    }
}
