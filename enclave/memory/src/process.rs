//! What the whole process must never do.

use core::fmt;
use rustix::{
    io::Errno,
    process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit},
};

/// The kernel refused to harden the process; it must not go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HardenError {
    step: &'static str,
    errno: Errno,
}

impl fmt::Display for HardenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "cannot {}: {}", self.step, self.errno)
    }
}

impl core::error::Error for HardenError {}

/// Forbids core dumps and `ptrace` by other processes of the same user, and raises the limit of locked memory as far as the
/// process may.
///
/// # Errors
/// [`HardenError`] names the step that the kernel refused.
pub fn harden_process() -> Result<(), HardenError> {
    let at = |step| move |errno| HardenError { step, errno };
    setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    )
    .map_err(at("forbid core dumps (RLIMIT_CORE)"))?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)
        .map_err(at("forbid ptrace (PR_SET_DUMPABLE)"))?;
    let limit = getrlimit(Resource::Memlock);
    setrlimit(
        Resource::Memlock,
        Rlimit {
            current: limit.maximum,
            maximum: limit.maximum,
        },
    )
    .map_err(at("raise the limit of locked memory (RLIMIT_MEMLOCK)"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_process_cannot_dump_core() {
        harden_process().unwrap();
        assert_eq!(getrlimit(Resource::Core).maximum, Some(0));
        assert_eq!(
            rustix::process::dumpable_behavior().unwrap(),
            DumpableBehavior::NotDumpable
        );
    }
}
