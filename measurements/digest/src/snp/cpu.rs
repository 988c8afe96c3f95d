//! The CPU models that QEMU offers for SEV-SNP, and the signature that each puts into `EDX` at reset.

use core::fmt;

/// A CPU model by QEMU's name for it. Only its signature is measured, so models of one generation share their digests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CpuType(&'static Model);

/// One line of the table.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Model {
    name: &'static str,
    family: u32,
    model: u32,
    stepping: u32,
}

const fn model(name: &'static str, family: u32, model: u32, stepping: u32) -> Model {
    Model {
        name,
        family,
        model,
        stepping,
    }
}

/// QEMU's `builtin_x86_defs`, the models with SEV-SNP; the union of what sev-snp-measure 0.0.13 and the `sev` crate 8.0.0 know.
static MODELS: [Model; 18] = [
    model("EPYC", 23, 1, 2),
    model("EPYC-v1", 23, 1, 2),
    model("EPYC-v2", 23, 1, 2),
    model("EPYC-IBPB", 23, 1, 2),
    model("EPYC-v3", 23, 1, 2),
    model("EPYC-v4", 23, 1, 2),
    model("EPYC-Rome", 23, 49, 0),
    model("EPYC-Rome-v1", 23, 49, 0),
    model("EPYC-Rome-v2", 23, 49, 0),
    model("EPYC-Rome-v3", 23, 49, 0),
    model("EPYC-Milan", 25, 1, 1),
    model("EPYC-Milan-v1", 25, 1, 1),
    model("EPYC-Milan-v2", 25, 1, 1),
    model("EPYC-Genoa", 25, 17, 0),
    model("EPYC-Genoa-v1", 25, 17, 0),
    model("EPYC-Turin", 26, 0, 0),
    model("EPYC-Turin-v1", 26, 0, 0),
    model("EPYC-Turin-v2", 26, 0, 0),
];

/// A name that is in no line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownCpu;

impl fmt::Display for UnknownCpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unknown CPU type; known are")?;
        for known in CpuType::all() {
            write!(f, " {known}")?;
        }
        Ok(())
    }
}

impl core::error::Error for UnknownCpu {}

impl CpuType {
    /// Finds a model by QEMU's exact spelling.
    ///
    /// # Errors
    /// [`UnknownCpu`] when no line has this name.
    pub fn parse(name: &str) -> Result<Self, UnknownCpu> {
        MODELS
            .iter()
            .find(|m| m.name == name)
            .map(CpuType)
            .ok_or(UnknownCpu)
    }

    /// Every known model, in the table's order.
    pub fn all() -> impl Iterator<Item = Self> {
        MODELS.iter().map(CpuType)
    }

    /// QEMU's name.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.0.name
    }

    /// `CPUID Fn0000_0001_EAX` (AMD 25481): the value that is measured.
    #[must_use]
    pub fn signature(self) -> u32 {
        let Model {
            family,
            model,
            stepping,
            ..
        } = *self.0;
        let extended_family = family.saturating_sub(0xf) & 0xff;
        (extended_family << 20)
            | (((model >> 4) & 0xf) << 16)
            | (family.min(0xf) << 8)
            | ((model & 0xf) << 4)
            | (stepping & 0xf)
    }
}

impl fmt::Display for CpuType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn signatures_are_those_of_the_parts() {
        for (name, signature) in [
            ("EPYC-v4", 0x0080_0f12),
            ("EPYC-Rome", 0x0083_0f10),
            ("EPYC-Milan", 0x00a0_0f11),
            ("EPYC-Genoa", 0x00a1_0f10),
            ("EPYC-Turin", 0x00b0_0f00),
        ] {
            assert_eq!(
                CpuType::parse(name).unwrap().signature(),
                signature,
                "{name}"
            );
        }
        for bad in ["", "epyc", "EPYC-v5 ", "Skylake"] {
            assert_eq!(CpuType::parse(bad), Err(UnknownCpu), "{bad:?}");
        }
    }
}
