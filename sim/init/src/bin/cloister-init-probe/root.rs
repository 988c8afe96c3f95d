//! What root may not do although nothing confines it yet: execute what did not come in the measured initramfs (IPE).

use crate::{outcome, say};
use cloister_memory::ReadOnlyMap;
use nix::sys::personality::{self, Persona};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::mount::{MountFlags, UnmountFlags, mount, unmount};
use std::error::Error;
use std::fs::{self, File, Permissions};
use std::io::{self, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

/// An empty folder of the initramfs; the weights come there later.
const FOLDER: &str = "/weights";

pub(crate) fn try_everything() -> Result<(), Box<dyn Error>> {
    let program = fs::read("/init")?;
    say(
        "execute the initramfs's program",
        outcome(execute(Path::new("/init"))),
    );

    mount("tmpfs", FOLDER, "tmpfs", MountFlags::empty(), None)?;
    let copy = Path::new(FOLDER).join("copy");
    fs::write(&copy, &program)?;
    fs::set_permissions(&copy, Permissions::from_mode(0o755))?;
    say("execute a copy on tmpfs", outcome(execute(&copy)));

    let memory = File::from(memfd_create("copy", MemfdFlags::empty())?);
    (&memory).write_all(&program)?;
    let path = format!("/proc/self/fd/{}", memory.as_raw_fd());
    say(
        "execute a copy in a memfd",
        outcome(execute(Path::new(&path))),
    );

    say("map a copy on tmpfs", outcome(ReadOnlyMap::open(&copy)));
    // With this persona every readable mapping of a file is executable as well (personality(2), READ_IMPLIES_EXEC).
    let before = personality::get()?;
    personality::set(before | Persona::READ_IMPLIES_EXEC)?;
    say(
        "map a copy on tmpfs, executable",
        outcome(ReadOnlyMap::open(&copy)),
    );
    personality::set(before)?;
    unmount(FOLDER, UnmountFlags::empty())?;

    for entry in fs::read_dir("/sys/devices/system/cpu/vulnerabilities")? {
        let entry = entry?;
        let state = fs::read_to_string(entry.path())?;
        say(
            format_args!("processor: {}", entry.file_name().to_string_lossy()),
            state.trim(),
        );
    }
    Ok(())
}

/// Starts a program and waits for its end; what it returns does not matter.
fn execute(program: &Path) -> io::Result<()> {
    let mut child = Command::new(program)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    child.wait().map(drop)
}
