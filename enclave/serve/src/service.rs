//! Everything that the handlers share, made ready before the port opens.

use crate::{
    Config, ServeError,
    attestation::{Attestation, Vouched},
    identity::{CurrentCertificate, Identity, tls},
    limits,
};
use cloister_journal::{Event, record};
use cloister_memory::ReadOnlyMap;
use cloister_model::{Highlights, Summariser};
use cloister_seal::{KeyRing, ReplayWindow};
use rustls::ServerConfig;
use std::{
    path::Path,
    sync::{Arc, PoisonError, RwLock},
};
use tokio::sync::Semaphore;

/// The parts of the running service.
pub(crate) struct Service {
    pub(crate) attestation: Attestation,
    pub(crate) bundle: RwLock<Vec<u8>>,
    pub(crate) keys: KeyRing,
    pub(crate) summariser: Box<dyn Summariser>,
    pub(crate) tls: Arc<ServerConfig>,
    pub(crate) window: ReplayWindow,
    /// Places for sealed requests.
    pub(crate) requests: Arc<Semaphore>,
    /// Places for evidence requests.
    pub(crate) attestations: Arc<Semaphore>,
    /// Turns at the model.
    pub(crate) summaries: Arc<Semaphore>,
    certificates: Arc<CurrentCertificate>,
    identity: Identity,
}

impl Service {
    /// Makes every part ready: weights, keys, identity, evidence.
    pub(crate) fn new(config: Config) -> Result<Self, ServeError> {
        let Config {
            weights,
            release,
            source,
            listen: _,
        } = config;
        let summariser = load(&weights)?;
        let keys = KeyRing::generate().map_err(ServeError::part("HPKE keys"))?;
        record(Event::KeysBorn { configurations: 2 });
        let window = ReplayWindow::new(crate::attestation::now().as_secs());
        let identity = Identity::generate().map_err(ServeError::part("TLS key"))?;
        let attestation = Attestation::new(source, &identity, keys.key_configs(), release);
        let Vouched {
            certificate,
            bundle,
        } = attestation
            .vouch(&identity, keys.key_configs())
            .map_err(ServeError::part("evidence"))?;
        let certificates = Arc::new(CurrentCertificate::new(certificate));
        let tls = tls(Arc::clone(&certificates)).map_err(ServeError::part("TLS"))?;
        Ok(Self {
            attestation,
            bundle: RwLock::new(bundle),
            keys,
            summariser,
            tls: Arc::new(tls),
            window,
            requests: Arc::new(Semaphore::new(limits::REQUESTS)),
            attestations: Arc::new(Semaphore::new(limits::ATTESTATIONS)),
            summaries: Arc::new(Semaphore::new(limits::SUMMARIES)),
            certificates,
            identity,
        })
    }

    /// Vouches for the keys anew, for as long as the service runs. When the hardware refuses, the old evidence stays until it
    /// expires, and the next turn comes sooner.
    pub(crate) async fn refresh_evidence(self: Arc<Self>) {
        let mut wait = limits::REFRESH;
        loop {
            tokio::time::sleep(wait).await;
            let service = Arc::clone(&self);
            let vouched = tokio::task::spawn_blocking(move || {
                service
                    .attestation
                    .vouch(&service.identity, service.keys.key_configs())
            });
            wait = match vouched.await {
                Ok(Ok(Vouched {
                    certificate,
                    bundle,
                })) => {
                    self.certificates.replace(certificate);
                    *self.bundle.write().unwrap_or_else(PoisonError::into_inner) = bundle;
                    limits::REFRESH
                }
                _ => limits::REFRESH / 24,
            };
        }
    }
}

/// The extractive engine from the files named in `model/weights.lock`.
fn load(weights: &Path) -> Result<Box<dyn Summariser>, ServeError> {
    // The engine lives as long as the process, and so do the maps it borrows from.
    let map = |name: &'static str| -> Result<&'static [u8], ServeError> {
        let map = ReadOnlyMap::open(&weights.join(name)).map_err(ServeError::io(name))?;
        Ok(Box::leak(Box::new(map)).bytes())
    };
    let (model, config, tokenizer) = (
        map("model.safetensors")?,
        map("config.json")?,
        map("tokenizer.json")?,
    );
    let engine = Highlights::load(model, config, tokenizer);
    Ok(Box::new(engine.map_err(ServeError::part("weights"))?))
}
