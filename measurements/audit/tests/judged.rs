//! A flaw in a proof, in a line of a policy or in a service's evidence fails the audit, and the line that fails names it.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use cloister_audit::live::{self, Service};
use cloister_audit::report::Mark;
use cloister_audit::{policy, published};
use cloister_verify::UnixTime;
use cloister_verify::log::Kind;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use support::log::{log_policy, prove};
use support::{NOW, Scene, changed, failed, flip, replace, scene};

#[test]
fn each_flaw_of_a_proof_is_named() {
    let scene = scene("log");
    let look_at =
        |now: UnixTime| published::section("0.1.0", Some(&scene.published), &log_policy(), now);
    let look = || failed(&look_at(NOW));
    let good = look_at(NOW);
    assert_eq!(failed(&good), Vec::<String>::new());
    assert_eq!(good.marked(Mark::NotShown).count(), 0);
    assert!(
        good.lines
            .iter()
            .filter(|line| line.says.contains("a quorum has seen the log"))
            .count()
            == 3
    );

    for name in ["release.json", "machines.toml", "amd-floors.toml"] {
        let proof = scene.published.join(format!("{name}.tlog-proof"));
        let seen = changed(&proof, flip, look);
        assert!(
            !seen.is_empty() && seen.iter().all(|subject| subject.starts_with(name)),
            "{seen:?}"
        );
        let seen = changed(&scene.published.join(name), flip, look);
        assert_eq!(
            seen,
            [format!(
                "{name}: the entry has the digest of the bytes at hand"
            )]
        );
        fs::rename(&proof, scene.tree.root.join("away")).unwrap();
        assert_eq!(look(), [name], "without a proof");
        fs::rename(scene.tree.root.join("away"), &proof).unwrap();
    }
    // Too old, unknown to the policy, for another kind, for another version.
    assert_eq!(failed(&look_at(UnixTime(NOW.0 + 86_400))).len(), 3);
    let nobody = cloister_verify::log::LogPolicy::production();
    let unknown = published::section("0.1.0", Some(&scene.published), &nobody, NOW);
    assert!(
        failed(&unknown)
            .iter()
            .any(|subject| subject.contains("is of a log that the policy lists"))
    );
    prove(&scene.published, "machines.toml", Kind::Floors, "0.1.0");
    assert!(
        look()
            .iter()
            .any(|subject| subject == "machines.toml: the entry is of the kind that is asked for")
    );
    prove(
        &scene.published,
        "machines.toml",
        Kind::MachineList,
        "0.0.9",
    );
    assert_eq!(look(), ["machines.toml: version"]);
    prove(
        &scene.published,
        "machines.toml",
        Kind::MachineList,
        "0.1.0",
    );
    fs::copy(
        scene.published.join("machines.toml.tlog-proof"),
        scene.published.join("more.toml.tlog-proof"),
    )
    .unwrap();
    assert_eq!(look(), ["more.toml.tlog-proof"]);
    fs::remove_file(scene.published.join("more.toml.tlog-proof")).unwrap();
    fs::remove_file(scene.published.join("release.json")).unwrap();
    assert_eq!(look(), ["release.json", "release.json.tlog-proof"]);
    let nothing = published::section("0.1.0", None, &log_policy(), NOW);
    assert_eq!(
        (
            failed(&nothing).len(),
            nothing.marked(Mark::NotShown).count()
        ),
        (0, 1)
    );
}

#[test]
fn each_line_of_a_policy_is_named() {
    let scene = scene("policy");
    let look_at = |now: UnixTime| {
        policy::section(
            &scene.tree,
            Some(&scene.published),
            now,
            policy::MAXIMUM_DAYS,
        )
    };
    let look = || failed(&look_at(NOW));
    assert_eq!(look(), Vec::<String>::new());
    let good = look_at(NOW);
    assert!(good.lines.len() > 150, "only {} lines", good.lines.len());
    let floors = scene.tree.root.join("measurements/policy/amd-floors.toml");
    let first = "amd-floors.toml floors[1]";
    for (from, to) in [
        (
            "source = \"second hand: EntrySign, PI 1.0.0.G\"",
            "source = \" \"",
        ),
        ("date = \"2026-11-23\"", "date = \"2025-11-23\""),
        ("date = \"2026-11-23\"", "date = \"2026-12-23\""),
    ] {
        let seen = changed(&floors, replace(from, to), look);
        assert!(
            seen.contains(&first.to_owned())
                && seen.contains(&"published amd-floors.toml".to_owned()),
            "{to}: {seen:?}"
        );
    }
    // A date that is none, or a missing one, makes the file unreadable for devices as well.
    for to in ["date = \"2026-02-30x\"", "day = \"2026-11-23\""] {
        let seen = changed(&floors, replace("date = \"2026-11-23\"", to), look);
        assert!(
            seen.contains(&first.to_owned())
                && seen.contains(&"production.toml with floors and machines".to_owned()),
            "{to}: {seen:?}"
        );
    }
    let seen = changed(&floors, replace("at-least = 0x17", "at-least = 0x07"), look);
    assert_eq!(seen, ["published amd-floors.toml"]);
    let machines = scene.tree.root.join("measurements/policy/machines.toml");
    let seen = changed(
        &machines,
        replace("machines = []", "machines = [ \"all\" ]"),
        look,
    );
    assert!(
        seen.contains(&"machines.toml machines[1]".to_owned()),
        "{seen:?}"
    );
    let rules = scene.tree.root.join("measurements/policy/production.toml");
    let seen = changed(
        &rules,
        replace("[snp.machine]\n", "[snp.machine]\nfree = true\n"),
        look,
    );
    assert!(
        seen.contains(&"production.toml snp.machine.free".to_owned()),
        "{seen:?}"
    );
    // Half a year later everything wants another look.
    let old = failed(&look_at(UnixTime(NOW.0 + 184 * 86_400)));
    assert!(old.len() > 150, "only {} lines are too old", old.len());
    assert_eq!(
        failed(&look_at(UnixTime(NOW.0 + 180 * 86_400))),
        Vec::<String>::new()
    );
}

/// A client of the test's own: prints what it is told and exits so.
fn client(scene: &Scene, prints: &str, code: u8) -> Service {
    let path = scene.tree.root.join("client");
    fs::write(
        &path,
        format!(
            "#!/bin/sh\necho \"$@\" >\"$0.arguments\"\ncat <<'END'\n{prints}\nEND\nexit {code}\n"
        ),
    )
    .unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
    Service {
        address: "example.com:443".into(),
        client: path,
        options: vec!["--machines".into(), "m.toml".into()],
    }
}

#[test]
fn a_live_service_that_fails_a_rule_is_named() {
    let scene = scene("live");
    let file = scene.published.join("release.json");
    let answer = |outcome: &str, verdict: &str, release: &str| {
        format!(
            r#"{{"verdict":"{verdict}","platform":"SEV-SNP","release":{release},"trail":[{{"rule":"snp.policy.debug","expected":"no","found":"yes","outcome":"{outcome}"}}]}}"#
        )
    };
    let look = |prints: &str, code: u8| {
        let service = client(&scene, prints, code);
        failed(&live::section(Some(&service), "0.1.0", &file, None))
    };
    assert_eq!(
        look(&answer("passed", "accept", "\"0.1.0\""), 0),
        Vec::<String>::new()
    );
    let asked = fs::read_to_string(scene.tree.root.join("client.arguments")).unwrap();
    assert!(
        asked.starts_with("verify --json --gateway example.com:443 --release ")
            && asked.ends_with("--machines m.toml\n"),
        "{asked}"
    );
    let address = "example.com:443";
    assert_eq!(
        look(&answer("failed", "reject", "null"), 1),
        ["snp.policy.debug", address]
    );
    assert_eq!(
        look(&answer("not-evaluated", "accept", "\"0.1.0\""), 0),
        ["snp.policy.debug"]
    );
    assert_eq!(look(&answer("passed", "accept", "\"0.1.1\""), 0), [address]);
    assert_eq!(look(&answer("passed", "accept", "\"0.1.0\""), 1), [address]);
    assert_eq!(look("no connection", 3), [address]);
    assert_eq!(
        live::section(None, "0.1.0", &file, None)
            .marked(Mark::NotShown)
            .count(),
        1
    );
}
