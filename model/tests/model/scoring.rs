//! Threads with planted facts, the selectors that are compared on them, and the score. Used by the example and by the tests.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss
)]

use cloister_model::{Cancel, Style, Summariser, Thread, Wish};
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    pub id: String,
    pub language: String,
    pub kind: String,
    pub messages: Vec<Line>,
    pub facts: Vec<Fact>,
    pub k: u8,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    #[serde(default)]
    pub author: String,
    #[serde(default)]
    pub time: String,
    pub text: String,
}

#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    pub what: String,
    pub ids: Vec<u32>,
    /// For people.
    #[serde(default)]
    pub note: String,
}

pub fn cases(folder: &Path) -> Vec<Case> {
    super::inputs::json_files(folder)
        .iter()
        .map(|path| {
            serde_json::from_slice(&std::fs::read(path).unwrap())
                .unwrap_or_else(|why| panic!("{}: {why}", path.display()))
        })
        .collect()
}

impl Case {
    pub fn thread(&self) -> Thread<'_> {
        Thread::from_messages(
            self.messages
                .iter()
                .map(|line| (line.author.as_str(), line.time.as_str(), line.text.as_str())),
        )
        .unwrap()
    }

    /// The ids that `summariser` quotes.
    pub fn chosen(&self, summariser: &dyn Summariser) -> Vec<u32> {
        let wish = Wish::new(self.k, Style::Bullets).unwrap();
        let summary = summariser
            .summarise(&self.thread(), &wish, &Cancel::never())
            .unwrap();
        summary
            .highlights
            .iter()
            .map(|highlight| highlight.id)
            .collect()
    }

    /// The share of the facts of which at least one message is among `chosen`.
    pub fn recall(&self, chosen: &[u32]) -> f64 {
        let covered = self
            .facts
            .iter()
            .filter(|fact| fact.ids.iter().any(|id| chosen.contains(id)))
            .count();
        covered as f64 / self.facts.len() as f64
    }

    fn ids(&self) -> Vec<u32> {
        (1..).take(self.messages.len()).collect()
    }

    /// The `k` ids with the highest `value`; the earlier of equals.
    fn best(&self, value: impl Fn(&Line) -> f64) -> Vec<u32> {
        let mut ids = self.ids();
        let values: Vec<f64> = self.messages.iter().map(value).collect();
        ids.sort_by(|a, b| {
            values[*b as usize - 1]
                .total_cmp(&values[*a as usize - 1])
                .then(a.cmp(b))
        });
        ids.truncate(usize::from(self.k));
        ids
    }
}

/// What everything is compared with.
pub fn baselines(case: &Case) -> Vec<(&'static str, f64)> {
    let k = usize::from(case.k);
    let ids = case.ids();
    vec![
        ("random", random(case)),
        ("first k", case.recall(&ids[..k.min(ids.len())])),
        ("last k", case.recall(&ids[ids.len().saturating_sub(k)..])),
        (
            "longest k",
            case.recall(&case.best(|line| line.text.chars().count() as f64)),
        ),
        ("idf", case.recall(&idf(case))),
    ]
}

/// The mean recall of 200 random choices, drawn by a fixed generator (splitmix64).
fn random(case: &Case) -> f64 {
    let mut state = 0x5eed_u64;
    let mut total = 0.0;
    for _ in 0..200 {
        let mut ids = case.ids();
        for index in (1..ids.len()).rev() {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            ids.swap(
                index,
                ((mixed ^ (mixed >> 31)) % (index as u64 + 1)) as usize,
            );
        }
        ids.truncate(usize::from(case.k));
        total += case.recall(&ids);
    }
    total / 200.0
}

/// The messages with the highest sum of ln(N / df) over their different words.
fn idf(case: &Case) -> Vec<u32> {
    let words = |line: &Line| -> BTreeSet<String> {
        line.text
            .to_lowercase()
            .split(|letter: char| !letter.is_alphanumeric())
            .filter(|word| !word.is_empty())
            .map(str::to_owned)
            .collect()
    };
    let mut counts = BTreeMap::<String, f64>::new();
    for line in &case.messages {
        for word in words(line) {
            *counts.entry(word).or_default() += 1.0;
        }
    }
    let number = case.messages.len() as f64;
    case.best(|line| {
        words(line)
            .iter()
            .map(|word| (number / counts[word]).ln())
            .sum()
    })
}

/// Always takes the message that covers the most facts which nothing covers yet: near the best that k messages can do.
pub fn oracle(case: &Case) -> Vec<u32> {
    let mut chosen = Vec::new();
    while chosen.len() < usize::from(case.k) {
        let open: Vec<&Fact> = case
            .facts
            .iter()
            .filter(|fact| !fact.ids.iter().any(|id| chosen.contains(id)))
            .collect();
        let gain = |id: &u32| open.iter().filter(|fact| fact.ids.contains(id)).count();
        match case
            .ids()
            .into_iter()
            .filter(|id| !chosen.contains(id))
            .rev()
            .max_by_key(gain)
        {
            Some(id) if gain(&id) > 0 => chosen.push(id),
            _ => break,
        }
    }
    chosen
}

/// The mean of `values`, and half the width of its 95 % confidence interval (Student's t over the threads).
pub fn mean(values: &[f64]) -> (f64, f64) {
    let number = values.len() as f64;
    let mean = values.iter().sum::<f64>() / number;
    if values.len() < 2 {
        return (mean, f64::NAN);
    }
    let variance = values
        .iter()
        .map(|value| (value - mean).powi(2))
        .sum::<f64>()
        / (number - 1.0);
    // Two-sided 0.975 quantile of t, by its expansion around the normal one (Abramowitz and Stegun 26.7.5, first two terms).
    let (z, freedom) = (1.959_964_f64, number - 1.0);
    let t = z
        + (z.powi(3) + z) / (4.0 * freedom)
        + (5.0 * z.powi(5) + 16.0 * z.powi(3) + 3.0 * z) / (96.0 * freedom * freedom);
    (mean, t * (variance / number).sqrt())
}
