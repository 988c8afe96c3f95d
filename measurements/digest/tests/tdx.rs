//! TDX firmware: the pinned image's measurement, and images that are refused.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_possible_truncation
)]

mod real;

use cloister_digest::tdx::{MAX_FIRMWARE, PageOrder, SectionKind, Tdvf, TdvfError, mrtd};
use cloister_verify::release::Hex;

const FOOTER: [u8; 16] = [
    0xde, 0x82, 0xb5, 0x96, 0xb2, 0x1f, 0xf7, 0x45, 0xba, 0xea, 0xa3, 0x66, 0xc5, 0x5a, 0x08, 0x2d,
];
const TDX_METADATA: [u8; 16] = [
    0x35, 0x65, 0x7a, 0xe4, 0x4a, 0x98, 0x98, 0x47, 0x86, 0x5e, 0x46, 0x85, 0xa7, 0xbf, 0x8e, 0xc2,
];
/// How far before the end of the image the metadata starts.
const FROM_END: usize = 0x800;
const SIZE: usize = 0x3000;

/// Data offset, data size, address, memory size, type, attributes.
type Record = (u32, u32, u64, u64, u32, u32);

/// One page of code with half a page of data behind it, a variable store, a list of memory and a stack.
fn records() -> Vec<Record> {
    vec![
        (0x1000, 0x1800, 0xffff_e000, 0x2000, 0, 1),
        (0, 0x1000, 0xffff_d000, 0x1000, 1, 0),
        (0, 0, 0x80_9000, 0x2000, 2, 0),
        (0, 0, 0x81_0000, 0x3000, 3, 0),
    ]
}

fn image(records: &[Record]) -> Vec<u8> {
    let mut bytes: Vec<u8> = (0..SIZE).map(|n| (n as u8).wrapping_mul(31)).collect();
    let mut metadata = b"TDVF".to_vec();
    for number in [16 + 32 * records.len() as u32, 1, records.len() as u32] {
        metadata.extend(number.to_le_bytes());
    }
    for (offset, raw, address, size, kind, attributes) in records {
        metadata.extend(offset.to_le_bytes());
        metadata.extend(raw.to_le_bytes());
        metadata.extend(address.to_le_bytes());
        metadata.extend(size.to_le_bytes());
        metadata.extend(kind.to_le_bytes());
        metadata.extend(attributes.to_le_bytes());
    }
    let start = SIZE - FROM_END;
    bytes[start..start + metadata.len()].copy_from_slice(&metadata);
    let table = [
        &(FROM_END as u32).to_le_bytes()[..],
        &22u16.to_le_bytes(),
        &TDX_METADATA,
        &40u16.to_le_bytes(),
        &FOOTER,
    ]
    .concat();
    let start = SIZE - 32 - table.len();
    bytes[start..start + table.len()].copy_from_slice(&table);
    bytes
}

fn both(image: &[u8]) -> [[u8; 48]; 2] {
    let tdvf = Tdvf::parse(image).unwrap();
    PageOrder::ALL.map(|order| mrtd(&tdvf, order))
}

/// As a second program (Python, written from the module's ABI) computes them. No trust domain with this firmware was at hand, so
/// which of the two a host reports is known from its source code only.
#[test]
fn mrtd_of_the_pinned_firmware() {
    let Some(path) = real::firmware("OVMF.fd") else {
        return;
    };
    let image = std::fs::read(path).unwrap();
    let found = both(&image).map(|mrtd| Hex(mrtd).to_string());
    let expected = [
        "ab742989d480d040f178cf83c3ae0734f923dbddb7325b4a826e0d87c30cb299aff85beb23ad30a1c6f975a8d0ce3e7a",
        "d137701167ce1e42b0cce3e4e9d658f0caa19591aa5787014f2ff8a89057d81597e4fa7f0990813882525937e8191d1e",
    ];
    assert_eq!(found, expected);
}

#[test]
fn what_is_measured_moves_the_measurement_and_nothing_else_does() {
    let good = both(&image(&records()));
    assert_ne!(good[0], good[1], "the order is measured");
    let tdvf = image(&records());
    let kinds: Vec<_> = Tdvf::parse(&tdvf)
        .unwrap()
        .sections()
        .iter()
        .map(|section| section.kind)
        .collect();
    use SectionKind::{Bfv, Cfv, TdHob, TempMem};
    assert_eq!(kinds, [Bfv, Cfv, TdHob, TempMem]);

    let mut code = image(&records());
    code[0x1234] ^= 1;
    assert_ne!(both(&code)[0], good[0], "code");
    let mut variables = image(&records());
    variables[0x123] ^= 1;
    assert_eq!(
        both(&variables),
        good,
        "the variable store is measured when it is used"
    );
    for bend in [
        |r: &mut Record| r.2 += 0x1000,
        |r: &mut Record| r.3 += 0x1000,
    ] {
        let mut moved = records();
        bend(&mut moved[3]);
        assert_ne!(both(&image(&moved))[0], good[0], "where memory is");
    }
    // Pages that are not there at launch are not measured.
    let mut more = records();
    more.push((0, 0, 0x100_0000, 0x1000, 4, 2));
    let grown = both(&image(&more));
    more[4].2 += 0x1000;
    assert_eq!(both(&image(&more)), grown);
}

/// A5, A51: firmware of unknown origin is an error, never a panic or a great allocation.
#[test]
fn a5_a51_hostile_images_are_errors() {
    let with = |place: usize, record: Record| {
        let mut bent = records();
        bent[place] = record;
        Tdvf::parse(&image(&bent)).map(|_| ())
    };
    for (what, place, record) in [
        (
            "a kind that is unknown",
            0,
            (0x1000, 0x1000, 0xffff_e000, 0x2000, 7, 1),
        ),
        (
            "attributes that are unknown",
            0,
            (0x1000, 0x1000, 0xffff_e000, 0x2000, 0, 4),
        ),
        (
            "code that is not there",
            0,
            (0, 0, 0xffff_e000, 0x2000, 0, 1),
        ),
        (
            "code behind the image",
            0,
            (0x2000, 0x1001, 0xffff_e000, 0x2000, 0, 1),
        ),
        (
            "code at the end of numbers",
            0,
            (u32::MAX, u32::MAX, 0, !0xfff, 0, 1),
        ),
        (
            "more data than memory",
            0,
            (0, 0x3000, 0xffff_e000, 0x2000, 0, 1),
        ),
        ("half a page", 3, (0, 0, 0x81_0000, 0x800, 3, 0)),
        ("no memory", 3, (0, 0, 0x81_0000, 0, 3, 0)),
        ("an odd address", 3, (0, 0, 0x81_0010, 0x1000, 3, 0)),
        ("an address of no machine", 3, (0, 0, 1 << 52, 0x1000, 3, 0)),
        (
            "a stack with content",
            3,
            (0, 0x100, 0x81_0000, 0x1000, 3, 0),
        ),
        (
            "absent pages that are measured",
            3,
            (0, 0, 0x81_0000, 0x1000, 4, 3),
        ),
        ("an overlap", 3, (0, 0, 0x80_a000, 0x1000, 3, 0)),
        ("too much memory", 3, (0, 0, 0x81_0000, 1 << 30, 3, 0)),
    ] {
        assert!(with(place, record).is_err(), "{what}");
    }
    assert_eq!(
        Tdvf::parse(&vec![0; MAX_FIRMWARE + 1]).map(|_| ()),
        Err(TdvfError::Size {
            found: MAX_FIRMWARE + 1
        })
    );
    assert!(
        Tdvf::parse(&image(&vec![records()[3]; 33])).is_err(),
        "too many"
    );
    assert!(Tdvf::parse(&image(&[])).is_err(), "none");
    let whole = image(&records());
    for cut in 0..SIZE {
        assert!(Tdvf::parse(&whole[..cut]).is_err(), "cut at {cut}");
    }
    // Every bit of table and metadata: an error or another image, and whatever is read can be measured.
    for at in (SIZE - FROM_END..SIZE - FROM_END + 16 + 32 * 4).chain(SIZE - 72..SIZE - 32) {
        for bit in 0..8 {
            let mut bent = whole.clone();
            bent[at] ^= 1 << bit;
            if let Ok(tdvf) = Tdvf::parse(&bent) {
                assert_ne!(mrtd(&tdvf, PageOrder::PageByPage), [0; 48]);
            }
        }
    }
}
