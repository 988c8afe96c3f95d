//! Materials: everything that goes into the image or makes it, by name and SHA-256.
//!
//! The same list is published with a release (`provenance.json`) and compared with a checkout by an audit, so one changed byte has a name.

use crate::crates::{Crate, Part};
use crate::tree::{FileError, Hashed, Tree, files_below, hash, read_text};
use cloister_image::inputs::{self, Lock};
use cloister_verify::release::Hex;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;

/// Files of the repository that go into the image or decide how it is made, besides the crates' own.
const FILES: [&str; 7] = [
    "Cargo.lock",
    "Cargo.toml",
    "image/cmdline",
    "image/fetch",
    "image/inputs.lock",
    "image/make",
    "rust-toolchain.toml",
];
/// The same that not every version has.
const FILES_IF_THERE: [&str; 4] = [
    "image/toolchain",
    "model/fetch-weights",
    "model/weights.lock",
    "measurements/measure",
];
/// Folders of which every file counts.
const FOLDERS: [&str; 3] = ["image/kernel", "image/firmware", "measurements/hosts"];
/// Crates of ours that write bytes of the image and are not in it.
const WRITERS: [&str; 1] = ["image/build"];

/// One material.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Material {
    /// A unique name: a path of the repository, or `deb:…`, `source:…`, `crate:…`, `weights:…`.
    pub name: String,
    /// Where it comes from, as a package URL; none for a file of the repository.
    pub uri: Option<String>,
    /// Its SHA-256.
    pub sha256: Hex<32>,
    /// Licence, purpose and the like.
    pub annotations: BTreeMap<&'static str, String>,
}

/// `model/weights.lock`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// The package that carries the files.
    pub package: WeightsPackage,
    /// The files.
    #[serde(rename = "file")]
    pub files: Vec<WeightsFile>,
}

/// The package around the weights.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightsPackage {
    /// The index that has it.
    pub index: String,
    /// Its name there.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Its file.
    pub file: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256.
    pub sha256: Hex<32>,
    /// SPDX licence of the package.
    pub licence: String,
}

/// One file of the weights.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WeightsFile {
    /// Its name under `target/weights`.
    pub name: String,
    /// Its path inside the package.
    pub member: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256.
    pub sha256: Hex<32>,
    /// SPDX licence.
    pub licence: String,
    /// What it is there for.
    pub purpose: String,
}

/// The lock of packages and tools.
///
/// # Errors
/// [`FileError`] when it cannot be read or deviates in anything.
pub fn inputs(tree: &Tree) -> Result<Lock, FileError> {
    let path = tree.root.join("image/inputs.lock");
    inputs::parse(&read_text(&path)?).map_err(|error| FileError::new(&path, error))
}

/// The lock of the weights.
///
/// # Errors
/// [`FileError`] when it cannot be read or deviates in anything.
pub fn weights(tree: &Tree) -> Result<Weights, FileError> {
    let path = tree.root.join("model/weights.lock");
    toml::from_str(&read_text(&path)?).map_err(|error| FileError::new(&path, error.message()))
}

/// The repository's own files among the materials, by path.
///
/// # Errors
/// [`FileError`] when one that must be there cannot be read.
pub fn sources(tree: &Tree, crates: &[Crate]) -> Result<BTreeMap<String, Hashed>, FileError> {
    let root = &tree.root;
    let mut names: Vec<String> = FILES.map(str::to_owned).to_vec();
    names.extend(
        FILES_IF_THERE
            .iter()
            .filter(|name| root.join(name).is_file())
            .map(|name| (*name).to_owned()),
    );
    for folder in FOLDERS.iter().filter(|folder| root.join(folder).is_dir()) {
        names.extend(files_below(root, Path::new(folder))?);
    }
    let ours = crates.iter().filter(|krate| krate.is_ours());
    let folders = ours.filter_map(|krate| krate.folder.strip_prefix(root).ok());
    let writers = WRITERS
        .iter()
        .map(Path::new)
        .filter(|folder| root.join(folder).is_dir());
    for folder in folders.chain(writers) {
        let beside = |name: &&String| {
            let inside = Path::new(name.as_str())
                .strip_prefix(folder)
                .unwrap_or(Path::new(""));
            ["tests", "benches", "examples"]
                .iter()
                .all(|part| !inside.starts_with(part))
        };
        let all = files_below(root, folder)?;
        names.extend(all.iter().filter(beside).cloned());
    }
    let mut found = BTreeMap::new();
    for name in names {
        let hashed = hash(&root.join(&name))?;
        found.insert(name, hashed);
    }
    Ok(found)
}

/// Every material, sorted by name.
///
/// # Errors
/// [`FileError`] when a lock or a file of the repository cannot be read.
pub fn materials(tree: &Tree, crates: &[Crate]) -> Result<Vec<Material>, FileError> {
    let mut all = Vec::new();
    let notes = |pairs: &[(&'static str, &str)]| {
        pairs
            .iter()
            .map(|(name, value)| (*name, (*value).to_owned()))
            .collect()
    };
    let lock_path = tree.root.join("image/inputs.lock");
    let digest = |text: &str| {
        Hex::parse(text).ok_or_else(|| FileError::new(&lock_path, "a SHA-256 that is none"))
    };
    let lock = inputs(tree)?;
    for it in &lock.packages {
        all.push(Material {
            name: format!("deb:{}", it.name),
            uri: Some(format!(
                "pkg:deb/debian/{}@{}?arch={}",
                it.name, it.version, it.architecture
            )),
            sha256: digest(&it.sha256)?,
            annotations: notes(&[
                ("licence", &it.licence),
                ("pool", &it.pool),
                ("file", &it.file),
                ("file-sha256", &it.file_sha256),
            ]),
        });
    }
    for it in &lock.sources {
        let package = it.name.split('-').next().unwrap_or(&it.name);
        all.push(Material {
            name: format!("source:{}", it.name),
            uri: Some(format!(
                "pkg:deb/debian/{package}@{}?arch=source",
                it.version
            )),
            sha256: digest(&it.sha256)?,
            annotations: notes(&[("licence", &it.licence), ("pool", &it.pool)]),
        });
    }
    for it in &lock.tools {
        all.push(Material {
            name: format!("deb:{}", it.name),
            uri: Some(format!(
                "pkg:deb/debian/{}@{}?arch={}",
                it.name, it.version, it.architecture
            )),
            sha256: digest(&it.sha256)?,
            annotations: notes(&[
                ("licence", &it.licence),
                ("pool", &it.pool),
                ("purpose", &it.purpose),
            ]),
        });
    }
    let weights = weights(tree)?;
    let package = &weights.package;
    let uri = format!(
        "pkg:{}/{}@{}",
        package.index.to_lowercase(),
        package.name,
        package.version
    );
    all.push(Material {
        name: format!("weights:{}", package.file),
        uri: Some(uri.clone()),
        sha256: package.sha256,
        annotations: notes(&[("licence", &package.licence)]),
    });
    for it in &weights.files {
        all.push(Material {
            name: format!("weights:{}", it.name),
            uri: Some(format!("{uri}#{}", it.member)),
            sha256: it.sha256,
            annotations: notes(&[("licence", &it.licence), ("purpose", &it.purpose)]),
        });
    }
    for it in crates {
        let Some(checksum) = it.checksum else {
            continue;
        };
        let part = match it.part {
            Part::Binary => "binary",
            Part::Build => "build",
        };
        all.push(Material {
            name: format!("crate:{}@{}", it.name, it.version),
            uri: Some(format!("pkg:cargo/{}@{}", it.name, it.version)),
            sha256: checksum,
            annotations: notes(&[("licence", &it.licence), ("part", part)]),
        });
    }
    for (name, hashed) in sources(tree, crates)? {
        all.push(Material {
            name,
            uri: None,
            sha256: hashed.sha256,
            annotations: BTreeMap::new(),
        });
    }
    all.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(all)
}
