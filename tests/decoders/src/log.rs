//! The decoders of the transparency log.

use cloister_verify::UnixTime;
use cloister_verify::log::{Artefact, Kind, LogPolicy, Proof, Tile, Word, published, unbundle};
use std::hint::black_box;
use std::sync::LazyLock;

static POLICY: LazyLock<LogPolicy> = LazyLock::new(LogPolicy::production);

pub(crate) fn proof(data: &[u8]) {
    if let Ok(proof) = Proof::parse(data) {
        // A proof has one encoding.
        assert_eq!(proof.to_bytes(), data);
    }
    let Some(name) = Word::parse("decoders") else {
        unreachable!("a word");
    };
    let artefact = Artefact {
        kind: Kind::ImageRelease,
        name,
        bytes: data,
    };
    // The built-in policy accepts nothing.
    assert!(
        published(data, &artefact, &POLICY, UnixTime(0))
            .verdict
            .is_err()
    );
}

pub(crate) fn policy(data: &[u8]) {
    if let Ok(text) = std::str::from_utf8(data) {
        let _ = black_box(LogPolicy::parse(text));
    }
}

/// A path of a tile, and the entries of a bundle; the first byte is its width less one.
pub(crate) fn tile(data: &[u8]) {
    if let Some(tile) = std::str::from_utf8(data).ok().and_then(Tile::parse) {
        assert_eq!(tile.to_string().as_bytes(), data);
    }
    if let Some((width, entries)) = data.split_first() {
        black_box(unbundle(entries, u16::from(*width) + 1));
    }
}
