//! What the person accepts, read from options and files: policy, releases, roots and the time.

use std::path::{Path, PathBuf};

use cloister_client::failure::Failure;
use cloister_client::published::{json, shown};
use cloister_verify::log::{Kind, Logged, PublishedRelease};
use cloister_verify::policy::{BadPolicy, PolicyFiles};
use cloister_verify::{Anchors, Expected, Policy, Step, UnixTime};
use serde_json::Value;

use super::arguments::Belief;
use super::published::Published;
use super::{files, now};

/// Greatest size of a policy file in bytes.
const MAX_POLICY: usize = 1 << 20;
/// Greatest size of a root certificate in bytes.
const MAX_ROOT: usize = 64 << 10;
/// AMD's floors that go with a policy file of one's own, without --amd-floors.
const FLOORS: &str = include_str!("../../../measurements/policy/amd-floors.toml");
/// Intel's floors that go with a policy file of one's own, without --intel-floors.
const INTEL_FLOORS: &str = include_str!("../../../measurements/policy/intel-floors.toml");
/// The machines that go with a policy file of one's own, before --machines.
const MACHINES: &str = include_str!("../../../measurements/policy/machines.toml");

/// Everything that evidence is judged by.
pub(crate) struct Expectations {
    policy: Policy,
    pub(crate) releases: Vec<PublishedRelease>,
    anchors: Anchors,
    now: UnixTime,
    published: Published,
    /// The files beside the releases, and where the log has each of all.
    files: Vec<Step>,
    accepted: Vec<(PathBuf, Logged)>,
}

impl Expectations {
    /// Reads the options and the files that they name.
    ///
    /// # Errors
    /// [`Failure`] of the input when something can't be used; of the verification when a file is not known to be published.
    pub(crate) fn read(belief: &Belief) -> Result<Self, Failure> {
        if belief.releases.is_empty() {
            return Err(Failure::input(
                "--release",
                "expected at least one release file; without one no measurement is accepted",
            ));
        }
        let anchors = match &belief.danger_accept_simulated {
            None => Anchors::hardware(),
            Some(path) => Anchors::danger_simulated(&files::read(path, MAX_ROOT)?)
                .map_err(|error| Failure::input(path.display(), error))?,
        };
        let policy = rules(belief)?;
        let now = now()?;
        let published = Published::read(belief, now)?;
        let mut releases = Vec::with_capacity(belief.releases.len());
        let mut accepted = Vec::new();
        for path in &belief.releases {
            let release = published.release(path)?;
            accepted.push((path.clone(), release.logged().clone()));
            releases.push(release);
        }
        let mut expectations = Self {
            policy,
            releases,
            anchors,
            now,
            published,
            files: Vec::new(),
            accepted,
        };
        let changes: [(_, _, Change); 3] = [
            (&belief.amd_floors, Kind::Floors, Policy::with_amd_floors),
            (
                &belief.intel_floors,
                Kind::Floors,
                Policy::with_intel_floors,
            ),
            (&belief.machines, Kind::MachineList, Policy::with_machines),
        ];
        for (path, kind, change) in changes {
            if let Some(path) = path {
                expectations.take(kind, path, change)?;
            }
        }
        Ok(expectations)
    }

    /// Changes the policy by a published file.
    fn take(&mut self, kind: Kind, path: &Path, change: Change) -> Result<(), Failure> {
        let (text, logged) = self.published.text(kind, path)?;
        self.policy = change(self.policy.clone(), &text)
            .map_err(|error| Failure::input(path.display(), error))?;
        self.files.push(shown(&logged, self.now));
        self.accepted.push((path.to_owned(), logged));
        Ok(())
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

    /// The trail of an appraisal, and before it a line for each published file beside the releases.
    pub(crate) fn trail(&self, appraisal: Vec<Step>) -> Vec<Step> {
        [self.files.clone(), appraisal].concat()
    }

    /// Every published file for programs.
    pub(crate) fn json(&self) -> Value {
        let accepted = self.accepted.iter();
        accepted.map(|(_, logged)| json(logged, self.now)).collect()
    }

    /// Remembers every published file, once the evidence has passed and before anything is sent on its word.
    ///
    /// # Errors
    /// [`Failure`] when that is not possible. Nothing may be sent then.
    pub(crate) fn remember(&self, simulated: bool) -> Result<(), Failure> {
        self.published
            .remember(&self.accepted)
            .map_err(|failure| Failure {
                simulated,
                ..failure
            })
    }
}

/// How a published file changes a policy.
type Change = fn(Policy, &str) -> Result<Policy, BadPolicy>;

/// The rules, before any published file.
fn rules(belief: &Belief) -> Result<Policy, Failure> {
    match belief.policy.as_deref() {
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
            .map_err(|error| Failure::input(path.display(), error))
        }
        // The production rules; the simulated processor's marker is then the only machine.
        _ if belief.danger_accept_simulated.is_some() => Ok(Policy::simulated()),
        _ => Ok(Policy::production()),
    }
}

/// The policy with the machines of --machines as they are given: for captured evidence, on whose word nothing is sealed, and which is
/// judged as of a day for which no log has a proof any more.
pub(crate) fn with_machines(policy: Policy, belief: &Belief) -> Result<Policy, Failure> {
    let Some(path) = &belief.machines else {
        return Ok(policy);
    };
    policy
        .with_machines(&files::read_text(path, MAX_POLICY)?)
        .map_err(|error| Failure::input(path.display(), error))
}
