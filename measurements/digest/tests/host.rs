//! What a host gives to a trust domain: memory and tables, and what cannot be measured.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_possible_truncation
)]

mod direct;
mod tdvf;

use cloister_digest::tdx::{HobError, HostError, HostTables, LaunchError, Tdvf, td_hob};
use direct::Machine;
use std::collections::BTreeMap;

/// A host's files by name.
type HostFiles = BTreeMap<String, Vec<u8>>;

#[test]
fn memory_is_laid_out_as_qemu_does() {
    let image = tdvf::image(&tdvf::sections_of_dstack());
    let firmware = Tdvf::parse(&image).unwrap();
    let ranges = |memory| -> Vec<(u32, u64, u64)> {
        let list = td_hob(&firmware, memory).unwrap();
        let number = |at: usize| u64::from_le_bytes(list[at..at + 8].try_into().unwrap());
        assert_eq!(
            number(48),
            0x80_9000 + list.len() as u64 + 8,
            "the list's end"
        );
        (56..list.len())
            .step_by(48)
            .map(|at| {
                (
                    u32::from_le_bytes(list[at + 24..at + 28].try_into().unwrap()),
                    number(at + 32),
                    number(at + 40),
                )
            })
            .collect()
    };
    let low = [
        (7, 0, 0x80_0000),
        (0, 0x80_0000, 0x6000),
        (7, 0x80_6000, 0x3000),
        (0, 0x80_9000, 0x2000),
        (0, 0x80_b000, 0x2000),
        (7, 0x80_d000, 0x3000),
        (0, 0x81_0000, 0x1_0000),
    ];
    let with = |rest: &[(u32, u64, u64)]| [&low[..], rest].concat();
    assert_eq!(
        ranges(2815),
        with(&[(7, 0x82_0000, 0xaff0_0000 - 0x82_0000)]),
        "all below 4 GiB"
    );
    assert_eq!(
        ranges(2816),
        with(&[
            (7, 0x82_0000, 0x8000_0000 - 0x82_0000),
            (7, 1 << 32, 0x3000_0000)
        ]),
        "split at 2 GiB"
    );
    for (memory, error) in [
        (0, HobError::Memory { found: 0 }),
        (u64::MAX, HobError::Memory { found: u64::MAX }),
        (8, HobError::Section { address: 0x80_0000 }),
    ] {
        assert_eq!(td_hob(&firmware, memory), Err(error));
    }
    let mut two = tdvf::sections_of_dstack();
    two[5].4 = 2;
    let image = tdvf::image(&two);
    assert_eq!(
        td_hob(&Tdvf::parse(&image).unwrap(), 2048),
        Err(HobError::NoPlace)
    );
}

#[test]
fn what_cannot_be_measured_is_an_error() {
    let fails = |bend: fn(&mut Machine)| {
        let mut machine = Machine::small();
        bend(&mut machine);
        machine.try_events().unwrap_err()
    };
    assert!(matches!(
        fails(|m| m.kernel.truncate(100)),
        LaunchError::Kernel(_)
    ));
    assert_eq!(fails(|m| m.initrd.clear()), LaunchError::NoInitrd);
    assert_eq!(fails(|m| m.cmdline.push('\n')), LaunchError::Cmdline);
    assert!(matches!(fails(|m| m.memory_mib = 4), LaunchError::Hob(_)));
    let mut stores = tdvf::records();
    stores.remove(1);
    let image = tdvf::image(&stores);
    let mut machine = Machine::small();
    machine.firmware = image;
    assert_eq!(
        machine.try_events().unwrap_err(),
        LaunchError::VariableStore
    );
}

/// A5, A51: a host's files are its own word; whatever is in them, there is an error or something to measure.
#[test]
fn a5_a51_hostile_host_tables_are_errors() {
    let good = Machine::small().host;
    let with = |bend: &dyn Fn(&mut HostFiles)| {
        let mut files = good.clone();
        bend(&mut files);
        HostTables::new(files).map(drop)
    };
    for name in [
        "etc/table-loader",
        "etc/acpi/tables",
        "etc/acpi/rsdp",
        "BootMenu",
        "smbios",
    ] {
        let error = with(&|files| drop(files.remove(name))).unwrap_err();
        assert_eq!(
            error,
            HostError::Missing {
                name: name.to_owned()
            }
        );
    }
    for (name, size) in [
        ("BootMenu", 3),
        ("etc/extra-pci-roots", 7),
        ("etc/reserved-memory-end", 0),
        ("bootorder", (1 << 20) + 1),
    ] {
        let error = with(&|files| drop(files.insert(name.to_owned(), vec![0; size]))).unwrap_err();
        assert_eq!(
            error,
            HostError::Size {
                name: name.to_owned(),
                found: size
            }
        );
    }
    let error = with(&|files| drop(files.insert("etc/e820".to_owned(), vec![0; 4]))).unwrap_err();
    assert_eq!(
        error,
        HostError::Unknown {
            name: "etc/e820".to_owned()
        }
    );
    let loader = |bend: fn(&mut Vec<u8>)| {
        with(&move |files| bend(files.get_mut("etc/table-loader").unwrap()))
    };
    for (what, bend) in [
        ("half a command", (|l| l.truncate(300)) as fn(&mut Vec<u8>)),
        ("nothing to fetch", |l| l.fill(0)),
        ("a name without end", |l| l[4..60].fill(b'a')),
        ("no name", |l| l[4] = 0),
        ("a way out", |l| l[4..12].copy_from_slice(b"../x/y\0\0")),
        ("an absolute path", |l| l[4..8].copy_from_slice(b"/etc")),
        ("a file twice", |l| l.copy_within(0..128, 128)),
        ("too many files", |l| {
            *l = (0..17u8)
                .flat_map(|n| {
                    let mut c = vec![0; 128];
                    c[0] = 1;
                    c[4] = b'a' + n;
                    c
                })
                .collect();
        }),
    ] {
        assert_eq!(loader(bend), Err(HostError::Loader), "{what}");
    }
    // SMBIOS: every cut and every flipped bit is an error or a table.
    let structures = good["smbios"].clone();
    for cut in 0..structures.len() {
        let cut_short = with(&|files| files.get_mut("smbios").unwrap().truncate(cut));
        assert!(
            matches!(cut_short, Err(HostError::Smbios(_))),
            "cut at {cut}"
        );
    }
    for at in 0..structures.len() * 8 {
        let mut bent = structures.clone();
        bent[at / 8] ^= 1 << (at % 8);
        if let Ok(measured) = cloister_digest::tdx::filtered(&bent) {
            assert_eq!(measured.len(), bent.len());
        }
    }
    assert!(
        with(&|files| files.get_mut("smbios").unwrap().push(0)).is_err(),
        "bytes behind the end"
    );
}
