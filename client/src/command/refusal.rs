//! Refused evidence as a failure, with the sentences that explain its measurement.

use cloister_client::bundle::Bundle;
use cloister_client::failure::{Failure, Fault};
use cloister_client::session::SessionError;
use cloister_client::{launch, trail};
use cloister_verify::Appraisal;

use super::expectations::Expectations;

/// A session that is not attested.
pub(crate) fn refused(error: SessionError, expectations: &Expectations) -> Failure {
    let explanation = match &error {
        SessionError::Refused(refusal) => launch::explain(
            &refusal.evidence,
            &refusal.appraisal,
            &expectations.releases,
        ),
        _ => Vec::new(),
    };
    let failure = Failure::from(error);
    Failure {
        explanation,
        // Where there is no trail, no evidence was judged.
        trail: match failure.trail.as_slice() {
            [] => Vec::new(),
            _ => expectations.trail(failure.trail.clone()),
        },
        ..failure
    }
}

/// A bundle whose evidence was judged and failed.
pub(crate) fn refused_bundle(
    bundle: &Bundle,
    appraisal: &Appraisal,
    expectations: &Expectations,
) -> Failure {
    let message = match &appraisal.verdict {
        Ok(_) => "the evidence is refused".to_owned(),
        Err(refused) => refused.to_string(),
    };
    Failure {
        trail: expectations.trail(appraisal.trail.clone()),
        explanation: launch::explain(bundle.evidence(), appraisal, &expectations.releases),
        simulated: trail::is_simulated(bundle.evidence()),
        ..Failure::new(Fault::Verification, message)
    }
}
