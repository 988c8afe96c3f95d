//! What the running service may not do.

use crate::{outcome, say};
use nix::sys::ptrace;
use nix::unistd::getpid;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::process::Command;

/// Each folder in which nobody may make a file, and each file that nobody may open for writing.
const FOLDERS: [&str; 6] = [
    "/",
    "/dev",
    "/proc",
    "/sys",
    "/sys/kernel/config",
    "/weights",
];
const FILES: [&str; 7] = [
    "/init",
    "/dev/console",
    "/dev/vda",
    "/proc/self/mem",
    "/proc/sys/kernel/hostname",
    "/sys/kernel/mm/transparent_hugepage/enabled",
    "/weights/model.safetensors",
];
/// What is none of the service's business, although it could not change it.
const READ: [&str; 3] = ["/init", "/dev/vda", "/sys/firmware/acpi/tables/DSDT"];

pub(crate) fn try_everything() {
    say("connect", outcome(TcpStream::connect(("10.0.2.2", 80))));
    say("a datagram socket", outcome(UdpSocket::bind("0.0.0.0:0")));
    say("a second port", outcome(TcpListener::bind("0.0.0.0:8080")));
    say("execute", outcome(Command::new("/init").spawn()));
    say(
        "trace",
        outcome(ptrace::seize(getpid(), ptrace::Options::empty()).map_err(io::Error::from)),
    );
    say(
        "make a folder in configfs",
        outcome(fs::create_dir("/sys/kernel/config/other")),
    );
    for folder in FOLDERS {
        let new = format!("{}/new", folder.trim_end_matches('/'));
        say(
            format_args!("make a file in {folder}"),
            outcome(File::create(new)),
        );
    }
    for file in FILES {
        say(
            format_args!("write {file}"),
            outcome(OpenOptions::new().write(true).open(file)),
        );
    }
    for file in READ {
        say(format_args!("read {file}"), outcome(File::open(file)));
    }
    say(
        "read the weights",
        outcome(File::open("/weights/model.safetensors")),
    );
    for (table, what) in [
        ("tcp", "ports"),
        ("udp", "datagram ports"),
        ("unix", "named sockets"),
    ] {
        let rows = fs::read_to_string(format!("/proc/net/{table}"));
        say(
            what,
            rows.map_or_else(
                |error| outcome::<()>(Err(error)),
                |rows| listening(table, &rows),
            ),
        );
    }
    let descriptors = fs::read_dir("/proc/self/fd").map(Iterator::count);
    say(
        "descriptors",
        descriptors.map_or_else(
            |error| outcome::<()>(Err(error)),
            |number| number.to_string(),
        ),
    );
}

/// Of the kernel's table of sockets: local addresses that listen (TCP, state 0A), that receive (UDP), and names (Unix).
fn listening(table: &str, rows: &str) -> String {
    let mut found: Vec<&str> = rows
        .lines()
        .skip(1)
        .filter_map(|row| {
            let mut columns = row.split_ascii_whitespace();
            match table {
                "tcp" => columns.nth(1).filter(|_| columns.nth(1) == Some("0A")),
                "udp" => columns.nth(1),
                _ => columns.nth(7),
            }
        })
        .collect();
    found.sort_unstable();
    if found.is_empty() {
        "none".into()
    } else {
        found.join(" ")
    }
}
