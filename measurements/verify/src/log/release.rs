//! A release that was published: the only form in which [`attest()`](crate::attest()) takes one.
//!
//! The steps, as they are numbered in the code below:
//!
//! 1. the proof, by every rule of [`published()`](super::published()), over the bytes as they were received;
//! 2. those very bytes: a release file, of the version that their entry in the log names.

use super::{Artefact, Kind, LogPolicy, Logged, Word, published};
use crate::attest::Refused;
use crate::release::Release;
use crate::time::UnixTime;
use crate::trail::{Outcome, Rule, Step, Trail};

mod rules {
    use crate::trail::Rule;

    pub(super) const FORMAT: Rule = Rule {
        id: "release.format",
        title: "the published bytes are a release file",
        clause: "Cloister, release file",
    };
    pub(super) const VERSION: Rule = Rule {
        id: "release.version",
        title: "the release is the one whose version its entry names",
        clause: "Cloister, log entry, version",
    };
}

/// Every rule of an appraisal by [`published_release()`], in the order of its trail.
pub fn release_rules() -> impl Iterator<Item = &'static Rule> {
    super::rules().chain([&rules::FORMAT, &rules::VERSION])
}

/// A release with the proof that it was published. Only [`published_release()`] makes one.
///
/// ```compile_fail,E0451
/// use cloister_verify::{Release, log::{Logged, PublishedRelease}};
/// fn forged(release: Release, logged: Logged) -> PublishedRelease {
///     // Nobody else can, not even out of a release and somebody's proof: the members are private.
///     PublishedRelease { release, logged }
/// }
/// ```
#[derive(Clone, Debug)]
pub struct PublishedRelease {
    release: Release,
    logged: Logged,
}

impl PublishedRelease {
    /// What was published.
    #[must_use]
    pub fn release(&self) -> &Release {
        &self.release
    }

    /// Where, and who has seen it.
    #[must_use]
    pub fn logged(&self) -> &Logged {
        &self.logged
    }

    /// Whether the proof is still good.
    fn is_good(&self, now: UnixTime) -> bool {
        now <= self.logged.expires()
    }
}

/// A judged release file.
#[derive(Clone, Debug)]
pub struct ReleaseAppraisal {
    /// Every rule, with what was expected and found.
    pub trail: Vec<Step>,
    /// The release, or the failed rules.
    pub verdict: Result<PublishedRelease, Refused>,
}

/// Judges whether a release file was published under `name`: by the text of its `.tlog-proof`, under a policy, at a time.
#[must_use]
pub fn published_release(
    proof: &[u8],
    name: Word,
    file: &[u8],
    policy: &LogPolicy,
    now: UnixTime,
) -> ReleaseAppraisal {
    // 1. The proof.
    let artefact = Artefact {
        kind: Kind::ImageRelease,
        name,
        bytes: file,
    };
    let appraisal = published(proof, &artefact, policy, now);

    // 2. The bytes, which nobody reads before they are known to be the published ones.
    let mut trail = Trail::default();
    let release = appraisal
        .verdict
        .as_ref()
        .ok()
        .and_then(|logged| judge(&mut trail, file, logged));
    let order = [&rules::FORMAT, &rules::VERSION];
    let mut steps = appraisal.trail;
    steps.extend(trail.complete(&order, "the file is not known to be published"));
    let failed: Vec<_> = steps
        .iter()
        .filter(|step| matches!(step.outcome, Outcome::Failed | Outcome::NotEvaluated))
        .map(|step| step.rule)
        .collect();
    let verdict = match (failed.is_empty(), release, appraisal.verdict) {
        (true, Some(release), Ok(logged)) => Ok(PublishedRelease { release, logged }),
        _ => Err(Refused { rules: failed }),
    };
    ReleaseAppraisal {
        trail: steps,
        verdict,
    }
}

/// Step 2.
fn judge(trail: &mut Trail, file: &[u8], logged: &Logged) -> Option<Release> {
    let release = Release::from_json(file);
    trail.check(
        &rules::FORMAT,
        release.is_ok(),
        "a release file",
        match &release {
            Ok(_) => "a release file".to_owned(),
            Err(error) => error.to_string(),
        },
    );
    let release = release.ok()?;
    trail.check(
        &rules::VERSION,
        release.release.as_str() == logged.version().as_str(),
        logged.version().as_str(),
        release.release.as_str(),
    );
    Some(release)
}

/// The releases whose proof is good at `now`. The others are none, however good their proof was when it was judged.
pub(crate) fn good<'a>(
    trail: &mut Trail,
    rule: &Rule,
    releases: &'a [PublishedRelease],
    now: UnixTime,
) -> Vec<&'a Release> {
    let good: Vec<&Release> = releases
        .iter()
        .filter(|release| release.is_good(now))
        .map(PublishedRelease::release)
        .collect();
    let found: Vec<String> = releases
        .iter()
        .map(|PublishedRelease { release, logged }| {
            format!("release {}: {}", release.release, logged.words(now))
        })
        .collect();
    trail.check(
        rule,
        !good.is_empty(),
        format!("a release with a proof that is good at {now}"),
        match found.as_slice() {
            [] => "no release".to_owned(),
            found => found.join("; "),
        },
    );
    good
}
