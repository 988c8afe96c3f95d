//! What is printed, and where.

use std::io::{Write, stderr, stdout};

use cloister_client::failure::{Failure, Fault};
use cloister_client::trail::{self, marked};
use serde_json::{Value, json};

/// How much is said, and to whom.
#[derive(Clone, Copy)]
pub(crate) struct Voice {
    /// To a program.
    pub(crate) json: bool,
    /// The whole trail.
    pub(crate) verbose: bool,
}

/// One line on standard error.
pub(crate) fn say(line: &str) {
    // A closed standard error takes away the words, not the result.
    let _ = writeln!(stderr(), "{line}");
}

/// Text on standard output.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    writeln!(stdout(), "{text}")
        .and_then(|()| stdout().flush())
        .map_err(|error| {
            Failure::new(
                Fault::Input,
                format_args!("can't write to standard output: {}", error.kind()),
            )
        })
}

/// One JSON object on standard output.
pub(crate) fn print_json(value: &Value) -> Result<(), Failure> {
    print(&value.to_string())
}

/// Reports a failure: on standard error for people, on standard output for programs.
pub(crate) fn failure(failure: &Failure, voice: Voice) {
    if voice.json {
        // The exit code still tells the sort of failure when this can't be printed.
        let _ = print_json(&failure_json(failure));
    }
    let mark = |text: &str| marked(text, failure.simulated);
    if voice.verbose {
        for line in trail::lines(&failure.trail, failure.simulated) {
            say(&line);
        }
    }
    say(&mark(&format!(
        "cloister: {}{failure}",
        match failure.fault {
            Fault::Verification => "verification refused: ",
            Fault::Input => "",
            Fault::Network => "network: ",
            Fault::Enclave => "the enclave refused: ",
            Fault::Reply => "no valid reply: ",
        }
    )));
    if !voice.verbose {
        let failed: Vec<_> = trail::failed(&failure.trail).cloned().collect();
        for line in trail::lines(&failed, failure.simulated) {
            say(&line);
        }
    }
    for sentence in &failure.explanation {
        say(&mark(&format!("why: {sentence}")));
    }
    if failure.sent {
        say(&mark(
            "the sealed request was sent; only the verified machine could open it",
        ));
    } else {
        say(&mark("nothing was sent"));
    }
}

fn failure_json(failure: &Failure) -> Value {
    let failed: Vec<_> = trail::failed(&failure.trail).cloned().collect();
    json!({
        "error": {
            "fault": failure.fault.word(),
            "code": failure.fault.exit_code(),
            "message": failure.message,
            "explanation": failure.explanation,
            "sent": failure.sent,
        },
        "failed": trail::json(&failed),
        "trail": trail::json(&failure.trail),
        "simulated": failure.simulated,
    })
}
