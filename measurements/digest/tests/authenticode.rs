//! The kernel's hash: against the definition, spelled out for one image, and against hostile images.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_possible_truncation
)]

mod direct;
mod tdvf;

use cloister_digest::tdx::{PeError, authenticode};
use direct::{CERTIFICATES, CHECKSUM, kernel};
use sha2::{Digest, Sha384};

/// The hash over these ranges of the image, in this order.
fn over(image: &[u8], ranges: &[(usize, usize)]) -> [u8; 48] {
    let mut hash = Sha384::new();
    for (from, to) in ranges {
        hash.update(&image[*from..*to]);
    }
    hash.finalize().into()
}

#[test]
fn the_definition_for_one_image() {
    let image = kernel();
    let headers = [
        (0, CHECKSUM),
        (CHECKSUM + 4, CERTIFICATES),
        (CERTIFICATES + 8, 0x200),
    ];
    let sections = [(0x200, 0x600), (0x600, 0x800)];
    let parts = [&headers[..], &sections, &[(0x800, 0x900)]].concat();
    assert_eq!(
        authenticode(&image).unwrap(),
        over(&image, &parts),
        "unsigned"
    );

    let mut signed = image.clone();
    signed[CERTIFICATES..CERTIFICATES + 4].copy_from_slice(&0x880u32.to_le_bytes());
    signed[CERTIFICATES + 4..CERTIFICATES + 8].copy_from_slice(&0x80u32.to_le_bytes());
    let parts = [&headers[..], &sections, &[(0x800, 0x880)]].concat();
    let honest = authenticode(&signed).unwrap();
    assert_eq!(honest, over(&signed, &parts), "signed");
    for at in 0..signed.len() {
        let mut bent = signed.clone();
        bent[at] ^= 0x10;
        let left_out = (CHECKSUM..CHECKSUM + 4).contains(&at)
            || (CERTIFICATES..CERTIFICATES + 4).contains(&at)
            || at >= 0x880;
        match authenticode(&bent) {
            Ok(found) => assert_eq!(found == honest, left_out, "byte {at:#x}"),
            Err(_) => assert!(!left_out, "byte {at:#x} is left out, so it cannot be wrong"),
        }
    }
}

/// A5, A51: an image of unknown origin is an error or has a hash, never a panic.
#[test]
fn a5_a51_hostile_images_are_errors() {
    let image = kernel();
    for cut in 0..0x800 {
        assert!(authenticode(&image[..cut]).is_err(), "cut at {cut:#x}");
    }
    for at in 0..0x200 * 8 {
        let mut bent = image.clone();
        bent[at / 8] ^= 1 << (at % 8);
        let _ = authenticode(&bent).map(|hash| assert_ne!(hash, [0; 48]));
    }
    let with = |at: usize, bytes: &[u8]| {
        let mut bent = image.clone();
        bent[at..at + bytes.len()].copy_from_slice(bytes);
        authenticode(&bent)
    };
    assert_eq!(with(0, b"ZM"), Err(PeError::NotPe));
    assert_eq!(with(0x40, b"NE"), Err(PeError::NotPe));
    assert_eq!(
        with(0x58, &0x10bu16.to_le_bytes()),
        Err(PeError::NotPe),
        "32-bit"
    );
    assert_eq!(
        with(0x3c, &u32::MAX.to_le_bytes()),
        Err(PeError::NotPe),
        "headers far away"
    );
    assert_eq!(with(0x46, &97u16.to_le_bytes()), Err(PeError::Sections));
    assert_eq!(
        with(CERTIFICATES + 4, &0x101u32.to_le_bytes()),
        Err(PeError::Bounds),
        "certificates in a section"
    );
    assert_eq!(
        with(0x58 + 60, &u32::MAX.to_le_bytes()),
        Err(PeError::Bounds),
        "headers behind the file"
    );
    assert_eq!(
        with(0x58 + 160 + 16, &u32::MAX.to_le_bytes()),
        Err(PeError::Bounds),
        "a section behind the file"
    );
}
