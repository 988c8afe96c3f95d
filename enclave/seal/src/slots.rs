//! Small locked buffers for the keys of one request.
//!
//! Each locked buffer costs the kernel five pages and some ten system calls, about as much as opening a small request does. So the
//! ring keeps those of finished requests, wiped, for the next ones.

use cloister_memory::{Full, LockError, Locked};
use std::sync::{Arc, Mutex};

/// Bytes of a slot. The longest content is an HPKE context: key, base nonce and exporter secret (76 bytes).
pub(crate) const SLOT: usize = 128;
/// How many wiped slots are kept at most.
const KEPT: usize = 32;

/// The wiped slots.
#[derive(Clone, Default)]
pub(crate) struct Slots(Arc<Mutex<Vec<Locked>>>);

/// A locked buffer of [`SLOT`] bytes: wiped when dropped, and then given back.
pub(crate) struct Slot {
    /// There until the drop.
    buffer: Option<Locked>,
    home: Slots,
}

impl Slots {
    /// An empty slot.
    pub(crate) fn take(&self) -> Result<Slot, LockError> {
        let kept = match self.0.lock() {
            Ok(mut wiped) => wiped.pop(),
            // A thread panicked in here: do without what is kept.
            Err(_) => None,
        };
        let buffer = match kept {
            Some(buffer) => buffer,
            None => Locked::with_capacity(SLOT)?,
        };
        Ok(Slot {
            buffer: Some(buffer),
            home: self.clone(),
        })
    }

    /// A slot of `length` bytes that `fill` writes in place, so that they exist nowhere else. `None` when there is no locked memory
    /// or `fill` fails.
    pub(crate) fn filled(
        &self,
        length: usize,
        fill: impl FnOnce(&mut [u8]) -> Option<()>,
    ) -> Option<Slot> {
        let mut slot = self.take().ok()?;
        let buffer = slot.buffer.as_mut()?;
        fill(buffer.spare_mut().get_mut(..length)?)?;
        buffer.advance(length).map_err(|Full| ()).ok()?;
        Some(slot)
    }
}

impl Slot {
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.buffer.as_ref().map_or(&[], Locked::as_slice)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        let Some(mut buffer) = self.buffer.take() else {
            return;
        };
        // What a failed fill has written lies behind the end, so all of it is taken in before it is wiped.
        let written = buffer.spare_mut().len();
        let _ = buffer.advance(written);
        buffer.truncate(0);
        if let Ok(mut wiped) = self.home.0.lock()
            && wiped.len() < KEPT
        {
            wiped.push(buffer);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    #[test]
    fn a57_a_slot_is_wiped_before_it_is_used_again() {
        let slots = Slots::default();
        let one = slots
            .filled(76, |bytes| {
                bytes.fill(7);
                Some(())
            })
            .unwrap();
        assert_eq!(one.as_slice(), [7; 76]);
        let place = one.as_slice().as_ptr();
        drop(one);
        let failed = slots.filled(100, |bytes| {
            assert_eq!(bytes.as_ptr(), place, "the slot is used again");
            assert_eq!(bytes, [0; 100]);
            bytes.fill(9);
            None
        });
        assert!(failed.is_none());
        let again = slots.filled(SLOT, |bytes| {
            assert_eq!(bytes.as_ptr(), place);
            assert_eq!(bytes, [0; SLOT]);
            Some(())
        });
        assert!(again.is_some() && slots.filled(SLOT + 1, |_| Some(())).is_none());
    }

    #[test]
    fn a51_only_some_are_kept() {
        let slots = Slots::default();
        let many: Vec<_> = (0..KEPT + 3).map(|_| slots.take().unwrap()).collect();
        drop(many);
        assert_eq!(slots.0.lock().unwrap().len(), KEPT);
    }
}
