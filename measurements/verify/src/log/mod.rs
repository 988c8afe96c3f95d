//! The transparency log: a published file and its proof in, a trail of judged rules out.
//!
//! The formats are C2SP's, so any log, witness and monitor of that family can serve: `note.rs` and `key.rs` (signed-note),
//! `checkpoint.rs` (tlog-checkpoint, tlog-cosignature), `merkle.rs` (RFC 6962), `tile.rs` (tlog-tiles), `proof.rs` (tlog-proof),
//! `policy.rs` (tlog-policy, as TOML). What is logged is ours: `entry.rs`. What a proof shows is `logged.rs`, and a release
//! file with its proof `release.rs`.
//!
//! The steps, as they are numbered in the code below:
//!
//! 1. the proof and the entry that it carries: well-formed, of the kind, name and digest of the file at hand;
//! 2. the checkpoint: well-formed, of a log that the policy lists, signed by it;
//! 3. the witnesses: no false signature, a quorum, none in the future, the quorum's word recent enough;
//! 4. the entry in the tree: the hashes lead from its leaf hash to the root, and its place is not below the policy's floor.
//!
//! ```
//! use cloister_verify::UnixTime;
//! use cloister_verify::log::{self, Artefact, Kind, LogPolicy, Word};
//!
//! let artefact = Artefact { kind: Kind::ImageRelease, name: Word::parse("release.json").unwrap(), bytes: b"{}" };
//! let appraisal = log::published(b"", &artefact, &LogPolicy::production(), UnixTime(1_795_000_000));
//! assert!(appraisal.verdict.unwrap_err().rules.contains(&"log.proof.format"));
//! ```

mod checkpoint;
mod entry;
mod key;
mod logged;
mod merkle;
mod note;
mod policy;
mod proof;
pub(crate) mod release;
mod rules;
mod tile;

pub use checkpoint::{Checkpoint, CheckpointError, cosigned_message};
pub use entry::{BadEntry, Entry, Kind, Word};
pub use key::{Algorithm, BadVerifierKey, VerifierKey};
pub use logged::{Cosigned, Logged};
pub use merkle::{
    Hash, Head, MAX_PROOF, empty_root, is_consistent, is_included, leaf_hash, node_hash,
};
pub use note::{MAX_NOTE, MAX_SIGNATURES, Note, NoteError, NoteSignature};
pub use policy::{BadLogPolicy, LogPolicy};
pub use proof::{MAX_PROOF_FILE, Proof, ProofError};
pub use release::{PublishedRelease, ReleaseAppraisal, published_release, release_rules};
pub use tile::{MAX_ENTRY, TILE_HEIGHT, TILE_WIDTH, Tile, TileLevel, bundle, unbundle};

use crate::attest::Refused;
use crate::release::Hex;
use crate::time::UnixTime;
use crate::trail::{Outcome, Rule, Step, Trail};
use sha2::{Digest, Sha256};

/// Every rule of an appraisal by [`published()`], in the order of its trail.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    rules::ALL.iter().copied()
}

/// A file that is said to be published: what the caller takes it for, and its bytes.
#[derive(Clone, Debug)]
pub struct Artefact<'a> {
    /// What the caller is about to use it for.
    pub kind: Kind,
    /// The name under which it is published, chosen by the caller and not by whoever served it.
    pub name: Word,
    /// Its bytes.
    pub bytes: &'a [u8],
}

/// A judged proof.
#[derive(Clone, Debug)]
pub struct LogAppraisal {
    /// Every rule, with what was expected and found.
    pub trail: Vec<Step>,
    /// Proof, or the failed rules.
    pub verdict: Result<Logged, Refused>,
}

/// Judges whether a file was published: by the text of its `.tlog-proof`, under a policy, at a time.
#[must_use]
pub fn published(
    proof: &[u8],
    artefact: &Artefact<'_>,
    policy: &LogPolicy,
    now: UnixTime,
) -> LogAppraisal {
    let mut trail = Trail::default();
    let logged = judge(&mut trail, proof, artefact, policy, now);
    let trail = trail.complete(rules::ALL, "a step before this one failed");
    let failed: Vec<_> = trail
        .iter()
        .filter(|step| matches!(step.outcome, Outcome::Failed | Outcome::NotEvaluated))
        .map(|step| step.rule)
        .collect();
    let verdict = match (failed.is_empty(), logged) {
        (true, Some(logged)) => Ok(logged),
        _ => Err(Refused { rules: failed }),
    };
    LogAppraisal { trail, verdict }
}

/// Judges by every rule. What it returns counts only when every rule passed.
fn judge(
    trail: &mut Trail,
    proof: &[u8],
    artefact: &Artefact<'_>,
    policy: &LogPolicy,
    now: UnixTime,
) -> Option<Logged> {
    // 1. The proof, and the entry that it carries.
    let proof = Proof::parse(proof);
    let found = match &proof {
        Ok(proof) => format!("a proof with {} hashes", proof.hashes.len()),
        Err(error) => error.to_string(),
    };
    trail.check(
        &rules::PROOF_FORMAT,
        proof.is_ok(),
        "a tlog-proof v1",
        found,
    );
    let proof = proof.ok()?;
    let entry = judge_entry(trail, proof.extra.as_deref(), artefact);

    // 2. The checkpoint.
    let note = Note::parse(&proof.checkpoint);
    let checkpoint = match &note {
        Ok(note) => Checkpoint::parse(note.text).map_err(|error| error.to_string()),
        Err(error) => Err(error.to_string()),
    };
    trail.check(
        &rules::CHECKPOINT_FORMAT,
        checkpoint.is_ok(),
        "three lines, and signatures",
        match &checkpoint {
            Ok(checkpoint) => format!("{} at size {}", checkpoint.origin, checkpoint.size),
            Err(error) => error.clone(),
        },
    );
    let (note, checkpoint) = (note.ok()?, checkpoint.ok()?);
    judge_log(trail, &note, &checkpoint, policy);

    // 3. The witnesses.
    let witnessed = judge_witnesses(trail, &note, policy, now);

    // 4. The entry in the tree. Without an entry there is nothing to look for.
    let entry = entry?;
    let bytes = proof.extra.as_deref().unwrap_or_default();
    let included = is_included(
        &leaf_hash(bytes),
        proof.index,
        checkpoint.size,
        &proof.hashes,
        &checkpoint.root,
    );
    trail.check(
        &rules::INCLUSION,
        included,
        "hashes from the entry to the root",
        match (included, proof.index < checkpoint.size) {
            (true, _) => format!("entry {} of {}", proof.index, checkpoint.size),
            (false, true) => "hashes that lead elsewhere".into(),
            (false, false) => format!("entry {} of {}", proof.index, checkpoint.size),
        },
    );
    let first = policy.first_index(artefact.kind);
    trail.check(
        &rules::INDEX_FLOOR,
        proof.index >= first,
        format!("entry {first} or later"),
        format!("entry {}", proof.index),
    );

    let (witnessed, cosigned) = witnessed?;
    Some(Logged {
        origin: checkpoint.origin,
        index: proof.index,
        size: checkpoint.size,
        entry,
        cosigned,
        witnessed,
        maximum_age: policy.maximum_age(),
    })
}

/// Step 1, the entry.
fn judge_entry(trail: &mut Trail, extra: Option<&[u8]>, artefact: &Artefact<'_>) -> Option<Entry> {
    let entry = extra.map(Entry::parse);
    let found = match &entry {
        Some(Ok(entry)) => format!("{} {} {}", entry.kind, entry.name, entry.version),
        Some(Err(error)) => error.to_string(),
        None => "no extra line".into(),
    };
    let entry = entry.and_then(Result::ok);
    trail.check(&rules::ENTRY_FORMAT, entry.is_some(), "an entry", found);
    let entry = entry?;
    trail.check(
        &rules::ENTRY_KIND,
        entry.kind == artefact.kind,
        artefact.kind.word(),
        entry.kind.word(),
    );
    trail.check(
        &rules::ENTRY_NAME,
        entry.name == artefact.name,
        artefact.name.as_str(),
        entry.name.as_str(),
    );
    let digest = Hex(Sha256::digest(artefact.bytes).into());
    trail.check(
        &rules::ENTRY_FILE,
        entry.sha256 == digest,
        digest.to_string(),
        entry.sha256.to_string(),
    );
    Some(entry)
}

/// Step 2, whose checkpoint it is. Signatures of other keys are ignored, whatever name or id they share with a known one
/// (signed-note, "Signatures"): so a log can change its key. One by a known key that is false condemns the note.
fn judge_log(trail: &mut Trail, note: &Note<'_>, checkpoint: &Checkpoint, policy: &LogPolicy) {
    let of_origin = || {
        policy
            .logs()
            .iter()
            .filter(|key| key.name() == checkpoint.origin)
    };
    let known = of_origin().next().is_some();
    let names: Vec<&str> = policy.logs().iter().map(VerifierKey::name).collect();
    trail.check(
        &rules::CHECKPOINT_ORIGIN,
        known,
        match names.as_slice() {
            [] => "nothing: the policy lists no log".into(),
            names => names.join(" or "),
        },
        checkpoint.origin.as_str(),
    );
    if !known {
        return;
    }
    let (mut good, mut bad) = (0_usize, 0_usize);
    for key in of_origin() {
        let mut lines = note.by(key.name(), key.id());
        match (lines.next(), lines.next()) {
            (None, _) => {}
            (Some(line), None) if key.signed_note(note.text, &line.signature) => {
                good = good.saturating_add(1);
            }
            _ => bad = bad.saturating_add(1),
        }
    }
    trail.check(
        &rules::CHECKPOINT_SIGNATURE,
        good > 0 && bad == 0,
        "a valid signature of the log",
        match (good, bad) {
            (0, 0) => "none by a key of the log",
            (_, 0) => "a valid signature of the log",
            _ => "a false or doubled signature",
        },
    );
}

/// Step 3. Returns the latest moment for which a quorum vouches, and each witness's word.
fn judge_witnesses(
    trail: &mut Trail,
    note: &Note<'_>,
    policy: &LogPolicy,
    now: UnixTime,
) -> Option<(UnixTime, Vec<Cosigned>)> {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    for witness in policy.witnesses() {
        let mut lines = note.by(witness.name(), witness.id());
        let Some(line) = lines.next() else { continue };
        match (witness.cosigned(note.text, &line.signature), lines.next()) {
            (Some(time), None) => good.push((witness.name(), time)),
            (None, None) => bad.push(format!("{}: a false one", witness.name())),
            (_, Some(_)) => bad.push(format!("{}: more than one", witness.name())),
        }
    }
    trail.check(
        &rules::WITNESS_SIGNATURES,
        bad.is_empty(),
        "valid signatures, one of each",
        match bad.as_slice() {
            [] => format!("{} of known witnesses", good.len()),
            bad => bad.join(", "),
        },
    );
    let names: Vec<&str> = good.iter().map(|(name, _)| *name).collect();
    trail.check(
        &rules::WITNESS_QUORUM,
        policy.is_quorum(&names),
        policy.quorum_words(),
        match names.as_slice() {
            [] => "none of them".into(),
            names => names.join(", "),
        },
    );
    let latest = UnixTime(now.0.saturating_add(policy.clock_skew()));
    let newest = good.iter().map(|(_, time)| *time).max();
    if let Some(newest) = newest {
        trail.check(
            &rules::WITNESS_FUTURE,
            newest <= latest,
            format!("{latest} or earlier"),
            newest.to_string(),
        );
    }
    let witnessed = policy.witnessed(&good)?;
    let earliest = UnixTime(now.0.saturating_sub(policy.maximum_age()));
    trail.check(
        &rules::WITNESS_AGE,
        witnessed >= earliest,
        format!("{earliest} or later"),
        witnessed.to_string(),
    );
    let cosigned = good.into_iter().map(|(witness, time)| Cosigned {
        witness: witness.to_owned(),
        time,
    });
    Some((witnessed, cosigned.collect()))
}
