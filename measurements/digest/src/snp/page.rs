//! The chain of measured pages: AMD 56860 section 8.17.2, table 67 (`PAGE_INFO`).

use sha2::{Digest, Sha384};

/// Bytes of one measured page.
pub(crate) const PAGE: usize = 4096;
/// Where the `VMSA` pages are recorded: the address `-1` page-aligned, with the bits above 51 cleared.
const VMSA_GPA: u64 = 0xffff_ffff_f000;
/// `PAGE_INFO.LENGTH`: 0x70 bytes, little-endian.
const PAGE_INFO_LENGTH: [u8; 2] = [0x70, 0];
/// What stands in place of a content hash where the content is not the launcher's to choose.
const NO_CONTENT: [u8; 48] = [0; 48];

/// `PAGE_INFO.PAGE_TYPE` (AMD 56860 table 66): content measured.
const NORMAL: u8 = 1;
/// Initial state of a virtual CPU.
const VMSA: u8 = 2;
/// Known to be zero.
const ZERO: u8 = 3;
/// Given to the guest without being measured.
const UNMEASURED: u8 = 4;
/// Filled by the secure processor.
const SECRETS: u8 = 5;
/// CPUID table, checked by the secure processor.
const CPUID: u8 = 6;

/// The running launch digest; each page replaces it by the hash over itself and the page's record.
#[derive(Clone)]
pub(crate) struct Chain([u8; 48]);

impl Chain {
    /// Starts from a digest: all zero for a fresh launch, or the digest after the firmware pages.
    pub(crate) fn starting_at(digest: [u8; 48]) -> Self {
        Self(digest)
    }

    /// The digest over everything that was added.
    pub(crate) fn digest(&self) -> [u8; 48] {
        self.0
    }

    fn add(&mut self, page_type: u8, gpa: u64, content_sha384: &[u8; 48]) {
        // Previous digest, content hash, length, type, then IMI flag and the permissions of VMPL 3 to 1 and one reserved byte
        // (all zero at launch under QEMU), and the guest physical address.
        let mut record = Sha384::new();
        record.update(self.0);
        record.update(content_sha384);
        record.update(PAGE_INFO_LENGTH);
        record.update([page_type, 0, 0, 0, 0, 0]);
        record.update(gpa.to_le_bytes());
        self.0 = record.finalize().into();
    }

    /// Adds pages whose content is measured. `data` is a whole number of pages; a rest shorter than a page would be measured as
    /// a short page, which no hardware does, so callers check the length first.
    pub(crate) fn add_normal(&mut self, gpa: u64, data: &[u8]) {
        debug_assert!(data.len().is_multiple_of(PAGE), "whole pages only");
        for (page, address) in data.chunks(PAGE).zip(page_addresses(gpa)) {
            self.add(NORMAL, address, &Sha384::digest(page).into());
        }
    }

    /// Adds `pages` pages of zero bytes.
    pub(crate) fn add_zero(&mut self, gpa: u64, pages: usize) {
        for address in page_addresses(gpa).take(pages) {
            self.add(ZERO, address, &NO_CONTENT);
        }
    }

    /// Adds `pages` pages whose content is not measured, only that they are there.
    pub(crate) fn add_unmeasured(&mut self, gpa: u64, pages: usize) {
        for address in page_addresses(gpa).take(pages) {
            self.add(UNMEASURED, address, &NO_CONTENT);
        }
    }

    /// Adds the page into which the secure processor writes the guest's secrets.
    pub(crate) fn add_secrets(&mut self, gpa: u64) {
        self.add(SECRETS, gpa, &NO_CONTENT);
    }

    /// Adds the page with the CPUID table, whose content the secure processor checks but does not measure.
    pub(crate) fn add_cpuid(&mut self, gpa: u64) {
        self.add(CPUID, gpa, &NO_CONTENT);
    }

    /// Adds the initial state of one virtual CPU.
    pub(crate) fn add_vmsa(&mut self, content: &[u8; PAGE]) {
        self.add(VMSA, VMSA_GPA, &Sha384::digest(content).into());
    }
}

/// `gpa`, `gpa + 4096`, … without overflow: addresses here lie below 4 GiB.
fn page_addresses(gpa: u64) -> impl Iterator<Item = u64> {
    (0u64..).map(move |n| gpa.saturating_add(n.saturating_mul(0x1000)))
}
