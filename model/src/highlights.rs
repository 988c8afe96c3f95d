//! The extractive engine: it quotes the messages that matter.
//!
//! 1. Each message becomes passages that fit into a highlight; what has no letter and no digit is left out.
//! 2. Every passage is scanned once: words, phrases that say how something is said, numbers (`scan`, `cues`).
//! 3. What repeats an earlier passage word for word is left out.
//! 4. Passages are scored by rules (`score`), and the best one of each message stands for it.
//! 5. When there are more messages than wanted, the best ones by the rules are embedded, and the probe corrects their scores.
//! 6. The highest scores are taken, each lowered by how much it repeats of what is taken already (`select`).
//!
//! No step follows what a text says. Passages that speak to the machine lose the worth of their cues, and that is all they do.

use crate::{
    Cancel, DIMENSIONS, EmbedError, Embedder, Highlight, LoadError, Message, Probe, Summariser,
    Summary, Thread, Wish,
    cues::{Cues, Languages},
    passage,
    scan::{self, Hash, Marks, Words},
    score::{self, Rarity, Setting},
    select,
};
use core::{fmt, ops::Range};
use std::error::Error;
use zeroize::Zeroizing;

/// Passages are scanned in so many between two looks at [`Cancel`].
const STEP: usize = 512;

/// How many messages for each wanted one are looked at with embeddings: more cost time and changed nothing on the development threads.
const CANDIDATES_PER_HIGHLIGHT: usize = 3;

/// How many messages are compared with each other when the words alone tell repetitions.
const CANDIDATES_BY_WORDS: usize = 384;

/// At or below this score nothing is quoted, wanted or not: greetings, laughter, thanks.
const FLOOR: f32 = 0.0;

/// What the probe's judgement is worth beside the rules.
const PROBE: f32 = 2.0;

/// What repeating a taken passage costs: by the words alone, and by the meaning beyond [`NEAR`].
const REPEATED_WORDS: f32 = 1.5;
const REPEATED_MEANING: f32 = 3.0;
const NEAR: f32 = 0.45;

/// Why there is no summary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SummariseError {
    /// The engine failed; nothing that the text says can cause it.
    Engine,
    /// Whoever asked has gone.
    Stopped,
    /// The time that the request may take is over.
    TooLate,
}

impl fmt::Display for SummariseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Engine => "the summariser failed; the request can be sent again",
            Self::Stopped => "the summary was stopped, because whoever asked has gone",
            Self::TooLate => {
                "the summary took longer than a request may; a shorter thread takes less"
            }
        })
    }
}

impl Error for SummariseError {}

impl From<EmbedError> for SummariseError {
    fn from(_: EmbedError) -> Self {
        Self::Engine
    }
}

/// The extractive engine. `W` holds the weights' bytes for as long as the engine lives: a map, or a vector.
pub struct Highlights<W> {
    cues: Cues,
    meaning: Option<(Embedder<W>, Probe)>,
}

impl<W: AsRef<[u8]>> Highlights<W> {
    /// Loads the engine out of the three files of `weights.lock`: `model.safetensors`, `config.json`, `tokenizer.json`, each of which is
    /// compared with its SHA-256 first. `weights` is kept as long as the engine lives: only the rows of the word table that a request
    /// needs are read from it, and nothing may change it.
    ///
    /// # Errors
    /// [`LoadError`] when a file is not the locked one.
    pub fn load(weights: W, config: &[u8], tokenizer: &[u8]) -> Result<Self, LoadError> {
        let embedder = Embedder::load(weights, config, tokenizer)?;
        Ok(Self {
            cues: Cues::compiled_in(),
            meaning: Some((embedder, Probe::compiled_in())),
        })
    }
}

impl Highlights<&'static [u8]> {
    /// The engine without its model: rules alone. It answers at once and chooses a little worse; `evaluate` prints how much.
    #[must_use]
    pub fn rules_only() -> Self {
        Self {
            cues: Cues::compiled_in(),
            meaning: None,
        }
    }
}

impl<W: AsRef<[u8]> + Send + Sync> Summariser for Highlights<W> {
    fn engine(&self) -> &'static str {
        "extractive"
    }

    fn model(&self) -> &str {
        if self.meaning.is_some() {
            "all-MiniLM-L6-v2"
        } else {
            "rules"
        }
    }

    fn summarise<'t>(
        &self,
        thread: &Thread<'t>,
        wish: &Wish,
        cancel: &Cancel,
    ) -> Result<Summary<'t>, SummariseError> {
        cancel.check()?;
        let sheet = Sheet::of(thread, &self.cues, cancel)?;
        let mut candidates = sheet.candidates();
        let wanted = usize::from(wish.highlights());
        let most = wanted * CANDIDATES_PER_HIGHLIGHT;
        let meaning = self.meaning.as_ref().filter(|_| candidates.len() > wanted);
        candidates.truncate(if meaning.is_some() {
            most
        } else {
            CANDIDATES_BY_WORDS
        });
        let mut scores: Vec<f32> = candidates.iter().map(|passage| passage.score).collect();
        let vectors = match meaning {
            Some((embedder, probe)) => {
                let texts: Vec<&str> = candidates.iter().map(|passage| passage.text).collect();
                let vectors = embedder.embed(&texts, cancel)?;
                for (score, vector) in scores.iter_mut().zip(vectors.chunks_exact(DIMENSIONS)) {
                    *score += PROBE * probe.matters(vector);
                }
                vectors
            }
            None => Zeroizing::new(Vec::new()),
        };
        cancel.check()?;
        let taken = select::take(&scores, wanted, FLOOR, |one, other| {
            let (Some(a), Some(b)) = (candidates.get(one), candidates.get(other)) else {
                return 0.0;
            };
            let words =
                REPEATED_WORDS * score::overlap(sheet.words(a), sheet.words(b), &sheet.rarity);
            words.max(REPEATED_MEANING * (likeness(&vectors, one, other) - NEAR))
        });
        let mut highlights: Vec<Highlight<'t>> = taken
            .into_iter()
            .filter_map(|index| Some((candidates.get(index)?, *scores.get(index)?)))
            .filter_map(|(passage, score)| {
                Some(passage.quote(thread.messages().get(passage.message)?, score))
            })
            .collect();
        highlights.sort_by_key(|highlight| highlight.id);
        Ok(Summary { highlights })
    }
}

/// The cosine of the embeddings of two candidates; 0 without embeddings.
fn likeness(vectors: &[f32], one: usize, other: usize) -> f32 {
    let row = |index: usize| {
        vectors
            .get(index * DIMENSIONS..)
            .and_then(|rows| rows.get(..DIMENSIONS))
            .unwrap_or(&[])
    };
    row(one).iter().zip(row(other)).map(|(a, b)| a * b).sum()
}

/// A part of a message that could be quoted.
struct Passage<'t> {
    /// Index of its message.
    message: usize,
    text: &'t str,
    marks: Marks,
    /// Where its words lie in [`Sheet::words`].
    words: Range<usize>,
    score: f32,
}

impl<'t> Passage<'t> {
    fn quote(&self, message: &Message<'t>, score: f32) -> Highlight<'t> {
        let clipped = message.text.trim().len() > self.text.len();
        Highlight {
            id: message.id,
            author: message.author,
            time: message.time,
            text: self.text,
            clipped,
            score,
        }
    }
}

/// All that is known of a thread while it is summarised. Wiped, like everything in it that depends on the text.
struct Sheet<'t> {
    passages: Vec<Passage<'t>>,
    /// The different content words of all passages, one passage after the other, each sorted.
    words: Zeroizing<Vec<Hash>>,
    rarity: Rarity,
}

impl<'t> Sheet<'t> {
    fn of(thread: &Thread<'t>, cues: &Cues, cancel: &Cancel) -> Result<Self, SummariseError> {
        let messages = thread.messages();
        let languages = Languages::of(messages.iter().map(|message| message.text), cues);
        let names = names(messages);
        let mut words = Zeroizing::new(Vec::new());
        let mut fingerprints = Zeroizing::new(Vec::new());
        let mut passages = Vec::new();
        for (index, message) in messages.iter().enumerate() {
            if index % STEP == 0 {
                cancel.check()?;
            }
            let own = name(message.author);
            passage::passages(message.text, |text| {
                let start = words.len();
                let marks = scan::scan(text, cues, languages, &names, &own, &mut words);
                let fingerprint = words.get(start..).map_or(0, scan::phrase);
                fingerprints.push((fingerprint, passages.len()));
                let length = sort_tail(&mut words, start);
                passages.push(Passage {
                    message: index,
                    text,
                    marks,
                    words: start..start + length,
                    score: 0.0,
                });
            });
        }
        cancel.check()?;
        let mut repeats = vec![false; passages.len()];
        fingerprints.sort_unstable();
        for same in fingerprints.chunk_by(|one, other| one.0 == other.0) {
            for (_, index) in same.iter().skip(1) {
                if let Some(repeats) = repeats.get_mut(*index) {
                    *repeats = true;
                }
            }
        }
        let rarity = Rarity::of(
            passages
                .iter()
                .map(|passage| words.get(passage.words.clone()).unwrap_or(&[])),
        );
        let capitals = passages
            .iter()
            .map(|passage| usize::from(passage.marks.capitals))
            .sum::<usize>();
        let all_words = passages
            .iter()
            .map(|passage| usize::from(passage.marks.words))
            .sum::<usize>();
        // A language that writes its nouns with capitals has them in every sixth word or so.
        let capitals_are_names = capitals * 10 < all_words;
        for (index, passage) in passages.iter_mut().enumerate() {
            let salience = rarity.salience(words.get(passage.words.clone()).unwrap_or(&[]));
            let setting = Setting {
                plain: thread.is_plain(),
                first: index == 0,
                capitals_are_names,
            };
            passage.score = score::score(&passage.marks, salience, setting);
        }
        let mut repeats = repeats.into_iter();
        passages.retain(|_| repeats.next() != Some(true));
        Ok(Self {
            passages,
            words,
            rarity,
        })
    }

    /// The best passage of each message, best first; equal ones in thread order.
    fn candidates(&self) -> Vec<&Passage<'t>> {
        let mut best: Vec<&Passage<'t>> = Vec::new();
        for passage in &self.passages {
            match best.last_mut() {
                Some(last) if last.message == passage.message => {
                    if passage.score > last.score {
                        *last = passage;
                    }
                }
                _ => best.push(passage),
            }
        }
        best.sort_by(|one, other| {
            other
                .score
                .total_cmp(&one.score)
                .then(one.message.cmp(&other.message))
        });
        best
    }

    fn words(&self, passage: &Passage<'_>) -> &[Hash] {
        self.words.get(passage.words.clone()).unwrap_or(&[])
    }
}

/// Sorts the words from `start` on and leaves each once; returns how many are left.
fn sort_tail(words: &mut Vec<Hash>, start: usize) -> usize {
    let mut tail = Zeroizing::new(words.split_off(start));
    tail.sort_unstable();
    tail.dedup();
    words.extend_from_slice(&tail);
    tail.len()
}

/// The hashes of the first names of everybody who writes, sorted.
fn names(messages: &[Message<'_>]) -> Zeroizing<Vec<Hash>> {
    let mut all = Zeroizing::new(
        messages
            .iter()
            .flat_map(|message| name(message.author).to_vec())
            .collect::<Vec<Hash>>(),
    );
    all.sort_unstable();
    all.dedup();
    all
}

/// The hash of an author's first name.
fn name(author: &str) -> Zeroizing<Vec<Hash>> {
    Zeroizing::new(
        Words::of(author)
            .filter(|word| word.text.chars().count() > 1)
            .take(1)
            .map(|word| word.hash)
            .collect(),
    )
}
