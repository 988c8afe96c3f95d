//! The rules of the wrappers, in the order in which they are judged and shown.

use crate::trail::Rule;

macro_rules! rules {
    ($all:ident: $($name:ident: $id:literal, $title:literal, $clause:literal;)*) => {
        $(pub(super) const $name: Rule = Rule { id: $id, title: $title, clause: $clause };)*
        /// Every rule of this wrapper, once.
        pub(super) const $all: &[&Rule] = &[$(&$name),*];
    };
}

rules! { HCL:
    HCL_FORMAT: "hcl.format",
        "the wrapper has its signature, a known version, and lengths that fit",
        "Microsoft, Azure confidential VM guest attestation design, attestation report format";
    HCL_REPORT: "hcl.inner-report",
        "the hardware report inside the wrapper is the one that is judged",
        "Microsoft, attestation report format, hardware report";
    HCL_RUNTIME_DATA: "hcl.runtime-data",
        "the hash of the runtime data is in REPORT_DATA, and nothing else is",
        "Microsoft, attestation report format, runtime data, hash type";
    HCL_KEY: "hcl.attestation-key",
        "the runtime data name exactly one attestation key of the virtual TPM",
        "Microsoft, runtime claims, HCLAkPub; RFC 7517 section 4; RFC 7518 section 6.3.1";
    HCL_QUOTE_FORMAT: "hcl.quote.format",
        "the TPM's quote is one, made by a TPM",
        "TPM 2.0 part 2, TPMS_ATTEST, TPM_GENERATED_VALUE, TPM_ST_ATTEST_QUOTE";
    HCL_QUOTE_SIGNATURE: "hcl.quote.signature",
        "the attestation key has signed the quote",
        "TPM 2.0 part 1, RSASSA with SHA-256; RFC 8017 section 8.2.2";
    HCL_QUOTE_NONCE: "hcl.quote.nonce",
        "the quote carries the caller's nonce",
        "TPM 2.0 part 2, TPMS_ATTEST, extraData";
    HCL_QUOTE_PCRS: "hcl.quote.pcrs",
        "the given registers have the digest that is quoted",
        "TPM 2.0 part 2, TPMS_QUOTE_INFO, pcrDigest";
}

rules! { AZURE:
    AZURE_FORMAT: "azure.format",
        "the bundle has a report of the paravisor, and a quote and registers of the virtual TPM",
        "Confidential Containers, az-snp-vtpm and az-tdx-vtpm attesters, evidence";
    AZURE_QUOTE: "azure.td-quote",
        "the quote of the TD in the bundle is the one that is judged",
        "Confidential Containers, az-tdx-vtpm attester, td_quote";
}

rules! { COSE:
    COSE_FORMAT: "cose.format",
        "the message is a COSE_Sign1 whose protected header carries evidence and a key",
        "RFC 9052 sections 4.2 and 3.1";
    COSE_REPORT: "cose.inner-report",
        "the report in the protected header is the one that is judged",
        "RFC 9052 section 3; Microsoft, attested COSE messages, attestation";
    COSE_KEY: "cose.key",
        "the hash of the key is in REPORT_DATA, and nothing else is",
        "RFC 9052 section 7; Microsoft, attested COSE messages, cose_key";
    COSE_SIGNATURE: "cose.signature",
        "the attested key has signed the message",
        "RFC 9052 section 4.4; RFC 9053 section 2.1";
}

rules! { UVM:
    UVM_FORMAT: "uvm.format",
        "the endorsement is a COSE_Sign1 over a measurement, with the signer's certificates",
        "RFC 9052 section 4.2; RFC 9360 section 2; Microsoft, UVM endorsements";
    UVM_SIGNATURE: "uvm.signature",
        "the first certificate's key has signed the endorsement",
        "RFC 9052 section 4.4; RFC 8230 section 2";
    UVM_CHAIN: "uvm.chain",
        "each certificate is signed by the next, and was valid when the signer says that it signed",
        "RFC 9360 section 2; RFC 5280 section 6.1.3";
    UVM_ISSUER: "uvm.issuer",
        "the chain is the one of a known issuer of utility VMs, and its feed",
        "did:x509, version 0, fingerprint and eku; Microsoft, UVM endorsements, iss and feed";
    UVM_MEASUREMENT: "uvm.measurement",
        "the endorsed launch measurement is the report's",
        "Microsoft, UVM endorsements, x-ms-sevsnpvm-launchmeasurement; AMD 56860, MEASUREMENT";
}

rules! { ACI:
    ACI_FORMAT: "aci.format",
        "the bundle has exactly its members",
        "Microsoft, confidential container groups, attestation evidence";
    ACI_REPORT: "aci.inner-report",
        "the report in the bundle is the one that is judged",
        "Microsoft, confidential container groups, evidence";
    ACI_TCB: "aci.endorsed-tcb",
        "the TCB that the bundle names is the reported one",
        "Microsoft, confidential container groups, endorsed_tcb; AMD 56860, REPORTED_TCB";
}

rules! { POLICY:
    ACI_POLICY: "aci.security-policy",
        "the hash of the security policy is the host data",
        "Microsoft, confidential container groups, security policy; AMD 56860, HOST_DATA";
}

rules! { TABLE:
    TABLE_FORMAT: "table.format",
        "the extended report has a report and a certificate table",
        "Linux, configfs-tsm, outblob and auxblob; AMD 56421, GHCB, certificate table";
    TABLE_REPORT: "table.inner-report",
        "the report beside the table is the one that is judged",
        "Linux, configfs-tsm, outblob";
    TABLE_CERTIFICATES: "table.certificates",
        "the table's certificates are readable, and the signing key's is among them",
        "AMD 56421, GHCB, certificate table, GUIDs of VCEK and VLEK";
}
