//! `/init` of the simulated image: the production image's boot, with evidence from the simulated secure processor on the host.
#![forbid(unsafe_code)]

use cloister_memory::ZeroOnFree;
use std::alloc::System;

#[global_allocator]
static ALLOCATOR: ZeroOnFree<System> = ZeroOnFree(System);

fn main() {
    cloister_init::boot(cloister_sim_init::open)
}
