//! Evidence from the hardware.
//!
//! In come the 64 bytes of `REPORT_DATA`; out goes the evidence that the secure processor signed over them, together with the
//! certificates that the host supplies. What comes back was made for exactly these bytes or is an error: evidence that another
//! request may have overwritten is refused. Nothing here judges evidence; the device does.
#![forbid(unsafe_code)]

mod sev_guest;
mod tsm;

use cloister_bind::ReportData;
use cloister_wire::evidence::Evidence;
use std::{fmt, io};

pub use sev_guest::SevGuest;
pub use tsm::Tsm;

/// Something that can sign 64 bytes together with what this machine is.
pub trait EvidenceSource: Send + Sync {
    /// Fresh evidence over `report_data`. Blocks for milliseconds (SNP) to seconds (TDX quotes).
    ///
    /// # Errors
    /// [`EvidenceError`] when the secure processor or the kernel does not deliver.
    fn evidence(&self, report_data: &ReportData) -> Result<Evidence, EvidenceError>;

    /// Which interface this is, for the console.
    fn describe(&self) -> &'static str;
}

/// Why there is no evidence.
#[derive(Debug)]
pub enum EvidenceError {
    /// The interface could not be used.
    Io {
        /// What was attempted.
        step: &'static str,
        /// What the kernel said.
        source: io::Error,
    },
    /// The interface answered something that is not evidence.
    Malformed {
        /// What was wrong.
        what: &'static str,
    },
    /// Another request used the interface meanwhile, several times in a row.
    Contended,
    /// The secure processor refused.
    Refused {
        /// What the firmware or the hypervisor said, in the words of the SEV-SNP ABI.
        status: String,
    },
}

impl fmt::Display for EvidenceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io { step, source } => write!(f, "cannot {step}: {source}"),
            Self::Malformed { what } => {
                write!(f, "the secure processor's answer is malformed: {what}")
            }
            Self::Contended => f.write_str("other requests kept using the report interface"),
            Self::Refused { status } => write!(f, "the secure processor refused to sign: {status}"),
        }
    }
}

impl std::error::Error for EvidenceError {}

/// This is no confidential VM, or the kernel has no interface to its secure processor.
#[derive(Debug)]
pub struct NoHardware {
    /// What the report interface said.
    pub tsm: EvidenceError,
    /// What the SEV guest device said.
    pub sev_guest: EvidenceError,
}

impl fmt::Display for NoHardware {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no SEV-SNP or TDX here: {}; {}",
            self.tsm, self.sev_guest
        )
    }
}

impl std::error::Error for NoHardware {}

/// The hardware's evidence: configfs-tsm where the kernel has a provider for it, otherwise `/dev/sev-guest`.
///
/// Each candidate must sign once before it is chosen, so what is returned works.
///
/// # Errors
/// [`NoHardware`] when neither signs. The caller must not serve then.
pub fn hardware() -> Result<Box<dyn EvidenceSource>, NoHardware> {
    let tsm = match Tsm::open() {
        Ok(tsm) => return Ok(Box::new(tsm)),
        Err(error) => error,
    };
    match SevGuest::open() {
        Ok(device) => Ok(Box::new(device)),
        Err(sev_guest) => Err(NoHardware { tsm, sev_guest }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_hardware_there_is_no_evidence() {
        if std::path::Path::new("/dev/sev-guest").exists()
            || std::path::Path::new(tsm::REPORTS).exists()
        {
            eprintln!("SKIPPED: this machine has a secure processor");
            return;
        }
        let said = hardware().map(|_| ()).map_err(|none| none.to_string());
        assert!(said.is_err_and(|text| text.contains("no SEV-SNP or TDX here")));
    }
}
