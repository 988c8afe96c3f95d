//! The decoders of Intel's formats and of event logs, each behind the appraisal that feeds it.

use crate::part;
use cloister_verify::ccel::{CcelTable, EventLog};
use cloister_verify::tdx::Quote;
use cloister_verify::{Anchors, Collateral, Policy, Step, UnixTime, appraise_quote};
use std::hint::black_box;
use std::sync::LazyLock;

/// When quotes are judged: 2026-11-23 00:00 UTC.
const NOW: UnixTime = UnixTime(1_795_392_000);

static ANCHORS: LazyLock<Anchors> = LazyLock::new(Anchors::hardware);
static POLICY: LazyLock<Policy> = LazyLock::new(Policy::authentic);

/// Judges, and demands of the verdict what every verdict has. Nobody but Intel can make these bytes pass.
fn judge(quote: &[u8], collateral: &Collateral<'_>) {
    let opinion = appraise_quote(quote, collateral, &POLICY, &ANCHORS, NOW);
    assert_eq!(
        opinion.verdict.is_ok(),
        opinion.trail.iter().all(Step::passed)
    );
    if let Some(claims) = opinion.claims {
        black_box(claims.fields());
    }
}

pub(crate) fn quote(data: &[u8]) {
    if let Ok(quote) = Quote::parse(data) {
        assert!(
            quote.pck_chain.len() + quote.qe_auth_data.len() + quote.padding.len() < data.len()
        );
    }
    judge(data, &Collateral::default());
}

/// TCB info, QE identity, two revocation lists and a chain of certificates, each behind its length but the last.
pub(crate) fn collateral(data: &[u8]) {
    let mut rest = data;
    let (tcb_info, qe_identity, root_crl, pck_crl) = (
        part(&mut rest),
        part(&mut rest),
        part(&mut rest),
        part(&mut rest),
    );
    let collateral = Collateral {
        tcb_info: Some(tcb_info),
        tcb_info_chain: Some(rest),
        qe_identity: Some(qe_identity),
        qe_identity_chain: Some(rest),
        root_crl: Some(root_crl),
        pck_crl: Some(pck_crl),
        pck_crl_chain: Some(rest),
    };
    judge(&[4, 0], &collateral);
}

pub(crate) fn event_log(data: &[u8]) {
    black_box(CcelTable::parse(data).is_ok());
    if let Ok(log) = EventLog::parse_ccel(data) {
        black_box(log.replay());
    }
}

pub(crate) fn dstack_log(data: &[u8]) {
    if let Ok(log) = EventLog::parse_dstack(data) {
        black_box(log.replay());
    }
}
