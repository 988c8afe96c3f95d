//! Release files with their proofs, and evidence judged under them: only a published release is one, and only as long as its proof is good.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::cast_possible_truncation
)]

mod support;

use cloister_verify::log::{
    Kind, LogPolicy, PublishedRelease, ReleaseAppraisal, published_release, release_rules,
};
use cloister_verify::{Expected, Outcome, Step, UnixTime, attest};
use support::pki::{self, NOW, SESSION};
use support::publish;
use support::scene::{DAY, Scene, word};

fn release() -> cloister_verify::Release {
    pki::release("0.1.0", "simulated", [7; 48])
}

fn judge(scene: &Scene) -> ReleaseAppraisal {
    let policy = LogPolicy::parse(&scene.policy).unwrap();
    published_release(
        &scene.file(),
        scene.name.clone(),
        &scene.file,
        &policy,
        UnixTime(NOW),
    )
}

fn failed(trail: &[Step]) -> Vec<&'static str> {
    let failed = trail
        .iter()
        .filter(|step| step.outcome == Outcome::Failed)
        .map(|step| step.rule);
    failed.collect()
}

/// The published release with one change is refused for exactly this rule.
#[track_caller]
fn refuses(rule: &str, change: impl FnOnce(&mut Scene)) {
    let mut scene = publish::scene(&release(), NOW);
    change(&mut scene);
    let appraisal = judge(&scene);
    let lines: Vec<String> = appraisal.trail.iter().map(ToString::to_string).collect();
    assert_eq!(failed(&appraisal.trail), [rule], "\n{}", lines.join("\n"));
    assert!(appraisal.verdict.unwrap_err().rules.contains(&rule));
}

#[test]
fn a_published_release_is_the_file_that_was_published() {
    let appraisal = judge(&publish::scene(&release(), NOW));
    let trail: Vec<&str> = appraisal.trail.iter().map(|step| step.rule).collect();
    let rules: Vec<&str> = release_rules().map(|rule| rule.id).collect();
    assert_eq!(trail, rules);
    let published = appraisal.verdict.unwrap();
    assert_eq!(*published.release(), release());
    assert_eq!(published.logged().kind(), Kind::ImageRelease);
    assert_eq!(
        published.logged().words(UnixTime(NOW)),
        format!(
            "entry 4 of log.example/one at size 7, cosigned by w1.example at {at} and w2.example at {at}; 60 s old, at most 604800 s",
            at = UnixTime(NOW - 60)
        )
    );
}

#[test]
fn a23_a_release_is_the_bytes_that_were_logged() {
    // The same release, one byte longer: its JSON would be read all the same.
    refuses("log.entry.file", |scene| scene.file.push(b'\n'));
}

#[test]
fn a26_a_file_of_another_kind_is_no_release() {
    refuses("log.entry.kind", |scene| {
        scene.entry.kind = Kind::MachineList
    });
    // Published as a release, and yet none.
    let scene = Scene::of_file(
        Kind::ImageRelease,
        "release.json",
        "0.1.0",
        b"machines = []",
        NOW,
    );
    assert_eq!(failed(&judge(&scene).trail), ["release.format"]);
}

#[test]
fn a30_an_entry_names_the_version_of_its_release() {
    refuses("release.version", |scene| {
        scene.entry.version = word("0.2.0")
    });
}

#[test]
fn a_file_that_is_not_known_to_be_published_is_not_read() {
    let mut scene = publish::scene(&release(), NOW);
    scene.witnesses.clear();
    let appraisal = judge(&scene);
    let last = appraisal.trail.last().unwrap();
    assert_eq!(
        (last.rule, last.outcome),
        ("release.version", Outcome::NotEvaluated)
    );
    assert!(appraisal.verdict.is_err());
}

/// Evidence judged `later` seconds after its releases' proofs were.
fn attest_later(releases: &[PublishedRelease], later: u64) -> (Vec<&'static str>, Vec<Step>) {
    let scene = pki::Scene::default();
    let expected = Expected {
        policy: &scene.policy,
        releases,
        anchors: &scene.anchors(),
        now: UnixTime(NOW + later),
    };
    let appraisal = attest(&scene.evidence(), &SESSION, &expected);
    (failed(&appraisal.trail), appraisal.trail)
}

#[test]
fn a27_a_release_ends_with_its_proof() {
    let good = pki::Scene::default().releases;
    let releases = publish::publish(&good, NOW);
    // Its proof was a minute old.
    let (refused, trail) = attest_later(&releases, 0);
    assert!(refused.is_empty(), "{refused:?}");
    let step = trail.iter().find(|step| step.rule == "release.published");
    let found = &step.unwrap().found;
    assert!(found.starts_with("release ") && found.contains("entry 4 of log.example/one"));
    let (refused, _) = attest_later(&releases, 7 * DAY - 60);
    assert!(!refused.contains(&"release.published"), "{refused:?}");
    let (refused, _) = attest_later(&releases, 7 * DAY - 59);
    assert!(refused.contains(&"release.published") && refused.contains(&"release.measurement"));
    // A fresh proof of another release does not keep the old one alive.
    let other = publish::publish(&[release()], NOW + 7 * DAY);
    let both = [releases, other].concat();
    let (refused, _) = attest_later(&both, 7 * DAY - 59);
    assert!(!refused.contains(&"release.published") && refused.contains(&"release.measurement"));
}
