//! `cloister-measure`: reads the files of an image, writes its release file and prints the digests.
#![forbid(unsafe_code)]

use clap::{Args, Parser, ValueEnum};
use cloister_digest::allow;
use cloister_digest::measure::{CPUS, Files, Measured, VCPUS, release, shapes};
use cloister_digest::snp::{CpuType, Shape, UnknownCpu};
use cloister_verify::release::{Flavour, Hex, Release};
use std::error::Error;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// The largest file that is read; an initrd has a few MiB.
const MAX_FILE: u64 = 1 << 30;

/// The files given to QEMU.
#[derive(Args)]
struct Paths {
    /// Firmware (-bios)
    #[arg(long)]
    firmware: PathBuf,
    /// Kernel (-kernel)
    #[arg(long)]
    kernel: PathBuf,
    /// Initrd (-initrd)
    #[arg(long)]
    initrd: PathBuf,
    /// File with the kernel command line, without a newline at its end (-append)
    #[arg(long)]
    cmdline: PathBuf,
}

/// Computes the launch digests of an image from its files, writes the release file and prints one table.
///
/// `cloister-measure snp` prints a single digest instead, of any firmware; see `cloister-measure snp --help`.
#[derive(Parser)]
#[command(name = "cloister-measure", version)]
struct ReleaseLine {
    #[command(flatten)]
    paths: Paths,
    /// Which image this is
    #[arg(long)]
    flavour: FlavourName,
    /// Release id; must be the one on the command line
    #[arg(long)]
    release: Option<String>,
    /// Numbers of CPUs
    #[arg(long, value_delimiter = ',', default_values_t = VCPUS)]
    vcpus: Vec<u32>,
    /// CPU models
    #[arg(long, value_delimiter = ',', default_values_t = CPUS.map(str::to_owned), value_parser = cpu_name)]
    cpu: Vec<String>,
    /// SEV_FEATURES word
    #[arg(long, default_value = "0x1", value_parser = features)]
    guest_features: u64,
    /// Where the release file goes
    #[arg(long)]
    out: PathBuf,
}

/// Prints one SEV-SNP launch digest, of any firmware.
#[derive(Parser)]
#[command(name = "cloister-measure snp", version)]
struct SnpLine {
    #[command(flatten)]
    paths: Paths,
    /// Number of CPUs
    #[arg(long)]
    vcpus: u32,
    /// CPU model
    #[arg(long, value_parser = CpuType::parse)]
    cpu: CpuType,
    /// SEV_FEATURES word
    #[arg(long, default_value = "0x1", value_parser = features)]
    guest_features: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum FlavourName {
    /// Asks hardware for evidence
    Production,
    /// Asks the simulated secure processor
    Simulated,
}

impl From<FlavourName> for Flavour {
    fn from(name: FlavourName) -> Self {
        match name {
            FlavourName::Production => Self::Production,
            FlavourName::Simulated => Self::Simulated,
        }
    }
}

fn cpu_name(name: &str) -> Result<String, UnknownCpu> {
    CpuType::parse(name).map(|cpu| cpu.name().to_owned())
}

fn features(text: &str) -> Result<u64, std::num::ParseIntError> {
    text.strip_prefix("0x")
        .map_or_else(|| text.parse(), |digits| u64::from_str_radix(digits, 16))
}

/// The files' bytes, each read once.
struct Bytes {
    firmware: Vec<u8>,
    kernel: Vec<u8>,
    initrd: Vec<u8>,
    cmdline: Vec<u8>,
}

impl Bytes {
    fn read(paths: &Paths) -> Result<Self, Box<dyn Error>> {
        Ok(Self {
            firmware: read(&paths.firmware)?,
            kernel: read(&paths.kernel)?,
            initrd: read(&paths.initrd)?,
            cmdline: read(&paths.cmdline)?,
        })
    }

    fn files(&self) -> Files<'_> {
        Files {
            firmware: &self.firmware,
            kernel: &self.kernel,
            initrd: &self.initrd,
            cmdline: &self.cmdline,
        }
    }
}

fn read(path: &Path) -> Result<Vec<u8>, Box<dyn Error>> {
    let named = |e: std::io::Error| format!("{}: {e}", path.display());
    let file = std::fs::File::open(path).map_err(named)?;
    let mut bytes = Vec::new();
    file.take(MAX_FILE.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(named)?;
    if u64::try_from(bytes.len())? > MAX_FILE {
        return Err(format!("{}: expected at most {MAX_FILE} bytes", path.display()).into());
    }
    Ok(bytes)
}

fn main() -> ExitCode {
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    let single = arguments.get(1).is_some_and(|word| word == "snp");
    let done = if single {
        arguments.remove(1);
        one_digest(&SnpLine::parse_from(arguments))
    } else {
        write_release(&ReleaseLine::parse_from(arguments))
    };
    match done {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(e) => {
            eprintln!("cloister-measure: {e}");
            ExitCode::FAILURE
        }
    }
}

fn one_digest(line: &SnpLine) -> Result<String, Box<dyn Error>> {
    let bytes = Bytes::read(&line.paths)?;
    if let Err(warning) = allow::admit(&bytes.firmware, Flavour::Production) {
        eprintln!("cloister-measure: not for a release: {warning}");
    }
    let shape = Shape {
        cpu: line.cpu,
        vcpus: line.vcpus,
        guest_features: line.guest_features,
    };
    let digest = Measured::hash(&bytes.files())?.digest(&shape)?;
    Ok(format!("{}\n", Hex(digest)))
}

fn write_release(line: &ReleaseLine) -> Result<String, Box<dyn Error>> {
    let bytes = Bytes::read(&line.paths)?;
    let cpus = line
        .cpu
        .iter()
        .map(|name| CpuType::parse(name))
        .collect::<Result<Vec<_>, _>>()?;
    let shapes = shapes(&cpus, &line.vcpus, line.guest_features);
    let release = release(&bytes.files(), line.flavour.into(), &shapes)?;
    if let Some(expected) = &line.release
        && expected != release.release.as_str()
    {
        return Err(format!(
            "release id: expected {expected}, found {} on the command line",
            release.release
        )
        .into());
    }
    std::fs::write(&line.out, release.to_json()?)
        .map_err(|e| format!("{}: {e}", line.out.display()))?;
    Ok(table(&release)?)
}

fn table(release: &Release) -> Result<String, std::fmt::Error> {
    let mut text = String::new();
    let flavour = format!("{:?}", release.flavour).to_lowercase();
    writeln!(text, "release   {} ({flavour})", release.release)?;
    writeln!(
        text,
        "firmware  {}  {}",
        release.firmware.sha256, release.firmware.name
    )?;
    writeln!(text, "kernel    {}", release.kernel_sha256)?;
    writeln!(text, "initrd    {}", release.initrd_sha256)?;
    writeln!(text, "weights   {}", release.weights.root_hash)?;
    writeln!(text, "cmdline   {}", release.cmdline)?;
    writeln!(
        text,
        "{:<14} {:>5} {:>8}  launch digest",
        "CPU", "count", "features"
    )?;
    for shape in &release.snp {
        let features = format!("{:#x}", shape.guest_features);
        writeln!(
            text,
            "{:<14} {:>5} {features:>8}  {}",
            shape.cpu, shape.vcpus, shape.digest
        )?;
    }
    Ok(text)
}
