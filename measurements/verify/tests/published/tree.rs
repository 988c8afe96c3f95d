//! A18, A28: inclusion and consistency.

use super::*;

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
