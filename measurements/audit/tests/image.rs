//! One changed byte in the image or in a number of its release fails the audit, and the line that fails names it.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use cloister_audit::rebuild::{self, Comparison};
use cloister_audit::report::Mark;
use cloister_audit::{base, provenance, recompute};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use support::{changed, commit, failed, flip, put, replace, scene};

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
    put(&workshop, "left/over", "not ours");
    let refused = rebuild::rebuild(tree, &workshop).unwrap_err();
    assert!(
        refused.to_string().contains("no audit made it"),
        "{refused}"
    );
    assert!(workshop.join("left/over").exists());
    fs::remove_dir_all(&workshop).unwrap();
    rebuild::rebuild(tree, &workshop).unwrap();
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
