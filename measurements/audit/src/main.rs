//! `cloister-audit`: audits a checkout, and writes the provenance of an image.
#![forbid(unsafe_code)]

use clap::{Args, Parser, Subcommand};
use cloister_audit::live::Service;
use cloister_audit::policy::MAXIMUM_DAYS;
use cloister_audit::tree::Tree;
use cloister_audit::{Question, audit, crates, provenance};
use cloister_verify::UnixTime;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

/// Shown below the help text.
const EXIT_CODES: &str = "Exit codes: 0 nothing failed; 1 something failed; 2 there is nothing to audit, or the options are wrong.";

/// Audits this checkout: inputs, rebuild, measurements, log, policy, trusted code base, and a live service if one is named.
#[derive(Parser)]
#[command(name = "cloister-audit", version, after_help = EXIT_CODES, args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
struct Arguments {
    #[command(subcommand)]
    step: Option<Step>,
    #[command(flatten)]
    audit: Audit,
    /// The repository
    #[arg(long, value_name = "DIR", default_value = ".", global = true)]
    root: PathBuf,
}

#[derive(Args)]
struct Audit {
    /// Take the image under target/image as it is, instead of making it anew
    #[arg(long)]
    no_rebuild: bool,
    /// Where to make it anew; emptied first
    #[arg(long, value_name = "DIR", default_value = "target/audit")]
    workshop: PathBuf,
    /// The folder of the published release [default: measurements/releases/<version>]
    #[arg(long, value_name = "DIR")]
    release: Option<PathBuf>,
    /// The log and the witnesses to believe (TOML) [default: the built-in policy, which lists none]
    #[arg(long, value_name = "FILE")]
    log_policy: Option<PathBuf>,
    /// Days that the source of a policy line may go without a new look
    #[arg(long, value_name = "DAYS", default_value_t = MAXIMUM_DAYS)]
    maximum_days: u64,
    /// Question a live service, where the relay passes connections through
    #[arg(long, value_name = "HOST:PORT")]
    live: Option<String>,
    /// The command that questions it [default: cloister, beside this program]
    #[arg(long, value_name = "FILE", requires = "live")]
    client: Option<PathBuf>,
    /// Write the report as JSON, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Options for `cloister verify`, behind `--`
    #[arg(last = true, value_name = "OPTION", requires = "live")]
    options: Vec<String>,
}

#[derive(Subcommand)]
enum Step {
    /// Write the provenance of the image under target/image: in-toto Statement v1, SLSA provenance v1, unsigned
    Provenance {
        /// The file to write
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
}

fn main() -> ExitCode {
    match run(Arguments::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("cloister-audit: {error}");
            ExitCode::from(2)
        }
    }
}

fn run(arguments: Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let named = |error: std::io::Error| format!("{}: {error}", arguments.root.display());
    let root = arguments.root.canonicalize().map_err(named)?;
    let tree = Tree::at(&root);
    match arguments.step {
        Some(Step::Provenance { out }) => {
            let crates = crates::reachable(&root)?;
            write(&out, &provenance::statement(&tree, &crates)?)?;
            Ok(ExitCode::SUCCESS)
        }
        None => report(&tree, arguments.audit),
    }
}

fn report(tree: &Tree, wanted: Audit) -> Result<ExitCode, Box<dyn Error>> {
    let live = match wanted.live {
        None => None,
        Some(address) => Some(Service {
            address,
            client: wanted.client.map_or_else(beside, Ok)?,
            options: wanted.options,
        }),
    };
    let workshop = (!wanted.no_rebuild).then(|| tree.root.join(wanted.workshop));
    let question = Question {
        workshop,
        release: wanted.release,
        log_policy: wanted.log_policy,
        live,
        maximum_days: wanted.maximum_days,
    };
    let now = UnixTime(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs());
    let report = audit(tree, &question, now)?;
    print!("{report}");
    if let Some(path) = wanted.json {
        write(&path, &report.to_json()?)?;
    }
    Ok(if report.passed() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The client, where cargo puts it.
fn beside() -> Result<PathBuf, std::io::Error> {
    std::env::current_exe().map(|path| path.with_file_name("cloister"))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}
