//! COSE_Sign1 (RFC 9052 section 4.2): a message with one signature.

use crate::foreign::cbor::{BadCbor, Label, MAX_ENTRIES, Map, Reader, put_head, whole};
use crate::keys::{Hash, PublicKey};

/// The tag of COSE_Sign1.
const TAG: u64 = 18;
/// Header parameters (RFC 9052 section 3.1, RFC 9360 section 2).
pub(super) const ALGORITHM: Label<'static> = Label::Number(1);
const CRITICAL: Label<'static> = Label::Number(2);
const X5CHAIN: Label<'static> = Label::Number(33);

/// A message; nothing about it is verified yet.
pub(super) struct Sign1<'a> {
    protected: &'a [u8],
    pub(super) header: Map<'a>,
    pub(super) payload: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Sign1<'a> {
    /// Reads a tagged message with its payload inside; nothing may follow it.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, BadCbor> {
        let mut reader = Reader::new(bytes);
        if reader.tag()? != TAG || reader.array()? != 4 {
            return Err(BadCbor);
        }
        let protected = reader.bytes()?;
        // Nothing of the unprotected header is used, a countersigned time included: nobody here has a root for its signer. But it must be one.
        Map::read(&mut reader)?;
        let (payload, signature) = (reader.bytes()?, reader.bytes()?);
        reader.end()?;
        Ok(Self {
            protected,
            header: Map::parse(protected)?,
            payload,
            signature,
        })
    }

    /// The texts of the parameters that a reader must understand (RFC 9052 section 3.1, `crit`); `None` when one is no text.
    pub(super) fn critical(&self) -> Option<Vec<&'a str>> {
        let Some(list) = self.header.get(CRITICAL) else {
            return Some(Vec::new());
        };
        whole(list, |reader| row(reader, Reader::text))
    }

    /// The signer's certificates in DER, its own first (RFC 9360 section 2): one, or an array of them.
    pub(super) fn certificates(&self) -> Option<Vec<&'a [u8]>> {
        let chain = self.header.get(X5CHAIN)?;
        whole(chain, |reader| Ok(vec![reader.bytes()?]))
            .or_else(|| whole(chain, |reader| row(reader, Reader::bytes)))
    }

    /// Whether `key` has signed the message in the algorithm that the protected header names (RFC 9052 section 4.4).
    pub(super) fn signed_by(&self, key: &PublicKey) -> bool {
        let message = self.to_be_signed();
        let signature = self.signature;
        match (self.header.number(ALGORITHM), key) {
            // RFC 9053 section 2.1; the curve is fixed by what the key is.
            (Some(-7), PublicKey::P256(key)) => signature
                .try_into()
                .is_ok_and(|signature| key.signed(Hash::Sha256, &message, signature)),
            (Some(-35), PublicKey::P384(key)) => signature
                .try_into()
                .is_ok_and(|signature| key.signed(Hash::Sha384, &message, signature)),
            // RFC 8230 section 2.
            (Some(-37), PublicKey::Rsa(key)) => key.pss(Hash::Sha256, &message, signature),
            (Some(-38), PublicKey::Rsa(key)) => key.pss(Hash::Sha384, &message, signature),
            (Some(-39), PublicKey::Rsa(key)) => key.pss(Hash::Sha512, &message, signature),
            _ => false,
        }
    }

    /// `Sig_structure`: ["Signature1", protected, external data (none), payload].
    fn to_be_signed(&self) -> Vec<u8> {
        let mut out = vec![0x84];
        put_head(&mut out, 3, b"Signature1".len());
        out.extend(b"Signature1");
        for part in [self.protected, &[], self.payload] {
            put_head(&mut out, 2, part.len());
            out.extend(part);
        }
        out
    }
}

/// An array of one to [`MAX_ENTRIES`] items of one kind.
fn row<'a, T>(
    reader: &mut Reader<'a>,
    read: impl Fn(&mut Reader<'a>) -> Result<T, BadCbor>,
) -> Result<Vec<T>, BadCbor> {
    let count = reader.array()?;
    if !(1..=MAX_ENTRIES).contains(&count) {
        return Err(BadCbor);
    }
    (0..count).map(|_| read(reader)).collect()
}
