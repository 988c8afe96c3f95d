//! The auditor's kit.
//!
//! In comes a checkout of the repository, what was made of it or is to be made anew, and what was published. Out goes a report: numbered
//! sections whose lines say `ok`, `FAILED` or `not shown`. A line that says `ok` was looked at by this program; a thing that it could not
//! look at although it must be there has failed; what it was not asked to look at, or what nobody published, is not shown.
//!
//! ```text
//! 1 inputs     inputs.rs, commit.rs, crates.rs      every measured input: origin, licence, digest, hashed again
//! 2 rebuild    fetch.rs, rebuild.rs                the image anew, every byte compared
//! 3 recompute  recompute.rs, trust_domain.rs       launch measurements, by ours and by a foreign calculator
//! 4 log        published.rs                        proofs, quorum, age
//! 5 policy     policy.rs                           floors, machines, rules: source and date of each line
//! 6 base       base.rs, lines.rs                   lines, options and bytes that have to be believed
//! 7 live       live.rs                             a service, questioned
//! 8 limits     limits.rs                           what none of this shows
//! ```
//!
//! `provenance.rs` writes the list of inputs that is published with a release.
#![forbid(unsafe_code)]

pub mod base;
pub mod command;
pub mod commit;
pub mod crates;
pub mod fetch;
pub mod inputs;
pub mod limits;
pub mod lines;
pub mod live;
pub mod material;
pub mod policy;
pub mod provenance;
pub mod published;
pub mod rebuild;
pub mod recompute;
pub mod report;
pub mod tree;
mod trust_domain;

use crate::live::Service;
use crate::rebuild::Comparison;
use crate::report::{FORM, Report, Section};
use crate::tree::{FileError, Tree, read_text};
use cloister_verify::UnixTime;
use cloister_verify::log::LogPolicy;
use std::path::{Path, PathBuf};

/// What an auditor asks for.
#[derive(Clone, Debug)]
pub struct Question {
    /// Where to make the image anew; none to take the image as it lies there.
    pub workshop: Option<PathBuf>,
    /// The folder of the published release; none for `measurements/releases/<version>`, if it is there.
    pub release: Option<PathBuf>,
    /// The log policy; none for the built-in one.
    pub log_policy: Option<PathBuf>,
    /// A service to question.
    pub live: Option<Service>,
    /// Days that a policy line's source may go unseen.
    pub maximum_days: u64,
}

/// Runs the whole audit. Nothing is an error but a checkout or policy that is none: everything else is a line of the report.
///
/// # Errors
/// [`FileError`] when the root has no readable `Cargo.toml`, or the log policy cannot be read.
pub fn audit(tree: &Tree, question: &Question, now: UnixTime) -> Result<Report, FileError> {
    let release = tree.release()?;
    let log_policy = match &question.log_policy {
        None => LogPolicy::production(),
        Some(path) => {
            LogPolicy::parse(&read_text(path)?).map_err(|error| FileError::new(path, error))?
        }
    };
    let usual = tree.root.join("measurements/releases").join(&release);
    let published = question
        .release
        .clone()
        .or_else(|| usual.is_dir().then_some(usual));
    let published = published.as_deref();

    // What is not here yet is brought first, and whatever goes wrong there shows in what is hashed next.
    let fetched = question.workshop.as_ref().map(|_| fetch::fetch(tree));
    let crates = crates::reachable(&tree.root);
    let mut first = inputs::section(tree, &crates, published);
    if let Some(Err(error)) = fetched {
        first.failed("fetching", error);
    }

    let (image, second) = image(tree, question, &release, published);
    let release_file = published.map_or_else(
        || image.join("release.json"),
        |folder| folder.join("release.json"),
    );
    let sections = vec![
        first,
        second,
        recompute::section(&tree.root, &image, &release_file),
        published::section(&release, published, &log_policy, now),
        policy::section(tree, published, now, question.maximum_days),
        base::section(&image, &crates),
        live::section(
            question.live.as_ref(),
            &release,
            &release_file,
            question.log_policy.as_deref(),
        ),
        limits::section(question.live.is_some()),
    ];
    Ok(Report {
        audit: FORM,
        release,
        time: now.to_string(),
        sections,
    })
}

/// The image that the audit is about, and section 2.
fn image(
    tree: &Tree,
    question: &Question,
    release: &str,
    published: Option<&Path>,
) -> (PathBuf, Section) {
    let made = question
        .workshop
        .as_ref()
        .map(|workshop| rebuild::rebuild(tree, workshop));
    let there = tree.image.join("manifest.json").is_file();
    match made {
        Some(Ok(image)) => {
            let comparison = Comparison {
                image: &image,
                rebuilt: true,
                published,
                earlier: there.then_some(tree.image.as_path()),
            };
            let section = rebuild::section(release, &comparison);
            (image, section)
        }
        other => {
            let comparison = Comparison {
                image: &tree.image,
                rebuilt: false,
                published,
                earlier: None,
            };
            let mut section = rebuild::section(release, &comparison);
            if let Some(Err(error)) = other {
                section.failed("rebuild", error);
            }
            (tree.image.clone(), section)
        }
    }
}
