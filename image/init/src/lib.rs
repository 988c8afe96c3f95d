//! PID 1 of the image.
//!
//! In come the measured kernel command line, one disk and one network interface; out comes the service, running in this very
//! process. When the service starts, every check below has passed: the command line is the whole configuration and has no word
//! that is not known, the weights are the measured ones, the kernel has a hardware seed, and the secure processor signs. When one
//! fails, one line says which, and the machine powers off.
//!
//! Steps, in this order; the numbers stand at the code again:
//! 1. this is PID 1, with no argument or environment of the host's;
//! 2. the kernel's file systems are mounted, as little writable as they can be;
//! 3. the command line is known word by word;
//! 4. the host hands over no ACPI table and no configuration file that our machines do not have, and the random pool was seeded by
//!    the processor;
//! 5. the secure processor signs;
//! 6. the weights are opened under the measured root hash;
//! 7. the one network interface has its address and no route beyond its own network;
//! 8. the process has given up what the service does not need;
//! 9. the service runs.
#![deny(unsafe_code)] // device_mapper alone may: its three ioctls have no safe wrapper.

mod boot;
mod cmdline;
mod confine;
mod device_mapper;
mod disk;
mod host;
mod mounts;
mod network;
mod paths;
mod refusal;
mod seed;

pub use boot::{OpenSource, boot};
pub use cmdline::{CommandLine, parse};
pub use refusal::Refusal;
