//! The witness: every answer of C2SP tlog-witness, and that it never cosigns two histories.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use cloister_log::log::Log;
use cloister_log::request::{AddCheckpoint, MAX_REQUEST};
use cloister_log::serve::serve;
use cloister_log::witness::{Answer, Witness};
use cloister_verify::UnixTime;
use cloister_verify::log::{Checkpoint, Note, NoteSignature, empty_root};
use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::{Duration, Instant};
use support::{Folder, Key, entry, log};

const NOW: UnixTime = UnixTime(1_795_000_000);

/// A witness and two logs under one key that part after the third entry.
struct Scene {
    folder: Folder,
    key: Key,
    witness_key: Key,
    witness: Witness,
}

impl Scene {
    fn new(name: &str) -> Self {
        let folder = Folder::new(name);
        let (key, witness_key) = (Key::log("log.example"), Key::witness("witness.example/w1"));
        let witness = Witness::open(
            &folder.at("witness"),
            witness_key.secret(),
            vec![key.public()],
        )
        .unwrap();
        Self {
            folder,
            key,
            witness_key,
            witness,
        }
    }

    fn log(&self, name: &str, size: u64) -> Log {
        log(&self.folder.at(name), &self.key, size)
    }

    fn add(&self, request: &AddCheckpoint) -> Answer {
        self.witness.add(&request.to_bytes(), NOW)
    }
}

fn request(log: &Log, old: u64) -> AddCheckpoint {
    AddCheckpoint {
        old,
        proof: log.consistency(old).unwrap(),
        checkpoint: log.head_note().unwrap(),
    }
}

#[track_caller]
fn cosigned(answer: &Answer) -> Vec<NoteSignature> {
    match answer {
        Answer::Cosigned(lines) => NoteSignature::parse_lines(lines.as_bytes()).unwrap(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_growing_log_is_cosigned() {
    let scene = Scene::new("growing");
    let mut log = scene.log("log", 0);
    for (old, add) in [(0, 1), (1, 0), (1, 6), (7, 1), (8, 300)] {
        let entries: Vec<_> = (0..add).map(|n| entry(old + n)).collect();
        log.append(&entries).unwrap();
        let lines = cosigned(&scene.add(&request(&log, old)));
        let text = log.head().to_string();
        let witness = scene.witness_key.public();
        assert_eq!(lines.len(), 1);
        assert_eq!(
            (lines[0].name.as_str(), lines[0].key_id),
            (witness.name(), witness.id())
        );
        assert_eq!(witness.cosigned(&text, &lines[0].signature), Some(NOW));
    }
}

#[test]
fn a28_a_witness_cosigns_no_second_history() {
    let scene = Scene::new("split");
    let (mut one, mut two) = (scene.log("one", 3), scene.log("two", 3));
    cosigned(&scene.add(&request(&one, 0)));
    one.append(&[entry(3), entry(4)]).unwrap();
    two.append(&[entry(13), entry(14)]).unwrap();
    cosigned(&scene.add(&request(&one, 3)));
    // The other history at the same size, and grown beyond.
    let mut forked = request(&two, 3);
    assert_eq!(scene.add(&forked), Answer::Conflict(5));
    forked.old = 5;
    forked.proof.clear();
    assert_eq!(scene.add(&forked), Answer::BadProof);
    two.append(&[entry(15)]).unwrap();
    assert_eq!(scene.add(&request(&two, 5)), Answer::BadProof);
    // The first one goes on.
    one.append(&[entry(5)]).unwrap();
    cosigned(&scene.add(&request(&one, 5)));
}

#[test]
fn a28_a_witness_never_goes_back() {
    let scene = Scene::new("back");
    let mut log = scene.log("log", 3);
    let first = request(&log, 0);
    cosigned(&scene.add(&first));
    log.append(&[entry(3)]).unwrap();
    cosigned(&scene.add(&request(&log, 3)));
    assert_eq!(scene.add(&first), Answer::Conflict(4));
    let mut back = first.clone();
    back.old = 4;
    assert_eq!(scene.add(&back), Answer::Malformed);
    // Nor in time, of which it says that nothing larger was seen.
    let again = request(&log, 4).to_bytes();
    assert_eq!(
        scene.witness.add(&again, UnixTime(NOW.0 - 1)),
        Answer::Broken
    );
    cosigned(&scene.witness.add(&again, UnixTime(NOW.0 + 1)));
    // Nor after it was started again.
    let Scene {
        folder,
        key,
        witness_key,
        witness,
    } = scene;
    drop(witness);
    let open = |key: &Key, log: &Key| {
        Witness::open(&folder.at("witness"), key.secret(), vec![log.public()])
    };
    let witness = open(&witness_key, &key).unwrap();
    assert_eq!(witness.add(&first.to_bytes(), NOW), Answer::Conflict(4));
    drop(witness);
    // A memory that was edited, or is another witness's, is none.
    assert!(open(&Key::witness("witness.example/w1"), &key).is_err());
    let place = fs::read_dir(folder.at("witness"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .find(|path| path.is_dir())
        .unwrap()
        .join("checkpoint");
    let text = fs::read_to_string(&place).unwrap();
    fs::write(&place, text.replacen("\n4\n", "\n3\n", 1)).unwrap();
    assert!(open(&witness_key, &key).is_err());
    fs::write(&place, text).unwrap();
    assert!(open(&witness_key, &key).is_ok());
}

#[test]
fn a26_what_was_seen_of_one_log_is_not_taken_for_another() {
    let folder = Folder::new("swapped");
    let (one, two) = (Key::log("one.example"), Key::log("two.example"));
    let key = Key::witness("witness.example/w1");
    let logs = || vec![one.public(), two.public()];
    let state = folder.at("witness");
    let witness = Witness::open(&state, key.secret(), logs()).unwrap();
    let (first, second) = (log(&folder.at("1"), &one, 3), log(&folder.at("2"), &two, 5));
    cosigned(&witness.add(&request(&first, 0).to_bytes(), NOW));
    cosigned(&witness.add(&request(&second, 0).to_bytes(), NOW));
    drop(witness);
    assert!(Witness::open(&state, key.secret(), logs()).is_ok());
    let mut files: Vec<_> = fs::read_dir(&state)
        .unwrap()
        .map(|file| file.unwrap().path().join("checkpoint"))
        .filter(|path| path.is_file())
        .collect();
    let other = files.pop().unwrap();
    fs::copy(&other, &files[0]).unwrap();
    assert!(Witness::open(&state, key.secret(), logs()).is_err());
}

#[test]
fn each_fault_has_its_answer() {
    let scene = Scene::new("faults");
    let mut log = scene.log("log", 3);
    let good = request(&log, 0);
    let changed = |change: &dyn Fn(&mut AddCheckpoint)| {
        let mut request = good.clone();
        change(&mut request);
        scene.add(&request)
    };
    let text = |from: &'static str, to: &'static str| {
        changed(&move |request| {
            let note = String::from_utf8(request.checkpoint.clone()).unwrap();
            request.checkpoint = note.replacen(from, to, 1).into_bytes();
        })
    };
    assert_eq!(scene.witness.add(b"", NOW), Answer::Malformed);
    assert_eq!(
        scene.witness.add(&vec![b'\n'; MAX_REQUEST + 1], NOW),
        Answer::Malformed
    );
    assert_eq!(changed(&|r| r.checkpoint.push(b'x')), Answer::Malformed);
    assert_eq!(changed(&|r| r.old = 4), Answer::Malformed);
    assert_eq!(changed(&|r| r.old = 2), Answer::Conflict(0));
    assert_eq!(changed(&|r| r.proof.push([0; 32])), Answer::BadProof);
    assert_eq!(
        text("log.example\n", "gol.example\n"),
        Answer::UnknownOrigin
    );
    assert_eq!(text("\n3\n", "\n4\n"), Answer::BadSignature);
    // Signed by nobody that is known; by a key of the right name and id, falsely, beside a good one.
    assert_eq!(
        text("— log.example ", "— log.exampl "),
        Answer::BadSignature
    );
    assert_eq!(
        changed(&|request| {
            let note = Note::parse(&good.checkpoint).unwrap();
            let mut second = note.signatures[0].clone();
            second.signature[0] ^= 1;
            request.checkpoint.extend(second.to_string().into_bytes());
        }),
        Answer::BadSignature
    );
    // Extension lines, signed by the log: they are not audited, so they are not cosigned. An empty tree with a root of another.
    for (body, answer) in [
        (format!("{}extension\n", log.head()), Answer::Malformed),
        (
            Checkpoint {
                origin: "log.example".into(),
                size: 0,
                root: [1; 32],
            }
            .to_string(),
            Answer::BadProof,
        ),
    ] {
        let line = scene.key.secret().sign(&body).unwrap();
        let checkpoint = format!("{body}\n{line}").into_bytes();
        assert_eq!(
            changed(&|r| r.checkpoint.clone_from(&checkpoint)),
            answer,
            "{body}"
        );
    }
    // None of this was remembered; and an empty tree is cosigned as well as any.
    let empty = Checkpoint {
        origin: "log.example".into(),
        size: 0,
        root: empty_root(),
    }
    .to_string();
    let line = scene.key.secret().sign(&empty).unwrap();
    cosigned(&changed(&|r| {
        r.checkpoint = format!("{empty}\n{line}").into_bytes()
    }));
    cosigned(&scene.add(&good));
    log.append(&[entry(3)]).unwrap();
    let next = request(&log, 3);
    for place in 0..next.proof.len() {
        let mut bad = next.clone();
        bad.proof[place][0] ^= 1;
        assert_eq!(scene.add(&bad), Answer::BadProof);
        bad.proof.remove(place);
        assert_eq!(scene.add(&bad), Answer::BadProof);
    }
    cosigned(&scene.add(&next));
}

#[test]
fn a28_of_many_requests_at_once_one_goes_first() {
    let scene = Scene::new("race");
    let logs: Vec<Log> = (0..8)
        .map(|n| {
            let mut log =
                Log::create(&scene.folder.at(&format!("log{n}")), scene.key.secret()).unwrap();
            log.append(&[entry(n)]).unwrap();
            log
        })
        .collect();
    let requests: Vec<Vec<u8>> = logs.iter().map(|log| request(log, 0).to_bytes()).collect();
    let witness = &scene.witness;
    let answers: Vec<Answer> = std::thread::scope(|scope| {
        let threads: Vec<_> = requests
            .iter()
            .map(|bytes| scope.spawn(move || witness.add(bytes, NOW)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let good = answers
        .iter()
        .filter(|answer| matches!(answer, Answer::Cosigned(_)))
        .count();
    assert_eq!(good, 1, "{answers:?}");
    assert_eq!(
        answers
            .iter()
            .filter(|answer| **answer == Answer::Conflict(1))
            .count(),
        7
    );
}

/// One request over a real socket: status, head, body.
fn http(port: u16, request: &[u8]) -> (u16, String, Vec<u8>) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    // The peer may answer before it has read everything, and then hang up.
    let _ = stream.write_all(request);
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let end = bytes
        .windows(4)
        .position(|w| w == b"\r\n\r\n")
        .expect("an answer");
    let head = String::from_utf8(bytes[..end].to_vec())
        .unwrap()
        .to_ascii_lowercase();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, head, bytes[end + 4..].to_vec())
}

fn post(port: u16, body: &[u8]) -> (u16, String, Vec<u8>) {
    let head = format!(
        "POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    http(port, &[head.as_bytes(), body].concat())
}

fn get(port: u16, path: &str) -> (u16, String, Vec<u8>) {
    http(
        port,
        format!("GET {path} HTTP/1.1\r\nHost: w\r\nConnection: close\r\n\r\n").as_bytes(),
    )
}

#[test]
fn the_answers_over_http_are_the_ones_of_the_specification() {
    let scene = Scene::new("http");
    let log = scene.log("log", 3);
    let (good, text) = (request(&log, 0), log.head().to_string());
    let Scene {
        folder: _folder,
        key,
        witness_key,
        witness,
    } = scene;
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let port = listener.local_addr().unwrap().port();
    runtime.spawn(serve(listener, Arc::new(witness)));

    let hash = cloister_verify::release::Hex::<32>(
        <sha2::Sha256 as sha2::Digest>::digest(key.public().name()).into(),
    );
    let monitor = format!("/{hash}/checkpoint");
    assert_eq!(get(port, &monitor).0, 404);
    let (status, head, body) = post(port, &good.to_bytes());
    assert_eq!(status, 200, "{head}");
    let lines = NoteSignature::parse_lines(&body).unwrap();
    let time = witness_key
        .public()
        .cosigned(&text, &lines[0].signature)
        .unwrap();
    assert!(time.0 > NOW.0 - 400 * 86_400);
    let (status, head, body) = post(port, &good.to_bytes());
    assert_eq!((status, body.as_slice()), (409, &b"3\n"[..]));
    assert!(head.contains("content-type: text/x.tlog.size"), "{head}");
    assert_eq!(post(port, b"old 0\n").0, 400);
    let other = Key::log("other.example");
    let line = other
        .secret()
        .sign(&text.replace("log.example", "other.example"))
        .unwrap();
    let note = format!("{}\n{line}", text.replace("log.example", "other.example"));
    let mut bad = AddCheckpoint {
        checkpoint: note.into_bytes(),
        ..good.clone()
    };
    assert_eq!(post(port, &bad.to_bytes()).0, 404);
    bad.checkpoint = format!("{text}\n{}", other.secret().sign(&text).unwrap()).into_bytes();
    assert_eq!(post(port, &bad.to_bytes()).0, 403);
    bad = AddCheckpoint {
        old: 3,
        proof: vec![[0; 32]],
        ..good
    };
    assert_eq!(post(port, &bad.to_bytes()).0, 422);
    assert_eq!(post(port, &vec![b'x'; MAX_REQUEST + 1]).0, 413);
    assert_eq!(get(port, "/add-checkpoint").0, 405);
    assert_eq!(get(port, "/").0, 404);
    // What a monitor sees has both signatures.
    let (status, _, note) = get(port, &monitor);
    assert_eq!(status, 200);
    let note = Note::parse(&note).unwrap();
    assert_eq!((note.text, note.signatures.len()), (text.as_str(), 2));

    // Whoever is slow is shown the door.
    let begun = Instant::now();
    let mut slow = TcpStream::connect(("127.0.0.1", port)).unwrap();
    slow.write_all(b"POST /add-checkpoint HTTP/1.1\r\n")
        .unwrap();
    slow.set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let mut rest = Vec::new();
    let _ = slow.read_to_end(&mut rest);
    assert!(
        (3..15).contains(&begun.elapsed().as_secs()),
        "{:?}",
        begun.elapsed()
    );
    runtime.shutdown_background();
}
