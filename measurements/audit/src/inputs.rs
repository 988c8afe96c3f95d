//! Section 1: every measured input with its origin, licence and digest, hashed again.

use crate::commit;
use crate::crates::{self, Crate};
use crate::material::{self, Material};
use crate::provenance;
use crate::report::{Added, Section};
use crate::tree::{Tree, files_below, hash};
use cloister_image::inputs::{Package, Source, Tool};
use cloister_verify::release::Hex;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Looks at every input.
///
/// `crates` are those of the guest's binary, or cargo's reason why there are none; `published` is the folder of the published release.
#[must_use]
pub fn section(
    tree: &Tree,
    crates: &Result<Vec<Crate>, String>,
    published: Option<&Path>,
) -> Section {
    let mut section = Section::new("inputs", "Inputs: what the image is made of");
    commit::compare(&mut section, &tree.root);
    match material::inputs(tree) {
        Err(error) => {
            section.failed("image/inputs.lock", error);
        }
        Ok(lock) => {
            for it in &lock.packages {
                package(&mut section, tree, it);
            }
            for it in &lock.sources {
                source(&mut section, tree, it);
            }
            for it in &lock.tools {
                tool(&mut section, tree, it);
            }
        }
    }
    weights(&mut section, tree);
    kernel(&mut section, tree);
    match crates {
        Ok(crates) => {
            crates::compare(&mut section, tree, crates);
            own(&mut section, tree, crates);
            listed(&mut section, tree, crates, published);
        }
        Err(why) => {
            section.failed("crates of the guest's binary", why);
            crates::compare_locked(&mut section, tree);
        }
    }
    section
}

/// Compares a file with what a lock says of it.
fn compare(path: &Path, size: Option<u64>, sha256: &str) -> Result<(), String> {
    let found = hash(path).map_err(|error| error.to_string())?;
    if size.is_some_and(|size| size != found.size) {
        let size = size.unwrap_or_default();
        return Err(format!(
            "{}: the lock says {size} bytes, found {}",
            path.display(),
            found.size
        ));
    }
    if Hex::parse(sha256) != Some(found.sha256) {
        return Err(format!(
            "{}: the lock says SHA-256 {sha256}, found {}",
            path.display(),
            found.sha256
        ));
    }
    Ok(())
}

/// The name of a path's last part.
fn last(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn package(section: &mut Section, tree: &Tree, it: &Package) {
    let subject = format!("package {} {}", it.name, it.version);
    let kept = tree
        .cache
        .join(format!("{}_{}", it.name, it.version))
        .join(last(&it.file));
    let installed = tree.installed.join(&it.file);
    let deb = tree.cache.join(last(&it.pool));
    let archived = if deb.exists() {
        compare(&deb, Some(it.size), &it.sha256)
    } else {
        Ok(())
    };
    // As image/fetch chooses: the cached file must be right; the installed one counts only if it is.
    let file: Result<PathBuf, String> = if kept.exists() {
        compare(&kept, None, &it.file_sha256).map(|()| kept)
    } else if compare(&installed, None, &it.file_sha256).is_ok() {
        Ok(installed)
    } else {
        Err(format!("not here; image/fetch {} brings it", it.name))
    };
    let line = match archived.and(file) {
        Ok(path) => section.ok(
            &subject,
            format_args!(
                "Debian {}, {}, {} with SHA-256 {}",
                it.pool,
                it.licence,
                path.display(),
                it.file_sha256
            ),
        ),
        Err(why) => section.failed(&subject, why),
    };
    line.fact("origin", &it.pool)
        .fact("licence", &it.licence)
        .fact("sha256", &it.sha256)
        .fact("file-sha256", &it.file_sha256);
}

/// An archive that only making something needs: it may be absent where what it makes lies finished, and must be right where it is not.
fn archive<'a>(
    section: &'a mut Section,
    tree: &Tree,
    subject: &str,
    pool: &str,
    pinned: (u64, &str),
    says: &str,
) -> Added<'a> {
    let path = tree.cache.join(last(pool));
    let (size, sha256) = pinned;
    let line = if path.exists() {
        match compare(&path, Some(size), sha256) {
            Ok(()) => section.ok(
                subject,
                format_args!("Debian {pool}, {says}, SHA-256 {sha256}"),
            ),
            Err(why) => section.failed(subject, why),
        }
    } else {
        section.not_shown(
            subject,
            format_args!(
                "Debian {pool}, {says}, SHA-256 {sha256}; not fetched, image/fetch --all brings it"
            ),
        )
    };
    line.fact("origin", pool).fact("sha256", sha256)
}

fn source(section: &mut Section, tree: &Tree, it: &Source) {
    let subject = format!("source {} {}", it.name, it.version);
    let says = format!("{}, what our own firmware is built from", it.licence);
    archive(
        section,
        tree,
        &subject,
        &it.pool,
        (it.size, &it.sha256),
        &says,
    )
    .fact("licence", &it.licence);
}

fn tool(section: &mut Section, tree: &Tree, it: &Tool) {
    let subject = format!("tool {} {}", it.name, it.version);
    let says = format!("{}, {}", it.licence, it.purpose);
    archive(
        section,
        tree,
        &subject,
        &it.pool,
        (it.size, &it.sha256),
        &says,
    )
    .fact("licence", &it.licence)
    .fact("purpose", &it.purpose);
}

fn weights(section: &mut Section, tree: &Tree) {
    let lock = match material::weights(tree) {
        Ok(lock) => lock,
        Err(error) => {
            section.failed("model/weights.lock", error);
            return;
        }
    };
    let origin = format!(
        "{} {} {}",
        lock.package.index, lock.package.name, lock.package.version
    );
    for it in &lock.files {
        let path = tree.weights.join(&it.name);
        let line = match compare(&path, Some(it.size), &it.sha256.to_string()) {
            Ok(()) => section.ok(
                format_args!("weights {}", it.name),
                format_args!(
                    "{origin}, {}, {}, SHA-256 {}",
                    it.licence, it.purpose, it.sha256
                ),
            ),
            Err(why) => section.failed(format_args!("weights {}", it.name), why),
        };
        line.fact("origin", &origin)
            .fact("licence", &it.licence)
            .fact("purpose", &it.purpose)
            .fact("sha256", it.sha256);
    }
}

/// Fragments, patches and policy of the kernel, one by one.
fn kernel(section: &mut Section, tree: &Tree) {
    let files = match files_below(&tree.root, Path::new("image/kernel")) {
        Ok(files) if !files.is_empty() => files,
        Ok(_) => {
            section.failed("image/kernel", "there is nothing in it");
            return;
        }
        Err(error) => {
            section.failed("image/kernel", error);
            return;
        }
    };
    for name in files {
        match hash(&tree.root.join(&name)) {
            // A patch of Linux is under Linux's licence, whatever the repository's.
            Ok(found) => {
                let licence = if name.ends_with(".patch") {
                    "GPL-2.0"
                } else {
                    "Apache-2.0"
                };
                section
                    .ok(
                        &name,
                        format_args!("this repository, {licence}, SHA-256 {}", found.sha256),
                    )
                    .fact("origin", "this repository")
                    .fact("licence", licence)
                    .fact("sha256", found.sha256);
            }
            Err(error) => {
                section.failed(&name, error);
            }
        }
    }
}

/// The repository's own crates in the binary, each by one digest over the digests of its files.
fn own(section: &mut Section, tree: &Tree, crates: &[Crate]) {
    let sources = match material::sources(tree, crates) {
        Ok(sources) => sources,
        Err(error) => {
            section.failed("this repository's files", error);
            return;
        }
    };
    for krate in crates.iter().filter(|krate| krate.is_ours()) {
        let folder = krate
            .folder
            .strip_prefix(&tree.root)
            .unwrap_or(&krate.folder);
        let mut listing = String::new();
        let mut files = 0_usize;
        for (name, found) in sources
            .iter()
            .filter(|(name, _)| Path::new(name.as_str()).starts_with(folder))
        {
            listing.push_str(&format!("{}  {name}\n", found.sha256));
            files = files.saturating_add(1);
        }
        let digest = crate::tree::Hashed::of(listing.as_bytes()).sha256;
        section
            .check(
                files > 0,
                format_args!("crate {}", krate.title()),
                format_args!("this repository, {}, {files} files under {}, sha256sum of their sha256sum {digest}", krate.licence, folder.display()),
            )
            .fact("origin", "this repository")
            .fact("licence", &krate.licence)
            .fact("sha256", digest);
    }
}

/// Compares all materials with the list that was published with the release.
fn listed(section: &mut Section, tree: &Tree, crates: &[Crate], published: Option<&Path>) {
    let subject = "inputs against the published provenance";
    let Some(path) = published
        .map(|folder| folder.join("provenance.json"))
        .filter(|path| path.exists())
    else {
        section.not_shown(subject, "no provenance.json is published for this release");
        return;
    };
    let both = provenance::materials_of(&path)
        .and_then(|there| Ok((there, material::materials(tree, crates)?)));
    match both {
        Err(error) => {
            section.failed(subject, error);
        }
        Ok((there, here)) => differences(section, &there, &here),
    }
}

fn differences(section: &mut Section, there: &BTreeMap<String, String>, here: &[Material]) {
    let mut equal = 0_usize;
    let mut known: BTreeMap<&str, String> = BTreeMap::new();
    for it in here {
        let found = it.sha256.to_string();
        match there.get(&it.name) {
            Some(published) if *published == found => equal = equal.saturating_add(1),
            Some(published) => {
                section.failed(
                    &it.name,
                    format_args!("published with SHA-256 {published}, found {found}"),
                );
            }
            None => {
                section.failed(&it.name, "not among the published inputs");
            }
        }
        known.insert(&it.name, found);
    }
    for name in there
        .keys()
        .filter(|name| !known.contains_key(name.as_str()))
    {
        section.failed(name, "published as an input, and not one of this checkout");
    }
    if equal == here.len() && equal == there.len() {
        section.ok(
            "inputs against the published provenance",
            format_args!("all {equal} are the published ones"),
        );
    }
}
