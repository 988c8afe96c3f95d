//! The kernel's file systems, as little writable as they can be.

use crate::refusal::Refusal;
use rustix::mount::{MountFlags, mount, mount_remount};

/// Nothing on any mount is a program, and no mount brings devices or other users' rights, except where said otherwise.
const PLAIN: MountFlags = MountFlags::NOSUID
    .union(MountFlags::NODEV)
    .union(MountFlags::NOEXEC);

/// Mounts `/proc`, `/sys`, `/dev` and the evidence interface, and makes everything else read-only.
///
/// configfs stays writable: evidence is asked for by making a directory there. Devices stay usable on a read-only mount.
pub(crate) fn mount_all() -> Result<(), Refusal> {
    let attach = |kind: &'static str, at: &'static str, flags: MountFlags| {
        mount(kind, at, kind, flags, None).map_err(Refusal::failed("mount", at))
    };
    attach("proc", "/proc", PLAIN | MountFlags::RDONLY)?;
    attach("sysfs", "/sys", PLAIN | MountFlags::RDONLY)?;
    attach("configfs", "/sys/kernel/config", PLAIN)?;
    attach("devtmpfs", "/dev", MountFlags::NOSUID | MountFlags::NOEXEC)?;
    mount_remount(
        "/",
        MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NODEV,
        "",
    )
    .map_err(Refusal::failed("mount", "a read-only root"))
}

/// Mounts the opened weights volume. `device` is a dm-verity device, so what can be read is what was measured.
pub(crate) fn mount_weights(device: &str, at: &'static str) -> Result<(), Refusal> {
    mount(device, at, "erofs", PLAIN | MountFlags::RDONLY, None)
        .map_err(Refusal::failed("weights", "an erofs volume"))
}

/// Makes `/dev` read-only once every device node is there.
pub(crate) fn close_devices() -> Result<(), Refusal> {
    mount_remount(
        "/dev",
        MountFlags::BIND | MountFlags::RDONLY | MountFlags::NOSUID | MountFlags::NOEXEC,
        "",
    )
    .map_err(Refusal::failed("mount", "a read-only /dev"))
}
