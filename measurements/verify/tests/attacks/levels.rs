//! A14: patch levels, component by component.

use super::*;

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
