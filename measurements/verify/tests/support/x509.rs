//! Certificates and revocation lists before they are signed: whoever's they are, every member can be made wrong.
#![allow(dead_code, reason = "each test file uses its part")]

use super::der::{TRUE, bits, explicit, integer, oid, pss_sha384, sequence, time, tlv};
use super::pki::{DAY, NOW, sign};
use rsa::RsaPrivateKey;

pub(crate) fn ec_spki(curve: &str, point: &[u8]) -> Vec<u8> {
    sequence(&[
        &sequence(&[&oid("1.2.840.10045.2.1"), &oid(curve)]),
        &bits(0, point),
    ])
}

/// One extension.
#[derive(Clone)]
pub(crate) struct Ext {
    pub(crate) id: &'static str,
    pub(crate) critical: bool,
    pub(crate) value: Vec<u8>,
}

pub(crate) fn ext(id: &'static str, critical: bool, value: Vec<u8>) -> Ext {
    Ext {
        id,
        critical,
        value,
    }
}

pub(crate) const BASIC_CONSTRAINTS: &str = "2.5.29.19";
pub(crate) const KEY_USAGE: &str = "2.5.29.15";

/// A certificate before it is signed; every member can be made wrong.
#[derive(Clone)]
pub(crate) struct Cert {
    pub(crate) version: Vec<u8>,
    pub(crate) serial: Vec<u8>,
    pub(crate) inner_algorithm: Vec<u8>,
    pub(crate) outer_algorithm: Vec<u8>,
    pub(crate) issuer: Vec<u8>,
    pub(crate) subject: Vec<u8>,
    pub(crate) not_before: Vec<u8>,
    pub(crate) not_after: Vec<u8>,
    pub(crate) spki: Vec<u8>,
    pub(crate) extensions: Vec<Ext>,
    /// Bytes between the public key and the extensions.
    pub(crate) before_extensions: Vec<u8>,
}

pub(crate) fn name(common_name: &str) -> Vec<u8> {
    let attribute = |id, text: &str| tlv(0x31, &sequence(&[&oid(id), &tlv(0x0c, text.as_bytes())]));
    sequence(&[
        &attribute("2.5.4.10", "Cloister tests"),
        &attribute("2.5.4.3", common_name),
    ])
}

impl Cert {
    pub(crate) fn new(
        issuer: &str,
        subject: &str,
        serial: u8,
        spki: Vec<u8>,
        extensions: Vec<Ext>,
    ) -> Self {
        Self {
            version: explicit(0, &integer(&[2])),
            serial: integer(&[serial]),
            inner_algorithm: pss_sha384(),
            outer_algorithm: pss_sha384(),
            issuer: name(issuer),
            subject: name(subject),
            not_before: time(NOW - 10 * DAY),
            not_after: time(NOW + 10 * DAY),
            spki,
            extensions,
            before_extensions: Vec::new(),
        }
    }

    pub(crate) fn extension(&mut self, id: &str) -> &mut Ext {
        self.extensions.iter_mut().find(|e| e.id == id).unwrap()
    }

    pub(crate) fn remove(&mut self, id: &str) {
        let before = self.extensions.len();
        self.extensions.retain(|e| e.id != id);
        assert_ne!(before, self.extensions.len(), "nothing was removed");
    }

    pub(crate) fn sign(&self, key: &RsaPrivateKey) -> Vec<u8> {
        self.sign_with(|body| sign(key, body))
    }

    /// Signs with whatever key.
    pub(crate) fn sign_with(&self, sign: impl FnOnce(&[u8]) -> Vec<u8>) -> Vec<u8> {
        let extensions: Vec<Vec<u8>> = self
            .extensions
            .iter()
            .map(|e| {
                let critical = if e.critical { TRUE } else { &[] };
                sequence(&[&oid(e.id), critical, &tlv(4, &e.value)])
            })
            .collect();
        let extensions = match extensions.as_slice() {
            [] => Vec::new(),
            some => explicit(3, &tlv(0x30, &some.concat())),
        };
        let body = sequence(&[
            &self.version,
            &self.serial,
            &self.inner_algorithm,
            &self.issuer,
            &sequence(&[&self.not_before, &self.not_after]),
            &self.subject,
            &self.spki,
            &self.before_extensions,
            &extensions,
        ]);
        sequence(&[&body, &self.outer_algorithm, &bits(0, &sign(&body))])
    }
}

/// A revocation list before it is signed.
#[derive(Clone)]
pub(crate) struct Crl {
    pub(crate) version: Vec<u8>,
    pub(crate) issuer: Vec<u8>,
    pub(crate) this_update: Vec<u8>,
    pub(crate) next_update: Vec<u8>,
    pub(crate) revoked: Vec<u8>,
    pub(crate) extensions: Vec<Ext>,
}

impl Crl {
    pub(crate) fn sign(&self, key: &RsaPrivateKey) -> Vec<u8> {
        self.sign_with(&pss_sha384(), |body| sign(key, body))
    }

    /// Signs with whatever key and algorithm.
    pub(crate) fn sign_with(
        &self,
        algorithm: &[u8],
        sign: impl FnOnce(&[u8]) -> Vec<u8>,
    ) -> Vec<u8> {
        let revoked = sequence(&[&integer(&[self.revoked.len() as u8 + 90]), &time(NOW - DAY)]);
        let entries: Vec<Vec<u8>> = self
            .revoked
            .iter()
            .map(|&serial| sequence(&[&integer(&[serial]), &time(NOW - DAY)]))
            .chain([revoked])
            .collect();
        let extensions: Vec<Vec<u8>> = self
            .extensions
            .iter()
            .map(|e| {
                let critical = if e.critical { TRUE } else { &[] };
                sequence(&[&oid(e.id), critical, &tlv(4, &e.value)])
            })
            .collect();
        let body = sequence(&[
            &self.version,
            algorithm,
            &self.issuer,
            &self.this_update,
            &self.next_update,
            &tlv(0x30, &entries.concat()),
            &explicit(0, &tlv(0x30, &extensions.concat())),
        ]);
        sequence(&[&body, algorithm, &bits(0, &sign(&body))])
    }
}
