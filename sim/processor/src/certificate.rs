//! Certificates and the revocation list in the shape that AMD issues (AMD 57230; RFC 5280; RFC 4055 for the signatures).

use crate::der::{
    NULL, TRUE, bit_string, explicit, ia5_string, integer, octet_string, sequence, set_of_one, tlv,
    utf8_string,
};
use crate::report::{CHIP_ID, TCB};
use core::time::Duration;
use der::Encode;
use der::asn1::{GeneralizedTime, ObjectIdentifier, UtcTime};

/// Which of the three certificates.
#[derive(Clone, Copy)]
pub(crate) enum Role {
    Ark,
    Ask,
    Vcek,
}

impl Role {
    /// The subject's common name. Every one says SIMULATED, and none is a name that AMD uses.
    pub(crate) fn common_name(self) -> &'static str {
        match self {
            Self::Ark => "ARK-Genoa SIMULATED",
            Self::Ask => "SEV-Genoa SIMULATED",
            Self::Vcek => "SEV-VCEK SIMULATED",
        }
    }

    fn issuer(self) -> Self {
        match self {
            Self::Ark | Self::Ask => Self::Ark,
            Self::Vcek => Self::Ask,
        }
    }

    fn serial(self) -> u8 {
        match self {
            Self::Ark => 1,
            Self::Ask => 2,
            Self::Vcek => 0,
        }
    }

    fn name(self) -> Vec<u8> {
        let attribute =
            |oid, text: &str| set_of_one(&sequence(&[&object(oid), &utf8_string(text)]));
        sequence(&[
            &attribute("2.5.4.11", "SIMULATED hardware, for tests only"),
            &attribute("2.5.4.10", "Cloister simulated secure processor"),
            &attribute("2.5.4.3", self.common_name()),
        ])
    }
}

/// First and last second of validity, Unix time.
#[derive(Clone, Copy)]
pub(crate) struct Validity {
    pub(crate) not_before: u64,
    pub(crate) not_after: u64,
}

/// `SubjectPublicKeyInfo` of an RSA key with exponent 65537 (RFC 3279 section 2.3.1).
pub(crate) fn rsa_spki(modulus: &[u8]) -> Vec<u8> {
    let key = sequence(&[&integer(modulus), &integer(&[1, 0, 1])]);
    sequence(&[
        &sequence(&[&object("1.2.840.113549.1.1.1"), NULL]),
        &bit_string(0, &key),
    ])
}

/// `SubjectPublicKeyInfo` of a P-384 key from its uncompressed point (RFC 5480).
pub(crate) fn p384_spki(point: &[u8]) -> Vec<u8> {
    sequence(&[
        &sequence(&[&object("1.2.840.10045.2.1"), &object("1.3.132.0.34")]),
        &bit_string(0, point),
    ])
}

/// The part of a certificate that its issuer signs.
pub(crate) fn to_be_signed(
    role: Role,
    spki: &[u8],
    validity: Validity,
) -> Result<Vec<u8>, der::Error> {
    Ok(sequence(&[
        &explicit(0, &integer(&[2])),
        &integer(&[role.serial()]),
        &pss_sha384(),
        &role.issuer().name(),
        &sequence(&[&time(validity.not_before)?, &time(validity.not_after)?]),
        &role.name(),
        spki,
        &explicit(3, &extensions(role)),
    ]))
}

/// The part of the root's revocation list that the root signs: nothing is revoked.
pub(crate) fn revocation_list_to_be_signed(validity: Validity) -> Result<Vec<u8>, der::Error> {
    let number = extension("2.5.29.20", false, &integer(&[1]));
    Ok(sequence(&[
        &integer(&[1]),
        &pss_sha384(),
        &Role::Ark.name(),
        &time(validity.not_before)?,
        &time(validity.not_after)?,
        &explicit(0, &sequence(&[&number])),
    ]))
}

/// Puts a signature behind what was signed.
pub(crate) fn signed(to_be_signed: &[u8], signature: &[u8]) -> Vec<u8> {
    sequence(&[to_be_signed, &pss_sha384(), &bit_string(0, signature)])
}

fn extensions(role: Role) -> Vec<u8> {
    let authority = |constraints: &[&[u8]], usage: Vec<u8>| {
        let constraints = extension("2.5.29.19", true, &sequence(constraints));
        sequence(&[&constraints, &extension("2.5.29.15", true, &usage)])
    };
    match role {
        // keyCertSign and cRLSign: bits 5 and 6.
        Role::Ark => authority(&[TRUE], bit_string(1, &[0x06])),
        Role::Ask => authority(&[TRUE, &integer(&[0])], bit_string(2, &[0x04])),
        Role::Vcek => amd_extensions(),
    }
}

/// AMD's own extensions (AMD 57230, "VCEK certificate"), equal to what the reports say.
fn amd_extensions() -> Vec<u8> {
    let level = |oid, level: u8| extension(oid, false, &integer(&[level]));
    sequence(&[
        &level("1.3.6.1.4.1.3704.1.1", 0),
        &extension("1.3.6.1.4.1.3704.1.2", false, &ia5_string("Genoa")),
        &level("1.3.6.1.4.1.3704.1.3.1", TCB.boot_loader),
        &level("1.3.6.1.4.1.3704.1.3.2", TCB.tee),
        &level("1.3.6.1.4.1.3704.1.3.4", 0),
        &level("1.3.6.1.4.1.3704.1.3.5", 0),
        &level("1.3.6.1.4.1.3704.1.3.6", 0),
        &level("1.3.6.1.4.1.3704.1.3.7", 0),
        &level("1.3.6.1.4.1.3704.1.3.3", TCB.snp),
        &level("1.3.6.1.4.1.3704.1.3.8", TCB.microcode),
        // AMD writes the hardware id bare, without an inner tag.
        &extension("1.3.6.1.4.1.3704.1.4", false, &CHIP_ID),
    ])
}

fn extension(oid: &'static str, critical: bool, value: &[u8]) -> Vec<u8> {
    let critical = if critical { TRUE } else { &[] };
    sequence(&[&object(oid), critical, &octet_string(value)])
}

/// RSASSA-PSS with SHA-384, MGF1 over SHA-384 and a salt of 48 bytes (RFC 4055 section 3.1).
fn pss_sha384() -> Vec<u8> {
    let sha384 = sequence(&[&object("2.16.840.1.101.3.4.2.2"), NULL]);
    let mask = sequence(&[&object("1.2.840.113549.1.1.8"), &sha384]);
    let parameters = sequence(&[
        &explicit(0, &sha384),
        &explicit(1, &mask),
        &explicit(2, &integer(&[48])),
    ]);
    sequence(&[&object("1.2.840.113549.1.1.10"), &parameters])
}

/// An object identifier of this file.
fn object(text: &'static str) -> Vec<u8> {
    tlv(0x06, ObjectIdentifier::new_unwrap(text).as_bytes())
}

/// UTCTime until 2049, GeneralizedTime after (RFC 5280 section 4.1.2.5).
fn time(unix: u64) -> Result<Vec<u8>, der::Error> {
    let unix = Duration::from_secs(unix);
    match UtcTime::from_unix_duration(unix) {
        Ok(time) => time.to_der(),
        Err(_) => GeneralizedTime::from_unix_duration(unix)?.to_der(),
    }
}
