//! Lines of code: those that are neither blank nor a line comment. Crude, the same for everybody's code, and never too few.

use crate::tree::{FileError, files_below, names_in, read_text};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Lines of a crate's Rust files. Its tests, benches and examples are left out; modules that features switch off are not.
///
/// # Errors
/// [`FileError`] when a file cannot be read.
pub fn of_crate(folder: &Path) -> Result<usize, FileError> {
    let mut files = BTreeSet::new();
    for name in files_below(folder, Path::new(""))? {
        let beside = ["tests/", "benches/", "examples/", "fuzz/"];
        if name.ends_with(".rs") && !beside.iter().any(|part| name.starts_with(part)) {
            files.insert(name);
        }
    }
    let mut total = 0_usize;
    let mut texts = Vec::with_capacity(files.len());
    for name in files {
        let text = read_text(&folder.join(&name))?;
        texts.push((name, text));
    }
    let tests: BTreeSet<String> = texts
        .iter()
        .flat_map(|(name, text)| test_modules(name, text))
        .collect();
    for (name, text) in &texts {
        if !tests.contains(name) {
            total = total.saturating_add(of_text(text));
        }
    }
    Ok(total)
}

/// Lines of the files that the compiler opened, by the folder of their crate (`serde-1.0.228`): from the dependency listings that it left beside
/// what it made (`*.d`, in make's syntax). Exact for dependencies from a registry; empty where nothing was built.
///
/// # Errors
/// [`FileError`] when a file that is listed cannot be read.
pub fn opened(listings: &Path) -> Result<BTreeMap<String, usize>, FileError> {
    let mut files: BTreeSet<(String, String)> = BTreeSet::new();
    for name in names_in(listings)
        .iter()
        .filter(|name| name.ends_with(".d"))
    {
        let text = read_text(&listings.join(name))?;
        // Each file stands once more as a target of its own: `path:` alone on a line, spaces escaped.
        for line in text.lines() {
            let Some(path) = line.strip_suffix(".rs:") else {
                continue;
            };
            let path = format!("{}.rs", path.replace("\\ ", " "));
            let mut parts = path.split("/registry/src/").skip(1);
            let Some(inside) = parts.next() else { continue };
            if let Some(krate) = inside.split('/').nth(1) {
                files.insert((krate.to_owned(), path.clone()));
            }
        }
    }
    let mut found = BTreeMap::new();
    for (krate, path) in files {
        let lines = of_text(&read_text(Path::new(&path))?);
        let sum: &mut usize = found.entry(krate).or_default();
        *sum = sum.saturating_add(lines);
    }
    Ok(found)
}

/// Lines of a text, without modules that only tests have.
fn of_text(text: &str) -> usize {
    let mut lines = text.lines();
    let mut count = 0_usize;
    while let Some(line) = lines.next() {
        let words = line.trim();
        if words == "#[cfg(test)]" {
            skip_item(&mut lines, indent(line));
        } else if !words.is_empty() && !words.starts_with("//") {
            count = count.saturating_add(1);
        }
    }
    count
}

fn indent(line: &str) -> usize {
    line.len().saturating_sub(line.trim_start().len())
}

/// Skips the item that follows an attribute: to its semicolon, or to the closing brace at the attribute's own indentation.
fn skip_item<'a>(lines: &mut impl Iterator<Item = &'a str>, depth: usize) {
    for line in lines.by_ref() {
        let end = line.trim_end();
        let closes = end.ends_with('}') || end.ends_with(';') || end.ends_with("},");
        if indent(line) == depth && !end.trim_start().starts_with('#') && closes {
            return;
        }
    }
}

/// Files of the modules that a file declares for tests alone.
fn test_modules(name: &str, text: &str) -> Vec<String> {
    let stem = name.strip_suffix(".rs").unwrap_or(name);
    let root = ["lib", "main", "mod"]
        .iter()
        .any(|it| stem == *it || stem.ends_with(&format!("/{it}")));
    let parent = match (root, stem.rsplit_once('/')) {
        (true, Some((parent, _))) => format!("{parent}/"),
        (true, None) => String::new(),
        (false, _) => format!("{stem}/"),
    };
    let beside = stem
        .rsplit_once('/')
        .map_or(String::new(), |(parent, _)| format!("{parent}/"));
    let mut found = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim() != "#[cfg(test)]" {
            continue;
        }
        let mut path = None;
        for next in lines.by_ref() {
            let next = next.trim();
            if let Some(named) = next
                .strip_prefix("#[path = \"")
                .and_then(|it| it.strip_suffix("\"]"))
            {
                path = Some(named.to_owned());
            } else if let Some(module) = next
                .strip_prefix("mod ")
                .and_then(|it| it.strip_suffix(';'))
            {
                match &path {
                    Some(named) => found.push(format!("{beside}{named}")),
                    None => found.extend([
                        format!("{parent}{module}.rs"),
                        format!("{parent}{module}/mod.rs"),
                    ]),
                }
                break;
            } else if !next.starts_with('#') {
                break;
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn blank_lines_comments_and_tests_do_not_count() {
        assert_eq!(of_text("// a\n\nfn f() {\n    // b\n    1\n}\n"), 3);
        assert_eq!(
            of_text("fn f() {}\n#[cfg(test)]\nmod tests {\n    fn g() {\n    }\n}\nfn h() {}\n"),
            2
        );
        assert_eq!(
            of_text("#[cfg(test)]\n#[path = \"t.rs\"]\nmod t;\nfn h() {}\n"),
            1
        );
        assert_eq!(
            of_text(
                "impl T {\n    #[cfg(test)]\n    fn g() {\n        1;\n    }\n    fn h() {}\n}\n"
            ),
            3
        );
    }

    #[test]
    fn files_of_test_modules_are_found() {
        let text = "#[cfg(test)]\nmod tests;\n#[cfg(test)]\n#[path = \"log_tests.rs\"]\nmod more;\n#[cfg(test)]\nmod inside {\n}\n";
        assert_eq!(
            test_modules("src/log.rs", text),
            [
                "src/log/tests.rs",
                "src/log/tests/mod.rs",
                "src/log_tests.rs"
            ]
        );
        assert_eq!(
            test_modules("src/lib.rs", "#[cfg(test)]\nmod t;\n"),
            ["src/t.rs", "src/t/mod.rs"]
        );
    }

    #[test]
    fn this_crate_is_counted() {
        let lines = of_crate(Path::new(env!("CARGO_MANIFEST_DIR"))).unwrap();
        assert!((500..5000).contains(&lines), "{lines}");
    }
}
