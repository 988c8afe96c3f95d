//! One libFuzzer program for every decoder.
//!
//! In come bytes of the fuzzer's choice and, in `CLOISTER_FUZZ_TARGET`, the name of a decoder. A panic, an overflow, a broken property or
//! memory beyond the decoder's bound stops the program, and libFuzzer keeps the input. What a decoder must hold is written in
//! [`cloister_decoders`]; nothing is decided here.
#![no_main]

use cloister_decoders::{Meter, Target};
use libfuzzer_sys::fuzz_target;
use std::sync::LazyLock;

#[global_allocator]
static METER: Meter = Meter;

static TARGET: LazyLock<&'static Target> = LazyLock::new(|| {
    let name = std::env::var("CLOISTER_FUZZ_TARGET").unwrap_or_default();
    match Target::named(&name) {
        Some(target) => target,
        None => {
            eprintln!(
                "CLOISTER_FUZZ_TARGET: expected one of {}",
                Target::names().join(", ")
            );
            std::process::exit(2)
        }
    }
});

fuzz_target!(|data: &[u8]| {
    TARGET.run(data);
});
