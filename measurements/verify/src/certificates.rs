//! What is judged alike of AMD's and Intel's certificates: that a root is the pinned one, that certificates are in date, and their
//! revocation lists.

use crate::keys::CertifyingKey;
use crate::policy::{Revocation, RevocationRules};
use crate::time::UnixTime;
use crate::trail::{Rule, Trail};
use crate::x509::{Certificate, Maker};

/// Whether a root that came with evidence is the pinned one: the same bytes, or the same key and name in another self-signed certificate.
/// The name alone is nobody's.
pub(crate) fn is_root(
    der: &[u8],
    pinned: &Certificate<'_>,
    key: &impl CertifyingKey,
    maker: Maker,
) -> bool {
    der == pinned.der
        || Certificate::parse(der, maker).is_ok_and(|other| {
            other.spki == pinned.spki
                && other.subject == pinned.subject
                && other.issuer == pinned.issuer
                && key.certified(&other.signed)
        })
}

/// Why a certificate is not valid at a time, in a sentence; `None` when it is.
pub(crate) fn outside(certificate: &Certificate<'_>, now: UnixTime) -> Option<String> {
    (!certificate.valid_at(now.0)).then(|| {
        format!(
            "{} is valid from {} to {}",
            certificate.subject.common_name,
            UnixTime(certificate.not_before),
            UnixTime(certificate.not_after)
        )
    })
}

/// Every certificate of a chain is valid at `now`. Without its root a chain can fail here and can not pass.
pub(crate) fn judge_validity(
    trail: &mut Trail,
    rule: &Rule,
    below: [&Certificate<'_>; 2],
    root: Option<&Certificate<'_>>,
    now: UnixTime,
) {
    let all = || below.into_iter().chain(root);
    let outside: Vec<String> = all().filter_map(|one| outside(one, now)).collect();
    if root.is_none() && outside.is_empty() {
        trail.not_evaluated(rule, "no pinned root was found");
        return;
    }
    let found = if outside.is_empty() {
        let last = all().map(|certificate| certificate.not_after).min();
        format!("valid until {}", UnixTime(last.unwrap_or_default()))
    } else {
        outside.join("; ")
    };
    trail.check(rule, outside.is_empty(), format!("valid at {now}"), found);
}

/// A revocation list, when one is given or demanded.
pub(crate) fn judge_list<L>(
    trail: &mut Trail,
    rule: &Rule,
    list: Option<L>,
    demand: &RevocationRules,
    check: impl FnOnce(L) -> Result<String, String>,
) {
    let expected = "a current list of the issuer without these certificates";
    match (list, demand.list.value) {
        (None, Revocation::WhenGiven) => trail.not_asked(rule, "no list was given"),
        (None, Revocation::Required) => {
            trail.check(rule, false, expected, "no list was given");
        }
        (Some(list), _) => {
            let verdict = check(list);
            let passed = verdict.is_ok();
            let found = verdict.unwrap_or_else(|found| found);
            trail.check(rule, passed, expected, found);
        }
    }
}
