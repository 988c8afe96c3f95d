//! What the tests of wrappers share.

use super::pki::Scene;
use cloister_verify::snp::Report;
use cloister_verify::{Outcome, Step};

/// The ids of the rules that did not pass.
pub(crate) fn failed(steps: &[Step]) -> Vec<&'static str> {
    let failed = |step: &&Step| step.outcome == Outcome::Failed;
    steps.iter().filter(failed).map(|step| step.rule).collect()
}

pub(crate) fn outcome(steps: &[Step], rule: &str) -> Outcome {
    steps.iter().find(|step| step.rule == rule).unwrap().outcome
}

/// A report with these report data.
pub(crate) fn report(report_data: &[u8]) -> Report {
    let mut scene = Scene::default();
    scene.put(0x50, &[0; 64]);
    scene.put(0x50, report_data);
    Report::parse(&scene.signed_report()).unwrap()
}
