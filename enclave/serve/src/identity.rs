//! The TLS identity: a key born here and a certificate that carries the evidence for it.

use cloister_wire::evidence::Evidence;
use graviola::{
    hashing::Sha256,
    signing::ecdsa::{P256, SigningKey as EcdsaKey},
};
use rcgen::{
    CertificateParams, CustomExtension, DistinguishedName, DnType, PKCS_ECDSA_P256_SHA256,
    PublicKeyData, SerialNumber, SignatureAlgorithm, SigningKey,
};
use rustls::{
    ServerConfig,
    pki_types::{CertificateDer, PrivatePkcs8KeyDer},
    server::{ClientHello, NoServerSessionStorage, ResolvesServerCert},
    sign::CertifiedKey,
    version::TLS13,
};
use sha2::{Digest, Sha256 as Sha2};
use std::{
    fmt,
    sync::{Arc, PoisonError, RwLock},
};
use time::OffsetDateTime;

/// `id-pe-cmw`, the certificate extension for conceptual messages (RFC 9999).
const ID_PE_CMW: &[u64] = &[1, 3, 6, 1, 5, 5, 7, 1, 35];

/// The key of this process. It never leaves it, and is never stored.
pub(crate) struct Identity {
    key: EcdsaKey<P256>,
    signer: Arc<dyn rustls::sign::SigningKey>,
    /// Uncompressed point, as in the certificate.
    point: Vec<u8>,
    /// DER `SubjectPublicKeyInfo`.
    spki: Vec<u8>,
}

/// The identity could not be made.
#[derive(Debug)]
pub(crate) struct IdentityError(String);

impl fmt::Display for IdentityError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Identity {
    /// A fresh ECDSA P-256 key.
    pub(crate) fn generate() -> Result<Self, IdentityError> {
        let failed = |what: &'static str| {
            move |error: graviola::Error| IdentityError(format!("{what}: {error:?}"))
        };
        let key = EcdsaKey::<P256>::generate().map_err(failed("generate a P-256 key"))?;
        let mut buffer = [0; 128];
        let spki = key
            .to_spki_der(&mut buffer)
            .map_err(failed("encode the public key"))?
            .to_vec();
        // SubjectPublicKeyInfo of P-256 ends in the 65-byte uncompressed point.
        let point = spki
            .last_chunk::<65>()
            .ok_or_else(|| IdentityError("the public key is too short".to_owned()))?
            .to_vec();
        let mut pkcs8 = [0; 256];
        let der = PrivatePkcs8KeyDer::from(
            key.to_pkcs8_der(&mut pkcs8)
                .map_err(failed("encode the private key"))?
                .to_vec(),
        );
        let signer = rustls_graviola::default_provider()
            .key_provider
            .load_private_key(der.into())
            .map_err(|error| IdentityError(error.to_string()))?;
        // The copy on the stack; the one on the heap is wiped by the allocator.
        pkcs8.fill(0);
        std::hint::black_box(&pkcs8);
        Ok(Self {
            key,
            signer,
            point,
            spki,
        })
    }

    /// DER `SubjectPublicKeyInfo`.
    pub(crate) fn spki(&self) -> &[u8] {
        &self.spki
    }

    /// SHA-256 of the DER `SubjectPublicKeyInfo`.
    pub(crate) fn spki_sha256(&self) -> [u8; 32] {
        Sha2::digest(&self.spki).into()
    }

    /// A self-signed certificate that carries `evidence`, valid until `not_after` (Unix seconds).
    ///
    /// The names say nothing: what the peer is follows from the evidence alone.
    pub(crate) fn certify(
        &self,
        evidence: &Evidence,
        not_after: u64,
    ) -> Result<CertifiedKey, IdentityError> {
        let failed = |error: rcgen::Error| IdentityError(format!("make the certificate: {error}"));
        let frame = evidence
            .encode()
            .map_err(|error| IdentityError(error.to_string()))?;
        let mut params =
            CertificateParams::new(vec!["cloister.invalid".to_owned()]).map_err(failed)?;
        params.distinguished_name = DistinguishedName::new();
        params
            .distinguished_name
            .push(DnType::CommonName, "Cloister enclave");
        params.serial_number = Some(SerialNumber::from(
            self.spki_sha256()
                .iter()
                .take(16)
                .copied()
                .collect::<Vec<_>>(),
        ));
        // The clock is the host's: validity informs, the evidence decides.
        params.not_before = OffsetDateTime::UNIX_EPOCH;
        params.not_after = i64::try_from(not_after)
            .ok()
            .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
            .ok_or_else(|| IdentityError("the clock is out of range".to_owned()))?;
        params.custom_extensions = vec![CustomExtension::from_oid_content(
            ID_PE_CMW,
            der_octet_string(&frame),
        )];
        let certificate = params.self_signed(self).map_err(failed)?;
        Ok(CertifiedKey::new(
            vec![CertificateDer::from(certificate)],
            Arc::clone(&self.signer),
        ))
    }
}

/// The CBOR form of the CMW extension is an OCTET STRING (RFC 9999, ASN.1 module).
fn der_octet_string(content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let significant: Vec<u8> = length
        .iter()
        .copied()
        .skip_while(|&byte| byte == 0)
        .collect();
    let mut der = vec![0x04];
    match *significant.as_slice() {
        [] => der.push(0),
        [short @ 0..=0x7f] => der.push(short),
        // At most eight length bytes, so the sum stays below 0x89.
        _ => der.extend(
            u8::try_from(significant.len())
                .map(|count| 0x80 | count)
                .into_iter()
                .chain(significant),
        ),
    }
    der.extend_from_slice(content);
    der
}

impl PublicKeyData for Identity {
    fn der_bytes(&self) -> &[u8] {
        &self.point
    }

    fn algorithm(&self) -> &'static SignatureAlgorithm {
        &PKCS_ECDSA_P256_SHA256
    }
}

impl SigningKey for Identity {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        let mut signature = [0; 128];
        self.key
            .sign_asn1::<Sha256>(&[message], &mut signature)
            .map(<[u8]>::to_vec)
            .map_err(|_| rcgen::Error::RemoteKeyError)
    }
}

/// The certificate in use; replaced when evidence is made anew.
pub(crate) struct CurrentCertificate(RwLock<Arc<CertifiedKey>>);

impl CurrentCertificate {
    pub(crate) fn new(certificate: CertifiedKey) -> Self {
        Self(RwLock::new(Arc::new(certificate)))
    }

    pub(crate) fn replace(&self, certificate: CertifiedKey) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(certificate);
    }
}

impl fmt::Debug for CurrentCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CurrentCertificate")
    }
}

impl ResolvesServerCert for CurrentCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(Arc::clone(
            &self.0.read().unwrap_or_else(PoisonError::into_inner),
        ))
    }
}

/// TLS 1.3 and nothing else; X25519MLKEM768 first, X25519 for peers that verify evidence but know no ML-KEM (the sealed request
/// inside has its own hybrid key). No tickets, no resumption, no early data: every session has an exporter of its own.
pub(crate) fn tls(certificates: Arc<CurrentCertificate>) -> Result<ServerConfig, rustls::Error> {
    use rustls_graviola::kx;
    let mut provider = rustls_graviola::default_provider();
    provider.kx_groups = vec![kx::X25519MLKEM768, &kx::X25519];
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&TLS13])?
        .with_no_client_auth()
        .with_cert_resolver(certificates);
    config.alpn_protocols = vec![b"h2".to_vec()];
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.max_early_data_size = 0;
    Ok(config)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use cloister_wire::{cmw, evidence::EvidenceKind};

    #[test]
    fn octet_strings_are_der() {
        assert_eq!(der_octet_string(&[]), [4, 0]);
        assert_eq!(der_octet_string(&[7]), [4, 1, 7]);
        assert_eq!(der_octet_string(&[0; 127]).first_chunk(), Some(&[4, 127]));
        assert_eq!(
            der_octet_string(&[0; 128]).first_chunk(),
            Some(&[4, 0x81, 128])
        );
        assert_eq!(
            der_octet_string(&[0; 300]).first_chunk(),
            Some(&[4, 0x82, 1, 44])
        );
    }

    #[test]
    fn the_certificate_carries_the_evidence_as_received() {
        let identity = Identity::generate().unwrap();
        let evidence = Evidence {
            kind: EvidenceKind::Simulated,
            report: vec![1; 1184],
            auxiliary: vec![2; 3000],
        };
        let certified = identity.certify(&evidence, 1_900_000_000).unwrap();
        let der = certified.cert.first().unwrap();
        let frame = evidence.encode().unwrap();
        assert!(
            der.windows(frame.len()).any(|window| window == frame),
            "the frame is not in the certificate"
        );
        assert!(
            der.windows(identity.spki.len())
                .any(|window| window == identity.spki)
        );
        let record = cmw::Record::decode(&frame).unwrap();
        assert_eq!(record.media_type, EvidenceKind::Simulated.media_type());
    }
}
