//! Policies: what is demanded of evidence, as data.
//!
//! A policy is a file of rules, a file of floors and a file of machines, every line with its source and date. They are read fail-closed:
//! an unknown, missing or doubled key, a malformed date or number makes the whole policy unreadable. Two policies are built in:
//! [`Policy::production`] and [`Policy::authentic`].

use crate::snp::{Component, Product, Signer};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use std::fmt;

/// The texts of a policy.
#[derive(Clone, Copy, Debug)]
pub struct PolicyFiles<'a> {
    /// The rules (TOML), like `measurements/policy/production.toml`.
    pub rules: &'a str,
    /// The floors (TOML), like `measurements/policy/amd-floors.toml`.
    pub floors: &'a str,
    /// The machines (TOML), like `measurements/policy/machines.toml`.
    pub machines: &'a str,
}

const PRODUCTION: PolicyFiles<'static> = PolicyFiles {
    rules: include_str!("../../policy/production.toml"),
    floors: include_str!("../../policy/amd-floors.toml"),
    machines: include_str!("../../policy/machines.toml"),
};

const AUTHENTIC: PolicyFiles<'static> = PolicyFiles {
    rules: include_str!("../../policy/authentic.toml"),
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

    /// Reads a policy from its three files.
    ///
    /// # Errors
    /// [`BadPolicy`] names the file and what is wrong with it.
    pub fn parse(files: &PolicyFiles<'_>) -> Result<Self, BadPolicy> {
        Ok(Self {
            rules: read("rules", files.rules)?,
            floors: read("floors", files.floors)?,
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
        self.floors
            .floors
            .iter()
            .filter(|floor| {
                (floor.product, floor.stepping, floor.component) == (product, stepping, component)
            })
            .max_by_key(|floor| floor.at_least)
            .map(|floor| (floor.at_least, floor.bulletin.as_str()))
    }

    /// The mitigation bits that a product must have verified.
    pub(crate) fn mitigations(&self, product: Product) -> u64 {
        self.floors
            .mitigations
            .iter()
            .filter(|line| line.product == product)
            .fold(0, |mask, line| mask | 1 << line.bit.0)
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

/// A value, where it comes from and when that was last looked at.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Sourced<T> {
    pub(crate) value: T,
    #[allow(dead_code, reason = "required in the file, for its readers")]
    source: Source,
    #[allow(dead_code, reason = "required in the file, for its readers")]
    date: Date,
}

/// Where a line comes from; not empty.
#[derive(Clone, Debug)]
#[allow(dead_code, reason = "required in the file, for its readers")]
struct Source(String);

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text.trim().is_empty() {
            return Err(D::Error::custom("a line needs a source"));
        }
        Ok(Self(text))
    }
}

/// A day, `YYYY-MM-DD`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Date(String);

impl Date {
    /// The day as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    fn parse(text: &str) -> Option<Self> {
        let digits = |part: &str, length: usize| {
            (part.len() == length && part.bytes().all(|byte| byte.is_ascii_digit()))
                .then(|| part.parse::<u16>().ok())?
        };
        let mut parts = text.split('-');
        let (year, month, day) = (
            digits(parts.next()?, 4)?,
            digits(parts.next()?, 2)?,
            digits(parts.next()?, 2)?,
        );
        let plausible =
            (2017..2100).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
        (parts.next().is_none() && plausible).then(|| Self(text.into()))
    }
}

impl<'de> Deserialize<'de> for Date {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| D::Error::custom("a date is written YYYY-MM-DD"))
    }
}

/// A rule that is on or off.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Demand {
    Required,
    Any,
}

/// What a bit must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Bit {
    Required,
    Refused,
    Any,
}

/// Where sibling threads may be on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Smt {
    /// Nowhere.
    Refused,
    /// On machines listed with `smt = true`.
    Listed,
    /// Anywhere.
    Any,
}

/// When a revocation list is needed. One that is given is always checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Revocation {
    Required,
    WhenGiven,
}

/// The exact bytes of a field, or anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exact<const N: usize> {
    Any,
    Bytes([u8; N]),
}

impl<'de, const N: usize> Deserialize<'de> for Exact<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.as_str() {
            "any" => return Ok(Self::Any),
            "zero" => return Ok(Self::Bytes([0; N])),
            _ => {}
        }
        let mut bytes = [0; N];
        hex::decode_to_slice(&text, &mut bytes).map_err(|_| {
            D::Error::custom(format!(
                "expected \"any\", \"zero\" or {N} bytes in hexadecimal"
            ))
        })?;
        Ok(Self::Bytes(bytes))
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct Rules {
    pub(crate) name: String,
    pub(crate) snp: SnpRules,
    pub(crate) binding: BindingRules,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct SnpRules {
    pub(crate) report_versions: Sourced<Vec<u32>>,
    pub(crate) signers: Sourced<Vec<Signer>>,
    pub(crate) products: Sourced<Vec<Product>>,
    pub(crate) revocation: RevocationRules,
    pub(crate) tcb: TcbRules,
    pub(crate) guest_policy: GuestPolicyRules,
    pub(crate) platform: PlatformRules,
    pub(crate) identity: IdentityRules,
    pub(crate) machine: MachineRules,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct RevocationRules {
    pub(crate) list: Sourced<Revocation>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct TcbRules {
    pub(crate) reported_at_most_current: Sourced<Demand>,
    pub(crate) committed_equals_current: Sourced<Demand>,
    pub(crate) floors: Sourced<Demand>,
    pub(crate) mitigations: Sourced<Demand>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct GuestPolicyRules {
    pub(crate) smt: Sourced<Smt>,
    pub(crate) migration_agent: Sourced<Bit>,
    pub(crate) debug: Sourced<Bit>,
    pub(crate) single_socket: Sourced<Bit>,
    pub(crate) cxl: Sourced<Bit>,
    #[serde(rename = "aes-256-xts")]
    pub(crate) aes_256_xts: Sourced<Bit>,
    pub(crate) rapl_off: Sourced<Bit>,
    pub(crate) ciphertext_hiding: Sourced<Bit>,
    pub(crate) page_swap_off: Sourced<Bit>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PlatformRules {
    pub(crate) smt: Sourced<Smt>,
    pub(crate) tsme: Sourced<Bit>,
    pub(crate) ecc: Sourced<Bit>,
    pub(crate) rapl_off: Sourced<Bit>,
    pub(crate) ciphertext_hiding: Sourced<Bit>,
    pub(crate) alias_check: Sourced<Bit>,
    pub(crate) iommu_write_safe: Sourced<Bit>,
    pub(crate) tio: Sourced<Bit>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct IdentityRules {
    pub(crate) vmpl: Sourced<Vec<u32>>,
    pub(crate) guest_svn_minimum: Sourced<u32>,
    pub(crate) family_id: Sourced<Exact<16>>,
    pub(crate) image_id: Sourced<Exact<16>>,
    pub(crate) host_data: Sourced<Exact<32>>,
    pub(crate) id_key_digest: Sourced<Exact<48>>,
    pub(crate) author_key_digest: Sourced<Exact<48>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct MachineRules {
    pub(crate) listed: Sourced<Demand>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct BindingRules {
    pub(crate) key_lifetime_days: Sourced<u8>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Floors {
    floors: Vec<Floor>,
    mitigations: Vec<Mitigation>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Floor {
    product: Product,
    stepping: u8,
    component: Component,
    at_least: u8,
    bulletin: String,
    #[allow(dead_code, reason = "required in the file, for its readers")]
    source: Source,
    #[allow(dead_code, reason = "required in the file, for its readers")]
    date: Date,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Mitigation {
    product: Product,
    bit: BitNumber,
    #[allow(dead_code, reason = "required in the file, for its readers")]
    bulletin: String,
    #[allow(dead_code, reason = "required in the file, for its readers")]
    source: Source,
    #[allow(dead_code, reason = "required in the file, for its readers")]
    date: Date,
}

/// The number of a bit in a 64-bit vector.
#[derive(Clone, Copy, Debug)]
struct BitNumber(u8);

impl<'de> Deserialize<'de> for BitNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bit = u8::deserialize(deserializer)?;
        if bit > 63 {
            return Err(D::Error::custom("a bit number is 0 to 63"));
        }
        Ok(Self(bit))
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Machines {
    machines: Vec<Machine>,
}

/// A machine that may run a release.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Machine {
    hardware_id: HardwareId,
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
    /// The hardware id in the machine's VCEK certificate: 64 bytes, 8 for Turin.
    #[must_use]
    pub fn hardware_id(&self) -> &[u8] {
        &self.hardware_id.0
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct HardwareId(Vec<u8>);

impl<'de> Deserialize<'de> for HardwareId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match hex::decode(&text) {
            Ok(id) if matches!(id.len(), 8 | 64) && id.iter().any(|&byte| byte != 0) => {
                Ok(Self(id))
            }
            _ => Err(D::Error::custom(
                "a hardware id is 64 bytes in hexadecimal, 8 for Turin, and not zero",
            )),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The production policy with one text replaced in one of its files.
    fn changed(file: usize, from: &str, to: &str) -> Result<Policy, BadPolicy> {
        let mut texts =
            [PRODUCTION.rules, PRODUCTION.floors, PRODUCTION.machines].map(String::from);
        let text = texts.get_mut(file).unwrap();
        let new = text.replacen(from, to, 1);
        assert_ne!(*text, new, "the test changes nothing");
        *text = new;
        let [rules, floors, machines] = &texts;
        Policy::parse(&PolicyFiles {
            rules,
            floors,
            machines,
        })
    }

    #[test]
    fn built_in_policies_are_readable() {
        assert_eq!(Policy::production().name(), "production");
        assert_eq!(Policy::authentic().name(), "authentic");
        assert_eq!(Policy::simulated().name(), "simulated");
        assert!(Policy::production().machines().is_empty());
        assert_eq!(Policy::simulated().machines().len(), 1);
    }

    #[test]
    fn floors_are_the_highest_line() {
        let policy = Policy::production();
        let floor = |stepping, component| policy.floor(Product::Genoa, stepping, component);
        assert_eq!(floor(1, Component::Snp), Some((0x1c, "AMD-SB-3034")));
        assert_eq!(floor(1, Component::Microcode), Some((0x56, "AMD-SB-3027")));
        assert_eq!(floor(2, Component::Microcode), Some((0x51, "AMD-SB-3027")));
        assert_eq!(floor(3, Component::Snp), None);
        assert_eq!(policy.floor(Product::Milan, 1, Component::Snp), None);
        assert_eq!(policy.mitigations(Product::Genoa), 0b1_0110);
    }

    #[test]
    fn a21_a_policy_that_is_not_whole_is_no_policy() {
        for (what, from, to) in [
            (
                "an unknown key",
                "[snp.machine]",
                "[snp.machine]\nunlisted = 1",
            ),
            ("a missing key", "debug = {", "# debug = {"),
            (
                "a missing table",
                "[snp.machine]\nlisted",
                "[snp.other]\nlisted",
            ),
            (
                "an unknown word",
                "debug = { value = \"refused\"",
                "debug = { value = \"Refused\"",
            ),
            (
                "an empty word",
                "debug = { value = \"refused\"",
                "debug = { value = \"\"",
            ),
            (
                "a truth value",
                "debug = { value = \"refused\"",
                "debug = { value = false",
            ),
            ("no value", "debug = { value = \"refused\", ", "debug = { "),
            (
                "an unknown member",
                "debug = { value",
                "debug = { reason = \"x\", value",
            ),
            ("no source", "source = \"amd-floors.toml\", ", ""),
            (
                "an empty source",
                "source = \"amd-floors.toml\"",
                "source = \" \"",
            ),
            ("no date", ", date = \"2026-11-23\" }", " }"),
            ("an empty date", "date = \"2026-11-23\"", "date = \"\""),
            (
                "a day that is none",
                "date = \"2026-11-23\"",
                "date = \"2026-13-23\"",
            ),
            (
                "a date and more",
                "date = \"2026-11-23\"",
                "date = \"2026-11-23-1\"",
            ),
            (
                "a key twice",
                "[snp.machine]",
                "[snp.machine]\nlisted = { value = \"any\", source = \"x\", date = \"2026-11-23\" }",
            ),
            (
                "hex of another length",
                "host-data = { value = \"zero\"",
                "host-data = { value = \"00\"",
            ),
            (
                "a negative number",
                "guest-svn-minimum = { value = 0",
                "guest-svn-minimum = { value = -1",
            ),
            (
                "an unknown product",
                "\"genoa\", \"bergamo\"",
                "\"genoa\", \"rome\"",
            ),
        ] {
            assert!(changed(0, from, to).is_err(), "{what} was accepted");
        }
        for (what, from, to) in [
            (
                "a level of nine bits",
                "at-least = 0x1b",
                "at-least = 0x11b",
            ),
            (
                "an unknown component",
                "component = \"snp\"",
                "component = \"SNP\"",
            ),
            (
                "no source",
                "source = \"second hand: EntrySign, PI 1.0.0.G\", ",
                "",
            ),
            ("a bit that is none", "bit = 1", "bit = 64"),
            ("no floors", "floors = [", "ceilings = ["),
            ("a line cut off", "at-least = 0x17,", ""),
        ] {
            assert!(changed(1, from, to).is_err(), "{what} was accepted");
        }
        assert!(changed(2, "machines = []", "").is_err());
        assert!(changed(2, "machines = []", "machines = [ {} ]").is_err());
    }

    #[test]
    fn a21_a_machine_needs_an_id() {
        let line = |id: &str| {
            let text = format!(
                "machines = [ {{ hardware-id = \"{id}\", smt = false, name = \"n\", source = \"s\", date = \"2026-11-23\" }} ]"
            );
            Policy::production().with_machines(&text)
        };
        for bad in [
            "",
            "00",
            &"00".repeat(64),
            &"00".repeat(8),
            &"ab".repeat(63),
            &"xy".repeat(64),
        ] {
            assert!(line(bad).is_err(), "{bad:?}");
        }
        for good in ["ab".repeat(64), "ab".repeat(8)] {
            let policy = line(&good).unwrap();
            assert!(policy.machine(&hex::decode(&good).unwrap()).is_some());
            assert!(policy.machine(&[]).is_none());
            assert!(policy.machine(&[0xab]).is_none());
        }
    }
}
