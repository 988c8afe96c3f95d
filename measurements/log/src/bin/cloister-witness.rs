//! `cloister-witness`: cosigns one history of each log that it watches.
#![forbid(unsafe_code)]

use clap::Parser;
use cloister_log::key::SecretKey;
use cloister_log::serve::serve;
use cloister_log::witness::Witness;
use cloister_verify::log::VerifierKey;
use std::error::Error;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use tokio::net::TcpListener;

/// A witness of transparency logs (C2SP tlog-witness). It speaks plain HTTP: put a server with TLS before it
#[derive(Parser)]
#[command(version)]
struct Line {
    /// Key file, made by `cloister-log keygen --witness`
    #[arg(long)]
    key: PathBuf,
    /// Folder in which it remembers what it has cosigned
    #[arg(long)]
    state: PathBuf,
    /// Verifier key of a log to watch; repeat for each
    #[arg(long, required = true, value_parser = VerifierKey::parse)]
    log: Vec<VerifierKey>,
    /// Address to listen on; with port 0 the system chooses one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
}

fn main() -> ExitCode {
    match run(Line::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("cloister-witness: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(line: Line) -> Result<(), Box<dyn Error>> {
    let witness = Witness::open(&line.state, SecretKey::read(&line.key)?, line.log)?;
    let key = witness.public().to_string();
    tokio::runtime::Runtime::new()?.block_on(async {
        let listener = TcpListener::bind(line.listen).await?;
        println!("{key} listening on http://{}", listener.local_addr()?);
        serve(listener, Arc::new(witness)).await;
        Ok(())
    })
}
