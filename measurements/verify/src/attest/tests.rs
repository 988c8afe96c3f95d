//! The accepting path for hardware, which no public route of this crate opens to a root of our own: [`super::attest`] itself, under anchors
//! of the hardware kind that hold the roots of the tests. Only this crate's own tests can make such anchors.

use crate::support::intel::{self, MRTD, REPORTDATA, RTMR1, Td};
use crate::support::pki::{
    self, KEY_CONFIGS, MEASUREMENT, NONCE, NOW, RELEASE, SESSION, SPKI, Scene, listing,
};
use crate::support::publish::publish;
use crate::{
    Anchors, Appraisal, Binding, BindingKind, Expected, Policy, Step, UnixTime, attest, policy,
};
use cloister_wire::evidence::EvidenceKind;

fn failed(appraisal: &Appraisal) -> Vec<&'static str> {
    let failed = appraisal.trail.iter().filter(|step| !step.passed());
    failed.map(|step| step.rule).collect()
}

/// Judged under the test's root in Intel's place.
fn judge(td: &Td) -> Appraisal {
    let anchors = Anchors::hardware_of_tests(None, Some(&td.root_der()));
    td.attest_under(&anchors)
}

#[track_caller]
fn refuses(rules: &[&str], change: impl FnOnce(&mut Td)) {
    let mut td = Td::default();
    change(&mut td);
    let appraisal = judge(&td);
    assert_eq!(failed(&appraisal), rules);
    assert_eq!(appraisal.verdict.unwrap_err().rules, rules);
}

#[test]
fn a_td_that_passes_every_rule_of_production_is_attested() {
    let appraisal = judge(&Td::default());
    assert_eq!(failed(&appraisal), <[&str; 0]>::default());
    let attested = appraisal.verdict.unwrap();
    assert_eq!(attested.key_configs(), KEY_CONFIGS);
    assert_eq!(attested.release().as_str(), RELEASE);
    assert_eq!(*attested.measurement(), MEASUREMENT);
    assert_eq!(attested.binding(), BindingKind::Session);
    assert!(!attested.simulated());
    // Every rule, once and in order, and none of them waived but the life of a key that there is not.
    let rules: Vec<&str> = crate::quote_rules().map(|rule| rule.id).collect();
    let trail: Vec<&str> = appraisal.trail.iter().map(|step| step.rule).collect();
    assert_eq!(trail, rules);
    let waived: Vec<&str> = appraisal
        .trail
        .iter()
        .filter(|step| step.outcome == crate::Outcome::NotAsked)
        .map(|step| step.rule)
        .collect();
    assert_eq!(waived, ["tdx.attributes.icssd", "binding.lifetime"]);
}

#[test]
fn a_td_bound_to_a_key_is_attested_for_the_life_of_the_key() {
    let with = |not_after: u64| {
        let binding = Binding::Key {
            spki_der: SPKI,
            key_configs: KEY_CONFIGS,
            not_after,
        };
        let mut td = Td {
            binding,
            ..Td::default()
        };
        td.put(REPORTDATA, &pki::key_report_data(RELEASE, not_after));
        judge(&td)
    };
    let attested = with(NOW + pki::DAY).verdict.unwrap();
    let not_after = UnixTime(NOW + pki::DAY);
    assert_eq!(attested.binding(), BindingKind::Key { not_after });
    for late in [NOW - 1, NOW + 9 * pki::DAY] {
        assert_eq!(failed(&with(late)), ["binding.lifetime"]);
    }
}

#[test]
fn a22_an_attested_td_is_bound_to_this_session() {
    for byte in 0..64 {
        refuses(&["binding.report-data"], |td| {
            td.body[REPORTDATA + byte] ^= 1
        });
    }
    refuses(&["binding.report-data"], |td| {
        let Binding::Session {
            spki_der,
            exporter,
            key_configs,
            ..
        } = SESSION
        else {
            unreachable!("the tests' binding is a session")
        };
        td.binding = Binding::Session {
            nonce: [NONCE[0] + 1; 32],
            spki_der,
            exporter,
            key_configs,
        };
    });
}

#[test]
fn a20_an_attested_td_is_of_an_accepted_release() {
    let unknown = [
        "release.measurement",
        "release.flavour",
        "binding.report-data",
    ];
    for offset in [MRTD, RTMR1] {
        refuses(&unknown, |td| td.body[offset] ^= 1);
    }
    let unpublished = [&["release.published"], unknown.as_slice()].concat();
    refuses(&unpublished, |td| td.releases.clear());
    refuses(&["release.flavour", "binding.report-data"], |td| {
        td.releases = vec![intel::release(RELEASE, "simulated")];
    });
}

/// Each part of the evidence, left out of what is otherwise attested.
#[test]
fn a19_nothing_of_what_attests_a_td_may_be_missing() {
    let whole = Td::default();
    for missing in 0..whole.entries().len() {
        let entries = whole.entries();
        let kept: Vec<_> = entries
            .iter()
            .enumerate()
            .filter(|(place, _)| *place != missing)
            .map(|(_, (guid, bytes))| (*guid, bytes.as_slice()))
            .collect();
        let mut evidence = whole.evidence();
        evidence.auxiliary = cloister_wire::certs::CertTable::encode(&kept).unwrap();
        let anchors = Anchors::hardware_of_tests(None, Some(&whole.root_der()));
        let expected = Expected {
            policy: &whole.policy,
            releases: &publish(&whole.releases, whole.now),
            anchors: &anchors,
            now: UnixTime(whole.now),
        };
        let verdict = attest(&evidence, &whole.binding, &expected).verdict;
        // The chain of the list's issuer stands in the quote as well.
        let spare = entries[missing].0 == cloister_wire::certs::Guid::TDX_PCK_CRL_CHAIN;
        assert_eq!(verdict.is_ok(), spare, "without entry {missing}");
    }
}

#[test]
fn a26_the_roots_of_the_makers_attest_nothing_of_ours() {
    let td = Td::default();
    let appraisal = td.attest_under(&Anchors::hardware());
    let failed = failed(&appraisal);
    assert!(failed.contains(&"tdx.chain.root"), "{failed:?}");
    assert!(!failed.contains(&"evidence.kind"), "{failed:?}");
    assert!(appraisal.verdict.is_err());
    // And the public route to the same root is refused for what it is.
    let anchors = Anchors::danger_test_root(&td.root_der()).unwrap();
    let refused = td.attest_under(&anchors).verdict.unwrap_err();
    assert_eq!(refused.rules, ["evidence.kind"]);
}

/// The same of AMD: evidence of hardware, not of a simulation, under the production policy.
#[test]
fn a_guest_that_passes_every_rule_of_production_is_attested() {
    let mut scene = Scene::default().named("Genoa");
    scene.kind = EvidenceKind::Snp;
    scene.releases = vec![pki::release(RELEASE, "production", MEASUREMENT)];
    scene.policy = listing(&policy::SIMULATED_HARDWARE_ID, false);
    let anchors = Anchors::hardware_of_tests(Some(&scene.ark_der()), None);
    let appraisal = scene.attest_under(&anchors);
    let failed: Vec<&Step> = appraisal.trail.iter().filter(|s| !s.passed()).collect();
    assert!(failed.is_empty(), "{failed:?}");
    assert!(!appraisal.verdict.unwrap().simulated());
    // Without the machine in the list it is not.
    scene.policy = Policy::production();
    let refused = scene.attest_under(&anchors).verdict.unwrap_err();
    assert_eq!(refused.rules, ["snp.machine"]);
}
