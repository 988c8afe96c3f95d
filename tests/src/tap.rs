//! A tap on a wire: passes TCP bytes on and keeps a copy of them, as whoever owns the cable could.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

/// One recorded connection.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Who connected: the address that the listener behind this wire would have seen.
    pub peer: SocketAddr,
    /// What the peer sent.
    pub sent: Vec<u8>,
    /// What it was answered.
    pub answered: Vec<u8>,
}

/// A listener that passes every connection on to `upstream` and records both directions.
#[derive(Debug)]
pub struct Tap {
    address: SocketAddr,
    records: Arc<Mutex<Vec<Recorded>>>,
    closed: Arc<AtomicBool>,
}

impl Tap {
    /// Opens the tap on a free port in front of `upstream`, which need not listen yet.
    ///
    /// # Panics
    /// When there is no free port.
    pub fn before(upstream: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port for the tap");
        let address = listener.local_addr().expect("its address");
        let records = Arc::new(Mutex::new(Vec::new()));
        let closed = Arc::new(AtomicBool::new(false));
        let (kept, over) = (Arc::clone(&records), Arc::clone(&closed));
        std::thread::spawn(move || {
            for connection in listener.incoming() {
                if over.load(Ordering::Relaxed) {
                    return;
                }
                let Ok(device) = connection else { continue };
                let records = Arc::clone(&kept);
                std::thread::spawn(move || pass(device, upstream, &records));
            }
        });
        Self {
            address,
            records,
            closed,
        }
    }

    /// Where the tap listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Everything recorded so far.
    pub fn records(&self) -> Vec<Recorded> {
        lock(&self.records).clone()
    }

    /// All recorded bytes of both directions, connection after connection.
    pub fn bytes(&self) -> Vec<u8> {
        let mut all = Vec::new();
        for record in lock(&self.records).iter() {
            all.extend_from_slice(&record.sent);
            all.extend_from_slice(&record.answered);
        }
        all
    }

    /// Forgets what was recorded.
    pub fn clear(&self) {
        lock(&self.records).clear();
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        self.closed.store(true, Ordering::Relaxed);
        // Wakes the listener so that it sees the flag.
        let _ = TcpStream::connect(self.address);
    }
}

fn lock(records: &Mutex<Vec<Recorded>>) -> MutexGuard<'_, Vec<Recorded>> {
    records
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner())
}

fn pass(device: TcpStream, upstream: SocketAddr, records: &Arc<Mutex<Vec<Recorded>>>) {
    let Ok(peer) = device.peer_addr() else { return };
    // A refused upstream must look like one: the device's connection is closed with nothing recorded but the attempt.
    let index = {
        let mut all = lock(records);
        all.push(Recorded {
            peer,
            sent: Vec::new(),
            answered: Vec::new(),
        });
        all.len() - 1
    };
    let Ok(service) = TcpStream::connect_timeout(&upstream, Duration::from_secs(5)) else {
        let _ = device.shutdown(Shutdown::Both);
        return;
    };
    let _ = device.set_nodelay(true);
    let _ = service.set_nodelay(true);
    let (Ok(device_out), Ok(service_out)) = (device.try_clone(), service.try_clone()) else {
        return;
    };
    let kept = Arc::clone(records);
    let down = std::thread::spawn(move || {
        copy(service_out, device_out, |bytes| {
            keep(&kept, index, peer, bytes, false)
        });
    });
    copy(device, service, |bytes| {
        keep(records, index, peer, bytes, true)
    });
    let _ = down.join();
}

fn keep(records: &Mutex<Vec<Recorded>>, index: usize, peer: SocketAddr, bytes: &[u8], sent: bool) {
    // After `clear` the index may be gone or another's; the peer tells.
    if let Some(record) = lock(records)
        .get_mut(index)
        .filter(|record| record.peer == peer)
    {
        if sent {
            record.sent.extend_from_slice(bytes)
        } else {
            record.answered.extend_from_slice(bytes)
        }
    }
}

fn copy(mut from: TcpStream, mut to: TcpStream, mut keep: impl FnMut(&[u8])) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => {
                // End of this direction only: the other may still speak.
                let _ = to.shutdown(Shutdown::Write);
                return;
            }
            Ok(length) => {
                keep(&buffer[..length]);
                if to.write_all(&buffer[..length]).is_err() {
                    let _ = from.shutdown(Shutdown::Both);
                    return;
                }
            }
            Err(_) => {
                let _ = to.shutdown(Shutdown::Both);
                return;
            }
        }
    }
}
