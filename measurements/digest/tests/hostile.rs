//! Firmware of unknown origin: whatever the bytes, an answer and no panic, and only well-formed images are measured.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_possible_truncation
)]

mod synthetic;

use cloister_digest::snp::{
    Boot, CpuType, DigestError, Firmware, FirmwareError, FirmwareLayout, LayoutError, MAX_FIRMWARE,
    MAX_VCPUS, Shape, launch_digest,
};
use synthetic::{Image, METADATA_FROM_END, amdsev, without_hashes};

fn measure(bytes: &[u8]) -> Result<FirmwareLayout, FirmwareError> {
    Firmware::parse(bytes)?.layout()
}

fn shape(vcpus: u32) -> Shape {
    Shape {
        cpu: CpuType::parse("EPYC-v4").unwrap(),
        vcpus,
        guest_features: 1,
    }
}

const DIRECT: Boot<'static> = Boot::Direct {
    kernel_sha256: [1; 32],
    initrd_sha256: [2; 32],
    cmdline: "quiet",
};

#[test]
fn well_formed_images_are_measured() {
    let layout = measure(&amdsev().bytes()).unwrap();
    assert_eq!(
        (
            layout.sections().len(),
            layout.reset_eip(),
            layout.hashes_gpa()
        ),
        (7, 0x0080_b004, Some(0x0081_0c00))
    );
    assert!(launch_digest(&layout, &DIRECT, &shape(2)).is_ok());
    let layout = measure(&without_hashes().bytes()).unwrap();
    assert_eq!(
        launch_digest(&layout, &DIRECT, &shape(2)),
        Err(DigestError::NoHashPage)
    );
    assert!(launch_digest(&layout, &Boot::FirmwareOnly, &shape(2)).is_ok());
}

#[test]
fn impossible_machines_are_refused() {
    let layout = measure(&amdsev().bytes()).unwrap();
    for vcpus in [0, MAX_VCPUS + 1, u32::MAX] {
        assert_eq!(
            launch_digest(&layout, &DIRECT, &shape(vcpus)),
            Err(DigestError::Vcpus { found: vcpus })
        );
    }
    let cut = Boot::Direct {
        kernel_sha256: [1; 32],
        initrd_sha256: [2; 32],
        cmdline: "quiet\0init=/bin/sh",
    };
    assert_eq!(
        launch_digest(&layout, &cut, &shape(1)),
        Err(DigestError::NulInCmdline)
    );
}

#[test]
fn every_input_moves_the_digest() {
    let layout = measure(&amdsev().bytes()).unwrap();
    let mut changed = amdsev();
    changed.seed = 2;
    let other_firmware = measure(&changed.bytes()).unwrap();
    let digest = |layout: &FirmwareLayout,
                  kernel: u8,
                  initrd: u8,
                  cmdline: &str,
                  cpu: &str,
                  vcpus,
                  guest_features| {
        let boot = Boot::Direct {
            kernel_sha256: [kernel; 32],
            initrd_sha256: [initrd; 32],
            cmdline,
        };
        let shape = Shape {
            cpu: CpuType::parse(cpu).unwrap(),
            vcpus,
            guest_features,
        };
        launch_digest(layout, &boot, &shape).unwrap()
    };
    let digests = [
        digest(&layout, 1, 2, "quiet", "EPYC-v4", 1, 1),
        digest(&other_firmware, 1, 2, "quiet", "EPYC-v4", 1, 1),
        digest(&layout, 3, 2, "quiet", "EPYC-v4", 1, 1),
        digest(&layout, 1, 3, "quiet", "EPYC-v4", 1, 1),
        digest(&layout, 2, 1, "quiet", "EPYC-v4", 1, 1),
        digest(&layout, 1, 2, "quiet ", "EPYC-v4", 1, 1),
        digest(&layout, 1, 2, "", "EPYC-v4", 1, 1),
        digest(&layout, 1, 2, "quiet", "EPYC-Genoa", 1, 1),
        digest(&layout, 1, 2, "quiet", "EPYC-v4", 2, 1),
        digest(&layout, 1, 2, "quiet", "EPYC-v4", 1, 0x21),
    ];
    for (n, one) in digests.iter().enumerate() {
        assert!(
            !digests[..n].contains(one),
            "launch {n} has the digest of another"
        );
    }
}

#[test]
fn bent_metadata_is_refused_for_its_reason() {
    let with = |bend: &dyn Fn(&mut Image)| {
        let mut image = amdsev();
        bend(&mut image);
        measure(&image.bytes()).unwrap_err()
    };
    let layout = FirmwareError::Layout;
    assert_eq!(
        with(&|i| i.sections[0].0 = 0x80_0001),
        layout(LayoutError::NotPages {
            gpa: 0x80_0001,
            size: 0x9000
        })
    );
    assert_eq!(
        with(&|i| i.sections[0].1 = 0),
        layout(LayoutError::NotPages {
            gpa: 0x80_0000,
            size: 0
        })
    );
    assert_eq!(
        with(&|i| i.sections[0] = (0xffff_f000, 0x1000, 1)),
        layout(LayoutError::NotPages {
            gpa: 0xffff_f000,
            size: 0x1000
        })
    );
    assert_eq!(
        with(&|i| i.sections[2].1 = 0x2000),
        layout(LayoutError::NotOnePage {
            gpa: 0x80_d000,
            size: 0x2000
        })
    );
    assert_eq!(
        with(&|i| i.sections[1].0 = 0x80_8000),
        layout(LayoutError::Overlap { gpa: 0x80_8000 })
    );
    assert_eq!(
        with(&|i| i.sections[3].2 = 16),
        layout(LayoutError::TwoHashPages)
    );
    assert_eq!(
        with(&|i| i.sections[0].2 = 9),
        layout(LayoutError::Kind { found: 9 })
    );
    assert_eq!(
        with(&|i| i.sections[5].1 = 0x7000_0000),
        layout(LayoutError::TooMuch)
    );
    assert_eq!(
        with(&|i| i.sections = vec![(0, 0x1000, 1); 65]),
        layout(LayoutError::TooMuch)
    );
    for outside in [0x80_ffff, 0x81_0f51, 0x81_1000, 1, u32::MAX] {
        let found = with(&|i| i.hashes_gpa = outside);
        assert_eq!(
            found,
            layout(LayoutError::HashesOutside {
                hashes_gpa: outside
            })
        );
    }
    assert_eq!(
        with(&|i| i.sections.truncate(6)),
        layout(LayoutError::HashesOutside {
            hashes_gpa: 0x81_0c00
        })
    );
}

#[test]
fn bent_tables_are_refused_for_their_reason() {
    let good = amdsev().bytes();
    let with = |from_end: usize, bytes: &[u8]| {
        let mut image = good.clone();
        let start = image.len() - from_end;
        image[start..start + bytes.len()].copy_from_slice(bytes);
        measure(&image).unwrap_err()
    };
    // The footer: GUID 48 to 33 bytes before the end, its size before that, then the reset block's GUID, size and address.
    assert_eq!(with(48, &[0]), FirmwareError::NoTable);
    assert_eq!(
        with(50, &17u16.to_le_bytes()),
        FirmwareError::TableEntry {
            size: 17,
            left: good.len() - 50
        }
    );
    assert_eq!(
        with(50, &u16::MAX.to_le_bytes()),
        FirmwareError::TableEntry {
            size: 65535,
            left: good.len() - 50
        }
    );
    assert!(matches!(
        with(68, &17u16.to_le_bytes()),
        FirmwareError::TableEntry { size: 17, .. }
    ));
    assert!(matches!(
        with(68, &999u16.to_le_bytes()),
        FirmwareError::TableEntry { size: 999, .. }
    ));
    assert!(matches!(
        with(66, &[0]),
        FirmwareError::Missing {
            entry: "SEV-ES reset block"
        }
    ));
    let from_end = METADATA_FROM_END;
    assert_eq!(with(from_end, b"BSEV"), FirmwareError::MetadataSignature);
    for length in [0, 15, 16 + 12 * 7 - 1, 16 + 12 * 7 + 1, u32::MAX] {
        assert_eq!(
            with(from_end - 4, &length.to_le_bytes()),
            FirmwareError::MetadataBounds,
            "length {length}"
        );
    }
    assert_eq!(
        with(from_end - 8, &2u32.to_le_bytes()),
        FirmwareError::MetadataVersion { found: 2 }
    );
    for count in [0, 6, 8] {
        assert_eq!(
            with(from_end - 12, &u32::to_le_bytes(count)),
            FirmwareError::MetadataBounds,
            "count {count}"
        );
    }
    assert_eq!(
        with(from_end - 12, &u32::MAX.to_le_bytes()),
        FirmwareError::Layout(LayoutError::TooMuch)
    );
}

#[test]
fn other_lengths_are_refused() {
    let good = amdsev().bytes();
    for length in (0..good.len()).filter(|n| !n.is_multiple_of(4096) || *n == 0) {
        assert_eq!(
            measure(&good[..length]).unwrap_err(),
            FirmwareError::Size { found: length }
        );
        assert_eq!(
            measure(&good[good.len() - length..]).unwrap_err(),
            FirmwareError::Size { found: length }
        );
    }
    assert_eq!(measure(&good[..4096]).unwrap_err(), FirmwareError::NoTable);
    let long = vec![0; MAX_FIRMWARE + 4096];
    assert_eq!(
        measure(&long).unwrap_err(),
        FirmwareError::Size { found: long.len() }
    );
}

/// A small generator of our own, so that a failure comes back with its seed.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n as u64) as usize
    }
}

#[test]
fn noise_never_panics() {
    let good = [amdsev().bytes(), without_hashes().bytes()];
    let (mut accepted, mut refused) = (0u32, 0u32);
    for seed in 1..=60_000u64 {
        let mut noise = Noise(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        // The last page alone: all structure lies in it, and hashing stays cheap.
        let source = &good[noise.below(2)];
        let mut image = source[source.len() - 4096..].to_vec();
        for _ in 0..=noise.below(6) {
            // Mostly where the structure is: metadata, then the table at the end.
            let at = match noise.below(4) {
                0 => noise.below(4096),
                1 => 4096 - METADATA_FROM_END + noise.below(16 + 12 * 7),
                _ => 4096 - 160 + noise.below(160),
            };
            let interesting = [
                0,
                1,
                0x7f,
                0x80,
                0xff,
                noise.next() as u8,
                image[at] ^ (1 << noise.below(8)),
            ];
            image[at] = interesting[noise.below(interesting.len())];
        }
        match measure(&image) {
            Err(_) => refused += 1,
            Ok(layout) => {
                // Whatever is accepted can be measured within bounds, or is refused for want of a hash page.
                let digest = launch_digest(&layout, &DIRECT, &shape(2));
                assert!(
                    matches!(digest, Ok(_) | Err(DigestError::NoHashPage)),
                    "seed {seed}"
                );
                accepted += 1;
            }
        }
    }
    assert!(
        accepted > 1000 && refused > 10_000,
        "the noise misses its aim: {accepted} accepted, {refused} refused"
    );
}
