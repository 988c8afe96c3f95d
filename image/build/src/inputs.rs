//! `image/inputs.lock`: the packages that the image is made of, parsed fail-closed.

use core::fmt;
use serde::Deserialize;

/// One Debian package and the one file taken out of it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Package {
    /// Package name.
    pub name: String,
    /// Debian version.
    pub version: String,
    /// Debian architecture.
    pub architecture: String,
    /// SPDX licence of the file.
    pub licence: String,
    /// Path of the `.deb` below a mirror of the archive.
    pub pool: String,
    /// Bytes of the `.deb`.
    pub size: u64,
    /// SHA-256 of the `.deb`, 64 lower-case hexadecimal digits.
    pub sha256: String,
    /// Path of the file inside the package, relative.
    pub file: String,
    /// SHA-256 of that file.
    pub file_sha256: String,
}

/// Why a lock was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadLock {
    /// Not TOML, or with unknown or missing members.
    Form(String),
    /// A value of this package is not what its member requires.
    Value {
        /// The package.
        package: String,
        /// The member.
        member: &'static str,
    },
    /// Two entries have this name.
    Twice(String),
}

impl fmt::Display for BadLock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Form(why) => write!(f, "inputs.lock: {why}"),
            Self::Value { package, member } => {
                write!(
                    f,
                    "inputs.lock: {package}: `{member}` must be a relative path or 64 lower-case hexadecimal digits"
                )
            }
            Self::Twice(name) => write!(f, "inputs.lock: {name} is listed twice"),
        }
    }
}

impl core::error::Error for BadLock {}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lock {
    package: Vec<Package>,
}

/// The packages of the lock, in its order.
///
/// # Errors
/// [`BadLock`] for every deviation; nothing is skipped.
pub fn parse(text: &str) -> Result<Vec<Package>, BadLock> {
    let lock: Lock = toml::from_str(text).map_err(|error| BadLock::Form(error.to_string()))?;
    let mut seen: Vec<&str> = Vec::new();
    for package in &lock.package {
        let refuse = |member| BadLock::Value {
            package: package.name.clone(),
            member,
        };
        let digest = |text: &str| {
            text.len() == 64
                && text
                    .bytes()
                    .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
        };
        let path = |text: &str| {
            !text.is_empty() && text.split('/').all(|part| !matches!(part, "" | "." | ".."))
        };
        if !path(&package.pool) {
            return Err(refuse("pool"));
        }
        if !path(&package.file) {
            return Err(refuse("file"));
        }
        if !digest(&package.sha256) {
            return Err(refuse("sha256"));
        }
        if !digest(&package.file_sha256) {
            return Err(refuse("file_sha256"));
        }
        if seen.contains(&package.name.as_str()) {
            return Err(BadLock::Twice(package.name.clone()));
        }
        seen.push(&package.name);
    }
    Ok(lock.package)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const LOCK: &str = include_str!("../../inputs.lock");

    #[test]
    fn the_committed_lock_parses() {
        let names: Vec<String> = parse(LOCK)
            .unwrap()
            .into_iter()
            .map(|package| package.name)
            .collect();
        assert_eq!(names, ["linux-source-6.12", "ovmf-generic", "ovmf-amdsev"]);
    }

    #[test]
    fn deviations_are_refused() {
        let changed = |from: &str, to: &str| {
            assert!(LOCK.contains(from), "{from}");
            parse(&LOCK.replacen(from, to, 1))
        };
        assert!(matches!(
            changed("licence = ", "license = "),
            Err(BadLock::Form(_))
        ));
        assert!(matches!(
            changed("file_sha256 = \"585a", "file_sha256 = \"585A"),
            Err(BadLock::Value {
                member: "file_sha256",
                ..
            })
        ));
        assert!(matches!(
            changed("sha256 = \"e849", "sha256 = \"849"),
            Err(BadLock::Value {
                member: "sha256",
                ..
            })
        ));
        assert!(matches!(
            changed("file = \"usr/", "file = \"/usr/"),
            Err(BadLock::Value { member: "file", .. })
        ));
        assert!(matches!(
            changed("pool = \"pool/", "pool = \"pool/../"),
            Err(BadLock::Value { member: "pool", .. })
        ));
        assert!(matches!(
            changed("name = \"ovmf-generic\"", "name = \"ovmf-amdsev\""),
            Err(BadLock::Twice(_))
        ));
    }
}
