//! `cloister verify`: evidence in, a verdict out, and nothing sent.

use std::process::ExitCode;

use cloister_client::bundle::{Bundle, MAX_BUNDLE};
use cloister_client::failure::{Failure, Fault};
use cloister_client::launch;
use cloister_client::session::{Session, SessionError};
use cloister_client::trail::{self, Way, marked};
use cloister_verify::{Attested, Claims, Step};
use serde_json::{Map, Value, json};

use super::arguments::Verify;
use super::ask::patience;
use super::expectations::Expectations;
use super::output::{print, print_json};
use super::progress::Progress;
use super::{case, files};

/// What came of the evidence.
pub(crate) struct Verdict {
    /// `SEV-SNP`, `TDX` or `SIMULATED`.
    pub(crate) platform: &'static str,
    /// Every rule.
    pub(crate) trail: Vec<Step>,
    /// What the evidence says.
    pub(crate) claims: Option<Claims>,
    /// What was computed from files instead, by name.
    pub(crate) measured: Vec<(String, String)>,
    /// Whether every rule passed.
    pub(crate) accepted: bool,
    /// The proof, when the evidence is about our own service.
    pub(crate) attested: Option<Attested>,
    /// Sentences that explain a measurement.
    pub(crate) explanation: Vec<String>,
}

/// Judges, and prints the verdict.
pub(crate) async fn run(wanted: &Verify) -> Result<ExitCode, Failure> {
    let verdict = match (&wanted.gateway, &wanted.bundle, &wanted.case) {
        (Some(_), None, None) => live(wanted).await?,
        (None, Some(path), None) => {
            let expectations = Expectations::read(&wanted.belief)?;
            let bundle = Bundle::from_json(&files::read(path, MAX_BUNDLE)?)
                .map_err(|error| Failure::input(path.display(), error))?;
            let appraisal = bundle.attest(&expectations.expected());
            Verdict {
                platform: platform(trail::is_simulated(bundle.evidence())),
                explanation: launch::explain(bundle.evidence(), &appraisal, &expectations.releases),
                accepted: appraisal.verdict.is_ok(),
                attested: appraisal.verdict.ok(),
                trail: appraisal.trail,
                claims: appraisal.claims,
                measured: Vec::new(),
            }
        }
        (None, None, Some(folder)) => {
            case::judge(folder, &wanted.belief, wanted.danger_trust_root.as_deref())?
        }
        _ => {
            return Err(Failure::input(
                "verify",
                "expected exactly one of --gateway, --bundle and --case",
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
    match outcome {
        Ok(session) => Ok(Verdict {
            platform: platform(session.attested().simulated()),
            trail: session.trail().to_vec(),
            claims: session.claims().cloned(),
            measured: Vec::new(),
            accepted: true,
            attested: Some(session.attested().clone()),
            explanation: Vec::new(),
        }),
        Err(SessionError::Refused(refusal)) => Ok(Verdict {
            platform: platform(trail::is_simulated(&refusal.evidence)),
            explanation: launch::explain(
                &refusal.evidence,
                &refusal.appraisal,
                &expectations.releases,
            ),
            trail: refusal.appraisal.trail,
            claims: refusal.appraisal.claims,
            measured: Vec::new(),
            accepted: false,
            attested: None,
        }),
        Err(error) => Err(error.into()),
    }
}

fn platform(simulated: bool) -> &'static str {
    if simulated { "SIMULATED" } else { "SEV-SNP" }
}

/// Fields that the corpus of evidence writes as numbers.
const NUMBERS: [&str; 5] = [
    "report_version",
    "mask_chip_key",
    "author_key_en",
    "vmpl",
    "guest_svn",
];

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
            "product": fields.get("product").cloned().unwrap_or(Value::Null),
            "failed": failed,
            "fields": fields,
            "explanation": self.explanation,
            "trail": trail::json(&self.trail),
            "release": self.attested.as_ref().map(|attested| attested.release().as_str()),
            "way": self.attested.as_ref().map(|attested| Way::of(attested.binding()).word()),
            "simulated": self.simulated(),
        })
    }

    /// What the evidence says, or what was computed from the files of a case.
    fn said(&self) -> Vec<(String, String)> {
        let claims = self.claims.iter().flat_map(Claims::fields);
        claims
            .map(|(name, value)| (name.to_owned(), value))
            .chain(self.measured.iter().cloned())
            .collect()
    }

    fn fields(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        for (name, text) in self.said() {
            let number = NUMBERS
                .contains(&name.as_str())
                .then(|| text.parse::<u64>().ok())
                .flatten();
            fields.insert(name, number.map_or(Value::String(text), Value::from));
        }
        fields
    }

    /// Sentences for people.
    fn text(&self, verbose: bool) -> String {
        let simulated = self.simulated();
        let mark = |text: String| marked(&text, simulated);
        let mut lines = trail::lines(&self.trail, simulated);
        if verbose {
            let said = self.said().into_iter();
            lines.extend(said.map(|(name, value)| mark(format!("says    {name}: {value}"))));
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
