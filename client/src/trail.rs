//! The trail as people read it: each check, what was compared with what, and what came of it.

use cloister_verify::{BindingKind, Outcome, Step};
use cloister_wire::evidence::{Evidence, EvidenceKind};
use serde_json::{Value, json};

use crate::terminal::plain_line;

/// What every line says when the processor is the simulated one.
const SIMULATED: &str = "SIMULATED ";

/// The two ways in, and what each proves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// A connection that ends in the verified machine.
    Session,
    /// A request sealed to a key out of an attested bundle.
    OneShot,
}

impl Way {
    /// The way of a proof.
    #[must_use]
    pub fn of(binding: BindingKind) -> Self {
        match binding {
            BindingKind::Session => Self::Session,
            BindingKind::Key { .. } => Self::OneShot,
        }
    }

    /// One word for programs.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::OneShot => "one-shot",
        }
    }

    /// What it proves, for people.
    #[must_use]
    pub fn proves(self) -> &'static str {
        match self {
            Self::Session => {
                "session: fresh by nonce. The machine signed a nonce that was drawn for this connection, its TLS key and its handshake, so it is alive now and the connection ends in it"
            }
            Self::OneShot => {
                "one shot: fresh by expiry. The machine signed its sealing keys and their expiry; only it can open the request, but nothing shows that it is alive now or was not changed since"
            }
        }
    }
}

/// The trail for a terminal, one line per check, with SIMULATED on each where the processor is simulated.
#[must_use]
pub fn lines(trail: &[Step], simulated: bool) -> Vec<String> {
    trail.iter().map(|step| line(step, simulated)).collect()
}

/// Any other line about evidence, marked in the same way and made safe for a terminal.
#[must_use]
pub fn marked(text: &str, simulated: bool) -> String {
    let mark = if simulated { SIMULATED } else { "" };
    format!("{mark}{}", plain_line(text))
}

/// A line whose text is safe for a terminal already, marked in the same way; its spaces and tabs stay.
#[must_use]
pub fn marked_text(line: &str, simulated: bool) -> String {
    let mark = if simulated { SIMULATED } else { "" };
    format!("{mark}{line}")
}

/// How many checks had which outcome, leaving out outcomes that none had.
#[must_use]
pub fn tally(trail: &[Step]) -> String {
    let outcomes = [
        (Outcome::Passed, "passed"),
        (Outcome::Failed, "failed"),
        (Outcome::NotEvaluated, "not evaluated"),
        (Outcome::NotAsked, "not asked by the policy"),
    ];
    let counts: Vec<String> = outcomes
        .iter()
        .map(|(outcome, words)| {
            let count = trail.iter().filter(|step| step.outcome == *outcome).count();
            (count, words)
        })
        .filter(|(count, _)| *count > 0)
        .map(|(count, words)| format!("{count} {words}"))
        .collect();
    format!("of {} checks, {}", trail.len(), counts.join(", "))
}

fn line(step: &Step, simulated: bool) -> String {
    let outcome = match step.outcome {
        Outcome::Passed => "passed",
        Outcome::Failed => "FAILED",
        Outcome::NotEvaluated => "not evaluated",
        Outcome::NotAsked => "not asked",
    };
    let compared = match step.outcome {
        Outcome::NotEvaluated => step.found.clone(),
        Outcome::NotAsked => format!("found {}", step.found),
        _ if step.expected == step.found => format!("expected and found {}", step.found),
        _ => format!("expected {}, found {}", step.expected, step.found),
    };
    marked(
        &format!("{outcome:<7} {}: {}: {compared}", step.rule, step.title),
        simulated,
    )
}

/// The checks that did not pass.
pub fn failed(trail: &[Step]) -> impl Iterator<Item = &Step> {
    trail.iter().filter(|step| !step.passed())
}

/// The trail for programs.
#[must_use]
pub fn json(trail: &[Step]) -> Value {
    trail
        .iter()
        .map(|step| {
            json!({
                "rule": step.rule,
                "title": step.title,
                "clause": step.clause,
                "expected": step.expected,
                "found": step.found,
                "outcome": match step.outcome {
                    Outcome::Passed => "passed",
                    Outcome::Failed => "failed",
                    Outcome::NotEvaluated => "not-evaluated",
                    Outcome::NotAsked => "not-asked",
                },
            })
        })
        .collect()
}

/// Whether evidence comes from the simulated processor.
#[must_use]
pub fn is_simulated(evidence: &Evidence) -> bool {
    evidence.kind == EvidenceKind::Simulated
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn step(outcome: Outcome, expected: &str, found: &str) -> Step {
        Step {
            rule: "snp.x",
            title: "title",
            clause: "clause",
            expected: expected.to_owned(),
            found: found.to_owned(),
            outcome,
        }
    }

    #[test]
    fn each_line_says_what_was_compared() {
        let trail = [
            step(Outcome::Passed, "7", "7"),
            step(Outcome::Passed, "at least 7", "9"),
            step(Outcome::Failed, "7", "8"),
            step(Outcome::NotEvaluated, "", "not evaluated: no report"),
            step(Outcome::NotAsked, "anything", "1"),
        ];
        assert_eq!(
            lines(&trail, false),
            [
                "passed  snp.x: title: expected and found 7",
                "passed  snp.x: title: expected at least 7, found 9",
                "FAILED  snp.x: title: expected 7, found 8",
                "not evaluated snp.x: title: not evaluated: no report",
                "not asked snp.x: title: found 1",
            ]
        );
        assert_eq!(failed(&trail).count(), 2);
        assert_eq!(
            tally(&trail),
            "of 5 checks, 2 passed, 1 failed, 1 not evaluated, 1 not asked by the policy"
        );
        assert_eq!(json(&trail)[2]["outcome"], "failed");
    }

    #[test]
    fn simulated_evidence_says_so_on_every_line() {
        let trail = [
            step(Outcome::Passed, "7", "7"),
            step(Outcome::Failed, "7", "8"),
        ];
        assert!(
            lines(&trail, true)
                .iter()
                .all(|line| line.starts_with("SIMULATED "))
        );
    }

    #[test]
    fn what_a_host_wrote_can_not_steer_the_terminal() {
        let trail = [step(Outcome::Failed, "a", "\u{1b}[2Kpassed\nFAILED")];
        assert_eq!(
            lines(&trail, false),
            ["FAILED  snp.x: title: expected a, found passed FAILED"]
        );
    }
}
