//! A release's measurements for machines (`cloister-measure --json`).
//!
//! ```json
//! { "format": "cloister-measure-1",
//!   "release": "0.1.0", "flavour": "production",
//!   "kernel_sha256": "…", "initrd_sha256": "…", "cmdline": "…", "weights_root_hash": "…",
//!   "shapes": [
//!     { "technology": "sev-snp", "firmware_sha256": "…", "cpu": "EPYC-v4", "vcpus": 2, "guest_features": 1, "launch_digest": "…" },
//!     { "technology": "tdx", "firmware_sha256": "…", "vcpus": 2, "memory_mib": 2048,
//!       "mrtd": "…", "rtmr0": "…", "rtmr1": "…", "rtmr2": "…",
//!       "events": [ { "rtmr": 0, "digest": "…", "what": "…" } ] } ],
//!   "not_predicted": [ "…" ] }
//! ```
//!
//! Digests are lower-case hexadecimal. Names and meanings stay as they are while `format` does; members may be added. `not_predicted`
//! says in words what these files do not show.

use cloister_verify::release::{Flavour, Hex, Release, TdxEvent};
use serde::Serialize;

/// What the measurements of a release do not show.
#[must_use]
pub fn not_predicted(release: &Release) -> Vec<&'static str> {
    let mut words = Vec::new();
    if release.flavour == Flavour::Simulated {
        return words;
    }
    if release.tdx.is_empty() {
        words.push("TDX: no tables of a host were given, so RTMR0 is not predicted and no TDX shape is published");
    } else {
        words.push("TDX: RTMR0 holds for hosts with exactly the captured tables; another QEMU, device or CPU model gives another");
        words.push("TDX: the order of events in RTMR0 is read from the firmware's source and has not been seen on hardware");
    }
    words
}

#[derive(Serialize)]
struct Report<'a> {
    format: &'static str,
    release: &'a str,
    flavour: Flavour,
    kernel_sha256: Hex<32>,
    initrd_sha256: Hex<32>,
    cmdline: &'a str,
    weights_root_hash: Hex<32>,
    shapes: Vec<Shape<'a>>,
    not_predicted: Vec<&'static str>,
}

#[derive(Serialize)]
#[serde(tag = "technology")]
enum Shape<'a> {
    #[serde(rename = "sev-snp")]
    Snp {
        firmware_sha256: Hex<32>,
        cpu: &'a str,
        vcpus: u32,
        guest_features: u64,
        launch_digest: Hex<48>,
    },
    #[serde(rename = "tdx")]
    Tdx {
        firmware_sha256: Hex<32>,
        vcpus: u32,
        memory_mib: u64,
        mrtd: Hex<48>,
        rtmr0: Hex<48>,
        rtmr1: Hex<48>,
        rtmr2: Hex<48>,
        events: &'a [TdxEvent],
    },
}

/// The JSON of a release's measurements, indented, with a newline at its end.
///
/// # Errors
/// The serialiser's; none is known for these types.
pub fn json(release: &Release) -> Result<String, serde_json::Error> {
    let snp = release.snp.iter().map(|shape| Shape::Snp {
        firmware_sha256: release.firmware.sha256,
        cpu: &shape.cpu,
        vcpus: shape.vcpus,
        guest_features: shape.guest_features,
        launch_digest: shape.digest,
    });
    let tdx = release.tdx.iter().map(|shape| Shape::Tdx {
        firmware_sha256: shape.firmware_sha256,
        vcpus: shape.vcpus,
        memory_mib: shape.memory_mib,
        mrtd: shape.mrtd,
        rtmr0: shape.rtmr0,
        rtmr1: shape.rtmr1,
        rtmr2: shape.rtmr2,
        events: &shape.events,
    });
    let report = Report {
        format: "cloister-measure-1",
        release: release.release.as_str(),
        flavour: release.flavour,
        kernel_sha256: release.kernel_sha256,
        initrd_sha256: release.initrd_sha256,
        cmdline: &release.cmdline,
        weights_root_hash: release.weights.root_hash,
        shapes: snp.chain(tdx).collect(),
        not_predicted: not_predicted(release),
    };
    let mut text = serde_json::to_string_pretty(&report)?;
    text.push('\n');
    Ok(text)
}
