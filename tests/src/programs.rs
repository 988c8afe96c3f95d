//! Where the programs are: Cloister's own and those of the system.

use std::path::{Path, PathBuf};

/// The root of the repository.
pub fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests/ lies in the repository")
        .to_path_buf()
}

/// One of Cloister's commands: in the folder `CLOISTER_BIN_DIR`, else beside this test's own build (`target/debug`).
///
/// # Panics
/// When it was not built.
pub fn own(name: &str) -> PathBuf {
    let path = folder().join(name);
    assert!(
        path.is_file(),
        "{} was not built; run `make test`, or build the workspace and set CLOISTER_BIN_DIR",
        path.display()
    );
    path
}

/// The folder of Cloister's own commands.
pub fn folder() -> PathBuf {
    std::env::var_os("CLOISTER_BIN_DIR").map_or_else(beside, PathBuf::from)
}

/// The folder above `deps/`, where cargo puts binaries of the same profile.
fn beside() -> PathBuf {
    let test = std::env::current_exe().expect("the path of this test");
    test.ancestors()
        .nth(2)
        .expect("a test lies in target/<profile>/deps")
        .to_path_buf()
}

/// A program of the system: on `PATH`, or in `/usr/sbin` or `/sbin`, which an ordinary user's path may leave out.
///
/// # Panics
/// When it is not installed.
pub fn system(name: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([
            PathBuf::from("/usr/sbin"),
            PathBuf::from("/sbin"),
            PathBuf::from("/usr/bin"),
        ])
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_file())
        .unwrap_or_else(|| panic!("{name} is not installed; run `make deps`"))
}
