//! A witness: it cosigns one history of each log (C2SP tlog-witness).
//!
//! For each log it keeps one file, `<SHA-256 of the origin>/checkpoint`: the newest checkpoint that it has cosigned, with the log's
//! signature and its own. The file is durable before the answer leaves, and looking at it and replacing it are one step under a lock,
//! so the size never goes back (attack A28). Whoever deletes the files makes the witness forget; nobody else can.

use crate::disk::Disk;
use crate::key::SecretKey;
use crate::request::AddCheckpoint;
use crate::tree::invalid;
use cloister_verify::UnixTime;
use cloister_verify::log::{
    Algorithm, Checkpoint, CheckpointError, Head, MAX_NOTE, Note, NoteSignature, VerifierKey,
    is_consistent,
};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

/// What a witness answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// 200: the checkpoint is cosigned. Signature lines.
    Cosigned(String),
    /// 400: the request is not well-formed.
    Malformed,
    /// 403: the log has not signed the checkpoint.
    BadSignature,
    /// 404: the log is not one of those that are watched.
    UnknownOrigin,
    /// 409: the old size is not the one that was cosigned last, which is this.
    Conflict(u64),
    /// 422: the new tree was not shown to begin with the old one.
    BadProof,
    /// 500: the answer could not be made durable, or the clock has gone back.
    Broken,
}

/// What was cosigned last.
#[derive(Clone, Debug)]
struct Seen {
    head: Head,
    time: UnixTime,
}

/// A witness with its memory.
pub struct Witness {
    key: SecretKey,
    logs: Vec<VerifierKey>,
    memory: Mutex<(Disk, BTreeMap<String, Seen>)>,
}

impl Witness {
    /// Opens a witness's folder, which no other process may use, and checks what it remembers against the signatures.
    ///
    /// # Errors
    /// Those of the file system; `InvalidInput` for keys of the wrong type; `InvalidData` for a memory that is not its own.
    pub fn open(folder: &Path, key: SecretKey, logs: Vec<VerifierKey>) -> io::Result<Self> {
        let wrong = |why| io::Error::new(io::ErrorKind::InvalidInput, why);
        if key.public().algorithm() != Algorithm::Cosignature {
            return Err(wrong("a witness signs with a key of type 0x04"));
        }
        if logs.iter().any(|log| log.algorithm() != Algorithm::Ed25519) {
            return Err(wrong("a log signs with a key of type 0x01"));
        }
        let disk = Disk::lock(folder)?;
        let mut seen = BTreeMap::new();
        for origin in logs.iter().map(VerifierKey::name) {
            if let Some(note) = disk.read(&path(origin), MAX_NOTE)? {
                seen.insert(origin.to_owned(), remembered(&note, origin, key.public())?);
            }
        }
        let memory = Mutex::new((disk, seen));
        Ok(Self { key, logs, memory })
    }

    /// The witness's public key.
    #[must_use]
    pub fn public(&self) -> &VerifierKey {
        self.key.public()
    }

    /// Answers an `add-checkpoint` request.
    pub fn add(&self, request: &[u8], now: UnixTime) -> Answer {
        self.judge(request, now).unwrap_or_else(|answer| answer)
    }

    fn judge(&self, request: &[u8], now: UnixTime) -> Result<Answer, Answer> {
        let request = AddCheckpoint::parse(request).map_err(|_| Answer::Malformed)?;
        let note = Note::parse(&request.checkpoint).map_err(|_| Answer::Malformed)?;
        // What the text says counts once the signature is checked; the origin says whose it must be.
        let origin = note.text.split('\n').next().unwrap_or_default();
        let signatures = self.signatures(&note, origin)?;
        let checkpoint = Checkpoint::parse(note.text).map_err(|error| match error {
            CheckpointError::EmptyRoot => Answer::BadProof,
            _ => Answer::Malformed,
        })?;
        if request.old > checkpoint.size {
            return Err(Answer::Malformed);
        }

        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let (disk, seen) = &mut *memory;
        let last = seen.get(origin);
        let size = last.map_or(0, |last| last.head.size);
        if request.old != size {
            return Err(Answer::Conflict(size));
        }
        let new = Head {
            size: checkpoint.size,
            root: checkpoint.root,
        };
        let follows = match last {
            Some(last) if size > 0 => is_consistent(&last.head, &new, &request.proof),
            // The empty tree is the beginning of every tree, and needs no proof.
            _ => request.proof.is_empty(),
        };
        if !follows {
            return Err(Answer::BadProof);
        }
        // "As of this time the largest head that I have seen": with an older time than last time that would be false.
        if last.is_some_and(|last| now < last.time) {
            return Err(Answer::Broken);
        }
        let cosignature = self
            .key
            .cosign(note.text, now)
            .map_err(|_| Answer::Broken)?;
        let mut file = format!("{}\n", note.text);
        for line in signatures.into_iter().chain([&cosignature]) {
            write!(file, "{line}").map_err(|_| Answer::Broken)?;
        }
        disk.write(&path(origin), file.as_bytes())
            .map_err(|_| Answer::Broken)?;
        let now = Seen {
            head: new,
            time: now,
        };
        seen.insert(origin.to_owned(), now);
        Ok(Answer::Cosigned(cosignature.to_string()))
    }

    /// The signatures of the log on its checkpoint: at least one, and none that is false.
    fn signatures<'a>(
        &self,
        note: &'a Note<'_>,
        origin: &str,
    ) -> Result<Vec<&'a NoteSignature>, Answer> {
        let mut keys = self
            .logs
            .iter()
            .filter(|log| log.name() == origin)
            .peekable();
        if keys.peek().is_none() {
            return Err(Answer::UnknownOrigin);
        }
        let mut good = Vec::new();
        for key in keys {
            let lines = note.signatures.iter();
            for line in lines.filter(|line| line.name == key.name() && line.key_id == key.id()) {
                if !key.signed_note(note.text, &line.signature) {
                    return Err(Answer::BadSignature);
                }
                if !good.contains(&line) {
                    good.push(line);
                }
            }
        }
        if good.is_empty() {
            return Err(Answer::BadSignature);
        }
        Ok(good)
    }

    /// The newest cosigned checkpoint of the log whose origin has this SHA-256, in lower-case hexadecimal; none when there is none.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn checkpoint(&self, origin_hash: &str) -> io::Result<Option<Vec<u8>>> {
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        let (disk, seen) = &*memory;
        let origin = seen.keys().find(|origin| hash(origin) == origin_hash);
        match origin {
            Some(origin) => disk.read(&path(origin), MAX_NOTE),
            None => Ok(None),
        }
    }
}

fn hash(origin: &str) -> String {
    cloister_verify::release::Hex::<32>(Sha256::digest(origin).into()).to_string()
}

fn path(origin: &str) -> String {
    format!("{}/checkpoint", hash(origin))
}

/// What a file of the memory says, when this witness has signed it. Whether the log's key is still the one of then does not matter.
fn remembered(note: &[u8], origin: &str, key: &VerifierKey) -> io::Result<Seen> {
    let bad = || {
        invalid(&format!(
            "the checkpoint of {origin} was not written by this witness"
        ))
    };
    let note = Note::parse(note).map_err(|_| bad())?;
    let checkpoint = Checkpoint::parse(note.text).map_err(|_| bad())?;
    let time = note
        .by(key.name(), key.id())
        .find_map(|line| key.cosigned(note.text, &line.signature))
        .filter(|_| checkpoint.origin == origin)
        .ok_or_else(bad)?;
    Ok(Seen {
        head: Head {
            size: checkpoint.size,
            root: checkpoint.root,
        },
        time,
    })
}
