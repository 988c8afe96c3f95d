//! What the service may open and where it may connect, as Landlock rules: the weights, facts about its own process, and the evidence interface.
//!
//! Mounts are read-only and the system call filter knows no `connect`; these rules stand behind both, and they look at paths and ports,
//! which a system call filter cannot.

use crate::refusal::Refusal;
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, NetPort, PathBeneath,
    PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
};
use std::path::{Path, PathBuf};

/// The Landlock interface of the image's kernel (6.12): files, device ioctls, TCP ports, signals. Anything less is refused.
const INTERFACE: ABI = ABI::V6;

/// Read, and nothing else.
const READ: [&str; 3] = [
    // Facts about this process and its processors, which the runtime asks for.
    "/proc",
    "/sys/devices/system/cpu",
    "/weights",
];
/// Reports are made as folders here, and their members are written and read (Linux `Documentation/ABI/testing/configfs-tsm`). A
/// kernel whose secure processor has another interface has no such folder.
const REPORTS: &str = "/sys/kernel/config/tsm/report";
/// Devices of secure processors: `/dev/sev-guest`, and in the simulated flavour a virtio-serial port.
const DEVICES: [&str; 2] = ["sev-guest", "vport"];

/// Confines the calling thread, and every thread that it will start, to the paths above and to listening on `port`.
pub(crate) fn confine(port: u16) -> Result<(), Refusal> {
    let status = rules(port).map_err(Refusal::failed("confinement", "Landlock rules"))?;
    if status != RulesetStatus::FullyEnforced {
        return Err(Refusal::new(
            "confinement",
            "Landlock rules fully enforced",
            format!("{status:?}"),
        ));
    }
    Ok(())
}

fn rules(port: u16) -> Result<RulesetStatus, RulesetError> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let device = AccessFs::ReadFile | AccessFs::WriteFile | AccessFs::IoctlDev;
    let report =
        read | AccessFs::WriteFile | AccessFs::Truncate | AccessFs::MakeDir | AccessFs::RemoveDir;
    let mut paths: Vec<(PathBuf, BitFlags<AccessFs>)> = READ
        .iter()
        .map(|path| (PathBuf::from(path), read))
        .collect();
    paths.push((PathBuf::from(REPORTS), report));
    paths.extend(
        devices(Path::new("/dev"))
            .into_iter()
            .map(|path| (path, device)),
    );

    let mut ruleset = Ruleset::default()
        .set_compatibility(CompatLevel::HardRequirement)
        .handle_access(AccessFs::from_all(INTERFACE))?
        .handle_access(AccessNet::from_all(INTERFACE))?
        .scope(Scope::from_all(INTERFACE))?
        .create()?
        .add_rule(NetPort::new(port, AccessNet::BindTcp))?;
    for (path, access) in paths {
        // What is not there cannot be opened either.
        if let Ok(path) = PathFd::new(path) {
            ruleset = ruleset.add_rule(PathBeneath::new(path, access))?;
        }
    }
    Ok(ruleset.restrict_self()?.ruleset)
}

/// The devices of secure processors that this machine has.
fn devices(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    entries
        .flatten()
        .filter(|entry| {
            let name = entry.file_name();
            DEVICES
                .iter()
                .any(|known| name.to_string_lossy().starts_with(known))
        })
        .map(|entry| entry.path())
        .collect()
}
