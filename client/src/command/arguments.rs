//! The command line.

use core::net::IpAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use cloister_client::endpoint::Endpoint;
use cloister_client::relay::RelayUrl;
use cloister_wire::summary::{DEFAULT_LENGTH, MAX_LENGTH, Style};

/// Shown below every help text.
const EXIT_CODES: &str = "Exit codes:
  0  done
  1  verification refused: a check failed, nothing was sent
  2  input or usage: a thread, file or option can't be used
  3  network or relay: no connection on our terms, or no whole answer
  4  the enclave refused: an authentic, sealed error came back
  5  the reply is broken: it does not open, is cut, or is no summary";

/// Private summaries that you can check: verify the machine, seal the thread to it, open its reply.
#[derive(Parser)]
#[command(name = "cloister", version, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub(crate) struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Subcommand)]
pub(crate) enum Command {
    /// Verify the service, seal a thread to it and print the summary
    Ask(Ask),
    /// Verify evidence and send nothing: of a live service, a key bundle or a folder
    Verify(Verify),
    /// Fetch a machine's attested key bundle, check it and write it to a file
    Bundle(Bundle),
}

/// Whom and what to believe.
#[derive(Args)]
pub(crate) struct Belief {
    /// A published release to accept, with its proof beside it (FILE.tlog-proof); may be given several times
    #[arg(long = "release", value_name = "FILE")]
    pub(crate) releases: Vec<PathBuf>,
    /// The log and the witnesses to believe (TOML). Without it nothing is accepted: no log is built in yet
    #[arg(long, value_name = "FILE")]
    pub(crate) log_policy: Option<PathBuf>,
    /// Where to remember what was accepted, so that nobody leads back to older files [default: the state folder of this user]
    #[arg(long, value_name = "FILE")]
    pub(crate) log_state: Option<PathBuf>,
    /// The rules: 'production' or a TOML file of rules
    #[arg(long, value_name = "production|FILE")]
    pub(crate) policy: Option<PathBuf>,
    /// Machines to allow besides the policy's own (TOML), with its proof beside it
    #[arg(long, value_name = "FILE")]
    pub(crate) machines: Option<PathBuf>,
    /// AMD's floors instead of the built-in ones (TOML), with its proof beside it
    #[arg(long, value_name = "FILE")]
    pub(crate) amd_floors: Option<PathBuf>,
    /// Intel's floors instead of the built-in ones (TOML), with its proof beside it
    #[arg(long, value_name = "FILE")]
    pub(crate) intel_floors: Option<PathBuf>,
    /// Accept SIMULATED evidence under this root (DER). Nothing is protected then: for tests and demonstrations
    #[arg(long, value_name = "ROOT.der")]
    pub(crate) danger_accept_simulated: Option<PathBuf>,
}

/// How to reach the network.
#[derive(Args)]
pub(crate) struct Network {
    /// Connect from this local address
    #[arg(long, value_name = "IP")]
    pub(crate) from_address: Option<IpAddr>,
    /// Seconds to wait for the summary
    #[arg(long, value_name = "SECONDS", default_value_t = 180, value_parser = clap::value_parser!(u64).range(1..=3600))]
    pub(crate) timeout: u64,
}

/// Verify the service, seal a thread to it and print the summary.
///
/// Two ways in. Session (--gateway): a connection through the relay that ends in the machine, with evidence made for it; fresh by a
/// nonce. One shot (--relay and --bundle): one POST to the relay, sealed to a key out of an attested bundle; fresh by expiry.
#[derive(Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Ask {
    /// The thread: JSON {"messages":[{"author","time","text"}]} or {"text"}, or plain text; '-' for standard input
    #[arg(value_name = "FILE|-")]
    pub(crate) input: PathBuf,
    /// Session way: where the relay passes connections through to the gateway
    #[arg(long, value_name = "HOST:PORT", value_parser = Endpoint::parse, required_unless_present = "relay", conflicts_with_all = ["relay", "bundle"])]
    pub(crate) gateway: Option<Endpoint>,
    /// One-shot way: where the relay takes sealed requests
    #[arg(long, value_name = "URL", value_parser = RelayUrl::parse, requires = "bundle")]
    pub(crate) relay: Option<RelayUrl>,
    /// One-shot way: the attested key bundle
    #[arg(long, value_name = "FILE", requires = "relay")]
    pub(crate) bundle: Option<PathBuf>,
    /// Believe only these authorities about the relay's name (PEM)
    #[arg(long, value_name = "FILE", requires = "relay")]
    pub(crate) relay_ca: Option<PathBuf>,
    /// Whom and what to believe.
    #[command(flatten)]
    pub(crate) belief: Belief,
    /// How to reach the network.
    #[command(flatten)]
    pub(crate) network: Network,
    /// How many highlights
    #[arg(long, value_name = "1-20", default_value_t = DEFAULT_LENGTH, value_parser = clap::value_parser!(u8).range(1..=i64::from(MAX_LENGTH)))]
    pub(crate) length: u8,
    /// How the summary is written
    #[arg(long, value_enum, default_value_t = Writing::Bullets)]
    pub(crate) style: Writing,
    /// Take the input as plain text, even if it begins with a brace
    #[arg(long)]
    pub(crate) plain: bool,
    /// Print the trail to standard error: each check, what was compared with what
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// Print one JSON object: summary, highlights, trail, way, release, simulated
    #[arg(long)]
    pub(crate) json: bool,
}

/// How the summary is written.
#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Writing {
    /// One line per highlight
    Bullets,
    /// One paragraph
    Prose,
}

impl From<Writing> for Style {
    fn from(writing: Writing) -> Self {
        match writing {
            Writing::Bullets => Self::Bullets,
            Writing::Prose => Self::Prose,
        }
    }
}

/// Verify evidence and send nothing: of a live service, a key bundle or a folder.
///
/// With --case, a folder of captured evidence (case.json, report.bin, vcek.der or vlek.der, cert_chain.pem) is judged by
/// --policy authentic or production at the date in its case.json, with the wrappers that stand beside the report. With --wrapped, the
/// report inside one file and its wrapper are judged by the same policies as of now. Nothing is sealed on the word of either, so --machines
/// is taken as it is. With --json, one object is printed: verdict, platform, product,
/// failed (rule, expected, found), fields.
#[derive(Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Verify {
    /// A live service: where the relay passes connections through to the gateway
    #[arg(long, value_name = "HOST:PORT", value_parser = Endpoint::parse)]
    pub(crate) gateway: Option<Endpoint>,
    /// An attested key bundle
    #[arg(long, value_name = "FILE")]
    pub(crate) bundle: Option<PathBuf>,
    /// A folder of captured evidence
    #[arg(long, value_name = "DIR")]
    pub(crate) case: Option<PathBuf>,
    /// An SNP report in the wrapper of a cloud provider: Azure's HCL report, attested COSE message or ACI bundle, or an extended report
    /// (configfs-tsm as JSON or CBOR; report and certificate table)
    #[arg(long, value_name = "FILE")]
    pub(crate) wrapped: Option<PathBuf>,
    /// With --wrapped: the certificates of the signing key, the intermediate and the root (PEM), where the wrapper brings none
    #[arg(long, value_name = "FILE", requires = "wrapped")]
    pub(crate) certs: Option<PathBuf>,
    /// With --case: believe this root instead of AMD's (PEM or DER). For test corpora only
    #[arg(long, value_name = "FILE", requires = "case")]
    pub(crate) danger_trust_root: Option<PathBuf>,
    /// Whom and what to believe; with --case, the policy may also be 'authentic'.
    #[command(flatten)]
    pub(crate) belief: Belief,
    /// How to reach the network.
    #[command(flatten)]
    pub(crate) network: Network,
    /// Print what the evidence says, too
    #[arg(short, long)]
    pub(crate) verbose: bool,
    /// Print one JSON object
    #[arg(long)]
    pub(crate) json: bool,
}

/// Fetch a machine's attested key bundle, check it and write it to a file.
///
/// The bundle is fetched over an attested session, judged as a device would judge it, and written only if it passes.
#[derive(Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct Bundle {
    /// Where the relay passes connections through to the gateway
    #[arg(long, value_name = "HOST:PORT", value_parser = Endpoint::parse)]
    pub(crate) gateway: Endpoint,
    /// Where to write the bundle
    #[arg(long, value_name = "FILE")]
    pub(crate) out: PathBuf,
    /// Whom and what to believe.
    #[command(flatten)]
    pub(crate) belief: Belief,
    /// How to reach the network.
    #[command(flatten)]
    pub(crate) network: Network,
    /// Print the trail to standard error
    #[arg(short, long)]
    pub(crate) verbose: bool,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn the_two_ways_exclude_each_other() {
        let ask = |rest: &[&str]| {
            let line = ["cloister", "ask", "-", "--release", "r.json"];
            Arguments::try_parse_from(line.iter().chain(rest)).is_ok()
        };
        assert!(ask(&["--gateway", "h:1"]));
        assert!(ask(&["--relay", "https://r/", "--bundle", "b"]));
        assert!(!ask(&[]));
        assert!(!ask(&["--relay", "https://r/"]));
        assert!(!ask(&["--bundle", "b"]));
        assert!(!ask(&["--gateway", "h:1", "--bundle", "b"]));
        assert!(!ask(&[
            "--gateway",
            "h:1",
            "--relay",
            "https://r/",
            "--bundle",
            "b"
        ]));
        assert!(!ask(&["--gateway", "h:1", "--length", "0"]));
        assert!(!ask(&["--gateway", "h:1", "--length", "21"]));
        assert!(!ask(&["--gateway", "h"]));
        assert!(!ask(&["--relay", "http://r/", "--bundle", "b"]));
    }
}
