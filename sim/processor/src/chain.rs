//! The keys: made afresh at each start, never stored. The two that sign certificates are forgotten as soon as they have.

use crate::certificate::{
    Role, Validity, p384_spki, revocation_list_to_be_signed, rsa_spki, signed, to_be_signed,
};
use core::fmt;
use getrandom::SysRng;
use p384::ecdsa::SigningKey;
use p384::elliptic_curve::Generate;
use rsa::rand_core::UnwrapErr;
use rsa::traits::PublicKeyParts;
use rsa::{Pss, RsaPrivateKey};
use sha2::{Digest, Sha384};

/// Bits of the keys that sign certificates, as AMD's.
const RSA_BITS: usize = 4096;
/// Clocks differ: certificates are valid from this many seconds before now.
const SLACK: u64 = 3600;
/// A simulated processor is restarted long before its certificates end, in seconds.
const LIFE: u64 = 30 * 24 * 3600;

/// Why there is no chain.
#[derive(Debug)]
pub enum ChainError {
    /// RSA key or signature.
    Rsa(rsa::Error),
    /// The thread that makes a key has ended without one.
    Thread,
    /// The operating system gives no random numbers.
    Random,
    /// The clock shows a time that certificates cannot say.
    Time,
}

impl fmt::Display for ChainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rsa(e) => write!(f, "cannot make the certificate keys: {e}"),
            Self::Thread => f.write_str("cannot make the certificate keys: a thread stopped"),
            Self::Random => f.write_str("the operating system gives no random numbers"),
            Self::Time => f.write_str("the clock shows a time that certificates cannot say"),
        }
    }
}

impl core::error::Error for ChainError {}

/// Certificates in DER, and the key that signs reports.
pub(crate) struct Chain {
    pub(crate) ark: Vec<u8>,
    pub(crate) ask: Vec<u8>,
    pub(crate) vcek: Vec<u8>,
    pub(crate) crl: Vec<u8>,
    pub(crate) report_key: SigningKey,
}

impl Chain {
    /// Makes three keys and their certificates, valid around `now` (Unix seconds). Takes a second or two.
    pub(crate) fn generate(now: u64) -> Result<Self, ChainError> {
        // The primes are found by luck, so the two searches run side by side.
        let (ark, ask) = std::thread::scope(|scope| {
            let ark = scope.spawn(rsa_key);
            let ask = rsa_key();
            (ark.join(), ask)
        });
        let (ark, ask) = (ark.map_err(|_| ChainError::Thread)??, ask?);
        let report_key =
            SigningKey::try_generate_from_rng(&mut SysRng).map_err(|_| ChainError::Random)?;

        let validity = Validity {
            not_before: now.saturating_sub(SLACK),
            not_after: now.saturating_add(LIFE),
        };
        let issue = |role, spki: &[u8], issuer: &RsaPrivateKey| {
            let body = to_be_signed(role, spki, validity).map_err(|_| ChainError::Time)?;
            Ok::<_, ChainError>(signed(&body, &sign(issuer, &body)?))
        };
        let revoked = revocation_list_to_be_signed(validity).map_err(|_| ChainError::Time)?;
        let point = report_key.verifying_key().to_sec1_point(false);
        Ok(Self {
            ark: issue(Role::Ark, &rsa_spki(&ark.n_bytes()), &ark)?,
            ask: issue(Role::Ask, &rsa_spki(&ask.n_bytes()), &ark)?,
            vcek: issue(Role::Vcek, &p384_spki(point.as_bytes()), &ask)?,
            crl: signed(&revoked, &sign(&ark, &revoked)?),
            report_key,
        })
    }
}

/// One key that signs certificates. Without random numbers from the operating system the thread stops.
fn rsa_key() -> Result<RsaPrivateKey, ChainError> {
    RsaPrivateKey::new(&mut UnwrapErr(SysRng), RSA_BITS).map_err(ChainError::Rsa)
}

/// RSASSA-PSS with SHA-384 and a salt of 48 bytes.
fn sign(key: &RsaPrivateKey, message: &[u8]) -> Result<Vec<u8>, ChainError> {
    key.sign_with_rng(
        &mut UnwrapErr(SysRng),
        Pss::<Sha384>::new(),
        &Sha384::digest(message),
    )
    .map_err(ChainError::Rsa)
}
