//! The platform's certificate: PCK, its issuer, Intel's root, which is pinned.

use super::quote::Quote;
use super::rules;
use crate::foreign::certificate::Certificate;
use crate::foreign::keys::{Hash, PublicKey};
use crate::time::UnixTime;
use crate::trail::Trail;
use der::asn1::{AnyRef, ObjectIdentifier, OctetStringRef};
use der::{Decode, Reader, SliceReader};

/// Intel SGX Root CA (see `anchors/README.md`).
const ROOT: &[u8] = include_bytes!("../../anchors/intel_sgx_root_ca.der");
/// The common names of a PCK certificate and of its issuers.
const PCK: &str = "Intel SGX PCK Certificate";
const ISSUERS: [&str; 2] = ["Intel SGX PCK Platform CA", "Intel SGX PCK Processor CA"];
/// Intel's extension of PCK certificates, and FMSPC inside it.
const SGX: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113741.1.13.1");
const FMSPC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113741.1.13.1.4");

/// Judges the chain and the signature over the quoting enclave's report. Returns the platform's family as it is written in the certificate.
pub(super) fn judge(trail: &mut Trail, quote: &Quote<'_>, now: UnixTime) -> Option<String> {
    let expected = "a PCK certificate under Intel SGX Root CA, pinned";
    let mut fail = |found: &str| {
        trail.check(&rules::CHAIN, false, expected, found);
        None
    };
    // Quotes end the text as a C string does.
    let text = quote.chain.strip_suffix(&[0]).unwrap_or(quote.chain);
    let chain = std::str::from_utf8(text)
        .ok()
        .and_then(|text| crate::pem::certificates(text).ok());
    let chain = chain.unwrap_or_default();
    let [leaf, issuer, root] = chain.as_slice() else {
        return fail("other than three certificates");
    };
    let parsed = (
        Certificate::parse(leaf),
        Certificate::parse(issuer),
        Certificate::parse(ROOT),
    );
    let (Ok(leaf), Ok(issuer), Ok(pinned)) = parsed else {
        return fail("malformed certificates");
    };
    // The root is renewed under the same key: what is pinned is the key with its name.
    let rooted = root == ROOT
        || Certificate::parse(root).is_ok_and(|root| {
            root.spki == pinned.spki && root.subject == pinned.subject && root.issued_by(&pinned)
        });
    let named = leaf.common_name() == Some(PCK)
        && issuer
            .common_name()
            .is_some_and(|name| ISSUERS.contains(&name));
    let found = if !rooted {
        "another root, whatever it calls itself"
    } else if !issuer.issued_by(&pinned) || issuer.null_parameters {
        "an issuer that the root did not certify"
    } else if !leaf.issued_by(&issuer) || leaf.null_parameters || leaf.may_certify() {
        "a PCK certificate that its issuer did not sign, or that may sign others"
    } else if !named {
        "certificates in the wrong roles"
    } else {
        expected
    };
    trail.check(&rules::CHAIN, found == expected, expected, found);
    let valid = [&leaf, &issuer, &pinned]
        .iter()
        .all(|certificate| certificate.valid_at(now.0));
    trail.check(
        &rules::CHAIN_VALIDITY,
        valid,
        format!("valid at {now}"),
        if valid {
            "all valid"
        } else {
            "one that is not"
        },
    );
    let signed = leaf
        .key
        .ecdsa(Hash::Sha256, quote.qe_report, quote.qe_signature)
        && matches!(leaf.key, PublicKey::P256(_));
    trail.check(
        &rules::QE_SIGNATURE,
        signed,
        "signed by the platform's key",
        if signed {
            "signed by the platform's key"
        } else {
            "not signed by the platform's key"
        },
    );
    fmspc(&leaf)
}

/// FMSPC, six bytes in hexadecimal (Intel SGX PCK certificate specification, section 1.3.5).
fn fmspc(certificate: &Certificate<'_>) -> Option<String> {
    let mut reader = SliceReader::new(certificate.extension(SGX)?).ok()?;
    let found = reader.sequence(|entries| {
        let mut found = None;
        while !entries.is_finished() {
            let (id, value) = entries.sequence(|entry| {
                Ok::<_, der::Error>((ObjectIdentifier::decode(entry)?, AnyRef::decode(entry)?))
            })?;
            if id == FMSPC {
                found = Some(value.decode_as::<&OctetStringRef>()?.as_bytes());
            }
        }
        Ok::<_, der::Error>(found)
    });
    found.ok()?.map(hex::encode)
}
