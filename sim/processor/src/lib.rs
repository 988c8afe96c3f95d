//! The simulated secure processor, host side: it plays the part that the hardware has.
//!
//! In come the very files that the virtual machine is started from, and 64 bytes from the guest at a time. Out go SNP-format reports
//! with the launch digest of those files, under a certificate chain that was made for this start alone. They prove that the path from
//! measurement to refusal works, and nothing about the machine: every certificate says SIMULATED, the evidence has a kind of its own,
//! and no built-in root or policy accepts it.
#![forbid(unsafe_code)]

mod certificate;
mod chain;
mod der;
mod processor;
mod report;
mod serve;

pub use chain::ChainError;
pub use processor::{AnswerError, Processor, StartError};
pub use report::{CHIP_ID, REPORT_BYTES};
pub use serve::{Event, serve};
