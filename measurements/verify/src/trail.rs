//! The trail: every rule that was judged, with what was expected and what was found.

use std::fmt;

/// What came of one rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Compared, and as expected.
    Passed,
    /// Compared, and not as expected.
    Failed,
    /// Not compared, because something before it failed. Counts as a failure.
    NotEvaluated,
    /// The policy asks nothing here; `found` says what is the case.
    NotAsked,
}

/// One rule and what came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The rule's id, stable over versions: `snp.policy.debug`.
    pub rule: &'static str,
    /// What the rule demands, in words for people.
    pub title: &'static str,
    /// Where the standard says so.
    pub clause: &'static str,
    /// What the policy and the caller expect.
    pub expected: String,
    /// What the evidence says.
    pub found: String,
    /// What came of it.
    pub outcome: Outcome,
}

impl Step {
    /// Whether nothing speaks against the evidence here.
    #[must_use]
    pub fn passed(&self) -> bool {
        matches!(self.outcome, Outcome::Passed | Outcome::NotAsked)
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.outcome {
            Outcome::Passed => "passed",
            Outcome::Failed => "FAILED",
            Outcome::NotEvaluated => "not evaluated",
            Outcome::NotAsked => "not asked",
        };
        write!(
            f,
            "{} {}: expected {}, found {}",
            self.rule, word, self.expected, self.found
        )
    }
}

/// A rule as it is written down, before anything is judged by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rule {
    /// The rule's id.
    pub id: &'static str,
    /// What it demands.
    pub title: &'static str,
    /// Where the standard says so.
    pub clause: &'static str,
}

/// Writes down the rules of one kind of evidence, in the order in which they are judged and shown.
macro_rules! rules {
    ($($name:ident: $id:literal, $title:literal, $clause:literal;)*) => {
        $(pub(super) const $name: Rule = Rule { id: $id, title: $title, clause: $clause };)*
        /// Every rule, once.
        pub(crate) const ALL: &[&Rule] = &[$(&$name),*];
    };
}
pub(crate) use rules;

/// Collects the steps of one appraisal.
#[derive(Default)]
pub(crate) struct Trail(Vec<Step>);

impl Trail {
    fn push(&mut self, rule: &Rule, expected: String, found: String, outcome: Outcome) {
        self.0.push(Step {
            rule: rule.id,
            title: rule.title,
            clause: rule.clause,
            expected,
            found,
            outcome,
        });
    }

    /// Records a comparison and says whether it held.
    pub(crate) fn check(
        &mut self,
        rule: &Rule,
        passed: bool,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> bool {
        let outcome = if passed {
            Outcome::Passed
        } else {
            Outcome::Failed
        };
        self.push(rule, expected.into(), found.into(), outcome);
        passed
    }

    /// Records that the policy asks nothing, and what is the case.
    pub(crate) fn not_asked(&mut self, rule: &Rule, found: impl Into<String>) {
        self.push(rule, "anything".into(), found.into(), Outcome::NotAsked);
    }

    /// Records that a rule could not be judged.
    pub(crate) fn not_evaluated(&mut self, rule: &Rule, because: &str) {
        self.push(
            rule,
            "an evaluation".into(),
            format!("not evaluated: {because}"),
            Outcome::NotEvaluated,
        );
    }

    /// Records for each of `rules` that is not in the trail yet that it could not be judged, and puts the trail in their order.
    pub(crate) fn complete(mut self, rules: &[&Rule], because: &str) -> Vec<Step> {
        for rule in rules {
            if !self.0.iter().any(|step| step.rule == rule.id) {
                self.not_evaluated(rule, because);
            }
        }
        let place = |step: &Step| rules.iter().position(|rule| rule.id == step.rule);
        self.0.sort_by_key(place);
        self.0
    }
}
