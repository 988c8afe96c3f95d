//! The certificates: pinned ARK, ASK (or ASVK), VCEK (or VLEK).

use super::leaf::Leaf;
use super::product::Line;
use super::report::Signer;
use super::rules;
use crate::anchors::{AnchorKind, Anchors, Root, says_simulated};
use crate::certificates::{is_root, judge_list, judge_validity};
use crate::crl::RevocationList;
use crate::keys::{CertifyingKey, P384Key, RsaKey};
use crate::policy::Policy;
use crate::time::UnixTime;
use crate::trail::Trail;
use crate::x509::{Certificate, Maker};
use cloister_wire::certs::{CertTable, CertTableError, Guid};

/// The certificates that came with a report, each in DER and none of them believed yet.
#[derive(Clone, Copy, Debug, Default)]
pub struct Endorsements<'a> {
    /// The chip's certificate.
    pub vcek: Option<&'a [u8]>,
    /// The provider's certificate.
    pub vlek: Option<&'a [u8]>,
    /// The intermediate: ASK for a VCEK, ASVK for a VLEK. Without it the built-in one with the right name is tried.
    pub ask: Option<&'a [u8]>,
    /// The root. Only a pinned root counts; one that is given must be the pinned one.
    pub ark: Option<&'a [u8]>,
    /// The root's revocation list.
    pub crl: Option<&'a [u8]>,
}

impl<'a> Endorsements<'a> {
    /// Reads the certificate table that travels with a report. Entries of other kinds are hints and certify nothing.
    ///
    /// # Errors
    /// [`CertTableError`] when the table is malformed.
    pub fn from_table(table: &'a [u8]) -> Result<Self, CertTableError> {
        let table = CertTable::parse(table)?;
        Ok(Self {
            vcek: table.find(Guid::VCEK),
            vlek: table.find(Guid::VLEK),
            ask: table.find(Guid::ASK),
            ark: table.find(Guid::ARK),
            crl: table.find(Guid::CRL),
        })
    }
}

/// What the chain yields for the later steps. Each part is there when it could be read; the trail says what was verified.
#[derive(Default)]
pub(super) struct Chain {
    /// What the leaf says.
    pub(super) leaf: Option<Leaf>,
    /// The key that must have signed the report.
    pub(super) key: Option<P384Key>,
    /// The line that the pinned root serves; `None` when no root was found or the root serves any.
    pub(super) line: Option<Line>,
}

/// Judges the certificates for a report signed by `signer`.
pub(super) fn judge(
    trail: &mut Trail,
    endorsements: &Endorsements<'_>,
    signer: Signer,
    policy: &Policy,
    anchors: &Anchors,
    now: UnixTime,
) -> Chain {
    let leaf_der = match signer {
        Signer::Vcek => endorsements.vcek,
        Signer::Vlek => endorsements.vlek,
    };
    let expected = format!("a {signer} certificate and its issuer in AMD's shape");
    let mut fail = |found: String| {
        trail.check(&rules::CHAIN_CERTIFICATES, false, expected.as_str(), found);
        Chain::default()
    };
    let Some(leaf_der) = leaf_der else {
        return fail(format!("no {signer} certificate"));
    };
    let leaf = match Certificate::parse(leaf_der, Maker::Amd) {
        Ok(leaf) => leaf,
        Err(error) => return fail(format!("a {signer} certificate with {error}")),
    };
    let ask_der = endorsements
        .ask
        .or_else(|| anchors.intermediate_named(leaf.issuer.der));
    let Some(ask_der) = ask_der else {
        return fail("no issuer's certificate, and no built-in one with its name".into());
    };
    let ask = match Certificate::parse(ask_der, Maker::Amd) {
        Ok(ask) => ask,
        Err(error) => return fail(format!("an issuer's certificate with {error}")),
    };
    let facts = match Leaf::read(&leaf) {
        Ok(facts) => facts,
        Err(error) => return fail(format!("a {signer} certificate with {error}")),
    };
    let Some(key) = P384Key::from_spki(leaf.spki) else {
        return fail(format!("a {signer} certificate without a P-384 key"));
    };
    trail.check(
        &rules::CHAIN_CERTIFICATES,
        true,
        expected,
        format!(
            "{} under {}",
            leaf.subject.common_name, ask.subject.common_name
        ),
    );

    let root = judge_root(trail, endorsements.ark, &ask, anchors);
    if let Some(root) = root {
        judge_issuer(trail, &ask, root);
        let demand = &policy.rules.snp.revocation;
        judge_list(
            trail,
            &rules::CHAIN_REVOCATION,
            endorsements.crl,
            demand,
            |list| {
                let issuer = root.certificate().ok_or("a root that cannot be read")?;
                RevocationList::read(list, issuer.signed.maker)?.check(
                    &issuer,
                    &root.key,
                    &[ask.serial],
                    now.0,
                )
            },
        );
    }
    judge_leaf(trail, &leaf, &ask, root);
    judge_names(trail, &leaf, &ask, root, signer, anchors.kind());
    let certificate = root.and_then(Root::certificate);
    let below = [&leaf, &ask];
    judge_validity(
        trail,
        &rules::CHAIN_VALIDITY,
        below,
        certificate.as_ref(),
        now,
    );
    Chain {
        leaf: Some(facts),
        key: Some(key),
        line: root.and_then(|root| root.line),
    }
}

/// The pinned root that the intermediate names. A root in the evidence must be the pinned one: the same bytes, or the same key in
/// another self-signed certificate.
fn judge_root<'a>(
    trail: &mut Trail,
    ark: Option<&[u8]>,
    ask: &Certificate<'_>,
    anchors: &'a Anchors,
) -> Option<&'a Root> {
    let expected = match anchors.kind() {
        AnchorKind::Hardware => "one of AMD's roots, pinned",
        AnchorKind::Simulated => "the named simulated root",
        AnchorKind::Test => "the named test root",
    };
    let root = anchors.roots().iter().find(|root| {
        root.certificate()
            .is_some_and(|root| root.subject.der == ask.issuer.der)
    });
    let same = |root: &Root| {
        ark.is_none_or(|ark| {
            root.certificate()
                .is_some_and(|pinned| is_root(ark, &pinned, &root.key, Maker::Amd))
        })
    };
    let name = ask.issuer.common_name;
    let found = match root {
        None => format!("{name}, which is not pinned"),
        Some(root) if !same(root) => format!("another certificate that calls itself {name}"),
        Some(_) => format!("{name}, pinned"),
    };
    let root = root.filter(|root| same(root));
    trail.check(&rules::CHAIN_ROOT, root.is_some(), expected, found);
    root
}

/// The intermediate is signed by the root and may certify.
fn judge_issuer(trail: &mut Trail, ask: &Certificate<'_>, root: &Root) {
    let found = if root.known(ask.der).is_none() && !root.key.certified(&ask.signed) {
        "a certificate that the root did not sign"
    } else if ask.may_certify() != Ok(true) {
        "a certificate that may not sign certificates"
    } else {
        "signed by the root, may certify"
    };
    trail.check(
        &rules::CHAIN_ISSUER,
        found.starts_with("signed"),
        "signed by the root, may certify",
        found,
    );
}

/// The leaf is signed by the intermediate and may not certify.
fn judge_leaf(
    trail: &mut Trail,
    leaf: &Certificate<'_>,
    ask: &Certificate<'_>,
    root: Option<&Root>,
) {
    let signed = match root.and_then(|root| root.known(ask.der)) {
        Some(key) => key.certified(&leaf.signed),
        None => RsaKey::of_amd(ask.spki).is_some_and(|key| key.certified(&leaf.signed)),
    };
    let found = if !signed {
        "a certificate that its issuer did not sign"
    } else if leaf.claims_authority() != Ok(false) {
        "a certificate that claims to be an authority"
    } else {
        "signed by its issuer, no authority"
    };
    trail.check(
        &rules::CHAIN_LEAF,
        found.starts_with("signed"),
        "signed by its issuer, no authority",
        found,
    );
}

/// Issuer and subject meet, and every name is the one of its role.
fn judge_names(
    trail: &mut Trail,
    leaf: &Certificate<'_>,
    ask: &Certificate<'_>,
    root: Option<&Root>,
    signer: Signer,
    kind: AnchorKind,
) {
    let names = [
        leaf.subject.common_name,
        ask.subject.common_name,
        ask.issuer.common_name,
    ];
    let expected = match (kind, root.and_then(|root| root.line)) {
        (AnchorKind::Simulated, _) => None,
        (_, Some(line)) => Some(match signer {
            Signer::Vcek => [
                "SEV-VCEK".into(),
                format!("SEV-{line}"),
                format!("ARK-{line}"),
            ],
            Signer::Vlek => [
                "SEV-VLEK".into(),
                format!("SEV-VLEK-{line}"),
                format!("ARK-{line}"),
            ],
        }),
        (_, None) => {
            trail.not_evaluated(&rules::CHAIN_NAMES, "no pinned root was found");
            return;
        }
    };
    let met = leaf.issuer.der == ask.subject.der;
    let right = match &expected {
        Some(expected) => expected.iter().eq(&names),
        None => names.into_iter().all(says_simulated),
    };
    let mut found = names.join(" < ");
    if !met {
        found.push_str(", but the leaf names another issuer");
    }
    trail.check(
        &rules::CHAIN_NAMES,
        met && right,
        expected.map_or_else(
            || "SIMULATED in every name".into(),
            |names| names.join(" < "),
        ),
        found,
    );
}
