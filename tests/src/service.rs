//! The service behind the gateway, with a simulated secure processor that measures the very files of the image: as a process on
//! this machine ([`Service::native`]) or inside a virtual machine that QEMU boots ([`Service::booted`]).

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use crate::children::{Finished, Running, run};
use crate::{ports, programs};

/// How long a machine may take to boot: its CPU is emulated, and others may share ours.
const BOOT: Duration = Duration::from_secs(240);

/// How long a program may take to start.
const START: Duration = Duration::from_secs(120);

/// What is given to QEMU and to the simulated secure processor.
#[derive(Clone, Debug)]
pub struct Files {
    /// The firmware.
    pub firmware: PathBuf,
    /// The kernel.
    pub kernel: PathBuf,
    /// The initramfs.
    pub initrd: PathBuf,
    /// File with the kernel command line.
    pub cmdline: PathBuf,
    /// The weights volume with its verity tree.
    pub weights: PathBuf,
    /// CPU count.
    pub vcpus: u32,
    /// The flavour of `image/run`.
    pub flavour: &'static str,
    /// Further arguments of `image/run`, options for QEMU among them.
    pub more: Vec<String>,
}

impl Files {
    /// The image-sim flavour as it was built, in the folder `CLOISTER_IMAGE` or `target/image`.
    ///
    /// # Panics
    /// When it was not built.
    pub fn of_the_image() -> Self {
        let image = image();
        let file = |name: &str| {
            let path = image.join(name);
            assert!(
                path.is_file(),
                "{} is missing; run `make image`",
                path.display()
            );
            path
        };
        Self {
            firmware: file("OVMF.generic.fd"),
            kernel: file("vmlinuz"),
            initrd: file("initrd-sim.cpio"),
            cmdline: file("cmdline"),
            weights: file("weights.img"),
            vcpus: 2,
            flavour: "sim",
            more: Vec::new(),
        }
    }

    /// The production flavour as it was built, for a machine that is no confidential VM.
    ///
    /// # Panics
    /// When it was not built.
    pub fn of_the_production_image() -> Self {
        Self {
            initrd: image().join("initrd.cpio"),
            flavour: "production",
            ..Self::of_the_image()
        }
    }
}

/// The folder with the built image.
pub fn image() -> PathBuf {
    std::env::var_os("CLOISTER_IMAGE").map_or_else(
        || programs::repository().join("target/image"),
        PathBuf::from,
    )
}

/// The release file of image-sim, published: what a device expects, and the log that it believes.
#[derive(Debug)]
pub struct Release {
    folder: PathBuf,
    file: PathBuf,
}

impl Release {
    /// Publishes it with `sim/publish`, in a log with witnesses of its own below `folder`.
    ///
    /// # Panics
    /// When the image was not measured, or the release can not be published.
    pub fn publish(folder: &Path) -> Self {
        let path = image().join("release-sim.json");
        assert!(
            path.is_file(),
            "{} is missing; run `make measure`",
            path.display()
        );
        let folder = folder.join("publish");
        let done = run(
            &programs::repository().join("sim/publish"),
            b"",
            START,
            |command| {
                command.arg(path).arg(&folder);
                command.env("CLOISTER_BIN_DIR", programs::folder());
            },
        );
        assert_eq!(done.code, 0, "sim/publish: {}{}", done.out(), done.err());
        let releases = folder.join("releases");
        let file = releases
            .join(env!("CARGO_PKG_VERSION"))
            .join("release-sim.json");
        assert!(file.is_file(), "{} is not there", file.display());
        Self { folder, file }
    }

    /// The options that name the release, its log, and the place where a device remembers.
    pub fn options(&self) -> Vec<OsString> {
        vec![
            "--release".into(),
            self.file.clone().into(),
            "--log-policy".into(),
            self.folder.join("log.toml").into(),
            "--log-state".into(),
            self.folder.join("state.json").into(),
        ]
    }
}

/// The simulated secure processor. It is given the files once, before anything boots.
#[derive(Debug)]
pub struct Processor {
    /// Its socket.
    pub socket: PathBuf,
    /// Its root certificate, made afresh at each start.
    pub root: PathBuf,
    running: Running,
}

impl Processor {
    /// Starts it over these files, with its socket and root certificate in `folder`.
    ///
    /// # Panics
    /// When it does not start.
    pub fn start(folder: &Path, files: &Files) -> Self {
        let (socket, root) = (folder.join("processor"), folder.join("root.der"));
        let mut running = Running::start(
            "cloister-sim",
            &programs::own("cloister-sim"),
            folder,
            |command| {
                command
                    .arg("--socket")
                    .arg(&socket)
                    .arg("--firmware")
                    .arg(&files.firmware)
                    .arg("--kernel")
                    .arg(&files.kernel)
                    .arg("--initrd")
                    .arg(&files.initrd)
                    .arg("--cmdline")
                    .arg(&files.cmdline)
                    .args([
                        "--vcpus",
                        &files.vcpus.to_string(),
                        "--cpu",
                        "EPYC-v4",
                        "--root-out",
                    ])
                    .arg(&root);
            },
        );
        let start = std::time::Instant::now();
        while !(socket.exists() && root.exists()) {
            assert!(
                running.alive() && start.elapsed() < START,
                "cloister-sim does not start: {}",
                String::from_utf8_lossy(&running.output())
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Self {
            socket,
            root,
            running,
        }
    }
}

/// A virtual machine with its simulated secure processor, from the moment that QEMU starts.
#[derive(Debug)]
pub struct Machine {
    address: SocketAddr,
    console: PathBuf,
    running: Running,
    processor: Processor,
}

impl Machine {
    /// Starts it. `files` go to QEMU and to the secure processor alike.
    ///
    /// # Panics
    /// When a program is missing.
    pub fn start(folder: &Path, files: &Files) -> Self {
        let processor = Processor::start(folder, files);
        let address = ports::free();
        let console = folder.join("console.log");
        let running = Running::start(
            "machine",
            &programs::repository().join("image/run"),
            folder,
            |command| {
                command
                    .args([
                        "--flavour",
                        files.flavour,
                        "--quiet",
                        "--vcpus",
                        &files.vcpus.to_string(),
                    ])
                    .args(["--port", &address.port().to_string(), "--firmware"])
                    .arg(&files.firmware)
                    .arg("--kernel")
                    .arg(&files.kernel)
                    .arg("--initrd")
                    .arg(&files.initrd)
                    .arg("--cmdline")
                    .arg(&files.cmdline)
                    .arg("--weights")
                    .arg(&files.weights)
                    .arg("--processor")
                    .arg(&processor.socket)
                    .arg("--console")
                    .arg(&console)
                    .args(&files.more);
            },
        );
        Self {
            address,
            console,
            running,
            processor,
        }
    }

    /// Waits for a line with `word` on the console, and returns all that it shows.
    ///
    /// # Panics
    /// When the machine ends before, or does not say it in the time that a boot may take.
    pub fn wait_for(&mut self, word: &str) -> String {
        let start = std::time::Instant::now();
        loop {
            let said = self.said();
            if said.contains(word) {
                return said;
            }
            assert!(
                self.running.alive() && start.elapsed() < BOOT,
                "the machine does not say {word:?}; its console:\n{said}\nQEMU:\n{}",
                String::from_utf8_lossy(&self.running.output())
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// All that the console has shown so far.
    pub fn said(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.console).unwrap_or_default()).into_owned()
    }
}

/// A running service with its simulated secure processor.
#[derive(Debug)]
pub struct Service {
    /// Where it speaks TLS.
    pub address: SocketAddr,
    /// The simulated processor's root certificate.
    pub root: PathBuf,
    running: Running,
    processor: Processor,
    console: Option<PathBuf>,
}

impl Service {
    /// The service as a process of this machine.
    ///
    /// # Panics
    /// When it does not come up.
    pub fn native(folder: &Path) -> Self {
        let files = Files::of_the_image();
        let processor = Processor::start(folder, &files);
        let address = ports::free();
        let weights = std::env::var_os("CLOISTER_WEIGHTS").map_or_else(
            || programs::repository().join("target/weights"),
            PathBuf::from,
        );
        let mut running = Running::start(
            "service",
            &programs::own("cloister-serve-sim"),
            folder,
            |command| {
                command
                    .args(["--listen", &address.to_string(), "--processor"])
                    .arg(&processor.socket)
                    .arg("--weights")
                    .arg(weights)
                    .args(["--release", env!("CARGO_PKG_VERSION")]);
            },
        );
        running.wait_for("listening", START);
        Self {
            address,
            root: processor.root.clone(),
            running,
            processor,
            console: None,
        }
    }

    /// The service inside a booted virtual machine. `files` go to QEMU and to the secure processor alike.
    ///
    /// # Panics
    /// When the machine does not serve.
    pub fn booted(folder: &Path, files: &Files) -> Self {
        let mut machine = Machine::start(folder, files);
        machine.wait_for("cloister: listening");
        let Machine {
            address,
            console,
            running,
            processor,
        } = machine;
        Self {
            address,
            root: processor.root.clone(),
            running,
            processor,
            console: Some(console),
        }
    }

    /// Boots a machine that is expected to end by itself. Returns its end and all that its console showed.
    ///
    /// # Panics
    /// When it still runs after the time that a boot may take.
    pub fn boot_that_ends(folder: &Path, files: &Files) -> (ExitStatus, String) {
        let mut machine = Machine::start(folder, files);
        let status = machine.running.wait_end(BOOT);
        (status, machine.said())
    }

    /// Whether service and secure processor still run.
    pub fn alive(&mut self) -> bool {
        self.running.alive() && self.processor.running.alive()
    }

    /// The process id of the service (of the machine's runner, when booted).
    pub fn id(&self) -> u32 {
        self.running.id()
    }

    /// Everything that service, console and secure processor have said.
    pub fn output(&self) -> Vec<u8> {
        let mut all = self.running.output();
        all.extend(self.processor.running.output());
        if let Some(console) = &self.console {
            all.extend(std::fs::read(console).unwrap_or_default());
        }
        all
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        if std::thread::panicking()
            && let Some(console) = &self.console
        {
            let text = std::fs::read(console).unwrap_or_default();
            let from = text.len().saturating_sub(4000);
            eprintln!(
                "--- the console showed:\n{}",
                String::from_utf8_lossy(&text[from..])
            );
        }
    }
}

/// Runs `cloister` with these arguments to its end.
///
/// # Panics
/// When it takes longer than three minutes.
pub fn cloister<A: AsRef<std::ffi::OsStr>>(
    arguments: impl IntoIterator<Item = A>,
    input: &[u8],
) -> Finished {
    run(
        &programs::own("cloister"),
        input,
        Duration::from_secs(180),
        |command| {
            command.args(arguments);
        },
    )
}
