//! `cloister-sim`: the simulated secure processor of one virtual machine.
#![forbid(unsafe_code)]

use clap::Parser;
use cloister_digest::measure::{Files, Measured};
use cloister_digest::snp::{CpuType, Shape};
use cloister_sim_processor::{Processor, serve};
use std::error::Error;
use std::fs::{self, File, Permissions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::time::{Instant, SystemTime, UNIX_EPOCH};
use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// The largest file that is measured.
const MAX_FILE: u64 = 1 << 30;
/// SNP alone, as the release lists.
const GUEST_FEATURES: u64 = 0x1;

/// Plays the secure processor for one virtual machine. What it signs is worth nothing outside tests.
#[derive(Parser)]
#[command(name = "cloister-sim", version)]
struct Line {
    /// Unix socket to listen on, for QEMU's character device
    #[arg(long)]
    socket: PathBuf,
    /// Firmware given to QEMU
    #[arg(long)]
    firmware: PathBuf,
    /// Kernel given to QEMU
    #[arg(long)]
    kernel: PathBuf,
    /// Initrd given to QEMU
    #[arg(long)]
    initrd: PathBuf,
    /// File with the command line given to QEMU
    #[arg(long)]
    cmdline: PathBuf,
    /// Number of CPUs given to QEMU
    #[arg(long)]
    vcpus: u32,
    /// CPU model that the release is measured for
    #[arg(long, value_parser = CpuType::parse)]
    cpu: CpuType,
    /// Where the fresh root certificate goes (DER)
    #[arg(long)]
    root_out: PathBuf,
    /// Where log lines go; standard error otherwise
    #[arg(long)]
    log: Option<PathBuf>,
}

/// Log lines with the seconds since the start.
struct Log {
    start: Instant,
    file: Option<Mutex<File>>,
}

impl Log {
    fn open(path: Option<&Path>) -> Result<Self, Box<dyn Error>> {
        let open = |path: &Path| {
            File::options()
                .create(true)
                .append(true)
                .open(path)
                .map_err(|e| named(path, &e))
        };
        let file = path.map(open).transpose()?.map(Mutex::new);
        Ok(Self {
            start: Instant::now(),
            file,
        })
    }

    fn line(&self, text: &str) {
        let line = format!(
            "cloister-sim SIMULATED {:8.3} {text}\n",
            self.start.elapsed().as_secs_f64()
        );
        // A log that cannot be written must not stop the processor.
        let _ = match self.file.as_ref().map(Mutex::lock) {
            Some(Ok(mut file)) => file.write_all(line.as_bytes()),
            _ => std::io::stderr().write_all(line.as_bytes()),
        };
    }
}

fn named(path: &Path, error: &dyn Error) -> String {
    format!("{}: {error}", path.display())
}

fn read(path: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    let mut bytes = Vec::new();
    let file = File::open(path).map_err(|e| named(path, &e))?;
    file.take(MAX_FILE.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(|e| named(path, &e))?;
    if u64::try_from(bytes.len())? > MAX_FILE {
        return Err(format!("{}: expected at most {MAX_FILE} bytes", path.display()).into());
    }
    Ok(bytes)
}

/// Reads each file once and hashes what was read.
fn measure(line: &Line) -> Result<Measured, Box<dyn Error>> {
    let (firmware, kernel) = (read(&line.firmware)?, read(&line.kernel)?);
    let (initrd, cmdline) = (read(&line.initrd)?, read(&line.cmdline)?);
    let files = Files {
        firmware: &firmware,
        kernel: &kernel,
        initrd: &initrd,
        cmdline: &cmdline,
    };
    Ok(Measured::hash(&files)?)
}

/// Takes the socket's place when nobody listens there any more.
fn listen(path: &Path) -> Result<UnixListener, Box<dyn Error>> {
    if path.exists() {
        if UnixStream::connect(path).is_ok() {
            return Err(format!(
                "{}: another simulated processor listens there",
                path.display()
            )
            .into());
        }
        fs::remove_file(path).map_err(|e| named(path, &e))?;
    }
    let listener = UnixListener::bind(path).map_err(|e| named(path, &e))?;
    fs::set_permissions(path, Permissions::from_mode(0o600)).map_err(|e| named(path, &e))?;
    Ok(listener)
}

/// The socket's name in the file system, removed when the processor stops for whatever reason.
struct SocketFile<'a>(&'a Path);

impl Drop for SocketFile<'_> {
    fn drop(&mut self) {
        let _ = fs::remove_file(self.0);
    }
}

/// Writes the root certificate so that it is there whole or not at all.
fn write_root(path: &Path, root: &[u8]) -> Result<(), Box<dyn Error>> {
    let mut unfinished = path.as_os_str().to_owned();
    unfinished.push(".unfinished");
    fs::write(&unfinished, root).map_err(|e| named(path, &e))?;
    fs::rename(&unfinished, path).map_err(|e| named(path, &e))?;
    Ok(())
}

async fn run(line: &Line, log: &Arc<Log>) -> Result<(), Box<dyn Error>> {
    let (mut terminate, mut interrupt) = (
        signal(SignalKind::terminate())?,
        signal(SignalKind::interrupt())?,
    );
    // Listen first: QEMU connects while the keys are made.
    let listener = listen(&line.socket)?;
    let _socket = SocketFile(&line.socket);
    // A root of an earlier start must not be taken for this one's.
    if line.root_out.exists() {
        fs::remove_file(&line.root_out).map_err(|e| named(&line.root_out, &e))?;
    }
    let (ready, processor) = watch::channel(None);
    let serving = {
        let log = Arc::clone(log);
        serve(listener, processor, move |event| {
            log.line(&event.to_string())
        })
    };

    let measured = measure(line)?;
    let shape = Shape {
        cpu: line.cpu,
        vcpus: line.vcpus,
        guest_features: GUEST_FEATURES,
    };
    let digest: String = measured
        .digest(&shape)?
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    log.line(&format!(
        "measured {} CPUs of type {}: {digest}",
        line.vcpus, line.cpu
    ));
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let starting = tokio::task::spawn_blocking(move || Processor::start(&measured, &shape, now));
    let start = async {
        let processor = starting.await??;
        write_root(&line.root_out, processor.root())?;
        log.line("the certificate chain is made");
        ready.send_replace(Some(Arc::new(processor)));
        // The sender must live as long as requests may wait for it.
        std::future::pending::<()>().await;
        Ok::<(), Box<dyn Error>>(())
    };
    tokio::select! {
        served = serving => served.map_err(Into::into),
        started = start => started,
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    }
}

fn main() -> ExitCode {
    let line = Line::parse();
    let log = match Log::open(line.log.as_deref()) {
        Ok(log) => Arc::new(log),
        Err(e) => {
            eprintln!("cloister-sim: {e}");
            return ExitCode::FAILURE;
        }
    };
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(e) => {
            eprintln!("cloister-sim: {e}");
            return ExitCode::FAILURE;
        }
    };
    let outcome = runtime.block_on(run(&line, &log));
    // Keys that are still being made need not be waited for.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => {
            log.line("stopped");
            ExitCode::SUCCESS
        }
        Err(e) => {
            log.line(&format!("stopped: {e}"));
            eprintln!("cloister-sim: {e}");
            ExitCode::FAILURE
        }
    }
}
