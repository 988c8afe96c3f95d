//! The kernel command line: measured, and the only configuration there is.
//!
//! The kernel's words must be those of `image/cmdline`, in their order; then come Cloister's three, each once. Before or behind them
//! may stand the word that OVMF adds when it loads an initramfs. Everything else is refused, and so is a second spelling of a value.

use crate::refusal::Refusal;
use cloister_bind::ReleaseId;
use core::net::Ipv4Addr;

/// The kernel's words. The builder puts the same file on the line.
const KERNEL_WORDS: &str = include_str!("../../cmdline");
/// Added by OVMF when it starts a kernel with an initramfs (in front; older ones behind), outside of what is measured. It names
/// the initramfs that the firmware has measured, and the kernel has no other one to choose.
const FIRMWARE_WORD: &str = "initrd=initrd";
/// The longest line that x86 has (`COMMAND_LINE_SIZE`).
const LONGEST: usize = 2048;

/// What the line says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommandLine {
    /// The release that this image is.
    pub release: ReleaseId,
    /// The guest's address.
    pub address: Ipv4Addr,
    /// Length of its network prefix in bits, 8 to 30.
    pub prefix: u8,
    /// Root hash of the weights volume, 64 lower-case hexadecimal digits.
    pub root_hash: String,
    /// Its number of 4096-byte data blocks, 1 to 2^32.
    pub data_blocks: u64,
}

/// Parses a line as `/proc/cmdline` has it, with its newline.
///
/// # Errors
/// [`Refusal`] for every word that is unknown, missing, repeated, misplaced or not in its one spelling.
pub fn parse(line: &str) -> Result<CommandLine, Refusal> {
    if line.len() > LONGEST {
        return Err(Refusal::new(
            "command line",
            format!("at most {LONGEST} bytes"),
            format!("{}", line.len()),
        ));
    }
    let line = line.strip_suffix('\n').unwrap_or(line);
    let front = line
        .strip_prefix(FIRMWARE_WORD)
        .and_then(|rest| rest.strip_prefix(' '));
    let behind = line
        .strip_suffix(FIRMWARE_WORD)
        .and_then(|rest| rest.strip_suffix(' '));
    // Split at single spaces: an empty word, a tab or a quote is a second spelling of something.
    let mut words = front.or(behind).unwrap_or(line).split(' ');
    for expected in KERNEL_WORDS.trim_end().split(' ') {
        let found = words.next().unwrap_or("the end of the line");
        if found != expected {
            return Err(Refusal::new("command line", expected, found));
        }
    }
    let mut value = |name: &str| {
        let word = words.next().unwrap_or("the end of the line");
        word.strip_prefix(name)
            .and_then(|rest| rest.strip_prefix('='))
            .ok_or_else(|| Refusal::new("command line", format!("{name}=.."), word))
    };
    let release = value("cloister.release")?;
    let net = value("cloister.net")?;
    let weights = value("cloister.weights")?;
    if let Some(word) = words.next() {
        return Err(Refusal::new("command line", "no further word", word));
    }
    let (address, prefix) = network(net).ok_or_else(|| {
        Refusal::new(
            "cloister.net",
            "an IPv4 address and a prefix length from 8 to 30",
            net,
        )
    })?;
    let (root_hash, data_blocks) = volume(weights).ok_or_else(|| {
        Refusal::new(
            "cloister.weights",
            "64 lower-case hexadecimal digits, ':' and a number of blocks",
            weights,
        )
    })?;
    Ok(CommandLine {
        release: ReleaseId::parse(release)
            .map_err(|error| Refusal::new("cloister.release", error.to_string(), release))?,
        address,
        prefix,
        root_hash,
        data_blocks,
    })
}

fn network(text: &str) -> Option<(Ipv4Addr, u8)> {
    let (address, prefix) = text.split_once('/')?;
    let parsed: (Ipv4Addr, u8) = (address.parse().ok()?, prefix.parse().ok()?);
    let (address, prefix) = parsed;
    let plain = !address.is_unspecified()
        && !address.is_loopback()
        && !address.is_multicast()
        && !address.is_broadcast();
    (plain && (8..=30).contains(&prefix) && format!("{address}/{prefix}") == text).then_some(parsed)
}

fn volume(text: &str) -> Option<(String, u64)> {
    let (root, blocks) = text.split_once(':')?;
    let digits = root.len() == 64
        && root
            .bytes()
            .all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let count: u64 = blocks.parse().ok()?;
    (digits && (1..=1 << 32).contains(&count) && count.to_string() == blocks)
        .then(|| (root.to_owned(), count))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// The line that the builder writes; its test compares with the same file.
    const LINE: &str = include_str!("../tests/cmdline");

    #[test]
    fn the_builders_line_is_read() {
        let read = parse(LINE).unwrap();
        assert_eq!(read.release.as_str(), "0.1.0");
        assert_eq!(
            (read.address, read.prefix),
            (Ipv4Addr::new(10, 0, 2, 15), 24)
        );
        assert_eq!(
            (read.root_hash, read.data_blocks),
            ("ab".repeat(32), 22_000)
        );
        for by_firmware in [
            LINE.replace('\n', " initrd=initrd\n"),
            format!("initrd=initrd {LINE}"),
        ] {
            assert_eq!(parse(&by_firmware).unwrap(), parse(LINE).unwrap());
        }
    }

    #[test]
    fn every_other_line_is_refused() {
        let changed = |from: &str, to: &str| {
            assert!(LINE.contains(from), "{from}");
            LINE.replacen(from, to, 1)
        };
        for bad in [
            String::new(),
            String::from("\n"),
            changed("\n", " debug\n"),
            changed("\n", " \n"),
            changed("\n", " initrd=initrd initrd=initrd\n"),
            changed("\n", " initrd=initrd init=/bin/sh\n"),
            changed("\n", " initrd=other\n"),
            changed("console", "initrd=initrd initrd=initrd console"),
            format!("initrd=initrd {}", changed("\n", " initrd=initrd\n")),
            String::from("initrd=initrd"),
            changed("\n", "\nquiet"),
            changed("console=ttyS0 ", ""),
            changed("quiet ", "quiet quiet "),
            changed("quiet", "loglevel=7"),
            changed("quiet ", "quiet  "),
            changed("panic=-1", "panic=0"),
            changed("panic=-1 ", "panic=-1 dm-mod.create=x "),
            changed("cloister.release=0.1.0 ", ""),
            changed(
                "cloister.release=0.1.0",
                "cloister.release=0.1.0 cloister.release=0.1.0",
            ),
            changed("cloister.release=0.1.0", "cloister.release="),
            changed("cloister.release=0.1.0", "cloister.release=A"),
            changed("10.0.2.15/24", "10.0.2.15"),
            changed("10.0.2.15/24", "10.0.2.15/31"),
            changed("10.0.2.15/24", "10.0.2.15/024"),
            changed("10.0.2.15/24", "0.0.0.0/24"),
            changed("10.0.2.15/24", "127.0.0.1/8"),
            changed(":22000", ":0"),
            changed(":22000", ":022000"),
            changed(":22000", ":+22000"),
            changed(":22000", ""),
            changed(":22000", ":4294967297"),
            changed("=ab", "=AB"),
            changed("=ab", "=a"),
            LINE.repeat(20),
        ] {
            assert!(parse(&bad).is_err(), "{bad:?}");
        }
    }
}
