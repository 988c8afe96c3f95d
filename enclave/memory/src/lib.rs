//! Memory for secrets.
//!
//! In come lengths; out go buffers for plaintext, keys and tokens. A [`Locked`] buffer never reaches swap or a core dump, sits
//! between guard pages, never moves and never grows, and is zero before its pages are returned. Everything that other people's
//! code puts on the heap is zeroed when it is freed, by [`ZeroOnFree`] as the global allocator.
//!
//! This is the crate that may hold `unsafe`: every block says why it is sound, and nothing here parses anybody's bytes.
#![deny(unsafe_op_in_unsafe_fn)]

mod arena;
mod locked;
mod map;
mod process;
mod secret;
mod zero_on_free;

pub use arena::Arena;
pub use locked::{Full, LockError, Locked};
pub use map::ReadOnlyMap;
pub use process::{HardenError, harden_process};
pub use secret::Secret;
pub use zero_on_free::ZeroOnFree;
