//! A log, its witnesses and a proof, all of it to be changed.

use super::merkle::{path, root};
use cloister_verify::UnixTime;
use cloister_verify::log::{
    Algorithm, Artefact, Checkpoint, Entry, Hash, Kind, LogAppraisal, LogPolicy, NoteSignature,
    Proof, VerifierKey, Word, cosigned_message, leaf_hash, published,
};
use ed25519_dalek::{Signer, SigningKey};

pub(crate) const NOW: u64 = 1_795_000_000;
pub(crate) const DAY: u64 = 86_400;
pub(crate) const FILE: &[u8] = b"{\"release\":\"0.1.0\"}";

pub(crate) fn word(text: &str) -> Word {
    Word::parse(text).unwrap()
}

/// One change to something good.
pub(crate) type Change<T> = Box<dyn Fn(&mut T)>;

/// A key with its secret half.
pub(crate) struct Key {
    pub(crate) secret: SigningKey,
    pub(crate) public: VerifierKey,
}

impl Key {
    pub(crate) fn new(name: &str, algorithm: Algorithm, n: u8) -> Self {
        let secret = SigningKey::from_bytes(&[n; 32]);
        let public = VerifierKey::new(name, algorithm, secret.verifying_key().as_bytes()).unwrap();
        Self { secret, public }
    }

    pub(crate) fn line(&self, signature: Vec<u8>) -> NoteSignature {
        NoteSignature {
            name: self.public.name().into(),
            key_id: self.public.id(),
            signature,
        }
    }

    pub(crate) fn sign(&self, text: &str) -> NoteSignature {
        self.line(self.secret.sign(text.as_bytes()).to_bytes().to_vec())
    }

    pub(crate) fn cosign(&self, text: &str, time: u64) -> NoteSignature {
        let message = cosigned_message(UnixTime(time), text);
        let signature = self.secret.sign(message.as_bytes()).to_bytes();
        self.line([time.to_be_bytes().as_slice(), &signature].concat())
    }
}

/// A log with seven entries, of which number 4 is ours, two of three witnesses, and a proof: all of it to be changed.
pub(crate) struct Scene {
    pub(crate) log: Key,
    pub(crate) witnesses: Vec<(Key, u64)>,
    pub(crate) entry: Entry,
    pub(crate) leaves: Vec<Hash>,
    pub(crate) index: u64,
    /// What is done to the checkpoint before it is signed.
    pub(crate) checkpoint: Change<Checkpoint>,
    /// What is done to the signature lines.
    pub(crate) lines: Change<Vec<NoteSignature>>,
    /// What is done to the proof before it is written.
    pub(crate) proof: Change<Proof>,
    /// What is done to the file.
    pub(crate) bytes: Change<Vec<u8>>,
    pub(crate) kind: Kind,
    pub(crate) name: Word,
    pub(crate) file: Vec<u8>,
    pub(crate) policy: String,
}

impl Default for Scene {
    fn default() -> Self {
        let log = Key::new("log.example/one", Algorithm::Ed25519, 1);
        let witnesses: Vec<_> = (2..)
            .zip(["w1.example", "w2.example"])
            .map(|(n, name)| (Key::new(name, Algorithm::Cosignature, n), NOW - 60))
            .collect();
        let third = Key::new("w3.example", Algorithm::Cosignature, 9);
        let sourced = |value: &str| {
            format!("{{ value = {value}, source = \"test\", date = \"2026-11-23\" }}")
        };
        let key = |key: &Key| sourced(&format!("\"{}\"", key.public));
        let policy = format!(
            "logs = [{}]\nwitnesses = [{}, {}, {}]\ngroups = [{}]\nquorum = {}\nmaximum-age-hours = {}\nclock-skew-seconds = {}\n\
             [first-index]\nimage-release = {zero}\nkey-bundle = {zero}\nmachine-list = {zero}\nfloors = {zero}\n",
            key(&log),
            key(&witnesses[0].0),
            key(&witnesses[1].0),
            key(&third),
            sourced(
                "{ name = \"two\", at-least = 2, members = [\"w1.example\", \"w2.example\", \"w3.example\"] }"
            ),
            sourced("\"two\""),
            sourced("168"),
            sourced("300"),
            zero = sourced("0"),
        );
        let entry = Entry::of(
            Kind::ImageRelease,
            word("release.json"),
            word("0.1.0"),
            FILE,
        );
        let leaves = (0..7_u8).map(|n| leaf_hash(&[n])).collect();
        Self {
            log,
            witnesses,
            entry,
            leaves,
            index: 4,
            checkpoint: Box::new(|_| {}),
            lines: Box::new(|_| {}),
            proof: Box::new(|_| {}),
            bytes: Box::new(|_| {}),
            kind: Kind::ImageRelease,
            name: word("release.json"),
            file: FILE.to_vec(),
            policy,
        }
    }
}

impl Scene {
    /// The same log with an entry for this file, witnessed a minute before `now`.
    pub(crate) fn of_file(kind: Kind, name: &str, version: &str, bytes: &[u8], now: u64) -> Self {
        let mut scene = Self {
            entry: Entry::of(kind, word(name), word(version), bytes),
            kind,
            name: word(name),
            file: bytes.to_vec(),
            ..Self::default()
        };
        for (_, time) in &mut scene.witnesses {
            *time = now.saturating_sub(60);
        }
        scene
    }

    /// The text of the proof, with every change.
    pub(crate) fn file(&self) -> Vec<u8> {
        let mut leaves = self.leaves.clone();
        let entry = self.entry.to_string().into_bytes();
        let place = usize::try_from(self.index).unwrap();
        leaves[place] = leaf_hash(&entry);
        let mut checkpoint = Checkpoint {
            origin: self.log.public.name().into(),
            size: leaves.len().try_into().unwrap(),
            root: root(&leaves),
        };
        (self.checkpoint)(&mut checkpoint);
        let text = checkpoint.to_string();
        let mut lines = vec![self.log.sign(&text)];
        lines.extend(
            self.witnesses
                .iter()
                .map(|(key, time)| key.cosign(&text, *time)),
        );
        (self.lines)(&mut lines);
        let lines: String = lines.iter().map(ToString::to_string).collect();
        let mut proof = Proof {
            extra: Some(entry),
            index: self.index,
            hashes: path(&leaves, place),
            checkpoint: format!("{text}\n{lines}").into_bytes(),
        };
        (self.proof)(&mut proof);
        let mut bytes = proof.to_bytes();
        (self.bytes)(&mut bytes);
        bytes
    }

    pub(crate) fn judge(&self) -> LogAppraisal {
        let artefact = Artefact {
            kind: self.kind,
            name: self.name.clone(),
            bytes: &self.file,
        };
        let policy = LogPolicy::parse(&self.policy).unwrap();
        published(&self.file(), &artefact, &policy, UnixTime(NOW))
    }
}
