//! The relay and the gateway, started by `edge/start` exactly as the demo starts them.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use crate::children::Running;
use crate::{ports, programs};

/// The address the relay uses towards the gateway.
pub const RELAY_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 21));

/// The address the gateway uses towards a machine.
pub const GATEWAY_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 31));

/// The listeners of relay and gateway. Chosen before either runs, so that taps can be set between them.
#[derive(Clone, Copy, Debug)]
pub struct Listeners {
    /// Relay, session way.
    pub relay_session: SocketAddr,
    /// Relay, one-shot way.
    pub relay_oneshot: SocketAddr,
    /// Gateway, session way.
    pub gateway_session: SocketAddr,
    /// Gateway, one-shot way.
    pub gateway_oneshot: SocketAddr,
}

impl Listeners {
    /// Four free ports.
    pub fn free() -> Self {
        Self {
            relay_session: ports::free(),
            relay_oneshot: ports::free(),
            gateway_session: ports::free(),
            gateway_oneshot: ports::free(),
        }
    }
}

/// Running nginx and HAProxy.
#[derive(Debug)]
pub struct Edge {
    /// Where they listen.
    pub at: Listeners,
    script: Running,
}

impl Edge {
    /// Starts both. `session` and `oneshot` are what the relay believes to be the gateway (the gateway itself, or a tap before it);
    /// `machine` is what the gateway believes to be the virtual machine. `settings` are variables of the configurations.
    ///
    /// # Panics
    /// When either does not come up.
    pub fn start(
        folder: &Path,
        at: Listeners,
        session: SocketAddr,
        oneshot: SocketAddr,
        machine: SocketAddr,
        settings: &[(&str, &str)],
    ) -> Self {
        let edge = folder.join("edge");
        std::fs::create_dir_all(&edge).expect("a folder for the edge");
        let script = programs::repository().join("edge/start");
        let mut script = Running::start("edge", &script, folder, |command| {
            command
                .env("EDGE_DIR", &edge)
                .env("EDGE_UNTIL_EOF", "1")
                .env("RELAY_SESSION", at.relay_session.to_string())
                .env("RELAY_ONESHOT", at.relay_oneshot.to_string())
                .env("RELAY_BIND", RELAY_ADDRESS.to_string())
                .env("RELAY_TO_SESSION", session.to_string())
                .env("RELAY_TO_ONESHOT", oneshot.to_string())
                .env("GATEWAY_SESSION", at.gateway_session.to_string())
                .env("GATEWAY_ONESHOT", at.gateway_oneshot.to_string())
                .env("GATEWAY_BIND", GATEWAY_ADDRESS.to_string())
                .env("GATEWAY_MACHINES", format!("one={machine}"))
                // One test process is one address: the limits are tested by name, and elsewhere out of the way.
                .env("RELAY_RATE", "1000r/s")
                .env("RELAY_BURST", "1000")
                .env("RELAY_CONNECTIONS", "200");
            for (name, value) in settings {
                command.env(name, value);
            }
        });
        script.wait_for("\nready\n", Duration::from_secs(30));
        Self { at, script }
    }

    /// The process id that `edge/start` printed for `program` (`nginx` or `haproxy`).
    ///
    /// # Panics
    /// When it printed none.
    pub fn pid(&self, program: &str) -> u32 {
        let output = String::from_utf8_lossy(&self.script.output()).into_owned();
        output
            .split_whitespace()
            .find_map(|word| word.strip_prefix(&format!("{program}=")))
            .and_then(|pid| pid.parse().ok())
            .unwrap_or_else(|| panic!("edge/start did not print the process id of {program}"))
    }

    /// Whether the script and both programs run.
    pub fn alive(&mut self) -> bool {
        self.script.alive()
            && ["nginx", "haproxy"]
                .iter()
                .all(|name| Path::new(&format!("/proc/{}", self.pid(name))).exists())
    }

    /// The script that started them, with the output of all three.
    pub fn script(&mut self) -> &mut Running {
        &mut self.script
    }
}
