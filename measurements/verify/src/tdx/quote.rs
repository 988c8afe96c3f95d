//! The quote of a TD, of versions 4 and 5: bytes in, its fields out. The frame is [`super::envelope`]'s.

use super::body::Body;
use super::envelope::{AnyBody, EnclaveReport, Envelope, QuoteError, Wanted};

/// The QE vendor id of Intel: 939a7233-f79c-4ca9-940a-0db3957f0607.
pub(super) const INTEL: [u8; 16] = [
    0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07,
];

/// A TD quote. Reading it checks its structure, nothing else; whether to believe it is for the appraisal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quote {
    /// Header and body as received: what the attestation key signs.
    signed: Vec<u8>,
    /// `version`, 4 or 5.
    pub version: u16,
    /// Bytes 8 to 11 of the header.
    pub reserved: [u8; 4],
    /// `QE vendor id`.
    pub vendor_id: [u8; 16],
    /// `user data`: for the quoting enclave's own use; its first 16 bytes name the platform to Intel's services.
    pub user_data: [u8; 20],
    /// The TD's report.
    pub body: Body,
    /// r and s over header and body, big-endian.
    pub signature: [u8; 64],
    /// x and y of the attestation key, big-endian.
    pub attestation_key: [u8; 64],
    /// The report that the quoting enclave got about itself.
    pub qe_report: EnclaveReport,
    /// r and s over the quoting enclave's report, big-endian.
    pub qe_signature: [u8; 64],
    /// `QE authentication data`: bytes of the quoting enclave's choice, bound together with the attestation key.
    pub qe_auth_data: Vec<u8>,
    /// The PCK certificate, its issuer and the root, PEM as received.
    pub pck_chain: Vec<u8>,
    /// What follows the signature data. No signature covers it and nothing is read from it, so it may hold zeroes and nothing else; a rule
    /// of its own says whether it does.
    pub padding: Vec<u8>,
}

impl Quote {
    /// The version that bytes claim to be a quote of, for saying what they are when they can not be read.
    #[must_use]
    pub fn version_of(bytes: &[u8]) -> Option<u16> {
        bytes
            .first_chunk()
            .map(|version| u16::from_le_bytes(*version))
    }

    /// Reads a quote.
    ///
    /// # Errors
    /// [`QuoteError`] when the bytes are not one whole TD quote of version 4 or 5, possibly followed by padding.
    pub fn parse(quote: &[u8]) -> Result<Self, QuoteError> {
        let envelope = Envelope::parse(quote, Wanted::Tds)?;
        let body = match envelope.body {
            AnyBody::Td(kind, body) => Body::parse(body, kind)?,
            AnyBody::Enclave(_) => return Err(QuoteError::BodyType(1)),
        };
        Ok(Self {
            signed: envelope.signed.to_vec(),
            version: envelope.version,
            reserved: envelope.reserved,
            vendor_id: envelope.vendor_id,
            user_data: envelope.user_data,
            body,
            signature: envelope.signature,
            attestation_key: envelope.attestation_key,
            qe_report: envelope.qe_report,
            qe_signature: envelope.qe_signature,
            qe_auth_data: envelope.qe_auth_data.to_vec(),
            pck_chain: envelope.pck_chain.to_vec(),
            padding: envelope.padding.to_vec(),
        })
    }

    /// Header and body as received.
    pub(super) fn signed_bytes(&self) -> &[u8] {
        &self.signed
    }
}
