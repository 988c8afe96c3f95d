//! What is asked of what a quote quotes: a TD's report or an enclave's.

use crate::tdx::Body;
use crate::tdx::envelope::{AnyBody, EnclaveReport, Envelope, Tee, Wanted};

/// A quote with its body read.
pub(super) struct Quoted<'a> {
    pub(super) envelope: Envelope<'a>,
    report: Report,
}

enum Report {
    Enclave(Box<EnclaveReport>),
    Td(Box<Body>),
}

impl<'a> Quoted<'a> {
    /// Reads a quote of version 3, 4 or 5. Zeroes may follow it.
    pub(super) fn parse(quote: &'a [u8]) -> Result<Self, String> {
        let envelope = Envelope::parse(quote, Wanted::Any).map_err(|error| error.to_string())?;
        if envelope.padding.iter().any(|&byte| byte != 0) {
            return Err("bytes behind the quote that are not zero".into());
        }
        let report = match &envelope.body {
            AnyBody::Enclave(report) => Report::Enclave(report.clone()),
            AnyBody::Td(kind, body) => {
                let body = Body::parse(body, *kind).map_err(|error| error.to_string())?;
                Report::Td(Box::new(body))
            }
        };
        Ok(Self { envelope, report })
    }

    pub(super) fn tee(&self) -> Tee {
        match self.report {
            Report::Enclave(_) => Tee::Sgx,
            Report::Td(_) => Tee::Tdx,
        }
    }

    pub(super) fn report_data(&self) -> &[u8; 64] {
        match &self.report {
            Report::Enclave(report) => &report.report_data,
            Report::Td(body) => &body.report_data,
        }
    }

    /// Whether the host may debug what is quoted: SGX has one bit, of TDX the whole byte must be zero.
    pub(super) fn debuggable(&self) -> bool {
        match &self.report {
            Report::Enclave(report) => report.debuggable(),
            Report::Td(body) => body.debuggable(),
        }
    }

    /// RTMR0 to RTMR3 of a TD.
    pub(super) fn registers(&self) -> Option<&[[u8; 48]; 4]> {
        match &self.report {
            Report::Enclave(_) => None,
            Report::Td(body) => Some(&body.rtmr),
        }
    }
}
