//! The initial state of a virtual CPU as its launcher sets it: AMD APM volume 2, table B-4 (`VMSA`).

use super::Launcher;
use super::page::PAGE;

/// Where the boot processor starts: the reset vector.
pub(crate) const BOOT_EIP: u32 = 0xffff_fff0;

/// One page, written field by field at the offsets of the table; every other byte is zero.
struct Page([u8; PAGE]);

impl Page {
    fn put(&mut self, offset: usize, bytes: &[u8]) {
        for (to, from) in self.0.iter_mut().skip(offset).zip(bytes) {
            *to = *from;
        }
    }

    fn segment(&mut self, offset: usize, segment: Segment) {
        self.put(offset, &segment.selector.to_le_bytes());
        self.put(offset.saturating_add(2), &segment.attributes.to_le_bytes());
        self.put(offset.saturating_add(4), &segment.limit.to_le_bytes());
        self.put(offset.saturating_add(8), &segment.base.to_le_bytes());
    }
}

/// A segment register (APM volume 2, section 15.5.1).
struct Segment {
    selector: u16,
    attributes: u16,
    limit: u32,
    base: u64,
}

/// A segment of 64 KiB at 0, as at reset.
const fn flat(attributes: u16) -> Segment {
    Segment {
        selector: 0,
        attributes,
        limit: 0xffff,
        base: 0,
    }
}

/// Registers that launchers set differently (sev-snp-measure 0.0.13, `vmsa.py`).
struct Reset {
    /// Page attribute table.
    pat: u64,
    /// What `CPUID` would say in `EAX`, or what the launcher puts there.
    rdx: u32,
    mxcsr: u32,
    x87_control: u16,
}

impl Reset {
    fn of(launcher: Launcher, cpu_signature: u32) -> Self {
        match launcher {
            Launcher::Qemu => Self {
                pat: 0x0007_0406_0007_0406,
                rdx: cpu_signature,
                mxcsr: 0x1f80,
                x87_control: 0x037f,
            },
            Launcher::Gce => Self {
                pat: 0x0007_0106,
                rdx: 0x600,
                mxcsr: 0,
                x87_control: 0,
            },
        }
    }
}

/// The page of a CPU that starts at `eip` with these SEV features; `cpu_signature` goes into `EDX` where the launcher does so.
pub(crate) fn page(
    launcher: Launcher,
    eip: u32,
    cpu_signature: u32,
    guest_features: u64,
) -> [u8; PAGE] {
    let reset = Reset::of(launcher, cpu_signature);
    let mut page = Page([0; PAGE]);
    let code = Segment {
        selector: 0xf000,
        base: u64::from(eip & 0xffff_0000),
        ..flat(0x9b)
    };
    page.segment(0x00, flat(0x93)); // ES
    page.segment(0x10, code); // CS
    page.segment(0x20, flat(0x93)); // SS
    page.segment(0x30, flat(0x93)); // DS
    page.segment(0x40, flat(0x93)); // FS
    page.segment(0x50, flat(0x93)); // GS
    page.segment(0x60, flat(0)); // GDTR
    page.segment(0x70, flat(0x82)); // LDTR
    page.segment(0x80, flat(0)); // IDTR
    page.segment(0x90, flat(0x8b)); // TR
    page.put(0xd0, &0x1000u64.to_le_bytes()); // EFER: KVM sets SVME
    page.put(0x148, &0x40u64.to_le_bytes()); // CR4: KVM sets MCE
    page.put(0x158, &0x10u64.to_le_bytes()); // CR0: ET
    page.put(0x160, &0x400u64.to_le_bytes()); // DR7
    page.put(0x168, &0xffff_0ff0u64.to_le_bytes()); // DR6
    page.put(0x170, &0x2u64.to_le_bytes()); // RFLAGS
    page.put(0x178, &u64::from(eip & 0xffff).to_le_bytes()); // RIP
    page.put(0x268, &reset.pat.to_le_bytes()); // PAT
    page.put(0x310, &u64::from(reset.rdx).to_le_bytes()); // RDX
    page.put(0x3b0, &guest_features.to_le_bytes()); // SEV_FEATURES
    page.put(0x3e8, &0x1u64.to_le_bytes()); // XCR0
    page.put(0x408, &reset.mxcsr.to_le_bytes()); // MXCSR
    page.put(0x410, &reset.x87_control.to_le_bytes()); // x87 control word
    page.0
}
