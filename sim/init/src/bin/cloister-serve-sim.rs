//! The service as an ordinary process, with evidence from the simulated secure processor: for tests that need no machine of
//! their own. What it says about itself is what `cloister-sim` measured, not what runs here; no image contains it.
#![forbid(unsafe_code)]

use clap::Parser;
use cloister_bind::ReleaseId;
use cloister_memory::ZeroOnFree;
use cloister_serve::Config;
use cloister_sim_guest::SimulatedProcessor;
use std::{alloc::System, net::SocketAddr, path::PathBuf, process::ExitCode};

#[global_allocator]
static ALLOCATOR: ZeroOnFree<System> = ZeroOnFree(System);

/// Serve sealed requests with SIMULATED evidence.
#[derive(Parser)]
#[command(name = "cloister-serve-sim", version)]
struct Arguments {
    /// Address and port to listen on.
    #[arg(long)]
    listen: SocketAddr,
    /// Unix socket of `cloister-sim`.
    #[arg(long)]
    processor: PathBuf,
    /// Directory with the weights.
    #[arg(long)]
    weights: PathBuf,
    /// Release id to state, as on the measured command line.
    #[arg(long)]
    release: String,
}

fn main() -> ExitCode {
    match serve(Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cloister-serve-sim: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve(arguments: Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let Arguments {
        listen,
        processor,
        weights,
        release,
    } = arguments;
    cloister_journal::install()?;
    let release = ReleaseId::parse(&release)?;
    let source = Box::new(SimulatedProcessor::open(&processor)?);
    cloister_serve::run(Config {
        listen,
        weights,
        release,
        source,
    })?;
    Ok(())
}
