//! `cloister-measure`: reads the files of an image, writes its release file and prints the digests.
#![forbid(unsafe_code)]

use clap::{Args, Parser, ValueEnum};
use cloister_digest::allow::{self, Role};
use cloister_digest::measure::{
    CPUS, Files, Host, HostShape, Measured, TdxLaunch, VCPUS, add_tdx, release, shapes,
};
use cloister_digest::snp::{CpuType, Shape, UnknownCpu};
use cloister_digest::tdx::{HostTables, TABLE_LOADER};
use cloister_digest::{corim, json, table};
use cloister_verify::release::{Flavour, Hex};
use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::OsString;
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

/// Computes the measurements of an image from its files, writes the release file and prints one table a machine shape.
///
/// `cloister-measure snp` prints a single SEV-SNP launch digest instead, of any firmware, and `cloister-measure tdx` the registers and
/// events of one trust domain; see their `--help`.
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
    /// Numbers of CPUs of SEV-SNP guests
    #[arg(long, value_delimiter = ',', default_values_t = VCPUS)]
    vcpus: Vec<u32>,
    /// CPU models of SEV-SNP guests
    #[arg(long, value_delimiter = ',', default_values_t = CPUS.map(str::to_owned), value_parser = cpu_name)]
    cpu: Vec<String>,
    /// SEV_FEATURES words
    #[arg(long, value_delimiter = ',', default_value = "0x1", value_parser = features)]
    guest_features: Vec<u64>,
    /// Firmware of trust domains
    #[arg(long, requires = "tdx_host")]
    tdx_firmware: Option<PathBuf>,
    /// Folder with what a host of trust domains hands to the firmware, as measurements/capture-host writes it; one a machine shape
    #[arg(long, requires = "tdx_firmware")]
    tdx_host: Vec<PathBuf>,
    /// Where the release file goes
    #[arg(long)]
    out: PathBuf,
    /// Print JSON instead of tables
    #[arg(long)]
    json: bool,
    /// Where a CoRIM of the SEV-SNP shapes goes
    #[arg(long)]
    corim: Option<PathBuf>,
    /// Where a CoRIM of the TDX shapes goes
    #[arg(long, requires = "tdx_host")]
    corim_tdx: Option<PathBuf>,
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

/// Prints the registers of one trust domain and the events that lead to them, of a firmware that is allowed for TDX.
#[derive(Parser)]
#[command(name = "cloister-measure tdx", version)]
struct TdxLine {
    #[command(flatten)]
    paths: Paths,
    /// Memory in MiB
    #[arg(long, required_unless_present = "host", conflicts_with = "host")]
    memory: Option<u64>,
    /// Folder with what the host hands to the firmware; without it RTMR0 is not predicted
    #[arg(long)]
    host: Option<PathBuf>,
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

/// A host's folder: `shape.toml`, and the files by their fw_cfg names.
fn read_host(folder: &Path) -> Result<Host, Box<dyn Error>> {
    let named = |why: String| format!("{}: {why}", folder.display());
    let text = String::from_utf8(read(&folder.join("shape.toml"))?)?;
    let shape = HostShape::parse(&text).map_err(|e| named(e.to_string()))?;
    let loader = read(&folder.join(TABLE_LOADER))?;
    let fetched = HostTables::fetched_by(&loader).map_err(|e| named(e.to_string()))?;
    let mut files = BTreeMap::new();
    for name in HostTables::names().map(str::to_owned).chain(fetched) {
        let path = folder.join(&name);
        if path.is_file() {
            files.insert(name, read(&path)?);
        }
    }
    let tables = HostTables::new(files).map_err(|e| named(e.to_string()))?;
    Ok(Host { shape, tables })
}

fn write(path: &Path, bytes: impl AsRef<[u8]>) -> Result<(), Box<dyn Error>> {
    std::fs::write(path, bytes).map_err(|e| format!("{}: {e}", path.display()).into())
}

fn main() -> ExitCode {
    let mut arguments: Vec<OsString> = std::env::args_os().collect();
    let word = arguments
        .get(1)
        .and_then(|word| word.to_str())
        .unwrap_or_default()
        .to_owned();
    if matches!(word.as_str(), "snp" | "tdx") {
        arguments.remove(1);
    }
    let done = match word.as_str() {
        "snp" => one_digest(&SnpLine::parse_from(arguments)),
        "tdx" => one_trust_domain(&TdxLine::parse_from(arguments)),
        _ => write_release(&ReleaseLine::parse_from(arguments)),
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
    if let Err(warning) = allow::admit(&bytes.firmware, Role::Snp) {
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

fn one_trust_domain(line: &TdxLine) -> Result<String, Box<dyn Error>> {
    let bytes = Bytes::read(&line.paths)?;
    let files = bytes.files();
    let launch = TdxLaunch::read(&files)?;
    let host = line.host.as_deref().map(read_host).transpose()?;
    let memory = host
        .as_ref()
        .map(|host| host.shape.memory_mib)
        .or(line.memory)
        .unwrap_or_default();
    let events = launch.events(memory, host.as_ref().map(|host| &host.tables))?;
    Ok(table::launch(
        launch.firmware_name(),
        &launch.mrtd(),
        &events,
        host.is_some(),
    )?)
}

fn write_release(line: &ReleaseLine) -> Result<String, Box<dyn Error>> {
    let bytes = Bytes::read(&line.paths)?;
    let cpus = line
        .cpu
        .iter()
        .map(|name| CpuType::parse(name))
        .collect::<Result<Vec<_>, _>>()?;
    let features = line.guest_features.iter();
    let shapes: Vec<Shape> = features
        .flat_map(|word| shapes(&cpus, &line.vcpus, *word))
        .collect();
    let mut release = release(&bytes.files(), line.flavour.into(), &shapes)?;
    if let Some(expected) = &line.release
        && expected != release.release.as_str()
    {
        return Err(format!(
            "release id: expected {expected}, found {} on the command line",
            release.release
        )
        .into());
    }
    if let Some(path) = &line.tdx_firmware {
        let firmware = read(path)?;
        let files = Files {
            firmware: &firmware,
            ..bytes.files()
        };
        let hosts = line
            .tdx_host
            .iter()
            .map(|folder| read_host(folder))
            .collect::<Result<Vec<_>, _>>()?;
        add_tdx(&mut release, &files, &hosts)?;
    }
    write(&line.out, release.to_json()?)?;
    let empty = "no shape to write a CoRIM of";
    if let Some(path) = &line.corim {
        write(path, corim::snp(&release).ok_or(empty)?)?;
    }
    if let Some(path) = &line.corim_tdx {
        write(path, corim::tdx(&release).ok_or(empty)?)?;
    }
    Ok(if line.json {
        json::json(&release)?
    } else {
        table::table(&release)?
    })
}
