//! The crates that the guest's binary is made of: which ones cargo would link, what Cargo.lock says of them, what was downloaded.

use crate::command;
use crate::report::Section;
use crate::tree::{self, FileError, Tree, read_text};
use cloister_verify::release::Hex;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The package whose binary is the guest's /init.
const GUEST: &str = "cloister-init";
/// What it is compiled for.
const TARGET: &str = "x86_64-unknown-linux-musl";

/// Where a crate has its say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// Its code is in the binary.
    Binary,
    /// It runs while the binary is built: a procedural macro, a build script's helper.
    Build,
}

/// One crate.
#[derive(Clone, Debug)]
pub struct Crate {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its licence as its manifest says it.
    pub licence: String,
    /// SHA-256 of the downloaded archive by Cargo.lock; none for a crate of this repository.
    pub checksum: Option<Hex<32>>,
    /// The registry that Cargo.lock names for it; none for a crate of this repository.
    pub origin: Option<String>,
    /// Where its manifest is.
    pub folder: PathBuf,
    /// Where it has its say.
    pub part: Part,
}

impl Crate {
    /// Whether it is of this repository.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.checksum.is_none()
    }

    /// `name version`.
    #[must_use]
    pub fn title(&self) -> String {
        format!("{} {}", self.name, self.version)
    }
}

/// A package of Cargo.lock.
#[derive(Clone, Debug, Deserialize)]
pub struct Locked {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The registry; none for a crate of this repository.
    pub source: Option<String>,
    /// SHA-256 of the archive, in hexadecimal.
    pub checksum: Option<String>,
}

/// The packages of a Cargo.lock.
///
/// # Errors
/// [`FileError`] when it cannot be read, or one from a registry has no checksum.
pub fn locked(root: &Path) -> Result<Vec<Locked>, FileError> {
    #[derive(Deserialize)]
    struct Lock {
        package: Vec<Locked>,
    }
    let path = root.join("Cargo.lock");
    let lock: Lock = toml::from_str(&read_text(&path)?)
        .map_err(|error| FileError::new(&path, error.message()))?;
    for package in &lock.package {
        let pinned = package.checksum.as_deref().and_then(Hex::<32>::parse);
        if package.source.is_some() && pinned.is_none() {
            let why = format_args!("{} {} has no SHA-256", package.name, package.version);
            return Err(FileError::new(&path, why));
        }
    }
    Ok(lock.package)
}

/// The crates of the guest's production binary, sorted by name and version: first what is in it, then what only builds it.
///
/// # Errors
/// Words for people: cargo's own, or the file that cannot be read.
pub fn reachable(root: &Path) -> Result<Vec<Crate>, String> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    #[derive(Deserialize)]
    struct Package {
        name: String,
        version: String,
        license: Option<String>,
        license_file: Option<PathBuf>,
        manifest_path: PathBuf,
    }
    let binary = linked(root, "normal,no-proc-macro")?;
    let build = linked(root, "normal,build")?;
    let json = command::output(
        cargo(root).args([
            "metadata",
            "--format-version",
            "1",
            "--filter-platform",
            TARGET,
        ]),
        &[],
    )?;
    let metadata: Metadata =
        serde_json::from_slice(&json).map_err(|error| format!("cargo metadata: {error}"))?;
    let manifests: BTreeMap<(String, String), Package> = metadata
        .packages
        .into_iter()
        .map(|package| ((package.name.clone(), package.version.clone()), package))
        .collect();
    let locked = locked(root).map_err(|error| error.to_string())?;
    let mut crates = Vec::with_capacity(build.len());
    for (name, version) in &build {
        let key = (name.clone(), version.clone());
        let package = manifests
            .get(&key)
            .ok_or_else(|| format!("cargo metadata says nothing of {name} {version}"))?;
        let pinned = locked
            .iter()
            .find(|it| it.name == *name && it.version == *version)
            .ok_or_else(|| format!("{name} {version} is not in Cargo.lock"))?;
        let licence = match (&package.license, &package.license_file) {
            (Some(licence), _) => licence.clone(),
            (None, Some(file)) => format!("its file {}", file.display()),
            (None, None) => "none stated".into(),
        };
        let folder = package.manifest_path.parent().map(Path::to_owned);
        crates.push(Crate {
            name: name.clone(),
            version: version.clone(),
            licence,
            checksum: pinned.checksum.as_deref().and_then(Hex::parse),
            origin: pinned.source.clone(),
            folder: folder.ok_or_else(|| format!("{name}: a manifest in no folder"))?,
            part: if binary.contains(&key) {
                Part::Binary
            } else {
                Part::Build
            },
        });
    }
    crates.sort_by(|a, b| (a.part, &a.name, &a.version).cmp(&(b.part, &b.name, &b.version)));
    Ok(crates)
}

fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root).arg("--locked");
    command
}

/// Names and versions that cargo would build for the guest over these kinds of dependencies.
fn linked(root: &Path, edges: &str) -> Result<BTreeSet<(String, String)>, String> {
    let tree = command::text(
        cargo(root)
            .args([
                "tree", "-p", GUEST, "--target", TARGET, "--prefix", "none", "--format", "{p}",
            ])
            .args(["-e", edges]),
        &[],
    )?;
    let found: BTreeSet<_> = tree
        .lines()
        .filter_map(|line| {
            let mut words = line.split(' ');
            let (name, version) = (words.next()?, words.next()?.strip_prefix('v')?);
            Some((name.to_owned(), version.to_owned()))
        })
        .collect();
    if found.iter().any(|(name, _)| name == GUEST) {
        Ok(found)
    } else {
        Err(format!("cargo tree does not list {GUEST}"))
    }
}

/// Compares the archive that was downloaded for each registry crate with Cargo.lock.
pub fn compare(section: &mut Section, tree: &Tree, crates: &[Crate]) {
    for krate in crates {
        let (Some(checksum), Some(origin)) = (krate.checksum, krate.origin.as_deref()) else {
            continue;
        };
        let what = match krate.part {
            Part::Binary => "in the binary",
            Part::Build => "at build time only",
        };
        let subject = format!("crate {}", krate.title());
        let line = match archive(tree, &krate.name, &krate.version, checksum) {
            Ok(()) => section.ok(
                &subject,
                format_args!("{}, {what}, SHA-256 {checksum}", krate.licence),
            ),
            Err(why) => section.failed(&subject, why),
        };
        line.fact("sha256", checksum)
            .fact("licence", &krate.licence)
            .fact("origin", origin)
            .fact("part", what);
    }
}

/// The same for everything that Cargo.lock names and that was downloaded, for when cargo itself gives up on the lock.
pub fn compare_locked(section: &mut Section, tree: &Tree) {
    match locked(&tree.root) {
        Err(error) => {
            section.failed("Cargo.lock", error);
        }
        Ok(packages) => {
            for package in packages {
                let Some(checksum) = package.checksum.as_deref().and_then(Hex::parse) else {
                    continue;
                };
                let (name, version) = (&package.name, &package.version);
                if let Err(why) = archive(tree, name, version, checksum)
                    && !archives(tree, name, version).is_empty()
                {
                    section.failed(format_args!("crate {name} {version}"), why);
                }
            }
        }
    }
}

fn archives(tree: &Tree, name: &str, version: &str) -> Vec<PathBuf> {
    let cache = tree.cargo_home.join("registry/cache");
    tree::names_in(&cache)
        .into_iter()
        .map(|registry| cache.join(registry).join(format!("{name}-{version}.crate")))
        .filter(|path| path.is_file())
        .collect()
}

fn archive(tree: &Tree, name: &str, version: &str, checksum: Hex<32>) -> Result<(), String> {
    let found = archives(tree, name, version);
    if found.is_empty() {
        return Err("not downloaded; cargo fetch --locked brings it".into());
    }
    for path in found {
        let hashed = tree::hash(&path).map_err(|error| error.to_string())?;
        if hashed.sha256 != checksum {
            return Err(format!(
                "Cargo.lock says SHA-256 {checksum}, {} has {}",
                path.display(),
                hashed.sha256
            ));
        }
    }
    Ok(())
}
