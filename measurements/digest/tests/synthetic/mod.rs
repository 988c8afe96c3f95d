//! Well-formed firmware made by hand, so that the tests need no file: OVMF's table and metadata behind patterned bytes.
#![allow(dead_code, reason = "no test needs all of it")]
#![allow(
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_possible_truncation
)]

const FOOTER: [u8; 16] = [
    0xde, 0x82, 0xb5, 0x96, 0xb2, 0x1f, 0xf7, 0x45, 0xba, 0xea, 0xa3, 0x66, 0xc5, 0x5a, 0x08, 0x2d,
];
const HASH_TABLE: [u8; 16] = [
    0x1f, 0x37, 0x55, 0x72, 0x3b, 0x3a, 0x04, 0x4b, 0x92, 0x7b, 0x1d, 0xa6, 0xef, 0xa8, 0xd4, 0x54,
];
const RESET_BLOCK: [u8; 16] = [
    0xde, 0x71, 0xf7, 0x00, 0x7e, 0x1a, 0xcb, 0x4f, 0x89, 0x0e, 0x68, 0xc7, 0x7e, 0x2f, 0xb4, 0x4e,
];
const SEV_METADATA: [u8; 16] = [
    0x66, 0x65, 0x88, 0xdc, 0x4a, 0x98, 0x98, 0x47, 0xa7, 0x5e, 0x55, 0x85, 0xa7, 0xbf, 0x67, 0xcc,
];
/// An entry that no calculator needs.
const OTHER: [u8; 16] = [7; 16];

/// How far before the end of the image the metadata starts.
pub(crate) const METADATA_FROM_END: usize = 0x400;

/// The parts of a synthetic image; tests bend single ones.
#[derive(Clone)]
pub(crate) struct Image {
    pub(crate) pages: usize,
    pub(crate) seed: u8,
    pub(crate) reset_eip: u32,
    pub(crate) hashes_gpa: u32,
    pub(crate) sections: Vec<(u32, u32, u32)>,
}

/// The seven sections of Debian's AmdSev build.
pub(crate) fn amdsev() -> Image {
    Image {
        pages: 3,
        seed: 1,
        reset_eip: 0x0080_b004,
        hashes_gpa: 0x0081_0c00,
        sections: vec![
            (0x80_0000, 0x9000, 1),
            (0x80_a000, 0x3000, 1),
            (0x80_d000, 0x1000, 2),
            (0x80_e000, 0x1000, 3),
            (0x80_f000, 0x1000, 4),
            (0x81_1000, 0x1f000, 1),
            (0x81_0000, 0x1000, 16),
        ],
    }
}

/// The same without a place for hashes, as an OVMF without direct boot.
pub(crate) fn without_hashes() -> Image {
    let mut image = amdsev();
    image.seed = 9;
    image.hashes_gpa = 0;
    image.sections.pop();
    image
}

impl Image {
    /// The bytes of the file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let size = self.pages * 4096;
        let mut bytes: Vec<u8> = (0..size)
            .map(|n| (n as u8).wrapping_mul(31).wrapping_add(self.seed))
            .collect();

        let mut metadata = b"ASEV".to_vec();
        metadata.extend((16 + 12 * self.sections.len() as u32).to_le_bytes());
        metadata.extend(1u32.to_le_bytes());
        metadata.extend((self.sections.len() as u32).to_le_bytes());
        for (gpa, length, kind) in &self.sections {
            for number in [gpa, length, kind] {
                metadata.extend(number.to_le_bytes());
            }
        }
        let start = size - METADATA_FROM_END;
        bytes[start..start + metadata.len()].copy_from_slice(&metadata);

        let mut table = Vec::new();
        let mut entry = |data: &[u8], guid: [u8; 16]| {
            table.extend(data);
            table.extend((data.len() as u16 + 18).to_le_bytes());
            table.extend(guid);
        };
        entry(&(METADATA_FROM_END as u32).to_le_bytes(), SEV_METADATA);
        entry(b"not needed", OTHER);
        entry(
            &[self.hashes_gpa.to_le_bytes(), 0x400u32.to_le_bytes()].concat(),
            HASH_TABLE,
        );
        entry(&self.reset_eip.to_le_bytes(), RESET_BLOCK);
        let whole = table.len() as u16 + 18;
        table.extend(whole.to_le_bytes());
        table.extend(FOOTER);
        let start = size - 32 - table.len();
        bytes[start..start + table.len()].copy_from_slice(&table);
        bytes
    }
}
