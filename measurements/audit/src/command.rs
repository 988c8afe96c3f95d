//! Other programs: git, cargo, python3, the image's scripts.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

/// Lines of a program's complaint that are repeated.
const LAST_WORDS: usize = 3;

/// What a program printed.
///
/// # Errors
/// Words for people, when the program does not start, cannot be fed or fails; with the end of what it complained.
pub fn output(command: &mut Command, input: &[u8]) -> Result<Vec<u8>, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{name} does not start: {error}"))?;
    let stdin = child.stdin.take();
    let input = input.to_owned();
    // Written from beside, so that neither waits for the other over full pipes.
    let writer =
        std::thread::spawn(move || stdin.is_none_or(|mut pipe| pipe.write_all(&input).is_ok()));
    let done = child
        .wait_with_output()
        .map_err(|error| format!("{name}: {error}"))?;
    let fed = writer.join().unwrap_or(false);
    if !done.status.success() {
        let said = last_words(&String::from_utf8_lossy(&done.stderr));
        return Err(format!("{name} failed ({}): {said}", done.status));
    }
    if fed {
        Ok(done.stdout)
    } else {
        Err(format!("{name} did not read its input"))
    }
}

/// The same as text.
///
/// # Errors
/// As [`output()`], and when it is not UTF-8.
pub fn text(command: &mut Command, input: &[u8]) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    String::from_utf8(output(command, input)?).map_err(|_| format!("{name} printed no UTF-8 text"))
}

/// Runs a program whose complaints and prints go to standard error, as it goes.
///
/// # Errors
/// Words for people, when it does not start or fails.
pub fn run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let status = command
        .stdin(Stdio::null())
        .stdout(std::io::stderr())
        .status()
        .map_err(|error| format!("{name} does not start: {error}"))?;
    if status.success() {
        Ok(())
    } else {
        Err(format!(
            "{name} failed ({status}); what it said stands above"
        ))
    }
}

/// A program of a checkout, started in its root.
#[must_use]
pub fn of(root: &Path, program: &str) -> Command {
    let mut command = Command::new(root.join(program));
    command.current_dir(root);
    command
}

fn last_words(said: &str) -> String {
    let lines: Vec<&str> = said
        .lines()
        .filter(|line| !line.trim().is_empty())
        .collect();
    let from = lines.len().saturating_sub(LAST_WORDS);
    lines.get(from..).unwrap_or_default().join(" / ")
}
