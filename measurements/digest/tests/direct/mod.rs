//! A small machine for direct boots in a trust domain: every file of it made here, so that tests can bend it.
#![allow(dead_code, reason = "each test file uses its part")]

use crate::tdvf;
use cloister_digest::tdx::{
    BootOption, Event, Guid, HostTables, Launch, LaunchError, Profile, Tdvf,
};
use std::collections::BTreeMap;

/// The boot option that every OVMF had until 2025.
pub(crate) fn ui_app() -> BootOption {
    BootOption {
        attributes: 0x109,
        description: "UiApp".to_owned(),
        volume: Guid::parse("7cb8bdc9-f8eb-4f34-aaea-3ee4af6516a1").unwrap(),
        file: Guid::parse("462caa21-7614-4503-836e-8ab6f4662331").unwrap(),
    }
}

pub(crate) fn profile() -> Profile {
    Profile {
        measures_settings: true,
        measures_smbios: true,
        boot_options: vec![ui_app()],
        source: "tests".to_owned(),
        date: "2026-11-23".to_owned(),
    }
}

/// Where the checksum, the certificate table's entry and the certificates of [`kernel`] stand.
pub(crate) const CHECKSUM: usize = 0x40 + 24 + 64;
pub(crate) const CERTIFICATES: usize = 0x40 + 24 + 112 + 4 * 8;

/// A PE32+ image with two sections that stand in the file in the other order, and bytes behind them.
pub(crate) fn kernel() -> Vec<u8> {
    let mut image: Vec<u8> = (0..0x900u32)
        .map(|n| (n.wrapping_mul(7) ^ (n >> 8)) as u8)
        .collect();
    image[..2].copy_from_slice(b"MZ");
    image[0x3c..0x40].copy_from_slice(&0x40u32.to_le_bytes());
    image[0x40..0x44].copy_from_slice(b"PE\0\0");
    image[0x46..0x48].copy_from_slice(&2u16.to_le_bytes());
    image[0x54..0x56].copy_from_slice(&160u16.to_le_bytes());
    let optional = 0x40 + 24;
    image[optional..optional + 2].copy_from_slice(&0x20bu16.to_le_bytes());
    image[optional + 60..optional + 64].copy_from_slice(&0x200u32.to_le_bytes());
    image[optional + 108..optional + 112].copy_from_slice(&6u32.to_le_bytes());
    image[CERTIFICATES..CERTIFICATES + 8].fill(0);
    for (n, (start, size)) in [(0x600u32, 0x200u32), (0x200, 0x400)]
        .into_iter()
        .enumerate()
    {
        let header = optional + 160 + 40 * n;
        image[header + 16..header + 20].copy_from_slice(&size.to_le_bytes());
        image[header + 20..header + 24].copy_from_slice(&start.to_le_bytes());
    }
    image
}

/// One SMBIOS structure.
pub(crate) fn structure(kind: u8, fields: &[u8], strings: &[&str]) -> Vec<u8> {
    let mut bytes = vec![kind, 4 + fields.len() as u8, kind, 0];
    bytes.extend(fields);
    for text in strings {
        bytes.extend(text.as_bytes());
        bytes.push(0);
    }
    bytes.push(0);
    if strings.is_empty() {
        bytes.push(0);
    }
    bytes
}

/// A system with a serial number, a processor, and the end.
fn smbios() -> Vec<u8> {
    let mut system = vec![1, 2, 3, 4];
    system.extend([9; 16]);
    system.extend([6, 0, 0]);
    [
        structure(1, &system, &["QEMU", "Standard PC", "pc-q35", "SN-1"]),
        structure(4, &[5; 0x2c], &["CPU 0", "QEMU", "x", "y", "z"]),
        structure(32, &[0; 7], &[]),
        structure(127, &[], &[]),
    ]
    .concat()
}

/// A command of the loader's script.
fn command(number: u8, file: &str) -> Vec<u8> {
    let mut bytes = vec![0; 128];
    bytes[0] = number;
    bytes[4..4 + file.len()].copy_from_slice(file.as_bytes());
    bytes
}

/// What a host hands to the firmware.
pub(crate) fn host() -> BTreeMap<String, Vec<u8>> {
    let loader = [
        command(1, "etc/acpi/rsdp"),
        command(1, "etc/acpi/tables"),
        command(3, "etc/acpi/tables"),
        vec![0; 128],
    ];
    [
        ("etc/table-loader", loader.concat()),
        ("etc/acpi/rsdp", b"RSD PTR ".to_vec()),
        ("etc/acpi/tables", b"DSDT".to_vec()),
        ("BootMenu", vec![0, 0]),
        ("bootorder", b"/rom@genroms/linuxboot_dma.bin\0".to_vec()),
        ("smbios", smbios()),
    ]
    .map(|(name, bytes)| (name.to_owned(), bytes))
    .into()
}

pub(crate) fn tables() -> HostTables {
    HostTables::new(host()).unwrap()
}

/// The machine.
pub(crate) struct Machine {
    pub(crate) firmware: Vec<u8>,
    pub(crate) profile: Profile,
    pub(crate) kernel: Vec<u8>,
    pub(crate) initrd: Vec<u8>,
    pub(crate) cmdline: String,
    pub(crate) memory_mib: u64,
    pub(crate) host: BTreeMap<String, Vec<u8>>,
}

impl Machine {
    pub(crate) fn with(firmware: Vec<u8>, profile: Profile) -> Self {
        Self {
            firmware,
            profile,
            kernel: kernel(),
            initrd: b"070701 and more".to_vec(),
            cmdline: "console=ttyS0 panic=-1".to_owned(),
            memory_mib: 2048,
            host: host(),
        }
    }

    pub(crate) fn small() -> Self {
        Self::with(tdvf::image(&tdvf::records()), profile())
    }

    fn launch<T>(&self, with: impl FnOnce(&Launch<'_>) -> T) -> T {
        with(&Launch {
            firmware: &Tdvf::parse(&self.firmware).unwrap(),
            profile: &self.profile,
            kernel: &self.kernel,
            initrd: &self.initrd,
            cmdline: &self.cmdline,
        })
    }

    pub(crate) fn try_events(&self) -> Result<Vec<Event>, LaunchError> {
        let host = HostTables::new(self.host.clone()).unwrap();
        self.launch(|launch| launch.events(self.memory_mib, &host))
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.try_events().unwrap()
    }

    pub(crate) fn events_of_files(&self) -> Vec<Event> {
        self.launch(|launch| launch.events_of_files(self.memory_mib))
            .unwrap()
    }

    /// Replaces a text of the same length in the SMBIOS tables.
    pub(crate) fn smbios_text(&mut self, from: &str, to: &str) {
        let table = self.host.get_mut("smbios").unwrap();
        let at = table
            .windows(from.len())
            .position(|bytes| bytes == from.as_bytes())
            .unwrap();
        table[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
}
