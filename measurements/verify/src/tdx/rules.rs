//! The rules of a TDX appraisal, in the order in which they are judged and shown.

use crate::trail::{Rule, rules};

rules! {
    QUOTE_FORMAT: "tdx.quote.format",
        "the quote is one of a TD, of a known version and whole",
        "Intel TDX DCAP Quoting Library API, quote format";
    QUOTE_VERSION: "tdx.quote.version",
        "the policy takes quotes of this version with this body",
        "Intel TDX DCAP Quoting Library API, quote header and body descriptor";
    QUOTE_RESERVED: "tdx.quote.reserved",
        "the reserved bytes of the header are zero",
        "Intel TDX DCAP Quoting Library API, quote header";
    QUOTE_VENDOR: "tdx.quote.vendor",
        "the quoting enclave is Intel's",
        "Intel TDX DCAP Quoting Library API, QE vendor id";
    QUOTE_PADDING: "tdx.quote.padding",
        "nothing but zeroes follows the quote",
        "Intel TDX DCAP Quoting Library API, signature data length; Linux, configfs-tsm, outblob";
    QUOTE_SIGNATURE: "tdx.quote.signature",
        "the quote is signed by the attestation key",
        "Intel TDX DCAP Quoting Library API, ECDSA 256-bit quote signature data";
    CHAIN_CERTIFICATES: "tdx.chain.certificates",
        "the certificates are there and have Intel's shape",
        "Intel SGX PCK Certificate and CRL Profile; RFC 5280 section 4";
    CHAIN_ROOT: "tdx.chain.root",
        "the chain ends in the pinned root",
        "Intel SGX PCK Certificate and CRL Profile, root CA";
    CHAIN_ISSUER: "tdx.chain.issuer",
        "the issuer's certificate is signed by the root and may certify",
        "Intel SGX PCK Certificate and CRL Profile, platform and processor CA; RFC 5280 sections 4.2.1.3, 4.2.1.9, 6.1.3";
    CHAIN_LEAF: "tdx.chain.leaf",
        "the PCK certificate is signed by its issuer and is no authority",
        "Intel SGX PCK Certificate and CRL Profile, PCK certificate; RFC 5280 section 6.1.3";
    CHAIN_NAMES: "tdx.chain.names",
        "issuers and subjects meet, and each name is the one of its role",
        "Intel SGX PCK Certificate and CRL Profile, names; RFC 5280 section 6.1.3 (a)(4)";
    CHAIN_VALIDITY: "tdx.chain.validity",
        "every certificate is valid at the given time",
        "RFC 5280 section 6.1.3 (a)(2)";
    ROOT_CRL: "tdx.revocation.root",
        "the root has revoked neither the issuer nor a signer of collateral",
        "Intel SGX PCK Certificate and CRL Profile, root CA CRL; RFC 5280 sections 5 and 6.3";
    PCK_CRL: "tdx.revocation.pck",
        "the issuer has not revoked the PCK certificate",
        "Intel SGX PCK Certificate and CRL Profile, PCK CRL; RFC 5280 sections 5 and 6.3";
    TCB_INFO_FORMAT: "tdx.tcb-info.format",
        "the TCB info is there and is one of TDX",
        "Intel PCS API v4, TCB info version 3";
    TCB_INFO_SIGNER: "tdx.tcb-info.signer",
        "the TCB info's signer is certified by the pinned root",
        "Intel PCS API v4, TCB-Info-Issuer-Chain; RFC 5280 section 6.1";
    TCB_INFO_SIGNATURE: "tdx.tcb-info.signature",
        "the TCB info is signed, byte for byte as received",
        "Intel PCS API v4, TCB info, signature";
    TCB_INFO_DATES: "tdx.tcb-info.dates",
        "the TCB info is current at the given time",
        "Intel PCS API v4, issueDate and nextUpdate";
    TCB_INFO_NUMBER: "tdx.tcb-info.evaluation-number",
        "the TCB info is of no older evaluation than the policy's minimum",
        "Intel PCS API v4, tcbEvaluationDataNumber";
    TCB_INFO_PLATFORM: "tdx.tcb-info.platform",
        "the TCB info is for this family of processors",
        "Intel PCS API v4, fmspc and pceId";
    QE_IDENTITY_FORMAT: "tdx.qe-identity.format",
        "the identity of the quoting enclave is there and is the one of TDX",
        "Intel PCS API v4, enclave identity version 2";
    QE_IDENTITY_SIGNER: "tdx.qe-identity.signer",
        "the identity's signer is certified by the pinned root",
        "Intel PCS API v4, SGX-Enclave-Identity-Issuer-Chain; RFC 5280 section 6.1";
    QE_IDENTITY_SIGNATURE: "tdx.qe-identity.signature",
        "the identity is signed, byte for byte as received",
        "Intel PCS API v4, enclave identity, signature";
    QE_IDENTITY_DATES: "tdx.qe-identity.dates",
        "the identity is current at the given time",
        "Intel PCS API v4, issueDate and nextUpdate";
    QE_IDENTITY_NUMBER: "tdx.qe-identity.evaluation-number",
        "the identity is of no older evaluation than the policy's minimum",
        "Intel PCS API v4, tcbEvaluationDataNumber";
    QE_SIGNATURE: "tdx.qe.signature",
        "the quoting enclave's report is signed by the PCK",
        "Intel TDX DCAP Quoting Library API, QE report signature";
    QE_BINDING: "tdx.qe.binding",
        "the quoting enclave vouches for the attestation key",
        "Intel TDX DCAP Quoting Library API, QE report data";
    QE_IDENTITY: "tdx.qe.identity",
        "the quoting enclave is the one of the identity",
        "Intel PCS API v4, mrsigner, isvprodid, miscselect and attributes with masks";
    QE_DEBUG: "tdx.qe.debug",
        "the quoting enclave can not be debugged",
        "Intel SDM volume 3D, ATTRIBUTES.DEBUG";
    QE_LEVEL: "tdx.qe.level",
        "the quoting enclave's SVN reaches a TCB level",
        "Intel PCS API v4, enclave identity, tcbLevels";
    TCB_LEVEL: "tdx.tcb.level",
        "the platform's SVNs reach a TCB level",
        "Intel PCS API v4, TCB info, tcbLevels";
    MODULE_IDENTITY: "tdx.module.identity",
        "the TDX module is Intel's",
        "Intel PCS API v4, tdxModule and tdxModuleIdentities";
    MODULE_LEVEL: "tdx.module.level",
        "the TDX module's SVN reaches a TCB level",
        "Intel PCS API v4, tdxModuleIdentities, tcbLevels";
    TCB_STATUS: "tdx.tcb.status",
        "the status of platform, module and quoting enclave together is acceptable",
        "Intel PCS API v4, tcbStatus; the policy's advisories";
    TCB_CURRENT: "tdx.tcb.current",
        "what runs now is no older than what launched the TD, and acceptable too",
        "Intel TDX module 1.5 ABI, TEE_TCB_SVN_2";
    SEAM_ATTRIBUTES: "tdx.seam.attributes",
        "the TDX module is a production module",
        "Intel TDX module ABI, SEAMATTRIBUTES";
    SEAM_SIGNER: "tdx.seam.signer",
        "the TDX module is signed by the expected key",
        "Intel TDX module ABI, MRSIGNERSEAM";
    ATTRIBUTES_DEBUG: "tdx.attributes.debug",
        "the host may not debug or profile the TD",
        "Intel TDX module ABI, ATTRIBUTES.TUD, bits 7..0";
    ATTRIBUTES_RESERVED: "tdx.attributes.reserved",
        "the unknown bits of the attributes are zero",
        "Intel TDX module ABI, ATTRIBUTES, reserved";
    ATTRIBUTES_ICSSD: "tdx.attributes.icssd",
        "the TDX module counts instructions to defend against single-stepping",
        "Intel TDX module ABI, ATTRIBUTES.ICSSD, bit 16";
    ATTRIBUTES_SEPT_VE: "tdx.attributes.sept-ve-disable",
        "the host can not make pages vanish under the TD's feet",
        "Intel TDX module ABI, ATTRIBUTES.SEPT_VE_DISABLE, bit 28";
    ATTRIBUTES_MIGRATABLE: "tdx.attributes.migratable",
        "the TD stays on its machine",
        "Intel TDX module ABI, ATTRIBUTES.MIGRATABLE, bit 29";
    ATTRIBUTES_PKS: "tdx.attributes.pks",
        "supervisor protection keys are as pinned",
        "Intel TDX module ABI, ATTRIBUTES.PKS, bit 30";
    ATTRIBUTES_KL: "tdx.attributes.kl",
        "the key locker is as pinned",
        "Intel TDX module ABI, ATTRIBUTES.KL, bit 31";
    ATTRIBUTES_PERFMON: "tdx.attributes.perfmon",
        "performance counters do not reach into the TD",
        "Intel TDX module ABI, ATTRIBUTES.PERFMON, bit 63";
    XFAM_FIXED: "tdx.xfam.fixed",
        "the extended features are ones that a TD can have",
        "Intel TDX module ABI, XFAM fixed-0 and fixed-1; Intel TDX module, check_xfam";
    XFAM: "tdx.xfam",
        "the extended features are those that the policy allows, and have those that it asks for",
        "Intel TDX module ABI, XFAM";
    MR_CONFIG_ID: "tdx.mrconfigid",
        "the host put in the expected configuration id",
        "Intel TDX module ABI, MRCONFIGID";
    MR_OWNER: "tdx.mrowner",
        "the TD has the expected owner",
        "Intel TDX module ABI, MROWNER";
    MR_OWNER_CONFIG: "tdx.mrownerconfig",
        "the TD has the expected owner's configuration",
        "Intel TDX module ABI, MROWNERCONFIG";
    MR_SERVICE_TD: "tdx.mrservicetd",
        "the expected service TDs are bound: none, so nobody can migrate it",
        "Intel TDX module 1.5 ABI, SERVTD_HASH";
    RTMR3: "tdx.rtmr3",
        "the register that applications extend is as expected",
        "Intel TDX module ABI, RTMR3";
    PLATFORM_SMT: "tdx.platform.smt",
        "sibling threads are off, or the machine is listed with them",
        "Intel SGX PCK Certificate and CRL Profile, SMT enabled";
    MACHINE: "tdx.machine",
        "the machine is listed",
        "Intel SGX PCK Certificate and CRL Profile, PPID; the policy's machines";
}
