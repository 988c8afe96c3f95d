//! Evidence of an Azure confidential VM as attesters hand it on: JSON with the paravisor's report, the virtual TPM's quote with its registers,
//! and what the hardware says or who certifies it.
//!
//! Two forms: that of the `az-snp-vtpm` and `az-tdx-vtpm` attesters (`version`, `tpm_quote`, `hcl_report`, `td_quote` or `vcek`; bytes in
//! hexadecimal or base64) and the one before it (`quote`, `report`, `vcek`; bytes as rows of numbers). Members of other names are not read:
//! nothing is believed for being in the bundle, each part is judged by its own rules.

use super::hcl::{self, Beside, Judged};
use super::tpm::Quote;
use super::{Inner, NotWrapped, rules};
use crate::trail::{Step, Trail};
use base64ct::{Base64Unpadded, Base64UrlUnpadded, Encoding};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

/// The versions of the attesters' form.
const VERSIONS: [u32; 2] = [1, 2];
/// Registers of the TPM's SHA-256 bank.
const REGISTERS: usize = 24;

/// A bundle; nothing about it is verified yet.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Bundle {
    version: Option<u32>,
    #[serde(alias = "report")]
    hcl_report: Octets,
    #[serde(alias = "quote")]
    tpm_quote: TpmQuote,
    td_quote: Option<Octets>,
    vcek: Option<String>,
}

/// The virtual TPM's quote.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
struct TpmQuote {
    message: Digits,
    signature: Digits,
    pcrs: Vec<Digits>,
}

/// Bytes as a row of numbers, or as a text that `decode` reads.
fn octets<'de, D: Deserializer<'de>>(
    deserializer: D,
    decode: impl FnOnce(&str) -> Option<Vec<u8>>,
) -> Result<Vec<u8>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Numbers(Vec<u8>),
        Text(String),
    }
    match Either::deserialize(deserializer)? {
        Either::Numbers(bytes) => Ok(bytes),
        Either::Text(text) => {
            decode(&text).ok_or_else(|| D::Error::custom("a text that is no bytes"))
        }
    }
}

/// Bytes in base64 of either alphabet, with or without padding.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Octets(Vec<u8>);

impl<'de> Deserialize<'de> for Octets {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        octets(deserializer, base64).map(Self)
    }
}

/// Bytes in hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Digits(Vec<u8>);

impl<'de> Deserialize<'de> for Digits {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        octets(deserializer, |text| hex::decode(text).ok()).map(Self)
    }
}

fn base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=');
    let decoded = if text.contains(['-', '_']) {
        Base64UrlUnpadded::decode_vec(text)
    } else {
        Base64Unpadded::decode_vec(text)
    };
    decoded.ok()
}

impl Bundle {
    /// Whether a text has the members that make it a bundle, so that it is judged as one.
    #[must_use]
    pub fn is_like(bytes: &[u8]) -> bool {
        let has = |member: &[u8]| bytes.windows(member.len()).any(|part| part == member);
        bytes.trim_ascii_start().first() == Some(&b'{')
            && (has(b"\"hcl_report\"") || has(b"\"report\""))
            && has(b"\"pcrs\"")
    }

    /// Reads a bundle.
    ///
    /// # Errors
    /// [`NotWrapped`] when a part is missing or is not bytes, or when the version is unknown.
    pub fn parse(bytes: &[u8]) -> Result<Self, NotWrapped> {
        if bytes.len() > super::MAX_WRAPPER {
            return Err(NotWrapped("more bytes than are read"));
        }
        let bundle: Self = serde_json::from_slice(bytes)
            .map_err(|_| NotWrapped("a bundle without report, quote and registers"))?;
        if bundle
            .version
            .is_some_and(|found| !VERSIONS.contains(&found))
        {
            return Err(NotWrapped("a bundle of an unknown version"));
        }
        Ok(bundle)
    }

    /// The paravisor's report.
    #[must_use]
    pub fn hcl_report(&self) -> &[u8] {
        &self.hcl_report.0
    }

    /// The TD's quote, when the hardware is Intel's.
    #[must_use]
    pub fn td_quote(&self) -> Option<&[u8]> {
        self.td_quote.as_ref().map(|quote| quote.0.as_slice())
    }

    /// The certificates that the bundle brings, DER: the chip's, when the hardware is AMD's.
    fn certificates(&self) -> Option<Vec<Vec<u8>>> {
        let Some(vcek) = &self.vcek else {
            return Some(Vec::new());
        };
        if vcek.trim_start().starts_with("-----BEGIN") {
            return crate::pem::certificates(vcek).ok();
        }
        base64(vcek).map(|der| vec![der])
    }

    /// Registers 0 to 23, by number; `None` when there are others, or one that is not 32 bytes.
    fn registers(&self) -> Option<Vec<(u8, [u8; 32])>> {
        let pcrs = &self.tpm_quote.pcrs;
        if pcrs.len() != REGISTERS {
            return None;
        }
        (0..)
            .zip(pcrs)
            .map(|(number, pcr)| Some((number, pcr.0.as_slice().try_into().ok()?)))
            .collect()
    }
}

/// The hardware's report and the chip's certificate.
pub(super) fn open(bytes: &[u8]) -> Option<Inner<'static>> {
    let bundle = Bundle::parse(bytes).ok()?;
    let report = hcl::Hcl::parse(bundle.hcl_report()).ok()?.snp_report()?;
    Some(Inner {
        report: report.to_vec().into(),
        certificates: bundle.certificates()?,
    })
}

/// Judges a bundle around the hardware's evidence: its parts belong together, and each holds by the paravisor's rules. `quote` is the TD's
/// quote that was judged, when the hardware is Intel's.
#[must_use]
pub fn judge(
    bytes: &[u8],
    judged: &Judged<'_>,
    quote: Option<&[u8]>,
    nonce: Option<&[u8]>,
) -> Vec<Step> {
    let mut trail = Trail::default();
    let expected = "report of the paravisor, quote and 24 registers of the virtual TPM";
    let read = Bundle::parse(bytes).and_then(|bundle| {
        let registers = bundle
            .registers()
            .ok_or(NotWrapped("registers that are not 24 of 32 bytes"))?;
        Ok((bundle, registers))
    });
    let (bundle, registers) = match read {
        Ok(read) => read,
        Err(error) => {
            trail.check(&rules::AZURE_FORMAT, false, expected, error.0);
            let all: Vec<_> = [rules::AZURE, rules::HCL].concat();
            return trail.complete(&all, "a step before this one failed");
        }
    };
    trail.check(&rules::AZURE_FORMAT, true, expected, expected);
    match (quote, bundle.td_quote()) {
        (None, None) => trail.not_asked(&rules::AZURE_QUOTE, "no quote of a TD"),
        (judged, inside) => {
            let same = judged == inside;
            let found = match inside {
                _ if same => "the judged quote",
                Some(_) => "another quote",
                None => "no quote of a TD",
            };
            trail.check(&rules::AZURE_QUOTE, same, "the judged quote", found);
        }
    }
    let mut steps = trail.complete(rules::AZURE, "a step before this one failed");
    let beside = Beside {
        quote: Some(Quote {
            message: &bundle.tpm_quote.message.0,
            signature: &bundle.tpm_quote.signature.0,
        }),
        nonce,
        registers: Some(&registers),
    };
    steps.extend(hcl::judge(bundle.hcl_report(), judged, &beside));
    steps
}
