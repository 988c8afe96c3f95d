//! The certificate table that an SNP host hands to its guest (AMD 56421, GHCB, SNP extended guest request).
//!
//! The table is a row of entries, ended by an entry of zero bytes; the blobs follow:
//!
//! ```text
//! GUID 16 bytes | offset u32 LE | length u32 LE     one entry; the offset counts from the start of the table
//! ...
//! 24 zero bytes
//! blobs
//! ```
//!
//! The host writes it, so nothing in it is believed: a blob counts only after the verifier has checked it.
//!
//! TDX has no such table of its own; evidence of a TD carries its collateral in one of the same form, under GUIDs of Cloister's:
//!
//! | GUID | blob |
//! | --- | --- |
//! | [`Guid::TDX_TCB_INFO`] | TCB info: the JSON that Intel's service answered, byte for byte |
//! | [`Guid::TDX_TCB_INFO_CHAIN`] | the certificates of its signer, PEM, the signer's first and the root's last |
//! | [`Guid::TDX_QE_IDENTITY`] | identity of the TD quoting enclave, likewise |
//! | [`Guid::TDX_QE_IDENTITY_CHAIN`] | the certificates of its signer, likewise |
//! | [`Guid::TDX_ROOT_CRL`] | the root's revocation list, DER |
//! | [`Guid::TDX_PCK_CRL`] | the revocation list of the PCK certificate's issuer, DER |
//! | [`Guid::TDX_PCK_CRL_CHAIN`] | the certificates of that list's issuer, PEM; a quote carries them already, so they may be left out |

use core::fmt;

/// Bytes of one entry.
const ENTRY: usize = 24;
/// The most entries that are read.
pub const MAX_ENTRIES: usize = 16;

/// What a blob is: a GUID, in the byte order in which it is printed (as the firmware and Linux write it).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guid(pub [u8; 16]);

impl Guid {
    const fn new(printed: u128) -> Self {
        Self(printed.to_be_bytes())
    }

    /// The chip's versioned signing key certificate.
    pub const VCEK: Self = Self::new(0x63da758d_e664_4564_adc5_f4b93be8accd);
    /// The cloud provider's versioned signing key certificate.
    pub const VLEK: Self = Self::new(0xa8074bc2_a25a_483e_aae6_39c045a0b8a1);
    /// AMD's intermediate certificate.
    pub const ASK: Self = Self::new(0x4ab7b379_bbac_4fe4_a02f_05aef327c782);
    /// AMD's root certificate. Only a pinned root is ever trusted, so this one is for tools alone.
    pub const ARK: Self = Self::new(0xc0b406a4_a803_4952_9743_3fb6014cd0ae);
    /// The certificate revocation list of the chain.
    pub const CRL: Self = Self::new(0x92f81bc3_5811_4d3d_97ff_d19f88dc67ea);
    /// Cloister's own: JSON with the files and settings that the host says it launched from. A hint that explains a measurement.
    pub const LAUNCH_CLAIMS: Self = Self::new(0x5c1a1d6e_7f0b_4c0e_9a51_3b2f6f1e8d42);

    /// TCB info of the platform, JSON.
    pub const TDX_TCB_INFO: Self = Self::new(0x8d0e4b1f_53a7_4a52_9d6c_0f6e2a7c9b01);
    /// Certificates of the TCB info's signer, PEM.
    pub const TDX_TCB_INFO_CHAIN: Self = Self::new(0x8d0e4b1f_53a7_4a52_9d6c_0f6e2a7c9b02);
    /// Identity of the TD quoting enclave, JSON.
    pub const TDX_QE_IDENTITY: Self = Self::new(0x8d0e4b1f_53a7_4a52_9d6c_0f6e2a7c9b03);
    /// Certificates of the identity's signer, PEM.
    pub const TDX_QE_IDENTITY_CHAIN: Self = Self::new(0x8d0e4b1f_53a7_4a52_9d6c_0f6e2a7c9b04);
    /// Revocation list of Intel's root, DER.
    pub const TDX_ROOT_CRL: Self = Self::new(0x8d0e4b1f_53a7_4a52_9d6c_0f6e2a7c9b05);
    /// Revocation list of the PCK certificate's issuer, DER.
    pub const TDX_PCK_CRL: Self = Self::new(0x8d0e4b1f_53a7_4a52_9d6c_0f6e2a7c9b06);
    /// Certificates of that list's issuer, PEM.
    pub const TDX_PCK_CRL_CHAIN: Self = Self::new(0x8d0e4b1f_53a7_4a52_9d6c_0f6e2a7c9b07);

    const NIL: Self = Self([0; 16]);
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            if matches!(index, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A parsed table; the blobs borrow from it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertTable<'a> {
    entries: Vec<(Guid, &'a [u8])>,
}

/// Why bytes are not a certificate table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertTableError {
    /// Two entries have the same GUID.
    Duplicate(Guid),
    /// A blob is empty, or a terminator that is not all zero.
    Empty(Guid),
    /// Bytes outside the entries and the blobs are not zero.
    Stray,
    /// A blob begins inside the entries, reaches past the end, or shares bytes with another.
    OutOfPlace(Guid),
    /// The sizes do not fit 32 bits.
    TooLong,
    /// More than [`MAX_ENTRIES`] entries.
    TooMany,
    /// The bytes end before the terminating entry.
    Truncated,
}

impl fmt::Display for CertTableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Duplicate(guid) => write!(f, "certificate table has entry {guid} twice"),
            Self::Empty(guid) => write!(f, "certificate table entry {guid} is empty"),
            Self::Stray => f.write_str("certificate table has bytes that belong to no entry"),
            Self::OutOfPlace(guid) => write!(
                f,
                "certificate table entry {guid} lies inside the entries, past the end or over another blob"
            ),
            Self::TooLong => {
                f.write_str("certificate table is longer than its 32-bit offsets can say")
            }
            Self::TooMany => write!(f, "certificate table has more than {MAX_ENTRIES} entries"),
            Self::Truncated => f.write_str("certificate table ends before its terminating entry"),
        }
    }
}

impl core::error::Error for CertTableError {}

impl<'a> CertTable<'a> {
    /// Reads a whole table. No bytes at all are a table without entries: a host need not give any.
    ///
    /// # Errors
    /// [`CertTableError`] when an entry is malformed, doubled or out of place, or when a byte that belongs to no entry is not
    /// zero (hosts pad the table to whole pages with zero bytes).
    pub fn parse(table: &'a [u8]) -> Result<Self, CertTableError> {
        if table.is_empty() {
            return Ok(Self {
                entries: Vec::new(),
            });
        }
        let mut heads = Vec::new();
        let mut rest = table;
        loop {
            let (entry, behind) = rest
                .split_first_chunk::<ENTRY>()
                .ok_or(CertTableError::Truncated)?;
            rest = behind;
            if *entry == [0; ENTRY] {
                break;
            }
            if heads.len() == MAX_ENTRIES {
                return Err(CertTableError::TooMany);
            }
            heads.push(Head::parse(entry)?);
        }
        let first_blob = table.len() - rest.len();
        let entries = heads
            .iter()
            .map(|head| Ok((head.guid, head.blob(table, first_blob)?)))
            .collect::<Result<Vec<_>, CertTableError>>()?;
        check_places(table, first_blob, heads)?;
        Ok(Self { entries })
    }

    /// The blob of a GUID.
    #[must_use]
    pub fn find(&self, guid: Guid) -> Option<&'a [u8]> {
        self.iter()
            .find_map(|(found, blob)| (found == guid).then_some(blob))
    }

    /// All entries in the order of the table.
    pub fn iter(&self) -> impl Iterator<Item = (Guid, &'a [u8])> + '_ {
        self.entries.iter().copied()
    }

    /// Writes a table: the entries in the order given, the blobs one behind the other.
    ///
    /// # Errors
    /// [`CertTableError`] for what [`CertTable::parse`] would refuse: doubled or nil GUIDs, empty blobs, too many or too long.
    pub fn encode(entries: &[(Guid, &[u8])]) -> Result<Vec<u8>, CertTableError> {
        if entries.len() > MAX_ENTRIES {
            return Err(CertTableError::TooMany);
        }
        let size = entries
            .iter()
            .try_fold((entries.len() + 1) * ENTRY, |size, (_, blob)| {
                size.checked_add(blob.len())
            })
            .filter(|&size| u32::try_from(size).is_ok())
            .ok_or(CertTableError::TooLong)?;
        let mut table = Vec::with_capacity(size);
        let mut offset = (entries.len() + 1) * ENTRY;
        for (index, (guid, blob)) in entries.iter().enumerate() {
            if blob.is_empty() || *guid == Guid::NIL {
                return Err(CertTableError::Empty(*guid));
            }
            if entries
                .iter()
                .take(index)
                .any(|(earlier, _)| earlier == guid)
            {
                return Err(CertTableError::Duplicate(*guid));
            }
            table.extend_from_slice(&guid.0);
            for number in [offset, blob.len()] {
                let number = u32::try_from(number).map_err(|_| CertTableError::TooLong)?;
                table.extend_from_slice(&number.to_le_bytes());
            }
            offset += blob.len();
        }
        table.extend_from_slice(&[0; ENTRY]);
        for (_, blob) in entries {
            table.extend_from_slice(blob);
        }
        Ok(table)
    }
}

/// One entry as it is in the table.
struct Head {
    guid: Guid,
    offset: usize,
    length: usize,
}

impl Head {
    fn parse(entry: &[u8; ENTRY]) -> Result<Self, CertTableError> {
        let [guid @ .., o0, o1, o2, o3, l0, l1, l2, l3] = *entry;
        let guid = Guid(guid);
        let number =
            |bytes| usize::try_from(u32::from_le_bytes(bytes)).map_err(|_| CertTableError::TooLong);
        let head = Self {
            guid,
            offset: number([o0, o1, o2, o3])?,
            length: number([l0, l1, l2, l3])?,
        };
        if head.length == 0 || guid == Guid::NIL {
            return Err(CertTableError::Empty(guid));
        }
        Ok(head)
    }

    fn blob<'a>(&self, table: &'a [u8], first_blob: usize) -> Result<&'a [u8], CertTableError> {
        if self.offset < first_blob {
            return Err(CertTableError::OutOfPlace(self.guid));
        }
        self.offset
            .checked_add(self.length)
            .and_then(|end| table.get(self.offset..end))
            .ok_or(CertTableError::OutOfPlace(self.guid))
    }
}

/// No GUID twice, no byte in two blobs, and only zero bytes in none.
fn check_places(
    table: &[u8],
    first_blob: usize,
    mut heads: Vec<Head>,
) -> Result<(), CertTableError> {
    heads.sort_by_key(|head| head.guid);
    if let Some([one, _]) = heads
        .array_windows()
        .find(|[one, two]| one.guid == two.guid)
    {
        return Err(CertTableError::Duplicate(one.guid));
    }
    heads.sort_by_key(|head| head.offset);
    let all_zero = |from: usize, to: usize| {
        table
            .get(from..to)
            .is_some_and(|gap| gap.iter().all(|&byte| byte == 0))
    };
    let mut position = first_blob;
    for head in &heads {
        if head.offset < position {
            return Err(CertTableError::OutOfPlace(head.guid));
        }
        if !all_zero(position, head.offset) {
            return Err(CertTableError::Stray);
        }
        position = head.offset.saturating_add(head.length);
    }
    if all_zero(position, table.len()) {
        Ok(())
    } else {
        Err(CertTableError::Stray)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn sample() -> Vec<u8> {
        CertTable::encode(&[
            (Guid::VCEK, b"leaf"),
            (Guid::ASK, b"middle"),
            (Guid::ARK, b"root"),
        ])
        .unwrap()
    }

    #[test]
    fn round_trip() {
        let table = sample();
        let parsed = CertTable::parse(&table).unwrap();
        assert_eq!(parsed.find(Guid::ASK), Some(&b"middle"[..]));
        assert_eq!(parsed.find(Guid::CRL), None);
        let entries: Vec<_> = parsed.iter().collect();
        assert_eq!(CertTable::encode(&entries).unwrap(), table);
        assert_eq!(
            Guid::VCEK.to_string(),
            "63da758d-e664-4564-adc5-f4b93be8accd"
        );
    }

    #[test]
    fn a_host_may_give_none_and_may_pad() {
        assert_eq!(CertTable::parse(&[]).unwrap().iter().count(), 0);
        assert_eq!(CertTable::parse(&[0; 24]).unwrap().iter().count(), 0);
        assert_eq!(CertTable::encode(&[]).unwrap(), [0; 24]);
        let mut table = sample();
        table.resize(4096, 0);
        assert_eq!(CertTable::parse(&table).unwrap().iter().count(), 3);
        table[4000] = 1;
        assert_eq!(CertTable::parse(&table), Err(CertTableError::Stray));
    }

    #[test]
    fn every_truncation_is_refused() {
        let table = sample();
        for end in 1..table.len() {
            assert!(CertTable::parse(&table[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn misplaced_blobs_are_refused() {
        let set = |entry: usize, offset: u32, length: u32| {
            let mut table = sample();
            table[entry * 24 + 16..entry * 24 + 20].copy_from_slice(&offset.to_le_bytes());
            table[entry * 24 + 20..entry * 24 + 24].copy_from_slice(&length.to_le_bytes());
            CertTable::parse(&table).map(|_| ())
        };
        assert_eq!(set(0, 96, 4), Ok(()));
        assert_eq!(
            set(0, 0, 4),
            Err(CertTableError::OutOfPlace(Guid::VCEK)),
            "over the entries"
        );
        assert_eq!(
            set(1, 98, 6),
            Err(CertTableError::OutOfPlace(Guid::ASK)),
            "over another blob"
        );
        assert_eq!(
            set(2, 106, 5),
            Err(CertTableError::OutOfPlace(Guid::ARK)),
            "past the end"
        );
        assert_eq!(
            set(2, u32::MAX, u32::MAX),
            Err(CertTableError::OutOfPlace(Guid::ARK))
        );
        assert_eq!(
            set(0, 96, 3),
            Err(CertTableError::Stray),
            "a byte between two blobs"
        );
        assert_eq!(set(0, 96, 0), Err(CertTableError::Empty(Guid::VCEK)));
    }

    #[test]
    fn doubled_and_nil_entries_are_refused() {
        let mut table = sample();
        table.copy_within(0..16, 24);
        assert_eq!(
            CertTable::parse(&table),
            Err(CertTableError::Duplicate(Guid::VCEK))
        );
        table[..16].fill(0);
        assert_eq!(
            CertTable::parse(&table),
            Err(CertTableError::Empty(Guid::NIL))
        );
        assert_eq!(
            CertTable::encode(&[(Guid::ASK, b"a"), (Guid::ASK, b"b")]),
            Err(CertTableError::Duplicate(Guid::ASK))
        );
        assert_eq!(
            CertTable::encode(&[(Guid::ASK, b"")]),
            Err(CertTableError::Empty(Guid::ASK))
        );
    }

    #[test]
    fn a51_the_number_of_entries_is_bounded() {
        let mut table = Vec::new();
        for index in 1..=17_u8 {
            table.extend_from_slice(&[index; 16]);
            table.extend_from_slice(&(18_u32 * 24).to_le_bytes());
            table.extend_from_slice(&1_u32.to_le_bytes());
        }
        table.extend_from_slice(&[0; 48]);
        assert_eq!(CertTable::parse(&table), Err(CertTableError::TooMany));
    }
}
