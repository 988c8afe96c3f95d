//! The files that a person accepts, with their proofs from the log, and the state file that keeps anybody from leading the device back.
//!
//! Beside `release.json` stands `release.json.tlog-proof`. A file without a good proof under the log policy is refused before anybody is
//! spoken to, by its failed rules.

use std::fs::{self, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use cloister_client::failure::{Failure, Fault};
use cloister_client::published::{BadState, MAX_STATE, PRESENT, REMEMBERED, Remembered, step};
use cloister_verify::log::{
    Artefact, Kind, LogPolicy, Logged, MAX_PROOF_FILE, PublishedRelease, Word, published,
    published_release,
};
use cloister_verify::release::MAX_RELEASE_FILE;
use cloister_verify::{Outcome, Step, UnixTime};

use super::arguments::Belief;
use super::files;

/// Greatest size of a log policy, a list of machines or floors in bytes.
const MAX_TEXT: usize = 1 << 20;
/// What the name of a proof ends with.
const PROOF: &str = ".tlog-proof";

/// Whom to believe about what was published, and what was accepted before.
pub(crate) struct Published {
    policy: LogPolicy,
    now: UnixTime,
    state: PathBuf,
    remembered: Remembered,
}

impl Published {
    /// Reads the log policy and the state file.
    ///
    /// # Errors
    /// [`Failure`] of the input when one of them can't be used. What was remembered is never taken to be nothing then.
    pub(crate) fn read(belief: &Belief, now: UnixTime) -> Result<Self, Failure> {
        let policy = match &belief.log_policy {
            None => LogPolicy::production(),
            Some(path) => LogPolicy::parse(&files::read_text(path, MAX_TEXT)?)
                .map_err(|error| Failure::input(path.display(), error))?,
        };
        let state = match &belief.log_state {
            Some(path) => path.clone(),
            None => usual_state()?,
        };
        Ok(Self {
            policy,
            now,
            remembered: remembered(&state)?,
            state,
        })
    }

    /// A release that was published.
    ///
    /// # Errors
    /// [`Failure`] of the verification with the trail of the proof, or of the input.
    pub(crate) fn release(&self, path: &Path) -> Result<PublishedRelease, Failure> {
        let file = files::read(path, MAX_RELEASE_FILE)?;
        let (name, proof) = (name(path)?, self.proof(path)?);
        let appraisal = published_release(&proof, name, &file, &self.policy, self.now);
        let release = appraisal
            .verdict
            .map_err(|_| self.refusal(path, appraisal.trail))?;
        self.not_older(&self.remembered, path, release.logged())?;
        Ok(release)
    }

    /// The text of another file that was published, under the file's own name.
    ///
    /// # Errors
    /// [`Failure`] of the verification with the trail of the proof, or of the input.
    pub(crate) fn text(&self, kind: Kind, path: &Path) -> Result<(String, Logged), Failure> {
        let text = files::read_text(path, MAX_TEXT)?;
        let artefact = Artefact {
            kind,
            name: name(path)?,
            bytes: text.as_bytes(),
        };
        let appraisal = published(&self.proof(path)?, &artefact, &self.policy, self.now);
        let logged = appraisal
            .verdict
            .map_err(|_| self.refusal(path, appraisal.trail))?;
        self.not_older(&self.remembered, path, &logged)?;
        Ok((text, logged))
    }

    /// The bytes beside a file. A proof that is too long is cut, for the verifier to refuse.
    fn proof(&self, path: &Path) -> Result<Vec<u8>, Failure> {
        let mut beside = path.as_os_str().to_owned();
        beside.push(PROOF);
        let beside = PathBuf::from(beside);
        match files::read_at_most(&beside, MAX_PROOF_FILE.saturating_add(1)) {
            Ok(proof) => Ok(proof),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let (expected, found) = (beside.display().to_string(), "no such file".to_owned());
                let trail = vec![step(&PRESENT, false, expected, found)];
                Err(self.refusal(path, trail))
            }
            Err(error) => Err(files::cannot_read(&beside, error.kind())),
        }
    }

    fn not_older(
        &self,
        remembered: &Remembered,
        path: &Path,
        logged: &Logged,
    ) -> Result<(), Failure> {
        let step = remembered.judge(logged);
        if step.passed() {
            return Ok(());
        }
        Err(self.refusal(path, vec![step]))
    }

    /// A file that is not accepted, with what to do about it.
    fn refusal(&self, path: &Path, trail: Vec<Step>) -> Failure {
        // Without the rules that could not be judged after them.
        let rules: Vec<&str> = trail
            .iter()
            .filter(|step| step.outcome == Outcome::Failed)
            .map(|step| step.rule)
            .collect();
        let failed = |rule: &str| rules.contains(&rule);
        let mut explanation = Vec::new();
        if failed(REMEMBERED.id) {
            explanation.push(format!(
                "a newer file of this log was accepted before, and this older one would take it back: fetch the newest one. {} remembers",
                self.state.display()
            ));
        } else if self.policy.logs().is_empty() {
            explanation.push(
                "the log policy lists no log, so nothing is accepted under it: name the log and the witnesses that you believe with --log-policy FILE".to_owned(),
            );
        } else if failed(PRESENT.id) {
            explanation.push(format!(
                "a published file has its proof beside it: fetch {}{PROOF} from where the file comes from",
                path.display()
            ));
        } else if rules == ["log.witness.age"] {
            explanation.push(
                "the proof has expired: fetch a fresh one from where the file comes from"
                    .to_owned(),
            );
        }
        Failure {
            trail,
            explanation,
            ..Failure::new(
                Fault::Verification,
                format_args!(
                    "{} is not accepted as published: {}",
                    path.display(),
                    rules.join(", ")
                ),
            )
        }
    }

    /// Remembers what is accepted, durably. What another command has remembered meanwhile counts.
    ///
    /// # Errors
    /// [`Failure`] when a file is older than what is remembered by now, or when the state can't be kept. Nothing may be sent then.
    pub(crate) fn remember(&self, accepted: &[(PathBuf, Logged)]) -> Result<(), Failure> {
        let folder = self.state.parent().filter(|path| *path != Path::new(""));
        let folder = folder.unwrap_or(Path::new("."));
        let cannot = |error: std::io::Error| {
            Failure::input(
                self.state.display(),
                format_args!(
                    "can't remember what was accepted ({}); name another file with --log-state",
                    error.kind()
                ),
            )
        };
        fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(cannot)?;
        let mut name = self.state.as_os_str().to_owned();
        name.push(".lock");
        // Held to the end of this function: commands that run at a time remember one after the other.
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(PathBuf::from(name))
            .map_err(cannot)?;
        lock.lock().map_err(cannot)?;
        let mut remembered = remembered(&self.state)?;
        for (path, logged) in accepted {
            self.not_older(&remembered, path, logged)?;
        }
        if remembered.accept(accepted.iter().map(|(_, logged)| logged)) {
            let bytes = remembered.to_json().map_err(|why| bad(&self.state, why))?;
            files::write_privately(&self.state, &bytes)?;
        }
        Ok(())
    }
}

/// The name under which a file is published: its own.
fn name(path: &Path) -> Result<Word, Failure> {
    path.file_name()
        .and_then(|name| name.to_str())
        .and_then(Word::parse)
        .ok_or_else(|| {
            Failure::input(
                path.display(),
                "a published name has 1 to 64 characters out of a-z, 0-9, '.' and '-'",
            )
        })
}

/// What the state file says; nothing when there is none yet.
fn remembered(path: &Path) -> Result<Remembered, Failure> {
    let mode = match fs::metadata(path) {
        Ok(metadata) => metadata.permissions().mode(),
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Remembered::default()),
        Err(error) => return Err(files::cannot_read(path, error.kind())),
    };
    // Whoever may write it may lead this device back, and who reads it learns what it asks.
    if mode & 0o077 != 0 {
        return Err(Failure::input(
            path.display(),
            "others may read or write what this device remembers; look at it, then chmod 600",
        ));
    }
    let bytes = files::read(path, MAX_STATE)?;
    Remembered::from_json(&bytes).map_err(|why| bad(path, why))
}

fn bad(path: &Path, why: BadState) -> Failure {
    Failure::input(
        path.display(),
        format_args!("{why}; without it nobody knows how old a file may be"),
    )
}

/// `cloister/published.json` in the folder for state (XDG Base Directory Specification, `XDG_STATE_HOME`: absolute, or it does not count).
fn usual_state() -> Result<PathBuf, Failure> {
    let absolute = |name: &str| {
        std::env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    absolute("XDG_STATE_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".local/state")))
        .map(|folder| folder.join("cloister/published.json"))
        .ok_or_else(|| {
            Failure::input(
                "--log-state",
                "there is no home folder, so name a file in which to remember what was accepted",
            )
        })
}
