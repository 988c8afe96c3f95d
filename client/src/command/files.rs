//! Reading and writing files, with limits.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use cloister_client::failure::{Failure, Fault};
use cloister_client::thread::MAX_INPUT;
use zeroize::Zeroizing;

/// The first `limit` bytes of a file, or all if it has fewer.
pub(crate) fn read_at_most(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(u64::try_from(limit).unwrap_or(u64::MAX))
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The whole of a file of at most `limit` bytes.
pub(crate) fn read(path: &Path, limit: usize) -> Result<Vec<u8>, Failure> {
    let bytes = read_at_most(path, limit.saturating_add(1))
        .map_err(|error| cannot_read(path, error.kind()))?;
    if bytes.len() > limit {
        let why = format!("expected a file of at most {limit} bytes");
        return Err(Failure::input(path.display(), why));
    }
    Ok(bytes)
}

/// The whole of a text file of at most `limit` bytes.
pub(crate) fn read_text(path: &Path, limit: usize) -> Result<String, Failure> {
    String::from_utf8(read(path, limit)?)
        .map_err(|_| Failure::input(path.display(), "expected UTF-8 text"))
}

/// The thread, from a file or (as `-`) from standard input, in a buffer of fixed size that is wiped when dropped. One byte beyond
/// the limit is read, so that too long an input is seen to be too long.
pub(crate) fn read_thread(path: &Path) -> Result<Zeroizing<Vec<u8>>, Failure> {
    let mut source: Box<dyn Read> = if path.as_os_str() == "-" {
        Box::new(io::stdin().lock())
    } else {
        Box::new(File::open(path).map_err(|error| cannot_read(path, error.kind()))?)
    };
    let mut bytes = Zeroizing::new(vec![0; MAX_INPUT.saturating_add(1)]);
    let mut filled = 0_usize;
    while let Some(room) = bytes.get_mut(filled..).filter(|room| !room.is_empty()) {
        match source.read(room) {
            Ok(0) => break,
            Ok(count) => filled = filled.saturating_add(count),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(cannot_read(path, error.kind())),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// Writes a file so that it is there whole or not at all: a new file beside it takes its place when it is safely written.
pub(crate) fn write_atomically(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    replace(path, bytes, 0o666)
}

/// The same for a file that nobody else may read or write, which is made durable, its name too.
pub(crate) fn write_privately(path: &Path, bytes: &[u8]) -> Result<(), Failure> {
    replace(path, bytes, 0o600)?;
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    File::open(folder.unwrap_or(Path::new(".")))
        .and_then(|folder| folder.sync_all())
        .map_err(|error| cannot_write(path, &error))
}

fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), Failure> {
    let name = path
        .file_name()
        .ok_or_else(|| Failure::input(path.display(), "expected the name of a file"))?;
    let mut fresh = name.to_owned();
    fresh.push(format!(".{}.new", std::process::id()));
    let fresh = path.with_file_name(fresh);
    let write = || {
        // A file that is already there is not ours, so it is an error and not overwritten.
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&fresh)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&fresh, path)
    };
    write().map_err(|error| {
        if error.kind() != ErrorKind::AlreadyExists {
            // The half-written file is of no use; if it can't be removed either, the first error says enough.
            let _ = fs::remove_file(&fresh);
        }
        cannot_write(path, &error)
    })
}

fn cannot_write(path: &Path, error: &io::Error) -> Failure {
    Failure::new(
        Fault::Input,
        format_args!("can't write {}: {}", path.display(), error.kind()),
    )
}

/// A file that can't be read.
pub(crate) fn cannot_read(path: &Path, kind: ErrorKind) -> Failure {
    Failure::new(
        Fault::Input,
        format_args!("can't read {}: {kind}", path.display()),
    )
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    fn folder() -> std::path::PathBuf {
        let unique = format!(
            "cloister-files-{}-{:?}",
            std::process::id(),
            std::thread::current().id()
        );
        let folder = std::env::temp_dir().join(unique);
        fs::create_dir_all(&folder).unwrap();
        folder
    }

    #[test]
    fn files_are_bounded_and_written_whole() {
        let folder = folder();
        let path = folder.join("file");
        write_atomically(&path, b"first").unwrap();
        write_atomically(&path, b"second").unwrap();
        let private = folder.join("private");
        write_privately(&private, b"mine").unwrap();
        let mode = fs::metadata(&private).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        fs::remove_file(private).unwrap();
        assert_eq!(read(&path, 6).unwrap(), b"second");
        assert_eq!(read(&path, 5).err().unwrap().fault, Fault::Input);
        assert_eq!(read_thread(&path).unwrap().as_slice(), b"second");
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::write(&path, vec![b'a'; MAX_INPUT + 9]).unwrap();
        assert_eq!(read_thread(&path).unwrap().len(), MAX_INPUT + 1);
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(read(&path, 5).err().unwrap().fault, Fault::Input);
        assert!(write_atomically(&path, b"x").is_err());
    }
}
