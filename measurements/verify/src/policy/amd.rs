//! What a policy demands of AMD SEV-SNP: rules, floors and mitigations.

use super::sourced::{Bit, Date, Demand, Exact, Smt, Source, Sourced};
use super::{MachineRules, RevocationRules};
use crate::snp::{Component, Product, Signer};
use serde::Deserialize;
use serde::de::{Deserializer, Error as _};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct SnpRules {
    pub(crate) report_versions: Sourced<Vec<u32>>,
    pub(crate) signers: Sourced<Vec<Signer>>,
    pub(crate) products: Sourced<Vec<Product>>,
    pub(crate) revocation: RevocationRules,
    pub(crate) tcb: TcbRules,
    pub(crate) guest_policy: GuestPolicyRules,
    pub(crate) platform: PlatformRules,
    pub(crate) identity: IdentityRules,
    pub(crate) machine: MachineRules,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct TcbRules {
    pub(crate) reported_at_most_current: Sourced<Demand>,
    pub(crate) committed_equals_current: Sourced<Demand>,
    pub(crate) floors: Sourced<Demand>,
    pub(crate) mitigations: Sourced<Demand>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct GuestPolicyRules {
    pub(crate) smt: Sourced<Smt>,
    pub(crate) migration_agent: Sourced<Bit>,
    pub(crate) debug: Sourced<Bit>,
    pub(crate) single_socket: Sourced<Bit>,
    pub(crate) cxl: Sourced<Bit>,
    #[serde(rename = "aes-256-xts")]
    pub(crate) aes_256_xts: Sourced<Bit>,
    pub(crate) rapl_off: Sourced<Bit>,
    pub(crate) ciphertext_hiding: Sourced<Bit>,
    pub(crate) page_swap_off: Sourced<Bit>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct PlatformRules {
    pub(crate) smt: Sourced<Smt>,
    pub(crate) tsme: Sourced<Bit>,
    pub(crate) ecc: Sourced<Bit>,
    pub(crate) rapl_off: Sourced<Bit>,
    pub(crate) ciphertext_hiding: Sourced<Bit>,
    pub(crate) alias_check: Sourced<Bit>,
    pub(crate) iommu_write_safe: Sourced<Bit>,
    pub(crate) tio: Sourced<Bit>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(crate) struct IdentityRules {
    pub(crate) vmpl: Sourced<Vec<u32>>,
    pub(crate) guest_svn_minimum: Sourced<u32>,
    pub(crate) family_id: Sourced<Exact<16>>,
    pub(crate) image_id: Sourced<Exact<16>>,
    pub(crate) host_data: Sourced<Exact<32>>,
    pub(crate) id_key_digest: Sourced<Exact<48>>,
    pub(crate) author_key_digest: Sourced<Exact<48>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub(super) struct Floors {
    floors: Vec<Floor>,
    mitigations: Vec<Mitigation>,
}

impl Floors {
    /// The lowest level of a component that is acceptable, with the bulletin that says so.
    pub(super) fn floor(
        &self,
        product: Product,
        stepping: u8,
        component: Component,
    ) -> Option<(u8, &str)> {
        self.floors
            .iter()
            .filter(|floor| {
                (floor.product, floor.stepping, floor.component) == (product, stepping, component)
            })
            .max_by_key(|floor| floor.at_least)
            .map(|floor| (floor.at_least, floor.bulletin.as_str()))
    }

    /// The mitigation bits that a product must have verified.
    pub(super) fn mitigations(&self, product: Product) -> u64 {
        self.mitigations
            .iter()
            .filter(|line| line.product == product)
            .fold(0, |mask, line| mask | 1 << line.bit.0)
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Floor {
    product: Product,
    stepping: u8,
    component: Component,
    at_least: u8,
    bulletin: String,
    #[allow(dead_code, reason = "required in the file, for its readers")]
    source: Source,
    #[allow(dead_code, reason = "required in the file, for its readers")]
    date: Date,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Mitigation {
    product: Product,
    bit: BitNumber,
    #[allow(dead_code, reason = "required in the file, for its readers")]
    bulletin: String,
    #[allow(dead_code, reason = "required in the file, for its readers")]
    source: Source,
    #[allow(dead_code, reason = "required in the file, for its readers")]
    date: Date,
}

/// The number of a bit in a 64-bit vector.
#[derive(Clone, Copy, Debug)]
struct BitNumber(u8);

impl<'de> Deserialize<'de> for BitNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bit = u8::deserialize(deserializer)?;
        if bit > 63 {
            return Err(D::Error::custom("a bit number is 0 to 63"));
        }
        Ok(Self(bit))
    }
}
