//! A14: TCB levels of platform, TDX module and quoting enclave.

use super::*;

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
