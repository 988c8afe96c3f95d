//! The device: the files of a person, and the `cloister` command over them.

use std::io::Write;
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use cloister_verify::Release;
use serde_json::Value;

use super::enclave::{Enclave, Folder, Trick, lab, now};
use super::publish;
use super::scene::Scene;
use super::{Mock, Tls};

/// A word of the thread, to be found nowhere that it does not belong.
pub const MARK: &str = "QUETZAL-4711";

/// A mock service, and the files that a device has: a published release and its proof, the policy that believes the log, a thread.
pub struct Setting {
    pub mock: Mock,
    pub enclave: Arc<Enclave>,
    pub folder: Folder,
    pub release: String,
    pub root: String,
    pub thread: String,
    pub policy: String,
    pub state: String,
}

impl Setting {
    pub async fn with(trick: Trick) -> Self {
        let enclave = Enclave::with(trick);
        let mock = Mock::start(Tls::default(), enclave.handler()).await;
        let folder = Folder::new();
        let scene = publish::scene(&lab().release, now());
        Self {
            release: published(&folder, "release.json", &scene),
            root: folder.file("root.der", lab().processor.root()),
            thread: folder.file(
                "thread.json",
                format!(r#"{{"messages":[{{"author":"Ana","text":"{MARK} at nine"}}]}}"#)
                    .as_bytes(),
            ),
            policy: folder.file("log.toml", scene.policy.as_bytes()),
            state: folder.path("state/published.json"),
            mock,
            enclave,
            folder,
        }
    }

    /// Publishes another release under a name of its own.
    pub fn publish(&self, name: &str, release: &Release) -> String {
        let mut scene = publish::scene(release, now());
        scene.entry.name = super::scene::word(name);
        published(&self.folder, name, &scene)
    }

    /// Publishes a release again as it is changed by the test.
    pub fn publish_anew(&self, change: impl FnOnce(&mut Scene)) {
        let mut scene = publish::scene(&lab().release, now());
        change(&mut scene);
        published(&self.folder, "release.json", &scene);
    }

    /// The log that the device believes, and where it remembers.
    pub fn log(&self) -> Vec<String> {
        let line = ["--log-policy", &self.policy, "--log-state", &self.state];
        line.map(str::to_owned).to_vec()
    }

    /// Everything that a working device says: release, log, root.
    pub fn trust(&self) -> Vec<String> {
        let line = [
            "--release",
            &self.release,
            "--danger-accept-simulated",
            &self.root,
        ];
        [line.map(str::to_owned).to_vec(), self.log()].concat()
    }

    /// Runs a subcommand with what to believe, and more arguments.
    pub async fn run(&self, subcommand: &[&str], more: &[&str]) -> Run {
        let line = [owned(subcommand), self.trust(), owned(more)].concat();
        run(line, Vec::new()).await
    }

    pub async fn ask(&self, more: &[&str]) -> Run {
        let gateway = self.mock.endpoint.to_string();
        let line = [&["--gateway", &gateway], more].concat();
        self.run(&["ask", &self.thread], &line).await
    }
}

/// Writes a file and its proof as they stand in a scene. What a test did to the file alone is in it.
pub fn published(folder: &Folder, name: &str, scene: &Scene) -> String {
    folder.file(&format!("{name}.tlog-proof"), &scene.file());
    folder.file(name, &scene.file)
}

pub fn owned(line: &[&str]) -> Vec<String> {
    line.iter().map(|&word| word.to_owned()).collect()
}

pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

impl Run {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|e| panic!("{e}: {}", self.out))
    }
}

/// Runs the command with these arguments and this input.
pub async fn run(line: Vec<String>, input: Vec<u8>) -> Run {
    run_with(line, input, &[]).await
}

/// The same in another environment. The command must not block the runtime that the mock service lives in.
pub async fn run_with(
    line: Vec<String>,
    input: Vec<u8>,
    environment: &[(&'static str, Option<String>)],
) -> Run {
    let environment = environment.to_vec();
    let run = move || -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cloister"));
        for (name, value) in environment {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let mut child = command
            .args(line)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        // A command that does not read its input closes it; that is its right.
        let _ = child.stdin.take().unwrap().write_all(&input);
        child.wait_with_output().unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    Run {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}
