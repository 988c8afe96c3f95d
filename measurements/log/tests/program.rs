//! The two programs as an operator runs them: keys, a log, witnesses on real sockets, proofs beside the files, and a device's verdict.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use cloister_verify::log::VerifierKey;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;
use support::{Folder, policy};

fn run(folder: &Folder, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_cloister-log"))
        .args(arguments)
        .current_dir(&folder.0)
        .output()
        .unwrap()
}

#[track_caller]
fn good(output: &Output) -> String {
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{error}{}",
        String::from_utf8_lossy(&output.stdout)
    );
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[track_caller]
fn bad(output: &Output, why: &str) {
    let said = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(!output.status.success() && said.contains(why), "{said}");
}

/// A witness's process, ended with the test.
struct Process(Child, String);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn witness(folder: &Folder, name: &str, log: &str) -> Process {
    let mut child = Command::new(env!("CARGO_BIN_EXE_cloister-witness"))
        .args([
            "--key",
            &format!("{name}.key"),
            "--state",
            &format!("{name}.state"),
            "--log",
            log,
        ])
        .current_dir(&folder.0)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let url = line.trim_end().rsplit(' ').next().unwrap().to_owned();
    Process(child, url)
}

/// Keys for a log and three witnesses, a policy for two of three, an empty log.
fn prepared(name: &str) -> (Folder, String) {
    let folder = Folder::new(name);
    let key = |name: &str, file: &str, more: &[&str]| {
        let line = [&["keygen", "--name", name, "--out", file], more].concat();
        good(&run(&folder, &line)).trim_end().to_owned()
    };
    let log = key("log.example/one", "log.key", &[]);
    let witnesses: Vec<VerifierKey> = ["w1", "w2", "w3"]
        .iter()
        .map(|w| {
            let text = key(&format!("{w}.example"), &format!("{w}.key"), &["--witness"]);
            VerifierKey::parse(&text).unwrap()
        })
        .collect();
    let text = policy(&VerifierKey::parse(&log).unwrap(), &witnesses, 2);
    fs::write(folder.at("log.toml"), text).unwrap();
    good(&run(&folder, &["init", "--log", "log", "--key", "log.key"]));
    fs::write(folder.at("release.json"), "{\"release\":\"0.1.0\"}\n").unwrap();
    fs::write(folder.at("machines.toml"), "machines = []\n").unwrap();
    (folder, log)
}

const PLACE: [&str; 4] = ["--log", "log", "--key", "log.key"];

fn add(folder: &Folder, kind: &str, version: &str, file: &str) -> Output {
    run(
        folder,
        &[
            &["add"],
            &PLACE[..],
            &["--kind", kind, "--version", version, file],
        ]
        .concat(),
    )
}

fn publish(folder: &Folder, witnesses: &[&Process], file: &[&str]) -> Output {
    let mut line = [&["publish"], &PLACE[..], &["--policy", "log.toml"]].concat();
    for Process(_, url) in witnesses {
        line.extend(["--witness", url]);
    }
    line.extend(file);
    run(folder, &line)
}

fn verify(folder: &Folder, file: &str, kind: &str, more: &[&str]) -> Output {
    let proof = format!("{file}.tlog-proof");
    run(
        folder,
        &[&["verify", file, "--proof", &proof, "--kind", kind], more].concat(),
    )
}

#[test]
fn published_files_are_proven_to_a_device() {
    let (folder, log) = prepared("published");
    let release = [
        "--kind",
        "image-release",
        "--version",
        "0.1.0",
        "release.json",
    ];
    let machines = [
        "--kind",
        "machine-list",
        "--version",
        "2026-11-23",
        "machines.toml",
    ];
    assert_eq!(
        good(&add(&folder, "image-release", "0.1.0", "release.json")),
        "0 release.json\n"
    );
    assert_eq!(
        good(&add(&folder, "machine-list", "2026-11-23", "machines.toml")),
        "1 machines.toml\n"
    );
    // Once more changes nothing: the command can be repeated after any failure.
    assert_eq!(
        good(&add(&folder, "image-release", "0.1.0", "release.json")),
        "0 release.json\n"
    );
    good(&run(&folder, &[&["check"], &PLACE[..]].concat()));
    bad(
        &run(&folder, &[&["init"], &PLACE[..]].concat()),
        "there is a log",
    );

    // One witness is no quorum, and then nothing is published.
    let (w1, w2) = (witness(&folder, "w1", &log), witness(&folder, "w2", &log));
    bad(&publish(&folder, &[&w1], &release), "no quorum");
    bad(&publish(&folder, &[&w1, &w1], &release), "no quorum");
    assert!(
        !folder.at("log/checkpoint").exists() && !folder.at("release.json.tlog-proof").exists()
    );
    good(&publish(&folder, &[&w1, &w2], &release));
    good(&publish(&folder, &[&w1, &w2], &machines));

    let policy = ["--policy", "log.toml"];
    let said = good(&verify(&folder, "release.json", "image-release", &policy));
    assert_eq!(said.lines().count(), 15, "{said}");
    assert!(
        said.contains("published: release.json 0.1.0 as entry 0 of log.example/one"),
        "{said}"
    );
    good(&verify(&folder, "machines.toml", "machine-list", &policy));
    bad(
        &verify(&folder, "machines.toml", "image-release", &policy),
        "REFUSED: log.entry.kind\n",
    );
    bad(
        &verify(&folder, "release.json", "image-release", &[]),
        "log.witness.quorum",
    );
    let later = (cloister_log::serve::now().0 + 8 * 86_400).to_string();
    let later = [&policy[..], &["--at", &later]].concat();
    bad(
        &verify(&folder, "release.json", "image-release", &later),
        "REFUSED: log.witness.age\n",
    );
    let named = [&policy[..], &["--name", "release-sim.json"]].concat();
    bad(
        &verify(&folder, "release.json", "image-release", &named),
        "REFUSED: log.entry.name\n",
    );
    fs::write(folder.at("release.json"), "{}").unwrap();
    bad(
        &verify(&folder, "release.json", "image-release", &policy),
        "REFUSED: log.entry.file\n",
    );
    bad(
        &publish(&folder, &[&w1, &w2], &release),
        "no entry of this file",
    );
}

/// `measurements/publish`, the documented command, on a release file as `cloister-measure` writes it.
#[test]
fn a_release_is_published_with_one_command() {
    let (folder, log) = prepared("script");
    let (w1, w2) = (witness(&folder, "w1", &log), witness(&folder, "w2", &log));
    fs::write(
        folder.at("release.json"),
        "{\n  \"release\": \"0.1.0\",\n  \"flavour\": \"production\"\n}\n",
    )
    .unwrap();
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../publish");
    let publish = || {
        Command::new(&script)
            .args(["log", "log.key", "log.toml", "release.json", &w1.1, &w2.1])
            .env("CLOISTER_LOG", env!("CARGO_BIN_EXE_cloister-log"))
            .env("CLOISTER_RELEASES", folder.at("releases"))
            .current_dir(&folder.0)
            .output()
            .unwrap()
    };
    for _ in 0..2 {
        good(&publish());
        for (file, kind) in [
            ("release.json", "image-release"),
            ("machines.toml", "machine-list"),
            ("amd-floors.toml", "floors"),
            ("intel-floors.toml", "floors"),
        ] {
            let file = format!("releases/0.1.0/{file}");
            good(&verify(&folder, &file, kind, &["--policy", "log.toml"]));
        }
        let said = good(&run(&folder, &[&["check"], &PLACE[..]].concat()));
        assert!(said.contains("at size 4:"), "{said}");
    }
    // A release that was published does not change.
    fs::write(
        folder.at("release.json"),
        "{\n  \"release\": \"0.1.0\"\n}\n",
    )
    .unwrap();
    bad(&publish(), "a release is published once");
}

#[test]
fn a28_a_log_that_forks_or_goes_back_gets_no_witness() {
    let (folder, log) = prepared("forked");
    let (w1, w2) = (witness(&folder, "w1", &log), witness(&folder, "w2", &log));
    good(&add(&folder, "image-release", "0.1.0", "release.json"));
    copy(&folder.at("log"), &folder.at("backup"));
    good(&add(&folder, "machine-list", "1", "machines.toml"));
    good(&publish(&folder, &[&w1, &w2], &[]));
    // The folder is restored from before, and goes on elsewhere.
    fs::remove_dir_all(folder.at("log")).unwrap();
    copy(&folder.at("backup"), &folder.at("log"));
    bad(&publish(&folder, &[&w1, &w2], &[]), "ANOTHER HISTORY");
    good(&add(&folder, "machine-list", "2", "machines.toml"));
    bad(&publish(&folder, &[&w1, &w2], &[]), "ANOTHER HISTORY");
    good(&add(&folder, "machine-list", "3", "machines.toml"));
    bad(&publish(&folder, &[&w1, &w2], &[]), "ANOTHER HISTORY");
    assert!(!folder.at("log/checkpoint").exists());
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for file in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (from, to) = (file.path(), to.join(file.file_name()));
        if from.is_dir() {
            copy(&from, &to);
        } else {
            fs::copy(from, to).unwrap();
        }
    }
}

/// A writer that is killed at a moment that nobody chose, again and again, leaves a log that the next one goes on with.
#[test]
fn a_killed_writer_leaves_a_whole_log() {
    let (folder, _) = prepared("killed");
    let mut size = 0;
    for round in 0..12_u64 {
        let files: Vec<String> = (0..40).map(|n| format!("f-{round}-{n}")).collect();
        for file in &files {
            fs::write(folder.at(file), file).unwrap();
        }
        let names: Vec<&str> = files.iter().map(String::as_str).collect();
        let mut writer = Command::new(env!("CARGO_BIN_EXE_cloister-log"))
            .args(
                [
                    &["add"],
                    &PLACE[..],
                    &["--kind", "floors", "--version", "1"],
                    &names,
                ]
                .concat(),
            )
            .current_dir(&folder.0)
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(Duration::from_millis(15 + round * 11));
        writer.kill().unwrap();
        writer.wait().unwrap();
        let said = good(&run(&folder, &[&["check"], &PLACE[..]].concat()));
        let now: u64 = said
            .split("size ")
            .nth(1)
            .unwrap()
            .split(':')
            .next()
            .unwrap()
            .parse()
            .unwrap();
        assert!(now >= size, "the log has shrunk: {size}, {now}");
        size = now;
    }
    assert!(size > 0, "the writer never came to write");
    // It takes up where it was stopped, and what is there is not added twice.
    let last: Vec<String> = (0..40).map(|n| format!("f-11-{n}")).collect();
    let names: Vec<&str> = last.iter().map(String::as_str).collect();
    let line = [
        &["add"],
        &PLACE[..],
        &["--kind", "floors", "--version", "1"],
        &names,
    ]
    .concat();
    let first = good(&run(&folder, &line));
    assert_eq!(first.lines().count(), 40);
    assert_eq!(good(&run(&folder, &line)), first);
    good(&run(&folder, &[&["check"], &PLACE[..]].concat()));
}
