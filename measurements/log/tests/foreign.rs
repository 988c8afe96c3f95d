//! Foreign judgement, in both directions: Cloudflare's `signed_note` and `tlog_tiles` read what we write, and we read what they write.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use cloister_log::tree::{Tiles, Tree};
use cloister_verify::log::{
    self, Checkpoint, Hash, Head, Note, Tile, TileLevel, is_consistent, is_included, leaf_hash,
    unbundle,
};
use signed_note::{Note as TheirNote, StandardSigner, StandardVerifier, VerifierList};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use support::{Folder, Key, entry, log};
use tlog_tiles::{
    Checkpoint as TheirCheckpoint, Error, Hash as TheirHash, HashReader, Tile as TheirTile,
    TileHashReader, TileReader, check_record, check_tree, prove_record, prove_tree, record_hash,
    stored_hash_index, stored_hashes, tree_hash,
};

/// Their reader on our files.
struct OurFiles(PathBuf);

impl TileReader for OurFiles {
    fn height(&self) -> u8 {
        8
    }

    fn read_tiles(&self, tiles: &[TheirTile]) -> Result<Vec<Vec<u8>>, Error> {
        Ok(tiles
            .iter()
            .map(|tile| fs::read(self.0.join(our_path(tile))).unwrap())
            .collect())
    }

    fn save_tiles(&self, _tiles: &[TheirTile], _data: &[Vec<u8>]) {}
}

/// Go's paths name the height of a tile, tlog-tiles' do not.
fn our_path(tile: &TheirTile) -> String {
    tile.path().replacen("tile/8/", "tile/", 1)
}

fn folder_tiles(folder: &Path) -> impl Tiles {
    struct Files(PathBuf);
    impl Tiles for Files {
        fn tile(&self, tile: &Tile) -> std::io::Result<Vec<u8>> {
            fs::read(self.0.join(tile.to_string()))
        }
    }
    Files(folder.to_owned())
}

#[test]
fn they_read_our_log() {
    let folder = Folder::new("theirs");
    let key = Key::log("log.example/one");
    for size in [1, 2, 3, 255, 256, 257, 700] {
        let place = folder.at(&format!("log{size}"));
        let ours = log(&place, &key, size);
        // The checkpoint, by its signature.
        let verifier = StandardVerifier::new(&key.public().to_string()).unwrap();
        let note = TheirNote::from_bytes(&ours.head_note().unwrap()).unwrap();
        let (good, others) = note
            .verify(&VerifierList::new(vec![Box::new(verifier)]))
            .unwrap();
        assert_eq!((good.len(), others.len()), (1, 0));
        let checkpoint = TheirCheckpoint::from_bytes(note.text()).unwrap();
        assert_eq!(
            (checkpoint.origin(), checkpoint.size()),
            ("log.example/one", size)
        );
        // The tiles, which they authenticate against the root.
        let files = OurFiles(place.clone());
        let reader = TileHashReader::new(size, *checkpoint.hash(), &files);
        assert_eq!(tree_hash(size, &reader).unwrap().0, checkpoint.hash().0);
        let mine = folder_tiles(&place);
        let tree = Tree::new(&mine, size);
        for index in (0..size).step_by(37).chain([size - 1]) {
            let theirs = prove_record(size, index, &reader).unwrap();
            let ours: Vec<TheirHash> = tree
                .inclusion(index, size)
                .unwrap()
                .into_iter()
                .map(TheirHash)
                .collect();
            assert_eq!(
                ours.iter().map(|h| h.0).collect::<Vec<_>>(),
                theirs.iter().map(|h| h.0).collect::<Vec<_>>()
            );
            check_record(
                &ours,
                size,
                *checkpoint.hash(),
                index,
                record_hash(&entry(index)),
            )
            .unwrap();
        }
        for old in (1..=size).step_by(41) {
            let ours: Vec<TheirHash> = tree
                .consistency(old, size)
                .unwrap()
                .into_iter()
                .map(TheirHash)
                .collect();
            let root = TheirHash(tree.root(old).unwrap());
            check_tree(&ours, size, *checkpoint.hash(), old, root).unwrap();
        }
    }
}

/// Their storage: a list of hashes.
#[derive(Default)]
struct TheirStorage(RefCell<Vec<TheirHash>>);

impl HashReader for TheirStorage {
    fn read_hashes(&self, indexes: &[u64]) -> Result<Vec<TheirHash>, Error> {
        let hashes = self.0.borrow();
        Ok(indexes
            .iter()
            .map(|i| hashes[usize::try_from(*i).unwrap()])
            .collect())
    }
}

#[test]
fn we_read_their_log() {
    let storage = TheirStorage::default();
    let mut tiles = BTreeMap::new();
    const SIZE: u64 = 600;
    for index in 0..SIZE {
        let new = stored_hashes(index, &entry(index), &storage).unwrap();
        storage.0.borrow_mut().extend(new);
    }
    for tile in TheirTile::new_tiles(8, 0, SIZE) {
        tiles.insert(our_path(&tile), tile.read_data(&storage).unwrap());
    }
    struct Map(BTreeMap<String, Vec<u8>>);
    impl Tiles for Map {
        fn tile(&self, tile: &Tile) -> std::io::Result<Vec<u8>> {
            self.0
                .get(&tile.to_string())
                .cloned()
                .ok_or_else(|| std::io::Error::other("none"))
        }
    }
    for path in tiles.keys() {
        let tile = Tile::parse(path).unwrap();
        assert_ne!(tile.level, TileLevel::Entries);
    }
    let map = Map(tiles);
    let tree = Tree::new(&map, SIZE);
    let mine = |hashes: Vec<TheirHash>| hashes.into_iter().map(|h| h.0).collect::<Vec<Hash>>();
    let head = |size: u64| Head {
        size,
        root: tree_hash(size, &storage).unwrap().0,
    };
    for size in [1, 2, 5, 255, 256, 257, 511, 600] {
        assert_eq!(tree.root(size).unwrap(), head(size).root);
        for index in (0..size).step_by(31) {
            let proof = mine(prove_record(size, index, &storage).unwrap());
            let leaf = leaf_hash(&entry(index));
            assert!(
                is_included(&leaf, index, size, &proof, &head(size).root),
                "{index} {size}"
            );
            assert!(!is_included(
                &leaf,
                index + 1,
                size,
                &proof,
                &head(size).root
            ));
        }
        for old in (1..size).step_by(29) {
            let proof = mine(prove_tree(size, old, &storage).unwrap());
            assert!(
                is_consistent(&head(old), &head(size), &proof),
                "{old} {size}"
            );
        }
    }
    assert_eq!(stored_hash_index(0, 0), 0);
    // Their signature on their checkpoint, under a key that both read.
    let key = Key::log("log.example/one");
    let signer = StandardSigner::new(&key.0).unwrap();
    let root = tree_hash(SIZE, &storage).unwrap();
    let theirs = TheirCheckpoint::new("log.example/one", SIZE, root, "").unwrap();
    let mut note = TheirNote::new(&theirs.to_bytes(), &[]).unwrap();
    note.add_sigs(&[&signer]).unwrap();
    let bytes = note.to_bytes();
    let note = Note::parse(&bytes).unwrap();
    let public = key.public();
    let line = note.by(public.name(), public.id()).next().unwrap();
    assert!(public.signed_note(note.text, &line.signature));
    let checkpoint = Checkpoint::parse(note.text).unwrap();
    assert_eq!((checkpoint.size, checkpoint.root), (SIZE, root.0));
    // Ed25519 has one signature for a text: ours is the same.
    assert_eq!(key.secret().sign(note.text).unwrap(), *line);
}

#[test]
fn bundles_hold_what_was_added() {
    let folder = Folder::new("bundles");
    let key = Key::log("log.example/one");
    drop(log(&folder.at("log"), &key, 300));
    let mut number = 0;
    for (path, width) in [("tile/entries/000", 256), ("tile/entries/001.p/44", 44)] {
        let bytes = fs::read(folder.at("log").join(path)).unwrap();
        for bytes in unbundle(&bytes, width).unwrap() {
            assert_eq!(bytes, entry(number));
            number += 1;
        }
    }
    assert_eq!(number, 300);
    assert_ne!(log::empty_root(), leaf_hash(b""));
}
