//! Foreign judgement by the implementation that the formats come from: Go's own `golang.org/x/mod/sumdb` reads our log, and we read its.
//!
//! It comes from Debian (`golang-go`, `golang-golang-x-mod-dev`). Where it is missing the comparison says so on the terminal, unless
//! `CLOISTER_REQUIRE_PEERS` is set: then it fails.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod support;

use base64ct::{Base64, Encoding};
use cloister_log::key::SecretKey;
use cloister_log::tree::{Tiles, Tree};
use cloister_verify::log::{Checkpoint, Hash, Note, Tile, VerifierKey, is_included, leaf_hash};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use support::{Folder, Key, entry, log};

/// The peer's program, built once for all tests; none after saying loudly why.
fn peer() -> Option<&'static Path> {
    static PEER: OnceLock<Option<PathBuf>> = OnceLock::new();
    PEER.get_or_init(|| match build() {
        Ok(program) => Some(program),
        Err(why) if std::env::var_os("CLOISTER_REQUIRE_PEERS").is_none() => {
            let text = format!("\n*** SKIPPED: no comparison with Go's sumdb: {why} ***\n");
            print!("{text}");
            eprint!("{text}");
            None
        }
        Err(why) => panic!("Go's sumdb is required and absent: {why}"),
    })
    .as_deref()
}

fn build() -> Result<PathBuf, String> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("sumdb");
    fs::create_dir_all(&folder).unwrap();
    let program = folder.join("sumdb");
    // The system's sources and nothing from the network.
    let go = Command::new("go")
        .arg("build")
        .arg("-o")
        .arg(&program)
        .arg(tests.join("foreign/sumdb.go"))
        .env("GO111MODULE", "off")
        .env("GOPATH", "/usr/share/gocode")
        .env("GOCACHE", folder.join("cache"))
        .output()
        .map_err(|error| format!("go does not start ({error}); run `make deps`"))?;
    if !go.status.success() {
        let said = String::from_utf8_lossy(&go.stderr);
        return Err(format!("go build failed: {}", said.trim()));
    }
    Ok(program)
}

fn ask(peer: &Path, arguments: &[&str], input: &str) -> Vec<String> {
    support::ask(Command::new(peer).args(arguments), input)
}

#[test]
fn go_reads_our_log() {
    let Some(peer) = peer() else { return };
    let folder = Folder::new("go-reads");
    let key = Key::log("log.example/one");
    let public = key.public().to_string();
    for size in [1, 2, 3, 255, 256, 257, 600] {
        let place = folder.at(&format!("log{size}"));
        let ours = log(&place, &key, size);
        fs::write(place.join("note"), ours.head_note().unwrap()).unwrap();
        let said = ask(peer, &["read", place.to_str().unwrap(), &public], "");
        assert_eq!(said, [size.to_string()]);
    }
}

struct Files(PathBuf);

impl Tiles for Files {
    fn tile(&self, tile: &Tile) -> std::io::Result<Vec<u8>> {
        fs::read(self.0.join(tile.to_string()))
    }
}

#[test]
fn we_read_the_log_of_go() {
    let Some(peer) = peer() else { return };
    let folder = Folder::new("go-writes");
    for size in [1_u64, 2, 7, 256, 600] {
        let place = folder.at(&format!("log{size}"));
        fs::create_dir_all(&place).unwrap();
        let entries: String = (0..size)
            .map(|index| Base64::encode_string(&entry(index)) + "\n")
            .collect();
        let said = ask(peer, &["write", place.to_str().unwrap()], &entries);
        // Its secret key file and its verifier key are ones of ours.
        let secret = SecretKey::parse(&said[0]).unwrap();
        let public = VerifierKey::parse(&said[1]).unwrap();
        assert_eq!(*secret.public(), public);
        assert_eq!(*secret.to_line(), said[0]);
        let bytes = fs::read(place.join("note")).unwrap();
        let note = Note::parse(&bytes).unwrap();
        let line = note.by(public.name(), public.id()).next().unwrap();
        assert!(public.signed_note(note.text, &line.signature));
        assert_eq!(secret.sign(note.text).unwrap(), *line);
        let checkpoint = Checkpoint::parse(note.text).unwrap();
        assert_eq!(
            (checkpoint.size, checkpoint.to_string()),
            (size, note.text.to_owned())
        );
        // Its tiles and its proofs.
        let files = Files(place);
        let tree = Tree::new(&files, size);
        assert_eq!(tree.root(size).unwrap(), checkpoint.root);
        for (index, proof) in (0..size).zip(&said[2..]) {
            let hash = |text| Hash::try_from(Base64::decode_vec(text).unwrap()).unwrap();
            let proof = proof.trim_matches(['[', ']']);
            let proof: Vec<Hash> = proof.split_whitespace().map(hash).collect();
            assert_eq!(tree.inclusion(index, size).unwrap(), proof);
            let leaf = leaf_hash(&entry(index));
            assert!(is_included(&leaf, index, size, &proof, &checkpoint.root));
        }
        assert_eq!(said.len(), usize::try_from(size).unwrap() + 2);
    }
}
