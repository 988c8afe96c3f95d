//! The set of spent tokens.

use crate::VerifiedToken;
use core::fmt;
use std::{
    collections::HashSet,
    sync::{Mutex, PoisonError},
};

/// Which tokens of one issuer key were spent: hashes of their nonces, and nothing else (no time, no request).
///
/// It lives in memory and dies with the key's epoch; a service that lost it must refuse the epoch's tokens.
pub struct SpentSet {
    nonces: Mutex<HashSet<[u8; 32]>>,
    capacity: usize,
}

/// Why a verified token does not admit a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpendError {
    /// It was spent before.
    Spent,
    /// The set is full. Nothing is admitted until the next epoch, for the alternative is to forget.
    Full,
}

impl fmt::Display for SpendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Spent => "the token was spent before: use another",
            Self::Full => "no more tokens of this key are accepted: fetch tokens of the next one",
        })
    }
}

impl core::error::Error for SpendError {}

/// Proof that a token was spent for the request that holds it. Not copyable, made by [`SpentSet::spend`] alone.
pub struct SpentToken(());

impl SpentSet {
    /// A set for at most `capacity` tokens; its memory (48 bytes per token, about) is taken now, so that it cannot be lacking later.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            nonces: Mutex::new(HashSet::with_capacity(capacity)),
            capacity,
        }
    }

    /// Spends the token. Of two calls with one token, however they race, exactly one succeeds.
    ///
    /// # Errors
    /// [`SpendError`] when it was spent before or the set is full.
    pub fn spend(&self, token: VerifiedToken) -> Result<SpentToken, SpendError> {
        let mut nonces = self.nonces.lock().unwrap_or_else(PoisonError::into_inner);
        if nonces.contains(&token.nonce_sha256) {
            return Err(SpendError::Spent);
        }
        if nonces.len() >= self.capacity {
            return Err(SpendError::Full);
        }
        nonces.insert(token.nonce_sha256);
        Ok(SpentToken(()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::sync::Barrier;

    fn token(nonce: u8) -> VerifiedToken {
        VerifiedToken {
            nonce_sha256: [nonce; 32],
        }
    }

    #[test]
    fn a_token_is_spent_once() {
        let set = SpentSet::with_capacity(8);
        assert!(set.spend(token(1)).is_ok());
        assert_eq!(set.spend(token(1)).err(), Some(SpendError::Spent));
        assert!(set.spend(token(2)).is_ok());
    }

    #[test]
    fn a_full_set_admits_nothing_and_still_knows_what_was_spent() {
        let set = SpentSet::with_capacity(1);
        assert!(set.spend(token(1)).is_ok());
        assert_eq!(set.spend(token(2)).err(), Some(SpendError::Full));
        assert_eq!(set.spend(token(1)).err(), Some(SpendError::Spent));
    }

    #[test]
    fn of_many_at_once_exactly_one_passes() {
        let (set, start) = (SpentSet::with_capacity(8), Barrier::new(8));
        let passed = std::thread::scope(|scope| {
            let spenders: Vec<_> = (0..8)
                .map(|_| {
                    scope.spawn(|| {
                        start.wait();
                        set.spend(token(7)).is_ok()
                    })
                })
                .collect();
            spenders
                .into_iter()
                .map(|spender| spender.join().unwrap())
                .filter(|&ok| ok)
                .count()
        });
        assert_eq!(passed, 1);
    }
}
