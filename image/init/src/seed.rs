//! Randomness: from the processor, and ready before the first key is made.

use crate::refusal::Refusal;
use rustix::io::Errno;
use rustix::rand::{GetRandomFlags, getrandom};

/// Requires a hardware generator on every processor, and a kernel pool that is seeded already.
///
/// The kernel was built without any other source that the host could feed. It seeds its pool by RDSEED, or by RDRAND where that is
/// missing (QEMU's emulated processor has only RDRAND); when it could not, the pool is not ready, and waiting would not make it so.
pub(crate) fn check() -> Result<(), Refusal> {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo")
        .map_err(Refusal::failed("hardware seed", "/proc/cpuinfo"))?;
    instructions(&cpuinfo)?;
    let mut byte = [0u8; 1];
    match getrandom(&mut byte, GetRandomFlags::NONBLOCK) {
        Ok(1) => Ok(()),
        Ok(_) | Err(Errno::AGAIN) => Err(Refusal::new(
            "hardware seed",
            "a seeded random pool",
            "an unseeded one",
        )),
        Err(error) => Err(Refusal::new(
            "hardware seed",
            "a random pool",
            error.to_string(),
        )),
    }
}

/// RDSEED or RDRAND among the flags of every processor.
fn instructions(cpuinfo: &str) -> Result<(), Refusal> {
    let mut processors = 0u32;
    for line in cpuinfo.lines() {
        let Some((_, flags)) = line
            .split_once(':')
            .filter(|(name, _)| name.trim_end() == "flags")
        else {
            continue;
        };
        processors = processors.saturating_add(1);
        if !flags
            .split_ascii_whitespace()
            .any(|flag| matches!(flag, "rdrand" | "rdseed"))
        {
            return Err(Refusal::new(
                "hardware seed",
                "rdrand or rdseed on every processor",
                "one with neither",
            ));
        }
    }
    if processors == 0 {
        return Err(Refusal::new("hardware seed", "processor flags", "none"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generator_on_every_processor() {
        let one = "processor\t: 0\nflags\t\t: fpu rdrand aes\nbugs\t\t:\n";
        assert_eq!(instructions(one), Ok(()));
        assert_eq!(instructions(&one.repeat(2)), Ok(()));
        assert_eq!(instructions(&one.replace("rdrand", "rdseed")), Ok(()));
        for bad in [
            "",
            "flags : fpu",
            "vmx flags : rdrand rdseed",
            &format!("{one}flags\t: fpu rdrandx\n"),
        ] {
            assert!(instructions(bad).is_err(), "{bad:?}");
        }
    }
}
