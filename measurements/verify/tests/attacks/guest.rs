//! A12, A16, A58: what was launched, under which rules, on which product.

use super::*;

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
