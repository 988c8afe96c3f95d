//! Intel TDX: a quote and its collateral in, a trail of judged rules out.
//!
//! The steps, as they are numbered in the code below:
//!
//! 1. the quote: structure, version, vendor, padding (Intel TDX DCAP Quoting Library API);
//! 2. the TCB info: structure, signer, signature over the bytes received, dates, evaluation (Intel PCS API v4);
//! 3. the quoting enclave's identity, likewise;
//! 4. the certificates in the quote: pinned root, signatures, roles, names, validity, revocation of each (RFC 5280);
//! 5. the quoting enclave: its report under the PCK, the attestation key under its report, itself under its identity;
//! 6. the quote's signature, over the bytes received;
//! 7. the TCB: platform, TDX module and quoting enclave, each by its levels, and all together; at launch and now;
//! 8. the TDX module: attributes and signer;
//! 9. the TD's attributes, bit by bit, and its extended features;
//! 10. who owns it and what is bound to it;
//! 11. the machine.
//!
//! The measurements, the release and `REPORTDATA` follow in [`crate::attest()`].

mod body;
mod chain;
mod claims;
mod collateral;
mod document;
pub(crate) mod envelope;
mod launch;
mod pck;
pub(crate) mod pck_chain;
mod quote;
pub(crate) mod rules;
mod status;
mod tcb;
mod tcb_info;

pub use body::{Body, BodyKind, Current};
pub use claims::{Claims, Evaluation, Levels};
pub use collateral::Collateral;
pub use envelope::{EnclaveReport, MAX_QUOTE, QuoteError};
pub use pck::Pck;
pub use quote::Quote;
pub use status::{Standing, TcbStatus};

use crate::anchors::Anchors;
use crate::keys::{Hash, P256Key};
use crate::policy::{Demand, Policy};
use crate::time::UnixTime;
use crate::trail::Trail;
use sha2::{Digest, Sha256};
use tcb_info::{EnclaveIdentity, TcbInfo};

/// Judges a quote and its collateral by every rule; what could not be judged is left out of the trail. Returns what could be read.
pub(crate) fn judge(
    trail: &mut Trail,
    quote: &[u8],
    collateral: &Collateral<'_>,
    policy: &Policy,
    anchors: &Anchors,
    now: UnixTime,
) -> Option<Claims> {
    // 1. The quote.
    let version = Quote::version_of(quote)?;
    let quote = judge_quote(trail, quote, policy);

    // 2. and 3. The documents. They do not depend on the quote.
    let documents = document::judge(trail, collateral, policy, anchors, now);
    let lists = chain::Lists::read(collateral);
    let mut claims = Claims {
        version,
        quote: None,
        pck: None,
        tcb_info: documents.tcb_info.as_ref().map(TcbInfo::evaluation),
        qe_identity: documents
            .qe_identity
            .as_ref()
            .map(EnclaveIdentity::evaluation),
        lists: lists.windows(),
        levels: Levels::default(),
    };
    let Some(quote) = quote else {
        return Some(claims);
    };

    // 4. The certificates.
    let chain = chain::judge(
        trail,
        &quote.pck_chain,
        &lists,
        &documents.signers,
        policy,
        anchors,
        now,
    );

    // 5. The quoting enclave.
    if let Some(key) = &chain.key {
        let good = key.signed(
            Hash::Sha256,
            quote.qe_report.signed_bytes(),
            &quote.qe_signature,
        );
        judge_signature(trail, &rules::QE_SIGNATURE, good);
    }
    judge_enclave(trail, &quote, documents.qe_identity.as_ref());

    // 6. The quote's signature.
    let good = P256Key::from_coordinates(&quote.attestation_key)
        .is_some_and(|key| key.signed(Hash::Sha256, quote.signed_bytes(), &quote.signature));
    judge_signature(trail, &rules::QUOTE_SIGNATURE, good);

    // 7. The TCB.
    let (info, identity) = (&documents.tcb_info, &documents.qe_identity);
    if let Some(identity) = identity {
        claims.levels.enclave = tcb::enclave(&identity.tcb_levels, quote.qe_report.isv_svn);
        judge_level(
            trail,
            &rules::QE_LEVEL,
            &claims.levels.enclave,
            format!("ISVSVN {}", quote.qe_report.isv_svn),
        );
    }
    if let Some(info) = info {
        judge_module(trail, &quote.body, info, &mut claims.levels);
    }
    if let (Some(info), Some(pck)) = (info, &chain.pck) {
        judge_platform(trail, &quote.body, info, pck, &mut claims.levels);
        let current = quote.body.current.as_ref();
        claims.levels.current =
            current.and_then(|current| tcb::launched(info, pck, &current.tee_tcb_svn));
        if identity.is_some() {
            judge_status(trail, &claims.levels, policy, now);
        }
        judge_current(trail, &quote.body, &claims.levels, policy, now);
    }

    // 8. to 11. What was launched, where and for whom.
    launch::judge(trail, &quote.body, policy);
    if let Some(pck) = &chain.pck {
        launch::judge_machine(trail, pck, policy);
    }
    claims.quote = Some(quote);
    claims.pck = chain.pck;
    Some(claims)
}

/// Step 1.
fn judge_quote(trail: &mut Trail, quote: &[u8], policy: &Policy) -> Option<Quote> {
    let expected = format!("a TD quote of version 4 or 5 in at most {MAX_QUOTE} bytes");
    let quote = match Quote::parse(quote) {
        Ok(read) => {
            let found = format!("{} bytes, version {}", quote.len(), read.version);
            trail.check(&rules::QUOTE_FORMAT, true, expected, found);
            read
        }
        Err(error) => {
            trail.check(&rules::QUOTE_FORMAT, false, expected, error.to_string());
            return None;
        }
    };
    let demands = &policy.rules.tdx;
    let (versions, bodies) = (&demands.quote_versions.value, &demands.bodies.value);
    trail.check(
        &rules::QUOTE_VERSION,
        versions.contains(&quote.version) && bodies.contains(&quote.body.kind),
        format!("version {} with {}", list(versions), list(bodies)),
        format!("version {} with {}", quote.version, quote.body.kind),
    );
    trail.check(
        &rules::QUOTE_RESERVED,
        quote.reserved == [0; 4],
        "00000000",
        hex::encode(quote.reserved),
    );
    trail.check(
        &rules::QUOTE_VENDOR,
        quote.vendor_id == quote::INTEL,
        hex::encode(quote::INTEL),
        hex::encode(quote.vendor_id),
    );
    let zero = quote.padding.iter().all(|&byte| byte == 0);
    trail.check(
        &rules::QUOTE_PADDING,
        zero,
        "zeroes",
        format!(
            "{} bytes, {}",
            quote.padding.len(),
            if zero { "all zero" } else { "not all zero" }
        ),
    );
    Some(quote)
}

fn judge_signature(trail: &mut Trail, rule: &crate::trail::Rule, good: bool) {
    let found = if good {
        "a valid signature"
    } else {
        "a signature that is not valid"
    };
    trail.check(rule, good, "a valid signature", found);
}

/// Step 5, after the signature.
fn judge_enclave(trail: &mut Trail, quote: &Quote, identity: Option<&EnclaveIdentity>) {
    let report = &quote.qe_report;
    let bound = attested_key(&quote.attestation_key, &quote.qe_auth_data);
    trail.check(
        &rules::QE_BINDING,
        report.report_data == bound,
        hex::encode(bound),
        hex::encode(report.report_data),
    );
    trail.check(
        &rules::QE_DEBUG,
        !report.debuggable(),
        "no debugging",
        format!("ATTRIBUTES {}", hex::encode(report.attributes)),
    );
    if let Some(identity) = identity {
        let faults = tcb::enclave_faults(identity, report);
        trail.check(
            &rules::QE_IDENTITY,
            faults.is_empty(),
            format!(
                "MRSIGNER {}, ISVPRODID {}, MISCSELECT and ATTRIBUTES as masked",
                hex::encode(identity.mrsigner.0),
                identity.isvprodid
            ),
            if faults.is_empty() {
                "the same".into()
            } else {
                faults.join(", ")
            },
        );
    }
}

/// What a quoting enclave puts into its report data to vouch for an attestation key: SHA-256 over the key and its own data, then zeroes
/// (Intel TDX DCAP Quoting Library API, QE report data).
pub(crate) fn attested_key(key: &[u8; 64], qe_auth_data: &[u8]) -> [u8; 64] {
    let mut hash = Sha256::new();
    hash.update(key);
    hash.update(qe_auth_data);
    let mut bound = [0; 64];
    if let Some(half) = bound.first_chunk_mut::<32>() {
        *half = hash.finalize().into();
    }
    bound
}

fn judge_level(
    trail: &mut Trail,
    rule: &crate::trail::Rule,
    standing: &Option<Standing>,
    has: String,
) {
    let found = match standing {
        Some(standing) => format!("{has}: {standing}"),
        None => format!("{has}: below every level"),
    };
    trail.check(rule, standing.is_some(), "a TCB level", found);
}

/// Step 7, the TDX module.
fn judge_module(trail: &mut Trail, body: &Body, info: &TcbInfo, levels: &mut Levels) {
    let name = tcb::module_id(&body.tee_tcb_svn).unwrap_or_else(|| "TDX 1.0".into());
    let Some(module) = tcb::module(info, &body.tee_tcb_svn) else {
        let found = format!("{name}, which the TCB info does not name");
        trail.check(
            &rules::MODULE_IDENTITY,
            false,
            "a TDX module of Intel's",
            found,
        );
        return;
    };
    let faults = tcb::module_faults(&module.identity, body);
    let found = if faults.is_empty() {
        name.clone()
    } else {
        format!("{name} with {}", faults.join(", "))
    };
    trail.check(
        &rules::MODULE_IDENTITY,
        faults.is_empty(),
        "a TDX module of Intel's",
        found,
    );
    let [svn, ..] = body.tee_tcb_svn;
    judge_level(
        trail,
        &rules::MODULE_LEVEL,
        &module.standing,
        format!("{name}, SVN {svn}"),
    );
    levels.module = module.standing;
}

/// Step 7, the platform.
fn judge_platform(trail: &mut Trail, body: &Body, info: &TcbInfo, pck: &Pck, levels: &mut Levels) {
    let family = |fmspc, pce_id| {
        format!(
            "FMSPC {}, PCEID {}",
            hex::encode(fmspc),
            hex::encode(pce_id)
        )
    };
    trail.check(
        &rules::TCB_INFO_PLATFORM,
        (info.fmspc.0, info.pce_id.0) == (pck.fmspc, pck.pce_id),
        family(pck.fmspc, pck.pce_id),
        family(info.fmspc.0, info.pce_id.0),
    );
    levels.platform = tcb::platform(info, pck, &body.tee_tcb_svn);
    let has = format!(
        "SGX {}, PCESVN {}, TEE {}",
        hex::encode(pck.components),
        pck.pce_svn,
        hex::encode(body.tee_tcb_svn)
    );
    judge_level(trail, &rules::TCB_LEVEL, &levels.platform, has);
}

/// Step 7, all together.
fn judge_status(trail: &mut Trail, levels: &Levels, policy: &Policy, now: UnixTime) {
    let together = levels.together();
    trail.check(
        &rules::TCB_STATUS,
        together
            .as_ref()
            .is_some_and(|standing| policy.accepts(standing, now)),
        list(&policy.rules.tdx.tcb.statuses.value),
        match &together {
            Some(standing) => standing.to_string(),
            None => "no status: a part is below every level".into(),
        },
    );
}

/// Step 7, what runs now.
fn judge_current(trail: &mut Trail, body: &Body, levels: &Levels, policy: &Policy, now: UnixTime) {
    let rule = &rules::TCB_CURRENT;
    let demand = policy.rules.tdx.tcb.current.value;
    let Some(current) = &body.current else {
        match demand {
            Demand::Any => trail.not_asked(rule, "a TD 1.0 body does not say"),
            Demand::Required => {
                trail.check(
                    rule,
                    false,
                    "SVNs of what runs now",
                    "a TD 1.0 body, which does not say",
                );
            }
        }
        return;
    };
    let standing = &levels.current;
    let later = tcb::no_older(&body.tee_tcb_svn, &current.tee_tcb_svn);
    let found = format!(
        "{}{}: {}",
        hex::encode(current.tee_tcb_svn),
        if later { "" } else { ", older than at launch" },
        standing
            .as_ref()
            .map_or_else(|| "below every level".into(), Standing::to_string)
    );
    match demand {
        Demand::Any => trail.not_asked(rule, found),
        Demand::Required => {
            let accepted = standing
                .as_ref()
                .is_some_and(|standing| policy.accepts(standing, now));
            let expected = format!(
                "no older than {}, {}",
                hex::encode(body.tee_tcb_svn),
                list(&policy.rules.tdx.tcb.statuses.value)
            );
            trail.check(rule, later && accepted, expected, found);
        }
    }
}

/// Values with commas between them.
fn list<T: std::fmt::Display>(values: &[T]) -> String {
    let texts: Vec<String> = values.iter().map(T::to_string).collect();
    texts.join(", ")
}
