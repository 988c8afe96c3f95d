//! What the person accepts, read from options and files: policy, releases, roots and the time.

use std::path::Path;

use cloister_client::failure::Failure;
use cloister_verify::policy::PolicyFiles;
use cloister_verify::release::MAX_RELEASE_FILE;
use cloister_verify::{Anchors, Expected, Policy, Release, UnixTime};

use super::arguments::Belief;
use super::{files, now};

/// Greatest size of a policy file in bytes.
const MAX_POLICY: usize = 1 << 20;
/// Greatest size of a root certificate in bytes.
const MAX_ROOT: usize = 64 << 10;
/// AMD's floors that go with a policy file of one's own.
const FLOORS: &str = include_str!("../../../measurements/policy/amd-floors.toml");
/// Intel's floors that go with a policy file of one's own.
const INTEL_FLOORS: &str = include_str!("../../../measurements/policy/intel-floors.toml");
/// The machines that go with a policy file of one's own, before --machines.
const MACHINES: &str = include_str!("../../../measurements/policy/machines.toml");

/// Everything that evidence is judged by.
pub(crate) struct Expectations {
    policy: Policy,
    pub(crate) releases: Vec<Release>,
    anchors: Anchors,
    now: UnixTime,
}

impl Expectations {
    /// Reads the options and the files that they name.
    pub(crate) fn read(belief: &Belief) -> Result<Self, Failure> {
        if belief.releases.is_empty() {
            return Err(Failure::input(
                "--release",
                "expected at least one release file; without one no measurement is accepted",
            ));
        }
        let mut releases = Vec::with_capacity(belief.releases.len());
        for path in &belief.releases {
            let bytes = files::read(path, MAX_RELEASE_FILE)?;
            let release = Release::from_json(&bytes)
                .map_err(|error| Failure::input(path.display(), error))?;
            releases.push(release);
        }
        let anchors = match &belief.danger_accept_simulated {
            None => Anchors::hardware(),
            Some(path) => Anchors::danger_simulated(&files::read(path, MAX_ROOT)?)
                .map_err(|error| Failure::input(path.display(), error))?,
        };
        Ok(Self {
            policy: policy(belief)?,
            releases,
            anchors,
            now: now()?,
        })
    }

    /// As the verifier takes it.
    pub(crate) fn expected(&self) -> Expected<'_> {
        Expected {
            policy: &self.policy,
            releases: &self.releases,
            anchors: &self.anchors,
            now: self.now,
        }
    }
}

fn policy(belief: &Belief) -> Result<Policy, Failure> {
    let named = belief.policy.as_deref();
    let policy = match named {
        Some(path) if path != Path::new("production") => {
            if path == Path::new("authentic") {
                return Err(Failure::input(
                    "--policy authentic",
                    "this policy judges captured evidence (verify --case); nothing may be sealed under it",
                ));
            }
            let rules = files::read_text(path, MAX_POLICY)?;
            Policy::parse(&PolicyFiles {
                rules: &rules,
                floors: FLOORS,
                intel_floors: INTEL_FLOORS,
                machines: MACHINES,
            })
            .map_err(|error| Failure::input(path.display(), error))?
        }
        // The production rules; the simulated processor's marker is then the only machine.
        _ if belief.danger_accept_simulated.is_some() => Policy::simulated(),
        _ => Policy::production(),
    };
    with_machines(policy, belief)
}

/// The policy with the machines of --machines.
pub(crate) fn with_machines(policy: Policy, belief: &Belief) -> Result<Policy, Failure> {
    let Some(path) = &belief.machines else {
        return Ok(policy);
    };
    policy
        .with_machines(&files::read_text(path, MAX_POLICY)?)
        .map_err(|error| Failure::input(path.display(), error))
}
