//! Learns the probe from `model/probe/sentences.tsv` and writes `model/probe/probe.f32`.
//!
//! `cargo run -p cloister-model --example probe`
#![forbid(unsafe_code)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../tests/model/inputs.rs"]
mod inputs;

use cloister_model::Cancel;

fn main() {
    let (texts, matters) = inputs::probe_sentences();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let vectors = inputs::embedder()
        .embed(&texts, &Cancel::never())
        .expect("the sentences can be embedded");
    let probe = cloister_model::Probe::learn(&vectors, &matters);
    let right = vectors
        .chunks_exact(cloister_model::DIMENSIONS)
        .zip(&matters)
        .filter(|(vector, matters)| (probe.matters(vector) > 0.0) == **matters)
        .count();
    println!("{} sentences, {right} on the right side", texts.len());
    std::fs::write(inputs::crate_dir().join("probe/probe.f32"), probe.encode())
        .expect("probe.f32 can be written");
}
