//! A release's measurements for people: what went in, then one table a machine shape. SEV-SNP has one number a shape, so its shapes
//! share a table for each word of guest features; a TDX shape has four registers and the events that lead to them.

use crate::json::not_predicted;
use crate::tdx::{Event, replay};
use cloister_verify::ccel::{Register, Registers};
use cloister_verify::release::{Hex, Release, TdxShape};
use core::fmt::{self, Write as _};

/// The whole text.
///
/// # Errors
/// None that is known: text is written to memory.
pub fn table(release: &Release) -> Result<String, fmt::Error> {
    let mut text = String::new();
    let flavour = format!("{:?}", release.flavour).to_lowercase();
    let firmware = &release.firmware;
    writeln!(text, "release   {} ({flavour})", release.release)?;
    writeln!(text, "firmware  {}  {}", firmware.sha256, firmware.name)?;
    writeln!(text, "kernel    {}", release.kernel_sha256)?;
    writeln!(text, "initrd    {}", release.initrd_sha256)?;
    writeln!(text, "weights   {}", release.weights.root_hash)?;
    writeln!(text, "cmdline   {}", release.cmdline)?;
    let mut features: Vec<u64> = release
        .snp
        .iter()
        .map(|shape| shape.guest_features)
        .collect();
    features.sort_unstable();
    features.dedup();
    for word in features {
        writeln!(
            text,
            "\nSEV-SNP with {} and guest features {word:#x}",
            firmware.name
        )?;
        writeln!(text, "{:<14} {:>5}  launch digest", "CPU", "count")?;
        for shape in release
            .snp
            .iter()
            .filter(|shape| shape.guest_features == word)
        {
            writeln!(
                text,
                "{:<14} {:>5}  {}",
                shape.cpu, shape.vcpus, shape.digest
            )?;
        }
    }
    for shape in &release.tdx {
        tdx(&mut text, shape)?;
    }
    let missing = not_predicted(release);
    if !missing.is_empty() {
        writeln!(text)?;
    }
    for words in missing {
        writeln!(text, "note: {words}")?;
    }
    Ok(text)
}

fn tdx(text: &mut String, shape: &TdxShape) -> fmt::Result {
    let (memory, vcpus) = (shape.memory_mib, shape.vcpus);
    writeln!(
        text,
        "\nTDX with {memory} MiB, {vcpus} CPUs and firmware {}",
        shape.firmware_sha256
    )?;
    for (name, value) in [
        ("MRTD", shape.mrtd),
        ("RTMR0", shape.rtmr0),
        ("RTMR1", shape.rtmr1),
        ("RTMR2", shape.rtmr2),
    ] {
        writeln!(text, "{name:<6} {value}")?;
    }
    for event in &shape.events {
        writeln!(
            text,
            "  RTMR{} {}  {}",
            event.rtmr, event.digest, event.what
        )?;
    }
    Ok(())
}

/// One launch in a trust domain: its registers and events. Without a host's tables RTMR0 is named as unknown.
///
/// # Errors
/// None that is known: text is written to memory.
pub fn launch(
    firmware: &str,
    mrtd: &[u8; 48],
    events: &[Event],
    with_host: bool,
) -> Result<String, fmt::Error> {
    let mut text = String::new();
    let registers: Registers = replay(events);
    writeln!(text, "firmware {firmware}")?;
    writeln!(text, "MRTD   {}", Hex(*mrtd))?;
    for register in [Register::Rtmr0, Register::Rtmr1, Register::Rtmr2] {
        if register == Register::Rtmr0 && !with_host {
            writeln!(
                text,
                "RTMR0  not predicted: give the host's tables (--host)"
            )?;
            continue;
        }
        writeln!(
            text,
            "{:<6} {}",
            register.to_string(),
            Hex(*registers.value(register))
        )?;
    }
    for event in events {
        writeln!(
            text,
            "  {} {}  {}",
            event.register,
            Hex(event.digest),
            event.what
        )?;
    }
    Ok(text)
}
