//! The measurements of a trust domain of Intel TDX, from files.
//!
//! ```text
//! MRTD   mrtd.rs    what is in memory before the start          firmware.rs      TDVF metadata
//! RTMRs  boot.rs    every event of a direct boot, in order       hob.rs           memory map
//!                                                                host.rs          ACPI tables and settings
//!                                                                smbios.rs        SMBIOS tables
//!                                                                variable.rs      UEFI variables
//!                                                                authenticode.rs  kernel
//! ```

mod authenticode;
mod boot;
mod firmware;
mod hob;
mod host;
mod mrtd;
mod smbios;
mod variable;

pub use authenticode::{PeError, authenticode};
pub use boot::{Event, Launch, LaunchError, Profile, replay};
pub use firmware::{
    MAX_FIRMWARE, MAX_SECTION_BYTES, MAX_SECTIONS, Section, SectionKind, Tdvf, TdvfError,
};
pub use hob::{HobError, MAX_MEMORY_MIB, td_hob};
pub use host::{HostError, HostTables, MAX_HOST_FILE, SETTINGS, SMBIOS, TABLE_LOADER};
pub use mrtd::{PageOrder, mrtd};
pub use smbios::{BadSmbios, MAX_SMBIOS, filtered};
pub use variable::{BadGuid, BootOption, Guid};
