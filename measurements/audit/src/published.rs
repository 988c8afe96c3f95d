//! Section 4: whether a release was published: a proof from the log beside each artefact, judged by the rules of a device.

use crate::report::Section;
use crate::tree::{names_in, read};
use cloister_verify::log::{self, Artefact, Kind, LogPolicy, Word};
use cloister_verify::{Outcome, UnixTime};
use std::path::Path;

/// What a proof's name ends in.
const PROOF: &str = ".tlog-proof";
/// Files of a release that must be there and proven.
const NEEDED: [&str; 1] = ["release.json"];

/// What kind of entry vouches for a file of this name; none for files that hang on a proven one by their digests.
fn kind(name: &str) -> Option<Kind> {
    match name {
        "release.json" => Some(Kind::ImageRelease),
        "machines.toml" => Some(Kind::MachineList),
        _ if name.ends_with("-floors.toml") => Some(Kind::Floors),
        _ if name.starts_with("keys") && name.ends_with(".json") => Some(Kind::KeyBundle),
        _ => None,
    }
}

/// Judges every proof of the folder of a release.
#[must_use]
pub fn section(release: &str, folder: Option<&Path>, policy: &LogPolicy, now: UnixTime) -> Section {
    let mut section = Section::new("log", "Log: proofs, quorum and age");
    policy_lines(&mut section, policy);
    let Some(folder) = folder else {
        section.not_shown(
            "proofs",
            format_args!("no release {release} is published, so nothing of it is in a log"),
        );
        return section;
    };
    let names = names_in(folder);
    for name in NEEDED {
        if !names.iter().any(|it| it == name) {
            section.failed(name, format_args!("not in {}", folder.display()));
        }
    }
    for name in &names {
        match (kind(name), name.strip_suffix(PROOF)) {
            (Some(kind), _) => artefact(&mut section, release, folder, name, kind, policy, now),
            (None, Some(of)) if names.iter().all(|it| it != of) || kind(of).is_none() => {
                section.failed(name, "a proof of nothing that is known here");
            }
            _ => {}
        }
    }
    section
}

fn policy_lines(section: &mut Section, policy: &LogPolicy) {
    let names = |keys: &[log::VerifierKey]| {
        keys.iter()
            .map(|key| key.name().to_owned())
            .collect::<Vec<_>>()
            .join(", ")
    };
    let hours = policy.maximum_age().checked_div(3600).unwrap_or_default();
    if policy.logs().is_empty() {
        section.not_shown(
            "log policy",
            format_args!("lists no log and so accepts nothing; proofs may be {hours} h old"),
        );
    } else {
        section.ok(
            "log policy",
            format_args!(
                "logs {}; witnesses {}; proofs may be {hours} h old",
                names(policy.logs()),
                names(policy.witnesses())
            ),
        );
    }
}

fn artefact(
    section: &mut Section,
    release: &str,
    folder: &Path,
    name: &str,
    kind: Kind,
    policy: &LogPolicy,
    now: UnixTime,
) {
    let (Ok(bytes), Some(word)) = (read(&folder.join(name)), Word::parse(name)) else {
        section.failed(
            name,
            "cannot be read, or has a name that no entry can carry",
        );
        return;
    };
    let proof = match read(&folder.join(format!("{name}{PROOF}"))) {
        Ok(proof) => proof,
        Err(error) => {
            section.failed(name, format_args!("no proof beside it: {error}"));
            return;
        }
    };
    let artefact = Artefact {
        kind,
        name: word,
        bytes: &bytes,
    };
    let appraisal = log::published(&proof, &artefact, policy, now);
    for step in &appraisal.trail {
        let good = matches!(step.outcome, Outcome::Passed | Outcome::NotAsked);
        section
            .check(
                good,
                format_args!("{name}: {}", step.title),
                format_args!("expected {}, found {}", step.expected, step.found),
            )
            .fact("rule", step.rule)
            .fact("clause", step.clause);
    }
    if let Ok(logged) = appraisal.verdict {
        section
            .check(
                logged.version().as_str() == release,
                format_args!("{name}: version"),
                format_args!("logged for {}, audited {release}", logged.version()),
            )
            .fact("entry", logged.index())
            .fact("log", logged.origin());
        let age = now
            .0
            .saturating_sub(logged.witnessed().0)
            .checked_div(3600)
            .unwrap_or_default();
        section
            .ok(
                format_args!("{name}: age"),
                format_args!(
                    "a quorum has seen the log at {}, {age} h ago; good until {}",
                    logged.witnessed(),
                    logged.expires()
                ),
            )
            .fact("witnessed", logged.witnessed())
            .fact("expires", logged.expires());
    }
}
