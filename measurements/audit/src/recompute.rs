//! Section 3: the launch measurements of a release, computed again from the files by two calculators.

use crate::command;
use crate::report::Section;
use crate::tree::{Hashed, read};
use crate::trust_domain;
use cloister_digest::allow;
use cloister_digest::measure::{CPUS, Files, Measured};
use cloister_digest::snp::{CpuType, Shape};
use cloister_verify::release::{Flavour, Hex, Release, SnpShape};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The script that answers launch cases by sev-snp-measure.
const SCRIPT: &str = "measurements/digest/tests/foreign/sev_snp_measure_cases.py";
/// Where the foreign calculator is installed.
const FOREIGN: &str = "target/foreign/sev-snp-measure";

/// Computes again what `release_file` says, from the files in `image`.
#[must_use]
pub fn section(root: &Path, image: &Path, release_file: &Path) -> Section {
    let mut section = Section::new("recompute", "Recompute: launch measurements from the files");
    release(&mut section, root, image, release_file);
    // The simulated flavour is nobody's release, but the demonstration compares with it.
    let simulated = image.join("release-sim.json");
    if simulated.exists() {
        release(&mut section, root, image, &simulated);
    }
    section
}

struct Parts {
    firmware: PathBuf,
    kernel: PathBuf,
    initrd: PathBuf,
    cmdline: PathBuf,
}

fn release(section: &mut Section, root: &Path, image: &Path, path: &Path) {
    let parsed = read(path).map_err(|error| error.to_string());
    let parsed =
        parsed.and_then(|bytes| Release::from_json(&bytes).map_err(|error| error.to_string()));
    let release = match parsed {
        Ok(release) => release,
        Err(why) => {
            section.failed(path.display(), why);
            return;
        }
    };
    let (firmware, initrd, word) = match release.flavour {
        Flavour::Production => ("OVMF.amdsev.fd", "initrd.cpio", "release"),
        Flavour::Simulated => ("OVMF.generic.fd", "initrd-sim.cpio", "release-sim"),
    };
    let parts = Parts {
        firmware: image.join(firmware),
        kernel: image.join("vmlinuz"),
        initrd: image.join(initrd),
        cmdline: image.join("cmdline"),
    };
    if let Err(why) = files(section, root, image, &release, word, &parts) {
        section.failed(word, why);
    }
}

fn files(
    section: &mut Section,
    root: &Path,
    image: &Path,
    release: &Release,
    word: &str,
    parts: &Parts,
) -> Result<(), String> {
    let bytes = |path: &Path| read(path).map_err(|error| error.to_string());
    let (firmware, kernel) = (bytes(&parts.firmware)?, bytes(&parts.kernel)?);
    let (initrd, cmdline) = (bytes(&parts.initrd)?, bytes(&parts.cmdline)?);
    let same_cmdline = release.cmdline.as_bytes() == cmdline;
    let mut same = same_cmdline;
    for (name, said, found) in [
        (
            "firmware",
            release.firmware.sha256,
            Hashed::of(&firmware).sha256,
        ),
        ("kernel", release.kernel_sha256, Hashed::of(&kernel).sha256),
        ("initrd", release.initrd_sha256, Hashed::of(&initrd).sha256),
    ] {
        same &= said == found;
        section.check(
            said == found,
            format_args!("{word} {name}"),
            format_args!("release file {said}, file {found}"),
        );
    }
    section.check(
        same_cmdline,
        format_args!("{word} command line"),
        format_args!(
            "{} (carries the root hash of the weights, {})",
            release.cmdline, release.weights.root_hash
        ),
    );
    allowed(section, release, word);
    if !same {
        return Err(
            "the release file is about other files, so no digest of these can be its".into(),
        );
    }

    let given = Files {
        firmware: &firmware,
        kernel: &kernel,
        initrd: &initrd,
        cmdline: &cmdline,
    };
    let measured = Measured::hash(&given).map_err(|error| error.to_string())?;
    // The layout is the same for every shape; any will do.
    let [any, ..] = CPUS;
    let cpu = CpuType::parse(any).map_err(|error| error.to_string())?;
    let layout = measured
        .claims(&Shape {
            cpu,
            vcpus: 1,
            guest_features: 1,
        })
        .map_err(|error| error.to_string())?
        .firmware_layout;
    section.check(
        layout == release.firmware.snp,
        format_args!("{word} firmware layout"),
        format_args!(
            "{} sections, hashes at {:#x}, running digest {}",
            layout.sections.len(),
            layout.hashes_gpa,
            layout.pages_digest
        ),
    );
    for shape in &release.snp {
        let cpu = CpuType::parse(&shape.cpu).map_err(|error| error.to_string())?;
        let found = measured.digest(&Shape {
            cpu,
            vcpus: shape.vcpus,
            guest_features: shape.guest_features,
        });
        let found = found.map(Hex).map_err(|error| error.to_string())?;
        section
            .check(
                found == shape.digest,
                format_args!("{word} SNP {}", title(shape)),
                format_args!("release file {}, computed {found}", shape.digest),
            )
            .fact("launch-digest", found);
    }
    foreign(section, root, release, word, parts);
    if release.flavour == Flavour::Production {
        trust_domain::compare(section, root, image, release, &given)?;
    }
    Ok(())
}

fn title(shape: &SnpShape) -> String {
    format!(
        "{} x{} features {:#x}",
        shape.cpu, shape.vcpus, shape.guest_features
    )
}

/// The firmware under the name that the list of looked-at firmware gives its digest.
fn allowed(section: &mut Section, release: &Release, word: &str) {
    let subject = format!("{word} firmware list");
    match allow::list() {
        Err(error) => {
            section.failed(subject, error);
        }
        Ok(list) => match list
            .iter()
            .find(|line| line.sha256 == release.firmware.sha256)
        {
            Some(line) => {
                section.check(
                    line.name == release.firmware.name,
                    subject,
                    format_args!("{}: {} ({})", line.name, line.source, line.date),
                );
            }
            None => {
                section.failed(
                    subject,
                    format_args!("nobody has looked into {}", release.firmware.sha256),
                );
            }
        },
    }
}

/// The same digests by sev-snp-measure, all in one run.
fn foreign(section: &mut Section, root: &Path, release: &Release, word: &str, parts: &Parts) {
    let subject = format!("{word} SNP by sev-snp-measure");
    let installed = root.join(FOREIGN);
    if !installed.is_dir() {
        section.not_shown(
            subject,
            format_args!("not installed; measurements/audit/foreign brings it to {FOREIGN}"),
        );
        return;
    }
    let mut cases = String::new();
    for shape in &release.snp {
        let case = serde_json::json!({
            "firmware": parts.firmware, "kernel": parts.kernel, "initrd": parts.initrd, "cmdline": release.cmdline,
            "cpu": shape.cpu, "vcpus": shape.vcpus, "guest_features": shape.guest_features,
        });
        cases.push_str(&format!("{case}\n"));
    }
    let mut python = Command::new("python3");
    python.arg(root.join(SCRIPT)).env("PYTHONPATH", &installed);
    match command::text(&mut python, cases.as_bytes()) {
        Err(why) => {
            section.failed(subject, why);
        }
        Ok(answers) => {
            let answers: Vec<&str> = answers.lines().collect();
            if answers.len() != release.snp.len() {
                section.failed(
                    &subject,
                    format_args!("{} answers to {} cases", answers.len(), release.snp.len()),
                );
                return;
            }
            let mut equal = 0_usize;
            for (shape, answer) in release.snp.iter().zip(answers) {
                if shape.digest.to_string() == answer {
                    equal = equal.saturating_add(1);
                } else {
                    section.failed(
                        format_args!("{subject}, {}", title(shape)),
                        format_args!("release file {}, theirs {answer}", shape.digest),
                    );
                }
            }
            if equal == release.snp.len() {
                section.check(
                    equal > 0,
                    subject,
                    format_args!("{equal} of {equal} shapes are equal"),
                );
            }
        }
    }
}
