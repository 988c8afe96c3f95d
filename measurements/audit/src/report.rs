//! What an audit says: numbered sections of marked lines, as text for people and as JSON for machines.

use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

/// The version of the JSON form. Members are only ever added under the same number.
pub const FORM: u32 = 1;

/// What came of one look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mark {
    /// Looked at, and as it must be.
    Ok,
    /// Looked at, and not as it must be; or it could not be looked at although it must be there.
    Failed,
    /// Not looked at, for the reason given. No evidence either way.
    NotShown,
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Failed => "FAILED",
            Self::NotShown => "not shown",
        })
    }
}

/// One look at one thing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Line {
    /// What came of it.
    pub mark: Mark,
    /// The thing, by a path, a name with a version, or a rule.
    pub subject: String,
    /// What was seen, in words.
    pub says: String,
    /// The same for machines, by name: `sha256`, `licence`, `origin`, `lines`, …
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub facts: BTreeMap<&'static str, String>,
}

impl Line {
    /// Adds a fact.
    pub fn fact(&mut self, name: &'static str, value: impl fmt::Display) -> &mut Self {
        self.facts.insert(name, value.to_string());
        self
    }
}

/// A numbered part of an audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Section {
    /// A stable word: `inputs`, `rebuild`, `recompute`, `log`, `policy`, `base`, `live`, `limits`.
    pub id: &'static str,
    /// The heading.
    pub title: &'static str,
    /// Its lines, in the order in which they were looked at.
    pub lines: Vec<Line>,
}

impl Section {
    /// An empty section.
    #[must_use]
    pub fn new(id: &'static str, title: &'static str) -> Self {
        Self {
            id,
            title,
            lines: Vec::new(),
        }
    }

    fn line(
        &mut self,
        mark: Mark,
        subject: impl fmt::Display,
        says: impl fmt::Display,
    ) -> Added<'_> {
        self.lines.push(Line {
            mark,
            subject: subject.to_string(),
            says: says.to_string(),
            facts: BTreeMap::new(),
        });
        Added(self.lines.last_mut())
    }

    /// Something is as it must be.
    pub fn ok(&mut self, subject: impl fmt::Display, says: impl fmt::Display) -> Added<'_> {
        self.line(Mark::Ok, subject, says)
    }

    /// Something is not.
    pub fn failed(&mut self, subject: impl fmt::Display, says: impl fmt::Display) -> Added<'_> {
        self.line(Mark::Failed, subject, says)
    }

    /// Something was not looked at.
    pub fn not_shown(&mut self, subject: impl fmt::Display, says: impl fmt::Display) -> Added<'_> {
        self.line(Mark::NotShown, subject, says)
    }

    /// `ok` when `good`, else `FAILED`.
    pub fn check(
        &mut self,
        good: bool,
        subject: impl fmt::Display,
        says: impl fmt::Display,
    ) -> Added<'_> {
        self.line(if good { Mark::Ok } else { Mark::Failed }, subject, says)
    }

    /// The lines with this mark.
    pub fn marked(&self, mark: Mark) -> impl Iterator<Item = &Line> {
        self.lines.iter().filter(move |line| line.mark == mark)
    }
}

/// A line that was just added, for its facts.
pub struct Added<'a>(Option<&'a mut Line>);

impl Added<'_> {
    /// Adds a fact.
    pub fn fact(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        if let Some(line) = &mut self.0 {
            line.fact(name, value);
        }
        self
    }
}

/// A whole audit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// [`FORM`].
    pub audit: u32,
    /// The release that was audited.
    pub release: String,
    /// When, as `YYYY-MM-DDThh:mm:ssZ`.
    pub time: String,
    /// The sections; the first has number 1.
    pub sections: Vec<Section>,
}

impl Report {
    /// Lines with this mark.
    #[must_use]
    pub fn count(&self, mark: Mark) -> usize {
        self.sections.iter().map(|it| it.marked(mark).count()).sum()
    }

    /// Whether nothing failed.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.count(Mark::Failed) == 0
    }

    /// The JSON form: this struct, with `verdict` (`ok` or `failed`) and `counts` by mark.
    ///
    /// # Errors
    /// When the serialiser fails, which it does on no report.
    pub fn to_json(&self) -> Result<String, serde_json::Error> {
        #[derive(Serialize)]
        #[serde(rename_all = "kebab-case")]
        struct Counts {
            ok: usize,
            failed: usize,
            not_shown: usize,
        }
        #[derive(Serialize)]
        struct Form<'a> {
            #[serde(flatten)]
            report: &'a Report,
            verdict: &'static str,
            counts: Counts,
        }
        let form = Form {
            report: self,
            verdict: if self.passed() { "ok" } else { "failed" },
            counts: Counts {
                ok: self.count(Mark::Ok),
                failed: self.count(Mark::Failed),
                not_shown: self.count(Mark::NotShown),
            },
        };
        serde_json::to_string_pretty(&form).map(|text| text + "\n")
    }
}

/// The text for people. What failed is said again at the end, so that it is seen.
impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Audit of Cloister {} at {}", self.release, self.time)?;
        for (number, section) in (1..).zip(&self.sections) {
            writeln!(f, "\n{number}. {}\n", section.title)?;
            for line in &section.lines {
                writeln!(f, "{:<9}  {}: {}", line.mark, line.subject, line.says)?;
            }
        }
        let (ok, failed, not_shown) = (
            self.count(Mark::Ok),
            self.count(Mark::Failed),
            self.count(Mark::NotShown),
        );
        writeln!(f, "\n{ok} ok, {failed} FAILED, {not_shown} not shown")?;
        for section in &self.sections {
            for line in section.marked(Mark::Failed) {
                writeln!(f, "FAILED     {}: {}", line.subject, line.says)?;
            }
        }
        Ok(())
    }
}
