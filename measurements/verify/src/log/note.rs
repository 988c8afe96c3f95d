//! Signed notes: a text and lines of signatures under it (C2SP signed-note).
//!
//! ```text
//! This is an example message.
//!
//! — example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=
//! ```
//!
//! Reading a note trusts nobody: what its text says counts for nothing until a [`VerifierKey`](super::VerifierKey) has checked a line.

use base64ct::{Base64, Encoding};
use std::fmt;

/// Bytes that a note may have: sixteen signatures of the largest known kind and then some (signed-note asks for at least sixteen).
pub const MAX_NOTE: usize = 128 << 10;
/// Signature lines that a note may have.
pub const MAX_SIGNATURES: usize = 64;

/// A note as it was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note<'a> {
    /// The text that is signed, its last newline included.
    pub text: &'a str,
    /// The signature lines in their order, of known and unknown keys.
    pub signatures: Vec<NoteSignature>,
}

/// One signature line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoteSignature {
    /// The name of the key.
    pub name: String,
    /// The id of the key: with the name it says which key this is.
    pub key_id: [u8; 4],
    /// What the key's algorithm makes of the text.
    pub signature: Vec<u8>,
}

/// Why bytes are not a signed note.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoteError {
    /// More than [`MAX_NOTE`] bytes, or more than [`MAX_SIGNATURES`] lines.
    TooLong,
    /// Not UTF-8, or a control character other than newline.
    Characters,
    /// No empty line between text and signatures, no text, no signature, or no newline at the end.
    Shape,
    /// A signature line is not `— name base64`.
    Line,
}

impl fmt::Display for NoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TooLong => "a note that is too long",
            Self::Characters => "a note with bytes that are no text",
            Self::Shape => "no text and signatures with an empty line between",
            Self::Line => "a signature line that is none",
        })
    }
}

impl std::error::Error for NoteError {}

impl<'a> Note<'a> {
    /// Reads a note: text, an empty line (the last one there is), one or more signature lines, each with its newline.
    ///
    /// # Errors
    /// [`NoteError`] says what is wrong with the bytes.
    pub fn parse(note: &'a [u8]) -> Result<Self, NoteError> {
        if note.len() > MAX_NOTE {
            return Err(NoteError::TooLong);
        }
        let note = std::str::from_utf8(note).map_err(|_| NoteError::Characters)?;
        if note.bytes().any(|byte| byte < 0x20 && byte != b'\n') {
            return Err(NoteError::Characters);
        }
        let end = note.rfind("\n\n").ok_or(NoteError::Shape)?;
        let (text, rest) = note
            .split_at_checked(end.saturating_add(1))
            .ok_or(NoteError::Shape)?;
        let lines = rest
            .strip_prefix('\n')
            .and_then(|lines| lines.strip_suffix('\n'))
            .ok_or(NoteError::Shape)?;
        let signatures = signature_lines(lines)?;
        Ok(Self { text, signatures })
    }

    /// The signatures by the key of this name and id.
    pub fn by<'b>(
        &'b self,
        name: &'b str,
        key_id: [u8; 4],
    ) -> impl Iterator<Item = &'b NoteSignature> {
        self.signatures
            .iter()
            .filter(move |line| line.name == name && line.key_id == key_id)
    }
}

/// Reads signature lines without the newline after the last.
fn signature_lines(lines: &str) -> Result<Vec<NoteSignature>, NoteError> {
    if lines.split('\n').count() > MAX_SIGNATURES {
        return Err(NoteError::TooLong);
    }
    lines.split('\n').map(NoteSignature::parse_line).collect()
}

impl NoteSignature {
    /// Reads one line without its newline.
    fn parse_line(line: &str) -> Result<Self, NoteError> {
        let (name, base64) = line
            .strip_prefix("— ")
            .and_then(|rest| rest.split_once(' '))
            .ok_or(NoteError::Line)?;
        let bytes = Base64::decode_vec(base64).map_err(|_| NoteError::Line)?;
        match bytes.split_first_chunk::<4>() {
            Some((key_id, signature)) if is_key_name(name) && !signature.is_empty() => Ok(Self {
                name: name.into(),
                key_id: *key_id,
                signature: signature.to_vec(),
            }),
            _ => Err(NoteError::Line),
        }
    }

    /// Reads signature lines that came without their note, each with its newline: a witness answers with them (tlog-witness).
    ///
    /// # Errors
    /// [`NoteError`] says what is wrong with the bytes.
    pub fn parse_lines(lines: &[u8]) -> Result<Vec<Self>, NoteError> {
        if lines.len() > MAX_NOTE {
            return Err(NoteError::TooLong);
        }
        std::str::from_utf8(lines)
            .map_err(|_| NoteError::Characters)?
            .strip_suffix('\n')
            .ok_or(NoteError::Shape)
            .and_then(signature_lines)
    }
}

/// The line with its newline.
impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = [&self.key_id, self.signature.as_slice()].concat();
        writeln!(f, "— {} {}", self.name, Base64::encode_string(&bytes))
    }
}

/// Whether a text can name a key: not empty, no spaces of any script, no plus sign, no control characters.
#[must_use]
pub(super) fn is_key_name(name: &str) -> bool {
    !name.is_empty()
        && !name
            .chars()
            .any(|c| c.is_whitespace() || c.is_control() || c == '+')
}

/// Reads an ASCII decimal without leading zeroes, at most 2^63 - 1: the sizes, indices and times of all these formats.
pub(super) fn decimal(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let plain = digits && (text == "0" || !text.starts_with('0'));
    let number = plain.then(|| text.parse::<u64>().ok())??;
    (number <= i64::MAX.unsigned_abs()).then_some(number)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const GOOD: &str = "text\n\n— a.example AAAAAAE=\n— b.example AAAAAAI=\n";

    #[test]
    fn a_note_is_read_and_written() {
        let note = Note::parse(GOOD.as_bytes()).unwrap();
        assert_eq!((note.text, note.signatures.len()), ("text\n", 2));
        let lines: String = note.signatures.iter().map(ToString::to_string).collect();
        assert_eq!(format!("{}\n{lines}", note.text), GOOD);
        assert_eq!(
            NoteSignature::parse_lines(lines.as_bytes()).unwrap(),
            note.signatures
        );
        // The last empty line divides; those before it belong to the text.
        let note = Note::parse("a\n\nb\n\n— n AAAAAAE=\n".as_bytes()).unwrap();
        assert_eq!(note.text, "a\n\nb\n");
    }

    #[test]
    fn anything_else_is_refused() {
        use NoteError::{Characters, Line, Shape, TooLong};
        for (bad, error) in [
            ("", Shape),
            ("text\n", Shape),
            ("text\n\n", Shape),
            ("\n\n— n AAAAAAE=", Shape),
            ("text\n\n— n AAAAAAE=", Shape),
            ("text\n— n AAAAAAE=\n", Shape),
            ("text\n\n— n AAAAAAE=\n\n", Shape),
            ("text\n\n— n AAAAAAE=\ntrailing\n", Line),
            ("text\n\n- n AAAAAAE=\n", Line),
            ("text\n\n— n  AAAAAAE=\n", Line),
            ("text\n\n— n AAAAAAE= \n", Line),
            ("text\n\n— AAAAAAE=\n", Line),
            ("text\n\n— n+m AAAAAAE=\n", Line),
            ("text\n\n— n\u{a0}m AAAAAAE=\n", Line),
            // No signature behind the key id; no padding; bits behind the last byte; another alphabet.
            ("text\n\n— n AAAAAA==\n", Line),
            ("text\n\n— n AAAAAAE\n", Line),
            ("text\n\n— n AAAAAAF=\n", Line),
            ("text\n\n— n AAAAAAE_\n", Line),
            ("text\n\n— n AAAAAAE=\r\n", Characters),
            ("te\txt\n\n— n AAAAAAE=\n", Characters),
        ] {
            assert_eq!(Note::parse(bad.as_bytes()), Err(error), "{bad:?}");
        }
        assert_eq!(Note::parse(b"\xff\n\n"), Err(Characters));
        assert_eq!(Note::parse(&vec![b'a'; MAX_NOTE + 1]), Err(TooLong));
        let many = format!("t\n\n{}", "— n AAAAAAE=\n".repeat(MAX_SIGNATURES + 1));
        assert_eq!(Note::parse(many.as_bytes()), Err(TooLong));
        let most = format!("t\n\n{}", "— n AAAAAAE=\n".repeat(MAX_SIGNATURES));
        assert!(Note::parse(most.as_bytes()).is_ok());
    }

    #[test]
    fn decimals_have_one_spelling() {
        assert_eq!(decimal("0"), Some(0));
        assert_eq!(decimal("9223372036854775807"), Some(u64::MAX >> 1));
        for bad in [
            "",
            "00",
            "01",
            "+1",
            "-1",
            " 1",
            "1 ",
            "1_0",
            "9223372036854775808",
            "٣",
        ] {
            assert_eq!(decimal(bad), None, "{bad:?}");
        }
    }
}
