//! Event logs with something wrong in their bytes: every one is an error or another log, never a panic.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::cast_possible_truncation
)]

mod support;

use cloister_verify::ccel::{BadLog, EventLog, MAX_EVENTS, MAX_LOG, Registers, Unread};
use support::boot_log::*;

#[test]
fn a29_nothing_hides_behind_the_end() {
    let registers = replayed(&boot());
    for filler in [0u8, 0xff] {
        for length in [1usize, 7, 8, 4096] {
            let mut area = encoded(&boot());
            area.extend(vec![filler; length]);
            assert!(judged(&area, &registers, Unread::Refused).verdict.is_ok());
            if length >= 8 {
                let end = area.len() - length;
                area.extend(&encoded(&boot())[header().len()..]);
                assert_eq!(
                    EventLog::parse_ccel(&area),
                    Err(BadLog::BehindEnd { at: end })
                );
            }
        }
    }
    // Events that extend nothing are skipped, must be zero, and are counted.
    let mut events = boot();
    events.insert(3, Made(0, 3, [0; 48], b"StartupLocality\0\0".to_vec()));
    assert!(strictly(&events).verdict.is_ok());
    assert_eq!(
        EventLog::parse_ccel(&encoded(&events))
            .unwrap()
            .not_extended,
        1
    );
    events[3].2[5] = 1;
    assert!(matches!(
        EventLog::parse_ccel(&encoded(&events)),
        Err(BadLog::NoAction { .. })
    ));
    // MRTD and registers that do not exist.
    for index in [0, 5, 0xff] {
        let mut events = boot();
        events[4].0 = index;
        assert!(matches!(
            EventLog::parse_ccel(&encoded(&events)),
            Err(BadLog::Register { .. })
        ));
    }
}
/// A51: nothing is allocated for a length that is not there.
#[test]
fn a51_hostile_logs_are_errors() {
    let area = encoded(&boot());
    let whole = EventLog::parse_ccel(&area).unwrap();
    let mut ends = vec![header().len()];
    for Made(.., content) in boot() {
        ends.push(ends.last().unwrap() + 66 + content.len());
    }
    for cut in 0..area.len() {
        match EventLog::parse_ccel(&area[..cut]) {
            Ok(log) => {
                assert!(ends.contains(&cut), "cut at {cut}");
                assert!(log.events.len() < whole.events.len());
            }
            Err(error) => assert!(!error.to_string().is_empty()),
        }
    }
    // Every byte of the header and of the first events, with every bit turned: an error, or another log, never a panic.
    for at in 0..area.len() {
        for bit in 0..8 {
            let mut bent = area.clone();
            bent[at] ^= 1 << bit;
            let opinion = judged(&bent, &replayed(&boot()), Unread::Refused);
            let harmless = (0..4).contains(&at) || (48..52).contains(&at) || at == 54;
            assert!(
                opinion.verdict.is_err() || harmless || is_uncovered(at, &ends),
                "byte {at} bit {bit} of {ends:?}"
            );
        }
    }
    let mut seed = 1u64;
    let mut random = || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    for _ in 0..2000 {
        let length = random() as usize % 300;
        let mut bytes: Vec<u8> = (0..length).map(|_| random() as u8).collect();
        assert!(EventLog::parse_dstack(&bytes).is_err());
        assert!(EventLog::parse_ccel(&bytes).is_err());
        bytes.splice(0..0, header());
        let log = EventLog::parse_ccel(&bytes);
        assert!(
            log.is_err()
                || length == 0
                || bytes[header().len()..]
                    .iter()
                    .all(|b| *b == bytes[bytes.len() - 1])
        );
    }
    assert_eq!(
        EventLog::parse_ccel(&vec![0; MAX_LOG + 1]),
        Err(BadLog::TooLong { found: MAX_LOG + 1 })
    );
    assert_eq!(
        EventLog::parse_dstack(&vec![b' '; MAX_LOG + 1]),
        Err(BadLog::TooLong { found: MAX_LOG + 1 })
    );
    let many = vec![made(1, IPL, b""); MAX_EVENTS + 1];
    assert_eq!(
        EventLog::parse_ccel(&encoded(&many)),
        Err(BadLog::TooManyEvents)
    );
    assert!(EventLog::parse_ccel(&encoded(&many[1..])).is_ok());
    // An empty log replays to what a machine starts with, and says nothing.
    let empty = judged(&header(), &Registers::START, Unread::Reported);
    assert!(failed(&empty).contains(&"ccel.log"));
}

/// Whether a byte is one that no digest covers: the host's names and addresses, and the type of an event whose digest is known.
fn is_uncovered(at: usize, ends: &[usize]) -> bool {
    let Some(place) = ends.iter().rposition(|end| *end <= at) else {
        return false;
    };
    let within = at - ends[place];
    let (of_type, content) = ((4..8).contains(&within), within >= 66);
    match place {
        // Volume, tables, kernel, and the stub's tags.
        0 | 3 | 4 | 8 | 9 => of_type || content,
        // The GUID and the name of a boot variable, whose digest is over its data alone.
        5 => within >= 66 && !(82..98).contains(&within),
        _ => false,
    }
}

#[test]
fn headers_of_other_formats_are_refused() {
    let bend = |at: usize, to: u8| {
        let mut area = encoded(&boot());
        area[at] = to;
        EventLog::parse_ccel(&area)
    };
    for (at, to, what) in [
        (0, 5, "register"),
        (4, 4, "type"),
        (9, 1, "digest"),
        (32, b's', "signature"),
        (53, 1, "version"),
        (55, 3, "word size"),
        (56, 0, "no algorithm"),
        (56, 9, "too many algorithms"),
        (60, 0xb, "no SHA-384"),
        (62, 32, "size"),
        (64, 1, "vendor bytes"),
    ] {
        assert!(
            matches!(
                bend(at, to),
                Err(BadLog::Header { .. } | BadLog::Truncated { .. })
            ),
            "{what}: {:?}",
            bend(at, to)
        );
    }
    // An event with another number of digests, or with another algorithm.
    for at in [header().len() + 8, header().len() + 12] {
        assert!(matches!(bend(at, 2), Err(BadLog::Digests { .. })));
    }
}
