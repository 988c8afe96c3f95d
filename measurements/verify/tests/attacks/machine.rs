//! A17: one machine, and not any of its kind.

use super::*;

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
