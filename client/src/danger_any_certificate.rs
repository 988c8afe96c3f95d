//! The rule by which the device accepts an enclave's certificate: any, if the handshake is really signed by its key.
//!
//! The name of the enclave proves nothing here and no authority vouches for it; evidence does, over this very key and this very
//! handshake ([`crate::session`]). What must not be skipped is the proof that the peer holds the key: without checking the
//! `CertificateVerify` signature (RFC 8446 section 4.4.3), anybody could present the enclave's certificate (attack A22).

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, DigitallySignedStruct, Error, PeerIncompatible, SignatureScheme};

/// Accepts any single, parseable end-entity certificate; verifies the handshake's signature with its key.
#[derive(Debug)]
pub(crate) struct DangerAnyCertificate {
    /// What the TLS provider can verify.
    pub(crate) algorithms: WebPkiSupportedAlgorithms,
}

impl ServerCertVerifier for DangerAnyCertificate {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        // The enclave presents one self-signed certificate. More than that is some other kind of server.
        if !intermediates.is_empty() {
            return Err(CertificateError::BadEncoding.into());
        }
        ParsedCertificate::try_from(end_entity)?;
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        // TLS 1.2 is not offered (attack A35); a signature in its form is refused all the same.
        Err(PeerIncompatible::ServerDoesNotSupportTls12Or13.into())
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// The DER `SubjectPublicKeyInfo` of a certificate (RFC 5280 section 4.1.2.7).
///
/// # Errors
/// When the bytes are no X.509 version 3 certificate.
pub(crate) fn spki_der(certificate: &CertificateDer<'_>) -> Result<Vec<u8>, Error> {
    let parsed = ParsedCertificate::try_from(certificate)?;
    Ok(parsed.subject_public_key_info().to_vec())
}
