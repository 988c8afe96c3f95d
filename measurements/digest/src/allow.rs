//! Which firmware images may be measured: the list in `firmware.toml`, compiled in.

use cloister_verify::release::{Flavour, Hex};
use core::fmt;
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// The list, see the comment at its top.
const LIST: &str = include_str!("../firmware.toml");

/// One line of the list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AllowedFirmware {
    /// The name that releases give it.
    pub name: String,
    /// SHA-256 of the file.
    pub sha256: Hex<32>,
    /// For which flavours it is good.
    pub flavours: Vec<Flavour>,
    /// Where it comes from and what was looked for in it.
    pub source: String,
    /// When that was.
    pub date: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    firmware: Vec<AllowedFirmware>,
}

/// Why a firmware image is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FirmwareRefused {
    /// The compiled-in list cannot be read; the parser's words.
    List(String),
    /// No line has this SHA-256.
    Unknown {
        /// SHA-256 of the image.
        found: Hex<32>,
        /// The names that this flavour accepts.
        accepted: Vec<String>,
    },
    /// The line does not name this flavour.
    OtherFlavour {
        /// The firmware's name.
        name: String,
        /// What is known of it.
        source: String,
        /// The names that this flavour accepts.
        accepted: Vec<String>,
    },
}

impl fmt::Display for FirmwareRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List(why) => write!(f, "the list of firmware cannot be read: {why}"),
            Self::Unknown { found, accepted } => write!(
                f,
                "the firmware with SHA-256 {found} is not on the list, so nobody has looked whether it verifies the kernel; expected {}",
                accepted.join(" or ")
            ),
            Self::OtherFlavour {
                name,
                source,
                accepted,
            } => write!(
                f,
                "the firmware {name} is not for this flavour ({source}); expected {}",
                accepted.join(" or ")
            ),
        }
    }
}

impl core::error::Error for FirmwareRefused {}

/// The whole list.
///
/// # Errors
/// [`FirmwareRefused::List`] when the compiled-in file is malformed; a test keeps it from happening.
pub fn list() -> Result<Vec<AllowedFirmware>, FirmwareRefused> {
    toml::from_str::<List>(LIST)
        .map(|list| list.firmware)
        .map_err(|e| FirmwareRefused::List(e.message().to_owned()))
}

/// Finds the line of an image for a flavour.
///
/// # Errors
/// [`FirmwareRefused`] when no line has the image's SHA-256, or it is for another flavour.
pub fn admit(image: &[u8], flavour: Flavour) -> Result<AllowedFirmware, FirmwareRefused> {
    let found = Hex(Sha256::digest(image).into());
    let list = list()?;
    let accepted = || {
        let mine = list.iter().filter(|line| line.flavours.contains(&flavour));
        mine.map(|line| line.name.clone()).collect()
    };
    match list.iter().find(|line| line.sha256 == found) {
        None => Err(FirmwareRefused::Unknown {
            found,
            accepted: accepted(),
        }),
        Some(line) if !line.flavours.contains(&flavour) => Err(FirmwareRefused::OtherFlavour {
            name: line.name.clone(),
            source: line.source.clone(),
            accepted: accepted(),
        }),
        Some(line) => Ok(line.clone()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_list_is_well_formed() {
        let list = list().unwrap();
        for flavour in [Flavour::Production, Flavour::Simulated] {
            assert!(
                list.iter().any(|l| l.flavours.contains(&flavour)),
                "{flavour:?} accepts nothing"
            );
        }
        for (n, line) in list.iter().enumerate() {
            assert!(!line.name.is_empty() && !line.source.is_empty(), "{line:?}");
            assert_eq!(line.date.len(), "2026-11-23".len(), "{line:?}");
            assert!(
                list.iter().take(n).all(|o| o.sha256 != line.sha256),
                "{line:?} twice"
            );
        }
        let generic = list
            .iter()
            .find(|l| l.name.starts_with("ovmf-generic"))
            .unwrap();
        assert_eq!(
            generic.flavours,
            [Flavour::Simulated],
            "generic OVMF verifies no kernel"
        );
    }

    #[test]
    fn unknown_images_are_refused_by_name_of_what_is_expected() {
        for flavour in [Flavour::Production, Flavour::Simulated] {
            let refused = admit(b"firmware", flavour).unwrap_err();
            assert!(matches!(refused, FirmwareRefused::Unknown { .. }));
            assert!(refused.to_string().contains("expected ovmf-"), "{refused}");
        }
    }
}
