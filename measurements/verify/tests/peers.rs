//! Beside other verifiers, on all of the evidence: where they differ, which rule makes the difference; and evidence made here that passes
//! theirs and not ours.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::cast_possible_truncation
)]

#[path = "support/peers.rs"]
mod peers;
mod support;

use cloister_verify::{Anchors, Opinion, Policy};
use std::fs;
use support::intel::Td;
use support::tdx::{TdxCase, test_anchors};
use support::{Case, corpus, snp_cases};

/// The rules that speak against evidence.
fn refused(opinion: &Opinion) -> Vec<&'static str> {
    match &opinion.verdict {
        Ok(()) => Vec::new(),
        Err(refused) => refused.rules.clone(),
    }
}

/// A case that a peer takes and we refuse: for these rules.
type Difference = (&'static str, &'static [&'static str]);

/// What of the evidence corpus `dcap-qvl` calls up to date, and we refuse. It refuses nothing of what we take.
const BEYOND_DCAP_QVL: &[Difference] = &[];

/// The same under the root of the synthetic cases.
const BEYOND_DCAP_QVL_SYNTHETIC: &[Difference] = &[];

/// What of the evidence corpus `sev` takes, and we refuse. It has no roots of its own, no time and no policy.
const BEYOND_SEV: &[Difference] = &[
    // Two encodings of one signature.
    ("bad-signature-padding", &["snp.signature"]),
    ("milan-v2-debug-google", &["snp.policy.debug"]),
    // Whatever calls itself a root.
    ("synth-milan-baseline", OTHER_ROOT),
    ("synth-milan-debug", &["snp.chain.root", "snp.policy.debug"]),
    (
        "synth-milan-hwid-mismatch",
        &["snp.chain.root", "snp.vek.hardware-id"],
    ),
    (
        "synth-milan-migrate-ma",
        &["snp.chain.root", "snp.policy.migration-agent"],
    ),
    (
        "synth-milan-policy-reserved-bit-clear",
        &["snp.chain.root", "snp.policy.reserved"],
    ),
    (
        "synth-milan-sigalgo-2",
        &["snp.signature.algorithm", "snp.chain.root"],
    ),
    ("synth-milan-vcek-expired", OTHER_ROOT),
    (
        "synth-milan-vcek-tcb-lower",
        &["snp.chain.root", "snp.vek.tcb"],
    ),
];
const OTHER_ROOT: &[&str] = &["snp.chain.root"];
/// What is judged by the pinned root, and is not when there is none.
const UNDER_THE_ROOT: [&str; 4] = [
    "snp.chain.issuer",
    "snp.chain.names",
    "snp.chain.validity",
    "snp.chain.revocation",
];

/// Judges every TDX case on both sides; returns what only the peer takes, and what only we take.
fn compare_tdx(
    cases: &[TdxCase],
    anchors: &Anchors,
    root: Option<&[u8]>,
) -> (Vec<(String, Vec<&'static str>)>, Vec<String>) {
    let (mut beyond, mut missed, mut agreed) = (Vec::new(), Vec::new(), 0);
    for case in cases {
        let rules = refused(&case.appraise(&Policy::authentic(), anchors));
        let collateral = peers::collateral(case.parts[1..].try_into().unwrap());
        let theirs = peers::dcap_qvl(&case.parts[0], &collateral, root, case.now().0);
        // The evidence corpus asks for UpToDate; the peer's caller has to.
        match (rules.is_empty(), theirs.as_deref() == Ok("UpToDate")) {
            (false, true) => beyond.push((case.name.clone(), rules)),
            (true, false) => missed.push(format!("{}: {theirs:?}", case.name)),
            _ => agreed += 1,
        }
    }
    eprintln!("{agreed} of {} cases: the same verdict", cases.len());
    (beyond, missed)
}

#[track_caller]
fn assert_differences(found: &[(String, Vec<&'static str>)], expected: &[Difference]) {
    let found: Vec<(&str, &[&str])> = found
        .iter()
        .map(|(name, rules)| (name.as_str(), rules.as_slice()))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn dcap_qvl_takes_nothing_of_the_corpus_that_no_rule_of_ours_explains() {
    let Some(corpus) = corpus() else { return };
    let cases = TdxCase::all(&corpus);
    assert!(cases.len() >= 40);
    let (beyond, missed) = compare_tdx(&cases, &Anchors::hardware(), None);
    assert_differences(&beyond, BEYOND_DCAP_QVL);
    assert!(missed.is_empty(), "{missed:?}");

    let root = fs::read(corpus.join("roots/test-only/tdx_test_root.der")).unwrap();
    let (beyond, missed) = compare_tdx(&cases, &test_anchors(&corpus), Some(&root));
    assert_differences(&beyond, BEYOND_DCAP_QVL_SYNTHETIC);
    assert!(missed.is_empty(), "{missed:?}");
}

#[test]
fn sev_takes_nothing_of_the_corpus_that_no_rule_of_ours_explains() {
    let Some(corpus) = corpus() else { return };
    let cases = snp_cases(&corpus);
    assert!(cases.len() >= 38);
    let (mut beyond, mut agreed) = (Vec::new(), 0);
    for case in &cases {
        let rules = refused(&case.appraise(&Policy::authentic(), &Anchors::hardware()));
        let Some(theirs) = sev_says(case) else {
            assert!(
                !rules.is_empty(),
                "{}: taken without a certificate",
                case.name
            );
            continue;
        };
        match (rules.is_empty(), theirs.is_ok()) {
            (false, true) => {
                let mut rules = rules;
                if rules.contains(&"snp.chain.root") {
                    rules.retain(|rule| !UNDER_THE_ROOT.contains(rule));
                }
                beyond.push((case.name.clone(), rules));
            }
            (true, false) => panic!("{}: sev refuses it: {theirs:?}", case.name),
            _ => agreed += 1,
        }
    }
    eprintln!("{agreed} of {} cases: the same verdict", cases.len());
    assert_differences(&beyond, BEYOND_SEV);
}

/// What `sev` says of a case, when it has its certificates.
fn sev_says(case: &Case) -> Option<Result<(), String>> {
    let leaf = case.vcek.as_ref().or(case.vlek.as_ref())?;
    let [ask, ark] = case.chain.as_slice() else {
        return None;
    };
    Some(peers::sev(&case.report, leaf, ask, ark))
}

/// The rules that speak against a change of good evidence, and the change.
type Change = (&'static [&'static str], fn(&mut Td));

/// Evidence of a TD made here that `dcap-qvl` calls up to date, and the rule that refuses it: each the good evidence with one change.
#[test]
fn what_passes_dcap_qvl_and_fails_a_rule() {
    let judge = |change: fn(&mut Td)| {
        let mut td = Td::default();
        change(&mut td);
        let parts: Vec<Vec<u8>> = td.entries().into_iter().map(|(_, bytes)| bytes).collect();
        let collateral = peers::collateral(parts.as_slice().try_into().unwrap());
        let theirs = peers::dcap_qvl(&td.quote(), &collateral, Some(&td.root_der()), td.now);
        (refused(&td.appraise()), theirs)
    };
    assert_eq!(judge(|_| {}), (Vec::new(), Ok("UpToDate".to_owned())));
    let table: [Change; 9] = [
        // Bytes behind the quote that nobody signed.
        (&["tdx.quote.padding"], |td| {
            td.after = |quote| quote.extend(b"anything")
        }),
        // Performance counters, a side channel.
        (&["tdx.attributes.perfmon"], |td| {
            td.put(support::intel::TDATTRIBUTES + 7, &[0x80])
        }),
        // Bytes that mean nothing yet.
        (&["tdx.quote.reserved"], |td| td.header[8] = 1),
        // Collateral of an old evaluation, honestly signed.
        (&["tdx.tcb-info.evaluation-number"], |td| {
            td.tcb_info_with(
                "\"tcbEvaluationDataNumber\":21",
                "\"tcbEvaluationDataNumber\":18",
            );
        }),
        // A member that nobody knows.
        (
            &[
                "tdx.tcb-info.format",
                "tdx.tcb-info.signature",
                "tdx.tcb-info.dates",
            ],
            |td| {
                td.tcb_info_with("\"tcbType\":0", "\"tcbType\":0,\"waived\":true");
            },
        ),
        // Features of the processor that record what the guest does.
        (&["tdx.xfam"], |td| {
            td.put(support::intel::XFAM + 1, &[0x82])
        }),
        // Whatever the host put in.
        (&["tdx.mrconfigid"], |td| {
            td.put(support::intel::MRCONFIGID, &[1])
        }),
        (&["tdx.platform.smt"], |td| td.sgx.smt = true),
        // A machine that nobody listed.
        (&["tdx.machine"], |td| td.sgx.ppid[0] ^= 1),
    ];
    let mut wrong = Vec::new();
    for (rules, change) in table {
        let (ours, theirs) = judge(change);
        if theirs.as_deref() != Ok("UpToDate") || !ours.starts_with(rules) {
            wrong.push(format!("{rules:?}: ours {ours:?}, theirs {theirs:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
