//! The one disk: found by its serial, refused when it is not alone or not of the measured size.

use crate::refusal::Refusal;
use std::path::Path;

/// The serial that the launcher gives to the weights' virtio disk.
const SERIAL: &str = "weights";
/// 512-byte sectors in a 4096-byte block.
const SECTORS: u64 = 8;
/// SHA-256 hashes in a block of the tree.
const HASHES: u64 = 128;

/// The weights' disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Disk {
    /// `major:minor`, as device-mapper tables take it.
    pub(crate) number: String,
}

/// Looks at every disk below `blocks` (`/sys/block`). There must be one, with the serial, holding `data_blocks` blocks and their tree.
pub(crate) fn find(blocks: &Path, data_blocks: u64) -> Result<Disk, Refusal> {
    let entries = std::fs::read_dir(blocks).map_err(Refusal::failed("disk", "a list of disks"))?;
    let mut paths = Vec::new();
    for entry in entries {
        paths.push(
            entry
                .map_err(Refusal::failed("disk", "a list of disks"))?
                .path(),
        );
    }
    let [path] = paths.as_slice() else {
        return Err(Refusal::new("disk", "one disk", format!("{}", paths.len())));
    };
    let attribute = |name: &'static str| {
        let text =
            std::fs::read_to_string(path.join(name)).map_err(Refusal::failed("disk", name))?;
        Ok(text.trim_end_matches('\n').to_owned())
    };
    let serial = attribute("serial")?;
    if serial != SERIAL {
        return Err(Refusal::new("disk", format!("serial {SERIAL}"), serial));
    }
    let size = attribute("size")?;
    let expected = sectors(data_blocks);
    if size.parse() != Ok(expected) {
        return Err(Refusal::new("disk", format!("{expected} sectors"), size));
    }
    Ok(Disk {
        number: attribute("dev")?,
    })
}

/// Sectors of a volume and its tree: each level has one block for 128 blocks below it, up to a level of one block.
fn sectors(data_blocks: u64) -> u64 {
    let mut all = data_blocks;
    let mut level = data_blocks;
    while level > 1 {
        level = level.div_ceil(HASHES);
        all = all.saturating_add(level);
    }
    all.saturating_mul(SECTORS)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn sizes_follow_the_tree() {
        for (data, blocks) in [
            (1, 1),
            (2, 3),
            (128, 129),
            (129, 132),
            (128 * 128 + 1, 128 * 128 + 1 + 129 + 2 + 1),
        ] {
            assert_eq!(sectors(data), blocks * SECTORS, "{data}");
        }
    }

    #[test]
    fn one_disk_with_the_serial_and_the_size() {
        let folder =
            std::env::temp_dir().join(format!("cloister-init-disk-{}", std::process::id()));
        let disk = |name: &str, serial: &str, size: u64| {
            let path = folder.join(name);
            std::fs::create_dir_all(&path).unwrap();
            std::fs::write(path.join("serial"), format!("{serial}\n")).unwrap();
            std::fs::write(path.join("size"), format!("{size}\n")).unwrap();
            std::fs::write(path.join("dev"), "254:0\n").unwrap();
        };
        std::fs::create_dir_all(&folder).unwrap();
        assert!(find(&folder, 2).is_err(), "no disk");
        disk("vda", "weights", 24);
        assert_eq!(
            find(&folder, 2),
            Ok(Disk {
                number: String::from("254:0")
            })
        );
        assert!(find(&folder, 3).is_err(), "another size");
        disk("vda", "other", 24);
        assert!(find(&folder, 2).is_err(), "another serial");
        disk("vda", "weights", 24);
        disk("vdb", "more", 24);
        assert!(find(&folder, 2).is_err(), "a second disk");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
