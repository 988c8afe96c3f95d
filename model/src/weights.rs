//! The files of `weights.lock`: what was locked is what is loaded.

use core::fmt;
use serde::Deserialize;
use sha2::{Digest, Sha256};
use std::error::Error;

/// The lock, compiled in.
const LOCK: &str = include_str!("../weights.lock");

/// Why the weights were refused.
#[derive(Debug, PartialEq, Eq)]
pub enum LoadError {
    /// The file is not the one that `weights.lock` names.
    Digest {
        /// The file's name in the lock.
        file: &'static str,
    },
    /// The file has another length than `weights.lock` says.
    Size {
        /// The file's name in the lock.
        file: &'static str,
        /// Bytes, as the lock says.
        expected: u64,
        /// Bytes found.
        found: u64,
    },
    /// The file has the right bytes, and yet this crate cannot use it: lock and code do not fit together.
    Unusable {
        /// The file's name in the lock.
        file: &'static str,
    },
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Digest { file } => write!(
                f,
                "{file} is not the file that model/weights.lock names; run `make weights` again"
            ),
            Self::Size {
                file,
                expected,
                found,
            } => {
                write!(
                    f,
                    "{file} has {found} bytes, model/weights.lock says {expected}; run `make weights` again"
                )
            }
            Self::Unusable { file } => write!(
                f,
                "{file} is the locked file, but this build cannot read it; model/weights.lock and model/src differ"
            ),
        }
    }
}

impl Error for LoadError {}

#[derive(Deserialize)]
struct Lock {
    file: Vec<File>,
}

#[derive(Deserialize)]
struct File {
    name: String,
    size: u64,
    sha256: String,
}

/// Compares `bytes` with what the lock says about `file`.
///
/// The weights' volume is under dm-verity already. Reading every byte here all the same makes a changed block stop the machine
/// before its port opens, and not in the middle of somebody's request.
pub(crate) fn check(file: &'static str, bytes: &[u8]) -> Result<(), LoadError> {
    let unusable = LoadError::Unusable { file };
    let lock: Lock = toml::from_str(LOCK).map_err(|_| LoadError::Unusable { file })?;
    let entry = lock
        .file
        .iter()
        .find(|entry| entry.name == file)
        .ok_or(unusable)?;
    let found = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
    if found != entry.size {
        return Err(LoadError::Size {
            file,
            expected: entry.size,
            found,
        });
    }
    let digest = Sha256::digest(bytes);
    let mut hex = entry.sha256.as_bytes().chunks_exact(2).map(|pair| {
        core::str::from_utf8(pair)
            .ok()
            .and_then(|pair| u8::from_str_radix(pair, 16).ok())
    });
    let same = digest
        .iter()
        .all(|&byte| hex.next().flatten() == Some(byte));
    if !same || hex.next().is_some() {
        return Err(LoadError::Digest { file });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(
        clippy::unwrap_used,
        clippy::as_conversions,
        clippy::cast_possible_truncation
    )]
    use super::*;

    #[test]
    fn another_byte_or_another_length_is_refused() {
        let lock: Lock = toml::from_str(LOCK).unwrap();
        let size = lock
            .file
            .iter()
            .find(|file| file.name == "config.json")
            .unwrap()
            .size;
        let zeros = vec![0; size as usize];
        assert_eq!(
            check("config.json", &zeros),
            Err(LoadError::Digest {
                file: "config.json"
            })
        );
        assert_eq!(
            check("config.json", &[]),
            Err(LoadError::Size {
                file: "config.json",
                expected: size,
                found: 0
            })
        );
        assert_eq!(
            check("other.json", &[]),
            Err(LoadError::Unusable { file: "other.json" })
        );
    }
}
