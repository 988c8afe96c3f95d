//! The TDX shapes of a release: one for each machine whose tables were captured.

use super::{Files, MeasureError};
use crate::allow::{self, FirmwareRefused, Role};
use crate::tdx::{Event, HostTables, Launch, PageOrder, Profile, Tdvf, mrtd, replay};
use cloister_verify::ccel::Register;
use cloister_verify::release::{Flavour, Hex, Release, TdxEvent, TdxShape};
use serde::Deserialize;
use sha2::{Digest, Sha256};

/// The most CPUs of a shape.
pub const MAX_VCPUS: u32 = 4096;

/// What a folder with a host's tables says about the machine: `shape.toml`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HostShape {
    /// Memory in MiB (`-m`).
    pub memory_mib: u64,
    /// Number of CPUs (`-smp`).
    pub vcpus: u32,
    /// Which QEMU made the tables, and how they were taken from it.
    pub source: String,
    /// When that was.
    pub date: String,
}

impl HostShape {
    /// Reads `shape.toml`.
    ///
    /// # Errors
    /// [`MeasureError::Shape`] when it is not exactly that, or the number of CPUs is none or absurd.
    pub fn parse(text: &str) -> Result<Self, MeasureError> {
        let shape: Self =
            toml::from_str(text).map_err(|e| MeasureError::Shape(e.message().to_owned()))?;
        if !(1..=MAX_VCPUS).contains(&shape.vcpus) {
            return Err(MeasureError::Shape(format!(
                "expected 1 to {MAX_VCPUS} CPUs, found {}",
                shape.vcpus
            )));
        }
        Ok(shape)
    }
}

/// A machine in which a trust domain starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// Its size.
    pub shape: HostShape,
    /// What it hands to the firmware.
    pub tables: HostTables,
}

/// The files of a launch in a trust domain, admitted and read.
pub struct TdxLaunch<'a> {
    firmware: Tdvf<'a>,
    profile: Profile,
    name: String,
    files: Files<'a>,
    cmdline: &'a str,
}

impl<'a> TdxLaunch<'a> {
    /// Admits the firmware and reads the files.
    ///
    /// # Errors
    /// [`MeasureError`] when the firmware is not allowed for TDX or cannot be read, or the command line is not text.
    pub fn read(files: &Files<'a>) -> Result<Self, MeasureError> {
        let line = allow::admit(files.firmware, Role::Tdx).map_err(MeasureError::Refused)?;
        // The list's reader saw to it that a firmware for TDX has a profile.
        let profile = line.tdx.ok_or_else(|| {
            MeasureError::Refused(FirmwareRefused::List(
                "a firmware without profile".to_owned(),
            ))
        })?;
        Ok(Self {
            firmware: Tdvf::parse(files.firmware).map_err(MeasureError::Tdvf)?,
            profile,
            name: line.name,
            files: *files,
            cmdline: core::str::from_utf8(files.cmdline).map_err(|_| MeasureError::Cmdline)?,
        })
    }

    /// The firmware's name in the list.
    #[must_use]
    pub fn firmware_name(&self) -> &str {
        &self.name
    }

    /// MRTD as KVM builds it since Linux 6.16: the launch line needs that kernel anyway.
    #[must_use]
    pub fn mrtd(&self) -> [u8; 48] {
        mrtd(&self.firmware, PageOrder::PageByPage)
    }

    /// Every event of a boot on this host, or without one the events that follow from the files.
    ///
    /// # Errors
    /// [`MeasureError::Launch`] when a file cannot be measured.
    pub fn events(
        &self,
        memory_mib: u64,
        host: Option<&HostTables>,
    ) -> Result<Vec<Event>, MeasureError> {
        let launch = Launch {
            firmware: &self.firmware,
            profile: &self.profile,
            kernel: self.files.kernel,
            initrd: self.files.initrd,
            cmdline: self.cmdline,
        };
        match host {
            Some(host) => launch.events(memory_mib, host),
            None => launch.events_of_files(memory_mib),
        }
        .map_err(MeasureError::Launch)
    }

    /// The published form of a shape.
    ///
    /// # Errors
    /// As of [`events`](Self::events).
    pub fn shape(&self, host: &Host) -> Result<TdxShape, MeasureError> {
        let events = self.events(host.shape.memory_mib, Some(&host.tables))?;
        let registers = replay(&events);
        let value = |register| Hex(*registers.value(register));
        Ok(TdxShape {
            firmware_sha256: Hex(Sha256::digest(self.files.firmware).into()),
            vcpus: host.shape.vcpus,
            memory_mib: host.shape.memory_mib,
            mrtd: Hex(self.mrtd()),
            rtmr0: value(Register::Rtmr0),
            rtmr1: value(Register::Rtmr1),
            rtmr2: value(Register::Rtmr2),
            events: events.into_iter().map(published).collect(),
        })
    }
}

fn published(event: Event) -> TdxEvent {
    TdxEvent {
        rtmr: (0u32..)
            .zip(Register::ALL)
            .find(|(_, register)| *register == event.register)
            .map_or(u32::MAX, |(number, _)| number),
        digest: Hex(event.digest),
        what: event.what,
    }
}

/// Adds the shapes of these hosts to a production release of the same kernel, initrd and command line.
///
/// # Errors
/// [`MeasureError`] when the firmware is not allowed for TDX, a file cannot be measured, the release is for the simulated processor or
/// of other files, or does not keep its rules with the new shapes.
pub fn add_tdx(
    release: &mut Release,
    files: &Files<'_>,
    hosts: &[Host],
) -> Result<(), MeasureError> {
    if release.flavour != Flavour::Production {
        return Err(MeasureError::Simulated);
    }
    let launch = TdxLaunch::read(files)?;
    let same = release.kernel_sha256.0 == <[u8; 32]>::from(Sha256::digest(files.kernel))
        && release.initrd_sha256.0 == <[u8; 32]>::from(Sha256::digest(files.initrd))
        && release.cmdline == launch.cmdline;
    if !same {
        return Err(MeasureError::OtherFiles);
    }
    for host in hosts {
        release.tdx.push(launch.shape(host)?);
    }
    release.check().map_err(MeasureError::Release)
}
