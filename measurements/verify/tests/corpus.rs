//! Every SNP case of the evidence corpus has the verdict and the fields that the corpus states.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::cast_possible_truncation
)]

mod support;

use cloister_verify::{Anchors, Opinion, Outcome, Policy, pem};
use support::{Case, corpus, snp_cases};

fn explain(case: &Case, opinion: &Opinion) -> String {
    let failed: Vec<String> = opinion
        .trail
        .iter()
        .filter(|step| !step.passed())
        .map(ToString::to_string)
        .collect();
    format!("{}:\n  {}", case.name, failed.join("\n  "))
}

#[test]
fn verdicts_under_amd_roots() {
    let Some(corpus) = corpus() else { return };
    let (policy, anchors) = (Policy::authentic(), Anchors::hardware());
    let cases = snp_cases(&corpus);
    assert!(cases.len() >= 38, "only {} cases", cases.len());
    for case in &cases {
        let opinion = case.appraise(&policy, &anchors);
        match case.expected("verdict").unwrap() {
            "accept" => assert!(opinion.verdict.is_ok(), "{}", explain(case, &opinion)),
            // A report without its certificate can be read, and no more.
            "reject" | "parse-only" => assert!(opinion.verdict.is_err(), "{}", case.name),
            other => panic!("{}: unknown verdict {other}", case.name),
        }
        eprintln!("{}", explain(case, &opinion));
    }
}

#[test]
fn verdicts_under_the_test_root() {
    let Some(corpus) = corpus() else { return };
    let chain =
        std::fs::read_to_string(corpus.join("roots/test-only/amd_milan_test_ask_ark.pem")).unwrap();
    let chain = pem::certificates(&chain).unwrap();
    let anchors = Anchors::danger_test_root(&chain[1]).unwrap();
    let mut judged = 0;
    for case in snp_cases(&corpus) {
        let opinion = case.appraise(&Policy::authentic(), &anchors);
        match case.expected("verdict_when_test_root_trusted") {
            Some("accept") => assert!(opinion.verdict.is_ok(), "{}", explain(&case, &opinion)),
            Some("reject") => {
                // Everything but the one fault must pass, so exactly that rule speaks against it.
                let refused = opinion.verdict.clone().unwrap_err();
                assert_eq!(refused.rules.len(), 1, "{}", explain(&case, &opinion));
            }
            Some(other) => panic!("{}: unknown verdict {other}", case.name),
            None => {
                assert!(opinion.verdict.is_err(), "{}", case.name);
                continue;
            }
        }
        judged += 1;
    }
    assert!(judged >= 8, "only {judged} synthetic cases");
}

#[test]
fn fields() {
    let Some(corpus) = corpus() else { return };
    let mut compared = 0;
    for case in snp_cases(&corpus) {
        let opinion = case.appraise(&Policy::authentic(), &Anchors::hardware());
        let fields = opinion.claims.map(|claims| claims.fields());
        let fields = fields.unwrap_or_default();
        for (name, expected) in case.description["fields"].as_object().unwrap() {
            let found = fields.iter().find(|(found, _)| found == name);
            let found = found.map(|(_, value)| value.to_string());
            let expected = match expected {
                serde_json::Value::Null => None,
                serde_json::Value::String(text) => Some(text.clone()),
                other => Some(other.to_string()),
            };
            assert_eq!(found, expected, "{}: {name}", case.name);
            compared += 1;
        }
    }
    assert!(compared > 900, "only {compared} fields");
}

#[test]
fn the_production_policy_takes_no_foreign_evidence_and_says_why() {
    let Some(corpus) = corpus() else { return };
    let (policy, anchors) = (Policy::production(), Anchors::hardware());
    for case in snp_cases(&corpus) {
        let opinion = case.appraise(&policy, &anchors);
        let refused = opinion.verdict.clone().unwrap_err();
        if case.expected("verdict") == Some("accept") {
            assert!(refused.rules.contains(&"snp.machine"), "{}", case.name);
            // Authentic evidence is judged by every rule.
            let skipped = opinion
                .trail
                .iter()
                .find(|step| step.outcome == Outcome::NotEvaluated);
            assert_eq!(skipped, None, "{}", case.name);
        }
    }
}
