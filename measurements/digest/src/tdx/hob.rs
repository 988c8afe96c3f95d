//! The TD HOB: the list of memory ranges that the launcher writes into a trust domain before it starts, and that the firmware measures
//! first of all (Intel TDX Virtual Firmware Design Guide, section 4.2; QEMU `hw/i386/tdvf-hob.c` and `hw/i386/pc_q35.c`).
//!
//! It depends on the amount of memory and on the firmware's metadata, and on nothing else of the machine.

use super::firmware::{SectionKind, Tdvf};
use core::fmt;

/// The most memory of a shape, in MiB: 64 TiB.
pub const MAX_MEMORY_MIB: u64 = 1 << 26;
const MIB: u64 = 1 << 20;
/// With this much memory or more, q35 puts only [`LOW`] bytes below 4 GiB; with less it puts all there.
const SPLIT_FROM: u64 = 0xb000_0000;
const LOW: u64 = 0x8000_0000;
const FOUR_GIB: u64 = 1 << 32;

/// PI specification 1.8, volume 3: `EFI_HOB_TYPE_HANDOFF`, its bytes, and `EFI_HOB_HANDOFF_TABLE_VERSION`.
const HANDOFF: (u16, u16, u32) = (1, 56, 9);
/// `EFI_HOB_TYPE_RESOURCE_DESCRIPTOR` and its bytes.
const RESOURCE: (u16, u16) = (3, 48);
/// `EFI_HOB_TYPE_END_OF_HOB_LIST` has a header and nothing more. It is not measured.
const END: u64 = 8;
/// `EFI_RESOURCE_SYSTEM_MEMORY`: memory that the launcher added.
const SYSTEM_MEMORY: u32 = 0;
/// `EFI_RESOURCE_MEMORY_UNACCEPTED`: memory that the guest has to accept.
const UNACCEPTED: u32 = 7;
/// Present, initialised, tested.
const ATTRIBUTES: u32 = 7;

/// Why there is no TD HOB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HobError {
    /// No memory, or more than [`MAX_MEMORY_MIB`].
    Memory {
        /// MiB asked for.
        found: u64,
    },
    /// The firmware names no place for it, or several.
    NoPlace,
    /// A section of the firmware lies outside the machine's low memory.
    Section {
        /// Its guest physical address.
        address: u64,
    },
}

impl fmt::Display for HobError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TD HOB: ")?;
        match self {
            Self::Memory { found } => {
                write!(
                    f,
                    "expected 1 to {MAX_MEMORY_MIB} MiB of memory, found {found}"
                )
            }
            Self::NoPlace => f.write_str("the firmware must have exactly one TD_HOB section"),
            Self::Section { address } => {
                write!(
                    f,
                    "the firmware's section at {address:#x} is not in memory; give the machine more"
                )
            }
        }
    }
}

impl core::error::Error for HobError {}

/// The bytes that the firmware measures: the list without its end marker.
///
/// # Errors
/// [`HobError`] when the firmware does not fit into a machine with this much memory.
pub fn td_hob(firmware: &Tdvf<'_>, memory_mib: u64) -> Result<Vec<u8>, HobError> {
    if !(1..=MAX_MEMORY_MIB).contains(&memory_mib) {
        return Err(HobError::Memory { found: memory_mib });
    }
    let memory = memory_mib.saturating_mul(MIB);
    let (low, high) = if memory >= SPLIT_FROM {
        (LOW, memory.saturating_sub(LOW))
    } else {
        (memory, 0)
    };
    let place = |kind| firmware.sections().iter().filter(move |s| s.kind == kind);
    let mut places = place(SectionKind::TdHob);
    let (Some(hob), None) = (places.next(), places.next()) else {
        return Err(HobError::NoPlace);
    };
    let mut added: Vec<(u64, u64)> = place(SectionKind::TdHob)
        .chain(place(SectionKind::TempMem))
        .map(|section| (section.address, section.size))
        .collect();
    added.sort_unstable();

    let mut resources = Vec::new();
    let mut from = 0u64;
    for (address, size) in added {
        // Sections do not overlap: the metadata's reader saw to that.
        let end = address
            .checked_add(size)
            .filter(|end| *end <= low)
            .ok_or(HobError::Section { address })?;
        if from < address {
            resource(
                &mut resources,
                UNACCEPTED,
                from,
                address.saturating_sub(from),
            );
        }
        resource(&mut resources, SYSTEM_MEMORY, address, size);
        from = end;
    }
    if from < low {
        resource(&mut resources, UNACCEPTED, from, low.saturating_sub(from));
    }
    if high > 0 {
        resource(&mut resources, UNACCEPTED, FOUR_GIB, high);
    }

    let (kind, length, version) = HANDOFF;
    let bytes = u64::try_from(resources.len()).unwrap_or(u64::MAX);
    let end = hob
        .address
        .saturating_add(u64::from(length))
        .saturating_add(bytes)
        .saturating_add(END);
    let mut list = Vec::new();
    list.extend(kind.to_le_bytes());
    list.extend(length.to_le_bytes());
    list.extend([0; 4]);
    list.extend(version.to_le_bytes());
    // Boot mode, and the four limits of memory, which QEMU leaves open.
    list.extend([0; 4 + 4 * 8]);
    list.extend(end.to_le_bytes());
    list.extend(resources);
    Ok(list)
}

fn resource(list: &mut Vec<u8>, kind: u32, start: u64, length: u64) {
    let (hob, bytes) = RESOURCE;
    list.extend(hob.to_le_bytes());
    list.extend(bytes.to_le_bytes());
    list.extend([0; 4 + 16]);
    list.extend(kind.to_le_bytes());
    list.extend(ATTRIBUTES.to_le_bytes());
    list.extend(start.to_le_bytes());
    list.extend(length.to_le_bytes());
}
