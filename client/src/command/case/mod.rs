//! A folder of captured evidence: `case.json` with the date at which to judge, and the files beside it.
//!
//! Which files a kind of evidence has stands at its reader. What signs or certifies may be missing, which is then for the rules to judge.

mod measure;
mod ratls;
mod snp;
mod tdx;

use std::path::{Path, PathBuf};

use base64ct::{Base64Unpadded, Base64UrlUnpadded, Encoding};
use cloister_client::failure::Failure;
use cloister_verify::ccel::Unread;
use cloister_verify::ratls::Demand;
use cloister_verify::{Anchors, Policy, UnixTime, pem};
use cloister_wire::date;
use serde::Deserialize;

use super::arguments::Belief;
use super::expectations::with_machines;
use super::verify::Verdict;
use super::{files, now};

/// Greatest size of a file of a case in bytes.
pub(crate) const MAX_FILE: usize = 1 << 20;

/// What is read of a `case.json`: its other members describe what is expected of a verifier, and have no influence on this one.
#[derive(Deserialize)]
struct Case {
    platform: String,
    expected: Dated,
}

#[derive(Deserialize)]
struct Dated {
    evaluation_date: Option<String>,
}

/// Judges a case by the policy of the options, under the vendors' roots or under `root`.
///
/// # Errors
/// [`Failure`] of the input when the folder can't be read as a case of a known platform.
pub(crate) fn judge(
    folder: &Path,
    belief: &Belief,
    root: Option<&Path>,
) -> Result<Verdict, Failure> {
    if belief.danger_accept_simulated.is_some() || !belief.releases.is_empty() {
        return Err(Failure::input(
            "--case",
            "captured evidence is judged without --release and --danger-accept-simulated",
        ));
    }
    let description = folder.join("case.json");
    let case: Case =
        serde_json::from_slice(&files::read(&description, MAX_FILE)?).map_err(|error| {
            let why = format!(
                "no case at line {}, column {}",
                error.line(),
                error.column()
            );
            Failure::input(description.display(), why)
        })?;
    let now = match &case.expected.evaluation_date {
        None => now()?,
        Some(text) => midnight(text).ok_or_else(|| {
            Failure::input(description.display(), "expected a date such as 2026-08-01")
        })?,
    };
    let (policy, demand) = named_policy(belief)?;
    match case.platform.as_str() {
        "SEV-SNP" => snp::judge(folder, &policy, &anchors(root)?, now),
        "TDX" => tdx::judge(folder, &policy, &anchors(root)?, now),
        platform @ ("TDX measurement" | "SEV-SNP measurement") => {
            let unread = match demand {
                Demand::Production => Unread::Refused,
                Demand::Binding => Unread::Reported,
            };
            measure::judge(folder, platform, unread)
        }
        certificate if certificate.starts_with("RA-TLS") => ratls::judge(folder, demand, now),
        _ => Err(Failure::input(
            description.display(),
            "expected a case of platform SEV-SNP, TDX or RA-TLS, or of a measurement",
        )),
    }
}

/// The built-in policy of this name with the operator's machines, and what it asks of RA-TLS certificates.
pub(crate) fn named_policy(belief: &Belief) -> Result<(Policy, Demand), Failure> {
    let (policy, demand) = match belief.policy.as_deref().and_then(Path::to_str) {
        Some("authentic") => (Policy::authentic(), Demand::Binding),
        Some("production") | None => (Policy::production(), Demand::Production),
        Some(_) => {
            return Err(Failure::input(
                "--policy",
                "expected authentic or production for captured evidence",
            ));
        }
    };
    Ok((with_machines(policy, belief)?, demand))
}

/// The vendors' roots, or the one root of a test corpus.
fn anchors(root: Option<&Path>) -> Result<Anchors, Failure> {
    let Some(path) = root else {
        return Ok(Anchors::hardware());
    };
    let certificates = certificates(path, &files::read(path, MAX_FILE)?)?;
    let last = certificates.last().map(Vec::as_slice).unwrap_or_default();
    Anchors::danger_test_root(last).map_err(|error| Failure::input(path.display(), error))
}

/// A file that may be missing; anything else that is wrong with it is an error.
pub(crate) fn if_there(path: &Path) -> Result<Option<Vec<u8>>, Failure> {
    match path.try_exists() {
        Ok(false) => Ok(None),
        _ => files::read(path, MAX_FILE).map(Some),
    }
}

/// The first of these files that is there, with its path.
fn one_of(folder: &Path, names: [&str; 2]) -> Result<Option<(PathBuf, Vec<u8>)>, Failure> {
    for name in names {
        let path = folder.join(name);
        if let Some(bytes) = if_there(&path)? {
            return Ok(Some((path, bytes)));
        }
    }
    Ok(None)
}

/// Evidence that was written down as text, in hexadecimal or base64; the bytes as they are when what such a text says is none.
fn decoded(bytes: Vec<u8>, is_evidence: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    if is_evidence(&bytes) {
        return bytes;
    }
    let text: Option<String> = core::str::from_utf8(&bytes)
        .ok()
        .map(|text| text.split_ascii_whitespace().collect());
    let read = text.and_then(|text| {
        let base64 = text.trim_end_matches('=');
        [
            hex::decode(text.strip_prefix("0x").unwrap_or(&text)).ok(),
            Base64Unpadded::decode_vec(base64).ok(),
            Base64UrlUnpadded::decode_vec(base64).ok(),
        ]
        .into_iter()
        .flatten()
        .find(|read| is_evidence(read))
    });
    read.unwrap_or(bytes)
}

/// Certificates as PEM, or one as DER.
pub(crate) fn certificates(path: &Path, bytes: &[u8]) -> Result<Vec<Vec<u8>>, Failure> {
    match core::str::from_utf8(bytes) {
        Ok(text) if text.trim_start().starts_with("-----BEGIN") => {
            pem::certificates(text).map_err(|error| Failure::input(path.display(), error))
        }
        _ => Ok(vec![bytes.to_vec()]),
    }
}

/// The first second of a day written as `2026-08-01`.
fn midnight(text: &str) -> Option<UnixTime> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let mut parts = text.split('-');
    let (year, month, day) = (parts.next()?, parts.next()?, parts.next()?);
    let digits =
        |part: &str, count| part.len() == count && part.bytes().all(|b| b.is_ascii_digit());
    if parts.next().is_some() || !digits(year, 4) || !digits(month, 2) || !digits(day, 2) {
        return None;
    }
    let name = MONTHS.get(month.parse::<usize>().ok()?.checked_sub(1)?)?;
    // The parser of dates wants the right weekday; one of seven is.
    ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
        .iter()
        .find_map(|weekday| {
            date::parse(format!("{weekday}, {day} {name} {year} 00:00:00 GMT").as_bytes())
        })
        .map(UnixTime)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_days() {
        assert_eq!(midnight("1970-01-01"), Some(UnixTime(0)));
        assert_eq!(midnight("2026-08-01"), Some(UnixTime(1_785_542_400)));
        for bad in [
            "",
            "2026-8-1",
            "2026-02-30",
            "2026-13-01",
            "2026-00-01",
            "2026-08-01-",
            "+026-08-01",
        ] {
            assert_eq!(midnight(bad), None, "{bad:?}");
        }
    }
}
