//! Real firmware, where it is: in the folder that `CLOISTER_FIRMWARE` names, or in the cache that `image/fetch` fills.

use std::io::Write;
use std::path::{Path, PathBuf};

/// The packages of the cache with their one file each.
const CACHE: [(&str, &str); 2] = [
    ("ovmf-amdsev_2026.08+ds-2", "OVMF.amdsev.fd"),
    ("ovmf-generic_2026.08+ds-2", "OVMF.fd"),
];

/// The path of `OVMF.amdsev.fd` or `OVMF.fd`; says so on the terminal when it is not there.
pub(crate) fn firmware(name: &str) -> Option<PathBuf> {
    let cache = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/image/cache");
    let package = CACHE
        .iter()
        .find(|(_, file)| *file == name)
        .map(|(package, _)| cache.join(package));
    let folder = std::env::var_os("CLOISTER_FIRMWARE")
        .map(PathBuf::from)
        .or(package)?;
    let path = folder.join(name);
    if path.is_file() {
        return Some(path);
    }
    assert!(
        std::env::var_os("CLOISTER_REQUIRE_PEERS").is_none(),
        "firmware is required and absent: {}",
        path.display()
    );
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED: no {name} in {}; `image/fetch` brings it",
        folder.display()
    );
    None
}
