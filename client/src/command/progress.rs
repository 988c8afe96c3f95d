//! A sign of life on standard error while something takes long, when standard error is a terminal.

use core::time::Duration;
use std::io::{IsTerminal, Write, stderr};
use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::thread::{JoinHandle, spawn};

/// Something that is going on. Its line is removed when it is dropped.
pub(crate) struct Progress {
    running: Option<(Sender<()>, JoinHandle<()>)>,
}

impl Progress {
    /// Shows `what` from now on; shows nothing where nobody looks.
    pub(crate) fn start(what: &'static str) -> Self {
        if !stderr().is_terminal() {
            return Self { running: None };
        }
        let (stop, stopped) = channel();
        let thread = spawn(move || {
            for sign in ["⠋", "⠙", "⠸", "⠴", "⠦", "⠇"].iter().cycle() {
                // A terminal that takes nothing any more needs no sign of life.
                let _ = write!(stderr(), "\r{sign} {what}\u{1b}[K").and_then(|()| stderr().flush());
                if stopped.recv_timeout(Duration::from_millis(120))
                    != Err(RecvTimeoutError::Timeout)
                {
                    break;
                }
            }
            let _ = write!(stderr(), "\r\u{1b}[K").and_then(|()| stderr().flush());
        });
        Self {
            running: Some((stop, thread)),
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if let Some((stop, thread)) = self.running.take() {
            drop(stop);
            // The thread only draws; if it failed, its line may stay, and that is all.
            let _ = thread.join();
        }
    }
}
