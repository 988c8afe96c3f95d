//! The `cloister` command as people run it: exit codes, what goes to which stream, and what never appears on any.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod mock;

use mock::Mock;
use mock::device::{MARK, Setting, owned, run};
use mock::enclave::{Trick, lab};

#[tokio::test]
async fn ask_prints_the_summary_and_with_v_the_trail() {
    let setting = Setting::with(Trick::None).await;
    let quiet = setting.ask(&[]).await;
    assert_eq!(quiet.code, 0, "{}", quiet.err);
    assert_eq!(quiet.out, format!("SIMULATED Ana wrote: {MARK} at nine\n"));

    let loud = setting.ask(&["-v"]).await;
    assert_eq!(loud.out, quiet.out);
    assert!(
        loud.err.lines().all(|line| line.starts_with("SIMULATED ")),
        "{}",
        loud.err
    );
    for part in [
        "passed  binding.report-data",
        "sealed 5239 bytes under X-Wing",
        "fresh by nonce",
        "release 0.1.0",
    ] {
        assert!(loud.err.contains(part), "{part}: {}", loud.err);
    }
    assert!(!loud.err.contains(MARK));
}

#[tokio::test]
async fn json_is_one_object() {
    let setting = Setting::with(Trick::None).await;
    let run = setting.ask(&["--json"]).await;
    let object = run.json();
    assert_eq!(run.out.lines().count(), 1);
    assert_eq!(object["summary"], format!("Ana wrote: {MARK} at nine"));
    assert_eq!(object["highlights"][0]["author"], "Ana");
    assert_eq!(object["way"], "session");
    assert_eq!(object["release"], "0.1.0");
    assert_eq!(object["simulated"], true);
    assert!(object["trail"].as_array().unwrap().len() > 20);
    assert!(run.err.is_empty(), "{}", run.err);
}

#[tokio::test]
async fn standard_input_and_plain_text_work() {
    let setting = Setting::with(Trick::None).await;
    let gateway = setting.mock.endpoint.to_string();
    let line = owned(&["ask", "-", "--plain", "--gateway", &gateway]);
    let run = run(
        [line, setting.trust()].concat(),
        b"{braces are text".to_vec(),
    )
    .await;
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.contains("{braces are text"));
}

#[tokio::test]
async fn a_failed_check_is_named_and_nothing_is_sent() {
    let setting = Setting::with(Trick::ForeignExporter).await;
    let refused = setting.ask(&[]).await;
    assert_eq!(refused.code, 1);
    assert!(refused.out.is_empty());
    assert!(
        refused.err.contains("FAILED  binding.report-data"),
        "{}",
        refused.err
    );
    assert!(refused.err.contains("expected ") && refused.err.contains("found "));
    assert!(refused.err.contains("nothing was sent"));
    assert!(setting.enclave.received().is_empty());

    let object = setting.ask(&["--json"]).await.json();
    assert_eq!(object["error"]["code"], 1);
    assert_eq!(object["error"]["sent"], false);
    assert_eq!(object["failed"][0]["rule"], "binding.report-data");
}

#[tokio::test]
async fn another_initrd_is_explained() {
    let setting = Setting::with(Trick::None).await;
    let other = setting.publish("other.json", &lab().other_release);
    let gateway = setting.mock.endpoint.to_string();
    let line = [
        "ask",
        &setting.thread,
        "--gateway",
        &gateway,
        "--release",
        &other,
        "--danger-accept-simulated",
        &setting.root,
    ];
    let run = run([owned(&line), setting.log()].concat(), Vec::new()).await;
    assert_eq!(run.code, 1);
    assert!(
        run.err.contains("FAILED  release.measurement"),
        "{}",
        run.err
    );
    assert!(
        run.err.contains("the initrd differs: expected SHA-256"),
        "{}",
        run.err
    );
    assert!(run.err.contains("nothing was sent"));
    assert!(setting.enclave.received().is_empty());
}

#[tokio::test]
async fn simulated_evidence_needs_its_flag() {
    let setting = Setting::with(Trick::None).await;
    let gateway = setting.mock.endpoint.to_string();
    let line = [
        "ask",
        &setting.thread,
        "--gateway",
        &gateway,
        "--release",
        &setting.release,
    ];
    let run = run([owned(&line), setting.log()].concat(), Vec::new()).await;
    assert_eq!(run.code, 1);
    assert!(run.err.contains("FAILED  evidence.kind"), "{}", run.err);
    assert!(
        run.err.lines().all(|line| line.starts_with("SIMULATED ")),
        "{}",
        run.err
    );
}

#[tokio::test]
async fn each_sort_of_failure_has_its_code() {
    use cloister_wire::problem::Problem;
    for (trick, code) in [
        (Trick::KeysWithTail, 1),
        (Trick::EvidenceCut, 1),
        (Trick::OuterStatus(502), 3),
        (Trick::ReplyProblem(Problem::Busy), 4),
        (Trick::ReplyCut, 5),
        (Trick::ReplyPaddedWithOnes, 5),
    ] {
        let setting = Setting::with(trick.clone()).await;
        let run = setting.ask(&[]).await;
        assert_eq!(run.code, code, "{trick:?}: {}", run.err);
        assert!(run.out.is_empty());
        assert!(!run.err.contains(MARK), "{trick:?}");
        let sent = !setting.enclave.received().is_empty() || matches!(trick, Trick::OuterStatus(_));
        assert_eq!(
            !sent,
            run.err.contains("nothing was sent"),
            "{trick:?}: {}",
            run.err
        );
    }
}

#[tokio::test]
async fn input_and_usage_are_judged_before_anybody_is_spoken_to() {
    let setting = Setting::with(Trick::None).await;
    let gateway = setting.mock.endpoint.to_string();
    let broken = setting.folder.file(
        "broken.json",
        format!("{{\n\"messages\":[{{\"author\":\"{MARK}\"}}]}}").as_bytes(),
    );
    let no_state = setting.folder.file("state.json", b"{}");
    let missing = setting.folder.path("missing");
    for (line, words) in [
        (
            vec![
                "ask",
                &broken,
                "--gateway",
                &gateway,
                "--release",
                &setting.release,
            ],
            "line 2, column",
        ),
        (
            vec![
                "ask",
                &missing,
                "--gateway",
                &gateway,
                "--release",
                &setting.release,
            ],
            "can't read",
        ),
        (
            vec![
                "ask",
                &setting.thread,
                "--gateway",
                &gateway,
                "--release",
                &setting.release,
                "--log-state",
                &no_state,
            ],
            "state.json",
        ),
        (
            vec!["ask", &setting.thread, "--gateway", &gateway],
            "--release",
        ),
        (
            vec![
                "ask",
                &setting.thread,
                "--gateway",
                &gateway,
                "--release",
                &setting.release,
                "--policy",
                "authentic",
            ],
            "authentic",
        ),
        (
            vec![
                "ask",
                &setting.thread,
                "--gateway",
                &gateway,
                "--release",
                &setting.release,
                "--policy",
                &broken,
            ],
            "policy",
        ),
        (
            vec![
                "ask",
                &setting.thread,
                "--gateway",
                &gateway,
                "--release",
                &setting.release,
                "--log-policy",
                &broken,
            ],
            "the log policy cannot be read",
        ),
        (
            vec![
                "ask",
                &setting.thread,
                "--gateway",
                &gateway,
                "--release",
                &setting.release,
                "--danger-accept-simulated",
                &broken,
            ],
            "broken.json",
        ),
        (
            vec![
                "ask",
                &setting.thread,
                "--gateway",
                &gateway,
                "--release",
                &setting.release,
                "--length",
                "21",
            ],
            "21",
        ),
        (
            vec![
                "ask",
                &setting.thread,
                "--relay",
                "http://relay.example/",
                "--bundle",
                &missing,
                "--release",
                &setting.release,
            ],
            "loopback",
        ),
        (vec!["verify", "--release", &setting.release], "exactly one"),
        (vec!["verify", "--case", &missing], "can't read"),
        (vec!["frobnicate"], "frobnicate"),
    ] {
        let run = run(owned(&line), Vec::new()).await;
        assert_eq!(run.code, 2, "{line:?}: {}", run.err);
        assert!(run.err.contains(words), "{line:?}: {}", run.err);
        assert!(!run.err.contains(MARK), "{line:?}: {}", run.err);
    }
    assert!(setting.mock.seen().is_empty());
}

#[tokio::test]
async fn nobody_at_the_address_is_a_network_failure() {
    let setting = Setting::with(Trick::None).await;
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
        .to_string();
    let run = setting
        .run(&["ask", &setting.thread], &["--gateway", &free])
        .await;
    assert_eq!(run.code, 3);
    assert!(
        run.err.contains("could not connect") && run.err.contains("nothing was sent"),
        "{}",
        run.err
    );
}

#[tokio::test]
async fn a_summary_can_not_steer_the_terminal() {
    let setting = Setting::with(Trick::HostileSummary).await;
    let run = setting.ask(&[]).await;
    assert_eq!(run.out, "SIMULATED first\nSIMULATED second drawkcab\n");
    // Programs get it as it is, escaped by JSON.
    let object = setting.ask(&["--json"]).await.json();
    assert!(object["summary"].as_str().unwrap().contains('\u{1b}'));
}

#[tokio::test]
async fn a_bundle_is_fetched_checked_and_used_for_one_shot() {
    let setting = Setting::with(Trick::None).await;
    let gateway = setting.mock.endpoint.to_string();
    let out = setting.folder.path("bundle.json");
    let run = setting
        .run(&["bundle"], &["--gateway", &gateway, "--out", &out, "-v"])
        .await;
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.err.contains("binding.lifetime"), "{}", run.err);

    let run = setting
        .run(&["verify", "--bundle", &out], &["--json"])
        .await;
    assert_eq!(run.code, 0, "{}", run.err);
    assert_eq!(run.json()["way"], "one-shot");

    let relay = Mock::start_plain(setting.enclave.handler()).await;
    let url = format!("http://{}/relay", relay.endpoint);
    let run = setting
        .run(
            &["ask", &setting.thread],
            &["--relay", &url, "--bundle", &out, "-v"],
        )
        .await;
    assert_eq!(run.code, 0, "{}", run.err);
    assert!(run.out.contains(MARK));
    assert!(run.err.contains("fresh by expiry"), "{}", run.err);
    assert_eq!(relay.seen(), ["POST /relay"]);
}

#[tokio::test]
async fn a_bad_bundle_is_not_written_and_not_used() {
    for trick in [
        Trick::BundleExpired,
        Trick::BundleOfAnotherKey,
        Trick::BundleWithTail,
    ] {
        let setting = Setting::with(trick.clone()).await;
        let gateway = setting.mock.endpoint.to_string();
        let out = setting.folder.path("bundle.json");
        let run = setting
            .run(&["bundle"], &["--gateway", &gateway, "--out", &out])
            .await;
        assert_eq!(run.code, 1, "{trick:?}: {}", run.err);
        assert!(!std::path::Path::new(&out).exists());

        let file = setting.folder.file("bad.json", &setting.enclave.bundle());
        let relay = Mock::start_plain(setting.enclave.handler()).await;
        let url = format!("http://{}/relay", relay.endpoint);
        let run = setting
            .run(
                &["ask", &setting.thread],
                &["--relay", &url, "--bundle", &file],
            )
            .await;
        assert_eq!(run.code, 1, "{trick:?}: {}", run.err);
        assert!(run.err.contains("nothing was sent"));
        assert!(relay.seen().is_empty());
    }
}

#[tokio::test]
async fn verify_judges_a_live_service_and_sends_nothing() {
    let setting = Setting::with(Trick::None).await;
    let gateway = setting.mock.endpoint.to_string();
    let run = setting
        .run(&["verify"], &["--gateway", &gateway, "--json"])
        .await;
    assert_eq!(run.code, 0, "{}", run.err);
    let object = run.json();
    assert_eq!(object["verdict"], "accept");
    assert_eq!(object["platform"], "SIMULATED");
    assert_eq!(object["product"], "Genoa");
    assert_eq!(object["failed"].as_array().unwrap().len(), 0);
    assert_eq!(object["fields"]["vmpl"], 0);

    let run = setting
        .run(&["verify"], &["--gateway", &gateway, "-v"])
        .await;
    assert!(run.out.contains("accepted: release 0.1.0"), "{}", run.out);
    assert!(run.out.lines().all(|line| line.starts_with("SIMULATED ")));

    let setting = Setting::with(Trick::OldNonce).await;
    let gateway = setting.mock.endpoint.to_string();
    let run = setting.run(&["verify"], &["--gateway", &gateway]).await;
    assert_eq!(run.code, 1);
    assert!(run.out.contains("REFUSED"), "{}", run.out);
    assert!(setting.enclave.received().is_empty());
}

#[tokio::test]
async fn help_names_the_exit_codes() {
    for line in [
        vec!["--help"],
        vec!["ask", "--help"],
        vec!["verify", "--help"],
        vec!["bundle", "--help"],
    ] {
        let run = run(owned(&line), Vec::new()).await;
        assert_eq!(run.code, 0);
        assert!(run.out.contains("Exit codes:"), "{line:?}");
    }
}
