//! TDX measurements of real firmware.
#![allow(missing_docs, clippy::unwrap_used)]

mod real;

use cloister_digest::tdx::{PageOrder, Tdvf, mrtd};

#[test]
fn mrtd_of_the_pinned_firmware() {
    let Some(path) = real::firmware("OVMF.fd") else {
        return;
    };
    let image = std::fs::read(path).unwrap();
    let tdvf = Tdvf::parse(&image).unwrap();
    for s in tdvf.sections() {
        eprintln!(
            "{:?} {:#x} {:#x} {} {} {}",
            s.kind,
            s.address,
            s.size,
            s.data.len(),
            s.extended,
            s.augmented
        );
    }
    for order in PageOrder::ALL {
        eprintln!(
            "{order} {}",
            cloister_verify::release::Hex(mrtd(&tdvf, order))
        );
    }
}
