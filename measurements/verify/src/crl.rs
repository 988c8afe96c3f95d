//! Revocation lists (RFC 5280 section 5) of AMD's roots, of Intel's root and of its processor and platform authorities.

use crate::keys::CertifyingKey;
use crate::x509::{BadX509, Certificate, Maker, Name, Signed, explicit, integer, time};
use der::{Decode, Reader, SliceReader, Tag, TagNumber};

/// A revocation list of its maker's shape; nothing about it is verified yet.
pub(crate) struct RevocationList<'a> {
    signed: Signed<'a>,
    issuer: Name<'a>,
    /// `thisUpdate`, Unix time.
    pub(crate) this_update: u64,
    /// `nextUpdate`, Unix time.
    pub(crate) next_update: u64,
    /// Serial numbers.
    revoked: Vec<&'a [u8]>,
}

impl<'a> RevocationList<'a> {
    /// Reads a list; `Err` says what is wrong with it.
    pub(crate) fn read(bytes: &'a [u8], maker: Maker) -> Result<Self, String> {
        Self::parse(bytes, maker).map_err(|error| format!("a list with {error}"))
    }

    fn parse(bytes: &'a [u8], maker: Maker) -> Result<Self, BadX509> {
        let signed = Signed::list(bytes, maker)?;
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
    /// Whether this is the issuer's list, current at `now`, and free of all of `serials`; `Err` says what speaks against it.
    pub(crate) fn check(
        &self,
        issuer: &Certificate<'_>,
        key: &impl CertifyingKey,
        serials: &[&[u8]],
        now: u64,
    ) -> Result<String, String> {
        let own = issuer.may_sign_crl() == Ok(true) && issuer.subject.der == self.issuer.der;
        if !own || !key.certified(&self.signed) {
            return Err(format!(
                "a list that is not signed by {}",
                issuer.subject.common_name
            ));
        }
        if now < self.this_update {
            return Err("a list from the future".into());
        }
        if now > self.next_update {
            return Err("a list that is out of date".into());
        }
        if serials.iter().any(|serial| self.revoked.contains(serial)) {
            return Err("a certificate of the chain is revoked".into());
        }
        Ok(format!(
            "a current list of {} with {} revoked certificates, none of them here",
            issuer.subject.common_name,
            self.revoked.len()
        ))
    }
}
