//! The configurations fail closed when they are rendered, and run with TLS on both hops when they are told to.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use cloister_tests::children::{Finished, run};
use cloister_tests::edge::{Edge, Listeners};
use cloister_tests::folder::Folder;
use cloister_tests::raw::{Answer, post};
use cloister_tests::upstream::{ANSWER, Upstream};
use cloister_tests::{programs, tls};

const PATIENCE: Duration = Duration::from_secs(20);

fn render(template: &Path, variables: &[(&str, &str)]) -> Finished {
    run(
        &programs::repository().join("edge/render"),
        b"",
        PATIENCE,
        |command| {
            command
                .arg(template)
                .env_clear()
                .env("PATH", "/usr/bin:/bin")
                .envs(variables.iter().copied());
        },
    )
}

fn template(folder: &Folder, text: &str) -> PathBuf {
    let path = folder.path().join("template.in");
    std::fs::write(&path, text).unwrap();
    path
}

fn refused(finished: &Finished, why: &str) {
    assert_ne!(finished.code, 0, "{}", finished.out());
    assert!(
        finished.stdout.is_empty(),
        "nothing is printed: {}",
        finished.out()
    );
    assert!(
        finished.err().contains(why),
        "{why:?} in {:?}",
        finished.err()
    );
}

#[test]
fn values_lists_and_conditions_are_filled_in() {
    let folder = Folder::new();
    let path = template(
        &folder,
        "a @A@;\n@when B=x@ kept @A@\n@when B=y@ dropped @A@\n@each L@\n  item @key@ at @value@ of @A@\n@end@\nend\n",
    );
    let rendered = render(
        &path,
        &[("A", "1"), ("B", "x"), ("L", "m=127.0.0.1:1 n=127.0.0.1:2")],
    );
    assert_eq!(rendered.err(), "");
    assert_eq!(
        rendered.out(),
        "a 1;\nkept 1\n  item m at 127.0.0.1:1 of 1\n  item n at 127.0.0.1:2 of 1\nend\n"
    );
}

#[test]
fn what_is_missing_or_could_break_out_is_refused() {
    let folder = Folder::new();
    let path = template(&folder, "listen @A@;\n");
    refused(&render(&path, &[]), "A is not set");
    refused(&render(&path, &[("A", "")]), "A is not set");
    for value in [
        "1; include /etc/passwd",
        "1\nload_module x",
        "{",
        "}",
        "a\"b",
        "a'b",
        "$host",
        "a#b",
        "a\\b",
        "é",
    ] {
        refused(&render(&path, &[("A", value)]), "has a character outside");
    }
    for (text, why) in [
        ("x @a b\n", "no directive"),
        ("@each A@\n", "without @end@"),
        ("@end@\n", "without @each"),
        ("@each A@\n@end@\n", "KEY=VALUE"),
        ("@unless A@\n", "no directive"),
    ] {
        refused(&render(&template(&folder, text), &[("A", "1")]), why);
    }
}

#[test]
fn every_variable_of_the_configurations_is_required() {
    let edge = programs::repository().join("edge");
    for name in [
        "relay/relay.conf.in",
        "relay/admit.conf.in",
        "relay/forward.conf.in",
        "gateway/gateway.cfg.in",
        "gateway/keys.map.in",
    ] {
        let text = std::fs::read_to_string(edge.join(name)).unwrap();
        let rendered = render(&edge.join(name), &[]);
        if text.contains('@') {
            refused(&rendered, "is not set")
        } else {
            assert_eq!(rendered.out(), text)
        }
    }
}

#[test]
fn a_plain_listener_off_loopback_is_refused() {
    let folder = Folder::new();
    let path = template(&folder, "@loopback S L@\nlisten\n");
    for listen in [
        "0.0.0.0:80",
        "192.0.2.1:80",
        "[::]:80",
        "relay.example:80",
        "127.0.0.1.example:80",
        "80",
    ] {
        refused(
            &render(&path, &[("S", "http"), ("L", listen)]),
            "without TLS",
        );
        assert_eq!(
            render(&path, &[("S", "https"), ("L", listen)]).out(),
            "listen\n"
        );
    }
    for listen in ["127.0.0.1:80", "127.0.0.77:80", "[::1]:80"] {
        assert_eq!(
            render(&path, &[("S", "http"), ("L", listen)]).out(),
            "listen\n"
        );
    }
}

#[test]
fn with_tls_on_both_hops_a_request_passes_and_old_tls_does_not() {
    let folder = Folder::new();
    let (key, certificate, both) = (
        folder.path().join("key.pem"),
        folder.path().join("certificate.pem"),
        folder.path().join("both.pem"),
    );
    let made = run(&programs::system("openssl"), b"", PATIENCE, |command| {
        command
            .args([
                "req",
                "-x509",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=gateway.example",
                "-newkey",
                "ec",
            ])
            .args([
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-addext",
                "subjectAltName=DNS:gateway.example",
            ])
            .arg("-keyout")
            .arg(&key)
            .arg("-out")
            .arg(&certificate);
    });
    assert_eq!(made.code, 0, "{}", made.err());
    let mut pem = std::fs::read(&certificate).unwrap();
    pem.extend(std::fs::read(&key).unwrap());
    std::fs::write(&both, pem).unwrap();
    let path = |path: &Path| path.to_str().unwrap().to_owned();
    let (key, certificate, both) = (path(&key), path(&certificate), path(&both));

    let machine = Upstream::start(folder.path());
    let at = Listeners::free();
    let settings = [
        ("RELAY_SCHEME", "https"),
        ("RELAY_CERTIFICATE", certificate.as_str()),
        ("RELAY_KEY", key.as_str()),
        ("GATEWAY_SCHEME", "https"),
        ("GATEWAY_CERTIFICATE", both.as_str()),
        ("GATEWAY_NAME", "gateway.example"),
        ("GATEWAY_AUTHORITY", certificate.as_str()),
    ];
    let edge = Edge::start(
        folder.path(),
        at,
        at.gateway_session,
        at.gateway_oneshot,
        machine.address(),
        &settings,
    );

    let request = post(
        "/ohttp",
        &[("Content-Type", "message/ohttp-req")],
        &[1; 300],
    );
    let bytes =
        tls::send_inside(at.relay_oneshot, b"http/1.1", &request, PATIENCE).expect("TLS 1.3");
    let answer = Answer::parse(&bytes).expect("an answer");
    assert_eq!(
        (answer.status, answer.body.as_slice()),
        (200, ANSWER),
        "{answer:?}"
    );

    for listener in [at.relay_oneshot, at.gateway_oneshot] {
        for (version, accepted) in [("-tls1_3", true), ("-tls1_2", false)] {
            let client = run(&programs::system("openssl"), b"", PATIENCE, |command| {
                command.args(["s_client", version, "-connect", &listener.to_string()]);
            });
            assert_eq!(
                client.code == 0,
                accepted,
                "{listener} {version}: {}",
                client.err()
            );
        }
    }
    drop(edge);

    // The relay verifies the gateway's name, and stays silent towards one that has another.
    let other = Folder::new();
    let at = Listeners::free();
    let mut settings = settings;
    settings[5] = ("GATEWAY_NAME", "other.example");
    let _edge = Edge::start(
        other.path(),
        at,
        at.gateway_session,
        at.gateway_oneshot,
        machine.address(),
        &settings,
    );
    let bytes =
        tls::send_inside(at.relay_oneshot, b"http/1.1", &request, PATIENCE).expect("TLS 1.3");
    assert_eq!(Answer::parse(&bytes).expect("an answer").status, 502);
    assert_eq!(machine.arrived().len(), 1, "nothing more has arrived");
}
