//! The rows of the list of attacks that concern TDX: each test takes good evidence, changes one thing, signs it where a signature is
//! needed, and finds exactly the rules that speak against it.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::cast_possible_truncation
)]

mod support;

use cloister_verify::tdx::{MAX_QUOTE, Quote, QuoteError};
use cloister_verify::{Anchors, Expected, Outcome, Step, UnixTime, appraise_quote, attest};
use cloister_wire::certs::Guid;
use support::der::{bits, integer, oid, sequence, time, tlv};
use support::intel::*;
use support::pki::{BASIC_CONSTRAINTS, DAY, KEY_USAGE, NOW, ext, name};

fn failed(trail: &[Step]) -> Vec<&'static str> {
    let failed = trail.iter().filter(|step| !step.passed());
    failed.map(|step| step.rule).collect()
}

fn explain(trail: &[Step]) -> String {
    let failed = trail.iter().filter(|step| !step.passed());
    let lines: Vec<String> = failed.map(ToString::to_string).collect();
    lines.join("\n")
}

/// Good evidence with one change is refused for exactly these rules.
#[track_caller]
fn refuses(rules: &[&str], change: impl FnOnce(&mut Td)) {
    let mut td = Td::default();
    change(&mut td);
    let opinion = td.appraise();
    assert_eq!(
        failed(&opinion.trail),
        rules,
        "\n{}",
        explain(&opinion.trail)
    );
    assert_eq!(opinion.verdict.unwrap_err().rules, rules);
}

/// Good evidence with one change is refused, among others for this rule.
#[track_caller]
fn refuses_also(rule: &str, change: impl FnOnce(&mut Td)) {
    let mut td = Td::default();
    change(&mut td);
    let opinion = td.appraise();
    assert!(opinion.verdict.is_err());
    assert!(
        failed(&opinion.trail).contains(&rule),
        "\n{}",
        explain(&opinion.trail)
    );
}

#[track_caller]
fn accepts(change: impl FnOnce(&mut Td)) {
    let mut td = Td::default();
    change(&mut td);
    let opinion = td.appraise();
    assert!(opinion.verdict.is_ok(), "\n{}", explain(&opinion.trail));
}

/// Bound evidence with one change is refused for exactly these rules, besides the one that no test root escapes.
#[track_caller]
fn attestation_refuses(rules: &[&str], change: impl FnOnce(&mut Td)) {
    let mut td = Td::default();
    change(&mut td);
    let appraisal = td.attest();
    let mut expected = vec!["evidence.kind"];
    expected.extend(rules);
    assert_eq!(
        failed(&appraisal.trail),
        expected,
        "\n{}",
        explain(&appraisal.trail)
    );
    assert_eq!(appraisal.verdict.unwrap_err().rules, expected);
}

#[test]
fn good_evidence_passes_every_rule_of_production() {
    accepts(|_| {});
    attestation_refuses(&[], |_| {});
    let rules: Vec<&str> = cloister_verify::quote_rules().map(|rule| rule.id).collect();
    let appraisal = Td::default().attest();
    let trail: Vec<&str> = appraisal.trail.iter().map(|step| step.rule).collect();
    assert_eq!(trail, rules);
    let mut unique = rules.clone();
    unique.sort_unstable();
    unique.dedup();
    assert_eq!(unique.len(), rules.len());
}

// A14: patch levels.

#[test]
fn a14_every_component_counts() {
    for component in [0, 1, 2, 3, 4, 5, 7] {
        let mut td = Td::default();
        td.sgx.components[component] -= 1;
        let failed = failed(&td.appraise().trail);
        let expected: &[&str] = if component == 0 {
            &["tdx.tcb.status", "tdx.tcb.current"]
        } else {
            &["tdx.tcb.level", "tdx.tcb.status", "tdx.tcb.current"]
        };
        assert_eq!(failed, expected, "component {component}");
    }
    let below = &["tdx.tcb.level", "tdx.tcb.status", "tdx.tcb.current"];
    refuses(below, |td| td.sgx.pce_svn = 10);
    // The late microcode of TDX.
    refuses(&below[..2], |td| td.put(TEE_TCB_SVN + 2, &[4]));
    accepts(|td| td.sgx.components = [0xff; 16]);
}

#[test]
fn a14_the_module_has_levels_of_its_own() {
    refuses(&["tdx.tcb.status"], |td| td.put(TEE_TCB_SVN, &[4]));
    refuses(&["tdx.module.level", "tdx.tcb.status"], |td| {
        td.put(TEE_TCB_SVN, &[1]);
    });
    // Nobody knows TDX 2.
    refuses_also("tdx.module.identity", |td| {
        td.put(TEE_TCB_SVN + 1, &[2]);
    });
    // TDX 1.0: the platform's levels have the module's SVN.
    let version_10 = |td: &mut Td, svn: u8| {
        td.put(TEE_TCB_SVN, &[svn, 0]);
        td.put(TEE_TCB_SVN_2, &[6, 0]);
    };
    accepts(|td| version_10(td, 5));
    refuses(&["tdx.tcb.level", "tdx.tcb.status"], |td| {
        version_10(td, 4);
    });
}

#[test]
fn a14_what_runs_now_is_no_older_than_the_launch() {
    refuses(&["tdx.tcb.current"], |td| td.put(TEE_TCB_SVN_2, &[4, 1, 5]));
    refuses(&["tdx.tcb.current"], |td| td.put(TEE_TCB_SVN_2, &[6, 1, 4]));
    refuses(&["tdx.tcb.current"], |td| td.put(TEE_TCB_SVN_2, &[6, 0, 5]));
    refuses(&["tdx.tcb.current"], |td| td.put(TEE_TCB_SVN_2, &[6, 2, 5]));
    accepts(|td| td.put(TEE_TCB_SVN_2, &[5, 1, 5]));
}

#[test]
fn a14_a_launch_that_was_mended_since_is_still_refused_and_called_what_it_is() {
    // Launched with a module that is out of date, under which a current one was put.
    let mut td = Td::default();
    td.put(TEE_TCB_SVN, &[4]);
    let opinion = td.appraise();
    let status = opinion
        .trail
        .iter()
        .find(|step| step.rule == "tdx.tcb.status")
        .unwrap();
    assert_eq!(status.found, "TDRelaunchAdvised, INTEL-SA-00002");
    assert_eq!(opinion.verdict.unwrap_err().rules, ["tdx.tcb.status"]);
    // Still out of date.
    td.put(TEE_TCB_SVN_2, &[4]);
    let opinion = td.appraise();
    let status = opinion
        .trail
        .iter()
        .find(|step| step.rule == "tdx.tcb.status")
        .unwrap();
    assert_eq!(status.found, "OutOfDate, INTEL-SA-00002");
    // No document can give that status.
    refuses_also("tdx.tcb-info.format", |td| {
        td.tcb_info = td.tcb_info.replace("\"UpToDate\"", "\"TDRelaunchAdvised\"");
    });
}

// A16, A18: attributes.

#[test]
fn a18_every_bit_of_the_debug_byte_is_refused() {
    for bit in 0..8 {
        refuses(&["tdx.attributes.debug"], |td| {
            td.put(TDATTRIBUTES, &[1 << bit]);
        });
    }
}

#[test]
fn a16_every_attribute_is_judged() {
    for (rule, bit) in [
        ("tdx.attributes.reserved", 8),
        ("tdx.attributes.reserved", 26),
        ("tdx.attributes.reserved", 32),
        ("tdx.attributes.reserved", 61),
        ("tdx.attributes.sept-ve-disable", 28),
        ("tdx.attributes.migratable", 29),
        ("tdx.attributes.pks", 30),
        ("tdx.attributes.kl", 31),
        ("tdx.attributes.perfmon", 63),
    ] {
        refuses(&[rule], |td| {
            td.body[TDATTRIBUTES + bit / 8] ^= 1 << (bit % 8)
        });
    }
    accepts(|td| td.body[TDATTRIBUTES + 2] ^= 1);
    refuses(&["tdx.xfam.fixed", "tdx.xfam"], |td| td.put(XFAM, &[0xe5]));
    refuses(&["tdx.xfam.fixed", "tdx.xfam"], |td| td.put(XFAM + 3, &[1]));
    // Parts of AVX-512, of CET and of AMX; AVX-512 without AVX.
    for xfam in [[0x27, 0x02, 0x06], [0xe7, 0x0a, 0x06], [0xe7, 0x02, 0x02]] {
        refuses(&["tdx.xfam.fixed"], |td| td.put(XFAM, &xfam));
    }
    refuses(&["tdx.xfam.fixed", "tdx.xfam"], |td| td.put(XFAM, &[0xe3]));
    // AVX is asked for; processor trace, user interrupts and last branch records are not allowed.
    refuses(&["tdx.xfam"], |td| td.put(XFAM, &[0x03, 0x02, 0x06]));
    for bit in [0x01, 0x40, 0x80] {
        refuses(&["tdx.xfam"], |td| td.put(XFAM + 1, &[0x02 | bit]));
    }
    // What hosts give: with and without PKRU, CET and AMX, and no more than is asked for.
    for xfam in [
        [0xe7, 0x00, 0x06],
        [0xe7, 0x1a, 0x06],
        [0xe7, 0x18, 0x06],
        [0x07, 0, 0],
    ] {
        accepts(|td| td.put(XFAM, &xfam));
    }
}

#[test]
fn a16_module_and_owner_fields_are_zero() {
    refuses(&["tdx.module.identity", "tdx.seam.attributes"], |td| {
        td.put(SEAMATTRIBUTES, &[1]);
    });
    refuses(&["tdx.module.identity", "tdx.seam.signer"], |td| {
        td.put(MRSIGNERSEAM + 47, &[1]);
    });
    for (rule, offset) in [
        ("tdx.mrconfigid", MRCONFIGID),
        ("tdx.mrowner", MROWNER),
        ("tdx.mrownerconfig", MROWNERCONFIG),
        ("tdx.mrservicetd", MRSERVICETD),
        ("tdx.rtmr3", RTMR3),
    ] {
        for byte in [0, 47] {
            refuses(&[rule], |td| td.put(offset + byte, &[1]));
        }
    }
    // What a body can not say is not assumed.
    refuses(
        &["tdx.quote.version", "tdx.tcb.current", "tdx.mrservicetd"],
        Td::version_4,
    );
}

// A17: machines.

#[test]
fn a17_only_listed_machines() {
    refuses(&["tdx.machine"], |td| td.sgx.ppid[0] ^= 1);
    refuses(&["tdx.platform.smt"], |td| td.sgx.smt = true);
    accepts(|td| {
        td.sgx.smt = true;
        td.policy = policy(("", ""), ("", ""), true);
    });
}

// A19: statuses, collateral, revocation.

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
        releases: &td.releases,
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

// A20: what is signed is what is read.

#[test]
fn a20_every_signature_counts() {
    refuses(&["tdx.quote.signature"], |td| td.keys.quote = STRANGER);
    refuses(&["tdx.qe.signature"], |td| td.keys.qe_report = STRANGER);
    refuses(&["tdx.chain.leaf"], |td| td.keys.pck = STRANGER);
    refuses(&["tdx.chain.issuer", "tdx.revocation.pck"], |td| {
        td.keys.issuer = STRANGER;
    });
    refuses(&["tdx.tcb-info.signer", "tdx.qe-identity.signer"], |td| {
        td.keys.signer = STRANGER
    });
    refuses(
        &["tdx.tcb-info.signature", "tdx.qe-identity.signature"],
        |td| td.keys.documents = STRANGER,
    );
}

#[test]
fn a32_the_signed_text_is_the_one_received() {
    // White space inside the signed member is signed with it; around it nobody signs it, and it says nothing.
    accepts(|td| td.tcb_info = td.tcb_info.replacen(':', " : ", 2));
    let bend = |from: &'static [u8], to: &'static [u8]| {
        let td = Td::default();
        let mut entries = td.entries();
        let text = &mut entries[0].1;
        let at = text
            .windows(from.len())
            .position(|part| part == from)
            .unwrap();
        text.splice(at..at + from.len(), to.iter().copied());
        let entry = |index: usize| Some(entries[index].1.as_slice());
        let collateral = cloister_verify::Collateral {
            tcb_info: entry(0),
            tcb_info_chain: entry(1),
            qe_identity: entry(2),
            qe_identity_chain: entry(3),
            root_crl: entry(4),
            pck_crl: entry(5),
            pck_crl_chain: entry(6),
        };
        let now = UnixTime(td.now);
        failed(&appraise_quote(&td.quote(), &collateral, &td.policy, &td.anchors(), now).trail)
    };
    assert!(bend(b"{\"tcbInfo\":{", b"{ \"tcbInfo\" : {").is_empty());
    // The same JSON value in other bytes.
    assert_eq!(
        bend(b"\"tcbInfo\":{\"id\":", b"\"tcbInfo\":{\"id\": "),
        ["tdx.tcb-info.signature"]
    );
    assert_eq!(
        bend(
            b"\"tcbInfo\":{\"id\":\"TDX\"",
            b"\"tcbInfo\":{\"id\":\"TD\\u0058\""
        ),
        ["tdx.tcb-info.signature"]
    );
    // A second member, which another reader could take for the first.
    assert!(
        bend(b"{\"tcbInfo\":", b"{\"tcbInfo\":{},\"tcbInfo\":").contains(&"tdx.tcb-info.format")
    );
    assert!(bend(b",\"signature\"", b",\"x\":1,\"signature\"").contains(&"tdx.tcb-info.format"));
}

// A22: the attestation key.

#[test]
fn a22_the_quoting_enclave_vouches_for_the_key() {
    refuses(&["tdx.qe.binding"], |td| td.qe_report_data = Some([0; 64]));
    // The right hash with something behind it.
    refuses(&["tdx.qe.binding"], |td| {
        let good = Quote::parse(&td.quote()).unwrap();
        let mut data = good.qe_report.report_data;
        data[63] = 1;
        td.qe_report_data = Some(data);
    });
    accepts(|td| td.auth_data = Vec::new());
    accepts(|td| td.auth_data = vec![7; 300]);
}

#[test]
fn a19_the_quoting_enclave_is_intels() {
    refuses(&["tdx.qe.identity"], |td| td.qe_report[128] ^= 1);
    refuses(&["tdx.qe.identity"], |td| td.qe_report[256] = 1);
    refuses(&["tdx.qe.identity"], |td| td.qe_report[16] = 1);
    refuses(&["tdx.qe.identity"], |td| td.qe_report[48] = 0x01);
    refuses(&["tdx.qe.identity", "tdx.qe.debug"], |td| {
        td.qe_report[48] = 0x13;
    });
    // Even if the identity's mask let it through.
    refuses(&["tdx.qe.debug"], |td| {
        td.qe_identity_with("FBFFFFFF", "F9FFFFFF");
        td.qe_report[48] = 0x13;
    });
    // XFRM is not under the mask.
    accepts(|td| td.qe_report[56] = 0xe7);
}

// A25: certificates.

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

// A20, A21, A26, A34: measurements, releases, binding.

#[test]
fn a20_all_four_measurements_are_one_shapes() {
    for offset in [MRTD, RTMR0, RTMR1, RTMR2] {
        attestation_refuses(
            &[
                "release.measurement",
                "release.flavour",
                "binding.report-data",
            ],
            |td| td.body[offset + 7] ^= 1,
        );
    }
    attestation_refuses(
        &[
            "release.measurement",
            "release.flavour",
            "binding.report-data",
        ],
        |td| td.releases.clear(),
    );
    attestation_refuses(&["release.flavour", "binding.report-data"], |td| {
        td.releases = vec![release("0.1.0", "simulated")];
    });
}

#[test]
fn a22_all_64_bytes_of_report_data_count() {
    for byte in 0..64 {
        attestation_refuses(&["binding.report-data"], |td| {
            td.body[REPORTDATA + byte] ^= 1;
        });
    }
    attestation_refuses(&["binding.report-data"], |td| {
        td.releases = vec![release("0.1.1", "production")];
    });
}

// Structure.

#[test]
fn a51_quotes_are_read_to_the_byte() {
    let quote = Td::default().quote();
    for length in 0..quote.len() {
        assert!(Quote::parse(&quote[..length]).is_err(), "cut to {length}");
    }
    let padded = |length: usize| {
        let mut quote = quote.clone();
        quote.resize(length, 0);
        Quote::parse(&quote)
    };
    assert!(padded(8000).is_ok());
    assert!(padded(MAX_QUOTE).is_ok());
    assert_eq!(
        padded(MAX_QUOTE + 1),
        Err(QuoteError::TooLong(MAX_QUOTE + 1))
    );
    accepts(|td| td.after = |quote| quote.resize(8000, 0));
    refuses(&["tdx.quote.padding"], |td| {
        td.after = |quote| {
            quote.resize(8000, 0);
            quote[7999] = 1;
        }
    });
    // Each length, one more and one less: signature data, both certification data, QE authentication data.
    let data = 48 + 6 + 648;
    for offset in [
        data,
        data + 4 + 130,
        data + 4 + 134 + 448,
        data + 4 + 134 + 448 + 36,
    ] {
        for change in [1u8, 0xff] {
            let mut quote = quote.clone();
            quote[offset] = quote[offset].wrapping_add(change);
            quote.push(0);
            assert!(Quote::parse(&quote).is_err(), "length at {offset}");
        }
    }
}

#[test]
fn other_kinds_of_quote_are_called_what_they_are() {
    let quote = Td::default().quote();
    let changed = |changes: &[(usize, u8)]| {
        let mut quote = quote.clone();
        for (offset, byte) in changes {
            quote[*offset] = *byte;
        }
        Quote::parse(&quote).unwrap_err()
    };
    assert_eq!(changed(&[(0, 3)]), QuoteError::Version(3));
    assert_eq!(changed(&[(0, 6)]), QuoteError::Version(6));
    assert_eq!(changed(&[(2, 3)]), QuoteError::KeyType(3));
    assert_eq!(changed(&[(4, 0)]), QuoteError::TeeType(0));
    assert_eq!(changed(&[(48, 1)]), QuoteError::BodyType(1));
    assert_eq!(changed(&[(48, 4)]), QuoteError::BodyType(4));
    assert_eq!(changed(&[(48, 2)]), QuoteError::BodySize(648));
    assert_eq!(changed(&[(50, 0)]), QuoteError::BodySize(512));
    let outer = QuoteError::CertificationType {
        found: 5,
        expected: 6,
    };
    assert_eq!(changed(&[(48 + 6 + 648 + 4 + 128, 5)]), outer);
    assert_eq!(
        changed(&[(0, 3)]).to_string(),
        "version 3: a quote of an SGX enclave, not of a TD"
    );
    refuses(&["tdx.quote.reserved"], |td| td.header[8] = 1);
    refuses(&["tdx.quote.vendor"], |td| td.header[12] = 0);
}
