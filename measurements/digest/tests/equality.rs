//! Three calculators, one digest: ours, the `sev` crate and PyPI's sev-snp-measure, over a matrix of firmware, payload and shape.
//!
//! The Python peer comes from `SEV_SNP_MEASURE` (the path of an installed `sev-snp-measure`), or is installed by pip under Cargo's
//! temporary directory from `sev-snp-measure.txt`. Where neither works the comparison says so on the terminal, unless
//! `CLOISTER_REQUIRE_PEERS` is set: then it fails. Real firmware joins the matrix where it is (tests/real), and so do
//! the firmware tails of the evidence set that `CLOISTER_EVIDENCE` names.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::cast_possible_truncation
)]

mod real;
mod synthetic;

use cloister_digest::snp::{Boot, CpuType, Firmware, Shape, launch_digest};
use sev::measurement::snp::{SnpMeasurementArgs, snp_calc_launch_digest};
use sev::measurement::vcpu_types::CpuType as SevCpu;
use sev::measurement::vmsa::{GuestFeatures, VMMType};
use sha2::{Digest, Sha256};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// One launch.
struct Case {
    firmware: PathBuf,
    /// Kernel, initrd, command line; none for a launch without direct boot.
    payload: Option<(PathBuf, PathBuf, &'static str)>,
    shape: Shape,
}

impl Case {
    fn name(&self) -> String {
        let payload = self.payload.as_ref().map(|p| p.2);
        format!("{} {payload:?} {:?}", self.firmware.display(), self.shape)
    }
}

/// Our answer; none when we refuse.
fn ours(case: &Case) -> Option<String> {
    let image = std::fs::read(&case.firmware).unwrap();
    let layout = Firmware::parse(&image).unwrap().layout().unwrap();
    let sha256 = |path: &Path| <[u8; 32]>::from(Sha256::digest(std::fs::read(path).unwrap()));
    let boot = match &case.payload {
        Some((kernel, initrd, cmdline)) => Boot::Direct {
            kernel_sha256: sha256(kernel),
            initrd_sha256: sha256(initrd),
            cmdline,
        },
        None => Boot::FirmwareOnly,
    };
    launch_digest(&layout, &boot, &case.shape).ok().map(hex)
}

fn hex(bytes: [u8; 48]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Says something on the terminal, past the test harness's capture.
fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Files of the matrix, under Cargo's temporary directory.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Every firmware file at hand: two synthetic ones always, real ones and tails where they are.
fn firmware(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for (name, image) in [
        ("synthetic", synthetic::amdsev()),
        ("synthetic-without", synthetic::without_hashes()),
    ] {
        let path = folder.join(name);
        std::fs::write(&path, image.bytes()).unwrap();
        files.push(path);
    }
    files.extend(
        ["OVMF.amdsev.fd", "OVMF.fd"]
            .into_iter()
            .filter_map(real::firmware),
    );
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/evidence");
    let evidence = std::env::var_os("CLOISTER_EVIDENCE")
        .map_or(beside, PathBuf::from)
        .join("measure/snp-ovmf-suffix");
    for path in
        ["ovmf_AmdSev_suffix.bin", "ovmf_OvmfX64_suffix.bin"].map(|name| evidence.join(name))
    {
        if path.is_file() {
            files.push(path);
        } else {
            say(&format!(
                "SKIPPED: {} is not there, so it is not in the digest matrix",
                path.display()
            ));
        }
    }
    files
}

/// Firmware x payload x CPU model x CPU count x features. Large firmware gets fewer CPU models, because time is finite.
fn matrix(folder: &Path) -> Vec<Case> {
    let file = |name: &str, bytes: &[u8]| {
        let path = folder.join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    };
    let kernel = file("kernel", &[0x4d; 70_001]);
    let initrd = file("initrd", b"070701 not really");
    let nothing = file("nothing", b"");
    let payloads = [
        None,
        Some((
            kernel.clone(),
            initrd,
            "console=ttyS0 panic=-1 cloister.release=0.1.0",
        )),
        Some((kernel, nothing.clone(), "")),
        Some((nothing.clone(), nothing, "x")),
    ];
    let mut cases = Vec::new();
    for firmware in firmware(folder) {
        let small = std::fs::metadata(&firmware).unwrap().len() < 1 << 20;
        for payload in &payloads {
            for cpu in CpuType::all()
                .filter(|cpu| small || !cpu.name().contains("-v") || cpu.name() == "EPYC-v4")
            {
                for vcpus in [1, 4, 33] {
                    for guest_features in [0x1, 0x21] {
                        let shape = Shape {
                            cpu,
                            vcpus,
                            guest_features,
                        };
                        cases.push(Case {
                            firmware: firmware.clone(),
                            payload: payload.clone(),
                            shape,
                        });
                    }
                }
            }
        }
    }
    cases
}

#[test]
fn equals_the_sev_crate() {
    let cases = matrix(&folder("sev-crate"));
    let (mut equal, mut refused) = (0, 0);
    for case in &cases {
        let (kernel, initrd, append) = case
            .payload
            .clone()
            .map_or((None, None, None), |(k, i, c)| (Some(k), Some(i), Some(c)));
        let theirs = snp_calc_launch_digest(SnpMeasurementArgs {
            vcpus: case.shape.vcpus,
            vcpu_type: SevCpu::try_from(case.shape.cpu.name()).unwrap(),
            ovmf_file: case.firmware.clone(),
            guest_features: GuestFeatures(case.shape.guest_features),
            kernel_file: kernel,
            initrd_file: initrd,
            append,
            ovmf_hash_str: None,
            vmm_type: Some(VMMType::QEMU),
        });
        let theirs = theirs.ok().map(|digest| digest.get_hex_ld());
        assert_eq!(ours(case), theirs, "{}", case.name());
        if theirs.is_some() {
            equal += 1
        } else {
            refused += 1
        }
    }
    say(&format!(
        "digest: {equal} digests equal to the sev crate's, {refused} refused by both"
    ));
    assert!(
        equal >= 480 && refused >= 288,
        "the matrix has shrunk: {equal} equal, {refused} refused"
    );
}

/// A Python interpreter with sev-snp-measure, or why there is none.
fn python() -> Result<Command, String> {
    if let Some(program) = std::env::var_os("SEV_SNP_MEASURE") {
        let interpreter = Path::new(&program).with_file_name("python");
        if !interpreter.is_file() {
            return Err(format!(
                "SEV_SNP_MEASURE has no python beside it: {}",
                interpreter.display()
            ));
        }
        return Ok(Command::new(interpreter));
    }
    let target = folder("sev-snp-measure");
    let requirements = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sev-snp-measure.txt");
    let pip = Command::new("python3")
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
            "--no-deps",
            "--require-hashes",
            "--upgrade",
        ])
        .arg("--target")
        .arg(&target)
        .arg("-r")
        .arg(requirements)
        .output()
        .map_err(|e| format!("python3 does not start: {e}"))?;
    if !pip.status.success() {
        return Err(format!(
            "pip failed: {}",
            String::from_utf8_lossy(&pip.stderr).trim()
        ));
    }
    let mut python = Command::new("python3");
    python.env("PYTHONPATH", target);
    Ok(python)
}

#[test]
fn equals_sev_snp_measure() {
    let mut python = match python() {
        Ok(python) => python,
        Err(why) if std::env::var_os("CLOISTER_REQUIRE_PEERS").is_none() => {
            say(&format!(
                "SKIPPED: no comparison with sev-snp-measure: {why}"
            ));
            return;
        }
        Err(why) => panic!("sev-snp-measure is required and absent: {why}"),
    };
    // 0.0.13 knows Turin only under its plain name.
    let mut cases = matrix(&folder("sev-snp-measure-files"));
    cases.retain(|case| !case.shape.cpu.name().starts_with("EPYC-Turin-"));

    let mut lines = String::new();
    for case in &cases {
        let (kernel, initrd, cmdline) = match &case.payload {
            Some((kernel, initrd, cmdline)) => (kernel.to_str(), initrd.to_str(), Some(*cmdline)),
            None => (None, None, None),
        };
        let line = serde_json::json!({
            "firmware": case.firmware, "kernel": kernel, "initrd": initrd, "cmdline": cmdline,
            "cpu": case.shape.cpu.name(), "vcpus": case.shape.vcpus, "guest_features": case.shape.guest_features,
        });
        lines.push_str(&line.to_string());
        lines.push('\n');
    }
    let script =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/foreign/sev_snp_measure_cases.py");
    let mut child = python
        .arg(script)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the interpreter starts");
    let mut stdin = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(lines.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().expect("the peer reads every case");
    assert!(output.status.success(), "the peer failed");
    let answers: Vec<&str> = std::str::from_utf8(&output.stdout)
        .unwrap()
        .lines()
        .collect();
    assert_eq!(answers.len(), cases.len(), "one answer for each case");

    let (mut equal, mut refused) = (0, 0);
    for (case, answer) in cases.iter().zip(answers) {
        match ours(case) {
            Some(digest) => {
                assert_eq!(digest, answer, "{}", case.name());
                equal += 1;
            }
            None => {
                assert_eq!(answer, "refused: RuntimeError", "{}", case.name());
                refused += 1;
            }
        }
    }
    say(&format!(
        "digest: {equal} digests equal to sev-snp-measure's, {refused} refused by both"
    ));
    assert!(
        equal >= 480 && refused >= 288,
        "the matrix has shrunk: {equal} equal, {refused} refused"
    );
}
