//! Wiping what computations leave on the stack.

use zeroize::zeroize_stack;

/// More than the deepest computation here uses: ML-KEM's matrices take some tens of kilobytes.
const DEEP: usize = 128 * 1024;
/// More than key schedules and AEADs use.
const SHALLOW: usize = 16 * 1024;

/// Zeroes the stack below its caller, where functions that have returned kept copies of keys: moves leave copies behind that no
/// `Drop` sees (attack A57). Best effort: registers and what the kernel saved of them are not reached.
#[inline(never)]
pub(crate) fn stack() {
    zeroize_stack::<DEEP>();
}

/// The same after symmetric cryptography alone, which a chunk may need for each few bytes of a stream.
#[inline(never)]
pub(crate) fn shallow_stack() {
    zeroize_stack::<SHALLOW>();
}
