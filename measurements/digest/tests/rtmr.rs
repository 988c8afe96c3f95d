//! RTMR0 to RTMR2 from files: against event logs of real trust domains, and each input against the register that it must move.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::cast_possible_truncation
)]

mod cases;
mod direct;
mod real;
mod tdvf;

use cases::evidence;
use cloister_digest::tdx::{Event, Launch, PageOrder, Profile, Tdvf, mrtd, replay};
use cloister_verify::ccel::Register;
use cloister_verify::release::Hex;
use direct::{Machine, profile, tables, ui_app};
use serde_json::Value;
use sha2::{Digest, Sha384};

/// The events of RTMR0 to RTMR2 in a log of dstack.
fn log_of(case: &std::path::Path) -> Vec<(u64, [u8; 48])> {
    let log: Value =
        serde_json::from_slice(&std::fs::read(case.join("event_log.json")).unwrap()).unwrap();
    let events = log.as_array().unwrap().iter();
    events
        .filter(|event| event["imr"].as_u64().unwrap() < 3)
        .map(|event| {
            let digest = Hex::parse(event["digest"].as_str().unwrap()).unwrap();
            (event["imr"].as_u64().unwrap(), digest.0)
        })
        .collect()
}

/// Two trust domains on real hardware, started as ours are (QEMU, OVMF, direct boot), with older OVMF: every event whose input is
/// at hand is recomputed, in its place, and with the logged digests of the rest the registers are those of the signed quotes.
#[test]
fn event_logs_of_real_trust_domains() {
    let cases = [
        ("tdx-dstack-eventlog", 65536),
        ("tdx-dstack-lite-eventlog", 2048),
    ];
    for (name, memory_mib) in cases {
        let Some(case) = evidence(name) else { return };
        let logged = log_of(&case);
        let image = tdvf::image(&tdvf::sections_of_dstack());
        let firmware = Tdvf::parse(&image).unwrap();
        let kernel = direct::kernel();
        let profile = Profile {
            boot_options: vec![ui_app()],
            measures_settings: false,
            measures_smbios: false,
            ..profile()
        };
        let launch = Launch {
            firmware: &firmware,
            profile: &profile,
            kernel: &kernel,
            initrd: b"initrd",
            cmdline: "console=ttyS0",
        };
        let mut events = launch.events(memory_mib, &tables()).unwrap();
        assert_eq!(events.len(), logged.len(), "{name}");
        let mut recomputed = 0;
        for (event, (imr, digest)) in events.iter_mut().zip(&logged) {
            let register = Register::of_number(*imr as u32).unwrap();
            assert_eq!(event.register, register, "{name}: {}", event.what);
            let foreign = [
                "of the host",
                "of the firmware",
                "kernel",
                "command line",
                "initrd",
            ];
            if foreign.iter().any(|words| event.what.ends_with(words)) {
                event.digest = *digest;
            } else {
                assert_eq!(Hex(event.digest), Hex(*digest), "{name}: {}", event.what);
                recomputed += 1;
            }
        }
        assert_eq!(recomputed, 13, "{name}");
        let description: Value =
            serde_json::from_slice(&std::fs::read(case.join("case.json")).unwrap()).unwrap();
        let registers = replay(&events);
        for (number, register) in [Register::Rtmr0, Register::Rtmr1, Register::Rtmr2]
            .into_iter()
            .enumerate()
        {
            let stated = description["fields"][format!("rtmr{number}")]
                .as_str()
                .unwrap();
            assert_eq!(
                Hex(*registers.value(register)).to_string(),
                stated,
                "{name}"
            );
        }
    }
}

/// The pinned firmware's variable store is the one that those trust domains measured: the build of it has not changed for years.
#[test]
fn the_variable_store_of_the_pinned_firmware() {
    let (Some(path), Some(case)) = (real::firmware("OVMF.fd"), evidence("tdx-dstack-eventlog"))
    else {
        return;
    };
    let image = std::fs::read(path).unwrap();
    let machine = Machine::with(
        image,
        cloister_digest::allow::list()
            .unwrap()
            .into_iter()
            .find_map(|line| line.tdx)
            .unwrap(),
    );
    let events = machine.events();
    let store = events
        .iter()
        .find(|event| event.what.starts_with("variable store"))
        .unwrap();
    assert_eq!(Hex(store.digest), Hex(log_of(&case)[1].1));
}

/// The boot options of the firmware list, as bytes: what a guest under the pinned firmware had in its variable store when its kernel
/// was started directly (QEMU without TDX; the memory was searched for the variables after the kernel's first line).
#[test]
fn boot_variables_are_those_of_a_running_guest() {
    let variables = [
        ("variable BootOrder", "00000100"),
        (
            "variable Boot0000: BootManagerMenuApp",
            "090100002c0042006f006f0074004d0061006e0061006700650072004d0065006e007500410070007000000004071400c9bdb87cebf8344faaea3ee4af6516a104061400dc5bc2eef267954db1d5f81b2039d11d7fff0400",
        ),
        (
            "variable Boot0001: EFI Firmware Setup",
            "010100002c0045004600490020004600690072006d007700610072006500200053006500740075007000000004071400c9bdb87cebf8344faaea3ee4af6516a10406140021aa2c4614760345836e8ab6f46623317fff0400",
        ),
    ];
    let line = cloister_digest::allow::list()
        .unwrap()
        .into_iter()
        .find_map(|line| line.tdx)
        .unwrap();
    let events = Machine::with(tdvf::image(&tdvf::records()), line).events();
    let digest = |hex: &str| {
        let bytes: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap())
            .collect();
        <[u8; 48]>::from(Sha384::digest(bytes))
    };
    let found: Vec<(&str, [u8; 48])> = events
        .iter()
        .filter(|event| event.what.starts_with("variable Boot"))
        .map(|event| (event.what.as_str(), event.digest))
        .collect();
    assert_eq!(found, variables.map(|(what, hex)| (what, digest(hex))));
}

/// The whole sequence of our launch line, by name.
#[test]
fn the_events_of_our_launch() {
    let machine = Machine::small();
    let found: Vec<String> = machine
        .events()
        .iter()
        .map(|event| format!("{} {}", event.register, event.what))
        .collect();
    let expected = [
        "RTMR0 TD HOB of 2048 MiB",
        "RTMR0 variable store (CFV) of the firmware",
        "RTMR0 BootMenu of the host",
        "RTMR0 bootorder of the host",
        "RTMR0 variable SecureBoot: absent",
        "RTMR0 variable PK: absent",
        "RTMR0 variable KEK: absent",
        "RTMR0 variable db: absent",
        "RTMR0 variable dbx: absent",
        "RTMR0 separator",
        "RTMR0 etc/table-loader of the host",
        "RTMR0 etc/acpi/rsdp of the host",
        "RTMR0 etc/acpi/tables of the host",
        "RTMR1 kernel",
        "RTMR0 SMBIOS tables",
        "RTMR0 variable BootOrder",
        "RTMR0 variable Boot0000: UiApp",
        "RTMR1 Calling EFI Application from Boot Option",
        "RTMR1 separator",
        "RTMR2 command line",
        "RTMR2 initrd",
        "RTMR1 Exit Boot Services Invocation",
        "RTMR1 Exit Boot Services Returned with Success",
    ];
    assert_eq!(found, expected);
    // The load options as a guest's kernel printed them under the pinned firmware: OVMF's word first.
    let options: Vec<u8> = "initrd=initrd console=ttyS0 panic=-1\0"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    let event = machine
        .events()
        .into_iter()
        .find(|event| event.what == "command line")
        .unwrap();
    assert_eq!(event.digest, <[u8; 48]>::from(Sha384::digest(options)));
    // Without a host, what the files show is the same, and the host's events are missing.
    let of_files = machine.events_of_files();
    let rest: Vec<Event> = machine
        .events()
        .into_iter()
        .filter(|event| !event.what.ends_with("of the host") && event.what != "SMBIOS tables")
        .collect();
    assert_eq!(of_files, rest);
}

/// Which of MRTD, RTMR0, RTMR1, RTMR2 differ.
fn moved(bend: impl FnOnce(&mut Machine)) -> Vec<usize> {
    let measure = |machine: &Machine| {
        let registers = replay(&machine.events());
        let first = mrtd(
            &Tdvf::parse(&machine.firmware).unwrap(),
            PageOrder::PageByPage,
        );
        let [rtmr0, rtmr1, rtmr2, rtmr3] = registers.0;
        assert_eq!(rtmr3, [0; 48]);
        [first, rtmr0, rtmr1, rtmr2]
    };
    let honest = measure(&Machine::small());
    let mut bent = Machine::small();
    bend(&mut bent);
    let found = measure(&bent);
    (0..4).filter(|n| honest[*n] != found[*n]).collect()
}

#[test]
fn each_input_moves_its_register_and_no_other() {
    let (mrtd, rtmr0, rtmr1, rtmr2) = (0, 1, 2, 3);
    let kernel_size = Machine::small().kernel.len();
    for at in [2, 0x30, 0x1f0, 0x300, kernel_size / 2, kernel_size - 1] {
        assert_eq!(moved(|m| m.kernel[at] ^= 1), [rtmr1], "kernel, byte {at}");
    }
    assert_eq!(moved(|m| m.kernel.push(0)), [rtmr1], "a longer kernel");
    assert_eq!(moved(|m| m.initrd[0] ^= 1), [rtmr2], "initrd");
    assert_eq!(
        moved(|m| *m.initrd.last_mut().unwrap() ^= 1),
        [rtmr2],
        "initrd's end"
    );
    assert_eq!(moved(|m| m.cmdline.push(' ')), [rtmr2], "command line");
    assert_eq!(
        moved(|m| m.cmdline = m.cmdline.replace("-1", "-2")),
        [rtmr2],
        "command line"
    );
    assert_eq!(
        moved(|m| m.firmware[0x1234] ^= 1),
        [mrtd],
        "firmware's code"
    );
    assert_eq!(
        moved(|m| m.firmware[0x123] ^= 1),
        [rtmr0],
        "firmware's variable store"
    );
    assert_eq!(moved(|m| m.memory_mib += 1), [rtmr0], "memory");
    for name in [
        "etc/table-loader",
        "etc/acpi/tables",
        "etc/acpi/rsdp",
        "BootMenu",
        "bootorder",
    ] {
        assert_eq!(
            moved(|m| *m.host.get_mut(name).unwrap().last_mut().unwrap() ^= 1),
            [rtmr0],
            "{name}"
        );
    }
    assert_eq!(
        moved(|m| drop(m.host.remove("bootorder"))),
        [rtmr0],
        "one setting less"
    );
    assert_eq!(
        moved(|m| drop(m.host.insert("etc/extra-pci-roots".into(), vec![1; 8]))),
        [rtmr0],
        "one setting more"
    );
    assert_eq!(
        moved(|m| drop(m.host.insert("opt/ovmf/X-PciMmio64Mb".into(), vec![]))),
        [0; 0],
        "an empty setting"
    );
    assert_eq!(
        moved(|m| m.profile.boot_options.clear()),
        [rtmr0],
        "boot options"
    );
    // SMBIOS: a version string is measured, a serial number is not.
    assert_eq!(
        moved(|m| m.smbios_text("Standard PC", "Standard PD")),
        [rtmr0],
        "product"
    );
    assert_eq!(
        moved(|m| m.smbios_text("SN-1", "SN-2")),
        [0; 0],
        "serial number"
    );
}
