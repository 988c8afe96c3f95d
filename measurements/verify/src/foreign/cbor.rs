//! CBOR (RFC 8949) of others: maps and heads, read off the bytes received.
//!
//! Depth is the caller's: values that nobody asked for are skipped without recursion, and a map hands out its values as bytes.

use minicbor::data::Type;
use minicbor::decode::{Decoder, Error};

/// The most entries of a map, and of an array of certificates.
pub(crate) const MAX_ENTRIES: u64 = 32;

/// Not the CBOR that is expected here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadCbor;

impl From<Error> for BadCbor {
    fn from(_: Error) -> Self {
        Self
    }
}

/// The key of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Label<'a> {
    Number(i64),
    Text(&'a str),
}

/// A map of definite length, its keys unique.
pub(crate) struct Map<'a>(Vec<(Label<'a>, &'a [u8])>);

impl<'a> Map<'a> {
    /// Reads a map that is all of `bytes`.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, BadCbor> {
        let mut decoder = Decoder::new(bytes);
        let map = Self::decode(&mut decoder)?;
        end(&decoder)?;
        Ok(map)
    }

    /// Reads a map off the front.
    pub(crate) fn decode(decoder: &mut Decoder<'a>) -> Result<Self, BadCbor> {
        let count = decoder.map()?.filter(|count| *count <= MAX_ENTRIES);
        let mut entries: Vec<(Label<'a>, &'a [u8])> = Vec::new();
        for _ in 0..count.ok_or(BadCbor)? {
            let label = match decoder.datatype()? {
                Type::String => Label::Text(decoder.str()?),
                _ => Label::Number(decoder.i64()?),
            };
            if entries.iter().any(|(known, _)| *known == label) {
                return Err(BadCbor);
            }
            entries.push((label, item(decoder)?));
        }
        Ok(Self(entries))
    }

    /// The bytes of a value.
    pub(crate) fn get(&self, label: Label<'_>) -> Option<&'a [u8]> {
        let found = self.0.iter().find(|(known, _)| *known == label);
        found.map(|(_, value)| *value)
    }

    /// A value that is a byte string.
    pub(crate) fn bytes(&self, label: Label<'_>) -> Option<&'a [u8]> {
        whole(self.get(label)?, |decoder| Ok(decoder.bytes()?))
    }

    /// A value that is a text.
    pub(crate) fn text(&self, label: Label<'_>) -> Option<&'a str> {
        whole(self.get(label)?, |decoder| Ok(decoder.str()?))
    }

    /// A value that is a number.
    pub(crate) fn number(&self, label: Label<'_>) -> Option<i64> {
        whole(self.get(label)?, |decoder| Ok(decoder.i64()?))
    }

    /// A value that is a map.
    pub(crate) fn map(&self, label: Label<'_>) -> Option<Self> {
        Self::parse(self.get(label)?).ok()
    }
}

/// The bytes of the next item, whatever it is.
pub(crate) fn item<'a>(decoder: &mut Decoder<'a>) -> Result<&'a [u8], BadCbor> {
    let start = decoder.position();
    decoder.skip()?;
    decoder
        .input()
        .get(start..decoder.position())
        .ok_or(BadCbor)
}

/// One item that is all of `bytes`.
pub(crate) fn whole<'a, T>(
    bytes: &'a [u8],
    read: impl FnOnce(&mut Decoder<'a>) -> Result<T, BadCbor>,
) -> Option<T> {
    let mut decoder = Decoder::new(bytes);
    let value = read(&mut decoder).ok()?;
    end(&decoder).ok()?;
    Some(value)
}

/// Nothing may be left.
pub(crate) fn end(decoder: &Decoder<'_>) -> Result<(), BadCbor> {
    if decoder.position() == decoder.input().len() {
        Ok(())
    } else {
        Err(BadCbor)
    }
}

/// Appends the head of an item: its major type and its number, in the shortest form (RFC 8949 section 3).
pub(crate) fn put_head(out: &mut Vec<u8>, major: u8, value: usize) {
    let major = major << 5;
    let wide = u64::try_from(value).unwrap_or(u64::MAX).to_be_bytes();
    match value {
        0..=23 => out.push(major | wide[7]),
        24..=0xff => out.extend([major | 24, wide[7]]),
        0x100..=0xffff => out.extend([major | 25, wide[6], wide[7]]),
        0x1_0000..=0xffff_ffff => {
            out.push(major | 26);
            out.extend(wide.iter().skip(4));
        }
        _ => {
            out.push(major | 27);
            out.extend(wide);
        }
    }
}
