//! The dm-verity hash tree (Linux `Documentation/admin-guide/device-mapper/verity.rst`), format 1, SHA-256, 4096-byte blocks,
//! zero-length salt, no superblock.
//!
//! The tree stands directly behind the data. Its highest level comes first; the hash of that level's one block is the root hash,
//! which the measured kernel command line carries together with the number of data blocks.

use core::fmt;
use sha2::{Digest, Sha256};

/// Bytes in a data block and in a block of the tree.
pub const BLOCK: usize = 4096;
/// SHA-256 of a block.
pub type Hash = [u8; 32];

/// A tree over some data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tree {
    /// Number of data blocks; also the block at which the tree starts.
    pub data_blocks: usize,
    /// The tree's bytes, highest level first.
    pub bytes: Vec<u8>,
    /// Hash of the top block.
    pub root: Hash,
}

/// Why data cannot have a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotWholeBlocks {
    /// Length of the data in bytes.
    pub found: usize,
}

impl fmt::Display for NotWholeBlocks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the volume must be one or more blocks of {BLOCK} bytes, found {} bytes",
            self.found
        )
    }
}

impl core::error::Error for NotWholeBlocks {}

/// Computes the tree of `data`.
///
/// # Errors
/// [`NotWholeBlocks`] when `data` is empty or not a whole number of blocks.
pub fn tree(data: &[u8]) -> Result<Tree, NotWholeBlocks> {
    if data.is_empty() || !data.len().is_multiple_of(BLOCK) {
        return Err(NotWholeBlocks { found: data.len() });
    }
    let mut levels: Vec<Vec<u8>> = Vec::new();
    // A single block of data has no level at all: its own hash is the root.
    loop {
        let below = levels.last().map_or(data, Vec::as_slice);
        if below.len() == BLOCK {
            break;
        }
        let level = hashes(below);
        levels.push(level);
    }
    let top = levels.last().map_or(data, Vec::as_slice);
    let root = Sha256::digest(top).into();
    Ok(Tree {
        data_blocks: data.len() / BLOCK,
        bytes: levels.into_iter().rev().flatten().collect(),
        root,
    })
}

/// The next level: the hashes of the blocks below, the last block filled with zeros.
fn hashes(below: &[u8]) -> Vec<u8> {
    let mut level: Vec<u8> = below
        .chunks(BLOCK)
        .flat_map(|block| <[u8; 32]>::from(Sha256::digest(block)))
        .collect();
    level.resize(level.len().next_multiple_of(BLOCK), 0);
    level
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn levels_follow_from_the_number_of_blocks() {
        // 128 hashes fit a block: (data blocks, blocks in the tree).
        for (data, expected) in [
            (1, 0),
            (2, 1),
            (128, 1),
            (129, 3),
            (128 * 128, 129),
            (128 * 128 + 1, 129 + 3),
        ] {
            let tree = tree(&vec![7; data * BLOCK]).unwrap();
            assert_eq!(
                (tree.data_blocks, tree.bytes.len()),
                (data, expected * BLOCK),
                "{data} blocks"
            );
        }
    }

    #[test]
    fn a_changed_bit_changes_the_root() {
        let mut data = vec![0; 200 * BLOCK];
        let before = tree(&data).unwrap().root;
        *data.last_mut().unwrap() ^= 1;
        assert_ne!(before, tree(&data).unwrap().root);
    }

    #[test]
    fn partial_blocks_are_refused() {
        assert_eq!(tree(&[]), Err(NotWholeBlocks { found: 0 }));
        assert_eq!(
            tree(&[0; BLOCK + 1]),
            Err(NotWholeBlocks { found: BLOCK + 1 })
        );
    }
}
