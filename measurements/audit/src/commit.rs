//! Whether the files of a checkout are those of its commit.

use crate::command;
use crate::report::Section;
use std::path::Path;
use std::process::Command;

/// Folders whose untracked files could get into the image.
const MEASURED: [&str; 5] = ["image", "model", "enclave", "measurements/policy", ".cargo"];

/// Runs git with these arguments and this input.
type Git<'a> = dyn Fn(&[&str], &[u8]) -> Result<String, String> + 'a;

/// Whether the files are those of the commit that is checked out. Each file is hashed anew, so no stale index hides a change.
pub fn compare(section: &mut Section, root: &Path) {
    let git = |arguments: &[&str], input: &[u8]| {
        command::text(
            Command::new("git").arg("-C").arg(root).args(arguments),
            input,
        )
    };
    let top = git(&["rev-parse", "--show-toplevel"], &[]);
    let is_top = |top: &String| {
        let (top, root) = (
            Path::new(top.trim_end()).canonicalize(),
            root.canonicalize(),
        );
        top.is_ok_and(|top| root.is_ok_and(|root| top == root))
    };
    if !top.as_ref().is_ok_and(is_top) {
        section.not_shown(
            "commit",
            "this is no git checkout, so which commit the files are of is not known",
        );
        return;
    }
    match compare_commit(section, root, &git) {
        Ok(()) => {}
        Err(why) => {
            section.failed("commit", why);
        }
    }
}

fn compare_commit(section: &mut Section, root: &Path, git: &Git<'_>) -> Result<(), String> {
    let head = git(&["rev-parse", "HEAD"], &[])?;
    let listing = git(&["ls-tree", "-r", "-z", "--full-tree", "HEAD"], &[])?;
    let mut expected = Vec::new();
    let mut differing = 0_usize;
    for entry in listing.split('\0').filter(|entry| !entry.is_empty()) {
        let (head, path) = entry
            .split_once('\t')
            .ok_or("git ls-tree: a line without a path")?;
        let mut words = head.split(' ');
        let (mode, kind, id) = (words.next(), words.next(), words.next());
        if kind != Some("blob") || mode == Some("120000") {
            continue;
        }
        if path.contains('\n') {
            return Err(format!("{path:?}: a name with a newline"));
        }
        if root.join(path).is_file() {
            expected.push((path, id.unwrap_or_default()));
        } else {
            section.failed(path, "is in the commit and not here");
            differing = differing.saturating_add(1);
        }
    }
    let mut names = String::new();
    for (path, _) in &expected {
        names.push_str(&format!("{}\n", root.join(path).display()));
    }
    let ids = git(
        &["hash-object", "--no-filters", "--stdin-paths"],
        names.as_bytes(),
    )?;
    let ids: Vec<&str> = ids.lines().collect();
    if ids.len() != expected.len() {
        return Err("git hash-object left a file out".into());
    }
    for ((path, committed), found) in expected.iter().zip(ids) {
        if *committed != found {
            section.failed(
                path,
                format_args!("is not as in the commit: blob {committed}, found {found}"),
            );
            differing = differing.saturating_add(1);
        }
    }
    let untracked = git(&["ls-files", "--others", "--exclude-standard", "-z"], &[])?;
    for path in untracked.split('\0').filter(|path| !path.is_empty()) {
        if MEASURED
            .iter()
            .any(|folder| Path::new(path).starts_with(folder))
        {
            section.failed(
                path,
                "is not in the commit, and lies where it could get into the image",
            );
            differing = differing.saturating_add(1);
        }
    }
    let head = head.trim_end();
    let tag = git(&["describe", "--tags", "--exact-match"], &[]);
    let tag = tag.as_deref().map_or("no tag", str::trim_end);
    if differing == 0 {
        section
            .ok(
                "commit",
                format_args!("{head} ({tag}); {} files are as committed", expected.len()),
            )
            .fact("commit", head);
    } else {
        section
            .failed(
                "commit",
                format_args!("{head} ({tag}); {differing} files are not as committed"),
            )
            .fact("commit", head);
    }
    Ok(())
}
