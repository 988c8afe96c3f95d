//! Steps 2 and 3: TCB info and the quoting enclave's identity, each with its signer, signature, dates and evaluation.

use super::chain::JudgedSigner;
use super::claims::Evaluation;
use super::collateral::{Collateral, Document};
use super::rules;
use super::tcb_info::{EnclaveIdentity, TcbInfo};
use crate::anchors::Anchors;
use crate::keys::Hash;
use crate::policy::{Demand, Policy};
use crate::time::UnixTime;
use crate::trail::{Rule, Trail};

/// The rules of one document.
struct DocumentRules {
    format: &'static Rule,
    signer: &'static Rule,
    signature: &'static Rule,
    dates: &'static Rule,
    number: &'static Rule,
}

const TCB_INFO: DocumentRules = DocumentRules {
    format: &rules::TCB_INFO_FORMAT,
    signer: &rules::TCB_INFO_SIGNER,
    signature: &rules::TCB_INFO_SIGNATURE,
    dates: &rules::TCB_INFO_DATES,
    number: &rules::TCB_INFO_NUMBER,
};

const QE_IDENTITY: DocumentRules = DocumentRules {
    format: &rules::QE_IDENTITY_FORMAT,
    signer: &rules::QE_IDENTITY_SIGNER,
    signature: &rules::QE_IDENTITY_SIGNATURE,
    dates: &rules::QE_IDENTITY_DATES,
    number: &rules::QE_IDENTITY_NUMBER,
};

/// Both documents as far as they could be read; the trail says what was verified.
pub(super) struct Documents {
    pub(super) tcb_info: Option<TcbInfo>,
    pub(super) qe_identity: Option<EnclaveIdentity>,
    /// Serial numbers of their signers.
    pub(super) signers: Vec<Vec<u8>>,
}

/// Under what a document is judged.
#[derive(Clone, Copy)]
struct Judge<'a> {
    policy: &'a Policy,
    now: UnixTime,
}

/// Judges both documents.
pub(super) fn judge(
    trail: &mut Trail,
    collateral: &Collateral<'_>,
    policy: &Policy,
    anchors: &Anchors,
    now: UnixTime,
) -> Documents {
    let judge = Judge { policy, now };
    let mut signers = Vec::new();
    // One signer signs both, as a rule, and is then judged once.
    let (tcb_info_chain, qe_identity_chain) =
        (collateral.tcb_info_chain, collateral.qe_identity_chain);
    let tcb_info_signer = JudgedSigner::of(tcb_info_chain, anchors, now);
    let other = (qe_identity_chain != tcb_info_chain)
        .then(|| JudgedSigner::of(qe_identity_chain, anchors, now));
    let tcb_info = judge.document(
        trail,
        &TCB_INFO,
        collateral.tcb_info.map(Document::tcb_info),
        &tcb_info_signer,
        TcbInfo::evaluation,
        &mut signers,
    );
    let qe_identity = judge.document(
        trail,
        &QE_IDENTITY,
        collateral.qe_identity.map(Document::enclave_identity),
        other.as_ref().unwrap_or(&tcb_info_signer),
        EnclaveIdentity::evaluation,
        &mut signers,
    );
    Documents {
        tcb_info,
        qe_identity,
        signers,
    }
}

impl Judge<'_> {
    fn document<T>(
        self,
        trail: &mut Trail,
        rules: &DocumentRules,
        document: Option<Result<Document<'_, T>, String>>,
        signer: &JudgedSigner,
        evaluation: fn(&T) -> Evaluation,
        signers: &mut Vec<Vec<u8>>,
    ) -> Option<T> {
        let expected = "a document of Intel's, of TDX";
        let document = match document {
            None => Err("none was given".to_owned()),
            Some(document) => document,
        };
        let (passed, found) = match &document {
            Ok(document) => (true, format!("{} signed bytes", document.signed.len())),
            Err(found) => (false, found.clone()),
        };
        trail.check(rules.format, passed, expected, found);
        signer.record(trail, rules.signer);
        let signer = signer.signer.as_ref();
        signers.extend(signer.map(|signer| signer.serial.clone()));
        let document = document.ok()?;
        if let Some(signer) = signer {
            let good = signer.key.signed(
                Hash::Sha256,
                document.signed.as_bytes(),
                &document.signature,
            );
            let found = if good {
                "a valid signature"
            } else {
                "a signature that is not valid"
            };
            trail.check(rules.signature, good, "a valid signature", found);
        }
        let facts = evaluation(&document.content);
        trail.check(
            rules.dates,
            (facts.issued..=facts.next_update).contains(&self.now),
            format!("current at {}", self.now),
            format!("issued {}, next update {}", facts.issued, facts.next_update),
        );
        let floor = self.policy.evaluation_number();
        match self.policy.rules.tdx.tcb.evaluation_number.value {
            Demand::Any => trail.not_asked(rules.number, facts.number.to_string()),
            Demand::Required => {
                trail.check(
                    rules.number,
                    facts.number >= floor,
                    format!("at least {floor}"),
                    facts.number.to_string(),
                );
            }
        }
        Some(document.content)
    }
}
