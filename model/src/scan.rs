//! One pass over a text: its words as hashes, and what its phrases, numbers and marks say.
//!
//! Words are compared by a 64-bit hash of their small, unaccented letters. So no copy of the text is made, and what is kept of a
//! message while it is looked at is wiped with its vector. The hash needs no key: a collision could only make one sender's own words
//! look alike to each other.

use crate::cues::{Cues, KINDS, Kind, Languages, PHRASE_WORDS};
use zeroize::Zeroizing;

/// The hash of a word or of a phrase.
pub(crate) type Hash = u64;

/// FNV-1a's offset basis and prime (draft-eastlake-fnv).
const BASIS: Hash = 0xcbf2_9ce4_8422_2325;
const PRIME: Hash = 0x0000_0100_0000_01b3;

/// A word longer than this is no word that a cue could begin.
const LONGEST_BEGINNING: usize = 16;

fn mix(hash: Hash, value: u64) -> Hash {
    (hash ^ value).wrapping_mul(PRIME)
}

/// The hash of a phrase of the words with these hashes. A phrase of one word is that word.
pub(crate) fn phrase(words: &[Hash]) -> Hash {
    match words {
        [word] => *word,
        words => words
            .iter()
            .fold(BASIS, |hash, &word| mix(hash.rotate_left(23), word)),
    }
}

/// What a word with digits in it seems to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Number {
    /// Money, per cent, or anything with its unit.
    Amount,
    /// Letters and digits, or many digits: a ticket, a version, a telephone number.
    Code,
    /// A day of a month or of a year.
    Date,
    /// Two digits or more.
    Plain,
    /// One digit.
    Small,
    /// An hour.
    Time,
}

/// A word of a text.
#[derive(Clone, Copy)]
pub(crate) struct Word<'t> {
    /// Of its small, unaccented letters.
    pub(crate) hash: Hash,
    /// The word as written.
    pub(crate) text: &'t str,
    /// Where it begins in the text, in bytes.
    pub(crate) start: usize,
    /// What its digits are, when it has some.
    pub(crate) number: Option<Number>,
}

/// The words of a text: runs of letters and digits, pairs of letters where a script writes no spaces.
pub(crate) struct Words<'t> {
    text: &'t str,
    at: usize,
    /// The letter before `at` belongs to a script without spaces, and its pair is out already.
    in_run: bool,
}

impl<'t> Words<'t> {
    /// Those of `text`.
    pub(crate) fn of(text: &'t str) -> Self {
        Self {
            text,
            at: 0,
            in_run: false,
        }
    }

    fn rest(&self) -> &'t str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn word(&self, start: usize, end: usize) -> Word<'t> {
        let text = self.text.get(start..end).unwrap_or("");
        let before = self.text.get(..start).unwrap_or("").chars().next_back();
        let after = self.text.get(end..).unwrap_or("");
        Word {
            hash: hash(text),
            text,
            start,
            number: number(text, before, after),
        }
    }
}

impl<'t> Iterator for Words<'t> {
    type Item = Word<'t>;

    fn next(&mut self) -> Option<Word<'t>> {
        loop {
            let start = self.at;
            let mut letters = self.rest().chars();
            let first = letters.next()?;
            self.at += first.len_utf8();
            if !first.is_alphanumeric() {
                self.in_run = false;
                continue;
            }
            if unspaced(first) {
                let second = letters.next().filter(|&letter| unspaced(letter));
                let again = core::mem::replace(&mut self.in_run, true);
                match second {
                    Some(second) => return Some(self.word(start, self.at + second.len_utf8())),
                    None if again => continue,
                    None => return Some(self.word(start, self.at)),
                }
            }
            self.in_run = false;
            let mut last = first;
            while let Some(letter) = letters.next() {
                let next = letters.clone().next().unwrap_or(' ');
                if unspaced(letter)
                    || !(letter.is_alphanumeric() || combining(letter) || joins(last, letter, next))
                {
                    break;
                }
                if apostrophe(letter) && elided(self.text.get(start..self.at).unwrap_or("")) {
                    break;
                }
                self.at += letter.len_utf8();
                last = letter;
            }
            return Some(self.word(start, self.at));
        }
    }
}

/// Scripts that write no spaces between words: Han, kana, Thai, Lao, Khmer, Burmese.
fn unspaced(letter: char) -> bool {
    matches!(letter, '\u{0e00}'..='\u{0eff}' | '\u{1000}'..='\u{109f}' | '\u{1780}'..='\u{17ff}' | '\u{3005}' | '\u{3040}'..='\u{30ff}'
        | '\u{3400}'..='\u{4dbf}' | '\u{4e00}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3134f}')
}

fn combining(letter: char) -> bool {
    matches!(letter, '\u{0300}'..='\u{036f}' | '\u{064b}'..='\u{065f}')
}

fn apostrophe(letter: char) -> bool {
    matches!(letter, '\'' | '\u{2019}' | '\u{02bc}')
}

/// Whether `letter`, which is neither letter nor digit, stands inside a word.
fn joins(last: char, letter: char, next: char) -> bool {
    match letter {
        '-' | '_' | '#' => next.is_ascii_digit(),
        ':' | '.' | ',' | '/' => last.is_ascii_digit() && next.is_ascii_digit(),
        letter if apostrophe(letter) => last.is_alphanumeric() && next.is_alphabetic(),
        _ => false,
    }
}

/// The articles and pronouns that French and Italian join to the next word.
fn elided(word: &str) -> bool {
    [
        "l", "d", "j", "m", "t", "s", "c", "n", "qu", "un", "dell", "all",
    ]
    .iter()
    .any(|short| word.eq_ignore_ascii_case(short))
}

/// Gives the small, unaccented letters of `letter` to `each`.
fn fold(letter: char, mut each: impl FnMut(char)) {
    if letter.is_ascii() {
        return each(letter.to_ascii_lowercase());
    }
    for small in letter.to_lowercase() {
        match small {
            '\u{e0}'..='\u{e5}' | '\u{101}' | '\u{103}' | '\u{105}' => each('a'),
            '\u{e6}' => {
                each('a');
                each('e');
            }
            '\u{e7}' | '\u{107}' | '\u{10d}' => each('c'),
            '\u{10f}' | '\u{111}' => each('d'),
            '\u{e8}'..='\u{eb}' | '\u{113}' | '\u{119}' | '\u{11b}' => each('e'),
            '\u{11f}' => each('g'),
            '\u{ec}'..='\u{ef}' | '\u{12b}' | '\u{131}' => each('i'),
            '\u{142}' => each('l'),
            '\u{f1}' | '\u{144}' | '\u{148}' => each('n'),
            '\u{f2}'..='\u{f6}' | '\u{f8}' | '\u{14d}' | '\u{151}' => each('o'),
            '\u{153}' => {
                each('o');
                each('e');
            }
            '\u{159}' => each('r'),
            '\u{df}' => {
                each('s');
                each('s');
            }
            '\u{15b}' | '\u{15f}' | '\u{161}' | '\u{219}' => each('s'),
            '\u{165}' | '\u{21b}' => each('t'),
            '\u{f9}'..='\u{fc}' | '\u{16b}' | '\u{16f}' | '\u{171}' => each('u'),
            '\u{fd}' | '\u{ff}' => each('y'),
            '\u{17a}' | '\u{17c}' | '\u{17e}' => each('z'),
            '\u{451}' => each('\u{435}'),
            '\u{2019}' | '\u{2bc}' => each('\''),
            small if combining(small) => {}
            small => each(small),
        }
    }
}

fn hash(word: &str) -> Hash {
    let mut hash = BASIS;
    for letter in word.chars() {
        fold(letter, |small| {
            hash = mix(hash, u64::from(u32::from(small)))
        });
    }
    hash
}

/// Gives the hash of each beginning of `word` of three letters or more (two where letters are syllables) to `each`.
fn beginnings(word: &str, mut each: impl FnMut(Hash)) {
    let mut hash = BASIS;
    for (index, letter) in word.chars().take(LONGEST_BEGINNING).enumerate() {
        fold(letter, |small| {
            hash = mix(hash, u64::from(u32::from(small)))
        });
        if index >= 2 {
            each(hash);
        }
    }
}

fn currency(letter: char) -> bool {
    matches!(letter, '$' | '%' | '\u{a2}'..='\u{a5}' | '\u{20a0}'..='\u{20cf}' | '\u{ff04}' | '\u{ffe5}')
}

/// What the digits of `word` are, by their shape and their neighbours.
fn number(word: &str, before: Option<char>, after: &str) -> Option<Number> {
    let digits = word.chars().filter(char::is_ascii_digit).count();
    if digits == 0 {
        return None;
    }
    let separators = word
        .chars()
        .filter(|letter| matches!(letter, '.' | '/' | '-'))
        .count();
    let letters = word.trim_start_matches(|letter: char| !letter.is_alphabetic());
    let tail = |endings: &[&str]| {
        endings
            .iter()
            .any(|ending| letters.eq_ignore_ascii_case(ending))
    };
    let mut next = after.chars();
    let beside = next.next().unwrap_or(' ');
    let beyond = if beside == ' ' || beside == '\u{a0}' || beside == '\u{202f}' {
        next.next().unwrap_or(' ')
    } else {
        beside
    };
    Some(
        if before.is_some_and(currency)
            || currency(beyond)
            || matches!(
                beside,
                '\u{5143}' | '\u{5186}' | '\u{5757}' | '\u{4eba}' | '\u{540d}'
            )
        {
            Number::Amount
        } else if word.contains(':')
            || tail(&["am", "pm", "uhr", "hrs", "h"])
            || hour(word)
            || matches!(beside, '\u{70b9}' | '\u{6642}' | '\u{65f6}')
        {
            Number::Time
        } else if (separators == 2 && digits >= 3 || separators == 1 && word.contains('/'))
            && letters.is_empty()
            || tail(&["st", "nd", "rd", "th", "er", "\u{ba}"])
            || matches!(beside, '\u{6708}' | '\u{65e5}' | '\u{53f7}')
        {
            Number::Date
        } else if !letters.is_empty()
            && word.starts_with(|letter: char| letter.is_ascii_digit())
            && digits + letters.len() == word.len()
            && letters.len() <= 3
        {
            Number::Amount
        } else if digits >= 5 && separators == 0 && !word.contains(',')
            || !letters.is_empty() && (digits >= 2 || word.contains('-'))
        {
            Number::Code
        } else if digits == 1 {
            Number::Small
        } else {
            Number::Plain
        },
    )
}

/// 19h30, as French writes it.
fn hour(word: &str) -> bool {
    word.split_once(['h', 'H']).is_some_and(|(hours, minutes)| {
        (1..=2).contains(&hours.len())
            && minutes.len() == 2
            && hours
                .chars()
                .chain(minutes.chars())
                .all(|digit| digit.is_ascii_digit())
    })
}

/// What one pass over a text saw. Numbers only; saturating, since nobody needs the 256th exclamation mark.
#[derive(Clone, Copy, Default)]
pub(crate) struct Marks {
    /// Words of any kind.
    pub(crate) words: u16,
    /// How often each kind of phrase occurs.
    pub(crate) kinds: [u8; KINDS],
    /// Amounts, numbers beside a unit included.
    pub(crate) amounts: u8,
    /// Dates, numbers beside a month included.
    pub(crate) dates: u8,
    /// Hours.
    pub(crate) times: u8,
    /// Codes.
    pub(crate) codes: u8,
    /// Other numbers.
    pub(crate) numbers: u8,
    /// Words with a capital that begin no sentence.
    pub(crate) capitals: u8,
    /// Names of people who write in the thread, the author's own aside.
    pub(crate) mentions: u8,
    /// Question marks.
    pub(crate) questions: u8,
    /// The text quotes an earlier one.
    pub(crate) quotes: bool,
}

impl Marks {
    /// How often phrases of `kind` occur.
    pub(crate) fn count(&self, kind: Kind) -> u8 {
        self.kinds.get(kind.index()).copied().unwrap_or(0)
    }

    fn add(&mut self, kind: Kind) {
        if let Some(count) = self.kinds.get_mut(kind.index()) {
            *count = count.saturating_add(1);
        }
    }

    fn number(&mut self, number: Number) {
        let count = match number {
            Number::Amount => &mut self.amounts,
            Number::Code => &mut self.codes,
            Number::Date => &mut self.dates,
            Number::Plain | Number::Small => &mut self.numbers,
            Number::Time => &mut self.times,
        };
        *count = count.saturating_add(1);
    }
}

/// Scans `text`: returns its marks, and appends the hashes of its words that are no stop words to `content`.
///
/// `names` are the sorted hashes of the names of those who write; `own` are the author's.
pub(crate) fn scan(
    text: &str,
    cues: &Cues,
    languages: Languages,
    names: &[Hash],
    own: &[Hash],
    content: &mut Zeroizing<Vec<Hash>>,
) -> Marks {
    let mut marks = Marks::default();
    let mut recent = [0; PHRASE_WORDS];
    let mut seen = 0_usize;
    let mut last_number = None;
    let mut last_was_month = false;
    let mut sentence_end = 0;
    for word in Words::of(text) {
        marks.words = marks.words.saturating_add(1);
        recent.rotate_left(1);
        if let Some(place) = recent.last_mut() {
            *place = word.hash;
        }
        seen = (seen + 1).min(PHRASE_WORDS);
        let (mut stop, mut unit, mut month) = (false, false, false);
        for length in 1..=seen {
            let Some(words) = recent.get(PHRASE_WORDS - length..) else {
                continue;
            };
            for kind in cues.phrase(phrase(words), languages) {
                match kind {
                    Kind::Stop => stop |= length == 1,
                    Kind::Unit => unit = true,
                    Kind::Month => month = true,
                    kind => marks.add(kind),
                }
            }
        }
        if word.number.is_none() {
            beginnings(word.text, |hash| {
                for kind in cues.beginning(hash, languages) {
                    match kind {
                        Kind::Month => month = true,
                        Kind::Unit => unit = true,
                        kind => marks.add(kind),
                    }
                }
            });
            if !own.contains(&word.hash) && names.binary_search(&word.hash).is_ok() {
                marks.mentions = marks.mentions.saturating_add(1);
            }
            let between = text.get(sentence_end..word.start).unwrap_or("");
            let begins = sentence_end == 0
                || between.contains([
                    '.', '!', '?', ':', '\n', '\u{2026}', '"', '\u{bf}', '\u{a1}',
                ]);
            if !begins && word.text.chars().next().is_some_and(char::is_uppercase) && !stop {
                marks.capitals = marks.capitals.saturating_add(1);
            }
        }
        match (last_number, word.number) {
            // "5 euros", "3 May": the number was held back until its neighbour was known.
            (Some(_), None) if unit => marks.number(Number::Amount),
            (Some(_), None) if month => marks.number(Number::Date),
            (Some(held), _) => marks.number(held),
            (None, _) => {}
        }
        last_number = None;
        match word.number {
            Some(Number::Plain | Number::Small) if last_was_month => marks.number(Number::Date),
            Some(held @ (Number::Plain | Number::Small)) => last_number = Some(held),
            Some(number) => marks.number(number),
            None => {}
        }
        last_was_month = month;
        sentence_end = word.start + word.text.len();
        if !stop {
            content.push(word.hash);
        }
    }
    if let Some(held) = last_number {
        marks.number(held);
    }
    let questions = text
        .chars()
        .filter(|letter| matches!(letter, '?' | '\u{ff1f}' | '\u{61f}' | '\u{37e}'))
        .count();
    marks.questions = u8::try_from(questions).unwrap_or(u8::MAX);
    marks.quotes = text.trim_start().starts_with('>');
    marks
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn words(text: &str) -> Vec<&str> {
        Words::of(text).map(|word| word.text).collect()
    }

    #[test]
    fn words_are_words() {
        assert_eq!(
            words("I'll be there, l'adresse: 5 rue d'Arc!"),
            [
                "I'll", "be", "there", "l", "adresse", "5", "rue", "d", "Arc"
            ]
        );
        assert_eq!(
            words("INC-4312 at 19:30, 12.05.2026"),
            ["INC-4312", "at", "19:30", "12.05.2026"]
        );
        assert_eq!(words("明天9点集合"), ["明天", "9", "点集", "集合"]);
        assert_eq!(words("票"), ["票"]);
        assert!(words(" \u{1f600}\u{7}... ").is_empty());
    }

    #[test]
    fn folding_joins_spellings() {
        assert_eq!(hash("Straße"), hash("STRASSE"));
        assert_eq!(hash("Année"), hash("anne\u{301}e"));
        assert_ne!(hash("anne"), hash("anna"));
    }

    #[test]
    fn numbers_have_shapes() {
        let shape = |text: &str| Words::of(text).find_map(|word| word.number);
        for (text, expected) in [
            ("at 9:30", Number::Time),
            ("9am", Number::Time),
            ("19h30", Number::Time),
            ("19 h", Number::Plain),
            ("9点", Number::Time),
            ("2026-11-23", Number::Date),
            ("12/5", Number::Date),
            ("3rd", Number::Date),
            ("5月", Number::Date),
            ("45€", Number::Amount),
            ("45 €", Number::Amount),
            ("$1,200", Number::Amount),
            ("15kg", Number::Amount),
            ("300円", Number::Amount),
            ("INC-4312", Number::Code),
            ("v2.3.1", Number::Code),
            ("004917712345", Number::Code),
            ("42", Number::Plain),
            ("7", Number::Small),
        ] {
            assert_eq!(shape(text), Some(expected), "{text}");
        }
    }

    #[test]
    fn phrases_and_neighbours_are_counted() {
        let cues = Cues::compiled_in();
        let mut content = Zeroizing::new(Vec::new());
        let names = [hash("anna")];
        let marks = scan(
            "We decided: Anna pays 40 euros on 3 May, I'll bring wine. Is 5 pm ok?",
            &cues,
            Languages::all(),
            &names,
            &[],
            &mut content,
        );
        assert!(marks.count(Kind::Decision) >= 1);
        assert!(marks.count(Kind::Promise) >= 1);
        assert_eq!(
            (marks.amounts, marks.dates, marks.mentions, marks.questions),
            (1, 1, 1, 1)
        );
        assert!(content.contains(&hash("wine")) && !content.contains(&hash("on")));
    }
}
