//! Launch digests of SEV-SNP, recomputed from the inputs that a case states.

use std::path::Path;

use cloister_client::failure::Failure;
use cloister_digest::snp::{
    Boot, CpuType, Firmware, FirmwareLayout, Launcher, Section, Shape, launch_digest_by,
};
use cloister_verify::release::Hex;
use cloister_verify::{Anchors, Claims, Endorsements, Policy, Rule, UnixTime, appraise};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::super::if_there;
use super::{Findings, MAX_FIRMWARE, json};
use crate::command::files;

/// The most vectors of a case.
const MAX_VECTORS: usize = 1024;

const DIGEST: Rule = Rule {
    id: "measure.snp.digest",
    title: "the launch digest of the inputs is the one that was measured",
    clause: "AMD 56860 section 8.17; QEMU target/i386/sev.c",
};
const STATED: Rule = Rule {
    id: "measure.snp.stated",
    title: "the stated launch digest is the one of the inputs",
    clause: "AMD 56860 section 8.17; QEMU target/i386/sev.c",
};
const CMDLINE: Rule = Rule {
    id: "measure.snp.cmdline",
    title: "the command line names the file beside it by its hash",
    clause: "Cloister, cases",
};

/// What a launch of a real machine was given.
#[derive(Deserialize)]
struct Inputs {
    kernel_hash: Hex<32>,
    initrd_hash: Hex<32>,
    cmdline: String,
    vcpu_type: String,
    vcpus: u32,
    guest_features: u64,
    vmm: String,
    ovmf_hash: Hex<48>,
    ovmf_sections: Vec<InputSection>,
    sev_hashes_table_gpa: u32,
    sev_es_reset_eip: u32,
    expected_launch_digest: Option<Hex<48>>,
}

#[derive(Deserialize)]
struct InputSection {
    gpa: u32,
    size: u32,
    section_type: u32,
}

/// One published vector.
#[derive(Deserialize)]
struct Vector {
    name: String,
    inputs: VectorInputs,
    expected_launch_digest: Hex<48>,
}

#[derive(Deserialize)]
struct VectorInputs {
    mode: String,
    vcpus: u32,
    vcpu_type: Option<String>,
    ovmf: String,
    kernel: Option<String>,
    initrd: Option<String>,
    append: Option<String>,
    guest_features: u64,
    vmm: String,
}

/// Recomputes what the folder has inputs for.
pub(super) fn judge(folder: &Path, findings: &mut Findings) -> Result<(), Failure> {
    let path = folder.join("inputs.json");
    if let Some(bytes) = if_there(&path)? {
        machine(folder, &json(&path, &bytes)?, findings)?;
    }
    let path = folder.join("vectors.json");
    if let Some(bytes) = if_there(&path)? {
        let vectors: Vec<Vector> = json(&path, &bytes)?;
        if vectors.len() > MAX_VECTORS {
            return Err(Failure::input(path.display(), "too many vectors"));
        }
        for vector in &vectors {
            let computed = recompute(folder, &vector.inputs)?;
            compare(
                findings,
                &STATED,
                &format!("{}: ", vector.name),
                &vector.expected_launch_digest,
                computed,
            );
        }
    }
    Ok(())
}

fn compare(
    findings: &mut Findings,
    rule: &Rule,
    name: &str,
    expected: &Hex<48>,
    computed: Result<[u8; 48], String>,
) {
    let (passed, found) = match computed {
        Ok(digest) => (digest == expected.0, Hex(digest).to_string()),
        Err(why) => (false, why),
    };
    findings.check(rule, passed, format!("{name}{expected}"), found);
}

/// The launch of a real machine, with its report.
fn machine(folder: &Path, inputs: &Inputs, findings: &mut Findings) -> Result<(), Failure> {
    let computed = of_machine(inputs);
    if let Some(expected) = &inputs.expected_launch_digest {
        compare(findings, &STATED, "", expected, computed.clone());
    }
    let path = folder.join("report.bin");
    let report = files::read(&path, super::MAX_TEXT)?;
    // Only what the report says is taken from this: nothing here vouches for it.
    let opinion = appraise(
        &report,
        &Endorsements::default(),
        &Policy::authentic(),
        &Anchors::hardware(),
        UnixTime(0),
    );
    let Some(Claims::Snp(claims)) = opinion.claims else {
        return Err(Failure::input(path.display(), "expected an SEV-SNP report"));
    };
    let measurement = Hex(claims.report.measurement);
    compare(findings, &DIGEST, "", &measurement, computed);
    let fields = Claims::Snp(claims).fields().into_iter();
    findings
        .fields
        .extend(fields.map(|(name, value)| (name.to_owned(), value)));

    if let Some(file) = if_there(&folder.join("docker-compose.yaml"))? {
        let expected = format!(
            "docker_compose_hash={}",
            Hex(<[u8; 32]>::from(Sha256::digest(file)))
        );
        let mut words = inputs.cmdline.split(' ');
        let named = words.any(|word| word == expected);
        findings.check(&CMDLINE, named, expected, inputs.cmdline.clone());
    }
    Ok(())
}

fn of_machine(inputs: &Inputs) -> Result<[u8; 48], String> {
    let sections = inputs.ovmf_sections.iter();
    let sections = sections.map(|s| Section::new(s.gpa, s.size, s.section_type));
    let layout = FirmwareLayout::new(
        inputs.ovmf_hash.0,
        sections
            .collect::<Result<_, _>>()
            .map_err(|e| e.to_string())?,
        inputs.sev_es_reset_eip,
        Some(inputs.sev_hashes_table_gpa),
    )
    .map_err(|error| error.to_string())?;
    let boot = Boot::Direct {
        kernel_sha256: inputs.kernel_hash.0,
        initrd_sha256: inputs.initrd_hash.0,
        cmdline: &inputs.cmdline,
    };
    let shape = shape(Some(&inputs.vcpu_type), inputs.vcpus, inputs.guest_features)?;
    let launcher = launcher(&inputs.vmm)?;
    launch_digest_by(launcher, &layout, &boot, &shape).map_err(|error| error.to_string())
}

/// The digest of a vector's inputs, or why there is none.
fn recompute(folder: &Path, inputs: &VectorInputs) -> Result<Result<[u8; 48], String>, Failure> {
    let Some(image) = part(folder, &inputs.ovmf)? else {
        return Ok(Err("no firmware beside the vectors".to_owned()));
    };
    let mut hashes = [[0; 32]; 2];
    for (hash, name) in hashes.iter_mut().zip([&inputs.kernel, &inputs.initrd]) {
        let bytes = match name.as_deref() {
            None | Some("empty") => Some(Vec::new()),
            Some(name) => part(folder, name)?,
        };
        match bytes {
            Some(bytes) => *hash = Sha256::digest(bytes).into(),
            None => return Ok(Err("no kernel or initrd beside the vectors".to_owned())),
        }
    }
    let [kernel_sha256, initrd_sha256] = hashes;
    let boot = match (&inputs.kernel, &inputs.append) {
        (None, None) => Boot::FirmwareOnly,
        (Some(_), append) => Boot::Direct {
            kernel_sha256,
            initrd_sha256,
            cmdline: append.as_deref().unwrap_or_default(),
        },
        (None, Some(_)) => return Ok(Err("a command line without a kernel".to_owned())),
    };
    let digest = || {
        if inputs.mode != "SEV_SNP" {
            return Err(format!("mode {}, which is not measured here", inputs.mode));
        }
        let launcher = launcher(&inputs.vmm)?;
        let cpu = inputs.vcpu_type.as_deref();
        // Google's launcher measures no CPU model; every other one does.
        let cpu = cpu.or((launcher == Launcher::Gce).then_some("EPYC"));
        let shape = shape(cpu, inputs.vcpus, inputs.guest_features)?;
        let firmware = Firmware::parse(&image).map_err(|error| error.to_string())?;
        let layout = firmware.layout().map_err(|error| error.to_string())?;
        launch_digest_by(launcher, &layout, &boot, &shape).map_err(|error| error.to_string())
    };
    Ok(digest())
}

fn launcher(name: &str) -> Result<Launcher, String> {
    match name {
        "QEMU" => Ok(Launcher::Qemu),
        "gce" => Ok(Launcher::Gce),
        other => Err(format!("launcher {other}, which is not known here")),
    }
}

fn shape(cpu: Option<&str>, vcpus: u32, guest_features: u64) -> Result<Shape, String> {
    let cpu = cpu.ok_or_else(|| "no CPU model".to_owned())?;
    Ok(Shape {
        cpu: CpuType::parse(cpu).map_err(|error| error.to_string())?,
        vcpus,
        guest_features,
    })
}

/// A file of the folder by its bare name.
fn part(folder: &Path, name: &str) -> Result<Option<Vec<u8>>, Failure> {
    let bare = Path::new(name).file_name().is_some_and(|bare| bare == name);
    let path = folder.join(name);
    if !bare || !path.is_file() {
        return Ok(None);
    }
    files::read(&path, MAX_FIRMWARE).map(Some)
}
