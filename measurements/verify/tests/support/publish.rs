//! Releases as a device takes them: published in the log of the tests, with a proof that is good.

use super::scene::{Scene, word};
use cloister_verify::log::{Kind, LogPolicy, PublishedRelease, published_release};
use cloister_verify::{Release, UnixTime};

/// The scene of a release file in the log, witnessed a minute before `now`.
pub(crate) fn scene(release: &Release, now: u64) -> Scene {
    Scene::of_file(
        Kind::ImageRelease,
        "release.json",
        release.release.as_str(),
        release.to_json().unwrap().as_bytes(),
        now,
    )
}

/// Each release with its proof.
pub(crate) fn publish(releases: &[Release], now: u64) -> Vec<PublishedRelease> {
    let published = |release| {
        let scene = scene(release, now);
        let policy = LogPolicy::parse(&scene.policy).unwrap();
        let name = word("release.json");
        published_release(&scene.file(), name, &scene.file, &policy, UnixTime(now))
            .verdict
            .unwrap()
    };
    releases.iter().map(published).collect()
}
