//! Which firmware images may be measured, and for what: the list in `firmware.toml`, compiled in.

use crate::tdx::Profile;
use cloister_verify::release::{Flavour, Hex};
use core::fmt;
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// The list, see the comment at its top.
const LIST: &str = include_str!("../firmware.toml");

/// What a firmware is measured for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// An SEV-SNP guest of the production image.
    Snp,
    /// A trust domain with the production image.
    Tdx,
    /// The simulated image.
    Simulated,
}

impl From<Flavour> for Role {
    /// The role of the firmware that a release of this flavour names first.
    fn from(flavour: Flavour) -> Self {
        match flavour {
            Flavour::Production => Self::Snp,
            Flavour::Simulated => Self::Simulated,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Snp => "SEV-SNP",
            Self::Tdx => "TDX",
            Self::Simulated => "the simulated image",
        })
    }
}

/// One line of the list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct AllowedFirmware {
    /// The name that releases give it.
    pub name: String,
    /// SHA-256 of the file.
    pub sha256: Hex<32>,
    /// For what it is good.
    pub roles: Vec<Role>,
    /// Whether the code that compares the kernel with the measured hashes is in it.
    pub verifies_kernel_hashes: bool,
    /// Where it comes from and what was looked for in it.
    pub source: String,
    /// When that was.
    pub date: String,
    /// What it measures in a trust domain; there for the role TDX, and only there.
    pub tdx: Option<Profile>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct List {
    firmware: Vec<AllowedFirmware>,
}

/// Why a firmware image is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FirmwareRefused {
    /// The compiled-in list cannot be read or contradicts itself; in words.
    List(String),
    /// No line has this SHA-256.
    Unknown {
        /// SHA-256 of the image.
        found: Hex<32>,
        /// The names that this role accepts.
        accepted: Vec<String>,
    },
    /// The line does not name this role.
    OtherRole {
        /// The firmware's name.
        name: String,
        /// What is known of it.
        source: String,
        /// The role asked for.
        role: Role,
        /// The names that this role accepts.
        accepted: Vec<String>,
    },
}

impl fmt::Display for FirmwareRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::List(why) => write!(f, "the list of firmware cannot be read: {why}"),
            Self::Unknown { found, accepted } => write!(
                f,
                "the firmware with SHA-256 {found} is not on the list, so nobody has looked whether it verifies or measures the kernel; expected {}",
                accepted.join(" or ")
            ),
            Self::OtherRole {
                name,
                source,
                role,
                accepted,
            } => write!(
                f,
                "the firmware {name} is not for {role} ({source}); expected {}",
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
    read(LIST)
}

/// Reads a list. A line that contradicts itself makes all of it unreadable.
fn read(text: &str) -> Result<Vec<AllowedFirmware>, FirmwareRefused> {
    let list =
        toml::from_str::<List>(text).map_err(|e| FirmwareRefused::List(e.message().to_owned()))?;
    for (n, line) in list.firmware.iter().enumerate() {
        let refuse = |why: &str| Err(FirmwareRefused::List(format!("{} {why}", line.name)));
        if line.roles.contains(&Role::Snp) && !line.verifies_kernel_hashes {
            return refuse("is for SEV-SNP and does not verify the kernel's hash");
        }
        if line.roles.contains(&Role::Tdx) != line.tdx.is_some() {
            return refuse(
                "must say what it measures in a trust domain if it is for TDX, and only then",
            );
        }
        if list
            .firmware
            .iter()
            .take(n)
            .any(|other| other.sha256 == line.sha256)
        {
            return refuse("is there twice");
        }
    }
    Ok(list.firmware)
}

/// Finds the line of an image for a role.
///
/// # Errors
/// [`FirmwareRefused`] when no line has the image's SHA-256, or it is for another role.
pub fn admit(image: &[u8], role: Role) -> Result<AllowedFirmware, FirmwareRefused> {
    let found = Hex(Sha256::digest(image).into());
    admit_from(&list()?, found, role)
}

fn admit_from(
    list: &[AllowedFirmware],
    found: Hex<32>,
    role: Role,
) -> Result<AllowedFirmware, FirmwareRefused> {
    let accepted = || {
        let mine = list.iter().filter(|line| line.roles.contains(&role));
        mine.map(|line| line.name.clone()).collect()
    };
    match list.iter().find(|line| line.sha256 == found) {
        None => Err(FirmwareRefused::Unknown {
            found,
            accepted: accepted(),
        }),
        Some(line) if !line.roles.contains(&role) => Err(FirmwareRefused::OtherRole {
            name: line.name.clone(),
            source: line.source.clone(),
            role,
            accepted: accepted(),
        }),
        Some(line) => Ok(line.clone()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ROLES: [Role; 3] = [Role::Snp, Role::Tdx, Role::Simulated];

    #[test]
    fn the_list_is_well_formed() {
        let list = list().unwrap();
        for role in ROLES {
            assert!(
                list.iter().any(|l| l.roles.contains(&role)),
                "nothing is for {role}"
            );
        }
        for line in &list {
            assert!(!line.name.is_empty() && !line.source.is_empty(), "{line:?}");
            assert_eq!(line.date.len(), "2026-11-23".len(), "{line:?}");
        }
    }

    /// Each image in the roles that it has, and in no other: generic OVMF verifies no kernel, AmdSev OVMF measures none into an RTMR.
    #[test]
    fn an_image_is_admitted_for_its_roles_alone() {
        let list = list().unwrap();
        for (name, roles) in [
            ("ovmf-amdsev", &[Role::Snp][..]),
            ("ovmf-generic", &[Role::Tdx, Role::Simulated]),
        ] {
            let line = list.iter().find(|l| l.name.starts_with(name)).unwrap();
            for role in ROLES {
                match admit_from(&list, line.sha256, role) {
                    Ok(admitted) => assert!(
                        roles.contains(&role) && admitted == *line,
                        "{name} for {role}"
                    ),
                    Err(refused) => {
                        assert!(!roles.contains(&role), "{name} for {role}: {refused}");
                        let words = refused.to_string();
                        assert!(words.contains(&format!("is not for {role}")), "{words}");
                        assert!(words.contains("expected ovmf-"), "{words}");
                    }
                }
            }
        }
    }

    #[test]
    fn unknown_images_are_refused_by_name_of_what_is_expected() {
        for role in ROLES {
            let refused = admit(b"firmware", role).unwrap_err();
            assert!(matches!(refused, FirmwareRefused::Unknown { .. }));
            assert!(refused.to_string().contains("expected ovmf-"), "{refused}");
        }
    }

    #[test]
    fn a_list_that_contradicts_itself_is_not_read() {
        let generic = "roles = [\"tdx\", \"simulated\"]";
        assert!(LIST.contains(generic));
        for (what, from, to) in [
            (
                "the section without the verifying code",
                generic,
                "roles = [\"snp\", \"tdx\"]",
            ),
            (
                "TDX without what is measured",
                "roles = [\"snp\"]",
                "roles = [\"snp\", \"tdx\"]",
            ),
            (
                "what is measured without TDX",
                generic,
                "roles = [\"simulated\"]",
            ),
            ("an unknown role", generic, "roles = [\"tdx\", \"sgx\"]"),
            (
                "no answer about the verifying code",
                "verifies-kernel-hashes = true\n",
                "",
            ),
            (
                "an image twice",
                "6a3e8f438ad7269f5dfd884647587b88391fb23965bb3aa7902b519438dba129",
                "3e4fd0b3fe3b2dbe481c3d9e99418a034174f26cbe1f55aa212b0f18c12d2d6f",
            ),
            ("a malformed GUID", "7cb8bdc9-f8eb", "7cb8bdc9f8eb-"),
        ] {
            let bent = LIST.replacen(from, to, 1);
            assert_ne!(bent, LIST, "{what}");
            assert!(
                matches!(read(&bent), Err(FirmwareRefused::List(_))),
                "{what}"
            );
        }
    }
}
