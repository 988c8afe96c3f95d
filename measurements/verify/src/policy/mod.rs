//! Policies: what is demanded of evidence, as data.
//!
//! A policy is a file of rules, two files of floors and a file of machines, every line with its source and date. They are read fail-closed:
//! an unknown, missing or doubled key, a malformed date or number makes the whole policy unreadable. Two policies are built in:
//! [`Policy::production`] and [`Policy::authentic`].

mod amd;
mod intel;
mod machines;
mod sourced;

pub use machines::Machine;
pub use sourced::Date;
pub(crate) use sourced::{Bit, Bits, Demand, Exact, Revocation, Smt, Sourced};

use crate::snp::{Component, Product};
use crate::tdx::Standing;
use crate::time::UnixTime;
use amd::{Floors, SnpRules};
use intel::{IntelFloors, TdxRules};
use machines::{HardwareId, Machines};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fmt;

/// The texts of a policy.
#[derive(Clone, Copy, Debug)]
pub struct PolicyFiles<'a> {
    /// The rules (TOML), like `measurements/policy/production.toml`.
    pub rules: &'a str,
    /// AMD's floors (TOML), like `measurements/policy/amd-floors.toml`.
    pub floors: &'a str,
    /// Intel's floors and accepted advisories (TOML), like `measurements/policy/intel-floors.toml`.
    pub intel_floors: &'a str,
    /// The machines (TOML), like `measurements/policy/machines.toml`.
    pub machines: &'a str,
}

const PRODUCTION: PolicyFiles<'static> = PolicyFiles {
    rules: include_str!("../../../policy/production.toml"),
    floors: include_str!("../../../policy/amd-floors.toml"),
    intel_floors: include_str!("../../../policy/intel-floors.toml"),
    machines: include_str!("../../../policy/machines.toml"),
};

const AUTHENTIC: PolicyFiles<'static> = PolicyFiles {
    rules: include_str!("../../../policy/authentic.toml"),
    ..PRODUCTION
};

/// The hardware id that every simulated processor has: the ASCII text `SIMULATED`, then zeroes.
pub const SIMULATED_HARDWARE_ID: [u8; 64] = {
    let mut id = [0; 64];
    let (text, _) = id.split_at_mut(9);
    text.copy_from_slice(b"SIMULATED");
    id
};

/// Why a text is not a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadPolicy {
    /// Which of the files.
    file: &'static str,
    /// What is wrong with it.
    reason: String,
}

impl fmt::Display for BadPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the policy's {} cannot be read: {}",
            self.file, self.reason
        )
    }
}

impl std::error::Error for BadPolicy {}

/// What is demanded of evidence.
#[derive(Clone, Debug)]
pub struct Policy {
    pub(crate) rules: Rules,
    floors: Floors,
    intel_floors: IntelFloors,
    machines: Vec<Machine>,
}

impl Policy {
    /// The strict policy: Genoa or newer, VCEK, listed machines, floors, no sibling threads without listing, ciphertext hiding.
    #[must_use]
    #[allow(
        clippy::expect_used,
        reason = "the text is compiled in and a test reads it"
    )]
    pub fn production() -> Self {
        Self::parse(&PRODUCTION).expect("the built-in production policy is readable")
    }

    /// Only authenticity: for judging evidence that is not ours.
    #[must_use]
    #[allow(
        clippy::expect_used,
        reason = "the text is compiled in and a test reads it"
    )]
    pub fn authentic() -> Self {
        Self::parse(&AUTHENTIC).expect("the built-in authentic policy is readable")
    }

    /// The production rules for the simulated secure processor, whose marker is the only machine: no hardware ever passes.
    #[must_use]
    pub fn simulated() -> Self {
        let mut policy = Self::production();
        policy.rules.name = "simulated".into();
        policy.machines = vec![Machine {
            hardware_id: HardwareId(SIMULATED_HARDWARE_ID.to_vec()),
            smt: false,
            name: "the simulated secure processor".into(),
            source: "cloister-verify".into(),
            date: Date("2026-11-23".into()),
        }];
        policy
    }

    /// Reads a policy from its four files.
    ///
    /// # Errors
    /// [`BadPolicy`] names the file and what is wrong with it.
    pub fn parse(files: &PolicyFiles<'_>) -> Result<Self, BadPolicy> {
        Ok(Self {
            rules: read("rules", files.rules)?,
            floors: read("floors", files.floors)?,
            intel_floors: read("Intel floors", files.intel_floors)?,
            machines: read::<Machines>("machines", files.machines)?.machines,
        })
    }

    /// This policy with an operator's machines (TOML, like `measurements/policy/machines.toml`) added to its own.
    ///
    /// # Errors
    /// [`BadPolicy`] when the text is not a list of machines.
    pub fn with_machines(mut self, machines: &str) -> Result<Self, BadPolicy> {
        self.machines
            .extend(read::<Machines>("machines", machines)?.machines);
        Ok(self)
    }

    /// This policy with other floors of AMD's (TOML, like `measurements/policy/amd-floors.toml`) instead of its own.
    ///
    /// # Errors
    /// [`BadPolicy`] when the text is not AMD's floors.
    pub fn with_amd_floors(mut self, floors: &str) -> Result<Self, BadPolicy> {
        self.floors = read("floors", floors)?;
        Ok(self)
    }

    /// This policy with other floors of Intel's (TOML, like `measurements/policy/intel-floors.toml`) instead of its own.
    ///
    /// # Errors
    /// [`BadPolicy`] when the text is not Intel's floors.
    pub fn with_intel_floors(mut self, floors: &str) -> Result<Self, BadPolicy> {
        self.intel_floors = read("Intel floors", floors)?;
        Ok(self)
    }

    /// The policy's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.rules.name
    }

    /// The machines that the policy lists.
    #[must_use]
    pub fn machines(&self) -> &[Machine] {
        &self.machines
    }

    /// The machine with this hardware id.
    pub(crate) fn machine(&self, hardware_id: &[u8]) -> Option<&Machine> {
        self.machines
            .iter()
            .find(|machine| machine.hardware_id() == hardware_id)
    }

    /// The lowest level of a component that is acceptable, with the bulletin that says so.
    pub(crate) fn floor(
        &self,
        product: Product,
        stepping: u8,
        component: Component,
    ) -> Option<(u8, &str)> {
        self.floors.floor(product, stepping, component)
    }

    /// The mitigation bits that a product must have verified.
    pub(crate) fn mitigations(&self, product: Product) -> u64 {
        self.floors.mitigations(product)
    }

    /// The lowest `tcbEvaluationDataNumber` of Intel's that is acceptable.
    pub(crate) fn evaluation_number(&self) -> u32 {
        self.intel_floors.evaluation_number()
    }

    /// Whether a TCB status of Intel's is acceptable at this time.
    pub(crate) fn accepts(&self, standing: &Standing, now: UnixTime) -> bool {
        self.intel_floors.accept(&self.rules.tdx.tcb, standing, now)
    }

    /// The longest life of an attested key, in seconds.
    pub(crate) fn key_lifetime(&self) -> u64 {
        u64::from(self.rules.binding.key_lifetime_days.value) * 86_400
    }
}

fn read<T: DeserializeOwned>(file: &'static str, text: &str) -> Result<T, BadPolicy> {
    toml::from_str(text).map_err(|error| BadPolicy {
        file,
        reason: error.to_string(),
    })
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Rules {
    pub(crate) name: String,
    pub(crate) snp: SnpRules,
    pub(crate) tdx: TdxRules,
    pub(crate) binding: BindingRules,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct BindingRules {
    pub(crate) key_lifetime_days: Sourced<u8>,
}

/// Whether a revocation list is demanded.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RevocationRules {
    pub(crate) list: Sourced<Revocation>,
}

/// Whether the machine must be listed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct MachineRules {
    pub(crate) listed: Sourced<Demand>,
}

#[cfg(test)]
mod tests;
