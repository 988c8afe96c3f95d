//! The built image: the production flavour has nothing of the simulation in it, and neither flavour knows where it was built.
//! Where no image has been built yet (`make image`), the test says so loudly.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::path::PathBuf;

fn built(name: &str) -> Option<Vec<u8>> {
    let folder = std::env::var_os("CLOISTER_IMAGE").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/image"),
        PathBuf::from,
    );
    let file = std::fs::read(folder.join(name)).ok();
    if file.is_none() {
        eprintln!(
            "NOT CHECKED: {} is not built; run `make image`",
            folder.join(name).display()
        );
    }
    file
}

fn holds(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|window| window == text.as_bytes())
}

#[test]
fn the_production_flavour_has_no_simulation() {
    let (Some(production), Some(simulated)) = (built("initrd.cpio"), built("initrd-sim.cpio"))
    else {
        return;
    };
    // Where the simulated processor's port is looked for, and what its evidence source calls itself.
    for word in ["/sys/class/virtio-ports", "SIMULATED secure processor"] {
        // The first assertion shows that the word would be found.
        assert!(
            holds(&simulated, word),
            "the simulated flavour lacks {word:?}, so this test proves nothing"
        );
        assert!(
            !holds(&production, word),
            "the production flavour holds {word:?}"
        );
    }
}

#[test]
fn neither_flavour_knows_where_it_was_built() {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .canonicalize()
        .unwrap();
    for name in ["initrd.cpio", "initrd-sim.cpio"] {
        let Some(archive) = built(name) else { return };
        let mut paths = vec![root.display().to_string()];
        paths.extend(std::env::var("CARGO_HOME").or_else(|_| std::env::var("HOME")));
        // The root folder itself would match anything.
        for path in paths.iter().filter(|path| path.len() > 1) {
            assert!(
                !holds(&archive, &format!("{path}/")),
                "{name} holds a path of this machine"
            );
        }
    }
}
