//! What others than AMD sign with: the certificates and CBOR that wrapped evidence and RA-TLS certificates are made of.
//!
//! Many makers, so more than one shape: RSA with PKCS #1 or PSS, ECDSA on P-256 and P-384. Every shape is on a closed list, and nothing is
//! read here that a caller does not compare with something.

pub(crate) mod cbor;
pub(crate) mod certificate;
