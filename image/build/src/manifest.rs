//! `manifest.json`: every file of the image by size and SHA-256, what it was made of, and by which tools.

use crate::cmdline::hex;
use crate::inputs::{Package, Tool};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// The manifest; serialised with its members in this order and every map sorted, so that equal images have equal manifests.
#[derive(Clone, Debug, Serialize)]
pub struct Manifest {
    /// Release id, as on the command line.
    pub release: String,
    /// The measured command line, without a newline.
    pub cmdline: String,
    /// The weights volume.
    pub weights: Weights,
    /// File name to what it holds.
    pub files: BTreeMap<String, File>,
    /// The packages of `image/inputs.lock`.
    pub inputs: Vec<Input>,
    /// What made it.
    pub toolchain: Toolchain,
}

/// One file of the image.
#[derive(Clone, Debug, Serialize)]
pub struct File {
    /// Bytes.
    pub size: usize,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
}

impl File {
    /// The entry for a file with these bytes.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            size: bytes.len(),
            sha256: hex(&Sha256::digest(bytes)),
        }
    }
}

/// The dm-verity volume with the model's weights.
#[derive(Clone, Debug, Serialize)]
pub struct Weights {
    /// Root hash in hexadecimal.
    pub root_hash: String,
    /// Number of 4096-byte data blocks.
    pub data_blocks: usize,
}

/// What made the image.
#[derive(Clone, Debug, Serialize)]
pub struct Toolchain {
    /// What `rustc --version` says: release, commit, date.
    pub rustc: String,
    /// SHA-256 over the lines "SHA-256  path" of the compiler, its linker and the guest target's libraries, in the order of their paths.
    pub rustc_files_sha256: String,
    /// The tools of `image/inputs.lock`.
    pub packages: Vec<ToolPackage>,
}

/// A package that made it.
#[derive(Clone, Debug, Serialize)]
pub struct ToolPackage {
    /// Debian package.
    pub name: String,
    /// Debian version.
    pub version: String,
    /// SHA-256 of the `.deb`.
    pub sha256: String,
}

impl From<Tool> for ToolPackage {
    fn from(tool: Tool) -> Self {
        Self {
            name: tool.name,
            version: tool.version,
            sha256: tool.sha256,
        }
    }
}

/// A package that went in.
#[derive(Clone, Debug, Serialize)]
pub struct Input {
    /// Debian package.
    pub name: String,
    /// Debian version.
    pub version: String,
    /// SPDX licence.
    pub licence: String,
    /// SHA-256 of the file taken out of it.
    pub file_sha256: String,
}

impl From<Package> for Input {
    fn from(package: Package) -> Self {
        Self {
            name: package.name,
            version: package.version,
            licence: package.licence,
            file_sha256: package.file_sha256,
        }
    }
}
