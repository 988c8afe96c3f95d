//! RTMR0 to RTMR2 of a direct boot: each event that OVMF and Linux' EFI stub extend, in order, from files.
//!
//! ```text
//! RTMR0  TD HOB, variable store            firmware's first instructions
//!        settings of fw_cfg                 PEI
//!        secure boot variables, separator   variable driver
//!        ACPI tables                        boot device selection
//! RTMR1  kernel                             loaded by the firmware
//! RTMR0  SMBIOS tables, boot variables      before anything is started
//! RTMR1  "Calling …", separator
//! RTMR2  command line, initrd               the kernel's EFI stub
//! RTMR1  "Exit Boot Services …"             the kernel takes over
//! ```
//!
//! The order within RTMR0 is read from edk2's source (`OvmfPkg/Sec`, `PlatformPei`, `Tcg/TdTcg2Dxe`, `AcpiPlatformLib`,
//! `SmbiosMeasurementDxe`) and agrees with event logs of real trust domains with older OVMF. That the SMBIOS tables come before the boot
//! variables follows from the order in which drivers register, and no log of a trust domain with this firmware was at hand.

use super::authenticode::{PeError, authenticode};
use super::firmware::{SectionKind, Tdvf};
use super::hob::{HobError, td_hob};
use super::host::HostTables;
use super::variable::{BootOption, Guid, utf16, variable_data};
use cloister_verify::ccel::{Register, Registers};
use core::fmt;
use serde::Deserialize;
use sha2::{Digest, Sha384};

/// What OVMF writes before the command line when there is an initrd (edk2 `GenericQemuLoadImageLib.c`, since 2026).
const INITRD_OPTION: &str = "initrd=initrd ";
/// `EV_EFI_ACTION` strings (TCG PC Client Platform Firmware Profile 1.06, section 10.4.4).
const CALLING: &str = "Calling EFI Application from Boot Option";
const EXITING: &str = "Exit Boot Services Invocation";
const EXITED: &str = "Exit Boot Services Returned with Success";
const SEPARATOR: [u8; 4] = [0; 4];
/// The variables of a secure boot policy, in the order of measurement. A firmware without secure boot has none of them, and measures
/// their names.
const SECURE_BOOT: [(&str, Guid); 5] = [
    ("SecureBoot", Guid::GLOBAL),
    ("PK", Guid::GLOBAL),
    ("KEK", Guid::GLOBAL),
    ("db", Guid::SECURITY_DATABASE),
    ("dbx", Guid::SECURITY_DATABASE),
];

/// What a firmware does that its file does not say in a form that can be read: looked at once, and written into the firmware list.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Profile {
    /// Whether it measures the settings that it reads from the host ([`super::SETTINGS`]).
    pub measures_settings: bool,
    /// Whether it measures the SMBIOS tables.
    pub measures_smbios: bool,
    /// The boot options that it makes, in the order of `BootOrder`.
    pub boot_options: Vec<BootOption>,
    /// What was looked at.
    pub source: String,
    /// When that was.
    pub date: String,
}

/// The files of a launch in a trust domain.
#[derive(Clone, Copy, Debug)]
pub struct Launch<'a> {
    /// `-bios`, read.
    pub firmware: &'a Tdvf<'a>,
    /// What is known of it.
    pub profile: &'a Profile,
    /// `-kernel`.
    pub kernel: &'a [u8],
    /// `-initrd`.
    pub initrd: &'a [u8],
    /// `-append`.
    pub cmdline: &'a str,
}

/// One extension of a register.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The register.
    pub register: Register,
    /// SHA-384: what it is extended with.
    pub digest: [u8; 48],
    /// What was measured, in words.
    pub what: String,
}

/// Why registers cannot be predicted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LaunchError {
    /// The kernel is no image that firmware starts.
    Kernel(PeError),
    /// The firmware does not fit the machine.
    Hob(HobError),
    /// The firmware has no variable store, or several.
    VariableStore,
    /// The initrd is empty: the firmware would then write another command line.
    NoInitrd,
    /// The command line has characters that are not printable ASCII.
    Cmdline,
}

impl fmt::Display for LaunchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Kernel(why) => write!(f, "the kernel is {why}"),
            Self::Hob(why) => why.fmt(f),
            Self::VariableStore => {
                f.write_str("TDX firmware: expected exactly one variable store (CFV)")
            }
            Self::NoInitrd => f.write_str("the initrd is empty"),
            Self::Cmdline => f.write_str("the command line must be printable ASCII"),
        }
    }
}

impl core::error::Error for LaunchError {}

/// What the registers hold after these events.
#[must_use]
pub fn replay(events: &[Event]) -> Registers {
    let mut registers = Registers::START;
    for event in events {
        registers.extend(event.register, &event.digest);
    }
    registers
}

impl Launch<'_> {
    /// Every event of a boot with this much memory on this host.
    ///
    /// # Errors
    /// [`LaunchError`] when a file cannot be measured.
    pub fn events(&self, memory_mib: u64, host: &HostTables) -> Result<Vec<Event>, LaunchError> {
        self.log(memory_mib, Some(host))
    }

    /// The events that need no host: all of RTMR1 and RTMR2, and of RTMR0 what follows from the firmware and the amount of memory. So
    /// only RTMR1 and RTMR2 can be replayed from them.
    ///
    /// # Errors
    /// As of [`events`](Self::events).
    pub fn events_of_files(&self, memory_mib: u64) -> Result<Vec<Event>, LaunchError> {
        self.log(memory_mib, None)
    }

    fn log(&self, memory_mib: u64, host: Option<&HostTables>) -> Result<Vec<Event>, LaunchError> {
        use Register::{Rtmr0, Rtmr1};
        let mut log = Log::default();
        self.first(&mut log, memory_mib)?;
        if let Some(host) = host.filter(|_| self.profile.measures_settings) {
            for (name, bytes) in host.settings() {
                log.push(Rtmr0, bytes, format!("{name} of the host"));
            }
        }
        secure_boot(&mut log);
        for (name, bytes) in host.into_iter().flat_map(HostTables::acpi) {
            log.push(Rtmr0, bytes, format!("{name} of the host"));
        }
        let kernel = authenticode(self.kernel).map_err(LaunchError::Kernel)?;
        log.digest(Rtmr1, kernel, "kernel".to_owned());
        if let Some(host) = host.filter(|_| self.profile.measures_smbios) {
            log.push(Rtmr0, host.smbios(), "SMBIOS tables".to_owned());
        }
        self.boot_variables(&mut log);
        log.push(Rtmr1, CALLING.as_bytes(), CALLING.to_owned());
        log.push(Rtmr1, &SEPARATOR, "separator".to_owned());
        self.stub(&mut log)?;
        for text in [EXITING, EXITED] {
            log.push(Rtmr1, text.as_bytes(), text.to_owned());
        }
        Ok(log.0)
    }

    /// TD HOB and variable store, which the firmware measures before it reads them.
    fn first(&self, log: &mut Log, memory_mib: u64) -> Result<(), LaunchError> {
        let hob = td_hob(self.firmware, memory_mib).map_err(LaunchError::Hob)?;
        log.push(Register::Rtmr0, &hob, format!("TD HOB of {memory_mib} MiB"));
        let mut stores = self
            .firmware
            .sections()
            .iter()
            .filter(|s| s.kind == SectionKind::Cfv);
        let (Some(store), None) = (stores.next(), stores.next()) else {
            return Err(LaunchError::VariableStore);
        };
        log.push(
            Register::Rtmr0,
            store.data,
            "variable store (CFV) of the firmware".to_owned(),
        );
        Ok(())
    }

    /// `BootOrder` and what it names; the digest is over the data alone.
    fn boot_variables(&self, log: &mut Log) {
        let options = &self.profile.boot_options;
        let order: Vec<u8> = (0u16..)
            .zip(options)
            .flat_map(|(n, _)| n.to_le_bytes())
            .collect();
        log.push(Register::Rtmr0, &order, "variable BootOrder".to_owned());
        for (n, option) in options.iter().enumerate() {
            let what = format!("variable Boot{n:04X}: {}", option.description);
            log.push(Register::Rtmr0, &option.load_option(), what);
        }
    }

    /// What the kernel's EFI stub measures (Linux `drivers/firmware/efi/libstub/efi-stub-helper.c`): its load options as UTF-16 with
    /// their terminator, then the initrd that the firmware hands over.
    fn stub(&self, log: &mut Log) -> Result<(), LaunchError> {
        if self.initrd.is_empty() {
            return Err(LaunchError::NoInitrd);
        }
        if !self
            .cmdline
            .bytes()
            .all(|byte| (b' '..=b'~').contains(&byte))
        {
            return Err(LaunchError::Cmdline);
        }
        let mut options = utf16(INITRD_OPTION);
        options.extend(utf16(self.cmdline));
        options.extend([0, 0]);
        log.push(Register::Rtmr2, &options, "command line".to_owned());
        log.push(Register::Rtmr2, self.initrd, "initrd".to_owned());
        Ok(())
    }
}

fn secure_boot(log: &mut Log) {
    for (name, vendor) in SECURE_BOOT {
        log.push(
            Register::Rtmr0,
            &variable_data(vendor, name, &[]),
            format!("variable {name}: absent"),
        );
    }
    log.push(Register::Rtmr0, &SEPARATOR, "separator".to_owned());
}

/// Events in the making.
#[derive(Default)]
struct Log(Vec<Event>);

impl Log {
    fn push(&mut self, register: Register, measured: &[u8], what: String) {
        self.digest(register, Sha384::digest(measured).into(), what);
    }

    fn digest(&mut self, register: Register, digest: [u8; 48], what: String) {
        self.0.push(Event {
            register,
            digest,
            what,
        });
    }
}
