//! PEM (RFC 7468) in, DER certificates out: for files from key distribution services and command lines.

use std::fmt;

/// No chain file comes near this size.
const MAX_BYTES: usize = 64 * 1024;
const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// Why a text is not a row of PEM certificates: too long, text between the blocks, no block, or a malformed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadPem;

impl fmt::Display for BadPem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected one or more PEM blocks 'CERTIFICATE' and nothing else")
    }
}

impl std::error::Error for BadPem {}

/// The DER of each certificate, in the order of the file.
///
/// # Errors
/// [`BadPem`] when the text holds anything but well-formed `CERTIFICATE` blocks and white space, or no block at all.
pub fn certificates(text: &str) -> Result<Vec<Vec<u8>>, BadPem> {
    if text.len() > MAX_BYTES {
        return Err(BadPem);
    }
    let mut found = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        if !rest.starts_with(BEGIN) {
            return Err(BadPem);
        }
        let end = rest.find(END).ok_or(BadPem)?.saturating_add(END.len());
        let (block, behind) = rest.split_at_checked(end).ok_or(BadPem)?;
        let (label, der) = der::pem::decode_vec(block.as_bytes()).map_err(|_| BadPem)?;
        if label != "CERTIFICATE" {
            return Err(BadPem);
        }
        found.push(der);
        rest = behind.trim_start();
    }
    if found.is_empty() {
        return Err(BadPem);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const BLOCK: &str = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n";

    #[test]
    fn blocks_in_order() {
        assert_eq!(certificates(BLOCK).unwrap(), [[1, 2, 3]]);
        let two = format!("\n{BLOCK}\n{}", BLOCK.replace("AQID", "BAUG"));
        assert_eq!(certificates(&two).unwrap(), [[1, 2, 3], [4, 5, 6]]);
    }

    #[test]
    fn nothing_else() {
        for bad in [
            "",
            "text",
            &format!("subject=x\n{BLOCK}"),
            &format!("{BLOCK}text"),
            &BLOCK.replace("-----END", "-----"),
            &BLOCK.replace("CERTIFICATE", "PRIVATE KEY"),
            &BLOCK.replace("AQID", "AQI"),
            &BLOCK.replace("AQID", "A*ID"),
            &"x".repeat(MAX_BYTES + 1),
        ] {
            assert_eq!(certificates(bad), Err(BadPem), "{bad:.80}");
        }
    }
}
