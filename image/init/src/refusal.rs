//! The one fatal path: a check did not hold, so nothing is served.

use core::fmt;
use rustix::system::{RebootCommand, reboot};
use std::io::{Write, stderr};

/// A check that did not hold. Its texts come from this crate, the kernel and the command line; no request exists yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    check: &'static str,
    expected: String,
    found: String,
}

impl Refusal {
    /// Names the check, what it expected and what it found.
    #[must_use]
    pub fn new(check: &'static str, expected: impl Into<String>, found: impl Into<String>) -> Self {
        Self {
            check,
            expected: expected.into(),
            found: found.into(),
        }
    }

    /// For `map_err`: a step that must work, and what the kernel said instead.
    pub(crate) fn failed<E: fmt::Display>(
        check: &'static str,
        expected: &'static str,
    ) -> impl FnOnce(E) -> Self {
        move |error| Self::new(check, expected, error.to_string())
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The console is one host-readable stream: whatever the host put into a name or a line cannot start a line of its own.
        let plain = |text: &str| -> String {
            text.chars()
                .take(200)
                .map(|c| {
                    if c.is_ascii_graphic() || c == ' ' {
                        c
                    } else {
                        '?'
                    }
                })
                .collect()
        };
        write!(
            f,
            "cloister: boot refused: {}: expected {}, found {}",
            self.check,
            plain(&self.expected),
            plain(&self.found)
        )
    }
}

impl core::error::Error for Refusal {}

/// Writes one line to the console and waits until it is out.
pub(crate) fn say(line: impl fmt::Display) {
    // Without a console there is nobody to tell; the machine stops or serves all the same.
    let mut console = stderr();
    let _ = writeln!(console, "{line}");
    let _ = rustix::termios::tcdrain(&console);
}

/// Stops the machine. Only PID 1 may call this: anywhere else it would stop someone else's.
pub(crate) fn power_off() -> ! {
    rustix::fs::sync();
    let _ = reboot(RebootCommand::PowerOff);
    // A machine that cannot power off halts: the end of PID 1 is a kernel panic, and the kernel is built to restart on one.
    std::process::exit(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_one_line() {
        let refusal = Refusal::new("disk", "serial weights", "a\nb\u{1b}[2J");
        assert_eq!(
            refusal.to_string(),
            "cloister: boot refused: disk: expected serial weights, found a?b?[2J"
        );
    }
}
