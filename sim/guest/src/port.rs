//! The port: a character device or a Unix socket, read and written against a deadline.

use cloister_guest::EvidenceError;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::OFlags;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

const READ: &str = "read from the simulated processor's port";
const WRITE: &str = "write to the simulated processor's port";
/// Between two looks at a port whose other side is not open.
const PAUSE: Duration = Duration::from_millis(20);

/// An open port. Never blocks: every wait is a poll with what is left of the time.
pub(crate) struct Port(File);

fn failed(step: &'static str) -> impl Fn(io::Error) -> EvidenceError {
    move |source| EvidenceError::Io { step, source }
}

impl Port {
    /// Opens a character device, or connects to a socket. A virtio-serial port drops what was left unread by the process before.
    pub(crate) fn open(path: &Path) -> Result<Self, EvidenceError> {
        const OPEN: &str = "open the simulated processor's port";
        let kind = fs::metadata(path)
            .map_err(failed("find the simulated processor's port"))?
            .file_type();
        if kind.is_char_device() {
            let nonblocking = i32::try_from(OFlags::NONBLOCK.bits())
                .map_err(|e| failed(OPEN)(io::Error::other(e)))?;
            let device = OpenOptions::new()
                .read(true)
                .write(true)
                .custom_flags(nonblocking)
                .open(path);
            return device.map(Self).map_err(failed(OPEN));
        }
        if kind.is_socket() {
            let stream = UnixStream::connect(path).map_err(failed(OPEN))?;
            stream.set_nonblocking(true).map_err(failed(OPEN))?;
            return Ok(Self(File::from(OwnedFd::from(stream))));
        }
        Err(failed(OPEN)(io::Error::other(
            "it is neither a character device nor a socket",
        )))
    }

    /// Writes everything before the deadline.
    pub(crate) fn write_all(
        &mut self,
        mut bytes: &[u8],
        deadline: Instant,
    ) -> Result<(), EvidenceError> {
        while !bytes.is_empty() {
            self.wait(PollFlags::OUT, deadline).map_err(failed(WRITE))?;
            match self.0.write(bytes) {
                Ok(0) => return Err(failed(WRITE)(ErrorKind::WriteZero.into())),
                Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                Err(e) => return Err(failed(WRITE)(e)),
            }
        }
        Ok(())
    }

    /// Fills the buffer before the deadline.
    pub(crate) fn read_exact(
        &mut self,
        mut buffer: &mut [u8],
        deadline: Instant,
    ) -> Result<(), EvidenceError> {
        while !buffer.is_empty() {
            self.wait(PollFlags::IN, deadline).map_err(failed(READ))?;
            match self.0.read(buffer) {
                Ok(0) => return Err(failed(READ)(ErrorKind::UnexpectedEof.into())),
                Ok(count) => buffer = buffer.get_mut(count..).unwrap_or_default(),
                Err(e) if matches!(e.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) => {}
                Err(e) => return Err(failed(READ)(e)),
            }
        }
        Ok(())
    }

    /// Waits until the port is ready or broken; which of the two, the next call says.
    fn wait(&self, wanted: PollFlags, deadline: Instant) -> io::Result<()> {
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::Error::new(ErrorKind::TimedOut, "timed out"));
            }
            let timeout = Timespec::try_from(left).map_err(io::Error::other)?;
            let mut port = [PollFd::new(&self.0, wanted)];
            match poll(&mut port, Some(&timeout)) {
                Ok(0) | Err(rustix::io::Errno::INTR) => {}
                Ok(_) => {
                    let [port] = &port;
                    if !port.revents().contains(wanted) {
                        // Hung up: a socket's next call fails, but a serial port waits for the host's side to be opened and would
                        // be polled in a circle.
                        std::thread::sleep(left.min(PAUSE));
                    }
                    return Ok(());
                }
                Err(e) => return Err(e.into()),
            }
        }
    }
}
