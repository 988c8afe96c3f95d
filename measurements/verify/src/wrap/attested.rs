//! A COSE_Sign1 message under an attested key: the protected header carries the report, its certificates and the key.

use super::cose::Sign1;
use super::{Inner, certificates, is_digest, rules};
use crate::foreign::cbor::{Label, Map};
use crate::foreign::certificate::Certificate;
use crate::keys::{Hash, P256Key, P384Key, PublicKey};
use crate::snp::Report;
use crate::trail::Trail;

/// The kind of attestation that is read.
const KIND: &str = "SEV-SNP:ContainerPlat-AMD-UVM";

/// What the header parameter of the attestation holds. It is named after the service, and the message lists it as critical.
struct Attestation<'a> {
    report: &'a [u8],
    endorsements: &'a [u8],
    endorsement: &'a [u8],
    /// The key as it was encoded and hashed.
    key_bytes: &'a [u8],
    key: PublicKey,
}

fn read<'a>(message: &Sign1<'a>) -> Result<Attestation<'a>, &'static str> {
    let critical = message
        .critical()
        .ok_or("a critical parameter that is unknown")?;
    let [name] = critical.as_slice() else {
        return Err("critical parameters other than the attestation");
    };
    let missing = "no attestation with report, certificates, endorsement and key";
    let map = message.header.map(Label::Text(name)).ok_or(missing)?;
    if map.text(Label::Text("attestation_type")) != Some(KIND) {
        return Err("an attestation of another kind");
    }
    let bytes = |name| map.bytes(Label::Text(name)).ok_or(missing);
    let key_bytes = map.get(Label::Text("cose_key")).ok_or(missing)?;
    Ok(Attestation {
        report: bytes("attestation")?,
        endorsements: bytes("snp_endorsements")?,
        endorsement: bytes("uvm_endorsements")?,
        key_bytes,
        key: key(key_bytes).ok_or("a key that is not ECDSA on P-256 or P-384")?,
    })
}

/// A COSE_Key of type EC2 (RFC 9053 section 7.1.1) with both coordinates in full.
fn key(bytes: &[u8]) -> Option<PublicKey> {
    let map = Map::parse(bytes).ok()?;
    let (x, y) = (map.bytes(Label::Number(-2))?, map.bytes(Label::Number(-3))?);
    let coordinates = [x, y].concat();
    let curve = (
        map.number(Label::Number(1))?,
        map.number(Label::Number(-1))?,
    );
    match curve {
        (2, 1) if x.len() == 32 => {
            P256Key::from_coordinates(coordinates.as_slice().try_into().ok()?).map(PublicKey::P256)
        }
        (2, 2) if x.len() == 48 => {
            P384Key::from_coordinates(coordinates.as_slice().try_into().ok()?).map(PublicKey::P384)
        }
        _ => None,
    }
}

/// The report and its certificates.
pub(super) fn open(bytes: &[u8]) -> Option<Inner<'_>> {
    let message = Sign1::parse(bytes).ok()?;
    let attestation = read(&message).ok()?;
    Some(Inner {
        report: attestation.report.into(),
        certificates: certificates(attestation.endorsements)?,
    })
}

/// The endorsement of the utility VM.
pub(super) fn endorsement(bytes: &[u8]) -> Option<&[u8]> {
    let message = Sign1::parse(bytes).ok()?;
    Some(read(&message).ok()?.endorsement)
}

pub(super) fn judge(trail: &mut Trail, bytes: &[u8], report: &Report) {
    let expected = "a COSE_Sign1 with an attestation";
    let mut fail = |found: &str| {
        trail.check(&rules::COSE_FORMAT, false, expected, found);
    };
    let Ok(message) = Sign1::parse(bytes) else {
        return fail("something else");
    };
    let attestation = match read(&message) {
        Ok(attestation) => attestation,
        Err(found) => return fail(found),
    };
    trail.check(&rules::COSE_FORMAT, true, expected, expected);
    let same = attestation.report == report.bytes();
    trail.check(
        &rules::COSE_REPORT,
        same,
        "the judged report",
        if same {
            "the judged report"
        } else {
            "another report"
        },
    );
    let digest = Hash::Sha256.digest(attestation.key_bytes);
    let bound = is_digest(&report.report_data, &digest);
    // Where the message brings a certificate as well, it must be for the same key.
    let certified = message.certificates().is_none_or(|chain| {
        let first = chain.first().and_then(|der| Certificate::parse(der).ok());
        first.is_some_and(|first| message.signed_by(&first.key))
    });
    trail.check(
        &rules::COSE_KEY,
        bound && certified,
        format!("SHA-256 {}, then zeroes", hex::encode(&digest)),
        match (bound, certified) {
            (true, false) => "a certificate for another key".into(),
            _ => hex::encode(report.report_data),
        },
    );
    let signed = message.signed_by(&attestation.key);
    trail.check(
        &rules::COSE_SIGNATURE,
        signed,
        "signed by the attested key",
        if signed {
            "signed by the attested key"
        } else {
            "not signed by the attested key"
        },
    );
}
