//! The padding ladder: the sizes that a sealed message may have (attack A45).
//!
//! A request or reply is a binary HTTP message followed by zero bytes (RFC 9292 section 3.8) up to the next rung, so that its
//! sealed length tells which of nine sizes it has and nothing else. The rungs double: padding at most doubles a message.

/// The lowest rung: 4 KiB.
pub const LOWEST: usize = 4 * 1024;
/// The highest rung, and so the most plaintext of a request or reply: 1 MiB.
pub const HIGHEST: usize = 1024 * 1024;
/// Every rung, rising.
pub const RUNGS: [usize; 9] = [
    LOWEST,
    2 * LOWEST,
    4 * LOWEST,
    8 * LOWEST,
    16 * LOWEST,
    32 * LOWEST,
    64 * LOWEST,
    128 * LOWEST,
    HIGHEST,
];

/// The plaintext of every chunk of a chunked request, in bytes: the lowest rung, of which every other is a multiple. So the number of
/// chunks, too, tells the rung and nothing else.
pub const REQUEST_CHUNK: usize = LOWEST;
/// The plaintext of every chunk of a chunked reply, in bytes, whatever there was to say when it was sent.
pub const REPLY_CHUNK: usize = 1024;

/// The lowest rung that holds `length` bytes, or `None` above [`HIGHEST`].
#[must_use]
pub fn rung(length: usize) -> Option<usize> {
    RUNGS.into_iter().find(|&rung| length <= rung)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::chunked::MAX_CHUNK;
    use crate::ohttp::TAG_LENGTH;

    #[test]
    fn a45_fixed_chunks_are_within_the_limits_and_have_lengths_of_two_bytes() {
        for chunk in [REQUEST_CHUNK, REPLY_CHUNK] {
            assert!(chunk <= MAX_CHUNK && (64..16384).contains(&(chunk + TAG_LENGTH)));
        }
    }

    #[test]
    fn a45_every_length_lands_on_a_rung() {
        assert_eq!(rung(0), Some(4096));
        for step in RUNGS.windows(2) {
            let &[low, high] = step else { unreachable!() };
            assert_eq!(high, 2 * low);
            assert_eq!(high % REQUEST_CHUNK, 0);
            assert_eq!(rung(low), Some(low));
            assert_eq!(rung(low + 1), Some(high));
        }
        assert_eq!(rung(HIGHEST), Some(HIGHEST));
        assert_eq!(rung(HIGHEST + 1), None);
        assert_eq!(rung(usize::MAX), None);
    }
}
