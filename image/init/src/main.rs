//! `/init` of the production image: evidence comes from the hardware or the machine powers off.
#![forbid(unsafe_code)]

use cloister_memory::ZeroOnFree;
use std::alloc::System;

#[global_allocator]
static ALLOCATOR: ZeroOnFree<System> = ZeroOnFree(System);

fn main() {
    cloister_init::boot(|| Ok(cloister_guest::hardware()?))
}
