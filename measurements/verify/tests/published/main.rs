//! Proofs from a transparency log: the rows of the list of attacks that concern it. Each test takes a good proof, changes one thing,
//! signs it where a signature is needed, and finds exactly the rules that speak against it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::cast_possible_truncation
)]

mod entry;
mod signatures;
#[path = "../support/mod.rs"]
mod support;
mod time;
mod tree;
mod witnesses;

use cloister_verify::UnixTime;
use cloister_verify::log::{
    self, Algorithm, Artefact, Hash, Head, Kind, LogPolicy, Note, Proof, is_consistent,
    is_included, leaf_hash, node_hash, published,
};
use support::failed;
use support::merkle::root;
use support::scene::{DAY, FILE, Key, NOW, Scene, word};

/// A good proof with one change is refused for exactly these rules.
#[track_caller]
fn refuses(rules: &[&str], change: impl FnOnce(&mut Scene)) {
    let mut scene = Scene::default();
    change(&mut scene);
    let appraisal = scene.judge();
    let lines: Vec<String> = appraisal.trail.iter().map(ToString::to_string).collect();
    assert_eq!(failed(&appraisal.trail), rules, "\n{}", lines.join("\n"));
    assert_eq!(appraisal.verdict.unwrap_err().rules, rules);
}

#[track_caller]
fn accepts(change: impl FnOnce(&mut Scene)) -> log::Logged {
    let mut scene = Scene::default();
    change(&mut scene);
    let appraisal = scene.judge();
    let lines: Vec<String> = appraisal.trail.iter().map(ToString::to_string).collect();
    appraisal
        .verdict
        .unwrap_or_else(|_| panic!("\n{}", lines.join("\n")))
}

/// Every rule after the proof's own form.
const ALL_BUT_FORMAT: usize = 13;

#[test]
fn a_good_proof_is_accepted() {
    let logged = accepts(|_| {});
    assert_eq!(logged.origin(), "log.example/one");
    assert_eq!((logged.index(), logged.size()), (4, 7));
    assert_eq!(logged.kind(), Kind::ImageRelease);
    assert_eq!(logged.name().as_str(), "release.json");
    assert_eq!(logged.version().as_str(), "0.1.0");
    assert_eq!(logged.witnessed(), UnixTime(NOW - 60));
    assert_eq!(logged.expires(), UnixTime(NOW - 60 + 7 * DAY));
    let rules: Vec<&str> = log::rules().map(|rule| rule.id).collect();
    let trail: Vec<&str> = Scene::default()
        .judge()
        .trail
        .iter()
        .map(|s| s.rule)
        .collect();
    assert_eq!(trail, rules);
    assert_eq!(rules.len(), ALL_BUT_FORMAT + 1);
    // At each place of trees of each small size.
    for size in 1..=17_u8 {
        for index in 0..u64::from(size) {
            accepts(|scene| {
                scene.leaves = (0..size).map(|n| leaf_hash(&[n])).collect();
                scene.index = index;
            });
        }
    }
}
