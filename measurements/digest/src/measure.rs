//! From files to a release: admits the firmware, hashes the payload, and computes the digest of every shape.

mod tdx;

pub use tdx::{Host, HostShape, MAX_VCPUS, TdxLaunch, add_tdx};

use crate::allow::{self, FirmwareRefused, Role};
use crate::claims::{LaunchClaims, layout_to_record};
use crate::snp::{
    Boot, CpuType, DigestError, Firmware, FirmwareError, FirmwareLayout, Shape, launch_digest,
};
use crate::tdx::{LaunchError, TdvfError};
use cloister_bind::{BadReleaseId, ReleaseId};
use cloister_verify::release::{self, Flavour, Hex, Release, ReleaseError, SnpShape, Weights};
use core::fmt;
use sha2::{Digest, Sha256};

/// CPU models that a release lists unless told otherwise: the generations that the production policy accepts, and QEMU's `EPYC-v4`,
/// whose signature many hosts use for all of them.
pub const CPUS: [&str; 3] = ["EPYC-v4", "EPYC-Genoa", "EPYC-Turin"];
/// CPU counts that a release lists unless told otherwise.
pub const VCPUS: [u32; 7] = [1, 2, 4, 8, 16, 32, 64];
/// The bytes of the files that are given to QEMU.
#[derive(Clone, Copy)]
pub struct Files<'a> {
    /// `-bios`.
    pub firmware: &'a [u8],
    /// `-kernel`.
    pub kernel: &'a [u8],
    /// `-initrd`.
    pub initrd: &'a [u8],
    /// `-append`: one line of text without its end.
    pub cmdline: &'a [u8],
}

/// Why there is no release.
#[derive(Debug)]
pub enum MeasureError {
    /// The firmware is not on the list for this flavour.
    Refused(FirmwareRefused),
    /// The firmware cannot be read.
    Firmware(FirmwareError),
    /// No digest.
    Digest(DigestError),
    /// The command line is not one line of printable ASCII.
    Cmdline,
    /// A word is missing on the command line, occurs twice, or has a malformed value.
    Word {
        /// The word's beginning.
        prefix: &'static str,
    },
    /// The release id on the command line is malformed.
    ReleaseId(BadReleaseId),
    /// The finished release does not keep its own rules.
    Release(ReleaseError),
    /// The TDX firmware cannot be read.
    Tdvf(TdvfError),
    /// The registers of a trust domain cannot be predicted.
    Launch(LaunchError),
    /// A `shape.toml` is malformed; in words.
    Shape(String),
    /// A trust domain never starts the simulated image.
    Simulated,
    /// A release lists shapes of one kernel, initrd and command line.
    OtherFiles,
}

impl fmt::Display for MeasureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(e) => e.fmt(f),
            Self::Firmware(e) => e.fmt(f),
            Self::Digest(e) => e.fmt(f),
            Self::Cmdline => f.write_str(
                "the command line must be one line of printable ASCII without a newline at its end",
            ),
            Self::Word { prefix } => {
                write!(
                    f,
                    "the command line must carry {prefix}… exactly once, with a well-formed value"
                )
            }
            Self::ReleaseId(e) => write!(f, "cloister.release on the command line: {e}"),
            Self::Release(e) => e.fmt(f),
            Self::Tdvf(e) => e.fmt(f),
            Self::Launch(e) => e.fmt(f),
            Self::Shape(why) => write!(f, "shape.toml: {why}"),
            Self::Simulated => {
                f.write_str("a release for the simulated processor has no TDX shapes")
            }
            Self::OtherFiles => f.write_str(
                "the TDX shapes must be of the release's kernel, initrd and command line",
            ),
        }
    }
}

impl core::error::Error for MeasureError {}

/// Files that were read and hashed once; digests of any shape come from here.
#[derive(Clone, Debug)]
pub struct Measured {
    firmware_sha256: [u8; 32],
    layout: FirmwareLayout,
    kernel_sha256: [u8; 32],
    initrd_sha256: [u8; 32],
    cmdline: String,
}

impl Measured {
    /// Hashes the files. Whether the firmware is allowed is asked by [`release()`], not here: a secure processor measures anything.
    ///
    /// # Errors
    /// [`MeasureError`] when the firmware cannot be read or the command line is not one printable line.
    pub fn hash(files: &Files<'_>) -> Result<Self, MeasureError> {
        let printable = files.cmdline.iter().all(|b| (b' '..=b'~').contains(b));
        let cmdline = core::str::from_utf8(files.cmdline)
            .ok()
            .filter(|_| printable);
        let firmware = Firmware::parse(files.firmware).map_err(MeasureError::Firmware)?;
        Ok(Self {
            firmware_sha256: Sha256::digest(files.firmware).into(),
            layout: firmware.layout().map_err(MeasureError::Firmware)?,
            kernel_sha256: Sha256::digest(files.kernel).into(),
            initrd_sha256: Sha256::digest(files.initrd).into(),
            cmdline: cmdline.ok_or(MeasureError::Cmdline)?.to_owned(),
        })
    }

    /// The launch digest of a shape.
    ///
    /// # Errors
    /// [`DigestError`] when the firmware cannot measure a kernel or the shape is impossible.
    pub fn digest(&self, shape: &Shape) -> Result<[u8; 48], DigestError> {
        let boot = Boot::Direct {
            kernel_sha256: self.kernel_sha256,
            initrd_sha256: self.initrd_sha256,
            cmdline: &self.cmdline,
        };
        launch_digest(&self.layout, &boot, shape)
    }

    /// What a host tells about a launch of these files.
    ///
    /// # Errors
    /// [`DigestError::NoHashPage`] when the firmware cannot measure a kernel.
    pub fn claims(&self, shape: &Shape) -> Result<LaunchClaims, DigestError> {
        Ok(LaunchClaims {
            firmware_sha256: Hex(self.firmware_sha256),
            firmware_layout: layout_to_record(&self.layout)?,
            kernel_sha256: Hex(self.kernel_sha256),
            initrd_sha256: Hex(self.initrd_sha256),
            cmdline: self.cmdline.clone(),
            vcpus: shape.vcpus,
            cpu: shape.cpu.name().to_owned(),
            guest_features: shape.guest_features,
        })
    }

    /// The value of the only word on the command line with this prefix.
    fn word(&self, prefix: &'static str) -> Result<&str, MeasureError> {
        let mut words = self
            .cmdline
            .split(' ')
            .filter_map(|word| word.strip_prefix(prefix));
        match (words.next(), words.next()) {
            (Some(value), None) => Ok(value),
            _ => Err(MeasureError::Word { prefix }),
        }
    }
}

/// Every combination of CPU models, counts and one word of guest features.
#[must_use]
pub fn shapes(cpus: &[CpuType], vcpus: &[u32], guest_features: u64) -> Vec<Shape> {
    let shape = |cpu: CpuType| {
        vcpus.iter().map(move |&vcpus| Shape {
            cpu,
            vcpus,
            guest_features,
        })
    };
    cpus.iter().copied().flat_map(shape).collect()
}

/// Makes the release of these files for these shapes. Its id and the weights' root hash are read from the command line, where the
/// launch digest vouches for them.
///
/// # Errors
/// [`MeasureError`] when the firmware is not allowed for the flavour, or an input cannot be measured.
pub fn release(
    files: &Files<'_>,
    flavour: Flavour,
    shapes: &[Shape],
) -> Result<Release, MeasureError> {
    let firmware =
        allow::admit(files.firmware, Role::from(flavour)).map_err(MeasureError::Refused)?;
    release_with(&firmware.name, files, flavour, shapes)
}

/// [`release()`] after the firmware was admitted under this name.
fn release_with(
    name: &str,
    files: &Files<'_>,
    flavour: Flavour,
    shapes: &[Shape],
) -> Result<Release, MeasureError> {
    let measured = Measured::hash(files)?;
    let id =
        ReleaseId::parse(measured.word("cloister.release=")?).map_err(MeasureError::ReleaseId)?;
    let root = measured.word("cloister.weights=")?;
    let root = root.split_once(':').and_then(|(root, blocks)| {
        blocks.parse::<u64>().ok()?;
        Hex::parse(root)
    });
    let root_hash = root.ok_or(MeasureError::Word {
        prefix: "cloister.weights=",
    })?;
    let mut snp = Vec::with_capacity(shapes.len());
    for shape in shapes {
        snp.push(SnpShape {
            cpu: shape.cpu.name().to_owned(),
            vcpus: shape.vcpus,
            guest_features: shape.guest_features,
            digest: Hex(measured.digest(shape).map_err(MeasureError::Digest)?),
        });
    }
    let release = Release {
        release: id,
        flavour,
        firmware: release::Firmware {
            name: name.to_owned(),
            sha256: Hex(measured.firmware_sha256),
            snp: layout_to_record(&measured.layout).map_err(MeasureError::Digest)?,
        },
        kernel_sha256: Hex(measured.kernel_sha256),
        initrd_sha256: Hex(measured.initrd_sha256),
        cmdline: measured.cmdline,
        weights: Weights { root_hash },
        snp,
        tdx: Vec::new(),
    };
    release.check().map_err(MeasureError::Release)?;
    Ok(release)
}
