//! UEFI variables as firmware measures them (TCG PC Client Platform Firmware Profile 1.06, section 10.4.2), and the boot options that
//! it makes for its own menus.

use core::fmt;
use serde::{Deserialize, Serialize};

/// A GUID in the order of its bytes in memory (UEFI 2.10, appendix A): the first three groups are little-endian.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Guid(pub [u8; 16]);

/// Text that is not a GUID in lower case with its four hyphens.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadGuid;

impl fmt::Display for BadGuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected a GUID such as 8be4df61-93ca-11d2-aa0d-00e098032b8c")
    }
}

impl core::error::Error for BadGuid {}

/// Where each byte in memory stands in the text, as digits without hyphens.
const ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

impl Guid {
    /// `EFI_GLOBAL_VARIABLE` (UEFI 2.10 section 3.3).
    pub const GLOBAL: Self = Self([
        0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11, 0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b,
        0x8c,
    ]);
    /// `EFI_IMAGE_SECURITY_DATABASE_GUID` (UEFI 2.10 section 32.4.1).
    pub const SECURITY_DATABASE: Self = Self([
        0xcb, 0xb2, 0x19, 0xd7, 0x3a, 0x3d, 0x96, 0x45, 0xa3, 0xbc, 0xda, 0xd0, 0x0e, 0x67, 0x65,
        0x6f,
    ]);

    /// Reads the usual text form in lower case.
    ///
    /// # Errors
    /// [`BadGuid`] for any other text.
    pub fn parse(text: &str) -> Result<Self, BadGuid> {
        let groups: Vec<&str> = text.split('-').collect();
        if groups.iter().map(|group| group.len()).ne([8, 4, 4, 4, 12]) {
            return Err(BadGuid);
        }
        let digits = cloister_verify::release::Hex::<16>::parse(&groups.concat()).ok_or(BadGuid)?;
        let mut bytes = [0; 16];
        for (byte, place) in bytes.iter_mut().zip(ORDER) {
            *byte = digits.0.get(place).copied().ok_or(BadGuid)?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The order of bytes is its own inverse.
        for (at, place) in ORDER.into_iter().enumerate() {
            if [4, 6, 8, 10].contains(&at) {
                f.write_str("-")?;
            }
            write!(f, "{:02x}", self.0.get(place).copied().unwrap_or_default())?;
        }
        Ok(())
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl TryFrom<String> for Guid {
    type Error = BadGuid;
    fn try_from(text: String) -> Result<Self, BadGuid> {
        Self::parse(&text)
    }
}

impl From<Guid> for String {
    fn from(guid: Guid) -> Self {
        guid.to_string()
    }
}

/// `UEFI_VARIABLE_DATA`: vendor, number of characters, number of bytes, name, data.
pub(super) fn variable_data(vendor: Guid, name: &str, data: &[u8]) -> Vec<u8> {
    let units = utf16(name);
    let count = |bytes: &[u8]| u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    let mut bytes = vendor.0.to_vec();
    bytes.extend((count(&units) / 2).to_le_bytes());
    bytes.extend(count(data).to_le_bytes());
    bytes.extend(units);
    bytes.extend(data);
    bytes
}

/// Text as UTF-16, little-endian, without a terminator.
pub(super) fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// A boot option that leads to a program in the firmware's own volume.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BootOption {
    /// `LOAD_OPTION_*` bits (UEFI 2.10 section 3.1.3).
    pub attributes: u32,
    /// What menus show.
    pub description: String,
    /// Name of the firmware volume.
    pub volume: Guid,
    /// Name of the file in it.
    pub file: Guid,
}

impl BootOption {
    /// `EFI_LOAD_OPTION`: attributes, bytes of the path, description with its terminator, path.
    pub(super) fn load_option(&self) -> Vec<u8> {
        /// `MEDIA_DEVICE_PATH` nodes of a firmware volume and of a file in one (PI specification, volume 3), 20 bytes each.
        const VOLUME: [u8; 4] = [4, 7, 20, 0];
        const FILE: [u8; 4] = [4, 6, 20, 0];
        const END: [u8; 4] = [0x7f, 0xff, 4, 0];
        let path = [&VOLUME[..], &self.volume.0, &FILE, &self.file.0, &END].concat();
        let length = u16::try_from(path.len()).unwrap_or(u16::MAX);
        [
            &self.attributes.to_le_bytes()[..],
            &length.to_le_bytes(),
            &utf16(&self.description),
            &[0, 0],
            &path,
        ]
        .concat()
    }
}
