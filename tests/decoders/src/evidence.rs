//! The decoders of `measurements/verify`, each behind the appraisal that feeds it.

use crate::part;
use cloister_verify::policy::PolicyFiles;
use cloister_verify::snp::Report;
use cloister_verify::{
    Anchors, Binding, Endorsements, Expected, Policy, Release, UnixTime, appraise, attest,
    pem as armour,
};
use cloister_wire::evidence::Evidence;
use std::hint::black_box;
use std::sync::LazyLock;

/// Evidence of a simulated processor whose keys are forgotten (`examples/seeds.rs` made it): what stands around the part that is fuzzed.
const ARK: &[u8] = include_bytes!("../fixtures/ark.der");
const ASK: &[u8] = include_bytes!("../fixtures/ask.der");
const VCEK: &[u8] = include_bytes!("../fixtures/vcek.der");
const REPORT: &[u8] = include_bytes!("../fixtures/report.bin");
/// When those certificates are valid: 2026-11-23 00:00 UTC.
const NOW: UnixTime = UnixTime(1_795_392_000);

static ANCHORS: LazyLock<Option<Anchors>> = LazyLock::new(|| Anchors::danger_simulated(ARK).ok());
static POLICY: LazyLock<Policy> = LazyLock::new(Policy::simulated);
static PRODUCTION: LazyLock<Policy> = LazyLock::new(Policy::production);

fn anchors() -> &'static Anchors {
    match &*ANCHORS {
        Some(anchors) => anchors,
        None => unreachable!("the fixture is no root"),
    }
}

/// Judges, and demands of the verdict what every verdict has.
fn judge(report: &[u8], endorsements: &Endorsements<'_>) {
    let opinion = appraise(report, endorsements, &POLICY, anchors(), NOW);
    assert_eq!(
        opinion.verdict.is_ok(),
        opinion.trail.iter().all(cloister_verify::Step::passed)
    );
    if let Some(claims) = opinion.claims {
        black_box(claims.fields());
    }
}

const GENUINE: Endorsements<'_> = Endorsements {
    vcek: Some(VCEK),
    vlek: None,
    ask: Some(ASK),
    ark: Some(ARK),
    crl: None,
};

pub(crate) fn snp_report(data: &[u8]) {
    if let Ok(report) = Report::parse(data) {
        assert_eq!(report.bytes().as_slice(), data);
        black_box((report.signature(), report.reserved_not_zero()));
    }
    judge(data, &GENUINE);
}

pub(crate) fn certificate_leaf(data: &[u8]) {
    let endorsements = Endorsements {
        vcek: Some(data),
        ..GENUINE
    };
    judge(REPORT, &endorsements);
}

/// Three certificates, each behind its length.
pub(crate) fn certificate_chain(data: &[u8]) {
    let mut rest = data;
    let endorsements = Endorsements {
        vcek: Some(part(&mut rest)),
        vlek: None,
        ask: Some(part(&mut rest)),
        ark: Some(rest),
        crl: None,
    };
    judge(REPORT, &endorsements);
}

pub(crate) fn certificate_root(data: &[u8]) {
    black_box(Anchors::danger_test_root(data).is_ok());
    black_box(Anchors::danger_simulated(data).is_ok());
}

pub(crate) fn revocation_list(data: &[u8]) {
    let endorsements = Endorsements {
        crl: Some(data),
        ..GENUINE
    };
    judge(REPORT, &endorsements);
}

/// From the frame to the verdict, as a device does it.
pub(crate) fn frame(data: &[u8]) {
    let Ok(evidence) = Evidence::decode(data) else {
        return;
    };
    // A frame has one encoding.
    assert_eq!(evidence.encode().as_deref(), Ok(data));
    let binding = Binding::Key {
        spki_der: b"",
        key_configs: b"",
        not_after: NOW.0,
    };
    let expected = Expected {
        policy: &PRODUCTION,
        releases: &[],
        anchors: anchors(),
        now: NOW,
    };
    // No release is accepted, so nothing is.
    assert!(attest(&evidence, &binding, &expected).verdict.is_err());
}

pub(crate) fn pem(data: &[u8]) {
    if let Ok(certificates) = std::str::from_utf8(data).map(armour::certificates) {
        let bytes: usize = certificates.iter().flatten().map(Vec::len).sum();
        assert!(bytes <= data.len());
    }
}

/// The first byte says which of the four files it is.
pub(crate) fn policy(data: &[u8]) {
    let (which, text) = data.split_first().unwrap_or((&0, &[]));
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let mut files = PolicyFiles {
        rules: include_str!("../../../measurements/policy/production.toml"),
        floors: include_str!("../../../measurements/policy/amd-floors.toml"),
        intel_floors: include_str!("../../../measurements/policy/intel-floors.toml"),
        machines: include_str!("../../../measurements/policy/machines.toml"),
    };
    match which {
        b'r' => files.rules = text,
        b'f' => files.floors = text,
        b'i' => files.intel_floors = text,
        _ => files.machines = text,
    }
    let _ = black_box(Policy::parse(&files));
}

pub(crate) fn release(data: &[u8]) {
    let Ok(release) = Release::from_json(data) else {
        return;
    };
    let Ok(written) = release.to_json() else {
        unreachable!("a release that was read cannot be written");
    };
    assert!(Release::from_json(written.as_bytes()).is_ok());
}
