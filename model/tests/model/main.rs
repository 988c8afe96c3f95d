//! The engine as a whole, with its weights: what it may never do, what it does to hostile input, and how much it finds.
//!
//! Needs the weights: `make weights` fetches them.
#![forbid(unsafe_code)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    unreachable_pub
)]

mod embedding;
mod frozen;
mod hostile;
mod inputs;
mod metamorphic;
mod scoring;
