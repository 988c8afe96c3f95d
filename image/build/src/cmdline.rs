//! The kernel command line: one line, measured, the only arguments that reach the image.
//!
//! It is the fixed words of `image/cmdline` followed by Cloister's own three. Init compares the line with the same file and
//! refuses every other word, so a word is added in that one place.

use crate::verity::Hash;
use cloister_bind::ReleaseId;
use core::fmt;
use core::net::Ipv4Addr;

/// The kernel's words, from `image/cmdline`.
const KERNEL_WORDS: &str = include_str!("../../cmdline");

/// The guest's own address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    /// Address of the one network interface.
    pub address: Ipv4Addr,
    /// Length of its network prefix in bits, 8 to 30.
    pub prefix: u8,
}

/// Why a text is not an address with prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadNetwork;

impl fmt::Display for BadNetwork {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "a network is an IPv4 address and a prefix length from 8 to 30, such as 10.0.2.15/24",
        )
    }
}

impl core::error::Error for BadNetwork {}

impl core::str::FromStr for Network {
    type Err = BadNetwork;

    fn from_str(text: &str) -> Result<Self, BadNetwork> {
        let (address, prefix) = text.split_once('/').ok_or(BadNetwork)?;
        let network = Self {
            address: address.parse().map_err(|_| BadNetwork)?,
            prefix: prefix.parse().map_err(|_| BadNetwork)?,
        };
        // What prints differently from what was read has a second spelling, and the line must have only one.
        if (8..=30).contains(&network.prefix) && network.to_string() == text {
            Ok(network)
        } else {
            Err(BadNetwork)
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

/// The whole line, without a newline.
#[must_use]
pub fn line(release: &ReleaseId, network: Network, root: &Hash, data_blocks: usize) -> String {
    let words = KERNEL_WORDS.trim_end();
    let root = hex(root);
    format!(
        "{words} cloister.release={release} cloister.net={network} cloister.weights={root}:{data_blocks}"
    )
}

/// Lower-case hexadecimal.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_line_is_the_one_that_init_reads() {
        // cloister-init's tests read this very line.
        let network = "10.0.2.15/24".parse().unwrap();
        let line = line(
            &ReleaseId::parse("0.1.0").unwrap(),
            network,
            &[0xab; 32],
            22_000,
        );
        assert_eq!(
            format!("{line}\n"),
            include_str!("../../init/tests/cmdline")
        );
    }

    #[test]
    fn networks_have_one_spelling() {
        for bad in [
            "10.0.2.15",
            "10.0.2.15/024",
            "10.0.2.15/7",
            "10.0.2.15/31",
            "10.0.2.15/+8",
            "10.0.2.015/24",
            "::1/24",
            "",
        ] {
            assert_eq!(bad.parse::<Network>(), Err(BadNetwork), "{bad:?}");
        }
    }
}
