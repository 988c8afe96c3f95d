//! The attestation report (AMD 56860 revision 1.58, table "ATTESTATION_REPORT"): the one that an honest, current Genoa processor
//! would give under the production policy.

/// Bytes of a report.
pub const REPORT_BYTES: usize = 1184;
/// The signature covers the bytes before this offset.
pub(crate) const SIGNED_BYTES: usize = 0x2a0;

/// The hardware id of every simulated processor: no chip has it, and the marker is readable.
pub const CHIP_ID: [u8; 64] = {
    let mut id = [0; 64];
    let (text, _) = id.split_at_mut(9);
    text.copy_from_slice(b"SIMULATED");
    id
};

/// Patch levels of a Genoa processor.
pub(crate) struct PatchLevels {
    pub(crate) boot_loader: u8,
    pub(crate) tee: u8,
    pub(crate) snp: u8,
    pub(crate) microcode: u8,
}

/// Patched as far as the floors of the production policy ask.
pub(crate) const TCB: PatchLevels = PatchLevels {
    boot_loader: 0x0b,
    tee: 0,
    snp: 0x1d,
    microcode: 0x58,
};

impl PatchLevels {
    /// `TCB_VERSION` in the layout of Milan and Genoa.
    fn bytes(&self) -> [u8; 8] {
        [
            self.boot_loader,
            self.tee,
            0,
            0,
            0,
            0,
            self.snp,
            self.microcode,
        ]
    }
}

/// `POLICY`: bit 17 (always one), AES-256-XTS (22), RAPL off (23), ciphertext hiding (24), page swap disabled (25). No sibling
/// threads, no migration agent, no debugging.
const POLICY: u64 = 1 << 17 | 1 << 22 | 1 << 23 | 1 << 24 | 1 << 25;
/// `PLATFORM_INFO`: ECC (2), RAPL off (3), ciphertext hiding (4), alias check complete (5), IOMMU writes safe (6).
const PLATFORM_INFO: u64 = 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5 | 1 << 6;
/// `LAUNCH_MIT_VECTOR` and `CURRENT_MIT_VECTOR`: bits 0, 1, 2 and 4.
const MITIGATIONS: u64 = 0b1_0111;
/// Build, minor and major of the firmware, one byte reserved.
const FIRMWARE: [u8; 4] = [5, 58, 1, 0];

/// An unsigned report; every byte that is not named here is zero.
pub(crate) fn unsigned(
    report_data: &[u8; 64],
    measurement: &[u8; 48],
    report_id: &[u8; 32],
) -> [u8; REPORT_BYTES] {
    let mut report = [0; REPORT_BYTES];
    let mut put = |offset: usize, bytes: &[u8]| {
        for (to, from) in report.iter_mut().skip(offset).zip(bytes) {
            *to = *from;
        }
    };
    put(0x000, &5u32.to_le_bytes()); // VERSION
    put(0x008, &POLICY.to_le_bytes());
    put(0x034, &1u32.to_le_bytes()); // SIGNATURE_ALGO: ECDSA P-384 with SHA-384
    put(0x038, &TCB.bytes()); // CURRENT_TCB
    put(0x040, &PLATFORM_INFO.to_le_bytes());
    put(0x050, report_data);
    put(0x090, measurement);
    put(0x140, report_id);
    put(0x160, &[0xff; 32]); // REPORT_ID_MA: no migration agent
    put(0x180, &TCB.bytes()); // REPORTED_TCB
    put(0x188, &[0x19, 0x11, 0x01]); // CPUID_FAM_ID, CPUID_MOD_ID, CPUID_STEP: Genoa
    put(0x1a0, &CHIP_ID);
    put(0x1e0, &TCB.bytes()); // COMMITTED_TCB
    put(0x1e8, &FIRMWARE); // CURRENT_BUILD, _MINOR, _MAJOR
    put(0x1ec, &FIRMWARE); // COMMITTED_BUILD, _MINOR, _MAJOR
    put(0x1f0, &TCB.bytes()); // LAUNCH_TCB
    put(0x1f8, &MITIGATIONS.to_le_bytes()); // LAUNCH_MIT_VECTOR
    put(0x200, &MITIGATIONS.to_le_bytes()); // CURRENT_MIT_VECTOR
    report
}

/// Puts r and s, big-endian, into the signature field: little-endian in 72 bytes each.
pub(crate) fn put_signature(report: &mut [u8; REPORT_BYTES], r: &[u8], s: &[u8]) {
    for (offset, number) in [(SIGNED_BYTES, r), (SIGNED_BYTES.saturating_add(72), s)] {
        for (to, from) in report
            .iter_mut()
            .skip(offset)
            .take(72)
            .zip(number.iter().rev())
        {
            *to = *from;
        }
    }
}
