//! The launch digest of AMD SEV-SNP (AMD 56860 section 8.17): firmware pages, then the firmware's sections, then one page of
//! initial state per CPU. Written after QEMU's `target/i386/sev.c`, and equal to sev-snp-measure and to the `sev` crate.

mod cpu;
mod firmware;
mod hashes;
mod layout;
mod page;
mod vmsa;

pub use cpu::{CpuType, UnknownCpu};
pub use firmware::{Firmware, FirmwareError, MAX_FIRMWARE};
pub use layout::{
    FirmwareLayout, LayoutError, MAX_SECTION_BYTES, MAX_SECTIONS, Section, SectionKind,
};

use core::fmt;
use page::Chain;

/// The most CPUs of a guest; more than any board has, and a bound on the work that a claimed number can cause.
pub const MAX_VCPUS: u32 = 1024;

/// What runs after the firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Boot<'a> {
    /// Kernel, initrd and command line given to QEMU, with `kernel-hashes=on`.
    Direct {
        /// SHA-256 of the kernel file.
        kernel_sha256: [u8; 32],
        /// SHA-256 of the initrd file; that of no bytes when there is none.
        initrd_sha256: [u8; 32],
        /// The command line, without the NUL that QEMU appends.
        cmdline: &'a str,
    },
    /// Nothing that is measured at launch: the firmware finds its own way.
    FirmwareOnly,
}

/// The virtual machine's shape, as far as it is measured. Memory size is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    /// QEMU's CPU model.
    pub cpu: CpuType,
    /// Number of virtual CPUs.
    pub vcpus: u32,
    /// `SEV_FEATURES` in the initial state (APM volume 2, table B-4): 0x1 is SNP alone, 0x21 adds debug register swapping.
    pub guest_features: u64,
}

/// Who launches: the order of pages is the same, the initial registers are not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Launcher {
    /// QEMU on KVM, the launcher of every release.
    Qemu,
    /// Google Compute Engine. No release runs there; its digests are known from published vectors.
    Gce,
}

/// Why there is no digest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DigestError {
    /// The firmware has no place for the kernel's hashes, so kernel, initrd and command line would not be measured.
    NoHashPage,
    /// The command line holds a NUL, at which the kernel would stop reading.
    NulInCmdline,
    /// The number of CPUs is zero or above [`MAX_VCPUS`].
    Vcpus {
        /// The number given.
        found: u32,
    },
}

impl fmt::Display for DigestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHashPage => f.write_str(
                "the firmware has no section for kernel hashes, so the kernel would not be measured; use an AmdSev build of OVMF",
            ),
            Self::NulInCmdline => f.write_str("the command line holds a NUL byte"),
            Self::Vcpus { found } => write!(f, "expected 1 to {MAX_VCPUS} CPUs, found {found}"),
        }
    }
}

impl core::error::Error for DigestError {}

/// The launch digest, the `MEASUREMENT` of an attestation report, of this firmware, payload and shape under QEMU.
///
/// # Errors
/// [`DigestError`] when the firmware cannot measure the payload or the shape is impossible.
pub fn launch_digest(
    layout: &FirmwareLayout,
    boot: &Boot<'_>,
    shape: &Shape,
) -> Result<[u8; 48], DigestError> {
    launch_digest_by(Launcher::Qemu, layout, boot, shape)
}

/// The launch digest under a launcher. Google's takes no notice of the CPU model.
///
/// # Errors
/// As of [`launch_digest()`].
pub fn launch_digest_by(
    launcher: Launcher,
    layout: &FirmwareLayout,
    boot: &Boot<'_>,
    shape: &Shape,
) -> Result<[u8; 48], DigestError> {
    if shape.vcpus == 0 || shape.vcpus > MAX_VCPUS {
        return Err(DigestError::Vcpus { found: shape.vcpus });
    }
    let hash_page = hash_page(layout, boot)?;

    // 1. The firmware's pages are already in the layout's digest.
    let mut chain = Chain::starting_at(*layout.pages_digest());
    // 2. The sections, in the order of the metadata.
    for section in layout.sections() {
        let gpa = u64::from(section.gpa);
        let pages = usize::try_from(section.size / 0x1000).unwrap_or(usize::MAX);
        match (section.kind, &hash_page) {
            (SectionKind::KernelHashes, Some(page)) => chain.add_normal(gpa, page),
            (SectionKind::Memory, _) if launcher == Launcher::Gce => {
                chain.add_unmeasured(gpa, pages)
            }
            (SectionKind::Memory | SectionKind::SvsmCallingArea | SectionKind::KernelHashes, _) => {
                chain.add_zero(gpa, pages);
            }
            (SectionKind::Secrets, _) => chain.add_secrets(gpa),
            (SectionKind::Cpuid, _) => chain.add_cpuid(gpa),
        }
    }
    // 3. One state page for the boot CPU, one for each other.
    let signature = shape.cpu.signature();
    let state = |eip| vmsa::page(launcher, eip, signature, shape.guest_features);
    chain.add_vmsa(&state(vmsa::BOOT_EIP));
    if shape.vcpus > 1 {
        let other = state(layout.reset_eip());
        for _ in 1..shape.vcpus {
            chain.add_vmsa(&other);
        }
    }
    Ok(chain.digest())
}

/// The page with the payload's hashes; none when nothing is booted directly.
fn hash_page(
    layout: &FirmwareLayout,
    boot: &Boot<'_>,
) -> Result<Option<[u8; page::PAGE]>, DigestError> {
    let Boot::Direct {
        kernel_sha256,
        initrd_sha256,
        cmdline,
    } = boot
    else {
        return Ok(None);
    };
    let gpa = layout.hashes_gpa().ok_or(DigestError::NoHashPage)?;
    if cmdline.contains('\0') {
        return Err(DigestError::NulInCmdline);
    }
    let offset = usize::try_from(gpa & 0xfff).map_err(|_| DigestError::NoHashPage)?;
    Ok(Some(hashes::page(
        offset,
        kernel_sha256,
        initrd_sha256,
        cmdline,
    )))
}
