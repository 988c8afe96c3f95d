//! The one-shot way: a bundle is believed only with its evidence, and a relay only with a name.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod mock;

use std::sync::Arc;

use cloister_client::bundle::{Bundle, BundleError};
use cloister_client::channel::{ChannelError, Patience};
use cloister_client::exchange::ExchangeError;
use cloister_client::message::{self, Wish};
use cloister_client::relay::{RelayError, RelayTrust, RelayUrl, post};
use cloister_client::seal::{ReplyOpener, SealedRequest, seal};
use cloister_client::thread::{Format, Thread};
use cloister_verify::{Anchors, Appraisal, BindingKind, Expected, Policy, UnixTime};
use cloister_wire::summary::Style;
use mock::Mock;
use mock::enclave::{Enclave, Trick, lab, now};
use mock::publish::publish;

fn judge(enclave: &Enclave) -> Appraisal {
    let policy = Policy::simulated();
    let anchors = Anchors::danger_simulated(lab().processor.root()).unwrap();
    let releases = publish(std::slice::from_ref(&lab().release), now());
    let expected = Expected {
        policy: &policy,
        releases: &releases,
        anchors: &anchors,
        now: UnixTime(now()),
    };
    Bundle::from_json(&enclave.bundle())
        .unwrap()
        .attest(&expected)
}

fn sealed(enclave: &Enclave) -> (SealedRequest, ReplyOpener) {
    let attested = judge(enclave).verdict.unwrap();
    assert!(matches!(attested.binding(), BindingKind::Key { .. }));
    let thread = Thread::parse(b"one shot", Format::Guess).unwrap();
    let wish = Wish {
        length: 3,
        style: Style::Prose,
    };
    seal(&attested, &message::request(&thread, wish, now()).unwrap()).unwrap()
}

fn url(mock: &Mock, scheme: &str, host: &str) -> RelayUrl {
    RelayUrl::parse(&format!("{scheme}://{host}:{}/relay", mock.endpoint.port())).unwrap()
}

#[tokio::test]
async fn one_post_brings_the_summary() {
    let enclave = Enclave::with(Trick::None);
    let mock = Mock::start_plain(enclave.handler()).await;
    let (request, opener) = sealed(&enclave);
    let to = url(&mock, "http", "127.0.0.1");
    let reply = post(&to, &RelayTrust::web(), request, None, Patience::default())
        .await
        .unwrap();
    let answer = message::reply(&opener.open(&reply).unwrap()).unwrap();
    assert_eq!(answer.highlights[0].text, "one shot");
    assert_eq!(mock.seen(), ["POST /relay"]);
}

#[tokio::test]
async fn a_relay_elsewhere_needs_a_certificate_that_the_device_knows() {
    let enclave = Enclave::with(Trick::None);
    let (mock, authority) = Mock::start_https(enclave.handler()).await;
    let to = url(&mock, "https", "localhost");
    let known = RelayTrust::only(authority.as_bytes()).unwrap();

    let (request, opener) = sealed(&enclave);
    let reply = post(&to, &known, request, None, Patience::default())
        .await
        .unwrap();
    assert!(message::reply(&opener.open(&reply).unwrap()).is_ok());

    let (request, _) = sealed(&enclave);
    let refused = post(&to, &RelayTrust::web(), request, None, Patience::default())
        .await
        .err()
        .unwrap();
    assert!(
        matches!(refused, RelayError::Channel(ChannelError::Relay(..))),
        "{refused}"
    );
    assert!(!refused.may_have_sent());

    // The right authority and another name.
    let (request, _) = sealed(&enclave);
    let by_address = url(&mock, "https", "127.0.0.1");
    let refused = post(&by_address, &known, request, None, Patience::default())
        .await
        .err()
        .unwrap();
    assert!(
        matches!(refused, RelayError::Channel(ChannelError::Relay(..))),
        "{refused}"
    );
    assert_eq!(mock.seen(), ["POST /relay"]);
}

#[tokio::test]
async fn answers_of_another_kind_are_refused() {
    type IsRight = fn(&ExchangeError) -> bool;
    let cases: [(Trick, IsRight); 4] = [
        (Trick::ReplyAsText, |e| {
            matches!(e, ExchangeError::Type { .. })
        }),
        (Trick::OuterStatus(502), |e| {
            matches!(e, ExchangeError::Status { found: 502, .. })
        }),
        (Trick::OuterStatus(200), |e| {
            matches!(e, ExchangeError::Type { .. })
        }),
        (Trick::ReplyTooLarge, |e| {
            matches!(e, ExchangeError::TooLarge { .. })
        }),
    ];
    for (trick, is_right) in cases {
        let enclave = Enclave::with(trick.clone());
        let mock = Mock::start_plain(enclave.handler()).await;
        let (request, _) = sealed(&enclave);
        let to = url(&mock, "http", "127.0.0.1");
        let refused = post(&to, &RelayTrust::web(), request, None, Patience::default())
            .await
            .err()
            .unwrap();
        assert!(
            matches!(&refused, RelayError::Exchange(error) if is_right(error)),
            "{trick:?}: {refused}"
        );
        assert!(refused.may_have_sent());
    }
}

#[tokio::test]
async fn a_slow_relay_is_an_error_in_time() {
    let slow: mock::Handler = Arc::new(|_, _, _| {
        std::thread::sleep(core::time::Duration::from_millis(1500));
        (200, "text/plain", Vec::new())
    });
    let enclave = Enclave::with(Trick::None);
    let (request, _) = sealed(&enclave);
    // The relay has its own runtime, so that its sleep does not hold up the device.
    let (tell, told) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let mock = Mock::start_plain(slow).await;
            tell.send(mock.endpoint.port()).unwrap();
            tokio::time::sleep(core::time::Duration::from_secs(5)).await;
        });
    });
    let to = RelayUrl::parse(&format!("http://127.0.0.1:{}/relay", told.recv().unwrap())).unwrap();
    let patience = Patience {
        answer: core::time::Duration::from_millis(300),
        ..Patience::default()
    };
    let refused = post(&to, &RelayTrust::web(), request, None, patience)
        .await
        .err()
        .unwrap();
    assert!(
        matches!(refused, RelayError::Exchange(ExchangeError::TooSlow { .. })),
        "{refused}"
    );
}

#[test]
fn a15_an_expired_bundle_is_refused() {
    let rules = judge(&Enclave::with(Trick::BundleExpired))
        .verdict
        .err()
        .unwrap()
        .rules;
    assert_eq!(rules, ["binding.lifetime"]);
}

#[test]
fn a42_a_bundle_with_keys_that_the_evidence_does_not_cover_is_refused() {
    let rules = judge(&Enclave::with(Trick::BundleOfAnotherKey))
        .verdict
        .err()
        .unwrap()
        .rules;
    assert_eq!(rules, ["binding.report-data"]);
    let tail = Bundle::from_json(&Enclave::with(Trick::BundleWithTail).bundle());
    assert!(matches!(tail.err(), Some(BundleError::KeyConfigs(_))));
}
