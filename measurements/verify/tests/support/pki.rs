//! A signer for tests: good evidence of a simulated processor, of which a test changes one thing before it is signed.
#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) use super::expected::listing;
pub(crate) use super::x509::*;

use super::der::{NULL, TRUE, bits, integer, oid, sequence, time, tlv};
use super::expected::release_with;
use super::publish::publish;
use cloister_verify::policy::SIMULATED_HARDWARE_ID;
use cloister_verify::{
    Anchors, Appraisal, Binding, Endorsements, Expected, Opinion, Policy, Release, UnixTime,
    appraise, attest,
};
use cloister_wire::certs::{CertTable, Guid};
use cloister_wire::evidence::{Evidence, EvidenceKind};
use getrandom::SysRng;
use p384::ecdsa::signature::hazmat::PrehashSigner;
use rsa::rand_core::UnwrapErr;
use rsa::traits::PublicKeyParts;
use rsa::{BoxedUint, Pss, RsaPrivateKey};
use sha2::{Digest, Sha256, Sha384};
use std::collections::HashMap;
use std::sync::{LazyLock, Mutex};

/// When all tests take place: 2026-11-23 00:00 UTC.
pub(crate) const NOW: u64 = 1_795_392_000;
pub(crate) const DAY: u64 = 86_400;

pub(crate) const NONCE: [u8; 32] = [1; 32];
pub(crate) const EXPORTER: [u8; 32] = [2; 32];
pub(crate) const SPKI: &[u8] = b"the server's public key";
pub(crate) const KEY_CONFIGS: &[u8] = b"the key configurations";
pub(crate) const MEASUREMENT: [u8; 48] = [0x4d; 48];
pub(crate) const RELEASE: &str = "0.1.0";

fn key_line(name: &str) -> Vec<Vec<u8>> {
    let line = include_str!("keys.txt")
        .lines()
        .find(|line| line.starts_with(name))
        .unwrap();
    let numbers = line.split(' ').skip(1);
    numbers.map(|number| hex::decode(number).unwrap()).collect()
}

fn rsa_key(name: &str) -> RsaPrivateKey {
    let primes = key_line(name);
    let [p, q] = primes.as_slice() else {
        panic!("two primes")
    };
    RsaPrivateKey::from_p_q(
        BoxedUint::from_be_slice_vartime(p),
        BoxedUint::from_be_slice_vartime(q),
        BoxedUint::from_be_slice_vartime(&[1, 0, 1]),
    )
    .unwrap()
}

pub(crate) static ARK: LazyLock<RsaPrivateKey> = LazyLock::new(|| rsa_key("ark"));
pub(crate) static ASK: LazyLock<RsaPrivateKey> = LazyLock::new(|| rsa_key("ask"));
/// A second key for reports, for chips of others.
pub(crate) const CHIP: [u8; 48] = [7; 48];
pub(crate) const OTHER_CHIP: [u8; 48] = [8; 48];

/// Signs; what was signed before gets the same signature, since most scenes share most certificates.
pub(crate) fn sign(key: &RsaPrivateKey, message: &[u8]) -> Vec<u8> {
    type Signed = HashMap<(Vec<u8>, Vec<u8>), Vec<u8>>;
    static SIGNED: LazyLock<Mutex<Signed>> = LazyLock::new(Mutex::default);
    let done = (key.n_bytes().to_vec(), message.to_vec());
    if let Some(signature) = SIGNED.lock().unwrap().get(&done) {
        return signature.clone();
    }
    let digest = Sha384::digest(message);
    let signature = key
        .sign_with_rng(&mut UnwrapErr(SysRng), Pss::<Sha384>::new(), &digest)
        .unwrap();
    let mut signed = SIGNED.lock().unwrap();
    signed.entry(done).or_insert(signature).clone()
}

/// `SubjectPublicKeyInfo` of an RSA key.
pub(crate) fn rsa_spki(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
    let key = sequence(&[&integer(modulus), &integer(exponent)]);
    sequence(&[
        &sequence(&[&oid("1.2.840.113549.1.1.1"), NULL]),
        &bits(0, &key),
    ])
}

/// The modulus of an RSA key of 2048 bits.
pub(crate) fn short_modulus() -> Vec<u8> {
    key_line("short").remove(0)
}

/// `SubjectPublicKeyInfo` of a chip's key.
pub(crate) fn chip_spki(secret: &[u8; 48], compressed: bool) -> Vec<u8> {
    let key = p384::ecdsa::SigningKey::from_slice(secret).unwrap();
    let point = key.verifying_key().to_sec1_point(compressed);
    ec_spki("1.3.132.0.34", point.as_bytes())
}

pub(crate) const BOOT_LOADER: &str = "1.3.6.1.4.1.3704.1.3.1";
pub(crate) const TEE: &str = "1.3.6.1.4.1.3704.1.3.2";
pub(crate) const SNP: &str = "1.3.6.1.4.1.3704.1.3.3";
pub(crate) const MICROCODE: &str = "1.3.6.1.4.1.3704.1.3.8";
pub(crate) const FMC: &str = "1.3.6.1.4.1.3704.1.3.9";
pub(crate) const STRUCT_VERSION: &str = "1.3.6.1.4.1.3704.1.1";
pub(crate) const PRODUCT_NAME: &str = "1.3.6.1.4.1.3704.1.2";
pub(crate) const HARDWARE_ID: &str = "1.3.6.1.4.1.3704.1.4";
pub(crate) const PROVIDER_ID: &str = "1.3.6.1.4.1.3704.1.5";

/// Good evidence, and everything that the verifier is told, before anything is signed.
#[derive(Clone)]
pub(crate) struct Scene {
    pub(crate) kind: EvidenceKind,
    pub(crate) report: Vec<u8>,
    /// Which key signs the report; what it signs can be another report.
    pub(crate) chip: [u8; 48],
    pub(crate) signed: Option<Vec<u8>>,
    pub(crate) leaf: Cert,
    pub(crate) leaf_guid: Guid,
    pub(crate) ask: Cert,
    pub(crate) ark: Cert,
    pub(crate) crl: Crl,
    pub(crate) crl_given: bool,
    pub(crate) policy: Policy,
    pub(crate) releases: Vec<Release>,
    pub(crate) now: u64,
    pub(crate) binding: Binding<'static>,
    /// Changes the certificate table's entries after signing.
    pub(crate) table: fn(&mut Vec<(Guid, Vec<u8>)>),
    /// Changes the report after signing.
    pub(crate) after: fn(&mut Vec<u8>),
}

pub(crate) const SESSION: Binding<'static> = Binding::Session {
    nonce: NONCE,
    spki_der: SPKI,
    exporter: EXPORTER,
    key_configs: KEY_CONFIGS,
};

/// `REPORT_DATA` for the session of the tests, computed here and not by the verifier.
pub(crate) fn session_report_data(release: &str) -> [u8; 64] {
    cloister_bind::SessionBinding {
        nonce: NONCE,
        spki_sha256: Sha256::digest(SPKI).into(),
        exporter: EXPORTER,
        key_configs_sha256: Sha256::digest(KEY_CONFIGS).into(),
        release: cloister_bind::ReleaseId::parse(release).unwrap(),
    }
    .report_data()
    .0
}

/// `REPORT_DATA` for the key of the tests with this end of life.
pub(crate) fn key_report_data(release: &str, not_after: u64) -> [u8; 64] {
    cloister_bind::KeyBinding {
        spki_sha256: Sha256::digest(SPKI).into(),
        key_configs_sha256: Sha256::digest(KEY_CONFIGS).into(),
        not_after,
        release: cloister_bind::ReleaseId::parse(release).unwrap(),
    }
    .report_data()
    .0
}

pub(crate) fn release(id: &str, flavour: &str, digest: [u8; 48]) -> Release {
    release_with(id, flavour, digest, None)
}

impl Default for Scene {
    fn default() -> Self {
        let ca = |path: bool| {
            let constraints = if path {
                sequence(&[TRUE, &integer(&[0])])
            } else {
                sequence(&[TRUE])
            };
            let usage = if path {
                bits(2, &[0x04])
            } else {
                bits(1, &[0x06])
            };
            vec![
                ext(BASIC_CONSTRAINTS, true, constraints),
                ext(KEY_USAGE, true, usage),
            ]
        };
        let level = |id, level: u8| ext(id, false, integer(&[level]));
        let leaf = vec![
            level(STRUCT_VERSION, 0),
            ext(PRODUCT_NAME, false, tlv(0x16, b"Genoa")),
            level(BOOT_LOADER, 11),
            level(TEE, 0),
            level(SNP, 29),
            level("1.3.6.1.4.1.3704.1.3.4", 0),
            level(MICROCODE, 88),
            ext(HARDWARE_ID, false, SIMULATED_HARDWARE_ID.to_vec()),
        ];
        let mut scene = Self {
            kind: EvidenceKind::Simulated,
            report: vec![0; 1184],
            chip: CHIP,
            signed: None,
            leaf: Cert::new(
                "SEV-Genoa SIMULATED",
                "SEV-VCEK SIMULATED",
                0,
                chip_spki(&CHIP, false),
                leaf,
            ),
            leaf_guid: Guid::VCEK,
            ask: Cert::new(
                "ARK-Genoa SIMULATED",
                "SEV-Genoa SIMULATED",
                2,
                rsa_spki(&ASK.n_bytes(), &[1, 0, 1]),
                ca(true),
            ),
            ark: Cert::new(
                "ARK-Genoa SIMULATED",
                "ARK-Genoa SIMULATED",
                1,
                rsa_spki(&ARK.n_bytes(), &[1, 0, 1]),
                ca(false),
            ),
            crl: Crl {
                version: integer(&[1]),
                issuer: name("ARK-Genoa SIMULATED"),
                this_update: time(NOW - DAY),
                next_update: time(NOW + DAY),
                revoked: Vec::new(),
                extensions: vec![ext("2.5.29.20", false, integer(&[1]))],
            },
            crl_given: true,
            policy: Policy::simulated(),
            releases: vec![release(RELEASE, "simulated", MEASUREMENT)],
            now: NOW,
            binding: SESSION,
            table: |_| {},
            after: |_| {},
        };
        let tcb = [11, 0, 0, 0, 0, 0, 29, 88];
        for (offset, bytes) in [
            (0x000, &5u32.to_le_bytes()[..]),
            (0x008, &0x3c2_0000u64.to_le_bytes()),
            (0x034, &1u32.to_le_bytes()),
            (0x038, &tcb),
            (0x040, &0x7cu64.to_le_bytes()),
            (0x050, &session_report_data(RELEASE)),
            (0x090, &MEASUREMENT),
            (0x160, &[0xff; 32]),
            (0x180, &tcb),
            (0x188, &[0x19, 0x11, 0x01]),
            (0x1a0, &SIMULATED_HARDWARE_ID),
            (0x1e0, &tcb),
            (0x1e8, &[5, 58, 1, 0, 5, 58, 1, 0]),
            (0x1f0, &tcb),
            (0x1f8, &0x17u64.to_le_bytes()),
            (0x200, &0x17u64.to_le_bytes()),
        ] {
            scene.put(offset, bytes);
        }
        scene
    }
}

impl Scene {
    /// Writes into the report.
    pub(crate) fn put(&mut self, offset: usize, bytes: &[u8]) {
        self.report[offset..offset + bytes.len()].copy_from_slice(bytes);
    }

    /// Flips bits of one byte of the report.
    pub(crate) fn flip(&mut self, offset: usize, mask: u8) {
        self.report[offset] ^= mask;
    }

    /// The report, signed.
    pub(crate) fn signed_report(&self) -> Vec<u8> {
        let mut report = self.report.clone();
        let message = self.signed.as_ref().unwrap_or(&self.report);
        let key = p384::ecdsa::SigningKey::from_slice(&self.chip).unwrap();
        let digest = Sha384::digest(&message[..0x2a0]);
        let signature: p384::ecdsa::Signature = key.sign_prehash(&digest).unwrap();
        let (r, s) = signature.split_bytes();
        for (offset, number) in [(0x2a0, r), (0x2e8, s)] {
            for (to, from) in report[offset..].iter_mut().zip(number.iter().rev()) {
                *to = *from;
            }
        }
        (self.after)(&mut report);
        report
    }

    /// The certificate table's entries.
    pub(crate) fn entries(&self) -> Vec<(Guid, Vec<u8>)> {
        let mut entries = vec![
            (self.leaf_guid, self.leaf.sign(&ASK)),
            (Guid::ASK, self.ask.sign(&ARK)),
            (Guid::ARK, self.ark_der()),
        ];
        if self.crl_given {
            entries.push((Guid::CRL, self.crl.sign(&ARK)));
        }
        (self.table)(&mut entries);
        entries
    }

    pub(crate) fn ark_der(&self) -> Vec<u8> {
        self.ark.sign(&ARK)
    }

    pub(crate) fn anchors(&self) -> Anchors {
        Anchors::danger_simulated(&self.ark_der()).unwrap()
    }

    pub(crate) fn test_anchors(&self) -> Anchors {
        Anchors::danger_test_root(&self.ark_der()).unwrap()
    }

    pub(crate) fn evidence(&self) -> Evidence {
        let entries = self.entries();
        let entries: Vec<(Guid, &[u8])> = entries.iter().map(|(g, b)| (*g, &b[..])).collect();
        Evidence {
            kind: self.kind,
            report: self.signed_report(),
            auxiliary: CertTable::encode(&entries).unwrap(),
        }
    }

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

    /// The evidence judged without binding, under the root as a test root named like AMD's.
    pub(crate) fn appraise(&self) -> Opinion {
        let evidence = self.evidence();
        let endorsements = Endorsements::from_table(&evidence.auxiliary).unwrap();
        appraise(
            &evidence.report,
            &endorsements,
            &self.policy,
            &self.test_anchors(),
            UnixTime(self.now),
        )
    }

    /// Evidence of a Turin processor, with the TCB layout and hardware id of Turin, under a policy that lists it.
    pub(crate) fn turin() -> Self {
        let mut scene = Self::default();
        let hardware_id = *b"TURIN-01";
        let mut chip_id = [0; 64];
        chip_id[..8].copy_from_slice(&hardware_id);
        let tcb = [3, 2, 1, 5, 0, 0, 0, 0x55];
        for offset in [0x038, 0x180, 0x1e0, 0x1f0] {
            scene.put(offset, &tcb);
        }
        scene.put(0x188, &[0x1a, 0x02, 0x01]);
        scene.put(0x1a0, &chip_id);
        for (id, level) in [
            (STRUCT_VERSION, 1),
            (BOOT_LOADER, 2),
            (TEE, 1),
            (SNP, 5),
            (MICROCODE, 0x55),
        ] {
            scene.leaf.extension(id).value = integer(&[level]);
        }
        scene.leaf.extensions.push(ext(FMC, false, integer(&[3])));
        scene.leaf.extension(PRODUCT_NAME).value = tlv(0x16, b"Turin");
        scene.leaf.extension(HARDWARE_ID).value = hardware_id.to_vec();
        scene.policy = listing(&hardware_id, false);
        scene
    }

    /// Names as AMD's, for judging under a test root.
    pub(crate) fn named(mut self, line: &str) -> Self {
        let (ark, ask) = (format!("ARK-{line}"), format!("SEV-{line}"));
        self.ark.issuer = name(&ark);
        self.ark.subject = name(&ark);
        self.ask.issuer = name(&ark);
        self.ask.subject = name(&ask);
        self.leaf.issuer = name(&ask);
        self.leaf.subject = name("SEV-VCEK");
        self.crl.issuer = name(&ark);
        self
    }
}
