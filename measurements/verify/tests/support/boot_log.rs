//! The event log of a direct boot, made here in pieces that tests can bend.
#![allow(dead_code, reason = "each test file uses its part")]

use cloister_verify::Step;
use cloister_verify::ccel::{
    Captured, Demands, Known, Opinion, Register, Registers, Table, Unread, appraise,
};
use sha2::{Digest, Sha384};

pub(crate) const SEPARATOR: u32 = 4;
pub(crate) const TAG: u32 = 6;
pub(crate) const IPL: u32 = 0xd;
pub(crate) const POLICY: u32 = 0x8000_0001;
pub(crate) const BOOT: u32 = 0x8000_0002;
pub(crate) const PROGRAM: u32 = 0x8000_0003;
pub(crate) const ACTION: u32 = 0x8000_0007;
pub(crate) const VOLUME: u32 = 0x8000_000a;
pub(crate) const CALL: &[u8] = b"Calling EFI Application from Boot Option";
pub(crate) const EXIT: &[u8] = b"Exit Boot Services Invocation";
pub(crate) const EXITED: &[u8] = b"Exit Boot Services Returned with Success";

pub(crate) fn sha384(bytes: &[u8]) -> [u8; 48] {
    Sha384::digest(bytes).into()
}

/// An event as the tests bend it: register index, type, digest, content.
#[derive(Clone)]
pub(crate) struct Made(
    pub(crate) u32,
    pub(crate) u32,
    pub(crate) [u8; 48],
    pub(crate) Vec<u8>,
);

pub(crate) fn made(index: u32, kind: u32, content: &[u8]) -> Made {
    Made(index, kind, sha384(content), content.to_vec())
}

pub(crate) fn variable(name: &str, data: &[u8]) -> Vec<u8> {
    let units: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let mut bytes = vec![0x61; 16];
    bytes.extend((units.len() as u64 / 2).to_le_bytes());
    bytes.extend((data.len() as u64).to_le_bytes());
    bytes.extend(units);
    bytes.extend(data);
    bytes
}

pub(crate) fn tag(id: u32, text: &[u8]) -> Vec<u8> {
    [
        &id.to_le_bytes()[..],
        &(text.len() as u32).to_le_bytes(),
        text,
    ]
    .concat()
}

pub(crate) fn image() -> Vec<u8> {
    let mut bytes = vec![7; 24];
    bytes.extend(4u64.to_le_bytes());
    bytes.extend([0x7f, 0xff, 4, 0]);
    bytes
}

/// A direct boot as TDVF and the Linux stub measure it.
pub(crate) fn boot() -> Vec<Made> {
    let variable_boot = variable("BootOrder", &[0, 0]);
    vec![
        Made(1, VOLUME, sha384(b"volume"), b"a volume".to_vec()),
        made(1, POLICY, &variable("SecureBoot", &[])),
        made(1, SEPARATOR, &[0; 4]),
        Made(1, 0xa, sha384(b"tables"), b"ACPI DATA".to_vec()),
        Made(2, PROGRAM, sha384(b"kernel"), image()),
        Made(1, BOOT, sha384(&[0, 0]), variable_boot),
        made(2, ACTION, CALL),
        made(2, SEPARATOR, &[0; 4]),
        Made(
            3,
            TAG,
            sha384(b"command line"),
            tag(0x8f3b_22ed, b"LOADED_IMAGE::LoadOptions\0"),
        ),
        Made(
            3,
            TAG,
            sha384(b"initrd"),
            tag(0x8f3b_22ec, b"Linux initrd\0"),
        ),
        made(2, ACTION, EXIT),
        made(2, ACTION, EXITED),
    ]
}

pub(crate) const WHAT: [(Register, &[u8]); 5] = [
    (Register::Rtmr0, b"volume"),
    (Register::Rtmr0, b"tables"),
    (Register::Rtmr1, b"kernel"),
    (Register::Rtmr2, b"command line"),
    (Register::Rtmr2, b"initrd"),
];

pub(crate) fn known() -> Vec<Known<'static>> {
    WHAT.iter()
        .map(|(register, of)| Known {
            register: *register,
            digest: sha384(of),
            what: core::str::from_utf8(of).unwrap(),
        })
        .collect()
}

pub(crate) fn header() -> Vec<u8> {
    let mut body = b"Spec ID Event03\0".to_vec();
    body.extend([0, 0, 0, 0, 0, 2, 0, 2]);
    body.extend(1u32.to_le_bytes());
    body.extend([0xc, 0, 48, 0, 0]);
    let mut bytes = vec![1, 0, 0, 0, 3, 0, 0, 0];
    bytes.extend([0; 20]);
    bytes.extend((body.len() as u32).to_le_bytes());
    bytes.extend(body);
    bytes
}

pub(crate) fn encoded(events: &[Made]) -> Vec<u8> {
    let mut bytes = header();
    for Made(index, kind, digest, content) in events {
        bytes.extend(index.to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes.extend([1, 0, 0, 0, 0xc, 0]);
        bytes.extend(digest);
        bytes.extend((content.len() as u32).to_le_bytes());
        bytes.extend(content);
    }
    bytes
}

pub(crate) fn replayed(events: &[Made]) -> Registers {
    let mut registers = Registers::START;
    for Made(index, kind, digest, _) in events {
        if *kind != 3 {
            registers.extend(Register::of_cc_index(*index).unwrap(), digest);
        }
    }
    registers
}

pub(crate) fn judged(area: &[u8], registers: &Registers, unread: Unread) -> Opinion {
    let captured = Captured::Ccel {
        table: Table::Absent,
        area,
    };
    let demands = Demands {
        registers,
        known: &known(),
        unread,
    };
    appraise(&captured, &demands)
}

/// Judges events against the registers that they replay to, strictly.
pub(crate) fn strictly(events: &[Made]) -> Opinion {
    judged(&encoded(events), &replayed(events), Unread::Refused)
}

pub(crate) fn failed(opinion: &Opinion) -> Vec<&'static str> {
    match &opinion.verdict {
        Ok(_) => Vec::new(),
        Err(refused) => refused.rules.clone(),
    }
}

pub(crate) fn step<'a>(opinion: &'a Opinion, rule: &str) -> &'a Step {
    opinion.trail.iter().find(|s| s.rule == rule).unwrap()
}
