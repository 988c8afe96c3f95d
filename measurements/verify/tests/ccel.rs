//! What a boot log means: on logs made here and on the corpus.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::cast_possible_truncation
)]

mod support;

use cloister_verify::Outcome;
use cloister_verify::ccel::{
    Captured, Demands, EventLog, Registers, Table, Unread, appraise, rules,
};
use serde_json::Value;
use std::fs;
use support::boot_log::*;
use support::corpus;

#[test]
fn a_boot_of_known_files_passes_every_rule() {
    let opinion = strictly(&boot());
    assert_eq!(failed(&opinion), [""; 0], "{:#?}", opinion.trail);
    assert_eq!(opinion.replayed, Some(replayed(&boot())));
    assert_eq!(opinion.verdict.unwrap().events().len(), boot().len());
    let ids: Vec<_> = opinion.trail.iter().map(|step| step.rule).collect();
    assert_eq!(ids, rules().map(|rule| rule.id).collect::<Vec<_>>());
}

/// A20: equal digests prove nothing about events that nobody reads.
#[test]
fn a20_a_log_that_replays_but_is_not_understood_is_refused() {
    for (place, what) in [(0, "volume"), (3, "tables"), (4, "kernel"), (8, "cmdline")] {
        let mut events = boot();
        events[place].2 = sha384(b"another");
        let opinion = strictly(&events);
        assert_eq!(failed(&opinion), ["ccel.unread"], "{what}");
        let relaxed = judged(&encoded(&events), &replayed(&events), Unread::Reported);
        assert_eq!(failed(&relaxed), [""; 0], "{what}");
        let unread = step(&relaxed, "ccel.unread");
        assert_eq!(unread.outcome, Outcome::NotAsked);
        assert!(
            unread.found.contains("1 unread"),
            "{what}: {}",
            unread.found
        );
    }
    // A type that nobody knows, and a name of a boot loader's.
    for extra in [
        made(1, 0x8000_0099, b"?"),
        Made(3, IPL, sha384(b"list"), b"MokList\0".to_vec()),
    ] {
        let mut events = boot();
        events.insert(4, extra);
        assert_eq!(failed(&strictly(&events)), ["ccel.unread"]);
    }
    // A separator passed off as a boot loader's word.
    let mut events = boot();
    events.insert(4, made(1, IPL, &[0; 4]));
    assert_eq!(failed(&strictly(&events)), ["ccel.unread"]);
    // A known digest counts only in its register.
    let mut events = boot();
    events.insert(4, Made(3, 0xa, sha384(b"tables"), b"x".to_vec()));
    assert_eq!(failed(&strictly(&events)), ["ccel.unread"]);
}

/// A20: what the log says about an event is compared with what was measured.
#[test]
fn a20_words_that_the_digest_does_not_cover_are_refused() {
    let lies: [(usize, Vec<u8>); 7] = [
        (1, variable("SecureBoot", &[1])),
        (1, b"SecureBoot".to_vec()),
        (2, vec![0xff; 4]),
        (5, variable("BootOrder", &[1, 0])),
        (6, EXIT.to_vec()),
        (4, image()[..20].to_vec()),
        (8, tag(0x8f3b_22ed, b"x")[..8].to_vec()),
    ];
    for (place, content) in lies {
        let mut events = boot();
        events[place].3 = content.clone();
        for unread in [Unread::Refused, Unread::Reported] {
            let opinion = judged(&encoded(&events), &replayed(&events), unread);
            assert!(
                failed(&opinion).contains(&"ccel.digests"),
                "event {place} as {content:?} under {unread:?}"
            );
        }
    }
    // Actions that no firmware announces, and a separator that means an error, however well they are hashed.
    for (place, content) in [(6, &b"Entering ROM Based Setup"[..]), (7, &[1, 0, 0, 0])] {
        let mut events = boot();
        events[place] = made(2, events[place].1, content);
        assert_eq!(failed(&strictly(&events)), ["ccel.digests"], "{content:?}");
    }
    let mut events = boot();
    events.insert(
        8,
        Made(
            3,
            IPL,
            sha384(b"linux /b"),
            b"grub_cmd: linux /a\0".to_vec(),
        ),
    );
    assert_eq!(failed(&strictly(&events)), ["ccel.digests"]);
    events[8].2 = sha384(b"linux /a");
    assert_eq!(failed(&strictly(&events)), [""; 0]);
}

#[test]
fn a20_separators_stand_once_and_where_they_belong() {
    let separator = |index| made(index, SEPARATOR, &[0; 4]);
    for index in 1..=2 {
        let mut events = boot();
        events.insert(8, separator(index));
        assert_eq!(
            failed(&strictly(&events)),
            ["ccel.separators"],
            "doubled {index}"
        );
        let mut events = boot();
        events.retain(|event| event.0 != index || event.1 != SEPARATOR);
        let found = failed(&strictly(&events));
        assert!(
            found.contains(&"ccel.separators"),
            "missing {index}: {found:?}"
        );
    }
    let mut moved = boot();
    moved.swap(1, 2);
    assert_eq!(
        failed(&strictly(&moved)),
        ["ccel.order"],
        "policy behind the line"
    );
    let mut moved = boot();
    moved.swap(7, 10);
    assert_eq!(
        failed(&strictly(&moved)),
        ["ccel.order"],
        "exit before the line"
    );
    for late in [
        made(1, POLICY, &variable("dbx", &[])),
        made(2, ACTION, CALL),
    ] {
        let mut events = boot();
        events.push(late);
        assert!(
            failed(&strictly(&events)).contains(&"ccel.order"),
            "after the end"
        );
    }
    let mut elsewhere = boot();
    elsewhere.push(made(3, ACTION, CALL));
    assert_eq!(failed(&strictly(&elsewhere)), ["ccel.order"]);
    // A third line in another register is allowed once.
    let mut events = boot();
    events.push(separator(3));
    assert_eq!(failed(&strictly(&events)), [""; 0]);
    events.push(separator(3));
    assert_eq!(failed(&strictly(&events)), ["ccel.separators"]);
}

/// A21: no expected value is a pass by being absent; A29: every register counts, also those that the log leaves alone.
#[test]
fn a21_a29_each_register_is_compared() {
    let area = encoded(&boot());
    let rules = ["ccel.rtmr0", "ccel.rtmr1", "ccel.rtmr2", "ccel.rtmr3"];
    for (place, rule) in rules.into_iter().enumerate() {
        let mut registers = replayed(&boot());
        registers.0[place][47] ^= 1;
        assert_eq!(failed(&judged(&area, &registers, Unread::Reported)), [rule]);
    }
    let found = failed(&judged(&area, &Registers::START, Unread::Reported));
    assert_eq!(found, rules[..3]);
    // One event less, one twice, two exchanged.
    let registers = replayed(&boot());
    for place in 0..boot().len() {
        let mut events = boot();
        let event = events.remove(place);
        assert!(
            judged(&encoded(&events), &registers, Unread::Reported)
                .verdict
                .is_err()
        );
        let mut events = boot();
        events.insert(place, event);
        assert!(
            judged(&encoded(&events), &registers, Unread::Reported)
                .verdict
                .is_err()
        );
    }
    let mut events = boot();
    events.swap(8, 9);
    assert_eq!(
        failed(&judged(&encoded(&events), &registers, Unread::Reported)),
        ["ccel.rtmr2"]
    );
}
/// The values of a case of the corpus; registers that it does not state are zero.
fn stated(case: &Value) -> Registers {
    let mut registers = Registers::START;
    for (number, register) in registers.0.iter_mut().enumerate() {
        if let Some(text) = case["fields"][format!("rtmr{number}")].as_str() {
            *register = hex::decode(text).unwrap().try_into().unwrap();
        }
    }
    registers
}

#[test]
fn logs_of_the_corpus_replay_to_their_quotes() {
    let Some(corpus) = corpus() else { return };
    let mut seen = 0;
    for name in [
        "tdx-ccel-cos113",
        "tdx-dstack-eventlog",
        "tdx-dstack-lite-eventlog",
    ] {
        let folder = corpus.join("measure").join(name);
        let case: Value =
            serde_json::from_slice(&fs::read(folder.join("case.json")).unwrap()).unwrap();
        let files = ["ccel_data.bin", "ccel_table.bin", "event_log.json"]
            .map(|file| fs::read(folder.join(file)));
        let captured = match &files {
            [Ok(area), Ok(table), _] => Captured::Ccel {
                table: Table::Captured(table),
                area,
            },
            [.., Ok(json)] => Captured::Dstack(json),
            _ => panic!("{name} has no log"),
        };
        let registers = stated(&case);
        let judge = |unread| {
            appraise(
                &captured,
                &Demands {
                    registers: &registers,
                    known: &[],
                    unread,
                },
            )
        };
        let opinion = judge(Unread::Reported);
        assert_eq!(failed(&opinion), [""; 0], "{name}: {:#?}", opinion.trail);
        let events = case["expected"]["checks"]["events"].as_u64().unwrap();
        let log = opinion.verdict.unwrap();
        assert_eq!(log.events().len() as u64, events, "{name}");
        // A20: foreign systems have events that nothing here explains, so they are never enough to seal to.
        assert_eq!(failed(&judge(Unread::Refused)), ["ccel.unread"], "{name}");
        seen += 1;
    }
    assert_eq!(seen, 3);
}

#[test]
fn a20_the_corpus_log_with_a_doubled_separator_is_refused() {
    let Some(corpus) = corpus() else { return };
    let read =
        |case: &str, file: &str| fs::read(corpus.join("measure").join(case).join(file)).unwrap();
    let case: Value = serde_json::from_slice(&read("tdx-ccel-cos113", "case.json")).unwrap();
    let area = read("bad-tdx-ccel-dupe-separator", "ccel_data.bin");
    let judge = |registers: &Registers| judged(&area, registers, Unread::Reported);
    let found = failed(&judge(&stated(&case)));
    assert_eq!(
        found,
        ["ccel.rtmr0", "ccel.rtmr1", "ccel.separators", "ccel.order"]
    );
    // Even against registers to which it does replay.
    let own = EventLog::parse_ccel(&area).unwrap().replay();
    assert_eq!(failed(&judge(&own)), ["ccel.separators", "ccel.order"]);
}
