//! dstack's event logs, long and short.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::cast_possible_truncation
)]

mod support;

use cloister_verify::ccel::{
    Captured, Demands, EventLog, Opinion, Register, Registers, Unread, appraise,
};
use serde_json::{Value, json};
use support::boot_log::*;

fn runtime(name: &str, payload: &[u8]) -> [u8; 48] {
    sha384(&[&[1, 0, 0, 8, b':'], name.as_bytes(), b":", payload].concat())
}

fn dstack_entries() -> Vec<Value> {
    let entry = |imr: u32, kind: u32, digest: [u8; 48], content: &[u8]| {
        json!({ "imr": imr, "event_type": kind, "digest": hex::encode(digest), "event": "",
                "event_payload": hex::encode(content) })
    };
    let mut entries: Vec<Value> = boot()
        .into_iter()
        .map(|Made(index, kind, digest, content)| entry(index - 1, kind, digest, &content))
        .collect();
    for (name, payload) in [("app-id", &b"app"[..]), ("system-ready", b"")] {
        entries.push(json!({ "imr": 3, "event_type": 0x0800_0001,
            "digest": hex::encode(runtime(name, payload)), "event": name, "event_payload": hex::encode(payload) }));
    }
    entries
}

fn dstack_judged(entries: &[Value], registers: &Registers, unread: Unread) -> Opinion {
    let json = serde_json::to_vec(entries).unwrap();
    let demands = Demands {
        registers,
        known: &known(),
        unread,
    };
    appraise(&Captured::Dstack(&json), &demands)
}

#[test]
fn dstack_logs_replay_long_and_short() {
    let mut registers = replayed(&boot());
    registers.extend(Register::Rtmr3, &runtime("app-id", b"app"));
    registers.extend(Register::Rtmr3, &runtime("system-ready", b""));
    let entries = dstack_entries();
    let opinion = dstack_judged(&entries, &registers, Unread::Refused);
    assert_eq!(failed(&opinion), [""; 0], "{:#?}", opinion.trail);

    let mut short = entries.clone();
    for entry in &mut short {
        let runtime = entry["imr"] == 3;
        entry[if runtime { "digest" } else { "event_payload" }] = json!("");
    }
    assert_eq!(
        failed(&dstack_judged(&short, &registers, Unread::Reported)),
        [""; 0]
    );
    assert_eq!(
        failed(&dstack_judged(&short, &registers, Unread::Refused)),
        ["ccel.unread"]
    );

    // A20: the agent's words are covered by their digest, and stand in their own register.
    for (member, value) in [("event", json!("app-if")), ("event_payload", json!("6171"))] {
        let mut bent = entries.clone();
        bent[12][member] = value.clone();
        assert_eq!(
            failed(&dstack_judged(&bent, &registers, Unread::Reported)),
            ["ccel.digests"]
        );
        let mut bent = short.clone();
        bent[12][member] = value;
        assert_eq!(
            failed(&dstack_judged(&bent, &registers, Unread::Reported)),
            ["ccel.rtmr3"]
        );
    }
    let mut moved = entries.clone();
    moved[12]["imr"] = json!(2);
    let found = failed(&dstack_judged(&moved, &registers, Unread::Reported));
    assert_eq!(found, ["ccel.rtmr2", "ccel.rtmr3", "ccel.digests"]);
    // A short separator with another digest.
    short[2]["digest"] = json!(hex::encode(sha384(b"other")));
    let found = failed(&dstack_judged(&short, &registers, Unread::Reported));
    assert_eq!(found, ["ccel.rtmr0", "ccel.digests"]);
}

#[test]
fn dstack_logs_of_another_shape_are_refused() {
    let with = |member: &str, value: Value| {
        let mut entries = dstack_entries();
        entries[0][member] = value;
        EventLog::parse_dstack(&serde_json::to_vec(&entries).unwrap())
    };
    assert!(with("imr", json!(0)).is_ok());
    for (member, value) in [
        ("imr", json!(4)),
        ("imr", json!(-1)),
        ("event_type", json!("4")),
        ("digest", json!("")),
        ("digest", json!("AA")),
        ("digest", json!("A".repeat(96))),
        ("event_payload", json!("0")),
        ("event_payload", json!("zz")),
        ("event_payload", Value::Null),
        ("more", json!(1)),
    ] {
        assert!(with(member, value.clone()).is_err(), "{member}: {value}");
    }
    let json = serde_json::to_vec(&dstack_entries()).unwrap();
    for cut in 0..json.len() {
        assert!(
            EventLog::parse_dstack(&json[..cut]).is_err(),
            "cut at {cut}"
        );
    }
    assert!(EventLog::parse_dstack(&[&json[..], b"x"].concat()).is_err());
}
