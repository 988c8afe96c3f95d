//! The ACPI table that says where the event log lies (ACPI 6.5 section 5.2.34, CCEL).

use core::fmt;

/// Bytes of the table: the ACPI header and 20 bytes.
const LENGTH: usize = 56;
/// `CC Type` of Intel TDX.
const TDX: u8 = 2;

/// Why bytes are not the CCEL table of a trust domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadTable {
    /// Not 56 bytes, or its own length field says something else.
    Length {
        /// Bytes found.
        found: usize,
    },
    /// Another signature than `CCEL`.
    Signature,
    /// The sum of its bytes is not zero.
    Checksum,
    /// For another kind of machine than a trust domain.
    Kind {
        /// The type and subtype found.
        found: [u8; 2],
    },
}

impl fmt::Display for BadTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length { found } => write!(f, "{found} bytes, or a length field that disagrees"),
            Self::Signature => f.write_str("another signature than CCEL"),
            Self::Checksum => f.write_str("bytes whose sum is not zero"),
            Self::Kind {
                found: [kind, subtype],
            } => write!(
                f,
                "a table for confidential machines of type {kind}.{subtype}"
            ),
        }
    }
}

impl core::error::Error for BadTable {}

/// The CCEL table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CcelTable {
    /// `LAML`: the least number of bytes of the log area.
    pub area_length: u64,
    /// `LASA`: the area's guest physical address.
    pub area_start: u64,
}

impl CcelTable {
    /// Reads the table.
    ///
    /// # Errors
    /// [`BadTable`] when it is not exactly the table of a trust domain.
    pub fn parse(bytes: &[u8]) -> Result<Self, BadTable> {
        let length = BadTable::Length { found: bytes.len() };
        let table: &[u8; LENGTH] = bytes.try_into().map_err(|_| length)?;
        if table.first_chunk() != Some(b"CCEL") {
            return Err(BadTable::Signature);
        }
        let stated = number(table, 4..8).ok_or(length)?;
        if usize::try_from(stated) != Ok(LENGTH) {
            return Err(length);
        }
        if table.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte)) != 0 {
            return Err(BadTable::Checksum);
        }
        match table.get(36..40) {
            Some([TDX, 0, 0, 0]) => {}
            Some([kind, subtype, ..]) => {
                return Err(BadTable::Kind {
                    found: [*kind, *subtype],
                });
            }
            _ => return Err(length),
        }
        Ok(Self {
            area_length: number(table, 40..48).ok_or(length)?,
            area_start: number(table, 48..56).ok_or(length)?,
        })
    }
}

/// A little-endian number of up to eight bytes.
fn number(bytes: &[u8], range: core::ops::Range<usize>) -> Option<u64> {
    let digits = bytes.get(range)?;
    Some(
        digits
            .iter()
            .rev()
            .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn table() -> Vec<u8> {
        let mut bytes = vec![0; LENGTH];
        bytes[..4].copy_from_slice(b"CCEL");
        bytes[4] = 56;
        bytes[36] = TDX;
        bytes[42] = 4;
        bytes[49] = 0xf0;
        summed(bytes)
    }

    fn summed(mut bytes: Vec<u8>) -> Vec<u8> {
        bytes[9] = 0;
        bytes[9] = bytes.iter().fold(0u8, |sum, b| sum.wrapping_sub(*b));
        bytes
    }

    #[test]
    fn reads_the_table_and_nothing_else() {
        let good = CcelTable {
            area_length: 0x4_0000,
            area_start: 0xf000,
        };
        assert_eq!(CcelTable::parse(&table()), Ok(good));
        for cut in 0..LENGTH {
            let found = BadTable::Length { found: cut };
            assert_eq!(CcelTable::parse(&table()[..cut]), Err(found));
        }
        let with = |at: usize, value: u8| {
            let mut bytes = table();
            bytes[at] = value;
            CcelTable::parse(&summed(bytes))
        };
        assert_eq!(with(0, b'D'), Err(BadTable::Signature));
        assert_eq!(with(4, 57), Err(BadTable::Length { found: 56 }));
        assert_eq!(with(36, 1), Err(BadTable::Kind { found: [1, 0] }));
        assert_eq!(with(37, 1), Err(BadTable::Kind { found: [2, 1] }));
        assert_eq!(with(38, 1), Err(BadTable::Kind { found: [2, 0] }));
        let mut bytes = table();
        bytes[20] ^= 1;
        assert_eq!(CcelTable::parse(&bytes), Err(BadTable::Checksum));
    }
}
