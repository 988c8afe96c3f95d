//! A19: statuses and advisories, documents, revocation lists.

use super::*;

#[test]
fn a19_statuses_are_enforced() {
    for status in [
        "SWHardeningNeeded",
        "ConfigurationNeeded",
        "ConfigurationAndSWHardeningNeeded",
        "OutOfDateConfigurationNeeded",
        "Revoked",
    ] {
        refuses(&["tdx.tcb.status", "tdx.tcb.current"], |td| {
            // The last one is the platform's.
            let at = td.tcb_info.rfind("\"tcbStatus\":\"UpToDate\"").unwrap();
            td.tcb_info
                .replace_range(at..at + 22, &format!("\"tcbStatus\":\"{status}\""));
        });
    }
    refuses_also("tdx.tcb-info.format", |td| {
        let at = td.tcb_info.rfind("UpToDate").unwrap();
        td.tcb_info.replace_range(at..at + 8, "Fine");
    });
    // The quoting enclave's level pulls the whole down.
    refuses(&["tdx.tcb.status"], |td| td.qe_report[258] = 3);
    refuses(&["tdx.qe.level", "tdx.tcb.status"], |td| {
        td.qe_report[258] = 1;
    });
}

#[test]
fn a19_an_advisory_counts_until_its_end_and_only_when_every_one_is_listed() {
    let line = |id: &str, expiry: &str| {
        format!(
            "advisories = [{{ id = \"{id}\", reason = \"r\", source = \"s\", date = \"2026-11-23\", expiry = \"{expiry}\" }}]"
        )
    };
    let judge = |id: &str, expiry: &str, status: Option<&str>| {
        let mut td = Td::default();
        td.sgx.components[0] = 4;
        if let Some(status) = status {
            td.tcb_info_with("\"OutOfDate\",\"advisoryIDs\":[\"INTEL-SA-00001\"]", status);
        }
        td.policy = policy(("", ""), ("advisories = []", &line(id, expiry)), false);
        td.appraise().verdict.is_ok()
    };
    assert!(judge("INTEL-SA-00001", "2026-11-23", None));
    assert!(!judge("INTEL-SA-00001", "2026-11-22", None));
    assert!(!judge("INTEL-SA-00009", "2026-11-23", None));
    let both = "\"OutOfDate\",\"advisoryIDs\":[\"INTEL-SA-00001\",\"INTEL-SA-00003\"]";
    assert!(!judge("INTEL-SA-00001", "2026-11-23", Some(both)));
    assert!(!judge(
        "INTEL-SA-00001",
        "2026-11-23",
        Some("\"OutOfDate\"")
    ));
    let revoked = "\"Revoked\",\"advisoryIDs\":[\"INTEL-SA-00001\"]";
    assert!(!judge("INTEL-SA-00001", "2026-11-23", Some(revoked)));
}

#[test]
fn a19_collateral_is_for_tdx_and_this_platform_and_strict() {
    refuses(&["tdx.tcb-info.platform"], |td| {
        td.tcb_info_with("0badc0de0001", "0badc0de0002");
    });
    refuses(&["tdx.tcb-info.platform"], |td| {
        td.tcb_info_with("\"pceId\":\"0000\"", "\"pceId\":\"0001\"");
    });
    for (from, to) in [
        ("\"id\":\"TDX\"", "\"id\":\"SGX\""),
        ("\"version\":3", "\"version\":2"),
        ("\"version\":3", "\"version\":3,\"version\":3"),
        ("\"version\":3", "\"version\":3,\"more\":1"),
        ("\"tcbType\":0", "\"tcbType\":1"),
        ("\"tcbType\":0,", ""),
        ("2026-11-20T00:00:00Z", "2026-11-20T00:00:00+00:00"),
        ("2026-11-20T00:00:00Z", "2026-11-20"),
        ("0badc0de0001", "0badc0de00"),
    ] {
        refuses_also("tdx.tcb-info.format", |td| td.tcb_info_with(from, to));
    }
    for (from, to) in [
        ("\"id\":\"TD_QE\"", "\"id\":\"QE\""),
        ("\"version\":2", "\"version\":3"),
        ("\"isvprodid\":2", "\"isvprodid\":2,\"isvprodid\":2"),
        ("\"isvprodid\":2,", ""),
    ] {
        refuses_also("tdx.qe-identity.format", |td| td.qe_identity_with(from, to));
    }
}

#[test]
fn a19_collateral_is_current_and_of_a_late_evaluation() {
    for (from, to) in [("2026-12-20", "2026-11-22"), ("2026-11-20", "2026-11-24")] {
        refuses(&["tdx.tcb-info.dates"], |td| td.tcb_info_with(from, to));
        refuses(&["tdx.qe-identity.dates"], |td| {
            td.qe_identity_with(from, to);
        });
    }
    let number = |number: u8| format!("DataNumber\":{number},");
    refuses(&["tdx.tcb-info.evaluation-number"], |td| {
        td.tcb_info_with(&number(21), &number(18));
    });
    refuses(&["tdx.qe-identity.evaluation-number"], |td| {
        td.qe_identity_with(&number(21), &number(18));
    });
    accepts(|td| td.tcb_info_with(&number(21), &number(19)));
}

#[test]
fn a19_nothing_may_be_missing() {
    let without = |guid: Guid| {
        let td = Td::default();
        let mut entries = td.entries();
        entries.retain(|(found, _)| *found != guid);
        let find = |guid| {
            let entry = entries.iter().find(|(found, _)| *found == guid);
            entry.map(|(_, bytes)| bytes.as_slice())
        };
        let collateral = cloister_verify::Collateral {
            tcb_info: find(Guid::TDX_TCB_INFO),
            tcb_info_chain: find(Guid::TDX_TCB_INFO_CHAIN),
            qe_identity: find(Guid::TDX_QE_IDENTITY),
            qe_identity_chain: find(Guid::TDX_QE_IDENTITY_CHAIN),
            root_crl: find(Guid::TDX_ROOT_CRL),
            pck_crl: find(Guid::TDX_PCK_CRL),
            pck_crl_chain: find(Guid::TDX_PCK_CRL_CHAIN),
        };
        let now = UnixTime(td.now);
        let opinion = appraise_quote(&td.quote(), &collateral, &td.policy, &td.anchors(), now);
        failed(&opinion.trail)
    };
    assert!(without(Guid::TDX_TCB_INFO).contains(&"tdx.tcb-info.format"));
    assert!(without(Guid::TDX_TCB_INFO).contains(&"tdx.tcb.status"));
    assert!(without(Guid::TDX_QE_IDENTITY).contains(&"tdx.qe-identity.format"));
    assert!(without(Guid::TDX_QE_IDENTITY).contains(&"tdx.qe.identity"));
    assert_eq!(
        without(Guid::TDX_TCB_INFO_CHAIN),
        ["tdx.tcb-info.signer", "tdx.tcb-info.signature"]
    );
    assert_eq!(
        without(Guid::TDX_QE_IDENTITY_CHAIN),
        ["tdx.qe-identity.signer", "tdx.qe-identity.signature"]
    );
    assert_eq!(without(Guid::TDX_ROOT_CRL), ["tdx.revocation.root"]);
    assert_eq!(without(Guid::TDX_PCK_CRL), ["tdx.revocation.pck"]);
    // The quote carries these certificates itself.
    assert!(without(Guid::TDX_PCK_CRL_CHAIN).is_empty());
    // A table that can not be read is none, and what it would have had is missing.
    let td = Td::default();
    let mut evidence = td.evidence();
    evidence.auxiliary.truncate(40);
    let anchors = td.anchors();
    let expected = Expected {
        policy: &td.policy,
        releases: &publish(&td.releases, td.now),
        anchors: &anchors,
        now: UnixTime(td.now),
    };
    let appraisal = attest(&evidence, &td.binding, &expected);
    let failed = failed(&appraisal.trail);
    for rule in [
        "evidence.collateral",
        "tdx.tcb-info.format",
        "tdx.qe-identity.format",
    ] {
        assert!(failed.contains(&rule), "{failed:?}");
    }
    let skipped = |step: &Step| step.outcome == Outcome::NotEvaluated;
    assert!(appraisal.trail.iter().any(skipped) && appraisal.verdict.is_err());
}

#[test]
fn a19_revocation() {
    // The issuer, and the signer of collateral.
    refuses(&["tdx.revocation.root"], |td| td.root_crl.revoked = vec![2]);
    refuses(&["tdx.revocation.root"], |td| td.root_crl.revoked = vec![3]);
    refuses(&["tdx.revocation.pck"], |td| td.pck_crl.revoked = vec![4]);
    accepts(|td| td.pck_crl.revoked = vec![2, 3]);
    refuses(&["tdx.revocation.root"], |td| {
        td.keys.root_crl = STRANGER;
    });
    refuses(&["tdx.revocation.pck"], |td| td.keys.pck_crl = STRANGER);
    // A list of the root's is none of its issuer's.
    refuses(&["tdx.revocation.pck"], |td| {
        td.pck_crl.issuer = name("Intel SGX Root CA");
    });
    refuses(&["tdx.revocation.root"], |td| {
        td.root_crl.next_update = time(NOW - 1);
    });
    refuses(&["tdx.revocation.pck"], |td| {
        td.pck_crl.this_update = time(NOW + 1);
    });
    refuses(&["tdx.revocation.pck"], |td| {
        td.pck_crl
            .extensions
            .push(ext("2.5.29.27", true, integer(&[1])));
    });
}
