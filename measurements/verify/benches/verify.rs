//! One report of SEV-SNP and one quote of a TD, with all certificates and collateral, beside peers in the same run: `cargo bench -p
//! cloister-verify --features graviola`; without the feature, our signatures are verified in Rust alone. Printed are microseconds, the most
//! bytes that were allocated at once, and both as ratios to ours.
//!
//! All roots are read once, outside of what is measured, for us as for the peers where they allow it. A round runs every verifier in turn, so
//! that a noisy machine is noisy for all; the least time counts, since noise only adds, and the median stands beside it.
#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a benchmark"
)]

#[path = "../tests/support/peers.rs"]
mod peers;

use cloister_verify::{
    Anchors, Collateral, Endorsements, Policy, UnixTime, appraise, appraise_quote, pem,
};
use dcap_qvl::verify::QuoteVerifier;
use peak_alloc::PeakAlloc;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

#[global_allocator]
static HEAP: PeakAlloc = PeakAlloc;

/// Rounds, and how often each verifier runs in one.
const ROUNDS: usize = 40;
const RUNS: u32 = 5;

/// A verifier of one piece of evidence.
struct Subject<'a> {
    name: &'static str,
    verify: Box<dyn Fn() + 'a>,
}

/// What was measured of one verifier.
struct Measured {
    least: Duration,
    median: Duration,
    bytes: usize,
}

/// Runs the verifiers beside one another and prints a line for each, ours first.
fn compare(title: &str, subjects: &[Subject<'_>]) {
    let mut times = vec![Vec::new(); subjects.len()];
    for _ in 0..ROUNDS {
        for (subject, times) in subjects.iter().zip(&mut times) {
            let start = Instant::now();
            for _ in 0..RUNS {
                (subject.verify)();
            }
            times.push(start.elapsed() / RUNS);
        }
    }
    let measured: Vec<Measured> = subjects
        .iter()
        .zip(&mut times)
        .map(|(subject, times)| {
            times.sort_unstable();
            let before = HEAP.current_usage();
            HEAP.reset_peak_usage();
            (subject.verify)();
            Measured {
                least: times[0],
                median: times[times.len() / 2],
                bytes: HEAP.peak_usage().saturating_sub(before),
            }
        })
        .collect();
    println!("{title}");
    let ours = &measured[0];
    for (subject, one) in subjects.iter().zip(&measured) {
        println!(
            "  {:<22} {:>7.0} us least, {:>7.0} us median ({:>5.2} of ours), {:>7} bytes at most ({:>5.2} of ours)",
            subject.name,
            one.least.as_secs_f64() * 1e6,
            one.median.as_secs_f64() * 1e6,
            one.least.as_secs_f64() / ours.least.as_secs_f64(),
            one.bytes,
            one.bytes as f64 / ours.bytes as f64,
        );
    }
}

fn snp(corpus: &Path, name: &str) {
    // 2026-08-01 00:00 UTC.
    let now = UnixTime(1_785_542_400);
    let folder = corpus.join("snp").join(name);
    let report = std::fs::read(folder.join("report.bin")).unwrap();
    let vcek = std::fs::read(folder.join("vcek.der")).unwrap();
    let chain = std::fs::read_to_string(folder.join("cert_chain.pem")).unwrap();
    let chain = pem::certificates(&chain).unwrap();
    let endorsements = Endorsements {
        vcek: Some(&vcek),
        ask: chain.first().map(Vec::as_slice),
        ark: chain.get(1).map(Vec::as_slice),
        ..Endorsements::default()
    };
    let (policy, anchors) = (Policy::authentic(), Anchors::hardware());
    let ours = || appraise(black_box(&report), &endorsements, &policy, &anchors, now);
    assert!(ours().verdict.is_ok(), "{name} is genuine");
    compare(
        &format!("snp/{name}: report, signing key's certificate, intermediate, root"),
        &[
            Subject {
                name: "cloister-verify",
                verify: Box::new(|| drop(black_box(ours()))),
            },
            Subject {
                name: "sev (crypto_nossl)",
                verify: Box::new(|| {
                    peers::sev(black_box(&report), &vcek, &chain[0], &chain[1]).unwrap();
                }),
            },
        ],
    );
}

fn tdx(corpus: &Path, name: &str, now: u64) {
    let folder = corpus.join("tdx").join(name);
    let file = |name: &str| std::fs::read(folder.join(name)).unwrap();
    let quote = file("quote.bin");
    let parts = [
        "tcb_info.json",
        "tcb_info_issuer_chain.pem",
        "qe_identity.json",
        "qe_identity_issuer_chain.pem",
        "root_ca.crl.der",
        "pck_ca.crl.der",
        "pck_crl_issuer_chain.pem",
    ]
    .map(file);
    let [
        tcb_info,
        tcb_info_chain,
        qe_identity,
        qe_identity_chain,
        root_crl,
        pck_crl,
        pck_crl_chain,
    ] = parts.each_ref().map(|part| Some(part.as_slice()));
    let collateral = Collateral {
        tcb_info,
        tcb_info_chain,
        qe_identity,
        qe_identity_chain,
        root_crl,
        pck_crl,
        pck_crl_chain,
    };
    let (policy, anchors) = (Policy::authentic(), Anchors::hardware());
    let ours = || {
        let now = UnixTime(now);
        appraise_quote(black_box(&quote), &collateral, &policy, &anchors, now)
    };
    assert!(ours().verdict.is_ok(), "{name} is genuine");
    // The peer's collateral is split and decoded beforehand, which is in its favour.
    let theirs = peers::collateral(&parts);
    let verifier = QuoteVerifier::new_prod();
    compare(
        &format!("tdx/{name}: quote, PCK chain, TCB info, QE identity, two revocation lists"),
        &[
            Subject {
                name: "cloister-verify",
                verify: Box::new(|| drop(black_box(ours()))),
            },
            Subject {
                name: "dcap-qvl (ring)",
                verify: Box::new(|| {
                    let report = verifier.verify(black_box(&quote), &theirs, now).unwrap();
                    assert_eq!(report.status, "UpToDate");
                }),
            },
        ],
    );
}

fn main() {
    let corpus = std::env::var_os("CLOISTER_EVIDENCE").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/evidence"),
        PathBuf::from,
    );
    if !corpus.join("snp").is_dir() {
        eprintln!(
            "*** NOT MEASURED: no evidence corpus at {} ***",
            corpus.display()
        );
        return;
    }
    let assembly = cfg!(all(
        feature = "graviola",
        any(target_arch = "x86_64", target_arch = "aarch64")
    ));
    println!(
        "cloister-verify: signatures in {}",
        if assembly {
            "assembly where the processor has the instructions"
        } else {
            "Rust"
        }
    );
    for name in ["milan-v2-vcek-virtee", "genoa-v5-oak", "turin-v5-oak"] {
        snp(&corpus, name);
    }
    // 2026-03-25 and 2026-02-25 00:00 UTC.
    tdx(&corpus, "v5-90c06f-uptodate-google", 1_774_396_800);
    tdx(&corpus, "v4-azure-90c06f-flashbots-1764", 1_771_977_600);
    let start = Instant::now();
    black_box(Anchors::hardware());
    println!(
        "the roots, read and verified once: {:.0} us",
        start.elapsed().as_secs_f64() * 1e6
    );
}
