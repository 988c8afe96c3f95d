#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
use super::*;

/// The n-th key of these tests: the public half of a fixed secret.
fn key(name: &str, algorithm: Algorithm, n: u8) -> VerifierKey {
    let secret = ed25519_dalek::SigningKey::from_bytes(&[n; 32]);
    VerifierKey::new(name, algorithm, secret.verifying_key().as_bytes()).unwrap()
}

fn line(value: &str) -> String {
    format!("{{ value = {value}, source = \"s\", date = \"2026-11-23\" }}")
}

fn group(name: &str, at_least: usize, members: &str) -> String {
    line(&format!(
        "{{ name = \"{name}\", at-least = {at_least}, members = [{members}] }}"
    ))
}

/// Two of three witnesses x, and any of two y.
struct Parts {
    logs: Vec<String>,
    witnesses: Vec<String>,
    groups: Vec<String>,
    quorum: String,
}

impl Default for Parts {
    fn default() -> Self {
        let witness =
            |(n, name): (u8, &str)| line(&format!("\"{}\"", key(name, Algorithm::Cosignature, n)));
        Self {
            logs: vec![line(&format!("\"{}\"", key("log", Algorithm::Ed25519, 1)))],
            witnesses: (2..)
                .zip(["x1", "x2", "x3", "y1", "y2"])
                .map(witness)
                .collect(),
            groups: vec![
                group("x", 2, "\"x1\", \"x2\", \"x3\""),
                group("y", 1, "\"y1\", \"y2\""),
                group("all", 2, "\"x\", \"y\""),
            ],
            quorum: "all".into(),
        }
    }
}

impl Parts {
    fn text(&self) -> String {
        let list = |lines: &[String]| format!("[{}]", lines.join(", "));
        let (_, rest) = BUILT_IN.split_once("maximum-age").unwrap();
        format!(
            "logs = {}\nwitnesses = {}\ngroups = {}\nquorum = {}\nmaximum-age{rest}",
            list(&self.logs),
            list(&self.witnesses),
            list(&self.groups),
            line(&format!("\"{}\"", self.quorum)),
        )
    }

    fn parse(&self) -> Result<LogPolicy, BadLogPolicy> {
        LogPolicy::parse(&self.text())
    }
}

#[test]
fn a21_the_built_in_policy_is_readable_and_accepts_nothing() {
    let policy = LogPolicy::production();
    assert!(policy.logs().is_empty() && policy.witnesses().is_empty());
    for names in [&[][..], &["nobody"], &["x1"]] {
        assert!(!policy.is_quorum(names));
    }
    assert_eq!(policy.witnessed(&[]), None);
    assert_eq!(policy.maximum_age(), 7 * 86_400);
}

#[test]
fn groups_are_counted_as_tlog_policy_says() {
    let policy = Parts::default().parse().unwrap();
    for (names, enough) in [
        (&["x1", "x2", "y1"][..], true),
        (&["x1", "x3", "y2"], true),
        (&["x1", "x2", "x3", "y1", "y2"], true),
        (&["x1", "x2", "x3"], false),
        (&["x1", "y1", "y2"], false),
        (&["x1", "x1", "y1"], false),
        (&["x", "y"], false),
        (&["all"], false),
        (&[], false),
    ] {
        assert_eq!(policy.is_quorum(names), enough, "{names:?}");
    }
    let time = |names: &[(&'static str, u64)]| {
        let names: Vec<_> = names.iter().map(|(n, t)| (*n, UnixTime(*t))).collect();
        policy.witnessed(&names)
    };
    // The quorum's word is as old as the oldest member that it needs, and no older.
    assert_eq!(
        time(&[("x1", 50), ("x2", 10), ("x3", 40), ("y1", 30), ("y2", 5)]),
        Some(UnixTime(30))
    );
    assert_eq!(
        time(&[("x1", 50), ("x2", 10), ("y1", 30)]),
        Some(UnixTime(10))
    );
    assert_eq!(time(&[("x1", 50), ("y1", 30)]), None);
}

#[test]
fn a21_a_policy_is_read_fail_closed() {
    let text = Parts::default().text();
    for (what, from, to) in [
        (
            "an unknown key",
            "[first-index]",
            "extra = 1\n[first-index]",
        ),
        ("a missing kind", "machine-list = ", "# "),
        ("an unknown kind", "machine-list = ", "machine = "),
        ("no quorum", "quorum = ", "# "),
        ("no witnesses", "witnesses = ", "# "),
        ("no age", "maximum-age-hours = ", "# "),
        ("an age below zero", "value = 168", "value = -1"),
        ("no skew", "clock-skew-seconds = ", "# "),
        ("no source", "source = \"s\", ", ""),
        ("an empty source", "source = \"s\"", "source = \" \""),
        ("no date", ", date = \"2026-11-23\"", ""),
        ("a date that is none", "2026-11-23", "23.11.2026"),
        ("a number that is none", "at-least = 2", "at-least = \"2\""),
    ] {
        let bad = text.replacen(from, to, 1);
        assert_ne!(bad, text, "{what}: the text has changed");
        assert!(LogPolicy::parse(&bad).is_err(), "{what} was accepted");
    }
}

#[test]
fn a21_a_policy_must_mean_something() {
    let refused = |what: &str, change: &dyn Fn(&mut Parts)| {
        let mut parts = Parts::default();
        change(&mut parts);
        assert!(parts.parse().is_err(), "{what} was accepted");
    };
    let quoted = |key: VerifierKey| line(&format!("\"{key}\""));
    refused("an undefined quorum", &|p| p.quorum = "z".into());
    refused("no quorum", &|p| p.quorum = String::new());
    refused("a quorum of nobody", &|p| p.quorum = "nobody".into());
    refused("no witnesses", &|p| p.witnesses.clear());
    refused("a witness twice", &|p| {
        p.witnesses.push(p.witnesses[0].clone())
    });
    refused("one key, two names", &|p| {
        p.witnesses
            .push(quoted(key("z", Algorithm::Cosignature, 2)));
    });
    refused("one name, two keys", &|p| {
        p.witnesses
            .push(quoted(key("x1", Algorithm::Cosignature, 99)));
    });
    refused("the log as its own witness", &|p| {
        p.witnesses
            .push(quoted(key("z", Algorithm::Cosignature, 1)));
    });
    refused("a witness's key of the wrong type", &|p| {
        p.witnesses.push(quoted(key("z", Algorithm::Ed25519, 99)));
    });
    refused("a log's key of the wrong type", &|p| {
        p.logs = vec![quoted(key("log", Algorithm::Cosignature, 99))];
    });
    refused("a key with another id", &|p| {
        p.logs[0] = p.logs[0].replace("log+", "gol+");
    });
    refused("a group of strangers", &|p| {
        p.groups.push(group("z", 1, "\"w\""))
    });
    refused("a group of nobody", &|p| p.groups.push(group("z", 0, "")));
    refused("a threshold of zero", &|p| {
        p.groups[1] = group("y", 0, "\"y1\", \"y2\"")
    });
    refused("a threshold too high", &|p| {
        p.groups[1] = group("y", 3, "\"y1\", \"y2\"")
    });
    refused("a member twice", &|p| {
        p.groups[1] = group("y", 2, "\"y1\", \"y1\"")
    });
    refused("a member of two groups", &|p| {
        p.groups[1] = group("y", 1, "\"y1\", \"x1\"")
    });
    refused("a group that comes later", &|p| p.groups.swap(0, 2));
    refused("a group of itself", &|p| {
        p.groups.push(group("z", 1, "\"z\""))
    });
    refused("a group in the name of a witness", &|p| {
        p.groups.push(group("x1", 1, "\"all\""))
    });
    refused("a group called nobody", &|p| {
        p.groups.push(group("nobody", 1, "\"all\""))
    });
    assert!(Parts::default().parse().is_ok());
    // A log may have two keys while it changes them.
    let mut parts = Parts::default();
    parts.logs.push(quoted(key("log", Algorithm::Ed25519, 99)));
    assert!(parts.parse().is_ok());
}
