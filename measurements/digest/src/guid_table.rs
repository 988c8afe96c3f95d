//! OVMF's table of GUIDs. It ends 32 bytes before the end of the image and is read backwards: each entry is data, then a 16-bit size
//! of the whole entry, then a GUID (edk2, `OvmfPkg/ResetVector/Ia16/ResetVectorVtf0.asm`).
//!
//! The image comes from a file of unknown origin: every length is checked against what is there before it is used.

/// 96b582de-1fb2-45f7-baea-a366c55a082d, as stored: the table itself.
const FOOTER: [u8; 16] = [
    0xde, 0x82, 0xb5, 0x96, 0xb2, 0x1f, 0xf7, 0x45, 0xba, 0xea, 0xa3, 0x66, 0xc5, 0x5a, 0x08, 0x2d,
];
/// Bytes behind the table: the reset vector.
const BEHIND_TABLE: usize = 32;
/// A 16-bit size and a GUID.
const ENTRY_TRAILER: usize = 18;

/// Why an image has no table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TableError {
    /// The table's own GUID is not 32 bytes before the end.
    NoTable,
    /// A size is smaller than an entry or reaches out of the table.
    Entry {
        /// The size found.
        size: usize,
        /// What is left of the table.
        left: usize,
    },
    /// A wanted entry occurs twice.
    Twice {
        /// Its place among the wanted ones.
        wanted: usize,
    },
}

/// The data of the wanted entries, by their GUIDs as stored; nothing for those that are missing.
pub(crate) fn find<'a, const N: usize>(
    image: &'a [u8],
    wanted: &[[u8; 16]; N],
) -> Result<[Option<&'a [u8]>; N], TableError> {
    let end = image.len().checked_sub(BEHIND_TABLE);
    let (mut rest, size, guid) = end
        .and_then(|end| image.get(..end))
        .and_then(split_trailer)
        .ok_or(TableError::NoTable)?;
    if guid != FOOTER {
        return Err(TableError::NoTable);
    }
    // The footer counts itself and all entries before it.
    let entries = size
        .checked_sub(ENTRY_TRAILER)
        .and_then(|n| rest.len().checked_sub(n));
    rest = entries
        .and_then(|start| rest.get(start..))
        .ok_or(TableError::Entry {
            size,
            left: rest.len(),
        })?;

    let mut found = [None; N];
    while !rest.is_empty() {
        let left = rest.len();
        let (before, size, guid) =
            split_trailer(rest).ok_or(TableError::Entry { size: left, left })?;
        let start = size
            .checked_sub(ENTRY_TRAILER)
            .and_then(|data| before.len().checked_sub(data));
        let (head, data) = start
            .and_then(|start| before.split_at_checked(start))
            .ok_or(TableError::Entry { size, left })?;
        let place = wanted.iter().position(|wanted| *wanted == guid);
        if let Some((wanted, slot)) = place.and_then(|at| Some((at, found.get_mut(at)?)))
            && slot.replace(data).is_some()
        {
            return Err(TableError::Twice { wanted });
        }
        rest = head;
    }
    Ok(found)
}

/// Splits an entry's size and GUID off the end.
fn split_trailer(bytes: &[u8]) -> Option<(&[u8], usize, [u8; 16])> {
    let (rest, guid) = bytes.split_last_chunk::<16>()?;
    let (rest, size) = rest.split_last_chunk::<2>()?;
    Some((rest, usize::from(u16::from_le_bytes(*size)), *guid))
}
