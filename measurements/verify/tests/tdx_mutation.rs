//! No byte of genuine evidence of a TD can be changed: one at a time, every byte of a quote and of each of its certificates, documents and
//! lists.
//!
//! Header and body are signed by the attestation key, that key and the authentication data are bound by the quoting enclave's report,
//! that report is signed by the PCK; lengths must fit, certificates and lists are signed and their outer algorithm must equal the
//! signed one, padding must be zero. What can change is white space that nobody reads, and that alone: the line ends that separate and
//! end the blocks of a PEM text, and the zero byte that ends the PEM text in a quote, which white space may stand for.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::cast_possible_truncation
)]

mod support;

use cloister_verify::{Anchors, Policy};
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use support::corpus;
use support::tdx::{FILES, TdxCase, judge};

/// Changes every byte of these files in one bit, a different one from byte to byte; the changes that are accepted.
fn accepted_changes(case: &TdxCase, files: Range<usize>) -> Vec<(usize, usize)> {
    let (policy, anchors) = (Policy::authentic(), Anchors::hardware());
    assert!(case.appraise(&policy, &anchors).verdict.is_ok());
    let places: Vec<(usize, usize)> = files
        .flat_map(|file| (0..case.parts[file].len()).map(move |offset| (file, offset)))
        .collect();
    assert!(places.len() > 4000);
    let (next, accepted) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut parts = case.parts.clone();
                while let Some(&(file, offset)) = places.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mask = 1u8 << (offset % 8);
                    parts[file][offset] ^= mask;
                    if judge(&parts, &policy, &anchors, case.now()).verdict.is_ok() {
                        accepted.lock().unwrap().push((file, offset));
                    }
                    parts[file][offset] ^= mask;
                }
            });
        }
    });
    let mut accepted = accepted.into_inner().unwrap();
    accepted.sort_unstable();
    accepted
}

/// Whether a byte is the end of a line between two blocks of a PEM text or behind the last, or the zero byte behind that.
fn between_blocks(text: &[u8], offset: usize) -> bool {
    let before = &text[..offset];
    match text[offset] {
        b'\n' => before.ends_with(b"-----END CERTIFICATE-----"),
        0 => before.ends_with(b"-----END CERTIFICATE-----\n"),
        _ => false,
    }
}

#[test]
fn genuine_evidence() {
    let Some(corpus) = corpus() else { return };
    // Everything of one, and the quotes of the other version and with padding.
    for (name, files) in [
        ("v5-90c06f-uptodate-google", 0..8),
        ("v4-b0c06f-phala", 0..1),
        ("v4-00806f-gcp-2026-02", 0..1),
    ] {
        let case = TdxCase::named(&corpus, name);
        for (file, offset) in accepted_changes(&case, files) {
            let bytes = &case.parts[file];
            assert!(
                between_blocks(bytes, offset),
                "{name}: {} byte {offset:#x}, {:#04x}",
                FILES[file],
                bytes[offset]
            );
        }
    }
}

#[test]
fn truncated_and_longer_evidence() {
    let Some(corpus) = corpus() else { return };
    let case = TdxCase::named(&corpus, "v5-90c06f-uptodate-google");
    let (policy, anchors) = (Policy::authentic(), Anchors::hardware());
    for file in 0..FILES.len() {
        // A file of no bytes is one that is not there; the quote's own certificates stand for those of the list's issuer.
        let shortest = if file == 7 { 1 } else { 0 };
        let whole = case.parts[file].len();
        for length in (shortest..whole).step_by(7).chain([whole - 2]) {
            let mut parts = case.parts.clone();
            parts[file].truncate(length);
            let opinion = judge(&parts, &policy, &anchors, case.now());
            assert!(opinion.verdict.is_err(), "{} cut to {length}", FILES[file]);
        }
        let mut parts = case.parts.clone();
        parts[file].push(b'x');
        let opinion = judge(&parts, &policy, &anchors, case.now());
        assert!(opinion.verdict.is_err(), "{} with a byte more", FILES[file]);
    }
}
