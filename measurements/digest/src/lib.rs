//! Launch digests from files.
//!
//! In come the bytes of firmware, kernel and initrd, the command line, the number and type of the CPUs. Out go the launch digest
//! that the secure processor will report, and the release file that publishes it. A digest computed here is the one that hardware
//! measures for exactly these inputs; where an input cannot be measured there is an error and no digest. For TDX the same holds for MRTD,
//! RTMR1 and RTMR2; RTMR0 also has tables that the host makes, which are an input of their own ([`tdx::HostTables`]).
#![forbid(unsafe_code)]

pub mod allow;
pub mod claims;
pub mod corim;
pub mod explain;
mod guid_table;
pub mod json;
pub mod measure;
pub mod snp;
pub mod table;
pub mod tdx;

pub use claims::LaunchClaims;
