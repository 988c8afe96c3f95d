//! Machines that must not serve: one wrong thing at a time, really booted. Each says what was wrong, and ends.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use cloister_tests::folder::Folder;
use cloister_tests::service::{Files, Machine, Service};

/// One machine at a time: two emulated ones would only slow each other down.
fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Boots a machine that must end by itself, and expects `said` on its console.
fn refused(folder: &Folder, files: &Files, said: &str) {
    let (_, console) = Service::boot_that_ends(folder.path(), files);
    assert!(
        console.contains("cloister: init"),
        "it came as far as init: {console}"
    );
    assert!(
        console.contains(said),
        "expected {said:?} on the console: {console}"
    );
    assert!(!console.contains("listening"), "{console}");
}

/// The image with another command line.
fn with_command_line(folder: &Folder, files: Files, change: impl FnOnce(&str) -> String) -> Files {
    let before = std::fs::read_to_string(&files.cmdline).unwrap();
    let after = change(&before);
    assert_ne!(before, after, "control: the line differs");
    let cmdline = folder.path().join("cmdline");
    std::fs::write(&cmdline, after).unwrap();
    Files { cmdline, ..files }
}

#[test]
fn a20_no_secure_processor_no_service() {
    let _turn = alone();
    refused(
        &Folder::new(),
        &Files::of_the_production_image(),
        "cloister: boot refused: secure processor: expected signed evidence",
    );
}

#[test]
fn a1_an_unknown_word_on_the_command_line() {
    let _turn = alone();
    let folder = Folder::new();
    let files = with_command_line(&folder, Files::of_the_production_image(), |line| {
        format!("{line} cloister.debug=1")
    });
    refused(
        &folder,
        &files,
        "cloister: boot refused: command line: expected no further word, found cloister.debug=1",
    );
}

#[test]
fn a1_a_second_set_of_arguments() {
    let _turn = alone();
    let folder = Folder::new();
    let files = with_command_line(&folder, Files::of_the_production_image(), |line| {
        format!("{line} {line}")
    });
    refused(&folder, &files, "cloister: boot refused: command line: ");
}

#[test]
fn a12_no_root_hash() {
    let _turn = alone();
    let folder = Folder::new();
    let files = with_command_line(&folder, Files::of_the_production_image(), |line| {
        line.rsplit_once(" cloister.weights=").unwrap().0.to_owned()
    });
    refused(
        &folder,
        &files,
        "cloister: boot refused: command line: expected cloister.weights=",
    );
}

#[test]
fn a13_a_second_disk() {
    let _turn = alone();
    let folder = Folder::new();
    let mut files = Files::of_the_image();
    let disk = folder.path().join("disk");
    std::fs::write(&disk, vec![0; 1 << 20]).unwrap();
    files.more = ["--", "-drive"].map(str::to_owned).to_vec();
    files.more.push(format!(
        "if=virtio,format=raw,readonly=on,file={}",
        disk.display()
    ));
    refused(
        &folder,
        &files,
        "cloister: boot refused: disk: expected one disk, found 2",
    );
}

#[test]
fn a3_a_configuration_file_of_the_hosts() {
    let _turn = alone();
    let mut files = Files::of_the_production_image();
    files.more = ["--", "-fw_cfg", "name=opt/credential,string=secret"]
        .map(str::to_owned)
        .to_vec();
    refused(
        &Folder::new(),
        &files,
        "cloister: boot refused: configuration files: expected no other file, found opt/credential",
    );
}

#[test]
fn a8_no_hardware_seed() {
    let _turn = alone();
    let mut files = Files::of_the_production_image();
    files.more = ["--cpu", "max,-rdrand,-rdseed"].map(str::to_owned).to_vec();
    refused(
        &Folder::new(),
        &files,
        "cloister: boot refused: hardware seed: ",
    );
}

/// Where the byte code of the test writes: guest-physical memory that neither firmware nor kernel uses.
const TARGET: u32 = 0x600;
/// What it writes.
const WRITTEN: [u8; 4] = [0xba, 0xda, 0x31, 0x8f];

#[test]
fn a2_byte_code_of_the_hosts_reaches_no_memory_and_its_table_is_refused() {
    let _turn = alone();
    let folder = Folder::new();
    let (table, qmp, dump) = (
        folder.path().join("ssdt"),
        folder.path().join("qmp"),
        folder.path().join("memory"),
    );
    std::fs::write(&table, table_that_writes()).unwrap();
    let mut files = Files::of_the_production_image();
    files.more = ["--memory", "256", "--", "-no-shutdown", "-acpitable"]
        .map(str::to_owned)
        .to_vec();
    files.more.push(format!("file={}", table.display()));
    files.more.extend([
        "-qmp".to_owned(),
        format!("unix:{},server=on,wait=off", qmp.display()),
    ]);

    let mut machine = Machine::start(folder.path(), &files);
    let console = machine.wait_for("cloister: boot refused");
    assert!(
        console.contains(&format!(
            "AML access to system memory at 0x{TARGET:016X} refused"
        )),
        "the kernel says so: {console}"
    );
    assert!(
        console
            .contains("cloister: boot refused: ACPI tables: expected no other table, found SSDT"),
        "{console}"
    );
    // The machine has powered off and QEMU holds its memory: the write is nowhere but in the table itself.
    save_memory(&qmp, &dump, 256 << 20);
    let memory = std::fs::read(&dump).unwrap();
    let table = memory
        .windows(WRITTEN.len())
        .filter(|window| *window == WRITTEN)
        .count();
    assert!(table >= 1, "control: the table's own bytes are seen");
    let at = usize::try_from(TARGET).unwrap();
    assert_ne!(
        memory[at..at + WRITTEN.len()],
        WRITTEN,
        "byte code wrote to memory"
    );
}

/// An SSDT whose first instructions store [`WRITTEN`] at [`TARGET`] (ACPI 6.5, sections 5.2.6 and 20.2.5).
fn table_that_writes() -> Vec<u8> {
    let mut code = Vec::new();
    // OperationRegion (MEM0, SystemMemory, TARGET, 4)
    code.extend(b"\x5b\x80MEM0\x00\x0c");
    code.extend(TARGET.to_le_bytes());
    code.extend(b"\x0a\x04");
    // Field (MEM0, DWordAcc, NoLock, Preserve) { VAL0, 32 }
    code.extend(b"\x5b\x81\x0bMEM0\x03VAL0\x20");
    // Store (WRITTEN, VAL0)
    code.extend(b"\x70\x0c");
    code.extend(WRITTEN);
    code.extend(b"VAL0");
    let mut table = Vec::new();
    table.extend(b"SSDT");
    table.extend(u32::try_from(36 + code.len()).unwrap().to_le_bytes());
    table.extend(b"\x02\x00TESTERBADAML\x20\x20");
    table.extend([1, 0, 0, 0]);
    table.extend(b"TEST");
    table.extend([1, 0, 0, 0]);
    assert_eq!(table.len(), 36);
    table.extend(code);
    // All bytes sum to zero.
    table[9] = table
        .iter()
        .fold(0u8, |sum, byte| sum.wrapping_add(*byte))
        .wrapping_neg();
    table
}

/// Has QEMU write the guest's physical memory to a file (QMP, `pmemsave`).
fn save_memory(qmp: &std::path::Path, file: &PathBuf, size: u64) {
    let mut stream = UnixStream::connect(qmp).unwrap();
    let mut answers = BufReader::new(stream.try_clone().unwrap()).lines();
    let mut order = |order: String| {
        stream.write_all(order.as_bytes()).unwrap();
        loop {
            let answer = answers.next().expect("an answer").unwrap();
            assert!(!answer.contains("\"error\""), "{order}: {answer}");
            if answer.contains("\"return\"") {
                return;
            }
        }
    };
    order("{\"execute\":\"qmp_capabilities\"}\n".to_owned());
    order(format!(
        "{{\"execute\":\"pmemsave\",\"arguments\":{{\"val\":0,\"size\":{size},\"filename\":\"{}\"}}}}\n",
        file.display()
    ));
    let start = Instant::now();
    while std::fs::metadata(file).map_or(0, |file| file.len()) < size {
        assert!(
            start.elapsed() < Duration::from_secs(60),
            "the memory is not written"
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}
