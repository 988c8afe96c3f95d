//! RA-TLS certificates of others: evidence in an X.509 extension, bound to the certificate's key.
//!
//! In come a certificate, what was captured beside it and the time. Out goes a trail. What passes under [`Demand::Binding`] is one thing: a
//! genuine Intel platform has quoted something that holds the certificate's private key. No collateral travels with these certificates, so
//! nothing is said of patches, and nothing of what was quoted. Under [`Demand::Production`] that is refused, and so is every enclave: SGX is
//! no confidential virtual machine.
//!
//! 1. the certificate: shape, signature, validity, one kind of evidence;
//! 2. the binding: report data, key;
//! 3. the quote: signature, attestation key, quoting enclave, platform's chain to Intel's root;
//! 4. what a service would ask beyond that.

mod chain;
mod evidence;
mod quoted;
mod rules;

pub use crate::tdx::envelope::Tee;

use crate::foreign::certificate::Certificate;
use crate::keys::{Hash, P256Key};
use crate::tdx::attested_key;
use crate::tdx::envelope::Envelope;
use crate::time::UnixTime;
use crate::trail::{Rule, Step, Trail};
use evidence::Evidence;
use quoted::Quoted;

/// What is asked of a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Demand {
    /// That its key is bound to a genuine quote, and nothing of who was quoted.
    Binding,
    /// What Cloister asks before it would send anything.
    Production,
}

/// A certificate and what came with it.
#[derive(Clone, Copy, Debug)]
pub struct Presented<'a> {
    /// The certificate in DER.
    pub certificate: &'a [u8],
    /// The certificates above it in DER, if there are any. Nobody vouches for them.
    pub above: &'a [Vec<u8>],
    /// The quote as it was captured beside the certificate.
    pub quote: Option<&'a [u8]>,
}

/// What came of a certificate.
#[derive(Clone, Debug)]
pub struct Opinion {
    /// Every rule.
    pub trail: Vec<Step>,
    /// What the certificate and its quote say, under the names of the evidence corpus.
    pub fields: Vec<(&'static str, String)>,
}

/// Judges a certificate at a time.
#[must_use]
pub fn judge(presented: &Presented<'_>, demand: Demand, now: UnixTime) -> Opinion {
    let mut trail = Trail::default();
    let mut fields = vec![("scope", "binding".to_owned())];
    let expected = "a certificate with evidence";
    let read = Certificate::parse(presented.certificate).and_then(|certificate| {
        let evidence = Evidence::find(&certificate)?;
        Ok((certificate, evidence))
    });
    match read {
        Err(error) => {
            trail.check(&rules::CERTIFICATE, false, expected, error.0);
        }
        Ok((certificate, evidence)) => {
            let found = match (&evidence, certificate.null_parameters) {
                (Evidence::Tagged { .. }, false) => "tagged evidence of DICE",
                (Evidence::Tagged { .. }, true) => {
                    "tagged evidence of DICE; the signature algorithm carries a NULL that does not belong there"
                }
                (Evidence::Dstack { .. }, _) => "a quote of dstack's",
            };
            trail.check(&rules::CERTIFICATE, true, expected, found);
            judge_certificate(&mut trail, &certificate, presented.above, now);
            judge_evidence(&mut trail, &evidence, presented.quote);
            fields.push((
                "spki_sha256",
                hex::encode(Hash::Sha256.digest(certificate.spki)),
            ));
            match Quoted::parse(evidence.quote()) {
                Err(found) => {
                    trail.check(&rules::QUOTE, false, "a quote of version 3, 4 or 5", found);
                }
                Ok(quote) => {
                    let (version, tee) = (quote.envelope.version, quote.tee());
                    let found = format!("version {version}, of {tee}");
                    trail.check(&rules::QUOTE, true, "a quote of version 3, 4 or 5", found);
                    fields.extend([
                        ("tee", tee.to_string()),
                        ("quote_version", version.to_string()),
                        ("report_data", hex::encode(quote.report_data())),
                    ]);
                    judge_binding(&mut trail, &certificate, &evidence, &quote);
                    judge_quote(&mut trail, &quote.envelope);
                    let fmspc = chain::judge(&mut trail, &quote.envelope, now);
                    fields.extend(fmspc.map(|fmspc| ("fmspc", fmspc)));
                    judge_log(&mut trail, &evidence, &quote);
                    judge_demand(&mut trail, &quote, demand);
                }
            }
        }
    }
    Opinion {
        trail: trail.complete(rules::ALL, "a step before this one failed"),
        fields,
    }
}

/// Step 1.
fn judge_certificate(
    trail: &mut Trail,
    certificate: &Certificate<'_>,
    above: &[Vec<u8>],
    now: UnixTime,
) {
    let chain: Result<Vec<_>, _> = above.iter().map(|der| Certificate::parse(der)).collect();
    let own = certificate.issuer == certificate.subject && certificate.signed_by(&certificate.key);
    let found = match chain {
        _ if own => "signed by its own key",
        Ok(chain) if is_chain(certificate, &chain) => {
            "signed by the chain that came with it, for which nobody vouches"
        }
        Ok(_) | Err(_) => "signed by nobody who is here",
    };
    trail.check(
        &rules::CERTIFICATE_SIGNATURE,
        found != "signed by nobody who is here",
        "signed by its own key or the chain",
        found,
    );
    trail.check(
        &rules::CERTIFICATE_VALIDITY,
        certificate.valid_at(now.0),
        format!("valid at {now}"),
        format!(
            "valid from {} to {}",
            UnixTime(certificate.not_before),
            UnixTime(certificate.not_after)
        ),
    );
}

/// Each is signed by the next, the last by itself.
fn is_chain(leaf: &Certificate<'_>, above: &[Certificate<'_>]) -> bool {
    let row = || std::iter::once(leaf).chain(above);
    !above.is_empty()
        && row()
            .zip(row().skip(1).chain(above.last()))
            .all(|(of, by)| of.issued_by(by))
}

fn judge_evidence(trail: &mut Trail, evidence: &Evidence<'_>, beside: Option<&[u8]>) {
    match beside {
        None => trail.not_asked(&rules::EVIDENCE, "no quote beside the certificate"),
        Some(beside) => {
            let same = beside == evidence.quote();
            trail.check(
                &rules::EVIDENCE,
                same,
                "the same bytes",
                if same {
                    "the same bytes"
                } else {
                    "another quote"
                },
            );
        }
    }
}

/// Step 2.
fn judge_binding(
    trail: &mut Trail,
    certificate: &Certificate<'_>,
    evidence: &Evidence<'_>,
    quote: &Quoted<'_>,
) {
    let expected = evidence.report_data(certificate.spki);
    let bound = trail.check(
        &rules::REPORT_DATA,
        expected == *quote.report_data(),
        hex::encode(expected),
        hex::encode(quote.report_data()),
    );
    match evidence {
        Evidence::Dstack { .. } => {
            let found = if bound {
                "the report data are the hash of this key"
            } else {
                "the report data are not"
            };
            trail.check(
                &rules::KEY,
                bound,
                "the report data are the hash of this key",
                found,
            );
        }
        Evidence::Tagged { claims, .. } => {
            let claimed = evidence::claimed_key(claims);
            let expected = claimed.map(|(hash, _)| hash).unwrap_or(Hash::Sha256);
            let digest = expected.digest(certificate.spki);
            trail.check(
                &rules::KEY,
                claimed.is_some_and(|(_, claimed)| claimed == digest),
                format!("{expected} {}", hex::encode(&digest)),
                claimed.map_or_else(
                    || "no hash of a key".into(),
                    |(_, claimed)| hex::encode(claimed),
                ),
            );
        }
    }
}

/// Step 3, without the platform's chain.
fn judge_quote(trail: &mut Trail, quote: &Envelope<'_>) {
    let signed = P256Key::from_coordinates(&quote.attestation_key)
        .is_some_and(|key| key.signed(Hash::Sha256, quote.signed, &quote.signature));
    trail.check(
        &rules::QUOTE_SIGNATURE,
        signed,
        "signed by the attestation key",
        if signed {
            "signed by the attestation key"
        } else {
            "not signed by the attestation key"
        },
    );
    let expected = attested_key(&quote.attestation_key, quote.qe_auth_data);
    let found = quote.qe_report.report_data;
    trail.check(
        &rules::QUOTE_KEY,
        expected == found,
        hex::encode(expected),
        hex::encode(found),
    );
}

fn judge_log(trail: &mut Trail, evidence: &Evidence<'_>, quote: &Quoted<'_>) {
    let (Evidence::Dstack { log: Some(log), .. }, Some(registers)) = (evidence, quote.registers())
    else {
        trail.not_asked(&rules::EVENT_LOG, "no log");
        return;
    };
    let all = |registers: &[[u8; 48]]| {
        registers
            .iter()
            .map(hex::encode)
            .collect::<Vec<_>>()
            .join(" ")
    };
    let replayed = evidence::replay(log);
    trail.check(
        &rules::EVENT_LOG,
        replayed.as_deref() == Ok(registers.as_slice()),
        all(registers),
        replayed.map_or_else(ToOwned::to_owned, |replayed| all(&replayed)),
    );
}

/// Step 4: what [`Demand::Binding`] does not ask is said all the same.
fn judge_demand(trail: &mut Trail, quote: &Quoted<'_>, demand: Demand) {
    let mut ask = |rule: &Rule, passed: bool, expected: &str, found: String| match demand {
        Demand::Binding => trail.not_asked(rule, found),
        Demand::Production => {
            trail.check(rule, passed, expected, found);
        }
    };
    let tdx = quote.tee() == Tee::Tdx;
    ask(
        &rules::TEE,
        tdx,
        "a TDX virtual machine",
        quote.tee().to_string(),
    );
    let debuggable = quote.debuggable();
    let found = if debuggable {
        "debuggable: the host reads its memory"
    } else {
        "not debuggable"
    };
    ask(
        &rules::DEBUG,
        !debuggable,
        "not debuggable",
        found.to_owned(),
    );
    // A certificate brings none, and there is no place to give any: TCB status is never claimed here.
    ask(
        &rules::COLLATERAL,
        false,
        "TCB info, QE identity and revocation lists",
        "none".to_owned(),
    );
}
