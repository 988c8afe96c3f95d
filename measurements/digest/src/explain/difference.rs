//! One input that is not the published one, as a sentence.

use cloister_verify::release::Hex;
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
