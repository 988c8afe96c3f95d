//! TDX firmware: the pinned image's measurement, and images that are refused.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_possible_truncation
)]

mod real;
mod tdvf;

use cloister_digest::tdx::{MAX_FIRMWARE, PageOrder, SectionKind, Tdvf, TdvfError, mrtd};
use cloister_verify::release::Hex;
use tdvf::{FROM_END, Record, SIZE, image, records};

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
