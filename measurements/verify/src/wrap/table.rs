//! A report with its certificate table: what Linux hands out through configfs-tsm, and with it GCE and AWS.
//!
//! Three forms: JSON and CBOR with the members `outblob`, `auxblob` and `provider`, or the report's 1184 bytes and the table behind them. The
//! certificates in the table are DER or PEM, and are told apart by their GUIDs, never by their places.

use super::{Inner, certificates, rules};
use crate::foreign::cbor::{Label, Map};
use crate::snp::{REPORT_BYTES, Report};
use crate::trail::Trail;
use base64ct::{Base64UrlUnpadded, Encoding};
use cloister_wire::certs::{CertTable, Guid};
use serde::Deserialize;
use std::borrow::Cow;

/// The provider of SNP reports, as its file says: Linux ends it with a line feed.
const PROVIDER: &str = "sev_guest";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Json {
    outblob: String,
    auxblob: String,
    provider: String,
}

/// The two parts of an extended report.
struct Extended<'a> {
    report: Cow<'a, [u8]>,
    table: Cow<'a, [u8]>,
}

fn read(bytes: &[u8]) -> Option<Extended<'_>> {
    let fits = |provider: &str| provider.strip_suffix('\n').unwrap_or(provider) == PROVIDER;
    if bytes.trim_ascii_start().first() == Some(&b'{') {
        let json: Json = serde_json::from_slice(bytes)
            .ok()
            .filter(|json: &Json| fits(&json.provider))?;
        let decode = |text: &str| Base64UrlUnpadded::decode_vec(text.trim_end_matches('=')).ok();
        return Some(Extended {
            report: decode(&json.outblob)?.into(),
            table: decode(&json.auxblob)?.into(),
        });
    }
    if bytes.first().is_some_and(|byte| byte >> 5 == 5) {
        let map = Map::parse(bytes).ok()?;
        map.text(Label::Text("provider"))
            .filter(|provider| fits(provider))?;
        let part = |name| map.bytes(Label::Text(name)).map(Cow::from);
        return Some(Extended {
            report: part("outblob")?,
            table: part("auxblob")?,
        });
    }
    let (report, table) = bytes.split_at_checked(REPORT_BYTES)?;
    Some(Extended {
        report: report.into(),
        table: table.into(),
    })
}

/// The signing key's certificate, the intermediate's and the root's, in this order. `Err` says what is wrong with the table.
fn chain(table: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let table = CertTable::parse(table).map_err(|error| error.to_string())?;
    let one = |guid: Guid| match table.find(guid).map(certificates) {
        None => Ok(None),
        Some(Some(mut found)) if found.len() == 1 => Ok(found.pop()),
        Some(_) => Err(format!("entry {guid} is not one certificate")),
    };
    let (vcek, vlek) = (one(Guid::VCEK)?, one(Guid::VLEK)?);
    let leaf = match (vcek, vlek) {
        (Some(leaf), None) | (None, Some(leaf)) => leaf,
        (Some(_), Some(_)) => return Err("a VCEK and a VLEK".into()),
        (None, None) => return Err("neither a VCEK nor a VLEK".into()),
    };
    let above = [one(Guid::ASK)?, one(Guid::ARK)?];
    Ok([Some(leaf)].into_iter().chain(above).flatten().collect())
}

/// The report and the certificates of its table.
pub(super) fn open(bytes: &[u8]) -> Option<Inner<'_>> {
    let Extended { report, table } = read(bytes)?;
    let certificates = chain(&table).ok()?;
    Some(Inner {
        report,
        certificates,
    })
}

pub(super) fn judge(trail: &mut Trail, bytes: &[u8], report: &Report) {
    let expected = "a report and a table";
    let Some(Extended {
        report: inner,
        table,
    }) = read(bytes)
    else {
        trail.check(&rules::TABLE_FORMAT, false, expected, "something else");
        return;
    };
    trail.check(
        &rules::TABLE_FORMAT,
        true,
        expected,
        format!("{} and {} bytes", inner.len(), table.len()),
    );
    let same = inner.as_ref() == report.bytes();
    trail.check(
        &rules::TABLE_REPORT,
        same,
        "the judged report",
        if same {
            "the judged report"
        } else {
            "another report"
        },
    );
    judge_table(trail, &table);
}

/// A table whose report came by itself.
pub(super) fn judge_alone(trail: &mut Trail, table: &[u8]) {
    trail.not_asked(&rules::TABLE_FORMAT, "a table by itself");
    trail.not_asked(&rules::TABLE_REPORT, "a table by itself");
    judge_table(trail, table);
}

fn judge_table(trail: &mut Trail, table: &[u8]) {
    let chain = chain(table);
    trail.check(
        &rules::TABLE_CERTIFICATES,
        chain.is_ok(),
        "one certificate of the signing key, and those above it",
        chain.map_or_else(
            |found| found,
            |chain| format!("{} certificates", chain.len()),
        ),
    );
}
