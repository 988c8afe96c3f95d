//! Where the tests' inputs lie. Used by the tests and by the examples.
#![allow(
    dead_code,
    unreachable_pub,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic
)]

use cloister_model::{Embedder, Highlights};
use std::path::{Path, PathBuf};

pub fn crate_dir() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The folder of the weights: `CLOISTER_WEIGHTS`, or `target/weights` of the workspace.
fn weights_dir() -> PathBuf {
    std::env::var_os("CLOISTER_WEIGHTS")
        .map_or_else(|| crate_dir().join("../target/weights"), PathBuf::from)
}

pub fn weights(file: &str) -> Vec<u8> {
    let path = weights_dir().join(file);
    std::fs::read(&path).unwrap_or_else(|why| {
        panic!(
            "{}: {why}. Run `make weights`, or name their folder in CLOISTER_WEIGHTS.",
            path.display()
        )
    })
}

pub fn embedder() -> Embedder<Vec<u8>> {
    Embedder::load(
        weights("model.safetensors"),
        &weights("config.json"),
        &weights("tokenizer.json"),
    )
    .unwrap_or_else(|why| panic!("{why}"))
}

pub fn highlights() -> Highlights<Vec<u8>> {
    Highlights::load(
        weights("model.safetensors"),
        &weights("config.json"),
        &weights("tokenizer.json"),
    )
    .unwrap_or_else(|why| panic!("{why}"))
}

/// The probe's sentences, and whether each matters.
pub fn probe_sentences() -> (Vec<String>, Vec<bool>) {
    let table = std::fs::read_to_string(crate_dir().join("probe/sentences.tsv")).unwrap();
    table
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| {
            let mut columns = line.split('\t');
            let matters = match columns.next() {
                Some("+") => true,
                Some("-") => false,
                other => panic!("a sentence begins with + or -, not with {other:?}"),
            };
            (
                columns
                    .nth(1)
                    .expect("a sentence in the third column")
                    .to_owned(),
                matters,
            )
        })
        .unzip()
}

/// The files of `folder` that end in `.json`, in the order of their names.
pub fn json_files(folder: &Path) -> Vec<PathBuf> {
    let entries =
        std::fs::read_dir(folder).unwrap_or_else(|why| panic!("{}: {why}", folder.display()));
    let mut files: Vec<PathBuf> = entries
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect();
    files.sort();
    files
}

/// One engine for all tests of a process: loading it takes longer than asking it.
pub fn engine() -> &'static Highlights<Vec<u8>> {
    static ENGINE: std::sync::OnceLock<Highlights<Vec<u8>>> = std::sync::OnceLock::new();
    ENGINE.get_or_init(highlights)
}
