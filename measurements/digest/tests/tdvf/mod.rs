//! Small images with TDVF metadata, made here so that tests can bend them.
#![allow(dead_code, reason = "each test file uses its part")]

const FOOTER: [u8; 16] = [
    0xde, 0x82, 0xb5, 0x96, 0xb2, 0x1f, 0xf7, 0x45, 0xba, 0xea, 0xa3, 0x66, 0xc5, 0x5a, 0x08, 0x2d,
];
const TDX_METADATA: [u8; 16] = [
    0x35, 0x65, 0x7a, 0xe4, 0x4a, 0x98, 0x98, 0x47, 0x86, 0x5e, 0x46, 0x85, 0xa7, 0xbf, 0x8e, 0xc2,
];
/// How far before the end of the image the metadata starts.
pub(crate) const FROM_END: usize = 0x800;
pub(crate) const SIZE: usize = 0x3000;

/// Data offset, data size, address, memory size, type, attributes.
pub(crate) type Record = (u32, u32, u64, u64, u32, u32);

/// One page of code with half a page of data behind it, a variable store, a list of memory and a stack.
pub(crate) fn records() -> Vec<Record> {
    vec![
        (0x1000, 0x1800, 0xffff_e000, 0x2000, 0, 1),
        (0, 0x1000, 0xffff_d000, 0x1000, 1, 0),
        (0, 0, 0x80_9000, 0x2000, 2, 0),
        (0, 0, 0x81_0000, 0x3000, 3, 0),
    ]
}

pub(crate) fn image(records: &[Record]) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..SIZE).map(|n| (n as u8).wrapping_mul(31)).collect();
    let mut metadata = b"TDVF".to_vec();
    for number in [16 + 32 * records.len() as u32, 1, records.len() as u32] {
        metadata.extend(number.to_le_bytes());
    }
    for (offset, raw, address, size, kind, attributes) in records {
        metadata.extend(offset.to_le_bytes());
        metadata.extend(raw.to_le_bytes());
        metadata.extend(address.to_le_bytes());
        metadata.extend(size.to_le_bytes());
        metadata.extend(kind.to_le_bytes());
        metadata.extend(attributes.to_le_bytes());
    }
    let start = SIZE - FROM_END;
    bytes[start..start + metadata.len()].copy_from_slice(&metadata);
    let table = [
        &(FROM_END as u32).to_le_bytes()[..],
        &22u16.to_le_bytes(),
        &TDX_METADATA,
        &40u16.to_le_bytes(),
        &FOOTER,
    ]
    .concat();
    let start = SIZE - 32 - table.len();
    bytes[start..start + table.len()].copy_from_slice(&table);
    bytes
}

/// The sections of the OVMF that dstack runs, with a small variable store and code of our own.
pub(crate) fn sections_of_dstack() -> Vec<Record> {
    vec![
        (0x1000, 0x1800, 0xffff_e000, 0x2000, 0, 1),
        (0, 0x1000, 0xffff_d000, 0x1000, 1, 0),
        (0, 0, 0x81_0000, 0x1_0000, 3, 0),
        (0, 0, 0x80_b000, 0x2000, 3, 0),
        (0, 0, 0x80_9000, 0x2000, 2, 0),
        (0, 0, 0x80_0000, 0x6000, 3, 0),
    ]
}
