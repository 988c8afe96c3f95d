//! Wiping what computations leave on the stack.

use zeroize::Zeroize;

/// More than the deepest computation here uses: ML-KEM's matrices take some tens of kilobytes.
const DEPTH: usize = 128 * 1024;
/// Wiped eight bytes at a time: each write is volatile, so the compiler merges none.
const WORDS: usize = DEPTH / size_of::<u64>();

/// Zeroes the stack below its caller, where functions that have returned kept copies of keys: moves leave copies behind that no
/// `Drop` sees (attack A57). Best effort: registers and what the kernel saved of them are not reached.
#[inline(never)]
pub(crate) fn stack() {
    let mut below = [0_u64; WORDS];
    below.zeroize();
}
