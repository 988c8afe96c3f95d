//! The pure verifier.
//!
//! In come evidence, the facts that the caller knows from its own hands (session, keys), and what it expects: a policy, releases,
//! roots and the time. Out goes an [`Appraisal`]: every rule with what was expected and found, and either [`Attested`] or the list of
//! rules that failed. Holding an [`Attested`], the caller knows that a genuine, allowed machine runs a published release and that the
//! keys it is about to seal to were born in it; nothing else in this crate, and nothing outside it, can make one.
//!
//! The crate does no I/O and has no clock, so the same bytes give the same verdict on a phone, in a browser and on an auditor's desk.
//!
//! ```text
//! attest ─ attest.rs     the one function that makes Attested        policy ─ policy/     what is demanded, as data
//!   snp  ─ snp/          SEV-SNP, step by step                       release ─ release.rs what was published
//!   tdx  ─ tdx/          TDX, step by step                           claims ─ claims.rs   what the evidence says
//!   x509, keys, crl,     certificates, strictly                      anchors ─ anchors.rs whom to believe
//!   certificates
//!   ccel ─ ccel/         event logs of TDX against the registers
//! log ─ log/             whether a file was published, by its proof from the transparency log
//! ```
#![forbid(unsafe_code)]

mod anchors;
mod attest;
pub mod ccel;
mod certificates;
mod claims;
mod crl;
mod foreign;
mod keys;
pub mod log;
mod measured;
pub mod pem;
pub mod policy;
pub mod ratls;
pub mod release;
pub mod snp;
pub mod tdx;
mod time;
mod trail;
pub mod wrap;
mod x509;

/// What the tests of this crate sign evidence with; it names the crate as those outside do.
#[cfg(test)]
extern crate self as cloister_verify;
#[cfg(test)]
#[path = "../tests/support/mod.rs"]
#[allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "tests stop at the first fault"
)]
mod support;

pub use anchors::{AnchorKind, Anchors, BadAnchor};
pub use attest::{
    Appraisal, Attested, Binding, BindingKind, Expected, Opinion, Refused, appraise,
    appraise_quote, attest,
};
pub use claims::{Claims, Field};
pub use policy::Policy;
pub use release::Release;
pub use snp::Endorsements;
pub use tdx::Collateral;
pub use time::UnixTime;
pub use trail::{Outcome, Rule, Step};

/// Every rule of an appraisal of an SNP report by [`attest()`], in the order of its trail.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    attest::rules::around(&attest::rules::CERTIFICATES, snp::rules::ALL)
}

/// Every rule of an appraisal of a TDX quote by [`attest()`], in the order of its trail.
pub fn quote_rules() -> impl Iterator<Item = &'static Rule> {
    attest::rules::around(&attest::rules::COLLATERAL, tdx::rules::ALL)
}
