//! MRTD: the measurement of what is in a trust domain's memory before it starts (Intel TDX Module ABI, `TDH.MEM.PAGE.ADD`,
//! `TDH.MR.EXTEND`).

use super::firmware::{PAGE, Section, Tdvf};
use core::fmt;
use sha2::{Digest, Sha384};

/// Bytes of the block that describes an operation.
const BLOCK: usize = 128;
/// Bytes of content that one extension measures.
const CHUNK: usize = 256;

/// In which order a launcher adds the pages of a section and extends the measurement with their content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PageOrder {
    /// Each page is added and then measured: KVM since Linux 6.16 (`tdx_gmem_post_populate`), under QEMU 10.1 and later.
    PageByPage,
    /// All pages of a section are added, then all are measured: the kernels with Intel's patches from before that.
    SectionBySection,
}

impl PageOrder {
    /// Both.
    pub const ALL: [Self; 2] = [Self::PageByPage, Self::SectionBySection];
}

impl fmt::Display for PageOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::PageByPage => "page-by-page",
            Self::SectionBySection => "section-by-section",
        })
    }
}

/// MRTD of a trust domain that starts with this firmware.
#[must_use]
pub fn mrtd(firmware: &Tdvf<'_>, order: PageOrder) -> [u8; 48] {
    let mut hash = Sha384::new();
    for section in firmware.sections().iter().filter(|s| !s.augmented) {
        let pages = || (0..section.size / PAGE).map(|page| page.saturating_mul(PAGE));
        match order {
            PageOrder::PageByPage => {
                for offset in pages() {
                    add(&mut hash, section, offset);
                    extend(&mut hash, section, offset);
                }
            }
            PageOrder::SectionBySection => {
                pages().for_each(|offset| add(&mut hash, section, offset));
                pages().for_each(|offset| extend(&mut hash, section, offset));
            }
        }
    }
    hash.finalize().into()
}

/// The block of an operation: its name, zeroes, and the guest physical address at byte 16.
fn block(name: &[u8], address: u64) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    let fields = name.iter().copied().zip(0usize..);
    for (byte, at) in fields.chain(address.to_le_bytes().into_iter().zip(16..)) {
        if let Some(slot) = block.get_mut(at) {
            *slot = byte;
        }
    }
    block
}

fn add(hash: &mut Sha384, section: &Section<'_>, offset: u64) {
    hash.update(block(
        b"MEM.PAGE.ADD",
        section.address.saturating_add(offset),
    ));
}

fn extend(hash: &mut Sha384, section: &Section<'_>, offset: u64) {
    if !section.extended {
        return;
    }
    for chunk in (0..PAGE).step_by(CHUNK) {
        let offset = offset.saturating_add(chunk);
        hash.update(block(b"MR.EXTEND", section.address.saturating_add(offset)));
        let rest = usize::try_from(offset)
            .ok()
            .and_then(|offset| section.data.get(offset..))
            .unwrap_or_default();
        // Memory behind the data is zero.
        let data = rest.get(..CHUNK).unwrap_or(rest);
        hash.update(data);
        hash.update([0; CHUNK].get(data.len()..).unwrap_or_default());
    }
}
