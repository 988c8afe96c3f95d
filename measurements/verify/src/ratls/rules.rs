//! The rules of an RA-TLS certificate, in the order in which they are judged and shown.

use crate::trail::Rule;

macro_rules! rules {
    ($($name:ident: $id:literal, $title:literal, $clause:literal;)*) => {
        $(pub(super) const $name: Rule = Rule { id: $id, title: $title, clause: $clause };)*
        /// Every rule, once.
        pub(super) const ALL: &[&Rule] = &[$(&$name),*];
    };
}

rules! {
    CERTIFICATE: "ratls.certificate.format",
        "the certificate is X.509 v3 and carries evidence of one known kind",
        "RFC 5280 section 4; TCG DICE attestation architecture 1.1, tagged evidence; dstack, certificate extensions";
    CERTIFICATE_SIGNATURE: "ratls.certificate.signature",
        "the certificate is signed by its own key, or by the chain that came with it",
        "RFC 5280 section 6.1.3 (a)(1)";
    CERTIFICATE_VALIDITY: "ratls.certificate.validity",
        "the certificate is valid at the given time",
        "RFC 5280 section 6.1.3 (a)(2)";
    EVIDENCE: "ratls.evidence",
        "the quote beside the certificate is the one inside",
        "TCG DICE attestation architecture 1.1, tagged evidence";
    REPORT_DATA: "ratls.binding.report-data",
        "the hash of the claims, or of the key, is all of the quote's report data",
        "CCC, interoperable RA-TLS, claims; dstack, ratls-cert";
    KEY: "ratls.binding.key",
        "the attested claims name the key of this certificate",
        "CCC, interoperable RA-TLS, pubkey-hash; RFC 5280 section 4.1.2.7";
    QUOTE: "ratls.quote.format",
        "the quote is one of Intel's, of version 3, 4 or 5",
        "Intel SGX ECDSA quote library, appendix A; Intel TDX DCAP quoting library, quote format";
    QUOTE_SIGNATURE: "ratls.quote.signature",
        "the attestation key has signed the quote",
        "Intel SGX ECDSA quote library, appendix A.4; FIPS 186-5 section 6.4.2";
    QUOTE_KEY: "ratls.quote.attestation-key",
        "the quoting enclave's report names the attestation key",
        "Intel SGX ECDSA quote library, appendix A.4, QE report, REPORTDATA";
    QE_SIGNATURE: "ratls.quote.qe-signature",
        "the platform's certified key has signed the quoting enclave's report",
        "Intel SGX ECDSA quote library, appendix A.4; Intel SGX PCK certificate specification";
    CHAIN: "ratls.chain",
        "the platform's certificate is signed by its issuer, and that by Intel's root, pinned",
        "Intel SGX PCK certificate specification; RFC 5280 section 6.1.3";
    CHAIN_VALIDITY: "ratls.chain.validity",
        "every certificate of the platform's chain is valid at the given time",
        "RFC 5280 section 6.1.3 (a)(2)";
    EVENT_LOG: "ratls.event-log",
        "the event log replays to the registers of the quote",
        "Intel TDX module, RTMR extension; dstack, event log";
    TEE: "ratls.tee",
        "the quote is of a confidential virtual machine",
        "Cloister, kinds of evidence; Intel SGX is no confidential VM";
    DEBUG: "ratls.debug",
        "the host may not debug the quoted",
        "Intel SDM volume 3D, ATTRIBUTES.DEBUG; Intel TDX module, TUD";
    COLLATERAL: "ratls.collateral",
        "Intel's collateral vouches for the platform's patches and for the quoting enclave",
        "Intel SGX PCS API version 4, TCB info and QE identity";
}
