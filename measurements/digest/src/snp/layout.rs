//! What of a firmware image enters the measurement: enough to compute a digest without the image.

use super::hashes::TABLE_SIZE;
use super::page::PAGE;
use core::fmt;

/// Bytes that all sections of a layout may cover together. OVMF uses less than 300 KiB; each page costs one hash.
pub const MAX_SECTION_BYTES: u64 = 64 << 20;
/// Sections of a layout. OVMF has seven.
pub const MAX_SECTIONS: usize = 64;

/// What a section is for (edk2, `OvmfPkg/ResetVector/X64/OvmfSevMetadata.asm`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SectionKind {
    /// Zero pages for the firmware's early work (1).
    Memory,
    /// One page for the guest's secrets (2).
    Secrets,
    /// One page for the CPUID table (3).
    Cpuid,
    /// Calling area of a secure VM service module, zero pages here (4).
    SvsmCallingArea,
    /// One page for the hashes of kernel, initrd and command line (0x10).
    KernelHashes,
}

impl SectionKind {
    /// From the number in the firmware's metadata.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::Memory),
            2 => Some(Self::Secrets),
            3 => Some(Self::Cpuid),
            4 => Some(Self::SvsmCallingArea),
            0x10 => Some(Self::KernelHashes),
            _ => None,
        }
    }

    /// The number in the firmware's metadata.
    #[must_use]
    pub fn number(self) -> u32 {
        match self {
            Self::Memory => 1,
            Self::Secrets => 2,
            Self::Cpuid => 3,
            Self::SvsmCallingArea => 4,
            Self::KernelHashes => 0x10,
        }
    }
}

/// A range of guest memory that the launcher adds after the firmware.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section {
    /// Guest physical address of its first page.
    pub gpa: u32,
    /// Length in bytes.
    pub size: u32,
    /// What it is for.
    pub kind: SectionKind,
}

impl Section {
    /// From the three numbers of the firmware's metadata.
    ///
    /// # Errors
    /// [`LayoutError::Kind`] when the kind is not known.
    pub fn new(gpa: u32, size: u32, kind: u32) -> Result<Self, LayoutError> {
        let kind = SectionKind::from_number(kind).ok_or(LayoutError::Kind { found: kind })?;
        Ok(Self { gpa, size, kind })
    }
}

/// Why numbers are not a firmware layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LayoutError {
    /// A section is of a kind that this calculator does not know.
    Kind {
        /// The number found.
        found: u32,
    },
    /// A section does not start or end on a page, is empty, or reaches over 4 GiB.
    NotPages {
        /// Its address.
        gpa: u32,
        /// Its length in bytes.
        size: u32,
    },
    /// A section that must be one page is longer.
    NotOnePage {
        /// Its address.
        gpa: u32,
        /// Its length in bytes.
        size: u32,
    },
    /// Two sections share a page.
    Overlap {
        /// Address of the later one.
        gpa: u32,
    },
    /// There is more than one section for kernel hashes.
    TwoHashPages,
    /// The hash table would not lie inside the section for kernel hashes.
    HashesOutside {
        /// Where the table would be.
        hashes_gpa: u32,
    },
    /// There are more sections than [`MAX_SECTIONS`], or they cover more than [`MAX_SECTION_BYTES`].
    TooMuch,
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kind { found } => write!(f, "section of unknown kind {found:#x}"),
            Self::NotPages { gpa, size } => {
                write!(
                    f,
                    "section at {gpa:#x} with {size:#x} bytes is not a range of whole pages below 4 GiB"
                )
            }
            Self::NotOnePage { gpa, size } => {
                write!(
                    f,
                    "section at {gpa:#x} must be one page of 0x1000 bytes, found {size:#x}"
                )
            }
            Self::Overlap { gpa } => write!(f, "section at {gpa:#x} overlaps another"),
            Self::TwoHashPages => f.write_str("more than one section for kernel hashes"),
            Self::HashesOutside { hashes_gpa } => {
                write!(
                    f,
                    "hash table at {hashes_gpa:#x} is not inside the section for kernel hashes"
                )
            }
            Self::TooMuch => write!(
                f,
                "more than {MAX_SECTIONS} sections, or more than {MAX_SECTION_BYTES} bytes in them"
            ),
        }
    }
}

impl core::error::Error for LayoutError {}

/// A checked layout: every section is whole pages, none overlap, and the hash table lies in its page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FirmwareLayout {
    pages_digest: [u8; 48],
    sections: Vec<Section>,
    reset_eip: u32,
    hashes_gpa: Option<u32>,
}

impl FirmwareLayout {
    /// Checks a layout. `pages_digest` is the launch digest after the firmware's pages, `reset_eip` where further CPUs start,
    /// `hashes_gpa` where the table with the hashes of kernel, initrd and command line goes (none: the firmware has no place).
    ///
    /// # Errors
    /// [`LayoutError`] names the first rule that does not hold.
    pub fn new(
        pages_digest: [u8; 48],
        sections: Vec<Section>,
        reset_eip: u32,
        hashes_gpa: Option<u32>,
    ) -> Result<Self, LayoutError> {
        check_sections(&sections)?;
        let mut hash_pages = sections
            .iter()
            .filter(|s| s.kind == SectionKind::KernelHashes);
        let hash_page = hash_pages.next();
        if hash_pages.next().is_some() {
            return Err(LayoutError::TwoHashPages);
        }
        if let Some(hashes_gpa) = hashes_gpa {
            let inside = |s: &Section| {
                let offset = usize::try_from(hashes_gpa.checked_sub(s.gpa)?).ok()?;
                (offset.checked_add(TABLE_SIZE)? <= PAGE).then_some(())
            };
            hash_page
                .and_then(inside)
                .ok_or(LayoutError::HashesOutside { hashes_gpa })?;
        }
        Ok(Self {
            pages_digest,
            sections,
            reset_eip,
            hashes_gpa,
        })
    }

    /// The launch digest after the firmware's pages; it stands for the whole image.
    #[must_use]
    pub fn pages_digest(&self) -> &[u8; 48] {
        &self.pages_digest
    }

    /// The sections, in the order in which they are measured.
    #[must_use]
    pub fn sections(&self) -> &[Section] {
        &self.sections
    }

    /// Where the second and every further CPU starts.
    #[must_use]
    pub fn reset_eip(&self) -> u32 {
        self.reset_eip
    }

    /// Where the hash table goes; none when a kernel cannot be measured with this firmware.
    #[must_use]
    pub fn hashes_gpa(&self) -> Option<u32> {
        self.hashes_gpa
    }
}

fn check_sections(sections: &[Section]) -> Result<(), LayoutError> {
    if sections.len() > MAX_SECTIONS {
        return Err(LayoutError::TooMuch);
    }
    let total: u64 = sections.iter().map(|s| u64::from(s.size)).sum();
    if total > MAX_SECTION_BYTES {
        return Err(LayoutError::TooMuch);
    }
    for (n, section) in sections.iter().enumerate() {
        let Section { gpa, size, kind } = *section;
        let whole = gpa.is_multiple_of(0x1000) && size.is_multiple_of(0x1000) && size > 0;
        if !whole || gpa.checked_add(size).is_none() {
            return Err(LayoutError::NotPages { gpa, size });
        }
        let single = matches!(
            kind,
            SectionKind::Secrets | SectionKind::Cpuid | SectionKind::KernelHashes
        );
        if single && size != 0x1000 {
            return Err(LayoutError::NotOnePage { gpa, size });
        }
        let apart =
            |o: &Section| o.gpa.saturating_add(o.size) <= gpa || gpa.saturating_add(size) <= o.gpa;
        if !sections.iter().take(n).all(apart) {
            return Err(LayoutError::Overlap { gpa });
        }
    }
    Ok(())
}
