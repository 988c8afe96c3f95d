//! Counts what is allocated, and stops the program when a decoder asks for more than it may.

use std::alloc::{GlobalAlloc, Layout, System};
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// Bytes that are allocated now.
static LIVE: AtomicUsize = AtomicUsize::new(0);
/// The most bytes that were allocated at once since the last [`Meter::within`] began.
static PEAK: AtomicUsize = AtomicUsize::new(0);
/// More than this many bytes at once stop the program.
static LIMIT: AtomicUsize = AtomicUsize::new(usize::MAX);

/// The system's allocator with a meter. A program that measures has it as its `#[global_allocator]`, and measures in one thread alone.
#[derive(Clone, Copy, Debug)]
pub struct Meter;

impl Meter {
    /// Runs `work`, which may have at most `bytes` bytes allocated at once beyond what is allocated already. Returns the most it had.
    ///
    /// One byte more, and the program stops before the memory is handed out.
    pub fn within(bytes: usize, work: impl FnOnce()) -> usize {
        let before = LIVE.load(Relaxed);
        PEAK.store(before, Relaxed);
        LIMIT.store(before.saturating_add(bytes), Relaxed);
        work();
        LIMIT.store(usize::MAX, Relaxed);
        PEAK.load(Relaxed).saturating_sub(before)
    }

    fn grow(size: usize) {
        let live = LIVE.fetch_add(size, Relaxed).saturating_add(size);
        PEAK.fetch_max(live, Relaxed);
        let limit = LIMIT.load(Relaxed);
        if live > limit {
            // No panic: it would allocate, and a decoder's caller could catch it.
            LIMIT.store(usize::MAX, Relaxed);
            let _ = writeln!(
                std::io::stderr(),
                "a decoder asked for {size} bytes, {} more than its bound",
                live.saturating_sub(limit)
            );
            std::process::abort();
        }
    }

    fn shrink(size: usize) {
        LIVE.fetch_sub(size, Relaxed);
    }
}

// SAFETY: every block comes from and goes to the system's allocator with its own layout; the counters touch no block.
unsafe impl GlobalAlloc for Meter {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        Self::grow(layout.size());
        // SAFETY: the caller's promise is the system's.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        Self::grow(layout.size());
        // SAFETY: as above.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        Self::shrink(layout.size());
        // SAFETY: as above.
        unsafe { System.dealloc(block, layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, new_size: usize) -> *mut u8 {
        // Old and new block may exist side by side.
        Self::grow(new_size);
        // SAFETY: as above.
        let moved = unsafe { System.realloc(block, layout, new_size) };
        Self::shrink(if moved.is_null() {
            new_size
        } else {
            layout.size()
        });
        moved
    }
}
