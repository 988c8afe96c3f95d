//! The outer channel refuses every handshake but one: TLS 1.3, hybrid, h2, signed by the certificate's key.
#![allow(clippy::unwrap_used, clippy::panic)]

mod mock;

use std::sync::Arc;

use cloister_client::channel::{Channel, ChannelError, Patience};
use mock::{Handler, Mock, Tls};
use rustls::NamedGroup;

fn silent() -> Handler {
    Arc::new(|_, _, _| panic!("nothing may be asked for"))
}

async fn refusal(tls: Tls) -> (ChannelError, Mock) {
    let mock = Mock::start(tls, silent()).await;
    match Channel::open(&mock.endpoint, None, Patience::default()).await {
        Ok(_) => panic!("the channel opened"),
        Err(error) => (error, mock),
    }
}

#[tokio::test]
async fn an_honest_server_is_reached_and_its_key_known() {
    let mock = Mock::start(Tls::default(), silent()).await;
    let one = Channel::open(&mock.endpoint, None, Patience::default())
        .await
        .unwrap();
    let two = Channel::open(&mock.endpoint, None, Patience::default())
        .await
        .unwrap();
    assert_eq!(one.spki_der(), mock.spki);
    assert_ne!(one.nonce(), two.nonce());
    assert_ne!(one.exporter(), two.exporter());
    assert!(mock.seen().is_empty());
}

#[tokio::test]
async fn the_local_address_can_be_chosen() {
    let mock = Mock::start(Tls::default(), silent()).await;
    let from = "127.0.0.9".parse().unwrap();
    Channel::open(&mock.endpoint, Some(from), Patience::default())
        .await
        .unwrap();
    let other_family = "::1".parse().unwrap();
    let refused = Channel::open(&mock.endpoint, Some(other_family), Patience::default()).await;
    assert!(matches!(refused.err(), Some(ChannelError::NoAddress(_))));
}

#[tokio::test]
async fn a35_tls_1_2_is_refused() {
    let (error, _) = refusal(Tls {
        versions: vec![&rustls::version::TLS12],
        groups: vec![NamedGroup::X25519],
        ..Tls::default()
    })
    .await;
    assert!(matches!(error, ChannelError::Handshake(..)), "{error}");
    assert!(error.to_string().contains("ProtocolVersion"), "{error}");
}

#[tokio::test]
async fn a36_a_classical_key_exchange_is_refused() {
    let (error, _) = refusal(Tls {
        groups: vec![NamedGroup::X25519, NamedGroup::secp256r1],
        ..Tls::default()
    })
    .await;
    assert!(matches!(error, ChannelError::Handshake(..)), "{error}");
}

#[tokio::test]
async fn a22_a_certificate_whose_key_did_not_sign_is_refused() {
    let (error, _) = refusal(Tls {
        sign_with_another_key: true,
        ..Tls::default()
    })
    .await;
    assert!(
        matches!(&error, ChannelError::Handshake(_, why) if why.contains("BadSignature")),
        "{error}"
    );
}

#[tokio::test]
async fn a_chain_of_certificates_is_refused() {
    let (error, _) = refusal(Tls {
        certificate_twice: true,
        ..Tls::default()
    })
    .await;
    assert!(matches!(error, ChannelError::Handshake(..)), "{error}");
}

#[tokio::test]
async fn a_server_without_h2_is_refused() {
    let (error, _) = refusal(Tls {
        alpn: vec![b"http/1.1".to_vec()],
        ..Tls::default()
    })
    .await;
    assert!(matches!(error, ChannelError::Handshake(..)), "{error}");
    let (error, _) = refusal(Tls {
        alpn: vec![],
        ..Tls::default()
    })
    .await;
    assert!(
        matches!(
            &error,
            ChannelError::Terms {
                what: "application protocol",
                ..
            }
        ),
        "{error}"
    );
}

#[tokio::test]
async fn a_silent_server_and_a_closed_port_are_errors_in_time() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint =
        cloister_client::endpoint::Endpoint::parse(&listener.local_addr().unwrap().to_string())
            .unwrap();
    let patience = Patience {
        handshake: core::time::Duration::from_millis(200),
        ..Patience::default()
    };
    let refused = Channel::open(&endpoint, None, patience).await;
    assert!(matches!(
        refused.err(),
        Some(ChannelError::TooSlow("the TLS handshake", _))
    ));
    drop(listener);
    let refused = Channel::open(&endpoint, None, patience).await;
    assert!(matches!(refused.err(), Some(ChannelError::Connect(..))));
}
