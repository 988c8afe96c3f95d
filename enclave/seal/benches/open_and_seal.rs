//! What one request costs: open and seal, for both KEMs, beside the `ohttp` crate's server doing the same work without locked
//! memory, wiping and replay window.
//!
//! ```text
//! cargo bench -p cloister-seal
//! ```
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used)]

use cloister_memory::Locked;
use cloister_seal::{KeyRing, ReplayWindow};
use cloister_wire::keyconfig::{KEM_X25519, KEM_XWING, KeyConfigs};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ohttp::hpke::{Aead, Kdf, Kem};
use ohttp::{ClientRequest, KeyConfig, Server, SymmetricSuite};

const NOW: u64 = 1_795_435_200;

/// A request to the configuration, sealed anew: the window lets none in twice.
fn seal(config: &[u8], plaintext: &[u8]) -> Vec<u8> {
    ClientRequest::from_encoded_config(config)
        .unwrap()
        .encapsulate(plaintext)
        .unwrap()
        .0
}

fn benchmark(criterion: &mut Criterion) {
    ohttp::init();
    let ring = KeyRing::generate().unwrap();
    let configs = KeyConfigs::decode(ring.key_configs()).unwrap();
    let mut group = criterion.benchmark_group("open and seal");
    for (name, number, kem) in [
        ("X-Wing", KEM_XWING, Kem::XWing),
        ("X25519", KEM_X25519, Kem::X25519Sha256),
    ] {
        let config = configs
            .as_slice()
            .iter()
            .find(|config| config.kem == number)
            .unwrap();
        let ours = config.encode().unwrap();
        let suites = vec![SymmetricSuite::new(Kdf::HkdfSha256, Aead::Aes128Gcm)];
        let server = Server::new(KeyConfig::new(1, kem, suites).unwrap()).unwrap();
        let theirs = server.config().encode().unwrap();
        for length in [4096, 1024 * 1024] {
            let plaintext = vec![7; length];
            group.throughput(Throughput::Bytes(u64::try_from(2 * length).unwrap()));
            group.bench_function(
                BenchmarkId::new(format!("cloister {name}"), length),
                |bencher| {
                    let window = ReplayWindow::with_capacity(NOW, usize::MAX);
                    bencher.iter_batched(
                        || seal(&ours, &plaintext),
                        |request| {
                            let (plaintext, sealer) =
                                ring.open(&request, &window, NOW).ok().unwrap().into_parts();
                            sealer.seal(plaintext).unwrap()
                        },
                        BatchSize::SmallInput,
                    );
                },
            );
            group.bench_function(
                BenchmarkId::new(format!("ohttp crate {name}"), length),
                |bencher| {
                    bencher.iter_batched(
                        || seal(&theirs, &plaintext),
                        |request| {
                            let (plaintext, response) = server.decapsulate(&request).unwrap();
                            response.encapsulate(&plaintext).unwrap()
                        },
                        BatchSize::SmallInput,
                    );
                },
            );
        }
    }
    group.finish();
    criterion.bench_function("locked buffer of 4 KiB", |bencher| {
        bencher.iter(|| Locked::with_capacity(4096).unwrap());
    });
}

criterion_group!(benches, benchmark);
criterion_main!(benches);
