//! What an audit needs and is not here yet: packages, tools, weights, crates.

use crate::command;
use crate::tree::{FileError, Tree, names_in};
use std::process::Command;

/// Brings what is not here yet: packages, tools, weights, crates.
///
/// # Errors
/// What the first of the programs that failed said.
pub fn fetch(tree: &Tree) -> Result<(), FileError> {
    let failed = |program: &str, why: String| FileError::new(&tree.root.join(program), why);
    let in_cache = names_in(&tree.cache).len();
    let all = command::text(
        command::of(&tree.root, "image/fetch")
            .arg("--all")
            .env("CLOISTER_CACHE", &tree.cache),
        &[],
    );
    all.map_err(|why| {
        failed(
            "image/fetch",
            format!("{why} ({in_cache} entries in the cache before)"),
        )
    })?;
    let weights = command::text(
        command::of(&tree.root, "model/fetch-weights")
            .arg("--target")
            .arg(&tree.weights),
        &[],
    );
    weights.map_err(|why| failed("model/fetch-weights", why))?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let crates = command::text(
        Command::new(cargo)
            .args(["fetch", "--locked"])
            .current_dir(&tree.root),
        &[],
    );
    crates.map(|_| ()).map_err(|why| failed("Cargo.lock", why))
}
