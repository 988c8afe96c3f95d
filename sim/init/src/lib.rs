//! Where the simulated image finds its secure processor.
//!
//! In comes what the kernel lists of virtio-serial ports; out comes the evidence source of the simulated flavour, which has signed once
//! already, or an error in bounded time. The programs in `bin/` are PID 1 of image-sim, PID 1 of the test image that tries what the
//! service may not do, and the service as a native process.
#![forbid(unsafe_code)]

use cloister_guest::EvidenceSource;
use cloister_sim_guest::SimulatedProcessor;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Where the kernel lists the virtio-serial ports with the names that the host gave them.
const PORTS: &str = "/sys/class/virtio-ports";
/// The processor's port, as `image/run` names it.
const NAME: &str = "cloister.sim";
/// The host announces its ports while the kernel boots on; this is how long init waits for that.
const PATIENCE: Duration = Duration::from_secs(10);

/// Opens the simulated secure processor of this machine.
///
/// # Errors
/// When ten seconds after boot there is no port of its name, or when it does not sign.
pub fn open() -> Result<Box<dyn EvidenceSource>, Box<dyn Error>> {
    let deadline = Instant::now() + PATIENCE;
    let device = loop {
        if let Some(device) = find(Path::new(PORTS)) {
            break device;
        }
        if Instant::now() > deadline {
            return Err(format!("no virtio-serial port called {NAME}").into());
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    Ok(Box::new(SimulatedProcessor::open(device)?))
}

/// The device of the port with the processor's name. Without udev there is no link under that name.
fn find(ports: &Path) -> Option<PathBuf> {
    std::fs::read_dir(ports).ok()?.flatten().find_map(|port| {
        let name = std::fs::read_to_string(port.path().join("name")).ok()?;
        (name.trim_end() == NAME).then(|| Path::new("/dev").join(port.file_name()))
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_port_is_found_by_its_name_alone() {
        let folder = std::env::temp_dir().join(format!("cloister-init-sim-{}", std::process::id()));
        let port = |device: &str, name: &str| {
            std::fs::create_dir_all(folder.join(device)).unwrap();
            std::fs::write(folder.join(device).join("name"), format!("{name}\n")).unwrap();
        };
        assert_eq!(find(&folder), None);
        port("vport0p1", "cloister.simulated");
        // The first console port has no name at all.
        std::fs::create_dir_all(folder.join("vport0p0")).unwrap();
        assert_eq!(find(&folder), None);
        port("vport0p2", "cloister.sim");
        assert_eq!(find(&folder), Some(PathBuf::from("/dev/vport0p2")));
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
