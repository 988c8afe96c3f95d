//! Key configurations of Oblivious HTTP (RFC 9458 section 3).
//!
//! A configuration names one HPKE public key and the algorithms that it is used with:
//!
//! ```text
//! key id 1 | KEM 2 | public key Npk | length of the list 2 | (KDF 2, AEAD 2) ...
//! ```
//!
//! A collection (`application/ohttp-keys`) is a row of configurations, each behind its own 2-byte length. It is read whole or not
//! at all: a reader that keeps the good part of a bad collection lets whoever wrote it sort its readers (attack A42).

use core::fmt;

/// DHKEM(X25519, HKDF-SHA256) (RFC 9180 section 7.1).
pub const KEM_X25519: u16 = 0x0020;
/// X-Wing, that is MLKEM768-X25519 (draft-ietf-hpke-pq-04 section 4).
pub const KEM_XWING: u16 = 0x647a;
/// HKDF-SHA256 (RFC 9180 section 7.2).
pub const KDF_HKDF_SHA256: u16 = 0x0001;
/// AES-128-GCM (RFC 9180 section 7.3).
pub const AEAD_AES128GCM: u16 = 0x0001;
/// ChaCha20-Poly1305 (RFC 9180 section 7.3).
pub const AEAD_CHACHA20POLY1305: u16 = 0x0003;

/// The most configurations in a collection.
pub const MAX_CONFIGS: usize = 16;
/// The most algorithm pairs in a configuration.
pub const MAX_SUITES: usize = 16;

/// The length of a KEM's public key in bytes (Npk), or `None` for a KEM that is not spoken here.
#[must_use]
pub const fn public_key_length(kem: u16) -> Option<usize> {
    match kem {
        KEM_X25519 => Some(32),
        KEM_XWING => Some(1216),
        _ => None,
    }
}

/// The length of a KEM's encapsulated key in bytes (Nenc), or `None` for a KEM that is not spoken here.
#[must_use]
pub const fn encapsulated_key_length(kem: u16) -> Option<usize> {
    match kem {
        KEM_X25519 => Some(32),
        KEM_XWING => Some(1120),
        _ => None,
    }
}

/// A pair of algorithms that a key may be used with. Pairs of unknown algorithms are kept, and for the reader to skip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Suite {
    /// The KDF's number (RFC 9180 section 7.2).
    pub kdf: u16,
    /// The AEAD's number (RFC 9180 section 7.3).
    pub aead: u16,
}

/// One public key and what it may be used with (RFC 9458 section 3.1).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyConfig {
    /// The number that a request names the key by.
    pub key_id: u8,
    /// The KEM's number.
    pub kem: u16,
    /// The public key, [`public_key_length`] bytes.
    pub public_key: Vec<u8>,
    /// The algorithm pairs in the order of the owner's preference; at least one.
    pub suites: Vec<Suite>,
}

/// Why bytes are not key configurations, or configurations cannot be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyConfigError {
    /// Two configurations of a collection have the same key id.
    DuplicateKeyId(u8),
    /// A configuration names a pair of algorithms twice.
    DuplicateSuite(Suite),
    /// A collection without configurations.
    Empty,
    /// The public key has another length than its KEM's.
    KeyLength {
        /// Bytes that the KEM asks for.
        expected: usize,
        /// Bytes that are there.
        found: usize,
    },
    /// The list of algorithm pairs is empty, longer than [`MAX_SUITES`] or no multiple of 4 bytes; its bytes.
    SuiteList(usize),
    /// More than [`MAX_CONFIGS`] configurations.
    TooMany,
    /// Bytes follow a configuration.
    Trailing,
    /// The bytes end inside a configuration.
    Truncated,
    /// The KEM is not spoken here; its number.
    UnknownKem(u16),
}

impl fmt::Display for KeyConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::DuplicateKeyId(id) => write!(f, "key configurations: key id {id} is there twice"),
            Self::DuplicateSuite(Suite { kdf, aead }) => {
                write!(
                    f,
                    "key configuration: KDF {kdf:#06x} with AEAD {aead:#06x} is there twice"
                )
            }
            Self::Empty => f.write_str("key configurations: none is there, at least one expected"),
            Self::KeyLength { expected, found } => {
                write!(
                    f,
                    "key configuration: public key of {expected} bytes expected, {found} found"
                )
            }
            Self::SuiteList(found) => write!(
                f,
                "key configuration: algorithm list of 4 to {} bytes in steps of 4 expected, {found} found",
                MAX_SUITES * 4
            ),
            Self::TooMany => write!(f, "key configurations: more than {MAX_CONFIGS}"),
            Self::Trailing => f.write_str("key configuration: bytes follow its end"),
            Self::Truncated => f.write_str("key configuration: the bytes end inside it"),
            Self::UnknownKem(kem) => write!(
                f,
                "key configuration: KEM {kem:#06x} is unknown, expected {KEM_XWING:#06x} or {KEM_X25519:#06x}"
            ),
        }
    }
}

impl core::error::Error for KeyConfigError {}

impl KeyConfig {
    /// Reads exactly one configuration.
    ///
    /// # Errors
    /// [`KeyConfigError`] when it is malformed or names an unknown KEM, whose key length cannot be known.
    pub fn decode(bytes: &[u8]) -> Result<Self, KeyConfigError> {
        let truncated = KeyConfigError::Truncated;
        let (&[key_id, kem @ ..], rest) = bytes.split_first_chunk::<3>().ok_or(truncated)?;
        let kem = u16::from_be_bytes(kem);
        let key_length = public_key_length(kem).ok_or(KeyConfigError::UnknownKem(kem))?;
        let (public_key, rest) = rest.split_at_checked(key_length).ok_or(truncated)?;
        let (&list_length, rest) = rest.split_first_chunk::<2>().ok_or(truncated)?;
        let list_length = usize::from(u16::from_be_bytes(list_length));
        if list_length == 0 || list_length % 4 != 0 || list_length > MAX_SUITES * 4 {
            return Err(KeyConfigError::SuiteList(list_length));
        }
        let (list, rest) = rest.split_at_checked(list_length).ok_or(truncated)?;
        if !rest.is_empty() {
            return Err(KeyConfigError::Trailing);
        }
        let (pairs, _) = list.as_chunks::<4>();
        let suites = pairs
            .iter()
            .map(|&[k0, k1, a0, a1]| Suite {
                kdf: u16::from_be_bytes([k0, k1]),
                aead: u16::from_be_bytes([a0, a1]),
            })
            .collect();
        let config = Self {
            key_id,
            kem,
            public_key: public_key.to_vec(),
            suites,
        };
        config.check()?;
        Ok(config)
    }

    /// The configuration as bytes.
    ///
    /// # Errors
    /// [`KeyConfigError`] for what [`KeyConfig::decode`] would refuse.
    pub fn encode(&self) -> Result<Vec<u8>, KeyConfigError> {
        let list_length = self.check()?;
        let mut out = Vec::with_capacity(5 + self.public_key.len() + self.suites.len() * 4);
        out.push(self.key_id);
        out.extend_from_slice(&self.kem.to_be_bytes());
        out.extend_from_slice(&self.public_key);
        out.extend_from_slice(&list_length.to_be_bytes());
        for suite in &self.suites {
            out.extend_from_slice(&suite.kdf.to_be_bytes());
            out.extend_from_slice(&suite.aead.to_be_bytes());
        }
        Ok(out)
    }

    /// Checks the rules; returns the byte length of the list of algorithm pairs.
    fn check(&self) -> Result<u16, KeyConfigError> {
        let expected = public_key_length(self.kem).ok_or(KeyConfigError::UnknownKem(self.kem))?;
        let found = self.public_key.len();
        if found != expected {
            return Err(KeyConfigError::KeyLength { expected, found });
        }
        if self.suites.is_empty() || self.suites.len() > MAX_SUITES {
            return Err(KeyConfigError::SuiteList(
                self.suites.len().saturating_mul(4),
            ));
        }
        if let Some(suite) = first_double(&self.suites) {
            return Err(KeyConfigError::DuplicateSuite(suite));
        }
        let length = self.suites.len() * 4;
        u16::try_from(length).map_err(|_| KeyConfigError::SuiteList(length))
    }
}

/// A collection of configurations: at least one, no key id twice (RFC 9458 section 3.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyConfigs(Vec<KeyConfig>);

impl KeyConfigs {
    /// A collection of the given configurations.
    ///
    /// # Errors
    /// [`KeyConfigError`] when there are none or too many, or two have the same key id.
    pub fn new(configs: Vec<KeyConfig>) -> Result<Self, KeyConfigError> {
        if configs.is_empty() {
            return Err(KeyConfigError::Empty);
        }
        if configs.len() > MAX_CONFIGS {
            return Err(KeyConfigError::TooMany);
        }
        let ids: Vec<u8> = configs.iter().map(|config| config.key_id).collect();
        match first_double(&ids) {
            Some(id) => Err(KeyConfigError::DuplicateKeyId(id)),
            None => Ok(Self(configs)),
        }
    }

    /// Reads a whole collection (`application/ohttp-keys`).
    ///
    /// # Errors
    /// [`KeyConfigError`] when any configuration in it is malformed: none of the others is returned then.
    pub fn decode(bytes: &[u8]) -> Result<Self, KeyConfigError> {
        let mut configs = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            if configs.len() == MAX_CONFIGS {
                return Err(KeyConfigError::TooMany);
            }
            let (&length, behind) = rest
                .split_first_chunk::<2>()
                .ok_or(KeyConfigError::Truncated)?;
            let (config, behind) = behind
                .split_at_checked(usize::from(u16::from_be_bytes(length)))
                .ok_or(KeyConfigError::Truncated)?;
            configs.push(KeyConfig::decode(config)?);
            rest = behind;
        }
        Self::new(configs)
    }

    /// The collection as bytes.
    ///
    /// # Errors
    /// [`KeyConfigError`] when a configuration breaks a rule.
    pub fn encode(&self) -> Result<Vec<u8>, KeyConfigError> {
        let mut out = Vec::new();
        for config in &self.0 {
            let bytes = config.encode()?;
            let length =
                u16::try_from(bytes.len()).map_err(|_| KeyConfigError::SuiteList(bytes.len()))?;
            out.extend_from_slice(&length.to_be_bytes());
            out.extend_from_slice(&bytes);
        }
        Ok(out)
    }

    /// The configurations in the order of their owner's preference.
    #[must_use]
    pub fn as_slice(&self) -> &[KeyConfig] {
        &self.0
    }
}

/// The first value that is there twice. The lists here have at most sixteen elements.
fn first_double<T: Copy + PartialEq>(values: &[T]) -> Option<T> {
    let mut rest = values;
    while let Some((&value, behind)) = rest.split_first() {
        if behind.contains(&value) {
            return Some(value);
        }
        rest = behind;
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    const BOTH: [Suite; 2] = [
        Suite {
            kdf: KDF_HKDF_SHA256,
            aead: AEAD_AES128GCM,
        },
        Suite {
            kdf: KDF_HKDF_SHA256,
            aead: AEAD_CHACHA20POLY1305,
        },
    ];

    fn sample(key_id: u8, kem: u16) -> KeyConfig {
        KeyConfig {
            key_id,
            kem,
            public_key: vec![5; public_key_length(kem).unwrap()],
            suites: BOTH.to_vec(),
        }
    }

    #[test]
    fn round_trip() {
        let configs = KeyConfigs::new(vec![sample(1, KEM_XWING), sample(2, KEM_X25519)]).unwrap();
        let bytes = configs.encode().unwrap();
        assert_eq!(bytes.len(), 2 * (2 + 5 + 8) + 1216 + 32);
        assert_eq!(KeyConfigs::decode(&bytes).unwrap(), configs);
    }

    #[test]
    fn a42_a_collection_is_whole_or_nothing() {
        let good = KeyConfigs::new(vec![sample(1, KEM_XWING), sample(2, KEM_X25519)]).unwrap();
        let mut bytes = good.encode().unwrap();
        for end in 0..bytes.len() {
            // The one place where a cut leaves a smaller, well-formed collection is between the two.
            if end != 2 + 5 + 8 + 1216 {
                assert!(KeyConfigs::decode(&bytes[..end]).is_err(), "{end}");
            }
        }
        bytes.push(0);
        assert_eq!(KeyConfigs::decode(&bytes), Err(KeyConfigError::Truncated));
        assert_eq!(KeyConfigs::decode(&[]), Err(KeyConfigError::Empty));
        bytes.pop();
        let second = 2 + 5 + 8 + 1216;
        bytes[second + 2] = 1;
        assert_eq!(
            KeyConfigs::decode(&bytes),
            Err(KeyConfigError::DuplicateKeyId(1))
        );
        bytes[second + 3] = 0xff;
        assert_eq!(
            KeyConfigs::decode(&bytes),
            Err(KeyConfigError::UnknownKem(0xff20))
        );
        bytes[second + 3] = 0;
        bytes[second + 1] += 1;
        assert_eq!(KeyConfigs::decode(&bytes), Err(KeyConfigError::Truncated));
    }

    #[test]
    fn one_configuration_is_checked_in_every_part() {
        let good = sample(7, KEM_X25519);
        let bytes = good.encode().unwrap();
        assert_eq!(KeyConfig::decode(&bytes).unwrap(), good);
        let with = |at: usize, value: u8| {
            let mut bytes = bytes.clone();
            bytes[at] = value;
            KeyConfig::decode(&bytes)
        };
        let list = 3 + 32;
        assert_eq!(with(list + 1, 0), Err(KeyConfigError::SuiteList(0)));
        assert_eq!(with(list + 1, 6), Err(KeyConfigError::SuiteList(6)));
        assert_eq!(with(list + 1, 4), Err(KeyConfigError::Trailing));
        assert_eq!(with(list + 1, 12), Err(KeyConfigError::Truncated));
        assert_eq!(with(list, 0xff), Err(KeyConfigError::SuiteList(0xff08)));
        assert_eq!(
            with(list + 9, 1),
            Err(KeyConfigError::DuplicateSuite(BOTH[0]))
        );
        // Algorithms of a later day are kept for the reader to skip.
        assert_eq!(with(list + 8, 0x10).unwrap().suites[1].aead, 0x1003);
    }

    #[test]
    fn what_would_be_refused_is_not_written() {
        let mut config = sample(1, KEM_X25519);
        config.public_key.pop();
        assert_eq!(
            config.encode(),
            Err(KeyConfigError::KeyLength {
                expected: 32,
                found: 31
            })
        );
        config.kem = 0x0010;
        assert_eq!(config.encode(), Err(KeyConfigError::UnknownKem(0x0010)));
        let mut config = sample(1, KEM_X25519);
        config.suites.clear();
        assert_eq!(config.encode(), Err(KeyConfigError::SuiteList(0)));
        config.suites = vec![BOTH[0]; 2];
        assert_eq!(
            config.encode(),
            Err(KeyConfigError::DuplicateSuite(BOTH[0]))
        );
        assert_eq!(
            KeyConfigs::new((0..17).map(|id| sample(id, KEM_X25519)).collect()),
            Err(KeyConfigError::TooMany)
        );
    }
}
