//! One changed byte in each kind of input fails the audit, and the line that fails names the input.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use cloister_audit::live::{self, Service};
use cloister_audit::rebuild::{self, Comparison};
use cloister_audit::report::{Mark, Section};
use cloister_audit::{base, inputs, policy, provenance, published, recompute};
use cloister_verify::UnixTime;
use cloister_verify::log::Kind;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use support::{
    NOW, Scene, changed, commit, failed, flip, log_policy, log_policy_text, prove, put, replace,
    scene,
};

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

#[test]
fn each_file_of_the_image_is_named() {
    let scene = scene("image");
    let look = |published: bool, earlier: bool| {
        rebuild::section(
            "0.1.0",
            &Comparison {
                image: &scene.tree.image,
                rebuilt: true,
                published: published.then_some(scene.published.as_path()),
                earlier: earlier.then_some(scene.published.as_path()),
            },
        )
    };
    let good = look(true, true);
    assert_eq!(failed(&good), Vec::<String>::new());
    assert_eq!(look(false, false).marked(Mark::NotShown).count(), 2);
    for name in [
        "vmlinuz",
        "initrd.cpio",
        "cmdline",
        "weights.img",
        "OVMF.amdsev.fd",
    ] {
        assert_eq!(
            changed(&scene.tree.image.join(name), flip, || failed(&look(
                true, false
            ))),
            [name]
        );
    }
    let digest = support::sha256(b"a kernel");
    let other = support::sha256(b"another kernel");
    let seen = changed(
        &scene.published.join("manifest.json"),
        replace(&digest, &other),
        || failed(&look(true, false)),
    );
    assert_eq!(
        seen,
        [
            "published vmlinuz",
            "published provenance.json",
            "published manifest.json"
        ]
    );
    let seen = changed(&scene.published.join("release.json"), flip, || {
        failed(&look(true, true))
    });
    assert_eq!(seen, ["published release.json", "earlier release.json"]);
    assert_eq!(
        failed(&rebuild::section(
            "0.2.0",
            &Comparison {
                image: &scene.tree.image,
                rebuilt: false,
                published: None,
                earlier: None
            }
        )),
        ["release id"]
    );
}

#[test]
fn each_number_of_the_release_is_named() {
    let scene = scene("release");
    let (root, image) = (&scene.tree.root, &scene.tree.image);
    let file = scene.published.join("release.json");
    let look = || failed(&recompute::section(root, image, &file));
    // The synthetic firmware is on no list, and the other one is no firmware.
    let always = ["release firmware list", "release"];
    assert_eq!(look(), always);
    let text = fs::read_to_string(&file).unwrap();
    for (vcpus, subject) in [
        (1, "release SNP EPYC-Genoa x1 features 0x1"),
        (4, "release SNP EPYC-Genoa x4 features 0x1"),
    ] {
        let release: serde_json::Value = serde_json::from_str(&text).unwrap();
        let shape = release["snp"]
            .as_array()
            .unwrap()
            .iter()
            .find(|it| it["vcpus"] == vcpus)
            .unwrap();
        let digest = shape["digest"].as_str().unwrap();
        let other = digest.replacen(
            &digest[..1],
            if digest.starts_with('0') { "1" } else { "0" },
            1,
        );
        assert_eq!(
            changed(&file, replace(digest, &other), look),
            [always[0], subject, always[1]]
        );
    }
    let reset = changed(&file, replace("\"reset_eip\": 8", "\"reset_eip\": 9"), look);
    assert_eq!(reset, [always[0], "release firmware layout", always[1]]);
    assert_eq!(
        changed(&image.join("vmlinuz"), flip, look),
        ["release kernel", always[0], "release"]
    );
    assert_eq!(
        changed(&image.join("initrd.cpio"), flip, look),
        ["release initrd", always[0], "release"]
    );
    assert_eq!(
        changed(&image.join("cmdline"), flip, look),
        ["release command line", always[0], "release"]
    );
    assert_eq!(
        changed(&file, |bytes| bytes.push(b'x'), look),
        [file.display().to_string()]
    );
    fs::remove_file(image.join("cmdline")).unwrap();
    assert_eq!(look(), ["release"]);
}

#[test]
fn each_flaw_of_a_proof_is_named() {
    let scene = scene("log");
    let look_at =
        |now: UnixTime| published::section("0.1.0", Some(&scene.published), &log_policy(), now);
    let look = || failed(&look_at(NOW));
    let good = look_at(NOW);
    assert_eq!(failed(&good), Vec::<String>::new());
    assert_eq!(good.marked(Mark::NotShown).count(), 0);
    assert!(
        good.lines
            .iter()
            .filter(|line| line.says.contains("a quorum has seen the log"))
            .count()
            == 3
    );

    for name in ["release.json", "machines.toml", "amd-floors.toml"] {
        let proof = scene.published.join(format!("{name}.tlog-proof"));
        let seen = changed(&proof, flip, look);
        assert!(
            !seen.is_empty() && seen.iter().all(|subject| subject.starts_with(name)),
            "{seen:?}"
        );
        let seen = changed(&scene.published.join(name), flip, look);
        assert_eq!(
            seen,
            [format!(
                "{name}: the entry has the digest of the bytes at hand"
            )]
        );
        fs::rename(&proof, scene.tree.root.join("away")).unwrap();
        assert_eq!(look(), [name], "without a proof");
        fs::rename(scene.tree.root.join("away"), &proof).unwrap();
    }
    // Too old, unknown to the policy, for another kind, for another version.
    assert_eq!(failed(&look_at(UnixTime(NOW.0 + 86_400))).len(), 3);
    let nobody = cloister_verify::log::LogPolicy::production();
    let unknown = published::section("0.1.0", Some(&scene.published), &nobody, NOW);
    assert!(
        failed(&unknown)
            .iter()
            .any(|subject| subject.contains("is of a log that the policy lists"))
    );
    prove(&scene.published, "machines.toml", Kind::Floors, "0.1.0");
    assert!(
        look()
            .iter()
            .any(|subject| subject == "machines.toml: the entry is of the kind that is asked for")
    );
    prove(
        &scene.published,
        "machines.toml",
        Kind::MachineList,
        "0.0.9",
    );
    assert_eq!(look(), ["machines.toml: version"]);
    prove(
        &scene.published,
        "machines.toml",
        Kind::MachineList,
        "0.1.0",
    );
    fs::copy(
        scene.published.join("machines.toml.tlog-proof"),
        scene.published.join("more.toml.tlog-proof"),
    )
    .unwrap();
    assert_eq!(look(), ["more.toml.tlog-proof"]);
    fs::remove_file(scene.published.join("more.toml.tlog-proof")).unwrap();
    fs::remove_file(scene.published.join("release.json")).unwrap();
    assert_eq!(look(), ["release.json", "release.json.tlog-proof"]);
    let nothing = published::section("0.1.0", None, &log_policy(), NOW);
    assert_eq!(
        (
            failed(&nothing).len(),
            nothing.marked(Mark::NotShown).count()
        ),
        (0, 1)
    );
}

#[test]
fn each_line_of_a_policy_is_named() {
    let scene = scene("policy");
    let look_at = |now: UnixTime| {
        policy::section(
            &scene.tree,
            Some(&scene.published),
            now,
            policy::MAXIMUM_DAYS,
        )
    };
    let look = || failed(&look_at(NOW));
    assert_eq!(look(), Vec::<String>::new());
    let good = look_at(NOW);
    assert!(good.lines.len() > 150, "only {} lines", good.lines.len());
    let floors = scene.tree.root.join("measurements/policy/amd-floors.toml");
    let first = "amd-floors.toml floors[1]";
    for (from, to) in [
        (
            "source = \"second hand: EntrySign, PI 1.0.0.G\"",
            "source = \" \"",
        ),
        ("date = \"2026-11-23\"", "date = \"2025-11-23\""),
        ("date = \"2026-11-23\"", "date = \"2026-12-23\""),
    ] {
        let seen = changed(&floors, replace(from, to), look);
        assert!(
            seen.contains(&first.to_owned())
                && seen.contains(&"published amd-floors.toml".to_owned()),
            "{to}: {seen:?}"
        );
    }
    // A date that is none, or a missing one, makes the file unreadable for devices as well.
    for to in ["date = \"2026-02-30x\"", "day = \"2026-11-23\""] {
        let seen = changed(&floors, replace("date = \"2026-11-23\"", to), look);
        assert!(
            seen.contains(&first.to_owned())
                && seen.contains(&"production.toml with floors and machines".to_owned()),
            "{to}: {seen:?}"
        );
    }
    let seen = changed(&floors, replace("at-least = 0x17", "at-least = 0x07"), look);
    assert_eq!(seen, ["published amd-floors.toml"]);
    let machines = scene.tree.root.join("measurements/policy/machines.toml");
    let seen = changed(
        &machines,
        replace("machines = []", "machines = [ \"all\" ]"),
        look,
    );
    assert!(
        seen.contains(&"machines.toml machines[1]".to_owned()),
        "{seen:?}"
    );
    let rules = scene.tree.root.join("measurements/policy/production.toml");
    let seen = changed(
        &rules,
        replace("[snp.machine]\n", "[snp.machine]\nfree = true\n"),
        look,
    );
    assert!(
        seen.contains(&"production.toml snp.machine.free".to_owned()),
        "{seen:?}"
    );
    // Half a year later everything wants another look.
    let old = failed(&look_at(UnixTime(NOW.0 + 184 * 86_400)));
    assert!(old.len() > 150, "only {} lines are too old", old.len());
    assert_eq!(
        failed(&look_at(UnixTime(NOW.0 + 180 * 86_400))),
        Vec::<String>::new()
    );
}

#[test]
fn a_module_and_a_missing_init_are_named() {
    let scene = scene("base");
    let image = &scene.tree.image;
    fs::create_dir_all(&scene.crates[1].folder).unwrap();
    put(
        &scene.crates[1].folder,
        "src/lib.rs",
        "pub fn f() {}\n// comment\n",
    );
    let look = || base::section(image, &Ok(scene.crates.clone()));
    let good = look();
    assert_eq!(failed(&good), Vec::<String>::new());
    let options = good
        .lines
        .iter()
        .find(|line| line.subject == "kernel options")
        .unwrap();
    assert_eq!(options.facts["options"], "2");
    let small = good
        .lines
        .iter()
        .find(|line| line.subject == "crate small 1.0.0")
        .unwrap();
    assert_eq!(small.facts["lines"], "1");
    let module = changed(
        &image.join("kernel.config"),
        replace("CONFIG_C=y", "CONFIG_C=m"),
        || failed(&look()),
    );
    assert_eq!(module, ["kernel options"]);
    let other = changed(
        &image.join("initrd.cpio"),
        |bytes| {
            let at = bytes.windows(5).position(|it| it == b"init\0").unwrap();
            bytes[at] = b'j';
        },
        || failed(&look()),
    );
    assert_eq!(other, ["initrd.cpio /jnit", "initrd.cpio"]);
}

/// A client of the test's own: prints what it is told and exits so.
fn client(scene: &Scene, prints: &str, code: u8) -> Service {
    let path = scene.tree.root.join("client");
    fs::write(
        &path,
        format!(
            "#!/bin/sh\necho \"$@\" >\"$0.arguments\"\ncat <<'END'\n{prints}\nEND\nexit {code}\n"
        ),
    )
    .unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    Service {
        address: "example.com:443".into(),
        client: path,
        options: vec!["--machines".into(), "m.toml".into()],
    }
}

#[test]
fn a_live_service_that_fails_a_rule_is_named() {
    let scene = scene("live");
    let file = scene.published.join("release.json");
    let answer = |outcome: &str, verdict: &str, release: &str| {
        format!(
            r#"{{"verdict":"{verdict}","platform":"SEV-SNP","release":{release},"trail":[{{"rule":"snp.policy.debug","expected":"no","found":"yes","outcome":"{outcome}"}}]}}"#
        )
    };
    let look = |prints: &str, code: u8| {
        let service = client(&scene, prints, code);
        failed(&live::section(Some(&service), "0.1.0", &file, None))
    };
    assert_eq!(
        look(&answer("passed", "accept", "\"0.1.0\""), 0),
        Vec::<String>::new()
    );
    let asked = fs::read_to_string(scene.tree.root.join("client.arguments")).unwrap();
    assert!(
        asked.starts_with("verify --json --gateway example.com:443 --release ")
            && asked.ends_with("--machines m.toml\n"),
        "{asked}"
    );
    let address = "example.com:443";
    assert_eq!(
        look(&answer("failed", "reject", "null"), 1),
        ["snp.policy.debug", address]
    );
    assert_eq!(
        look(&answer("not-evaluated", "accept", "\"0.1.0\""), 0),
        ["snp.policy.debug"]
    );
    assert_eq!(look(&answer("passed", "accept", "\"0.1.1\""), 0), [address]);
    assert_eq!(look(&answer("passed", "accept", "\"0.1.0\""), 1), [address]);
    assert_eq!(look("no connection", 3), [address]);
    assert_eq!(
        live::section(None, "0.1.0", &file, None)
            .marked(Mark::NotShown)
            .count(),
        1
    );
}

#[test]
fn equal_images_have_equal_provenance() {
    let scene = scene("provenance");
    let make = || provenance::statement(&scene.tree, &scene.crates).unwrap();
    let text = make();
    assert_eq!(make(), text);
    assert_eq!(
        fs::read_to_string(scene.published.join("provenance.json")).unwrap(),
        text
    );
    let statement: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(statement["predicateType"], "https://slsa.dev/provenance/v1");
    assert_eq!(statement["subject"].as_array().unwrap().len(), 6);
    let definition = &statement["predicate"]["buildDefinition"];
    assert_eq!(
        definition["internalParameters"]["toolchain"]["rustc"],
        "rustc 1"
    );
    let named: Vec<&str> = definition["resolvedDependencies"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["name"].as_str().unwrap())
        .collect();
    for name in [
        "crate:small@1.0.0",
        "deb:pkg",
        "deb:tool",
        "weights:model.safetensors",
        "image/kernel/patches/0001-fix.patch",
        "Cargo.lock",
    ] {
        assert!(named.contains(&name), "{name} is not among {named:?}");
    }
    // An image that is not its manifest's has no provenance.
    let refused = changed(&scene.tree.image.join("vmlinuz"), flip, || {
        provenance::statement(&scene.tree, &scene.crates).unwrap_err()
    });
    assert!(refused.to_string().contains("vmlinuz"), "{refused}");
    let other = changed(&scene.tree.root.join("image/make"), flip, make);
    assert_ne!(other, text);
}

/// Cargo, the image's maker and the measuring script are the scene's own: what is looked at is what the rebuild gives them.
#[test]
fn a_rebuild_starts_from_tracked_files_and_downloads_alone() {
    let scene = scene("rebuild");
    let tree = &scene.tree;
    let root = &tree.root;
    put(
        root,
        "Cargo.toml",
        "[workspace]\nresolver = \"3\"\nmembers = [\"measurements/digest\"]\n[workspace.package]\nversion = \"0.1.0\"\n",
    );
    put(
        root,
        "Cargo.lock",
        "version = 4\n\n[[package]]\nname = \"cloister-digest\"\nversion = \"0.1.0\"\n",
    );
    put(
        root,
        "rust-toolchain.toml",
        fs::read(support::repository().join("rust-toolchain.toml")).unwrap(),
    );
    put(
        root,
        "measurements/digest/Cargo.toml",
        "[package]\nname = \"cloister-digest\"\nversion = \"0.1.0\"\nedition = \"2024\"\n",
    );
    put(root, "measurements/digest/src/main.rs", "fn main() {}\n");
    let make = "#!/bin/sh\nset -eu\ncd \"$(dirname \"$0\")/..\"\n[ ! -e untracked ] && [ ! -e target/image/cache/kernel-1 ] && [ -e \"$CLOISTER_CACHE/tool_2_amd64.deb\" ]\n[ -e \"$CARGO_HOME/registry/cache/index/small-1.0.0.crate\" ] && [ ! -e \"$CARGO_HOME/registry/src\" ] && [ -z \"${RUSTFLAGS:-}\" ]\ncp image/kernel/ipe.policy target/image/vmlinuz\nsum=$(sha256sum <target/image/vmlinuz | cut -c1-64)\necho \"{\\\"release\\\":\\\"0.1.0\\\",\\\"cmdline\\\":\\\"\\\",\\\"files\\\":{\\\"vmlinuz\\\":{\\\"size\\\":$(stat -c %s target/image/vmlinuz),\\\"sha256\\\":\\\"$sum\\\"}}}\" >target/image/manifest.json\n";
    let measure = "#!/bin/sh\nset -eu\ncd \"$(dirname \"$0\")/..\"\n[ -x \"$CARGO_TARGET_DIR/debug/cloister-digest\" ]\ncp target/image/vmlinuz target/image/release.json\n";
    for (name, text) in [("image/make", make), ("measurements/measure", measure)] {
        put(root, name, text);
        fs::set_permissions(root.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    put(
        &tree.cargo_home,
        "registry/src/index/small-1.0.0/src/lib.rs",
        "altered after it was unpacked",
    );
    put(&tree.cache, "kernel-1/vmlinuz", "built before");
    commit(root);
    put(root, "untracked", "x");
    let workshop = root.join("target/audit");
    put(&workshop, "left/over", "from last time");
    let image = rebuild::rebuild(tree, &workshop).unwrap();
    assert!(!workshop.join("left/over").exists());
    let compare = |earlier: &std::path::Path| {
        failed(&rebuild::section(
            "0.1.0",
            &Comparison {
                image: &image,
                rebuilt: true,
                published: None,
                earlier: Some(earlier),
            },
        ))
    };
    let again = root.join("target/again");
    let second = rebuild::rebuild(tree, &again).unwrap();
    assert_eq!(compare(&second), Vec::<String>::new());
    // The same sources but for a byte: the file that it went into is named.
    put(root, "image/kernel/ipe.policy", "another policy");
    let third = rebuild::rebuild(tree, &again).unwrap();
    assert_eq!(
        compare(&third),
        [
            "earlier vmlinuz",
            "earlier manifest.json",
            "earlier release.json"
        ]
    );
    put(root, "image/make", "#!/bin/sh\nexit 1\n");
    let stopped = rebuild::rebuild(tree, &again).unwrap_err();
    assert!(stopped.to_string().contains("image/make"), "{stopped}");
}

#[test]
fn the_log_policy_of_the_test_is_readable() {
    assert!(log_policy_text().contains("log.example/test+"));
    assert_eq!(log_policy().witnesses().len(), 1);
}
