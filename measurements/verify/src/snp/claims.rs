//! What evidence says, for people and for machines: the fields of a report and of its certificate under stable names.

use super::leaf::Leaf;
use super::product::Product;
use super::report::{Report, Signer};
use super::tcb::Tcb;
use crate::claims::Field;

/// What a report and its certificate say. Only the trail tells whether to believe it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claims {
    /// The report.
    pub report: Report,
    /// The product, as far as it is known.
    pub product: Option<Product>,
    /// What the signing key's certificate says, when there was a readable one.
    pub leaf: Option<Leaf>,
}

impl Claims {
    /// The fields under the names and in the notation of the evidence corpus: bytes in hexadecimal, words as `0x…`, TCB versions as the
    /// eight bytes stored and again taken apart.
    #[must_use]
    pub fn fields(&self) -> Vec<(&'static str, Field)> {
        let report = &self.report;
        let mut fields = vec![("report_version", Field::Number(report.version.into()))];
        if let Some(product) = self.product {
            fields.push(("product", Field::Text(product.line_name())));
        }
        if let Some(cpuid) = report.cpuid {
            fields.push(("cpuid_fms", Field::text(cpuid)));
        }
        fields.extend([
            (
                "signing_key",
                report
                    .signer()
                    .map_or_else(|| Field::text("none"), |signer: Signer| Field::text(signer)),
            ),
            (
                "mask_chip_key",
                Field::Number(report.chip_key_masked().into()),
            ),
            (
                "author_key_en",
                Field::Number(report.author_key_used().into()),
            ),
            ("vmpl", Field::Number(report.vmpl.into())),
            ("guest_svn", Field::Number(report.guest_svn.into())),
            ("policy", Field::Text(format!("{:#x}", report.policy))),
            (
                "policy_decoded",
                Field::Text(policy_in_words(report.policy)),
            ),
            (
                "platform_info",
                Field::Text(format!("{:#x}", report.platform_info)),
            ),
            (
                "reported_tcb",
                Field::Text(hex::encode(report.reported_tcb)),
            ),
        ]);
        if let Some(product) = self.product {
            let (tcb, _) = Tcb::of_bytes(report.reported_tcb, product.line());
            fields.push(("reported_tcb_decoded", Field::text(tcb)));
        }
        fields.extend([
            ("current_tcb", Field::Text(hex::encode(report.current_tcb))),
            (
                "committed_tcb",
                Field::Text(hex::encode(report.committed_tcb)),
            ),
            ("launch_tcb", Field::Text(hex::encode(report.launch_tcb))),
            ("current_fw", Field::text(report.current_firmware)),
            ("measurement", Field::Text(hex::encode(report.measurement))),
            ("report_data", Field::Text(hex::encode(report.report_data))),
            ("host_data", Field::Text(hex::encode(report.host_data))),
            ("chip_id", Field::Text(hex::encode(report.chip_id))),
            (
                "id_key_digest",
                Field::Text(hex::encode(report.id_key_digest)),
            ),
            (
                "author_key_digest",
                Field::Text(hex::encode(report.author_key_digest)),
            ),
            ("family_id", Field::Text(hex::encode(report.family_id))),
            ("image_id", Field::Text(hex::encode(report.image_id))),
            ("report_id", Field::Text(hex::encode(report.report_id))),
        ]);
        if let Some(vectors) = report.mitigations {
            fields.push((
                "launch_mit_vector",
                Field::Text(format!("{:#x}", vectors.launch)),
            ));
            fields.push((
                "current_mit_vector",
                Field::Text(format!("{:#x}", vectors.current)),
            ));
        }
        fields
    }
}

impl Product {
    /// The product as the corpus names it: `Turin` in both densities.
    pub(crate) fn line_name(self) -> String {
        match self {
            Self::TurinDense => "Turin".into(),
            other => other.to_string(),
        }
    }
}

/// A guest policy as the corpus writes it: the minimum ABI and the bits that are set, the dangerous one in capitals.
fn policy_in_words(policy: u64) -> String {
    const NAMES: [(u32, &str); 9] = [
        (16, "smt"),
        (18, "migrate_ma"),
        (19, "DEBUG"),
        (20, "single_socket"),
        (21, "cxl"),
        (22, "aes_256_xts"),
        (23, "rapl_dis"),
        (24, "ciphertext_hiding"),
        (25, "page_swap_dis"),
    ];
    let mut words = format!("abi={}.{}", policy >> 8 & 0xff, policy & 0xff);
    for (bit, name) in NAMES {
        if policy >> bit & 1 == 1 {
            words.push(' ');
            words.push_str(name);
        }
    }
    words
}
