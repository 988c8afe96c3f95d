//! X.509 certificates of many makers (RFC 5280): the parts that a binding or a chain rests on.

use crate::keys::{Hash, PublicKey};
use crate::x509::{BadX509, Extension, explicit, extensions, integer, time};
use der::asn1::{AnyRef, BitStringRef, ObjectIdentifier};
use der::{Decode, Reader, SliceReader, Tag, TagNumber};

/// RA-TLS certificates carry a quote, its certificates and sometimes an event log.
const MAX_BYTES: usize = 64 * 1024;

const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");
/// keyUsage bit 5, first byte, most significant bit first.
const KEY_CERT_SIGN: u8 = 0x04;

/// The signature algorithms on the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Algorithm {
    Ecdsa(Hash),
    RsaPkcs1(Hash),
}

/// `AlgorithmIdentifier`s as their standards write them (RFC 5758 section 3.2, RFC 4055 section 5).
const ALGORITHMS: [(&[u8], Algorithm); 5] = [
    (
        b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02",
        Algorithm::Ecdsa(Hash::Sha256),
    ),
    (
        b"\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x03",
        Algorithm::Ecdsa(Hash::Sha384),
    ),
    (
        b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0b\x05\x00",
        Algorithm::RsaPkcs1(Hash::Sha256),
    ),
    (
        b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0c\x05\x00",
        Algorithm::RsaPkcs1(Hash::Sha384),
    ),
    (
        b"\x30\x0d\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x0d\x05\x00",
        Algorithm::RsaPkcs1(Hash::Sha512),
    ),
];

/// ecdsa-with-SHA256 with a NULL where RFC 5758 section 3.2 has the parameters left out: mbed TLS before 3.0 wrote it so, and with it
/// Gramine. The bytes say the same and the signature is over them, so whoever has no other choice may read them.
const ECDSA_SHA256_NULL: &[u8] = b"\x30\x0c\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02\x05\x00";

/// Why bytes are not a certificate that is read here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadCertificate(pub(crate) &'static str);

impl From<BadX509> for BadCertificate {
    fn from(error: BadX509) -> Self {
        Self(match error {
            BadX509::Version => "another version than X.509 v3",
            BadX509::Name => "a malformed name",
            BadX509::Time => "a malformed date",
            BadX509::Extensions => "doubled or too many extensions",
            BadX509::CriticalExtension => "an unknown critical extension",
            _ => "malformed DER",
        })
    }
}

impl From<der::Error> for BadCertificate {
    fn from(_: der::Error) -> Self {
        Self("malformed DER")
    }
}

/// A certificate; nothing about it is verified yet.
pub(crate) struct Certificate<'a> {
    pub(crate) der: &'a [u8],
    tbs: &'a [u8],
    algorithm: Algorithm,
    signature: &'a [u8],
    /// The algorithm carries a NULL that does not belong there.
    pub(crate) null_parameters: bool,
    /// DER of the names.
    pub(crate) issuer: &'a [u8],
    pub(crate) subject: &'a [u8],
    /// First second of validity, Unix time.
    pub(crate) not_before: u64,
    /// Last second of validity, Unix time.
    pub(crate) not_after: u64,
    /// `SubjectPublicKeyInfo`, DER.
    pub(crate) spki: &'a [u8],
    pub(crate) key: PublicKey,
    extensions: Vec<Extension<'a>>,
}

impl<'a> Certificate<'a> {
    /// Reads a certificate of version 3 whose key and algorithm are on the list.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, BadCertificate> {
        if bytes.len() > MAX_BYTES {
            return Err(BadCertificate("more bytes than are read"));
        }
        let mut reader = SliceReader::new(bytes)?;
        let (tbs, outer, signature) = reader.sequence(|body| {
            let (tbs, outer) = (body.tlv_bytes()?, body.tlv_bytes()?);
            let signature = BitStringRef::decode(body)?;
            Ok::<_, BadX509>((tbs, outer, signature.as_bytes().ok_or(BadX509::NotDer)?))
        })?;
        reader.finish()?;
        let null_parameters = outer == ECDSA_SHA256_NULL;
        let algorithm = if null_parameters {
            Algorithm::Ecdsa(Hash::Sha256)
        } else {
            let known = ALGORITHMS.iter().find(|(known, _)| *known == outer);
            known
                .ok_or(BadCertificate("an unknown signature algorithm"))?
                .1
        };
        let mut reader = SliceReader::new(tbs)?;
        let certificate = reader.sequence(|body| {
            if explicit(body, TagNumber(0), u8::decode)? != Some(2) {
                return Err(BadCertificate("another version than X.509 v3"));
            }
            integer(body)?;
            if body.tlv_bytes()? != outer {
                return Err(BadCertificate(
                    "an outer signature algorithm that differs from the signed one",
                ));
            }
            let issuer = name(body)?;
            let (not_before, not_after) =
                body.sequence(|dates| Ok::<_, BadX509>((time(dates)?, time(dates)?)))?;
            let subject = name(body)?;
            let spki = body.tlv_bytes()?;
            let key = PublicKey::from_spki(spki).ok_or(BadCertificate("an unknown kind of key"))?;
            let extensions = explicit(body, TagNumber(3), extensions)?.unwrap_or_default();
            Ok(Self {
                der: bytes,
                tbs,
                algorithm,
                signature,
                null_parameters,
                issuer,
                subject,
                not_before,
                not_after,
                spki,
                key,
                extensions,
            })
        })?;
        reader.finish()?;
        Ok(certificate)
    }

    /// The value of an extension.
    pub(crate) fn extension(&self, id: ObjectIdentifier) -> Option<&'a [u8]> {
        let found = self.extensions.iter().find(|extension| extension.id == id);
        found.map(|extension| extension.value)
    }

    /// Whether `key` has signed this certificate.
    pub(crate) fn signed_by(&self, key: &PublicKey) -> bool {
        match self.algorithm {
            Algorithm::Ecdsa(hash) => key.ecdsa_der(hash, self.tbs, self.signature),
            Algorithm::RsaPkcs1(hash) => key.pkcs1(hash, self.tbs, self.signature),
        }
    }

    /// Whether this certificate is signed by `issuer`, which carries the name that is asked for and may sign certificates
    /// (RFC 5280 sections 4.2.1.3, 4.2.1.9 and 6.1.3).
    pub(crate) fn issued_by(&self, issuer: &Certificate<'_>) -> bool {
        self.issuer == issuer.subject && issuer.may_certify() && self.signed_by(&issuer.key)
    }

    /// basicConstraints with cA, and keyUsage with keyCertSign where there is one.
    pub(crate) fn may_certify(&self) -> bool {
        let authority = self.extension(BASIC_CONSTRAINTS).is_some_and(|value| {
            // SEQUENCE { BOOLEAN TRUE, INTEGER OPTIONAL }: DER writes TRUE as 0xff and leaves FALSE out.
            let body = AnyRef::try_from(value).ok();
            body.filter(|body| der::Tagged::tag(body) == Tag::Sequence)
                .is_some_and(|body| body.value().starts_with(&[0x01, 0x01, 0xff]))
        });
        let usage = self.extension(KEY_USAGE).map(|value| {
            BitStringRef::from_der(value).map(|bits| bits.raw_bytes().first().copied())
        });
        authority
            && match usage {
                None => true,
                Some(bits) => matches!(bits, Ok(Some(bits)) if bits & KEY_CERT_SIGN != 0),
            }
    }

    /// Whether `now` (Unix seconds) lies within the validity, both ends included.
    pub(crate) fn valid_at(&self, now: u64) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }
}

/// A name, which is a SEQUENCE.
fn name<'a>(reader: &mut SliceReader<'a>) -> Result<&'a [u8], BadCertificate> {
    if Tag::peek(reader)? != Tag::Sequence {
        return Err(BadCertificate("a malformed name"));
    }
    Ok(reader.tlv_bytes()?)
}
