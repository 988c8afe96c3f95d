//! Everything that passes the wires before and behind the relay and before the machine is recorded, and then searched: for the
//! thread, for the answer, and, behind the relay, for the device's address.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::net::Ipv4Addr;

use cloister_tests::edge::{GATEWAY_ADDRESS, RELAY_ADDRESS};
use cloister_tests::markers::{Pieces, holds_address};
use cloister_tests::tap::Tap;
use cloister_tests::{Stack, programs};
use serde_json::Value;

const DEVICE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 77);

/// Every text, author and time of a thread that is long enough to be looked for.
fn words(thread: &[u8]) -> Vec<String> {
    let thread: Value = serde_json::from_slice(thread).unwrap();
    let members = ["author", "time", "text"];
    thread["messages"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|message| members.map(|member| message[member].as_str().unwrap_or("").to_owned()))
        .filter(|text| text.len() >= cloister_tests::markers::PIECE)
        .collect()
}

fn is_sealed(wire: &Tap, name: &str, pieces: &Pieces, at_least: usize) {
    let bytes = wire.bytes();
    assert!(
        bytes.len() >= at_least,
        "control: {name} carried the exchange, {} bytes",
        bytes.len()
    );
    assert_eq!(
        pieces.find_in(&bytes),
        None,
        "{name} carries a piece of the thread or of the answer"
    );
}

#[test]
fn no_byte_of_thread_answer_or_address_is_on_the_wires() {
    let stack = Stack::native(&[]);
    let thread =
        std::fs::read(programs::repository().join("client/examples/group-trip.json")).unwrap();
    let texts = words(&thread);
    let pieces = Pieces::of(texts.iter().map(String::as_str));
    assert!(
        pieces.find_in(&thread).is_some(),
        "control: the search finds the markers in the thread itself"
    );
    let wires = &stack.wires;
    stack.bundle();

    for way in ["session", "one shot"] {
        for wire in [
            &wires.device_session,
            &wires.device_oneshot,
            &wires.relay_session,
            &wires.relay_oneshot,
            &wires.machine,
        ] {
            wire.clear();
        }
        let asked = match way {
            "session" => stack.ask_in_session(&thread, DEVICE, &[]),
            _ => stack.ask_in_one_shot(&thread, DEVICE, &[]),
        };
        assert_eq!(asked.code, 0, "{way}: {}{}", asked.out(), asked.err());
        assert!(
            pieces.find_in(&asked.stdout).is_some(),
            "control: the answer quotes the thread"
        );

        let (device, relay) = match way {
            "session" => (&wires.device_session, &wires.relay_session),
            _ => (&wires.device_oneshot, &wires.relay_oneshot),
        };
        // A request and an answer take a rung of 4 KiB each, at the least.
        is_sealed(
            device,
            &format!("{way}: the wire to the relay"),
            &pieces,
            8192,
        );
        is_sealed(
            relay,
            &format!("{way}: the wire from relay to gateway"),
            &pieces,
            8192,
        );
        is_sealed(
            &wires.machine,
            &format!("{way}: the wire from gateway to machine"),
            &pieces,
            8192,
        );

        let seen = device.records();
        assert!(
            seen.iter().all(|record| record.peer.ip() == DEVICE),
            "control: the relay sees the device's address"
        );
        for (wire, name, address) in [
            (relay, "the gateway", RELAY_ADDRESS),
            (&wires.machine, "the machine", GATEWAY_ADDRESS),
        ] {
            assert!(
                !holds_address(&wire.bytes(), DEVICE),
                "{way}: {name} is told the device's address"
            );
            assert!(!wire.records().is_empty());
            for record in wire.records() {
                assert_eq!(
                    record.peer.ip(),
                    address,
                    "{way}: {name} sees who stands before it and nobody else"
                );
            }
        }
    }
}

#[test]
fn two_requests_of_one_device_share_no_value_behind_the_relay() {
    let stack = Stack::native(&[]);
    stack.bundle();
    let thread = br#"{"text":"The boiler is repaired on Tuesday at nine. Somebody must be at home. Ines has the key."}"#;
    for _ in 0..2 {
        let asked = stack.ask_in_one_shot(thread, DEVICE, &[]);
        assert_eq!(asked.code, 0, "{}{}", asked.out(), asked.err());
    }
    let records = stack.wires.relay_oneshot.records();
    assert_eq!(records.len(), 2, "one connection each");
    let sealed: Vec<&[u8]> = records
        .iter()
        .map(|record| {
            let end = record
                .sent
                .windows(4)
                .position(|window| window == b"\r\n\r\n")
                .unwrap();
            // Behind the header of seven bytes, which names a key that all devices share.
            &record.sent[end + 4 + 7..]
        })
        .collect();
    assert_eq!(sealed[0].len(), sealed[1].len(), "the same rung");
    let first: std::collections::HashSet<&[u8]> = sealed[0].windows(8).collect();
    assert!(
        !sealed[1].windows(8).any(|window| first.contains(window)),
        "two sealed requests share eight bytes"
    );
    let heads: Vec<&[u8]> = records
        .iter()
        .zip(&sealed)
        .map(|(record, body)| &record.sent[..record.sent.len() - body.len()])
        .collect();
    assert_eq!(heads[0], heads[1], "what is not sealed is the same for all");
}
