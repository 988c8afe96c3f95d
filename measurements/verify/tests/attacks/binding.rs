//! A15, A22, A33, A34: to whom and to when the evidence is bound.

use super::*;

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
