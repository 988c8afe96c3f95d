//! Proofs from a transparency log: the rows of the list of attacks that concern it. Each test takes a good proof, changes one thing,
//! signs it where a signature is needed, and finds exactly the rules that speak against it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::cast_possible_truncation
)]

mod support;

use cloister_verify::log::{
    self, Algorithm, Artefact, Hash, Head, Kind, LogPolicy, Note, Proof, is_consistent,
    is_included, leaf_hash, node_hash, published,
};
use cloister_verify::{Step, UnixTime};
use support::merkle::root;
use support::scene::{DAY, FILE, Key, NOW, Scene, word};

fn failed(trail: &[Step]) -> Vec<&'static str> {
    let failed = trail.iter().filter(|step| !step.passed());
    failed.map(|step| step.rule).collect()
}

/// A good proof with one change is refused for exactly these rules.
#[track_caller]
fn refuses(rules: &[&str], change: impl FnOnce(&mut Scene)) {
    let mut scene = Scene::default();
    change(&mut scene);
    let appraisal = scene.judge();
    let lines: Vec<String> = appraisal.trail.iter().map(ToString::to_string).collect();
    assert_eq!(failed(&appraisal.trail), rules, "\n{}", lines.join("\n"));
    assert_eq!(appraisal.verdict.unwrap_err().rules, rules);
}

#[track_caller]
fn accepts(change: impl FnOnce(&mut Scene)) -> log::Logged {
    let mut scene = Scene::default();
    change(&mut scene);
    let appraisal = scene.judge();
    let lines: Vec<String> = appraisal.trail.iter().map(ToString::to_string).collect();
    appraisal
        .verdict
        .unwrap_or_else(|_| panic!("\n{}", lines.join("\n")))
}

/// Every rule after the proof's own form.
const ALL_BUT_FORMAT: usize = 13;

#[test]
fn a_good_proof_is_accepted() {
    let logged = accepts(|_| {});
    assert_eq!(logged.origin(), "log.example/one");
    assert_eq!((logged.index(), logged.size()), (4, 7));
    assert_eq!(logged.kind(), Kind::ImageRelease);
    assert_eq!(logged.name().as_str(), "release.json");
    assert_eq!(logged.version().as_str(), "0.1.0");
    assert_eq!(logged.witnessed(), UnixTime(NOW - 60));
    assert_eq!(logged.expires(), UnixTime(NOW - 60 + 7 * DAY));
    let rules: Vec<&str> = log::rules().map(|rule| rule.id).collect();
    let trail: Vec<&str> = Scene::default()
        .judge()
        .trail
        .iter()
        .map(|s| s.rule)
        .collect();
    assert_eq!(trail, rules);
    assert_eq!(rules.len(), ALL_BUT_FORMAT + 1);
    // At each place of trees of each small size.
    for size in 1..=17_u8 {
        for index in 0..u64::from(size) {
            accepts(|scene| {
                scene.leaves = (0..size).map(|n| leaf_hash(&[n])).collect();
                scene.index = index;
            });
        }
    }
}

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

// A26: another role.

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

// A27: time and rollback.

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

// A28: two views.

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

// Signatures.

#[test]
fn a20_a_false_signature_of_the_log_is_refused() {
    refuses(&["log.checkpoint.signature"], |scene| {
        scene.lines = Box::new(|lines| lines[0].signature[9] ^= 1);
    });
    refuses(&["log.checkpoint.signature"], |scene| {
        scene.lines = Box::new(|lines| drop(lines.remove(0)));
    });
    // A good one beside a false or a second one.
    refuses(&["log.checkpoint.signature"], |scene| {
        scene.lines = Box::new(|lines| {
            let mut second = lines[0].clone();
            second.signature[63] ^= 1;
            lines.push(second);
        });
    });
    refuses(&["log.checkpoint.signature"], |scene| {
        scene.lines = Box::new(|lines| lines.push(lines[0].clone()));
    });
    // Another key in the name of the log has another id, and is ignored: then nothing of the log is there.
    refuses(&["log.checkpoint.signature"], |scene| {
        scene.log = Key::new("log.example/one", Algorithm::Ed25519, 99);
    });
}

#[test]
fn a20_a_false_signature_condemns_the_note_beside_a_good_one() {
    // The log changes its key: the policy knows both, and the checkpoint has both signatures.
    let two_keys = |false_one: bool| {
        move |scene: &mut Scene| {
            let second = Key::new("log.example/one", Algorithm::Ed25519, 55);
            let line = format!(
                "\"{}\", source = \"test\", date = \"2026-11-23\" }}",
                second.public
            );
            scene.policy =
                scene
                    .policy
                    .replacen("logs = [", &format!("logs = [{{ value = {line}, "), 1);
            scene.lines = Box::new(move |lines| {
                let other = Scene::default().file();
                let text = Proof::parse(&other).unwrap().checkpoint;
                let mut line = second.sign(Note::parse(&text).unwrap().text);
                line.signature[0] ^= u8::from(false_one);
                lines.push(line);
            });
        }
    };
    accepts(two_keys(false));
    refuses(&["log.checkpoint.signature"], two_keys(true));
}

#[test]
fn a20_another_key_with_the_id_of_the_log_is_refused() {
    refuses(&["log.checkpoint.signature"], |scene| {
        let id = scene.log.public.id();
        scene.log = Key::new("log.example/one", Algorithm::Ed25519, 99);
        scene.lines = Box::new(move |lines| lines[0].key_id = id);
    });
}

#[test]
fn a20_a_false_cosignature_is_refused_although_there_are_enough() {
    refuses(&["log.witness.signatures"], |scene| {
        let third = Key::new("w3.example", Algorithm::Cosignature, 9);
        scene.witnesses.push((third, NOW - 60));
        scene.lines = Box::new(|lines| lines[3].signature[20] ^= 1);
    });
    // The time is signed.
    refuses(
        &[
            "log.witness.signatures",
            "log.witness.quorum",
            "log.witness.age",
        ],
        |scene| scene.lines = Box::new(|lines| lines[1].signature[7] ^= 1),
    );
}

#[test]
fn a20_a_cosignature_is_no_signature_of_the_log() {
    // The log's own key as a cosigner, and a witness that signs like a log: each is another key.
    refuses(
        &[
            "log.witness.signatures",
            "log.witness.quorum",
            "log.witness.age",
        ],
        |scene| {
            scene.lines = Box::new(|lines| drop(lines[1].signature.drain(..8)));
        },
    );
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

// Form.

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

#[test]
fn checkpoints_with_extensions_are_refused() {
    let scene = Scene {
        proof: Box::new(|proof| {
            let note = String::from_utf8(proof.checkpoint.clone()).unwrap();
            proof.checkpoint = note.replacen("\n\n", "\nextension\n\n", 1).into_bytes();
        }),
        ..Scene::default()
    };
    let rules = scene.judge().verdict.unwrap_err().rules;
    assert_eq!(rules[0], "log.checkpoint.format");
}

// The tree.

#[test]
fn a18_an_entry_that_is_elsewhere_is_not_included() {
    for index in [0, 3, 5, 6, 7, 8, u64::MAX >> 1] {
        refuses(&["log.inclusion"], |scene| {
            scene.proof = Box::new(move |proof| proof.index = index);
        });
    }
    // The proof of another leaf.
    refuses(&["log.inclusion"], |scene| {
        let other = Proof::parse(
            &Scene {
                index: 3,
                ..Scene::default()
            }
            .file(),
        )
        .unwrap();
        scene.proof = Box::new(move |proof| proof.hashes.clone_from(&other.hashes));
    });
}

#[test]
fn a18_hashes_missing_or_added_are_refused() {
    refuses(&["log.inclusion"], |scene| {
        scene.proof = Box::new(|proof| proof.hashes.truncate(2));
    });
    refuses(&["log.inclusion"], |scene| {
        scene.proof = Box::new(|proof| proof.hashes = proof.hashes.split_off(1));
    });
    refuses(&["log.inclusion"], |scene| {
        scene.proof = Box::new(|proof| proof.hashes.push([0; 32]));
    });
    refuses(&["log.inclusion"], |scene| {
        scene.proof = Box::new(|proof| proof.hashes.swap(0, 1));
    });
}

#[test]
fn a18_a_node_is_not_taken_for_an_entry() {
    // Two leaves whose hashes, side by side, are the bytes of a "leaf" of a smaller tree: without the prefixes the roots were equal.
    let (left, right) = (leaf_hash(b"left"), leaf_hash(b"right"));
    let root = node_hash(&left, &right);
    let inner = [left, right].concat();
    assert!(is_included(&left, 0, 2, &[right], &root));
    assert!(!is_included(&leaf_hash(&inner), 0, 1, &[], &root));
    assert!(!is_included(
        &leaf_hash(&[&[1], inner.as_slice()].concat()),
        0,
        1,
        &[],
        &root
    ));
    assert_ne!(leaf_hash(&inner), root);
    // And a node offered as the leaf of a shorter path, in a tree of four.
    let others = node_hash(&leaf_hash(b"c"), &leaf_hash(b"d"));
    let top = node_hash(&root, &others);
    assert!(!is_included(&leaf_hash(&inner), 0, 4, &[others], &top));
    assert!(!is_included(&root, 0, 4, &[others], &top));
}

#[test]
fn a28_consistency_is_shown_for_beginnings_and_for_nothing_else() {
    // RFC 6962 section 2.1.2, SUBPROOF.
    fn proof(old: usize, leaves: &[Hash], whole: bool) -> Vec<Hash> {
        if old == leaves.len() {
            return if whole {
                Vec::new()
            } else {
                vec![root(leaves)]
            };
        }
        let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
        let (mut hashes, sibling) = if old <= left.len() {
            (proof(old, left, whole), root(right))
        } else {
            (proof(old - left.len(), right, false), root(left))
        };
        hashes.push(sibling);
        hashes
    }
    let leaves: Vec<Hash> = (0..40_u8).map(|n| leaf_hash(&[n])).collect();
    let head = |size: usize| Head {
        size: size.try_into().unwrap(),
        root: root(&leaves[..size]),
    };
    for new in 1..=leaves.len() {
        for old in 1..=new {
            let hashes = proof(old, &leaves[..new], true);
            assert!(
                is_consistent(&head(old), &head(new), &hashes),
                "{old} {new}"
            );
            // Another history, another size, one hash more or less.
            let forked = Head {
                root: [9; 32],
                ..head(old)
            };
            assert!(!is_consistent(&forked, &head(new), &hashes), "{old} {new}");
            let forked = Head {
                root: [9; 32],
                ..head(new)
            };
            assert!(!is_consistent(&head(old), &forked, &hashes), "{old} {new}");
            let more = [hashes.as_slice(), &[[0; 32]]].concat();
            assert!(!is_consistent(&head(old), &head(new), &more), "{old} {new}");
            if let Some((_, less)) = hashes.split_last() {
                assert!(!is_consistent(&head(old), &head(new), less), "{old} {new}");
                assert!(
                    !is_consistent(&head(new), &head(old), &hashes),
                    "{old} {new}"
                );
            }
        }
    }
    let nothing = Head {
        size: 0,
        root: log::empty_root(),
    };
    assert!(!is_consistent(&nothing, &head(4), &[]));
}
