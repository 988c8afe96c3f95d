//! Revocation lists (RFC 5280 section 5) of AMD's roots.

use crate::anchors::Root;
use crate::x509::{BadX509, Name, Signed, explicit, integer, time};
use der::{Decode, Reader, SliceReader, Tag, TagNumber};

/// A revocation list of AMD's shape; nothing about it is verified yet.
struct RevocationList<'a> {
    signed: Signed<'a>,
    issuer: Name<'a>,
    this_update: u64,
    next_update: u64,
    /// Serial numbers.
    revoked: Vec<&'a [u8]>,
}

impl<'a> RevocationList<'a> {
    fn parse(bytes: &'a [u8]) -> Result<Self, BadX509> {
        let signed = Signed::parse(bytes)?;
        let mut reader = SliceReader::new(signed.tbs)?;
        let list = reader.sequence(|tbs| {
            if u8::decode(tbs)? != 1 {
                return Err(BadX509::Version);
            }
            signed.check_inner(tbs.tlv_bytes()?)?;
            let issuer = Name::parse(tbs.tlv_bytes()?)?;
            let this_update = time(tbs)?;
            // Optional in RFC 5280's grammar, required by its profile (section 5.1.2.5).
            let next_update = time(tbs)?;
            let mut revoked = Vec::new();
            if !tbs.is_finished() && Tag::peek(tbs)? == Tag::Sequence {
                tbs.sequence(|entries| {
                    while !entries.is_finished() {
                        let serial = entries.sequence(|entry| {
                            let serial = integer(entry)?;
                            time(entry)?;
                            if !entry.is_finished() {
                                // A critical entry extension could change whose serial number this is.
                                crate::x509::extensions(entry)?;
                            }
                            Ok::<_, BadX509>(serial)
                        })?;
                        revoked.push(serial);
                    }
                    Ok::<_, BadX509>(())
                })?;
            }
            // A critical extension (a delta list, a list for some certificates only) is refused by `extensions`.
            explicit(tbs, TagNumber(0), crate::x509::extensions)?;
            Ok(Self {
                signed,
                issuer,
                this_update,
                next_update,
                revoked,
            })
        })?;
        reader.finish()?;
        Ok(list)
    }
}

/// Whether `list` is the root's, current at `now`, and free of `serial`; `Err` says what speaks against it.
pub(crate) fn check(list: &[u8], root: &Root, serial: &[u8], now: u64) -> Result<String, String> {
    let list = RevocationList::parse(list).map_err(|error| format!("a list with {error}"))?;
    let issuer = root
        .certificate()
        .filter(|root| root.may_sign_crl() == Ok(true) && root.subject.der == list.issuer.der);
    if issuer.is_none() || !root.key.signed(&list.signed) {
        return Err("a list that is not signed by the root".into());
    }
    if now < list.this_update {
        return Err("a list from the future".into());
    }
    if now > list.next_update {
        return Err("a list that is out of date".into());
    }
    if list.revoked.contains(&serial) {
        return Err("the intermediate certificate is revoked".into());
    }
    Ok(format!(
        "a current list of the root with {} revoked certificates, not this one",
        list.revoked.len()
    ))
}
