//! `cloister verify`: evidence in, a verdict out, and nothing sent.

use std::process::ExitCode;

use cloister_client::bundle::{Bundle, MAX_BUNDLE};
use cloister_client::failure::{Failure, Fault};
use cloister_client::launch;
use cloister_client::session::{Session, SessionError};
use cloister_client::trail::{self, Way, marked};
use cloister_verify::{Attested, Claims, Field, Step};
use cloister_wire::evidence::EvidenceKind;
use serde_json::{Map, Value, json};

use super::arguments::Verify;
use super::ask::patience;
use super::expectations::Expectations;
use super::output::{print, print_json};
use super::progress::Progress;
use super::{case, files, now, wrapped};

/// What came of the evidence.
pub(crate) struct Verdict {
    /// `SEV-SNP`, `TDX`, `RA-TLS` or `SIMULATED`.
    pub(crate) platform: &'static str,
    /// Every rule.
    pub(crate) trail: Vec<Step>,
    /// What the evidence says.
    pub(crate) claims: Option<Claims>,
    /// What was computed from files instead, by name.
    pub(crate) measured: Vec<(String, Field)>,
    /// Whether every rule passed.
    pub(crate) accepted: bool,
    /// The proof, when the evidence is about our own service.
    pub(crate) attested: Option<Attested>,
    /// Where the log has each file that was accepted, for programs; null when none is needed.
    pub(crate) published: Value,
    /// Sentences that explain a measurement.
    pub(crate) explanation: Vec<String>,
}

/// Judges, and prints the verdict.
pub(crate) async fn run(wanted: &Verify) -> Result<ExitCode, Failure> {
    let verdict = match (
        &wanted.gateway,
        &wanted.bundle,
        &wanted.case,
        &wanted.wrapped,
    ) {
        (Some(_), None, None, None) => live(wanted).await?,
        (None, Some(path), None, None) => {
            let expectations = Expectations::read(&wanted.belief)?;
            let bundle = Bundle::from_json(&files::read(path, MAX_BUNDLE)?)
                .map_err(|error| Failure::input(path.display(), error))?;
            let appraisal = bundle.attest(&expectations.expected());
            if let Ok(attested) = &appraisal.verdict {
                expectations.remember(attested.simulated())?;
            }
            Verdict {
                platform: platform(bundle.evidence().kind),
                explanation: launch::explain(bundle.evidence(), &appraisal, &expectations.releases),
                accepted: appraisal.verdict.is_ok(),
                attested: appraisal.verdict.ok(),
                published: expectations.json(),
                trail: expectations.trail(appraisal.trail),
                claims: appraisal.claims,
                measured: Vec::new(),
            }
        }
        (None, None, Some(folder), None) => {
            case::judge(folder, &wanted.belief, wanted.danger_trust_root.as_deref())?
        }
        (None, None, None, Some(path)) => {
            let (policy, _) = case::named_policy(&wanted.belief)?;
            wrapped::judge(path, wanted.certs.as_deref(), &policy, now()?)?
        }
        _ => {
            return Err(Failure::input(
                "verify",
                "expected exactly one of --gateway, --bundle, --case and --wrapped",
            ));
        }
    };
    if wanted.json {
        print_json(&verdict.json())?;
    } else {
        print(&verdict.text(wanted.verbose))?;
    }
    Ok(if verdict.accepted {
        ExitCode::SUCCESS
    } else {
        ExitCode::from(Fault::Verification.exit_code())
    })
}

async fn live(wanted: &Verify) -> Result<Verdict, Failure> {
    let expectations = Expectations::read(&wanted.belief)?;
    let gateway = wanted
        .gateway
        .as_ref()
        .ok_or_else(|| Failure::input("--gateway", "expected HOST:PORT"))?;
    let progress = Progress::start("verifying the machine");
    let network = &wanted.network;
    let session = Session::open(gateway, network.from_address, patience(network)).await?;
    let outcome = session.attest(&expectations.expected()).await;
    drop(progress);
    if let Ok(session) = &outcome {
        expectations.remember(session.attested().simulated())?;
    }
    match outcome {
        Ok(session) => Ok(Verdict {
            platform: match session.claims() {
                Some(Claims::Tdx(_)) => platform(EvidenceKind::Tdx),
                _ if session.attested().simulated() => platform(EvidenceKind::Simulated),
                _ => platform(EvidenceKind::Snp),
            },
            trail: expectations.trail(session.trail().to_vec()),
            published: expectations.json(),
            claims: session.claims().cloned(),
            measured: Vec::new(),
            accepted: true,
            attested: Some(session.attested().clone()),
            explanation: Vec::new(),
        }),
        Err(SessionError::Refused(refusal)) => Ok(Verdict {
            platform: platform(refusal.evidence.kind),
            explanation: launch::explain(
                &refusal.evidence,
                &refusal.appraisal,
                &expectations.releases,
            ),
            trail: expectations.trail(refusal.appraisal.trail),
            published: expectations.json(),
            claims: refusal.appraisal.claims,
            measured: Vec::new(),
            accepted: false,
            attested: None,
        }),
        Err(error) => Err(error.into()),
    }
}

fn platform(kind: EvidenceKind) -> &'static str {
    match kind {
        EvidenceKind::Simulated => "SIMULATED",
        EvidenceKind::Snp => "SEV-SNP",
        EvidenceKind::Tdx => "TDX",
    }
}

/// A field as JSON.
fn value(field: Field) -> Value {
    match field {
        Field::Text(text) => Value::String(text),
        Field::Number(number) => number.into(),
        Field::List(values) => values.into_iter().map(value).collect(),
        Field::Nothing => Value::Null,
    }
}

impl Verdict {
    fn simulated(&self) -> bool {
        self.platform == "SIMULATED"
    }

    /// The stable object: verdict, platform, product, failed, fields; then what our own service adds.
    fn json(&self) -> Value {
        let failed: Vec<Value> = trail::failed(&self.trail)
            .map(
                |step| json!({ "rule": step.rule, "expected": step.expected, "found": step.found }),
            )
            .collect();
        let fields = self.fields();
        json!({
            "verdict": if self.accepted { "accept" } else { "reject" },
            "platform": self.platform,
            "product": self.claims.as_ref().and_then(Claims::product),
            "failed": failed,
            "fields": fields,
            "explanation": self.explanation,
            "trail": trail::json(&self.trail),
            "published": self.published,
            "release": self.attested.as_ref().map(|attested| attested.release().as_str()),
            "way": self.attested.as_ref().map(|attested| Way::of(attested.binding()).word()),
            "simulated": self.simulated(),
        })
    }

    /// What the evidence says, or what was computed from the files of a case.
    fn fields(&self) -> Map<String, Value> {
        let measured = self.measured.iter();
        let measured = measured.map(|(name, field)| (name.clone(), value(field.clone())));
        let claims = self.claims.iter().flat_map(Claims::fields);
        claims
            .map(|(name, field)| (name.to_owned(), value(field)))
            .chain(measured)
            .collect()
    }

    /// Sentences for people.
    fn text(&self, verbose: bool) -> String {
        let simulated = self.simulated();
        let mark = |text: String| marked(&text, simulated);
        let mut lines = trail::lines(&self.trail, simulated);
        if verbose {
            for (name, value) in self.claims.iter().flat_map(Claims::fields) {
                lines.push(mark(format!("says    {name}: {value}")));
            }
            for (name, value) in &self.measured {
                lines.push(mark(format!("says    {name}: {value}")));
            }
        }
        for sentence in &self.explanation {
            lines.push(mark(format!("why: {sentence}")));
        }
        let tally = trail::tally(&self.trail);
        if let Some(attested) = &self.attested {
            let way = Way::of(attested.binding());
            lines.push(mark(format!("way: {}", way.proves())));
            let release = attested.release();
            lines.push(mark(format!("accepted: release {release}; {tally}")));
        } else if self.accepted && self.platform.ends_with("measurement") {
            lines.push(format!(
                "match: {tally}; the numbers agree, and nobody vouched for them here"
            ));
        } else if self.accepted {
            lines.push(mark(format!(
                "accepted: {tally}; the evidence is bound to no connection or key of ours, so nothing may be sealed on its word"
            )));
        } else {
            lines.push(mark(format!("REFUSED: {tally}; nothing was sent")));
        }
        lines.join("\n")
    }
}
