//! A19, A25, A26: certificates and their revocation.

use super::*;

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
