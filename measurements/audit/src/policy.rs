//! Section 5: floors, machines and policies, each line with its source, its date and its age.
//!
//! The files are read by the code that devices use, and then walked line by line: whatever stands in them stands in a table with a `source`
//! and a `date`, or the line fails.

use crate::report::Section;
use crate::tree::{Tree, read_text};
use cloister_verify::log::LogPolicy;
use cloister_verify::policy::PolicyFiles;
use cloister_verify::{Policy, UnixTime};
use std::path::Path;
use toml::{Table, Value};

/// Where the policies are.
const FOLDER: &str = "measurements/policy";
/// The list of firmware that somebody has looked into: data of the same kind, beside the code that asks it.
const FIRMWARE: &str = "measurements/digest/firmware.toml";
/// The days that a source may go without being looked at again, unless told otherwise: half a year, in which both vendors publish at least one
/// round of bulletins.
pub const MAXIMUM_DAYS: u64 = 183;
/// Seconds of a day.
const DAY: u64 = 86_400;

/// Reads and lists every policy. `published` is the folder of the release, whose lists must be these.
#[must_use]
pub fn section(tree: &Tree, published: Option<&Path>, now: UnixTime, maximum_days: u64) -> Section {
    let mut section = Section::new(
        "policy",
        "Policy: floors, machines, rules, with their sources",
    );
    let folder = tree.root.join(FOLDER);
    let mut files: Vec<String> = crate::tree::names_in(&folder)
        .into_iter()
        .filter(|name| name.ends_with(".toml"))
        .map(|name| format!("{FOLDER}/{name}"))
        .collect();
    if files.is_empty() {
        section.failed(FOLDER, "there is no policy in it");
    }
    readable(&mut section, &folder);
    if tree.root.join(FIRMWARE).exists() {
        files.push(FIRMWARE.into());
    }
    for name in &files {
        let text = match read_text(&tree.root.join(name)) {
            Ok(text) => text,
            Err(error) => {
                section.failed(name, error);
                continue;
            }
        };
        match toml::from_str::<Table>(&text) {
            Err(error) => {
                section.failed(name, error.message());
            }
            Ok(table) => {
                let mut walk = Walk {
                    section: &mut section,
                    file: name.rsplit('/').next().unwrap_or(name),
                    now,
                    maximum_days,
                };
                walk.members(&table, "");
            }
        }
    }
    same_as_published(&mut section, &folder, published);
    section
}

/// The policies as a device reads them.
fn readable(section: &mut Section, folder: &Path) {
    let text = |name: &str| read_text(&folder.join(name)).map_err(|error| error.to_string());
    let parse = |rules: &str| -> Result<Policy, String> {
        Policy::parse(&PolicyFiles {
            rules: &text(rules)?,
            floors: &text("amd-floors.toml")?,
            intel_floors: &text("intel-floors.toml")?,
            machines: &text("machines.toml")?,
        })
        .map_err(|error| error.to_string())
    };
    for rules in ["production.toml", "authentic.toml"] {
        let subject = format!("{rules} with floors and machines");
        match parse(rules) {
            Ok(policy) => {
                let says = format!(
                    "read as a device reads it: policy {}, {} machines",
                    policy.name(),
                    policy.machines().len()
                );
                section.ok(&subject, says);
            }
            Err(why) => {
                section.failed(&subject, why);
            }
        }
    }
    match text("log.toml")
        .and_then(|text| LogPolicy::parse(&text).map_err(|error| error.to_string()))
    {
        Ok(policy) => {
            let says = format!(
                "read as a device reads it: {} logs, {} witnesses",
                policy.logs().len(),
                policy.witnesses().len()
            );
            section.ok("log.toml", says);
        }
        Err(why) => {
            section.failed("log.toml", why);
        }
    }
}

/// One file's walk.
struct Walk<'a> {
    section: &'a mut Section,
    file: &'a str,
    now: UnixTime,
    maximum_days: u64,
}

impl Walk<'_> {
    fn members(&mut self, table: &Table, path: &str) {
        for (name, value) in table {
            let path = if path.is_empty() {
                name.clone()
            } else {
                format!("{path}.{name}")
            };
            self.value(value, &path);
        }
    }

    fn value(&mut self, value: &Value, path: &str) {
        match value {
            Value::Table(table) if is_line(value) => self.line(table, path),
            Value::Table(table) => self.members(table, path),
            Value::Array(list) if list.is_empty() => {
                self.section.ok(
                    format_args!("{} {path}", self.file),
                    "nobody and nothing is listed",
                );
            }
            Value::Array(list) => {
                for (number, value) in (1..).zip(list) {
                    self.value(value, &format!("{path}[{number}]"));
                }
            }
            // A policy's own name says nothing about the world.
            Value::String(_) if path == "name" => {}
            other => {
                self.section.failed(
                    format_args!("{} {path}", self.file),
                    format_args!("{}: no source and no date", words(other)),
                );
            }
        }
    }

    fn line(&mut self, table: &Table, path: &str) {
        // A line inside a line has a source and a date of its own.
        for (name, value) in table.iter().filter(|(_, value)| is_line(value)) {
            self.value(value, &format!("{path}.{name}"));
        }
        let subject = format!("{} {path}", self.file);
        let word = |name: &str| {
            table
                .get(name)
                .and_then(Value::as_str)
                .map(str::trim)
                .unwrap_or_default()
        };
        let (source, date) = (word("source"), word("date"));
        let rest: Vec<String> = table
            .iter()
            .filter(|(name, value)| !["source", "date"].contains(&name.as_str()) && !is_line(value))
            .map(|(name, value)| {
                if name == "value" {
                    words(value)
                } else {
                    format!("{name} {}", words(value))
                }
            })
            .collect();
        let what = rest.join(", ");
        if source.is_empty() {
            self.section
                .failed(subject, format_args!("{what}: no source"));
            return;
        }
        let Some(day) = day_of(date) else {
            self.section
                .failed(subject, format_args!("{what}: {date:?} is no date"));
            return;
        };
        let today = self.now.0.checked_div(DAY).unwrap_or_default();
        let words = match today.checked_sub(day) {
            // A clock may be a time zone behind the writer's.
            None if day.saturating_sub(today) > 1 => Err("which is in the future".to_owned()),
            None => Ok(0),
            Some(age) if age > self.maximum_days => Err(format!(
                "{age} days ago; at most {} are allowed",
                self.maximum_days
            )),
            Some(age) => Ok(age),
        };
        match words {
            Ok(age) => self
                .section
                .ok(
                    subject,
                    format_args!("{what}; source: {source}; {date}, {age} days ago"),
                )
                .fact("source", source)
                .fact("date", date),
            Err(why) => self
                .section
                .failed(
                    subject,
                    format_args!("{what}; source: {source}; last looked at {date}, {why}"),
                )
                .fact("source", source)
                .fact("date", date),
        };
    }
}

/// Whether a value is a table that says, or should say, where it comes from.
fn is_line(value: &Value) -> bool {
    value.as_table().is_some_and(|table| {
        ["source", "date", "value"]
            .iter()
            .any(|name| table.contains_key(*name))
    })
}

/// A value on one line.
fn words(value: &Value) -> String {
    serde_json::to_string(value).unwrap_or_else(|error| error.to_string())
}

/// Days since 1970-01-01 of a `YYYY-MM-DD`; none when it is no day of the calendar.
fn day_of(date: &str) -> Option<u64> {
    let mut parts = date.split('-');
    let mut number = |digits: usize| {
        let part = parts
            .next()
            .filter(|part| part.len() == digits && part.bytes().all(|b| b.is_ascii_digit()))?;
        part.parse::<u64>().ok()
    };
    let (year, month, day) = (number(4)?, number(2)?, number(2)?);
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let lengths: [u64; 12] = [
        31,
        if leap(year) { 29 } else { 28 },
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ];
    let month = usize::try_from(month.checked_sub(1)?).ok()?;
    if parts.next().is_some() || year < 1970 || !(1..=*lengths.get(month)?).contains(&day) {
        return None;
    }
    let years: u64 = (1970..year)
        .map(|year| if leap(year) { 366 } else { 365 })
        .sum();
    let months: u64 = lengths.iter().take(month).sum();
    Some(
        years
            .saturating_add(months)
            .saturating_add(day)
            .saturating_sub(1),
    )
}

/// The lists that were published with the release are those of this checkout.
fn same_as_published(section: &mut Section, folder: &Path, published: Option<&Path>) {
    let Some(published) = published else {
        section.not_shown(
            "published lists",
            "no release is published, so no machine list and no floors are either",
        );
        return;
    };
    for name in crate::tree::names_in(published) {
        if !name.ends_with(".toml") {
            continue;
        }
        let both = (
            read_text(&published.join(&name)),
            read_text(&folder.join(&name)),
        );
        let subject = format!("published {name}");
        match both {
            (Ok(there), Ok(here)) => {
                let first = (1..)
                    .zip(there.lines().zip(here.lines()))
                    .find(|(_, (there, here))| there != here);
                match first {
                    None if there == here => section.ok(subject, "as in this checkout"),
                    None => section.failed(subject, "longer or shorter than in this checkout"),
                    Some((number, (there, here))) => section.failed(
                        subject,
                        format_args!("line {number} is {there:?}, in this checkout {here:?}"),
                    ),
                };
            }
            (Err(error), _) | (_, Err(error)) => {
                section.failed(subject, error);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted() {
        assert_eq!(day_of("1970-01-01"), Some(0));
        assert_eq!(day_of("2000-03-01"), Some(11_017));
        assert_eq!(day_of("2026-11-23"), Some(20_780));
        for none in [
            "",
            "2026-02-29",
            "2026-13-01",
            "2026-00-10",
            "2026-1-1",
            "2026-01-01-",
            "1969-12-31",
            "2026-04-31",
            "2026-01-00",
        ] {
            assert_eq!(day_of(none), None, "{none}");
        }
    }
}
