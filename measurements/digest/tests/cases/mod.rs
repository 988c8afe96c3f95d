//! Where the measurement cases of the evidence set are; loud where they are not.

use std::io::Write;
use std::path::{Path, PathBuf};

/// A case of the evidence set, found through `CLOISTER_EVIDENCE` (otherwise `../shared/evidence` beside the repository).
pub(crate) fn evidence(name: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/evidence");
    let path = std::env::var_os("CLOISTER_EVIDENCE")
        .map_or(beside, PathBuf::from)
        .join("measure")
        .join(name);
    if path.is_dir() {
        return Some(path);
    }
    assert!(
        std::env::var_os("CLOISTER_REQUIRE_PEERS").is_none(),
        "evidence is required and absent: {}",
        path.display()
    );
    let _ = writeln!(
        std::io::stderr(),
        "SKIPPED: no evidence set at {}",
        path.display()
    );
    None
}
