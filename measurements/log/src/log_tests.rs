#![allow(clippy::unwrap_used, clippy::panic)]
use super::*;
use cloister_verify::log::{Algorithm, is_included};
use std::fs;
use std::path::PathBuf;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let folder =
            std::env::temp_dir().join(format!("cloister-log-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        Self(folder)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn key() -> SecretKey {
    // One key for all tests, made once.
    static LINE: std::sync::OnceLock<String> = std::sync::OnceLock::new();
    let line = LINE.get_or_init(|| {
        let key = SecretKey::generate("log.example/test", Algorithm::Ed25519).unwrap();
        key.to_line().to_string()
    });
    SecretKey::parse(line).unwrap()
}

fn entries(numbers: std::ops::Range<u32>) -> Vec<Vec<u8>> {
    numbers.map(|n| format!("entry {n}").into_bytes()).collect()
}

#[test]
fn a_log_grows_in_any_steps_to_the_same_tree() {
    let (whole, steps) = (Folder::new("whole"), Folder::new("steps"));
    let mut at_once = Log::create(&whole.0, key()).unwrap();
    assert_eq!(at_once.append(&entries(0..1000)).unwrap(), 0);
    let mut step_by_step = Log::create(&steps.0, key()).unwrap();
    let mut at = 0;
    for step in [1, 1, 3, 250, 1, 1, 255, 256, 232] {
        let first = step_by_step.append(&entries(at..at + step)).unwrap();
        assert_eq!(first, u64::from(at));
        at += step;
        step_by_step.check().unwrap();
    }
    assert_eq!(step_by_step.head(), at_once.head());
    assert_eq!(at_once.append(&[]).unwrap(), 1000);
    drop(at_once);
    let again = Log::open(&whole.0, key()).unwrap();
    again.check().unwrap();
    assert_eq!(again.find(b"entry 700").unwrap(), Some(700));
    assert_eq!(again.find(b"entry 1000").unwrap(), None);
    let tree = Tree::new(&again.disk, 1000);
    for (index, size) in [
        (0, 1),
        (0, 1000),
        (255, 256),
        (256, 257),
        (511, 700),
        (999, 1000),
    ] {
        let leaf = leaf_hash(format!("entry {index}").as_bytes());
        let proof = tree.inclusion(index, size).unwrap();
        assert!(is_included(
            &leaf,
            index,
            size,
            &proof,
            &tree.root(size).unwrap()
        ));
    }
    for (old, new) in [
        (1, 2),
        (7, 8),
        (8, 9),
        (255, 257),
        (256, 1000),
        (999, 1000),
        (5, 5),
    ] {
        let head = |size| Head {
            size,
            root: tree.root(size).unwrap(),
        };
        assert!(is_consistent(
            &head(old),
            &head(new),
            &tree.consistency(old, new).unwrap()
        ));
    }
    assert!(tree.inclusion(5, 5).is_err() && tree.inclusion(0, 1001).is_err());
    assert!(tree.consistency(6, 5).is_err() && tree.root(1001).is_err());
}

/// Power fails after each number of steps in turn; the log is opened again, is whole, and takes the same entries.
#[test]
fn a_crash_at_any_step_loses_nothing_that_was_signed() {
    // The third append fills a tile, and so writes on two levels.
    let before = entries(0..250);
    let mut crashes = 0;
    for steps in 0.. {
        let folder = Folder::new("crash");
        let mut log = Log::create(&folder.0, key()).unwrap();
        log.append(&before).unwrap();
        let old = log.head().clone();
        log.disk.power.set(Some(steps));
        let outcome = log.append(&entries(250..260));
        drop(log);
        let mut log = Log::open(&folder.0, key()).unwrap();
        log.check().unwrap();
        if outcome.is_ok() {
            assert_eq!(log.head().size, 260);
            break;
        }
        crashes += 1;
        // The head is the old one, or the new one of which only the confirmation was lost.
        assert!([250, 260].contains(&log.head().size), "{steps}");
        assert_eq!(
            Tree::new(&log.disk, log.head().size).root(250).unwrap(),
            old.root
        );
        if log.head().size == 250 {
            // Not the same entries: what the crash left behind was never signed.
            log.append(&entries(1250..1260)).unwrap();
            assert_eq!(log.find(b"entry 1255").unwrap(), Some(255));
            assert_eq!(log.find(b"entry 255").unwrap(), None);
        }
        log.check().unwrap();
    }
    // Two bundles, two tiles of level 0, one of level 1, the head: six files with four steps each.
    assert_eq!(crashes, 24);
}

#[test]
fn a28_a_log_that_was_changed_signs_nothing_more() {
    let folder = Folder::new("changed");
    let mut log = Log::create(&folder.0, key()).unwrap();
    log.append(&entries(0..3)).unwrap();
    let old_head = fs::read(folder.0.join(HEAD)).unwrap();
    log.append(&entries(3..300)).unwrap();
    let head = fs::read(folder.0.join(HEAD)).unwrap();
    // As if the head had been published.
    fs::write(folder.0.join(CHECKPOINT), &head).unwrap();
    drop(log);
    assert!(Log::open(&folder.0, key()).is_ok());
    let refused = |what: &str| {
        assert!(Log::open(&folder.0, key()).is_err(), "{what}");
    };
    // Rolled back behind what is published.
    fs::write(folder.0.join(HEAD), &old_head).unwrap();
    refused("an older head");
    fs::write(folder.0.join(HEAD), &head).unwrap();
    // Forked: another hash at the right edge.
    let tile = folder.0.join("tile/0/001.p/44");
    let bytes = fs::read(&tile).unwrap();
    let mut changed = bytes.clone();
    *changed.last_mut().unwrap() ^= 1;
    fs::write(&tile, &changed).unwrap();
    refused("another hash");
    // The same before anything was published.
    fs::remove_file(folder.0.join(CHECKPOINT)).unwrap();
    refused("another hash under the head");
    fs::write(folder.0.join(CHECKPOINT), &head).unwrap();
    fs::write(&tile, &bytes).unwrap();
    // A head without a signature of ours, of another log, or gone.
    fs::write(
        folder.0.join(HEAD),
        String::from_utf8(head.clone())
            .unwrap()
            .replace("300", "299"),
    )
    .unwrap();
    refused("a head that is not signed");
    fs::remove_file(folder.0.join(HEAD)).unwrap();
    refused("no head");
    assert!(
        Log::create(&folder.0, key()).is_err(),
        "a second log in the same folder"
    );
    fs::write(folder.0.join(HEAD), &head).unwrap();
    let other = SecretKey::generate("log.example/test", Algorithm::Ed25519).unwrap();
    assert!(Log::open(&folder.0, other).is_err(), "another key");
    assert!(Log::open(&folder.0, key()).is_ok());
    // An entry that was changed does not show in the roots; checking everything finds it.
    let bundle = folder.0.join("tile/entries/000");
    let text = fs::read(&bundle).unwrap();
    let mut changed = text.clone();
    *changed.last_mut().unwrap() ^= 1;
    fs::write(&bundle, &changed).unwrap();
    assert!(Log::open(&folder.0, key()).unwrap().check().is_err());
}

#[test]
fn entries_that_are_too_long_are_refused_and_change_nothing() {
    let folder = Folder::new("long");
    let mut log = Log::create(&folder.0, key()).unwrap();
    assert!(log.append(&[vec![0; MAX_ENTRY + 1]]).is_err());
    assert_eq!(log.append(&[vec![0; MAX_ENTRY]]).unwrap(), 0);
    log.check().unwrap();
}

#[test]
fn writers_take_turns() {
    let folder = Folder::new("turns");
    drop(Log::create(&folder.0, key()).unwrap());
    std::thread::scope(|scope| {
        for writer in 0..4_u32 {
            let folder = &folder.0;
            scope.spawn(move || {
                for n in 0..5 {
                    let mut log = Log::open(folder, key()).unwrap();
                    let number = writer * 5 + n;
                    log.append(&entries(number..number + 1)).unwrap();
                }
            });
        }
    });
    let log = Log::open(&folder.0, key()).unwrap();
    log.check().unwrap();
    assert_eq!(log.head().size, 20);
    for entry in entries(0..20) {
        assert!(log.find(&entry).unwrap().is_some());
    }
}
