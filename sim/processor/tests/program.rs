//! `cloister-sim` as a process: real files, a real socket, hostile peers, a termination signal.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic
)]

#[path = "../../../measurements/digest/tests/synthetic/mod.rs"]
mod synthetic;

use cloister_bind::ReportData;
use cloister_guest::EvidenceSource;
use cloister_sim_guest::SimulatedProcessor;
use cloister_wire::evidence::{Evidence, EvidenceKind};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

struct Simulator {
    process: Child,
    folder: PathBuf,
}

impl Drop for Simulator {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn command(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cloister-sim"));
    for (flag, file) in [
        ("--socket", "socket"),
        ("--firmware", "firmware"),
        ("--kernel", "kernel"),
        ("--initrd", "initrd"),
        ("--cmdline", "cmdline"),
        ("--root-out", "root.der"),
        ("--log", "log"),
    ] {
        command.arg(flag).arg(folder.join(file));
    }
    command
        .args(["--vcpus", "2", "--cpu", "EPYC-v4"])
        .stderr(Stdio::piped());
    command
}

impl Simulator {
    fn folder(name: &str) -> PathBuf {
        // Short: a socket's path has at most 107 bytes.
        let folder =
            std::env::temp_dir().join(format!("cloister-sim-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        for (file, bytes) in [
            ("firmware", synthetic::amdsev().bytes()),
            ("kernel", vec![1; 10_000]),
            ("initrd", vec![2; 10_000]),
            ("cmdline", b"console=ttyS0 panic=-1".to_vec()),
            ("root.der", b"the root of an earlier start".to_vec()),
        ] {
            std::fs::write(folder.join(file), bytes).unwrap();
        }
        folder
    }

    fn start(name: &str) -> Self {
        let folder = Self::folder(name);
        let process = command(&folder).spawn().unwrap();
        Self { process, folder }
    }

    fn connect(&self) -> UnixStream {
        let begun = Instant::now();
        loop {
            match UnixStream::connect(self.folder.join("socket")) {
                Ok(stream) => {
                    stream
                        .set_read_timeout(Some(Duration::from_secs(60)))
                        .unwrap();
                    return stream;
                }
                Err(_) if begun.elapsed() < Duration::from_secs(20) => {
                    std::thread::sleep(Duration::from_millis(20))
                }
                Err(e) => panic!("nobody listens: {e}"),
            }
        }
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap()
    }

    fn wait_for_log(&self, text: &str) {
        let begun = Instant::now();
        while !self.log().contains(text) {
            assert!(
                begun.elapsed() < Duration::from_secs(60),
                "no line with {text:?} in:\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn terminate(&mut self) -> std::process::ExitStatus {
        assert!(
            Command::new("kill")
                .args(["-TERM", &self.process.id().to_string()])
                .status()
                .unwrap()
                .success()
        );
        let begun = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            assert!(begun.elapsed() < Duration::from_secs(5), "does not stop");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn answer(stream: &mut UnixStream) -> Evidence {
    let mut length = [0; 4];
    stream.read_exact(&mut length).unwrap();
    let mut frame = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
    stream.read_exact(&mut frame).unwrap();
    Evidence::decode(&frame).unwrap()
}

#[test]
fn a_life_of_a_simulated_processor() {
    let mut simulator = Simulator::start("life");
    // It listens before its keys are made, and the first request waits for them.
    let mut machine = simulator.connect();
    let secret = *b"sixty-four bytes that a guest asks for and that no log may show!";
    machine.write_all(&secret).unwrap();
    let first = answer(&mut machine);
    assert_eq!(first.kind, EvidenceKind::Simulated);
    assert_eq!(first.report[0x50..0x90], secret);
    assert_eq!(first.report.len(), 1184);
    let root = std::fs::read(simulator.folder.join("root.der")).unwrap();
    assert_eq!(root[0], 0x30, "the old root is replaced");
    let mode = std::fs::metadata(simulator.folder.join("socket"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);

    // A second machine is turned away, the first one does not notice.
    let mut second = simulator.connect();
    assert!(
        matches!(second.read(&mut [0]), Ok(0)) || second.read(&mut [0]).is_err(),
        "a second connection lives"
    );
    machine.write_all(&[1; 64]).unwrap();
    assert_eq!(answer(&mut machine).report[0x50..0x90], [1; 64]);

    // A request that stops half-way is dropped; the next one starts afresh on the same connection.
    machine.write_all(&[2; 30]).unwrap();
    simulator.wait_for_log("stopped half-way");
    machine.write_all(&[3; 64]).unwrap();
    assert_eq!(answer(&mut machine).report[0x50..0x90], [3; 64]);

    // Requests in one piece are answered in order.
    machine.write_all(&[[4; 64], [5; 64]].concat()).unwrap();
    assert_eq!(answer(&mut machine).report[0x50], 4);
    assert_eq!(answer(&mut machine).report[0x50], 5);

    // The machine goes and comes back, in the middle of a request too.
    machine.write_all(&[6; 10]).unwrap();
    drop(machine);
    simulator.wait_for_log("the connection ended");
    let mut machine = simulator.connect();
    machine.write_all(&[7; 64]).unwrap();
    let last = answer(&mut machine);
    assert_eq!((last.report[0x50], &last.auxiliary), (7, &first.auxiliary));

    assert!(simulator.terminate().success());
    assert!(
        !simulator.folder.join("socket").exists(),
        "the socket stays behind"
    );
    let log = simulator.log();
    for line in [
        "measured 2 CPUs of type EPYC-v4",
        "the certificate chain is made",
        "signed report 6",
        "refused a second",
        "stopped",
    ] {
        assert!(log.contains(line), "no {line:?} in:\n{log}");
    }
    assert!(log.lines().all(|line| line.contains("SIMULATED")), "{log}");
    assert!(
        !log.contains("sixty-four") && !log.contains("73697874792d666f7572"),
        "{log}"
    );
    std::fs::remove_dir_all(&simulator.folder).unwrap();
}

#[test]
fn refuses_to_start_on_what_it_cannot_measure() {
    for (name, file, bytes, reason) in [
        ("firmware", "firmware", vec![0; 4096], "no OVMF table"),
        (
            "cmdline",
            "cmdline",
            b"quiet\n".to_vec(),
            "without a newline",
        ),
    ] {
        let folder = Simulator::folder(name);
        std::fs::write(folder.join(file), bytes).unwrap();
        let output = command(&folder).output().unwrap();
        assert!(!output.status.success());
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(said.contains(reason), "{said}");
        assert!(
            !folder.join("root.der").exists(),
            "an old root stays behind"
        );
        assert!(
            !folder.join("socket").exists(),
            "a dead socket stays behind"
        );
        std::fs::remove_dir_all(&folder).unwrap();
    }
}

#[test]
fn two_processors_do_not_share_a_socket() {
    let simulator = Simulator::start("twice");
    simulator.connect();
    simulator.wait_for_log("the certificate chain is made");
    simulator.wait_for_log("the connection ended");
    let root = std::fs::read(simulator.folder.join("root.der")).unwrap();
    let output = command(&simulator.folder).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("another simulated processor"));
    // The first one still listens, and its root is in place.
    assert_eq!(
        std::fs::read(simulator.folder.join("root.der")).unwrap(),
        root
    );
    let mut stream = simulator.connect();
    stream.write_all(&[1; 64]).unwrap();
    assert_eq!(answer(&mut stream).report[0x50], 1);
    stream
        .set_read_timeout(Some(Duration::from_millis(50)))
        .unwrap();
    assert!(
        stream
            .read(&mut [0])
            .is_err_and(|e| matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut))
    );
    std::fs::remove_dir_all(&simulator.folder).unwrap();
}

#[test]
fn the_guest_side_gets_its_evidence() {
    let simulator = Simulator::start("guest");
    drop(simulator.connect());
    simulator.wait_for_log("the connection ended");
    let source = SimulatedProcessor::open(simulator.folder.join("socket")).unwrap();
    for byte in 0..5 {
        let evidence = source.evidence(&ReportData([byte; 64])).unwrap();
        assert_eq!(evidence.report[0x50..0x90], [byte; 64]);
        assert_eq!(evidence.kind, EvidenceKind::Simulated);
    }
    std::fs::remove_dir_all(&simulator.folder).unwrap();
}
