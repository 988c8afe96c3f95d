//! Where things are, and how files are read: bounded, and hashed in pieces.

use cloister_verify::release::Hex;
use sha2::{Digest, Sha256};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// Bytes of a text or image file that is read whole; an initramfs has about ten MiB.
pub const MAX_FILE: u64 = 256 << 20;
/// Bytes that are hashed at a time.
const PIECE: usize = 1 << 20;

/// A checkout of the repository and what was made of it.
#[derive(Clone, Debug)]
pub struct Tree {
    /// The repository's root.
    pub root: PathBuf,
    /// The image: `target/image`.
    pub image: PathBuf,
    /// Fetched packages: `target/image/cache`.
    pub cache: PathBuf,
    /// Unpacked weights: `target/weights`.
    pub weights: PathBuf,
    /// Cargo's home, with the crates that it downloaded under `registry`.
    pub cargo_home: PathBuf,
    /// Where an installed package keeps its files: `/`.
    pub installed: PathBuf,
}

impl Tree {
    /// A checkout with everything in its usual place; `CLOISTER_IMAGE`, `CLOISTER_CACHE`, `CLOISTER_WEIGHTS` and `CARGO_HOME` say otherwise.
    #[must_use]
    pub fn at(root: &Path) -> Self {
        let place =
            |name: &str, usual: PathBuf| std::env::var_os(name).map_or(usual, PathBuf::from);
        let image = place("CLOISTER_IMAGE", root.join("target/image"));
        let home = std::env::var_os("HOME").map_or_else(|| PathBuf::from("/"), PathBuf::from);
        Self {
            root: root.to_owned(),
            cache: place("CLOISTER_CACHE", root.join("target/image/cache")),
            weights: place("CLOISTER_WEIGHTS", root.join("target/weights")),
            cargo_home: place("CARGO_HOME", home.join(".cargo")),
            installed: PathBuf::from("/"),
            image,
        }
    }

    /// The release that this checkout makes: the workspace's version.
    ///
    /// # Errors
    /// [`FileError`] when `Cargo.toml` cannot be read or names none.
    pub fn release(&self) -> Result<String, FileError> {
        #[derive(serde::Deserialize)]
        struct Manifest {
            workspace: Workspace,
        }
        #[derive(serde::Deserialize)]
        struct Workspace {
            package: Package,
        }
        #[derive(serde::Deserialize)]
        struct Package {
            version: String,
        }
        let path = self.root.join("Cargo.toml");
        let text = read_text(&path)?;
        toml::from_str::<Manifest>(&text)
            .map(|it| it.workspace.package.version)
            .map_err(|error| FileError::new(&path, error.message()))
    }
}

/// A file that cannot be used: which, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileError {
    path: PathBuf,
    why: String,
}

impl FileError {
    /// An error about this file.
    #[must_use]
    pub fn new(path: &Path, why: impl fmt::Display) -> Self {
        Self {
            path: path.to_owned(),
            why: why.to_string(),
        }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.path.display(), self.why)
    }
}

impl std::error::Error for FileError {}

/// A file's size in bytes and its SHA-256.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashed {
    /// Bytes.
    pub size: u64,
    /// SHA-256 of them.
    pub sha256: Hex<32>,
}

impl Hashed {
    /// The same of bytes at hand.
    #[must_use]
    pub fn of(bytes: &[u8]) -> Self {
        Self {
            size: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
            sha256: Hex(Sha256::digest(bytes).into()),
        }
    }
}

/// Hashes a file of any size.
///
/// # Errors
/// [`FileError`] when it cannot be read.
pub fn hash(path: &Path) -> Result<Hashed, FileError> {
    let failed = |error: io::Error| FileError::new(path, error);
    let mut file = File::open(path).map_err(failed)?;
    let mut piece = vec![0; PIECE];
    let (mut size, mut digest) = (0_u64, Sha256::new());
    loop {
        let got = file.read(&mut piece).map_err(failed)?;
        let Some(bytes) = piece.get(..got).filter(|bytes| !bytes.is_empty()) else {
            break;
        };
        digest.update(bytes);
        size = size.saturating_add(u64::try_from(got).unwrap_or(u64::MAX));
    }
    Ok(Hashed {
        size,
        sha256: Hex(digest.finalize().into()),
    })
}

/// Reads a file of at most [`MAX_FILE`] bytes.
///
/// # Errors
/// [`FileError`] when it cannot be read or is longer.
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let failed = |error: io::Error| FileError::new(path, error);
    let mut bytes = Vec::new();
    File::open(path)
        .map_err(failed)?
        .take(MAX_FILE.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= MAX_FILE) {
        Ok(bytes)
    } else {
        Err(FileError::new(
            path,
            format_args!("expected at most {MAX_FILE} bytes"),
        ))
    }
}

/// Reads a text file of at most [`MAX_FILE`] bytes.
///
/// # Errors
/// [`FileError`] when it cannot be read, is longer, or is not UTF-8.
pub fn read_text(path: &Path) -> Result<String, FileError> {
    String::from_utf8(read(path)?).map_err(|_| FileError::new(path, "expected UTF-8 text"))
}

/// Every file below a folder, by its path relative to `root` with `/`, sorted. Folders named `target` and `.git` and symbolic links are
/// left out.
///
/// # Errors
/// [`FileError`] when a folder cannot be read or a name is not UTF-8.
pub fn files_below(root: &Path, folder: &Path) -> Result<Vec<String>, FileError> {
    let mut found = Vec::new();
    let mut open = vec![root.join(folder)];
    while let Some(folder) = open.pop() {
        let failed = |error: io::Error| FileError::new(&folder, error);
        for entry in std::fs::read_dir(&folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let path = entry.path();
            let kind = entry.file_type().map_err(failed)?;
            let name = entry.file_name();
            if kind.is_dir() && name != "target" && name != ".git" && name != "node_modules" {
                open.push(path);
            } else if kind.is_file() {
                let relative = path.strip_prefix(root).ok().and_then(Path::to_str);
                let relative =
                    relative.ok_or_else(|| FileError::new(&path, "expected a UTF-8 name"))?;
                found.push(relative.to_owned());
            }
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// The names in a folder, sorted; none when there is no such folder.
#[must_use]
pub fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort_unstable();
    names
}
