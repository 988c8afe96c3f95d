//! Where the hashes and entries of a log lie, as static files (C2SP tlog-tiles).

use super::note::decimal;
use std::fmt;

/// Hashes of a full tile, entries of a full bundle.
pub const TILE_WIDTH: u16 = 256;
/// Levels of the tree between the hashes of a tile and those of the tile above it.
pub const TILE_HEIGHT: u32 = 8;

/// What a tile holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TileLevel {
    /// The entries themselves.
    Entries,
    /// Hashes: level 0 has those of the entries, each level above those of the full tiles below it. At most 63.
    Hashes(u8),
}

/// One tile.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tile {
    /// What it holds.
    pub level: TileLevel,
    /// Its place in its level.
    pub index: u64,
    /// How many hashes or entries it holds: 1 to 256. With fewer than 256 the tile is partial.
    pub width: u16,
}

/// `tile/<L>/<N>[.p/<W>]` or `tile/entries/<N>[.p/<W>]`.
impl fmt::Display for Tile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.level {
            TileLevel::Entries => f.write_str("tile/entries/")?,
            TileLevel::Hashes(level) => write!(f, "tile/{level}/")?,
        }
        let mut groups = vec![format!("{:03}", self.index % 1000)];
        let mut rest = self.index / 1000;
        while rest > 0 {
            groups.push(format!("x{:03}", rest % 1000));
            rest /= 1000;
        }
        groups.reverse();
        f.write_str(&groups.join("/"))?;
        if self.width < TILE_WIDTH {
            write!(f, ".p/{}", self.width)?;
        }
        Ok(())
    }
}

impl Tile {
    /// The tile at this path; none when no tile has it.
    #[must_use]
    pub fn parse(path: &str) -> Option<Self> {
        let (level, rest) = path.strip_prefix("tile/")?.split_once('/')?;
        let level = match level {
            "entries" => TileLevel::Entries,
            level => TileLevel::Hashes(
                decimal(level)
                    .and_then(|level| u8::try_from(level).ok())
                    .filter(|level| *level <= 63)?,
            ),
        };
        let (number, width) = match rest.split_once(".p/") {
            None => (rest, TILE_WIDTH),
            Some((number, width)) => (
                number,
                u16::try_from(decimal(width)?)
                    .ok()
                    .filter(|width| (1..TILE_WIDTH).contains(width))?,
            ),
        };
        let mut index = 0_u64;
        let mut groups = number.split('/').peekable();
        while let Some(group) = groups.next() {
            let digits = match groups.peek() {
                Some(_) => group.strip_prefix('x')?,
                None => group,
            };
            if digits.len() != 3 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            index = index.checked_mul(1000)?.checked_add(digits.parse().ok()?)?;
        }
        let tile = Self {
            level,
            index,
            width,
        };
        // One tile has one path: no groups of zeroes in front.
        (tile.to_string() == path).then_some(tile)
    }

    /// The tile of a level that holds what stands at `place` there, for a tree in which the level has `count` hashes or entries.
    #[must_use]
    pub fn holding(level: TileLevel, place: u64, count: u64) -> Self {
        let full = u64::from(TILE_WIDTH);
        let index = place / full;
        let there = count.saturating_sub(index.saturating_mul(full)).min(full);
        Self {
            level,
            index,
            width: u16::try_from(there).unwrap_or(TILE_WIDTH),
        }
    }
}

/// Bytes that an entry may have.
pub const MAX_ENTRY: usize = 65_535;

/// The bytes of an entry bundle: each entry behind its length as a big-endian u16. None when an entry is longer than [`MAX_ENTRY`].
#[must_use]
pub fn bundle<'a>(entries: impl IntoIterator<Item = &'a [u8]>) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for entry in entries {
        bytes.extend(u16::try_from(entry.len()).ok()?.to_be_bytes());
        bytes.extend(entry);
    }
    Some(bytes)
}

/// The entries of a bundle, exactly `width` of them; none when the bytes are anything else.
#[must_use]
pub fn unbundle(mut bytes: &[u8], width: u16) -> Option<Vec<&[u8]>> {
    let mut entries = Vec::new();
    for _ in 0..width {
        let (length, rest) = bytes.split_first_chunk::<2>()?;
        let (entry, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        entries.push(entry);
        bytes = rest;
    }
    bytes.is_empty().then_some(entries)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn paths_are_the_ones_of_the_specification() {
        for (level, index, width, path) in [
            (TileLevel::Hashes(0), 1_234_067, 256, "tile/0/x001/x234/067"),
            (TileLevel::Hashes(1), 0, 1, "tile/1/000.p/1"),
            (TileLevel::Hashes(63), 999, 255, "tile/63/999.p/255"),
            (TileLevel::Entries, 1000, 256, "tile/entries/x001/000"),
            (TileLevel::Entries, 273, 112, "tile/entries/273.p/112"),
        ] {
            let tile = Tile {
                level,
                index,
                width,
            };
            assert_eq!(tile.to_string(), path);
            assert_eq!(Tile::parse(path), Some(tile));
        }
        for bad in [
            "",
            "tile/0",
            "tile/0/",
            "tile/0/1",
            "tile/0/0001",
            "tile/0/x000/001",
            "tile/0/001/x002",
            "tile/0/x001",
            "tile/64/001",
            "tile/01/001",
            "tile/-1/001",
            "tile/0/001.p/0",
            "tile/0/001.p/256",
            "tile/0/001.p/01",
            "tile/0/001.p/1/",
            "tile/0/001.p",
            "/tile/0/001",
            "tile/entry/001",
            "tile/0/x999/x999/x999/x999/x999/x999/x999/999",
        ] {
            assert_eq!(Tile::parse(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn widths_are_the_ones_of_the_specification() {
        // "A tree of size 70,000": 273 full tiles at level 0, then 112; 1 full at level 1, then 17; 1 at level 2.
        for (level, place, count, index, width) in [
            (0, 69_887, 70_000, 272, 256),
            (0, 69_888, 70_000, 273, 112),
            (1, 255, 70_000 >> 8, 0, 256),
            (1, 272, 70_000 >> 8, 1, 17),
            (2, 0, 70_000 >> 16, 0, 1),
        ] {
            let tile = Tile::holding(TileLevel::Hashes(level), place, count);
            assert_eq!((tile.index, tile.width), (index, width), "{level} {place}");
        }
    }

    #[test]
    fn bundles_are_read_whole() {
        let entries: [&[u8]; 3] = [b"one", b"", b"three"];
        let bytes = bundle(entries).unwrap();
        assert_eq!(bytes, b"\x00\x03one\x00\x00\x00\x05three");
        assert_eq!(unbundle(&bytes, 3).unwrap(), entries);
        assert_eq!(unbundle(&bytes, 2), None);
        assert_eq!(unbundle(&bytes, 4), None);
        assert_eq!(unbundle(&bytes[..bytes.len() - 1], 3), None);
        assert_eq!(bundle([vec![0; MAX_ENTRY + 1].as_slice()]), None);
    }
}
