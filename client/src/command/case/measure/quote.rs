//! The quote that the measurements of a case are compared with: the one in its folder, or the one of the case that it names.

use std::path::Path;

use cloister_client::failure::Failure;
use cloister_verify::ccel::Registers;
use cloister_verify::tdx::{Quote, QuoteError};
use serde::Deserialize;

use super::super::if_there;
use super::{Description, json};

/// What a quote says about measurements. Who signed it is the business of its own case.
pub(super) struct Measured {
    pub(super) mrtd: [u8; 48],
    pub(super) registers: Registers,
    pub(super) report_data: [u8; 64],
}

impl Measured {
    /// Reads a quote whole, as the verifier does.
    fn of(quote: &[u8]) -> Result<Self, QuoteError> {
        let body = Quote::parse(quote)?.body;
        Ok(Self {
            mrtd: body.mr_td,
            registers: Registers(body.rtmr),
            report_data: body.report_data,
        })
    }
}

/// The quote that goes with a case.
///
/// # Errors
/// [`Failure`] of the input when a file can't be read or is no quote.
pub(super) fn of_case(
    folder: &Path,
    description: &Description,
) -> Result<Option<Measured>, Failure> {
    #[derive(Deserialize)]
    struct Original {
        quote: String,
    }
    let readable = |path: &Path, bytes: &[u8]| {
        Measured::of(bytes)
            .map(Some)
            .map_err(|error| Failure::input(path.display(), format_args!("no TDX quote: {error}")))
    };
    let path = folder.join("quote.bin");
    if let Some(bytes) = if_there(&path)? {
        return readable(&path, &bytes);
    }
    let path = folder.join("original.json");
    if let Some(bytes) = if_there(&path)? {
        let original: Original = json(&path, &bytes)?;
        let bytes = hex::decode(original.quote)
            .map_err(|_| Failure::input(path.display(), "expected a quote in hexadecimal"))?;
        return readable(&path, &bytes);
    }
    let Some(case) = named_case(&description.title).or_else(|| named_case(&description.notes))
    else {
        return Ok(None);
    };
    let path = folder.join("../../tdx").join(case).join("quote.bin");
    match if_there(&path)? {
        Some(bytes) => readable(&path, &bytes),
        None => Ok(None),
    }
}

/// The first case `tdx/<name>` in a text. A name has letters, digits and hyphens, so it can't lead elsewhere.
fn named_case(text: &str) -> Option<&str> {
    let (_, rest) = text.split_once("tdx/")?;
    let end = rest
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '-')
        .unwrap_or(rest.len());
    rest.get(..end).filter(|name| !name.is_empty())
}
