//! The published events against an event log: a log of our launch passes the production demand that nothing in it is unread, and a
//! log of anything else does not.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::cast_possible_truncation
)]

mod direct;
mod tdvf;

use cloister_digest::tdx::{Event, replay};
use cloister_verify::ccel::{
    Captured, Demands, Opinion, Register, Registers, Table, Unread, appraise,
};
use cloister_verify::release::{Hex, TdxEvent, TdxShape};
use direct::Machine;

/// What is changed, and how.
type Bend<T> = (&'static str, fn(&mut T));

/// The shape as a release carries it.
fn shape(events: &[Event]) -> TdxShape {
    let [rtmr0, rtmr1, rtmr2, _] = replay(events).0.map(Hex);
    let number = |register| Register::ALL.iter().position(|r| *r == register).unwrap() as u32;
    TdxShape {
        firmware_sha256: Hex([1; 32]),
        vcpus: 2,
        memory_mib: 2048,
        mrtd: Hex([2; 48]),
        rtmr0,
        rtmr1,
        rtmr2,
        events: events
            .iter()
            .map(|event| TdxEvent {
                rtmr: number(event.register),
                digest: Hex(event.digest),
                what: event.what.clone(),
            })
            .collect(),
    }
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// `UEFI_VARIABLE_DATA`.
fn variable(vendor: &[u8; 16], name: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = vendor.to_vec();
    bytes.extend((name.len() as u64).to_le_bytes());
    bytes.extend((data.len() as u64).to_le_bytes());
    bytes.extend(utf16(name));
    bytes.extend(data);
    bytes
}

/// `TCG_PCClientTaggedEvent`.
fn tagged(id: u32, text: &str) -> Vec<u8> {
    [
        &id.to_le_bytes()[..],
        &(text.len() as u32 + 1).to_le_bytes(),
        text.as_bytes(),
        &[0],
    ]
    .concat()
}

const GLOBAL: [u8; 16] = [
    0x61, 0xdf, 0xe4, 0x8b, 0xca, 0x93, 0xd2, 0x11, 0xaa, 0x0d, 0x00, 0xe0, 0x98, 0x03, 0x2b, 0x8c,
];
const DATABASE: [u8; 16] = [
    0xcb, 0xb2, 0x19, 0xd7, 0x3a, 0x3d, 0x96, 0x45, 0xa3, 0xbc, 0xda, 0xd0, 0x0e, 0x67, 0x65, 0x6f,
];

/// The type and content with which firmware and kernel log an event.
fn logged(what: &str) -> (u32, Vec<u8>) {
    let image_load = || [&[0; 24][..], &4u64.to_le_bytes(), &[0x7f, 0xff, 4, 0]].concat();
    match what {
        "separator" => (4, vec![0; 4]),
        "kernel" => (0x8000_0003, image_load()),
        "command line" => (6, tagged(0x8f3b_22ed, "LOADED_IMAGE::LoadOptions")),
        "initrd" => (6, tagged(0x8f3b_22ec, "Linux initrd")),
        "SMBIOS tables" => (0x8000_000b, b"\x0cSmbiosTable\0".to_vec()),
        "variable BootOrder" => (0x8000_0002, variable(&GLOBAL, "BootOrder", &[0, 0])),
        text if text.starts_with("TD HOB") => (0x8000_000b, b"\x09TdxTable\0".to_vec()),
        text if text.starts_with("variable store") => (0x8000_000a, b")Fv(".to_vec()),
        text if text.ends_with("of the host") => (0xa, b"ACPI DATA".to_vec()),
        text if text.starts_with("variable Boot0000") => {
            let option = "090100002c0055006900410070007000000004071400c9bdb87cebf8344faaea3ee4af6516a10406140021aa2c4614760345836e8ab6f46623317fff0400";
            let data: Vec<u8> = (0..option.len())
                .step_by(2)
                .map(|at| u8::from_str_radix(&option[at..at + 2], 16).unwrap())
                .collect();
            (0x8000_0002, variable(&GLOBAL, "Boot0000", &data))
        }
        text if text.ends_with(": absent") => {
            let name = text
                .strip_prefix("variable ")
                .unwrap()
                .strip_suffix(": absent")
                .unwrap();
            let vendor = if name.starts_with("db") {
                DATABASE
            } else {
                GLOBAL
            };
            (0x8000_0001, variable(&vendor, name, &[]))
        }
        action => (0x8000_0007, action.as_bytes().to_vec()),
    }
}

/// The area of a CCEL log with these events.
fn area(events: &[Event]) -> Vec<u8> {
    let mut body = b"Spec ID Event03\0".to_vec();
    body.extend([0, 0, 0, 0, 0, 2, 0, 2]);
    body.extend(1u32.to_le_bytes());
    body.extend([0xc, 0, 48, 0, 0]);
    let mut bytes = vec![1, 0, 0, 0, 3, 0, 0, 0];
    bytes.extend([0; 20]);
    bytes.extend((body.len() as u32).to_le_bytes());
    bytes.extend(body);
    for event in events {
        let index = Register::ALL
            .iter()
            .position(|r| *r == event.register)
            .unwrap() as u32
            + 1;
        let (kind, content) = logged(&event.what);
        bytes.extend(index.to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes.extend([1, 0, 0, 0, 0xc, 0]);
        bytes.extend(event.digest);
        bytes.extend((content.len() as u32).to_le_bytes());
        bytes.extend(content);
    }
    bytes
}

fn judged(events: &[Event], registers: &Registers, shape: &TdxShape) -> Opinion {
    let area = area(events);
    let captured = Captured::Ccel {
        table: Table::Absent,
        area: &area,
    };
    let demands = Demands {
        registers,
        known: &shape.known(),
        unread: Unread::Refused,
    };
    appraise(&captured, &demands)
}

fn failed(opinion: &Opinion) -> Vec<&'static str> {
    opinion
        .verdict
        .as_ref()
        .err()
        .map(|refused| refused.rules.clone())
        .unwrap_or_default()
}

#[test]
fn a_log_of_our_launch_has_no_unread_event() {
    let events = Machine::small().events();
    let published = shape(&events);
    let opinion = judged(&events, &replay(&events), &published);
    assert_eq!(failed(&opinion), [""; 0], "{:#?}", opinion.trail);
    assert_eq!(opinion.verdict.unwrap().events().len(), events.len());
    // Without the published events the same log says too little: what only a file explains is unread.
    let silent = TdxShape {
        events: Vec::new(),
        ..published
    };
    let opinion = judged(&events, &replay(&events), &silent);
    assert_eq!(failed(&opinion), ["ccel.unread"]);
}

/// A machine that differs in one input is honest about its registers, and its log is refused all the same.
#[test]
fn a_log_of_another_launch_is_refused() {
    let published = shape(&Machine::small().events());
    let bends: [Bend<Machine>; 8] = [
        ("kernel", |m| *m.kernel.last_mut().unwrap() ^= 1),
        ("initrd", |m| m.initrd[0] ^= 1),
        ("command line", |m| m.cmdline.push_str(" debug")),
        ("memory", |m| m.memory_mib += 1),
        ("variable store", |m| m.firmware[0x123] ^= 1),
        ("ACPI tables", |m| {
            m.host.get_mut("etc/acpi/tables").unwrap().push(0)
        }),
        ("a setting", |m| m.host.get_mut("BootMenu").unwrap()[0] = 1),
        ("SMBIOS", |m| m.smbios_text("pc-q35", "pc-q36")),
    ];
    for (what, bend) in bends {
        let mut machine = Machine::small();
        bend(&mut machine);
        let events = machine.events();
        let opinion = judged(&events, &replay(&events), &published);
        assert_eq!(failed(&opinion), ["ccel.unread"], "{what}");
    }
}

/// Each event's digest replaced: the log no longer replays, or says something else than it measured.
#[test]
fn a_bent_log_is_refused() {
    let events = Machine::small().events();
    let published = shape(&events);
    for at in 0..events.len() {
        let mut bent = events.clone();
        bent[at].digest[0] ^= 1;
        assert!(
            judged(&bent, &replay(&events), &published).verdict.is_err(),
            "event {at} against the quote"
        );
        assert!(
            judged(&bent, &replay(&bent), &published).verdict.is_err(),
            "event {at} with another quote"
        );
        let mut cut = events.clone();
        cut.remove(at);
        assert!(
            judged(&cut, &replay(&events), &published).verdict.is_err(),
            "without event {at}"
        );
    }
}

/// A release whose events do not lead to its registers is not a release.
#[test]
fn published_events_lead_to_the_published_registers() {
    use cloister_verify::release::{Release, ReleaseError};
    let shape = shape(&Machine::small().events());
    let (hash, digest) = ("ab".repeat(32), "cd".repeat(48));
    let release = |shape: &TdxShape| {
        let text = format!(
            r#"{{"release":"0.1.0","flavour":"production","firmware":{{"name":"f","sha256":"{hash}","snp":{{"pages_digest":"{digest}",
"sections":[{{"gpa":8388608,"size":4096,"kind":16}}],"reset_eip":1,"hashes_gpa":8388608}}}},"kernel_sha256":"{hash}","initrd_sha256":"{hash}",
"cmdline":"cloister.release=0.1.0 cloister.weights={hash}:12","weights":{{"root_hash":"{hash}"}},"snp":[],"tdx":[{}]}}"#,
            serde_json::to_string(shape).unwrap()
        );
        Release::from_json(text.as_bytes())
    };
    assert_eq!(release(&shape).unwrap().tdx.first(), Some(&shape));
    let bends: [Bend<TdxShape>; 8] = [
        ("another RTMR0", |s| s.rtmr0 = s.rtmr1),
        ("another RTMR1", |s| s.rtmr1 = s.rtmr2),
        ("another RTMR2", |s| s.rtmr2 = s.rtmr0),
        ("another digest", |s| s.events[0].digest.0[0] ^= 1),
        ("one event less", |s| drop(s.events.pop())),
        ("another order", |s| s.events.swap(0, 1)),
        ("RTMR3", |s| s.events[0].rtmr = 3),
        ("escape characters", |s| s.events[0].what.push('\u{1b}')),
    ];
    for (what, bend) in bends {
        let mut bent = shape.clone();
        bend(&mut bent);
        assert!(
            matches!(release(&bent), Err(ReleaseError::Events { .. })),
            "{what}"
        );
    }
}
