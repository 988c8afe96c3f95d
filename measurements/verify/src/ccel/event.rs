//! Events and the registers that they extend.

use core::fmt;
use sha2::{Digest, Sha384};

/// A run-time measurement register of a trust domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Register {
    /// Firmware configuration: TD HOB, variables, ACPI tables.
    Rtmr0,
    /// What the firmware starts: boot loader, kernel, partition table.
    Rtmr1,
    /// What the boot loader and the kernel's EFI stub measure: command line and initrd.
    Rtmr2,
    /// What runs after that.
    Rtmr3,
}

impl Register {
    /// Every register, in order.
    pub const ALL: [Self; 4] = [Self::Rtmr0, Self::Rtmr1, Self::Rtmr2, Self::Rtmr3];

    /// The register of a measurement register index (UEFI 2.10 section 38.4.1): 1 to 4. Index 0 is MRTD, which nothing extends.
    #[must_use]
    pub fn of_cc_index(index: u32) -> Option<Self> {
        Self::of_number(index.checked_sub(1)?)
    }

    /// RTMR`number`.
    #[must_use]
    pub fn of_number(number: u32) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }
}

impl fmt::Display for Register {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Rtmr0 => "RTMR0",
            Self::Rtmr1 => "RTMR1",
            Self::Rtmr2 => "RTMR2",
            Self::Rtmr3 => "RTMR3",
        })
    }
}

/// What a log says beside the digest of an event. It is not authenticated by itself: only a digest that is recomputed from it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    /// The event field of a `TCG_PCR_EVENT2`.
    Tcg(Vec<u8>),
    /// An event of dstack's guest agent: its name and its payload.
    Runtime {
        /// The name, which the digest covers.
        name: String,
        /// The payload, which the digest covers.
        payload: Vec<u8>,
    },
    /// Taken out by the sender of the log, which dstack's short form does.
    Removed,
}

/// One event that extends a register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The register that it extends.
    pub register: Register,
    /// The event type (TCG PC Client Platform Firmware Profile 1.06, table 27).
    pub kind: u32,
    /// SHA-384: what the register is extended with.
    pub digest: [u8; 48],
    /// What it is about.
    pub content: Content,
}

impl Event {
    /// The event's type by name.
    #[must_use]
    pub fn kind_name(&self) -> String {
        kind::name(self.kind).map_or_else(|| format!("type {:#x}", self.kind), str::to_owned)
    }
}

/// Event types (TCG PC Client Platform Firmware Profile 1.06, table 27; `EV_RUNTIME` is dstack's own).
pub(super) mod kind {
    pub(in crate::ccel) const NO_ACTION: u32 = 0x03;
    pub(in crate::ccel) const SEPARATOR: u32 = 0x04;
    pub(in crate::ccel) const EVENT_TAG: u32 = 0x06;
    pub(in crate::ccel) const PLATFORM_CONFIG_FLAGS: u32 = 0x0a;
    pub(in crate::ccel) const IPL: u32 = 0x0d;
    pub(in crate::ccel) const VARIABLE_DRIVER_CONFIG: u32 = 0x8000_0001;
    pub(in crate::ccel) const VARIABLE_BOOT: u32 = 0x8000_0002;
    pub(in crate::ccel) const BOOT_SERVICES_APPLICATION: u32 = 0x8000_0003;
    pub(in crate::ccel) const BOOT_SERVICES_DRIVER: u32 = 0x8000_0004;
    pub(in crate::ccel) const RUNTIME_SERVICES_DRIVER: u32 = 0x8000_0005;
    pub(in crate::ccel) const GPT_EVENT: u32 = 0x8000_0006;
    pub(in crate::ccel) const ACTION: u32 = 0x8000_0007;
    pub(in crate::ccel) const PLATFORM_FIRMWARE_BLOB: u32 = 0x8000_0008;
    pub(in crate::ccel) const HANDOFF_TABLES: u32 = 0x8000_0009;
    pub(in crate::ccel) const PLATFORM_FIRMWARE_BLOB2: u32 = 0x8000_000a;
    pub(in crate::ccel) const HANDOFF_TABLES2: u32 = 0x8000_000b;
    pub(in crate::ccel) const VARIABLE_BOOT2: u32 = 0x8000_000c;
    pub(in crate::ccel) const VARIABLE_AUTHORITY: u32 = 0x8000_00e0;
    pub(in crate::ccel) const RUNTIME: u32 = 0x0800_0001;

    pub(super) fn name(kind: u32) -> Option<&'static str> {
        Some(match kind {
            NO_ACTION => "EV_NO_ACTION",
            SEPARATOR => "EV_SEPARATOR",
            EVENT_TAG => "EV_EVENT_TAG",
            PLATFORM_CONFIG_FLAGS => "EV_PLATFORM_CONFIG_FLAGS",
            IPL => "EV_IPL",
            VARIABLE_DRIVER_CONFIG => "EV_EFI_VARIABLE_DRIVER_CONFIG",
            VARIABLE_BOOT => "EV_EFI_VARIABLE_BOOT",
            BOOT_SERVICES_APPLICATION => "EV_EFI_BOOT_SERVICES_APPLICATION",
            BOOT_SERVICES_DRIVER => "EV_EFI_BOOT_SERVICES_DRIVER",
            RUNTIME_SERVICES_DRIVER => "EV_EFI_RUNTIME_SERVICES_DRIVER",
            GPT_EVENT => "EV_EFI_GPT_EVENT",
            ACTION => "EV_EFI_ACTION",
            PLATFORM_FIRMWARE_BLOB => "EV_EFI_PLATFORM_FIRMWARE_BLOB",
            HANDOFF_TABLES => "EV_EFI_HANDOFF_TABLES",
            PLATFORM_FIRMWARE_BLOB2 => "EV_EFI_PLATFORM_FIRMWARE_BLOB2",
            HANDOFF_TABLES2 => "EV_EFI_HANDOFF_TABLES2",
            VARIABLE_BOOT2 => "EV_EFI_VARIABLE_BOOT2",
            VARIABLE_AUTHORITY => "EV_EFI_VARIABLE_AUTHORITY",
            RUNTIME => "EV_RUNTIME",
            _ => return None,
        })
    }
}

/// The values of RTMR0 to RTMR3, as a quote carries them or as a log replays to them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registers(pub [[u8; 48]; 4]);

impl Registers {
    /// All zero, as a trust domain starts.
    pub const START: Self = Self([[0; 48]; 4]);

    /// The value of a register.
    #[must_use]
    pub fn value(&self, register: Register) -> &[u8; 48] {
        let [rtmr0, rtmr1, rtmr2, rtmr3] = &self.0;
        match register {
            Register::Rtmr0 => rtmr0,
            Register::Rtmr1 => rtmr1,
            Register::Rtmr2 => rtmr2,
            Register::Rtmr3 => rtmr3,
        }
    }

    /// `TDG.MR.RTMR.EXTEND` (Intel TDX Module ABI): the hash over the old value and the digest.
    pub fn extend(&mut self, register: Register, digest: &[u8; 48]) {
        let [rtmr0, rtmr1, rtmr2, rtmr3] = &mut self.0;
        let value = match register {
            Register::Rtmr0 => rtmr0,
            Register::Rtmr1 => rtmr1,
            Register::Rtmr2 => rtmr2,
            Register::Rtmr3 => rtmr3,
        };
        *value = Sha384::new()
            .chain_update(*value)
            .chain_update(digest)
            .finalize()
            .into();
    }
}

/// An event log that was read. Nothing in it is to be believed before it was replayed and judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventLog {
    /// The events that extend a register, in the order of the log.
    pub events: Vec<Event>,
    /// How many events of type `EV_NO_ACTION` there were, which extend nothing.
    pub not_extended: usize,
}

impl EventLog {
    /// What the registers hold when exactly these events happened.
    #[must_use]
    pub fn replay(&self) -> Registers {
        let mut registers = Registers::START;
        for event in &self.events {
            registers.extend(event.register, &event.digest);
        }
        registers
    }
}
