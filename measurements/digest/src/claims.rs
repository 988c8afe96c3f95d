//! What a host says it launched. Nobody signs it; it is worth something only when the digest computed from it is the one that the
//! hardware reports, because then it is true.

use crate::snp::{
    Boot, CpuType, DigestError, FirmwareLayout, LayoutError, Shape, UnknownCpu, launch_digest,
};
use cloister_verify::release::{Hex, SnpLayout, SnpSection};
use core::fmt;
use serde::{Deserialize, Serialize};

/// Bytes that launch claims may have.
pub const MAX_CLAIMS: usize = 16 << 10;

/// Launch claims, as JSON in the certificate table of evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LaunchClaims {
    /// SHA-256 of the firmware file. Not itself measured: the layout is.
    pub firmware_sha256: Hex<32>,
    /// The firmware's part in the digest, so that a foreign firmware can be told from a foreign kernel.
    pub firmware_layout: SnpLayout,
    /// SHA-256 of the kernel file.
    pub kernel_sha256: Hex<32>,
    /// SHA-256 of the initrd file.
    pub initrd_sha256: Hex<32>,
    /// The kernel's command line.
    pub cmdline: String,
    /// Number of virtual CPUs.
    pub vcpus: u32,
    /// QEMU's CPU model.
    pub cpu: String,
    /// `SEV_FEATURES` of the initial state.
    pub guest_features: u64,
}

/// Why claims give no digest.
#[derive(Debug)]
pub enum ClaimsError {
    /// Longer than [`MAX_CLAIMS`].
    TooLong {
        /// Bytes found.
        found: usize,
    },
    /// Not the JSON of launch claims.
    Json(serde_json::Error),
    /// The firmware layout contradicts itself.
    Layout(LayoutError),
    /// The CPU model is unknown.
    Cpu(UnknownCpu),
    /// Such a machine cannot be launched.
    Digest(DigestError),
}

impl fmt::Display for ClaimsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("launch claims: ")?;
        match self {
            Self::TooLong { found } => {
                write!(f, "expected at most {MAX_CLAIMS} bytes, found {found}")
            }
            Self::Json(e) => e.fmt(f),
            Self::Layout(e) => e.fmt(f),
            Self::Cpu(e) => e.fmt(f),
            Self::Digest(e) => e.fmt(f),
        }
    }
}

impl core::error::Error for ClaimsError {}

impl LaunchClaims {
    /// Reads claims.
    ///
    /// # Errors
    /// [`ClaimsError`] when the bytes are too many or not exactly the JSON of claims.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ClaimsError> {
        if bytes.len() > MAX_CLAIMS {
            return Err(ClaimsError::TooLong { found: bytes.len() });
        }
        serde_json::from_slice(bytes).map_err(ClaimsError::Json)
    }

    /// Writes claims.
    ///
    /// # Errors
    /// [`ClaimsError::TooLong`] when they would not be read back.
    pub fn to_json(&self) -> Result<Vec<u8>, ClaimsError> {
        let bytes = serde_json::to_vec(self).map_err(ClaimsError::Json)?;
        if bytes.len() > MAX_CLAIMS {
            return Err(ClaimsError::TooLong { found: bytes.len() });
        }
        Ok(bytes)
    }

    /// The launch digest of what is claimed.
    ///
    /// # Errors
    /// [`ClaimsError`] when the claims describe no machine that can be launched.
    pub fn digest(&self) -> Result<[u8; 48], ClaimsError> {
        let layout = layout_from_record(&self.firmware_layout).map_err(ClaimsError::Layout)?;
        let boot = Boot::Direct {
            kernel_sha256: self.kernel_sha256.0,
            initrd_sha256: self.initrd_sha256.0,
            cmdline: &self.cmdline,
        };
        let shape = Shape {
            cpu: CpuType::parse(&self.cpu).map_err(ClaimsError::Cpu)?,
            vcpus: self.vcpus,
            guest_features: self.guest_features,
        };
        launch_digest(&layout, &boot, &shape).map_err(ClaimsError::Digest)
    }
}

/// The checked layout of a release or of claims.
///
/// # Errors
/// [`LayoutError`] when the numbers contradict each other.
pub fn layout_from_record(record: &SnpLayout) -> Result<FirmwareLayout, LayoutError> {
    let sections = record
        .sections
        .iter()
        .map(|s| crate::snp::Section::new(s.gpa, s.size, s.kind));
    FirmwareLayout::new(
        record.pages_digest.0,
        sections.collect::<Result<_, _>>()?,
        record.reset_eip,
        Some(record.hashes_gpa),
    )
}

/// The layout as a release or claims carry it.
///
/// # Errors
/// [`DigestError::NoHashPage`] when the firmware cannot measure a kernel, so that nothing could be released with it.
pub fn layout_to_record(layout: &FirmwareLayout) -> Result<SnpLayout, DigestError> {
    let section = |s: &crate::snp::Section| SnpSection {
        gpa: s.gpa,
        size: s.size,
        kind: s.kind.number(),
    };
    Ok(SnpLayout {
        pages_digest: Hex(*layout.pages_digest()),
        sections: layout.sections().iter().map(section).collect(),
        reset_eip: layout.reset_eip(),
        hashes_gpa: layout.hashes_gpa().ok_or(DigestError::NoHashPage)?,
    })
}
