//! The rows of the list of attacks that concern TDX: each test takes good evidence, changes one thing, signs it where a signature is
//! needed, and finds exactly the rules that speak against it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::cast_possible_truncation
)]

mod binding;
mod chain;
mod collateral;
mod enclave;
mod guest;
mod levels;
mod structure;
#[path = "../support/mod.rs"]
mod support;

use cloister_verify::tdx::{MAX_QUOTE, Quote, QuoteError};
use cloister_verify::{Anchors, Expected, Outcome, Step, UnixTime, appraise_quote, attest};
use cloister_wire::certs::Guid;
use support::der::{bits, integer, oid, sequence, time, tlv};
use support::intel::*;
use support::pki::{BASIC_CONSTRAINTS, DAY, KEY_USAGE, NOW, ext, name};
use support::publish::publish;
use support::{explain, failed};

/// Good evidence with one change is refused for exactly these rules.
#[track_caller]
fn refuses(rules: &[&str], change: impl FnOnce(&mut Td)) {
    let mut td = Td::default();
    change(&mut td);
    let opinion = td.appraise();
    assert_eq!(
        failed(&opinion.trail),
        rules,
        "\n{}",
        explain(&opinion.trail)
    );
    assert_eq!(opinion.verdict.unwrap_err().rules, rules);
}

/// Good evidence with one change is refused, among others for this rule.
#[track_caller]
fn refuses_also(rule: &str, change: impl FnOnce(&mut Td)) {
    let mut td = Td::default();
    change(&mut td);
    let opinion = td.appraise();
    assert!(opinion.verdict.is_err());
    assert!(
        failed(&opinion.trail).contains(&rule),
        "\n{}",
        explain(&opinion.trail)
    );
}

#[track_caller]
fn accepts(change: impl FnOnce(&mut Td)) {
    let mut td = Td::default();
    change(&mut td);
    let opinion = td.appraise();
    assert!(opinion.verdict.is_ok(), "\n{}", explain(&opinion.trail));
}

/// Bound evidence with one change is refused for exactly these rules, besides the one that no test root escapes.
#[track_caller]
fn attestation_refuses(rules: &[&str], change: impl FnOnce(&mut Td)) {
    let mut td = Td::default();
    change(&mut td);
    let appraisal = td.attest();
    let mut expected = vec!["evidence.kind"];
    expected.extend(rules);
    assert_eq!(
        failed(&appraisal.trail),
        expected,
        "\n{}",
        explain(&appraisal.trail)
    );
    assert_eq!(appraisal.verdict.unwrap_err().rules, expected);
}

#[test]
fn good_evidence_passes_every_rule_of_production() {
    accepts(|_| {});
    attestation_refuses(&[], |_| {});
    let rules: Vec<&str> = cloister_verify::quote_rules().map(|rule| rule.id).collect();
    let appraisal = Td::default().attest();
    let trail: Vec<&str> = appraisal.trail.iter().map(|step| step.rule).collect();
    assert_eq!(trail, rules);
    let mut unique = rules.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), rules.len());
}
