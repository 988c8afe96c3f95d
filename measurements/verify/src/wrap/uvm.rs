//! The endorsement of a utility VM: Microsoft's signed word on the launch measurement of the machine that containers run in.

use super::cose::Sign1;
use super::rules;
use crate::foreign::cbor::{BadCbor, Label, whole};
use crate::foreign::certificate::Certificate;
use crate::keys::Hash;
use crate::snp::Report;
use crate::trail::Trail;
use base64ct::{Base64UrlUnpadded, Encoding};
use der::asn1::ObjectIdentifier;
use der::{Decode, Reader, SliceReader};
use serde::Deserialize;

const EXTENDED_KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.37");

/// Whose endorsements are taken: SHA-256 of the root (`Microsoft Supply Chain RSA Root CA 2022`) in base64url, the purpose of the signer's
/// certificate, and the feed. Source: microsoft/CCF, `uvm_endorsements.h`, `default_uvm_roots_of_trust`, which has both pairs of purpose and
/// feed, and the `iss` and `feed` of the endorsements themselves; looked at on 2026-11-23. CCF also asks for a least number (100 and 1):
/// which utility VM is new enough is for whoever relies on one, and nothing of ours does, so the number is shown and not judged.
///
/// An endorsement may carry a countersigned time in its unprotected header (an RFC 3161 token). It is not read: it would need another root,
/// and the signer's own time in the protected header is what its certificates are held against.
const ISSUERS: [(&str, ObjectIdentifier, &str); 2] = [
    (
        "I__iuL25oXEVFdTP_aBLx_eT1RPHbCQ_ECBQfYZpt9s",
        ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.76.59.1.2"),
        "ContainerPlat-AMD-UVM",
    ),
    (
        "I__iuL25oXEVFdTP_aBLx_eT1RPHbCQ_ECBQfYZpt9s",
        ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.76.59.1.5"),
        "ConfAKS-AMD-UVM",
    ),
];

/// What is endorsed.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Payload {
    #[serde(rename = "x-ms-sevsnpvm-guestsvn")]
    guest_svn: String,
    #[serde(rename = "x-ms-sevsnpvm-launchmeasurement")]
    measurement: String,
}

pub(super) fn judge(trail: &mut Trail, bytes: &[u8], report: &Report) {
    let expected = "a COSE_Sign1 with certificates over a measurement";
    let mut fail = |found: &str| {
        trail.check(&rules::UVM_FORMAT, false, expected, found);
    };
    let Ok(message) = Sign1::parse(bytes) else {
        return fail("something else");
    };
    if message.critical() != Some(Vec::new()) {
        return fail("a critical parameter that is unknown");
    }
    let Ok(payload) = serde_json::from_slice::<Payload>(message.payload) else {
        return fail("another payload than a measurement and its number");
    };
    let chain: Option<Vec<_>> = message.certificates().and_then(|chain| {
        let parsed = chain.into_iter().map(Certificate::parse);
        parsed.collect::<Result<_, _>>().ok()
    });
    let Some((chain, leaf)) = chain
        .as_ref()
        .and_then(|chain| Some((chain, chain.first()?)))
    else {
        return fail("no certificates, or malformed ones");
    };
    let svn = payload.guest_svn;
    if svn.is_empty() || svn.len() > 10 || !svn.bytes().all(|byte| byte.is_ascii_digit()) {
        return fail("a guest's number that is none");
    }
    trail.check(
        &rules::UVM_FORMAT,
        true,
        expected,
        format!("utility VM of number {svn}"),
    );

    let signed = message.signed_by(&leaf.key);
    trail.check(
        &rules::UVM_SIGNATURE,
        signed,
        "signed by the first certificate's key",
        if signed {
            "signed by the first certificate's key"
        } else {
            "not signed by it"
        },
    );
    judge_chain(trail, &message, chain);
    judge_issuer(trail, &message, chain);
    trail.check(
        &rules::UVM_MEASUREMENT,
        payload.measurement == hex::encode(report.measurement),
        payload.measurement,
        hex::encode(report.measurement),
    );
}

/// Each certificate under the next, the last under itself; all of them valid at the time that the signer has signed.
fn judge_chain(trail: &mut Trail, message: &Sign1<'_>, chain: &[Certificate<'_>]) {
    let expected = "each signed by the next, valid when it signed";
    let unsigned = chain.iter().zip(chain.iter().skip(1).chain(chain.last()));
    let unsigned = unsigned
        .filter(|(of, by)| of.null_parameters || !of.issued_by(by))
        .count();
    // Tag 1: seconds since 1970 (RFC 8949 section 3.4.2).
    let time = message
        .header
        .get(Label::Text("signingtime"))
        .and_then(|value| {
            whole(value, |reader| match reader.tag()? {
                1 => reader.unsigned(),
                _ => Err(BadCbor),
            })
        });
    let found = match time {
        _ if unsigned > 0 => "a certificate that the next one did not sign",
        None => "no time of signing",
        Some(time) if !chain.iter().all(|one| one.valid_at(time)) => {
            "a certificate that was not valid at the time of signing"
        }
        Some(_) => expected,
    };
    trail.check(&rules::UVM_CHAIN, found == expected, expected, found);
}

/// The root, the purpose and the feed are those of a known issuer, and `iss` says so.
fn judge_issuer(trail: &mut Trail, message: &Sign1<'_>, chain: &[Certificate<'_>]) {
    let text = |name| message.header.text(Label::Text(name)).unwrap_or("none");
    let (issuer, feed) = (text("iss"), text("feed"));
    let root = chain.last().map(|root| Hash::Sha256.digest(root.der));
    let root = Base64UrlUnpadded::encode_string(&root.unwrap_or_default());
    let purposes = chain.first().and_then(purposes).unwrap_or_default();
    let known = ISSUERS.iter().any(|(fingerprint, purpose, known_feed)| {
        root == *fingerprint
            && purposes.contains(purpose)
            && feed == *known_feed
            && issuer == format!("did:x509:0:sha256:{fingerprint}::eku:{purpose}")
    });
    trail.check(
        &rules::UVM_ISSUER,
        known,
        "Microsoft's root, the purpose and the feed of a utility VM",
        format!("root {root}, issuer {issuer:?}, feed {feed:?}"),
    );
}

/// The purposes of a certificate (RFC 5280 section 4.2.1.12).
fn purposes(certificate: &Certificate<'_>) -> Option<Vec<ObjectIdentifier>> {
    let mut reader = SliceReader::new(certificate.extension(EXTENDED_KEY_USAGE)?).ok()?;
    let purposes = reader.sequence(|body| {
        let mut found = Vec::new();
        while !body.is_finished() {
            found.push(ObjectIdentifier::decode(body)?);
        }
        Ok::<_, der::Error>(found)
    });
    reader.finish().ok()?;
    purposes.ok()
}
