//! A27: time and rollback.

use super::*;

#[test]
fn a27_an_expired_cosignature_does_not_count() {
    refuses(&["log.witness.age"], |scene| {
        scene.witnesses[0].1 = NOW - 7 * DAY - 1
    });
    accepts(|scene| scene.witnesses[0].1 = NOW - 7 * DAY);
    // A third one that is fresh makes up for it.
    let logged = accepts(|scene| {
        scene.witnesses[0].1 = NOW - 9 * DAY;
        let third = Key::new("w3.example", Algorithm::Cosignature, 9);
        scene.witnesses.push((third, NOW - 90));
    });
    assert_eq!(logged.witnessed(), UnixTime(NOW - 90));
}

#[test]
fn a27_a_cosignature_from_the_future_is_refused() {
    refuses(&["log.witness.future"], |scene| {
        scene.witnesses[1].1 = NOW + 301
    });
    accepts(|scene| scene.witnesses[1].1 = NOW + 300);
    // A time that no clock can show.
    refuses(
        &[
            "log.witness.signatures",
            "log.witness.quorum",
            "log.witness.age",
        ],
        |scene| scene.witnesses[1].1 = 1 << 63,
    );
}

#[test]
fn a27_an_entry_before_the_first_accepted_one_is_refused() {
    let first = |index: u64| {
        move |scene: &mut Scene| {
            let from = "image-release = { value = 0";
            let to = format!("image-release = {{ value = {index}");
            scene.policy = scene.policy.replace(from, &to);
        }
    };
    refuses(&["log.index.floor"], first(5));
    accepts(first(4));
    accepts(|scene| {
        scene.policy = scene
            .policy
            .replace("floors = { value = 0", "floors = { value = 5")
    });
}
