//! Milliseconds from thread to summary, by the length of the thread, with and without embeddings; and the time to load.
//!
//! `cargo bench -p cloister-model`. The best of several runs, since other work on the machine only makes them slower.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::as_conversions,
    clippy::indexing_slicing
)]

#[path = "../tests/model/inputs.rs"]
mod inputs;
#[path = "../tests/model/scoring.rs"]
mod scoring;

use cloister_model::{Cancel, Highlights, Style, Summariser, Thread, Wish};
use std::time::Instant;

fn best(runs: u32, mut run: impl FnMut()) -> f64 {
    (0..runs)
        .map(|_| {
            let started = Instant::now();
            run();
            started.elapsed().as_secs_f64() * 1e3
        })
        .fold(f64::INFINITY, f64::min)
}

fn main() {
    let files = ["model.safetensors", "config.json", "tokenizer.json"].map(inputs::weights);
    let checked = best(3, || {
        drop(Highlights::load(files[0].as_slice(), &files[1], &files[2]).unwrap())
    });
    println!("load, digests compared: {checked:.0} ms");

    let lines: Vec<_> = scoring::cases(&inputs::crate_dir().join("dev-threads"))
        .into_iter()
        .flat_map(|case| case.messages)
        .collect();
    println!("messages  wanted  rules only  with embeddings  (ms)");
    for number in [20, 200, 2000] {
        // After one turn the messages come again with a word more, or they would be left out as repetitions.
        let texts: Vec<String> = (0..number)
            .map(|index| {
                let line = &lines[index % lines.len()];
                if index < lines.len() {
                    line.text.clone()
                } else {
                    format!("{} turn{}", line.text, index / lines.len())
                }
            })
            .collect();
        let thread =
            Thread::from_messages(texts.iter().map(|text| ("Ann", "", text.as_str()))).unwrap();
        for wanted in [5, 20] {
            let wish = Wish::new(wanted, Style::Bullets).unwrap();
            let time = |engine: &dyn Summariser| {
                best(7, || {
                    drop(engine.summarise(&thread, &wish, &Cancel::never()).unwrap())
                })
            };
            println!(
                "{number:>8} {wanted:>7} {:>11.1} {:>16.1}",
                time(&Highlights::rules_only()),
                time(inputs::engine())
            );
        }
    }
}
