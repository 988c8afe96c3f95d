//! What evidence says, whichever kind it is of, for people and for machines.

use crate::{snp, tdx};
use std::fmt;

/// What evidence says, as far as it could be read. Only the trail tells whether to believe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claims {
    /// An SEV-SNP report, real or simulated.
    Snp(Box<snp::Claims>),
    /// A TDX quote.
    Tdx(Box<tdx::Claims>),
}

impl Claims {
    /// The fields under the names and in the notation of the evidence corpus.
    #[must_use]
    pub fn fields(&self) -> Vec<(&'static str, Field)> {
        match self {
            Self::Snp(claims) => claims.fields(),
            Self::Tdx(claims) => claims.fields(),
        }
    }

    /// The processor: AMD's product, Intel's FMSPC.
    #[must_use]
    pub fn product(&self) -> Option<String> {
        match self {
            Self::Snp(claims) => claims.product.map(snp::Product::line_name),
            Self::Tdx(claims) => claims.pck.as_ref().map(|pck| hex::encode(pck.fmspc)),
        }
    }

    /// What the guest started with: the launch digest of SEV-SNP, `MRTD` of TDX (whose `RTMR`s then say how it went on).
    #[must_use]
    pub fn measurement(&self) -> Option<&[u8; 48]> {
        match self {
            Self::Snp(claims) => Some(&claims.report.measurement),
            Self::Tdx(claims) => claims.quote.as_ref().map(|quote| &quote.body.mr_td),
        }
    }

    /// The 64 bytes that the guest chose.
    #[must_use]
    pub fn report_data(&self) -> Option<&[u8; 64]> {
        match self {
            Self::Snp(claims) => Some(&claims.report.report_data),
            Self::Tdx(claims) => claims.quote.as_ref().map(|quote| &quote.body.report_data),
        }
    }
}

/// The value of a field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// Words, or bytes in hexadecimal.
    Text(String),
    /// A number.
    Number(u64),
    /// Several values.
    List(Vec<Field>),
    /// There is no value.
    Nothing,
}

impl Field {
    pub(crate) fn text(value: impl fmt::Display) -> Self {
        Self::Text(value.to_string())
    }

    pub(crate) fn size(value: usize) -> Self {
        u64::try_from(value).map_or(Self::Nothing, Self::Number)
    }

    pub(crate) fn list(values: impl Iterator<Item = impl fmt::Display>) -> Self {
        Self::List(values.map(Self::text).collect())
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Number(number) => number.fmt(f),
            Self::List(values) => {
                for (index, value) in values.iter().enumerate() {
                    if index > 0 {
                        f.write_str(" ")?;
                    }
                    value.fmt(f)?;
                }
                Ok(())
            }
            Self::Nothing => f.write_str("none"),
        }
    }
}
