//! A live service, questioned by the command that people use.

use crate::report::Section;
use serde::Deserialize;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Whom to question, and how.
#[derive(Clone, Debug)]
pub struct Service {
    /// `HOST:PORT`, where the relay passes connections through.
    pub address: String,
    /// The command: `cloister`.
    pub client: PathBuf,
    /// Further options for `cloister verify`, as they are.
    pub options: Vec<String>,
}

#[derive(Deserialize)]
struct Verdict {
    verdict: String,
    platform: String,
    release: Option<String>,
    trail: Vec<Step>,
}

#[derive(Deserialize)]
struct Step {
    rule: String,
    outcome: String,
    expected: String,
    found: String,
}

/// Questions the service; every rule of the client's trail is a line.
#[must_use]
pub fn section(
    service: Option<&Service>,
    release: &str,
    release_file: &Path,
    log_policy: Option<&Path>,
) -> Section {
    let mut section = Section::new("live", "Live service: the evidence behind an address");
    let Some(service) = service else {
        section.not_shown(
            "a live service",
            "none was named; --live HOST:PORT questions one",
        );
        return section;
    };
    let mut command = Command::new(&service.client);
    command
        .args([
            "verify",
            "--json",
            "--gateway",
            &service.address,
            "--release",
        ])
        .arg(release_file);
    if let Some(policy) = log_policy {
        command.arg("--log-policy").arg(policy);
    }
    command.args(&service.options).stdin(Stdio::null());
    let done = match command.output() {
        Ok(done) => done,
        Err(error) => {
            section.failed(
                &service.address,
                format_args!("{}: {error}", service.client.display()),
            );
            return section;
        }
    };
    // A refusal is an answer as well, with its trail: only an answer that cannot be read is none.
    let verdict: Verdict = match serde_json::from_slice(&done.stdout) {
        Ok(verdict) => verdict,
        Err(_) => {
            let said = String::from_utf8_lossy(&done.stderr);
            section.failed(
                &service.address,
                format_args!("no verdict ({}): {}", done.status, said.trim()),
            );
            return section;
        }
    };
    for step in &verdict.trail {
        let good = ["passed", "not asked", "not-asked"]
            .iter()
            .any(|word| step.outcome == *word);
        section.check(
            good,
            &step.rule,
            format_args!("expected {}, found {}", step.expected, step.found),
        );
    }
    let accepted = verdict.verdict == "accept" && done.status.success();
    section.check(
        accepted && !verdict.trail.is_empty() && verdict.release.as_deref() == Some(release),
        &service.address,
        format_args!(
            "{} by {}, release {}; audited is {release}",
            verdict.verdict,
            verdict.platform,
            verdict.release.as_deref().unwrap_or("none")
        ),
    );
    section
}
