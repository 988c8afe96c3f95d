//! Many small texts in one locked buffer.

use crate::{Full, LockError, Locked};
use core::{cell::Cell, marker::PhantomData, ptr, ptr::NonNull, slice, str};

/// A locked buffer that keeps texts side by side, for a request whose texts live and die together.
///
/// One arena per request instead of one [`Locked`] per text: each of those costs four pages and three system calls.
pub struct Arena {
    /// First byte of `owner`'s region. All access goes through this pointer while the arena lives.
    start: NonNull<u8>,
    /// Bytes handed out so far, at most `owner.capacity()`.
    used: Cell<usize>,
    /// Keeps the pages, and wipes them when dropped.
    owner: Locked,
    /// `used` and the bytes beyond it change through `&self`: one thread at a time.
    not_sync: PhantomData<*mut u8>,
}

// SAFETY: the arena owns its pages; moving it to another thread moves the only handle. (It stays `!Sync`.)
unsafe impl Send for Arena {}

impl Arena {
    /// An arena for at most `capacity` bytes of text.
    ///
    /// # Errors
    /// [`LockError`] when locked memory cannot be had.
    pub fn with_capacity(capacity: usize) -> Result<Self, LockError> {
        let mut owner = Locked::with_capacity(capacity)?;
        let start = NonNull::from(owner.spare_mut()).cast();
        Ok(Self {
            start,
            used: Cell::new(0),
            owner,
            not_sync: PhantomData,
        })
    }

    /// Copies `text` into the arena and returns the copy, which lives as long as the arena.
    ///
    /// # Errors
    /// [`Full`] when it does not fit; nothing is kept then.
    pub fn keep_str(&self, text: &str) -> Result<&str, Full> {
        let used = self.used.get();
        let end = used
            .checked_add(text.len())
            .filter(|&end| end <= self.owner.capacity())
            .ok_or(Full)?;
        // SAFETY: `used..end` lies inside the region, and no reference to it exists yet, since `used` only grows. The source is
        // a valid `str`, so the copy is one too. The result borrows `self`, and `owner` is not touched before `self` is dropped.
        let kept = unsafe {
            let target = self.start.as_ptr().add(used);
            ptr::copy_nonoverlapping(text.as_ptr(), target, text.len());
            str::from_utf8_unchecked(slice::from_raw_parts(target, text.len()))
        };
        self.used.set(end);
        Ok(kept)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn texts_stay_where_they_were_put() {
        let arena = Arena::with_capacity(12).unwrap();
        let first = arena.keep_str("naïve").unwrap();
        let second = arena.keep_str("").unwrap();
        let third = arena.keep_str("crêpe").unwrap();
        assert_eq!((first, second, third), ("naïve", "", "crêpe"));
        assert_eq!(arena.keep_str("x"), Err(Full));
        assert_eq!(first, "naïve");
    }
}
