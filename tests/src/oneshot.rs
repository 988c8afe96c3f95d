//! The one-shot way to a false machine: relay, gateway, and a tap between them.

use std::net::SocketAddr;

use crate::edge::{Edge, Listeners};
use crate::folder::Folder;
use crate::raw::ask;
use crate::seeded::Seeded;
use crate::tap::Tap;
use crate::upstream::{Arrived, Upstream};

/// The content type of a whole sealed request.
pub const WHOLE: (&str, &str) = ("Content-Type", "message/ohttp-req");

/// A body that looks like a sealed request: its first byte is a key id that the gateway knows.
pub fn sealed(length: usize) -> Vec<u8> {
    let mut body = Seeded::new(2).bytes(length);
    if let Some(key) = body.first_mut() {
        *key = 1;
    }
    body
}

/// Relay, gateway and a false machine. Fields are dropped in this order.
#[derive(Debug)]
pub struct Way {
    /// Relay and gateway.
    pub edge: Edge,
    /// The wire from relay to gateway, one-shot way.
    pub wire: Tap,
    /// The false machine.
    pub machine: Upstream,
    /// Holds everything that is written.
    pub folder: Folder,
}

impl Way {
    /// Starts all three; `settings` are variables of the configurations.
    ///
    /// # Panics
    /// When one does not come up.
    pub fn open(settings: &[(&str, &str)]) -> Self {
        let folder = Folder::new();
        let machine = Upstream::start(folder.path());
        let at = Listeners::free();
        let wire = Tap::before(at.gateway_oneshot);
        let edge = Edge::start(
            folder.path(),
            at,
            at.gateway_session,
            wire.address(),
            machine.address(),
            settings,
        );
        Self {
            edge,
            wire,
            machine,
            folder,
        }
    }

    /// The one request that has arrived at the machine.
    ///
    /// # Panics
    /// When none or more have.
    pub fn only(&self) -> Arrived {
        let mut arrived = self.machine.arrived();
        assert_eq!(
            arrived.len(),
            1,
            "exactly one request reaches the machine: {arrived:?}"
        );
        arrived.remove(0)
    }

    /// Expects `status` and nothing at the machine.
    ///
    /// # Panics
    /// When it is otherwise.
    pub fn refuses(&self, to: SocketAddr, request: &[u8], status: u16, what: &str) {
        let before = self.machine.arrived().len();
        let answer = ask(to, request);
        assert_eq!(answer.status, status, "{what}: {answer:?}");
        assert_eq!(
            self.machine.arrived().len(),
            before,
            "{what}: nothing reaches the machine"
        );
    }
}
