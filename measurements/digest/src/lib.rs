//! Launch digests from files.
//!
//! In come the bytes of firmware, kernel and initrd, the command line, the number and type of the CPUs. Out go the launch digest
//! that the secure processor will report, and the release file that publishes it. A digest computed here is the one that hardware
//! measures for exactly these inputs; where an input cannot be measured there is an error and no digest.
#![forbid(unsafe_code)]

pub mod allow;
pub mod claims;
pub mod explain;
mod guid_table;
pub mod measure;
pub mod snp;
pub mod tdx;

pub use claims::LaunchClaims;
