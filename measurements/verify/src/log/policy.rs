//! Which log and which witnesses to believe, as data.
//!
//! The file is read fail-closed, like every policy of this crate: an unknown, missing or doubled key, a witness that is listed twice, a
//! group of unknown members make it unreadable. The meaning is the one of C2SP tlog-policy, without its `quorum none`: there is no way
//! to ask for no witness.

use super::entry::Kind;
use super::key::{Algorithm, VerifierKey};
use crate::policy::Sourced;
use crate::time::UnixTime;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::fmt;

const BUILT_IN: &str = include_str!("../../../policy/log.toml");
/// Logs, witnesses and groups that a policy may have, each.
const MAX_LINES: usize = 64;
/// The quorum that no witnesses are: nothing is accepted.
const NOBODY: &str = "nobody";

/// Why a text is not a log policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadLogPolicy(String);

impl fmt::Display for BadLogPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the log policy cannot be read: {}", self.0)
    }
}

impl std::error::Error for BadLogPolicy {}

/// Whom to believe about what was published.
#[derive(Clone, Debug)]
pub struct LogPolicy {
    logs: Vec<VerifierKey>,
    witnesses: Vec<VerifierKey>,
    groups: BTreeMap<String, Group>,
    quorum: String,
    maximum_age: u64,
    clock_skew: u64,
    first_index: FirstIndex,
}

/// The file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct File {
    logs: Vec<Sourced<VerifierKey>>,
    witnesses: Vec<Sourced<VerifierKey>>,
    groups: Vec<Sourced<NamedGroup>>,
    quorum: Sourced<String>,
    maximum_age_hours: Sourced<u16>,
    clock_skew_seconds: Sourced<u16>,
    first_index: FirstIndex,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct NamedGroup {
    name: String,
    at_least: usize,
    members: Vec<String>,
}

#[derive(Clone, Debug)]
struct Group {
    at_least: usize,
    members: Vec<String>,
}

/// Entries of a kind that stand before this place in the log are too old.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct FirstIndex {
    image_release: Sourced<u64>,
    key_bundle: Sourced<u64>,
    machine_list: Sourced<u64>,
    floors: Sourced<u64>,
}

impl LogPolicy {
    /// The built-in policy. Until a log of ours is in production it lists none, and so accepts nothing.
    #[must_use]
    #[allow(
        clippy::expect_used,
        reason = "the text is compiled in and a test reads it"
    )]
    pub fn production() -> Self {
        Self::parse(BUILT_IN).expect("the built-in log policy is readable")
    }

    /// Reads a policy (TOML, like `measurements/policy/log.toml`).
    ///
    /// # Errors
    /// [`BadLogPolicy`] says what is wrong with it.
    pub fn parse(text: &str) -> Result<Self, BadLogPolicy> {
        let file: File = toml::from_str(text).map_err(|error| BadLogPolicy(error.to_string()))?;
        let keys = |lines: Vec<Sourced<VerifierKey>>| lines.into_iter().map(|line| line.value);
        let mut policy = Self {
            logs: keys(file.logs).collect(),
            witnesses: keys(file.witnesses).collect(),
            groups: BTreeMap::new(),
            quorum: file.quorum.value,
            maximum_age: u64::from(file.maximum_age_hours.value).saturating_mul(3600),
            clock_skew: u64::from(file.clock_skew_seconds.value),
            first_index: file.first_index,
        };
        policy.check_keys()?;
        policy.define_groups(file.groups.into_iter().map(|line| line.value))?;
        let satisfiable = match policy.quorum.as_str() {
            NOBODY => policy.witnesses.is_empty(),
            name => policy.is_defined(name),
        };
        if satisfiable {
            Ok(policy)
        } else {
            Err(BadLogPolicy(format!(
                "the quorum {:?} is no witness or group; {NOBODY:?} is one only when there are no witnesses",
                policy.quorum
            )))
        }
    }

    /// A key in two places would count twice (tlog-policy, "duplicate").
    fn check_keys(&self) -> Result<(), BadLogPolicy> {
        let bad = |text: String| Err(BadLogPolicy(text));
        if self.logs.len() > MAX_LINES || self.witnesses.len() > MAX_LINES {
            return bad(format!("more than {MAX_LINES} logs or witnesses"));
        }
        for log in &self.logs {
            if log.algorithm() != Algorithm::Ed25519 {
                return bad(format!("{} is not the key of a log", log.name()));
            }
        }
        for witness in &self.witnesses {
            if witness.algorithm() != Algorithm::Cosignature {
                return bad(format!("{} is not the key of a witness", witness.name()));
            }
        }
        let mut seen: Vec<&VerifierKey> = Vec::new();
        for key in self.logs.iter().chain(&self.witnesses) {
            if seen.iter().any(|other| other.same_key(key)) {
                return bad(format!("{} has a key that is listed already", key.name()));
            }
            seen.push(key);
        }
        let mut names: Vec<&str> = self.witnesses.iter().map(VerifierKey::name).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair.first() == pair.last()) || names.contains(&NOBODY) {
            return bad("two witnesses of one name, or one that is called nobody".into());
        }
        Ok(())
    }

    fn define_groups(
        &mut self,
        groups: impl Iterator<Item = NamedGroup>,
    ) -> Result<(), BadLogPolicy> {
        let mut grouped: Vec<String> = Vec::new();
        for group in groups {
            let bad = |why: &str| Err(BadLogPolicy(format!("group {:?}: {why}", group.name)));
            if self.groups.len() >= MAX_LINES || group.members.len() > MAX_LINES {
                return bad("too many");
            }
            if group.name.is_empty() || group.name == NOBODY || self.is_defined(&group.name) {
                return bad("the name is taken");
            }
            if !(1..=group.members.len()).contains(&group.at_least) {
                return bad("at-least is 1 to the number of members");
            }
            for member in &group.members {
                // Groups name only what stands before them, so there are no circles.
                if !self.is_defined(member) {
                    return bad("a member is not defined");
                }
                // Each witness contributes in one way.
                if grouped.contains(member) {
                    return bad("a member is in a group already");
                }
                grouped.push(member.clone());
            }
            let NamedGroup {
                name,
                at_least,
                members,
            } = group;
            self.groups.insert(name, Group { at_least, members });
        }
        Ok(())
    }

    fn is_defined(&self, name: &str) -> bool {
        self.groups.contains_key(name) || self.witnesses.iter().any(|key| key.name() == name)
    }

    /// The logs that are believed, by their keys; a key's name is the log's origin.
    #[must_use]
    pub fn logs(&self) -> &[VerifierKey] {
        &self.logs
    }

    /// The witnesses that count.
    #[must_use]
    pub fn witnesses(&self) -> &[VerifierKey] {
        &self.witnesses
    }

    /// The oldest that a quorum's word may be, in seconds.
    #[must_use]
    pub fn maximum_age(&self) -> u64 {
        self.maximum_age
    }

    /// How far a witness's clock may be ahead, in seconds.
    #[must_use]
    pub fn clock_skew(&self) -> u64 {
        self.clock_skew
    }

    /// The first place in the log whose entries of this kind are accepted.
    #[must_use]
    pub fn first_index(&self, kind: Kind) -> u64 {
        match kind {
            Kind::ImageRelease => self.first_index.image_release.value,
            Kind::KeyBundle => self.first_index.key_bundle.value,
            Kind::MachineList => self.first_index.machine_list.value,
            Kind::Floors => self.first_index.floors.value,
        }
    }

    /// Whether these witnesses are enough.
    #[must_use]
    pub fn is_quorum(&self, names: &[&str]) -> bool {
        self.quorum != NOBODY && self.is_satisfied(&self.quorum, names)
    }

    /// The latest moment for which enough witnesses vouch: the cosignatures from then on are a quorum.
    pub(super) fn witnessed(&self, cosignatures: &[(&str, UnixTime)]) -> Option<UnixTime> {
        let mut newest_first = cosignatures.to_vec();
        newest_first.sort_by_key(|(_, time)| std::cmp::Reverse(*time));
        let mut names = Vec::new();
        for (name, time) in newest_first {
            names.push(name);
            if self.is_quorum(&names) {
                return Some(time);
            }
        }
        None
    }

    fn is_satisfied(&self, name: &str, names: &[&str]) -> bool {
        match self.groups.get(name) {
            None => names.contains(&name),
            Some(group) => {
                let there = group
                    .members
                    .iter()
                    .filter(|member| self.is_satisfied(member, names));
                there.count() >= group.at_least
            }
        }
    }

    /// The quorum in words.
    pub(super) fn quorum_words(&self) -> String {
        self.words(&self.quorum)
    }

    fn words(&self, name: &str) -> String {
        match self.groups.get(name) {
            None if name == NOBODY => "nobody: the policy knows no witness".into(),
            None => name.into(),
            Some(group) => {
                let members: Vec<String> =
                    group.members.iter().map(|name| self.words(name)).collect();
                let members = members.join(", ");
                format!("at least {} of ({members})", group.at_least)
            }
        }
    }
}

#[cfg(test)]
#[path = "policy_tests.rs"]
mod tests;
