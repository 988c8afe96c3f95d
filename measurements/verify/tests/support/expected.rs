//! What the verifier of the tests expects: policies with one thing changed, and releases with one shape of each kind.
#![allow(dead_code, reason = "each test file uses its part")]

use cloister_verify::policy::{PolicyFiles, SIMULATED_HARDWARE_ID};
use cloister_verify::{Policy, Release};

/// A text that is there once, and what takes its place.
pub(crate) type Change<'a> = (&'a str, &'a str);

/// Nothing is changed.
pub(crate) const UNCHANGED: Change<'static> = ("", "");

fn changed(text: &str, (from, to): Change<'_>) -> String {
    if from.is_empty() {
        return text.to_owned();
    }
    assert_eq!(text.matches(from).count(), 1, "{from} is not there once");
    text.replace(from, to)
}

fn machine(hardware_id: &[u8], smt: bool) -> String {
    format!(
        "machines = [{{ hardware-id = \"{}\", smt = {smt}, name = \"test\", source = \"test\", date = \"2026-11-23\" }}]",
        hex::encode(hardware_id)
    )
}

/// The production policy with its rules and Intel's floors changed, and one machine.
pub(crate) fn policy(
    rules: Change<'_>,
    intel_floors: Change<'_>,
    hardware_id: &[u8],
    smt: bool,
) -> Policy {
    Policy::parse(&PolicyFiles {
        rules: &changed(include_str!("../../../policy/production.toml"), rules),
        floors: include_str!("../../../policy/amd-floors.toml"),
        intel_floors: &changed(
            include_str!("../../../policy/intel-floors.toml"),
            intel_floors,
        ),
        machines: &machine(hardware_id, smt),
    })
    .unwrap()
}

/// The production policy with one machine.
pub(crate) fn listing(hardware_id: &[u8], smt: bool) -> Policy {
    let machines = machine(hardware_id, smt);
    Policy::production().with_machines(&machines).unwrap()
}

/// The production policy with another text in its rules, and the machine of the simulated processor.
pub(crate) fn production_with(from: &str, to: &str) -> Policy {
    policy((from, to), UNCHANGED, &SIMULATED_HARDWARE_ID, false)
}

/// A release with one SNP shape of this digest, or with one TDX shape of these `MRTD` and `RTMR0` to `RTMR2`.
pub(crate) fn release_with(
    id: &str,
    flavour: &str,
    digest: [u8; 48],
    tdx: Option<[[u8; 48]; 4]>,
) -> Release {
    let (hash, digest) = ("ab".repeat(32), hex::encode(digest));
    let (snp, tdx) = match tdx.map(|numbers| numbers.map(hex::encode)) {
        None => (
            format!(r#"{{"cpu":"EPYC-v4","vcpus":1,"guest_features":1,"digest":"{digest}"}}"#),
            String::new(),
        ),
        Some([mrtd, rtmr0, rtmr1, rtmr2]) => (
            String::new(),
            format!(
                r#"{{"firmware_sha256":"{hash}","vcpus":2,"memory_mib":2048,"mrtd":"{mrtd}","rtmr0":"{rtmr0}","rtmr1":"{rtmr1}","rtmr2":"{rtmr2}"}}"#
            ),
        ),
    };
    let json = format!(
        r#"{{"release":"{id}","flavour":"{flavour}","firmware":{{"name":"tests","sha256":"{hash}","snp":{{"pages_digest":"{digest}",
"sections":[{{"gpa":8388608,"size":4096,"kind":16}}],"reset_eip":1,"hashes_gpa":8388608}}}},
"kernel_sha256":"{hash}","initrd_sha256":"{hash}","cmdline":"cloister.release={id} cloister.weights={hash}:12",
"weights":{{"root_hash":"{hash}"}},"snp":[{snp}],"tdx":[{tdx}]}}"#
    );
    Release::from_json(json.as_bytes()).unwrap()
}
