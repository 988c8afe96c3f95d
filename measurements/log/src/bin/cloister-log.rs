//! `cloister-log`: writes a transparency log, publishes it with witnesses, and verifies proofs.
#![forbid(unsafe_code)]

use clap::{Args, Parser, Subcommand};
use cloister_log::disk;
use cloister_log::key::SecretKey;
use cloister_log::log::Log;
use cloister_log::serve::now;
use cloister_log::submit::{WitnessUrl, submit};
use cloister_verify::UnixTime;
use cloister_verify::log::{
    Algorithm, Artefact, Entry, Kind, LogPolicy, MAX_PROOF_FILE, Word, published,
};
use std::error::Error;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Bytes of a file that is logged.
const MAX_FILE: usize = 64 << 20;
/// Bytes of a policy.
const MAX_POLICY: usize = 1 << 20;

/// The transparency log of published files
#[derive(Parser)]
#[command(version)]
struct Line {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Make a secret key (mode 0600, never over another file) and print its verifier key
    Keygen {
        /// Name: the log's origin, or the witness's name
        #[arg(long)]
        name: String,
        /// For a witness instead of a log
        #[arg(long)]
        witness: bool,
        /// Where the key file goes
        #[arg(long)]
        out: PathBuf,
    },
    /// Make an empty log
    Init(Where),
    /// Append an entry for each file, unless it is there already, and print its index
    Add {
        #[command(flatten)]
        place: Where,
        #[command(flatten)]
        what: What,
        /// Version: for a release its id
        #[arg(long, value_parser = word)]
        version: Word,
        /// The files
        #[arg(required = true)]
        files: Vec<PathBuf>,
    },
    /// Have witnesses cosign the newest head, publish it, and write FILE.tlog-proof beside each file
    Publish {
        #[command(flatten)]
        place: Where,
        /// The log policy that must be satisfied (TOML, like measurements/policy/log.toml)
        #[arg(long)]
        policy: PathBuf,
        /// Submission prefix of a witness; repeat for each
        #[arg(long)]
        witness: Vec<String>,
        #[command(flatten)]
        what: OptionalKind,
        /// Files that were added
        files: Vec<PathBuf>,
    },
    /// Hash every entry anew and compare with the tiles and the signed head
    Check(Where),
    /// Verify that a file was published, and print each check
    Verify {
        /// The file
        file: PathBuf,
        /// Its proof
        #[arg(long)]
        proof: PathBuf,
        /// Whom to believe; without it the built-in policy
        #[arg(long)]
        policy: Option<PathBuf>,
        #[command(flatten)]
        what: What,
        /// The name under which it was published; without it the file's own
        #[arg(long, value_parser = word)]
        name: Option<Word>,
        /// The time at which to judge, in seconds since 1970; without it now
        #[arg(long)]
        at: Option<u64>,
    },
}

#[derive(Args)]
struct Where {
    /// Folder of the log
    #[arg(long)]
    log: PathBuf,
    /// The log's key file
    #[arg(long)]
    key: PathBuf,
}

impl Where {
    fn open(&self) -> Result<Log, Box<dyn Error>> {
        let key = SecretKey::read(&self.key).map_err(named(&self.key))?;
        Ok(Log::open(&self.log, key).map_err(named(&self.log))?)
    }
}

#[derive(Args)]
struct What {
    /// image-release, key-bundle, machine-list or floors
    #[arg(long, value_parser = kind)]
    kind: Kind,
}

#[derive(Args)]
struct OptionalKind {
    /// Kind of the files
    #[arg(long, value_parser = kind, requires = "files")]
    kind: Option<Kind>,
    /// Version of the files
    #[arg(long, value_parser = word, requires = "files")]
    version: Option<Word>,
}

fn word(text: &str) -> Result<Word, String> {
    Word::parse(text).ok_or_else(|| "1 to 64 characters out of a-z, 0-9, '.' and '-'".into())
}

fn kind(text: &str) -> Result<Kind, String> {
    let words: Vec<&str> = Kind::ALL.iter().map(|kind| kind.word()).collect();
    Kind::parse(text).ok_or_else(|| format!("expected one of {}", words.join(", ")))
}

fn main() -> ExitCode {
    let done = match Line::parse().command {
        Command::Keygen { name, witness, out } => keygen(&name, witness, &out),
        Command::Init(place) => init(&place),
        Command::Add {
            place,
            what,
            version,
            files,
        } => add(&place, what.kind, &version, &files),
        Command::Publish {
            place,
            policy,
            witness,
            what,
            files,
        } => publish(&place, &policy, &witness, &what, &files),
        Command::Check(place) => check(&place),
        Command::Verify {
            file,
            proof,
            policy,
            what,
            name,
            at,
        } => verify(&file, &proof, policy.as_deref(), what.kind, name, at),
    };
    done.unwrap_or_else(|error| {
        eprintln!("cloister-log: {error}");
        ExitCode::FAILURE
    })
}

type Done = Result<ExitCode, Box<dyn Error>>;

/// Puts the file's name before an error.
fn named<E: Error>(path: &Path) -> impl Fn(E) -> String {
    move |error| format!("{}: {error}", path.display())
}

fn keygen(name: &str, witness: bool, out: &Path) -> Done {
    let algorithm = if witness {
        Algorithm::Cosignature
    } else {
        Algorithm::Ed25519
    };
    let key = SecretKey::generate(name, algorithm)?;
    key.write(out).map_err(named(out))?;
    println!("{}", key.public());
    Ok(ExitCode::SUCCESS)
}

fn init(place: &Where) -> Done {
    let key = SecretKey::read(&place.key).map_err(named(&place.key))?;
    Log::create(&place.log, key).map_err(named(&place.log))?;
    Ok(ExitCode::SUCCESS)
}

/// The entry of a file under its own name.
fn entry(path: &Path, kind: Kind, version: &Word) -> Result<Vec<u8>, Box<dyn Error>> {
    let bytes = disk::read(path, MAX_FILE).map_err(named(path))?;
    let entry = Entry::of(kind, file_name(path)?, version.clone(), &bytes);
    Ok(entry.to_string().into_bytes())
}

fn file_name(path: &Path) -> Result<Word, String> {
    path.file_name()
        .and_then(|name| name.to_str())
        .and_then(Word::parse)
        .ok_or_else(|| {
            format!(
                "{}: a published name has a-z, 0-9, '.' and '-'",
                path.display()
            )
        })
}

fn add(place: &Where, kind: Kind, version: &Word, files: &[PathBuf]) -> Done {
    let entries = files
        .iter()
        .map(|path| entry(path, kind, version))
        .collect::<Result<Vec<_>, _>>()?;
    let mut log = place.open()?;
    for (path, entry) in files.iter().zip(entries) {
        let index = match log.find(&entry)? {
            Some(index) => index,
            None => log.append(&[entry])?,
        };
        println!("{index} {}", path.display());
    }
    Ok(ExitCode::SUCCESS)
}

fn publish(
    place: &Where,
    policy: &Path,
    witnesses: &[String],
    what: &OptionalKind,
    files: &[PathBuf],
) -> Done {
    let log_policy = read_policy(policy)?;
    let urls = witnesses
        .iter()
        .map(|url| WitnessUrl::parse(url).map_err(|error| format!("{url}: {error}")))
        .collect::<Result<Vec<_>, _>>()?;
    let log = place.open()?;
    let mut cosignatures = Vec::new();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    for (name, url) in witnesses.iter().zip(&urls) {
        match runtime.block_on(submit(&log, url)) {
            Ok(lines) => cosignatures.extend(lines),
            // The others may be enough; the policy decides.
            Err(error) => eprintln!("cloister-log: {name}: {error}"),
        }
    }
    log.publish(&cosignatures, &log_policy)?;
    println!(
        "published {} at size {}",
        log.head().origin,
        log.head().size
    );
    for path in files {
        let (Some(kind), Some(version)) = (what.kind, &what.version) else {
            return Err("files to prove need --kind and --version".into());
        };
        let index = log
            .find(&entry(path, kind, version)?)?
            .ok_or_else(|| format!("{}: there is no entry of this file", path.display()))?;
        let proof = log.prove(index)?.to_bytes();
        let bytes = disk::read(path, MAX_FILE).map_err(named(path))?;
        let artefact = Artefact {
            kind,
            name: file_name(path)?,
            bytes: &bytes,
        };
        // What a device would refuse is not written.
        published(&proof, &artefact, &log_policy, now()).verdict?;
        let beside = beside(path);
        disk::write(&beside, &proof).map_err(named(&beside))?;
        println!("{}", beside.display());
    }
    Ok(ExitCode::SUCCESS)
}

/// `release.json` -> `release.json.tlog-proof`.
fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(".tlog-proof");
    name.into()
}

fn check(place: &Where) -> Done {
    let log = place.open()?;
    log.check()?;
    println!(
        "{} at size {}: every hash and signature fits",
        log.head().origin,
        log.head().size
    );
    Ok(ExitCode::SUCCESS)
}

fn read_policy(path: &Path) -> Result<LogPolicy, Box<dyn Error>> {
    let text = String::from_utf8(disk::read(path, MAX_POLICY).map_err(named(path))?)?;
    Ok(LogPolicy::parse(&text).map_err(named(path))?)
}

fn verify(
    file: &Path,
    proof: &Path,
    policy: Option<&Path>,
    kind: Kind,
    name: Option<Word>,
    at: Option<u64>,
) -> Done {
    let policy = policy.map_or_else(|| Ok(LogPolicy::production()), read_policy)?;
    let bytes = disk::read(file, MAX_FILE).map_err(named(file))?;
    let proof = disk::read(proof, MAX_PROOF_FILE).map_err(named(proof))?;
    let name = name.map_or_else(|| file_name(file), Ok)?;
    let artefact = Artefact {
        kind,
        name,
        bytes: &bytes,
    };
    let appraisal = published(&proof, &artefact, &policy, at.map_or_else(now, UnixTime));
    for step in &appraisal.trail {
        println!("{step}");
    }
    Ok(match appraisal.verdict {
        Ok(logged) => {
            println!(
                "published: {} {} as entry {} of {}, seen by a quorum at {}, good until {}",
                logged.name(),
                logged.version(),
                logged.index(),
                logged.origin(),
                logged.witnessed(),
                logged.expires()
            );
            ExitCode::SUCCESS
        }
        Err(refused) => {
            println!("REFUSED: {}", refused.rules.join(", "));
            ExitCode::FAILURE
        }
    })
}
