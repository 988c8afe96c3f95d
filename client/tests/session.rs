//! The session way: nothing is posted before the evidence covers the machine, the channel and the keys; and what comes back is
//! believed only if it opens.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing
)]

mod mock;

use cloister_client::channel::Patience;
use cloister_client::exchange::ExchangeError;
use cloister_client::failure::{Failure, Fault};
use cloister_client::message::{self, Wish};
use cloister_client::seal::seal;
use cloister_client::session::{AttestedSession, Session, SessionError};
use cloister_client::thread::{Format, Thread};
use cloister_verify::{Anchors, BindingKind, Expected, Policy, UnixTime};
use cloister_wire::problem::Problem;
use cloister_wire::summary::{Answer, Style};
use mock::enclave::{Enclave, Trick, lab, now};
use mock::publish::publish;
use mock::{Mock, Tls};

const KEYS: &str = "GET /.well-known/ohttp-gateway";
const ATTEST: &str = "POST /attest";
const OHTTP: &str = "POST /ohttp";

async fn start(trick: Trick) -> (Mock, std::sync::Arc<Enclave>) {
    let enclave = Enclave::with(trick);
    (
        Mock::start(Tls::default(), enclave.handler()).await,
        enclave,
    )
}

async fn attest_under(mock: &Mock, anchors: &Anchors) -> Result<AttestedSession, SessionError> {
    let policy = Policy::simulated();
    let releases = publish(std::slice::from_ref(&lab().release), now());
    let expected = Expected {
        policy: &policy,
        releases: &releases,
        anchors,
        now: UnixTime(now()),
    };
    let session = Session::open(&mock.endpoint, None, Patience::default())
        .await
        .unwrap();
    session.attest(&expected).await
}

async fn attest(mock: &Mock) -> Result<AttestedSession, SessionError> {
    attest_under(
        mock,
        &Anchors::danger_simulated(lab().processor.root()).unwrap(),
    )
    .await
}

async fn ask(session: &mut AttestedSession, thread: &str) -> Result<Answer, Failure> {
    let thread = Thread::parse(thread.as_bytes(), Format::Guess).unwrap();
    let wish = Wish {
        length: 3,
        style: Style::Bullets,
    };
    let plaintext = message::request(&thread, wish, now()).unwrap();
    let (sealed, opener) = seal(session.attested(), &plaintext)?;
    let reply = session.post(sealed).await?;
    Ok(message::reply(&opener.open(&reply)?)?)
}

/// The rules that refused, after making sure that nothing was posted.
async fn refusal(trick: Trick) -> Vec<&'static str> {
    let (mock, enclave) = start(trick.clone()).await;
    match attest(&mock).await {
        Err(SessionError::Refused(refusal)) => {
            assert_eq!(mock.seen(), [KEYS, ATTEST], "{trick:?}");
            assert!(enclave.received().is_empty());
            refusal.appraisal.verdict.err().unwrap().rules
        }
        Err(other) => panic!("{trick:?}: {other}"),
        Ok(_) => panic!("{trick:?}: attested"),
    }
}

#[tokio::test]
async fn a_thread_goes_in_and_its_summary_comes_out() {
    let (mock, enclave) = start(Trick::None).await;
    let mut session = attest(&mock).await.unwrap();
    assert_eq!(mock.seen(), [KEYS, ATTEST]);
    assert!(session.trail().iter().all(cloister_verify::Step::passed));
    assert!(session.attested().simulated());
    assert_eq!(session.attested().binding(), BindingKind::Session);

    let answer = ask(
        &mut session,
        r#"{"messages":[{"author":"Ana","text":"Train at 9"}]}"#,
    )
    .await
    .unwrap();
    assert_eq!(answer.summary, "Ana wrote: Train at 9");
    // The same session takes another request, under another encapsulated key.
    let answer = ask(&mut session, "plain text").await.unwrap();
    assert_eq!(answer.highlights[0].text, "plain text");
    assert_eq!(mock.seen(), [KEYS, ATTEST, OHTTP, OHTTP]);
    assert!(
        enclave
            .received()
            .iter()
            .all(|plaintext| plaintext.len() == 4096)
    );
}

#[tokio::test]
async fn a34_evidence_for_another_handshake_is_refused() {
    assert_eq!(
        refusal(Trick::ForeignExporter).await,
        ["binding.report-data"]
    );
}

#[tokio::test]
async fn a15_evidence_for_another_nonce_is_refused() {
    assert_eq!(refusal(Trick::OldNonce).await, ["binding.report-data"]);
}

#[tokio::test]
async fn a22_evidence_for_another_tls_key_is_refused() {
    assert_eq!(refusal(Trick::ForeignSpki).await, ["binding.report-data"]);
}

#[tokio::test]
async fn a42_key_configurations_swapped_after_attestation_are_refused() {
    assert_eq!(refusal(Trick::KeysOfAnother).await, ["binding.report-data"]);
}

#[tokio::test]
async fn a27_evidence_that_names_another_release_is_refused() {
    assert_eq!(
        refusal(Trick::ForeignRelease).await,
        ["binding.report-data"]
    );
}

#[tokio::test]
async fn evidence_of_a_key_does_not_do_for_a_session() {
    assert_eq!(
        refusal(Trick::OneShotEvidence).await,
        ["binding.report-data"]
    );
}

#[tokio::test]
async fn simulated_evidence_is_refused_without_its_root() {
    let (mock, _) = start(Trick::None).await;
    let Err(SessionError::Refused(refusal)) = attest_under(&mock, &Anchors::hardware()).await
    else {
        panic!("attested")
    };
    assert!(
        refusal
            .appraisal
            .verdict
            .err()
            .unwrap()
            .rules
            .contains(&"evidence.kind")
    );
    assert_eq!(mock.seen(), [KEYS, ATTEST]);
}

#[tokio::test]
async fn a42_hostile_key_configurations_are_refused_before_evidence_is_asked_for() {
    for trick in [Trick::NoKeys, Trick::KeysWithTail] {
        let (mock, _) = start(trick.clone()).await;
        let refused = attest(&mock).await.err();
        assert!(
            matches!(refused, Some(SessionError::KeyConfigs(_))),
            "{trick:?}"
        );
        assert_eq!(mock.seen(), [KEYS]);
    }
}

#[tokio::test]
async fn attested_keys_without_a_suite_of_ours_seal_nothing() {
    let (mock, _) = start(Trick::UnknownSuitesOnly).await;
    let mut session = attest(&mock).await.unwrap();
    let failure = ask(&mut session, "x").await.err().unwrap();
    assert_eq!(failure.fault, Fault::Verification);
    assert!(!failure.sent);
    assert_eq!(mock.seen(), [KEYS, ATTEST]);
}

#[tokio::test]
async fn malformed_evidence_is_refused() {
    for trick in [Trick::EvidenceCut, Trick::EvidenceWithTail] {
        let (mock, _) = start(trick.clone()).await;
        assert!(
            matches!(attest(&mock).await.err(), Some(SessionError::Evidence(_))),
            "{trick:?}"
        );
    }
    let (mock, _) = start(Trick::EvidenceTooLarge).await;
    assert!(matches!(
        attest(&mock).await.err(),
        Some(SessionError::Exchange(ExchangeError::TooLarge { .. }))
    ));
    let (mock, _) = start(Trick::EvidenceAsJson).await;
    assert!(matches!(
        attest(&mock).await.err(),
        Some(SessionError::Exchange(ExchangeError::Type { .. }))
    ));
}

async fn reply_failure(trick: Trick) -> Failure {
    let (mock, _) = start(trick.clone()).await;
    let mut session = attest(&mock).await.unwrap();
    match ask(&mut session, "x").await {
        Ok(_) => panic!("{trick:?}: accepted"),
        Err(failure) => failure,
    }
}

#[tokio::test]
async fn a41_broken_replies_are_told_apart_from_refusals() {
    for (trick, fault) in [
        (Trick::ReplyCut, Fault::Reply),
        (Trick::ReplyOfAnother, Fault::Reply),
        (Trick::ReplyUnpadded, Fault::Reply),
        (Trick::ReplyPaddedWithOnes, Fault::Reply),
        (Trick::ReplyNoSummary, Fault::Reply),
        (Trick::ReplyTooLarge, Fault::Network),
        (Trick::ReplyAsText, Fault::Network),
        (Trick::OuterStatus(500), Fault::Network),
        (Trick::OuterStatus(200), Fault::Network),
        (Trick::OuterProblem(Problem::Key), Fault::Network),
        (Trick::ReplyProblem(Problem::Request), Fault::Enclave),
        (Trick::ReplyProblem(Problem::Date), Fault::Enclave),
    ] {
        let failure = reply_failure(trick.clone()).await;
        assert_eq!(failure.fault, fault, "{trick:?}: {failure}");
    }
}

#[tokio::test]
async fn a_reason_outside_of_the_seal_is_shown_as_such() {
    let failure = reply_failure(Trick::OuterProblem(Problem::Key)).await;
    let shown = failure.to_string();
    assert!(
        shown.contains(Problem::Key.title()) && shown.contains("outside of the seal"),
        "{shown}"
    );
}
