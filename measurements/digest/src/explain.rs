//! Why a measurement is not the published one: which input differs, in one sentence each.

use crate::claims::LaunchClaims;
use crate::snp::CpuType;
use cloister_verify::release::{Hex, Release, SnpShape};
use core::fmt;

/// Characters of a command line that a sentence quotes.
const QUOTED: usize = 160;

/// One input that is not the published one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// Another firmware.
    Firmware {
        /// Name of the published firmware.
        name: String,
        /// Launch digest after the published firmware's pages.
        expected: Hex<48>,
        /// Launch digest after the pages of the firmware that ran.
        found: Hex<48>,
    },
    /// The same firmware pages with other sections or start addresses.
    FirmwareSections {
        /// Name of the published firmware.
        name: String,
    },
    /// Another kernel.
    Kernel {
        /// SHA-256 of the published kernel.
        expected: Hex<32>,
        /// SHA-256 of the kernel that ran.
        found: Hex<32>,
    },
    /// Another initrd.
    Initrd {
        /// SHA-256 of the published initrd.
        expected: Hex<32>,
        /// SHA-256 of the initrd that ran.
        found: Hex<32>,
    },
    /// Another command line.
    CommandLine {
        /// The first differing word, counted from 1.
        word: usize,
        /// The published words from there to the last differing one; empty when words were only added.
        expected: String,
        /// The words that were given instead; empty when words were only removed.
        found: String,
    },
    /// Another number of CPUs.
    Vcpus {
        /// The published numbers.
        expected: Vec<u32>,
        /// The number that ran.
        found: u32,
    },
    /// Another CPU model.
    Cpu {
        /// The published models.
        expected: Vec<String>,
        /// The model that ran.
        found: String,
    },
    /// Other guest features.
    GuestFeatures {
        /// The published words.
        expected: Vec<u64>,
        /// The word that ran.
        found: u64,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Firmware {
                name,
                expected,
                found,
            } => {
                write!(
                    f,
                    "the firmware differs: expected {name} with page digest {expected}, found {found}"
                )
            }
            Self::FirmwareSections { name } => {
                write!(
                    f,
                    "the firmware's memory sections differ from those of {name}"
                )
            }
            Self::Kernel { expected, found } => {
                write!(
                    f,
                    "the kernel differs: expected SHA-256 {expected}, found {found}"
                )
            }
            Self::Initrd { expected, found } => {
                write!(
                    f,
                    "the initrd differs: expected SHA-256 {expected}, found {found}"
                )
            }
            Self::CommandLine {
                word,
                expected,
                found,
            } => write!(
                f,
                "the kernel command line differs at word {word}: expected {}, found {}",
                quote(expected),
                quote(found)
            ),
            Self::Vcpus { expected, found } => {
                write!(
                    f,
                    "the CPU count differs: expected {}, found {found}",
                    list(expected)
                )
            }
            Self::Cpu { expected, found } => {
                write!(
                    f,
                    "the CPU type differs: expected {}, found {found}",
                    list(expected)
                )
            }
            Self::GuestFeatures { expected, found } => {
                let expected: Vec<String> = expected.iter().map(|w| format!("{w:#x}")).collect();
                write!(
                    f,
                    "the guest features differ: expected {}, found {found:#x}",
                    list(&expected)
                )
            }
        }
    }
}

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

/// `1, 2 or 4`.
fn list<T: fmt::Display>(values: &[T]) -> String {
    let words: Vec<String> = values.iter().map(T::to_string).collect();
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => words.concat(),
    }
}

/// Quotes words of a command line with every unprintable character escaped, cut to a bearable length.
fn quote(words: &str) -> String {
    if words.is_empty() {
        return "nothing".to_owned();
    }
    let mut shown: String = words.chars().take(QUOTED).collect();
    if shown.len() < words.len() {
        shown.push('…');
    }
    format!("{shown:?}")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]
    use super::*;
    use cloister_bind::ReleaseId;
    use cloister_verify::release::{Firmware, Flavour, SnpLayout, SnpSection, Weights};

    fn claims() -> LaunchClaims {
        LaunchClaims {
            firmware_sha256: Hex([1; 32]),
            firmware_layout: SnpLayout {
                pages_digest: Hex([2; 48]),
                sections: vec![
                    SnpSection {
                        gpa: 0x1000,
                        size: 0x1000,
                        kind: 16,
                    },
                    SnpSection {
                        gpa: 0x4000,
                        size: 0x2000,
                        kind: 1,
                    },
                ],
                reset_eip: 0x1234_5678,
                hashes_gpa: 0x1c00,
            },
            kernel_sha256: Hex([3; 32]),
            initrd_sha256: Hex([4; 32]),
            cmdline: "console=ttyS0 panic=-1 cloister.release=0.1.0".to_owned(),
            vcpus: 2,
            cpu: "EPYC-v4".to_owned(),
            guest_features: 1,
        }
    }

    fn release() -> Release {
        let honest = claims();
        let mut snp = Vec::new();
        for cpu in ["EPYC-v4", "EPYC-Genoa"] {
            for vcpus in [1, 2, 4] {
                let shape = LaunchClaims {
                    cpu: cpu.to_owned(),
                    vcpus,
                    ..claims()
                };
                let digest = Hex(shape.digest().unwrap());
                snp.push(SnpShape {
                    cpu: cpu.to_owned(),
                    vcpus,
                    guest_features: 1,
                    digest,
                });
            }
        }
        Release {
            release: ReleaseId::parse("0.1.0").unwrap(),
            flavour: Flavour::Production,
            firmware: Firmware {
                name: "the firmware".to_owned(),
                sha256: honest.firmware_sha256,
                snp: honest.firmware_layout,
            },
            kernel_sha256: honest.kernel_sha256,
            initrd_sha256: honest.initrd_sha256,
            cmdline: honest.cmdline,
            weights: Weights {
                root_hash: Hex([5; 32]),
            },
            snp,
            tdx: Vec::new(),
        }
    }

    /// The sentence for a launch whose host tells the truth.
    fn said(bend: impl Fn(&mut LaunchClaims)) -> String {
        let mut claims = claims();
        bend(&mut claims);
        mismatch(&release(), &claims, &claims.digest().unwrap()).to_string()
    }

    #[test]
    fn the_published_launch_is_recognised() {
        assert_eq!(
            mismatch(&release(), &claims(), &claims().digest().unwrap()),
            Explanation::Published
        );
        assert_eq!(
            said(|c| c.cpu = "EPYC-Genoa-v1".to_owned()),
            "every input is the published one"
        );
    }

    #[test]
    fn each_input_has_its_own_sentence() {
        let (two, three, four, nine) = (
            "02".repeat(48),
            "03".repeat(32),
            "04".repeat(32),
            "09".repeat(48),
        );
        let nine32 = "09".repeat(32);
        assert_eq!(
            said(|c| c.kernel_sha256 = Hex([9; 32])),
            format!("the kernel differs: expected SHA-256 {three}, found {nine32}")
        );
        assert_eq!(
            said(|c| c.initrd_sha256 = Hex([9; 32])),
            format!("the initrd differs: expected SHA-256 {four}, found {nine32}")
        );
        assert_eq!(
            said(|c| c.vcpus = 3),
            "the CPU count differs: expected 1, 2 or 4, found 3"
        );
        assert_eq!(
            said(|c| c.cpu = "EPYC-Milan".to_owned()),
            "the CPU type differs: expected EPYC-v4 or EPYC-Genoa, found EPYC-Milan"
        );
        assert_eq!(
            said(|c| c.guest_features = 0x21),
            "the guest features differ: expected 0x1, found 0x21"
        );
        assert_eq!(
            said(|c| c.firmware_layout.pages_digest = Hex([9; 48])),
            format!(
                "the firmware differs: expected the firmware with page digest {two}, found {nine}"
            )
        );
        assert_eq!(
            said(|c| c.firmware_layout.reset_eip = 7),
            "the firmware's memory sections differ from those of the firmware"
        );
    }

    #[test]
    fn the_differing_words_of_a_command_line_are_named() {
        let at = "the kernel command line differs at word";
        let with = |text: &'static str| said(move |c| c.cmdline = text.to_owned());
        assert_eq!(
            with("console=ttyS0 panic=0 cloister.release=0.1.0"),
            format!("{at} 2: expected \"panic=-1\", found \"panic=0\"")
        );
        assert_eq!(
            with("console=ttyS0 panic=-1 init=/bin/sh debug cloister.release=0.1.0"),
            format!("{at} 3: expected nothing, found \"init=/bin/sh debug\"")
        );
        assert_eq!(
            with("console=ttyS0 cloister.release=0.1.0"),
            format!("{at} 2: expected \"panic=-1\", found nothing")
        );
        assert_eq!(
            with("console=ttyS0 panic=-1 cloister.release=0.1.0 \u{1b}[2J"),
            format!("{at} 4: expected nothing, found \"\\u{{1b}}[2J\"")
        );
        let long = said(|c| c.cmdline = "x".repeat(2000));
        assert!(long.contains('…') && long.len() < 500, "{long}");
    }

    #[test]
    fn several_differences_are_all_named() {
        let both = said(|c| {
            c.kernel_sha256 = Hex([9; 32]);
            c.vcpus = 8;
        });
        assert!(
            both.contains("the kernel differs") && both.contains("; the CPU count differs"),
            "{both}"
        );
    }

    #[test]
    fn lies_explain_nothing() {
        // The host ran another kernel and says that it ran the published one.
        let mut truth = claims();
        truth.kernel_sha256 = Hex([9; 32]);
        let lie = mismatch(&release(), &claims(), &truth.digest().unwrap());
        assert!(matches!(&lie, Explanation::NotExplained { .. }), "{lie}");
        // It blames the command line for what the kernel did.
        let mut blame = claims();
        blame.cmdline.push_str(" quiet");
        let lie = mismatch(&release(), &blame, &truth.digest().unwrap());
        assert!(matches!(&lie, Explanation::NotExplained { .. }), "{lie}");
        for bend in [
            |c: &mut LaunchClaims| c.cpu = "Z80".to_owned(),
            |c: &mut LaunchClaims| c.vcpus = 0,
            |c: &mut LaunchClaims| c.firmware_layout.hashes_gpa = 0x9000,
        ] {
            let mut nonsense = claims();
            bend(&mut nonsense);
            let said = mismatch(&release(), &nonsense, &truth.digest().unwrap());
            assert!(matches!(&said, Explanation::NotExplained { .. }), "{said}");
        }
    }

    #[test]
    fn claims_survive_their_json_and_nothing_else_does() {
        let json = claims().to_json().unwrap();
        assert_eq!(LaunchClaims::from_json(&json).unwrap(), claims());
        for end in 0..json.len() {
            assert!(
                LaunchClaims::from_json(&json[..end]).is_err(),
                "cut at {end}"
            );
        }
        assert!(LaunchClaims::from_json(&[json.as_slice(), b"x"].concat()).is_err());
        let text = String::from_utf8(json).unwrap();
        let unknown = text.replacen("\"vcpus\"", "\"memory\":1,\"vcpus\"", 1);
        assert!(LaunchClaims::from_json(unknown.as_bytes()).is_err());
        let mut long = claims();
        long.cmdline = "x".repeat(crate::claims::MAX_CLAIMS);
        assert!(long.to_json().is_err());
    }
}
