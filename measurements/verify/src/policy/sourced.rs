//! The words of a policy: values with their source and date, and what may be demanded of one.

use crate::time::UnixTime;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

/// A value, where it comes from and when that was last looked at.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sourced<T> {
    pub(crate) value: T,
    #[allow(dead_code, reason = "required in the file, for its readers")]
    source: Source,
    #[allow(dead_code, reason = "required in the file, for its readers")]
    date: Date,
}

/// Where a line comes from; not empty.
#[derive(Clone, Debug)]
#[allow(dead_code, reason = "required in the file, for its readers")]
pub(super) struct Source(String);

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.trim().is_empty() {
            return Err(D::Error::custom("a line needs a source"));
        }
        Ok(Self(text))
    }
}

/// A day, `YYYY-MM-DD`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Date(pub(super) String);

impl Date {
    /// The day as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this day is the one of `moment` or a later one.
    pub(super) fn not_before_day_of(&self, moment: UnixTime) -> bool {
        let moment = moment.to_string();
        // A moment that is no date is after every day.
        moment
            .split_once('T')
            .is_some_and(|(day, _)| self.as_str() >= day)
    }

    fn parse(text: &str) -> Option<Self> {
        let digits = |part: &str, length: usize| {
            (part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit()))
                .then(|| part.parse::<u16>().ok())?
        };
        let mut parts = text.split('-');
        let (year, month, day) = (
            digits(parts.next()?, 4)?,
            digits(parts.next()?, 2)?,
            digits(parts.next()?, 2)?,
        );
        let plausible =
            (2017..2100).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
        (parts.next().is_none() && plausible).then(|| Self(text.into()))
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("a date is written YYYY-MM-DD"))
    }
}

/// A rule that is on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Demand {
    Required,
    Any,
}

/// What a bit must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Bit {
    Required,
    Refused,
    Any,
}

/// Some of 64 bits, written as the bytes that a quote has for them: hexadecimal, little-endian; or anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bits {
    Any,
    These(u64),
}

impl<'de> Deserialize<'de> for Bits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Exact::<8>::deserialize(deserializer)? {
            Exact::Any => Self::Any,
            Exact::Bytes(bytes) => Self::These(u64::from_le_bytes(bytes)),
        })
    }
}

/// Where sibling threads may be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Smt {
    /// Nowhere.
    Refused,
    /// On machines listed with `smt = true`.
    Listed,
    /// Anywhere.
    Any,
}

/// When a revocation list is needed. One that is given is always checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Revocation {
    Required,
    WhenGiven,
}

/// The exact bytes of a field, or anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exact<const N: usize> {
    Any,
    Bytes([u8; N]),
}

impl<'de, const N: usize> Deserialize<'de> for Exact<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "any" => return Ok(Self::Any),
            "zero" => return Ok(Self::Bytes([0; N])),
            _ => {}
        }
        let mut bytes = [0; N];
        hex::decode_to_slice(&text, &mut bytes).map_err(|_| {
            D::Error::custom(format!(
                "expected \"any\", \"zero\" or {N} bytes in hexadecimal"
            ))
        })?;
        Ok(Self::Bytes(bytes))
    }
}
