//! Giving up in good order.

use crate::SummariseError;
use core::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

/// Tells a running summary to stop: because its time is over, or because whoever asked has gone.
///
/// Engines look at it between steps; the longest step is one batch of embeddings.
#[derive(Debug, Default)]
pub struct Cancel {
    stopped: AtomicBool,
    deadline: Option<Instant>,
}

impl Cancel {
    /// Never stops by itself; [`Cancel::stop`] still stops it.
    #[must_use]
    pub fn never() -> Self {
        Self::default()
    }

    /// Stops at `deadline`, or earlier by [`Cancel::stop`].
    #[must_use]
    pub fn at(deadline: Instant) -> Self {
        Self {
            stopped: AtomicBool::new(false),
            deadline: Some(deadline),
        }
    }

    /// Asks the summary to stop at its next step.
    pub fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Looks whether to go on.
    ///
    /// # Errors
    /// [`SummariseError::Stopped`] after [`Cancel::stop`], [`SummariseError::TooLate`] after the deadline.
    pub fn check(&self) -> Result<(), SummariseError> {
        if self.stopped.load(Ordering::Relaxed) {
            return Err(SummariseError::Stopped);
        }
        match self.deadline {
            Some(deadline) if Instant::now() >= deadline => Err(SummariseError::TooLate),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn stops_when_told_and_when_late() {
        let cancel = Cancel::never();
        assert_eq!(cancel.check(), Ok(()));
        cancel.stop();
        assert_eq!(cancel.check(), Err(SummariseError::Stopped));
        let now = Instant::now();
        assert_eq!(Cancel::at(now).check(), Err(SummariseError::TooLate));
        assert_eq!(Cancel::at(now + Duration::from_secs(3600)).check(), Ok(()));
    }
}
