//! The rows of the list of attacks that concern evidence: each test takes good evidence, changes one thing, signs it where a
//! signature is needed, and finds exactly the rules that speak against it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::field_reassign_with_default
)]

mod binding;
mod chain;
mod guest;
mod levels;
mod machine;
mod release;
mod report;
#[path = "../support/mod.rs"]
mod support;

use cloister_verify::{
    Anchors, Appraisal, Binding, BindingKind, Endorsements, Outcome, Policy, UnixTime, appraise,
    attest,
};
use cloister_wire::certs::Guid;
use cloister_wire::evidence::{Evidence, EvidenceKind};
use support::der::{bits, integer, time, tlv};
use support::expected::production_with;
use support::pki::*;
use support::publish::publish;
use support::{explain, failed};

/// The appraisal is refused for exactly these rules.
#[track_caller]
fn refused(appraisal: &Appraisal, rules: &[&str]) {
    assert_eq!(
        failed(&appraisal.trail),
        rules,
        "\n{}",
        explain(&appraisal.trail)
    );
    let refused = appraisal.verdict.as_ref().unwrap_err();
    assert_eq!(refused.rules, rules);
}

/// Good evidence with one change is refused for exactly these rules.
#[track_caller]
fn refuses(rules: &[&str], change: impl FnOnce(&mut Scene)) {
    let mut scene = Scene::default();
    change(&mut scene);
    refused(&scene.attest(), rules);
}

#[track_caller]
fn accepted(appraisal: &Appraisal) {
    assert!(appraisal.verdict.is_ok(), "\n{}", explain(&appraisal.trail));
}

#[track_caller]
fn accepts(change: impl FnOnce(&mut Scene)) {
    let mut scene = Scene::default();
    change(&mut scene);
    accepted(&scene.attest());
}

/// Where the TCB versions are in a report.
const TCBS: [usize; 4] = [0x038, 0x180, 0x1e0, 0x1f0];

#[test]
fn good_evidence_is_attested() {
    let appraisal = Scene::default().attest();
    accepted(&appraisal);
    let attested = appraisal.verdict.unwrap();
    assert_eq!(attested.key_configs(), KEY_CONFIGS);
    assert_eq!(attested.release().as_str(), RELEASE);
    assert_eq!(*attested.measurement(), MEASUREMENT);
    assert_eq!(attested.binding(), BindingKind::Session);
    assert!(attested.simulated());
    accepted(&Scene::turin().attest());
}
