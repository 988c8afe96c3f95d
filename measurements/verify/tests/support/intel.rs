//! A signer for tests, Intel's style: good evidence of a TD, of which a test changes one thing before it is signed.
#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) use super::collateral::LEVEL;

use super::collateral::{qe_identity, tcb_info};
use super::der::{TRUE, bits, integer, oid, sequence, time, tlv};
use super::expected::{Change, release_with};
use super::pki::{DAY, MEASUREMENT, NOW, RELEASE, SESSION, session_report_data};
use super::publish::publish;
use super::x509::{BASIC_CONSTRAINTS, Cert, Crl, Ext, KEY_USAGE, ec_spki, ext, name};
use cloister_verify::{
    Anchors, Appraisal, Binding, Collateral, Expected, Opinion, Policy, Release, UnixTime,
    appraise_quote, attest,
};
use cloister_wire::certs::{CertTable, Guid};
use cloister_wire::evidence::{Evidence, EvidenceKind};
use p256::ecdsa::signature::hazmat::PrehashSigner;
use p256::ecdsa::{Signature, SigningKey};
use sha2::{Digest, Sha256};

pub(crate) const ROOT: u8 = 1;
pub(crate) const ISSUER: u8 = 2;
pub(crate) const SIGNER: u8 = 3;
pub(crate) const PCK: u8 = 4;
pub(crate) const ATTESTATION: u8 = 5;
/// Nobody's key.
pub(crate) const STRANGER: u8 = 9;

pub(crate) const PPID: [u8; 16] = *b"CLOISTER TEST TD";
pub(crate) const SGX_EXTENSIONS: &str = "1.2.840.113741.1.13.1";
/// Where the fields of a TD 1.5 body are.
pub(crate) const TEE_TCB_SVN: usize = 0;
pub(crate) const MRSIGNERSEAM: usize = 64;
pub(crate) const SEAMATTRIBUTES: usize = 112;
pub(crate) const TDATTRIBUTES: usize = 120;
pub(crate) const XFAM: usize = 128;
pub(crate) const MRTD: usize = 136;
pub(crate) const MRCONFIGID: usize = 184;
pub(crate) const MROWNER: usize = 232;
pub(crate) const MROWNERCONFIG: usize = 280;
pub(crate) const RTMR0: usize = 328;
pub(crate) const RTMR1: usize = 376;
pub(crate) const RTMR2: usize = 424;
pub(crate) const RTMR3: usize = 472;
pub(crate) const REPORTDATA: usize = 520;
pub(crate) const TEE_TCB_SVN_2: usize = 584;
pub(crate) const MRSERVICETD: usize = 600;

fn key(secret: u8) -> SigningKey {
    SigningKey::from_slice(&[secret; 32]).unwrap()
}

/// r and s.
pub(crate) fn sign(secret: u8, message: &[u8]) -> Vec<u8> {
    let signature: Signature = key(secret).sign_prehash(&Sha256::digest(message)).unwrap();
    signature.to_bytes().to_vec()
}

/// `Ecdsa-Sig-Value`.
fn sign_der(secret: u8, message: &[u8]) -> Vec<u8> {
    let both = sign(secret, message);
    sequence(&[&integer(&both[..32]), &integer(&both[32..])])
}

fn point(secret: u8) -> Vec<u8> {
    let point = key(secret).verifying_key().to_sec1_point(false);
    point.as_bytes().to_vec()
}

pub(crate) fn spki(secret: u8) -> Vec<u8> {
    ec_spki("1.2.840.10045.3.1.7", &point(secret))
}

pub(crate) fn ecdsa_sha256() -> Vec<u8> {
    sequence(&[&oid("1.2.840.10045.4.3.2")])
}

fn pem(der: &[u8]) -> String {
    use ::der::pem::{LineEnding, encode_string};
    encode_string("CERTIFICATE", LineEnding::LF, der).unwrap()
}

/// What a PCK certificate says.
#[derive(Clone)]
pub(crate) struct Sgx {
    pub(crate) ppid: Vec<u8>,
    pub(crate) components: [u8; 16],
    pub(crate) pce_svn: u8,
    pub(crate) pce_id: Vec<u8>,
    pub(crate) fmspc: Vec<u8>,
    pub(crate) smt: bool,
    /// A further member.
    pub(crate) more: Vec<u8>,
}

impl Sgx {
    fn der(&self) -> Vec<u8> {
        let id = |arcs: &str| oid(&format!("{SGX_EXTENSIONS}{arcs}"));
        let octets = |arcs: &str, bytes: &[u8]| sequence(&[&id(arcs), &tlv(4, bytes)]);
        let mut tcb: Vec<Vec<u8>> = (1..)
            .zip(self.components)
            .map(|(n, svn)| sequence(&[&id(&format!(".2.{n}")), &integer(&[svn])]))
            .collect();
        tcb.push(sequence(&[&id(".2.17"), &integer(&[self.pce_svn])]));
        tcb.push(octets(".2.18", &self.components));
        let boolean = |value: bool| tlv(1, &[if value { 0xff } else { 0 }]);
        let configuration = sequence(&[
            &sequence(&[&id(".7.1"), &boolean(true)]),
            &sequence(&[&id(".7.3"), &boolean(self.smt)]),
        ]);
        sequence(&[
            &octets(".1", &self.ppid),
            &sequence(&[&id(".2"), &sequence(&[&tcb.concat()])]),
            &octets(".3", &self.pce_id),
            &octets(".4", &self.fmspc),
            &sequence(&[&id(".5"), &tlv(10, &[1])]),
            &sequence(&[&id(".7"), &configuration]),
            &self.more,
        ])
    }
}

/// Good evidence of a TD, and everything that the verifier is told, before anything is signed.
#[derive(Clone)]
pub(crate) struct Td {
    pub(crate) header: Vec<u8>,
    /// Type and size of the body.
    pub(crate) descriptor: Vec<u8>,
    pub(crate) body: Vec<u8>,
    pub(crate) qe_report: Vec<u8>,
    /// What stands in the QE report's data instead of the right bytes.
    pub(crate) qe_report_data: Option<[u8; 64]>,
    pub(crate) auth_data: Vec<u8>,
    pub(crate) sgx: Sgx,
    pub(crate) root: Cert,
    pub(crate) issuer: Cert,
    pub(crate) pck: Cert,
    pub(crate) signer: Cert,
    pub(crate) root_crl: Crl,
    pub(crate) pck_crl: Crl,
    /// The signed members, as text.
    pub(crate) tcb_info: String,
    pub(crate) qe_identity: String,
    /// Who signs what: (what, whose key).
    pub(crate) keys: Keys,
    pub(crate) policy: Policy,
    pub(crate) releases: Vec<Release>,
    pub(crate) now: u64,
    pub(crate) binding: Binding<'static>,
    /// Changes the table after signing.
    pub(crate) table: fn(&mut Vec<(Guid, Vec<u8>)>),
    /// Changes the quote after signing.
    pub(crate) after: fn(&mut Vec<u8>),
}

/// The secret that signs each thing.
#[derive(Clone)]
pub(crate) struct Keys {
    pub(crate) issuer: u8,
    pub(crate) pck: u8,
    pub(crate) signer: u8,
    pub(crate) root_crl: u8,
    pub(crate) pck_crl: u8,
    pub(crate) documents: u8,
    pub(crate) qe_report: u8,
    pub(crate) quote: u8,
}

fn certificate(issuer: &str, subject: &str, serial: u8, secret: u8, usage: Option<u8>) -> Cert {
    let extensions: Vec<Ext> = match usage {
        Some(path) => vec![
            ext(
                BASIC_CONSTRAINTS,
                true,
                sequence(&[TRUE, &integer(&[path])]),
            ),
            ext(KEY_USAGE, true, bits(1, &[0x06])),
        ],
        None => vec![
            ext(KEY_USAGE, true, bits(6, &[0xc0])),
            ext(BASIC_CONSTRAINTS, true, sequence(&[])),
        ],
    };
    let mut certificate = Cert::new(issuer, subject, serial, spki(secret), extensions);
    certificate.inner_algorithm = ecdsa_sha256();
    certificate.outer_algorithm = ecdsa_sha256();
    certificate
}

const ROOT_NAME: &str = "Intel SGX Root CA";
const ISSUER_NAME: &str = "Intel SGX PCK Platform CA";

fn list(issuer: &str) -> Crl {
    Crl {
        version: integer(&[1]),
        issuer: name(issuer),
        this_update: time(NOW - DAY),
        next_update: time(NOW + DAY),
        revoked: Vec::new(),
        extensions: vec![ext("2.5.29.20", false, integer(&[1]))],
    }
}

/// A release with one TDX shape whose numbers are the ones of the tests.
pub(crate) fn release(id: &str, flavour: &str) -> Release {
    release_of(
        id,
        flavour,
        [MEASUREMENT, [0x50; 48], [0x51; 48], [0x52; 48]],
    )
}

/// A release with one TDX shape: `MRTD`, `RTMR0` to `RTMR2`.
pub(crate) fn release_of(id: &str, flavour: &str, numbers: [[u8; 48]; 4]) -> Release {
    release_with(id, flavour, [1; 48], Some(numbers))
}

/// The production policy with the machine of the tests, its rules and Intel's floors changed.
pub(crate) fn policy(rules: Change<'_>, floors: Change<'_>, smt: bool) -> Policy {
    super::expected::policy(rules, floors, &PPID, smt)
}

impl Default for Td {
    fn default() -> Self {
        let mut header = vec![5, 0, 2, 0, 0x81, 0, 0, 0, 0, 0, 0, 0];
        header.extend(hex::decode("939a7233f79c4ca9940a0db3957f0607").unwrap());
        header.extend([0; 20]);
        let mut qe_report = vec![0; 384];
        qe_report[48] = 0x11;
        qe_report[128..160].fill(0xdc);
        qe_report[256] = 2;
        qe_report[258] = 4;
        let mut td = Self {
            header,
            descriptor: [&3u16.to_le_bytes()[..], &648u32.to_le_bytes()].concat(),
            body: vec![0; 648],
            qe_report,
            qe_report_data: None,
            auth_data: (0..32).collect(),
            sgx: Sgx {
                ppid: PPID.to_vec(),
                components: LEVEL,
                pce_svn: 11,
                pce_id: vec![0, 0],
                fmspc: hex::decode("0badc0de0001").unwrap(),
                smt: false,
                more: Vec::new(),
            },
            root: certificate(ROOT_NAME, ROOT_NAME, 1, ROOT, Some(1)),
            issuer: certificate(ROOT_NAME, ISSUER_NAME, 2, ISSUER, Some(0)),
            pck: certificate(ISSUER_NAME, "Intel SGX PCK Certificate", 4, PCK, None),
            signer: certificate(ROOT_NAME, "Intel SGX TCB Signing", 3, SIGNER, None),
            root_crl: list(ROOT_NAME),
            pck_crl: list(ISSUER_NAME),
            tcb_info: tcb_info(),
            qe_identity: qe_identity(),
            keys: Keys {
                issuer: ROOT,
                pck: ISSUER,
                signer: ROOT,
                root_crl: ROOT,
                pck_crl: ISSUER,
                documents: SIGNER,
                qe_report: PCK,
                quote: ATTESTATION,
            },
            policy: policy(("", ""), ("", ""), false),
            releases: vec![release(RELEASE, "production")],
            now: NOW,
            binding: SESSION,
            table: |_| {},
            after: |_| {},
        };
        for (offset, bytes) in [
            (TEE_TCB_SVN, &[5, 1, 5][..]),
            (TDATTRIBUTES, &[0, 0, 0, 0x10]),
            (XFAM, &[0xe7, 0x02, 0x06]),
            (MRTD, &MEASUREMENT),
            (RTMR0, &[0x50; 48]),
            (RTMR1, &[0x51; 48]),
            (RTMR2, &[0x52; 48]),
            (REPORTDATA, &session_report_data(RELEASE)),
            (TEE_TCB_SVN_2, &[6, 1, 5]),
        ] {
            td.put(offset, bytes);
        }
        td
    }
}

impl Td {
    /// Writes into the body.
    pub(crate) fn put(&mut self, offset: usize, bytes: &[u8]) {
        self.body[offset..offset + bytes.len()].copy_from_slice(bytes);
    }

    /// Replaces a text that occurs once in a document.
    pub(crate) fn tcb_info_with(&mut self, from: &str, to: &str) {
        assert_eq!(self.tcb_info.matches(from).count(), 1, "{from}");
        self.tcb_info = self.tcb_info.replace(from, to);
    }

    pub(crate) fn qe_identity_with(&mut self, from: &str, to: &str) {
        assert_eq!(self.qe_identity.matches(from).count(), 1, "{from}");
        self.qe_identity = self.qe_identity.replace(from, to);
    }

    /// Version 4 with the body of TDX 1.0.
    pub(crate) fn version_4(&mut self) {
        self.header[0] = 4;
        self.descriptor.clear();
        self.body.truncate(584);
    }

    pub(crate) fn root_der(&self) -> Vec<u8> {
        self.root.sign_with(|body| sign_der(ROOT, body))
    }

    fn issuer_der(&self) -> Vec<u8> {
        let key = self.keys.issuer;
        self.issuer.sign_with(|body| sign_der(key, body))
    }

    /// The quote, signed.
    pub(crate) fn quote(&self) -> Vec<u8> {
        let mut pck = self.pck.clone();
        if !pck.extensions.iter().any(|e| e.id == SGX_EXTENSIONS) {
            pck.extensions
                .push(ext(SGX_EXTENSIONS, false, self.sgx.der()));
        }
        let key = self.keys.pck;
        let mut chain: String = [
            pck.sign_with(|body| sign_der(key, body)),
            self.issuer_der(),
            self.root_der(),
        ]
        .iter()
        .map(|der| pem(der))
        .collect();
        chain.push('\0');
        let attestation_key = &point(ATTESTATION)[1..];
        let mut qe_report = self.qe_report.clone();
        let bound = Sha256::digest([attestation_key, &self.auth_data].concat());
        match &self.qe_report_data {
            Some(data) => qe_report[320..].copy_from_slice(data),
            None => qe_report[320..352].copy_from_slice(&bound),
        }
        let size = |bytes: &[u8]| (bytes.len() as u32).to_le_bytes();
        let certification = [
            &qe_report[..],
            &sign(self.keys.qe_report, &qe_report),
            &(self.auth_data.len() as u16).to_le_bytes(),
            &self.auth_data,
            &[5, 0],
            &size(chain.as_bytes()),
            chain.as_bytes(),
        ]
        .concat();
        let signed = [&self.header[..], &self.descriptor, &self.body].concat();
        let data = [
            &sign(self.keys.quote, &signed)[..],
            attestation_key,
            &[6, 0],
            &size(&certification),
            &certification,
        ]
        .concat();
        let mut quote = [&signed[..], &size(&data), &data].concat();
        (self.after)(&mut quote);
        quote
    }

    /// The table's entries.
    pub(crate) fn entries(&self) -> Vec<(Guid, Vec<u8>)> {
        let document = |member: &str, text: &str| {
            let signature = hex::encode(sign(self.keys.documents, text.as_bytes()));
            format!("{{\"{member}\":{text},\"signature\":\"{signature}\"}}").into_bytes()
        };
        let (root, keys) = (self.root_der(), &self.keys);
        let signer = self.signer.sign_with(|body| sign_der(keys.signer, body));
        let signers = (pem(&signer) + &pem(&root)).into_bytes();
        let root_crl = self
            .root_crl
            .sign_with(&ecdsa_sha256(), |body| sign_der(keys.root_crl, body));
        let pck_crl = self
            .pck_crl
            .sign_with(&ecdsa_sha256(), |body| sign_der(keys.pck_crl, body));
        let issuers = (pem(&self.issuer_der()) + &pem(&root)).into_bytes();
        let mut entries = vec![
            (Guid::TDX_TCB_INFO, document("tcbInfo", &self.tcb_info)),
            (Guid::TDX_TCB_INFO_CHAIN, signers.clone()),
            (
                Guid::TDX_QE_IDENTITY,
                document("enclaveIdentity", &self.qe_identity),
            ),
            (Guid::TDX_QE_IDENTITY_CHAIN, signers),
            (Guid::TDX_ROOT_CRL, root_crl),
            (Guid::TDX_PCK_CRL, pck_crl),
            (Guid::TDX_PCK_CRL_CHAIN, issuers),
        ];
        (self.table)(&mut entries);
        entries
    }

    pub(crate) fn anchors(&self) -> Anchors {
        Anchors::danger_test_root(&self.root_der()).unwrap()
    }

    pub(crate) fn evidence(&self) -> Evidence {
        let entries = self.entries();
        let entries: Vec<(Guid, &[u8])> = entries.iter().map(|(g, b)| (*g, &b[..])).collect();
        Evidence {
            kind: EvidenceKind::Tdx,
            report: self.quote(),
            auxiliary: CertTable::encode(&entries).unwrap(),
        }
    }

    /// Judged with its binding. A test root attests nothing, so the rule on the kind of evidence always speaks against it.
    pub(crate) fn attest(&self) -> Appraisal {
        self.attest_under(&self.anchors())
    }

    pub(crate) fn attest_under(&self, anchors: &Anchors) -> Appraisal {
        attest(
            &self.evidence(),
            &self.binding,
            &Expected {
                policy: &self.policy,
                releases: &publish(&self.releases, self.now),
                anchors,
                now: UnixTime(self.now),
            },
        )
    }

    /// Judged without binding.
    pub(crate) fn appraise(&self) -> Opinion {
        let evidence = self.evidence();
        let collateral = Collateral::from_table(&evidence.auxiliary).unwrap();
        appraise_quote(
            &evidence.report,
            &collateral,
            &self.policy,
            &self.anchors(),
            UnixTime(self.now),
        )
    }
}
