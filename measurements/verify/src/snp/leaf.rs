//! What a VCEK or VLEK certificate says in AMD's own extensions (AMD 57230, "VCEK certificate" and "VLEK certificate").

use super::product::{Line, Product};
use super::tcb::Tcb;
use crate::x509::Certificate;
use der::Decode;
use der::asn1::{Ia5StringRef, ObjectIdentifier, OctetStringRef};

const fn oid(text: &str) -> ObjectIdentifier {
    ObjectIdentifier::new_unwrap(text)
}

const STRUCT_VERSION: ObjectIdentifier = oid("1.3.6.1.4.1.3704.1.1");
const PRODUCT_NAME: ObjectIdentifier = oid("1.3.6.1.4.1.3704.1.2");
const BOOT_LOADER: ObjectIdentifier = oid("1.3.6.1.4.1.3704.1.3.1");
const TEE: ObjectIdentifier = oid("1.3.6.1.4.1.3704.1.3.2");
const SNP: ObjectIdentifier = oid("1.3.6.1.4.1.3704.1.3.3");
/// Patch levels that no firmware uses: they must be zero where they are present.
const SPARE: [ObjectIdentifier; 4] = [
    oid("1.3.6.1.4.1.3704.1.3.4"),
    oid("1.3.6.1.4.1.3704.1.3.5"),
    oid("1.3.6.1.4.1.3704.1.3.6"),
    oid("1.3.6.1.4.1.3704.1.3.7"),
];
const MICROCODE: ObjectIdentifier = oid("1.3.6.1.4.1.3704.1.3.8");
const FMC: ObjectIdentifier = oid("1.3.6.1.4.1.3704.1.3.9");
const HARDWARE_ID: ObjectIdentifier = oid("1.3.6.1.4.1.3704.1.4");
const PROVIDER_ID: ObjectIdentifier = oid("1.3.6.1.4.1.3704.1.5");

/// The facts of a VCEK or VLEK certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// `structVersion`: 0, or 1 from Turin on.
    pub struct_version: u8,
    /// `productName`, as written: `Milan-B0`, `Genoa`, `Turin`.
    pub product_name: String,
    /// The TCB version that the key was derived from.
    pub tcb: Tcb,
    /// `hwID` of a VCEK: 64 bytes, 8 for Turin.
    pub hardware_id: Option<Vec<u8>>,
    /// `cspID` of a VLEK: the provider's name.
    pub provider_id: Option<String>,
    /// First second of validity, Unix time.
    pub not_before: u64,
    /// Last second of validity, Unix time.
    pub not_after: u64,
    /// The subject's common name.
    pub subject: String,
    /// The issuer's common name.
    pub issuer: String,
}

impl Leaf {
    /// Reads the extensions of a certificate. `Err` says which one is missing or malformed.
    pub(crate) fn read(certificate: &Certificate<'_>) -> Result<Self, &'static str> {
        let value = |id| certificate.extension(id).map(|extension| extension.value);
        let level = |id| value(id).and_then(|value| u8::from_der(value).ok());
        let required = |id, missing| level(id).ok_or(missing);
        for spare in SPARE {
            // Present means zero.
            if value(spare).is_some() && level(spare) != Some(0) {
                return Err("an unused patch level (1.3.6.1.4.1.3704.1.3.4 to .7) is not zero");
            }
        }
        let fmc = match value(FMC) {
            None => None,
            Some(value) => Some(
                u8::from_der(value)
                    .map_err(|_| "a malformed FMC level (1.3.6.1.4.1.3704.1.3.9)")?,
            ),
        };
        let product_name = value(PRODUCT_NAME)
            .and_then(|value| Ia5StringRef::from_der(value).ok())
            .map(|name| name.as_str())
            .filter(|name| name.len() <= 32)
            .ok_or("no product name (1.3.6.1.4.1.3704.1.2)")?;
        let provider_id = match value(PROVIDER_ID) {
            None => None,
            Some(value) => Some(
                Ia5StringRef::from_der(value)
                    .map_err(|_| "a malformed provider id (1.3.6.1.4.1.3704.1.5)")?
                    .as_str()
                    .to_owned(),
            ),
        };
        let hardware_id = match value(HARDWARE_ID) {
            None => None,
            Some(value) => {
                Some(hardware_id(value).ok_or("a malformed hardware id (1.3.6.1.4.1.3704.1.4)")?)
            }
        };
        Ok(Self {
            struct_version: required(
                STRUCT_VERSION,
                "no structure version (1.3.6.1.4.1.3704.1.1)",
            )?,
            product_name: product_name.to_owned(),
            tcb: Tcb {
                fmc,
                boot_loader: required(
                    BOOT_LOADER,
                    "no boot loader level (1.3.6.1.4.1.3704.1.3.1)",
                )?,
                tee: required(TEE, "no TEE level (1.3.6.1.4.1.3704.1.3.2)")?,
                snp: required(SNP, "no SNP level (1.3.6.1.4.1.3704.1.3.3)")?,
                microcode: required(MICROCODE, "no microcode level (1.3.6.1.4.1.3704.1.3.8)")?,
            },
            hardware_id,
            provider_id,
            not_before: certificate.not_before,
            not_after: certificate.not_after,
            subject: certificate.subject.common_name.to_owned(),
            issuer: certificate.issuer.common_name.to_owned(),
        })
    }

    /// The product that the certificate names.
    #[must_use]
    pub fn product(&self) -> Option<Product> {
        Product::of_certificate(&self.product_name)
    }

    /// Whether the structure version and the presence of an FMC level fit a line.
    pub(crate) fn fits(&self, line: Line) -> bool {
        match line {
            Line::Milan | Line::Genoa => self.struct_version == 0 && self.tcb.fmc.is_none(),
            Line::Turin => self.struct_version == 1 && self.tcb.fmc.is_some(),
        }
    }
}

/// The hardware id: AMD's service has written it both bare and wrapped in an OCTET STRING.
fn hardware_id(value: &[u8]) -> Option<Vec<u8>> {
    let fits = |id: &[u8]| matches!(id.len(), 8 | 64);
    if fits(value) {
        return Some(value.to_vec());
    }
    let wrapped = <&OctetStringRef>::from_der(value).ok()?.as_bytes();
    fits(wrapped).then(|| wrapped.to_vec())
}
