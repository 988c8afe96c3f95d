//! One changed input at a time, really changed and really booted: the device refuses each, and says which input it was.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use cloister_tests::Stack;
use cloister_tests::children::Finished;
use cloister_tests::folder::Folder;
use cloister_tests::markers::holds;
use cloister_tests::service::{Files, Service};

const DEVICE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 77);
const THREAD: &[u8] =
    br#"{"text":"Wolverhampton is where we meet, at half past six. Nobody else may know."}"#;

/// The exit code of `cloister` when a check failed and nothing was sent.
const REFUSED: i32 = 1;

/// One machine at a time: two emulated ones would only slow each other down.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Copies a file into `folder` and changes it.
fn changed(folder: &Folder, original: &Path, change: impl FnOnce(&mut Vec<u8>)) -> PathBuf {
    let mut bytes = std::fs::read(original).unwrap();
    let before = bytes.clone();
    change(&mut bytes);
    assert_ne!(bytes, before, "control: the copy differs");
    let path = folder.path().join(original.file_name().unwrap());
    std::fs::write(&path, bytes).unwrap();
    path
}

fn position(bytes: &[u8], needle: &[u8]) -> usize {
    bytes
        .windows(needle.len())
        .position(|window| window == needle)
        .expect("the place to change is there")
}

/// Boots the files, asks, and expects a refusal that names `input`. Returns what the client said.
fn refused(files: &Files, input: &str, others: &[&str]) -> Finished {
    let mut stack = Stack::booted(files, &[]);
    let asked = stack.ask_in_session(THREAD, DEVICE, &[]);
    let said = asked.out() + &asked.err();
    assert_eq!(asked.code, REFUSED, "{said}");
    assert!(
        said.contains(input),
        "the message names what differs, {input:?}: {said}"
    );
    for other in others {
        assert!(!said.contains(other), "and nothing else, {other:?}: {said}");
    }
    assert!(!holds(said.as_bytes(), b"Wolverhampton"));

    // Nothing was sent: a request is at least 4 KiB, and the device's side of the whole session is far shorter than one more.
    let sent: usize = stack
        .wires
        .device_session
        .records()
        .iter()
        .map(|record| record.sent.len())
        .sum();
    assert!(sent < 4096, "{sent} bytes were sent by the device");
    assert!(stack.alive());
    asked
}

const KERNEL: &str = "the kernel differs";
const INITRD: &str = "the initrd differs";
const COMMAND_LINE: &str = "the kernel command line differs";
const CPU_COUNT: &str = "the CPU count differs";

#[test]
fn a_tampered_kernel_is_refused() {
    let _turn = alone();
    let folder = Folder::new();
    let mut files = Files::of_the_image();
    files.kernel = changed(&folder, &files.kernel, |kernel| {
        // The version text that the boot protocol points to (Documentation/arch/x86/boot.rst, kernel_version): never executed.
        let at = usize::from(u16::from_le_bytes([kernel[0x20e], kernel[0x20f]])) + 0x200;
        assert!(
            kernel[at].is_ascii_digit(),
            "control: the kernel's version begins here"
        );
        kernel[at] ^= 1;
    });
    refused(&files, KERNEL, &[INITRD, COMMAND_LINE, CPU_COUNT]);
}

#[test]
fn a_tampered_initrd_is_refused() {
    let _turn = alone();
    let folder = Folder::new();
    let mut files = Files::of_the_image();
    files.initrd = changed(&folder, &files.initrd, |initrd| {
        // A text inside the program, shown only when it stops: the machine boots as if nothing had happened.
        let at = position(initrd, b"cloister: stopped");
        initrd[at] ^= 0x20;
    });
    refused(&files, INITRD, &[KERNEL, COMMAND_LINE, CPU_COUNT]);
}

#[test]
fn a_tampered_command_line_is_refused() {
    let _turn = alone();
    let folder = Folder::new();
    let mut files = Files::of_the_image();
    files.cmdline = changed(&folder, &files.cmdline, |line| {
        // A wider network: init accepts it, and the forwarded port still leads in.
        let at = position(line, b"/24 ");
        line[at + 2] = b'5';
    });
    let asked = refused(&files, COMMAND_LINE, &[KERNEL, INITRD, CPU_COUNT]);
    let said = asked.out() + &asked.err();
    assert!(
        said.contains("/24") && said.contains("/25"),
        "expected and found: {said}"
    );
}

#[test]
fn another_cpu_count_is_refused() {
    let _turn = alone();
    let mut files = Files::of_the_image();
    files.vcpus = 3;
    let asked = refused(&files, CPU_COUNT, &[KERNEL, INITRD, COMMAND_LINE]);
    assert!(
        (asked.out() + &asked.err()).contains("found 3"),
        "{}",
        asked.err()
    );
}

#[test]
fn a_tampered_weights_volume_does_not_serve() {
    let _turn = alone();
    let folder = Folder::new();
    let mut files = Files::of_the_image();
    files.weights = changed(&folder, &files.weights, |volume| {
        // One bit in the middle of the weights, far from anything that mounting reads.
        let middle = volume.len() / 2;
        volume[middle] ^= 1;
    });
    let (_, console) = Service::boot_that_ends(folder.path(), &files);
    assert!(!console.contains("cloister: listening"), "{console}");
    assert!(
        console.contains("verity") && console.contains("corrupted"),
        "dm-verity names the volume: {console}"
    );
}
