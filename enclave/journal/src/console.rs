//! The `tracing` subscriber that prints our events and nothing else.

use crate::event::TARGET;
use core::fmt::{self, Write as _};
use std::io::Write as _;
use tracing::{
    Event, Metadata, Subscriber,
    field::{Field, Visit},
    span,
};

/// A journal is installed already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstallError;

impl fmt::Display for InstallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a journal is installed already")
    }
}

impl core::error::Error for InstallError {}

/// Prints every later [`record`](crate::record)ed event as one line on standard error, and drops what others trace.
///
/// # Errors
/// [`InstallError`] when called twice in a process.
pub fn install() -> Result<(), InstallError> {
    tracing::subscriber::set_global_default(Console).map_err(|_| InstallError)
}

struct Console;

impl Subscriber for Console {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.is_event() && metadata.target() == TARGET
    }

    fn event(&self, event: &Event<'_>) {
        if self.enabled(event.metadata()) {
            let mut line = Line(String::from("cloister:"));
            event.record(&mut line);
            line.0.push('\n');
            // A console that cannot be written to must not stop the service.
            let _ = std::io::stderr().write_all(line.0.as_bytes());
        }
    }

    // Spans are never enabled, so these are not called.
    fn new_span(&self, _: &span::Attributes<'_>) -> span::Id {
        span::Id::from_u64(1)
    }
    fn record(&self, _: &span::Id, _: &span::Record<'_>) {}
    fn record_follows_from(&self, _: &span::Id, _: &span::Id) {}
    fn enter(&self, _: &span::Id) {}
    fn exit(&self, _: &span::Id) {}
}

struct Line(String);

impl Visit for Line {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "event" => self.0.extend([" ", value]),
            name => self.0.extend([" ", name, "=", value]),
        }
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        // Writing to a `String` cannot fail.
        let _ = write!(self.0, " {}={value}", field.name());
    }

    /// Values of other kinds are not ours: say so instead of printing them.
    fn record_debug(&mut self, field: &Field, _: &dyn fmt::Debug) {
        self.0.extend([" ", field.name(), "=?"]);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::process::Command;

    /// Runs in a process of its own, since a journal is installed once per process.
    #[test]
    fn a49_only_our_events_are_printed() {
        if std::env::var_os("CLOISTER_JOURNAL_CHILD").is_some() {
            crate::install().unwrap();
            assert_eq!(crate::install(), Err(crate::InstallError));
            crate::record(crate::Event::Listening { port: 443 });
            crate::record(crate::Event::RequestRefused {
                reason: crate::RequestRefusal::Replayed,
            });
            tracing::error!("a library says MARKER");
            tracing::error!(target: "cloister::inner", "MARKER");
            let _span = tracing::error_span!(target: "cloister", "MARKER").entered();
            return;
        }
        let output = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "console::tests::a49_only_our_events_are_printed",
                "--nocapture",
            ])
            .env("CLOISTER_JOURNAL_CHILD", "1")
            .output()
            .unwrap();
        let printed = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{printed}");
        let ours: Vec<_> = printed
            .lines()
            .filter(|line| line.starts_with("cloister:"))
            .collect();
        assert_eq!(
            ours,
            [
                "cloister: listening port=443",
                "cloister: request-refused reason=replayed"
            ]
        );
        assert!(!printed.contains("MARKER"), "{printed}");
    }
}
