//! dm-verity through the three ioctls of the device mapper (Linux `include/uapi/linux/dm-ioctl.h`).
//!
//! The only unsafe code of the crate: rustix has no wrapper for these ioctls. The argument is a plain buffer that starts with the
//! header, whose own length field bounds what the kernel reads and writes.

use crate::refusal::Refusal;
use rustix::fs::{Mode, OFlags, open};
use std::os::fd::AsFd;

/// `struct dm_ioctl`.
const HEADER: usize = 312;
/// `struct dm_target_spec`.
const TARGET: usize = 40;
/// Header, one target, and its parameters (about 200 bytes) with room.
const SIZE: usize = 1024;
/// `DM_READONLY_FLAG`.
const READ_ONLY: u32 = 1;

/// `DM_DEV_CREATE`, `DM_DEV_SUSPEND` (without the flag to suspend: resume) and `DM_TABLE_LOAD`: `_IOWR(0xfd, n, struct dm_ioctl)`.
const CREATE: u32 = 0xc138_fd03;
const RESUME: u32 = 0xc138_fd06;
const LOAD: u32 = 0xc138_fd09;

#[repr(C, align(8))]
struct Argument([u8; SIZE]);

/// Makes a read-only dm-verity device called `name` over disk `number` and returns its path.
///
/// Data and tree are on the one disk. A block that does not match stops the kernel (`panic_on_corruption`), because the service
/// maps the weights and could not handle a read error there.
pub(crate) fn open_verity(
    name: &str,
    number: &str,
    data_blocks: u64,
    root_hash: &str,
) -> Result<&'static str, Refusal> {
    let table = format!(
        "1 {number} {number} 4096 4096 {data_blocks} {data_blocks} sha256 {root_hash} - 1 panic_on_corruption"
    );
    let length = data_blocks.saturating_mul(8);
    let too_long = || Refusal::new("weights", "a table below 1024 bytes", "a longer one");
    let control = open(
        "/dev/mapper/control",
        OFlags::RDWR | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .map_err(Refusal::failed("weights", "the device mapper"))?;
    let mut argument = header(name, 0, 0).ok_or_else(too_long)?;
    call::<CREATE>(&control, &mut argument)
        .map_err(Refusal::failed("weights", "a new mapped device"))?;
    let mut argument = header(name, READ_ONLY, 1)
        .and_then(|argument| with_target(argument, length, &table))
        .ok_or_else(too_long)?;
    call::<LOAD>(&control, &mut argument).map_err(Refusal::failed(
        "weights",
        "a verity table that fits the disk",
    ))?;
    let mut argument = header(name, 0, 0).ok_or_else(too_long)?;
    call::<RESUME>(&control, &mut argument)
        .map_err(Refusal::failed("weights", "a live mapped device"))?;
    // The first and only mapped device of this machine.
    Ok("/dev/dm-0")
}

/// `struct dm_ioctl`: version 4.0.0, the buffer's length, where the targets start and how many there are, flags, name.
fn header(name: &str, flags: u32, targets: u32) -> Option<Argument> {
    let mut argument = Argument([0; SIZE]);
    let size = u32::try_from(SIZE).ok()?;
    let start = u32::try_from(HEADER).ok()?;
    for (at, value) in [(0, 4), (12, size), (16, start), (20, targets), (28, flags)] {
        put(&mut argument, at, &u32::to_ne_bytes(value))?;
    }
    // 128 bytes from 48 on, NUL at the end.
    (name.len() < 128).then_some(())?;
    put(&mut argument, 48, name.as_bytes())?;
    Some(argument)
}

/// `struct dm_target_spec` and the parameters behind it, NUL at the end.
fn with_target(mut argument: Argument, length: u64, table: &str) -> Option<Argument> {
    put(&mut argument, HEADER + 8, &length.to_ne_bytes())?;
    put(&mut argument, HEADER + 24, b"verity")?;
    (table.len() < SIZE - HEADER - TARGET).then_some(())?;
    put(&mut argument, HEADER + TARGET, table.as_bytes())?;
    Some(argument)
}

fn put(argument: &mut Argument, at: usize, bytes: &[u8]) -> Option<()> {
    argument
        .0
        .get_mut(at..at.checked_add(bytes.len())?)?
        .copy_from_slice(bytes);
    Some(())
}

#[allow(unsafe_code)]
fn call<const OPCODE: u32>(control: impl AsFd, argument: &mut Argument) -> rustix::io::Result<()> {
    // SAFETY: every OPCODE used here is `_IOWR` on `struct dm_ioctl`. The kernel reads and writes at most the number of bytes in the
    // header's `data_size` field, which `header` sets to the size of `Argument`; every bit pattern is valid for its bytes, and its
    // alignment is that of the struct's u64.
    unsafe {
        let update = rustix::ioctl::Updater::<OPCODE, Argument>::new(argument);
        rustix::ioctl::ioctl(control, update)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn the_argument_is_laid_out_as_in_the_header_file() {
        let argument = with_target(header("weights", READ_ONLY, 1).unwrap(), 16, "1 254:0")
            .unwrap()
            .0;
        assert_eq!(argument[..12], [4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(argument[12..24], [0, 4, 0, 0, 0x38, 1, 0, 0, 1, 0, 0, 0]);
        assert_eq!(argument[28..32], [1, 0, 0, 0]);
        assert_eq!(&argument[48..56], b"weights\0");
        assert_eq!(argument[HEADER + 8..HEADER + 16], [16, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(&argument[HEADER + 24..HEADER + 31], b"verity\0");
        assert_eq!(&argument[HEADER + 40..HEADER + 48], b"1 254:0\0");
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(header(&"n".repeat(128), 0, 0).is_none());
        assert!(
            with_target(
                header("n", 0, 1).unwrap(),
                1,
                &"t".repeat(SIZE - HEADER - TARGET)
            )
            .is_none()
        );
    }
}
