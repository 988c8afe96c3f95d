//! A20, A21, A23, A26, A27: what was compared with what, and which release it is.

use super::*;

#[test]
fn a20_every_rule_is_in_the_trail_once_and_in_order() {
    let rules: Vec<&str> = cloister_verify::rules().map(|rule| rule.id).collect();
    let mut unique = rules.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), rules.len());
    let in_trail = |appraisal: &Appraisal| -> Vec<&str> {
        appraisal.trail.iter().map(|step| step.rule).collect()
    };
    assert_eq!(in_trail(&Scene::default().attest()), rules);
    let mut scene = Scene::default();
    scene.report.truncate(0x2a0);
    scene.report.resize(1184, 0xff);
    assert_eq!(in_trail(&scene.attest()), rules);
    let mut scene = Scene::default();
    scene.table = |entries| entries.truncate(1);
    assert_eq!(in_trail(&scene.attest()), rules);
}

#[test]
fn a20_what_was_not_compared_did_not_pass() {
    // An unreadable report: nothing after it was judged, and every rule says so. Whether the release was published is no word of the report's.
    let mut scene = Scene::default();
    scene.put(0, &[6]);
    let appraisal = scene.attest();
    for step in &appraisal.trail {
        let expected = match step.rule {
            "evidence.kind" | "evidence.certificates" | "release.published" => Outcome::Passed,
            "snp.report.format" => Outcome::Failed,
            _ => Outcome::NotEvaluated,
        };
        assert_eq!(step.outcome, expected, "{}", step.rule);
        if expected == Outcome::NotEvaluated {
            assert!(step.found.starts_with("not evaluated"));
        }
    }
    assert!(appraisal.verdict.is_err());
    // Without a root nothing is said about its list or its signature.
    let mut scene = Scene::default();
    scene.ask.issuer = name("ARK-Other SIMULATED");
    refused(
        &scene.attest(),
        &[
            "snp.chain.root",
            "snp.chain.issuer",
            "snp.chain.validity",
            "snp.chain.revocation",
        ],
    );
}

#[test]
fn a21_no_release_accepts_nothing() {
    refuses(
        &[
            "release.published",
            "release.measurement",
            "release.flavour",
            "binding.report-data",
        ],
        |scene| scene.releases.clear(),
    );
}

#[test]
fn a21_no_certificates_no_verdict() {
    for keep in 0..2 {
        let mut scene = Scene::default();
        scene.table = if keep == 0 {
            Vec::clear
        } else {
            |e| e.truncate(1)
        };
        let appraisal = scene.attest();
        assert!(failed(&appraisal.trail).contains(&"snp.chain.certificates"));
        assert!(appraisal.verdict.is_err());
    }
    // A table that cannot be read is not an empty one.
    let scene = Scene::default();
    let mut evidence = scene.evidence();
    evidence.auxiliary.push(1);
    let expected = cloister_verify::Expected {
        policy: &scene.policy,
        releases: &publish(&scene.releases, NOW),
        anchors: &scene.anchors(),
        now: UnixTime(NOW),
    };
    let appraisal = attest(&evidence, &SESSION, &expected);
    assert!(failed(&appraisal.trail).contains(&"evidence.certificates"));
    assert!(appraisal.verdict.is_err());
}

#[test]
fn a23_the_measurement_is_compared_in_every_byte() {
    for byte in 0..48 {
        refuses(
            &[
                "release.measurement",
                "release.flavour",
                "binding.report-data",
            ],
            |scene| scene.flip(0x090 + byte, 1),
        );
    }
}

#[test]
fn a23_the_hosts_claims_certify_nothing() {
    accepts(|scene| {
        scene.table = |entries| {
            let claims = br#"{"firmware_sha256":"00"}"#.to_vec();
            entries.push((Guid::LAUNCH_CLAIMS, claims));
        };
    });
    refuses(
        &[
            "release.measurement",
            "release.flavour",
            "binding.report-data",
        ],
        |scene| {
            scene.put(0x090, &[0x4e; 48]);
            scene.table = |entries| {
                let claims = format!(r#"{{"digest":"{}"}}"#, "4e".repeat(48));
                entries.push((Guid::LAUNCH_CLAIMS, claims.into_bytes()));
            };
        },
    );
}

#[test]
fn a26_each_kind_of_evidence_has_its_own_roots() {
    // A simulated processor under AMD's roots, in either kind's name.
    let scene = Scene::default();
    let found = failed(&scene.attest_under(&Anchors::hardware()).trail);
    assert!(found.contains(&"evidence.kind") && found.contains(&"snp.chain.root"));
    let mut scene = Scene::default();
    scene.kind = EvidenceKind::Snp;
    let found = failed(&scene.attest_under(&Anchors::hardware()).trail);
    assert!(!found.contains(&"evidence.kind") && found.contains(&"snp.chain.root"));
    // Hardware evidence under the simulated root.
    refuses(
        &[
            "evidence.kind",
            "release.published",
            "release.measurement",
            "release.flavour",
            "binding.report-data",
        ],
        |scene| {
            scene.kind = EvidenceKind::Snp;
            scene.releases.clear();
        },
    );
    let mut scene = Scene::default();
    scene.kind = EvidenceKind::Snp;
    scene.releases = vec![release(RELEASE, "production", MEASUREMENT)];
    refused(&scene.attest(), &["evidence.kind"]);
}

#[test]
fn a26_a_test_root_attests_nothing() {
    for kind in [EvidenceKind::Snp, EvidenceKind::Simulated] {
        let mut scene = Scene::default().named("Genoa");
        scene.kind = kind;
        scene.releases = vec![
            release(RELEASE, "production", MEASUREMENT),
            release(RELEASE, "simulated", MEASUREMENT),
        ];
        assert!(scene.appraise().verdict.is_ok());
        refused(
            &scene.attest_under(&scene.test_anchors()),
            &["evidence.kind"],
        );
    }
}

#[test]
fn a26_a_release_is_for_its_own_kind_of_evidence() {
    refuses(&["release.flavour", "binding.report-data"], |scene| {
        scene.releases = vec![release(RELEASE, "production", MEASUREMENT)];
    });
}

#[test]
fn a27_an_image_below_the_minimum_is_refused() {
    let policy = || {
        production_with(
            "guest-svn-minimum = { value = 0",
            "guest-svn-minimum = { value = 3",
        )
    };
    refuses(&["snp.guest-svn"], |scene| {
        scene.policy = policy();
        scene.put(0x004, &[2]);
    });
    accepts(|scene| {
        scene.policy = policy();
        scene.put(0x004, &[3]);
    });
}

#[test]
fn a27_a_release_that_is_not_expected_any_more_is_refused() {
    refuses(
        &[
            "release.measurement",
            "release.flavour",
            "binding.report-data",
        ],
        |scene| scene.releases = vec![release("0.2.0", "simulated", [0x77; 48])],
    );
    // The right measurement under another name: the name is among the signed bytes.
    refuses(&["binding.report-data"], |scene| {
        scene.releases = vec![release("0.2.0", "simulated", MEASUREMENT)];
    });
    accepts(|scene| {
        scene.releases = vec![
            release("0.2.0", "simulated", MEASUREMENT),
            release(RELEASE, "simulated", MEASUREMENT),
        ];
    });
}
