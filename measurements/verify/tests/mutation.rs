//! No byte of genuine evidence can be changed: one at a time, every byte of a report and of each of its certificates.
//!
//! The standard signs the report's bytes 0x000 to 0x29f; r and s are the signature itself; the 368 bytes behind them are reserved and
//! the verifier demands zeroes. In a certificate everything but the outer algorithm (which must equal the signed one) and the signature is
//! signed. So the list of bytes that may change is empty.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::cast_possible_truncation
)]

mod support;

use cloister_verify::{Anchors, Endorsements, Policy, UnixTime, appraise};
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::pki::{NOW, Scene};
use support::{Case, case, corpus};

/// Report, leaf, ASK, ARK, and the revocation list where there is one.
type Parts = [Vec<u8>; 5];

struct Target {
    parts: Parts,
    vlek: bool,
    policy: Policy,
    anchors: Anchors,
    now: UnixTime,
}

impl Target {
    fn of_case(case: &Case) -> Self {
        let vlek = case.vlek.is_some();
        let leaf = case.vlek.as_ref().or(case.vcek.as_ref()).unwrap();
        Self {
            parts: [
                case.report.clone(),
                leaf.clone(),
                case.chain[0].clone(),
                case.chain[1].clone(),
                Vec::new(),
            ],
            vlek,
            policy: Policy::authentic(),
            anchors: Anchors::hardware(),
            now: case.time().unwrap(),
        }
    }

    fn accepts(&self, parts: &Parts) -> bool {
        let [report, leaf, ask, ark, crl] = parts;
        let endorsements = Endorsements {
            vcek: (!self.vlek).then_some(leaf),
            vlek: self.vlek.then_some(leaf),
            ask: Some(ask),
            ark: Some(ark),
            crl: (!crl.is_empty()).then_some(crl),
        };
        appraise(report, &endorsements, &self.policy, &self.anchors, self.now)
            .verdict
            .is_ok()
    }

    /// Changes every byte of these parts in one bit, a different one from byte to byte.
    fn survives_every_change(&self, changed: Range<usize>) {
        assert!(self.accepts(&self.parts), "the evidence itself is good");
        let places: Vec<(usize, usize)> = self
            .parts
            .iter()
            .enumerate()
            .filter(|(part, _)| changed.contains(part))
            .flat_map(|(part, bytes)| (0..bytes.len()).map(move |offset| (part, offset)))
            .collect();
        let next = AtomicUsize::new(0);
        std::thread::scope(|scope| {
            for _ in 0..2 {
                scope.spawn(|| {
                    let mut parts = self.parts.clone();
                    while let Some(&(part, offset)) =
                        places.get(next.fetch_add(1, Ordering::Relaxed))
                    {
                        let mask = 1u8 << (offset % 8);
                        parts[part][offset] ^= mask;
                        assert!(!self.accepts(&parts), "part {part}, byte {offset:#x}");
                        parts[part][offset] ^= mask;
                    }
                });
            }
        });
    }
}

#[test]
fn genuine_evidence() {
    let Some(corpus) = corpus() else { return };
    // Everything of one, and report and leaf of the other layouts: the certificates above are of one make.
    for (name, changed) in [
        ("genoa-v5-oak", 0..4),
        ("milan-v2-vcek-virtee", 0..2),
        ("turin-v5-oak", 0..2),
        ("milan-v3-vlek-aws-trustee", 0..2),
    ] {
        Target::of_case(&case(&corpus, name)).survives_every_change(changed);
    }
}

impl Target {
    /// Evidence of the test PKI with a revocation list, under rules that demand one.
    fn with_list() -> Self {
        let scene = Scene::default().named("Genoa");
        let entries = scene.entries();
        let part = |index: usize| entries[index].1.clone();
        Self {
            parts: [scene.signed_report(), part(0), part(1), part(2), part(3)],
            vlek: false,
            policy: scene.policy.clone(),
            anchors: scene.test_anchors(),
            now: UnixTime(NOW),
        }
    }
}

#[test]
fn revocation_list() {
    Target::with_list().survives_every_change(4..5);
}

#[test]
fn truncated_evidence() {
    let target = Target::with_list();
    for index in 0..5 {
        for length in 0..target.parts[index].len() {
            let mut parts = target.parts.clone();
            parts[index].truncate(length);
            assert!(!target.accepts(&parts), "part {index} cut to {length}");
        }
        let mut parts = target.parts.clone();
        parts[index].push(0);
        assert!(!target.accepts(&parts), "part {index} with a byte more");
    }
}
