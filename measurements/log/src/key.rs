//! Secret keys of logs and witnesses.
//!
//! A key file is one line, `PRIVATE+KEY+name+id+base64(type, secret)`, as Go's `sumdb/note` writes it. It is made with mode 0600 and
//! refused when others may read it (attack A52).

use base64ct::{Base64, Encoding};
use cloister_verify::UnixTime;
use cloister_verify::log::{Algorithm, NoteSignature, VerifierKey, cosigned_message};
use ed25519_dalek::{Signer, SigningKey};
use std::fmt;
use std::fs::{self, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use zeroize::Zeroizing;

/// What every key file begins with.
const PREFIX: &str = "PRIVATE+KEY+";
/// Bytes of a key file.
const MAX_KEY_FILE: usize = 4096;

/// A secret key and its public half. It has no `Debug` and no `Clone`.
pub struct SecretKey {
    secret: SigningKey,
    public: VerifierKey,
}

/// Why there is no key.
#[derive(Debug)]
pub enum KeyError {
    /// The file system's.
    Io(io::Error),
    /// The file is not a key file, or its id is not the one of its key.
    Malformed,
    /// Others than the owner may read the file.
    Readable,
    /// There is no randomness.
    Random,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Malformed => f.write_str("expected a key file, PRIVATE+KEY+name+id+key"),
            Self::Readable => f.write_str("others may read the key file: chmod 600"),
            Self::Random => f.write_str("the system gives no random bytes"),
        }
    }
}

impl std::error::Error for KeyError {}

impl From<io::Error> for KeyError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl SecretKey {
    /// A new key.
    ///
    /// # Errors
    /// [`KeyError`] when the name cannot name a key or there is no randomness.
    pub fn generate(name: &str, algorithm: Algorithm) -> Result<Self, KeyError> {
        let mut secret = Zeroizing::new([0; 32]);
        getrandom::fill(secret.as_mut()).map_err(|_| KeyError::Random)?;
        Self::of(name, algorithm, &secret)
    }

    fn of(name: &str, algorithm: Algorithm, secret: &[u8; 32]) -> Result<Self, KeyError> {
        let secret = SigningKey::from_bytes(secret);
        let public = VerifierKey::new(name, algorithm, secret.verifying_key().as_bytes())
            .map_err(|_| KeyError::Malformed)?;
        Ok(Self { secret, public })
    }

    /// Reads a key file's line.
    ///
    /// # Errors
    /// [`KeyError::Malformed`].
    pub fn parse(line: &str) -> Result<Self, KeyError> {
        let parse = || {
            let mut parts = line.strip_prefix(PREFIX)?.splitn(3, '+');
            let (name, id, base64) = (parts.next()?, parts.next()?, parts.next()?);
            let mut bytes = Zeroizing::new([0; 64]);
            let [number, secret @ ..] = Base64::decode(base64, bytes.as_mut()).ok()? else {
                return None;
            };
            let algorithm = match number {
                0x01 => Algorithm::Ed25519,
                0x04 => Algorithm::Cosignature,
                _ => return None,
            };
            let key = Self::of(name, algorithm, secret.try_into().ok()?).ok()?;
            (hex(key.public.id()) == id).then_some(key)
        };
        parse().ok_or(KeyError::Malformed)
    }

    /// The line of the key file.
    #[must_use]
    pub fn to_line(&self) -> Zeroizing<String> {
        let number = match self.public.algorithm() {
            Algorithm::Ed25519 => 0x01,
            Algorithm::Cosignature => 0x04,
        };
        let mut bytes = Zeroizing::new([number; 33]);
        if let Some(secret) = bytes.get_mut(1..) {
            secret.copy_from_slice(self.secret.as_bytes());
        }
        let base64 = Zeroizing::new(Base64::encode_string(bytes.as_ref()));
        let (name, id) = (self.public.name(), hex(self.public.id()));
        Zeroizing::new(format!("{PREFIX}{name}+{id}+{}", *base64))
    }

    /// Reads a key file.
    ///
    /// # Errors
    /// [`KeyError`]: also when others may read it.
    pub fn read(path: &Path) -> Result<Self, KeyError> {
        if fs::metadata(path)?.permissions().mode() & 0o077 != 0 {
            return Err(KeyError::Readable);
        }
        let bytes = Zeroizing::new(crate::disk::read(path, MAX_KEY_FILE)?);
        std::str::from_utf8(&bytes)
            .ok()
            .and_then(|text| text.strip_suffix('\n'))
            .ok_or(KeyError::Malformed)
            .and_then(Self::parse)
    }

    /// Writes the key file: mode 0600, whole or not at all, and never over another file.
    ///
    /// # Errors
    /// [`KeyError::Io`], of kind `AlreadyExists` when there is a file of this name.
    pub fn write(&self, path: &Path) -> Result<(), KeyError> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(format!(".{}.new", std::process::id()));
        let fresh = path.with_file_name(name);
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&fresh)?;
        let written = file
            .write_all(self.to_line().as_bytes())
            .and_then(|()| file.write_all(b"\n"))
            .and_then(|()| file.sync_all())
            // A second name is given only when it is free; renaming would take it from another file.
            .and_then(|()| fs::hard_link(&fresh, path));
        let removed = fs::remove_file(&fresh);
        written?;
        removed?;
        let folder = path.parent().filter(|folder| *folder != Path::new(""));
        fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(())
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> &VerifierKey {
        &self.public
    }

    fn line(&self, signature: Vec<u8>) -> NoteSignature {
        NoteSignature {
            name: self.public.name().into(),
            key_id: self.public.id(),
            signature,
        }
    }

    /// Signs the text of a note, as a log does (signed-note, type 0x01).
    ///
    /// # Errors
    /// `InvalidInput` when the key is a witness's.
    pub fn sign(&self, text: &str) -> io::Result<NoteSignature> {
        self.must_be(Algorithm::Ed25519)?;
        let signature = self.secret.sign(text.as_bytes());
        Ok(self.line(signature.to_bytes().to_vec()))
    }

    /// Cosigns a checkpoint at a time, as a witness does (tlog-cosignature, type 0x04).
    ///
    /// # Errors
    /// `InvalidInput` when the key is a log's.
    pub fn cosign(&self, text: &str, time: UnixTime) -> io::Result<NoteSignature> {
        self.must_be(Algorithm::Cosignature)?;
        let message = cosigned_message(time, text);
        let signature = self.secret.sign(message.as_bytes()).to_bytes();
        Ok(self.line([time.0.to_be_bytes().as_slice(), &signature].concat()))
    }

    fn must_be(&self, algorithm: Algorithm) -> io::Result<()> {
        if self.public.algorithm() == algorithm {
            return Ok(());
        }
        let why = "a log signs with a key of type 0x01, a witness with one of type 0x04";
        Err(io::Error::new(ErrorKind::InvalidInput, why))
    }
}

fn hex(id: [u8; 4]) -> String {
    format!("{:08x}", u32::from_be_bytes(id))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::path::PathBuf;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("cloister-{name}-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn a52_key_files_are_private_and_never_overwritten() {
        let folder = folder("keys");
        let path = folder.join("key");
        let key = SecretKey::generate("log.example", Algorithm::Ed25519).unwrap();
        key.write(&path).unwrap();
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
        let read = SecretKey::read(&path).unwrap();
        assert_eq!(read.public(), key.public());
        let line = read.sign("text\n").unwrap();
        assert!(key.public().signed_note("text\n", &line.signature));
        let error = key.write(&path).err().unwrap();
        assert!(matches!(error, KeyError::Io(e) if e.kind() == ErrorKind::AlreadyExists));
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(SecretKey::read(&path), Err(KeyError::Readable)));
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn keys_sign_only_what_they_are_for() {
        let log = SecretKey::generate("l", Algorithm::Ed25519).unwrap();
        let witness = SecretKey::generate("w", Algorithm::Cosignature).unwrap();
        assert!(log.cosign("t\n", UnixTime(1)).is_err());
        assert!(witness.sign("t\n").is_err());
        let line = witness.cosign("t\n", UnixTime(7)).unwrap();
        assert_eq!(
            witness.public().cosigned("t\n", &line.signature),
            Some(UnixTime(7))
        );
        assert!(SecretKey::generate("a b", Algorithm::Ed25519).is_err());
    }

    #[test]
    fn lines_that_are_no_keys_are_refused() {
        let key = SecretKey::generate("log.example", Algorithm::Ed25519).unwrap();
        let line = key.to_line();
        assert!(SecretKey::parse(&line).is_ok());
        for bad in [
            String::new(),
            line.replace("PRIVATE", "PUBLIC"),
            line.replace("log.example", "log.exampl"),
            format!("{}=", *line),
            format!("{}A", *line),
            line.chars().take(line.len() - 8).collect(),
        ] {
            assert!(SecretKey::parse(&bad).is_err(), "{}", bad.len());
        }
    }
}
