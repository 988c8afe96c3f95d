//! The built image holds the files that `image/files` lists and no other, and is small. Foreign programs list it: GNU cpio and fsck.erofs.
//! Where no image has been built yet (`make image`), the test says so loudly.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

use std::collections::BTreeSet;
use std::fs::File;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Kernel and initramfs together: everything but weights and the firmware, which is the platform's.
const MAX_BYTES: u64 = 16_000_000;

fn image() -> Option<PathBuf> {
    let folder = std::env::var_os("CLOISTER_IMAGE").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/image"),
        PathBuf::from,
    );
    let built = folder.join("manifest.json").is_file();
    if !built {
        eprintln!(
            "NOT CHECKED: no image under {}; run `make image`",
            folder.display()
        );
    }
    built.then_some(folder)
}

fn listed() -> BTreeSet<String> {
    include_str!("../../files")
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

/// "mode name" of each entry, as GNU cpio sees them; every owner must be root.
fn of_archive(path: &Path) -> BTreeSet<String> {
    let done = Command::new("cpio")
        .args(["--list", "--verbose", "--numeric-uid-gid", "--quiet"])
        .stdin(File::open(path).unwrap())
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    String::from_utf8(done.stdout)
        .unwrap()
        .lines()
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            assert_eq!(words[2..4], ["0", "0"], "an owner that is not root: {line}");
            format!("{} {}", words[0], words[words.len() - 1])
        })
        .collect()
}

/// "mode name" of each regular file of the weights volume, as fsck.erofs unpacks it.
fn of_volume(path: &Path) -> BTreeSet<String> {
    let scratch = Path::new(env!("CARGO_TARGET_TMPDIR")).join("files");
    let _ = std::fs::remove_dir_all(&scratch);
    std::fs::create_dir_all(&scratch).unwrap();
    let tools = scratch.join("toolchain");
    let unpacked = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../toolchain"))
        .arg(&tools)
        .status()
        .unwrap();
    assert!(unpacked.success(), "image/toolchain");
    let out = scratch.join("weights");
    let done = Command::new(tools.join("bin/fsck.erofs"))
        .arg(format!("--extract={}", out.display()))
        .arg("--preserve-perms")
        .arg(path)
        .output()
        .unwrap();
    assert!(done.status.success(), "{done:?}");
    let mut found = BTreeSet::new();
    for entry in std::fs::read_dir(&out).unwrap() {
        let entry = entry.unwrap();
        let meta = entry.metadata().unwrap();
        assert!(
            meta.is_file(),
            "{}: the volume holds plain files",
            entry.path().display()
        );
        let mode = meta.permissions().mode();
        assert_eq!(mode & 0o7777, 0o444, "{}", entry.path().display());
        found.insert(format!(
            "-r--r--r-- weights/{}",
            entry.file_name().to_str().unwrap()
        ));
    }
    std::fs::remove_dir_all(&scratch).unwrap();
    found
}

#[test]
fn the_image_holds_the_listed_files_and_no_other() {
    let Some(image) = image() else { return };
    let listed = listed();
    assert!(listed.len() < 60, "the list fits on a page");
    let mut found = of_archive(&image.join("initrd.cpio"));
    assert_eq!(
        found,
        of_archive(&image.join("initrd-sim.cpio")),
        "both flavours have the same files"
    );
    found.extend(of_volume(&image.join("weights.img")));
    assert_eq!(found, listed, "found on the left, image/files on the right");
    for line in &listed {
        let mode = line.split(' ').next().unwrap();
        assert!(
            !mode.contains(['s', 'S', 't', 'T']),
            "setuid, setgid or sticky: {line}"
        );
    }
}

#[test]
fn kernel_and_initramfs_are_small() {
    let Some(image) = image() else { return };
    let size = |name: &str| std::fs::metadata(image.join(name)).unwrap().len();
    let (kernel, initrd) = (size("vmlinuz"), size("initrd.cpio"));
    println!(
        "kernel {kernel} + initramfs {initrd} = {} bytes",
        kernel + initrd
    );
    assert!(kernel + initrd < MAX_BYTES);
}
