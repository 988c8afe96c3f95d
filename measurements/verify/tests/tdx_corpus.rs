//! Every TDX case of the evidence corpus has the verdict, the TCB status and the fields that the corpus states.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::cast_possible_truncation
)]

mod support;

use cloister_verify::tdx::Quote;
use cloister_verify::{Anchors, Expected, Field, Opinion, Outcome, Policy, UnixTime, attest};
use cloister_wire::certs::{CertTable, Guid};
use cloister_wire::evidence::{Evidence, EvidenceKind};
use serde_json::Value;
use support::corpus;
use support::intel::release_of;
use support::pki::{RELEASE, SESSION};
use support::publish::publish;
use support::tdx::{TdxCase, test_anchors};

fn explain(case: &TdxCase, opinion: &Opinion) -> String {
    let failed: Vec<String> = opinion
        .trail
        .iter()
        .filter(|step| !step.passed())
        .map(ToString::to_string)
        .collect();
    format!("{}:\n  {}", case.name, failed.join("\n  "))
}

fn json(field: &Field) -> Value {
    match field {
        Field::Text(text) => Value::String(text.clone()),
        Field::Number(number) => (*number).into(),
        Field::List(values) => values.iter().map(json).collect(),
        Field::Nothing => Value::Null,
    }
}

fn fields(opinion: &Opinion) -> serde_json::Map<String, Value> {
    let fields = opinion.claims.iter().flat_map(|claims| claims.fields());
    fields
        .map(|(name, field)| (name.to_owned(), json(&field)))
        .collect()
}

#[test]
fn verdicts_under_intels_root() {
    let Some(corpus) = corpus() else { return };
    let (policy, anchors) = (Policy::authentic(), Anchors::hardware());
    let cases = TdxCase::all(&corpus);
    assert!(cases.len() >= 40, "only {} cases", cases.len());
    for case in &cases {
        let opinion = case.appraise(&policy, &anchors);
        let text = explain(case, &opinion);
        match case.expected("verdict").unwrap() {
            "accept" => assert!(opinion.verdict.is_ok(), "{text}"),
            "reject" | "parse-only" => assert!(opinion.verdict.is_err(), "{text}"),
            other => panic!("{}: unknown verdict {other}", case.name),
        }
        eprintln!("{text}");
    }
}

#[test]
fn verdicts_under_the_test_root() {
    let Some(corpus) = corpus() else { return };
    let anchors = test_anchors(&corpus);
    let mut judged = 0;
    for case in TdxCase::all(&corpus) {
        let opinion = case.appraise(&Policy::authentic(), &anchors);
        let text = explain(&case, &opinion);
        match case.expected("verdict_when_test_root_trusted") {
            Some("accept") => assert!(opinion.verdict.is_ok(), "{text}"),
            // Everything but the one fault must pass, so exactly one rule speaks against it.
            Some("reject") => {
                assert_eq!(opinion.verdict.unwrap_err().rules.len(), 1, "{text}");
            }
            Some(other) => panic!("{}: unknown verdict {other}", case.name),
            None => {
                assert!(opinion.verdict.is_err(), "{text}");
                continue;
            }
        }
        judged += 1;
    }
    assert!(judged >= 12, "only {judged} synthetic cases");
}

#[test]
fn each_real_case_fails_for_its_own_reason() {
    let Some(corpus) = corpus() else { return };
    for (name, rules) in [
        (
            "bad-collateral-expired",
            &[
                "tdx.revocation.pck",
                "tdx.tcb-info.dates",
                "tdx.qe-identity.dates",
            ][..],
        ),
        ("bad-mrtd-bitflip", &["tdx.quote.signature"]),
        ("bad-qe-auth-data-bitflip", &["tdx.qe.binding"]),
        ("bad-qe-report-bitflip", &["tdx.qe.signature"]),
        ("bad-tcbinfo-tampered", &["tdx.tcb-info.signature"]),
        (
            "v4-50806f-debug-trustee",
            &["tdx.tcb.status", "tdx.attributes.debug"],
        ),
        ("v4-c0806f-cmc-outofdate", &["tdx.tcb.status"]),
    ] {
        let case = TdxCase::named(&corpus, name);
        let opinion = case.appraise(&Policy::authentic(), &Anchors::hardware());
        let text = explain(&case, &opinion);
        assert_eq!(opinion.verdict.unwrap_err().rules, rules, "{text}");
    }
    // What is no TD quote is called what it is, and no root counts for its name.
    let case = TdxCase::named(&corpus, "bad-sgx-quote-v3");
    let text = explain(
        &case,
        &case.appraise(&Policy::authentic(), &Anchors::hardware()),
    );
    assert!(text.contains("a quote of an SGX enclave"), "{text}");
    let case = TdxCase::named(&corpus, "bad-preproduction-root");
    let opinion = case.appraise(&Policy::authentic(), &Anchors::hardware());
    let refused = opinion.verdict.unwrap_err().rules;
    assert!(refused.contains(&"tdx.chain.root"));
    assert!(!refused.contains(&"tdx.quote.signature") && !refused.contains(&"tdx.qe.signature"));
}

#[test]
fn fields_and_statuses() {
    let Some(corpus) = corpus() else { return };
    let mut compared = 0;
    for case in TdxCase::all(&corpus) {
        let opinion = case.appraise(&Policy::authentic(), &Anchors::hardware());
        let found = fields(&opinion);
        for (name, expected) in case.description["fields"].as_object().unwrap() {
            assert_eq!(found.get(name), Some(expected), "{}: {name}", case.name);
            compared += 1;
        }
        let expected = &case.description["expected"];
        let checks = &expected["checks"];
        for (name, expected) in [
            ("tcb_status", &expected["tcb_status"]),
            ("tcb_level_status", &checks["tcb_level_status"]),
            ("tdx_module_status", &checks["tdx_module_status"]),
            ("qe_status", &checks["qe_status"]),
            ("advisory_ids", &checks["advisory_ids"]),
        ] {
            if !expected.is_null() {
                assert_eq!(found.get(name), Some(expected), "{}: {name}", case.name);
                compared += 1;
            }
        }
        if expected["tcb_status"].is_null() {
            let status = found.get("tcb_status").unwrap_or(&Value::Null);
            assert!(status.is_null(), "{}: {status}", case.name);
        }
    }
    assert!(compared > 1200, "only {compared} fields");
}

#[test]
fn the_production_policy_takes_no_foreign_evidence_and_says_why() {
    let Some(corpus) = corpus() else { return };
    for case in TdxCase::all(&corpus) {
        let opinion = case.appraise(&Policy::production(), &Anchors::hardware());
        let refused = opinion.verdict.clone().unwrap_err();
        if case.expected("verdict") == Some("accept") {
            assert!(refused.rules.contains(&"tdx.machine"), "{}", case.name);
            // Authentic evidence is judged by every rule.
            let skipped = opinion
                .trail
                .iter()
                .find(|step| step.outcome == Outcome::NotEvaluated);
            assert_eq!(skipped, None, "{}", case.name);
        }
    }
}

/// Real evidence under the vendors' roots, through the one function that attests: nobody made it for us, so exactly the binding fails.
#[test]
fn a22_real_evidence_is_bound_to_others() {
    let Some(corpus) = corpus() else { return };
    let case = TdxCase::named(&corpus, "v5-90c06f-uptodate-google");
    let body = Quote::parse(&case.parts[0]).unwrap().body;
    let [rtmr0, rtmr1, rtmr2, _] = body.rtmr;
    let release = release_of(RELEASE, "production", [body.mr_td, rtmr0, rtmr1, rtmr2]);
    let guids = [
        Guid::TDX_TCB_INFO,
        Guid::TDX_TCB_INFO_CHAIN,
        Guid::TDX_QE_IDENTITY,
        Guid::TDX_QE_IDENTITY_CHAIN,
        Guid::TDX_ROOT_CRL,
        Guid::TDX_PCK_CRL,
        Guid::TDX_PCK_CRL_CHAIN,
    ];
    let parts = case.parts[1..].iter().map(Vec::as_slice);
    let entries: Vec<(Guid, &[u8])> = guids.into_iter().zip(parts).collect();
    let evidence = Evidence {
        kind: EvidenceKind::Tdx,
        report: case.parts[0].clone(),
        auxiliary: CertTable::encode(&entries).unwrap(),
    };
    // As it travels: within the bounds of the frame.
    let evidence = Evidence::decode(&evidence.encode().unwrap()).unwrap();
    let judge = |anchors: &Anchors, now: UnixTime| {
        let expected = Expected {
            policy: &Policy::authentic(),
            releases: &publish(std::slice::from_ref(&release), now.0),
            anchors,
            now,
        };
        let refused = attest(&evidence, &SESSION, &expected).verdict.unwrap_err();
        refused.rules
    };
    let anchors = Anchors::hardware();
    assert_eq!(judge(&anchors, case.now()), ["binding.report-data"]);
    assert!(judge(&test_anchors(&corpus), case.now()).contains(&"evidence.kind"));
}

/// The second opinion that the corpus records: what dcap-qvl 0.7.0 said about each case. Where the two differ we are the stricter one.
#[test]
fn dcap_qvl_accepts_nothing_less() {
    let Some(corpus) = corpus() else { return };
    let test = test_anchors(&corpus);
    let (mut compared, mut differences) = (0, Vec::new());
    for case in TdxCase::all(&corpus) {
        let checks = &case.description["expected"]["checks"];
        for (member, anchors) in [
            ("second_opinion_dcap_qvl_0_7_0", &Anchors::hardware()),
            ("dcap_qvl_0_7_0_with_test_root", &test),
        ] {
            let Some(theirs) = checks[member].as_str() else {
                continue;
            };
            let opinion = case.appraise(&Policy::authentic(), anchors);
            let found = fields(&opinion);
            let status = found["tcb_status"].as_str().unwrap_or("none");
            compared += 1;
            // It gives a status to what it verified and leaves the status to its caller; an error where it verified nothing.
            let ours = opinion.verdict.is_ok();
            if theirs.starts_with("ERR") {
                assert!(!ours, "{}: {theirs}", case.name);
            } else {
                assert_eq!(status, theirs, "{}", case.name);
                if ours != (theirs == "UpToDate") {
                    differences.push(case.name.clone());
                }
            }
        }
    }
    assert!(compared >= 38, "only {compared} opinions");
    assert_eq!(differences, [""; 0], "no case of today's needs a reason");
}
