//! The hash of a PE/COFF image as UEFI firmware measures it (Microsoft, Windows Authenticode Portable Executable Signature Format;
//! edk2 `OvmfPkg/Tcg/TdTcg2Dxe/MeasureBootPeCoff.c`): everything but the checksum, the entry of the certificate table, and the
//! certificates.
//!
//! The kernel is hashed as the file is: QEMU 10.0 and later hand it to the firmware without the edits to its setup header (fw_cfg
//! `etc/boot/kernel`), and OVMF of 2025.05 and later takes that one.

use core::fmt;
use sha2::{Digest, Sha384};

/// The most sections of an image; a kernel has four.
const MAX_SECTIONS: u64 = 96;
/// `IMAGE_NT_OPTIONAL_HDR64_MAGIC`.
const PE32_PLUS: u64 = 0x20b;
/// `IMAGE_DIRECTORY_ENTRY_SECURITY`.
const SECURITY: u64 = 4;
/// Bytes of the COFF header with the signature before it, of a section header, of a data directory.
const COFF: usize = 24;
const SECTION: usize = 40;
const DIRECTORY: usize = 8;
/// Offsets in the optional header: size of headers, checksum, number of data directories, data directories.
const SIZE_OF_HEADERS: usize = 60;
const CHECKSUM: usize = 64;
const DIRECTORIES: usize = 108;
const DIRECTORY_START: usize = 112;

/// Why bytes are no image that firmware would start.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeError {
    /// No `MZ` and `PE` signatures, or not for a 64-bit machine.
    NotPe,
    /// A header or section reaches out of the file, or the headers contradict each other.
    Bounds,
    /// More sections than an image has.
    Sections,
}

impl fmt::Display for PeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotPe => "not an EFI image for a 64-bit machine; a kernel needs CONFIG_EFI_STUB",
            Self::Bounds => "an EFI image whose headers reach out of the file",
            Self::Sections => "an EFI image with too many sections",
        })
    }
}

impl core::error::Error for PeError {}

/// SHA-384 of an image, as firmware extends it.
///
/// # Errors
/// [`PeError`] when the bytes are not an image of one of the kinds that x86-64 firmware starts.
pub fn authenticode(image: &[u8]) -> Result<[u8; 48], PeError> {
    let read = |at: usize, length: usize| number(image, at, length).ok_or(PeError::Bounds);
    let size = |at: usize| usize::try_from(read(at, 4)?).map_err(|_| PeError::Bounds);
    if !image.starts_with(b"MZ") {
        return Err(PeError::NotPe);
    }
    let coff = size(0x3c)?;
    let optional = coff.checked_add(COFF).ok_or(PeError::Bounds)?;
    if image.get(coff..).and_then(<[u8]>::first_chunk) != Some(b"PE\0\0")
        || read(optional, 2)? != PE32_PLUS
    {
        return Err(PeError::NotPe);
    }
    let within = |offset: usize| optional.checked_add(offset).ok_or(PeError::Bounds);
    let headers = size(within(SIZE_OF_HEADERS)?)?;
    let checksum = within(CHECKSUM)?;
    let mut hash = Sha384::new();
    let mut take = |from: usize, to: usize| {
        hash.update(image.get(from..to).ok_or(PeError::Bounds)?);
        Ok(())
    };

    // The headers, without checksum and the certificate table's entry.
    take(0, checksum)?;
    let behind = within(CHECKSUM + 4)?;
    let mut certificates = 0;
    if read(within(DIRECTORIES)?, 4)? > SECURITY {
        let entry = within(DIRECTORY_START + 4 * DIRECTORY)?;
        certificates = size(within(DIRECTORY_START + 4 * DIRECTORY + 4)?)?;
        take(behind, entry)?;
        take(within(DIRECTORY_START + 5 * DIRECTORY)?, headers)?;
    } else {
        take(behind, headers)?;
    }

    // The sections in the order of the file.
    let count = read(coff.checked_add(6).ok_or(PeError::Bounds)?, 2)?;
    if count > MAX_SECTIONS {
        return Err(PeError::Sections);
    }
    let header = coff.checked_add(20).ok_or(PeError::Bounds)?;
    let optional_bytes = usize::try_from(read(header, 2)?).map_err(|_| PeError::Bounds)?;
    let mut at = within(optional_bytes)?;
    let mut sections = Vec::new();
    for _ in 0..count {
        let bytes = size(at.checked_add(16).ok_or(PeError::Bounds)?)?;
        let start = size(at.checked_add(20).ok_or(PeError::Bounds)?)?;
        sections.push((start, bytes));
        at = at.checked_add(SECTION).ok_or(PeError::Bounds)?;
    }
    sections.sort_by_key(|(start, _)| *start);
    let mut hashed = headers;
    for (start, bytes) in sections.into_iter().filter(|(_, bytes)| *bytes > 0) {
        take(start, start.checked_add(bytes).ok_or(PeError::Bounds)?)?;
        hashed = hashed.checked_add(bytes).ok_or(PeError::Bounds)?;
    }

    // What stands behind the sections, up to the certificates.
    if image.len() > hashed {
        let end = image
            .len()
            .checked_sub(certificates)
            .filter(|end| *end >= hashed);
        take(hashed, end.ok_or(PeError::Bounds)?)?;
    }
    Ok(hash.finalize().into())
}

/// A little-endian number of `length` bytes, at most eight.
fn number(bytes: &[u8], at: usize, length: usize) -> Option<u64> {
    let digits = bytes.get(at..at.checked_add(length)?)?;
    Some(
        digits
            .iter()
            .rev()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
    )
}
