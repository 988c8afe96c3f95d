//! Evidence in the wrappers of cloud providers.
//!
//! In come the bytes of a wrapper and the SNP report that was judged by [`crate::appraise`]. Out go the steps of the wrapper's own rules:
//! that the report inside is that report, and what the wrapper hangs on it (a virtual TPM's key, a signed message, the endorsement of a
//! utility VM, a table of certificates). A wrapper proves nothing by itself: it holds when its steps pass and the report's do.
//!
//! ```text
//! hcl ─ tpm       Azure: paravisor's report, runtime data, the virtual TPM's quote
//! azure           the same in JSON, as attesters hand it on, with the TD's quote or the chip's certificate
//! cose ─ uvm      COSE_Sign1: messages under an attested key, endorsements of utility VMs
//! aci             Azure container instances: JSON bundle, security policy
//! table           Linux configfs-tsm and the extended report of GCE and AWS: report and certificate table
//! ```

mod aci;
mod attested;
pub mod azure;
mod cose;
pub mod hcl;
mod rules;
mod table;
mod tpm;
mod uvm;

pub use tpm::Quote;

use crate::snp::{REPORT_BYTES, Report};
use crate::trail::{Rule, Step, Trail};
use std::borrow::Cow;
use std::fmt;

/// The most bytes of a wrapper that are read.
pub const MAX_WRAPPER: usize = 256 * 1024;

/// What evidence is wrapped in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrapper {
    /// Azure's report of the paravisor, around an SNP report and the keys of a virtual TPM.
    Hcl,
    /// The same in JSON, with the virtual TPM's quote and the chip's certificate.
    AzureBundle,
    /// A COSE_Sign1 message whose protected header carries a report and the key that it attests.
    AttestedMessage,
    /// A COSE_Sign1 endorsement of the launch measurement of a utility VM. It holds no report.
    UvmEndorsement,
    /// Azure's JSON bundle of report, certificates and endorsement.
    AciBundle,
    /// Azure's security policy for a group of containers, whose hash is in the host data. It holds no report.
    SecurityPolicy,
    /// A report with a certificate table: as JSON or CBOR of configfs-tsm, or one behind the other.
    Table,
    /// A certificate table alone, as configfs-tsm's `auxblob`. It holds no report.
    TableAlone,
}

impl fmt::Display for Wrapper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Hcl => "an Azure HCL report",
            Self::AzureBundle => "an Azure attester's bundle",
            Self::AttestedMessage => "an attested COSE message",
            Self::UvmEndorsement => "an endorsement of a utility VM",
            Self::AciBundle => "an Azure container instances bundle",
            Self::SecurityPolicy => "a security policy",
            Self::Table => "a report with a certificate table",
            Self::TableAlone => "a certificate table",
        })
    }
}

/// A report taken out of its wrapper, with the certificates that the wrapper brings. Neither is believed yet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inner<'a> {
    /// The hardware's report.
    pub report: Cow<'a, [u8]>,
    /// Certificates in DER: signing key, intermediate, root, as far as they are there.
    pub certificates: Vec<Vec<u8>>,
}

/// Why bytes are not a wrapper with a report inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotWrapped(&'static str);

impl fmt::Display for NotWrapped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected wrapped evidence, found {}", self.0)
    }
}

impl std::error::Error for NotWrapped {}

impl Wrapper {
    /// The wrapper of a file that holds a report, told by its first bytes.
    ///
    /// # Errors
    /// [`NotWrapped`] when the bytes begin like none of them.
    pub fn of(bytes: &[u8]) -> Result<Self, NotWrapped> {
        if bytes.len() > MAX_WRAPPER {
            return Err(NotWrapped("more bytes than are read"));
        }
        let json = bytes.trim_ascii_start().first() == Some(&b'{');
        if bytes.starts_with(&hcl::SIGNATURE) {
            Ok(Self::Hcl)
        } else if json && bytes.windows(9).any(|part| part == b"\"outblob\"") {
            Ok(Self::Table)
        } else if azure::Bundle::is_like(bytes) {
            Ok(Self::AzureBundle)
        } else if json {
            Ok(Self::AciBundle)
        } else if bytes.starts_with(&[0xd2, 0x84]) {
            Ok(Self::AttestedMessage)
        } else if bytes.first().is_some_and(|byte| byte >> 5 == 5) || bytes.len() > REPORT_BYTES {
            Ok(Self::Table)
        } else {
            Err(NotWrapped("something else"))
        }
    }

    /// Takes the report out.
    ///
    /// # Errors
    /// [`NotWrapped`] when there is none.
    pub fn open(self, bytes: &[u8]) -> Result<Inner<'_>, NotWrapped> {
        let nothing = NotWrapped("a wrapper that can not be read");
        match self {
            Self::Hcl => {
                let hcl = hcl::Hcl::parse(bytes).map_err(|_| nothing)?;
                let report = hcl
                    .snp_report()
                    .ok_or(NotWrapped("a report of Intel TDX"))?;
                Ok(Inner {
                    report: report.into(),
                    ..Inner::default()
                })
            }
            Self::AzureBundle => azure::open(bytes).ok_or(nothing),
            Self::AttestedMessage => attested::open(bytes).ok_or(nothing),
            Self::AciBundle => aci::open(bytes).ok_or(nothing),
            Self::Table => table::open(bytes).ok_or(nothing),
            Self::UvmEndorsement | Self::SecurityPolicy | Self::TableAlone => {
                Err(NotWrapped("a wrapper without a report"))
            }
        }
    }

    /// Judges the wrapper around a report. Without a readable report nothing can be compared, and every step says so.
    #[must_use]
    pub fn judge(self, bytes: &[u8], report: Option<&Report>) -> Vec<Step> {
        let mut trail = Trail::default();
        let because = "a step before this one failed";
        let Some(report) = report else {
            return trail.complete(self.rules(), "there is no readable report");
        };
        match self {
            Self::Hcl => {
                return hcl::judge(bytes, &hcl::Judged::Snp(report), &hcl::Beside::default());
            }
            Self::AzureBundle => {
                return azure::judge(bytes, &hcl::Judged::Snp(report), None, None);
            }
            Self::AttestedMessage => {
                attested::judge(&mut trail, bytes, report);
                // The message carries the endorsement of its utility VM.
                let endorsement = attested::endorsement(bytes).unwrap_or_default();
                uvm::judge(&mut trail, endorsement, report);
                let rules: Vec<&Rule> = [rules::COSE, rules::UVM].concat();
                return trail.complete(&rules, because);
            }
            Self::UvmEndorsement => uvm::judge(&mut trail, bytes, report),
            Self::AciBundle => {
                let endorsement = aci::judge(&mut trail, bytes, report);
                uvm::judge(&mut trail, &endorsement, report);
                let rules: Vec<&Rule> = [rules::ACI, rules::UVM].concat();
                return trail.complete(&rules, because);
            }
            Self::SecurityPolicy => aci::judge_policy(&mut trail, bytes, report),
            Self::Table => table::judge(&mut trail, bytes, report),
            Self::TableAlone => table::judge_alone(&mut trail, bytes),
        }
        trail.complete(self.rules(), because)
    }

    fn rules(self) -> &'static [&'static Rule] {
        match self {
            Self::Hcl => rules::HCL,
            Self::AzureBundle => rules::AZURE,
            Self::AttestedMessage => rules::COSE,
            Self::UvmEndorsement => rules::UVM,
            Self::AciBundle => rules::ACI,
            Self::SecurityPolicy => rules::POLICY,
            Self::Table | Self::TableAlone => rules::TABLE,
        }
    }
}

/// Certificates of a PEM text, or one in DER.
fn certificates(bytes: &[u8]) -> Option<Vec<Vec<u8>>> {
    let text = std::str::from_utf8(bytes).ok();
    match text.filter(|text| text.trim_start().starts_with("-----BEGIN")) {
        Some(text) => crate::pem::certificates(text).ok(),
        None => Some(vec![bytes.to_vec()]),
    }
}

/// The report's 64 bytes are this digest, and zeroes behind it.
fn is_digest(report_data: &[u8; 64], digest: &[u8]) -> bool {
    report_data
        .strip_prefix(digest)
        .is_some_and(|rest| rest.iter().all(|&byte| byte == 0))
}
