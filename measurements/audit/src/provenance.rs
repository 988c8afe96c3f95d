//! Provenance: an in-toto Statement (v1) with SLSA's provenance predicate (v1), as plain JSON.
//!
//! It names the files of the image, everything that they were made of, and what made them, each by SHA-256. There is no time, no builder's
//! name and no invocation in it, so equal images from equal sources have equal statements. It is not wrapped in a DSSE envelope: an envelope
//! exists to carry a signature, and what vouches for a release here is its entry in the log, not somebody's build key.

use crate::crates::Crate;
use crate::material::{Material, materials};
use crate::tree::{FileError, Tree, hash, read};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// in-toto attestation framework, Statement v1.
const STATEMENT: &str = "https://in-toto.io/Statement/v1";
/// SLSA provenance v1.
const PREDICATE: &str = "https://slsa.dev/provenance/v1";
/// What is run: `image/make` in a checkout, then `measurements/measure`. Defined by measurements/releases/README.md.
const BUILD_TYPE: &str = "urn:cloister:image-make:v1";
/// Who runs it: anybody. The bytes do not depend on it.
const BUILDER: &str = "urn:cloister:builder:anybody";

/// What an audit and a statement need of `manifest.json`.
#[derive(Clone, Debug, Deserialize)]
pub struct Manifest {
    /// The release id.
    pub release: String,
    /// The measured command line.
    pub cmdline: String,
    /// The files of the image.
    pub files: BTreeMap<String, ManifestFile>,
    /// What made it, as it stands there.
    pub toolchain: Option<Value>,
}

/// One file of the image.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManifestFile {
    /// Bytes.
    pub size: u64,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// [`FileError`] when it cannot be read or is no manifest.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        serde_json::from_slice(&read(path)?).map_err(|error| FileError::new(path, error))
    }
}

#[derive(Serialize, Deserialize)]
struct Statement {
    #[serde(rename = "_type")]
    kind: String,
    subject: Vec<Resource>,
    #[serde(rename = "predicateType")]
    predicate_type: String,
    predicate: Predicate,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Predicate {
    build_definition: BuildDefinition,
    run_details: RunDetails,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct BuildDefinition {
    build_type: String,
    external_parameters: BTreeMap<String, String>,
    internal_parameters: BTreeMap<String, Value>,
    resolved_dependencies: Vec<Resource>,
}

#[derive(Serialize, Deserialize)]
struct RunDetails {
    builder: Builder,
}

#[derive(Serialize, Deserialize)]
struct Builder {
    id: String,
}

/// in-toto's ResourceDescriptor.
#[derive(Serialize, Deserialize)]
struct Resource {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uri: Option<String>,
    digest: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<String, String>,
}

impl Resource {
    fn new(name: &str, sha256: String) -> Self {
        Self {
            name: name.to_owned(),
            uri: None,
            digest: BTreeMap::from([("sha256".to_owned(), sha256)]),
            annotations: BTreeMap::new(),
        }
    }
}

impl From<Material> for Resource {
    fn from(it: Material) -> Self {
        let annotations = it.annotations.into_iter();
        Self {
            uri: it.uri,
            annotations: annotations
                .map(|(name, value)| (name.to_owned(), value))
                .collect(),
            ..Self::new(&it.name, it.sha256.to_string())
        }
    }
}

/// The statement over an image that lies finished in `tree.image`: every file is hashed again and must be as its manifest says.
///
/// # Errors
/// [`FileError`] when the image, its manifest or an input cannot be read, or a file is not the manifest's.
pub fn statement(tree: &Tree, crates: &[Crate]) -> Result<String, FileError> {
    let path = tree.image.join("manifest.json");
    let manifest = Manifest::read(&path)?;
    let toolchain = manifest.toolchain.ok_or_else(|| {
        FileError::new(
            &path,
            "no `toolchain`: made by an older image/make; make the image again",
        )
    })?;
    let mut subject = Vec::new();
    for (name, file) in &manifest.files {
        let found = hash(&tree.image.join(name))?;
        if found.size != file.size || found.sha256.to_string() != file.sha256 {
            let why = format_args!(
                "{name} is not as here: expected SHA-256 {}, found {}",
                file.sha256, found.sha256
            );
            return Err(FileError::new(&path, why));
        }
        subject.push(Resource::new(name, file.sha256.clone()));
    }
    let statement = Statement {
        kind: STATEMENT.into(),
        subject,
        predicate_type: PREDICATE.into(),
        predicate: Predicate {
            build_definition: BuildDefinition {
                build_type: BUILD_TYPE.into(),
                external_parameters: BTreeMap::from([
                    ("release".to_owned(), manifest.release),
                    ("cmdline".to_owned(), manifest.cmdline),
                ]),
                internal_parameters: BTreeMap::from([("toolchain".to_owned(), toolchain)]),
                resolved_dependencies: materials(tree, crates)?
                    .into_iter()
                    .map(Into::into)
                    .collect(),
            },
            run_details: RunDetails {
                builder: Builder { id: BUILDER.into() },
            },
        },
    };
    serde_json::to_string_pretty(&statement)
        .map(|text| text + "\n")
        .map_err(|error| FileError::new(&path, error))
}

/// The materials that a published statement names, by name, with their SHA-256.
///
/// # Errors
/// [`FileError`] when it cannot be read, is no such statement, or names one twice or without SHA-256.
pub fn materials_of(path: &Path) -> Result<BTreeMap<String, String>, FileError> {
    let statement: Statement =
        serde_json::from_slice(&read(path)?).map_err(|error| FileError::new(path, error))?;
    if statement.kind != STATEMENT || statement.predicate_type != PREDICATE {
        return Err(FileError::new(
            path,
            "not an in-toto Statement v1 with SLSA provenance v1",
        ));
    }
    let mut found = BTreeMap::new();
    for it in statement.predicate.build_definition.resolved_dependencies {
        let sha256 = it.digest.get("sha256").cloned();
        let sha256 =
            sha256.ok_or_else(|| FileError::new(path, format_args!("{}: no SHA-256", it.name)))?;
        if found.insert(it.name.clone(), sha256).is_some() {
            return Err(FileError::new(
                path,
                format_args!("{} is named twice", it.name),
            ));
        }
    }
    Ok(found)
}

/// The files of the image that a published statement is about, by name, with their SHA-256.
///
/// # Errors
/// [`FileError`] when it cannot be read or is no such statement.
pub fn subjects_of(path: &Path) -> Result<BTreeMap<String, String>, FileError> {
    let statement: Statement =
        serde_json::from_slice(&read(path)?).map_err(|error| FileError::new(path, error))?;
    let subjects = statement.subject.into_iter();
    Ok(subjects
        .map(|it| {
            (
                it.name,
                it.digest.get("sha256").cloned().unwrap_or_default(),
            )
        })
        .collect())
}
