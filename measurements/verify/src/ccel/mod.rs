//! The event log of a trust domain against its RTMRs.
//!
//! In come a log, the register values of a verified quote and the digests that a release publishes. Out goes every rule with what was
//! expected and found, and either a [`ReplayedLog`] or the rules that failed. Holding a [`ReplayedLog`] under [`Unread::Refused`], the
//! caller knows what each extension of each register was; under [`Unread::Reported`] only that the digests are the ones extended.
//!
//! 1. read the ACPI table, 2. read the log, 3. replay it, 4. read each event, 5. look at separators and order, 6. name what is unread.
//!
//! ```text
//! event ─ event.rs       events, registers, replay      table ─ table.rs     where the log lies
//!   log ─ log.rs         the TCG's binary format        meaning ─ meaning.rs what an event says
//!   dstack ─ dstack.rs   dstack's JSON                  rules ─ rules.rs     all rules
//! ```

mod dstack;
mod event;
mod log;
mod meaning;
mod rules;
mod table;

pub use event::{Content, Event, EventLog, Register, Registers};
pub use log::{BadLog, MAX_EVENTS, MAX_LOG};
pub use table::{BadTable, CcelTable};

use crate::attest::Refused;
use crate::trail::{Outcome, Rule, Step, Trail};
use event::kind;
use meaning::Reading;
use std::collections::BTreeMap;

/// How many events a sentence names before it counts the rest.
const NAMED: usize = 6;

/// A log as it was captured.
#[derive(Clone, Copy, Debug)]
pub enum Captured<'a> {
    /// The area of a CCEL log.
    Ccel {
        /// The ACPI table that names the area.
        table: Table<'a>,
        /// The whole area with its filler.
        area: &'a [u8],
    },
    /// dstack's JSON.
    Dstack(&'a [u8]),
}

/// The CCEL table beside a log. It is the host's, so it proves nothing; it may only not contradict the log.
#[derive(Clone, Copy, Debug)]
pub enum Table<'a> {
    /// Its bytes.
    Captured(&'a [u8]),
    /// The log came without it.
    Absent,
}

/// A digest whose meaning the caller knows from elsewhere: a release names its kernel's, its command line's and its tables'.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    /// The register in which it is expected.
    pub register: Register,
    /// The event's digest.
    pub digest: [u8; 48],
    /// What it is of.
    pub what: &'a str,
}

/// What becomes of events that nothing explains.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unread {
    /// They are refused: for whatever is sealed to.
    Refused,
    /// They are named: for captured evidence of foreign systems, where the replay decides.
    Reported,
}

/// What a log is judged by.
#[derive(Clone, Copy, Debug)]
pub struct Demands<'a> {
    /// The register values, out of a quote that is judged elsewhere.
    pub registers: &'a Registers,
    /// Digests that the caller knows.
    pub known: &'a [Known<'a>],
    /// What becomes of all others that the log does not explain.
    pub unread: Unread,
}

/// A log that passed every rule. Only [`appraise()`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplayedLog(EventLog);

impl ReplayedLog {
    /// The events, in their order.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.0.events
    }
}

/// A judged log.
#[derive(Clone, Debug)]
pub struct Opinion {
    /// Every rule, with what was expected and found.
    pub trail: Vec<Step>,
    /// What the log replays to, when it could be read.
    pub replayed: Option<Registers>,
    /// Proof, or the failed rules.
    pub verdict: Result<ReplayedLog, Refused>,
}

/// Every rule about event logs, in the order of the trail.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    rules::ALL.iter().copied()
}

/// Judges a log against register values.
#[must_use]
pub fn appraise(captured: &Captured<'_>, demands: &Demands<'_>) -> Opinion {
    let mut trail = Trail::default();
    // 1. The table.
    judge_table(&mut trail, captured);
    // 2. The log.
    let log = match captured {
        Captured::Ccel { area, .. } => EventLog::parse_ccel(area),
        Captured::Dstack(json) => EventLog::parse_dstack(json),
    };
    trail.check(
        &rules::LOG,
        log.as_ref().is_ok_and(|log| !log.events.is_empty()),
        "a log with events",
        match &log {
            Ok(log) => format!(
                "{} events, and {} that extend nothing",
                log.events.len(),
                log.not_extended
            ),
            Err(error) => error.to_string(),
        },
    );
    let mut replayed = None;
    if let Ok(log) = &log {
        // 3. The replay.
        let found = log.replay();
        judge_registers(&mut trail, &found, demands.registers);
        replayed = Some(found);
        // 4. to 6. The meaning.
        judge_meaning(&mut trail, log, demands);
        judge_separators(&mut trail, log);
        judge_order(&mut trail, log);
    }
    let trail = trail.complete(rules::ALL, "the log could not be read");
    let failed: Vec<_> = trail
        .iter()
        .filter(|step| matches!(step.outcome, Outcome::Failed | Outcome::NotEvaluated))
        .map(|step| step.rule)
        .collect();
    let verdict = match log {
        Ok(log) if failed.is_empty() => Ok(ReplayedLog(log)),
        _ => Err(Refused { rules: failed }),
    };
    Opinion {
        trail,
        replayed,
        verdict,
    }
}

/// Step 1.
fn judge_table(trail: &mut Trail, captured: &Captured<'_>) {
    let (table, area) = match captured {
        Captured::Ccel {
            table: Table::Captured(table),
            area,
        } => (table, area),
        Captured::Ccel { .. } => return trail.not_asked(&rules::TABLE, "a log without its table"),
        Captured::Dstack(_) => {
            return trail.not_asked(&rules::TABLE, "a log that does not come from an ACPI area");
        }
    };
    let table = CcelTable::parse(table);
    let length = u64::try_from(area.len()).unwrap_or(u64::MAX);
    trail.check(
        &rules::TABLE,
        table
            .as_ref()
            .is_ok_and(|table| table.area_length == length),
        format!("a CCEL table of TDX for an area of {length} bytes"),
        match table {
            Ok(table) => format!("an area of {} bytes", table.area_length),
            Err(error) => error.to_string(),
        },
    );
}

/// Step 3.
fn judge_registers(trail: &mut Trail, found: &Registers, expected: &Registers) {
    let pairs = [
        (&rules::RTMR0, Register::Rtmr0),
        (&rules::RTMR1, Register::Rtmr1),
        (&rules::RTMR2, Register::Rtmr2),
        (&rules::RTMR3, Register::Rtmr3),
    ];
    for (rule, register) in pairs {
        let (found, expected) = (found.value(register), expected.value(register));
        trail.check(
            rule,
            found == expected,
            hex::encode(expected),
            hex::encode(found),
        );
    }
}

/// Steps 4 and 6.
fn judge_meaning(trail: &mut Trail, log: &EventLog, demands: &Demands<'_>) {
    let (mut contradicted, mut unread) = (Vec::new(), Vec::new());
    let (mut recomputed, mut known) = (0usize, Vec::new());
    for (number, event) in log.events.iter().enumerate() {
        let place = || format!("event {number} ({}, {})", event.register, event.kind_name());
        match meaning::read(event, demands.known) {
            Reading::Recomputed => recomputed = recomputed.saturating_add(1),
            Reading::Known(what) => known.push(what),
            Reading::Contradicted(why) => contradicted.push(format!("{}: {why}", place())),
            Reading::Unread(why) => unread.push(format!("{}: {why}", place())),
        }
    }
    trail.check(
        &rules::DIGESTS,
        contradicted.is_empty(),
        "digests of what the log says",
        if contradicted.is_empty() {
            format!("{recomputed} digests recomputed")
        } else {
            list(&contradicted)
        },
    );
    let found = if unread.is_empty() {
        let names = if known.is_empty() {
            "none".into()
        } else {
            list(&known)
        };
        format!("{recomputed} recomputed; known: {names}")
    } else {
        format!("{} unread: {}", unread.len(), list(&unread))
    };
    match demands.unread {
        Unread::Refused => {
            trail.check(&rules::UNREAD, unread.is_empty(), "no unread event", found);
        }
        Unread::Reported => trail.not_asked(&rules::UNREAD, found),
    }
}

/// Step 5: the line between the firmware's own choices and what it was told to boot.
fn judge_separators(trail: &mut Trail, log: &EventLog) {
    let mut counts: BTreeMap<Register, usize> = BTreeMap::new();
    for event in log
        .events
        .iter()
        .filter(|event| event.kind == kind::SEPARATOR)
    {
        let count = counts.entry(event.register).or_default();
        *count = count.saturating_add(1);
    }
    let count = |register| counts.get(&register).copied().unwrap_or_default();
    let required = [Register::Rtmr0, Register::Rtmr1];
    let passed = required.iter().all(|register| count(*register) == 1)
        && counts.values().all(|count| *count <= 1);
    let found: Vec<String> = Register::ALL
        .iter()
        .filter(|register| required.contains(register) || count(**register) > 0)
        .map(|register| format!("{} in {register}", count(*register)))
        .collect();
    trail.check(
        &rules::SEPARATORS,
        passed,
        "1 in RTMR0, 1 in RTMR1, at most 1 in each other register",
        found.join(", "),
    );
}

/// Step 5: a secure boot policy that is measured behind the line was changed behind it; boot services end behind the line, once, and
/// firmware measures nothing after that.
fn judge_order(trail: &mut Trail, log: &EventLog) {
    let mut wrong = Vec::new();
    let mut drawn: Vec<Register> = Vec::new();
    let mut ended = false;
    for (number, event) in log.events.iter().enumerate() {
        let mut blame =
            |why: &str| wrong.push(format!("event {number} ({}) {why}", event.register));
        let firmware = [Register::Rtmr0, Register::Rtmr1].contains(&event.register);
        if ended && firmware {
            blame("after the end of boot services");
        }
        match event.kind {
            kind::SEPARATOR => drawn.push(event.register),
            kind::VARIABLE_DRIVER_CONFIG if drawn.contains(&event.register) => {
                blame("configures the firmware after its separator");
            }
            kind::ACTION if event.register != Register::Rtmr1 => {
                blame("is an action outside RTMR1");
            }
            kind::ACTION => {
                let text = meaning::action(event).unwrap_or_default();
                if text.starts_with("Exit Boot Services") && !drawn.contains(&event.register) {
                    blame("ends boot services before the separator");
                }
                ended |= text == meaning::BOOT_SERVICES_ENDED;
            }
            _ => {}
        }
    }
    let found = if wrong.is_empty() {
        "every event in its place".to_owned()
    } else {
        list(&wrong)
    };
    trail.check(
        &rules::ORDER,
        wrong.is_empty(),
        "every event in its place",
        found,
    );
}

/// The first few of a list, and how many more there are.
fn list(items: &[String]) -> String {
    let named: Vec<&str> = items.iter().take(NAMED).map(String::as_str).collect();
    let more = items.len().saturating_sub(NAMED);
    let tail = if more > 0 {
        format!(", and {more} more")
    } else {
        String::new()
    };
    format!("{}{tail}", named.join("; "))
}
