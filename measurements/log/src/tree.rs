//! Roots and proofs out of stored hashes (RFC 6962 sections 2.1 to 2.1.2), whose shape is tlog-tiles'.

use cloister_verify::log::{Hash, TILE_HEIGHT, TILE_WIDTH, Tile, TileLevel, empty_root, node_hash};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io;

/// Where tiles come from.
pub trait Tiles {
    /// The bytes of a tile that must be there.
    ///
    /// # Errors
    /// Those of the storage, and one when the tile is not there or has another length.
    fn tile(&self, tile: &Tile) -> io::Result<Vec<u8>>;
}

/// The hashes of a log of `size` entries.
pub struct Tree<'a> {
    tiles: &'a dyn Tiles,
    size: u64,
    seen: RefCell<BTreeMap<Tile, Vec<Hash>>>,
}

impl<'a> Tree<'a> {
    /// The tree of a log of which `size` entries are stored.
    #[must_use]
    pub fn new(tiles: &'a dyn Tiles, size: u64) -> Self {
        Self {
            tiles,
            size,
            seen: RefCell::default(),
        }
    }

    /// The root at an earlier size, or at this one.
    ///
    /// # Errors
    /// Those of the tiles, and one when the size is beyond the tree.
    pub fn root(&self, size: u64) -> io::Result<Hash> {
        self.within(size)?;
        if size == 0 {
            return Ok(empty_root());
        }
        self.range(0, size)
    }

    /// The inclusion proof of the entry at `index` in the tree of `size` entries.
    ///
    /// # Errors
    /// Those of the tiles, and one when index and size do not fit.
    pub fn inclusion(&self, index: u64, size: u64) -> io::Result<Vec<Hash>> {
        self.within(size)?;
        if index >= size {
            return Err(invalid("the index is not in the tree"));
        }
        let (mut start, mut end, mut path) = (0, size, Vec::new());
        while end.saturating_sub(start) > 1 {
            let middle = divide(start, end);
            if index < middle {
                path.push(self.range(middle, end)?);
                end = middle;
            } else {
                path.push(self.range(start, middle)?);
                start = middle;
            }
        }
        path.reverse();
        Ok(path)
    }

    /// The proof that the tree of `old` entries is the beginning of the one of `new`. Of an empty one it is empty.
    ///
    /// # Errors
    /// Those of the tiles, and one when the sizes do not fit.
    pub fn consistency(&self, old: u64, new: u64) -> io::Result<Vec<Hash>> {
        self.within(new)?;
        if old > new {
            return Err(invalid("a tree does not shrink"));
        }
        if old == 0 || old == new {
            return Ok(Vec::new());
        }
        let (mut start, mut end, mut path) = (0, new, Vec::new());
        while old != end {
            let middle = divide(start, end);
            if old <= middle {
                path.push(self.range(middle, end)?);
                end = middle;
            } else {
                path.push(self.range(start, middle)?);
                start = middle;
            }
        }
        // The verifier has the old root already when it is a subtree by itself.
        if start != 0 {
            path.push(self.range(start, end)?);
        }
        path.reverse();
        Ok(path)
    }

    fn within(&self, size: u64) -> io::Result<()> {
        if size <= self.size {
            return Ok(());
        }
        Err(invalid("the size is beyond the log"))
    }

    /// The hash over the entries from `start` to before `end`, a range that the divisions of a tree lead to; not empty.
    fn range(&self, start: u64, end: u64) -> io::Result<Hash> {
        let count = end.saturating_sub(start);
        if count.is_power_of_two() {
            let height = count.trailing_zeros();
            return self.subtree(height, start >> height);
        }
        let middle = divide(start, end);
        Ok(node_hash(
            &self.range(start, middle)?,
            &self.range(middle, end)?,
        ))
    }

    /// The hash over the complete subtree of 2^height entries that is number `index` of its kind.
    fn subtree(&self, height: u32, index: u64) -> io::Result<Hash> {
        let level = height / TILE_HEIGHT;
        let rest = height % TILE_HEIGHT;
        let first = index << rest;
        let count = self.size >> level.saturating_mul(TILE_HEIGHT);
        let level = TileLevel::Hashes(u8::try_from(level).map_err(|_| invalid("too high"))?);
        let tile = Tile::holding(level, first, count);
        let within = first % u64::from(TILE_WIDTH);
        let from = usize::try_from(within).map_err(|_| invalid("too wide"))?;
        let mut seen = self.seen.borrow_mut();
        let hashes = match seen.entry(tile) {
            std::collections::btree_map::Entry::Occupied(there) => there.into_mut(),
            std::collections::btree_map::Entry::Vacant(free) => {
                free.insert(hashes(&self.tiles.tile(&tile)?, tile.width)?)
            }
        };
        hashes
            .get(from..from.saturating_add(1 << rest))
            .map(fold)
            .ok_or_else(|| invalid("the tile is too narrow"))
    }
}

/// The hashes of a tile.
///
/// # Errors
/// One when there are not exactly `width` of them.
pub fn hashes(bytes: &[u8], width: u16) -> io::Result<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<32>();
    if rest.is_empty() && hashes.len() == usize::from(width) {
        return Ok(hashes.to_vec());
    }
    Err(invalid("a tile of another length"))
}

/// The root over a complete subtree: a power of two of hashes.
pub(crate) fn fold(hashes: &[Hash]) -> Hash {
    match hashes {
        [] => empty_root(),
        [one] => *one,
        many => {
            let (left, right) = many.split_at(many.len() / 2);
            node_hash(&fold(left), &fold(right))
        }
    }
}

/// Where a tree divides: after the largest power of two of entries that is less than all of them.
fn divide(start: u64, end: u64) -> u64 {
    let last = end.saturating_sub(start).saturating_sub(1);
    let left = last.checked_ilog2().map_or(0, |height| 1 << height);
    start.saturating_add(left)
}

pub(crate) fn invalid(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}
