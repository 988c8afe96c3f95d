//! The Merkle tree of RFC 6962: hashes, and what two kinds of proof show.

use sha2::{Digest, Sha256};

/// A hash of the tree.
pub type Hash = [u8; 32];
/// Hashes that a proof may have: no tree of at most 2^63 entries needs more.
pub const MAX_PROOF: usize = 63;

/// The hash of the empty tree (RFC 6962 section 2.1).
#[must_use]
pub fn empty_root() -> Hash {
    Sha256::digest(b"").into()
}

/// The hash of an entry: SHA-256(0x00, entry). The first byte keeps an entry from being taken for a node.
#[must_use]
pub fn leaf_hash(entry: &[u8]) -> Hash {
    Sha256::new()
        .chain_update([0x00])
        .chain_update(entry)
        .finalize()
        .into()
}

/// The hash of two subtrees: SHA-256(0x01, left, right).
#[must_use]
pub fn node_hash(left: &Hash, right: &Hash) -> Hash {
    Sha256::new()
        .chain_update([0x01])
        .chain_update(left)
        .chain_update(right)
        .finalize()
        .into()
}

/// Whether the proof shows that the entry with this leaf hash stands at `index` of the tree with this size and root (RFC 6962
/// section 2.1.1; the algorithm is the one of RFC 9162 section 2.1.3.2).
#[must_use]
pub fn is_included(leaf: &Hash, index: u64, size: u64, proof: &[Hash], root: &Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last, mut hash) = (index, size.saturating_sub(1), *leaf);
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && hash == *root
}

/// One size of a log and the root it had then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// Number of entries.
    pub size: u64,
    /// Root of the tree.
    pub root: Hash,
}

/// Whether the proof shows that the old tree is the beginning of the new one (RFC 6962 section 2.1.2; the algorithm is the one of
/// RFC 9162 section 2.1.4.2). The old tree has at least one entry: of an empty one a proof shows nothing.
#[must_use]
pub fn is_consistent(old: &Head, new: &Head, proof: &[Hash]) -> bool {
    if old.size == 0 || old.size > new.size {
        return false;
    }
    if old.size == new.size {
        return proof.is_empty() && old.root == new.root;
    }
    // The old tree is a subtree of the new one when it is complete; then the proof leaves its root out.
    let (first, rest) = match (old.size.is_power_of_two(), proof.split_first()) {
        (true, Some(_)) => (&old.root, proof),
        (false, Some((first, rest))) => (first, rest),
        (_, None) => return false,
    };
    let mut node = old.size.saturating_sub(1);
    let mut last = new.size.saturating_sub(1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let (mut old_root, mut new_root) = (*first, *first);
    for sibling in rest {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old_root = node_hash(sibling, &old_root);
            new_root = node_hash(sibling, &new_root);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new_root = node_hash(&new_root, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && old_root == old.root && new_root == new.root
}
