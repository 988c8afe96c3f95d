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

/// One Debian package that makes the image and does not go into it.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// Package name.
    pub name: String,
    /// Debian version.
    pub version: String,
    /// Debian architecture.
    pub architecture: String,
    /// SPDX licence.
    pub licence: String,
    /// What it is there for.
    pub purpose: String,
    /// What it has a hand in: `kernel`, `firmware`, `weights`.
    pub makes: Vec<String>,
    /// Path of the `.deb` below a mirror of the archive.
    pub pool: String,
    /// Bytes of the `.deb`.
    pub size: u64,
    /// SHA-256 of the `.deb`, 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// A source tarball of Debian's.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Source {
    /// Name in the lock.
    pub name: String,
    /// Debian version.
    pub version: String,
    /// SPDX licence.
    pub licence: String,
    /// Path below a mirror of the archive.
    pub pool: String,
    /// Bytes of the tarball.
    pub size: u64,
    /// SHA-256 of the tarball, 64 lower-case hexadecimal digits.
    pub sha256: String,
}

/// What the image is made of and what makes it, each list in the lock's order.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Archives that keep every version, as `https` addresses ending in a slash.
    pub snapshots: Vec<String>,
    /// What goes in.
    #[serde(rename = "package")]
    pub packages: Vec<Package>,
    /// What our own firmware is built from.
    #[serde(rename = "source")]
    pub sources: Vec<Source>,
    /// What makes it.
    #[serde(rename = "tool")]
    pub tools: Vec<Tool>,
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
                    "inputs.lock: {package}: `{member}` must be a relative path, 64 lower-case hexadecimal digits, an https address ending in a slash, or some of kernel, firmware and weights"
                )
            }
            Self::Twice(name) => write!(f, "inputs.lock: {name} is listed twice"),
        }
    }
}

impl core::error::Error for BadLock {}

/// The lock.
///
/// # Errors
/// [`BadLock`] for every deviation; nothing is skipped.
pub fn parse(text: &str) -> Result<Lock, BadLock> {
    let lock: Lock = toml::from_str(text).map_err(|error| BadLock::Form(error.to_string()))?;
    for address in &lock.snapshots {
        if !address.starts_with("https://") || !address.ends_with('/') {
            return Err(refuse(address, "snapshots"));
        }
    }
    let packages = lock.packages.iter().map(|package| {
        if !is_path(&package.file) {
            return Err(refuse(&package.name, "file"));
        }
        if !is_digest(&package.file_sha256) {
            return Err(refuse(&package.name, "file_sha256"));
        }
        Ok((&package.name, &package.pool, &package.sha256))
    });
    let tools = lock
        .tools
        .iter()
        .map(|tool| Ok((&tool.name, &tool.pool, &tool.sha256)));
    let sources = lock
        .sources
        .iter()
        .map(|source| Ok((&source.name, &source.pool, &source.sha256)));
    for tool in &lock.tools {
        let known = |made: &String| matches!(made.as_str(), "kernel" | "firmware" | "weights");
        if tool.makes.is_empty() || !tool.makes.iter().all(known) {
            return Err(refuse(&tool.name, "makes"));
        }
    }
    let mut seen: Vec<&str> = Vec::new();
    for deb in packages.chain(sources).chain(tools) {
        let (name, pool, sha256) = deb?;
        if !is_path(pool) {
            return Err(refuse(name, "pool"));
        }
        if !is_digest(sha256) {
            return Err(refuse(name, "sha256"));
        }
        if seen.contains(&name.as_str()) {
            return Err(BadLock::Twice(name.clone()));
        }
        seen.push(name);
    }
    Ok(lock)
}

fn refuse(package: &str, member: &'static str) -> BadLock {
    BadLock::Value {
        package: package.to_owned(),
        member,
    }
}

fn is_digest(text: &str) -> bool {
    text.len() == 64
        && text
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b))
}

fn is_path(text: &str) -> bool {
    text.split('/').all(|part| !matches!(part, "" | "." | ".."))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const LOCK: &str = include_str!("../../inputs.lock");

    #[test]
    fn the_committed_lock_parses() {
        let lock = parse(LOCK).unwrap();
        let names: Vec<&str> = lock.packages.iter().map(|it| it.name.as_str()).collect();
        assert_eq!(names, ["linux-source-6.12", "ovmf-generic", "ovmf-amdsev"]);
        for needed in [
            "gcc-12",
            "cpp-12",
            "binutils-x86-64-linux-gnu",
            "zstd",
            "erofs-utils",
        ] {
            assert!(lock.tools.iter().any(|it| it.name == needed), "{needed}");
        }
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
            changed("\"https://", "\"http://"),
            Err(BadLock::Value {
                member: "snapshots",
                ..
            })
        ));
        assert!(matches!(
            changed("name = \"gcc-12\"", "name = \"zstd\""),
            Err(BadLock::Twice(_))
        ));
        assert!(matches!(
            changed("makes = [\"kernel\"", "makes = [\"colonel\""),
            Err(BadLock::Value {
                member: "makes",
                ..
            })
        ));
        assert!(matches!(
            changed("purpose = ", "reason = "),
            Err(BadLock::Form(_))
        ));
        assert!(matches!(
            changed("name = \"ovmf-generic\"", "name = \"ovmf-amdsev\""),
            Err(BadLock::Twice(_))
        ));
    }
}
