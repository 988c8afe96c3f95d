//! The media types that Cloister speaks.

/// A collection of key configurations (RFC 9458 section 3.2).
pub const OHTTP_KEYS: &str = "application/ohttp-keys";
/// An encapsulated request (RFC 9458 section 9.2).
pub const OHTTP_REQUEST: &str = "message/ohttp-req";
/// An encapsulated response (RFC 9458 section 9.3).
pub const OHTTP_RESPONSE: &str = "message/ohttp-res";
/// An encapsulated request in chunks (draft-ietf-ohai-chunked-ohttp-08 section 8.1).
pub const OHTTP_CHUNKED_REQUEST: &str = "message/ohttp-chunked-req";
/// An encapsulated response in chunks (draft-ietf-ohai-chunked-ohttp-08 section 8.2).
pub const OHTTP_CHUNKED_RESPONSE: &str = "message/ohttp-chunked-res";
/// A binary HTTP message (RFC 9292 section 7).
pub const BINARY_HTTP: &str = "message/bhttp";
/// A conceptual message wrapper in CBOR (RFC 9999).
pub const CMW_CBOR: &str = "application/cmw+cbor";
/// JSON (RFC 8259).
pub const JSON: &str = "application/json";
/// A problem report in JSON (RFC 9457).
pub const PROBLEM_JSON: &str = "application/problem+json";
/// The report and certificates of an AMD SEV-SNP guest: see [`crate::evidence`].
pub const EVIDENCE_SNP: &str = "application/vnd.cloister.snp+cbor";
/// The quote of an Intel TDX guest: see [`crate::evidence`].
pub const EVIDENCE_TDX: &str = "application/vnd.cloister.tdx+cbor";
/// A report of the simulated secure processor, which proves nothing about hardware: see [`crate::evidence`].
pub const EVIDENCE_SIMULATED: &str = "application/vnd.cloister.simulated+cbor";
