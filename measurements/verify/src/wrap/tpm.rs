//! The quote of a TPM (TPM 2.0 library, part 2: structures): what a virtual TPM says of its registers, under its attestation key.
//!
//! ```text
//! magic ff544347 | type 8018 | qualified signer | extra data | clock 17 | firmware 8          big-endian; names and data behind
//! selections: number, each: hash, size, bits | digest of the selected registers                lengths of two bytes
//! ```

use super::hcl::Beside;
use super::rules;
use crate::keys::{Hash, PublicKey};
use crate::trail::Trail;
use sha2::{Digest, Sha256};

/// `TPM_GENERATED_VALUE`: no other structure that a TPM signs begins so.
const MAGIC: u32 = 0xff54_4347;
/// `TPM_ST_ATTEST_QUOTE`.
const QUOTE: u16 = 0x8018;
/// `TPM_ALG_SHA256`.
const SHA256: u16 = 0x000b;
/// `TPMT_SIGNATURE` of RSASSA with SHA-256 up to its 256 bytes.
const RSASSA_SHA256: [u8; 6] = [0x00, 0x14, 0x00, 0x0b, 0x01, 0x00];
/// The most bytes of a quote: two names and a digest of 64 bytes each, and the numbers.
const MAX_QUOTE: usize = 512;
/// Registers of a bank.
const REGISTERS: u8 = 24;

/// A quote as it comes from a TPM.
#[derive(Clone, Copy, Debug)]
pub struct Quote<'a> {
    /// `TPMS_ATTEST`.
    pub message: &'a [u8],
    /// The signature: 256 bytes, alone or as `TPMT_SIGNATURE`.
    pub signature: &'a [u8],
}

/// What is read of a quote.
struct Attest<'a> {
    extra_data: &'a [u8],
    /// Bit n: register n of the SHA-256 bank.
    selection: u32,
    digest: &'a [u8],
}

/// Takes bytes from the front.
struct Bytes<'a>(&'a [u8]);

impl<'a> Bytes<'a> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (array, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*array)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// `TPM2B`: bytes behind their number.
    fn sized(&mut self) -> Option<&'a [u8]> {
        let length = usize::from(self.u16()?);
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

impl<'a> Attest<'a> {
    /// Reads `TPMS_ATTEST` of a quote of one bank, SHA-256.
    fn parse(message: &'a [u8]) -> Result<Self, &'static str> {
        if message.len() > MAX_QUOTE {
            return Err("more bytes than a quote has");
        }
        let mut bytes = Bytes(message);
        let cut = "a quote that is cut";
        if bytes.u32().ok_or(cut)? != MAGIC {
            return Err("a structure that no TPM has made");
        }
        if bytes.u16().ok_or(cut)? != QUOTE {
            return Err("an attestation of something else than registers");
        }
        bytes.sized().ok_or(cut)?; // qualifiedSigner
        let extra_data = bytes.sized().ok_or(cut)?;
        let clock: [u8; 17] = bytes.array().ok_or(cut)?;
        if !matches!(clock.last(), Some(0 | 1)) {
            return Err("a clock that is neither safe nor unsafe");
        }
        bytes.array::<8>().ok_or(cut)?; // firmwareVersion
        let one_bank = (bytes.u32(), bytes.u16()) == (Some(1), Some(SHA256));
        if !one_bank || bytes.array().ok_or(cut)? != [3] {
            return Err("a selection of another bank than SHA-256, or of several");
        }
        let [low, middle, high] = bytes.array().ok_or(cut)?;
        let digest = bytes.sized().ok_or(cut)?;
        if !bytes.0.is_empty() {
            return Err("bytes behind the quote");
        }
        if digest.len() != 32 {
            return Err("a digest of another length than SHA-256 has");
        }
        Ok(Self {
            extra_data,
            selection: u32::from_le_bytes([low, middle, high, 0]),
            digest,
        })
    }
}

/// Judges a quote under the attestation key.
pub(super) fn judge(trail: &mut Trail, quote: &Quote<'_>, key: &PublicKey, beside: &Beside<'_>) {
    let expected = "TPMS_ATTEST of a quote of the SHA-256 bank";
    let attest = match Attest::parse(quote.message) {
        Ok(attest) => attest,
        Err(found) => {
            trail.check(&rules::HCL_QUOTE_FORMAT, false, expected, found);
            return;
        }
    };
    trail.check(&rules::HCL_QUOTE_FORMAT, true, expected, expected);
    let signature = quote.signature;
    let bare = signature
        .strip_prefix(&RSASSA_SHA256)
        .filter(|bare| bare.len() == 256);
    let signed = key.pkcs1(Hash::Sha256, quote.message, bare.unwrap_or(signature));
    trail.check(
        &rules::HCL_QUOTE_SIGNATURE,
        signed,
        "signed by HCLAkPub",
        if signed {
            "signed by HCLAkPub"
        } else {
            "not signed by HCLAkPub"
        },
    );
    let found = hex::encode(attest.extra_data);
    match beside.nonce {
        Some(nonce) => {
            trail.check(
                &rules::HCL_QUOTE_NONCE,
                nonce == attest.extra_data,
                hex::encode(nonce),
                found,
            );
        }
        None => trail.not_asked(&rules::HCL_QUOTE_NONCE, found),
    }
    match beside.registers {
        Some(registers) => {
            let digest = digest(registers, attest.selection);
            trail.check(
                &rules::HCL_QUOTE_PCRS,
                digest
                    .as_ref()
                    .is_some_and(|digest| digest == attest.digest),
                digest.map_or_else(|| "a value for each selected register".into(), hex::encode),
                hex::encode(attest.digest),
            );
        }
        None => trail.not_asked(&rules::HCL_QUOTE_PCRS, hex::encode(attest.digest)),
    }
}

/// SHA-256 over the selected registers in their order; `None` when one is missing, given twice, or when none is selected.
fn digest(registers: &[(u8, [u8; 32])], selection: u32) -> Option<[u8; 32]> {
    let mut hash = Sha256::new();
    for number in (0..REGISTERS).filter(|number| selection >> number & 1 == 1) {
        let mut named = registers.iter().filter(|(other, _)| *other == number);
        let ((_, value), None) = (named.next()?, named.next()) else {
            return None;
        };
        hash.update(value);
    }
    (selection != 0).then(|| hash.finalize().into())
}
