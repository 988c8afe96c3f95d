//! How much a passage seems to matter, by what it says and not by what it means.

use crate::{
    cues::Kind,
    scan::{Hash, Marks},
};
use zeroize::Zeroizing;

/// What is added up. The order is that of [`WEIGHTS`].
const FEATURES: usize = 24;

/// What each feature is worth. Chosen on the threads of `dev-threads` and on nothing else.
const WEIGHTS: [f32; FEATURES] = [
    1.2,  // decision
    1.4,  // promise
    0.8,  // task
    0.5,  // day
    0.6,  // hour
    0.8,  // date
    0.8,  // amount
    0.6,  // code
    0.3,  // other numbers
    0.9,  // change
    0.9,  // matter
    1.2,  // a question that asks who, when, where, how much
    0.2,  // any other question
    -0.6, // hedge
    -1.5, // tale
    -1.8, // chatter, by its share of the words
    0.2,  // somebody's name
    0.3,  // other names
    2.2,  // salience
    -1.2, // fewer than four words
    0.6,  // a time beside a decision, a promise, a task or a change
    -0.3, // a quotation of an earlier message
    0.6,  // the first sentence of a plain text
    -3.0, // speaks to the machine
];

/// One occurrence is worth most, the second a third of it, more are worth nothing more.
fn some(count: u8) -> f32 {
    match count {
        0 => 0.0,
        1 => 1.0,
        _ => 1.33,
    }
}

fn flag(is: bool) -> f32 {
    if is { 1.0 } else { 0.0 }
}

/// A float of a small count.
pub(crate) fn float(count: usize) -> f32 {
    f32::from(u16::try_from(count).unwrap_or(u16::MAX))
}

/// What the thread around a passage is like.
#[derive(Clone, Copy)]
pub(crate) struct Setting {
    /// One text, not a chat.
    pub(crate) plain: bool,
    /// The passage is the first.
    pub(crate) first: bool,
    /// Capitals mark names here, and not all nouns.
    pub(crate) capitals_are_names: bool,
}

/// The score of a passage with these marks, of this `salience` in 0 to 1.
pub(crate) fn score(marks: &Marks, salience: f32, setting: Setting) -> f32 {
    let count = |kind| marks.count(kind);
    let machine = count(Kind::Machine) > 0;
    let timed = count(Kind::Day) > 0 || marks.times > 0 || marks.dates > 0;
    let moved = count(Kind::Decision) > 0
        || count(Kind::Promise) > 0
        || count(Kind::Task) > 0
        || count(Kind::Change) > 0;
    let question = marks.questions > 0;
    let asks = count(Kind::Ask) > 0;
    let words = f32::from(marks.words.max(1));
    let features: [f32; FEATURES] = [
        some(count(Kind::Decision)),
        some(count(Kind::Promise)),
        some(count(Kind::Task)),
        some(count(Kind::Day)),
        some(marks.times),
        some(marks.dates),
        some(marks.amounts),
        some(marks.codes),
        some(marks.numbers),
        some(count(Kind::Change)),
        some(count(Kind::Matter)),
        flag(question && asks),
        flag(question && !asks),
        some(count(Kind::Hedge)),
        some(count(Kind::Tale)),
        (2.0 * f32::from(count(Kind::Chatter)) / words).min(1.0),
        some(marks.mentions),
        if setting.capitals_are_names {
            some(marks.capitals)
        } else {
            0.0
        },
        salience,
        flag(marks.words < 4),
        flag(timed && moved),
        flag(marks.quotes),
        flag(setting.plain && setting.first),
        flag(machine),
    ];
    // Whoever speaks to the machine earns nothing with it: no cue of such a passage counts, only what is held against it.
    features
        .iter()
        .zip(WEIGHTS)
        .map(|(feature, weight)| feature * weight)
        .map(|term| if machine { term.min(0.0) } else { term })
        .sum()
}

/// How rare words are in a thread.
pub(crate) struct Rarity {
    /// Each word with the number of passages that it occurs in, sorted.
    counts: Zeroizing<Vec<(Hash, u32)>>,
    passages: f32,
}

impl Rarity {
    /// Counts the words of all passages.
    pub(crate) fn of<'w>(passages: impl Iterator<Item = &'w [Hash]>) -> Self {
        let mut all = Zeroizing::new(Vec::new());
        let mut number = 0_usize;
        let mut once = Zeroizing::new(Vec::new());
        for words in passages {
            number += 1;
            once.clear();
            once.extend_from_slice(words);
            once.sort_unstable();
            once.dedup();
            all.extend_from_slice(&once);
        }
        all.sort_unstable();
        let counts = all
            .chunk_by(|one, other| one == other)
            .filter_map(|same| Some((*same.first()?, u32::try_from(same.len()).ok()?)))
            .collect();
        Self {
            counts: Zeroizing::new(counts),
            passages: float(number),
        }
    }

    /// 1 for a word that occurs once, near 0 for one that is everywhere.
    pub(crate) fn rarity(&self, word: Hash) -> f32 {
        let found = self
            .counts
            .binary_search_by_key(&word, |entry| entry.0)
            .ok()
            .and_then(|index| self.counts.get(index));
        let count = found.map_or(1.0, |entry| {
            float(usize::try_from(entry.1).unwrap_or(usize::MAX))
        });
        if self.passages < 2.0 {
            1.0
        } else {
            ((self.passages + 1.0) / (count + 0.5)).ln() / ((self.passages + 1.0) / 1.5).ln()
        }
    }

    /// The sum of the rarities of the different words of `words`.
    pub(crate) fn sum(&self, words: &[Hash]) -> f32 {
        let mut once = Zeroizing::new(words.to_vec());
        once.sort_unstable();
        once.dedup();
        once.iter().map(|&word| self.rarity(word)).sum()
    }

    /// [`Rarity::sum`] in 0 to 1: five rare words make one half.
    pub(crate) fn salience(&self, words: &[Hash]) -> f32 {
        let sum = self.sum(words);
        sum / (sum + 5.0)
    }
}

/// How much of the shorter of two passages the other repeats, by rarity, 0 to 1. Both must be sorted and without duplicates.
pub(crate) fn overlap(one: &[Hash], other: &[Hash], rarity: &Rarity) -> f32 {
    let weigh = |words: &[Hash]| words.iter().map(|&word| rarity.rarity(word)).sum::<f32>();
    let shared: f32 = one
        .iter()
        .filter(|word| other.binary_search(word).is_ok())
        .map(|&word| rarity.rarity(word))
        .sum();
    let least = weigh(one).min(weigh(other));
    if least > 0.0 { shared / least } else { 0.0 }
}
