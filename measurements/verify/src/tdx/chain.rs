//! The certificates: pinned root, platform or processor authority, PCK; and those of the signers of collateral.

use super::collateral::Collateral;
use super::pck::Pck;
use super::rules;
use crate::anchors::{Anchors, IntelRoot};
use crate::keys::{CertifyingKey, P256Key};
use crate::policy::{Policy, Revocation};
use crate::time::UnixTime;
use crate::trail::{Rule, Trail};
use crate::x509::{Certificate, Maker};

/// The common names of a PCK certificate's issuer.
const ISSUERS: [&str; 2] = ["Intel SGX PCK Platform CA", "Intel SGX PCK Processor CA"];
/// The common name of a PCK certificate.
const PCK: &str = "Intel SGX PCK Certificate";
/// The common name of the signer of TCB info and identities.
const SIGNER: &str = "Intel SGX TCB Signing";

/// What the chain of a quote yields for the later steps. Each part is there when it could be read; the trail says what was verified.
#[derive(Default)]
pub(super) struct Chain {
    /// What the PCK certificate says.
    pub(super) pck: Option<Pck>,
    /// The key that must have signed the quoting enclave's report.
    pub(super) key: Option<P256Key>,
}

/// The DER certificates of a PEM text. Quotes end theirs as a C string does, with one zero byte.
pub(super) fn certificates(text: &[u8]) -> Result<Vec<Vec<u8>>, String> {
    let text = text.strip_suffix(&[0]).unwrap_or(text);
    let text = std::str::from_utf8(text).map_err(|_| "not text".to_owned())?;
    crate::pem::certificates(text).map_err(|error| error.to_string())
}

/// Judges the chain in a quote; `signers` are the serial numbers of the signers of collateral, which the root can revoke as well.
pub(super) fn judge(
    trail: &mut Trail,
    pem: &[u8],
    collateral: &Collateral<'_>,
    signers: &[Vec<u8>],
    policy: &Policy,
    anchors: &Anchors,
    now: UnixTime,
) -> Chain {
    let expected = "a PCK certificate, its issuer's and the root's in Intel's shape";
    let mut fail = |found: String| {
        trail.check(&rules::CHAIN_CERTIFICATES, false, expected, found);
        Chain::default()
    };
    let chain = match certificates(pem) {
        Ok(chain) => chain,
        Err(error) => return fail(error),
    };
    let [leaf, issuer, root_der] = chain.as_slice() else {
        return fail(format!("{} certificates", chain.len()));
    };
    let (leaf, issuer) = match (
        Certificate::parse(leaf, Maker::Intel),
        Certificate::parse(issuer, Maker::Intel),
    ) {
        (Ok(leaf), Ok(issuer)) => (leaf, issuer),
        (Err(error), _) => return fail(format!("a PCK certificate with {error}")),
        (_, Err(error)) => return fail(format!("an issuer's certificate with {error}")),
    };
    let pck = match Pck::read(&leaf) {
        Ok(pck) => pck,
        Err(error) => return fail(format!("a PCK certificate with {error}")),
    };
    let (Some(key), Some(issuer_key)) = (
        P256Key::from_spki(leaf.spki),
        P256Key::from_spki(issuer.spki),
    ) else {
        return fail("a certificate without a P-256 key".into());
    };
    trail.check(
        &rules::CHAIN_CERTIFICATES,
        true,
        expected,
        format!(
            "{} under {}",
            leaf.subject.common_name, issuer.subject.common_name
        ),
    );

    let root = anchors.intel().filter(|root| root.is(root_der));
    trail.check(
        &rules::CHAIN_ROOT,
        root.is_some(),
        "Intel SGX Root CA, pinned",
        match root {
            Some(_) => "Intel SGX Root CA, pinned",
            None => "another certificate, whatever it calls itself",
        },
    );
    let pinned = root.and_then(|root| root.certificate().map(|certificate| (root, certificate)));
    if let Some((root, certificate)) = &pinned {
        judge_issuer(trail, &issuer, root);
        judge_validity(trail, [&leaf, &issuer, certificate], now);
        let mut serials = vec![issuer.serial];
        serials.extend(signers.iter().map(Vec::as_slice));
        judge_list(
            trail,
            &rules::ROOT_CRL,
            collateral.root_crl,
            policy,
            |list| crate::crl::check(list, certificate, &root.key, &serials, now.0),
        );
        judge_list(trail, &rules::PCK_CRL, collateral.pck_crl, policy, |list| {
            if let Some(chain) = collateral.pck_crl_chain {
                same_issuer(chain, &issuer, root, now)?;
            }
            crate::crl::check(list, &issuer, &issuer_key, &[leaf.serial], now.0)
        });
    }
    judge_leaf(trail, &leaf, &issuer_key);
    judge_names(trail, &leaf, &issuer, pinned.as_ref().map(|(_, root)| root));
    Chain {
        pck: Some(pck),
        key: Some(key),
    }
}

/// The issuer is signed by the root and may certify.
fn judge_issuer(trail: &mut Trail, issuer: &Certificate<'_>, root: &IntelRoot) {
    let found = if !root.key.signed(&issuer.signed) {
        "a certificate that the root did not sign"
    } else if issuer.may_certify() != Ok(true) {
        "a certificate that may not sign certificates"
    } else {
        "signed by the root, may certify"
    };
    let expected = "signed by the root, may certify";
    trail.check(&rules::CHAIN_ISSUER, found == expected, expected, found);
}

/// The leaf is signed by its issuer and may not certify.
fn judge_leaf(trail: &mut Trail, leaf: &Certificate<'_>, issuer: &P256Key) {
    let found = if !issuer.signed(&leaf.signed) {
        "a certificate that its issuer did not sign"
    } else if leaf.claims_authority() != Ok(false) {
        "a certificate that claims to be an authority"
    } else {
        "signed by its issuer, no authority"
    };
    let expected = "signed by its issuer, no authority";
    trail.check(&rules::CHAIN_LEAF, found == expected, expected, found);
}

/// Issuer and subject meet, and every name is the one of its role.
fn judge_names(
    trail: &mut Trail,
    leaf: &Certificate<'_>,
    issuer: &Certificate<'_>,
    root: Option<&Certificate<'_>>,
) {
    let Some(root) = root else {
        trail.not_evaluated(&rules::CHAIN_NAMES, "no pinned root was found");
        return;
    };
    let met = leaf.issuer.der == issuer.subject.der && issuer.issuer.der == root.subject.der;
    let right = leaf.subject.common_name == PCK && ISSUERS.contains(&issuer.subject.common_name);
    let mut found = format!(
        "{} < {} < {}",
        leaf.subject.common_name, issuer.subject.common_name, issuer.issuer.common_name
    );
    if !met {
        found.push_str(", but issuers and subjects differ");
    }
    trail.check(
        &rules::CHAIN_NAMES,
        met && right,
        format!("{PCK} < {} < Intel SGX Root CA", ISSUERS.join(" or ")),
        found,
    );
}

/// All certificates are valid at `now`.
fn judge_validity(trail: &mut Trail, all: [&Certificate<'_>; 3], now: UnixTime) {
    let outside: Vec<String> = all.iter().filter_map(|one| outside(one, now)).collect();
    let found = if outside.is_empty() {
        let last = all.iter().map(|certificate| certificate.not_after).min();
        format!("valid until {}", UnixTime(last.unwrap_or_default()))
    } else {
        outside.join("; ")
    };
    trail.check(
        &rules::CHAIN_VALIDITY,
        outside.is_empty(),
        format!("valid at {now}"),
        found,
    );
}

fn outside(certificate: &Certificate<'_>, now: UnixTime) -> Option<String> {
    (!certificate.valid_at(now.0)).then(|| {
        format!(
            "{} is valid from {} to {}",
            certificate.subject.common_name,
            UnixTime(certificate.not_before),
            UnixTime(certificate.not_after)
        )
    })
}

/// A revocation list, when one is given or demanded.
fn judge_list(
    trail: &mut Trail,
    rule: &Rule,
    list: Option<&[u8]>,
    policy: &Policy,
    check: impl FnOnce(&[u8]) -> Result<String, String>,
) {
    let expected = "a current list of the issuer without these certificates";
    match (list, policy.rules.tdx.revocation.list.value) {
        (None, Revocation::WhenGiven) => trail.not_asked(rule, "no list was given"),
        (None, Revocation::Required) => {
            trail.check(rule, false, expected, "no list was given");
        }
        (Some(list), _) => {
            let verdict = check(list);
            let passed = verdict.is_ok();
            trail.check(
                rule,
                passed,
                expected,
                verdict.unwrap_or_else(|found| found),
            );
        }
    }
}

/// A chain that came with a revocation list must be the authority that the quote names: the same key and name under the same root.
fn same_issuer(
    pem: &[u8],
    issuer: &Certificate<'_>,
    root: &IntelRoot,
    now: UnixTime,
) -> Result<(), String> {
    let chain = certificates(pem)?;
    let [other, other_root] = chain.as_slice() else {
        return Err(format!("a list with {} certificates", chain.len()));
    };
    let other = Certificate::parse(other, Maker::Intel)
        .map_err(|error| format!("a list whose issuer's certificate has {error}"))?;
    let same = other.spki == issuer.spki
        && other.subject == issuer.subject
        && other.issuer == issuer.issuer
        && other.valid_at(now.0)
        && root.key.signed(&other.signed)
        && root.is(other_root);
    if same {
        Ok(())
    } else {
        Err("a list of another authority than the quote names".into())
    }
}

/// The signer of a document of collateral.
pub(super) struct CollateralSigner {
    pub(super) key: P256Key,
    pub(super) serial: Vec<u8>,
}

/// Judges the certificates of a signer of collateral. Whatever could be read comes back, so that the signature can be judged too.
pub(super) fn judge_signer(
    trail: &mut Trail,
    rule: &Rule,
    pem: Option<&[u8]>,
    anchors: &Anchors,
    now: UnixTime,
) -> Option<CollateralSigner> {
    let expected = format!("{SIGNER} under the pinned Intel SGX Root CA, valid at {now}");
    let read = match pem {
        None => Err("no certificates were given".to_owned()),
        Some(pem) => certificates(pem).and_then(|chain| match <[_; 2]>::try_from(chain) {
            Ok(pair) => Ok(pair),
            Err(chain) => Err(format!("{} certificates", chain.len())),
        }),
    };
    let [leaf, root_der] = match read {
        Ok(pair) => pair,
        Err(found) => {
            trail.check(rule, false, expected, found);
            return None;
        }
    };
    let (leaf, key) = match Certificate::parse(&leaf, Maker::Intel) {
        Ok(leaf) => match P256Key::from_spki(leaf.spki) {
            Some(key) => (leaf, key),
            None => {
                trail.check(rule, false, expected, "a certificate without a P-256 key");
                return None;
            }
        },
        Err(error) => {
            trail.check(rule, false, expected, format!("a certificate with {error}"));
            return None;
        }
    };
    let mut faults = Vec::new();
    let root = anchors.intel().filter(|root| root.is(&root_der));
    let certificate = root.and_then(IntelRoot::certificate);
    match (root, &certificate) {
        (Some(root), Some(certificate)) => {
            if !root.key.signed(&leaf.signed) {
                faults.push("the root did not sign it".to_owned());
            }
            if leaf.issuer.der != certificate.subject.der {
                faults.push("it names another issuer".to_owned());
            }
            faults.extend(outside(certificate, now));
        }
        _ => faults.push("the root is another one".to_owned()),
    }
    if leaf.subject.common_name != SIGNER {
        faults.push("its name is another one".to_owned());
    }
    if leaf.claims_authority() != Ok(false) {
        faults.push("it claims to be an authority".to_owned());
    }
    faults.extend(outside(&leaf, now));
    let mut found = leaf.subject.common_name.to_owned();
    if !faults.is_empty() {
        found = format!("{found}: {}", faults.join("; "));
    }
    trail.check(rule, faults.is_empty(), expected, found);
    Some(CollateralSigner {
        key,
        serial: leaf.serial.to_vec(),
    })
}
