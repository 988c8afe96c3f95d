//! `image/fetch` takes what the lock names, from wherever it is found, and nothing else.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a failed step fails the test"
)]

use sha2::{Digest, Sha256};
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const FETCH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../fetch");

/// A package that no archive of Debian's has, with one file in it.
struct Scene {
    folder: PathBuf,
    deb: Vec<u8>,
}

const FILE: &[u8] = b"what the image is made of\n";

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

impl Scene {
    fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fetch-{name}"));
        let _ = std::fs::remove_dir_all(&folder);
        let root = folder.join("root");
        std::fs::create_dir_all(root.join("DEBIAN")).unwrap();
        std::fs::create_dir_all(root.join("usr/share/cloister-fetch-test")).unwrap();
        std::fs::write(
            root.join("DEBIAN/control"),
            "Package: cloister-fetch-test\nVersion: 1\nArchitecture: all\nMaintainer: nobody <nobody@example.com>\nDescription: test\n",
        )
        .unwrap();
        std::fs::write(root.join("usr/share/cloister-fetch-test/input"), FILE).unwrap();
        let deb = folder.join("made.deb");
        let built = Command::new("dpkg-deb")
            .args(["--root-owner-group", "--build"])
            .args([&root, &deb])
            .output()
            .unwrap();
        assert!(built.status.success(), "{built:?}");
        Self {
            deb: std::fs::read(&deb).unwrap(),
            folder,
        }
    }

    /// Runs `image/fetch` under a lock with this package, the snapshot at `port` and these changes to the lock's text.
    fn fetch(&self, port: u16, changes: &[(&str, &str)], arguments: &[&str]) -> Output {
        let deb = format!(
            "version = \"1\"\narchitecture = \"all\"\nlicence = \"0BSD\"\nsize = {}\nsha256 = \"{}\"\n",
            self.deb.len(),
            hex(&self.deb)
        );
        let mut lock = format!(
            "snapshots = [\"http://127.0.0.1:{port}/\"]\n[[package]]\nname = \"cloister-fetch-test\"\npool = \"pool/p/input.deb\"\n{deb}\
             file = \"usr/share/cloister-fetch-test/input\"\nfile_sha256 = \"{}\"\n\
             [[source]]\nname = \"cloister-fetch-source\"\nversion = \"1\"\nlicence = \"0BSD\"\npool = \"pool/s/source.tar.xz\"\nsize = {}\nsha256 = \"{}\"\n\
             [[tool]]\nname = \"cloister-fetch-tool\"\npurpose = \"none\"\nmakes = [\"kernel\"]\npool = \"pool/t/tool.deb\"\n{deb}",
            hex(FILE),
            self.deb.len(),
            hex(&self.deb)
        );
        for (from, to) in changes {
            assert!(lock.contains(from), "{from}");
            lock = lock.replacen(from, to, 1);
        }
        let path = self.folder.join("inputs.lock");
        std::fs::write(&path, lock).unwrap();
        Command::new(FETCH)
            .args(arguments)
            .env("CLOISTER_INPUTS_LOCK", path)
            .env("CLOISTER_CACHE", self.folder.join("cache"))
            .env("no_proxy", "*")
            .output()
            .unwrap()
    }
}

/// Serves `bytes` under every path for as long as the test runs; a port nobody listens at when there are none.
fn archive(bytes: Option<Vec<u8>>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    if let Some(bytes) = bytes {
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
                while lines
                    .next()
                    .is_some_and(|line| line.is_ok_and(|text| !text.is_empty()))
                {}
                let head = format!("HTTP/1.0 200 OK\r\nContent-Length: {}\r\n\r\n", bytes.len());
                let _ = stream.write_all(head.as_bytes());
                let _ = stream.write_all(&bytes);
            }
        });
    }
    port
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn what_no_mirror_has_comes_from_a_snapshot_and_then_from_the_cache() {
    let scene = Scene::new("snapshot");
    let port = archive(Some(scene.deb.clone()));
    let first = scene.fetch(port, &[], &["cloister-fetch-test"]);
    assert!(first.status.success(), "{}", said(&first));
    let path = String::from_utf8(first.stdout).unwrap();
    assert_eq!(std::fs::read(path.trim()).unwrap(), FILE);
    // Without any network from here on.
    let nobody = archive(None);
    let again = scene.fetch(nobody, &[], &["--all"]);
    assert!(!again.status.success(), "the source was never fetched");
    assert!(said(&again).contains("cloister-fetch-source 1 could not be fetched"));
    let again = scene.fetch(nobody, &[], &["cloister-fetch-test"]);
    assert!(again.status.success(), "{}", said(&again));
    let tarball = scene.fetch(port, &[], &["cloister-fetch-source"]);
    assert!(tarball.status.success(), "{}", said(&tarball));
    let path = String::from_utf8(tarball.stdout).unwrap();
    assert_eq!(std::fs::read(path.trim()).unwrap(), scene.deb);
}

#[test]
fn tools_are_unpacked_whole() {
    let scene = Scene::new("tools");
    let port = archive(Some(scene.deb.clone()));
    let out = scene.folder.join("unpacked");
    let done = scene.fetch(port, &[], &["--unpack", out.to_str().unwrap()]);
    assert!(done.status.success(), "{}", said(&done));
    assert_eq!(
        std::fs::read(out.join("usr/share/cloister-fetch-test/input")).unwrap(),
        FILE
    );
    let twice = scene.fetch(port, &[], &["--unpack", out.to_str().unwrap()]);
    assert!(!twice.status.success(), "into a folder that is not new");
}

#[test]
fn one_changed_byte_is_refused_by_the_name_of_its_input() {
    let scene = Scene::new("changed");
    for (place, why) in [
        (100, "changed"),
        (scene.deb.len() - 1, "changed at its end"),
    ] {
        let mut changed = scene.deb.clone();
        changed[place] ^= 1;
        let refused = scene.fetch(archive(Some(changed)), &[], &["cloister-fetch-test"]);
        assert!(!refused.status.success(), "{why}");
        assert!(said(&refused).contains("input.deb is not the file that inputs.lock names"));
        std::fs::remove_dir_all(scene.folder.join("cache")).unwrap();
    }
    let mut longer = scene.deb.clone();
    longer.push(0);
    let refused = scene.fetch(archive(Some(longer)), &[], &["cloister-fetch-test"]);
    assert!(!refused.status.success());
    assert!(
        said(&refused).contains("bytes, found"),
        "{}",
        said(&refused)
    );
    std::fs::remove_dir_all(scene.folder.join("cache")).unwrap();

    // The right package without the right file in it.
    let other = hex(b"another file");
    let port = archive(Some(scene.deb.clone()));
    let refused = scene.fetch(port, &[(&hex(FILE), &other)], &["cloister-fetch-test"]);
    assert!(!refused.status.success());
    assert!(
        said(&refused).contains("usr/share/cloister-fetch-test/input in input.deb"),
        "{}",
        said(&refused)
    );

    // And the file that lies in the cache is looked at again each time.
    let first = scene.fetch(port, &[], &["cloister-fetch-test"]);
    let path = String::from_utf8(first.stdout).unwrap();
    std::fs::write(path.trim(), b"What the image is made of\n").unwrap();
    let refused = scene.fetch(port, &[], &["cloister-fetch-test"]);
    assert!(!refused.status.success());
    assert!(said(&refused).contains("the cached"), "{}", said(&refused));
}

#[test]
fn a_lock_with_unknown_members_is_refused() {
    let scene = Scene::new("lock");
    let port = archive(None);
    for (from, to) in [
        ("purpose = ", "reason = "),
        ("snapshots = ", "mirrors = "),
        ("licence = ", "license = "),
    ] {
        let refused = scene.fetch(port, &[(from, to)], &["--all"]);
        assert!(!refused.status.success(), "{to}");
        assert!(said(&refused).contains("inputs.lock"), "{}", said(&refused));
    }
}
