//! A small checkout, its image and its published release, made by hand: everything that an audit reads, a few hundred bytes each.
#![allow(dead_code, reason = "no test needs all of it")]
#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

use cloister_audit::crates::{Crate, Part};
use cloister_audit::report::{Mark, Section};
use cloister_audit::tree::{Hashed, Tree};
use cloister_digest::measure::{Files, Measured};
use cloister_digest::snp::{CpuType, Shape};
use cloister_verify::UnixTime;
use cloister_verify::log::Kind;
use cloister_verify::release::Hex;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

pub(crate) mod log;
#[path = "../../../digest/tests/synthetic/mod.rs"]
mod synthetic;

/// Half a day after the date that the policies carry.
pub(crate) const NOW: UnixTime = UnixTime(1_795_435_200);
pub(crate) const CRATE: &[u8] = b"the archive of a crate";
pub(crate) const DEB: &[u8] = b"the archive of a package";
pub(crate) const SOURCE: &[u8] = b"the archive of a source";
pub(crate) const TOOL: &[u8] = b"the archive of a tool";
pub(crate) const FILE: &[u8] = b"the file in the package";
pub(crate) const MODEL: &[u8] = b"the weights";

pub(crate) fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .parent()
        .unwrap()
        .to_owned()
}

pub(crate) fn sha256(bytes: &[u8]) -> String {
    Hashed::of(bytes).sha256.to_string()
}

pub(crate) fn put(root: &Path, name: &str, bytes: impl AsRef<[u8]>) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, bytes).unwrap();
}

pub(crate) struct Scene {
    pub(crate) tree: Tree,
    pub(crate) published: PathBuf,
    pub(crate) crates: Vec<Crate>,
}

/// A fresh scene under Cargo's temporary directory.
pub(crate) fn scene(name: &str) -> Scene {
    let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("audit-{name}"));
    let _ = fs::remove_dir_all(&root);
    let tree = Tree {
        image: root.join("target/image"),
        cache: root.join("target/image/cache"),
        weights: root.join("target/weights"),
        cargo_home: root.join("target/home"),
        installed: root.join("target/nothing"),
        root: root.clone(),
    };
    sources(&root);
    put(&tree.cache, "pkg_1_all.deb", DEB);
    put(&tree.cache, "pkg_1/file.bin", FILE);
    put(&tree.cache, "src_3.tar.xz", SOURCE);
    put(&tree.cache, "tool_2_amd64.deb", TOOL);
    put(&tree.weights, "model.safetensors", MODEL);
    put(
        &tree.cargo_home,
        "registry/cache/index/small-1.0.0.crate",
        CRATE,
    );
    image(&tree.image);
    let crates = vec![
        Crate {
            name: "cloister-init".into(),
            version: "0.1.0".into(),
            licence: "Apache-2.0".into(),
            checksum: None,
            origin: None,
            folder: root.join("image/init"),
            part: Part::Binary,
        },
        Crate {
            name: "small".into(),
            version: "1.0.0".into(),
            licence: "MIT".into(),
            checksum: Hex::parse(&sha256(CRATE)),
            origin: Some("registry+https://registry.example/index".into()),
            folder: tree.cargo_home.join("registry/src/index/small-1.0.0"),
            part: Part::Binary,
        },
    ];
    let published = root.join("measurements/releases/0.1.0");
    fs::create_dir_all(&published).unwrap();
    for name in ["manifest.json", "release.json"] {
        fs::copy(tree.image.join(name), published.join(name)).unwrap();
    }
    for name in ["machines.toml", "amd-floors.toml"] {
        fs::copy(
            root.join("measurements/policy").join(name),
            published.join(name),
        )
        .unwrap();
    }
    let statement = cloister_audit::provenance::statement(&tree, &crates).unwrap();
    fs::write(published.join("provenance.json"), statement).unwrap();
    for (name, kind) in [
        ("release.json", Kind::ImageRelease),
        ("machines.toml", Kind::MachineList),
        ("amd-floors.toml", Kind::Floors),
    ] {
        log::prove(&published, name, kind, "0.1.0");
    }
    Scene {
        tree,
        published,
        crates,
    }
}

fn sources(root: &Path) {
    put(root, ".gitignore", "/target/\n");
    put(
        root,
        "Cargo.toml",
        "[workspace]\n[workspace.package]\nversion = \"0.1.0\"\n",
    );
    put(
        root,
        "Cargo.lock",
        format!(
            "version = 4\n[[package]]\nname = \"cloister-init\"\nversion = \"0.1.0\"\n[[package]]\nname = \"small\"\nversion = \"1.0.0\"\nsource = \"registry+https://example.com\"\nchecksum = \"{}\"\n",
            sha256(CRATE)
        ),
    );
    for name in [
        "rust-toolchain.toml",
        "image/cmdline",
        "image/fetch",
        "image/make",
        "image/kernel/ipe.policy",
    ] {
        put(root, name, name);
    }
    put(root, "image/kernel/config.d/10-base.config", "CONFIG_A=y\n");
    put(
        root,
        "image/kernel/patches/0001-fix.patch",
        "--- a\n+++ b\n",
    );
    put(root, "image/init/src/main.rs", "fn main() {}\n");
    put(
        root,
        "image/inputs.lock",
        format!(
            "snapshots = [\"https://example.com/\"]\n[[package]]\nname = \"pkg\"\nversion = \"1\"\narchitecture = \"all\"\nlicence = \"MIT\"\npool = \"pool/p/pkg_1_all.deb\"\nsize = {}\nsha256 = \"{}\"\nfile = \"usr/share/file.bin\"\nfile_sha256 = \"{}\"\n[[source]]\nname = \"src-orig\"\nversion = \"3\"\nlicence = \"MIT\"\npool = \"pool/s/src_3.tar.xz\"\nsize = {}\nsha256 = \"{}\"\n[[tool]]\nname = \"tool\"\nversion = \"2\"\narchitecture = \"amd64\"\nlicence = \"MIT\"\npurpose = \"packs\"\nmakes = [\"kernel\"]\npool = \"pool/t/tool_2_amd64.deb\"\nsize = {}\nsha256 = \"{}\"\n",
            DEB.len(),
            sha256(DEB),
            sha256(FILE),
            SOURCE.len(),
            sha256(SOURCE),
            TOOL.len(),
            sha256(TOOL)
        ),
    );
    put(
        root,
        "model/weights.lock",
        format!(
            "[package]\nindex = \"PyPI\"\nname = \"w\"\nversion = \"1\"\nfile = \"w.whl\"\nsize = 1\nsha256 = \"{}\"\nlicence = \"MIT\"\n[[file]]\nname = \"model.safetensors\"\nmember = \"m\"\nsize = {}\nsha256 = \"{}\"\nlicence = \"Apache-2.0\"\npurpose = \"the model\"\n",
            sha256(b"w"),
            MODEL.len(),
            sha256(MODEL)
        ),
    );
    let policies = repository().join("measurements/policy");
    for entry in fs::read_dir(policies).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        put(
            root,
            &format!("measurements/policy/{name}"),
            fs::read(&path).unwrap(),
        );
    }
}

fn image(folder: &Path) {
    let cmdline = format!(
        "console=ttyS0 cloister.release=0.1.0 cloister.weights={}:3",
        "5a".repeat(32)
    );
    // The least that passes for a program: an ELF header without segments.
    let mut program = b"\x7fELF\x02\x01".to_vec();
    program.resize(64, 0);
    let initrd = cloister_image::cpio::initramfs(&program).unwrap();
    let firmware = synthetic::amdsev().bytes();
    let files: [(&str, &[u8]); 6] = [
        ("vmlinuz", b"a kernel"),
        ("initrd.cpio", &initrd),
        ("cmdline", cmdline.as_bytes()),
        ("weights.img", b"a volume"),
        ("OVMF.amdsev.fd", &firmware),
        ("OVMF.generic.fd", b"no TDVF"),
    ];
    let mut listed = serde_json::Map::new();
    for (name, bytes) in files {
        put(folder, name, bytes);
        listed.insert(
            name.into(),
            json!({"size": bytes.len(), "sha256": sha256(bytes)}),
        );
    }
    put(
        folder,
        "kernel.config",
        "CONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=y\n",
    );
    let manifest = json!({"release": "0.1.0", "cmdline": cmdline, "files": listed, "toolchain": {"rustc": "rustc 1", "packages": []}});
    put(
        folder,
        "manifest.json",
        serde_json::to_string_pretty(&manifest).unwrap(),
    );

    let measured = Measured::hash(&Files {
        firmware: &firmware,
        kernel: b"a kernel",
        initrd: &initrd,
        cmdline: cmdline.as_bytes(),
    })
    .unwrap();
    let shape = |vcpus| Shape {
        cpu: CpuType::parse("EPYC-Genoa").unwrap(),
        vcpus,
        guest_features: 1,
    };
    let snp = [1, 4].map(|vcpus| {
        json!({"cpu": "EPYC-Genoa", "vcpus": vcpus, "guest_features": 1, "digest": Hex(measured.digest(&shape(vcpus)).unwrap())})
    });
    let layout = measured.claims(&shape(1)).unwrap().firmware_layout;
    let release = json!({
        "release": "0.1.0", "flavour": "production",
        "firmware": {"name": "synthetic", "sha256": sha256(&firmware), "snp": layout},
        "kernel_sha256": sha256(b"a kernel"), "initrd_sha256": sha256(&initrd), "cmdline": cmdline,
        "weights": {"root_hash": "5a".repeat(32)}, "snp": snp, "tdx": [],
    });
    put(
        folder,
        "release.json",
        serde_json::to_string_pretty(&release).unwrap(),
    );
}

/// The subjects that failed.
pub(crate) fn failed(section: &Section) -> Vec<String> {
    section
        .marked(Mark::Failed)
        .map(|line| line.subject.clone())
        .collect()
}

/// Changes a file's bytes by `change`, runs `look`, and puts the bytes back.
pub(crate) fn changed<T>(
    path: &Path,
    change: impl FnOnce(&mut Vec<u8>),
    look: impl FnOnce() -> T,
) -> T {
    let before = fs::read(path).unwrap();
    let mut after = before.clone();
    change(&mut after);
    assert_ne!(
        before,
        after,
        "{}: the test changes nothing",
        path.display()
    );
    fs::write(path, &after).unwrap();
    let seen = look();
    fs::write(path, before).unwrap();
    seen
}

/// Changes one bit in the middle.
#[allow(clippy::ptr_arg, reason = "a change may make the bytes longer")]
pub(crate) fn flip(bytes: &mut Vec<u8>) {
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
}

/// Replaces a text that must be there.
pub(crate) fn replace(from: &str, to: &str) -> impl FnOnce(&mut Vec<u8>) {
    let (from, to) = (from.to_owned(), to.to_owned());
    move |bytes| {
        let text = String::from_utf8(bytes.clone()).unwrap();
        *bytes = text.replacen(&from, &to, 1).into_bytes();
    }
}

/// Makes the scene's checkout a commit.
pub(crate) fn commit(root: &Path) {
    for arguments in [
        &["init", "--quiet"][..],
        &["add", "--all"],
        &[
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.com",
            "-c",
            "commit.gpgsign=false",
            "commit",
            "--quiet",
            "-m",
            "all",
        ],
    ] {
        let done = Command::new("git")
            .arg("-C")
            .arg(root)
            .args(arguments)
            .output()
            .unwrap();
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
    }
}
