//! Section 6: the trusted code base: what has to be believed because it runs in the guest.

use crate::crates::{Crate, Part};
use crate::lines;
use crate::report::Section;
use crate::tree::{hash, read, read_text};
use std::collections::BTreeMap;
use std::path::Path;

/// Where cargo leaves the compiler's listings of the files that it opened, below the image's folder.
const LISTINGS: &str = "cargo/x86_64-unknown-linux-musl/dist/deps";

/// Counts lines, options and bytes.
#[must_use]
pub fn section(image: &Path, crates: &Result<Vec<Crate>, String>) -> Section {
    let mut section = Section::new("base", "Trusted code base: what runs in the guest");
    match crates {
        Ok(crates) => count(&mut section, crates, &image.join(LISTINGS)),
        Err(why) => {
            section.failed("crates of the guest's binary", why);
        }
    }
    options(&mut section, &image.join("kernel.config"));
    for (name, what) in [
        ("vmlinuz", "the kernel, compressed"),
        ("OVMF.amdsev.fd", "the firmware for SEV-SNP"),
        ("OVMF.generic.fd", "the firmware for TDX"),
    ] {
        match hash(&image.join(name)) {
            Ok(found) => {
                section
                    .ok(name, format_args!("{what}: {} bytes", found.size))
                    .fact("bytes", found.size);
            }
            Err(error) => {
                section.failed(name, error);
            }
        }
    }
    let archive = image.join("initrd.cpio");
    match read(&archive)
        .map_err(|error| error.to_string())
        .and_then(|bytes| files_of(&bytes))
    {
        Ok(files) => {
            for (name, bytes) in files.iter().filter(|(_, bytes)| *bytes > 0) {
                section
                    .check(
                        name == "init",
                        format_args!("initrd.cpio /{name}"),
                        format_args!("{bytes} bytes; /init is the only file that may be there"),
                    )
                    .fact("bytes", bytes);
            }
            if files.iter().all(|(name, _)| name != "init") {
                section.failed("initrd.cpio", "there is no /init in it");
            }
        }
        Err(why) => {
            section.failed("initrd.cpio", why);
        }
    }
    section.not_shown(
        "kernel and firmware, lines",
        "their sources are pinned, and are not counted here",
    );
    section
}

/// Lines of one kind of crates: how many crates, lines in all, lines that the compiler opened.
#[derive(Default)]
struct Sum {
    crates: usize,
    lines: usize,
    opened: usize,
}

fn count(section: &mut Section, crates: &[Crate], listings: &Path) {
    let opened = match lines::opened(listings) {
        Ok(opened) => opened,
        Err(error) => {
            section.failed("files that the compiler opened", error);
            BTreeMap::new()
        }
    };
    let mut counted = Vec::new();
    for krate in crates {
        match lines::of_crate(&krate.folder) {
            Ok(lines) => counted.push((krate, lines)),
            Err(error) => {
                section.failed(format_args!("crate {}", krate.title()), error);
            }
        }
    }
    counted.sort_by_key(|(krate, lines)| (krate.part, !krate.is_ours(), std::cmp::Reverse(*lines)));
    let (mut ours, mut theirs, mut builders) = (Sum::default(), Sum::default(), Sum::default());
    for (krate, lines) in counted {
        let (sum, what) = match (krate.part, krate.is_ours()) {
            (Part::Binary, true) => (&mut ours, "ours, in the binary"),
            (Part::Binary, false) => (&mut theirs, "a dependency, in the binary"),
            (Part::Build, _) => (&mut builders, "runs while it is built"),
        };
        sum.crates = sum.crates.saturating_add(1);
        sum.lines = sum.lines.saturating_add(lines);
        let compiled = opened
            .get(&format!("{}-{}", krate.name, krate.version))
            .copied();
        sum.opened = sum.opened.saturating_add(compiled.unwrap_or_default());
        let part = match compiled.filter(|_| krate.part == Part::Binary) {
            Some(compiled) => {
                format!("{lines} lines, of which the compiler opened {compiled}, {what}")
            }
            None => format!("{lines} lines, {what}"),
        };
        let line = section
            .ok(format_args!("crate {}", krate.title()), part)
            .fact("lines", lines)
            .fact("part", what);
        if let Some(compiled) = compiled {
            line.fact("lines-opened", compiled);
        }
    }
    for (name, sum) in [
        ("ours in the binary", &ours),
        ("dependencies in the binary", &theirs),
        ("what runs while it is built", &builders),
    ] {
        section
            .ok(
                name,
                format_args!("{} lines in {} crates", sum.lines, sum.crates),
            )
            .fact("lines", sum.lines)
            .fact("crates", sum.crates);
    }
    if theirs.opened > 0 {
        section
            .ok(
                "dependencies that the compiler opened",
                format_args!("{} lines, in files of both flavours; what the linker then dropped is counted, too", theirs.opened),
            )
            .fact("lines-opened", theirs.opened);
    } else {
        section.not_shown(
            "dependencies that the compiler opened",
            format_args!(
                "there are no listings in {}; the lines above are all that the crates have",
                listings.display()
            ),
        );
    }
}

/// The kernel's resolved configuration.
fn options(section: &mut Section, path: &Path) {
    match read_text(path) {
        Ok(text) => {
            let on = text
                .lines()
                .filter(|line| line.starts_with("CONFIG_") && line.ends_with("=y"))
                .count();
            let modules = text
                .lines()
                .filter(|line| line.starts_with("CONFIG_") && line.ends_with("=m"))
                .count();
            section
                .check(
                    on > 0 && modules == 0,
                    "kernel options",
                    format_args!("{on} are built in, {modules} are modules"),
                )
                .fact("options", on);
        }
        Err(error) => {
            section.failed("kernel options", error);
        }
    }
}

/// Names and sizes of the files in a newc archive (Linux, `Documentation/driver-api/early-userspace/buffer-format.rst`).
fn files_of(archive: &[u8]) -> Result<Vec<(String, u64)>, String> {
    const HEADER: usize = 110;
    let mut found = Vec::new();
    let mut at = 0_usize;
    let bad = |at: usize, what: &str| format!("byte {at}: {what}");
    loop {
        let end = at.saturating_add(HEADER);
        let header = archive
            .get(at..end)
            .ok_or_else(|| bad(at, "the archive ends without a trailer"))?;
        if header.get(..6) != Some(b"070701") {
            return Err(bad(at, "no newc header"));
        }
        // Fields of eight hexadecimal digits behind the magic: the seventh is the size, the twelfth the length of the name.
        let field = |number: usize| {
            let from = number.saturating_mul(8).saturating_add(6);
            let digits = header
                .get(from..from.saturating_add(8))
                .and_then(|digits| std::str::from_utf8(digits).ok());
            digits
                .and_then(|digits| u32::from_str_radix(digits, 16).ok())
                .ok_or_else(|| bad(at, "a field that is no number"))
        };
        let size = field(6)?;
        let name_length =
            usize::try_from(field(11)?).map_err(|_| bad(at, "a name that is too long"))?;
        let name_end = end.saturating_add(name_length);
        let name = archive
            .get(end..name_end)
            .and_then(|name| name.strip_suffix(b"\0"))
            .ok_or_else(|| bad(end, "a name that is cut"))?;
        if name == b"TRAILER!!!" {
            return Ok(found);
        }
        found.push((String::from_utf8_lossy(name).into_owned(), u64::from(size)));
        let content = name_end.next_multiple_of(4);
        let length = usize::try_from(size).map_err(|_| bad(at, "a file that is too long"))?;
        at = content.saturating_add(length).next_multiple_of(4);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn an_initramfs_is_listed() {
        // The least that passes for a program: an ELF header without segments.
        let mut program = b"\x7fELF\x02\x01".to_vec();
        program.resize(70, 0);
        let archive = cloister_image::cpio::initramfs(&program).unwrap();
        let files: Vec<_> = files_of(&archive)
            .unwrap()
            .into_iter()
            .filter(|(_, size)| *size > 0)
            .collect();
        assert_eq!(files, [("init".to_owned(), 70)]);
        for cut in [0, 50, 109, 111, archive.len() / 2] {
            assert!(files_of(archive.get(..cut).unwrap()).is_err(), "{cut}");
        }
        assert!(files_of(&[b'0'; 200]).is_err());
    }
}
