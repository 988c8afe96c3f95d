//! The writer: a folder of static files that only ever grows.
//!
//! ```text
//! checkpoint      what the world sees: the newest head that enough witnesses have cosigned
//! tile/           hashes and entries (C2SP tlog-tiles)
//! head            the newest head that the log has signed; at or beyond the checkpoint
//! lock            held by the one process that writes
//! ```
//!
//! The order in which files are written, each whole and durable before the next, is what a crash cannot hurt:
//!
//! 1. the entries, then the hashes from the bottom up: nothing refers to them yet, and a later try writes over them;
//! 2. the head, signed only when the new tree was shown to begin with the old one: from here on the entries are in the log;
//! 3. the checkpoint, when witnesses have cosigned the head.
//!
//! When the folder is opened, the signatures, the roots and that the checkpoint is a beginning of the head are checked, so a log that
//! was rolled back or edited by hand signs nothing more.

use crate::disk::Disk;
use crate::key::SecretKey;
use crate::tree::{Tiles, Tree, fold, hashes, invalid};
use cloister_verify::log::{
    Checkpoint, Hash, Head, LogPolicy, MAX_ENTRY, MAX_NOTE, Note, NoteSignature, Proof,
    TILE_HEIGHT, TILE_WIDTH, Tile, TileLevel, VerifierKey, bundle, empty_root, is_consistent,
    leaf_hash, unbundle,
};
use std::io;
use std::path::Path;

/// Bytes of a full entry bundle.
const MAX_BUNDLE: usize = (MAX_ENTRY + 2) * 256;
const HEAD: &str = "head";
const CHECKPOINT: &str = "checkpoint";

/// A log, open for writing.
pub struct Log {
    disk: Disk,
    key: SecretKey,
    head: Checkpoint,
}

impl Tiles for Disk {
    fn tile(&self, tile: &Tile) -> io::Result<Vec<u8>> {
        self.read(&tile.to_string(), MAX_BUNDLE)?
            .ok_or_else(|| invalid(&format!("{tile} is not there")))
    }
}

impl Log {
    /// Makes an empty log in a folder in which there is none, not even a trace of one.
    ///
    /// # Errors
    /// Those of the file system, and one when there is a log already.
    pub fn create(folder: &Path, key: SecretKey) -> io::Result<Self> {
        let disk = Disk::lock(folder)?;
        if disk.read(HEAD, MAX_NOTE)?.is_some() || folder.join("tile").exists() {
            return Err(io::Error::new(
                io::ErrorKind::AlreadyExists,
                "there is a log in this folder",
            ));
        }
        let head = Checkpoint {
            origin: key.public().name().into(),
            size: 0,
            root: empty_root(),
        };
        let mut log = Self { disk, key, head };
        log.sign(log.head.clone())?;
        Ok(log)
    }

    /// Opens a log, waiting for whoever writes to it, and checks it against its own signatures.
    ///
    /// # Errors
    /// Those of the file system; `InvalidData` when head, checkpoint and tiles do not fit together.
    pub fn open(folder: &Path, key: SecretKey) -> io::Result<Self> {
        if !folder.is_dir() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "there is no log"));
        }
        let disk = Disk::lock(folder)?;
        let head = disk
            .read(HEAD, MAX_NOTE)?
            .ok_or_else(|| invalid("there is no head, so this is no log"))?;
        let head = signed_by(key.public(), &head)?;
        let tree = Tree::new(&disk, head.size);
        if tree.root(head.size)? != head.root {
            return Err(invalid("the tiles have another root than the signed head"));
        }
        if let Some(published) = disk.read(CHECKPOINT, MAX_NOTE)? {
            let published = signed_by(key.public(), &published)?;
            let fits = published.size <= head.size && {
                let root = tree.root(published.size)?;
                root == published.root
            };
            if !fits {
                return Err(invalid(
                    "the published checkpoint is no beginning of the head: the log was rolled back or changed",
                ));
            }
        }
        Ok(Self { disk, key, head })
    }

    /// The newest head.
    #[must_use]
    pub fn head(&self) -> &Checkpoint {
        &self.head
    }

    /// The log's public key.
    #[must_use]
    pub fn public(&self) -> &VerifierKey {
        self.key.public()
    }

    /// Appends entries and signs the new head. Returns the index of the first of them.
    ///
    /// # Errors
    /// Those of the file system, and one for an entry that is too long. Then the log is as it was.
    pub fn append(&mut self, entries: &[Vec<u8>]) -> io::Result<u64> {
        let first = self.head.size;
        if entries.is_empty() {
            return Ok(first);
        }
        // 1. The entries, then the hashes from the bottom up.
        self.write_entries(entries)?;
        self.write_hashes(entries.iter().map(|entry| leaf_hash(entry)).collect())?;
        // 2. The head.
        let count = u64::try_from(entries.len()).map_err(|_| invalid("too many entries"))?;
        let size = first
            .checked_add(count)
            .filter(|size| *size <= i64::MAX.unsigned_abs())
            .ok_or_else(|| invalid("the log is full"))?;
        let tree = Tree::new(&self.disk, size);
        let head = Checkpoint {
            origin: self.head.origin.clone(),
            size,
            root: tree.root(size)?,
        };
        if first > 0 {
            let proof = tree.consistency(first, size)?;
            if !is_consistent(&head_of(&self.head), &head_of(&head), &proof) {
                return Err(invalid("the new tree does not begin with the old one"));
            }
        }
        self.sign(head)?;
        Ok(first)
    }

    fn sign(&mut self, head: Checkpoint) -> io::Result<()> {
        let text = head.to_string();
        let note = format!("{text}\n{}", self.key.sign(&text)?);
        self.disk.write(HEAD, note.as_bytes())?;
        self.head = head;
        Ok(())
    }

    fn write_entries(&self, entries: &[Vec<u8>]) -> io::Result<()> {
        let level = TileLevel::Entries;
        let (index, width) = edge(self.head.size);
        let before = match width {
            0 => Vec::new(),
            width => self.disk.tile(&Tile {
                level,
                index,
                width,
            })?,
        };
        let before = unbundle(&before, width).ok_or_else(|| invalid("a bundle that is none"))?;
        let all: Vec<&[u8]> = before
            .into_iter()
            .chain(entries.iter().map(Vec::as_slice))
            .collect();
        for (index, chunk) in (index..).zip(all.chunks(usize::from(TILE_WIDTH))) {
            let width = u16::try_from(chunk.len()).unwrap_or(TILE_WIDTH);
            let bytes = bundle(chunk.iter().copied())
                .ok_or_else(|| invalid("an entry has at most 65535 bytes"))?;
            self.disk.write(
                &Tile {
                    level,
                    index,
                    width,
                }
                .to_string(),
                &bytes,
            )?;
        }
        Ok(())
    }

    fn write_hashes(&self, mut new: Vec<Hash>) -> io::Result<()> {
        let mut count = self.head.size;
        for level in (0..=u8::MAX).map(TileLevel::Hashes) {
            let (index, width) = edge(count);
            let mut row = match width {
                0 => Vec::new(),
                width => {
                    let tile = Tile {
                        level,
                        index,
                        width,
                    };
                    hashes(&self.disk.tile(&tile)?, width)?
                }
            };
            row.append(&mut new);
            for (index, chunk) in (index..).zip(row.chunks(usize::from(TILE_WIDTH))) {
                let width = u16::try_from(chunk.len()).unwrap_or(TILE_WIDTH);
                self.disk.write(
                    &Tile {
                        level,
                        index,
                        width,
                    }
                    .to_string(),
                    &chunk.concat(),
                )?;
                if width == TILE_WIDTH {
                    new.push(fold(chunk));
                }
            }
            if new.is_empty() {
                break;
            }
            count >>= TILE_HEIGHT;
        }
        Ok(())
    }

    /// The place of an entry of these bytes, the last one if there are more.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn find(&self, entry: &[u8]) -> io::Result<Option<u64>> {
        let mut found = None;
        self.each(|index, bytes| {
            if bytes == entry {
                found = Some(index);
            }
        })?;
        Ok(found)
    }

    /// Shows every entry, in order.
    fn each(&self, mut see: impl FnMut(u64, &[u8])) -> io::Result<()> {
        let mut index = 0_u64;
        while index < self.head.size {
            let tile = Tile::holding(TileLevel::Entries, index, self.head.size);
            let bytes = self.disk.tile(&tile)?;
            let entries =
                unbundle(&bytes, tile.width).ok_or_else(|| invalid("a bundle that is none"))?;
            for entry in entries {
                see(index, entry);
                index = index.saturating_add(1);
            }
        }
        Ok(())
    }

    /// Hashes every entry anew and compares with the tiles and the head: nothing of the folder is taken on trust.
    ///
    /// # Errors
    /// Those of the file system; `InvalidData` when something does not fit.
    pub fn check(&self) -> io::Result<()> {
        let mut row = Vec::new();
        self.each(|_, entry| row.push(leaf_hash(entry)))?;
        for level in (0..=u8::MAX).map(TileLevel::Hashes) {
            let mut above = Vec::new();
            for (index, chunk) in (0..).zip(row.chunks(usize::from(TILE_WIDTH))) {
                let width = u16::try_from(chunk.len()).unwrap_or(TILE_WIDTH);
                let tile = Tile {
                    level,
                    index,
                    width,
                };
                if hashes(&self.disk.tile(&tile)?, width)? != chunk {
                    return Err(invalid(&format!(
                        "{tile} is not the hashes of what is below"
                    )));
                }
                if width == TILE_WIDTH {
                    above.push(fold(chunk));
                }
            }
            if above.is_empty() {
                return Ok(());
            }
            row = above;
        }
        Ok(())
    }

    /// The newest head as a signed note.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn head_note(&self) -> io::Result<Vec<u8>> {
        self.disk
            .read(HEAD, MAX_NOTE)?
            .ok_or_else(|| invalid("the head is gone"))
    }

    /// The size of the published checkpoint; zero before the first.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn published_size(&self) -> io::Result<u64> {
        match self.disk.read(CHECKPOINT, MAX_NOTE)? {
            None => Ok(0),
            Some(note) => Ok(signed_by(self.key.public(), &note)?.size),
        }
    }

    /// The proof that a witness needs who saw the log last at `old` entries.
    ///
    /// # Errors
    /// Those of the tiles; one when `old` is beyond the head, which only a log that was rolled back can be told.
    pub fn consistency(&self, old: u64) -> io::Result<Vec<Hash>> {
        if old > self.head.size {
            return Err(invalid(
                "a witness has seen more of this log than there is: it was rolled back, and must not sign again",
            ));
        }
        Tree::new(&self.disk, self.head.size).consistency(old, self.head.size)
    }

    /// Publishes the head with the cosignatures of witnesses, if by the policy there are enough of them.
    ///
    /// # Errors
    /// Those of the file system; one when the witnesses are not enough, or the policy does not list this log. Then the published
    /// checkpoint is as it was.
    pub fn publish(&self, cosignatures: &[NoteSignature], policy: &LogPolicy) -> io::Result<()> {
        if !policy.logs().contains(self.public()) {
            return Err(invalid("the policy does not list this log"));
        }
        let mut note = String::from_utf8(self.head_note()?).map_err(|_| invalid("not text"))?;
        let text = self.head.to_string();
        let mut names = Vec::new();
        for witness in policy.witnesses() {
            let line = cosignatures.iter().find(|line| {
                (line.name.as_str(), line.key_id) == (witness.name(), witness.id())
                    && witness.cosigned(&text, &line.signature).is_some()
            });
            if let Some(line) = line {
                note.push_str(&line.to_string());
                names.push(witness.name());
            }
        }
        if !policy.is_quorum(&names) {
            return Err(invalid(&format!(
                "{} witnesses have cosigned, which is no quorum of the policy",
                names.len()
            )));
        }
        // 3. The checkpoint.
        self.disk.write(CHECKPOINT, note.as_bytes())
    }

    /// The proof for the entry at `index`, under the published checkpoint.
    ///
    /// # Errors
    /// Those of the tiles; one when nothing is published, or the entry is not in it yet.
    pub fn prove(&self, index: u64) -> io::Result<Proof> {
        let checkpoint = self
            .disk
            .read(CHECKPOINT, MAX_NOTE)?
            .ok_or_else(|| invalid("nothing is published yet"))?;
        let size = signed_by(self.key.public(), &checkpoint)?.size;
        let mut extra = None;
        self.each(|place, entry| {
            if place == index {
                extra = Some(entry.to_vec());
            }
        })?;
        Ok(Proof {
            extra,
            index,
            hashes: Tree::new(&self.disk, self.head.size).inclusion(index, size)?,
            checkpoint,
        })
    }
}

/// The tile at the right edge of a level that has `count` hashes or entries, and how many of them it has.
fn edge(count: u64) -> (u64, u16) {
    let full = u64::from(TILE_WIDTH);
    (count / full, u16::try_from(count % full).unwrap_or(0))
}

fn head_of(checkpoint: &Checkpoint) -> Head {
    Head {
        size: checkpoint.size,
        root: checkpoint.root,
    }
}

/// The checkpoint of a note that this log has signed.
fn signed_by(key: &VerifierKey, note: &[u8]) -> io::Result<Checkpoint> {
    let note = Note::parse(note).map_err(|error| invalid(&error.to_string()))?;
    let signed = note
        .by(key.name(), key.id())
        .any(|line| key.signed_note(note.text, &line.signature));
    let checkpoint = Checkpoint::parse(note.text).map_err(|error| invalid(&error.to_string()))?;
    if signed && checkpoint.origin == key.name() {
        return Ok(checkpoint);
    }
    Err(invalid("a checkpoint that this log has not signed"))
}

#[cfg(test)]
#[path = "log_tests.rs"]
mod tests;
