//! The machines that may run a release.

use super::sourced::Date;
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Machines {
    pub(super) machines: Vec<Machine>,
}

/// A machine that may run a release.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Machine {
    pub(super) hardware_id: HardwareId,
    /// Whether sibling threads may be on.
    pub smt: bool,
    /// What people call it.
    pub name: String,
    /// Who says that it may, and how its id was read.
    pub source: String,
    /// When that was last looked at.
    pub date: Date,
}

impl Machine {
    /// The hardware id in the machine's VCEK certificate (64 bytes, 8 for Turin), or the PPID in its PCK certificate (16 bytes).
    #[must_use]
    pub fn hardware_id(&self) -> &[u8] {
        &self.hardware_id.0
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HardwareId(pub(super) Vec<u8>);

impl<'de> Deserialize<'de> for HardwareId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match hex::decode(&text) {
            Ok(id) if matches!(id.len(), 8 | 16 | 64) && id.iter().any(|&byte| byte != 0) => {
                Ok(Self(id))
            }
            _ => Err(D::Error::custom(
                "a hardware id is 64 bytes in hexadecimal, 8 for Turin, 16 for a PPID, and not zero",
            )),
        }
    }
}
