//! Every decoder of hostile bytes as one function.
//!
//! In come bytes that anybody may have chosen. Nothing goes out: a [`Target`] that returns has neither panicked nor overflowed, has kept
//! its bound on memory, and whatever it decoded has the properties that the function demands (above all that writing it again gives
//! bytes that read the same). The fuzzer (`fuzz/`) and the replay of its corpus (`tests/replay.rs`) call the very same functions.
//!
//! ```text
//! wire ─ messages, keys, frames, tables      evidence ─ reports, certificates, policies, releases
//! client ─ threads, bundles, replies         firmware ─ what is measured
//! intel ─ quotes, collateral, event logs     log ─ proofs, policies, tiles
//! wrapped ─ wrappers of cloud providers, RA-TLS certificates
//! chunked ─ chunked streams, binary HTTP bit by bit
//! meter ─ who allocates how much
//! ```
#![deny(unsafe_code)] // meter alone may: an allocator has no safe form.

mod chunked;
mod client;
mod evidence;
mod firmware;
mod intel;
mod log;
#[allow(unsafe_code)]
mod meter;
mod wire;
mod wrapped;

pub use meter::Meter;

use std::sync::Once;

/// The most bytes that a decoder may have allocated at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bound {
    /// Whatever the input.
    pub fixed: usize,
    /// For each byte of the input.
    pub per_byte: usize,
}

impl Bound {
    /// The bound for an input of `length` bytes.
    #[must_use]
    pub fn of(&self, length: usize) -> usize {
        self.per_byte
            .saturating_mul(length)
            .saturating_add(self.fixed)
    }
}

/// A decoder with everything that calls it on the way of an answer, a request or an appraisal.
pub struct Target {
    /// The name of the target and of the folder of its corpus.
    pub name: &'static str,
    /// What it may allocate. In a program without [`Meter`] this is not enforced.
    pub bound: Bound,
    /// Decodes.
    body: fn(&[u8]),
    /// Makes what is made once, such as anchors and policies.
    once: &'static Once,
}

macro_rules! targets {
    ($($name:literal: $body:path, $fixed:expr, $per_byte:expr;)*) => {
        /// Every decoder, in alphabetical order.
        pub const TARGETS: &[Target] = &[$({
            static ONCE: Once = Once::new();
            Target {
                name: $name,
                bound: Bound { fixed: $fixed, per_byte: $per_byte },
                body: $body,
                once: &ONCE,
            }
        }),*];
    };
}

/// What an appraisal may take whatever it is given: its trail in words, and the arithmetic of four RSA signatures of 4096 bits.
const APPRAISAL: usize = 256 << 10;

// A name, its function, and the bound: bytes whatever the input, and bytes for each byte of it. The second number is one for each copy that
// is held at the same time; 2 more where a vector grows by doubling; and for JSON and TOML the size of the values that a few bytes name.
targets! {
    "bhttp-request": wire::bhttp_request, 0, 0;
    "bhttp-response": wire::bhttp_response, 1024, 0;
    "bhttp-stream": chunked::bhttp, 1024, 0;
    "bundle": client::bundle, 64 << 10, 8;
    "certificate-chain": evidence::certificate_chain, APPRAISAL, 8;
    "certificate-leaf": evidence::certificate_leaf, APPRAISAL, 8;
    "certificate-root": evidence::certificate_root, APPRAISAL, 8;
    "certificate-table": wire::certificate_table, 8 << 10, 4;
    "chunked-request": chunked::request, 2048, 0;
    "chunked-response": chunked::response, 64, 0;
    "collateral": intel::collateral, APPRAISAL, 32;
    "date": wire::date, 0, 0;
    "dstack-log": intel::dstack_log, 64 << 10, 64;
    "event-log": intel::event_log, 64 << 10, 64;
    "evidence-frame": evidence::frame, APPRAISAL, 16;
    "firmware": firmware::ovmf, 64 << 10, 8;
    "hcl-report": wrapped::hcl_report, 64 << 10, 16;
    "issuer-key": wire::issuer_key, 16 << 10, 8;
    "key-configs": wire::key_configs, 8 << 10, 8;
    "launch-claims": firmware::launch_claims, 64 << 10, 16;
    "log-policy": log::policy, 256 << 10, 256;
    "log-proof": log::proof, 64 << 10, 16;
    "log-state": client::log_state, 64 << 10, 64;
    "message-record": wire::message_record, 64, 4;
    "ohttp-request": wire::ohttp_request, 0, 0;
    "ohttp-response": wire::ohttp_response, 0, 0;
    "pem": evidence::pem, 1024, 8;
    "policy": evidence::policy, 256 << 10, 256;
    "problem": wire::problem, 4 << 10, 4;
    "ratls-certificate": wrapped::ratls_certificate, APPRAISAL, 16;
    "release": evidence::release, 64 << 10, 64;
    "revocation-list": evidence::revocation_list, APPRAISAL, 8;
    "snp-report": evidence::snp_report, APPRAISAL, 8;
    "summary-reply": client::summary_reply, 8 << 10, 32;
    "summary-request": wire::summary_request, 16 << 10, 32;
    "tdx-quote": intel::quote, APPRAISAL, 16;
    "thread": client::thread, 16 << 10, 48;
    "tile": log::tile, 8 << 10, 16;
    "tpm-quote": wrapped::tpm_quote, 64 << 10, 16;
    "uvm-endorsement": wrapped::uvm_endorsement, APPRAISAL, 16;
    "wrapper": wrapped::wrapper, APPRAISAL, 16;
}

impl Target {
    /// The target with this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        TARGETS.iter().find(|target| target.name == name)
    }

    /// Every name.
    #[must_use]
    pub fn names() -> Vec<&'static str> {
        TARGETS.iter().map(|target| target.name).collect()
    }

    /// Decodes `data` within the target's bound and returns the most bytes that were allocated at once.
    ///
    /// # Panics
    /// When the decoder does, or when what it decoded lacks a property that it must have.
    pub fn run(&self, data: &[u8]) -> usize {
        self.once.call_once(|| (self.body)(&[]));
        Meter::within(self.bound.of(data.len()), || (self.body)(data))
    }
}

/// Splits off the front as many bytes as its first two say (big-endian), or as many as there are.
fn part<'a>(data: &mut &'a [u8]) -> &'a [u8] {
    let Some((length, rest)) = data.split_first_chunk::<2>() else {
        return std::mem::take(data);
    };
    let length = usize::from(u16::from_be_bytes(*length)).min(rest.len());
    let (taken, rest) = rest.split_at(length);
    *data = rest;
    taken
}
