//! Files that are there whole or not at all, in a folder that one process has at a time.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

/// A folder, locked for as long as this lives. The lock ends with the process, however it ends.
#[derive(Debug)]
pub struct Disk {
    root: PathBuf,
    _lock: File,
    /// How many steps succeed before the machine loses power.
    #[cfg(test)]
    pub(crate) power: std::cell::Cell<Option<u32>>,
}

impl Disk {
    /// Locks a folder, waiting for whoever has it. It is made when it is not there.
    ///
    /// # Errors
    /// Those of the file system.
    pub fn lock(root: &Path) -> io::Result<Self> {
        fs::create_dir_all(root)?;
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(root.join("lock"))?;
        lock.lock()?;
        Ok(Self {
            root: root.to_owned(),
            _lock: lock,
            #[cfg(test)]
            power: std::cell::Cell::new(None),
        })
    }

    /// The bytes of a file of at most `limit`; none when it is not there.
    ///
    /// # Errors
    /// Those of the file system, and one when the file is longer.
    pub fn read(&self, path: &str, limit: usize) -> io::Result<Option<Vec<u8>>> {
        match read(&self.root.join(path), limit) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Puts a file in its place so that after a crash it has the old bytes or the new ones: a new file is written and made durable,
    /// takes the name, and the name is made durable.
    ///
    /// # Errors
    /// Those of the file system. Then the old bytes are still there.
    pub fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.root.join(path);
        let folder = path.parent().unwrap_or(&self.root);
        self.make(folder)?;
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let fresh = path.with_file_name(name);
        self.step()?;
        // The lock keeps others out, so a file of this name is what a crash left behind.
        let mut file = File::create(&fresh)?;
        let (first, rest) = bytes.split_at(bytes.len() / 2);
        file.write_all(first)?;
        self.step()?;
        file.write_all(rest)?;
        file.sync_all()?;
        self.step()?;
        fs::rename(&fresh, &path)?;
        self.step()?;
        sync(folder)
    }

    /// Makes a folder under the root, and its name durable in each folder above.
    fn make(&self, folder: &Path) -> io::Result<()> {
        if folder.is_dir() {
            return Ok(());
        }
        fs::create_dir_all(folder)?;
        for above in folder.ancestors().skip(1) {
            sync(above)?;
            if above == self.root {
                break;
            }
        }
        Ok(())
    }

    /// A point at which a crash would leave something half done.
    #[cfg(test)]
    fn step(&self) -> io::Result<()> {
        match self.power.get() {
            None => Ok(()),
            Some(0) => Err(io::Error::other("the power is gone")),
            Some(steps) => {
                self.power.set(Some(steps.saturating_sub(1)));
                Ok(())
            }
        }
    }

    #[cfg(not(test))]
    #[allow(
        clippy::unused_self,
        clippy::unnecessary_wraps,
        reason = "tests stop the machine here"
    )]
    fn step(&self) -> io::Result<()> {
        Ok(())
    }
}

/// Makes the names in a folder durable.
fn sync(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

/// The bytes of a file of at most `limit`.
///
/// # Errors
/// Those of the file system, and one when the file is longer.
pub fn read(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path)?.take(most).read_to_end(&mut bytes)?;
    if bytes.len() > limit {
        let why = format!("{}: expected at most {limit} bytes", path.display());
        return Err(io::Error::new(ErrorKind::FileTooLarge, why));
    }
    Ok(bytes)
}

/// Writes a file anywhere, whole or not at all.
///
/// # Errors
/// Those of the file system.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.new", std::process::id()));
    let fresh = path.with_file_name(name);
    let mut file = File::create(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    match path.parent() {
        Some(folder) if folder != Path::new("") => sync(folder),
        _ => sync(Path::new(".")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_file_is_replaced_and_never_written_into() {
        let folder = std::env::temp_dir().join(format!("cloister-disk-{}", std::process::id()));
        let disk = Disk::lock(&folder).unwrap();
        disk.write("a/b/file", b"old").unwrap();
        // Whoever has the old file open, here by another name, keeps all of it.
        fs::hard_link(folder.join("a/b/file"), folder.join("kept")).unwrap();
        disk.write("a/b/file", b"new bytes").unwrap();
        assert_eq!(disk.read("kept", 9).unwrap().unwrap(), b"old");
        assert_eq!(disk.read("a/b/file", 9).unwrap().unwrap(), b"new bytes");
        assert_eq!(disk.read("nothing", 9).unwrap(), None);
        assert!(disk.read("a/b/file", 8).is_err());
        write(&folder.join("kept"), b"other").unwrap();
        assert_eq!(read(&folder.join("kept"), 9).unwrap(), b"other");
        fs::remove_dir_all(&folder).unwrap();
    }
}
