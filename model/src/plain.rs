//! Where sentences end.

use crate::MAX_MESSAGES;
use core::ops::Range;

/// Abbreviations after which a full stop ends nothing, in small letters.
const ABBREVIATIONS: [&str; 40] = [
    "mr", "mrs", "ms", "dr", "prof", "st", "vs", "etc", "eg", "ie", "approx", "dept", "fig", "inc",
    "jr", "sr", "sra", "srta", "ud", "uds", "pag", "bzw", "ca", "nr", "tel", "str", "usw", "evtl",
    "ggf", "inkl", "zzgl", "mme", "mlle", "av", "bd", "env", "dott", "sig", "ing", "vgl",
];

/// The sentences of `text`: at most [`MAX_MESSAGES`], none without a letter or a digit, none with white space around it.
pub(crate) fn sentences(text: &str) -> Vec<&str> {
    let ranges = ranges(text);
    let together = ranges.len().div_ceil(MAX_MESSAGES).max(1);
    ranges
        .chunks(together)
        .filter_map(|group| text.get(group.first()?.start..group.last()?.end))
        .collect()
}

/// Where the sentences of `text` lie, in bytes.
pub(crate) fn ranges(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut letters = text.char_indices().peekable();
    while let Some((at, letter)) = letters.next() {
        let ends = match letter {
            '\n' | '\r' | '\u{2028}' | '\u{2029}' | '\u{3002}' | '\u{ff01}' | '\u{ff1f}'
            | '\u{ff61}' | '\u{964}' => true,
            '.' | '!' | '?' | '\u{2026}' | '\u{61f}' | '\u{6d4}' => {
                while letters.next_if(|&(_, next)| closes(next)).is_some() {}
                let end = letters.peek().map_or(text.len(), |next| next.0);
                ends_here(
                    letter,
                    text.get(start..at).unwrap_or(""),
                    text.get(end..).unwrap_or(""),
                )
            }
            _ => false,
        };
        if ends {
            let end = letters.peek().map_or(text.len(), |next| next.0);
            keep(text, start..end, &mut found);
            start = end;
        }
    }
    keep(text, start..text.len(), &mut found);
    found
}

/// What belongs to the sentence that ended before it.
fn closes(letter: char) -> bool {
    matches!(
        letter,
        '.' | '!'
            | '?'
            | ')'
            | ']'
            | '"'
            | '\''
            | '\u{2019}'
            | '\u{201c}'
            | '\u{201d}'
            | '\u{bb}'
            | '\u{2026}'
    )
}

/// Whether a mark between `before` and `after` ends a sentence.
fn ends_here(mark: char, before: &str, after: &str) -> bool {
    let Some(next) = after.chars().next() else {
        return true;
    };
    if !next.is_whitespace() {
        return false;
    }
    if after.trim_start().starts_with(char::is_lowercase) {
        return false;
    }
    if mark != '.' {
        return true;
    }
    let word = before
        .rsplit(|letter: char| letter.is_whitespace() || matches!(letter, '(' | '.'))
        .next()
        .unwrap_or("");
    let initial = word.chars().count() == 1 && word.starts_with(char::is_alphabetic);
    let ordinal = (1..=2).contains(&word.len()) && word.bytes().all(|byte| byte.is_ascii_digit());
    !(initial
        || ordinal
        || ABBREVIATIONS
            .iter()
            .any(|short| word.eq_ignore_ascii_case(short)))
}

fn keep(text: &str, range: Range<usize>, found: &mut Vec<Range<usize>>) {
    let Some(piece) = text.get(range.clone()) else {
        return;
    };
    if !piece.contains(char::is_alphanumeric) {
        return;
    }
    let start = range.end - piece.trim_start().len();
    found.push(start..start + piece.trim().len());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_end_where_readers_end_them() {
        assert_eq!(
            sentences("It works. Does it? \"Yes!\" Good\n\n- a list"),
            ["It works.", "Does it?", "\"Yes!\"", "Good", "- a list"]
        );
        assert_eq!(
            sentences("Dr. Weiss pays 3.50 on the 3. May, e.g. in cash. Then J. R. left."),
            [
                "Dr. Weiss pays 3.50 on the 3. May, e.g. in cash.",
                "Then J. R. left."
            ]
        );
        assert_eq!(
            sentences("明天九点集合。带护照！好吗？"),
            ["明天九点集合。", "带护照！", "好吗？"]
        );
        assert!(sentences(" ... \n \u{1f600} !").is_empty());
    }

    #[test]
    fn too_many_sentences_are_joined() {
        let text = "Go on. ".repeat(3 * MAX_MESSAGES);
        let found = sentences(&text);
        assert!((MAX_MESSAGES / 2..=MAX_MESSAGES).contains(&found.len()));
    }
}
