//! The machine's own HPKE keys.

use crate::chunked::ChunkedRequest;
use crate::open::{self, OpenError, Opened};
use crate::slots::Slots;
use crate::suite::{Kem, suites};
use crate::window::ReplayWindow;
use crate::wipe;
use cloister_memory::{LockError, Secret};
use cloister_wire::keyconfig::{KeyConfig, KeyConfigError, KeyConfigs};
use core::fmt;

/// Two key pairs, born together: X-Wing under key id 1, DHKEM(X25519) under key id 2.
///
/// The private keys lie in locked memory and there is no way to take them out. A ring is made at start and never again, so keys
/// and [`ReplayWindow`] live and die together and a request sealed before the start cannot be opened at all.
pub struct KeyRing {
    pub(crate) keys: [Key; 2],
    pub(crate) slots: Slots,
    key_configs: Vec<u8>,
}

pub(crate) struct Key {
    pub(crate) key_id: u8,
    pub(crate) kem: Kem,
    /// Expanded anew for each request: an expanded key would lie in ordinary memory, and costs less than a millisecond to make.
    ///
    /// X-Wing's seed (draft-connolly-cfrg-xwing-kem section 5.2) and X25519's scalar both are 32 random bytes.
    pub(crate) private: Secret<32>,
}

/// Why there are no keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyRingError {
    /// The public halves do not make key configurations. A fault of this crate.
    KeyConfig(KeyConfigError),
    /// No locked memory.
    Lock(LockError),
    /// The system gave no random bytes.
    Random,
}

impl fmt::Display for KeyRingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::KeyConfig(error) => write!(f, "no key ring: {error}"),
            Self::Lock(error) => write!(f, "no key ring: {error}"),
            Self::Random => f.write_str("no key ring: the system gave no random bytes"),
        }
    }
}

impl core::error::Error for KeyRingError {}

impl From<LockError> for KeyRingError {
    fn from(error: LockError) -> Self {
        Self::Lock(error)
    }
}

impl From<KeyConfigError> for KeyRingError {
    fn from(error: KeyConfigError) -> Self {
        Self::KeyConfig(error)
    }
}

impl KeyRing {
    /// Makes both key pairs from the system's random bytes.
    ///
    /// # Errors
    /// [`KeyRingError`] without random bytes or locked memory: there is no ring with weaker keys.
    pub fn generate() -> Result<Self, KeyRingError> {
        let random = || {
            Secret::filled(|bytes: &mut [u8; 32]| {
                getrandom::fill(bytes).map_err(|_| KeyRingError::Random)
            })
        };
        Self::from_keys([
            Key {
                key_id: 1,
                kem: Kem::XWing,
                private: random()?,
            },
            Key {
                key_id: 2,
                kem: Kem::X25519,
                private: random()?,
            },
        ])
    }

    pub(crate) fn from_keys(keys: [Key; 2]) -> Result<Self, KeyRingError> {
        let mut configs = Vec::with_capacity(keys.len());
        for key in &keys {
            let config = KeyConfig {
                key_id: key.key_id,
                kem: key.kem.number(),
                // Without a public key the configuration is refused just below.
                public_key: key.kem.public_key(key.private.expose()).unwrap_or_default(),
                suites: suites(),
            };
            configs.push(config);
        }
        wipe::stack();
        let key_configs = KeyConfigs::new(configs)?.encode()?;
        Ok(Self {
            keys,
            slots: Slots::default(),
            key_configs,
        })
    }

    /// The public halves as `application/ohttp-keys` (RFC 9458 section 3), X-Wing first. Always the same bytes.
    #[must_use]
    pub fn key_configs(&self) -> &[u8] {
        &self.key_configs
    }

    /// Opens an encapsulated request (RFC 9458 section 4.3) into locked memory and remembers it in `window`. `now_unix` is the
    /// time in seconds.
    ///
    /// # Errors
    /// [`OpenError`] when the request is malformed, sealed to another key, was tampered with, came before, or there is no room.
    /// Nothing of it is kept then.
    pub fn open(
        &self,
        encapsulated: &[u8],
        window: &ReplayWindow,
        now_unix: u64,
    ) -> Result<Opened, OpenError> {
        let opened = open::open(&self.keys, &self.slots, encapsulated, window, now_unix);
        wipe::stack();
        opened
    }

    /// Begins to open a request that comes in chunks (draft-ietf-ohai-chunked-ohttp-08 section 6.1).
    #[must_use]
    pub fn open_chunked(&self) -> ChunkedRequest {
        ChunkedRequest::new(self.slots.clone())
    }
}
