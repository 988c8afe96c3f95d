//! The two shapes of X.509 certificate that AMD and Intel issue (RFC 5280), read strictly.
//!
//! A certificate is DER, version 3, signed in its maker's one way (AMD: RSASSA-PSS over SHA-384; Intel: ECDSA over SHA-256), its names
//! have one attribute per RDN and its extensions are unique. Everything is borrowed from the bytes received and signatures are checked over those bytes, never over a re-encoding.

use der::asn1::{AnyRef, BitStringRef, GeneralizedTime, ObjectIdentifier, OctetStringRef, UtcTime};
use der::{Decode, Reader, SliceReader, Tag, TagNumber};
use std::fmt;

/// No certificate of AMD or Intel comes near this size.
const MAX_CERTIFICATE: usize = 8 * 1024;
/// No revocation list does: Intel's have 38 bytes for each processor and grow slowly.
const MAX_LIST: usize = 64 * 1024;
/// The most extensions that a certificate may carry; AMD's leaves have eleven, Intel's six.
const MAX_EXTENSIONS: usize = 32;

const COMMON_NAME: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.4.3");
const BASIC_CONSTRAINTS: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.19");
const KEY_USAGE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.5.29.15");

/// RSASSA-PSS with SHA-384, MGF1 over SHA-384 and a salt of 48 bytes (RFC 4055 section 3.1), as the leaves carry it.
const PSS_SHA384: [u8; 67] = hex_literal(
    b"304106092a864886f70d01010a3034a00f300d06096086480165030402020500a11c301a06092a864886f70d010108300d06096086480165030402020500a203020130",
);
/// The same with the default trailer field written out, as the ARKs, ASKs and ASVKs carry it.
const PSS_SHA384_TRAILER: [u8; 72] = hex_literal(
    b"304606092a864886f70d01010a3039a00f300d06096086480165030402020500a11c301a06092a864886f70d010108300d06096086480165030402020500a203020130a303020101",
);

/// ecdsa-with-SHA256 (RFC 5758 section 3.2), as all of Intel's certificates carry it.
const ECDSA_SHA256: [u8; 12] = hex_literal(b"300a06082a8648ce3d040302");

/// Who issues certificates. Each signs all of its own in one way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Maker {
    Amd,
    Intel,
}

impl Maker {
    /// Whether this `AlgorithmIdentifier` is the maker's.
    fn signs_with(self, algorithm: &[u8]) -> bool {
        match self {
            Self::Amd => algorithm == PSS_SHA384 || algorithm == PSS_SHA384_TRAILER,
            Self::Intel => algorithm == ECDSA_SHA256,
        }
    }

    /// The signature algorithm for people.
    fn algorithm(self) -> &'static str {
        match self {
            Self::Amd => "RSASSA-PSS with SHA-384",
            Self::Intel => "ECDSA with SHA-256",
        }
    }
}

/// Hex to bytes at compile time.
#[allow(
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::panic,
    reason = "runs only at compile time, where a fault stops the build"
)]
const fn hex_literal<const N: usize>(text: &[u8]) -> [u8; N] {
    const fn nibble(digit: u8) -> u8 {
        match digit {
            b'0'..=b'9' => digit - b'0',
            b'a'..=b'f' => digit - b'a' + 10,
            _ => panic!("not a hexadecimal digit"),
        }
    }
    assert!(text.len() == 2 * N, "wrong length");
    let mut bytes = [0; N];
    let mut index = 0;
    while index < N {
        bytes[index] = nibble(text[2 * index]) << 4 | nibble(text[2 * index + 1]);
        index += 1;
    }
    bytes
}

/// Why bytes are not a certificate (or revocation list) of the expected shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadX509 {
    /// Longer than is read; the number found.
    TooLong {
        /// Bytes found.
        found: usize,
        /// Bytes that are read at most.
        limit: usize,
    },
    /// Not DER, or another structure.
    NotDer,
    /// Another version than X.509 v3 (or CRL v2).
    Version,
    /// Another signature algorithm than the maker's.
    Algorithm(Maker),
    /// The algorithm outside the signed part differs from the one inside (RFC 5280 section 4.1.1.2).
    AlgorithmsDiffer,
    /// A name that is not a row of single attributes with exactly one common name.
    Name,
    /// A date outside RFC 5280 section 4.1.2.5.
    Time,
    /// An extension occurs twice, or there are too many.
    Extensions,
    /// A critical extension that this verifier does not understand (RFC 5280 section 4.2).
    CriticalExtension,
}

impl fmt::Display for BadX509 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { found, limit } => {
                write!(f, "{found} bytes, at most {limit} are read")
            }
            Self::NotDer => f.write_str("malformed DER"),
            Self::Version => f.write_str("wrong X.509 version"),
            Self::Algorithm(maker) => {
                write!(f, "signature algorithm is not {}", maker.algorithm())
            }
            Self::AlgorithmsDiffer => {
                f.write_str("the outer signature algorithm differs from the signed one")
            }
            Self::Name => f.write_str("malformed name"),
            Self::Time => f.write_str("malformed date"),
            Self::Extensions => f.write_str("doubled or too many extensions"),
            Self::CriticalExtension => f.write_str("unknown critical extension"),
        }
    }
}

impl From<der::Error> for BadX509 {
    fn from(_: der::Error) -> Self {
        Self::NotDer
    }
}

/// A signed structure: certificate or revocation list.
pub(crate) struct Signed<'a> {
    /// Whose algorithm it carries.
    pub(crate) maker: Maker,
    /// The signed bytes, tag and length included.
    pub(crate) tbs: &'a [u8],
    /// The `AlgorithmIdentifier` outside the signed bytes.
    pub(crate) algorithm: &'a [u8],
    /// The signature.
    pub(crate) signature: &'a [u8],
}

impl<'a> Signed<'a> {
    /// Reads a revocation list's frame.
    pub(crate) fn list(bytes: &'a [u8], maker: Maker) -> Result<Self, BadX509> {
        Self::parse(bytes, maker, MAX_LIST)
    }

    fn parse(bytes: &'a [u8], maker: Maker, limit: usize) -> Result<Self, BadX509> {
        if bytes.len() > limit {
            return Err(BadX509::TooLong {
                found: bytes.len(),
                limit,
            });
        }
        let mut reader = SliceReader::new(bytes)?;
        let signed = reader.sequence(|body| {
            Ok::<_, BadX509>(Self {
                maker,
                tbs: body.tlv_bytes()?,
                algorithm: body.tlv_bytes()?,
                signature: whole_bytes(BitStringRef::decode(body)?)?,
            })
        })?;
        reader.finish()?;
        if !maker.signs_with(signed.algorithm) {
            return Err(BadX509::Algorithm(maker));
        }
        Ok(signed)
    }

    /// The algorithm inside the signed part must be the one outside.
    pub(crate) fn check_inner(&self, inner: &[u8]) -> Result<(), BadX509> {
        if inner == self.algorithm {
            Ok(())
        } else {
            Err(BadX509::AlgorithmsDiffer)
        }
    }
}

fn whole_bytes(bits: BitStringRef<'_>) -> Result<&[u8], BadX509> {
    bits.as_bytes().ok_or(BadX509::NotDer)
}

/// One extension.
pub(crate) struct Extension<'a> {
    pub(crate) id: ObjectIdentifier,
    pub(crate) critical: bool,
    pub(crate) value: &'a [u8],
}

/// A name: its DER for comparison, its common name for people and roles.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Name<'a> {
    pub(crate) der: &'a [u8],
    pub(crate) common_name: &'a str,
}

/// A certificate of its maker's shape; nothing about it is verified yet.
pub(crate) struct Certificate<'a> {
    /// The whole certificate.
    pub(crate) der: &'a [u8],
    pub(crate) signed: Signed<'a>,
    pub(crate) serial: &'a [u8],
    pub(crate) issuer: Name<'a>,
    pub(crate) subject: Name<'a>,
    /// First second of validity, Unix time.
    pub(crate) not_before: u64,
    /// Last second of validity, Unix time.
    pub(crate) not_after: u64,
    /// `SubjectPublicKeyInfo`, DER.
    pub(crate) spki: &'a [u8],
    pub(crate) extensions: Vec<Extension<'a>>,
}

impl<'a> Certificate<'a> {
    pub(crate) fn parse(bytes: &'a [u8], maker: Maker) -> Result<Self, BadX509> {
        let signed = Signed::parse(bytes, maker, MAX_CERTIFICATE)?;
        let mut reader = SliceReader::new(signed.tbs)?;
        let certificate = reader.sequence(|tbs| {
            if explicit(tbs, TagNumber(0), u8::decode)? != Some(2) {
                return Err(BadX509::Version);
            }
            let serial = integer(tbs)?;
            signed.check_inner(tbs.tlv_bytes()?)?;
            let issuer = Name::parse(tbs.tlv_bytes()?)?;
            let (not_before, not_after) =
                tbs.sequence(|dates| Ok::<_, BadX509>((time(dates)?, time(dates)?)))?;
            let subject = Name::parse(tbs.tlv_bytes()?)?;
            let spki = tbs.tlv_bytes()?;
            // Unique identifiers ([1], [2]) are in no certificate of theirs: what follows must be the extensions or nothing.
            let extensions = explicit(tbs, TagNumber(3), extensions)?.unwrap_or_default();
            Ok(Self {
                der: bytes,
                signed,
                serial,
                issuer,
                subject,
                not_before,
                not_after,
                spki,
                extensions,
            })
        })?;
        reader.finish()?;
        Ok(certificate)
    }

    /// The value of an extension.
    pub(crate) fn extension(&self, id: ObjectIdentifier) -> Option<&Extension<'a>> {
        self.extensions.iter().find(|extension| extension.id == id)
    }

    /// Whether this certificate may sign others: basicConstraints critical with cA, keyUsage critical with keyCertSign
    /// (RFC 5280 sections 4.2.1.3 and 4.2.1.9).
    pub(crate) fn may_certify(&self) -> Result<bool, BadX509> {
        let constraints = self.basic_constraints()?;
        Ok(constraints == Some((true, true)) && self.key_usage()? & KEY_CERT_SIGN != 0)
    }

    /// Whether this certificate may sign revocation lists (keyUsage cRLSign).
    pub(crate) fn may_sign_crl(&self) -> Result<bool, BadX509> {
        Ok(self.key_usage()? & CRL_SIGN != 0)
    }

    /// (critical, cA), or `None` without the extension. A path length is read and needs no check: our chains have fixed length.
    fn basic_constraints(&self) -> Result<Option<(bool, bool)>, BadX509> {
        let Some(extension) = self.extension(BASIC_CONSTRAINTS) else {
            return Ok(None);
        };
        let mut reader = SliceReader::new(extension.value)?;
        let authority = reader.sequence(|body| {
            let authority = optional_true(body)?;
            if !body.is_finished() {
                u8::decode(body)?;
                if !authority {
                    return Err(BadX509::NotDer);
                }
            }
            Ok::<_, BadX509>(authority)
        })?;
        reader.finish()?;
        Ok(Some((extension.critical, authority)))
    }

    /// The first eight bits of keyUsage, or 0 when the extension is absent or not critical.
    fn key_usage(&self) -> Result<u8, BadX509> {
        match self.extension(KEY_USAGE) {
            Some(extension) if extension.critical => {
                let bits = BitStringRef::from_der(extension.value)?;
                let (first, last) = match bits.raw_bytes() {
                    [only] => (only, only),
                    [first, last] => (first, last),
                    _ => return Err(BadX509::NotDer),
                };
                // Unused bits are zero (X.690 section 11.2.1). AMD's intermediates do not cut all zeroes off the end of the list
                // (11.2.2), so that is not asked.
                if last.trailing_zeros() < u32::from(bits.unused_bits()) {
                    return Err(BadX509::NotDer);
                }
                Ok(*first)
            }
            _ => Ok(0),
        }
    }

    /// Whether basicConstraints or keyUsage would let this certificate sign others; a leaf must not.
    pub(crate) fn claims_authority(&self) -> Result<bool, BadX509> {
        let constraints = self.basic_constraints()?;
        Ok(constraints.is_some_and(|(_, authority)| authority)
            || self.key_usage()? & (KEY_CERT_SIGN | CRL_SIGN) != 0)
    }

    /// Whether `now` (Unix seconds) lies within the validity, both ends included.
    pub(crate) fn valid_at(&self, now: u64) -> bool {
        (self.not_before..=self.not_after).contains(&now)
    }
}

/// keyUsage bit 5, first byte, most significant bit first.
const KEY_CERT_SIGN: u8 = 0x04;
/// keyUsage bit 6.
const CRL_SIGN: u8 = 0x02;

/// An optional `[n] EXPLICIT` field.
pub(crate) fn explicit<'a, T, E: Into<BadX509>>(
    reader: &mut SliceReader<'a>,
    number: TagNumber,
    read: impl FnOnce(&mut SliceReader<'a>) -> Result<T, E>,
) -> Result<Option<T>, BadX509> {
    let tag = Tag::ContextSpecific {
        constructed: true,
        number,
    };
    if reader.is_finished() || Tag::peek(reader)? != tag {
        return Ok(None);
    }
    let field = AnyRef::decode(reader)?;
    let mut inner = SliceReader::new(field.value())?;
    let value = read(&mut inner).map_err(Into::into)?;
    inner.finish()?;
    Ok(Some(value))
}

/// A non-negative INTEGER as its minimal big-endian bytes.
pub(crate) fn integer<'a>(reader: &mut SliceReader<'a>) -> Result<&'a [u8], BadX509> {
    let field = AnyRef::decode(reader)?;
    if Tag::Integer != der::Tagged::tag(&field) {
        return Err(BadX509::NotDer);
    }
    match field.value() {
        // One zero byte is the number zero; before another byte it may only keep the sign away (X.690 section 8.3.2).
        [0] => Ok(&[]),
        [0, next, ..] if *next < 0x80 => Err(BadX509::NotDer),
        [0, rest @ ..] => Ok(rest),
        [first, ..] if *first < 0x80 => Ok(field.value()),
        _ => Err(BadX509::NotDer),
    }
}

/// A BOOLEAN DEFAULT FALSE: DER lets only TRUE be written.
fn optional_true(reader: &mut SliceReader<'_>) -> Result<bool, BadX509> {
    if reader.is_finished() || Tag::peek(reader)? != Tag::Boolean {
        return Ok(false);
    }
    if bool::decode(reader)? {
        Ok(true)
    } else {
        Err(BadX509::NotDer)
    }
}

/// UTCTime until 2049, GeneralizedTime from 2050 (RFC 5280 section 4.1.2.5). Unix seconds.
pub(crate) fn time(reader: &mut SliceReader<'_>) -> Result<u64, BadX509> {
    let bad = |_| BadX509::Time;
    match Tag::peek(reader)? {
        Tag::UtcTime => {
            let time = UtcTime::decode(reader).map_err(bad)?;
            Ok(time.to_unix_duration().as_secs())
        }
        Tag::GeneralizedTime => {
            let time = GeneralizedTime::decode(reader).map_err(bad)?;
            if time.to_date_time().year() < 2050 {
                return Err(BadX509::Time);
            }
            Ok(time.to_unix_duration().as_secs())
        }
        _ => Err(BadX509::Time),
    }
}

impl<'a> Name<'a> {
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, BadX509> {
        let mut reader = SliceReader::new(bytes)?;
        let common_name = reader.sequence(|names| {
            let mut common_name = None;
            while !names.is_finished() {
                let set = AnyRef::decode(names)?;
                if der::Tagged::tag(&set) != Tag::Set {
                    return Err(BadX509::Name);
                }
                let mut members = SliceReader::new(set.value())?;
                let (kind, value) = members.sequence(|pair| {
                    Ok::<_, BadX509>((ObjectIdentifier::decode(pair)?, AnyRef::decode(pair)?))
                })?;
                members.finish().map_err(|_| BadX509::Name)?;
                if kind == COMMON_NAME {
                    if !matches!(
                        der::Tagged::tag(&value),
                        Tag::Utf8String | Tag::PrintableString
                    ) || common_name.is_some()
                    {
                        return Err(BadX509::Name);
                    }
                    common_name =
                        Some(std::str::from_utf8(value.value()).map_err(|_| BadX509::Name)?);
                }
            }
            common_name.ok_or(BadX509::Name)
        })?;
        reader.finish()?;
        Ok(Self {
            der: bytes,
            common_name,
        })
    }
}

/// `Extensions`: a non-empty row of unique extensions, the critical ones all understood.
pub(crate) fn extensions<'a>(reader: &mut SliceReader<'a>) -> Result<Vec<Extension<'a>>, BadX509> {
    reader.sequence(|row| {
        let mut found: Vec<Extension<'a>> = Vec::new();
        while !row.is_finished() {
            let extension = row.sequence(|body| {
                Ok::<_, BadX509>(Extension {
                    id: ObjectIdentifier::decode(body)?,
                    critical: optional_true(body)?,
                    value: <&'a OctetStringRef>::decode(body)?.as_bytes(),
                })
            })?;
            if found.len() == MAX_EXTENSIONS || found.iter().any(|other| other.id == extension.id) {
                return Err(BadX509::Extensions);
            }
            if extension.critical && ![BASIC_CONSTRAINTS, KEY_USAGE].contains(&extension.id) {
                return Err(BadX509::CriticalExtension);
            }
            found.push(extension);
        }
        if found.is_empty() {
            return Err(BadX509::Extensions);
        }
        Ok(found)
    })
}
