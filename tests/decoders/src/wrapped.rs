//! The decoders of wrapped evidence and of RA-TLS certificates, each behind the judgement that feeds it.

use crate::part;
use cloister_verify::ratls::{Demand, Presented, judge};
use cloister_verify::snp::Report;
use cloister_verify::tdx::{Body, BodyKind};
use cloister_verify::wrap::hcl::{self, Beside, Hcl, Judged};
use cloister_verify::wrap::{Quote, Wrapper};
use cloister_verify::{Step, UnixTime};
use std::hint::black_box;
use std::sync::LazyLock;

static REPORT: LazyLock<Option<Report>> =
    LazyLock::new(|| Report::parse(include_bytes!("../fixtures/report.bin")).ok());

fn report() -> &'static Report {
    match &*REPORT {
        Some(report) => report,
        None => unreachable!("the fixture is no report"),
    }
}

/// Whatever a file of evidence turns out to be.
pub(crate) fn wrapper(data: &[u8]) {
    let Ok(wrapper) = Wrapper::of(data) else {
        return;
    };
    if let Ok(inner) = wrapper.open(data) {
        let bytes: usize = inner.certificates.iter().map(Vec::len).sum();
        assert!(inner.report.len() + bytes <= data.len());
    }
    assert!(!wrapper.judge(data, Some(report())).is_empty());
}

/// The endorsement of a utility VM. None of them is for the report of a simulated processor.
pub(crate) fn uvm_endorsement(data: &[u8]) {
    let steps = Wrapper::UvmEndorsement.judge(data, Some(report()));
    assert!(!steps.iter().all(Step::passed));
}

pub(crate) fn hcl_report(data: &[u8]) {
    if let Ok(parsed) = Hcl::parse(data) {
        assert!(parsed.snp_report().is_some() != parsed.tdx_report().is_some());
        assert!(parsed.claims.len() < data.len());
    }
    black_box(hcl::judge(data, &Judged::Snp(report()), &Beside::default()));
    // A TD of which everything is zero.
    if let Ok(body) = Body::parse(&[0; 584], BodyKind::Td10) {
        black_box(hcl::judge(data, &Judged::Tdx(&body), &Beside::default()));
    }
}

/// A TPM's quote and its signature, under the key of a report of our own make.
pub(crate) fn tpm_quote(data: &[u8]) {
    let mut rest = data;
    let message = part(&mut rest);
    let beside = Beside {
        quote: Some(Quote {
            message,
            signature: rest,
        }),
        nonce: Some(b"nonce"),
        registers: Some(&[(0, [0; 32])]),
    };
    let steps = hcl::judge(HCL, &Judged::Snp(report()), &beside);
    // Nobody has the other half of that key.
    assert!(!steps.iter().all(Step::passed));
}

/// An HCL report whose key is a number and no key of anybody's (`examples/seeds.rs` made it).
const HCL: &[u8] = include_bytes!("../fixtures/hcl_report.bin");

/// An RA-TLS certificate, and the one above it.
pub(crate) fn ratls_certificate(data: &[u8]) {
    let mut rest = data;
    let certificate = part(&mut rest);
    let above = [rest.to_vec()];
    let presented = Presented {
        certificate,
        above: if rest.is_empty() { &[] } else { &above },
        quote: None,
    };
    for demand in [Demand::Binding, Demand::Production] {
        let opinion = judge(&presented, demand, UnixTime(1_795_392_000));
        // Production asks for collateral, which these certificates never bring.
        assert!(demand == Demand::Binding || !opinion.trail.iter().all(Step::passed));
    }
}
