//! The certificates: pinned root, platform or processor authority, PCK; and those of the signers of collateral.

use super::collateral::Collateral;
use super::pck::Pck;
use super::pck_chain::{ISSUERS, PCK, PckChain, certificates};
use super::rules;
use crate::anchors::{Anchors, IntelRoot};
use crate::certificates::{judge_list, judge_validity, outside};
use crate::crl::RevocationList;
use crate::keys::P256Key;
use crate::policy::Policy;
use crate::time::UnixTime;
use crate::trail::{Rule, Trail};
use crate::x509::{Certificate, Maker};

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

/// The revocation lists that came with a quote, each read once; `Err` says what is wrong with one.
pub(super) struct Lists<'a> {
    root: Option<Result<RevocationList<'a>, String>>,
    pck: Option<Result<RevocationList<'a>, String>>,
    /// The certificates of the second one's issuer, PEM.
    pck_chain: Option<&'a [u8]>,
}

impl<'a> Lists<'a> {
    pub(super) fn read(collateral: &Collateral<'a>) -> Self {
        let read = |list| RevocationList::read(list, Maker::Intel);
        Self {
            root: collateral.root_crl.map(read),
            pck: collateral.pck_crl.map(read),
            pck_chain: collateral.pck_crl_chain,
        }
    }

    /// From when to when each list that could be read is current.
    pub(super) fn windows(&self) -> Vec<(UnixTime, UnixTime)> {
        let lists = [&self.root, &self.pck].into_iter().flatten().flatten();
        lists
            .map(|list| (UnixTime(list.this_update), UnixTime(list.next_update)))
            .collect()
    }
}

/// Judges the chain in a quote; `signers` are the serial numbers of the signers of collateral, which the root can revoke as well.
pub(super) fn judge(
    trail: &mut Trail,
    pem: &[u8],
    lists: &Lists<'_>,
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
    let ders = match certificates(pem) {
        Ok(ders) => ders,
        Err(error) => return fail(error),
    };
    let chain = match PckChain::read(&ders) {
        Ok(chain) => chain,
        Err(error) => return fail(error),
    };
    trail.check(
        &rules::CHAIN_CERTIFICATES,
        true,
        expected,
        format!(
            "{} under {}",
            chain.leaf.subject.common_name, chain.issuer.subject.common_name
        ),
    );

    let root = anchors.intel().filter(|root| root.is(chain.root));
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
        let below = [&chain.leaf, &chain.issuer];
        judge_validity(trail, &rules::CHAIN_VALIDITY, below, Some(certificate), now);
        judge_fault(
            trail,
            &rules::CHAIN_ISSUER,
            "signed by the root, may certify",
            chain.issuer_fault(root),
        );
        let demand = &policy.rules.tdx.revocation;
        let mut serials = vec![chain.issuer.serial];
        serials.extend(signers.iter().map(Vec::as_slice));
        judge_list(
            trail,
            &rules::ROOT_CRL,
            lists.root.as_ref(),
            demand,
            |list| {
                let list = list.as_ref().map_err(String::clone)?;
                list.check(certificate, &root.key, &serials, now.0)
            },
        );
        judge_list(trail, &rules::PCK_CRL, lists.pck.as_ref(), demand, |list| {
            if let Some(pem) = lists.pck_chain {
                same_issuer(pem, &chain.issuer, root, now)?;
            }
            let list = list.as_ref().map_err(String::clone)?;
            let serials = [chain.leaf.serial];
            list.check(&chain.issuer, &chain.issuer_key, &serials, now.0)
        });
    }
    judge_fault(
        trail,
        &rules::CHAIN_LEAF,
        "signed by its issuer, no authority",
        chain.leaf_fault(),
    );
    judge_names(trail, &chain, pinned.as_ref().map(|(_, root)| root));
    Chain {
        pck: Some(chain.pck),
        key: Some(chain.key),
    }
}

/// Nothing may speak against a certificate.
fn judge_fault(trail: &mut Trail, rule: &Rule, expected: &str, fault: Option<&str>) {
    trail.check(rule, fault.is_none(), expected, fault.unwrap_or(expected));
}

/// Issuer and subject meet, and every name is the one of its role.
fn judge_names(trail: &mut Trail, chain: &PckChain<'_>, root: Option<&Certificate<'_>>) {
    let Some(root) = root else {
        trail.not_evaluated(&rules::CHAIN_NAMES, "no pinned root was found");
        return;
    };
    let met = chain.names_meet(root);
    let mut found = format!(
        "{} < {} < {}",
        chain.leaf.subject.common_name,
        chain.issuer.subject.common_name,
        chain.issuer.issuer.common_name
    );
    if !met {
        found.push_str(", but issuers and subjects differ");
    }
    trail.check(
        &rules::CHAIN_NAMES,
        met && chain.names_fit(),
        format!("{PCK} < {} < Intel SGX Root CA", ISSUERS.join(" or ")),
        found,
    );
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
    let parsed;
    let other = if other == issuer.der {
        issuer
    } else {
        parsed = Certificate::parse(other, Maker::Intel)
            .map_err(|error| format!("a list whose issuer's certificate has {error}"))?;
        &parsed
    };
    let same = other.spki == issuer.spki
        && other.subject == issuer.subject
        && other.issuer == issuer.issuer
        && other.valid_at(now.0)
        && root.certified(other)
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

/// What is to be said of the certificates of a signer of collateral.
pub(super) struct JudgedSigner {
    passed: bool,
    expected: String,
    found: String,
    /// Whatever could be read, so that the signature can be judged too.
    pub(super) signer: Option<CollateralSigner>,
}

impl JudgedSigner {
    /// Judges certificates, PEM.
    pub(super) fn of(pem: Option<&[u8]>, anchors: &Anchors, now: UnixTime) -> Self {
        let expected = format!("{SIGNER} under the pinned Intel SGX Root CA, valid at {now}");
        match read_signer(pem, anchors, now) {
            Ok((signer, mut found, faults)) => {
                if !faults.is_empty() {
                    found = format!("{found}: {}", faults.join("; "));
                }
                Self {
                    passed: faults.is_empty(),
                    expected,
                    found,
                    signer: Some(signer),
                }
            }
            Err(found) => Self {
                passed: false,
                expected,
                found,
                signer: None,
            },
        }
    }

    /// Writes it down under the rule of a document.
    pub(super) fn record(&self, trail: &mut Trail, rule: &Rule) {
        trail.check(
            rule,
            self.passed,
            self.expected.as_str(),
            self.found.as_str(),
        );
    }
}

/// A signer with its name and what speaks against it; `Err` says why it cannot be read.
fn read_signer(
    pem: Option<&[u8]>,
    anchors: &Anchors,
    now: UnixTime,
) -> Result<(CollateralSigner, String, Vec<String>), String> {
    let chain = certificates(pem.ok_or("no certificates were given")?)?;
    let [leaf, root_der] = chain.as_slice() else {
        return Err(format!("{} certificates", chain.len()));
    };
    let leaf = Certificate::parse(leaf, Maker::Intel)
        .map_err(|error| format!("a certificate with {error}"))?;
    let key = P256Key::from_spki(leaf.spki).ok_or("a certificate without a P-256 key")?;
    let mut faults = Vec::new();
    let root = anchors.intel().filter(|root| root.is(root_der));
    let certificate = root.and_then(IntelRoot::certificate);
    match (root, &certificate) {
        (Some(root), Some(certificate)) => {
            if !root.certified(&leaf) {
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
    let found = leaf.subject.common_name.to_owned();
    let serial = leaf.serial.to_vec();
    Ok((CollateralSigner { key, serial }, found, faults))
}
