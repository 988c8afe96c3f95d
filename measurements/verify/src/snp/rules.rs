//! The rules of an SNP appraisal, in the order in which they are judged and shown.

use crate::trail::{Rule, rules};

rules! {
    REPORT_FORMAT: "snp.report.format",
        "the report has the length and a version that are known",
        "AMD 56860, ATTESTATION_REPORT";
    REPORT_VERSION: "snp.report.version",
        "the policy takes reports of this version",
        "AMD 56860, ATTESTATION_REPORT, VERSION";
    REPORT_RESERVED: "snp.report.reserved",
        "every reserved byte and bit of the report is zero",
        "AMD 56860, ATTESTATION_REPORT and TCB_VERSION, reserved";
    SIGNATURE_ALGORITHM: "snp.signature.algorithm",
        "the report is signed with ECDSA P-384 and SHA-384",
        "AMD 56860, ATTESTATION_REPORT, SIGNATURE_ALGO";
    KEY_SIGNER: "snp.key.signer",
        "the report is signed by a kind of key that the policy takes",
        "AMD 56860, ATTESTATION_REPORT, SIGNING_KEY";
    KEY_MASKED: "snp.key.masked",
        "the chip's key is not masked",
        "AMD 56860, ATTESTATION_REPORT, MASK_CHIP_KEY";
    CHAIN_CERTIFICATES: "snp.chain.certificates",
        "the certificates are there and have AMD's shape",
        "AMD 57230, certificates; RFC 5280 section 4";
    CHAIN_ROOT: "snp.chain.root",
        "the chain ends in a pinned root",
        "AMD 57230, ARK";
    CHAIN_ISSUER: "snp.chain.issuer",
        "the issuer's certificate is signed by the root and may certify",
        "AMD 57230, ASK and ASVK; RFC 5280 sections 4.2.1.3, 4.2.1.9, 6.1.3";
    CHAIN_LEAF: "snp.chain.leaf",
        "the signing key's certificate is signed by its issuer and is no authority",
        "AMD 57230, VCEK and VLEK; RFC 5280 section 6.1.3";
    CHAIN_NAMES: "snp.chain.names",
        "issuers and subjects meet, and each name is the one of its role",
        "AMD 57230, subjects and issuers; RFC 5280 section 6.1.3 (a)(4)";
    CHAIN_VALIDITY: "snp.chain.validity",
        "every certificate is valid at the given time",
        "RFC 5280 section 6.1.3 (a)(2)";
    CHAIN_REVOCATION: "snp.chain.revocation",
        "no certificate of the chain is revoked",
        "RFC 5280 sections 5 and 6.3";
    PRODUCT: "snp.product",
        "the processor is of a known product that the policy takes",
        "AMD 56860, ATTESTATION_REPORT, CPUID fields; AMD 57230, product names";
    VEK_PRODUCT: "snp.vek.product",
        "the certificate is for the product that the report names",
        "AMD 57230, extension 1.3.6.1.4.1.3704.1.2";
    VEK_TCB: "snp.vek.tcb",
        "each patch level of the certificate is the reported one",
        "AMD 57230, extensions 1.3.6.1.4.1.3704.1.3.*";
    VEK_HARDWARE_ID: "snp.vek.hardware-id",
        "the hardware id of the certificate is the chip id of the report",
        "AMD 57230, extension 1.3.6.1.4.1.3704.1.4";
    SIGNATURE: "snp.signature",
        "the certified key has signed the bytes received",
        "AMD 56860, ATTESTATION_REPORT, SIGNATURE; FIPS 186-5 section 6.4.2";
    TCB_ORDER: "snp.tcb.order",
        "the reported TCB is at most the current one",
        "AMD 56860, REPORTED_TCB and CURRENT_TCB";
    TCB_COMMITTED: "snp.tcb.committed",
        "the firmware that runs is committed",
        "AMD 56860, COMMITTED_TCB, SNP_COMMIT";
    TCB_FLOOR_LAUNCH: "snp.tcb.floor.launch",
        "the TCB at launch is at or above the floor",
        "AMD 56860, LAUNCH_TCB; AMD security bulletins";
    TCB_FLOOR_REPORTED: "snp.tcb.floor.reported",
        "the reported TCB is at or above the floor",
        "AMD 56860, REPORTED_TCB; AMD security bulletins";
    TCB_FLOOR_COMMITTED: "snp.tcb.floor.committed",
        "the committed TCB is at or above the floor",
        "AMD 56860, COMMITTED_TCB; AMD security bulletins";
    TCB_MITIGATIONS: "snp.tcb.mitigations",
        "the mitigations of the bulletins are in force, at launch and now",
        "AMD 56860 revision 1.58, LAUNCH_MIT_VECTOR and CURRENT_MIT_VECTOR";
    POLICY_RESERVED: "snp.policy.reserved",
        "bit 17 of the guest policy is one and the bits above 25 are zero",
        "AMD 56860, POLICY bits 17 and 63..26";
    POLICY_SMT: "snp.policy.smt",
        "sibling threads are not allowed, or the machine is listed with them",
        "AMD 56860, POLICY bit 16";
    POLICY_MIGRATION: "snp.policy.migration-agent",
        "no migration agent may take the guest elsewhere",
        "AMD 56860, POLICY bit 18";
    POLICY_DEBUG: "snp.policy.debug",
        "the host may not debug the guest",
        "AMD 56860, POLICY bit 19";
    POLICY_SINGLE_SOCKET: "snp.policy.single-socket",
        "the guest stays on one socket",
        "AMD 56860, POLICY bit 20";
    POLICY_CXL: "snp.policy.cxl",
        "the guest's memory may not be on CXL devices",
        "AMD 56860, POLICY bit 21";
    POLICY_XTS: "snp.policy.aes-256-xts",
        "the guest's memory is encrypted with AES-256-XTS",
        "AMD 56860, POLICY bit 22";
    POLICY_RAPL: "snp.policy.rapl-off",
        "the guest runs only with power metering off",
        "AMD 56860, POLICY bit 23";
    POLICY_HIDING: "snp.policy.ciphertext-hiding",
        "the guest runs only with ciphertext hiding",
        "AMD 56860, POLICY bit 24";
    POLICY_SWAP: "snp.policy.page-swap-off",
        "the host may not swap the guest's pages",
        "AMD 56860, POLICY bit 25";
    PLATFORM_RESERVED: "snp.platform.reserved",
        "the unknown bits of the platform are zero",
        "AMD 56860, PLATFORM_INFO bits 63..8";
    PLATFORM_SMT: "snp.platform.smt",
        "sibling threads are off, or the machine is listed with them",
        "AMD 56860, PLATFORM_INFO bit 0";
    PLATFORM_TSME: "snp.platform.tsme",
        "all memory is encrypted transparently",
        "AMD 56860, PLATFORM_INFO bit 1";
    PLATFORM_ECC: "snp.platform.ecc",
        "memory has error correction",
        "AMD 56860, PLATFORM_INFO bit 2";
    PLATFORM_RAPL: "snp.platform.rapl-off",
        "power metering is off",
        "AMD 56860, PLATFORM_INFO bit 3";
    PLATFORM_HIDING: "snp.platform.ciphertext-hiding",
        "ciphertext hiding is on",
        "AMD 56860, PLATFORM_INFO bit 4";
    PLATFORM_ALIAS: "snp.platform.alias-check",
        "the firmware has looked for aliased memory",
        "AMD 56860, PLATFORM_INFO bit 5";
    PLATFORM_IOMMU: "snp.platform.iommu-write-safe",
        "the I/O memory management unit's writes are safe",
        "AMD 56860, PLATFORM_INFO bit 6; AMD-SB-3016";
    PLATFORM_TIO: "snp.platform.tio",
        "trusted devices are supported",
        "AMD 56860, PLATFORM_INFO bit 7";
    VMPL: "snp.vmpl",
        "the report was asked for at the expected privilege level",
        "AMD 56860, ATTESTATION_REPORT, VMPL";
    GUEST_SVN: "snp.guest-svn",
        "the image is no older than the policy's minimum",
        "AMD 56860, ATTESTATION_REPORT, GUEST_SVN";
    FAMILY_ID: "snp.family-id",
        "the family id is the expected one",
        "AMD 56860, ATTESTATION_REPORT, FAMILY_ID";
    IMAGE_ID: "snp.image-id",
        "the image id is the expected one",
        "AMD 56860, ATTESTATION_REPORT, IMAGE_ID";
    HOST_DATA: "snp.host-data",
        "the host put in the expected data",
        "AMD 56860, ATTESTATION_REPORT, HOST_DATA";
    ID_KEY: "snp.id-key",
        "the ID block is signed by the expected key",
        "AMD 56860, ATTESTATION_REPORT, ID_KEY_DIGEST";
    AUTHOR_KEY: "snp.author-key",
        "the ID key is certified by the expected author",
        "AMD 56860, ATTESTATION_REPORT, AUTHOR_KEY_EN and AUTHOR_KEY_DIGEST";
    MACHINE: "snp.machine",
        "the machine is listed",
        "AMD 57230, extension 1.3.6.1.4.1.3704.1.4; the policy's machines";
}
