//! The decoders of `measurements/digest`.

use cloister_digest::LaunchClaims;
use cloister_digest::snp::Firmware;
use std::hint::black_box;

/// Images are whole pages.
const PAGE: usize = 4096;

/// The table and the metadata stand at the end of an image, so the input is its end and zeroes stand before it.
pub(crate) fn ovmf(data: &[u8]) {
    let mut image = vec![0; data.len().next_multiple_of(PAGE)];
    let start = image.len().saturating_sub(data.len());
    for (to, from) in image.iter_mut().skip(start).zip(data) {
        *to = *from;
    }
    if let Ok(firmware) = Firmware::parse(&image) {
        let _ = black_box(firmware.layout());
    }
}

pub(crate) fn launch_claims(data: &[u8]) {
    let Ok(claims) = LaunchClaims::from_json(data) else {
        return;
    };
    let _ = black_box(claims.digest());
    if let Ok(written) = claims.to_json() {
        assert!(LaunchClaims::from_json(&written).is_ok());
    }
}
