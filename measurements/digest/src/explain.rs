//! Why a measurement is not the published one: which input differs, in one sentence each.

use crate::claims::LaunchClaims;
use crate::snp::CpuType;
use cloister_verify::release::{Hex, Release, SnpShape};
use core::fmt;

mod difference;

pub use difference::Difference;

/// What can be said about a measurement that is in no accepted shape of a release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Explanation {
    /// The claims are true, and these inputs differ from the release. Never empty.
    Differs(Vec<Difference>),
    /// The claims are true and describe an accepted shape: the measurement is a published one.
    Published,
    /// The host's claims do not lead to the measurement, so they are not believed and nothing is known about the inputs.
    NotExplained {
        /// What is wrong with the claims.
        why: String,
    },
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Differs(differences) => {
                for (n, difference) in differences.iter().enumerate() {
                    let joint = if n == 0 { "" } else { "; " };
                    write!(f, "{joint}{difference}")?;
                }
                Ok(())
            }
            Self::Published => f.write_str("every input is the published one"),
            Self::NotExplained { why } => write!(f, "not explained: {why}"),
        }
    }
}

/// Compares what a host says it launched with what was published, once the hardware's measurement proves the host's words.
#[must_use]
pub fn mismatch(release: &Release, claims: &LaunchClaims, measurement: &[u8; 48]) -> Explanation {
    match claims.digest() {
        Err(e) => return Explanation::NotExplained { why: e.to_string() },
        Ok(claimed) if &claimed != measurement => {
            return Explanation::NotExplained {
                why: format!(
                    "the host's account of what it launched gives the digest {}, not the measured one",
                    Hex(claimed)
                ),
            };
        }
        Ok(_) => {}
    }
    let mut differences = Vec::new();
    let (published, found) = (&release.firmware.snp, &claims.firmware_layout);
    if published.pages_digest != found.pages_digest {
        differences.push(Difference::Firmware {
            name: release.firmware.name.clone(),
            expected: published.pages_digest,
            found: found.pages_digest,
        });
    } else if published != found {
        differences.push(Difference::FirmwareSections {
            name: release.firmware.name.clone(),
        });
    }
    if release.kernel_sha256 != claims.kernel_sha256 {
        differences.push(Difference::Kernel {
            expected: release.kernel_sha256,
            found: claims.kernel_sha256,
        });
    }
    if release.initrd_sha256 != claims.initrd_sha256 {
        differences.push(Difference::Initrd {
            expected: release.initrd_sha256,
            found: claims.initrd_sha256,
        });
    }
    differences.extend(command_line(&release.cmdline, &claims.cmdline));
    shape(&release.snp, claims, &mut differences);
    if differences.is_empty() {
        return Explanation::Published;
    }
    Explanation::Differs(differences)
}

/// The words between the common beginning and the common end.
fn command_line(expected: &str, found: &str) -> Option<Difference> {
    if expected == found {
        return None;
    }
    let expected: Vec<&str> = expected.split(' ').collect();
    let found: Vec<&str> = found.split(' ').collect();
    let start = expected
        .iter()
        .zip(&found)
        .take_while(|(a, b)| a == b)
        .count();
    let (expected, found) = (expected.get(start..)?, found.get(start..)?);
    let end = expected
        .iter()
        .rev()
        .zip(found.iter().rev())
        .take_while(|(a, b)| a == b)
        .count();
    let middle = |words: &[&str]| {
        words
            .get(..words.len().saturating_sub(end))
            .map(|w| w.join(" "))
    };
    Some(Difference::CommandLine {
        word: start.saturating_add(1),
        expected: middle(expected)?,
        found: middle(found)?,
    })
}

/// Narrows the published shapes down to those with the claimed CPU, then features, then count; what leaves none is a difference.
fn shape(published: &[SnpShape], claims: &LaunchClaims, differences: &mut Vec<Difference>) {
    let signature = |name: &str| CpuType::parse(name).map(CpuType::signature).ok();
    let mut shapes: Vec<&SnpShape> = published.iter().collect();
    let mut narrow = |same: &dyn Fn(&SnpShape) -> bool,
                      difference: &dyn Fn(&[&SnpShape]) -> Difference| {
        let rest: Vec<&SnpShape> = shapes.iter().copied().filter(|s| same(s)).collect();
        if rest.is_empty() {
            differences.push(difference(&shapes));
        } else {
            shapes = rest;
        }
    };
    // Only the signature is measured, so models of one generation are the same.
    narrow(
        &|s| signature(&s.cpu) == signature(&claims.cpu),
        &|shapes| Difference::Cpu {
            expected: distinct(shapes, |s| s.cpu.clone()),
            found: claims.cpu.clone(),
        },
    );
    narrow(&|s| s.guest_features == claims.guest_features, &|shapes| {
        Difference::GuestFeatures {
            expected: distinct(shapes, |s| s.guest_features),
            found: claims.guest_features,
        }
    });
    narrow(&|s| s.vcpus == claims.vcpus, &|shapes| Difference::Vcpus {
        expected: distinct(shapes, |s| s.vcpus),
        found: claims.vcpus,
    });
}

/// The values of one member, each once, in the release's order.
fn distinct<T: PartialEq>(shapes: &[&SnpShape], member: impl Fn(&SnpShape) -> T) -> Vec<T> {
    let mut values = Vec::new();
    for value in shapes.iter().map(|s| member(s)) {
        if !values.contains(&value) {
            values.push(value);
        }
    }
    values
}

#[cfg(test)]
mod tests;
