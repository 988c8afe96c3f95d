//! Intel's quotes, as far as a binding needs them: SGX of version 3, TDX (and SGX) of versions 4 and 5.
//!
//! What differs between them is where the report data stand and how the platform's chain is wrapped. Whether the platform and the quoting
//! enclave are patched is not asked here: that takes collateral, see `crate::tdx`.

use std::fmt;

/// The most bytes that are read.
const MAX_QUOTE: usize = 32 * 1024;
const HEADER: usize = 48;
/// Bytes of an SGX report body, the quoting enclave's as well.
const SGX_BODY: usize = 384;
/// Where the report data stand in an SGX body.
const SGX_REPORT_DATA: usize = 320;
/// Where `ATTRIBUTES` stand in an SGX body.
const SGX_ATTRIBUTES: usize = 48;
/// `ATTRIBUTES.DEBUG`.
const SGX_DEBUG: u8 = 2;
/// Bytes of a TD report body of version 1.0; that of 1.5 is longer and begins with the same fields.
const TD10_BODY: usize = 584;
const TD15_BODY: usize = 648;
/// Where fields stand in a TD body.
const TD_ATTRIBUTES: usize = 120;
const TD_REGISTERS: usize = 328;
const TD_REPORT_DATA: usize = 520;
/// ECDSA on P-256.
const KEY_TYPE: u16 = 2;
/// Certification data: the quoting enclave's report and more of the kind (from version 4 on); a PCK chain in PEM.
const QE_REPORT: u16 = 6;
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

/// A quote; nothing about it is verified yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quote<'a> {
    pub(super) version: u16,
    pub(super) tee: Tee,
    /// What the attestation key signs.
    pub(super) signed: &'a [u8],
    body: &'a [u8],
    pub(super) report_data: [u8; 64],
    pub(super) signature: &'a [u8],
    /// x and y, big-endian.
    pub(super) key: &'a [u8],
    /// The quoting enclave's report, which the platform's key signs.
    pub(super) qe_report: &'a [u8],
    pub(super) qe_report_data: [u8; 64],
    pub(super) qe_signature: &'a [u8],
    pub(super) qe_auth_data: &'a [u8],
    /// PEM.
    pub(super) chain: &'a [u8],
}

/// Takes bytes from the front.
#[derive(Clone, Copy)]
struct Bytes<'a>(&'a [u8]);

const CUT: &str = "a quote that is cut";

impl<'a> Bytes<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], &'static str> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(CUT)?;
        self.0 = rest;
        Ok(taken)
    }

    fn u16(&mut self) -> Result<u16, &'static str> {
        let (number, rest) = self.0.split_first_chunk().ok_or(CUT)?;
        self.0 = rest;
        Ok(u16::from_le_bytes(*number))
    }

    fn u32(&mut self) -> Result<u32, &'static str> {
        let (number, rest) = self.0.split_first_chunk().ok_or(CUT)?;
        self.0 = rest;
        Ok(u32::from_le_bytes(*number))
    }

    /// The bytes behind a length of four.
    fn sized(&mut self) -> Result<Self, &'static str> {
        let length = usize::try_from(self.u32()?).map_err(|_| CUT)?;
        self.take(length).map(Self)
    }

    fn certification(&mut self, kind: u16) -> Result<Self, &'static str> {
        if self.u16()? != kind {
            return Err("certification data of another type");
        }
        self.sized()
    }

    fn finish(&self) -> Result<(), &'static str> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err("bytes left over inside the quote")
        }
    }
}

impl<'a> Quote<'a> {
    /// Reads a quote. Zeroes may follow it.
    pub(super) fn parse(quote: &'a [u8]) -> Result<Self, &'static str> {
        if quote.len() > MAX_QUOTE {
            return Err("more bytes than are read");
        }
        let mut header = Bytes(quote.get(..HEADER).ok_or(CUT)?);
        let (version, key_type, tee_type) = (header.u16()?, header.u16()?, header.u32()?);
        if key_type != KEY_TYPE {
            return Err("a key that is not ECDSA on P-256");
        }
        let mut rest = Bytes(quote.get(HEADER..).ok_or(CUT)?);
        // In version 3 the four bytes behind the key type are reserved, and it quotes enclaves alone.
        let (tee, size) = match (version, tee_type) {
            (3 | 4, 0) => (Tee::Sgx, SGX_BODY),
            (4, 0x81) => (Tee::Tdx, TD10_BODY),
            (5, tee_type) => match (rest.u16()?, usize::try_from(rest.u32()?), tee_type) {
                (1, Ok(SGX_BODY), 0) => (Tee::Sgx, SGX_BODY),
                (2, Ok(TD10_BODY), 0x81) => (Tee::Tdx, TD10_BODY),
                (3, Ok(TD15_BODY), 0x81) => (Tee::Tdx, TD15_BODY),
                _ => return Err("a body of an unknown type, or of another size than its type's"),
            },
            (3 | 4, _) => return Err("an unknown TEE type"),
            _ => return Err("an unknown version"),
        };
        let body = rest.take(size)?;
        let signed = quote.get(..quote.len() - rest.0.len()).ok_or(CUT)?;
        let mut data = rest.sized()?;
        if rest.0.iter().any(|&byte| byte != 0) {
            return Err("bytes behind the quote that are not zero");
        }
        let (signature, key) = (data.take(64)?, data.take(64)?);
        let mut inner = if version == 3 {
            data
        } else {
            let inner = data.certification(QE_REPORT)?;
            data.finish()?;
            inner
        };
        let (qe_report, qe_signature) = (inner.take(SGX_BODY)?, inner.take(64)?);
        let length = usize::from(inner.u16()?);
        let qe_auth_data = inner.take(length)?;
        let chain = inner.certification(PCK_CHAIN)?;
        inner.finish()?;
        let data_at = |body: &[u8], offset| {
            let data = body.get(offset..).and_then(<[u8]>::first_chunk);
            data.copied().ok_or(CUT)
        };
        Ok(Self {
            version,
            tee,
            signed,
            body,
            report_data: data_at(
                body,
                match tee {
                    Tee::Sgx => SGX_REPORT_DATA,
                    Tee::Tdx => TD_REPORT_DATA,
                },
            )?,
            signature,
            key,
            qe_report,
            qe_report_data: data_at(qe_report, SGX_REPORT_DATA)?,
            qe_signature,
            qe_auth_data,
            chain: chain.0,
        })
    }

    /// Whether the host may debug what is quoted: SGX has one bit, of TDX the whole byte must be zero.
    pub(super) fn debuggable(&self) -> bool {
        let (offset, mask) = match self.tee {
            Tee::Sgx => (SGX_ATTRIBUTES, SGX_DEBUG),
            Tee::Tdx => (TD_ATTRIBUTES, 0xff),
        };
        self.body
            .get(offset)
            .is_none_or(|attributes| attributes & mask != 0)
    }

    /// RTMR0 to RTMR3 of a TD.
    pub(super) fn registers(&self) -> Option<Vec<[u8; 48]>> {
        let registers = self.body.get(TD_REGISTERS..TD_REPORT_DATA)?;
        (self.tee == Tee::Tdx).then(|| {
            let (registers, _) = registers.as_chunks();
            registers.to_vec()
        })
    }
}
