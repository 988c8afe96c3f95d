//! The quote (Intel TDX DCAP Quoting Library API, quote format of versions 4 and 5): bytes in, its fields out.
//!
//! ```text
//! header 48 | version 5: body type 2, body size 4 | TD body 584 or 648          signed by the attestation key
//! signature data length 4
//!   signature 64 | attestation key 64 | certification data: type 6, size 4
//!     QE report 384 | QE report signature 64 | QE auth data: size 2, bytes | certification data: type 5, size 4
//!       PCK certificate chain, PEM
//! padding
//! ```
//!
//! Every length must fit its container to the byte. What follows the signature data is padding: the quoting service and Linux's
//! configfs-tsm hand out buffers that are longer than the quote. No signature covers it and nothing is read from it, so it may hold
//! zeroes and nothing else; a rule of its own says whether it does.

use super::body::{Body, BodyKind};
use std::fmt;

/// The most bytes that are read: what Linux's configfs-tsm hands out at most.
pub const MAX_QUOTE: usize = 32 * 1024;
/// Bytes of the header.
const HEADER: usize = 48;
/// `attestation key type` of ECDSA-256-with-P-256.
const ECDSA_P256: u16 = 2;
/// `TEE type` of TDX; that of SGX is zero.
const TDX: u32 = 0x81;
/// The QE vendor id of Intel: 939a7233-f79c-4ca9-940a-0db3957f0607.
pub(super) const INTEL: [u8; 16] = [
    0x93, 0x9a, 0x72, 0x33, 0xf7, 0x9c, 0x4c, 0xa9, 0x94, 0x0a, 0x0d, 0xb3, 0x95, 0x7f, 0x06, 0x07,
];
/// Certification data: a QE report with its own certification data.
const QE_REPORT_CERTIFICATION: u16 = 6;
/// Certification data: a PCK certificate chain in PEM.
const PCK_CHAIN: u16 = 5;

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
    pub qe_report: QeReport,
    /// r and s over the quoting enclave's report, big-endian.
    pub qe_signature: [u8; 64],
    /// `QE authentication data`: bytes of the quoting enclave's choice, bound together with the attestation key.
    pub qe_auth_data: Vec<u8>,
    /// The PCK certificate, its issuer and the root, PEM as received.
    pub pck_chain: Vec<u8>,
    /// What follows the signature data.
    pub padding: Vec<u8>,
}

/// An SGX enclave's report (Intel SDM volume 3D, REPORT).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QeReport {
    raw: [u8; 384],
    /// `MISCSELECT`.
    pub misc_select: [u8; 4],
    /// `ATTRIBUTES`: flags, then XFRM.
    pub attributes: [u8; 16],
    /// `MRENCLAVE`.
    pub mr_enclave: [u8; 32],
    /// `MRSIGNER`.
    pub mr_signer: [u8; 32],
    /// `ISVPRODID`.
    pub isv_prod_id: u16,
    /// `ISVSVN`.
    pub isv_svn: u16,
    /// `REPORTDATA`.
    pub report_data: [u8; 64],
}

impl QeReport {
    fn read(bytes: &mut Bytes<'_>) -> Result<Self, QuoteError> {
        let raw = bytes.array::<384>()?;
        let mut fields = Bytes {
            rest: &raw,
            of: "the QE report",
        };
        fields.skip(16)?; // CPUSVN
        let misc_select = fields.array()?;
        fields.skip(28)?; // reserved, ISVEXTPRODID
        let attributes = fields.array()?;
        let mr_enclave = fields.array()?;
        fields.skip(32)?; // reserved
        let mr_signer = fields.array()?;
        fields.skip(96)?; // reserved, CONFIGID
        let (isv_prod_id, isv_svn) = (fields.u16()?, fields.u16()?);
        fields.skip(60)?; // CONFIGSVN, reserved, ISVFAMILYID
        let report_data = fields.array()?;
        fields.finish()?;
        Ok(Self {
            raw,
            misc_select,
            attributes,
            mr_enclave,
            mr_signer,
            isv_prod_id,
            isv_svn,
            report_data,
        })
    }

    /// The bytes that the PCK signs.
    pub(super) fn signed_bytes(&self) -> &[u8] {
        &self.raw
    }
}

/// Why bytes are not a TD quote.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QuoteError {
    /// Longer than [`MAX_QUOTE`]; the number found.
    TooLong(usize),
    /// The bytes end before the named part does.
    Truncated(&'static str),
    /// The named part has bytes left over.
    LeftOver(&'static str),
    /// Another version than 4 or 5.
    Version(u16),
    /// Another attestation key type than ECDSA on P-256.
    KeyType(u16),
    /// Another TEE type than TDX.
    TeeType(u32),
    /// A body of another type than a TD's.
    BodyType(u16),
    /// A body whose size is not the one of its type.
    BodySize(u32),
    /// Another type of certification data than the expected one.
    CertificationType {
        /// The type found.
        found: u16,
        /// The only type that is taken there.
        expected: u16,
    },
}

impl fmt::Display for QuoteError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(found) => write!(f, "{found} bytes"),
            Self::Truncated(part) => write!(f, "a quote that ends within {part}"),
            Self::LeftOver(part) => write!(f, "bytes left over in {part}"),
            Self::Version(3) => f.write_str("version 3: a quote of an SGX enclave, not of a TD"),
            Self::Version(found) => write!(f, "version {found}, which is unknown"),
            Self::KeyType(found) => write!(f, "attestation key type {found}"),
            Self::TeeType(0) => f.write_str("TEE type 0: a quote of an SGX enclave, not of a TD"),
            Self::TeeType(found) => write!(f, "TEE type {found:#x}, which is unknown"),
            Self::BodyType(1) => f.write_str("a body of type 1: an SGX enclave's, not a TD's"),
            Self::BodyType(found) => write!(f, "a body of type {found}, which is unknown"),
            Self::BodySize(found) => {
                write!(
                    f,
                    "a body of {found} bytes, which is not the size of its type"
                )
            }
            Self::CertificationType { found, expected } => {
                write!(
                    f,
                    "certification data of type {found} instead of {expected}"
                )
            }
        }
    }
}

impl std::error::Error for QuoteError {}

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
        if quote.len() > MAX_QUOTE {
            return Err(QuoteError::TooLong(quote.len()));
        }
        let mut bytes = Bytes {
            rest: quote,
            of: "the header",
        };
        let version = bytes.u16()?;
        if !matches!(version, 4 | 5) {
            return Err(QuoteError::Version(version));
        }
        let key_type = bytes.u16()?;
        let tee_type = bytes.u32()?;
        // What it is a quote of says more than how it is signed.
        if tee_type != TDX {
            return Err(QuoteError::TeeType(tee_type));
        }
        if key_type != ECDSA_P256 {
            return Err(QuoteError::KeyType(key_type));
        }
        let (reserved, vendor_id, user_data) = (bytes.array()?, bytes.array()?, bytes.array()?);
        bytes.of = "the body";
        let (kind, descriptor) = if version == 4 {
            (BodyKind::Td10, 0)
        } else {
            let kind = BodyKind::numbered(bytes.u16()?)?;
            let size = bytes.u32()?;
            if usize::try_from(size) != Ok(kind.size()) {
                return Err(QuoteError::BodySize(size));
            }
            (kind, 6)
        };
        let body = Body::read(bytes.slice(kind.size())?, kind)?;
        let signed = quote
            .get(..HEADER + descriptor + kind.size())
            .ok_or(QuoteError::Truncated("the body"))?;

        bytes.of = "the signature data";
        let length = bytes.length32()?;
        let mut data = bytes.part(length, "the signature data")?;
        let (signature, attestation_key) = (data.array()?, data.array()?);
        let mut outer =
            data.certification(QE_REPORT_CERTIFICATION, "the QE's certification data")?;
        data.finish()?;
        let qe_report = QeReport::read(&mut outer)?;
        let qe_signature = outer.array()?;
        let length = usize::from(outer.u16()?);
        let qe_auth_data = outer.slice(length)?.to_vec();
        let inner = outer.certification(PCK_CHAIN, "the PCK's certification data")?;
        outer.finish()?;
        Ok(Self {
            signed: signed.to_vec(),
            version,
            reserved,
            vendor_id,
            user_data,
            body,
            signature,
            attestation_key,
            qe_report,
            qe_signature,
            qe_auth_data,
            pck_chain: inner.rest.to_vec(),
            padding: bytes.rest.to_vec(),
        })
    }

    /// Header and body as received.
    pub(super) fn signed_bytes(&self) -> &[u8] {
        &self.signed
    }
}

/// Bytes that are taken from the front, and what they are a part of.
pub(super) struct Bytes<'a> {
    pub(super) rest: &'a [u8],
    pub(super) of: &'static str,
}

impl<'a> Bytes<'a> {
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], QuoteError> {
        let (array, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(QuoteError::Truncated(self.of))?;
        self.rest = rest;
        Ok(*array)
    }

    fn slice(&mut self, length: usize) -> Result<&'a [u8], QuoteError> {
        let (slice, rest) = self
            .rest
            .split_at_checked(length)
            .ok_or(QuoteError::Truncated(self.of))?;
        self.rest = rest;
        Ok(slice)
    }

    fn skip(&mut self, length: usize) -> Result<(), QuoteError> {
        self.slice(length).map(|_| ())
    }

    fn u16(&mut self) -> Result<u16, QuoteError> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, QuoteError> {
        self.array().map(u32::from_le_bytes)
    }

    fn length32(&mut self) -> Result<usize, QuoteError> {
        usize::try_from(self.u32()?).map_err(|_| QuoteError::Truncated(self.of))
    }

    /// The next `length` bytes, to be read on their own.
    fn part(&mut self, length: usize, of: &'static str) -> Result<Self, QuoteError> {
        let rest = self.slice(length)?;
        Ok(Self { rest, of })
    }

    /// Certification data: type, size and bytes.
    fn certification(&mut self, expected: u16, of: &'static str) -> Result<Self, QuoteError> {
        let found = self.u16()?;
        if found != expected {
            return Err(QuoteError::CertificationType { found, expected });
        }
        let length = self.length32()?;
        self.part(length, of)
    }

    /// Nothing is left.
    pub(super) fn finish(&self) -> Result<(), QuoteError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(QuoteError::LeftOver(self.of))
        }
    }
}
