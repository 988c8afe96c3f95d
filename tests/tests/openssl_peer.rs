//! Foreign judgement on the outer channel: openssl's own client and server.
//!
//! The service takes X25519MLKEM768 first and X25519 from those who know no ML-KEM, so that a plain verifier of RA-TLS certificates
//! can connect; what is asked is sealed to a hybrid key in either case. Our own client is stricter and wants the hybrid group.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::ffi::OsString;
use std::net::SocketAddr;
use std::time::Duration;

use cloister_tests::children::{Finished, Running, run};
use cloister_tests::folder::Folder;
use cloister_tests::service::{Release, Service, cloister};
use cloister_tests::{ports, programs, tls};

const PATIENCE: Duration = Duration::from_secs(30);

fn s_client(to: SocketAddr, arguments: &[&str]) -> Finished {
    run(&programs::system("openssl"), b"", PATIENCE, |command| {
        command
            .args(["s_client", "-connect", &to.to_string()])
            .args(arguments);
    })
}

/// openssl 3.5 brought ML-KEM; Debian 12 has 3.0.
fn openssl_knows_ml_kem() -> bool {
    let version = run(&programs::system("openssl"), b"", PATIENCE, |command| {
        command.arg("version");
    });
    let version = version.out();
    let mut numbers = version
        .split_whitespace()
        .nth(1)
        .unwrap()
        .split('.')
        .map(|n| n.parse::<u32>().unwrap_or(0));
    (numbers.next().unwrap(), numbers.next().unwrap()) >= (3, 5)
}

#[test]
fn openssl_accepts_tls_1_3_and_is_refused_with_1_2() {
    let folder = Folder::new();
    let service = Service::native(folder.path());

    let accepted = s_client(service.address, &["-tls1_3", "-alpn", "h2"]);
    assert_eq!(accepted.code, 0, "{}{}", accepted.out(), accepted.err());
    let text = accepted.out();
    assert!(text.contains("New, TLSv1.3, Cipher is TLS_"), "{text}");
    assert!(text.contains("ALPN protocol: h2"), "{text}");
    let group = if openssl_knows_ml_kem() {
        "X25519MLKEM768"
    } else {
        "X25519"
    };
    println!("openssl negotiated {group}");
    assert!(text.contains(group), "{text}");
    assert!(
        !text.contains("Post-Handshake New Session Ticket arrived"),
        "no ticket: {text}"
    );

    for version in ["-tls1_2", "-tls1_1", "-tls1"] {
        let refused = s_client(service.address, &[version, "-cipher", "ALL:@SECLEVEL=0"]);
        assert_ne!(refused.code, 0, "{version}: {}", refused.out());
        // Alert 70 (RFC 8446 section 6.2); older hellos fail already at what they cannot offer.
        let alert = if version == "-tls1_2" {
            "alert protocol version"
        } else {
            "SSL alert number"
        };
        assert!(
            refused.err().contains(alert),
            "{version}: {}",
            refused.err()
        );
    }
    for (arguments, what) in [
        (
            &["-tls1_3", "-alpn", "http/1.1"][..],
            "another protocol than h2",
        ),
        (
            &["-tls1_3", "-alpn", "h2", "-groups", "P-256"][..],
            "a group that is neither hybrid nor X25519",
        ),
    ] {
        let refused = s_client(service.address, arguments);
        assert_ne!(refused.code, 0, "{what}: {}", refused.out());
    }
}

#[test]
fn who_knows_the_hybrid_group_gets_it() {
    let folder = Folder::new();
    let service = Service::native(folder.path());
    assert_eq!(
        tls::negotiated_group(service.address).as_deref(),
        Some("X25519MLKEM768")
    );
}

#[test]
fn openssl_reads_the_certificate_and_its_evidence_extension() {
    let folder = Folder::new();
    let service = Service::native(folder.path());
    let pem = s_client(service.address, &["-tls1_3", "-alpn", "h2"]).out();
    let file = folder.path().join("peer.pem");
    std::fs::write(&file, &pem).unwrap();
    let text = run(
        &programs::system("openssl"),
        pem.as_bytes(),
        PATIENCE,
        |command| {
            command.args(["x509", "-noout", "-text"]);
        },
    );
    assert_eq!(text.code, 0, "{}", text.err());
    assert!(
        text.out().contains("1.3.6.1.5.5.7.1.35"),
        "the CMW extension of RFC 9999: {}",
        text.out()
    );
    assert!(
        !text.out().contains("1.3.6.1.5.5.7.1.35: critical"),
        "{}",
        text.out()
    );
    assert!(text.out().contains("prime256v1"), "{}", text.out());
    let verified = run(&programs::system("openssl"), b"", PATIENCE, |command| {
        command
            .args(["verify", "-check_ss_sig", "-CAfile"])
            .arg(&file)
            .arg(&file);
    });
    assert_eq!(
        verified.code,
        0,
        "its self-signature holds: {}{}",
        verified.out(),
        verified.err()
    );
}

#[test]
fn our_client_refuses_a_server_without_the_hybrid_group() {
    let folder = Folder::new();
    let server = tls::server(folder.path());
    drop(server);
    let address = ports::free();
    let mut classical = Running::start(
        "openssl",
        &programs::system("openssl"),
        folder.path(),
        |command| {
            command
                .args([
                    "s_server",
                    "-tls1_3",
                    "-groups",
                    "X25519",
                    "-alpn",
                    "h2",
                    "-accept",
                    &address.to_string(),
                    "-cert",
                ])
                .arg(folder.path().join("upstream.pem"))
                .arg("-key")
                .arg(folder.path().join("upstream.key"));
        },
    );
    classical.wait_for("ACCEPT", PATIENCE);
    let mut arguments: Vec<OsString> = ["ask", "-", "--gateway"].map(OsString::from).to_vec();
    arguments.push(address.to_string().into());
    arguments.extend(Release::publish(folder.path()).options());
    let refused = cloister(arguments, b"a thread that must stay here");
    assert_ne!(refused.code, 0, "{}", refused.out());
    assert!(
        refused.err().contains("X25519MLKEM768"),
        "{}",
        refused.err()
    );
    assert!(!cloister_tests::markers::holds(
        &classical.output(),
        b"must stay here"
    ));
}
