//! Prints how many planted facts each selector finds: the baselines, ours without and with embeddings, and the oracle.
//!
//! `cargo run -p cloister-model --example evaluate [FOLDER] [--misses]`; without a folder, the frozen threads of `tests/threads`.
//! `--misses` also prints what ours missed, and is for development threads only: whoever tunes on the frozen ones ends their use.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions
)]

#[path = "../tests/model/inputs.rs"]
mod inputs;
#[path = "../tests/model/scoring.rs"]
mod scoring;

use cloister_model::{Highlights, Summariser};
use scoring::Case;
use std::{collections::BTreeMap, path::PathBuf};

const OURS: &str = "ours";

fn main() {
    let (flags, folders): (Vec<String>, Vec<String>) = std::env::args()
        .skip(1)
        .partition(|argument| argument.starts_with("--"));
    let folder = folders.first().map_or_else(
        || inputs::crate_dir().join("../tests/threads"),
        PathBuf::from,
    );
    let cases = scoring::cases(&folder);
    assert!(!cases.is_empty(), "{} holds no thread", folder.display());
    let rules = Highlights::rules_only();
    let ours = inputs::highlights();

    let mut names = Vec::new();
    let mut recalls = BTreeMap::<&str, Vec<f64>>::new();
    for case in &cases {
        let chosen = case.chosen(&ours);
        let mut row = scoring::baselines(case);
        row.push(("ours, rules only", case.recall(&case.chosen(&rules))));
        row.push((OURS, case.recall(&chosen)));
        row.push(("oracle", case.recall(&scoring::oracle(case))));
        names = row.iter().map(|entry| entry.0).collect();
        for (name, recall) in row {
            recalls.entry(name).or_default().push(recall);
        }
        if flags.iter().any(|flag| flag == "--misses") {
            misses(case, &chosen, &case.chosen(&rules));
        }
    }

    let (messages, facts) = (
        cases.iter().map(|case| case.messages.len()).sum::<usize>(),
        cases.iter().map(|case| case.facts.len()).sum::<usize>(),
    );
    println!(
        "{} threads, {messages} messages, {facts} facts; model {}",
        cases.len(),
        ours.model()
    );
    println!("\nfact recall at k     mean   95 % interval");
    for name in &names {
        let (mean, half) = scoring::mean(&recalls[name]);
        println!(
            "{name:<20} {mean:>5.3}   {:>5.3} to {:.3}",
            (mean - half).max(0.0),
            (mean + half).min(1.0)
        );
    }
    let difference: Vec<f64> = recalls[OURS]
        .iter()
        .zip(&recalls["ours, rules only"])
        .map(|(with, without)| with - without)
        .collect();
    let (mean, half) = scoring::mean(&difference);
    println!(
        "\nembeddings add       {mean:>+5.3}   {:>+5.3} to {:+.3} (paired)",
        mean - half,
        mean + half
    );
    table("language", &cases, &names, &recalls, |case| {
        vec![case.language.clone()]
    });
    table("kind", &cases, &names, &recalls, |case| {
        vec![case.kind.clone()]
    });
    facts_by_kind(&cases, &ours, &rules);
}

/// One line per group of threads.
fn table(
    title: &str,
    cases: &[Case],
    names: &[&str],
    recalls: &BTreeMap<&str, Vec<f64>>,
    groups: impl Fn(&Case) -> Vec<String>,
) {
    let mut members = BTreeMap::<String, Vec<usize>>::new();
    for (index, case) in cases.iter().enumerate() {
        for group in groups(case) {
            members.entry(group).or_default().push(index);
        }
    }
    print!("\n{title:<22} threads");
    names.iter().for_each(|name| print!("  {name}"));
    println!();
    for (group, indices) in members {
        print!("{group:<22} {:>7}", indices.len());
        for name in names {
            let mean = indices
                .iter()
                .map(|&index| recalls[name][index])
                .sum::<f64>()
                / indices.len() as f64;
            print!("  {mean:>width$.2}", width = name.len());
        }
        println!();
    }
}

/// How many facts of each kind ours finds, with and without embeddings.
fn facts_by_kind(cases: &[Case], ours: &dyn Summariser, rules: &dyn Summariser) {
    let mut found = BTreeMap::<&str, [u32; 3]>::new();
    for case in cases {
        let (with, without) = (case.chosen(ours), case.chosen(rules));
        for fact in &case.facts {
            let counts = found.entry(&fact.what).or_default();
            counts[0] += 1;
            counts[1] += u32::from(fact.ids.iter().any(|id| without.contains(id)));
            counts[2] += u32::from(fact.ids.iter().any(|id| with.contains(id)));
        }
    }
    println!("\nfact                     all  rules only  ours");
    for (what, [all, without, with]) in found {
        println!("{what:<22} {all:>5} {without:>11} {with:>5}");
    }
}

fn misses(case: &Case, chosen: &[u32], by_rules: &[u32]) {
    println!("\n== {} ({})", case.id, case.recall(chosen));
    for (line, id) in case.messages.iter().zip(1..) {
        let fact = case
            .facts
            .iter()
            .find(|fact| fact.ids.contains(&id))
            .map_or("", |fact| fact.what.as_str());
        let mark = match (chosen.contains(&id), by_rules.contains(&id)) {
            (true, true) => "*",
            (true, false) => "e",
            (false, true) => "r",
            (false, false) => " ",
        };
        if mark != " " || !fact.is_empty() {
            println!("{mark} {id:>3} {fact:<10} {}", line.text);
        }
    }
}
