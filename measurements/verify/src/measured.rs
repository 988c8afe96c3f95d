//! Step 3 of [`crate::attest()`]: what a guest was measured as, and which published release that is.

use crate::attest::rules;
use crate::claims::Claims;
use crate::release::{Flavour, Release};
use crate::trail::Trail;
use cloister_bind::ReleaseId;
use std::fmt;

/// What a guest was measured as.
pub(crate) enum Measured {
    /// The launch digest.
    Snp([u8; 48]),
    /// `MRTD`, and `RTMR0` to `RTMR2`.
    Tdx([u8; 48], [[u8; 48]; 3]),
}

impl Measured {
    /// The measurement of what the guest started with.
    pub(crate) fn first(&self) -> &[u8; 48] {
        match self {
            Self::Snp(digest) | Self::Tdx(digest, _) => digest,
        }
    }

    /// The shape of a release that was measured like this, in words.
    fn shape_of(&self, release: &Release) -> Option<String> {
        match self {
            Self::Snp(digest) => release
                .snp
                .iter()
                .find(|shape| shape.digest.0 == *digest)
                .map(|shape| format!("{} CPUs of type {}", shape.vcpus, shape.cpu)),
            Self::Tdx(mrtd, rtmrs) => release
                .tdx
                .iter()
                .find(|shape| (shape.mrtd.0, shape.rtmrs()) == (*mrtd, *rtmrs))
                .map(|shape| format!("{} CPUs and {} MiB", shape.vcpus, shape.memory_mib)),
        }
    }
}

impl fmt::Display for Measured {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Snp(digest) => f.write_str(&hex::encode(digest)),
            Self::Tdx(mrtd, [rtmr0, rtmr1, rtmr2]) => write!(
                f,
                "MRTD {}, RTMR0 {}, RTMR1 {}, RTMR2 {}",
                hex::encode(mrtd),
                hex::encode(rtmr0),
                hex::encode(rtmr1),
                hex::encode(rtmr2)
            ),
        }
    }
}

/// What the evidence says about measurement and `REPORT_DATA`, when it could be read.
pub(crate) fn measured(claims: &Claims) -> Option<(Measured, [u8; 64])> {
    match claims {
        Claims::Snp(claims) => {
            let report = &claims.report;
            Some((Measured::Snp(report.measurement), report.report_data))
        }
        Claims::Tdx(claims) => {
            let body = &claims.quote.as_ref()?.body;
            let [rtmr0, rtmr1, rtmr2, _] = body.rtmr;
            let measured = Measured::Tdx(body.mr_td, [rtmr0, rtmr1, rtmr2]);
            Some((measured, body.report_data))
        }
    }
}

/// Step 3: the published releases of this flavour that have a shape with this measurement.
pub(crate) fn judge<'a>(
    trail: &mut Trail,
    measured: &Measured,
    releases: &[&'a Release],
    flavour: Flavour,
) -> Vec<&'a ReleaseId> {
    let matching: Vec<(&'a Release, String)> = releases
        .iter()
        .filter_map(|release| Some((*release, measured.shape_of(release)?)))
        .collect();
    let names: Vec<String> = releases
        .iter()
        .map(|release| release.release.to_string())
        .collect();
    trail.check(
        &rules::MEASUREMENT,
        !matching.is_empty(),
        format!("a measurement of release {}", names.join(" or ")),
        match matching.first() {
            Some((release, shape)) => {
                format!("{measured} (release {}, {shape})", release.release)
            }
            None => measured.to_string(),
        },
    );
    if matching.is_empty() {
        return Vec::new();
    }
    let name = |flavour| match flavour {
        Flavour::Production => "a release for hardware",
        Flavour::Simulated => "a release for the simulated processor",
    };
    let right: Vec<&ReleaseId> = matching
        .iter()
        .filter(|(release, _)| release.flavour == flavour)
        .map(|(release, _)| &release.release)
        .collect();
    trail.check(
        &rules::FLAVOUR,
        !right.is_empty(),
        name(flavour),
        name(match (right.is_empty(), flavour) {
            (false, flavour) => flavour,
            (true, Flavour::Production) => Flavour::Simulated,
            (true, Flavour::Simulated) => Flavour::Production,
        }),
    );
    right
}
