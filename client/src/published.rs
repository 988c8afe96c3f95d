//! What this device remembers of the log, so that nobody can lead it back: for each log and series of files the place of the oldest file
//! that it accepted last. An older one is refused from then on, however fresh its proof is (attack A27).
//!
//! ```json
//! {"accepted": [{"log": "example.com/cloister-log", "series": "image-release", "index": 7}]}
//! ```
//!
//! In go facts that a proof has shown ([`Logged`]), and the bytes of the state file. Out come a judgement by one rule, and the bytes to
//! keep. A log's kinds are series of their own; so are the floors of each manufacturer, which are files of one kind beside each other.

use core::fmt;
use std::collections::BTreeMap;
use std::error::Error;

use cloister_verify::log::{Kind, Logged};
use cloister_verify::{Outcome, Rule, Step, UnixTime};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::terminal::plain_line;

/// Bytes that a state file may have.
pub const MAX_STATE: usize = 64 << 10;
/// Lines that a state file may have: every series of many logs.
pub const MAX_ACCEPTED: usize = 256;

/// The proof stands beside the file.
pub const PRESENT: Rule = Rule {
    id: "log.proof.present",
    title: "the proof stands beside the file",
    clause: "Cloister, measurements/releases, <file>.tlog-proof",
};
/// The file is no older than what was accepted.
pub const REMEMBERED: Rule = Rule {
    id: "log.index.remembered",
    title: "the entry is no older than the one that this device accepted last",
    clause: "Cloister, state file of the device; attack A27",
};
/// A file other than a release was published.
const PUBLISHED: Rule = Rule {
    id: "log.published",
    title: "a log has the file, and enough witnesses have seen it there lately",
    clause: "C2SP tlog-proof; Cloister, log policy",
};

/// What the device accepted last: by log and series the place of the oldest file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remembered(BTreeMap<(String, String), u64>);

/// Why bytes are no state file, or a state can't be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadState {
    /// Not the JSON of a state; line and column from one.
    Json {
        /// Line.
        line: usize,
        /// Column.
        column: usize,
    },
    /// More than [`MAX_STATE`] bytes or [`MAX_ACCEPTED`] lines.
    TooLong,
    /// A log and series occur twice.
    Twice,
}

impl fmt::Display for BadState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Json { line, column } => write!(
                f,
                "expected the JSON of what was accepted; broken at line {line}, column {column}"
            ),
            Self::TooLong => write!(
                f,
                "expected at most {MAX_STATE} bytes and {MAX_ACCEPTED} lines"
            ),
            Self::Twice => f.write_str("expected each log and series once"),
        }
    }
}

impl Error for BadState {}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct State {
    accepted: Vec<Accepted>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Accepted {
    log: String,
    series: String,
    index: u64,
}

impl Remembered {
    /// Reads a state file, whole or not at all.
    ///
    /// # Errors
    /// [`BadState`] says what is wrong. Nothing is to be accepted then: what was remembered is lost.
    pub fn from_json(bytes: &[u8]) -> Result<Self, BadState> {
        if bytes.len() > MAX_STATE {
            return Err(BadState::TooLong);
        }
        let state: State = serde_json::from_slice(bytes).map_err(|error| BadState::Json {
            line: error.line(),
            column: error.column(),
        })?;
        if state.accepted.len() > MAX_ACCEPTED {
            return Err(BadState::TooLong);
        }
        let mut remembered = Self::default();
        for Accepted { log, series, index } in state.accepted {
            if remembered.0.insert((log, series), index).is_some() {
                return Err(BadState::Twice);
            }
        }
        Ok(remembered)
    }

    /// The bytes of the state file.
    ///
    /// # Errors
    /// [`BadState::TooLong`] when they would not be read again.
    pub fn to_json(&self) -> Result<Vec<u8>, BadState> {
        let accepted = self.0.iter().map(|((log, series), index)| Accepted {
            log: log.clone(),
            series: series.clone(),
            index: *index,
        });
        let state = State {
            accepted: accepted.collect(),
        };
        let mut bytes = serde_json::to_vec_pretty(&state).map_err(|_| BadState::TooLong)?;
        bytes.push(b'\n');
        if bytes.len() > MAX_STATE || self.0.len() > MAX_ACCEPTED {
            return Err(BadState::TooLong);
        }
        Ok(bytes)
    }

    /// Judges by [`REMEMBERED`]: a file that stands before what was accepted from the same log and series is refused.
    #[must_use]
    pub fn judge(&self, logged: &Logged) -> Step {
        let (log, series) = key(logged);
        let found = format!("entry {} of {log}", logged.index());
        let (expected, good) = match self.0.get(&(log, series)) {
            None => ("any entry: none was accepted yet".to_owned(), true),
            Some(last) => (format!("entry {last} or later"), logged.index() >= *last),
        };
        step(&REMEMBERED, good, expected, found)
    }

    /// Remembers what one command accepted: of each log and series the oldest, because all of them may be wanted again, and nothing lower
    /// than before. Says whether that is anything new.
    pub fn accept<'a>(&mut self, accepted: impl IntoIterator<Item = &'a Logged>) -> bool {
        let mut oldest: BTreeMap<(String, String), u64> = BTreeMap::new();
        for logged in accepted {
            let place = oldest.entry(key(logged)).or_insert(u64::MAX);
            *place = logged.index().min(*place);
        }
        let before = self.clone();
        for (key, index) in oldest {
            let last = self.0.entry(key).or_insert(index);
            *last = index.max(*last);
        }
        *self != before
    }
}

/// The log, and the series of files in it that replace each other.
fn key(logged: &Logged) -> (String, String) {
    let series = match logged.kind() {
        Kind::Floors => format!("{} {}", Kind::Floors, logged.name()),
        kind => kind.to_string(),
    };
    (logged.origin().to_owned(), series)
}

/// A step of the device's own, which the verifier knows nothing about.
#[must_use]
pub fn step(rule: &Rule, passed: bool, expected: String, found: String) -> Step {
    Step {
        rule: rule.id,
        title: rule.title,
        clause: rule.clause,
        expected,
        found,
        outcome: if passed {
            Outcome::Passed
        } else {
            Outcome::Failed
        },
    }
}

/// A published file as one line of a trail. For a release the verifier has one itself.
#[must_use]
pub fn shown(logged: &Logged, now: UnixTime) -> Step {
    step(
        &PUBLISHED,
        true,
        format!("kind {}, and a proof that is good at {now}", logged.kind()),
        plain_line(&format!(
            "{} {}: {}",
            logged.name(),
            logged.version(),
            logged.words(now)
        )),
    )
}

/// A published file for programs. Times are seconds since 1970, ages seconds.
#[must_use]
pub fn json(logged: &Logged, now: UnixTime) -> Value {
    let witnesses: Vec<Value> = logged
        .cosigned()
        .iter()
        .map(|word| json!({ "name": word.witness, "time": word.time.0 }))
        .collect();
    json!({
        "kind": logged.kind().word(),
        "name": logged.name().as_str(),
        "version": logged.version().as_str(),
        "sha256": logged.sha256().to_string(),
        "log": logged.origin(),
        "index": logged.index(),
        "size": logged.size(),
        "witnesses": witnesses,
        "witnessed": logged.witnessed().0,
        "expires": logged.expires().0,
        "age": logged.age(now),
        "maximum_age": logged.maximum_age(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const GOOD: &str = r#"{"accepted":[{"log":"a","series":"floors amd-floors.toml","index":2},{"log":"a","series":"image-release","index":7}]}"#;

    #[test]
    fn a_state_is_read_whole_or_not_at_all() {
        let state = Remembered::from_json(GOOD.as_bytes()).unwrap();
        assert_eq!(state.0.len(), 2);
        assert_eq!(
            Remembered::from_json(&state.to_json().unwrap()).unwrap(),
            state
        );
        let refused = |text: &str| Remembered::from_json(text.as_bytes()).unwrap_err();
        for bad in [
            "",
            "{}",
            "[]",
            &GOOD.replace(":7", ":-7"),
            &GOOD.replace(":7", ":7.0"),
            &GOOD.replace("\"index\":7", "\"index\":7,\"more\":1"),
            &format!("{GOOD}x"),
        ] {
            assert!(matches!(refused(bad), BadState::Json { .. }), "{bad:?}");
        }
        let twice = GOOD.replace("floors amd-floors.toml", "image-release");
        assert_eq!(refused(&twice), BadState::Twice);
        assert_eq!(
            refused(&" ".repeat(MAX_STATE.saturating_add(1))),
            BadState::TooLong
        );
        let mut full = Remembered::default();
        for n in 0..=MAX_ACCEPTED {
            full.0.insert((n.to_string(), String::new()), 0);
        }
        assert_eq!(full.to_json(), Err(BadState::TooLong));
        full.0.pop_first();
        assert_eq!(
            Remembered::from_json(&full.to_json().unwrap()).unwrap(),
            full
        );
    }
}
