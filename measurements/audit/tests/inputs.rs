//! One changed byte in an input fails the audit, and the line that fails names the input.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use cloister_audit::inputs;
use cloister_audit::report::{Mark, Section};
use std::fs;
use support::{Scene, changed, commit, failed, flip, put, replace, scene};

fn look_at_inputs(scene: &Scene) -> Section {
    inputs::section(
        &scene.tree,
        &Ok(scene.crates.clone()),
        Some(&scene.published),
    )
}

#[test]
fn each_input_is_named() {
    let scene = scene("inputs");
    let tree = &scene.tree;
    commit(&tree.root);
    let good = look_at_inputs(&scene);
    assert_eq!(failed(&good), Vec::<String>::new());
    assert_eq!(good.marked(Mark::NotShown).count(), 0, "{good:?}");
    for subject in [
        "package pkg 1",
        "source src-orig 3",
        "tool tool 2",
        "weights model.safetensors",
        "crate small 1.0.0",
        "crate cloister-init 0.1.0",
    ] {
        let line = good
            .lines
            .iter()
            .find(|line| line.subject == subject)
            .unwrap();
        for fact in ["origin", "licence", "sha256"] {
            assert!(line.facts.contains_key(fact), "{subject}: {fact}");
        }
    }

    // What was fetched: nothing but its own line fails.
    for (path, subject) in [
        (tree.cache.join("pkg_1/file.bin"), "package pkg 1"),
        (tree.cache.join("pkg_1_all.deb"), "package pkg 1"),
        (tree.cache.join("src_3.tar.xz"), "source src-orig 3"),
        (tree.cache.join("tool_2_amd64.deb"), "tool tool 2"),
        (
            tree.weights.join("model.safetensors"),
            "weights model.safetensors",
        ),
        (
            tree.cargo_home
                .join("registry/cache/index/small-1.0.0.crate"),
            "crate small 1.0.0",
        ),
    ] {
        let seen = changed(&path, flip, || failed(&look_at_inputs(&scene)));
        assert_eq!(seen, [subject], "{}", path.display());
        let longer = changed(
            &path,
            |bytes| bytes.push(0),
            || failed(&look_at_inputs(&scene)),
        );
        assert_eq!(longer, [subject], "{}", path.display());
        fs::rename(&path, path.with_extension("away")).unwrap();
        let absent = look_at_inputs(&scene);
        fs::rename(path.with_extension("away"), &path).unwrap();
        // An archive may be gone when what was taken out of it or made with it is there.
        let archive = path.parent() == Some(tree.cache.as_path());
        let expected: &[&str] = if archive { &[] } else { &[subject] };
        assert_eq!(failed(&absent), expected, "{} is absent", path.display());
    }

    // What is in the repository: named against the commit and against what was published.
    for name in [
        "image/kernel/patches/0001-fix.patch",
        "image/kernel/config.d/10-base.config",
        "image/init/src/main.rs",
        "image/make",
        "rust-toolchain.toml",
    ] {
        let seen = changed(&tree.root.join(name), flip, || {
            failed(&look_at_inputs(&scene))
        });
        assert_eq!(seen, [name, "commit", name], "{name}");
    }
    let policy = "measurements/policy/production.toml";
    let seen = changed(
        &tree.root.join(policy),
        replace("\"vcek\"", "\"vlek\""),
        || failed(&look_at_inputs(&scene)),
    );
    assert_eq!(seen, [policy, "commit"]);

    // A file too many, or too few.
    put(&tree.root, "image/kernel/patches/0002-more.patch", "x");
    let seen = failed(&look_at_inputs(&scene));
    fs::remove_file(tree.root.join("image/kernel/patches/0002-more.patch")).unwrap();
    assert_eq!(
        seen,
        [
            "image/kernel/patches/0002-more.patch",
            "commit",
            "image/kernel/patches/0002-more.patch"
        ]
    );
    let patch = tree.root.join("image/kernel/patches/0001-fix.patch");
    fs::rename(&patch, tree.root.join("target/away")).unwrap();
    let seen = failed(&look_at_inputs(&scene));
    fs::rename(tree.root.join("target/away"), &patch).unwrap();
    assert_eq!(
        seen,
        [
            "image/kernel/patches/0001-fix.patch",
            "commit",
            "image/kernel/patches/0001-fix.patch"
        ]
    );
}

#[test]
fn each_changed_digest_in_a_lock_is_named() {
    let scene = scene("locks");
    let tree = &scene.tree;
    let digit = |text: &str| {
        let other = if text.starts_with('0') { '1' } else { '0' };
        format!("{other}{}", &text[1..])
    };
    for (lock, digest, subjects) in [
        (
            "image/inputs.lock",
            support::sha256(support::DEB),
            ["package pkg 1", "deb:pkg", "image/inputs.lock"],
        ),
        (
            "image/inputs.lock",
            support::sha256(support::TOOL),
            ["tool tool 2", "deb:tool", "image/inputs.lock"],
        ),
        (
            "model/weights.lock",
            support::sha256(support::MODEL),
            [
                "weights model.safetensors",
                "model/weights.lock",
                "weights:model.safetensors",
            ],
        ),
    ] {
        let seen = changed(
            &tree.root.join(lock),
            replace(&digest, &digit(&digest)),
            || failed(&look_at_inputs(&scene)),
        );
        assert_eq!(seen, subjects, "{lock}");
    }
    // A checksum in Cargo.lock: cargo itself gives up on such a lock, and the archive still names the crate.
    let checksum = support::sha256(support::CRATE);
    let gave_up = Err("cargo: checksum changed".to_owned());
    let look = || inputs::section(tree, &gave_up, Some(&scene.published));
    assert_eq!(failed(&look()), ["crates of the guest's binary"]);
    let seen = changed(
        &tree.root.join("Cargo.lock"),
        replace(&checksum, &digit(&checksum)),
        || failed(&look()),
    );
    assert_eq!(seen, ["crates of the guest's binary", "crate small 1.0.0"]);
    let mut other = scene.crates.clone();
    other[1].checksum = cloister_verify::release::Hex::parse(&digit(&checksum));
    let seen = failed(&inputs::section(tree, &Ok(other), Some(&scene.published)));
    assert_eq!(seen, ["crate small 1.0.0", "crate:small@1.0.0"]);
    // A lock that is none.
    let seen = changed(
        &tree.root.join("image/inputs.lock"),
        replace("licence", "license"),
        || failed(&look_at_inputs(&scene)),
    );
    assert_eq!(seen[0], "image/inputs.lock");
}
