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
//! attest ─ attest.rs     the one function that makes Attested        policy ─ policy.rs   what is demanded, as data
//!   snp  ─ snp/          SEV-SNP, step by step                       release ─ release.rs what was published
//!   x509, keys, crl      certificates, strictly                      anchors ─ anchors.rs whom to believe
//! ```
#![forbid(unsafe_code)]

mod anchors;
mod attest;
mod crl;
mod foreign;
mod keys;
pub mod pem;
pub mod policy;
pub mod ratls;
pub mod release;
pub mod snp;
mod time;
mod trail;
pub mod wrap;
mod x509;

pub use anchors::{AnchorKind, Anchors, BadAnchor};
pub use attest::{
    Appraisal, Attested, Binding, BindingKind, Expected, Opinion, Refused, appraise, attest,
};
pub use policy::Policy;
pub use release::Release;
pub use snp::{Claims, Endorsements};
pub use time::UnixTime;
pub use trail::{Outcome, Rule, Step};

/// Every rule of an SNP appraisal by [`attest()`], in the order of its trail.
pub fn rules() -> impl Iterator<Item = &'static Rule> {
    use attest::rules;
    [&rules::KIND, &rules::CERTIFICATES]
        .into_iter()
        .chain(snp::rules::ALL.iter().copied())
        .chain([
            &rules::MEASUREMENT,
            &rules::FLAVOUR,
            &rules::LIFETIME,
            &rules::REPORT_DATA,
        ])
}
