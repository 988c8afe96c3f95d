//! SMBIOS tables as firmware measures them: without serial numbers and what else differs between equal machines (edk2
//! `MdeModulePkg/Universal/SmbiosMeasurementDxe`; DMTF DSP0134 for the offsets).
//!
//! The tables come from the host. They are bounded and read structure by structure; a table that is cut or has bytes behind its end is
//! an error.

use core::fmt;

/// The most bytes of all tables; a machine with many CPUs has some KiB.
pub const MAX_SMBIOS: usize = 1 << 20;
/// Type, length, handle.
const HEADER: usize = 4;
/// The type that ends the table.
const END_OF_TABLE: u8 = 127;
/// Vendors' own types begin here.
const OEM: u8 = 128;

/// Why bytes are no SMBIOS tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadSmbios {
    /// More than [`MAX_SMBIOS`] bytes.
    TooLong,
    /// A structure is shorter than its header, reaches out of the table, or names a string that it does not have.
    Structure {
        /// Its offset.
        at: usize,
    },
    /// The table does not end with its end-of-table structure.
    End,
}

impl fmt::Display for BadSmbios {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SMBIOS tables: ")?;
        match self {
            Self::TooLong => write!(f, "more than {MAX_SMBIOS} bytes"),
            Self::Structure { at } => write!(f, "a malformed structure at {at:#x}"),
            Self::End => f.write_str(
                "the last structure must be the end of the table, with nothing behind it",
            ),
        }
    }
}

impl core::error::Error for BadSmbios {}

/// A field that is left out of the measurement.
#[derive(Clone, Copy)]
enum Field {
    /// The number of a string; the string becomes blanks.
    Text(usize),
    /// So many bytes at this offset.
    Bytes(usize, usize),
}

/// What is left out of a structure.
enum Rule {
    /// Everything behind the header.
    All,
    /// Some fields.
    Some(&'static [Field]),
}

fn rule(kind: u8) -> Rule {
    use Field::{Bytes, Text};
    Rule::Some(match kind {
        1 => &[Text(0x07), Bytes(0x08, 16), Bytes(0x18, 1)],
        2 => &[Text(0x07), Bytes(0x0a, 1)],
        3 => &[Text(0x07), Text(0x08)],
        4 => &[
            Text(0x20),
            Text(0x21),
            Text(0x22),
            Bytes(0x23, 3),
            Bytes(0x2a, 6),
            Bytes(0x11, 1),
            Bytes(0x16, 2),
        ],
        17 => &[Text(0x18), Text(0x19), Text(0x1a)],
        22 => &[Text(0x07), Bytes(0x10, 2), Bytes(0x12, 2)],
        23 => &[Bytes(0x05, 2)],
        27 => &[Bytes(0x0c, 2)],
        39 => &[Text(0x08), Text(0x09), Text(0x0a)],
        11 | 15 | 18 | 31 | 33 | OEM.. => return Rule::All,
        _ => &[],
    })
}

/// The tables as they are measured.
///
/// # Errors
/// [`BadSmbios`] when the bytes are not exactly the structures of one table.
pub fn filtered(tables: &[u8]) -> Result<Vec<u8>, BadSmbios> {
    if tables.len() > MAX_SMBIOS {
        return Err(BadSmbios::TooLong);
    }
    let mut measured = tables.to_vec();
    let mut rest = measured.as_mut_slice();
    loop {
        let at = tables.len().saturating_sub(rest.len());
        let bad = BadSmbios::Structure { at };
        let (structure, behind) = split(rest).ok_or(if at == tables.len() {
            BadSmbios::End
        } else {
            bad
        })?;
        let kind = structure.first().copied().unwrap_or_default();
        blank(structure, kind).ok_or(bad)?;
        rest = behind;
        if kind == END_OF_TABLE {
            return if rest.is_empty() {
                Ok(measured)
            } else {
                Err(BadSmbios::End)
            };
        }
    }
}

/// The first structure: its formatted part and its strings, which two zero bytes end.
fn split(bytes: &mut [u8]) -> Option<(&mut [u8], &mut [u8])> {
    let length = usize::from(*bytes.get(1)?);
    if length < HEADER {
        return None;
    }
    let strings = bytes.get(length..)?;
    let end = strings.windows(2).position(|pair| pair == [0, 0])?;
    bytes.split_at_mut_checked(length.checked_add(end)?.checked_add(2)?)
}

/// Blanks what is not measured.
fn blank(structure: &mut [u8], kind: u8) -> Option<()> {
    let length = usize::from(*structure.get(1)?);
    let fields = match rule(kind) {
        Rule::All => {
            structure.get_mut(HEADER..)?.fill(0);
            return Some(());
        }
        Rule::Some(fields) => fields,
    };
    for field in fields {
        let (offset, size) = match *field {
            Field::Text(offset) => (offset, 1),
            Field::Bytes(offset, size) => (offset, size),
        };
        // An older structure is shorter, and has the field not at all.
        let end = offset.checked_add(size)?;
        if end > length {
            continue;
        }
        if let Field::Text(_) = field
            && let Some(number) = structure.get(offset).copied().filter(|number| *number != 0)
        {
            blank_string(structure.get_mut(length..)?, number)?;
        }
        structure.get_mut(offset..end)?.fill(0);
    }
    Some(())
}

/// Writes blanks over a string, counted from 1.
fn blank_string(strings: &mut [u8], number: u8) -> Option<()> {
    let place = usize::from(number).checked_sub(1)?;
    let text = strings.split_mut(|byte| *byte == 0).nth(place)?;
    if text.is_empty() {
        return None;
    }
    text.fill(b' ');
    Some(())
}
