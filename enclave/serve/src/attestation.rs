//! Evidence for a session (`POST /attest`) and for the keys (certificate and bundle).

use crate::{bundle, channel::Channel, identity::Identity, limits};
use cloister_bind::{EXPORTER_LABEL, KeyBinding, ReleaseId, ReportData, SessionBinding};
use cloister_guest::EvidenceSource;
use cloister_journal::{Event, record};
use cloister_wire::evidence::Evidence;
use rustls::sign::CertifiedKey;
use sha2::{Digest, Sha256};
use std::{
    fmt,
    time::{Duration, Instant, SystemTime, UNIX_EPOCH},
};

/// Signs for the keys of one process.
pub(crate) struct Attestation {
    source: Box<dyn EvidenceSource>,
    spki_sha256: [u8; 32],
    key_configs_sha256: [u8; 32],
    release: ReleaseId,
}

/// There is no evidence; the reason is for the console only.
#[derive(Debug)]
pub(crate) struct NoEvidence(String);

impl fmt::Display for NoEvidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What outlives a session: the certificate and the attested key bundle.
pub(crate) struct Vouched {
    pub(crate) certificate: CertifiedKey,
    pub(crate) bundle: Vec<u8>,
}

impl Attestation {
    pub(crate) fn new(
        source: Box<dyn EvidenceSource>,
        identity: &Identity,
        key_configs: &[u8],
        release: ReleaseId,
    ) -> Self {
        Self {
            source,
            spki_sha256: identity.spki_sha256(),
            key_configs_sha256: Sha256::digest(key_configs).into(),
            release,
        }
    }

    /// The evidence frame for the session behind `channel`, fresh by the client's `nonce`. Blocks.
    pub(crate) fn session(
        &self,
        channel: &Channel,
        nonce: [u8; 32],
    ) -> Result<Vec<u8>, NoEvidence> {
        let exporter = channel
            .exporter(EXPORTER_LABEL, &nonce)
            .map_err(|error| NoEvidence(format!("no exporter: {error}")))?;
        let binding = SessionBinding {
            nonce,
            spki_sha256: self.spki_sha256,
            exporter,
            key_configs_sha256: self.key_configs_sha256,
            release: self.release.clone(),
        };
        self.sign(&binding.report_data())?
            .encode()
            .map_err(|error| NoEvidence(error.to_string()))
    }

    /// Certificate and bundle that vouch for the keys from now on. Blocks.
    pub(crate) fn vouch(
        &self,
        identity: &Identity,
        key_configs: &[u8],
    ) -> Result<Vouched, NoEvidence> {
        let not_after = (now() + limits::KEYS_VOUCHED).as_secs();
        let binding = KeyBinding {
            spki_sha256: self.spki_sha256,
            key_configs_sha256: self.key_configs_sha256,
            not_after,
            release: self.release.clone(),
        };
        let evidence = self.sign(&binding.report_data())?;
        let certificate = identity
            .certify(&evidence, not_after)
            .map_err(|error| NoEvidence(error.to_string()))?;
        let frame = evidence
            .encode()
            .map_err(|error| NoEvidence(error.to_string()))?;
        Ok(Vouched {
            certificate,
            bundle: bundle::encode(key_configs, identity.spki(), not_after, &frame),
        })
    }

    fn sign(&self, report_data: &ReportData) -> Result<Evidence, NoEvidence> {
        let begun = Instant::now();
        let evidence = self.source.evidence(report_data).map_err(|error| {
            record(Event::EvidenceRefused);
            NoEvidence(error.to_string())
        })?;
        let millis = u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        record(Event::EvidenceMade { millis });
        Ok(evidence)
    }
}

/// Time since the Unix epoch, as the host's clock has it.
pub(crate) fn now() -> Duration {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
}
