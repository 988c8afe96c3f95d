//! Section 3, TDX: MRTD and RTMR0 to RTMR2 of every shape, computed again from the files and from what was captured of the hosts.

use crate::report::Section;
use crate::tree::{read, read_text};
use cloister_digest::measure::{Files, Host, HostShape, TdxLaunch};
use cloister_digest::tdx::{HostTables, PageOrder, TABLE_LOADER, Tdvf, mrtd, replay};
use cloister_verify::ccel::Register;
use cloister_verify::release::{Hex, Release, TdxShape};
use std::collections::BTreeMap;
use std::path::Path;

/// The firmware of trust domains.
const FIRMWARE: &str = "OVMF.generic.fd";
/// Where the captured hosts are, one folder each.
const HOSTS: &str = "measurements/hosts";
/// A memory size for what does not depend on it, in MiB.
const ANY_MEMORY: u64 = 2048;

/// Compares the TDX shapes of a release. `files` are those of the production image; their firmware is replaced by the one for TDX.
///
/// # Errors
/// Words for people, when the firmware cannot be read or is not one that may start a trust domain.
pub(crate) fn compare(
    section: &mut Section,
    root: &Path,
    image: &Path,
    release: &Release,
    files: &Files<'_>,
) -> Result<(), String> {
    let firmware = read(&image.join(FIRMWARE)).map_err(|error| error.to_string())?;
    let files = Files {
        firmware: &firmware,
        ..*files
    };
    let launch = TdxLaunch::read(&files).map_err(|error| error.to_string())?;
    if release.tdx.is_empty() {
        return predicted(section, &launch, &firmware);
    }
    for shape in &release.tdx {
        let title = format!("release TDX x{} {} MiB", shape.vcpus, shape.memory_mib);
        match host(root, shape) {
            Ok(host) => match launch.shape(&host) {
                Ok(computed) => registers(section, &title, shape, &computed, &host),
                Err(error) => {
                    section.failed(title, error);
                }
            },
            Err(why) => {
                section.failed(title, why);
            }
        }
    }
    section.not_shown(
        "release TDX by a foreign calculator",
        "none that computes MRTD and RTMRs for this launch is pinned here",
    );
    Ok(())
}

/// What the files alone give, for a release without TDX shapes.
fn predicted(section: &mut Section, launch: &TdxLaunch<'_>, firmware: &[u8]) -> Result<(), String> {
    let image = Tdvf::parse(firmware).map_err(|error| error.to_string())?;
    let events = launch
        .events(ANY_MEMORY, None)
        .map_err(|error| error.to_string())?;
    let found = replay(&events);
    let [page_by_page, by_section] = PageOrder::ALL.map(|order| Hex(mrtd(&image, order)));
    let rtmr1 = Hex(*found.value(Register::Rtmr1));
    let rtmr2 = Hex(*found.value(Register::Rtmr2));
    section
        .not_shown(
            "release TDX",
            format_args!(
                "the release lists no TDX shape; the files give MRTD {page_by_page} ({by_section} where a host adds all pages of a section first), RTMR1 {rtmr1}, RTMR2 {rtmr2}"
            ),
        )
        .fact("mrtd", page_by_page)
        .fact("rtmr1", rtmr1)
        .fact("rtmr2", rtmr2);
    Ok(())
}

fn registers(
    section: &mut Section,
    title: &str,
    said: &TdxShape,
    computed: &TdxShape,
    host: &Host,
) {
    section.check(
        said.firmware_sha256 == computed.firmware_sha256,
        format_args!("{title} firmware"),
        format_args!(
            "release file {}, file {}; host: {} ({})",
            said.firmware_sha256, computed.firmware_sha256, host.shape.source, host.shape.date
        ),
    );
    for (name, said, found) in [
        ("MRTD", said.mrtd, computed.mrtd),
        ("RTMR0", said.rtmr0, computed.rtmr0),
        ("RTMR1", said.rtmr1, computed.rtmr1),
        ("RTMR2", said.rtmr2, computed.rtmr2),
    ] {
        section.check(
            said == found,
            format_args!("{title} {name}"),
            format_args!("release file {said}, computed {found}"),
        );
    }
    section.check(
        said.events == computed.events,
        format_args!("{title} events"),
        format_args!(
            "{} in the release file, {} computed",
            said.events.len(),
            computed.events.len()
        ),
    );
}

/// The captured host of a shape.
fn host(root: &Path, shape: &TdxShape) -> Result<Host, String> {
    let hosts = root.join(HOSTS);
    for name in crate::tree::names_in(&hosts) {
        let folder = hosts.join(&name);
        if !folder.join("shape.toml").is_file() {
            continue;
        }
        let text = read_text(&folder.join("shape.toml")).map_err(|error| error.to_string())?;
        let named = |why: &dyn std::fmt::Display| format!("{HOSTS}/{name}: {why}");
        let found = HostShape::parse(&text).map_err(|error| named(&error))?;
        if (found.vcpus, found.memory_mib) == (shape.vcpus, shape.memory_mib) {
            let tables = tables(&folder).map_err(|why| named(&why))?;
            return Ok(Host {
                shape: found,
                tables,
            });
        }
    }
    Err(format!(
        "no folder of {HOSTS} has this shape, so RTMR0 cannot be computed"
    ))
}

/// What a host hands to the firmware, by the names of fw_cfg.
fn tables(folder: &Path) -> Result<HostTables, String> {
    let bytes = |name: &str| read(&folder.join(name)).map_err(|error| error.to_string());
    let fetched =
        HostTables::fetched_by(&bytes(TABLE_LOADER)?).map_err(|error| error.to_string())?;
    let mut files = BTreeMap::new();
    for name in HostTables::names().map(str::to_owned).chain(fetched) {
        if folder.join(&name).is_file() {
            let content = bytes(&name)?;
            files.insert(name, content);
        }
    }
    HostTables::new(files).map_err(|error| error.to_string())
}
