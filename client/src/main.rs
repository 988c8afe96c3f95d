//! The `cloister` command: a thread or evidence comes in, a summary or a verdict goes out.
//!
//! The summary goes to standard output, everything about how it came to be to standard error. When the command ends with 0, what it
//! printed was opened with a key of a machine that passed every check; any other code is a sort of failure ([`cloister_client::failure`]).
#![forbid(unsafe_code)]

mod command;

use std::process::ExitCode;

fn main() -> ExitCode {
    // Where, and never what: the words of a panic could quote what was being worked on (attack A49).
    std::panic::set_hook(Box::new(|panic| {
        if let Some(place) = panic.location() {
            eprintln!("cloister: a fault of the program at {place}");
        }
    }));
    command::run()
}
