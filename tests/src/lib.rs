//! Real programs come in: nginx, HAProxy, openssl, QEMU and Cloister's own commands, found on this machine.
//! Out goes a [`Stack`]: relay, gateway and a service behind them on free loopback ports, with a [`tap::Tap`] on each wire between.
//! While it lives the wires are recorded and every output is kept in a file; when it is dropped, even by a panic, no process is left.
#![forbid(unsafe_code)]
// Every line here serves a test: what fails must fail that test, at once and by name.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::cast_possible_truncation
)]

pub mod children;
pub mod edge;
pub mod folder;
pub mod hostile;
pub mod markers;
pub mod oneshot;
pub mod ports;
pub mod programs;
pub mod raw;
pub mod seeded;
pub mod service;
pub mod stack;
pub mod tap;
pub mod tls;
pub mod upstream;

pub use stack::Stack;
