//! Text of other people on a terminal.
//!
//! A summary quotes what strangers wrote, and a terminal obeys control characters: they could move the cursor over the trail, change
//! the title, fill the clipboard, or turn the reading direction. [`plain`] keeps what can be read and drops what is obeyed. It is for
//! display only; `--json` carries the text as it is, with control characters escaped by JSON.

/// The text without control characters, escape sequences, and characters that change the reading order or are invisible by design.
/// Line feeds and tabs stay; other line ends become line feeds.
#[must_use]
pub fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match c {
            '\n' | '\t' => out.push(c),
            '\r' => {
                if !rest.as_str().starts_with('\n') {
                    out.push('\n');
                }
            }
            '\u{85}' | '\u{2028}' | '\u{2029}' => out.push('\n'),
            '\u{1b}' => rest = after_escape(rest.as_str()).chars(),
            '\u{9b}' => rest = after_control_sequence(rest.as_str()).chars(),
            '\u{90}' | '\u{98}' | '\u{9d}' | '\u{9e}' | '\u{9f}' => {
                rest = after_control_string(rest.as_str()).chars();
            }
            c if is_obeyed(c) => {}
            c => out.push(c),
        }
    }
    out
}

/// One line: as [`plain`], with line ends and tabs turned into spaces.
#[must_use]
pub fn plain_line(text: &str) -> String {
    plain(text).replace(['\n', '\t'], " ")
}

/// Control characters, and format characters that reorder or hide text (Unicode Bidirectional Algorithm UAX 9, sections 2.1 to 2.6;
/// Unicode Technical Standard 55). Zero-width joiners stay: scripts and emoji need them.
fn is_obeyed(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{061c}'
                | '\u{180e}'
                | '\u{200b}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2060}'..='\u{206f}'
                | '\u{feff}'
                | '\u{fff9}'..='\u{fffb}'
                | '\u{e0000}'..='\u{e007f}'
        )
}

/// What follows an escape sequence (ECMA-48 section 5.3); the ESC itself was already taken.
fn after_escape(rest: &str) -> &str {
    let mut chars = rest.chars();
    match chars.next() {
        Some('[') => after_control_sequence(chars.as_str()),
        Some(']' | 'P' | 'X' | '^' | '_') => after_control_string(chars.as_str()),
        Some(' '..='/') => {
            let tail = chars
                .as_str()
                .trim_start_matches(|c| matches!(c, ' '..='/'));
            tail.strip_prefix(|c| matches!(c, '0'..='~'))
                .unwrap_or(tail)
        }
        Some('0'..='~') => chars.as_str(),
        _ => rest,
    }
}

/// What follows a control sequence: parameters, intermediates, one final byte (ECMA-48 section 5.4).
fn after_control_sequence(rest: &str) -> &str {
    let tail = rest.trim_start_matches(|c| matches!(c, '0'..='?'));
    let tail = tail.trim_start_matches(|c| matches!(c, ' '..='/'));
    tail.strip_prefix(|c| matches!(c, '@'..='~'))
        .unwrap_or(tail)
}

/// What follows a control string (ECMA-48 section 5.6). One that does not end on its line is no control string: its text stays
/// readable, so that a single character can't hide the rest of a summary.
fn after_control_string(rest: &str) -> &str {
    let line = rest.split('\n').next().unwrap_or(rest);
    let end = |needle: &str| line.find(needle).map(|at| at.saturating_add(needle.len()));
    let ends = [end("\u{7}"), end("\u{1b}\\"), end("\u{9c}")];
    ends.into_iter()
        .flatten()
        .min()
        .and_then(|at| rest.get(at..))
        .unwrap_or(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_obeys_is_dropped() {
        for (text, shown) in [
            ("a\u{1b}[31mred\u{1b}[0m", "ared"),
            ("\u{1b}[2J\u{1b}[1;1Hx", "x"),
            ("\u{9b}2Jx", "x"),
            ("\u{1b}]0;title\u{7}x", "x"),
            ("\u{1b}]52;c;aGk=\u{1b}\\x", "x"),
            ("\u{9d}0;title\u{9c}x", "x"),
            ("\u{1b}Pq#0\u{1b}\\x", "x"),
            ("\u{1b}(0lqk\u{1b}(B", "lqk"),
            ("\u{1b}c", ""),
            ("a\u{8}\u{7}\u{0}\u{7f}b", "ab"),
            ("over\rwrite", "over\nwrite"),
            ("dos\r\nline", "dos\nline"),
            ("\u{202e}gnp.exe\u{2066}", "gnp.exe"),
            ("a\u{200b}\u{feff}\u{e0041}b", "ab"),
            ("a\u{2028}b", "a\nb"),
        ] {
            assert_eq!(plain(text), shown, "{text:?}");
        }
    }

    #[test]
    fn what_people_write_stays() {
        for text in [
            "two\nlines\tand a tab",
            "🇩🇪 👩‍👩‍👧 é 漢字 שלום مرحبا",
            "[31m",
            "C:\\dir",
        ] {
            assert_eq!(plain(text), text);
        }
        assert_eq!(plain_line("a\nb\tc"), "a b c");
    }

    #[test]
    fn an_unfinished_sequence_hides_nothing() {
        assert_eq!(plain("\u{1b}]0;the rest\nand more"), "0;the rest\nand more");
        assert_eq!(plain("\u{1b}"), "");
        assert_eq!(plain("\u{1b}["), "");
        assert_eq!(plain("\u{1b}[99é"), "é");
        assert_eq!(plain("\u{1b}\nx"), "\nx");
    }

    #[test]
    fn nothing_obeyed_is_left_after_any_mix() {
        // Dropping one sequence must not join its neighbours into another.
        for text in [
            "\u{1b}\u{1b}[[31m",
            "\u{1b}]\u{1b}]\u{7}0;\u{7}",
            "\u{9b}\u{9b}31m",
            "\u{1b}[\u{1b}[31m",
        ] {
            assert!(!plain(text).chars().any(char::is_control), "{text:?}");
        }
    }
}
