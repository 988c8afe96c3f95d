//! What the command does with its arguments: one file per subcommand.

mod arguments;
mod ask;
mod bundle;
mod case;
mod expectations;
mod files;
mod output;
mod progress;
mod published;
mod refusal;
mod verify;
mod wrapped;

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use arguments::{Arguments, Command};
use clap::Parser;
use clap::error::ErrorKind;
use cloister_client::failure::{Failure, Fault};
use cloister_verify::UnixTime;
use output::Voice;

/// Parses the arguments, runs the subcommand, reports a failure, and says how it ended.
pub(crate) fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // Nothing more can be said when even this can't be printed.
            let _ = error.print();
            return match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
                _ => ExitCode::from(Fault::Input.exit_code()),
            };
        }
    };
    let (voice, outcome) = match &arguments.command {
        Command::Ask(ask) => (ask.voice(), block_on(ask::run(ask))),
        Command::Verify(verify) => (verify.voice(), block_on(verify::run(verify))),
        Command::Bundle(bundle) => (bundle.voice(), block_on(bundle::run(bundle))),
    };
    match outcome {
        Ok(code) => code,
        Err(failure) => {
            output::failure(&failure, voice);
            ExitCode::from(failure.fault.exit_code())
        }
    }
}

/// Runs a subcommand to its end on this thread.
fn block_on(work: impl Future<Output = Result<ExitCode, Failure>>) -> Result<ExitCode, Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Fault::Network, error.kind()))?
        .block_on(work)
}

/// The device's clock.
fn now() -> Result<UnixTime, Failure> {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map(|since| UnixTime(since.as_secs()))
        .map_err(|_| Failure::new(Fault::Input, "this device's clock is before 1970; set it"))
}

impl arguments::Ask {
    fn voice(&self) -> Voice {
        Voice {
            json: self.json,
            verbose: self.verbose,
        }
    }
}

impl arguments::Verify {
    fn voice(&self) -> Voice {
        Voice {
            json: self.json,
            verbose: self.verbose,
        }
    }
}

impl arguments::Bundle {
    fn voice(&self) -> Voice {
        Voice {
            json: false,
            verbose: self.verbose,
        }
    }
}
