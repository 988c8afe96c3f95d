//! Promise 6 at the command: what is not published by the word of a log and its witnesses is refused before anybody is spoken to, each
//! for its own rule; and what was accepted once is not taken back.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod mock;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use cloister_verify::UnixTime;
use cloister_verify::log::{Algorithm, Kind, MAX_PROOF_FILE, Note, Proof};
use mock::device::{Run, Setting, owned, published, run, run_with};
use mock::enclave::{Trick, lab, now};
use mock::scene::{DAY, Key, Scene};
use mock::{Mock, Tls, publish};

/// What the command was refused for: one failed rule, named on both outputs, with what was expected and found.
#[track_caller]
fn refused(run: &Run, rule: &str, expected: &str, found: &str) {
    assert_eq!(run.code, 1, "{}{}", run.out, run.err);
    assert!(run.out.is_empty(), "{}", run.out);
    let plain = |line| str::strip_prefix(line, "SIMULATED ").unwrap_or(line);
    let lines: Vec<&str> = run.err.lines().map(plain).collect();
    let line = lines
        .iter()
        .find(|line| line.starts_with(&format!("FAILED  {rule}: ")))
        .unwrap_or_else(|| panic!("{rule}: {}", run.err));
    assert!(
        line.contains(&format!("expected {expected}")) && line.contains(&format!("found {found}")),
        "{line}"
    );
    assert_eq!(lines.last(), Some(&"nothing was sent"));
}

#[track_caller]
fn refused_json(run: &Run, rule: &str) {
    assert_eq!(run.code, 1, "{}{}", run.out, run.err);
    let object = run.json();
    assert_eq!(object["error"]["fault"], "verification");
    assert_eq!(object["error"]["sent"], false);
    let failed = object["failed"].as_array().unwrap();
    let step = failed.iter().find(|step| step["rule"] == rule).unwrap();
    assert!(step["expected"].is_string() && step["found"].is_string());
}

impl Setting {
    /// Each command that believes something refuses for this rule, and nobody hears of it.
    async fn refuses(&self, rule: &str, expected: &str, found: &str) {
        let gateway = self.mock.endpoint.to_string();
        let out = self.folder.path("never.json");
        refused(&self.ask(&[]).await, rule, expected, found);
        refused_json(&self.ask(&["--json"]).await, rule);
        let at = ["--gateway", &gateway];
        refused(&self.run(&["verify"], &at).await, rule, expected, found);
        let json = [&at[..], &["--json"]].concat();
        refused_json(&self.run(&["verify"], &json).await, rule);
        let bundle = [&at[..], &["--out", &out]].concat();
        refused(&self.run(&["bundle"], &bundle).await, rule, expected, found);
        let keys = self.folder.file("keys.json", &self.enclave.bundle());
        let one_shot = ["--relay", "http://127.0.0.1:9/", "--bundle", &keys];
        let run = self.run(&["ask", &self.thread], &one_shot).await;
        refused(&run, rule, expected, found);
        let run = self.run(&["verify"], &["--bundle", &keys]).await;
        refused(&run, rule, expected, found);
        assert!(self.mock.seen().is_empty(), "{:?}", self.mock.seen());
        assert!(!Path::new(&out).exists() && !Path::new(&self.state).exists());
    }

    fn remembered(&self) -> String {
        fs::read_to_string(&self.state).unwrap()
    }
}

/// A release that is published with one change.
async fn changed(change: impl FnOnce(&mut Scene)) -> Setting {
    let setting = Setting::with(Trick::None).await;
    setting.publish_anew(change);
    setting
}

#[tokio::test]
async fn a_published_release_is_shown_with_its_place_in_the_log() {
    let setting = Setting::with(Trick::None).await;
    let run = setting.ask(&["-v"]).await;
    assert_eq!(run.code, 0, "{}", run.err);
    let line = run
        .err
        .lines()
        .find(|line| line.contains("release.published"));
    let line = line.unwrap();
    for part in [
        "passed",
        "release 0.1.0: entry 4 of log.example/one at size 7",
        "cosigned by w1.example at 20",
        " and w2.example at 20",
        "s old, at most 604800 s",
    ] {
        assert!(line.contains(part), "{part}: {line}");
    }
    let gateway = setting.mock.endpoint.to_string();
    let asked = setting.ask(&["--json"]).await;
    let at = ["--gateway", &gateway, "--json"];
    let verified = setting.run(&["verify"], &at).await;
    for object in [asked.json(), verified.json()] {
        let one = &object["published"][0];
        assert_eq!(one["kind"], "image-release");
        assert_eq!(one["log"], "log.example/one");
        assert_eq!(one["name"], "release.json");
        assert_eq!(one["index"], 4);
        assert_eq!(one["size"], 7);
        assert_eq!(one["witnesses"][1]["name"], "w2.example");
        assert_eq!(one["witnesses"][1]["time"], one["witnessed"]);
        assert_eq!(one["maximum_age"], 604_800);
        assert!((60..600).contains(&one["age"].as_u64().unwrap()), "{one}");
        let trail = object["trail"].as_array().unwrap();
        let step = trail
            .iter()
            .find(|step| step["rule"] == "release.published");
        assert_eq!(step.unwrap()["outcome"], "passed");
    }
    assert_eq!(
        object_of(&setting.remembered()),
        [("image-release".to_owned(), 4)]
    );
}

/// Series and place of each line of a state file.
fn object_of(state: &str) -> Vec<(String, u64)> {
    let state: serde_json::Value = serde_json::from_str(state).unwrap();
    let accepted = state["accepted"].as_array().unwrap();
    let line = |line: &serde_json::Value| {
        assert_eq!(line["log"], "log.example/one");
        let series = line["series"].as_str().unwrap().to_owned();
        (series, line["index"].as_u64().unwrap())
    };
    accepted.iter().map(line).collect()
}

#[tokio::test]
async fn a21_no_log_is_believed_unless_it_is_named() {
    let setting = Setting::with(Trick::None).await;
    let gateway = setting.mock.endpoint.to_string();
    let built_in = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../measurements/policy/log.toml"
    );
    for policy in [&[][..], &["--log-policy", built_in]] {
        let line = [
            &[
                "ask",
                &setting.thread,
                "--gateway",
                &gateway,
                "--release",
                &setting.release,
            ][..],
            &[
                "--danger-accept-simulated",
                &setting.root,
                "--log-state",
                &setting.state,
            ],
            policy,
        ]
        .concat();
        let run = run(owned(&line), Vec::new()).await;
        let nothing = "nothing: the policy lists no log";
        refused(&run, "log.checkpoint.origin", nothing, "log.example/one");
        refused(
            &run,
            "log.witness.quorum",
            "nobody: the policy knows no witness",
            "none of them",
        );
        assert!(
            run.err.contains("why: the log policy lists no log"),
            "{}",
            run.err
        );
        assert!(run.err.contains("--log-policy FILE"), "{}", run.err);
    }
    assert!(setting.mock.seen().is_empty());
}

#[tokio::test]
async fn a21_a_missing_proof_is_no_proof() {
    let setting = Setting::with(Trick::None).await;
    let proof = format!("{}.tlog-proof", setting.release);
    fs::remove_file(&proof).unwrap();
    setting
        .refuses("log.proof.present", &proof, "no such file")
        .await;
    // Nor is an empty one.
    fs::write(proof, "").unwrap();
    setting
        .refuses("log.proof.format", "a tlog-proof v1", "no checkpoint")
        .await;
}

#[tokio::test]
async fn a51_a_proof_that_is_too_long_is_refused() {
    let setting = Setting::with(Trick::None).await;
    let proof = setting.folder.path("release.json.tlog-proof");
    let mut bytes = fs::read(&proof).unwrap();
    bytes.resize(MAX_PROOF_FILE + 1, b'\n');
    fs::write(proof, bytes).unwrap();
    setting
        .refuses(
            "log.proof.format",
            "a tlog-proof v1",
            "a proof that is too long",
        )
        .await;
}

#[tokio::test]
async fn a23_a_proof_for_other_bytes_is_refused() {
    let setting = changed(|scene| scene.file.push(b'\n')).await;
    setting.refuses("log.entry.file", "", "").await;
    // The name is the one of the file at hand, whatever its bytes.
    let setting = changed(|scene| scene.entry.name = mock::scene::word("release-sim.json")).await;
    setting
        .refuses("log.entry.name", "release.json", "release-sim.json")
        .await;
}

#[tokio::test]
async fn a26_a_proof_of_another_kind_is_refused() {
    let setting = changed(|scene| scene.entry.kind = Kind::MachineList).await;
    setting
        .refuses("log.entry.kind", "image-release", "machine-list")
        .await;
}

#[tokio::test]
async fn a26_a_proof_of_another_log_is_refused() {
    let setting = changed(|scene| {
        scene.log = Key::new("log.example/two", Algorithm::Ed25519, 1);
    })
    .await;
    setting
        .refuses(
            "log.checkpoint.origin",
            "log.example/one",
            "log.example/two",
        )
        .await;
}

#[tokio::test]
async fn a26_a_published_file_that_is_no_release_is_refused() {
    let setting = changed(|scene| {
        *scene = Scene::of_file(Kind::ImageRelease, "release.json", "0.1.0", b"{}", now());
    })
    .await;
    setting
        .refuses(
            "release.format",
            "a release file",
            "release file: missing field",
        )
        .await;
}

#[tokio::test]
async fn a27_an_expired_proof_is_refused() {
    let old = now() - 8 * DAY;
    let setting = changed(|scene| scene.witnesses[0].1 = old).await;
    let found = UnixTime(old).to_string();
    setting.refuses("log.witness.age", "", &found).await;
    let run = setting.ask(&[]).await;
    assert!(
        run.err.contains("why: the proof has expired"),
        "{}",
        run.err
    );
}

#[tokio::test]
async fn a28_too_few_witnesses_are_refused() {
    let setting = changed(|scene| scene.witnesses.truncate(1)).await;
    let expected = "at least 2 of (w1.example, w2.example, w3.example)";
    setting
        .refuses("log.witness.quorum", expected, "w1.example")
        .await;
}

#[tokio::test]
async fn a28_a_split_view_is_refused() {
    // The log signs a tree for this device alone, under the signatures of witnesses who have seen another one.
    let setting = changed(|scene| {
        scene.lines = Box::new(|lines| {
            let mut other = publish::scene(&lab().release, now());
            other.leaves = vec![[7; 32]; 7];
            let proof = Proof::parse(&other.file()).unwrap();
            let seen = Note::parse(&proof.checkpoint).unwrap().signatures;
            lines.splice(1.., seen.into_iter().skip(1));
        });
    })
    .await;
    let found = "w1.example: a false one, w2.example: a false one";
    setting
        .refuses(
            "log.witness.signatures",
            "valid signatures, one of each",
            found,
        )
        .await;
}

#[tokio::test]
async fn a27_what_was_accepted_is_not_taken_back() {
    let setting = Setting::with(Trick::None).await;
    assert_eq!(setting.ask(&[]).await.code, 0);
    let mode = fs::metadata(&setting.state).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let state = setting.remembered();
    let seen = setting.mock.seen().len();

    // The same release and log, an older entry, and a proof as fresh as can be.
    setting.publish_anew(|scene| scene.index = 3);
    for json in [false, true] {
        let more: &[&str] = if json { &["--json"] } else { &[] };
        let run = setting.ask(more).await;
        if json {
            refused_json(&run, "log.index.remembered");
        } else {
            let found = "entry 3 of log.example/one";
            refused(&run, "log.index.remembered", "entry 4 or later", found);
            assert!(
                run.err.contains("why: a newer file of this log"),
                "{}",
                run.err
            );
        }
    }
    let gateway = setting.mock.endpoint.to_string();
    let run = setting.run(&["verify"], &["--gateway", &gateway]).await;
    refused(&run, "log.index.remembered", "entry 4 or later", "entry 3");
    assert_eq!(setting.mock.seen().len(), seen, "nobody was spoken to");
    assert_eq!(setting.remembered(), state);

    // A newer one is welcome, and then the first one is the older one.
    setting.publish_anew(|scene| scene.index = 6);
    assert_eq!(setting.ask(&[]).await.code, 0);
    setting.publish_anew(|_| {});
    refused(
        &setting.ask(&[]).await,
        "log.index.remembered",
        "entry 6 or later",
        "entry 4",
    );
}

#[tokio::test]
async fn a27_two_releases_are_accepted_as_long_as_both_are_named() {
    let setting = Setting::with(Trick::None).await;
    let mut scene = publish::scene(&lab().other_release, now());
    (scene.index, scene.entry.name) = (6, mock::scene::word("newer.json"));
    let newer = published(&setting.folder, "newer.json", &scene);
    for _ in 0..2 {
        assert_eq!(setting.ask(&["--release", &newer]).await.code, 0);
        assert_eq!(
            object_of(&setting.remembered()),
            [("image-release".to_owned(), 4)]
        );
    }
}

#[tokio::test]
async fn a27_a_refused_machine_is_not_remembered() {
    let setting = Setting::with(Trick::ForeignExporter).await;
    assert_eq!(setting.ask(&[]).await.code, 1);
    assert!(!Path::new(&setting.state).exists());
}

#[tokio::test]
async fn a27_what_can_not_be_remembered_is_not_used() {
    let setting = Setting::with(Trick::None).await;
    // The folder of the state file is a file.
    setting.folder.file("state", b"");
    let run = setting.ask(&[]).await;
    assert_eq!(run.code, 2, "{}", run.err);
    assert!(
        run.err.contains("nothing was sent") && run.err.contains("published.json"),
        "{}",
        run.err
    );
    assert!(setting.enclave.received().is_empty());

    let setting = Setting::with(Trick::None).await;
    assert_eq!(setting.ask(&[]).await.code, 0);
    let (asked, good) = (setting.enclave.received().len(), setting.remembered());
    for (bytes, mode, words) in [
        ("", 0o600, "expected the JSON"),
        ("{\"accepted\":[]}x", 0o600, "line 1, column 16"),
        (&" ".repeat(70_000), 0o600, "at most"),
        (&good, 0o620, "chmod 600"),
        (&good, 0o604, "chmod 600"),
    ] {
        fs::write(&setting.state, bytes).unwrap();
        fs::set_permissions(&setting.state, fs::Permissions::from_mode(mode)).unwrap();
        let run = setting.ask(&[]).await;
        assert_eq!(run.code, 2, "{}", run.err);
        assert!(
            run.err.contains(words) && run.err.contains("nothing was sent"),
            "{}",
            run.err
        );
    }
    assert_eq!(setting.enclave.received().len(), asked);
}

#[tokio::test]
async fn a27_what_another_command_accepted_meanwhile_counts() {
    let mut setting = Setting::with(Trick::None).await;
    let (handler, state) = (setting.enclave.handler(), setting.state.clone());
    setting.mock = Mock::start(
        Tls::default(),
        Arc::new(move |facts, what, body| {
            if what == "POST /attest" {
                let text = r#"{"accepted":[{"log":"log.example/one","series":"image-release","index":5}]}"#;
                fs::create_dir_all(Path::new(&state).parent().unwrap()).unwrap();
                fs::write(&state, text).unwrap();
                fs::set_permissions(&state, fs::Permissions::from_mode(0o600)).unwrap();
            }
            handler(facts, what, body)
        }),
    )
    .await;
    let run = setting.ask(&[]).await;
    refused(&run, "log.index.remembered", "entry 5 or later", "entry 4");
    assert!(setting.enclave.received().is_empty());
}

#[tokio::test]
async fn the_state_lies_in_the_folder_for_state() {
    let setting = Setting::with(Trick::None).await;
    let gateway = setting.mock.endpoint.to_string();
    let line = [
        &[
            "verify",
            "--gateway",
            &gateway,
            "--release",
            &setting.release,
        ][..],
        &[
            "--danger-accept-simulated",
            &setting.root,
            "--log-policy",
            &setting.policy,
        ],
    ]
    .concat();
    let home = setting.folder.path("home");
    for (name, place) in [
        ("XDG_STATE_HOME", "home/cloister/published.json"),
        ("HOME", "home/.local/state/cloister/published.json"),
    ] {
        let mut environment = vec![("HOME", None), ("XDG_STATE_HOME", None)];
        environment.push((name, Some(home.clone())));
        let run = run_with(owned(&line), Vec::new(), &environment).await;
        assert_eq!(run.code, 0, "{}{}", run.out, run.err);
        let file = setting.folder.path(place);
        assert_eq!(object_of(&fs::read_to_string(file).unwrap()).len(), 1);
    }
    // A relative one does not count, and without any there is no place.
    let nowhere = [("HOME", None), ("XDG_STATE_HOME", Some("here".to_owned()))];
    let run = run_with(owned(&line), Vec::new(), &nowhere).await;
    assert_eq!(run.code, 2);
    assert!(run.err.contains("--log-state"), "{}", run.err);
}

/// A file beside the release, at a place of its own in the log.
fn beside(setting: &Setting, kind: Kind, name: &str, text: &str, index: u64) -> String {
    let mut scene = Scene::of_file(kind, name, "2026-11-23", text.as_bytes(), now());
    scene.index = index;
    published(&setting.folder, name, &scene)
}

#[tokio::test]
async fn machines_and_floors_are_published_too() {
    let setting = Setting::with(Trick::None).await;
    let amd = include_str!("../../measurements/policy/amd-floors.toml");
    let intel = include_str!("../../measurements/policy/intel-floors.toml");
    let machines = "machines = []\n";
    let files = [
        (
            "--amd-floors",
            beside(&setting, Kind::Floors, "amd-floors.toml", amd, 1),
        ),
        (
            "--intel-floors",
            beside(&setting, Kind::Floors, "intel-floors.toml", intel, 2),
        ),
        (
            "--machines",
            beside(&setting, Kind::MachineList, "machines.toml", machines, 3),
        ),
    ];
    let line: Vec<&str> = files
        .iter()
        .flat_map(|(option, file)| [option, file.as_str()])
        .collect();
    let run = setting.ask(&[&["-v"], &line[..]].concat()).await;
    assert_eq!(run.code, 0, "{}", run.err);
    for part in [
        "log.published: a log has the file",
        "amd-floors.toml 2026-11-23: entry 1 of log.example/one",
        "intel-floors.toml 2026-11-23: entry 2 of log.example/one",
        "machines.toml 2026-11-23: entry 3 of log.example/one",
    ] {
        assert!(run.err.contains(part), "{part}: {}", run.err);
    }
    let object = setting.ask(&[&["--json"], &line[..]].concat()).await.json();
    assert_eq!(object["published"].as_array().unwrap().len(), 4);
    let expected = [
        ("floors amd-floors.toml", 1),
        ("floors intel-floors.toml", 2),
        ("image-release", 4),
        ("machine-list", 3),
    ];
    assert_eq!(
        object_of(&setting.remembered()),
        expected.map(|(series, index)| (series.to_owned(), index))
    );

    // Each of them is refused without its proof, with the proof of another kind, and when it is older.
    let seen = setting.mock.seen().len();
    for (option, file) in &files {
        let (proof, good) = (
            format!("{file}.tlog-proof"),
            fs::read(format!("{file}.tlog-proof")).unwrap(),
        );
        fs::remove_file(&proof).unwrap();
        refused(
            &setting.ask(&[option, file]).await,
            "log.proof.present",
            &proof,
            "no such file",
        );
        fs::write(&proof, good).unwrap();
    }
    let lowered = beside(&setting, Kind::Floors, "amd-floors.toml", amd, 0);
    let run = setting.ask(&["--amd-floors", &lowered]).await;
    refused(&run, "log.index.remembered", "entry 1 or later", "entry 0");
    let kind = beside(&setting, Kind::Floors, "machines.toml", machines, 3);
    let run = setting.ask(&["--machines", &kind]).await;
    refused(&run, "log.entry.kind", "machine-list", "floors");
    assert_eq!(setting.mock.seen().len(), seen);
}

#[tokio::test]
async fn floors_that_were_published_are_the_floors() {
    let setting = Setting::with(Trick::None).await;
    // A microcode level that no processor of the tests has.
    let floors = include_str!("../../measurements/policy/amd-floors.toml");
    let raised = floors.replace("at-least = 0x56", "at-least = 0xf0");
    assert_ne!(raised, floors);
    let file = beside(&setting, Kind::Floors, "amd-floors.toml", &raised, 1);
    let run = setting.ask(&["--amd-floors", &file]).await;
    assert_eq!(run.code, 1, "{}", run.err);
    assert!(run.err.contains("FAILED  snp.tcb"), "{}", run.err);
    assert!(setting.enclave.received().is_empty());
}
