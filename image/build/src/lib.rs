//! Sources in, one measured image out.
//!
//! In come the static binary, the weights as an erofs file, the firmware and the kernel. Out go the parts of the image that are
//! ours to write: the initramfs, the dm-verity tree, the kernel command line, and a manifest that names every byte. Afterwards each
//! of them depends on nothing but its inputs: no time, no user, no order of a directory, no random number.
#![forbid(unsafe_code)]

pub mod cmdline;
pub mod cpio;
pub mod inputs;
pub mod manifest;
pub mod verity;
