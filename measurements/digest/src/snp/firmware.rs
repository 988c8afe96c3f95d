//! Reads OVMF's SEV metadata, which its table of GUIDs points to. The image comes from a file of unknown origin: every length is
//! checked against what is there before it is used.

use super::layout::{FirmwareLayout, LayoutError, MAX_SECTIONS, Section};
use super::page::{Chain, PAGE};
use crate::guid_table::{self, TableError};
use core::fmt;

/// The largest image that is read: OVMF has 4 MiB, QEMU's flash ends at 16 MiB below 4 GiB.
pub const MAX_FIRMWARE: usize = 16 << 20;

/// 7255371f-3a3b-4b04-927b-1da6efa8d454, as stored: where the kernel's hash table goes (base, size).
const HASH_TABLE: [u8; 16] = [
    0x1f, 0x37, 0x55, 0x72, 0x3b, 0x3a, 0x04, 0x4b, 0x92, 0x7b, 0x1d, 0xa6, 0xef, 0xa8, 0xd4, 0x54,
];
/// 00f771de-1a7e-4fcb-890e-68c77e2fb44e, as stored: where further CPUs start.
const RESET_BLOCK: [u8; 16] = [
    0xde, 0x71, 0xf7, 0x00, 0x7e, 0x1a, 0xcb, 0x4f, 0x89, 0x0e, 0x68, 0xc7, 0x7e, 0x2f, 0xb4, 0x4e,
];
/// dc886566-984a-4798-a75e-5585a7bf67cc, as stored: offset of the SEV metadata from the end of the image.
const SEV_METADATA: [u8; 16] = [
    0x66, 0x65, 0x88, 0xdc, 0x4a, 0x98, 0x98, 0x47, 0xa7, 0x5e, 0x55, 0x85, 0xa7, 0xbf, 0x67, 0xcc,
];

/// Signature, length, version, number of sections.
const METADATA_HEADER: usize = 16;
/// Address, length, kind.
const METADATA_SECTION: usize = 12;

/// Why bytes are not a firmware image that can be measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FirmwareError {
    /// The length is not a whole number of pages between one page and [`MAX_FIRMWARE`].
    Size {
        /// Bytes found.
        found: usize,
    },
    /// The table's own GUID is not 32 bytes before the end: not OVMF, or a part of it.
    NoTable,
    /// A size in the table is smaller than an entry or reaches out of the table.
    TableEntry {
        /// The size found.
        size: usize,
        /// What is left of the table.
        left: usize,
    },
    /// One of the needed entries occurs twice.
    Twice {
        /// Which.
        entry: &'static str,
    },
    /// One of the needed entries is missing.
    Missing {
        /// Which.
        entry: &'static str,
    },
    /// One of the needed entries is shorter than its content.
    Short {
        /// Which.
        entry: &'static str,
    },
    /// The SEV metadata does not lie inside the image, or its length does not fit its number of sections.
    MetadataBounds,
    /// The SEV metadata has another signature than `ASEV`.
    MetadataSignature,
    /// The SEV metadata has another version than 1.
    MetadataVersion {
        /// The version found.
        found: u32,
    },
    /// The sections contradict each other.
    Layout(LayoutError),
}

impl fmt::Display for FirmwareError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("firmware: ")?;
        match self {
            Self::Size { found } => {
                write!(
                    f,
                    "expected whole pages of {PAGE} bytes, at most {MAX_FIRMWARE} bytes, found {found} bytes"
                )
            }
            Self::NoTable => f.write_str(
                "no OVMF table of GUIDs before the reset vector; is this an OVMF image?",
            ),
            Self::TableEntry { size, left } => {
                write!(f, "table entry says {size} bytes where {left} are left")
            }
            Self::Twice { entry } => write!(f, "table entry for the {entry} occurs twice"),
            Self::Missing { entry } => write!(
                f,
                "no table entry for the {entry}; built without SEV support?"
            ),
            Self::Short { entry } => write!(f, "table entry for the {entry} is too short"),
            Self::MetadataBounds => {
                f.write_str("SEV metadata does not lie inside the image or its length is wrong")
            }
            Self::MetadataSignature => f.write_str("SEV metadata does not start with ASEV"),
            Self::MetadataVersion { found } => {
                write!(f, "SEV metadata has version {found}, expected 1")
            }
            Self::Layout(e) => e.fmt(f),
        }
    }
}

impl core::error::Error for FirmwareError {}

/// A firmware image that can be measured.
#[derive(Clone, Debug)]
pub struct Firmware<'a> {
    image: &'a [u8],
    sections: Vec<Section>,
    reset_eip: u32,
    hashes_gpa: Option<u32>,
}

impl<'a> Firmware<'a> {
    /// Reads the table and the metadata of an image; nothing is hashed yet.
    ///
    /// # Errors
    /// [`FirmwareError`] says what the image lacks.
    pub fn parse(image: &'a [u8]) -> Result<Self, FirmwareError> {
        let found = image.len();
        if found == 0 || found > MAX_FIRMWARE || !found.is_multiple_of(PAGE) {
            return Err(FirmwareError::Size { found });
        }
        let [hash_table, reset_block, sev_metadata] = guid_table::find(image, &WANTED)?;
        let reset_eip = reset_block.ok_or(FirmwareError::Missing {
            entry: "SEV-ES reset block",
        })?;
        let reset_eip = word(reset_eip, 0).ok_or(FirmwareError::Short {
            entry: "SEV-ES reset block",
        })?;
        let hashes_gpa = match hash_table {
            Some(entry) => word(entry, 0).ok_or(FirmwareError::Short {
                entry: "kernel hash table",
            })?,
            None => 0,
        };
        let metadata = sev_metadata.ok_or(FirmwareError::Missing {
            entry: "SEV metadata",
        })?;
        let from_end = word(metadata, 0).ok_or(FirmwareError::Short {
            entry: "SEV metadata",
        })?;
        let sections = sections(image, from_end)?;
        // Address 0 is how a build without direct boot says that it has no place for the hashes.
        Ok(Self {
            image,
            sections,
            reset_eip,
            hashes_gpa: (hashes_gpa != 0).then_some(hashes_gpa),
        })
    }

    /// Hashes the image's pages, which end at 4 GiB.
    ///
    /// # Errors
    /// [`FirmwareError::Layout`] when the sections contradict each other.
    pub fn layout(&self) -> Result<FirmwareLayout, FirmwareError> {
        let length = u64::try_from(self.image.len()).map_err(|_| FirmwareError::Size {
            found: self.image.len(),
        })?;
        let mut chain = Chain::starting_at([0; 48]);
        chain.add_normal((1u64 << 32).saturating_sub(length), self.image);
        FirmwareLayout::new(
            chain.digest(),
            self.sections.clone(),
            self.reset_eip,
            self.hashes_gpa,
        )
        .map_err(FirmwareError::Layout)
    }
}

/// The entries of the table that matter here, in the order of their names.
const WANTED: [[u8; 16]; 3] = [HASH_TABLE, RESET_BLOCK, SEV_METADATA];
const NAMES: [&str; 3] = ["kernel hash table", "SEV-ES reset block", "SEV metadata"];

impl From<TableError> for FirmwareError {
    fn from(error: TableError) -> Self {
        match error {
            TableError::NoTable => Self::NoTable,
            TableError::Entry { size, left } => Self::TableEntry { size, left },
            TableError::Twice { wanted } => Self::Twice {
                entry: NAMES.get(wanted).copied().unwrap_or("entry"),
            },
        }
    }
}

/// Reads the metadata that starts `from_end` bytes before the end of the image.
fn sections(image: &[u8], from_end: u32) -> Result<Vec<Section>, FirmwareError> {
    let bounds = FirmwareError::MetadataBounds;
    let from_end = usize::try_from(from_end).map_err(|_| bounds)?;
    let start = image.len().checked_sub(from_end).ok_or(bounds)?;
    let metadata = image.get(start..).ok_or(bounds)?;
    let (header, rest) = metadata.split_at_checked(METADATA_HEADER).ok_or(bounds)?;
    let (signature, numbers) = header.split_at_checked(4).ok_or(bounds)?;
    if signature != b"ASEV" {
        return Err(FirmwareError::MetadataSignature);
    }
    let length = word(numbers, 0).ok_or(bounds)?;
    let version = word(numbers, 4).ok_or(bounds)?;
    if version != 1 {
        return Err(FirmwareError::MetadataVersion { found: version });
    }
    let count = word(numbers, 8)
        .and_then(|n| usize::try_from(n).ok())
        .ok_or(bounds)?;
    if count > MAX_SECTIONS {
        return Err(FirmwareError::Layout(LayoutError::TooMuch));
    }
    let bytes = count.saturating_mul(METADATA_SECTION);
    if usize::try_from(length).ok() != bytes.checked_add(METADATA_HEADER) {
        return Err(bounds);
    }
    let records = rest.get(..bytes).ok_or(bounds)?;
    records
        .chunks_exact(METADATA_SECTION)
        .map(|record| {
            let number = |at| word(record, at).ok_or(bounds);
            Section::new(number(0)?, number(4)?, number(8)?).map_err(FirmwareError::Layout)
        })
        .collect()
}

/// A little-endian 32-bit number.
fn word(bytes: &[u8], at: usize) -> Option<u32> {
    bytes
        .get(at..)?
        .first_chunk::<4>()
        .map(|b| u32::from_le_bytes(*b))
}
