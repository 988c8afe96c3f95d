//! The processor itself: what it measured at its start, and its answers.

use crate::chain::{Chain, ChainError};
use crate::report::{SIGNED_BYTES, put_signature, unsigned};
use cloister_bind::ReportData;
use cloister_digest::claims::ClaimsError;
use cloister_digest::measure::Measured;
use cloister_digest::snp::{DigestError, Shape};
use cloister_wire::certs::{CertTable, CertTableError, Guid};
use cloister_wire::evidence::{Evidence, EvidenceError, EvidenceKind};
use core::fmt;
use p384::ecdsa::Signature;
use p384::ecdsa::signature::hazmat::PrehashSigner;
use sha2::{Digest, Sha384};

/// Why the processor does not start.
#[derive(Debug)]
pub enum StartError {
    /// The virtual machine cannot be measured.
    Digest(DigestError),
    /// The claims about it cannot be written.
    Claims(ClaimsError),
    /// There is no certificate chain.
    Chain(ChainError),
    /// The certificates do not fit their table.
    Table(CertTableError),
    /// The operating system gives no random numbers.
    Random,
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Digest(e) => e.fmt(f),
            Self::Claims(e) => e.fmt(f),
            Self::Chain(e) => e.fmt(f),
            Self::Table(e) => e.fmt(f),
            Self::Random => f.write_str("the operating system gives no random numbers"),
        }
    }
}

impl core::error::Error for StartError {}

/// Why a request has no answer.
#[derive(Debug)]
pub enum AnswerError {
    /// The report could not be signed.
    Sign,
    /// The evidence does not fit its frame.
    Frame(EvidenceError),
}

impl fmt::Display for AnswerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sign => f.write_str("the report could not be signed"),
            Self::Frame(e) => e.fmt(f),
        }
    }
}

impl core::error::Error for AnswerError {}

/// A simulated secure processor with one launched virtual machine.
pub struct Processor {
    measurement: [u8; 48],
    report_id: [u8; 32],
    root: Vec<u8>,
    table: Vec<u8>,
    chain: Chain,
}

impl Processor {
    /// Launches a virtual machine of these files and this shape: computes its digest and makes a fresh chain, valid around `now`
    /// (Unix seconds). Takes a second or two, most of it for the keys.
    ///
    /// # Errors
    /// [`StartError`] when the files cannot be measured or a key cannot be made.
    pub fn start(measured: &Measured, shape: &Shape, now: u64) -> Result<Self, StartError> {
        let measurement = measured.digest(shape).map_err(StartError::Digest)?;
        let claims = measured.claims(shape).map_err(StartError::Digest)?;
        let claims = claims.to_json().map_err(StartError::Claims)?;
        let chain = Chain::generate(now).map_err(StartError::Chain)?;
        let mut report_id = [0; 32];
        getrandom::fill(&mut report_id).map_err(|_| StartError::Random)?;
        let table = CertTable::encode(&[
            (Guid::VCEK, &chain.vcek),
            (Guid::ASK, &chain.ask),
            (Guid::ARK, &chain.ark),
            (Guid::CRL, &chain.crl),
            (Guid::LAUNCH_CLAIMS, &claims),
        ])
        .map_err(StartError::Table)?;
        Ok(Self {
            measurement,
            report_id,
            root: chain.ark.clone(),
            table,
            chain,
        })
    }

    /// The root certificate in DER: what a client must name to accept anything from here.
    #[must_use]
    pub fn root(&self) -> &[u8] {
        &self.root
    }

    /// The launch digest that every report carries.
    #[must_use]
    pub fn measurement(&self) -> &[u8; 48] {
        &self.measurement
    }

    /// Signs a report over 64 bytes and wraps it as evidence of kind Simulated: the CMW frame that goes to the guest.
    ///
    /// # Errors
    /// [`AnswerError`] when signing fails or the frame would be too long.
    pub fn answer(&self, report_data: &ReportData) -> Result<Vec<u8>, AnswerError> {
        let mut report = unsigned(&report_data.0, &self.measurement, &self.report_id);
        let (to_be_signed, _) = report.split_at(SIGNED_BYTES);
        let signature: Signature = self
            .chain
            .report_key
            .sign_prehash(&Sha384::digest(to_be_signed))
            .map_err(|_| AnswerError::Sign)?;
        let (r, s) = signature.split_bytes();
        put_signature(&mut report, &r, &s);
        let evidence = Evidence {
            kind: EvidenceKind::Simulated,
            report: report.to_vec(),
            auxiliary: self.table.clone(),
        };
        evidence.encode().map_err(AnswerError::Frame)
    }
}
