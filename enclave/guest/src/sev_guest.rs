//! The SEV guest device, `/dev/sev-guest`: SNP extended guest requests by ioctl (AMD 56421 GHCB, section 4.1.8.1).

use crate::{EvidenceError, EvidenceSource};
use cloister_bind::ReportData;
use cloister_wire::evidence::{Evidence, EvidenceKind};
use sev::firmware::{guest::Firmware, host::CertTableEntry};
use std::sync::{Mutex, PoisonError};

/// Evidence through `/dev/sev-guest`, for kernels whose configfs-tsm has no SEV provider.
pub struct SevGuest(Mutex<Firmware>);

impl SevGuest {
    /// Opens the device and has one report signed, to know that it works.
    ///
    /// # Errors
    /// [`EvidenceError`] when there is no device or it does not sign.
    pub fn open() -> Result<Self, EvidenceError> {
        let firmware = Firmware::open().map_err(|source| EvidenceError::Io {
            step: "open /dev/sev-guest",
            source,
        })?;
        let device = Self(Mutex::new(firmware));
        device.evidence(&ReportData([0; 64]))?;
        Ok(device)
    }
}

impl EvidenceSource for SevGuest {
    fn evidence(&self, report_data: &ReportData) -> Result<Evidence, EvidenceError> {
        let mut firmware = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // VMPL 0: the image runs without a paravisor.
        let (report, certificates) = firmware
            .get_ext_report(None, Some(report_data.0), Some(0))
            .map_err(|error| EvidenceError::Refused {
                status: error.to_string(),
            })?;
        // The `sev` crate hands out parsed entries; the device's verifier expects the table as the host wrote it.
        let auxiliary = match certificates {
            Some(entries) => CertTableEntry::cert_table_to_vec_bytes(&entries).map_err(|_| {
                EvidenceError::Malformed {
                    what: "the certificate table",
                }
            })?,
            None => Vec::new(),
        };
        Ok(Evidence {
            kind: EvidenceKind::Snp,
            report,
            auxiliary,
        })
    }

    fn describe(&self) -> &'static str {
        "/dev/sev-guest"
    }
}
