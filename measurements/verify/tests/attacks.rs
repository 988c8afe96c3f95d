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

mod support;

use cloister_verify::{
    Anchors, Appraisal, Binding, BindingKind, Endorsements, Outcome, Policy, Step, UnixTime,
    appraise, attest,
};
use cloister_wire::certs::Guid;
use cloister_wire::evidence::{Evidence, EvidenceKind};
use support::der::{bits, integer, time, tlv};
use support::pki::*;
use support::publish::publish;

fn failed(trail: &[Step]) -> Vec<&'static str> {
    trail
        .iter()
        .filter(|step| !step.passed())
        .map(|step| step.rule)
        .collect()
}

fn explain(trail: &[Step]) -> String {
    let lines: Vec<String> = trail
        .iter()
        .filter(|step| !step.passed())
        .map(ToString::to_string)
        .collect();
    lines.join("\n")
}

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

// A14: patch levels.

#[test]
fn a14_certificate_levels_must_be_the_reported_ones() {
    for (id, level) in [(BOOT_LOADER, 10), (TEE, 1), (SNP, 28), (MICROCODE, 89)] {
        refuses(&["snp.vek.tcb"], |scene| {
            scene.leaf.extension(id).value = integer(&[level]);
        });
    }
    for (id, level) in [
        (FMC, 4),
        (BOOT_LOADER, 3),
        (TEE, 2),
        (SNP, 6),
        (MICROCODE, 0x56),
    ] {
        let mut scene = Scene::turin();
        scene.leaf.extension(id).value = integer(&[level]);
        refused(&scene.attest(), &["snp.vek.tcb"]);
    }
}

#[test]
fn a14_certificate_levels_must_all_be_there() {
    for id in [
        STRUCT_VERSION,
        BOOT_LOADER,
        TEE,
        SNP,
        MICROCODE,
        PRODUCT_NAME,
    ] {
        let mut scene = Scene::default();
        scene.leaf.remove(id);
        let appraisal = scene.attest();
        assert!(failed(&appraisal.trail).contains(&"snp.chain.certificates"));
        assert!(appraisal.verdict.is_err());
    }
    // An unused level that is not zero, a level with a sign, a level of two bytes.
    for (id, value) in [
        ("1.3.6.1.4.1.3704.1.3.4", vec![2, 1, 1]),
        (SNP, vec![2, 1, 0x9d]),
        (SNP, vec![2, 2, 1, 29]),
        (SNP, vec![2, 2, 0, 29]),
    ] {
        let mut scene = Scene::default();
        scene.leaf.extension(id).value = value;
        assert!(failed(&scene.attest().trail).contains(&"snp.chain.certificates"));
    }
}

#[test]
fn a14_turin_is_read_with_its_own_layout() {
    // The levels that Turin's layout finds, at the places where Genoa's would look.
    let mut scene = Scene::turin();
    for offset in TCBS {
        scene.put(offset, &[2, 1, 0, 0, 0, 0, 5, 0x55]);
    }
    let appraisal = scene.attest();
    for rule in ["snp.report.reserved", "snp.vek.tcb"] {
        assert!(failed(&appraisal.trail).contains(&rule), "{rule}");
    }
    // A Turin certificate without FMC, and a Genoa one with it.
    let mut scene = Scene::turin();
    scene.leaf.remove(FMC);
    refused(&scene.attest(), &["snp.vek.product", "snp.vek.tcb"]);
    refuses(&["snp.vek.product", "snp.vek.tcb"], |scene| {
        scene.leaf.extensions.push(ext(FMC, false, integer(&[0])));
    });
}

#[test]
fn a14_each_tcb_is_above_the_floor_in_each_component() {
    for (offset, rule) in [
        (0x1f0, "snp.tcb.floor.launch"),
        (0x1e0, "snp.tcb.floor.committed"),
    ] {
        for (component, level) in [(6, 0x1b), (7, 0x55)] {
            let mut scene = Scene::default();
            scene.put(offset + component, &[level]);
            let found = failed(&scene.attest().trail);
            assert!(found.contains(&rule), "{found:?}");
            let others = found.iter().filter(|found| **found != rule);
            assert!(others.copied().all(|other| other == "snp.tcb.committed"));
        }
    }
    for (component, id, level) in [(6, SNP, 0x1b), (7, MICROCODE, 0x55)] {
        refuses(&["snp.tcb.floor.reported"], |scene| {
            scene.put(0x180 + component, &[level]);
            scene.leaf.extension(id).value = integer(&[level]);
        });
    }
}

#[test]
fn a14_a_high_component_does_not_make_up_for_a_low_one() {
    refuses(&["snp.tcb.floor.launch"], |scene| {
        scene.put(0x1f0, &[255, 255, 0, 0, 0, 0, 0x1b, 255]);
    });
}

#[test]
fn a14_floors_are_by_stepping() {
    // 0x52 is above the floor of stepping 2 and below the one of stepping 1.
    let with_stepping = |stepping: u8| {
        let mut scene = Scene::default();
        for offset in TCBS {
            scene.put(offset + 7, &[0x52]);
        }
        scene.leaf.extension(MICROCODE).value = integer(&[0x52]);
        scene.put(0x18a, &[stepping]);
        scene.attest()
    };
    accepted(&with_stepping(2));
    let floors = [
        "snp.tcb.floor.launch",
        "snp.tcb.floor.reported",
        "snp.tcb.floor.committed",
    ];
    refused(&with_stepping(1), &floors);
    // Nobody has published a floor for this stepping.
    refused(&with_stepping(3), &floors);
}

#[test]
fn a14_the_firmware_is_committed() {
    // A committed TCB below the current one, in firmware that could be rolled back; then only the version differs.
    refuses(&["snp.tcb.committed"], |scene| scene.put(0x1e6, &[28]));
    for byte in [0x1ec, 0x1ed, 0x1ee] {
        refuses(&["snp.tcb.committed"], |scene| scene.flip(byte, 1));
    }
}

#[test]
fn a14_the_reported_tcb_is_at_most_the_current_one() {
    refuses(&["snp.tcb.order", "snp.tcb.committed"], |scene| {
        scene.put(0x038, &[10]);
    });
    // One component above, another below: not comparable, so refused.
    refuses(&["snp.tcb.order", "snp.tcb.committed"], |scene| {
        scene.put(0x038, &[10, 1, 0, 0, 0, 0, 30, 90]);
    });
}

#[test]
fn a14_mitigations_are_in_force_at_launch_and_now() {
    for offset in [0x1f8, 0x200] {
        for bit in [1, 2, 4] {
            refuses(&["snp.tcb.mitigations"], |scene| {
                scene.flip(offset, 1 << bit)
            });
        }
        // Bit 0 is asked for by no bulletin, and unknown ones are no harm.
        accepts(|scene| scene.flip(offset, 1));
        accepts(|scene| scene.flip(offset + 7, 0x80));
    }
    // Before version 5 there are none to see.
    refuses(&["snp.tcb.mitigations"], |scene| {
        scene.put(0, &[4]);
        scene.put(0x1f8, &[0; 16]);
    });
}

// A15: freshness.

#[test]
fn a15_evidence_for_another_nonce_is_stale() {
    refuses(&["binding.report-data"], |scene| {
        scene.binding = Binding::Session {
            nonce: [9; 32],
            spki_der: SPKI,
            exporter: EXPORTER,
            key_configs: KEY_CONFIGS,
        };
    });
}

fn key_scene(not_after: u64) -> Scene {
    use sha2::Digest;
    let mut scene = Scene {
        binding: Binding::Key {
            spki_der: SPKI,
            key_configs: KEY_CONFIGS,
            not_after,
        },
        ..Scene::default()
    };
    let binding = cloister_bind::KeyBinding {
        spki_sha256: sha2::Sha256::digest(SPKI).into(),
        key_configs_sha256: sha2::Sha256::digest(KEY_CONFIGS).into(),
        not_after,
        release: cloister_bind::ReleaseId::parse(RELEASE).unwrap(),
    };
    scene.put(0x050, &binding.report_data().0);
    scene
}

#[test]
fn a15_an_attested_key_has_a_short_life() {
    for not_after in [NOW, NOW + DAY, NOW + 8 * DAY] {
        let appraisal = key_scene(not_after).attest();
        accepted(&appraisal);
        assert_eq!(
            appraisal.verdict.unwrap().binding(),
            BindingKind::Key {
                not_after: UnixTime(not_after)
            }
        );
    }
    for not_after in [0, NOW - 1, NOW + 8 * DAY + 1, u64::MAX] {
        refused(&key_scene(not_after).attest(), &["binding.lifetime"]);
    }
    // The date is signed too: one that the caller was told wrongly is found.
    let mut scene = key_scene(NOW + DAY);
    scene.binding = Binding::Key {
        spki_der: SPKI,
        key_configs: KEY_CONFIGS,
        not_after: NOW + 2 * DAY,
    };
    refused(&scene.attest(), &["binding.report-data"]);
}

#[test]
fn a15_key_bound_evidence_is_not_session_bound() {
    let mut scene = key_scene(NOW + DAY);
    scene.binding = SESSION;
    refused(&scene.attest(), &["binding.report-data"]);
    let mut scene = Scene::default();
    scene.binding = key_scene(NOW + DAY).binding;
    refused(&scene.attest(), &["binding.report-data"]);
}

// A16: guest policy and platform.

#[test]
fn a16_each_bit_of_the_guest_policy_is_judged() {
    for (bit, rule) in [
        (16, "snp.policy.smt"),
        (17, "snp.policy.reserved"),
        (18, "snp.policy.migration-agent"),
        (19, "snp.policy.debug"),
        (21, "snp.policy.cxl"),
        (22, "snp.policy.aes-256-xts"),
        (23, "snp.policy.rapl-off"),
        (24, "snp.policy.ciphertext-hiding"),
        (25, "snp.policy.page-swap-off"),
    ] {
        refuses(&[rule], |scene| scene.flip(0x008 + bit / 8, 1 << (bit % 8)));
    }
    for bit in 26..64 {
        refuses(&["snp.policy.reserved"], |scene| {
            scene.flip(0x008 + bit / 8, 1 << (bit % 8));
        });
    }
    // A single socket is no weakness.
    accepts(|scene| scene.flip(0x00a, 1 << 4));
}

#[test]
fn a16_each_bit_of_the_platform_is_judged() {
    for (bit, rule) in [
        (0, "snp.platform.smt"),
        (2, "snp.platform.ecc"),
        (3, "snp.platform.rapl-off"),
        (4, "snp.platform.ciphertext-hiding"),
        (5, "snp.platform.alias-check"),
        (6, "snp.platform.iommu-write-safe"),
    ] {
        refuses(&[rule], |scene| scene.flip(0x040, 1 << bit));
    }
    for bit in 8..64 {
        refuses(&["snp.platform.reserved"], |scene| {
            scene.flip(0x040 + bit / 8, 1 << (bit % 8));
        });
    }
    for bit in [1, 7] {
        accepts(|scene| scene.flip(0x040, 1 << bit));
    }
}

#[test]
fn a16_sibling_threads_only_on_machines_listed_with_them() {
    let with = |policy: Policy| {
        let mut scene = Scene {
            policy,
            ..Scene::default()
        };
        scene.flip(0x00a, 1);
        scene.flip(0x040, 1);
        scene.attest()
    };
    let id = cloister_verify::policy::SIMULATED_HARDWARE_ID;
    accepted(&with(listing(&id, true)));
    refused(
        &with(listing(&id, false)),
        &["snp.policy.smt", "snp.platform.smt"],
    );
    let refused_everywhere = production_with(
        "[snp.guest-policy]\nsmt = { value = \"listed\"",
        "[snp.guest-policy]\nsmt = { value = \"refused\"",
    );
    refused(
        &with(refused_everywhere),
        &["snp.policy.smt", "snp.platform.smt"],
    );
}

#[test]
fn a16_all_failed_rules_are_reported_not_only_the_first() {
    refuses(
        &[
            "snp.policy.migration-agent",
            "snp.policy.debug",
            "snp.platform.alias-check",
            "snp.vmpl",
            "snp.host-data",
            "release.measurement",
            "release.flavour",
            "binding.report-data",
        ],
        |scene| {
            scene.flip(0x00a, 0b1100);
            scene.flip(0x040, 1 << 5);
            scene.put(0x030, &[1]);
            scene.put(0x0c0, &[1]);
            scene.put(0x090, &[0]);
        },
    );
}

#[test]
fn a16_debug_and_migration_are_refused_by_the_authentic_policy_too() {
    for (mask, rule) in [
        (1 << 2, "snp.policy.migration-agent"),
        (1 << 3, "snp.policy.debug"),
    ] {
        let mut scene = Scene::default().named("Genoa");
        scene.policy = Policy::authentic();
        assert!(scene.appraise().verdict.is_ok());
        scene.flip(0x00a, mask);
        assert_eq!(scene.appraise().verdict.unwrap_err().rules, [rule]);
    }
}

// A17: machines.

#[test]
fn a17_an_unlisted_machine_is_refused() {
    let mut scene = Scene {
        policy: listing(&[5; 64], false),
        ..Scene::default()
    };
    refused(&scene.attest(), &["snp.machine"]);
    // The published list is empty: nothing passes, and an operator's list makes its own machines pass.
    scene.policy = Policy::production();
    assert!(scene.policy.machines().is_empty());
    refused(&scene.attest(), &["snp.machine"]);
    scene.policy = listing(&cloister_verify::policy::SIMULATED_HARDWARE_ID, false);
    accepted(&scene.attest());
}

#[test]
fn a17_the_chip_id_alone_names_no_machine() {
    // A listed chip id in the report, signed by a key whose certificate is another chip's.
    refuses(&["snp.vek.hardware-id", "snp.machine"], |scene| {
        scene.leaf.extension(HARDWARE_ID).value = vec![5; 64];
    });
    // The other way round, and a certificate that names no chip.
    refuses(&["snp.vek.hardware-id", "snp.machine"], |scene| {
        scene.put(0x1a0, &[5; 64]);
    });
    refuses(&["snp.vek.hardware-id", "snp.machine"], |scene| {
        scene.leaf.remove(HARDWARE_ID);
    });
    // A masked chip id.
    refuses(&["snp.vek.hardware-id", "snp.machine"], |scene| {
        scene.put(0x1a0, &[0; 64]);
    });
}

#[test]
fn a17_turin_has_eight_bytes_and_zeroes() {
    let mut scene = Scene::turin();
    scene.flip(0x1a8, 1);
    refused(&scene.attest(), &["snp.vek.hardware-id", "snp.machine"]);
    // Eight bytes in a certificate of Genoa, 64 in one of Turin.
    refuses(&["snp.vek.hardware-id", "snp.machine"], |scene| {
        scene.leaf.extension(HARDWARE_ID).value = b"SIMULATE".to_vec();
    });
    let mut scene = Scene::turin();
    let mut id = [0; 64];
    id[..8].copy_from_slice(b"TURIN-01");
    scene.leaf.extension(HARDWARE_ID).value = id.to_vec();
    refused(&scene.attest(), &["snp.vek.hardware-id", "snp.machine"]);
    // Wrapped in an OCTET STRING, as AMD's service has written it.
    let mut scene = Scene::turin();
    scene.leaf.extension(HARDWARE_ID).value = tlv(4, b"TURIN-01");
    accepted(&scene.attest());
}

fn vlek_scene() -> Scene {
    let mut scene = Scene::default();
    scene.put(0x048, &[1 << 2]);
    scene.put(0x1a0, &[0; 64]);
    scene.leaf_guid = Guid::VLEK;
    scene.leaf.remove(HARDWARE_ID);
    scene
        .leaf
        .extensions
        .push(ext(PROVIDER_ID, false, tlv(0x16, b"CN=provider")));
    scene.leaf.subject = name("SEV-VLEK SIMULATED");
    scene
}

#[test]
fn a17_a_vlek_hides_the_machine() {
    refused(&vlek_scene().attest(), &["snp.key.signer", "snp.machine"]);
    // Neither a VLEK without a provider nor one with a chip is a VLEK.
    let mut scene = vlek_scene();
    scene.leaf.remove(PROVIDER_ID);
    refused(
        &scene.attest(),
        &["snp.key.signer", "snp.vek.hardware-id", "snp.machine"],
    );
    let mut scene = vlek_scene();
    scene
        .leaf
        .extensions
        .push(ext(HARDWARE_ID, false, vec![0; 64]));
    assert!(failed(&scene.attest().trail).contains(&"snp.vek.hardware-id"));
}

#[test]
fn a17_a_key_of_one_kind_does_not_sign_as_the_other() {
    // The report says VLEK; the table has the same certificate as VCEK only.
    let mut scene = vlek_scene();
    scene.leaf_guid = Guid::VCEK;
    assert!(failed(&scene.attest().trail).contains(&"snp.chain.certificates"));
    // A VCEK certificate under the VLEK's entry.
    let mut scene = Scene::default();
    scene.put(0x048, &[1 << 2]);
    scene.leaf_guid = Guid::VLEK;
    let found = failed(&scene.attest().trail);
    assert!(found.contains(&"snp.vek.hardware-id"), "{found:?}");
}

#[test]
fn a17_signers_none_reserved_and_masked_are_refused() {
    for key in [2, 3, 4, 5, 6, 7] {
        let mut scene = Scene {
            policy: Policy::authentic(),
            ..Scene::default()
        };
        scene.put(0x048, &[key << 2]);
        let appraisal = scene.attest();
        assert!(failed(&appraisal.trail).contains(&"snp.key.signer"));
        assert!(appraisal.verdict.is_err());
    }
    refuses(&["snp.key.masked"], |scene| scene.put(0x048, &[0b10]));
    for byte in 0x049..0x04c {
        refuses(&["snp.report.reserved"], |scene| scene.put(byte, &[1]));
    }
}

// A19: revocation and other platforms.

#[test]
fn a19_revocation_lists() {
    let rule = &["snp.chain.revocation"];
    refuses(rule, |scene| scene.crl_given = false);
    refuses(rule, |scene| scene.crl.revoked = vec![2]);
    accepts(|scene| scene.crl.revoked = vec![3]);
    refuses(rule, |scene| scene.crl.next_update = time(NOW - 1));
    accepts(|scene| scene.crl.next_update = time(NOW));
    refuses(rule, |scene| scene.crl.this_update = time(NOW + 1));
    refuses(rule, |scene| scene.crl.next_update = Vec::new());
    refuses(rule, |scene| scene.crl.issuer = name("ARK-Milan SIMULATED"));
    refuses(rule, |scene| scene.crl.version = integer(&[0]));
    // A delta list says nothing of certificates revoked before.
    refuses(rule, |scene| {
        scene
            .crl
            .extensions
            .push(ext("2.5.29.27", true, integer(&[1])));
    });
    // Signed by the intermediate, cut short, with a byte more, with a byte changed.
    refuses(rule, |scene| {
        scene.table = |entries| entries[3].1 = Scene::default().crl.sign(&ASK);
    });
    refuses(rule, |scene| {
        scene.table = |entries| entries[3].1.truncate(700);
    });
    refuses(rule, |scene| scene.table = |entries| entries[3].1.push(0));
    refuses(rule, |scene| {
        scene.table = |entries| entries[3].1[60] ^= 1;
    });
    // The authentic policy needs no list, but judges one that it is given.
    let mut scene = Scene::default().named("Genoa");
    scene.policy = Policy::authentic();
    scene.crl.revoked = vec![2];
    assert_eq!(scene.appraise().verdict.unwrap_err().rules, rule);
    scene.crl_given = false;
    assert!(scene.appraise().verdict.is_ok());
}

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

// A20: the trail says what was compared and what was not.

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

// A21: nothing expected is nothing accepted.

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
fn a21_empty_facts_are_facts() {
    // REPORT_DATA of zeroes matches no binding, least of all an empty one.
    refuses(&["binding.report-data"], |scene| {
        scene.put(0x050, &[0; 64]);
        scene.binding = Binding::Session {
            nonce: [0; 32],
            spki_der: &[],
            exporter: [0; 32],
            key_configs: &[],
        };
    });
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

// A22: the attested key is the one in use.

#[test]
fn a22_another_key_than_the_attested_one() {
    for (spki_der, key_configs) in [
        (&b"another public key"[..], KEY_CONFIGS),
        (SPKI, &b"other key configurations"[..]),
        (SPKI, &KEY_CONFIGS[1..]),
        (&[], KEY_CONFIGS),
        (SPKI, &[]),
        (KEY_CONFIGS, SPKI),
    ] {
        refuses(&["binding.report-data"], |scene| {
            scene.binding = Binding::Session {
                nonce: NONCE,
                spki_der,
                exporter: EXPORTER,
                key_configs,
            };
        });
    }
}

// A23: reference values come from the release alone.

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

// A26: roles.

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
fn a26_a_root_serves_its_own_line_only() {
    // A whole chain named for Milan under a report of Genoa, and a certificate for Milan in Genoa's chain.
    let mut scene = Scene::default().named("Milan");
    assert_eq!(
        scene.appraise().verdict.unwrap_err().rules,
        ["snp.vek.product"]
    );
    scene = Scene::default().named("Genoa");
    scene.leaf.extension(PRODUCT_NAME).value = tlv(0x16, b"Milan-B0");
    assert_eq!(
        scene.appraise().verdict.unwrap_err().rules,
        ["snp.vek.product"]
    );
}

// A27: old images.

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

// A32: the bytes received are the bytes signed.

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

// A33, A34: the binding.

#[test]
fn a33_report_data_is_compared_in_all_64_bytes() {
    for byte in 0..64 {
        refuses(&["binding.report-data"], |scene| {
            scene.flip(0x050 + byte, 1)
        });
    }
    // Right in one half only.
    for half in [0x050, 0x070] {
        refuses(&["binding.report-data"], |scene| scene.put(half, &[0; 32]));
    }
}

#[test]
fn a34_the_exporter_of_another_session_is_refused() {
    refuses(&["binding.report-data"], |scene| {
        scene.binding = Binding::Session {
            nonce: NONCE,
            spki_der: SPKI,
            exporter: [3; 32],
            key_configs: KEY_CONFIGS,
        };
    });
}

// Products, levels and identity.

#[test]
fn a58_milan_and_unknown_products_are_refused() {
    for fms in [
        [0x19, 0x01, 0x01],
        [0x19, 0x50, 0],
        [0x17, 0x31, 0],
        [0x1a, 0x44, 0],
        [0, 0, 0],
    ] {
        let mut scene = Scene::default();
        scene.put(0x188, &fms);
        let found = failed(&scene.attest().trail);
        assert!(found.contains(&"snp.product"), "{fms:x?}: {found:?}");
    }
    // Bergamo and Siena come with certificates in Genoa's name or their own.
    for product in [&b"Genoa"[..], b"Bergamo-A2", b"Siena"] {
        accepts(|scene| {
            scene.put(0x188, &[0x19, 0xa0, 0x02]);
            scene.leaf.extension(PRODUCT_NAME).value = tlv(0x16, product);
        });
    }
    for product in [
        &b"Bergamo"[..],
        b"Turin",
        b"Genoa-",
        b"Genoa-b1",
        b"Genoa-B10",
        b"genoa",
        b"",
    ] {
        refuses(&["snp.vek.product"], |scene| {
            scene.leaf.extension(PRODUCT_NAME).value = tlv(0x16, product);
        });
    }
}

#[test]
fn a16_other_privilege_levels_and_host_requests_are_refused() {
    for vmpl in [1u32, 2, 3, 4, u32::MAX] {
        refuses(&["snp.vmpl"], |scene| scene.put(0x030, &vmpl.to_le_bytes()));
    }
    // A report that the host asked for is none of the guest's, under any policy.
    let mut scene = Scene::default().named("Genoa");
    scene.policy = Policy::authentic();
    scene.put(0x030, &[0xff; 4]);
    assert_eq!(scene.appraise().verdict.unwrap_err().rules, ["snp.vmpl"]);
}

#[test]
fn a12_launch_identity_is_exact() {
    for (offset, length, rule) in [
        (0x010, 16, "snp.family-id"),
        (0x020, 16, "snp.image-id"),
        (0x0c0, 32, "snp.host-data"),
        (0x0e0, 48, "snp.id-key"),
    ] {
        for byte in [0, length - 1] {
            refuses(&[rule], |scene| scene.put(offset + byte, &[1]));
        }
    }
    // An author's digest, with and without the bit that says so; the bit without a digest.
    refuses(&["snp.author-key"], |scene| {
        scene.put(0x110, &[1]);
        scene.put(0x048, &[1]);
    });
    refuses(&["snp.author-key"], |scene| scene.put(0x110, &[1]));
    refuses(&["snp.author-key"], |scene| scene.put(0x048, &[1]));
    // A policy that expects a certain id key.
    let digest = "7a".repeat(48);
    let policy = production_with(
        "id-key-digest = { value = \"zero\"",
        &format!("id-key-digest = {{ value = \"{digest}\""),
    );
    refuses(&["snp.id-key"], |scene| scene.policy = policy.clone());
    accepts(|scene| {
        scene.policy = policy;
        scene.put(0x0e0, &[0x7a; 48]);
    });
}

// A25: certificates. The chain's own tests are in certificates.rs; here the ones that need a whole report.

#[test]
fn a25_certificates_are_valid_at_the_time_given() {
    let rule = &["snp.chain.validity"];
    let outer: [fn(&mut Scene) -> &mut Cert; 2] = [|s| &mut s.leaf, |s| &mut s.ask];
    for cert in outer {
        refuses(rule, |scene| cert(scene).not_after = time(NOW - 1));
        accepts(|scene| cert(scene).not_after = time(NOW));
        refuses(rule, |scene| cert(scene).not_before = time(NOW + 1));
        accepts(|scene| cert(scene).not_before = time(NOW));
    }
    // The root is pinned, and still has its dates.
    let mut scene = Scene::default();
    scene.now = NOW + 11 * DAY;
    let found = failed(&scene.attest().trail);
    assert_eq!(found, ["snp.chain.validity", "snp.chain.revocation"]);
    scene.now = 0;
    assert!(failed(&scene.attest().trail).contains(&"snp.chain.validity"));
}

#[test]
fn a25_key_usage_and_bits_outside_der() {
    // keyUsage with unused bits that are not zero is no DER.
    let mut scene = Scene::default();
    scene.ask.extension(KEY_USAGE).value = bits(2, &[0x05]);
    assert!(scene.attest().verdict.is_err());
}
