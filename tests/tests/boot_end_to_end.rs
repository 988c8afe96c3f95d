//! The main job on real input: QEMU boots the image, and a real thread goes through relay and gateway, both ways, and comes back.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::net::Ipv4Addr;
use std::time::Instant;

use cloister_tests::markers::{PIECE, Pieces, holds};
use cloister_tests::service::Files;
use cloister_tests::{Stack, programs};
use serde_json::Value;

const DEVICE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 77);

#[test]
fn a_thread_is_summarised_in_a_booted_machine_both_ways() {
    let start = Instant::now();
    let mut stack = Stack::booted(&Files::of_the_image(), &[]);
    println!(
        "booted and serving after {:.1} s",
        start.elapsed().as_secs_f64()
    );
    let thread =
        std::fs::read(programs::repository().join("client/examples/group-trip.json")).unwrap();
    let messages = texts(&thread);

    let mut answers = Vec::new();
    for way in ["session", "one shot"] {
        if way == "one shot" {
            stack.bundle();
        }
        let start = Instant::now();
        let asked = match way {
            "session" => stack.ask_in_session(&thread, DEVICE, &["--json", "-v"]),
            _ => stack.ask_in_one_shot(&thread, DEVICE, &["--json", "-v"]),
        };
        println!(
            "asked and answered, {way}: {:.1} s",
            start.elapsed().as_secs_f64()
        );
        assert_eq!(asked.code, 0, "{way}: {}{}", asked.out(), asked.err());
        let answer: Value = serde_json::from_slice(&asked.stdout).expect("one JSON value");
        let highlights = highlights(&answer);
        assert!((1..=5).contains(&highlights.len()), "{way}: {answer}");
        for (id, text) in &highlights {
            assert!(
                messages.iter().any(|message| message == text),
                "{way}: highlight {id} is not a message of the thread, word for word: {text}"
            );
        }
        let said = asked.err();
        assert!(
            said.contains("SIMULATED"),
            "{way}: the simulated processor is named: {said}"
        );
        assert!(
            said.contains("measurement"),
            "{way}: the trail shows the checks: {said}"
        );
        answers.push(highlights);
    }
    assert_eq!(
        answers[0], answers[1],
        "the same thread has the same highlights, whichever way it came"
    );

    let pieces = Pieces::of(
        messages
            .iter()
            .filter(|text| text.len() >= PIECE)
            .map(String::as_str),
    );
    let outputs = stack.outputs();
    assert!(
        holds(&outputs, b"cloister: listening"),
        "control: the console is among the outputs"
    );
    assert_eq!(
        pieces.find_in(&outputs),
        None,
        "nothing of the thread is on the console or in a log"
    );
    assert!(stack.alive());
}

fn texts(thread: &[u8]) -> Vec<String> {
    let thread: Value = serde_json::from_slice(thread).unwrap();
    let messages = thread["messages"].as_array().unwrap();
    messages
        .iter()
        .map(|message| message["text"].as_str().unwrap().to_owned())
        .collect()
}

fn highlights(answer: &Value) -> Vec<(u64, String)> {
    let found = find(answer, "highlights")
        .and_then(Value::as_array)
        .unwrap_or_else(|| panic!("no highlights: {answer}"));
    found
        .iter()
        .map(|highlight| {
            (
                highlight["id"].as_u64().unwrap(),
                highlight["text"].as_str().unwrap().to_owned(),
            )
        })
        .collect()
}

/// The member `name`, wherever in the answer it is.
fn find<'a>(value: &'a Value, name: &str) -> Option<&'a Value> {
    match value {
        Value::Object(members) => members
            .get(name)
            .or_else(|| members.values().find_map(|member| find(member, name))),
        _ => None,
    }
}
