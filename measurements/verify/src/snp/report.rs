//! The attestation report (AMD 56860 revision 1.58, table "ATTESTATION_REPORT"): 1184 bytes in, its fields out.
//!
//! Versions 2 to 5 are known. The bytes received are kept: the signature is checked over them, never over an encoding of ours.

use super::product::Cpuid;
use serde::Deserialize;
use std::fmt;

/// Bytes of a report.
pub const REPORT_BYTES: usize = 1184;
/// The signature covers the bytes before this offset.
const SIGNED_BYTES: usize = 0x2a0;

/// An attestation report. Reading it checks its length and version, nothing else; whether to believe it is for the appraisal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Report {
    raw: [u8; REPORT_BYTES],
    /// `VERSION`, 2 to 5.
    pub version: u32,
    /// `GUEST_SVN`, from the ID block.
    pub guest_svn: u32,
    /// `POLICY`: what the guest's owner allowed at launch.
    pub policy: u64,
    /// `FAMILY_ID`, from the ID block.
    pub family_id: [u8; 16],
    /// `IMAGE_ID`, from the ID block.
    pub image_id: [u8; 16],
    /// `VMPL` that asked for the report; all ones when the host did.
    pub vmpl: u32,
    /// `SIGNATURE_ALGO`: 1 is ECDSA P-384 with SHA-384.
    pub signature_algorithm: u32,
    /// `CURRENT_TCB`, as stored.
    pub current_tcb: [u8; 8],
    /// `PLATFORM_INFO`.
    pub platform_info: u64,
    /// The word with `AUTHOR_KEY_EN`, `MASK_CHIP_KEY` and `SIGNING_KEY`.
    pub key_info: u32,
    /// `REPORT_DATA`: 64 bytes that the guest chose.
    pub report_data: [u8; 64],
    /// `MEASUREMENT`: the launch digest.
    pub measurement: [u8; 48],
    /// `HOST_DATA`: 32 bytes that the host chose at launch.
    pub host_data: [u8; 32],
    /// `ID_KEY_DIGEST`.
    pub id_key_digest: [u8; 48],
    /// `AUTHOR_KEY_DIGEST`.
    pub author_key_digest: [u8; 48],
    /// `REPORT_ID`.
    pub report_id: [u8; 32],
    /// `REPORT_ID_MA`.
    pub report_id_ma: [u8; 32],
    /// `REPORTED_TCB`, as stored: the one that the signing key is derived from.
    pub reported_tcb: [u8; 8],
    /// `CPUID_FAM_ID`, `CPUID_MOD_ID`, `CPUID_STEP`; from version 3.
    pub cpuid: Option<Cpuid>,
    /// `CHIP_ID`.
    pub chip_id: [u8; 64],
    /// `COMMITTED_TCB`, as stored.
    pub committed_tcb: [u8; 8],
    /// `CURRENT_MAJOR`, `CURRENT_MINOR`, `CURRENT_BUILD` of the firmware.
    pub current_firmware: Firmware,
    /// `COMMITTED_MAJOR`, `COMMITTED_MINOR`, `COMMITTED_BUILD` of the firmware.
    pub committed_firmware: Firmware,
    /// `LAUNCH_TCB`, as stored.
    pub launch_tcb: [u8; 8],
    /// `LAUNCH_MIT_VECTOR` and `CURRENT_MIT_VECTOR`; from version 5.
    pub mitigations: Option<Mitigations>,
}

/// A version of the secure processor's firmware; ordered as versions are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Firmware {
    /// API major version.
    pub major: u8,
    /// API minor version.
    pub minor: u8,
    /// Build number.
    pub build: u8,
}

impl fmt::Display for Firmware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.build)
    }
}

/// Which mitigations the firmware has verified, one bit each (AMD 56860, `SNP_VERIFY_MITIGATION`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mitigations {
    /// When the guest was launched.
    pub launch: u64,
    /// When the report was made.
    pub current: u64,
}

/// Which key signed the report (`SIGNING_KEY`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Signer {
    /// The chip's versioned endorsement key.
    Vcek,
    /// The cloud provider's versioned loaded key, which hides the chip.
    Vlek,
}

impl fmt::Display for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Vcek => "VCEK",
            Self::Vlek => "VLEK",
        })
    }
}

/// Why bytes are not a report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportError {
    /// Not [`REPORT_BYTES`] bytes; the number found.
    Length(usize),
    /// A version that this verifier does not know.
    Version(u32),
}

impl fmt::Display for ReportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(found) => write!(f, "{found} bytes"),
            Self::Version(found) => write!(f, "version {found}, which is unknown"),
        }
    }
}

impl std::error::Error for ReportError {}

/// Fields one after the other; every call names the offset that the table gives, and a test holds them together.
struct Fields<'a>(&'a [u8; REPORT_BYTES]);

impl Fields<'_> {
    /// The `N` bytes at `offset`. Both are constants of this file and lie inside the report.
    fn at<const N: usize>(&self, offset: usize) -> [u8; N] {
        let field = self.0.get(offset..).and_then(<[u8]>::first_chunk);
        field.copied().unwrap_or([0; N])
    }

    fn u32(&self, offset: usize) -> u32 {
        u32::from_le_bytes(self.at(offset))
    }

    fn u64(&self, offset: usize) -> u64 {
        u64::from_le_bytes(self.at(offset))
    }

    /// Build, minor, major, in this order of bytes.
    fn firmware(&self, offset: usize) -> Firmware {
        let [build, minor, major] = self.at(offset);
        Firmware {
            major,
            minor,
            build,
        }
    }
}

impl Report {
    /// Reads a report.
    ///
    /// # Errors
    /// [`ReportError`] for another length or an unknown version.
    pub fn parse(bytes: &[u8]) -> Result<Self, ReportError> {
        let raw: &[u8; REPORT_BYTES] = bytes
            .try_into()
            .map_err(|_| ReportError::Length(bytes.len()))?;
        let fields = Fields(raw);
        let version = fields.u32(0x000);
        if !(2..=5).contains(&version) {
            return Err(ReportError::Version(version));
        }
        let [family, model, stepping] = fields.at(0x188);
        Ok(Self {
            raw: *raw,
            version,
            guest_svn: fields.u32(0x004),
            policy: fields.u64(0x008),
            family_id: fields.at(0x010),
            image_id: fields.at(0x020),
            vmpl: fields.u32(0x030),
            signature_algorithm: fields.u32(0x034),
            current_tcb: fields.at(0x038),
            platform_info: fields.u64(0x040),
            key_info: fields.u32(0x048),
            report_data: fields.at(0x050),
            measurement: fields.at(0x090),
            host_data: fields.at(0x0c0),
            id_key_digest: fields.at(0x0e0),
            author_key_digest: fields.at(0x110),
            report_id: fields.at(0x140),
            report_id_ma: fields.at(0x160),
            reported_tcb: fields.at(0x180),
            cpuid: (version >= 3).then_some(Cpuid {
                family,
                model,
                stepping,
            }),
            chip_id: fields.at(0x1a0),
            committed_tcb: fields.at(0x1e0),
            current_firmware: fields.firmware(0x1e8),
            committed_firmware: fields.firmware(0x1ec),
            launch_tcb: fields.at(0x1f0),
            mitigations: (version >= 5).then(|| Mitigations {
                launch: fields.u64(0x1f8),
                current: fields.u64(0x200),
            }),
        })
    }

    /// The bytes received.
    #[must_use]
    pub fn bytes(&self) -> &[u8; REPORT_BYTES] {
        &self.raw
    }

    /// The bytes that the signature covers.
    #[must_use]
    pub fn signed_bytes(&self) -> &[u8] {
        self.raw.split_at(SIGNED_BYTES).0
    }

    /// The signature's r and s, big-endian one after the other, or `None` when a byte above their 384 bits is not zero: both are
    /// little-endian in fields of 72 bytes, and a reader of 48 would accept what was never signed.
    #[must_use]
    pub fn signature(&self) -> Option<[u8; 96]> {
        let component = |offset: usize| {
            let field: [u8; 72] = Fields(&self.raw).at(offset);
            let (number, above) = field.split_first_chunk::<48>()?;
            let mut number = *number;
            number.reverse();
            above.iter().all(|&byte| byte == 0).then_some(number)
        };
        let mut both = [0; 96];
        for (half, offset) in both.as_chunks_mut::<48>().0.iter_mut().zip([0x2a0, 0x2e8]) {
            *half = component(offset)?;
        }
        Some(both)
    }

    /// Who signed, or `None` for `SIGNING_KEY` "none" and reserved values.
    #[must_use]
    pub fn signer(&self) -> Option<Signer> {
        match self.signing_key() {
            0 => Some(Signer::Vcek),
            1 => Some(Signer::Vlek),
            _ => None,
        }
    }

    /// `SIGNING_KEY`, bits 4 to 2 of the key word.
    #[must_use]
    pub fn signing_key(&self) -> u32 {
        self.key_info >> 2 & 0b111
    }

    /// `MASK_CHIP_KEY`: the firmware signs with zeroes instead of a key.
    #[must_use]
    pub fn chip_key_masked(&self) -> bool {
        self.key_info & 0b10 != 0
    }

    /// `AUTHOR_KEY_EN`: the ID block's key was certified by an author key.
    #[must_use]
    pub fn author_key_used(&self) -> bool {
        self.key_info & 0b1 != 0
    }

    /// The names of the fields that the report's version reserves and that are not zero.
    #[must_use]
    pub fn reserved_not_zero(&self) -> Vec<&'static str> {
        // (from, to, from which version on the bytes mean something, name)
        const RESERVED: &[(usize, usize, u32, &str)] = &[
            (0x04c, 0x050, u32::MAX, "bytes 0x4c..0x50"),
            (0x188, 0x18b, 3, "bytes 0x188..0x18b"),
            (0x18b, 0x1a0, u32::MAX, "bytes 0x18b..0x1a0"),
            (0x1eb, 0x1ec, u32::MAX, "byte 0x1eb"),
            (0x1ef, 0x1f0, u32::MAX, "byte 0x1ef"),
            (0x1f8, 0x208, 5, "bytes 0x1f8..0x208"),
            (0x208, 0x2a0, u32::MAX, "bytes 0x208..0x2a0"),
            (0x330, 0x4a0, u32::MAX, "signature bytes 0x330..0x4a0"),
        ];
        let mut found = Vec::new();
        if self.key_info >> 5 != 0 {
            found.push("key word bits 31..5");
        }
        for &(from, to, since, name) in RESERVED {
            let zero = self
                .raw
                .get(from..to)
                .is_some_and(|field| field.iter().all(|&byte| byte == 0));
            if self.version < since && !zero {
                found.push(name);
            }
        }
        found
    }
}
