//! Reads TDVF metadata (Intel TDX Virtual Firmware Design Guide, section 11; edk2 `OvmfPkg/ResetVector/X64/IntelTdxMetadata.asm`):
//! which parts of a firmware image are put where in a trust domain's memory before it starts.

use crate::guid_table::{self, TableError};
use core::fmt;

/// The largest image that is read.
pub const MAX_FIRMWARE: usize = 16 << 20;
/// The most sections of an image; OVMF has six.
pub const MAX_SECTIONS: usize = 32;
/// The most memory that all sections add; OVMF's have 4 MiB.
pub const MAX_SECTION_BYTES: u64 = 256 << 20;
/// Bytes of a page.
pub(super) const PAGE: u64 = 0x1000;

/// e47a6535-984a-4798-865e-4685a7bf8ec2, as stored: offset of the TDX metadata from the end of the image.
const TDX_METADATA: [u8; 16] = [
    0x35, 0x65, 0x7a, 0xe4, 0x4a, 0x98, 0x98, 0x47, 0x86, 0x5e, 0x46, 0x85, 0xa7, 0xbf, 0x8e, 0xc2,
];
/// Signature, length, version, number of sections.
const HEADER: usize = 16;
/// Data offset, data size, address, memory size, type, attributes.
const RECORD: usize = 32;
/// `MR.EXTEND`: the content is measured.
const EXTEND: u32 = 1;
/// `PAGE.AUG`: the pages are not there at launch; the guest asks for them.
const AUGMENT: u32 = 2;
/// Guest physical addresses end here at the latest (52 bits).
const MAX_ADDRESS: u64 = 1 << 52;

/// What a section is for (design guide, table 11-3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SectionKind {
    /// Boot firmware volume: the code.
    Bfv,
    /// Configuration firmware volume: the variable store.
    Cfv,
    /// Where the launcher puts the list of memory ranges; OVMF measures it when it runs.
    TdHob,
    /// Zeroed memory for stack and heap.
    TempMem,
    /// Memory that the guest asks for.
    PermMem,
    /// A kernel, which td-shim carries.
    Payload,
    /// That kernel's command line.
    PayloadParam,
}

impl SectionKind {
    fn of(number: u32) -> Option<Self> {
        Some(match number {
            0 => Self::Bfv,
            1 => Self::Cfv,
            2 => Self::TdHob,
            3 => Self::TempMem,
            4 => Self::PermMem,
            5 => Self::Payload,
            6 => Self::PayloadParam,
            _ => return None,
        })
    }
}

/// A section of the metadata, checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section<'a> {
    /// What it is for.
    pub kind: SectionKind,
    /// The bytes of the image that go there; the rest of the memory is zero.
    pub data: &'a [u8],
    /// Guest physical address; page-aligned.
    pub address: u64,
    /// Bytes of memory; whole pages.
    pub size: u64,
    /// Whether the content is measured (`MR.EXTEND`), and not only the addresses.
    pub extended: bool,
    /// Whether the pages are absent at launch (`PAGE.AUG`), and so not measured at all.
    pub augmented: bool,
}

/// Why bytes are not a TDVF image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TdvfError {
    /// More than [`MAX_FIRMWARE`] bytes.
    Size {
        /// Bytes found.
        found: usize,
    },
    /// No table of GUIDs, or a malformed one.
    Table,
    /// The table does not point to TDX metadata, or does so twice.
    NoMetadata,
    /// The metadata does not lie inside the image, or its length does not fit its number of sections.
    Bounds,
    /// Another signature than `TDVF`, or another version than 1.
    Version,
    /// More than [`MAX_SECTIONS`] sections or [`MAX_SECTION_BYTES`] bytes, or none.
    TooMuch,
    /// A section contradicts itself.
    Section {
        /// Its number, from 0.
        number: usize,
        /// How.
        why: &'static str,
    },
    /// Two sections share memory.
    Overlap,
}

impl fmt::Display for TdvfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TDX firmware: ")?;
        match self {
            Self::Size { found } => {
                write!(f, "expected at most {MAX_FIRMWARE} bytes, found {found}")
            }
            Self::Table => f.write_str("no table of GUIDs before the reset vector"),
            Self::NoMetadata => f.write_str("no TDX metadata; built without TDX support?"),
            Self::Bounds => {
                f.write_str("TDX metadata does not lie inside the image or its length is wrong")
            }
            Self::Version => f.write_str("TDX metadata is not that of a TDVF of version 1"),
            Self::TooMuch => write!(
                f,
                "expected 1 to {MAX_SECTIONS} sections of at most {MAX_SECTION_BYTES} bytes in all"
            ),
            Self::Section { number, why } => write!(f, "section {number} has {why}"),
            Self::Overlap => f.write_str("two sections share memory"),
        }
    }
}

impl core::error::Error for TdvfError {}

/// A firmware image for trust domains.
#[derive(Clone, Debug)]
pub struct Tdvf<'a> {
    sections: Vec<Section<'a>>,
}

impl<'a> Tdvf<'a> {
    /// Reads the metadata of an image; nothing is hashed yet.
    ///
    /// # Errors
    /// [`TdvfError`] says what the image lacks.
    pub fn parse(image: &'a [u8]) -> Result<Self, TdvfError> {
        if image.len() > MAX_FIRMWARE {
            return Err(TdvfError::Size { found: image.len() });
        }
        let [entry] = guid_table::find(image, &[TDX_METADATA]).map_err(|error| match error {
            TableError::Twice { .. } => TdvfError::NoMetadata,
            _ => TdvfError::Table,
        })?;
        let from_end = entry
            .and_then(|entry| <[u8; 4]>::try_from(entry).ok())
            .ok_or(TdvfError::NoMetadata)?;
        let metadata = usize::try_from(u32::from_le_bytes(from_end))
            .ok()
            .and_then(|from_end| image.get(image.len().checked_sub(from_end)?..))
            .ok_or(TdvfError::Bounds)?;
        let (header, rest) = metadata.split_at_checked(HEADER).ok_or(TdvfError::Bounds)?;
        let field = |at| number(header, at, 4).ok_or(TdvfError::Bounds);
        let (length, version, count) = (field(4)?, field(8)?, field(12)?);
        if !header.starts_with(b"TDVF") || version != 1 {
            return Err(TdvfError::Version);
        }
        let count = usize::try_from(count).map_err(|_| TdvfError::TooMuch)?;
        if count == 0 || count > MAX_SECTIONS {
            return Err(TdvfError::TooMuch);
        }
        let records = count
            .checked_mul(RECORD)
            .and_then(|bytes| rest.get(..bytes))
            .ok_or(TdvfError::Bounds)?;
        if usize::try_from(length).ok() != records.len().checked_add(HEADER) {
            return Err(TdvfError::Bounds);
        }
        let sections: Vec<_> = records
            .chunks_exact(RECORD)
            .enumerate()
            .map(|(number, record)| section(image, number, record))
            .collect::<Result<_, _>>()?;
        disjoint(&sections)?;
        Ok(Self { sections })
    }

    /// The sections in the order of the metadata, which is the order in which they are added.
    #[must_use]
    pub fn sections(&self) -> &[Section<'a>] {
        &self.sections
    }
}

fn section<'a>(image: &'a [u8], place: usize, record: &[u8]) -> Result<Section<'a>, TdvfError> {
    let bad = |why| TdvfError::Section { number: place, why };
    let field = |at, length| number(record, at, length).ok_or(TdvfError::Bounds);
    let (offset, raw) = (field(0, 4)?, field(4, 4)?);
    let (address, size) = (field(8, 8)?, field(16, 8)?);
    let (kind, attributes) = (field(24, 4)?, field(28, 4)?);
    let kind = u32::try_from(kind)
        .ok()
        .and_then(SectionKind::of)
        .ok_or(bad("an unknown type"))?;
    if attributes & !u64::from(EXTEND | AUGMENT) != 0 {
        return Err(bad("unknown attributes"));
    }
    let extended = attributes & u64::from(EXTEND) != 0;
    let augmented = attributes & u64::from(AUGMENT) != 0;
    if size == 0 || !size.is_multiple_of(PAGE) || !address.is_multiple_of(PAGE) {
        return Err(bad("memory that is not whole pages"));
    }
    if address
        .checked_add(size)
        .is_none_or(|end| end > MAX_ADDRESS)
    {
        return Err(bad("an address that no machine has"));
    }
    if raw > size {
        return Err(bad("more data than memory"));
    }
    let range = |offset: u64, raw: u64| {
        let start = usize::try_from(offset).ok()?;
        let end = start.checked_add(usize::try_from(raw).ok()?)?;
        image.get(start..end)
    };
    let data = range(offset, raw).ok_or(bad("data outside the image"))?;
    let right = match kind {
        SectionKind::Bfv | SectionKind::Cfv => !data.is_empty() && !augmented,
        SectionKind::TdHob | SectionKind::TempMem => data.is_empty() && !augmented,
        SectionKind::PermMem => data.is_empty() && augmented,
        SectionKind::Payload | SectionKind::PayloadParam => !augmented,
    };
    // Pages that are not there at launch have no content to measure.
    if !right || (augmented && extended) {
        return Err(bad("data or attributes that do not fit its type"));
    }
    Ok(Section {
        kind,
        data,
        address,
        size,
        extended,
        augmented,
    })
}

fn disjoint(sections: &[Section<'_>]) -> Result<(), TdvfError> {
    let mut ranges: Vec<(u64, u64)> = sections
        .iter()
        .map(|section| {
            (
                section.address,
                section.address.saturating_add(section.size),
            )
        })
        .collect();
    ranges.sort_unstable();
    let added = sections.iter().filter(|section| !section.augmented);
    let total = added.fold(0u64, |sum, section| sum.saturating_add(section.size));
    if total > MAX_SECTION_BYTES {
        return Err(TdvfError::TooMuch);
    }
    let touching = |pair: &[(u64, u64)]| matches!(pair, [(_, end), (start, _)] if end > start);
    if ranges.windows(2).any(touching) {
        return Err(TdvfError::Overlap);
    }
    Ok(())
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
