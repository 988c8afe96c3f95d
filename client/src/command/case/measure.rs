//! A folder of measurements: inputs and the register values, digests or quote that they must lead to.
//!
//! TDX: an event log (`ccel_data.bin` with `ccel_table.bin`, or `event_log.json`) is replayed against the registers of a quote, a firmware
//! image (`*.fd`) is measured. SEV-SNP: launch digests are recomputed (`inputs.json` against `report.bin`, `vectors.json`).
//!
//! The quote is the one in the folder (`quote.bin`, or in `original.json`), otherwise the one of the case under `tdx/` that the description
//! names; without one the description's fields are what a log must replay to. Nobody vouches for any of these here: `match` means that
//! the numbers agree, and judging the quote is the business of its own case.

mod firmware;
mod quote;
mod snp;

use std::path::Path;

use cloister_client::failure::Failure;
use cloister_verify::ccel::{self, Captured, Demands, Registers, Table, Unread};
use cloister_verify::{Field, Outcome, Rule, Step};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::super::files;
use super::super::verify::Verdict;
use super::if_there;
use quote::Measured;

/// Greatest size of a JSON file or quote of a case in bytes.
const MAX_TEXT: usize = 1 << 20;
/// Greatest size of a firmware image in bytes.
const MAX_FIRMWARE: usize = cloister_digest::tdx::MAX_FIRMWARE;

const COMPARABLE: Rule = Rule {
    id: "measure.comparable",
    title: "the case has something to measure and something to compare it with",
    clause: "Cloister, cases",
};
const NONCE: Rule = Rule {
    id: "measure.nonce",
    title: "the quote's REPORTDATA is the nonce beside it",
    clause: "Intel TDX DCAP Quoting Library API, TD report body",
};

/// What a description says, as far as it says with what to compare.
#[derive(Deserialize)]
struct Description {
    #[serde(default)]
    title: String,
    #[serde(default)]
    notes: String,
    #[serde(default)]
    fields: Map<String, Value>,
}

/// What a case measures, in the making.
#[derive(Default)]
struct Findings {
    trail: Vec<Step>,
    fields: Vec<(String, Field)>,
}

impl Findings {
    fn check(&mut self, rule: &Rule, passed: bool, expected: String, found: String) {
        let outcome = if passed {
            Outcome::Passed
        } else {
            Outcome::Failed
        };
        self.trail.push(Step {
            rule: rule.id,
            title: rule.title,
            clause: rule.clause,
            expected,
            found,
            outcome,
        });
    }

    fn field(&mut self, name: impl Into<String>, bytes: &[u8]) {
        self.fields
            .push((name.into(), Field::Text(hex::encode(bytes))));
    }
}

/// Judges a case of measurements; `unread` says what becomes of events that a log doesn't explain.
///
/// # Errors
/// [`Failure`] of the input when a file of the folder can't be read.
pub(crate) fn judge(folder: &Path, platform: &str, unread: Unread) -> Result<Verdict, Failure> {
    let path = folder.join("case.json");
    let description: Description = json(&path, &files::read(&path, MAX_TEXT)?)?;
    let mut findings = Findings::default();
    let platform = if platform.starts_with("TDX") {
        tdx(folder, &description, unread, &mut findings)?;
        "TDX measurement"
    } else {
        snp::judge(folder, &mut findings)?;
        "SEV-SNP measurement"
    };
    if findings.trail.is_empty() {
        let found = "no file that can be measured".to_owned();
        findings.check(&COMPARABLE, false, "a known file".to_owned(), found);
    }
    Ok(Verdict {
        platform,
        accepted: findings.trail.iter().all(Step::passed),
        trail: findings.trail,
        claims: None,
        measured: findings.fields,
        attested: None,
        published: Value::Null,
        explanation: Vec::new(),
    })
}

fn tdx(
    folder: &Path,
    description: &Description,
    unread: Unread,
    findings: &mut Findings,
) -> Result<(), Failure> {
    let quote = quote::of_case(folder, description)?;
    if let Some(quote) = &quote {
        findings.field("mrtd", &quote.mrtd);
    }
    log(folder, description, quote.as_ref(), unread, findings)?;
    if let (Some(nonce), Some(quote)) = (if_there(&folder.join("nonce.bin"))?, &quote) {
        let same = quote.report_data == *nonce;
        let (nonce, found) = (hex::encode(nonce), hex::encode(quote.report_data));
        findings.check(&NONCE, same, nonce, found);
    }
    firmware::judge(folder, description, quote.as_ref(), findings)
}

/// Replays the folder's event log.
fn log(
    folder: &Path,
    description: &Description,
    quote: Option<&Measured>,
    unread: Unread,
    findings: &mut Findings,
) -> Result<(), Failure> {
    let read = |name: &str| if_there(&folder.join(name));
    let (area, table, list) = (
        read("ccel_data.bin")?,
        read("ccel_table.bin")?,
        read("event_log.json")?,
    );
    let captured = match (&area, &list) {
        (Some(area), None) => Captured::Ccel {
            table: table.as_deref().map_or(Table::Absent, Table::Captured),
            area,
        },
        (None, Some(list)) => Captured::Dstack(list),
        (None, None) => return Ok(()),
        (Some(_), Some(_)) => {
            let found = "ccel_data.bin and event_log.json".to_owned();
            findings.check(&COMPARABLE, false, "one event log".to_owned(), found);
            return Ok(());
        }
    };
    let Some(registers) = quote
        .map(|quote| quote.registers)
        .or_else(|| stated_registers(&description.fields))
    else {
        let expected = "a quote, or fields rtmr0, rtmr1 and rtmr2".to_owned();
        let found = "a log alone".to_owned();
        findings.check(&COMPARABLE, false, expected, found);
        return Ok(());
    };
    let demands = Demands {
        registers: &registers,
        known: &[],
        unread,
    };
    let opinion = ccel::appraise(&captured, &demands);
    findings.trail.extend(opinion.trail);
    for (number, value) in opinion.replayed.iter().flat_map(|all| &all.0).enumerate() {
        findings.field(format!("rtmr{number}"), value);
    }
    Ok(())
}

/// The registers that a description states. RTMR3 is zero unless it is stated, because nothing that only boots extends it.
fn stated_registers(fields: &Map<String, Value>) -> Option<Registers> {
    let value = |name: &str| match fields.get(name) {
        Some(value) => digest(value),
        None => (name == "rtmr3").then_some([0; 48]),
    };
    Some(Registers([
        value("rtmr0")?,
        value("rtmr1")?,
        value("rtmr2")?,
        value("rtmr3")?,
    ]))
}

/// A digest in JSON: 96 hexadecimal digits.
fn digest(value: &Value) -> Option<[u8; 48]> {
    hex::decode(value.as_str()?).ok()?.try_into().ok()
}

/// Reads JSON of a case.
fn json<T: for<'de> Deserialize<'de>>(path: &Path, bytes: &[u8]) -> Result<T, Failure> {
    serde_json::from_slice(bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let why = format!("not the JSON of a case at line {line}, column {column}");
        Failure::input(path.display(), why)
    })
}
