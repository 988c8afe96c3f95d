//! A32: the bytes of a report.

use super::*;

#[test]
fn a19_a_report_that_calls_itself_a_quote_is_not_read_as_one() {
    let scene = Scene::default();
    let evidence = Evidence {
        kind: EvidenceKind::Tdx,
        ..scene.evidence()
    };
    for (anchors, kind) in [(scene.anchors(), false), (Anchors::hardware(), true)] {
        let expected = cloister_verify::Expected {
            policy: &scene.policy,
            releases: &publish(&scene.releases, NOW),
            anchors: &anchors,
            now: UnixTime(NOW),
        };
        let appraisal = attest(&evidence, &SESSION, &expected);
        let failed = failed(&appraisal.trail);
        assert!(appraisal.verdict.is_err());
        assert!(failed.contains(&"tdx.quote.format"));
        // Simulated evidence has one kind, and a quote is none.
        assert_eq!(!failed.contains(&"evidence.kind"), kind);
    }
}

#[test]
fn a32_the_signature_covers_reserved_bytes_as_received() {
    // Signed with a reserved byte set: the signature holds over the bytes, the byte is still refused.
    for byte in [0x04c, 0x18b, 0x19f, 0x1eb, 0x1ef, 0x208, 0x29f] {
        refuses(&["snp.report.reserved"], |scene| scene.flip(byte, 0x80));
        // Set after signing: a verifier that encodes the report anew would miss it.
        let mut scene = Scene::default();
        scene.signed = Some(scene.report.clone());
        scene.flip(byte, 0x80);
        refused(&scene.attest(), &["snp.report.reserved", "snp.signature"]);
    }
    for byte in [2, 3, 4, 5] {
        for tcb in TCBS {
            let mut scene = Scene::default();
            scene.flip(tcb + byte, 1);
            let found = failed(&scene.attest().trail);
            assert_eq!(found, ["snp.report.reserved"]);
        }
    }
}

#[test]
fn a32_versions_reserve_what_they_do_not_define() {
    // A report of version 4 has no mitigation vectors, one of version 2 no CPUID.
    let mut scene = Scene::default().named("Genoa");
    scene.policy = Policy::authentic();
    scene.put(0, &[4]);
    assert_eq!(
        scene.appraise().verdict.unwrap_err().rules,
        ["snp.report.reserved"]
    );
    scene.put(0x1f8, &[0; 16]);
    assert!(scene.appraise().verdict.is_ok());
    scene.put(0, &[2]);
    assert_eq!(
        scene.appraise().verdict.unwrap_err().rules,
        ["snp.report.reserved"]
    );
    scene.put(0x188, &[0; 3]);
    assert!(scene.appraise().verdict.is_ok());
    // The production policy wants the product named by the report.
    scene.policy = listing(&cloister_verify::policy::SIMULATED_HARDWARE_ID, false);
    let rules = scene.appraise().verdict.unwrap_err().rules;
    assert!(rules.contains(&"snp.report.version") && rules.contains(&"snp.tcb.floor.launch"));
}

#[test]
fn a32_unknown_versions_are_refused() {
    for version in [0, 1, 6, 7, 255] {
        let mut scene = Scene::default();
        scene.put(0, &[version]);
        let found = failed(&scene.attest().trail);
        assert_eq!(found.first(), Some(&"snp.report.format"));
    }
    let mut scene = Scene::default();
    scene.put(2, &[1]);
    assert!(failed(&scene.attest().trail).contains(&"snp.report.format"));
}

#[test]
fn a32_reports_of_other_lengths_are_refused() {
    let scene = Scene::default().named("Genoa");
    let (evidence, anchors) = (scene.evidence(), scene.test_anchors());
    let endorsements = Endorsements::from_table(&evidence.auxiliary).unwrap();
    let mut longer = evidence.report.clone();
    longer.push(0);
    for report in [
        &[][..],
        &evidence.report[..1183],
        &evidence.report[..0x2a0],
        &longer,
    ] {
        let opinion = appraise(
            report,
            &endorsements,
            &scene.policy,
            &anchors,
            UnixTime(NOW),
        );
        assert_eq!(
            opinion.verdict.unwrap_err().rules.first(),
            Some(&"snp.report.format")
        );
    }
}

#[test]
fn a32_signature_fields() {
    for algorithm in [0, 2, 3] {
        refuses(&["snp.signature.algorithm"], |scene| {
            scene.put(0x034, &[algorithm])
        });
    }
    // Bytes above 384 bits of r and of s, and behind both.
    let rule = &["snp.signature"];
    refuses(rule, |scene| scene.after = |report| report[0x2a0 + 48] = 1);
    refuses(rule, |scene| {
        scene.after = |report| report[0x2e8 + 71] = 0x80
    });
    refuses(&["snp.report.reserved"], |scene| {
        scene.after = |report| report[0x330] = 1;
    });
    refuses(&["snp.report.reserved"], |scene| {
        scene.after = |report| report[0x49f] = 1;
    });
    // r and s of zero, r of the group order, s of the group order.
    refuses(rule, |scene| {
        scene.after = |report| report[0x2a0..0x330].fill(0)
    });
    const ORDER: &str = "ffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973";
    fn put_order(report: &mut [u8], offset: usize) {
        let mut order = hex::decode(ORDER).unwrap();
        order.reverse();
        report[offset..offset + 48].copy_from_slice(&order);
    }
    refuses(rule, |scene| {
        scene.after = |report| put_order(report, 0x2a0)
    });
    refuses(rule, |scene| {
        scene.after = |report| put_order(report, 0x2e8)
    });
    // r and s in each other's place.
    refuses(rule, |scene| {
        scene.after = |report| {
            let (r, s) = report[0x2a0..0x330].split_at_mut(72);
            r.swap_with_slice(s);
        };
    });
    // Signed by another chip.
    refuses(rule, |scene| scene.chip = OTHER_CHIP);
}
