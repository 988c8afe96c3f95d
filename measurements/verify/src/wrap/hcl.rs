//! Azure's report of the paravisor (HCL): bytes in, the hardware's report and the keys of the virtual TPM out.
//!
//! ```text
//! "HCLA" | version 1 or 2 | report size | request type | status 0 | 12 bytes of zero          header, 32 bytes
//! SEV-SNP report, or TDX report (1024 bytes) and zeroes                                       1184 bytes
//! data size | version 1 | report type | hash type | claims size                              20 bytes
//! runtime claims, JSON
//! zeroes, as the TPM's index that this is read from has a fixed size
//! ```
//!
//! All numbers are little-endian. The report size counts everything but the zeroes at the end; the data size counts the last two parts.

use super::tpm::{self, Quote};
use super::{is_digest, rules};
use crate::keys::{Hash, PublicKey, RsaKey};
use crate::snp::{REPORT_BYTES, Report};
use crate::tdx::Body;
use crate::trail::{Step, Trail};
use base64ct::{Base64UrlUnpadded, Encoding};
use serde::Deserialize;
use std::fmt;

/// The first four bytes.
pub const SIGNATURE: [u8; 4] = *b"HCLA";
/// Bytes of the header.
const HEADER: usize = 32;
/// Bytes of the head of the runtime data.
const RUNTIME_HEAD: usize = 20;
/// Where the runtime data begin.
const RUNTIME: usize = HEADER + REPORT_BYTES;
/// The most bytes that are read: the TPM's index has 2600.
const MAX_BYTES: usize = 16 * 1024;
/// The kind of request: a report of the platform.
const REQUEST: u32 = 2;
/// Where parts stand in a TDX report (Intel TDX module ABI, TDREPORT_STRUCT): in REPORTMACSTRUCT the hash of TDINFO and REPORTDATA, then
/// TDINFO, whose first fields are the ones of a quote's body from ATTRIBUTES to RTMR3, in its order.
const TDX_INFO_HASH: usize = 80;
const TDX_REPORT_DATA: usize = 128;
const TDX_INFO: usize = 512;
/// Bytes of a TDX report.
const TDX_REPORT: usize = 1024;
/// The name of the attestation key among the runtime claims.
const KEY_NAME: &str = "HCLAkPub";

/// Whose report is inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// AMD SEV-SNP.
    Snp,
    /// Intel TDX.
    Tdx,
}

/// A report of the paravisor; nothing about it is verified yet.
#[derive(Clone, Copy, Debug)]
pub struct Hcl<'a> {
    /// `version`, 1 or 2.
    pub version: u32,
    /// Whose report is inside.
    pub kind: Kind,
    report: &'a [u8],
    hash: Hash,
    /// The runtime claims, byte for byte as hashed.
    pub claims: &'a [u8],
}

/// Why bytes are not a report of the paravisor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HclError {
    /// Longer than is read; the number found.
    TooLong(usize),
    /// The bytes end before the claims do.
    Truncated,
    /// Another signature than [`SIGNATURE`].
    Signature,
    /// A version other than 1 and 2 (header) or 1 (runtime data).
    Version(u32),
    /// A request other than for a report.
    Request(u32),
    /// The paravisor says that the report failed.
    Status(u32),
    /// A type of report other than SEV-SNP and TDX.
    ReportType(u32),
    /// A type of hash other than SHA-256, SHA-384 and SHA-512.
    HashType(u32),
    /// Sizes that contradict each other.
    Sizes,
    /// Bytes that must be zero are not.
    NotZero,
}

impl fmt::Display for HclError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong(found) => write!(f, "{found} bytes, at most {MAX_BYTES} are read"),
            Self::Truncated => f.write_str("a report that is cut"),
            Self::Signature => f.write_str("another signature than HCLA"),
            Self::Version(found) => write!(f, "version {found}, which is unknown"),
            Self::Request(found) => write!(f, "a request of type {found}, which is unknown"),
            Self::Status(found) => write!(f, "status {found}: the report failed"),
            Self::ReportType(found) => write!(f, "a report of type {found}, which is unknown"),
            Self::HashType(found) => write!(f, "a hash of type {found}, which is unknown"),
            Self::Sizes => f.write_str("sizes that contradict each other"),
            Self::NotZero => f.write_str("bytes that are not zero where they must be"),
        }
    }
}

impl std::error::Error for HclError {}

impl<'a> Hcl<'a> {
    /// Reads a report.
    ///
    /// # Errors
    /// [`HclError`] when anything but the report inside and the claims is not as it must be.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, HclError> {
        if bytes.len() > MAX_BYTES {
            return Err(HclError::TooLong(bytes.len()));
        }
        let word = |offset: usize| {
            let field = bytes.get(offset..).and_then(<[u8]>::first_chunk::<4>);
            field
                .map(|field| u32::from_le_bytes(*field))
                .ok_or(HclError::Truncated)
        };
        let size = |offset| usize::try_from(word(offset)?).map_err(|_| HclError::Sizes);
        if !bytes.starts_with(&SIGNATURE) {
            return Err(HclError::Signature);
        }
        let version = word(4)?;
        if !matches!(version, 1 | 2) {
            return Err(HclError::Version(version));
        }
        match (word(12)?, word(16)?) {
            (REQUEST, 0) => {}
            (REQUEST, status) => return Err(HclError::Status(status)),
            (request, _) => return Err(HclError::Request(request)),
        }
        let claims_size = size(RUNTIME + 16)?;
        let data_size = claims_size
            .checked_add(RUNTIME_HEAD)
            .ok_or(HclError::Sizes)?;
        let whole = data_size.checked_add(RUNTIME).ok_or(HclError::Sizes)?;
        if size(RUNTIME)? != data_size || size(8)? != whole {
            return Err(HclError::Sizes);
        }
        match word(RUNTIME + 4)? {
            1 => {}
            version => return Err(HclError::Version(version)),
        }
        let kind = match word(RUNTIME + 8)? {
            2 => Kind::Snp,
            4 => Kind::Tdx,
            found => return Err(HclError::ReportType(found)),
        };
        let hash = match word(RUNTIME + 12)? {
            1 => Hash::Sha256,
            2 => Hash::Sha384,
            3 => Hash::Sha512,
            found => return Err(HclError::HashType(found)),
        };
        let claims = bytes
            .get(RUNTIME + RUNTIME_HEAD..whole)
            .ok_or(HclError::Truncated)?;
        let (report, rest) = bytes
            .get(HEADER..RUNTIME)
            .zip(bytes.get(whole..))
            .ok_or(HclError::Truncated)?;
        let unused = match kind {
            Kind::Snp => &[],
            Kind::Tdx => report.get(TDX_REPORT..).unwrap_or_default(),
        };
        let reserved = bytes.get(20..HEADER).unwrap_or_default();
        if [reserved, unused, rest]
            .into_iter()
            .flatten()
            .any(|&byte| byte != 0)
        {
            return Err(HclError::NotZero);
        }
        Ok(Self {
            version,
            kind,
            report,
            hash,
            claims,
        })
    }

    /// The SEV-SNP report inside.
    #[must_use]
    pub fn snp_report(&self) -> Option<&'a [u8]> {
        (self.kind == Kind::Snp).then_some(self.report)
    }

    /// The TDX report inside, 1024 bytes. Its authenticator can be checked only on the machine itself; a quote is made from it.
    #[must_use]
    pub fn tdx_report(&self) -> Option<&'a [u8]> {
        let report = self.report.get(..TDX_REPORT);
        report.filter(|_| self.kind == Kind::Tdx)
    }

    /// The attestation key of the virtual TPM. `Err` says what is wrong with the claims.
    fn key(&self) -> Result<PublicKey, &'static str> {
        #[derive(Deserialize)]
        struct Claims {
            keys: Vec<Key>,
        }
        #[derive(Deserialize)]
        struct Key {
            kid: String,
            kty: String,
            n: Option<String>,
            e: Option<String>,
        }
        let claims: Claims = serde_json::from_slice(self.claims)
            .map_err(|_| "runtime claims that are not JSON with keys")?;
        let mut named = claims.keys.iter().filter(|key| key.kid == KEY_NAME);
        let (Some(key), None) = (named.next(), named.next()) else {
            return Err("no key of that name, or more than one");
        };
        let number = |text: &Option<String>| Base64UrlUnpadded::decode_vec(text.as_deref()?).ok();
        let (Some(modulus), Some(exponent), "RSA") =
            (number(&key.n), number(&key.e), key.kty.as_str())
        else {
            return Err("a key that is not RSA in base64url");
        };
        match RsaKey::of(&modulus, &exponent) {
            Some(key) if key.bytes() == 256 => Ok(PublicKey::Rsa(key)),
            _ => Err("a key that is not RSA of 2048 bits with exponent 65537"),
        }
    }
}

/// What was judged, that a report of the paravisor should be around.
#[derive(Clone, Copy, Debug)]
pub enum Judged<'a> {
    /// The SNP report.
    Snp(&'a Report),
    /// The body of the TDX quote that was made from the report inside.
    Tdx(&'a Body),
}

/// What came beside the report.
#[derive(Clone, Copy, Debug, Default)]
pub struct Beside<'a> {
    /// The virtual TPM's quote.
    pub quote: Option<Quote<'a>>,
    /// The nonce that the caller sent; without one the quote may be old, and the step says which one it carries.
    pub nonce: Option<&'a [u8]>,
    /// The values of registers 0 to 23 of the TPM's SHA-256 bank, as far as they are given, by number.
    pub registers: Option<&'a [(u8, [u8; 32])]>,
}

/// Judges a report of the paravisor, and the quote of its virtual TPM when there is one.
#[must_use]
pub fn judge(bytes: &[u8], judged: &Judged<'_>, beside: &Beside<'_>) -> Vec<Step> {
    let mut trail = Trail::default();
    let expected = "an HCL report, version 1 or 2";
    match Hcl::parse(bytes) {
        Err(error) => {
            trail.check(&rules::HCL_FORMAT, false, expected, error.to_string());
        }
        Ok(hcl) => {
            let found = format!(
                "version {}, {} bytes of claims",
                hcl.version,
                hcl.claims.len()
            );
            trail.check(&rules::HCL_FORMAT, true, expected, found);
            judge_report(&mut trail, &hcl, judged);
            let key = hcl.key();
            trail.check(
                &rules::HCL_KEY,
                key.is_ok(),
                "one RSA key HCLAkPub of 2048 bits",
                key.as_ref()
                    .map_or_else(ToString::to_string, ToString::to_string),
            );
            match (&beside.quote, key) {
                (None, _) => {
                    for rule in [
                        &rules::HCL_QUOTE_FORMAT,
                        &rules::HCL_QUOTE_SIGNATURE,
                        &rules::HCL_QUOTE_NONCE,
                        &rules::HCL_QUOTE_PCRS,
                    ] {
                        trail.not_asked(rule, "no quote was given");
                    }
                }
                (Some(quote), Ok(key)) => tpm::judge(&mut trail, quote, &key, beside),
                // The rules of the quote are completed below as not evaluated.
                (Some(_), Err(_)) => {}
            }
        }
    }
    trail.complete(rules::HCL, "a step before this one failed")
}

/// Whether a TDX report is the one that a quote with this body was made from: it says of the TD what the body says. Its authenticator can be
/// checked on the machine alone; the hash inside is checked all the same.
fn is_quoted(report: &[u8], body: &Body) -> bool {
    let part = |from: usize| report.get(from..).unwrap_or_default();
    let hash = Hash::Sha384.digest(part(TDX_INFO));
    part(TDX_REPORT_DATA).starts_with(&body.report_data)
        && part(TDX_INFO).starts_with(&body.td_info())
        && part(TDX_INFO_HASH).starts_with(&hash)
}

/// The report inside is the judged one, and its report data are the hash of the claims.
fn judge_report(trail: &mut Trail, hcl: &Hcl<'_>, judged: &Judged<'_>) {
    let (same, report_data) = match *judged {
        Judged::Snp(report) => (hcl.snp_report() == Some(report.bytes()), report.report_data),
        Judged::Tdx(body) => (
            hcl.tdx_report()
                .is_some_and(|report| is_quoted(report, body)),
            body.report_data,
        ),
    };
    let found = match (same, hcl.kind) {
        (true, _) => "the judged report",
        (false, Kind::Snp) => "another SNP report",
        (false, Kind::Tdx) => "a TDX report that the quote was not made from",
    };
    trail.check(&rules::HCL_REPORT, same, "the judged report", found);
    let digest = hcl.hash.digest(hcl.claims);
    trail.check(
        &rules::HCL_RUNTIME_DATA,
        is_digest(&report_data, &digest),
        format!("{} {}, then zeroes", hcl.hash, hex::encode(&digest)),
        hex::encode(report_data),
    );
}
