//! The whole way: device, relay, gateway, service, with a tap on each wire.

use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::path::PathBuf;

use crate::children::Finished;
use crate::edge::{Edge, Listeners};
use crate::folder::Folder;
use crate::markers::holds;
use crate::service::{self, Files, Release, Service};
use crate::tap::Tap;

/// A short thread that any working stack can answer.
pub const HONEST: &[u8] =
    br#"{"text":"The boiler is repaired on Tuesday at nine. Somebody must be at home. Ines has the key."}"#;

/// The taps, in the order of the way. Each is what its wire carries and what the listener behind it would see.
#[derive(Debug)]
pub struct Wires {
    /// From the device to the relay, session way.
    pub device_session: Tap,
    /// From the device to the relay, one-shot way.
    pub device_oneshot: Tap,
    /// From the relay to the gateway, session way.
    pub relay_session: Tap,
    /// From the relay to the gateway, one-shot way.
    pub relay_oneshot: Tap,
    /// From the gateway to the machine, both ways and health checks.
    pub machine: Tap,
}

/// A running stack. Everything ends when it is dropped.
// Fields are dropped in this order: who asks before who answers, files last.
#[derive(Debug)]
pub struct Stack {
    /// Relay and gateway.
    pub edge: Edge,
    /// The taps.
    pub wires: Wires,
    /// The service.
    pub service: Service,
    release: Release,
    folder: Folder,
}

impl Stack {
    /// With the service as a process of this machine.
    ///
    /// # Panics
    /// When a part is missing or does not come up.
    pub fn native(settings: &[(&str, &str)]) -> Self {
        let folder = Folder::new();
        let service = Service::native(folder.path());
        Self::around(folder, service, settings)
    }

    /// With the service in a virtual machine booted from `files`.
    ///
    /// # Panics
    /// When a part is missing or does not come up.
    pub fn booted(files: &Files, settings: &[(&str, &str)]) -> Self {
        let folder = Folder::new();
        let service = Service::booted(folder.path(), files);
        Self::around(folder, service, settings)
    }

    fn around(folder: Folder, service: Service, settings: &[(&str, &str)]) -> Self {
        let at = Listeners::free();
        let wires = Wires {
            device_session: Tap::before(at.relay_session),
            device_oneshot: Tap::before(at.relay_oneshot),
            relay_session: Tap::before(at.gateway_session),
            relay_oneshot: Tap::before(at.gateway_oneshot),
            machine: Tap::before(service.address),
        };
        let edge = Edge::start(
            folder.path(),
            at,
            wires.relay_session.address(),
            wires.relay_oneshot.address(),
            wires.machine.address(),
            settings,
        );
        Self {
            edge,
            wires,
            service,
            release: Release::publish(folder.path()),
            folder,
        }
    }

    /// A path for a file of the test.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// What every question to this stack has in common: the release, its log, and the leave to accept the simulated processor.
    pub fn trust(&self) -> Vec<OsString> {
        let mut trust = self.release.options();
        trust.push("--danger-accept-simulated".into());
        trust.push(self.service.root.clone().into());
        trust
    }

    /// `cloister ask` in a session through relay and gateway, from the loopback address `from`.
    pub fn ask_in_session(&self, thread: &[u8], from: Ipv4Addr, more: &[&str]) -> Finished {
        let mut arguments: Vec<OsString> = vec!["ask".into(), "-".into(), "--gateway".into()];
        arguments.push(self.wires.device_session.address().to_string().into());
        arguments.extend(self.trust());
        arguments.extend(["--from-address".into(), from.to_string().into()]);
        arguments.extend(more.iter().map(Into::into));
        service::cloister(arguments, thread)
    }

    /// Fetches the attested keys, as a publisher does, directly from the service: not a wire that a test looks at.
    ///
    /// # Panics
    /// When there is no bundle.
    pub fn bundle(&self) -> PathBuf {
        let out = self.file("keys.json");
        let mut arguments: Vec<OsString> = vec!["bundle".into(), "--gateway".into()];
        arguments.push(self.service.address.to_string().into());
        arguments.extend(self.trust());
        arguments.extend(["--out".into(), out.clone().into()]);
        let fetched = service::cloister(arguments, b"");
        assert_eq!(
            fetched.code,
            0,
            "cloister bundle: {}{}",
            fetched.out(),
            fetched.err()
        );
        out
    }

    /// `cloister ask` in one shot through relay and gateway, from the loopback address `from`.
    pub fn ask_in_one_shot(&self, thread: &[u8], from: Ipv4Addr, more: &[&str]) -> Finished {
        let bundle = self.file("keys.json");
        let bundle = if bundle.exists() {
            bundle
        } else {
            self.bundle()
        };
        let mut arguments: Vec<OsString> = vec!["ask".into(), "-".into(), "--relay".into()];
        arguments.push(format!("http://{}/ohttp", self.wires.device_oneshot.address()).into());
        arguments.extend(["--bundle".into(), bundle.into()]);
        arguments.extend(self.trust());
        arguments.extend(["--from-address".into(), from.to_string().into()]);
        arguments.extend(more.iter().map(Into::into));
        service::cloister(arguments, thread)
    }

    /// Everything that every component has said so far.
    pub fn outputs(&mut self) -> Vec<u8> {
        let mut all = self.service.output();
        all.extend(self.edge.script().output());
        all
    }

    /// Whether every component runs.
    pub fn alive(&mut self) -> bool {
        self.service.alive() && self.edge.alive()
    }

    /// Asks both ways, and checks that every program of the start is alive and that none has said that it panicked.
    ///
    /// # Panics
    /// When something is not as it was; `after` says what came before.
    pub fn still_serves(&mut self, after: &str) {
        let device = Ipv4Addr::new(127, 0, 0, 77);
        for (way, asked) in [
            ("a session", self.ask_in_session(HONEST, device, &[])),
            ("one shot", self.ask_in_one_shot(HONEST, device, &[])),
        ] {
            assert_eq!(asked.code, 0, "{way} after {after}: {}", asked.err());
            assert!(
                asked.out().contains("Tuesday at nine"),
                "{way} after {after}: {}",
                asked.out()
            );
        }
        assert!(self.alive(), "after {after}");
        let output = self.outputs().to_ascii_lowercase();
        for word in [
            "panic",
            "backtrace",
            "overflow",
            "segmentation",
            "exited on signal",
        ] {
            assert!(
                !holds(&output, word.as_bytes()),
                "{word} after {after}: {}",
                String::from_utf8_lossy(&output)
            );
        }
    }
}
