//! Time to verify one SNP report with all its certificates, the roots read once: `cargo bench -p cloister-verify`.
#![allow(missing_docs, clippy::unwrap_used, reason = "a benchmark")]

use cloister_verify::{Anchors, Endorsements, Policy, UnixTime, appraise, pem};
use criterion::{Criterion, criterion_group, criterion_main};
use std::hint::black_box;
use std::path::{Path, PathBuf};

/// 2026-08-01 00:00 UTC.
const NOW: UnixTime = UnixTime(1_785_542_400);

fn snp(criterion: &mut Criterion) {
    let corpus = std::env::var_os("CLOISTER_EVIDENCE").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/evidence"),
        PathBuf::from,
    );
    let (policy, anchors) = (Policy::authentic(), Anchors::hardware());
    for name in ["milan-v2-vcek-virtee", "genoa-v5-oak", "turin-v5-oak"] {
        let folder = corpus.join("snp").join(name);
        let Ok(report) = std::fs::read(folder.join("report.bin")) else {
            eprintln!(
                "*** NOT MEASURED: no evidence corpus at {} ***",
                corpus.display()
            );
            return;
        };
        let vcek = std::fs::read(folder.join("vcek.der")).unwrap();
        let chain = std::fs::read_to_string(folder.join("cert_chain.pem")).unwrap();
        let chain = pem::certificates(&chain).unwrap();
        let endorsements = Endorsements {
            vcek: Some(&vcek),
            ask: chain.first().map(Vec::as_slice),
            ark: chain.get(1).map(Vec::as_slice),
            ..Endorsements::default()
        };
        let judge = || appraise(black_box(&report), &endorsements, &policy, &anchors, NOW);
        assert!(judge().verdict.is_ok(), "{name} is genuine");
        criterion.bench_function(&format!("snp/{name}"), |bencher| bencher.iter(judge));
    }
    criterion.bench_function("anchors/hardware", |bencher| {
        bencher.iter(Anchors::hardware)
    });
}

criterion_group!(benches, snp);
criterion_main!(benches);
