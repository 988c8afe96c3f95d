//! The evidence in a certificate: two kinds of extension, one of which must be there once.

use crate::foreign::cbor::{Label, Map, Reader, whole};
use crate::foreign::certificate::{BadCertificate, Certificate};
use crate::keys::Hash;
use der::Decode;
use der::asn1::{ObjectIdentifier, OctetStringRef};
use serde::Deserialize;
use sha2::{Digest, Sha384};

/// TCG DICE, `tcg-dice-TaggedEvidence`.
const TAGGED_EVIDENCE: ObjectIdentifier = ObjectIdentifier::new_unwrap("2.23.133.5.4.9");
/// dstack: the quote, and the event log beside it.
const DSTACK_QUOTE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.62397.1.1");
const DSTACK_EVENT_LOG: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.62397.1.2");
/// The CBOR tag of an Intel quote with claims (CCC, interoperable RA-TLS).
const INTEL_QUOTE: u64 = 60000;
/// What dstack puts before the key (its `QuoteContentType::RaTlsCert`).
const DSTACK_PREFIX: &[u8] = b"ratls-cert:";
/// The most events of a log.
const MAX_EVENTS: usize = 512;

/// What a certificate says for itself.
pub(super) enum Evidence<'a> {
    /// A quote, and claims whose hash is in its report data.
    Tagged { quote: &'a [u8], claims: &'a [u8] },
    /// A quote whose report data are the hash of the key, and the log behind its registers.
    Dstack {
        quote: &'a [u8],
        log: Option<&'a [u8]>,
    },
}

impl<'a> Evidence<'a> {
    pub(super) fn find(certificate: &Certificate<'a>) -> Result<Self, BadCertificate> {
        let octets = |value: &'a [u8]| {
            let octets = <&OctetStringRef>::from_der(value);
            octets
                .map(OctetStringRef::as_bytes)
                .map_err(|_| BadCertificate("an extension of dstack's that is no OCTET STRING"))
        };
        match (
            certificate.extension(TAGGED_EVIDENCE),
            certificate.extension(DSTACK_QUOTE),
        ) {
            (Some(tagged), None) => {
                let bad = BadCertificate("tagged evidence that is not a quote with claims");
                let read = |reader: &mut Reader<'a>| {
                    let head = (reader.tag()?, reader.array()?);
                    Ok((head, reader.bytes()?, reader.bytes()?))
                };
                match whole(tagged, read) {
                    Some(((INTEL_QUOTE, 2), quote, claims)) => Ok(Self::Tagged { quote, claims }),
                    _ => Err(bad),
                }
            }
            (None, Some(quote)) => Ok(Self::Dstack {
                quote: octets(quote)?,
                log: certificate
                    .extension(DSTACK_EVENT_LOG)
                    .map(octets)
                    .transpose()?,
            }),
            (None, None) => Err(BadCertificate("no evidence of a known kind")),
            (Some(_), Some(_)) => Err(BadCertificate("evidence of two kinds")),
        }
    }

    pub(super) fn quote(&self) -> &'a [u8] {
        match self {
            Self::Tagged { quote, .. } | Self::Dstack { quote, .. } => quote,
        }
    }

    /// The 64 bytes that must be in the quote.
    pub(super) fn report_data(&self, spki: &[u8]) -> [u8; 64] {
        let mut expected = [0; 64];
        let digest = match self {
            Self::Tagged { claims, .. } => Hash::Sha256.digest(claims),
            Self::Dstack { .. } => Hash::Sha512.digest(&[DSTACK_PREFIX, spki].concat()),
        };
        for (to, from) in expected.iter_mut().zip(digest) {
            *to = from;
        }
        expected
    }
}

/// The hash of the key that claims name: `"pubkey-hash": bytes of [algorithm, hash]`, the algorithm of RFC 9054's neighbour, the IANA
/// registry of named information hashes (1 SHA-256, 7 SHA-384, 8 SHA-512).
pub(super) fn claimed_key(claims: &[u8]) -> Option<(Hash, &[u8])> {
    let hash_entry = Map::parse(claims).ok()?.bytes(Label::Text("pubkey-hash"))?;
    whole(hash_entry, |reader| {
        let pair = reader.array()? == 2;
        let named = (reader.unsigned()?, reader.bytes()?);
        let hash = match named.0 {
            1 => Some(Hash::Sha256),
            7 => Some(Hash::Sha384),
            8 => Some(Hash::Sha512),
            _ => None,
        };
        Ok(hash.filter(|_| pair).map(|hash| (hash, named.1)))
    })?
}

/// The registers that an event log extends, from zeroes; `Err` says what is wrong with the log.
pub(super) fn replay(log: &[u8]) -> Result<Vec<[u8; 48]>, &'static str> {
    #[derive(Deserialize)]
    struct Event {
        imr: usize,
        digest: String,
    }
    let events: Vec<Event> =
        serde_json::from_slice(log).map_err(|_| "a log that is not JSON of events")?;
    if events.len() > MAX_EVENTS {
        return Err("a log of too many events");
    }
    let mut registers = vec![[0; 48]; 4];
    for event in &events {
        let register = registers
            .get_mut(event.imr)
            .ok_or("an event of an unknown register")?;
        let mut digest = [0; 48];
        hex::decode_to_slice(&event.digest, &mut digest)
            .map_err(|_| "an event without a digest of 48 bytes")?;
        let extended = Sha384::new()
            .chain_update(register.as_slice())
            .chain_update(digest);
        *register = extended.finalize().into();
    }
    Ok(registers)
}
