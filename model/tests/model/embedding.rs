//! The embeddings and the probe are what others, or this crate at another time, compute.

use crate::inputs;
use cloister_model::{Cancel, DIMENSIONS, Highlights, LoadError, Probe, SummariseError};
use serde::Deserialize;

#[derive(Deserialize)]
struct Reference {
    text: String,
    vector: Vec<f32>,
}

fn cosine(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(a, b)| a * b).sum()
}

/// `tests/vectors/make-reference` wrote the vectors with transformers and torch.
#[test]
fn embeddings_equal_those_of_a_foreign_implementation() {
    let file = std::fs::read(inputs::crate_dir().join("tests/vectors/minilm.json")).unwrap();
    let references: Vec<Reference> = serde_json::from_slice(&file).unwrap();
    let texts: Vec<&str> = references
        .iter()
        .map(|reference| reference.text.as_str())
        .collect();
    let vectors = inputs::embedder().embed(&texts, &Cancel::never()).unwrap();
    assert_eq!(vectors.len(), references.len() * DIMENSIONS);
    for (vector, reference) in vectors.chunks_exact(DIMENSIONS).zip(&references) {
        let worst = vector
            .iter()
            .zip(&reference.vector)
            .map(|(a, b)| (a - b).abs())
            .fold(0.0, f32::max);
        assert!(worst < 1e-5, "{worst} away for {:?}", reference.text);
    }
}

#[test]
fn a_batch_is_no_different_from_its_texts_alone() {
    let embedder = inputs::embedder();
    let texts = [
        "see you at nine",
        "we meet at nine",
        "",
        "\u{1f600}",
        "the boiler is broken",
        &"x ".repeat(50_000),
    ];
    let together = embedder.embed(&texts, &Cancel::never()).unwrap();
    for (text, row) in texts.iter().zip(together.chunks_exact(DIMENSIONS)) {
        let alone = embedder.embed(&[text], &Cancel::never()).unwrap();
        let length = cosine(row, row);
        assert!(
            row.iter()
                .zip(alone.iter())
                .all(|(a, b)| (a - b).abs() < 1e-5)
        );
        assert!(
            text.is_empty() && length == 0.0 || (length - 1.0).abs() < 1e-4,
            "{length}"
        );
    }
    let row = |index: usize| &together[index * DIMENSIONS..(index + 1) * DIMENSIONS];
    assert!(cosine(row(0), row(1)) > cosine(row(0), row(4)) + 0.2);
}

#[test]
fn a_stopped_request_embeds_nothing() {
    let cancel = Cancel::never();
    cancel.stop();
    assert_eq!(
        inputs::embedder().embed(&["text"], &cancel).err(),
        Some(SummariseError::Stopped)
    );
}

#[test]
fn the_probe_is_what_its_sentences_teach() {
    let (texts, matters) = inputs::probe_sentences();
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let vectors = inputs::embedder().embed(&texts, &Cancel::never()).unwrap();
    let (learned, kept) = (Probe::learn(&vectors, &matters), Probe::compiled_in());
    for vector in vectors.chunks_exact(DIMENSIONS) {
        let (learned, kept) = (learned.matters(vector), kept.matters(vector));
        assert!(
            (learned - kept).abs() < 0.01,
            "{learned} {kept}: run the example `probe` again"
        );
    }
}

#[test]
fn other_weights_are_refused() {
    let (mut weights, config, tokenizer) = (
        inputs::weights("model.safetensors"),
        inputs::weights("config.json"),
        inputs::weights("tokenizer.json"),
    );
    let middle = weights.len() / 2;
    weights[middle] ^= 1;
    let refused = Highlights::load(weights.as_slice(), &config, &tokenizer).err();
    assert_eq!(
        refused,
        Some(LoadError::Digest {
            file: "model.safetensors"
        })
    );
    weights.pop();
    let refused = Highlights::load(weights.as_slice(), &config, &tokenizer).err();
    assert!(matches!(
        refused,
        Some(LoadError::Size {
            file: "model.safetensors",
            ..
        })
    ));
    assert_eq!(
        Highlights::load(&[][..], &tokenizer, &config)
            .err()
            .map(|why| why.to_string().contains("config.json")),
        Some(true)
    );
}
