//! A folder that goes away, a log with entries, a policy.
#![allow(dead_code, reason = "each test file uses its part")]

use cloister_log::key::SecretKey;
use cloister_log::log::Log;
use cloister_verify::log::{Algorithm, VerifierKey};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(crate) struct Folder(pub(crate) PathBuf);

impl Folder {
    pub(crate) fn new(name: &str) -> Self {
        let folder =
            Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// A key that can be used more than once.
pub(crate) struct Key(pub(crate) String);

impl Key {
    pub(crate) fn log(name: &str) -> Self {
        let key = SecretKey::generate(name, Algorithm::Ed25519).unwrap();
        Self(key.to_line().to_string())
    }

    pub(crate) fn witness(name: &str) -> Self {
        let key = SecretKey::generate(name, Algorithm::Cosignature).unwrap();
        Self(key.to_line().to_string())
    }

    pub(crate) fn secret(&self) -> SecretKey {
        SecretKey::parse(&self.0).unwrap()
    }

    pub(crate) fn public(&self) -> VerifierKey {
        self.secret().public().clone()
    }
}

pub(crate) fn entry(number: u64) -> Vec<u8> {
    format!("entry {number}").into_bytes()
}

/// A log of so many entries.
pub(crate) fn log(folder: &Path, key: &Key, size: u64) -> Log {
    let mut log = Log::create(folder, key.secret()).unwrap();
    log.append(&(0..size).map(entry).collect::<Vec<_>>())
        .unwrap();
    log
}

/// A policy that asks for so many of these witnesses.
pub(crate) fn policy(log: &VerifierKey, witnesses: &[VerifierKey], at_least: usize) -> String {
    let sourced =
        |value: &str| format!("{{ value = {value}, source = \"test\", date = \"2026-11-23\" }}");
    let keys: Vec<String> = witnesses
        .iter()
        .map(|key| sourced(&format!("\"{key}\"")))
        .collect();
    let names: Vec<String> = witnesses
        .iter()
        .map(|key| format!("\"{}\"", key.name()))
        .collect();
    let group = format!(
        "{{ name = \"all\", at-least = {at_least}, members = [{}] }}",
        names.join(", ")
    );
    let zero = sourced("0");
    format!(
        "logs = [{}]\nwitnesses = [{}]\ngroups = [{}]\nquorum = {}\nmaximum-age-hours = {}\nclock-skew-seconds = {}\n\
         [first-index]\nimage-release = {zero}\nkey-bundle = {zero}\nmachine-list = {zero}\nfloors = {zero}\n",
        sourced(&format!("\"{log}\"")),
        keys.join(", "),
        sourced(&group),
        sourced("\"all\""),
        sourced("168"),
        sourced("300"),
    )
}

/// Runs a peer's program with `input`, and returns the lines that it prints; it must succeed.
pub(crate) fn ask(command: &mut Command, input: &str) -> Vec<String> {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}
