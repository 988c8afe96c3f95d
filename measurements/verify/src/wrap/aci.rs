//! Azure container instances: the JSON bundle of evidence, and the security policy of a group of containers.

use super::{Inner, certificates, rules};
use crate::keys::Hash;
use crate::snp::Report;
use crate::trail::Trail;
use base64ct::{Base64, Encoding};
use serde::Deserialize;

/// The bundle as it comes; bytes are in base64.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Bundle {
    evidence: String,
    endorsements: String,
    uvm_endorsements: String,
    endorsed_tcb: String,
}

/// The bundle's parts as bytes.
struct Parts {
    report: Vec<u8>,
    endorsements: Vec<u8>,
    endorsement: Vec<u8>,
    tcb: String,
}

fn read(bytes: &[u8]) -> Option<Parts> {
    let bundle: Bundle = serde_json::from_slice(bytes).ok()?;
    let decode = |text: &str| Base64::decode_vec(text).ok();
    Some(Parts {
        report: decode(&bundle.evidence)?,
        endorsements: decode(&bundle.endorsements)?,
        endorsement: decode(&bundle.uvm_endorsements)?,
        tcb: bundle.endorsed_tcb,
    })
}

/// The report and its certificates.
pub(super) fn open(bytes: &[u8]) -> Option<Inner<'_>> {
    let parts = read(bytes)?;
    Some(Inner {
        report: parts.report.into(),
        certificates: certificates(&parts.endorsements)?,
    })
}

/// Judges a bundle and returns the endorsement that it carries, for the rules of its own.
pub(super) fn judge(trail: &mut Trail, bytes: &[u8], report: &Report) -> Vec<u8> {
    let expected = "evidence, endorsements, uvm_endorsements and endorsed_tcb";
    let Some(parts) = read(bytes) else {
        trail.check(&rules::ACI_FORMAT, false, expected, "something else");
        return Vec::new();
    };
    trail.check(&rules::ACI_FORMAT, true, expected, expected);
    let same = parts.report == report.bytes();
    trail.check(
        &rules::ACI_REPORT,
        same,
        "the judged report",
        if same {
            "the judged report"
        } else {
            "another report"
        },
    );
    // The text is written as the report's bytes in their order or, as a number, in the reverse one.
    let mut reversed = report.reported_tcb;
    reversed.reverse();
    let written = [hex::encode(report.reported_tcb), hex::encode(reversed)];
    trail.check(
        &rules::ACI_TCB,
        written.contains(&parts.tcb.to_ascii_lowercase()),
        written.join(" or "),
        parts.tcb,
    );
    parts.endorsement
}

/// The host data are the hash of the security policy.
pub(super) fn judge_policy(trail: &mut Trail, policy: &[u8], report: &Report) {
    let digest = Hash::Sha256.digest(policy);
    trail.check(
        &rules::ACI_POLICY,
        report.host_data.as_slice() == digest,
        hex::encode(digest),
        hex::encode(report.host_data),
    );
}
