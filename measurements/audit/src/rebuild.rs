//! Section 2: the image made anew in a copy of the sources, and every byte compared.

use crate::command;
use crate::provenance::{self, Manifest, ManifestFile};
use crate::report::{self, Section};
use crate::tree::{FileError, Tree, files_below, hash, names_in, read};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Files that are written beside the image's own, and compared when either side has them.
const BESIDE: [&str; 6] = [
    "manifest.json",
    "release.json",
    "release-sim.json",
    "release.snp.corim",
    "release.tdx.corim",
    "corim.cbor",
];
/// A file in a workshop that says that it may be emptied.
const MARK: &str = ".cloister-audit";
/// In the cache of downloads: what was built, not fetched.
const BUILT: [&str; 3] = ["firmware-", "kernel-", "kvm-probe"];

/// Makes the image in `workshop` from a copy of the tracked files, with downloads taken over and nothing that was built: packages, crates'
/// archives (unpacked anew, since cargo does not look at an unpacked crate twice) and weights. Returns the folder of the new image.
///
/// # Errors
/// [`FileError`] when copying fails or a program stops; what it said stands on standard error.
pub fn rebuild(tree: &Tree, workshop: &Path) -> Result<PathBuf, FileError> {
    let failed = |why: &dyn std::fmt::Display| FileError::new(workshop, why);
    empty(workshop)?;
    let copy = workshop.join("tree");
    for name in tracked(&tree.root)? {
        copy_file(&tree.root.join(&name), &copy.join(&name))?;
    }
    let image = copy.join("target/image");
    let cache = image.join("cache");
    for name in names_in(&tree.cache) {
        if !BUILT.iter().any(|built| name.starts_with(built)) {
            copy_all(&tree.cache.join(&name), &cache.join(&name))?;
        }
    }
    let home = workshop.join("cargo-home");
    for part in ["registry/index", "registry/cache", "config.toml"] {
        let from = tree.cargo_home.join(part);
        if from.exists() {
            copy_all(&from, &home.join(part))?;
        }
    }
    let here = |mut command: Command| {
        for name in [
            "RUSTFLAGS",
            "CARGO_ENCODED_RUSTFLAGS",
            "CARGO_BUILD_TARGET",
            "RUSTC_WRAPPER",
            "CLOISTER_IMAGE",
            "CARGO",
            "RUSTC",
        ] {
            command.env_remove(name);
        }
        command
            .current_dir(&copy)
            .env("CARGO_TARGET_DIR", copy.join("target"))
            .env("CARGO_HOME", &home)
            .env("CARGO_NET_OFFLINE", "true")
            .env("CLOISTER_CACHE", &cache)
            .env("CLOISTER_WEIGHTS", &tree.weights);
        command
    };
    let run = |command: Command| command::run(&mut here(command)).map_err(|why| failed(&why));
    run(command::of(&copy, "image/make"))?;
    let mut build = Command::new("cargo");
    build.args([
        "build",
        "--quiet",
        "--locked",
        "--package",
        "cloister-digest",
        "--bins",
    ]);
    run(build)?;
    run(command::of(&copy, "measurements/measure"))?;
    Ok(image)
}

/// Empties the workshop, if it is one: nobody's other folder is ever removed.
fn empty(workshop: &Path) -> Result<(), FileError> {
    let failed = |error: std::io::Error| FileError::new(workshop, error);
    if !names_in(workshop).is_empty() && !workshop.join(MARK).is_file() {
        let why =
            "is not empty and no audit made it; name another folder with --workshop, or remove it";
        return Err(FileError::new(workshop, why));
    }
    if workshop.exists() {
        fs::remove_dir_all(workshop).map_err(failed)?;
    }
    fs::create_dir_all(workshop).map_err(failed)?;
    fs::write(
        workshop.join(MARK),
        "made by cloister-audit, emptied by the next one\n",
    )
    .map_err(failed)
}

/// What git tracks, as it lies there; without git, every file outside `target`.
fn tracked(root: &Path) -> Result<Vec<String>, FileError> {
    if !root.join(".git").exists() {
        return files_below(root, Path::new(""));
    }
    let listing = command::text(
        Command::new("git")
            .arg("-C")
            .arg(root)
            .args(["ls-files", "-z"]),
        &[],
    );
    let listing = listing.map_err(|why| FileError::new(root, why))?;
    let names = listing.split('\0').filter(|name| !name.is_empty());
    Ok(names
        .filter(|name| root.join(name).is_file())
        .map(str::to_owned)
        .collect())
}

fn copy_file(from: &Path, to: &Path) -> Result<(), FileError> {
    if let Some(folder) = to.parent() {
        fs::create_dir_all(folder).map_err(|error| FileError::new(folder, error))?;
    }
    fs::copy(from, to)
        .map(|_| ())
        .map_err(|error| FileError::new(from, error))
}

fn copy_all(from: &Path, to: &Path) -> Result<(), FileError> {
    if from.is_file() {
        return copy_file(from, to);
    }
    for name in files_below(from, Path::new(""))? {
        copy_file(&from.join(&name), &to.join(&name))?;
    }
    Ok(())
}

/// What the image at hand is compared with.
pub struct Comparison<'a> {
    /// The image at hand: rebuilt, or found.
    pub image: &'a Path,
    /// Whether it was rebuilt by this audit.
    pub rebuilt: bool,
    /// The folder of the published release, when there is one.
    pub published: Option<&'a Path>,
    /// An image that was built before.
    pub earlier: Option<&'a Path>,
}

/// Compares the image at hand with its own manifest, with the published release, and with an earlier build.
#[must_use]
pub fn section(release: &str, them: &Comparison<'_>) -> Section {
    let mut section = Section::new("rebuild", "Rebuild: the same bytes from the same sources");
    let image = them.image;
    if them.rebuilt {
        section.ok("rebuild", format_args!("made anew in {}", image.display()));
    } else {
        section.not_shown(
            "rebuild",
            format_args!(
                "not asked for; what follows is about the image that lies in {}",
                image.display()
            ),
        );
    }
    let manifest = match Manifest::read(&image.join("manifest.json")) {
        Ok(manifest) => manifest,
        Err(error) => {
            section.failed("manifest.json", error);
            return section;
        }
    };
    section.check(
        manifest.release == release,
        "release id",
        format_args!("the sources say {release}, the image {}", manifest.release),
    );
    own(&mut section, image, &manifest);
    match them.published {
        None => {
            section.not_shown(
                "published bytes",
                format_args!(
                    "no release {release} is published, so there are none to compare with"
                ),
            );
        }
        Some(folder) => published(&mut section, folder, image, &manifest),
    }
    match them.earlier {
        None => {
            section.not_shown("an earlier build", "there is none in target/image");
        }
        Some(folder) => earlier(&mut section, folder, image, &manifest),
    }
    section
}

/// The image against its own manifest.
fn own(section: &mut Section, image: &Path, manifest: &Manifest) {
    for (name, expected) in &manifest.files {
        match hash(&image.join(name)) {
            Ok(found)
                if found.size == expected.size && found.sha256.to_string() == expected.sha256 =>
            {
                section
                    .ok(
                        name,
                        format_args!("{} bytes, SHA-256 {}", found.size, found.sha256),
                    )
                    .fact("sha256", found.sha256)
                    .fact("bytes", found.size);
            }
            Ok(found) => {
                section.failed(
                    name,
                    format_args!(
                        "its manifest says {} bytes with SHA-256 {}, found {} bytes with {}",
                        expected.size, expected.sha256, found.size, found.sha256
                    ),
                );
            }
            Err(error) => {
                section.failed(name, error);
            }
        }
    }
}

/// The image's manifest against the published one, and the published files against each other.
fn published(section: &mut Section, folder: &Path, image: &Path, manifest: &Manifest) {
    match Manifest::read(&folder.join("manifest.json")) {
        Err(error) => {
            section.failed("published manifest.json", error);
        }
        Ok(there) => {
            let names: BTreeSet<&String> =
                there.files.keys().chain(manifest.files.keys()).collect();
            for name in names {
                let words = |file: Option<&ManifestFile>| {
                    file.map_or("nothing".into(), |it| it.sha256.clone())
                };
                let (theirs, ours) = (there.files.get(name), manifest.files.get(name));
                section.check(
                    theirs == ours,
                    format_args!("published {name}"),
                    format_args!("published {}, here {}", words(theirs), words(ours)),
                );
            }
            provenance_subjects(section, folder, &there);
        }
    }
    for name in BESIDE {
        let path = folder.join(name);
        if path.exists() {
            same_bytes(
                section,
                &format!("published {name}"),
                &path,
                &image.join(name),
            );
        } else if name == "release.json" {
            section.failed(
                format_args!("published {name}"),
                "the folder of the release has none",
            );
        }
    }
}

fn provenance_subjects(section: &mut Section, folder: &Path, manifest: &Manifest) {
    let path = folder.join("provenance.json");
    if !path.exists() {
        section.not_shown(
            "published provenance.json",
            "the folder of the release has none",
        );
        return;
    }
    let expected: BTreeMap<String, String> = manifest
        .files
        .iter()
        .map(|(name, file)| (name.clone(), file.sha256.clone()))
        .collect();
    match provenance::subjects_of(&path) {
        Ok(found) => {
            section.check(
                found == expected,
                "published provenance.json",
                format_args!(
                    "names {} files, the published manifest {}",
                    found.len(),
                    expected.len()
                ),
            );
        }
        Err(error) => {
            section.failed("published provenance.json", error);
        }
    }
}

fn earlier(section: &mut Section, folder: &Path, image: &Path, manifest: &Manifest) {
    let beside = BESIDE.iter().map(|name| (*name).to_owned());
    let mut differs = false;
    for name in manifest.files.keys().cloned().chain(beside) {
        let (before, now) = (folder.join(&name), image.join(&name));
        if before.exists() {
            same_bytes(section, &format!("earlier {name}"), &before, &now);
            differs = differs
                || section
                    .lines
                    .last()
                    .is_some_and(|line| line.mark == report::Mark::Failed);
        } else if now.exists() {
            section.not_shown(
                format_args!("earlier {name}"),
                format_args!("{} has none", folder.display()),
            );
        }
    }
    if differs {
        section.not_shown(
            "why the earlier build differs",
            format_args!("it was made from other sources, or the build is not reproducible; without {} there is nothing to compare with", folder.display()),
        );
    }
}

fn same_bytes(section: &mut Section, subject: &str, one: &Path, other: &Path) {
    match (read(one), read(other)) {
        (Ok(a), Ok(b)) if a == b => {
            section.ok(subject, format_args!("{} equal bytes", a.len()));
        }
        (Ok(a), Ok(b)) => {
            let at = a.iter().zip(&b).take_while(|(a, b)| a == b).count();
            section.failed(
                subject,
                format_args!(
                    "{} ({} bytes) and {} ({} bytes) differ from byte {at} on",
                    one.display(),
                    a.len(),
                    other.display(),
                    b.len()
                ),
            );
        }
        (Err(error), _) | (_, Err(error)) => {
            section.failed(subject, error);
        }
    }
}
