//! How people say that something matters: the phrases of `cues.tsv`, found while a text is scanned.
//!
//! A phrase is known only by the hash of its words, so a text can be compared without a lower-case copy of it being made.

use crate::scan::{self, Hash};

/// What a phrase says about the message that it stands in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// Something was settled.
    Decision,
    /// Somebody takes something on.
    Promise,
    /// Somebody has to do something.
    Task,
    /// A day or an hour.
    Day,
    /// A month; counts beside a number.
    Month,
    /// What a number counts; counts beside a number.
    Unit,
    /// Something is no longer as it was said.
    Change,
    /// A thing that others will have to know: causes, prices, places, bookings, keys, health.
    Matter,
    /// A question that somebody must answer.
    Ask,
    /// Not settled, and perhaps never meant.
    Hedge,
    /// A story from the past, or the weather.
    Tale,
    /// Politeness and laughter.
    Chatter,
    /// Words to the machine and not to the people in the thread.
    Machine,
    /// Says nothing by itself.
    Stop,
}

/// How many kinds there are.
pub(crate) const KINDS: usize = 14;

/// The most words that a phrase has.
pub(crate) const PHRASE_WORDS: usize = 4;

/// The languages whose phrases count in a thread: a word may be a cue in one and an article in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Languages(u32);

impl Languages {
    /// All of them.
    pub(crate) fn all() -> Self {
        Self(u32::MAX)
    }

    /// Those that `text`s seem to be written in: the ones whose commonest words occur at least a third as often as the winner's.
    /// All of them when no common word is known.
    pub(crate) fn of<'t>(texts: impl Iterator<Item = &'t str>, cues: &Cues) -> Self {
        let mut counts = [0_u32; LANGUAGES.len()];
        for word in texts.flat_map(scan::Words::of) {
            for entry in entries(&cues.phrases, word.hash).filter(|entry| entry.kind == Kind::Stop)
            {
                if let Some(count) = counts.get_mut(usize::from(entry.language)) {
                    *count = count.saturating_add(1);
                }
            }
        }
        let most = counts.iter().copied().max().unwrap_or(0);
        if most == 0 {
            return Self::all();
        }
        let mut found = ALWAYS;
        for (index, count) in (0_u32..).zip(counts) {
            if count.saturating_mul(3) >= most {
                found |= 1 << index;
            }
        }
        Self(found)
    }

    fn has(self, language: u8) -> bool {
        self.0 >> u32::from(language) & 1 == 1
    }
}

/// The languages of `cues.tsv`. Those from `ru` on have their own script, so their words cannot be mistaken for others.
const LANGUAGES: [&str; 13] = [
    "en", "de", "es", "fr", "it", "pt", "nl", "pl", "tr", "ru", "zh", "ja", "ar",
];

/// The languages with their own script, as bits.
const ALWAYS: u32 = 0b1_1110_0000_0000;

impl Kind {
    /// Its place in a table of counts.
    pub(crate) fn index(self) -> usize {
        match self {
            Self::Decision => 0,
            Self::Promise => 1,
            Self::Task => 2,
            Self::Day => 3,
            Self::Month => 4,
            Self::Unit => 5,
            Self::Change => 6,
            Self::Matter => 7,
            Self::Ask => 8,
            Self::Hedge => 9,
            Self::Tale => 10,
            Self::Chatter => 11,
            Self::Machine => 12,
            Self::Stop => 13,
        }
    }

    fn named(name: &str) -> Option<Self> {
        Some(match name {
            "ask" => Self::Ask,
            "change" => Self::Change,
            "chatter" => Self::Chatter,
            "day" => Self::Day,
            "decision" => Self::Decision,
            "hedge" => Self::Hedge,
            "machine" => Self::Machine,
            "matter" => Self::Matter,
            "month" => Self::Month,
            "promise" => Self::Promise,
            "stop" => Self::Stop,
            "tale" => Self::Tale,
            "task" => Self::Task,
            "unit" => Self::Unit,
            _ => return None,
        })
    }
}

/// One phrase.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Entry {
    hash: Hash,
    kind: Kind,
    language: u8,
}

/// All phrases, sorted by hash.
pub(crate) struct Cues {
    /// Whole phrases of one to [`PHRASE_WORDS`] words.
    phrases: Vec<Entry>,
    /// Beginnings of words.
    beginnings: Vec<Entry>,
}

impl Cues {
    /// Reads the compiled-in table. Lines that it does not understand are left out; a test says that there are none.
    pub(crate) fn compiled_in() -> Self {
        Self::read(include_str!("../cues.tsv")).0
    }

    /// Reads a table; also says how many lines or phrases it could not use.
    fn read(table: &str) -> (Self, usize) {
        let (mut phrases, mut beginnings, mut wrong) = (Vec::new(), Vec::new(), 0);
        for line in table
            .lines()
            .filter(|line| !line.is_empty() && !line.starts_with('#'))
        {
            let mut columns = line.split('\t');
            let named = |name: &str| {
                (0_u8..)
                    .zip(LANGUAGES)
                    .find(|language| language.1 == name)
                    .map(|language| language.0)
            };
            let (Some(kind), Some(language), Some(list), None) = (
                columns.next().and_then(Kind::named),
                columns.next().and_then(named),
                columns.next(),
                columns.next(),
            ) else {
                wrong += 1;
                continue;
            };
            for phrase in list.split(',').map(str::trim) {
                let mut words = scan::Words::of(phrase);
                let hashes: Vec<Hash> = words.by_ref().map(|word| word.hash).collect();
                match (phrase.strip_suffix('*'), hashes.as_slice()) {
                    (Some(_), [hash]) => beginnings.push(Entry {
                        hash: *hash,
                        kind,
                        language,
                    }),
                    (None, words) if (1..=PHRASE_WORDS).contains(&words.len()) => {
                        phrases.push(Entry {
                            hash: scan::phrase(words),
                            kind,
                            language,
                        });
                    }
                    _ => wrong += 1,
                }
            }
        }
        phrases.sort_unstable();
        phrases.dedup();
        beginnings.sort_unstable();
        beginnings.dedup();
        (
            Self {
                phrases,
                beginnings,
            },
            wrong,
        )
    }

    /// What a phrase with this hash says in `languages`; nothing, mostly. Each kind once. Whoever speaks to the machine is understood in
    /// every language.
    pub(crate) fn phrase(
        &self,
        hash: Hash,
        languages: Languages,
    ) -> impl Iterator<Item = Kind> + '_ {
        kinds(&self.phrases, hash, languages)
    }

    /// What a word that begins so says in `languages`. Each kind once.
    pub(crate) fn beginning(
        &self,
        hash: Hash,
        languages: Languages,
    ) -> impl Iterator<Item = Kind> + '_ {
        kinds(&self.beginnings, hash, languages)
    }
}

fn entries(table: &[Entry], hash: Hash) -> impl Iterator<Item = Entry> + '_ {
    let start = table.partition_point(|entry| entry.hash < hash);
    table
        .iter()
        .skip(start)
        .take_while(move |entry| entry.hash == hash)
        .copied()
}

fn kinds(table: &[Entry], hash: Hash, languages: Languages) -> impl Iterator<Item = Kind> + '_ {
    let mut last = None;
    entries(table, hash)
        .filter(move |entry| entry.kind == Kind::Machine || languages.has(entry.language))
        .filter_map(move |entry| {
            (last.replace(entry.kind) != Some(entry.kind)).then_some(entry.kind)
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<Kind> {
        let cues = Cues::compiled_in();
        let hashes: Vec<Hash> = scan::Words::of(text).map(|word| word.hash).collect();
        cues.phrase(scan::phrase(&hashes), Languages::all())
            .collect()
    }

    #[test]
    fn every_line_is_understood() {
        let (cues, wrong) = Cues::read(include_str!("../cues.tsv"));
        assert_eq!(wrong, 0);
        assert!(cues.phrases.len() > 2000, "{}", cues.phrases.len());
    }

    #[test]
    fn capitals_and_accents_do_not_count() {
        for text in [
            "Let's go with",
            "LET\u{2019}S GO WITH",
            "Décidé",
            "BESTÄTIGT",
            "Übernimmt",
        ] {
            assert!(!found(text).is_empty(), "{text}");
        }
        assert!(found("no such phrase").is_empty());
    }

    #[test]
    fn scripts_without_spaces_are_found() {
        assert!(found("决定").contains(&Kind::Decision));
        assert!(found("予約").contains(&Kind::Matter));
    }

    #[test]
    fn a_thread_is_read_in_its_own_languages() {
        let cues = Cues::compiled_in();
        let english = Languages::of(
            ["as I said, the key is with us and they have it"].into_iter(),
            &cues,
        );
        assert!(english.has(0) && !english.has(1) && english.has(9));
        let german = Languages::of(
            ["wir haben das nicht und der Zug ist da"].into_iter(),
            &cues,
        );
        assert!(german.has(1) && !german.has(0));
        assert_eq!(Languages::of([""].into_iter(), &cues), Languages::all());
    }
}
