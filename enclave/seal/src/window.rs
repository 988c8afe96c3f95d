//! The replay window (RFC 9458 section 6.5): no request is opened twice.
//!
//! A request is known by its encapsulated key, which is fresh for each. The window remembers those of the last ten minutes in
//! buckets of one minute and forgets buckets whole; a request older than that is refused by its inner date instead, which must lie
//! within five minutes of the time at which the request was let in. So whatever is forgotten could not be let in again:
//!
//! ```text
//! let in at t, dated d:       |t - d| <= TOLERANCE, so d <= t + TOLERANCE
//! again at t', same date d:   t' <= d + TOLERANCE  <= t + 2 * TOLERANCE, and until then it is remembered
//! ```
//!
//! The clock belongs to the host (attack A9), so the window's time never goes back: a clock set back is ignored, one set forward
//! stays forward. A host that plays with it gets requests refused, never one opened twice. When the window is full, nothing is let
//! in: forgetting early would be the replay.

use core::fmt;
use sha2::{Digest, Sha256};
use std::collections::{HashSet, VecDeque};
use std::sync::Mutex;

/// How far the inner date may be from the time at which a request was let in, in seconds.
pub const TOLERANCE: u64 = 300;
/// How many requests a window remembers: about a hundred per second, for eleven minutes, in less than 8 MiB.
pub const CAPACITY: usize = 1 << 16;

/// Seconds in a bucket.
const BUCKET: u64 = 60;
/// How long a request must be remembered, in seconds.
const KEPT: u64 = 2 * TOLERANCE;

/// Remembers the requests of one key ring. It is born with the ring and ends with it.
pub struct ReplayWindow {
    capacity: usize,
    state: Mutex<State>,
}

struct State {
    /// The latest time seen, in Unix seconds.
    latest: u64,
    /// Oldest first.
    buckets: VecDeque<Bucket>,
    /// How many requests all buckets hold.
    held: usize,
}

struct Bucket {
    begin: u64,
    seen: HashSet<[u8; 32]>,
}

/// The time at which a request was let in. Its date is compared with this and with no later reading of the clock, for the host
/// could move the clock in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admitted {
    at: u64,
}

impl Admitted {
    /// Whether a request that was let in may be answered, by the date inside it, in Unix seconds (RFC 9458 section 6.5.1).
    ///
    /// # Errors
    /// [`DateRefused`] when the date is more than [`TOLERANCE`] from the time of admission. A date shortly before the birth of the
    /// keys is accepted: nothing can have been sealed to them earlier, so it only means that the two clocks differ.
    pub fn admit_date(self, date_unix: u64) -> Result<(), DateRefused> {
        if date_unix.abs_diff(self.at) > TOLERANCE {
            return Err(DateRefused);
        }
        Ok(())
    }
}

/// The inner date is not acceptable: more than [`TOLERANCE`] from the time of admission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateRefused;

impl fmt::Display for DateRefused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the date of the request is more than {TOLERANCE} seconds from the service's"
        )
    }
}

impl core::error::Error for DateRefused {}

/// Why a request was not let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AdmitError {
    Full,
    Replayed,
}

impl ReplayWindow {
    /// An empty window for [`CAPACITY`] requests, beside a key ring that is born now, in Unix seconds.
    #[must_use]
    pub fn new(born_unix: u64) -> Self {
        Self::with_capacity(born_unix, CAPACITY)
    }

    /// An empty window for another number of requests.
    #[must_use]
    pub fn with_capacity(born_unix: u64, capacity: usize) -> Self {
        let state = State {
            latest: born_unix,
            buckets: VecDeque::new(),
            held: 0,
        };
        Self {
            capacity,
            state: Mutex::new(state),
        }
    }

    /// Remembers a request by its encapsulated key.
    pub(crate) fn admit(&self, enc: &[u8], now_unix: u64) -> Result<Admitted, AdmitError> {
        let id: [u8; 32] = Sha256::digest(enc).into();
        // A thread that panicked in here may have left a half-made change: let nothing in any more.
        let mut state = self.state.lock().map_err(|_| AdmitError::Full)?;
        state.latest = state.latest.max(now_unix);
        state.forget();
        if state.buckets.iter().any(|bucket| bucket.seen.contains(&id)) {
            return Err(AdmitError::Replayed);
        }
        if state.held >= self.capacity {
            return Err(AdmitError::Full);
        }
        state.remember(id)?;
        Ok(Admitted { at: state.latest })
    }
}

impl State {
    /// Drops the buckets none of whose requests could be let in again.
    fn forget(&mut self) {
        while let Some(oldest) = self.buckets.front() {
            if self.latest <= oldest.begin.saturating_add(BUCKET + KEPT) {
                break;
            }
            self.held = self.held.saturating_sub(oldest.seen.len());
            self.buckets.pop_front();
        }
    }

    fn remember(&mut self, id: [u8; 32]) -> Result<(), AdmitError> {
        let begin = self.latest - self.latest % BUCKET;
        if self
            .buckets
            .back()
            .is_none_or(|newest| newest.begin != begin)
        {
            self.buckets.try_reserve(1).map_err(|_| AdmitError::Full)?;
            self.buckets.push_back(Bucket {
                begin,
                seen: HashSet::new(),
            });
        }
        let newest = self.buckets.back_mut().ok_or(AdmitError::Full)?;
        newest.seen.try_reserve(1).map_err(|_| AdmitError::Full)?;
        newest.seen.insert(id);
        self.held += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    const BORN: u64 = 1_795_435_200;

    fn at(time: u64) -> Admitted {
        Admitted { at: time }
    }

    #[test]
    fn the_same_request_is_let_in_once() {
        let window = ReplayWindow::new(BORN);
        assert_eq!(window.admit(b"a", BORN), Ok(at(BORN)));
        assert_eq!(window.admit(b"b", BORN), Ok(at(BORN)));
        for later in [0, 1, 59, 60, 300, KEPT] {
            assert_eq!(
                window.admit(b"a", BORN + later),
                Err(AdmitError::Replayed),
                "{later}"
            );
        }
    }

    #[test]
    fn a_forgotten_request_is_refused_by_its_date() {
        let window = ReplayWindow::new(BORN);
        // The latest date that the first admission accepts.
        let date = BORN + 1000 + TOLERANCE;
        let first = window.admit(b"a", BORN + 1000).unwrap();
        assert_eq!(first.admit_date(date), Ok(()));
        let mut time = BORN + 1000;
        let again = loop {
            time += 1;
            if let Ok(again) = window.admit(b"a", time) {
                break again;
            }
        };
        assert!(time > BORN + 1000 + KEPT);
        assert_eq!(again.admit_date(date), Err(DateRefused));
    }

    #[test]
    fn dates_outside_the_window_are_refused() {
        let now = at(BORN + 1000);
        assert_eq!(now.admit_date(BORN + 700), Ok(()));
        assert_eq!(now.admit_date(BORN + 1300), Ok(()));
        assert_eq!(now.admit_date(BORN + 699), Err(DateRefused));
        assert_eq!(now.admit_date(BORN + 1301), Err(DateRefused));
        assert_eq!(now.admit_date(0), Err(DateRefused));
        assert_eq!(now.admit_date(u64::MAX), Err(DateRefused));
        // Clocks differ: a device that is a little behind may ask right after the start.
        assert_eq!(at(BORN).admit_date(BORN - 1), Ok(()));
        assert_eq!(at(BORN).admit_date(BORN), Ok(()));
    }

    #[test]
    fn a9_a_clock_set_back_opens_nothing_again() {
        let window = ReplayWindow::new(BORN);
        let date = BORN + 5000;
        let first = window.admit(b"a", date).unwrap();
        assert_eq!(first.admit_date(date), Ok(()));
        // The host moves its clock ahead until the request is forgotten, and back to when it was made.
        window.admit(b"other", date + 100_000).unwrap();
        let again = window.admit(b"a", date).unwrap();
        assert_eq!(
            again,
            at(date + 100_000),
            "the window's time does not go back"
        );
        assert_eq!(again.admit_date(date), Err(DateRefused));
        // Even before the birth: the clock then stands at the birth at least.
        let window = ReplayWindow::new(BORN);
        assert_eq!(window.admit(b"a", 0), Ok(at(BORN)));
    }

    #[test]
    fn a9_a_clock_that_jumps_after_admission_does_not_matter() {
        let window = ReplayWindow::new(BORN);
        // The host holds a request of tomorrow (by its own, slow clock) and would move the clock between the two checks.
        let tomorrow = BORN + 86_400;
        let admitted = window.admit(b"a", BORN).unwrap();
        window.admit(b"other", tomorrow).unwrap();
        assert_eq!(admitted.admit_date(tomorrow), Err(DateRefused));
    }

    #[test]
    fn a51_a_full_window_lets_nothing_in() {
        let window = ReplayWindow::with_capacity(BORN, 3);
        for enc in [b"a", b"b", b"c"] {
            window.admit(enc, BORN).unwrap();
        }
        assert_eq!(window.admit(b"d", BORN), Err(AdmitError::Full));
        assert_eq!(
            window.admit(b"a", BORN),
            Err(AdmitError::Replayed),
            "a replay is told as such"
        );
        assert_eq!(window.admit(b"d", BORN + KEPT), Err(AdmitError::Full));
        // The bucket goes whole, and makes room again.
        assert_eq!(
            window.admit(b"d", BORN + KEPT + BUCKET + 1),
            Ok(at(BORN + KEPT + BUCKET + 1))
        );
        assert_eq!(window.state.lock().unwrap().held, 1);
    }

    #[test]
    fn time_at_its_end_does_not_overflow() {
        let window = ReplayWindow::new(u64::MAX);
        assert_eq!(window.admit(b"a", u64::MAX), Ok(at(u64::MAX)));
        assert_eq!(window.admit(b"a", u64::MAX), Err(AdmitError::Replayed));
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

        /// Whatever the host does with the clock, no dated request is answered twice.
        #[test]
        fn no_clock_gets_a_request_answered_twice(
            clock in prop::collection::vec((0_u64..5000, 0_u8..6), 1..200),
        ) {
            let window = ReplayWindow::with_capacity(BORN, 50);
            let mut answered = [0; 6];
            for (offset, request) in clock {
                // Six requests, dated ten minutes apart, sent again and again.
                let date = BORN + u64::from(request) * 600;
                if let Ok(admitted) = window.admit(&[request], BORN + offset)
                    && admitted.admit_date(date).is_ok()
                {
                    answered[usize::from(request)] += 1;
                }
                let state = window.state.lock().unwrap();
                prop_assert!(state.held <= 50);
                prop_assert_eq!(state.held, state.buckets.iter().map(|bucket| bucket.seen.len()).sum::<usize>());
            }
            prop_assert!(answered.iter().all(|&times| times <= 1), "{:?}", answered);
        }
    }
}
