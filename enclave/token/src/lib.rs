//! Anonymous admission: one Privacy Pass token, one request.
//!
//! In come a token's bytes and the issuer's public key; out comes a [`SpentToken`], once per token. The enclave learns that the
//! issuer admitted *somebody*, and nothing of whom: the token is a blind signature over a nonce that the issuer never saw, and the
//! challenge is the same for everyone. A token that was spent, that another key signed, or whose issuance was for another service
//! is refused; when the set of spent tokens is full, every token is (RFC 9577, RFC 9578 section 6, token type 0x0002).
#![forbid(unsafe_code)]

mod challenge;
mod spent;
mod verify;

pub use challenge::{Challenge, ChallengeError};
pub use spent::{SpendError, SpentSet, SpentToken};
pub use verify::{IssuerKey, IssuerKeyError, TokenError, VerifiedToken};

/// Token type "blind RSA (2048-bit)" (RFC 9578 section 8.2.2).
pub const TOKEN_TYPE: u16 = 0x0002;
