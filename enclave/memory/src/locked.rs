//! A byte buffer in locked pages.

use core::{fmt, ptr::NonNull, slice};

/// A byte buffer of fixed capacity in locked memory.
///
/// The pages are excluded from swap (`mlock`) and core dumps (`MADV_DONTDUMP`), surrounded by inaccessible guard pages, and
/// wiped when dropped, on unwinding too. The buffer neither grows nor moves, so it leaves no copies behind. It has no `Debug`,
/// `Clone` or `Display`, so that no secret reaches a log by accident.
pub struct Locked {
    /// From `memsec::malloc_sized`; every byte is initialised, and those from `length` on are zero.
    region: NonNull<[u8]>,
    /// Bytes in use, at most the capacity.
    length: usize,
}

// SAFETY: `Locked` owns its region exclusively, and hands out references only through `&self` and `&mut self`.
unsafe impl Send for Locked {}
// SAFETY: as above; there is no interior mutability.
unsafe impl Sync for Locked {}

/// The kernel gave no locked memory. Nothing was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LockError {
    /// How many bytes were asked for.
    pub bytes: usize,
}

impl fmt::Display for LockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "cannot lock {} bytes of memory: raise RLIMIT_MEMLOCK (ulimit -l) or free memory",
            self.bytes
        )
    }
}

impl core::error::Error for LockError {}

/// The buffer has no room for what was to be added. It is unchanged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

impl fmt::Display for Full {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the locked buffer is full")
    }
}

impl core::error::Error for Full {}

impl Locked {
    /// An empty buffer that can hold `capacity` bytes. Each buffer costs four pages besides its own.
    ///
    /// # Errors
    /// [`LockError`] when memory cannot be had or cannot be locked.
    pub fn with_capacity(capacity: usize) -> Result<Self, LockError> {
        let failed = LockError { bytes: capacity };
        // `malloc_sized` computes its layout unchecked: stay far from where the sum with the guard pages could overflow.
        if capacity > isize::MAX.unsigned_abs() / 2 {
            return Err(failed);
        }
        // SAFETY: the size is in bounds; the result is checked. One byte at least, so that the pages exist.
        let region = unsafe { memsec::malloc_sized(capacity.max(1)) }.ok_or(failed)?;
        let start = region.cast::<u8>().as_ptr();
        // `malloc_sized` ignores a failing mlock, so lock again and look: locking is idempotent.
        // SAFETY: the region is ours and `region.len()` bytes long.
        let locked = unsafe { memsec::mlock(start, region.len()) };
        // Memory comes filled with a pattern; readers of spare capacity must see zeros.
        // SAFETY: as above.
        unsafe { memsec::memzero(start, region.len()) };
        let buffer = Self { region, length: 0 };
        if locked { Ok(buffer) } else { Err(failed) }
    }

    /// A buffer that holds a copy of `bytes` and has no spare room.
    ///
    /// # Errors
    /// [`LockError`] as for [`Locked::with_capacity`].
    pub fn copy_of(bytes: &[u8]) -> Result<Self, LockError> {
        let mut buffer = Self::with_capacity(bytes.len())?;
        buffer
            .extend_from_slice(bytes)
            .map_err(|Full| LockError { bytes: bytes.len() })?;
        Ok(buffer)
    }

    /// How many bytes the buffer can hold.
    #[must_use]
    pub fn capacity(&self) -> usize {
        self.region.len()
    }

    /// How many bytes are in use.
    #[must_use]
    pub fn len(&self) -> usize {
        self.length
    }

    /// Whether no byte is in use.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The bytes in use.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        // SAFETY: `length <= region.len()`, all initialised; the shared borrow of `self` keeps writers out.
        unsafe { slice::from_raw_parts(self.region.cast::<u8>().as_ptr(), self.length) }
    }

    /// The bytes in use, for change in place.
    pub fn as_mut_slice(&mut self) -> &mut [u8] {
        // SAFETY: as in `as_slice`; the exclusive borrow of `self` keeps everybody else out.
        unsafe { slice::from_raw_parts_mut(self.region.cast::<u8>().as_ptr(), self.length) }
    }

    /// Appends `bytes`.
    ///
    /// # Errors
    /// [`Full`] when they do not fit; nothing is appended then.
    pub fn extend_from_slice(&mut self, bytes: &[u8]) -> Result<(), Full> {
        self.spare_mut()
            .get_mut(..bytes.len())
            .ok_or(Full)?
            .copy_from_slice(bytes);
        self.length += bytes.len();
        Ok(())
    }

    /// The unused part, all zero, to be written in place and then taken into use by [`Locked::advance`].
    pub fn spare_mut(&mut self) -> &mut [u8] {
        let length = self.length;
        // SAFETY: the whole region is initialised and exclusively borrowed through `self`.
        let all = unsafe { self.region.as_mut() };
        all.get_mut(length..).unwrap_or_default()
    }

    /// Takes the first `bytes` of the unused part into use.
    ///
    /// # Errors
    /// [`Full`] when the buffer has not that many; nothing changes then.
    pub fn advance(&mut self, bytes: usize) -> Result<(), Full> {
        if self.capacity() - self.length < bytes {
            return Err(Full);
        }
        self.length += bytes;
        Ok(())
    }

    /// Shortens to `length` bytes and wipes the rest; no effect when the buffer is not longer.
    pub fn truncate(&mut self, length: usize) {
        if length < self.length {
            if let Some(tail) = self.as_mut_slice().get_mut(length..) {
                // SAFETY: `tail` is a valid, exclusively borrowed slice.
                unsafe { memsec::memzero(tail.as_mut_ptr(), tail.len()) };
            }
            self.length = length;
        }
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        // SAFETY: the region came from `memsec::malloc_sized`, is freed once, and no reference to it outlives `self`.
        // Wiping comes first, for the pages must be clean whatever `free` does.
        unsafe {
            memsec::memzero(self.region.cast::<u8>().as_ptr(), self.region.len());
            memsec::free(self.region);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;

    #[test]
    fn holds_what_fits_and_refuses_the_rest_whole() {
        let mut buffer = Locked::with_capacity(5).unwrap();
        buffer.extend_from_slice(b"abc").unwrap();
        assert_eq!(buffer.extend_from_slice(b"def"), Err(Full));
        assert_eq!(buffer.as_slice(), b"abc");
        assert_eq!(buffer.spare_mut(), [0, 0]);
        buffer.spare_mut().copy_from_slice(b"de");
        buffer.advance(2).unwrap();
        assert_eq!(buffer.advance(1), Err(Full));
        assert_eq!(buffer.as_slice(), b"abcde");
        buffer.truncate(1);
        assert_eq!(buffer.as_slice(), b"a");
        assert_eq!(buffer.spare_mut(), [0; 4], "truncated bytes are wiped");
    }

    /// The flags of the mapping that holds `address`, as the kernel prints them (proc(5), `VmFlags` of `smaps`). Sums for the whole
    /// process, such as `VmLck`, move with what the other tests lock and free meanwhile.
    fn flags_of_mapping(address: usize) -> Vec<String> {
        let smaps = std::fs::read_to_string("/proc/self/smaps").unwrap();
        let mut inside = false;
        for line in smaps.lines() {
            let bounds = line
                .split(' ')
                .next()
                .and_then(|range| range.split_once('-'));
            if let Some((from, to)) = bounds
                && let Ok(from) = usize::from_str_radix(from, 16)
                && let Ok(to) = usize::from_str_radix(to, 16)
            {
                inside = (from..to).contains(&address);
            } else if inside && let Some(flags) = line.strip_prefix("VmFlags:") {
                return flags.split_whitespace().map(str::to_owned).collect();
            }
        }
        panic!("no mapping holds the address");
    }

    #[test]
    fn the_kernel_says_that_the_pages_are_locked_and_not_dumped() {
        let buffer = Locked::with_capacity(40_000).unwrap();
        let start = buffer.region.cast::<u8>().as_ptr().addr();
        for address in [start, start + 20_000, start + 39_999] {
            let flags = flags_of_mapping(address);
            for wanted in ["lo", "dd"] {
                assert!(
                    flags.iter().any(|flag| flag == wanted),
                    "{wanted} is missing: {flags:?}"
                );
            }
        }
        let ordinary = vec![0_u8; 40_000];
        let ordinary = flags_of_mapping(ordinary.as_ptr().addr());
        assert!(
            !ordinary.contains(&"dd".to_owned()),
            "the test sees no difference: {ordinary:?}"
        );
    }

    #[test]
    fn a_length_beyond_all_memory_is_an_error() {
        assert_eq!(
            Locked::with_capacity(usize::MAX).err(),
            Some(LockError { bytes: usize::MAX })
        );
    }
}
