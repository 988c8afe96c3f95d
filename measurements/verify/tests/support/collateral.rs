//! Intel's documents as the tests sign them, before they are signed: two levels of everything.

/// SVN components as JSON.
fn components(svns: [u8; 16]) -> String {
    let texts: Vec<String> = svns
        .iter()
        .map(|svn| format!("{{\"svn\":{svn}}}"))
        .collect();
    format!("[{}]", texts.join(","))
}

pub(crate) const LEVEL: [u8; 16] = [5, 5, 2, 2, 3, 1, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0];
const TDX_LEVEL: [u8; 16] = [5, 0, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];

/// TCB info with two levels of platform and module.
pub(super) fn tcb_info() -> String {
    let (zero48, zero8, ones8) = ("00".repeat(48), "00".repeat(8), "FF".repeat(8));
    let module =
        format!(r#""mrsigner":"{zero48}","attributes":"{zero8}","attributesMask":"{ones8}""#);
    let date = r#""tcbDate":"2025-08-13T00:00:00Z""#;
    let level = |sgx, tdx, pcesvn: u8, rest: &str| {
        format!(
            r#"{{"tcb":{{"sgxtcbcomponents":{},"pcesvn":{pcesvn},"tdxtcbcomponents":{}}},{date},{rest}}}"#,
            components(sgx),
            components(tdx)
        )
    };
    let mut old = LEVEL;
    old[0] = 4;
    format!(
        r#"{{"id":"TDX","version":3,"issueDate":"2026-11-20T00:00:00Z","nextUpdate":"2026-12-20T00:00:00Z","fmspc":"0badc0de0001","pceId":"0000","tcbType":0,"tcbEvaluationDataNumber":21,"tdxModule":{{{module}}},"tdxModuleIdentities":[{{"id":"TDX_01",{module},"tcbLevels":[{{"tcb":{{"isvsvn":5}},{date},"tcbStatus":"UpToDate"}},{{"tcb":{{"isvsvn":2}},{date},"tcbStatus":"OutOfDate","advisoryIDs":["INTEL-SA-00002"]}}]}}],"tcbLevels":[{},{}]}}"#,
        level(LEVEL, TDX_LEVEL, 11, r#""tcbStatus":"UpToDate""#),
        level(
            old,
            TDX_LEVEL,
            11,
            r#""tcbStatus":"OutOfDate","advisoryIDs":["INTEL-SA-00001"]"#
        )
    )
}

pub(super) fn qe_identity() -> String {
    format!(
        r#"{{"id":"TD_QE","version":2,"issueDate":"2026-11-20T00:00:00Z","nextUpdate":"2026-12-20T00:00:00Z","tcbEvaluationDataNumber":21,"miscselect":"00000000","miscselectMask":"FFFFFFFF","attributes":"11000000000000000000000000000000","attributesMask":"FBFFFFFFFFFFFFFF0000000000000000","mrsigner":"{}","isvprodid":2,"tcbLevels":[{{"tcb":{{"isvsvn":4}},"tcbDate":"2025-08-13T00:00:00Z","tcbStatus":"UpToDate"}},{{"tcb":{{"isvsvn":2}},"tcbDate":"2025-08-13T00:00:00Z","tcbStatus":"OutOfDate"}}]}}"#,
        "DC".repeat(32)
    )
}
