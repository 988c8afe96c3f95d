//! The rules of an appraisal of a log proof, in the order in which they are judged and shown.

use crate::trail::Rule;

macro_rules! rules {
    ($($name:ident: $id:literal, $title:literal, $clause:literal;)*) => {
        $(pub(super) const $name: Rule = Rule { id: $id, title: $title, clause: $clause };)*
        /// Every rule, once.
        pub(crate) const ALL: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    PROOF_FORMAT: "log.proof.format",
        "the proof is well-formed",
        "C2SP tlog-proof, format";
    ENTRY_FORMAT: "log.entry.format",
        "the proof carries an entry of our log",
        "Cloister, log entry; C2SP tlog-proof, extra";
    ENTRY_KIND: "log.entry.kind",
        "the entry is of the kind that is asked for",
        "Cloister, log entry, kind";
    ENTRY_NAME: "log.entry.name",
        "the entry names the file that is asked for",
        "Cloister, log entry, name";
    ENTRY_FILE: "log.entry.file",
        "the entry has the digest of the bytes at hand",
        "Cloister, log entry, sha256";
    CHECKPOINT_FORMAT: "log.checkpoint.format",
        "the checkpoint is a signed note with an origin, a size and a root",
        "C2SP signed-note, format; C2SP tlog-checkpoint, note text";
    CHECKPOINT_ORIGIN: "log.checkpoint.origin",
        "the checkpoint is of a log that the policy lists",
        "C2SP tlog-proof, verifying, step 2";
    CHECKPOINT_SIGNATURE: "log.checkpoint.signature",
        "the log has signed the checkpoint",
        "C2SP signed-note, signatures; RFC 8032 section 5.1.7";
    WITNESS_SIGNATURES: "log.witness.signatures",
        "each witness that the policy lists signs at most once, and validly",
        "C2SP tlog-cosignature, Ed25519 signed message; RFC 8032 section 5.1.7";
    WITNESS_QUORUM: "log.witness.quorum",
        "enough witnesses have seen no other history of the log",
        "C2SP tlog-proof, verifying, step 3; C2SP tlog-policy, quorum";
    WITNESS_FUTURE: "log.witness.future",
        "no witness signs in the future",
        "C2SP tlog-cosignature, timestamp";
    WITNESS_AGE: "log.witness.age",
        "enough witnesses have seen the log lately",
        "C2SP tlog-proof, use of timestamps";
    INCLUSION: "log.inclusion",
        "the entry stands at its index in the tree of the checkpoint",
        "RFC 6962 section 2.1.1; RFC 9162 section 2.1.3.2";
    INDEX_FLOOR: "log.index.floor",
        "the entry is no older than the first one of its kind that the policy takes",
        "Cloister, log policy, first-index; C2SP tlog-tiles, pruning";
}
