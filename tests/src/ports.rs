//! Free ports of the loopback interface.

use std::collections::HashSet;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Mutex, OnceLock};

/// An address of 127.0.0.1 on which nothing listens, and which this process has not given out before.
///
/// # Panics
/// When the system has none.
pub fn free() -> SocketAddr {
    static GIVEN: OnceLock<Mutex<HashSet<u16>>> = OnceLock::new();
    let mut given = GIVEN
        .get_or_init(Mutex::default)
        .lock()
        .unwrap_or_else(|poisoned| poisoned.into_inner());
    // Listeners are held until a new port is found, so that the system does not offer the same one again.
    let mut held = Vec::new();
    loop {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        if given.insert(address.port()) {
            return address;
        }
        held.push(listener);
    }
}
