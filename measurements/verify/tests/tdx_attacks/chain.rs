//! A25: certificates of Intel's shape.

use super::*;

#[test]
fn a25_roles_names_and_dates_of_certificates() {
    refuses(&["tdx.chain.names"], |td| td.pck.subject = name("Somebody"));
    refuses(&["tdx.chain.names"], |td| {
        td.pck.issuer = name("Intel SGX PCK Processor CA")
    });
    refuses(&["tdx.chain.names"], |td| {
        td.issuer.issuer = name("Intel SGX Root CB");
    });
    refuses(&["tdx.chain.names", "tdx.revocation.pck"], |td| {
        td.issuer.subject = name("Intel SGX TCB Signing");
        td.pck.issuer = name("Intel SGX TCB Signing");
    });
    refuses(&["tdx.chain.validity"], |td| {
        td.pck.not_after = time(NOW - 1)
    });
    refuses(&["tdx.chain.validity"], |td| {
        td.pck.not_before = time(NOW + 1)
    });
    refuses_also("tdx.chain.validity", |td| {
        td.issuer.not_after = time(NOW - DAY)
    });
    refuses_also("tdx.chain.validity", |td| {
        td.root.not_after = time(NOW - DAY)
    });
    refuses(&["tdx.tcb-info.signer", "tdx.qe-identity.signer"], |td| {
        td.signer.not_after = time(NOW - 1)
    });
    refuses(&["tdx.tcb-info.signer", "tdx.qe-identity.signer"], |td| {
        td.signer.subject = name("Intel SGX PCK Certificate")
    });
    // Leaves that could certify; an issuer that can not.
    refuses(&["tdx.chain.leaf"], |td| {
        td.pck.extension(KEY_USAGE).value = bits(2, &[0x04]);
    });
    refuses(&["tdx.tcb-info.signer", "tdx.qe-identity.signer"], |td| {
        td.signer.extension(KEY_USAGE).value = bits(1, &[0x02])
    });
    refuses(&["tdx.chain.issuer"], |td| {
        td.issuer.extension(BASIC_CONSTRAINTS).value = sequence(&[]);
    });
    refuses_also("tdx.chain.certificates", |td| {
        td.pck.outer_algorithm = sequence(&[&oid("1.2.840.10045.4.3.3")]);
    });
    refuses_also("tdx.chain.certificates", |td| {
        td.pck.extensions.push(ext("2.5.29.99", true, vec![5, 0]));
    });
}

#[test]
fn a25_the_root_is_known_by_its_key() {
    let td = Td::default();
    let evidence = td.evidence();
    let collateral = cloister_verify::Collateral::from_table(&evidence.auxiliary).unwrap();
    let now = UnixTime(NOW);
    let opinion = appraise_quote(
        &evidence.report,
        &collateral,
        &td.policy,
        &Anchors::hardware(),
        now,
    );
    let failed = failed(&opinion.trail);
    for rule in [
        "tdx.chain.root",
        "tdx.tcb-info.signer",
        "tdx.qe-identity.signer",
    ] {
        assert!(failed.contains(&rule), "{failed:?}");
    }
}

#[test]
fn a25_the_platform_extension_is_read_strictly() {
    let member =
        |arcs: &str, value: &[u8]| sequence(&[&oid(&format!("{SGX_EXTENSIONS}{arcs}")), value]);
    for more in [
        member(".1", &tlv(4, &[0; 16])),
        member(".9", &tlv(4, &[0; 16])),
        member(".6", &tlv(4, &[0; 15])),
        vec![5, 0],
    ] {
        refuses_also("tdx.chain.certificates", |td| td.sgx.more = more);
    }
    accepts(|td| td.sgx.more = member(".6", &tlv(4, &[0; 16])));
    refuses_also("tdx.chain.certificates", |td| td.sgx.fmspc.truncate(5));
    refuses_also("tdx.chain.certificates", |td| td.sgx.ppid.push(0));
    refuses_also("tdx.chain.certificates", |td| {
        td.pck
            .extensions
            .push(ext(SGX_EXTENSIONS, false, sequence(&[])));
    });
}
