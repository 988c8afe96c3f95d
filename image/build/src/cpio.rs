//! The initramfs: a `newc` archive (Linux `Documentation/driver-api/early-userspace/buffer-format.rst`) with one program in it.
//!
//! Besides `/init` there are the console's device node, which the kernel opens before init runs, and empty directories to mount on.
//! Inode numbers count up, every time is zero, every owner is root.

use core::fmt;

/// The directories of the image, in order; all are mount points.
const DIRECTORIES: [&str; 4] = ["dev", "proc", "sys", "weights"];
/// `c 5 1`, the console (Linux `Documentation/admin-guide/devices.txt`).
const CONSOLE: Device = Device { major: 5, minor: 1 };

/// Why an initramfs could not be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CpioError {
    /// The program is larger than the format's 32-bit length field.
    TooLarge {
        /// Its length in bytes.
        found: usize,
    },
    /// The program is not a 64-bit ELF file.
    NotAProgram,
    /// The program asks for a dynamic loader, which the image does not have.
    NotStatic,
}

impl fmt::Display for CpioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLarge { found } => write!(f, "the init program must be below 4 GiB, found {found} bytes"),
            Self::NotAProgram => f.write_str("the init program must be a 64-bit little-endian ELF file"),
            Self::NotStatic => {
                f.write_str("the init program asks for a dynamic loader; build it for x86_64-unknown-linux-musl with crt-static")
            }
        }
    }
}

impl core::error::Error for CpioError {}

#[derive(Clone, Copy)]
struct Device {
    major: u32,
    minor: u32,
}

/// Writes the archive with `program` as `/init`.
///
/// # Errors
/// [`CpioError`] when `program` is not a static ELF program or too large for the format.
pub fn initramfs(program: &[u8]) -> Result<Vec<u8>, CpioError> {
    check_static(program)?;
    let none = Device { major: 0, minor: 0 };
    let mut archive = Vec::with_capacity(program.len().saturating_add(4096));
    let mut inode = 0u32;
    let mut entry = |name: &str, mode: u32, device: Device, data: &[u8]| -> Result<(), CpioError> {
        inode = inode.saturating_add(1);
        append(&mut archive, inode, name, mode, device, data)
    };
    for directory in DIRECTORIES {
        entry(directory, 0o040_755, none, &[])?;
    }
    entry("dev/console", 0o020_600, CONSOLE, &[])?;
    entry("init", 0o100_555, none, program)?;
    append(&mut archive, 0, "TRAILER!!!", 0, none, &[])?;
    archive.resize(archive.len().next_multiple_of(512), 0);
    Ok(archive)
}

/// Appends one entry: header of thirteen 8-digit hexadecimal fields after the magic, name and data each padded to four bytes.
fn append(
    archive: &mut Vec<u8>,
    inode: u32,
    name: &str,
    mode: u32,
    device: Device,
    data: &[u8],
) -> Result<(), CpioError> {
    let size = u32::try_from(data.len()).map_err(|_| CpioError::TooLarge { found: data.len() })?;
    let name_size = u32::try_from(name.len().saturating_add(1))
        .map_err(|_| CpioError::TooLarge { found: name.len() })?;
    let links = if mode & 0o170_000 == 0o040_000 { 2 } else { 1 };
    archive.extend_from_slice(b"070701");
    // ino mode uid gid nlink mtime filesize devmajor devminor rdevmajor rdevminor namesize check
    for field in [
        inode,
        mode,
        0,
        0,
        links,
        0,
        size,
        0,
        0,
        device.major,
        device.minor,
        name_size,
        0,
    ] {
        archive.extend_from_slice(format!("{field:08x}").as_bytes());
    }
    archive.extend_from_slice(name.as_bytes());
    archive.push(0);
    archive.resize(archive.len().next_multiple_of(4), 0);
    archive.extend_from_slice(data);
    archive.resize(archive.len().next_multiple_of(4), 0);
    Ok(())
}

/// Refuses what the image could not start: not ELF64, or with a `PT_INTERP` segment (System V ABI, program header type 3).
fn check_static(program: &[u8]) -> Result<(), CpioError> {
    let number = |at: usize, length: usize| -> Option<usize> {
        let bytes = program.get(at..at.checked_add(length)?)?;
        bytes.iter().rev().try_fold(0usize, |sum, byte| {
            sum.checked_mul(256)?.checked_add(usize::from(*byte))
        })
    };
    let headers = || -> Option<(usize, usize, usize)> {
        program.starts_with(b"\x7fELF\x02\x01").then_some(())?;
        Some((number(0x20, 8)?, number(0x36, 2)?, number(0x38, 2)?))
    };
    let (start, size, count) = headers().ok_or(CpioError::NotAProgram)?;
    for index in 0..count {
        let kind = index
            .checked_mul(size)
            .and_then(|offset| offset.checked_add(start))
            .and_then(|at| number(at, 4))
            .ok_or(CpioError::NotAProgram)?;
        if kind == 3 {
            return Err(CpioError::NotStatic);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    /// An ELF header with one program header of the given type.
    fn elf(kind: u8) -> Vec<u8> {
        let mut bytes = vec![0; 0x40 + 0x38];
        bytes[..6].copy_from_slice(b"\x7fELF\x02\x01");
        bytes[0x20] = 0x40;
        bytes[0x36] = 0x38;
        bytes[0x38] = 1;
        bytes[0x40] = kind;
        bytes
    }

    #[test]
    fn only_a_static_program_becomes_init() {
        assert!(initramfs(&elf(1)).is_ok());
        assert_eq!(initramfs(&elf(3)), Err(CpioError::NotStatic));
        assert_eq!(initramfs(b"#!/bin/sh"), Err(CpioError::NotAProgram));
        assert_eq!(initramfs(&elf(1)[..0x41]), Err(CpioError::NotAProgram));
    }

    #[test]
    fn the_archive_is_aligned_and_holds_the_program() {
        let program = elf(1);
        let archive = initramfs(&program).unwrap();
        assert_eq!(archive.len() % 512, 0);
        assert_eq!(
            archive
                .windows(6)
                .filter(|window| *window == b"070701")
                .count(),
            DIRECTORIES.len() + 3
        );
        assert!(
            archive
                .windows(program.len())
                .any(|window| window == program)
        );
    }
}
