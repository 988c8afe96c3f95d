//! The measurements of a trust domain of Intel TDX, from files.

mod firmware;
mod mrtd;

pub use firmware::{
    MAX_FIRMWARE, MAX_SECTION_BYTES, MAX_SECTIONS, Section, SectionKind, Tdvf, TdvfError,
};
pub use mrtd::{PageOrder, mrtd};
