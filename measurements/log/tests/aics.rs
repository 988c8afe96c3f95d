//! Foreign judgement on cosignatures and on the witness's protocol, in both directions: PyPI's `aics-tlog` and `aics-witness` read our log
//! and our witness's word, and cosign our log; we read theirs, and our witness cosigns what their feeder brings.
//!
//! The peer comes from `AICS` (a folder for `PYTHONPATH`), or is installed by pip under Cargo's temporary directory from
//! `foreign/aics.txt`. Where neither works the comparison says so on the terminal, unless `CLOISTER_REQUIRE_PEERS` is set: then it fails.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use base64ct::{Base64, Encoding};
use cloister_log::log::Log;
use cloister_log::request::AddCheckpoint;
use cloister_log::serve::now;
use cloister_log::submit::{SubmitError, WitnessUrl, submit};
use cloister_log::witness::{Answer, Witness};
use cloister_verify::log::{
    Artefact, Entry, Hash, Kind, LogPolicy, NoteSignature, Proof, VerifierKey, Word, published,
};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::OnceLock;
use support::{Folder, Key, log, policy};

/// The folder in which Python finds the peer, once for all tests; none after saying loudly why.
fn peer() -> Option<&'static Path> {
    static PEER: OnceLock<Option<PathBuf>> = OnceLock::new();
    PEER.get_or_init(|| match install() {
        Ok(folder) => Some(folder),
        Err(why) if std::env::var_os("CLOISTER_REQUIRE_PEERS").is_none() => {
            let text = format!(
                "\n*** SKIPPED: no comparison with aics-tlog and aics-witness: {why} ***\n"
            );
            print!("{text}");
            eprint!("{text}");
            None
        }
        Err(why) => panic!("aics-tlog and aics-witness are required and absent: {why}"),
    })
    .as_deref()
}

fn install() -> Result<PathBuf, String> {
    if let Some(folder) = std::env::var_os("AICS") {
        return Ok(folder.into());
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("aics");
    let requirements = here("foreign/aics.txt");
    let wanted = fs::read(&requirements).unwrap();
    // What was installed whole says so last.
    let stamp = folder.join("installed");
    if fs::read(&stamp).is_ok_and(|installed| installed == wanted) {
        return Ok(folder);
    }
    let pip = Command::new("python3")
        .args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--disable-pip-version-check",
        ])
        .args([
            "--no-deps",
            "--require-hashes",
            "--only-binary=:all:",
            "--ignore-requires-python",
        ])
        .args(["--upgrade", "--target"])
        .arg(&folder)
        .arg("-r")
        .arg(requirements)
        .output()
        .map_err(|error| format!("python3 does not start: {error}"))?;
    if !pip.status.success() {
        let said = String::from_utf8_lossy(&pip.stderr);
        return Err(format!("pip failed: {}", said.trim()));
    }
    fs::write(stamp, wanted).unwrap();
    Ok(folder)
}

fn here(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests")
        .join(name)
}

fn python(peer: &Path) -> Command {
    let mut python = Command::new("python3");
    python
        .env("PYTHONPATH", peer)
        .env("PYTHONDONTWRITEBYTECODE", "1");
    python
}

/// Runs a word of `foreign/aics_peer.py`, and returns the lines that it prints.
fn ask(peer: &Path, arguments: &[&str], input: &str) -> Vec<String> {
    let mut command = python(peer);
    command.arg(here("foreign/aics_peer.py")).args(arguments);
    support::ask(&mut command, input)
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// A process that ends with the test.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn they_read_our_log_and_our_witness() {
    let Some(peer) = peer() else { return };
    let folder = Folder::new("aics-reads");
    let (log_key, witness_key) = (Key::log("log.example/one"), Key::witness("w1.example"));
    let accepts = policy(&log_key.public(), &[witness_key.public()], 1);
    let accepts = LogPolicy::parse(&accepts).unwrap();
    for size in [1, 2, 255, 256, 257, 600] {
        let place = folder.at(&format!("log{size}"));
        let ours = log(&place, &log_key, size);
        let state = folder.at(&format!("witness{size}"));
        let witness = Witness::open(&state, witness_key.secret(), vec![log_key.public()]).unwrap();
        let request = AddCheckpoint {
            old: 0,
            proof: Vec::new(),
            checkpoint: ours.head_note().unwrap(),
        };
        let Answer::Cosigned(lines) = witness.add(&request.to_bytes(), now()) else {
            panic!("our witness does not cosign");
        };
        let lines = NoteSignature::parse_lines(lines.as_bytes()).unwrap();
        ours.publish(&lines, &accepts).unwrap();
        let (log, witness) = (
            log_key.public().to_string(),
            witness_key.public().to_string(),
        );
        let said = ask(peer, &["read", text(&place), &log, &witness], "");
        assert_eq!(said, [size.to_string()]);
    }
}

#[test]
fn we_read_their_log_and_their_witness() {
    let Some(peer) = peer() else { return };
    let folder = Folder::new("aics-writes");
    let name = Word::parse("file").unwrap();
    let entry = |index: usize| {
        let version = Word::parse(&index.to_string()).unwrap();
        Entry::of(Kind::Floors, name.clone(), version, &index.to_be_bytes())
    };
    for size in [1, 7, 300] {
        let place = folder.at(&format!("log{size}"));
        fs::create_dir_all(&place).unwrap();
        let entries: String = (0..size)
            .map(|index| Base64::encode_string(entry(index).to_string().as_bytes()) + "\n")
            .collect();
        let said = ask(peer, &["write", text(&place)], &entries);
        let [log, witness] = [0, 1].map(|line| VerifierKey::parse(&said[line]).unwrap());
        let accepts = LogPolicy::parse(&policy(&log, &[witness], 1)).unwrap();
        let checkpoint = fs::read(place.join("checkpoint")).unwrap();
        assert_eq!(said.len(), size + 2);
        for (index, hashes) in said[2..].iter().enumerate() {
            let hash = |text| Hash::try_from(Base64::decode_vec(text).unwrap()).unwrap();
            let mut proof = Proof {
                extra: Some(entry(index).to_string().into_bytes()),
                index: index.try_into().unwrap(),
                hashes: hashes.split_whitespace().map(hash).collect(),
                checkpoint: checkpoint.clone(),
            };
            let judge = |proof: &Proof| {
                let artefact = Artefact {
                    kind: Kind::Floors,
                    name: name.clone(),
                    bytes: &index.to_be_bytes(),
                };
                published(&proof.to_bytes(), &artefact, &accepts, now()).verdict
            };
            let logged = judge(&proof).unwrap();
            assert_eq!(logged.cosigned()[0].witness, "witness.example/theirs");
            assert!(logged.age(now()) < 600);
            if let Some(first) = proof.hashes.first_mut() {
                first[0] ^= 1;
                assert_eq!(judge(&proof).unwrap_err().rules, ["log.inclusion"]);
            }
        }
    }
}

#[tokio::test]
async fn their_witness_cosigns_one_history_of_our_log() {
    let Some(peer) = peer() else { return };
    let folder = Folder::new("aics-witness");
    let key = Key::log("log.example/one");
    let run = |arguments: &[&str]| {
        let output = python(peer)
            .args(["-m", "aics_witness"])
            .args(arguments)
            .current_dir(&folder.0)
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        String::from_utf8(output.stdout).unwrap()
    };
    let said = run(&[
        "init",
        "--name",
        "witness.example/theirs",
        "--listen",
        "127.0.0.1:0",
    ]);
    let theirs = VerifierKey::parse(said.trim()).unwrap();
    let public = key.public().to_string();
    run(&["add-log", "--origin", "log.example/one", "--vkey", &public]);
    let mut child = python(peer)
        .args(["-m", "aics_witness", "serve"])
        .current_dir(&folder.0)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stderr.take().unwrap());
    let _process = Process(child);
    let mut lines = lines.lines().map(Result::unwrap);
    let url = lines
        .find_map(|line| {
            Some(
                line.split_once("listening on ")?
                    .1
                    .split(' ')
                    .next()?
                    .to_owned(),
            )
        })
        .unwrap();
    // What it says later is of no interest, and must not fill the pipe.
    std::thread::spawn(move || lines.for_each(drop));

    let accepts = LogPolicy::parse(&policy(&key.public(), &[theirs], 1)).unwrap();
    let url = WitnessUrl::parse(&url).unwrap();
    let mut ours = log(&folder.at("log"), &key, 3);
    let cosigned = |ours: &Log, lines: &[NoteSignature]| {
        ours.publish(lines, &accepts).unwrap();
        assert_eq!(ours.published_size().unwrap(), ours.head().size);
    };
    let lines = submit(&ours, &url).await.unwrap();
    cosigned(&ours, &lines);
    // From there to a larger tree, with a proof of consistency of ours.
    ours.append(&[b"more".to_vec(), b"and more".to_vec()])
        .unwrap();
    let lines = submit(&ours, &url).await.unwrap();
    cosigned(&ours, &lines);
    // Another history under the same key, of the same size and of a larger one.
    for size in [5, 9] {
        let forked = log(&folder.at(&format!("fork{size}")), &key, size);
        assert!(matches!(
            submit(&forked, &url).await,
            Err(SubmitError::Forked | SubmitError::Status(_))
        ));
    }
}

#[test]
fn our_witness_cosigns_what_their_feeder_brings() {
    let Some(peer) = peer() else { return };
    let folder = Folder::new("aics-feeder");
    let (key, witness_key) = (Key::log("log.example/one"), Key::witness("w1.example"));
    witness_key.secret().write(&folder.at("w1.key")).unwrap();
    let mut child = Command::new(env!("CARGO_BIN_EXE_cloister-witness"))
        .args([
            "--key",
            "w1.key",
            "--state",
            "w1",
            "--log",
            &key.public().to_string(),
        ])
        .current_dir(&folder.0)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let _process = Process(child);
    let url = line.trim_end().rsplit(' ').next().unwrap();

    let place = |name: &str, ours: &Log| {
        fs::write(folder.at(name).join("note"), ours.head_note().unwrap()).unwrap();
        text(&folder.at(name)).to_owned()
    };
    // The same history at two sizes, then another one.
    let small = place("small", &log(&folder.at("small"), &key, 3));
    let large = place("large", &log(&folder.at("large"), &key, 300));
    let mut other = log(&folder.at("other"), &key, 2);
    let other_entries: Vec<Vec<u8>> = (0..400_u32).map(|n| n.to_be_bytes().to_vec()).collect();
    other.append(&other_entries).unwrap();
    let other = place("other", &other);
    let public = witness_key.public().to_string();
    let said = ask(
        peer,
        &["submit", url, &public, &small, &large, &large, &other],
        "",
    );
    assert_eq!(
        said,
        [
            "cosigned 1",
            "cosigned 1",
            "cosigned 1",
            "refused WitnessRejected"
        ]
    );
}
