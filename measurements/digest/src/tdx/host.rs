//! What the host hands to the firmware, and the firmware measures before it uses it: ACPI tables, a few settings, SMBIOS tables.
//!
//! None of it follows from our files. QEMU makes the tables, differently for each version, number of CPUs, amount of memory and set of
//! devices. So they are an input: captured once from a machine of the shape (`measurements/capture-host`), looked at, and published with
//! the release. A host that presents other tables has another RTMR0.

use super::smbios::{self, BadSmbios};
use core::fmt;
use std::collections::BTreeMap;

/// The most bytes of one table or setting.
pub const MAX_HOST_FILE: usize = 1 << 20;
/// The loader's script for the ACPI tables (QEMU `hw/acpi/bios-linker-loader.c`).
pub const TABLE_LOADER: &str = "etc/table-loader";
/// The name under which [`HostTables`] carries the SMBIOS structures that the firmware publishes. No fw_cfg file has it: the firmware
/// adds structures of its own to the host's.
pub const SMBIOS: &str = "smbios";
/// Bytes of a command of the script, and of a file name.
const COMMAND: usize = 128;
const NAME: usize = 56;
/// `COMMAND_ALLOCATE`: the firmware fetches a file and measures it.
const ALLOCATE: [u8; 4] = [1, 0, 0, 0];
/// The most files that a script fetches.
const MAX_FETCHED: usize = 16;

/// Settings that the firmware measures when it starts, in this order, with the size that a setting must have to be used (edk2
/// `OvmfPkg/Library/QemuFwCfgLib/QemuFwCfgCacheInit.c`).
pub const SETTINGS: [(&str, Option<usize>); 6] = [
    ("etc/extra-pci-roots", Some(8)),
    ("BootMenu", Some(2)),
    ("etc/boot-menu-wait", Some(2)),
    ("etc/reserved-memory-end", Some(8)),
    ("opt/ovmf/X-PciMmio64Mb", None),
    ("bootorder", None),
];
/// The one of them that every QEMU has.
const ALWAYS: &str = "BootMenu";

/// Why a host's tables cannot be measured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostError {
    /// A file is missing.
    Missing {
        /// Its name.
        name: String,
    },
    /// A file is longer than [`MAX_HOST_FILE`], or a setting has another size than the firmware takes.
    Size {
        /// Its name.
        name: String,
        /// Bytes found.
        found: usize,
    },
    /// The loader's script is not whole commands, fetches nothing or too much, or has a malformed name.
    Loader,
    /// A file that no firmware measures.
    Unknown {
        /// Its name.
        name: String,
    },
    /// The SMBIOS tables are malformed.
    Smbios(BadSmbios),
}

impl fmt::Display for HostError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("host tables: ")?;
        match self {
            Self::Missing { name } => write!(
                f,
                "{name} is missing; measurements/capture-host takes it from a machine of the shape"
            ),
            Self::Size { name, found } => write!(
                f,
                "{name} has {found} bytes, which the firmware would not take"
            ),
            Self::Loader => write!(
                f,
                "{TABLE_LOADER} is not a script that fetches 1 to {MAX_FETCHED} files"
            ),
            Self::Unknown { name } => write!(f, "{name} is nothing that the firmware measures"),
            Self::Smbios(why) => why.fmt(f),
        }
    }
}

impl core::error::Error for HostError {}

/// The files of a host, by their fw_cfg names, checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostTables {
    files: BTreeMap<String, Vec<u8>>,
    fetched: Vec<String>,
    smbios: Vec<u8>,
}

impl HostTables {
    /// The names that can be there whatever the loader's script says.
    pub fn names() -> impl Iterator<Item = &'static str> {
        SETTINGS
            .iter()
            .map(|(name, _)| *name)
            .chain([TABLE_LOADER, SMBIOS])
    }

    /// The files that a loader's script fetches, in its order.
    ///
    /// # Errors
    /// [`HostError::Loader`] when it is no such script.
    pub fn fetched_by(loader: &[u8]) -> Result<Vec<String>, HostError> {
        if !loader.len().is_multiple_of(COMMAND) || loader.len() > MAX_HOST_FILE {
            return Err(HostError::Loader);
        }
        let mut names = Vec::new();
        for command in loader
            .chunks_exact(COMMAND)
            .filter(|c| c.starts_with(&ALLOCATE))
        {
            let field = command.get(4..4 + NAME).ok_or(HostError::Loader)?;
            let end = field
                .iter()
                .position(|byte| *byte == 0)
                .ok_or(HostError::Loader)?;
            let name = field
                .get(..end)
                .and_then(|name| core::str::from_utf8(name).ok());
            let known = |byte: u8| byte.is_ascii_alphanumeric() || b"/-_.".contains(&byte);
            let name = name
                .filter(|name| {
                    !name.is_empty()
                        && name.bytes().all(known)
                        && !name.split('/').any(|part| part.is_empty() || part == "..")
                })
                .ok_or(HostError::Loader)?;
            if names.iter().any(|other| other == name) {
                return Err(HostError::Loader);
            }
            names.push(name.to_owned());
        }
        if names.is_empty() || names.len() > MAX_FETCHED {
            return Err(HostError::Loader);
        }
        Ok(names)
    }

    /// Checks a host's files, by name.
    ///
    /// # Errors
    /// [`HostError`] names the first that is missing, has a wrong size, or is nothing that is measured.
    pub fn new(files: BTreeMap<String, Vec<u8>>) -> Result<Self, HostError> {
        if let Some((name, file)) = files.iter().find(|(_, file)| file.len() > MAX_HOST_FILE) {
            return Err(HostError::Size {
                name: name.clone(),
                found: file.len(),
            });
        }
        let missing = |name: &str| HostError::Missing {
            name: name.to_owned(),
        };
        let loader = files
            .get(TABLE_LOADER)
            .ok_or_else(|| missing(TABLE_LOADER))?;
        let fetched = Self::fetched_by(loader)?;
        if let Some(name) = fetched
            .iter()
            .map(String::as_str)
            .chain([ALWAYS])
            .find(|name| !files.contains_key(*name))
        {
            return Err(missing(name));
        }
        if let Some(name) = files
            .keys()
            .find(|name| !Self::names().any(|n| n == *name) && !fetched.contains(name))
        {
            return Err(HostError::Unknown { name: name.clone() });
        }
        for (name, size) in SETTINGS {
            let found = files.get(name).map(Vec::len);
            let (Some(found), Some(size)) = (found, size) else {
                continue;
            };
            if found != size {
                return Err(HostError::Size {
                    name: name.to_owned(),
                    found,
                });
            }
        }
        let structures = files.get(SMBIOS).ok_or_else(|| missing(SMBIOS))?;
        let smbios = smbios::filtered(structures).map_err(HostError::Smbios)?;
        Ok(Self {
            files,
            fetched,
            smbios,
        })
    }

    /// The settings that this host has, in the order of measurement. An empty one is not measured.
    pub fn settings(&self) -> impl Iterator<Item = (&'static str, &[u8])> {
        SETTINGS
            .iter()
            .filter_map(|(name, _)| Some((*name, self.files.get(*name)?.as_slice())))
            .filter(|(_, bytes)| !bytes.is_empty())
    }

    /// The loader's script and what it fetches, in the order of measurement.
    pub fn acpi(&self) -> impl Iterator<Item = (&str, &[u8])> {
        core::iter::once(TABLE_LOADER)
            .chain(self.fetched.iter().map(String::as_str))
            .filter_map(|name| Some((name, self.files.get(name)?.as_slice())))
    }

    /// The SMBIOS tables as they are measured.
    #[must_use]
    pub fn smbios(&self) -> &[u8] {
        &self.smbios
    }
}
