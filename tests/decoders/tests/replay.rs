//! The committed corpus of the fuzzer, replayed without the fuzzer.
#![allow(clippy::unwrap_used, clippy::panic)]

use cloister_decoders::{Meter, TARGETS, Target};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

#[global_allocator]
static METER: Meter = Meter;

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus")
}

/// One test, since the meter counts for the whole program. A decoder beyond its bound stops it, and the line before says which one.
#[test]
fn a51_every_decoder_keeps_its_bounds_on_the_committed_corpus() {
    let folders: BTreeSet<_> = fs::read_dir(corpus())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let names: BTreeSet<_> = Target::names().into_iter().map(str::to_owned).collect();
    assert_eq!(folders, names, "targets and folders of the corpus differ");
    for target in TARGETS {
        let mut files: Vec<_> = fs::read_dir(corpus().join(target.name))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        assert!(!files.is_empty(), "no corpus for {}", target.name);
        let (mut peak, mut inputs) = (0, 0);
        for file in &files {
            let data = fs::read(file).unwrap();
            eprintln!("{}: {}", target.name, file.display());
            peak = peak.max(target.run(&data));
            // Cut and lengthened, each of them decodes to something else or to nothing.
            let step = data.len().div_ceil(64).max(1);
            for end in (0..data.len()).step_by(step) {
                target.run(data.get(..end).unwrap());
                inputs += 1;
            }
            let mut longer = data;
            longer.push(0);
            target.run(&longer);
            inputs += 2;
        }
        println!(
            "{}: {inputs} inputs, at most {peak} bytes allocated at once",
            target.name
        );
    }
}
