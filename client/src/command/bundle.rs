//! `cloister bundle`: the attested key bundle of a machine, checked and written to a file.

use std::process::ExitCode;

use cloister_client::bundle::Bundle;
use cloister_client::failure::{Failure, Fault};
use cloister_client::session::Session;
use cloister_client::trail::{self, marked};

use super::arguments;
use super::ask::patience;
use super::expectations::Expectations;
use super::files;
use super::output::say;
use super::progress::Progress;
use super::refusal::{refused, refused_bundle};

/// Fetches the bundle over an attested session, judges it as a device would, and writes it if it passes.
pub(crate) async fn run(wanted: &arguments::Bundle) -> Result<ExitCode, Failure> {
    let expectations = Expectations::read(&wanted.belief)?;
    let network = &wanted.network;
    let progress = Progress::start("verifying the machine");
    let session = Session::open(&wanted.gateway, network.from_address, patience(network)).await?;
    let attested = session.attest(&expectations.expected()).await;
    drop(progress);
    let mut session = attested.map_err(|error| refused(error, &expectations))?;
    let bytes = session.bundle().await?;
    let bundle =
        Bundle::from_json(&bytes).map_err(|error| Failure::new(Fault::Verification, error))?;
    let appraisal = bundle.attest(&expectations.expected());
    let simulated = trail::is_simulated(bundle.evidence());
    if appraisal.verdict.is_err() {
        return Err(refused_bundle(&bundle, &appraisal, &expectations));
    }
    expectations.remember(simulated)?;
    files::write_atomically(&wanted.out, &bytes)?;
    if wanted.verbose {
        for line in trail::lines(&expectations.trail(appraisal.trail), simulated) {
            say(&line);
        }
    }
    let line = format!(
        "wrote {} bytes of checked key bundle to {}",
        bytes.len(),
        wanted.out.display()
    );
    say(&marked(&line, simulated));
    Ok(ExitCode::SUCCESS)
}
