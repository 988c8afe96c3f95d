//! A21, A23, A26, A30, A51: what is in the log, as what, and in which bytes.

use super::*;

#[test]
fn a21_the_built_in_policy_accepts_nothing() {
    let scene = Scene::default();
    let artefact = Artefact {
        kind: scene.kind,
        name: scene.name.clone(),
        bytes: FILE,
    };
    let appraisal = published(
        &scene.file(),
        &artefact,
        &LogPolicy::production(),
        UnixTime(NOW),
    );
    assert_eq!(
        appraisal.verdict.unwrap_err().rules,
        [
            "log.checkpoint.origin",
            "log.checkpoint.signature",
            "log.witness.quorum",
            "log.witness.future",
            "log.witness.age"
        ]
    );
}

#[test]
fn a26_a_proof_for_another_kind_is_none() {
    refuses(&["log.entry.kind"], |scene| {
        scene.entry.kind = Kind::MachineList
    });
    refuses(&["log.entry.kind"], |scene| scene.kind = Kind::Floors);
}

#[test]
fn a26_a_relabelled_entry_is_not_in_the_tree() {
    refuses(&["log.inclusion"], |scene| {
        scene.entry.kind = Kind::KeyBundle;
        scene.proof = Box::new(|proof| {
            let entry = String::from_utf8(proof.extra.take().unwrap()).unwrap();
            proof.extra = Some(entry.replace("key-bundle", "image-release").into_bytes());
        });
    });
}

#[test]
fn a26_a_proof_of_another_log_is_none() {
    refuses(
        &["log.checkpoint.origin", "log.checkpoint.signature"],
        |scene| {
            scene.log = Key::new("log.example/two", Algorithm::Ed25519, 1);
        },
    );
    // The right key under another origin: signed by a log that is believed, but about another log.
    refuses(
        &["log.checkpoint.origin", "log.checkpoint.signature"],
        |scene| {
            scene.checkpoint = Box::new(|checkpoint| checkpoint.origin = "log.example/two".into());
        },
    );
}

#[test]
fn a30_files_of_one_kind_do_not_swap_names() {
    refuses(&["log.entry.name"], |scene| {
        scene.entry.name = word("release-sim.json")
    });
}

#[test]
fn a23_the_entry_is_of_the_bytes_at_hand() {
    refuses(&["log.entry.file"], |scene| scene.file.push(b'\n'));
}

#[test]
fn a51_trailing_and_missing_bytes_are_refused() {
    refuses(
        &[
            "log.checkpoint.format",
            "log.checkpoint.origin",
            "log.checkpoint.signature",
            "log.witness.signatures",
            "log.witness.quorum",
            "log.witness.future",
            "log.witness.age",
            "log.inclusion",
            "log.index.floor",
        ],
        |scene| {
            scene.bytes = Box::new(|bytes| bytes.push(b'\n'));
        },
    );
    let whole = Scene::default().file();
    let policy = LogPolicy::parse(&Scene::default().policy).unwrap();
    let artefact = Artefact {
        kind: Kind::ImageRelease,
        name: word("release.json"),
        bytes: FILE,
    };
    for length in 0..whole.len() {
        let appraisal = published(&whole[..length], &artefact, &policy, UnixTime(NOW));
        assert!(appraisal.verdict.is_err(), "the first {length} bytes");
        assert_eq!(appraisal.trail.len(), ALL_BUT_FORMAT + 1);
    }
    // Any byte changed.
    for place in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[place] ^= 1;
        let appraisal = published(&bytes, &artefact, &policy, UnixTime(NOW));
        assert!(appraisal.verdict.is_err(), "byte {place}");
    }
}

#[test]
fn a_proof_without_an_entry_is_refused() {
    let without = [
        "log.entry.format",
        "log.entry.kind",
        "log.entry.name",
        "log.entry.file",
        "log.inclusion",
        "log.index.floor",
    ];
    refuses(&without, |scene| {
        scene.proof = Box::new(|proof| proof.extra = None)
    });
    refuses(&without, |scene| {
        scene.proof = Box::new(|proof| proof.extra.as_mut().unwrap().push(b' '));
    });
}
