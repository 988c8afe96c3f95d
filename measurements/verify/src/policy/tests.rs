//! Policies are read whole or not at all.
#![allow(clippy::unwrap_used)]
use super::*;

/// The production policy with one text replaced in one of its files.
fn changed(file: usize, from: &str, to: &str) -> Result<Policy, BadPolicy> {
    let mut texts = [
        PRODUCTION.rules,
        PRODUCTION.floors,
        PRODUCTION.machines,
        PRODUCTION.intel_floors,
    ]
    .map(String::from);
    let text = texts.get_mut(file).unwrap();
    let new = text.replacen(from, to, 1);
    assert_ne!(*text, new, "the test changes nothing");
    *text = new;
    let [rules, floors, machines, intel_floors] = &texts;
    Policy::parse(&PolicyFiles {
        rules,
        floors,
        intel_floors,
        machines,
    })
}

#[test]
fn built_in_policies_are_readable() {
    assert_eq!(Policy::production().name(), "production");
    assert_eq!(Policy::authentic().name(), "authentic");
    assert_eq!(Policy::simulated().name(), "simulated");
    assert!(Policy::production().machines().is_empty());
    assert_eq!(Policy::simulated().machines().len(), 1);
}

#[test]
fn floors_are_the_highest_line() {
    let policy = Policy::production();
    let floor = |stepping, component| policy.floor(Product::Genoa, stepping, component);
    assert_eq!(floor(1, Component::Snp), Some((0x1c, "AMD-SB-3034")));
    assert_eq!(floor(1, Component::Microcode), Some((0x56, "AMD-SB-3027")));
    assert_eq!(floor(2, Component::Microcode), Some((0x51, "AMD-SB-3027")));
    assert_eq!(floor(3, Component::Snp), None);
    assert_eq!(policy.floor(Product::Milan, 1, Component::Snp), None);
    assert_eq!(policy.mitigations(Product::Genoa), 0b1_0110);
}

#[test]
fn a21_a_policy_that_is_not_whole_is_no_policy() {
    for (what, from, to) in [
        (
            "an unknown key",
            "[snp.machine]",
            "[snp.machine]\nunlisted = 1",
        ),
        ("a missing key", "debug = {", "# debug = {"),
        (
            "a missing table",
            "[snp.machine]\nlisted",
            "[snp.other]\nlisted",
        ),
        (
            "an unknown word",
            "debug = { value = \"refused\"",
            "debug = { value = \"Refused\"",
        ),
        (
            "an empty word",
            "debug = { value = \"refused\"",
            "debug = { value = \"\"",
        ),
        (
            "a truth value",
            "debug = { value = \"refused\"",
            "debug = { value = false",
        ),
        ("no value", "debug = { value = \"refused\", ", "debug = { "),
        (
            "an unknown member",
            "debug = { value",
            "debug = { reason = \"x\", value",
        ),
        ("no source", "source = \"amd-floors.toml\", ", ""),
        (
            "an empty source",
            "source = \"amd-floors.toml\"",
            "source = \" \"",
        ),
        ("no date", ", date = \"2026-11-23\" }", " }"),
        ("an empty date", "date = \"2026-11-23\"", "date = \"\""),
        (
            "a day that is none",
            "date = \"2026-11-23\"",
            "date = \"2026-13-23\"",
        ),
        (
            "a date and more",
            "date = \"2026-11-23\"",
            "date = \"2026-11-23-1\"",
        ),
        (
            "a key twice",
            "[snp.machine]",
            "[snp.machine]\nlisted = { value = \"any\", source = \"x\", date = \"2026-11-23\" }",
        ),
        (
            "hex of another length",
            "host-data = { value = \"zero\"",
            "host-data = { value = \"00\"",
        ),
        (
            "a negative number",
            "guest-svn-minimum = { value = 0",
            "guest-svn-minimum = { value = -1",
        ),
        (
            "an unknown product",
            "\"genoa\", \"bergamo\"",
            "\"genoa\", \"rome\"",
        ),
    ] {
        assert!(changed(0, from, to).is_err(), "{what} was accepted");
    }
    for (what, from, to) in [
        (
            "a level of nine bits",
            "at-least = 0x1b",
            "at-least = 0x11b",
        ),
        (
            "an unknown component",
            "component = \"snp\"",
            "component = \"SNP\"",
        ),
        (
            "no source",
            "source = \"second hand: EntrySign, PI 1.0.0.G\", ",
            "",
        ),
        ("a bit that is none", "bit = 1", "bit = 64"),
        ("no floors", "floors = [", "ceilings = ["),
        ("a line cut off", "at-least = 0x17,", ""),
    ] {
        assert!(changed(1, from, to).is_err(), "{what} was accepted");
    }
    assert!(changed(2, "machines = []", "").is_err());
    assert!(changed(2, "machines = []", "machines = [ {} ]").is_err());
}

#[test]
fn a21_intels_part_is_whole_too() {
    for (what, from, to) in [
        ("an unknown table", "[tdx.machine]", "[tdx.machines]"),
        ("an unknown status", "[\"UpToDate\"]", "[\"uptodate\"]"),
        ("an unknown body", "[\"td-1.5\"]", "[\"td-2.0\"]"),
        (
            "a short number",
            "\"e71a060000000000\"",
            "\"e71a0600000000\"",
        ),
        ("no word on the service TD", "mrservicetd = ", "# "),
    ] {
        assert!(changed(0, from, to).is_err(), "{what} was accepted");
    }
    let line = "advisories = [ { id = \"INTEL-SA-1\", reason = \"r\", source = \"s\", date = \"2026-11-23\", expiry = \"2027-01-01\" } ]";
    let with = |line: &str| changed(3, "advisories = []", line);
    assert!(with(line).is_ok());
    for (what, from, to) in [
        ("no reason", "reason = \"r\", ", ""),
        ("an empty reason", "\"r\"", "\"\""),
        ("no source", "source = \"s\", ", ""),
        ("no end", ", expiry = \"2027-01-01\"", ""),
        ("an end that is no day", "2027-01-01", "never"),
        ("an unknown member", "id =", "for-ever = true, id ="),
    ] {
        assert!(
            with(&line.replace(from, to)).is_err(),
            "{what} was accepted"
        );
    }
    assert!(with("").is_err());
    assert!(changed(3, "value = 19", "value = -19").is_err());
    assert_eq!(Policy::production().evaluation_number(), 19);
}

#[test]
fn a21_a_machine_needs_an_id() {
    let line = |id: &str| {
        let text = format!(
            "machines = [ {{ hardware-id = \"{id}\", smt = false, name = \"n\", source = \"s\", date = \"2026-11-23\" }} ]"
        );
        Policy::production().with_machines(&text)
    };
    for bad in [
        "",
        "00",
        &"00".repeat(64),
        &"00".repeat(8),
        &"ab".repeat(63),
        &"xy".repeat(64),
    ] {
        assert!(line(bad).is_err(), "{bad:?}");
    }
    for good in ["ab".repeat(64), "ab".repeat(16), "ab".repeat(8)] {
        let policy = line(&good).unwrap();
        assert!(policy.machine(&hex::decode(&good).unwrap()).is_some());
        assert!(policy.machine(&[]).is_none());
        assert!(policy.machine(&[0xab]).is_none());
    }
}
