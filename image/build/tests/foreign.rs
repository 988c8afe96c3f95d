//! The archive as GNU cpio reads it, and the tree as veritysetup writes it. Where a program is missing, the test says so loudly.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::cast_possible_truncation
)]

use cloister_image::{cmdline, cpio, verity};
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A folder of this test's own, removed at the end.
struct Scratch(PathBuf);

impl Scratch {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("cloister-image-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The program at one of the usual places (veritysetup is in sbin, which is not on every PATH).
fn program(name: &str, package: &str) -> Option<PathBuf> {
    let found = ["/usr/sbin", "/usr/bin", "/sbin", "/bin"]
        .map(|folder| PathBuf::from(folder).join(name))
        .into_iter()
        .find(|path| path.is_file());
    if found.is_none() {
        eprintln!(
            "NOT CHECKED: {name} is not installed (package {package}), so no foreign program judged this"
        );
    }
    found
}

#[test]
fn gnu_cpio_lists_the_archive() {
    let Some(cpio) = program("cpio", "cpio") else {
        return;
    };
    // An ELF header without program headers is the smallest static program.
    let mut elf = vec![0; 0x2000];
    elf[..6].copy_from_slice(b"\x7fELF\x02\x01");
    let archive = cpio::initramfs(&elf).unwrap();
    let mut child = Command::new(cpio)
        .args(["--list", "--verbose", "--numeric-uid-gid", "--quiet"])
        .env("TZ", "UTC")
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(&archive).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    let lines: Vec<Vec<String>> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .map(|line| line.split_whitespace().map(str::to_owned).collect())
        .collect();
    let row = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    assert_eq!(
        lines,
        [
            row("drwxr-xr-x 2 0 0 0 Jan 1 1970 dev"),
            row("drwxr-xr-x 2 0 0 0 Jan 1 1970 proc"),
            row("drwxr-xr-x 2 0 0 0 Jan 1 1970 sys"),
            row("drwxr-xr-x 2 0 0 0 Jan 1 1970 weights"),
            row("crw------- 1 0 0 5, 1 Jan 1 1970 dev/console"),
            row("-r-xr-xr-x 1 0 0 8192 Jan 1 1970 init"),
        ]
    );
}

#[test]
fn veritysetup_makes_the_same_tree() {
    let Some(veritysetup) = program("veritysetup", "cryptsetup-bin") else {
        return;
    };
    let scratch = Scratch::new("verity");
    // No level, one level, one full level, two levels with a partly filled block, two full ones and a third.
    for blocks in [1usize, 2, 128, 129, 1000, 128 * 128 + 1] {
        let mut state = blocks as u64;
        let data: Vec<u8> = (0..blocks * verity::BLOCK)
            .map(|_| {
                state = state
                    .wrapping_mul(6_364_136_223_846_793_005)
                    .wrapping_add(1_442_695_040_888_963_407);
                (state >> 56) as u8
            })
            .collect();
        let ours = verity::tree(&data).unwrap();
        let volume = scratch.0.join("volume");
        std::fs::write(&volume, &data).unwrap();
        let output = Command::new(&veritysetup)
            .args([
                "format",
                "--no-superblock",
                "--salt=-",
                "--hash=sha256",
                "--data-block-size=4096",
                "--hash-block-size=4096",
            ])
            .arg(format!("--data-blocks={blocks}"))
            .arg(format!("--hash-offset={}", data.len()))
            .args([&volume, &volume])
            .output()
            .unwrap();
        assert!(
            output.status.success(),
            "{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let text = String::from_utf8(output.stdout).unwrap();
        let root = text
            .lines()
            .find_map(|line| line.strip_prefix("Root hash:"))
            .unwrap()
            .trim();
        assert_eq!(root, cmdline::hex(&ours.root), "{blocks} blocks");
        let theirs = std::fs::read(&volume).unwrap();
        assert!(
            theirs[data.len()..] == ours.bytes,
            "{blocks} blocks: the trees differ"
        );
    }
}
