//! The hash table page of a direct boot: QEMU's `SevHashTable` (target/i386/sev.c), read by the firmware's
//! `BlobVerifierLibSevHashes`. Through it kernel, initrd and command line enter the measurement.

use super::page::PAGE;
use sha2::{Digest, Sha256};

/// Bytes of the table with its padding to 16: header, three entries, padding.
pub(crate) const TABLE_SIZE: usize = 176;
/// Length field of the table: 18 bytes of header and three entries.
const TABLE_LENGTH: u16 = 168;
/// Length field of an entry: 16 bytes GUID, 2 bytes length, 32 bytes hash.
const ENTRY_LENGTH: u16 = 50;

/// 9438d606-4f22-4cc9-b479-a793d411fd21, as stored.
const TABLE_GUID: [u8; 16] = [
    0x06, 0xd6, 0x38, 0x94, 0x22, 0x4f, 0xc9, 0x4c, 0xb4, 0x79, 0xa7, 0x93, 0xd4, 0x11, 0xfd, 0x21,
];
/// 4de79437-abd2-427f-b835-d5b172d2045b, as stored.
const KERNEL_GUID: [u8; 16] = [
    0x37, 0x94, 0xe7, 0x4d, 0xd2, 0xab, 0x7f, 0x42, 0xb8, 0x35, 0xd5, 0xb1, 0x72, 0xd2, 0x04, 0x5b,
];
/// 44baf731-3a2f-4bd7-9af1-41e29169781d, as stored.
const INITRD_GUID: [u8; 16] = [
    0x31, 0xf7, 0xba, 0x44, 0x2f, 0x3a, 0xd7, 0x4b, 0x9a, 0xf1, 0x41, 0xe2, 0x91, 0x69, 0x78, 0x1d,
];
/// 97d02dd8-bd20-4c94-aa78-e7714d36ab2a, as stored.
const CMDLINE_GUID: [u8; 16] = [
    0xd8, 0x2d, 0xd0, 0x97, 0x20, 0xbd, 0x94, 0x4c, 0xaa, 0x78, 0xe7, 0x71, 0x4d, 0x36, 0xab, 0x2a,
];

/// The whole page with the table at `offset`; the caller has checked that it fits.
pub(crate) fn page(
    offset: usize,
    kernel_sha256: &[u8; 32],
    initrd_sha256: &[u8; 32],
    cmdline: &str,
) -> [u8; PAGE] {
    let mut table = Vec::with_capacity(TABLE_SIZE);
    table.extend_from_slice(&TABLE_GUID);
    table.extend_from_slice(&TABLE_LENGTH.to_le_bytes());
    // QEMU's order: command line, initrd, kernel.
    for (guid, hash) in [
        (CMDLINE_GUID, cmdline_sha256(cmdline)),
        (INITRD_GUID, *initrd_sha256),
        (KERNEL_GUID, *kernel_sha256),
    ] {
        table.extend_from_slice(&guid);
        table.extend_from_slice(&ENTRY_LENGTH.to_le_bytes());
        table.extend_from_slice(&hash);
    }
    let mut page = [0; PAGE];
    for (to, from) in page.iter_mut().skip(offset).zip(table) {
        *to = from;
    }
    page
}

/// QEMU hands the command line over, and hashes it, with its terminating NUL.
fn cmdline_sha256(cmdline: &str) -> [u8; 32] {
    let mut hash = Sha256::new();
    hash.update(cmdline.as_bytes());
    hash.update([0]);
    hash.finalize().into()
}
