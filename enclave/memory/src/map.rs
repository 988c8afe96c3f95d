//! Weights, mapped and not copied.

use core::{ffi::c_void, ptr::NonNull, slice};
use rustix::mm::{Advice, MapFlags, ProtFlags, madvise, mmap, munmap};
use std::{fs::File, io, path::Path};

/// A whole file, mapped read-only.
///
/// For files that nobody changes while they are mapped: the weights on the read-only, verity-checked volume. On other file
/// systems a writer could change the bytes under the reader, so the caller must verify a digest after mapping *and* own the file.
pub struct ReadOnlyMap {
    start: NonNull<c_void>,
    length: usize,
}

// SAFETY: the mapping is private and read-only; it is unmapped once, when dropped.
unsafe impl Send for ReadOnlyMap {}
// SAFETY: as above.
unsafe impl Sync for ReadOnlyMap {}

impl ReadOnlyMap {
    /// Maps the regular file at `path`.
    ///
    /// # Errors
    /// When the file cannot be opened or mapped, is empty, or is no regular file.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let metadata = file.metadata()?;
        let length = usize::try_from(metadata.len()).map_err(|_| io::ErrorKind::FileTooLarge)?;
        if !metadata.is_file() || length == 0 {
            return Err(io::Error::new(
                io::ErrorKind::InvalidInput,
                "not a regular file, or empty",
            ));
        }
        // SAFETY: a new private mapping at an address of the kernel's choice overlaps nothing of ours.
        let start = unsafe {
            mmap(
                core::ptr::null_mut(),
                length,
                ProtFlags::READ,
                MapFlags::PRIVATE,
                &file,
                0,
            )
        }?;
        let start = NonNull::new(start).ok_or(io::ErrorKind::Other)?;
        let map = Self { start, length };
        // SAFETY: the mapping is ours; the advice only asks the kernel to read ahead.
        unsafe { madvise(start.as_ptr(), length, Advice::WillNeed) }?;
        Ok(map)
    }

    /// The file's bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        // SAFETY: the mapping is `length` readable bytes long and lives as long as `self`.
        unsafe { slice::from_raw_parts(self.start.as_ptr().cast(), self.length) }
    }
}

impl Drop for ReadOnlyMap {
    fn drop(&mut self) {
        // SAFETY: the mapping is ours, and no reference to it outlives `self`. A failure could only leave it mapped.
        let _ = unsafe { munmap(self.start.as_ptr(), self.length) };
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn maps_a_file_and_refuses_what_is_none() {
        let this = Path::new(env!("CARGO_MANIFEST_DIR")).join("Cargo.toml");
        assert_eq!(
            ReadOnlyMap::open(&this).unwrap().bytes(),
            std::fs::read(&this).unwrap()
        );
        assert!(ReadOnlyMap::open(Path::new(env!("CARGO_MANIFEST_DIR"))).is_err());
        assert!(ReadOnlyMap::open(Path::new("/dev/null")).is_err());
    }
}
