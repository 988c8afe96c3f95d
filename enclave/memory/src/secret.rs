//! A key of fixed length.

use crate::{LockError, Locked};

/// `N` secret bytes in locked memory, compared in constant time.
pub struct Secret<const N: usize>(Locked);

impl<const N: usize> Secret<N> {
    /// Lets `fill` write the bytes in place, so that they exist nowhere else.
    ///
    /// # Errors
    /// [`LockError`] when locked memory cannot be had; otherwise whatever `fill` returns.
    pub fn filled<E: From<LockError>>(
        fill: impl FnOnce(&mut [u8; N]) -> Result<(), E>,
    ) -> Result<Self, E> {
        let failed = LockError { bytes: N };
        let mut buffer = Locked::with_capacity(N)?;
        let bytes = buffer.spare_mut().first_chunk_mut::<N>().ok_or(failed)?;
        fill(bytes)?;
        buffer.advance(N).map_err(|_| failed)?;
        Ok(Self(buffer))
    }

    /// The bytes. The length is always `N`.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        self.0.as_slice()
    }
}

impl<const N: usize> PartialEq for Secret<N> {
    fn eq(&self, other: &Self) -> bool {
        // SAFETY: both point at `N` initialised bytes.
        unsafe { memsec::memeq(self.expose().as_ptr(), other.expose().as_ptr(), N) }
    }
}

impl<const N: usize> Eq for Secret<N> {}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn equality_is_over_all_bytes() {
        let make = |last: u8| {
            Secret::<32>::filled::<LockError>(|bytes| {
                bytes.fill(7);
                bytes[31] = last;
                Ok(())
            })
            .unwrap()
        };
        assert!(make(1) == make(1));
        assert!(make(1) != make(2));
        assert_eq!(make(3).expose().len(), 32);
    }

    #[test]
    fn a_failed_fill_makes_no_secret() {
        assert_eq!(
            Secret::<16>::filled(|_| Err(LockError { bytes: 1 })).err(),
            Some(LockError { bytes: 1 })
        );
    }
}
