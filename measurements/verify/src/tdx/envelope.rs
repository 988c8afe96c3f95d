//! The frame of Intel's quotes, of enclaves and of TDs alike (Intel SGX ECDSA Quote Library API, quote format of version 3; Intel TDX DCAP
//! Quoting Library API, quote format of versions 4 and 5): bytes in, parts out.
//!
//! ```text
//! header 48 | version 5: body type 2, body size 4 | body 384, 584 or 648        signed by the attestation key
//! signature data length 4
//!   signature 64 | attestation key 64 | from version 4: certification data of type 6, size 4
//!     QE report 384 | QE report signature 64 | QE auth data: size 2, bytes | certification data: type 5, size 4
//!       PCK certificate chain, PEM
//! padding
//! ```
//!
//! Every length must fit its container to the byte. What follows the signature data is padding: quoting services hand out buffers that are
//! longer than the quote, and neither their length nor their content is in any signature. What it holds is for the caller to judge.

use super::body::BodyKind;
use std::fmt;

/// The most bytes that are read. Linux asks the quoting service for at most 8 KiB (`GET_QUOTE_BUF_SIZE` in `drivers/virt/coco/tdx-guest`),
/// and until version 6.18 its configfs-tsm handed out at most 32 KiB whatever the provider (`TSM_REPORT_OUTBLOB_MAX`).
pub const MAX_QUOTE: usize = 32 * 1024;
/// Bytes of an enclave's report.
const ENCLAVE_REPORT: usize = 384;
/// `attestation key type` of ECDSA-256-with-P-256.
const ECDSA_P256: u16 = 2;
/// `TEE type` of SGX; in version 3, where there is no other, these bytes are reserved.
const SGX: u32 = 0;
/// `TEE type` of TDX.
const TDX: u32 = 0x81;
/// The type of an enclave's body in a body descriptor.
const ENCLAVE_BODY: u16 = 1;
/// Certification data: a QE report with its own certification data.
const QE_REPORT_CERTIFICATION: u16 = 6;
/// Certification data: a PCK certificate chain in PEM.
const PCK_CHAIN: u16 = 5;

/// What is quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tee {
    /// An enclave.
    Sgx,
    /// A confidential virtual machine.
    Tdx,
}

impl fmt::Display for Tee {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sgx => "an SGX enclave",
            Self::Tdx => "a TDX virtual machine",
        })
    }
}

/// A quote's parts. Reading them checks the structure, nothing else.
#[derive(Clone, Debug)]
pub(crate) struct Envelope<'a> {
    /// Header and body as received: what the attestation key signs.
    pub(crate) signed: &'a [u8],
    /// `version`, 3 to 5.
    pub(crate) version: u16,
    /// Bytes 8 to 11 of the header: reserved, in version 3 the SVNs of quoting and provisioning enclave.
    pub(crate) reserved: [u8; 4],
    pub(crate) vendor_id: [u8; 16],
    pub(crate) user_data: [u8; 20],
    pub(crate) body: AnyBody<'a>,
    /// r and s over header and body, big-endian.
    pub(crate) signature: [u8; 64],
    /// x and y, big-endian.
    pub(crate) attestation_key: [u8; 64],
    pub(crate) qe_report: EnclaveReport,
    /// r and s over the quoting enclave's report, big-endian.
    pub(crate) qe_signature: [u8; 64],
    pub(crate) qe_auth_data: &'a [u8],
    /// PEM.
    pub(crate) pck_chain: &'a [u8],
    /// What follows the signature data.
    pub(crate) padding: &'a [u8],
}

/// The body of a quote.
#[derive(Clone, Debug)]
pub(crate) enum AnyBody<'a> {
    /// An enclave's report.
    Enclave(Box<EnclaveReport>),
    /// A TD's report of this kind, as long as its kind says.
    Td(BodyKind, &'a [u8]),
}

/// Which quotes are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Those of TDs, and of versions 4 and 5.
    Tds,
    /// Those of enclaves too.
    Any,
}

impl<'a> Envelope<'a> {
    /// Reads a quote, possibly followed by padding.
    pub(crate) fn parse(quote: &'a [u8], wanted: Wanted) -> Result<Self, QuoteError> {
        if quote.len() > MAX_QUOTE {
            return Err(QuoteError::TooLong(quote.len()));
        }
        let mut bytes = Bytes {
            rest: quote,
            of: "the header",
        };
        let version = bytes.u16()?;
        match (version, wanted) {
            (4 | 5, _) | (3, Wanted::Any) => {}
            _ => return Err(QuoteError::Version(version)),
        }
        let key_type = bytes.u16()?;
        // What it is a quote of says more than how it is signed.
        let tee = match (bytes.u32()?, wanted) {
            (SGX, Wanted::Any) => Tee::Sgx,
            (TDX, _) if version > 3 => Tee::Tdx,
            (found, _) => return Err(QuoteError::TeeType(found)),
        };
        if key_type != ECDSA_P256 {
            return Err(QuoteError::KeyType(key_type));
        }
        let (reserved, vendor_id, user_data) = (bytes.array()?, bytes.array()?, bytes.array()?);
        bytes.of = "the body";
        let body = AnyBody::read(&mut bytes, version, tee)?;
        let signed = quote
            .get(..quote.len().saturating_sub(bytes.rest.len()))
            .ok_or(QuoteError::Truncated("the body"))?;

        bytes.of = "the signature data";
        let mut data = bytes.part("the signature data")?;
        let (signature, attestation_key) = (data.array()?, data.array()?);
        let mut outer = if version == 3 {
            data
        } else {
            let outer =
                data.certification(QE_REPORT_CERTIFICATION, "the QE's certification data")?;
            data.finish()?;
            outer
        };
        let qe_report = EnclaveReport::read(&mut outer)?;
        let qe_signature = outer.array()?;
        let length = usize::from(outer.u16()?);
        let qe_auth_data = outer.slice(length)?;
        let inner = outer.certification(PCK_CHAIN, "the PCK's certification data")?;
        outer.finish()?;
        Ok(Self {
            signed,
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
            pck_chain: inner.rest,
            padding: bytes.rest,
        })
    }
}

impl<'a> AnyBody<'a> {
    fn read(bytes: &mut Bytes<'a>, version: u16, tee: Tee) -> Result<Self, QuoteError> {
        let kind = match (version, tee) {
            (5, _) => {
                let number = bytes.u16()?;
                let kind = match (number, tee) {
                    (ENCLAVE_BODY, Tee::Sgx) => None,
                    (_, Tee::Sgx) => return Err(QuoteError::BodyType(number)),
                    (_, Tee::Tdx) => Some(BodyKind::numbered(number)?),
                };
                let size = bytes.u32()?;
                if usize::try_from(size) != Ok(kind.map_or(ENCLAVE_REPORT, BodyKind::size)) {
                    return Err(QuoteError::BodySize(size));
                }
                kind
            }
            (_, Tee::Sgx) => None,
            (_, Tee::Tdx) => Some(BodyKind::Td10),
        };
        Ok(match kind {
            None => Self::Enclave(Box::new(EnclaveReport::read(bytes)?)),
            Some(kind) => Self::Td(kind, bytes.slice(kind.size())?),
        })
    }
}

/// An SGX enclave's report (Intel SDM volume 3D, REPORT).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnclaveReport {
    raw: [u8; ENCLAVE_REPORT],
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

impl EnclaveReport {
    fn read(bytes: &mut Bytes<'_>) -> Result<Self, QuoteError> {
        let raw = bytes.array::<ENCLAVE_REPORT>()?;
        let mut fields = Bytes {
            rest: &raw,
            of: "an enclave's report",
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

    /// The bytes that are signed.
    pub(crate) fn signed_bytes(&self) -> &[u8] {
        &self.raw
    }

    /// `ATTRIBUTES.DEBUG`: whoever runs the enclave can read it (Intel SDM volume 3D).
    #[must_use]
    pub fn debuggable(&self) -> bool {
        let [flags, ..] = self.attributes;
        flags & 0x02 != 0
    }
}

/// Why bytes are not a quote that is read.
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
            Self::TeeType(SGX) => f.write_str("TEE type 0: a quote of an SGX enclave, not of a TD"),
            Self::TeeType(found) => write!(f, "TEE type {found:#x}, which is unknown"),
            Self::BodyType(1) => f.write_str("a body of type 1: an SGX enclave's, not a TD's"),
            Self::BodyType(4) => f.write_str(
                "a body of type 4: that of a TD with partitions or service TDs (TDX 1.5ex), which is not read",
            ),
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

    /// The bytes behind a length of four, to be read on their own.
    fn part(&mut self, of: &'static str) -> Result<Self, QuoteError> {
        let length = usize::try_from(self.u32()?).map_err(|_| QuoteError::Truncated(self.of))?;
        let rest = self.slice(length)?;
        Ok(Self { rest, of })
    }

    /// Certification data: type, size and bytes.
    fn certification(&mut self, expected: u16, of: &'static str) -> Result<Self, QuoteError> {
        let found = self.u16()?;
        if found != expected {
            return Err(QuoteError::CertificationType { found, expected });
        }
        self.part(of)
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
