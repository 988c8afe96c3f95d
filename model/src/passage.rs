//! What can be quoted of a message: all of it, or one of its passages.

use crate::{HIGHLIGHT_BYTES, plain};

/// Sentences of a long message are joined up to this many bytes: enough for a thought, short enough to be read in a summary.
const JOINED_BYTES: usize = 280;

/// Gives each passage of `text` to `each`: the whole text when it fits into a highlight, else its sentences, joined and cut to fit.
///
/// Every passage is a slice of `text`, at most [`HIGHLIGHT_BYTES`], without white space around it, and has a letter or a digit.
pub(crate) fn passages<'t>(text: &'t str, mut each: impl FnMut(&'t str)) {
    let mut give = |start: usize, end: usize| {
        let mut rest = text.get(start..end).unwrap_or("").trim();
        while !rest.is_empty() {
            let cut = cut(rest);
            let (head, tail) = rest.split_at(cut);
            if head.contains(char::is_alphanumeric) {
                each(head.trim_end());
            }
            rest = tail.trim_start();
        }
    };
    let whole = text.trim();
    if whole.len() <= HIGHLIGHT_BYTES {
        return give(0, text.len());
    }
    let mut joined: Option<(usize, usize)> = None;
    for sentence in plain::ranges(text) {
        joined = match joined {
            Some((start, _)) if sentence.end - start <= JOINED_BYTES => Some((start, sentence.end)),
            before => {
                if let Some((start, end)) = before {
                    give(start, end);
                }
                Some((sentence.start, sentence.end))
            }
        };
    }
    if let Some((start, end)) = joined {
        give(start, end);
    }
}

/// Where to cut `text` so that its head fits into a highlight: after a word if there is one.
fn cut(text: &str) -> usize {
    if text.len() <= HIGHLIGHT_BYTES {
        return text.len();
    }
    let limit = text.floor_char_boundary(HIGHLIGHT_BYTES);
    let head = text.get(..limit).unwrap_or("");
    head.rfind(char::is_whitespace)
        .filter(|&space| space > HIGHLIGHT_BYTES / 2)
        .unwrap_or(limit)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(text: &str) -> Vec<&str> {
        let mut found = Vec::new();
        passages(text, |passage| found.push(passage));
        found
    }

    #[test]
    fn short_texts_are_whole_and_noise_is_nothing() {
        assert_eq!(all("  see you. at nine \n"), ["see you. at nine"]);
        assert!(all("").is_empty());
        assert!(all("\u{1f600}\u{1f600} !!").is_empty());
    }

    #[test]
    fn long_texts_are_cut_between_sentences_then_words_then_letters() {
        let text = "A short sentence stands here. ".repeat(100);
        assert!(
            all(&text)
                .iter()
                .all(|passage| passage.len() <= JOINED_BYTES && passage.ends_with("here."))
        );
        let words = "word ".repeat(1000);
        assert!(
            all(&words)
                .iter()
                .all(|passage| passage.len() <= HIGHLIGHT_BYTES && passage.ends_with("word"))
        );
        let letters = "\u{e4}".repeat(50_000);
        let found = all(&letters);
        assert!(found.iter().all(|passage| passage.len() <= HIGHLIGHT_BYTES));
        assert_eq!(
            found.iter().map(|passage| passage.len()).sum::<usize>(),
            letters.len()
        );
    }
}
