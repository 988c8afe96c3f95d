//! The global allocator that forgets.

use core::{
    alloc::{GlobalAlloc, Layout},
    arch::asm,
    ptr,
};

/// Wraps an allocator and zeroes every block before it is returned, and the old block of every reallocation.
///
/// Libraries copy plaintext into buffers of their own (HTTP frames, JSON scratch space, tokens, tensors) and drop them without
/// wiping. With this as `#[global_allocator]`, no freed block keeps what it held.
///
/// ```
/// # use cloister_memory::ZeroOnFree;
/// #[global_allocator]
/// static ALLOCATOR: ZeroOnFree<std::alloc::System> = ZeroOnFree(std::alloc::System);
/// # fn main() {}
/// ```
pub struct ZeroOnFree<A>(pub A);

/// Writes zeros that the compiler may not leave out.
///
/// # Safety
/// `block..block + size` must be writable and unused by anybody else.
unsafe fn wipe(block: *mut u8, size: usize) {
    // SAFETY: the caller's promise.
    unsafe { ptr::write_bytes(block, 0, size) };
    // Without this the stores are dead (the block is freed next) and would be removed. An empty assembly block that takes the
    // pointer and may read memory makes them observable; unlike volatile writes it leaves `memset` as fast as it is.
    // SAFETY: no instruction is executed.
    unsafe { asm!("/* {0} */", in(reg) block, options(nostack, preserves_flags, readonly)) };
}

// SAFETY: all blocks come from and go to the inner allocator with their own layouts; wiping stays inside the block.
unsafe impl<A: GlobalAlloc> GlobalAlloc for ZeroOnFree<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise is the inner allocator's.
        unsafe { self.0.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        unsafe { self.0.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller gives the block up, and it is `layout.size()` bytes long.
        unsafe {
            wipe(block, layout.size());
            self.0.dealloc(block, layout);
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // The inner `realloc` may move the block and free the old one unwiped, so move it here.
        // SAFETY: the caller promises that `new_size` is valid for this alignment.
        let new_layout = unsafe { Layout::from_size_align_unchecked(new_size, layout.align()) };
        // SAFETY: `new_layout` has a non-zero size, as the caller promises.
        let new_block = unsafe { self.0.alloc(new_layout) };
        if !new_block.is_null() {
            // SAFETY: both blocks are valid for the smaller size and distinct; the old one is given up.
            unsafe {
                ptr::copy_nonoverlapping(block, new_block, layout.size().min(new_size));
                self.dealloc(block, layout);
            }
        }
        new_block
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]
    use super::*;
    use std::{alloc::System, sync::Mutex, vec::Vec};

    /// Keeps a copy of every block at the moment when it is returned.
    struct Recorder(Mutex<Vec<Vec<u8>>>);

    // SAFETY: forwards to `System`; the recorded block is still valid when it is read.
    unsafe impl GlobalAlloc for Recorder {
        unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
            // SAFETY: forwarded.
            unsafe { System.alloc(layout) }
        }
        unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
            // SAFETY: the block is valid until the next line.
            let bytes = unsafe { core::slice::from_raw_parts(block, layout.size()) }.to_vec();
            self.0
                .lock()
                .unwrap_or_else(|poisoned| poisoned.into_inner())
                .push(bytes);
            // SAFETY: forwarded.
            unsafe { System.dealloc(block, layout) }
        }
    }

    #[test]
    fn a57_blocks_are_zero_when_they_are_returned() {
        let allocator = ZeroOnFree(Recorder(Mutex::new(Vec::new())));
        let layout = Layout::array::<u8>(100).unwrap_or(Layout::new::<u8>());
        // SAFETY: plain use of an allocator: sizes are not zero, and blocks are freed once with the layout they have.
        let moved = unsafe {
            let block = allocator.alloc(layout);
            block.write_bytes(0xAA, 100);
            let moved = allocator.realloc(block, layout, 300);
            moved.add(100).write_bytes(0xBB, 200);
            let copy = core::slice::from_raw_parts(moved, 100).to_vec();
            allocator.dealloc(moved, Layout::array::<u8>(300).unwrap_or(layout));
            copy
        };
        assert_eq!(moved, [0xAA; 100], "reallocation keeps the content");
        let returned = allocator
            .0
            .0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner());
        assert_eq!(
            returned.iter().map(Vec::len).collect::<Vec<_>>(),
            [100, 300]
        );
        assert!(
            returned.iter().flatten().all(|&byte| byte == 0),
            "a returned block still holds data"
        );
    }
}
