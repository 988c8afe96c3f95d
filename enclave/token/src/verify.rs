//! Tokens and the keys that sign them (RFC 9578 section 6).

use crate::TOKEN_TYPE;
use core::fmt;
use graviola::signing::rsa::VerifyingKey;
use sha2::{Digest, Sha256};

/// `SubjectPublicKeyInfo` of a 2048-bit RSASSA-PSS key with the only parameters that RFC 9578 section 6.5 allows (SHA-384, MGF1
/// with SHA-384, 48 bytes of salt), up to the modulus. The encoding is fixed, so it is compared and not parsed.
const SPKI_HEAD: &[u8] = &[
    0x30, 0x82, 0x01, 0x52, 0x30, 0x3d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01,
    0x0a, 0x30, 0x30, 0xa0, 0x0d, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04,
    0x02, 0x02, 0xa1, 0x1a, 0x30, 0x18, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01,
    0x08, 0x30, 0x0b, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0xa2, 0x03,
    0x02, 0x01, 0x30, 0x03, 0x82, 0x01, 0x0f, 0x00,
];

/// `RSAPublicKey` up to the modulus of 2048 bits; 256 bytes and the exponent 65537 follow.
const RSA_HEAD: &[u8] = &[0x30, 0x82, 0x01, 0x0a, 0x02, 0x82, 0x01, 0x01, 0x00];
const RSA_TAIL: &[u8] = &[0x02, 0x03, 0x01, 0x00, 0x01];

/// Nk of token type 0x0002: bytes of the authenticator.
const AUTHENTICATOR: usize = 256;

/// An issuer's public key for one epoch.
pub struct IssuerKey {
    key: VerifyingKey,
    id: [u8; 32],
}

/// The bytes are not the public key of a token issuer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IssuerKeyError;

impl fmt::Display for IssuerKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "not an issuer key: expected a DER SubjectPublicKeyInfo of 2048-bit RSASSA-PSS with SHA-384, MGF1-SHA-384, \
             48 bytes of salt and exponent 65537",
        )
    }
}

impl core::error::Error for IssuerKeyError {}

/// Why bytes are not a token that this service admits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TokenError {
    /// Not 354 bytes.
    Length(usize),
    /// Another token type.
    Type(u16),
    /// Issued for another challenge: another service or issuer, or a challenge made for one device.
    Challenge,
    /// Signed by a key of another epoch or issuer.
    Key,
    /// The authenticator does not verify.
    Authenticator,
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Length(found) => write!(f, "a token has 354 bytes, this one {found}"),
            Self::Type(found) => write!(f, "token type {found:#06x}, expected 0x0002"),
            Self::Challenge => f.write_str("the token was issued for another challenge"),
            Self::Key => f.write_str(
                "the token names a key that is not the issuer's current one: fetch new tokens",
            ),
            Self::Authenticator => f.write_str("the token's signature does not verify"),
        }
    }
}

impl core::error::Error for TokenError {}

/// A token whose signature verified under the issuer's key. Not spent yet.
pub struct VerifiedToken {
    /// SHA-256 of the nonce: what the spent set keeps.
    pub(crate) nonce_sha256: [u8; 32],
}

impl IssuerKey {
    /// Reads an issuer's key.
    ///
    /// # Errors
    /// [`IssuerKeyError`] for any other key type, size, parameter or encoding.
    pub fn from_spki(spki: &[u8]) -> Result<Self, IssuerKeyError> {
        let pkcs1 = spki.strip_prefix(SPKI_HEAD).ok_or(IssuerKeyError)?;
        let modulus = pkcs1
            .strip_prefix(RSA_HEAD)
            .and_then(|rest| rest.strip_suffix(RSA_TAIL))
            .filter(|modulus| modulus.len() == 256)
            .ok_or(IssuerKeyError)?;
        // 2048 bits mean that the top bit is set; an even number is no modulus.
        if modulus.first().is_none_or(|&byte| byte < 0x80)
            || modulus.last().is_none_or(|&byte| byte & 1 == 0)
        {
            return Err(IssuerKeyError);
        }
        let key = VerifyingKey::from_pkcs1_der(pkcs1).map_err(|_| IssuerKeyError)?;
        Ok(Self {
            key,
            id: Sha256::digest(spki).into(),
        })
    }

    /// The token key id: SHA-256 of the key's encoding.
    #[must_use]
    pub fn id(&self) -> &[u8; 32] {
        &self.id
    }

    /// Verifies a token against this key and the digest of the one challenge that the service uses.
    ///
    /// # Errors
    /// [`TokenError`] names the first thing that is wrong.
    pub fn verify(
        &self,
        token: &[u8],
        challenge_digest: &[u8; 32],
    ) -> Result<VerifiedToken, TokenError> {
        let length = TokenError::Length(token.len());
        let (kind, rest) = token.split_first_chunk::<2>().ok_or(length)?;
        let (nonce, rest) = rest.split_first_chunk::<32>().ok_or(length)?;
        let (challenge, rest) = rest.split_first_chunk::<32>().ok_or(length)?;
        let (key_id, authenticator) = rest.split_first_chunk::<32>().ok_or(length)?;
        let authenticator: &[u8; AUTHENTICATOR] = authenticator.try_into().map_err(|_| length)?;
        let kind = u16::from_be_bytes(*kind);
        if kind != TOKEN_TYPE {
            return Err(TokenError::Type(kind));
        }
        // All of this is public, so plain comparisons do.
        if challenge != challenge_digest {
            return Err(TokenError::Challenge);
        }
        if *key_id != self.id {
            return Err(TokenError::Key);
        }
        let signed = token.strip_suffix(authenticator).ok_or(length)?;
        self.key
            .verify_pss_sha384(authenticator, signed)
            .map_err(|_| TokenError::Authenticator)?;
        Ok(VerifiedToken {
            nonce_sha256: Sha256::digest(nonce).into(),
        })
    }
}
