//! Entries: what Cloister puts into its log. One entry vouches for one published file.
//!
//! ```text
//! cloister-log-entry/v1
//! kind image-release
//! name release.json
//! version 0.1.0
//! sha256 2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824
//! ```
//!
//! The kind is among the bytes that are hashed into the tree, so a proof for a list of machines is none for an image (attack A26),
//! and so is the name, so files of one kind cannot swap places (attack A30). There is one spelling: five lines, these words, this order.

use crate::release::Hex;
use sha2::{Digest, Sha256};
use std::fmt;

/// The first line of every entry.
const FIRST_LINE: &str = "cloister-log-entry/v1";
/// Bytes of a name or a version.
const MAX_WORD: usize = 64;

/// What a published file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// A release file: which measurement belongs to which sources and machine shapes.
    ImageRelease,
    /// A key bundle: the key configurations of the live machines.
    KeyBundle,
    /// The machines that may run a release.
    MachineList,
    /// The lowest patch levels.
    Floors,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 4] = [
        Self::ImageRelease,
        Self::KeyBundle,
        Self::MachineList,
        Self::Floors,
    ];

    /// The word in an entry.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::ImageRelease => "image-release",
            Self::KeyBundle => "key-bundle",
            Self::MachineList => "machine-list",
            Self::Floors => "floors",
        }
    }

    /// The kind of this word.
    #[must_use]
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.word() == word)
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

/// A name or a version: 1 to 64 characters out of a-z, 0-9, `.` and `-`, like a release id.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Word(String);

impl Word {
    /// Reads a word; none when a character or the length is another.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let allowed = |byte: u8| {
            byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'.' || byte == b'-'
        };
        let good = (1..=MAX_WORD).contains(&text.len()) && text.bytes().all(allowed);
        good.then(|| Self(text.into()))
    }

    /// The word as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What the file is for.
    pub kind: Kind,
    /// The name under which it is published.
    pub name: Word,
    /// Its version: for a release its id, for a list a date or a number.
    pub version: Word,
    /// SHA-256 of its bytes.
    pub sha256: Hex<32>,
}

/// Why bytes are not an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadEntry;

impl fmt::Display for BadEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "bytes that are not the five lines of a {FIRST_LINE} entry"
        )
    }
}

impl std::error::Error for BadEntry {}

impl Entry {
    /// The entry that vouches for a file.
    #[must_use]
    pub fn of(kind: Kind, name: Word, version: Word, file: &[u8]) -> Self {
        Self {
            kind,
            name,
            version,
            sha256: Hex(Sha256::digest(file).into()),
        }
    }

    /// Reads an entry.
    ///
    /// # Errors
    /// [`BadEntry`] when the bytes are not exactly the ones that writing the entry gives.
    pub fn parse(bytes: &[u8]) -> Result<Self, BadEntry> {
        let text = std::str::from_utf8(bytes).map_err(|_| BadEntry)?;
        let mut lines = text.strip_suffix('\n').ok_or(BadEntry)?.split('\n');
        if lines.next() != Some(FIRST_LINE) {
            return Err(BadEntry);
        }
        let mut value = |word: &str| {
            let line = lines.next()?;
            line.strip_prefix(word)?.strip_prefix(' ')
        };
        let entry = Self {
            kind: value("kind").and_then(Kind::parse).ok_or(BadEntry)?,
            name: value("name").and_then(Word::parse).ok_or(BadEntry)?,
            version: value("version").and_then(Word::parse).ok_or(BadEntry)?,
            sha256: value("sha256").and_then(Hex::parse).ok_or(BadEntry)?,
        };
        match lines.next() {
            None => Ok(entry),
            Some(_) => Err(BadEntry),
        }
    }
}

/// The bytes that are hashed into the tree.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            kind,
            name,
            version,
            sha256,
        } = self;
        writeln!(
            f,
            "{FIRST_LINE}\nkind {kind}\nname {name}\nversion {version}\nsha256 {sha256}"
        )
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn word(text: &str) -> Word {
        Word::parse(text).unwrap()
    }

    #[test]
    fn an_entry_is_read_and_written() {
        for kind in Kind::ALL {
            let entry = Entry::of(kind, word("release.json"), word("0.1.0"), b"hello");
            let text = entry.to_string();
            assert_eq!(Entry::parse(text.as_bytes()).unwrap(), entry);
            assert!(text.ends_with("938b9824\n"), "{text}");
        }
    }

    #[test]
    fn a30_anything_else_is_refused() {
        let good = Entry::of(Kind::Floors, word("n"), word("v"), b"").to_string();
        for (from, to) in [
            ("cloister-log-entry/v1", "cloister-log-entry/v2"),
            ("cloister-log-entry/v1\n", ""),
            ("kind floors", "kind floor"),
            ("kind floors", "kind Floors"),
            ("kind floors", "kind  floors"),
            ("kind floors\n", "kind floors\nkind floors\n"),
            ("name n\nversion v\n", "version v\nname n\n"),
            ("name n", "name "),
            ("name n", "name n "),
            ("name n", "name a/b"),
            ("version v\n", ""),
            ("sha256 e3b0", "sha256 E3b0"),
            ("sha256 e3b0", "sha256 3b0"),
            ("sha256", "sha384"),
            ("b855\n", "b855"),
            ("b855\n", "b855\n\n"),
            ("b855\n", "b855\nmore x\n"),
            ("\n", "\r\n"),
        ] {
            let bad = good.replacen(from, to, 1);
            assert_ne!(bad, good);
            assert_eq!(Entry::parse(bad.as_bytes()), Err(BadEntry), "{bad:?}");
        }
        assert_eq!(Entry::parse(b"\xff"), Err(BadEntry));
        assert_eq!(Word::parse(&"a".repeat(MAX_WORD + 1)), None);
    }
}
