//! What one request costs: open and seal, for both KEMs, whole and in chunks, beside the `ohttp` crate's server doing the same work
//! without locked memory, wiping and replay window. At the end the ratios are printed, from runs in turn: what a tenth of the runs
//! stays below, which on a busy machine is steadier than the median.
//!
//! ```text
//! cargo bench -p cloister-seal
//! ```
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing
)]

use cloister_memory::Locked;
use cloister_seal::{KeyRing, ReplayWindow};
use cloister_wire::keyconfig::{KEM_X25519, KEM_XWING, KeyConfigs};
use criterion::{BatchSize, BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use futures::executor::block_on;
use futures::{AsyncReadExt, AsyncWriteExt};
use ohttp::hpke::{Aead, Kdf, Kem};
use ohttp::{ClientRequest, KeyConfig, Server, SymmetricSuite};
use std::time::{Duration, Instant};

const NOW: u64 = 1_795_435_200;

/// A request to the configuration, sealed anew: the window lets none in twice.
fn seal(config: &[u8], plaintext: &[u8]) -> Vec<u8> {
    ClientRequest::from_encoded_config(config)
        .unwrap()
        .encapsulate(plaintext)
        .unwrap()
        .0
}

/// The same in chunks of 16 KiB.
fn seal_chunked(config: &[u8], plaintext: &[u8]) -> Vec<u8> {
    let mut sealed = Vec::new();
    let client = ClientRequest::from_encoded_config(config).unwrap();
    let mut stream = client.encapsulate_stream(&mut sealed).unwrap();
    block_on(async {
        stream.write_all(plaintext).await.unwrap();
        stream.close().await.unwrap();
    });
    drop(stream);
    sealed
}

/// Both servers for one KEM, and their configurations.
struct Peers {
    ring: KeyRing,
    window: ReplayWindow,
    server: Server,
    ours: Vec<u8>,
    theirs: Vec<u8>,
}

impl Peers {
    fn new(number: u16, kem: Kem) -> Self {
        let ring = KeyRing::generate().unwrap();
        let configs = KeyConfigs::decode(ring.key_configs()).unwrap();
        let mut configs = configs.as_slice().iter();
        let config = configs.find(|config| config.kem == number).unwrap();
        let ours = config.encode().unwrap();
        let suites = vec![SymmetricSuite::new(Kdf::HkdfSha256, Aead::Aes128Gcm)];
        let server = Server::new(KeyConfig::new(1, kem, suites).unwrap()).unwrap();
        let theirs = server.config().encode().unwrap();
        Self {
            ring,
            window: ReplayWindow::with_capacity(NOW, usize::MAX),
            server,
            ours,
            theirs,
        }
    }

    fn cloister(&self, request: &[u8]) -> Vec<u8> {
        let opened = self.ring.open(request, &self.window, NOW).ok().unwrap();
        let (plaintext, sealer) = opened.into_parts();
        sealer.seal(plaintext).unwrap()
    }

    fn ohttp(&self, request: &[u8]) -> Vec<u8> {
        let (plaintext, response) = self.server.decapsulate(request).unwrap();
        response.encapsulate(&plaintext).unwrap()
    }

    fn cloister_chunked(&self, request: &[u8]) -> Vec<u8> {
        let mut coming = self.ring.open_chunked();
        for slice in request.chunks(16 * 1024) {
            coming.push(&self.ring, slice).unwrap();
        }
        let opened = coming.finish(&self.window, NOW).ok().unwrap();
        let (plaintext, sealer) = opened.into_parts();
        let (mut sealer, mut reply) = sealer.begin().unwrap();
        for chunk in plaintext.as_slice().chunks(16 * 1024) {
            reply.extend(sealer.seal(chunk).unwrap());
        }
        reply.extend(sealer.finish(b"").unwrap());
        reply
    }

    fn ohttp_chunked(&self, request: &[u8]) -> Vec<u8> {
        let mut request = self.server.clone().decapsulate_stream(request);
        let (mut plaintext, mut reply) = (Vec::new(), Vec::new());
        block_on(request.read_to_end(&mut plaintext)).unwrap();
        let mut response = request.response(&mut reply).unwrap();
        block_on(async {
            response.write_all(&plaintext).await.unwrap();
            response.close().await.unwrap();
        });
        drop(response);
        reply
    }
}

/// How long `work` takes on what `make` makes.
fn once(make: impl Fn() -> Vec<u8>, work: impl Fn(&[u8]) -> Vec<u8>) -> Duration {
    let request = make();
    let start = Instant::now();
    std::hint::black_box(work(&request));
    start.elapsed()
}

/// Runs both in turn, so that what else the machine does falls on both.
fn ratio(ours: impl Fn() -> Duration, theirs: impl Fn() -> Duration) -> f64 {
    let (mut our_times, mut their_times) = (Vec::new(), Vec::new());
    for _ in 0..201 {
        our_times.push(ours());
        their_times.push(theirs());
    }
    our_times.sort_unstable();
    their_times.sort_unstable();
    our_times[20].as_secs_f64() / their_times[20].as_secs_f64()
}

fn ratios() {
    for (name, number, kem) in KEMS {
        let peers = Peers::new(number, kem);
        for length in LENGTHS {
            let plaintext = vec![7; length];
            let (ours, theirs) = (&peers.ours, &peers.theirs);
            let whole = ratio(
                || once(|| seal(ours, &plaintext), |request| peers.cloister(request)),
                || once(|| seal(theirs, &plaintext), |request| peers.ohttp(request)),
            );
            let chunked = ratio(
                || {
                    once(
                        || seal_chunked(ours, &plaintext),
                        |request| peers.cloister_chunked(request),
                    )
                },
                || {
                    once(
                        || seal_chunked(theirs, &plaintext),
                        |request| peers.ohttp_chunked(request),
                    )
                },
            );
            println!(
                "{name}, {length} bytes: whole {whole:.2}, in chunks {chunked:.2} of the ohttp crate's time"
            );
        }
    }
}

const KEMS: [(&str, u16, Kem); 2] = [
    ("X-Wing", KEM_XWING, Kem::XWing),
    ("X25519", KEM_X25519, Kem::X25519Sha256),
];
const LENGTHS: [usize; 2] = [4096, 1024 * 1024];

fn benchmark(criterion: &mut Criterion) {
    ohttp::init();
    let mut group = criterion.benchmark_group("open and seal");
    for (name, number, kem) in KEMS {
        let peers = Peers::new(number, kem);
        for length in LENGTHS {
            let plaintext = vec![7; length];
            group.throughput(Throughput::Bytes(u64::try_from(2 * length).unwrap()));
            let mut bench =
                |who: &str, config: &[u8], chunked: bool, work: &dyn Fn(&[u8]) -> Vec<u8>| {
                    let kind = if chunked { "chunked" } else { "whole" };
                    group.bench_function(
                        BenchmarkId::new(format!("{who} {name} {kind}"), length),
                        |bencher| {
                            bencher.iter_batched(
                                || {
                                    if chunked {
                                        seal_chunked(config, &plaintext)
                                    } else {
                                        seal(config, &plaintext)
                                    }
                                },
                                |request| work(&request),
                                BatchSize::SmallInput,
                            );
                        },
                    );
                };
            bench("cloister", &peers.ours, false, &|request| {
                peers.cloister(request)
            });
            bench("ohttp crate", &peers.theirs, false, &|request| {
                peers.ohttp(request)
            });
            bench("cloister", &peers.ours, true, &|request| {
                peers.cloister_chunked(request)
            });
            bench("ohttp crate", &peers.theirs, true, &|request| {
                peers.ohttp_chunked(request)
            });
        }
    }
    group.finish();
    criterion.bench_function("locked buffer of 4 KiB", |bencher| {
        bencher.iter(|| Locked::with_capacity(4096).unwrap());
    });
    ratios();
}

criterion_group!(benches, benchmark);
criterion_main!(benches);
