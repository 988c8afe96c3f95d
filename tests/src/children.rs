//! Processes that end with the test, whatever happens to it.
//!
//! Two nets: dropping a [`Running`] kills its whole process group; and every child asks the kernel for a signal when the thread
//! that started it ends, which lives as long as the test process. It is SIGTERM, so that scripts can end what they started.

use std::fs::File;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, OnceLock};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::programs;

type Order = (Command, Sender<std::io::Result<Child>>);

/// A program that runs beside the test, and the file that holds all it says.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
    stdin: Option<ChildStdin>,
    output: PathBuf,
}

impl Running {
    /// Starts `program` in a process group of its own. Standard output and error go to `<folder>/<name>.log`; its standard input
    /// is a pipe that stays open as long as this value.
    ///
    /// # Panics
    /// When it cannot be started.
    pub fn start(
        name: &str,
        program: &Path,
        folder: &Path,
        prepare: impl FnOnce(&mut Command),
    ) -> Self {
        let output = folder.join(format!("{name}.log"));
        let file = File::create(&output).expect("a file for the output");
        let mut command = Command::new(programs::system("setpriv"));
        command.args(["--pdeathsig", "TERM", "--"]).arg(program);
        command.stdin(Stdio::piped());
        command.stdout(file.try_clone().expect("the same file"));
        command.stderr(file);
        command.process_group(0);
        prepare(&mut command);
        let mut child =
            spawn(command).unwrap_or_else(|error| panic!("{name} does not start: {error}"));
        let stdin = child.stdin.take();
        Self {
            name: name.to_owned(),
            child,
            stdin,
            output,
        }
    }

    /// Everything the program has said so far, as bytes.
    pub fn output(&self) -> Vec<u8> {
        std::fs::read(&self.output).unwrap_or_default()
    }

    /// Where its output is kept.
    pub fn output_path(&self) -> &Path {
        &self.output
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Whether it still runs.
    pub fn alive(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Waits until its output contains `word`.
    ///
    /// # Panics
    /// When the program ends before, or after `patience`.
    pub fn wait_for(&mut self, word: &str, patience: Duration) {
        let start = Instant::now();
        loop {
            let output = self.output();
            if output
                .windows(word.len())
                .any(|window| window == word.as_bytes())
            {
                return;
            }
            let ended = !self.alive();
            if ended || start.elapsed() > patience {
                panic!(
                    "{} {} without saying {word:?}; it said:\n{}",
                    self.name,
                    if ended {
                        "ended".to_owned()
                    } else {
                        format!("ran for {patience:?}")
                    },
                    String::from_utf8_lossy(&self.output())
                );
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Waits for its end and returns the exit status.
    ///
    /// # Panics
    /// When it still runs after `patience`.
    pub fn wait_end(&mut self, patience: Duration) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Ok(Some(status)) = self.child.try_wait() {
                return status;
            }
            assert!(
                start.elapsed() < patience,
                "{} still runs after {patience:?}; it said:\n{}",
                self.name,
                String::from_utf8_lossy(&self.output())
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Sends `signal` to the program alone, not to its group.
    ///
    /// # Panics
    /// When it has ended already.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal)
            .unwrap_or_else(|error| panic!("{}: {error}", self.name));
    }

    /// Asks it to end, waits a moment, and kills what is left of its process group.
    pub fn stop(&mut self) {
        drop(self.stdin.take());
        let group = Pid::from_child(&self.child);
        if self.alive() {
            let _ = rustix::process::kill_process(group, Signal::TERM);
            let start = Instant::now();
            while self.alive() && start.elapsed() < Duration::from_secs(3) {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        let _ = kill_process_group(group, Signal::KILL);
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.stop();
        if std::thread::panicking() {
            let output = self.output();
            let from = output.len().saturating_sub(4000);
            eprintln!(
                "--- {} said:\n{}",
                self.name,
                String::from_utf8_lossy(&output[from..])
            );
        }
    }
}

/// What a program that ran to its end left behind.
#[derive(Debug)]
pub struct Finished {
    /// Its exit code; 128 and the signal's number when a signal ended it.
    pub code: i32,
    /// All of standard output.
    pub stdout: Vec<u8>,
    /// All of standard error.
    pub stderr: Vec<u8>,
}

impl Finished {
    /// Standard output as text.
    pub fn out(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Standard error as text.
    pub fn err(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }
}

/// Runs `program` to its end, with `input` on its standard input.
///
/// # Panics
/// When it cannot be started or takes longer than `patience`; it is killed then.
pub fn run(
    program: &Path,
    input: &[u8],
    patience: Duration,
    prepare: impl FnOnce(&mut Command),
) -> Finished {
    use std::io::{Read, Write};

    let mut command = Command::new(programs::system("setpriv"));
    command.args(["--pdeathsig", "TERM", "--"]).arg(program);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.process_group(0);
    prepare(&mut command);
    let mut child = spawn(command)
        .unwrap_or_else(|error| panic!("{} does not start: {error}", program.display()));
    let group = Pid::from_child(&child);

    let mut stdin = child.stdin.take().expect("piped");
    let mut stdout = child.stdout.take().expect("piped");
    let mut stderr = child.stderr.take().expect("piped");
    let input = input.to_vec();
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(&input);
    });
    let out = std::thread::spawn(move || {
        let mut all = Vec::new();
        let _ = stdout.read_to_end(&mut all);
        all
    });
    let err = std::thread::spawn(move || {
        let mut all = Vec::new();
        let _ = stderr.read_to_end(&mut all);
        all
    });

    let start = Instant::now();
    let status = loop {
        match child.try_wait() {
            Ok(Some(status)) => break Some(status),
            Ok(None) if start.elapsed() > patience => break None,
            _ => std::thread::sleep(Duration::from_millis(10)),
        }
    };
    let _ = kill_process_group(group, Signal::KILL);
    let _ = child.wait();
    let _ = writer.join();
    let finished = Finished {
        code: status.map_or(-1, |status| {
            status
                .code()
                .unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
        }),
        stdout: out.join().expect("read"),
        stderr: err.join().expect("read"),
    };
    assert!(
        status.is_some(),
        "{} took longer than {patience:?}: {}",
        program.display(),
        finished.err()
    );
    finished
}

/// Starts the command from a thread that lives as long as this process: the kernel's parent-death signal (prctl(2),
/// PR_SET_PDEATHSIG) is sent when the starting *thread* ends, and a test's own thread ends early.
fn spawn(command: Command) -> std::io::Result<Child> {
    static STARTER: OnceLock<Mutex<Sender<Order>>> = OnceLock::new();
    let starter = STARTER.get_or_init(|| {
        let (orders, inbox) = channel::<Order>();
        std::thread::spawn(move || {
            for (mut command, reply) in inbox {
                let _ = reply.send(command.spawn());
            }
        });
        Mutex::new(orders)
    });
    let (reply, child) = channel();
    starter
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
        .send((command, reply))
        .expect("the starter runs");
    child.recv().expect("the starter answers")
}
