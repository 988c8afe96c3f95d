//! Which processor: from the report's CPUID fields (version 3 and later) and from the certificate's product name.

use serde::Deserialize;
use std::fmt;

/// `CPUID_FAM_ID`, `CPUID_MOD_ID`, `CPUID_STEP`: the combined family and model of CPUID leaf 1, and the stepping.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cpuid {
    /// Family, base and extended added.
    pub family: u8,
    /// Model, base and extended joined.
    pub model: u8,
    /// Stepping.
    pub stepping: u8,
}

impl fmt::Display for Cpuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{:02x}/{:02x}/{:02x}",
            self.family, self.model, self.stepping
        )
    }
}

/// A server processor with SEV-SNP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Product {
    /// EPYC 7003.
    Milan,
    /// EPYC 9004 (and 9004X).
    Genoa,
    /// EPYC 97x4 and 8004 (Bergamo and Siena): their own models under Genoa's certificates.
    Bergamo,
    /// EPYC 9005.
    Turin,
    /// EPYC 9005 with dense cores.
    TurinDense,
}

/// The products that share a root certificate and a layout of the TCB version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Line {
    /// Milan.
    Milan,
    /// Genoa, Bergamo and Siena.
    Genoa,
    /// Turin in both densities.
    Turin,
}

impl Product {
    /// The product of a CPUID, by AMD's model ranges (AMD 57230, table of product names).
    #[must_use]
    pub fn of_cpuid(cpuid: Cpuid) -> Option<Self> {
        match (cpuid.family, cpuid.model) {
            (0x19, 0x00..=0x0f) => Some(Self::Milan),
            (0x19, 0x10..=0x1f) => Some(Self::Genoa),
            (0x19, 0xa0..=0xaf) => Some(Self::Bergamo),
            (0x1a, 0x00..=0x0f) => Some(Self::Turin),
            (0x1a, 0x10..=0x1f) => Some(Self::TurinDense),
            _ => None,
        }
    }

    /// The product of a certificate's name: `Milan-B0`, `Genoa`, `Turin`. The part after the hyphen is a silicon revision that AMD
    /// writes as `B0` for all of Milan, so it identifies no stepping and is only checked for its form.
    #[must_use]
    pub fn of_certificate(name: &str) -> Option<Self> {
        let base = match name.split_once('-') {
            None => name,
            Some((base, revision)) => match revision.as_bytes() {
                [b'A'..=b'Z', b'0'..=b'9'] => base,
                _ => return None,
            },
        };
        match base {
            "Milan" => Some(Self::Milan),
            "Genoa" => Some(Self::Genoa),
            "Bergamo" | "Siena" => Some(Self::Bergamo),
            "Turin" => Some(Self::Turin),
            _ => None,
        }
    }

    /// The line that the product belongs to.
    #[must_use]
    pub fn line(self) -> Line {
        match self {
            Self::Milan => Line::Milan,
            Self::Genoa | Self::Bergamo => Line::Genoa,
            Self::Turin | Self::TurinDense => Line::Turin,
        }
    }
}

impl fmt::Display for Product {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Milan => "Milan",
            Self::Genoa => "Genoa",
            Self::Bergamo => "Bergamo",
            Self::Turin => "Turin",
            Self::TurinDense => "Turin Dense",
        })
    }
}

impl Line {
    /// The name in AMD's certificates.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Milan => "Milan",
            Self::Genoa => "Genoa",
            Self::Turin => "Turin",
        }
    }

    /// The line of a name in AMD's certificates.
    pub(crate) fn named(name: &str) -> Option<Self> {
        [Self::Milan, Self::Genoa, Self::Turin]
            .into_iter()
            .find(|line| line.name() == name)
    }

    /// Bytes of the hardware id in a VCEK certificate (AMD 57230): the rest of `CHIP_ID` is zero.
    #[must_use]
    pub fn hardware_id_bytes(self) -> usize {
        match self {
            Self::Milan | Self::Genoa => 64,
            Self::Turin => 8,
        }
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
