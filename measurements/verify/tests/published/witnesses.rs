//! A28: witnesses and their quorum.

use super::*;

#[test]
fn a28_a_split_view_has_no_quorum() {
    // The log signs another tree for us; the witnesses have only seen the one they cosigned.
    refuses(
        &[
            "log.witness.signatures",
            "log.witness.quorum",
            "log.witness.future",
            "log.witness.age",
        ],
        |scene| {
            scene.lines = Box::new(|lines| {
                let other = Scene {
                    leaves: vec![[7; 32]; 7],
                    ..Scene::default()
                };
                let proof = Proof::parse(&other.file()).unwrap();
                let seen = Note::parse(&proof.checkpoint).unwrap().signatures;
                lines.splice(1.., seen.into_iter().skip(1));
            });
        },
    );
}

#[test]
fn a28_too_few_witnesses_are_no_quorum() {
    refuses(&["log.witness.quorum", "log.witness.age"], |scene| {
        scene.witnesses.truncate(1);
    });
    refuses(
        &[
            "log.witness.quorum",
            "log.witness.future",
            "log.witness.age",
        ],
        |scene| scene.witnesses.clear(),
    );
    // A stranger is no witness.
    refuses(&["log.witness.quorum", "log.witness.age"], |scene| {
        scene.witnesses[1].0 = Key::new("w4.example", Algorithm::Cosignature, 44);
    });
}

#[test]
fn a28_one_witness_does_not_count_twice() {
    refuses(
        &[
            "log.witness.signatures",
            "log.witness.quorum",
            "log.witness.future",
            "log.witness.age",
        ],
        |scene| {
            scene.witnesses[1] = (Key::new("w1.example", Algorithm::Cosignature, 2), NOW - 61);
        },
    );
    // The same witness's key under the name of another.
    refuses(&["log.witness.quorum", "log.witness.age"], |scene| {
        scene.witnesses[1].0 = Key::new("w2.example", Algorithm::Cosignature, 2);
    });
}

#[test]
fn a28_the_log_is_no_witness_of_itself() {
    refuses(&["log.witness.quorum", "log.witness.age"], |scene| {
        scene.witnesses[1].0 = Key::new("log.example/one", Algorithm::Cosignature, 1);
    });
}

#[test]
fn signatures_of_strangers_are_ignored() {
    accepts(|scene| {
        scene.lines = Box::new(|lines| {
            let stranger = Key::new("stranger.example", Algorithm::Ed25519, 77);
            lines.insert(0, stranger.line(vec![0; 64]));
            // The name of the log and of a witness with other ids; a signature of a kind that is not known here.
            lines.insert(
                0,
                Key::new("log.example/one", Algorithm::Ed25519, 78).line(vec![1]),
            );
            lines.push(Key::new("w1.example", Algorithm::Cosignature, 78).line(vec![0; 2428]));
        });
    });
}
