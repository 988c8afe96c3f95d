//! `/init` of the image that only tests boot: the simulated image, which also tries what must not work and says on the console how it went.
//!
//! Before the service is confined, as root with every right, it tries to execute what was not measured. Each time evidence is asked for,
//! then inside the running service, it tries to connect, execute, trace, write and read where nothing may. One line for each:
//! `probe: WHAT: OUTCOME`.
#![forbid(unsafe_code)]

mod confined;
mod root;

use cloister_bind::ReportData;
use cloister_guest::{EvidenceError, EvidenceSource};
use cloister_memory::ZeroOnFree;
use cloister_wire::evidence::Evidence;
use std::alloc::System;
use std::error::Error;
use std::fmt::Display;
use std::io;

#[global_allocator]
static ALLOCATOR: ZeroOnFree<System> = ZeroOnFree(System);

fn main() {
    cloister_init::boot(open)
}

fn open() -> Result<Box<dyn EvidenceSource>, Box<dyn Error>> {
    root::try_everything()?;
    Ok(Box::new(Probe(cloister_sim_init::open()?)))
}

/// The simulated secure processor, with a look around before each signature.
struct Probe(Box<dyn EvidenceSource>);

impl EvidenceSource for Probe {
    fn evidence(&self, report_data: &ReportData) -> Result<Evidence, EvidenceError> {
        confined::try_everything();
        self.0.evidence(report_data)
    }

    fn describe(&self) -> &'static str {
        self.0.describe()
    }
}

fn say(what: impl Display, outcome: impl Display) {
    eprintln!("probe: {what}: {outcome}");
}

/// What became of an attempt: done, or the kernel's error number.
fn outcome<T>(result: io::Result<T>) -> String {
    match result {
        Ok(_) => "done".into(),
        Err(error) => match error.raw_os_error() {
            Some(number) => format!("error {number}"),
            None => "another error".into(),
        },
    }
}
