//! The sequence from the first instruction to the running service.

use crate::refusal::{Refusal, power_off, say};
use crate::{cmdline, confine, device_mapper, disk, host, mounts, network, seed};
use cloister_guest::EvidenceSource;
use core::net::{IpAddr, SocketAddr};
use rustix::process::getpid;
use std::error::Error;
use std::path::{Path, PathBuf};

/// Opens the evidence source of this flavour of the image.
pub type OpenSource = fn() -> Result<Box<dyn EvidenceSource>, Box<dyn Error>>;

/// The port of the one listener.
const PORT: u16 = 443;
/// Where the weights are mounted.
const WEIGHTS: &str = "/weights";
/// What the kernel gives to every init program by itself (Linux `init/main.c`, `envp_init`).
const ENVIRONMENT: [(&str, &str); 2] = [("HOME", "/"), ("TERM", "linux")];

/// Boots the machine and serves until it stops; then powers it off. Never returns.
///
/// Outside of PID 1 it does nothing but end the process: the machine is someone else's.
pub fn boot(open_source: OpenSource) -> ! {
    say("cloister: init");
    // Step 1, first half.
    if !getpid().is_init() {
        say(Refusal::new(
            "process",
            "PID 1 of the image",
            "another process",
        ));
        std::process::exit(1)
    }
    // What panics before the service has its own hook may tell where, never what.
    std::panic::set_hook(Box::new(|info| {
        let at = info.location();
        say(format_args!(
            "cloister: panic at {}:{}",
            at.map_or("?", |at| at.file()),
            at.map_or(0, |at| at.line())
        ));
    }));
    match sequence(open_source) {
        Ok(()) => say("cloister: stopped"),
        Err(refusal) => say(refusal),
    }
    power_off()
}

fn sequence(open_source: OpenSource) -> Result<(), Refusal> {
    // Step 1, second half: the kernel passes words that it does not know on to init.
    untouched()?;
    // Step 2.
    mounts::mount_all()?;
    // Step 3.
    let line = std::fs::read_to_string("/proc/cmdline")
        .map_err(Refusal::failed("command line", "/proc/cmdline"))?;
    let line = cmdline::parse(&line)?;
    // Step 4.
    host::tables(Path::new("/sys/firmware/acpi/tables"))?;
    host::configuration_files(Path::new("/sys/firmware/qemu_fw_cfg/by_name"))?;
    seed::check()?;
    // Step 5.
    let source = open_source().map_err(Refusal::failed("secure processor", "signed evidence"))?;
    // Step 6.
    let disk = disk::find(Path::new("/sys/block"), line.data_blocks)?;
    let device =
        device_mapper::open_verity("weights", &disk.number, line.data_blocks, &line.root_hash)?;
    mounts::mount_weights(device, WEIGHTS)?;
    mounts::close_devices()?;
    // Step 7.
    network::configure(line.address, line.prefix)?;
    say(format_args!(
        "cloister: release {}, evidence from {}",
        line.release,
        source.describe()
    ));
    // Step 8.
    confine::confine(PORT)?;
    // Step 9.
    cloister_journal::install().map_err(Refusal::failed("journal", "the first one"))?;
    cloister_serve::run(cloister_serve::Config {
        listen: SocketAddr::new(IpAddr::V4(line.address), PORT),
        weights: PathBuf::from(WEIGHTS),
        release: line.release,
        source,
    })
    .map_err(Refusal::failed("service", "ready"))
}

/// No argument but the program's name, no variable but the kernel's own.
fn untouched() -> Result<(), Refusal> {
    let arguments = std::env::args_os().count();
    if arguments != 1 {
        return Err(Refusal::new(
            "arguments",
            "none",
            format!("{}", arguments.saturating_sub(1)),
        ));
    }
    for (name, value) in std::env::vars_os() {
        if !ENVIRONMENT
            .iter()
            .any(|(known, its)| name == *known && value == *its)
        {
            return Err(Refusal::new(
                "environment",
                "HOME TERM",
                name.to_string_lossy(),
            ));
        }
    }
    Ok(())
}
