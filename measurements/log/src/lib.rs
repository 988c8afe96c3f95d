//! The transparency log: its writer, and a witness.
//!
//! In come published files; out go static tiles, checkpoints that witnesses have cosigned, and one `.tlog-proof` for each file. What
//! holds afterwards: the log has signed no two histories, no witness has cosigned one, and a device can check both offline with
//! `cloister_verify::log`, which also has every format.
//!
//! ```text
//! writer ─ log.rs       append, sign, publish: in an order that a crash cannot hurt     tree ─ tree.rs     hashes and proofs from tiles
//!          submit.rs    asks witnesses for cosignatures                                  key  ─ key.rs      secret keys
//! witness ─ witness.rs  sees one history of each log                                     disk ─ disk.rs     files, whole or not at all
//!          serve.rs     the same over HTTP (C2SP tlog-witness); request.rs is its form
//! ```
#![forbid(unsafe_code)]

pub mod disk;
pub mod key;
pub mod log;
pub mod request;
pub mod serve;
pub mod submit;
pub mod tree;
pub mod witness;
