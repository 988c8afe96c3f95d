//! What is asked for, and what comes out.

use core::fmt;
use std::error::Error;

/// The most bytes of text that a highlight quotes.
pub const HIGHLIGHT_BYTES: usize = 600;

/// How a summary is written down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Style {
    /// One line per highlight.
    #[default]
    Bullets,
    /// One paragraph of quotations.
    Prose,
}

/// What the device asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wish {
    highlights: u8,
    /// How to write it down.
    pub style: Style,
}

impl Wish {
    /// Asks for at most `highlights` highlights, 1 to 20.
    ///
    /// # Errors
    /// [`WishError`] for any other number.
    pub fn new(highlights: u8, style: Style) -> Result<Self, WishError> {
        if (1..=20).contains(&highlights) {
            Ok(Self { highlights, style })
        } else {
            Err(WishError { found: highlights })
        }
    }

    /// The most highlights to give, 1 to 20.
    #[must_use]
    pub fn highlights(&self) -> u8 {
        self.highlights
    }
}

/// The wished length is not 1 to 20.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WishError {
    found: u8,
}

impl fmt::Display for WishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a summary has 1 to 20 highlights, {} were asked for",
            self.found
        )
    }
}

impl Error for WishError {}

/// One quoted passage. No `Debug`: its text is a secret.
#[derive(Clone, Copy)]
pub struct Highlight<'t> {
    /// The message it stands in.
    pub id: u32,
    /// That message's author.
    pub author: &'t str,
    /// That message's time.
    pub time: &'t str,
    /// A slice of that message's text, at most [`HIGHLIGHT_BYTES`], without white space around it. It is quoted as it is: control
    /// characters in it are the reader's to make harmless.
    pub text: &'t str,
    /// Whether the message says more than `text`.
    pub clipped: bool,
    /// How much the engine thinks that it matters; only comparable inside one summary.
    pub score: f32,
}

/// The passages that matter, in thread order. No `Debug`: its text is a secret.
pub struct Summary<'t> {
    /// At most as many as the wish says; none when the thread says nothing.
    pub highlights: Vec<Highlight<'t>>,
}

impl Summary<'_> {
    /// Writes the summary down in `style`, into a sink of the caller's (locked memory, in the service).
    ///
    /// Every word comes out of the thread; the rest is punctuation. White space and control characters inside a quotation, which
    /// could break its line, are written as single spaces.
    ///
    /// # Errors
    /// Only those of `sink`.
    pub fn render(&self, style: Style, sink: &mut dyn fmt::Write) -> fmt::Result {
        for (index, highlight) in self.highlights.iter().enumerate() {
            if index > 0 {
                sink.write_char(if style == Style::Bullets { '\n' } else { ' ' })?;
            }
            if style == Style::Bullets {
                sink.write_str("- ")?;
            }
            if !highlight.author.is_empty() {
                line(highlight.author, sink)?;
                sink.write_str(if style == Style::Bullets {
                    ": "
                } else {
                    ": \u{201c}"
                })?;
            }
            line(highlight.text, sink)?;
            if highlight.clipped {
                sink.write_str(" [\u{2026}]")?;
            }
            if style == Style::Prose && !highlight.author.is_empty() {
                sink.write_char('\u{201d}')?;
            }
        }
        Ok(())
    }
}

/// Writes `text` on one line.
fn line(text: &str, sink: &mut dyn fmt::Write) -> fmt::Result {
    let mut gap = false;
    for letter in text.trim().chars() {
        if letter.is_whitespace() || letter.is_control() {
            gap = true;
        } else {
            if core::mem::take(&mut gap) {
                sink.write_char(' ')?;
            }
            sink.write_char(letter)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn two() -> Summary<'static> {
        let highlight = Highlight {
            id: 1,
            author: "Ana",
            time: "",
            text: "at\n nine\u{7}",
            clipped: false,
            score: 1.0,
        };
        Summary {
            highlights: vec![
                highlight,
                Highlight {
                    id: 2,
                    author: "",
                    text: "bring tea",
                    clipped: true,
                    ..highlight
                },
            ],
        }
    }

    #[test]
    fn writes_bullets_and_prose() {
        let (mut bullets, mut prose) = (String::new(), String::new());
        two().render(Style::Bullets, &mut bullets).unwrap();
        two().render(Style::Prose, &mut prose).unwrap();
        assert_eq!(bullets, "- Ana: at nine\n- bring tea [\u{2026}]");
        assert_eq!(prose, "Ana: \u{201c}at nine\u{201d} bring tea [\u{2026}]");
    }

    #[test]
    fn a_wish_is_one_to_twenty() {
        assert!(Wish::new(0, Style::Bullets).is_err());
        assert!(Wish::new(21, Style::Bullets).is_err());
        assert_eq!(Wish::new(20, Style::Prose).unwrap().highlights(), 20);
    }
}
