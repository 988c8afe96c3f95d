//! A20, A22: measurements, releases, report data.

use super::*;

#[test]
fn a20_all_four_measurements_are_one_shapes() {
    for offset in [MRTD, RTMR0, RTMR1, RTMR2] {
        attestation_refuses(
            &[
                "release.measurement",
                "release.flavour",
                "binding.report-data",
            ],
            |td| td.body[offset + 7] ^= 1,
        );
    }
    attestation_refuses(
        &[
            "release.published",
            "release.measurement",
            "release.flavour",
            "binding.report-data",
        ],
        |td| td.releases.clear(),
    );
    attestation_refuses(&["release.flavour", "binding.report-data"], |td| {
        td.releases = vec![release("0.1.0", "simulated")];
    });
}

#[test]
fn a22_all_64_bytes_of_report_data_count() {
    for byte in 0..64 {
        attestation_refuses(&["binding.report-data"], |td| {
            td.body[REPORTDATA + byte] ^= 1;
        });
    }
    attestation_refuses(&["binding.report-data"], |td| {
        td.releases = vec![release("0.1.1", "production")];
    });
}
