//! What came of it.

use super::{Full, MAX_LENGTH};
use serde::Deserialize;
use serde::ser::{Serialize, SerializeStruct, Serializer};

/// A reply as the enclave writes it; it borrows the user's texts, so it has no `Debug`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct SummaryReply<'a> {
    /// Which engine answered, such as `extractive`.
    pub engine: &'a str,
    /// Which model it used.
    pub model: &'a str,
    /// The summary, rendered in the style that was asked for.
    pub summary: &'a str,
    /// What the summary rests on, verbatim.
    pub highlights: &'a [Highlight<'a>],
}

/// A passage that is quoted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Highlight<'a> {
    /// Which message of the thread, or which sentence of the text, counted from 1.
    pub id: u32,
    /// Who wrote it; empty for plain text.
    pub author: &'a str,
    /// When, as the request had it.
    pub time: Option<&'a str>,
    /// The passage, verbatim.
    pub text: &'a str,
    /// Whether the message goes on behind the passage.
    pub clipped: bool,
}

impl SummaryReply<'_> {
    /// How many bytes the reply has as JSON.
    ///
    /// # Errors
    /// [`Full`] when that is more than memory can hold.
    pub fn encoded_len(&self) -> Result<usize, Full> {
        super::json_len(&ReplyJson(self))
    }

    /// Writes the reply as JSON to the front of `out`, so that it exists nowhere else; returns how many bytes that took.
    ///
    /// # Errors
    /// [`Full`] when `out` is too small.
    pub fn encode_into(&self, out: &mut [u8]) -> Result<usize, Full> {
        super::json_into(&ReplyJson(self), out)
    }
}

/// A reply as the device reads it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// As in [`SummaryReply`].
    pub engine: String,
    /// As in [`SummaryReply`].
    pub model: String,
    /// As in [`SummaryReply`].
    pub summary: String,
    /// As in [`SummaryReply`].
    pub highlights: Vec<Quoted>,
}

/// A quoted passage as the device reads it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Quoted {
    /// As in [`Highlight`].
    pub id: u32,
    /// As in [`Highlight`].
    pub author: String,
    /// As in [`Highlight`].
    #[serde(default, deserialize_with = "present")]
    pub time: Option<String>,
    /// As in [`Highlight`].
    pub text: String,
    /// As in [`Highlight`].
    pub clipped: bool,
}

/// A time that is there is a text, not `null`.
fn present<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    String::deserialize(deserializer).map(Some)
}

impl Answer {
    /// Reads exactly one reply; `None` when it is malformed, has an unknown or doubled member, or more highlights than can be
    /// asked for.
    #[must_use]
    pub fn decode(json: &[u8]) -> Option<Self> {
        serde_json::from_slice(json)
            .ok()
            .filter(|answer: &Self| answer.highlights.len() <= usize::from(MAX_LENGTH))
    }
}

/// Writes a reply; apart from it, so that the reply itself cannot be serialized by accident.
struct ReplyJson<'r, 'a>(&'r SummaryReply<'a>);

impl Serialize for ReplyJson<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("reply", 4)?;
        object.serialize_field("engine", self.0.engine)?;
        object.serialize_field("model", self.0.model)?;
        object.serialize_field("summary", self.0.summary)?;
        object.serialize_field("highlights", &HighlightsJson(self.0.highlights))?;
        object.end()
    }
}

struct HighlightsJson<'r, 'a>(&'r [Highlight<'a>]);

impl Serialize for HighlightsJson<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(self.0.iter().map(HighlightJson))
    }
}

struct HighlightJson<'r, 'a>(&'r Highlight<'a>);

impl Serialize for HighlightJson<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("highlight", 5)?;
        object.serialize_field("id", &self.0.id)?;
        object.serialize_field("author", self.0.author)?;
        if let Some(time) = self.0.time {
            object.serialize_field("time", time)?;
        }
        object.serialize_field("text", self.0.text)?;
        object.serialize_field("clipped", &self.0.clipped)?;
        object.end()
    }
}
