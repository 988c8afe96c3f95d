//! What the documents and the layout claim, checked against the tree: dependencies point one way, links lead somewhere, named
//! tests exist, and `unsafe` is where it may be.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
    process::Command,
};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap()
        .to_owned()
}

/// Every file that is ours, as git lists it, or by walking where there is no git.
fn sources(extension: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            let name = entry.file_name();
            if path.is_dir() {
                if name != "target" && name != ".git" && name != "node_modules" {
                    walk(&path, extension, found);
                }
            } else if path.extension().is_some_and(|end| end == extension) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root(), extension, &mut found);
    assert!(!found.is_empty(), "no .{extension} file was found");
    found
}

/// Normal dependencies of each of our packages on others of ours.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args([
            "metadata",
            "--no-deps",
            "--format-version",
            "1",
            "--offline",
        ])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let ours = |name: &str| name.starts_with("cloister-");
    metadata["packages"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| {
            let uses = package["dependencies"]
                .as_array()
                .unwrap()
                .iter()
                .filter(|dependency| dependency["kind"].is_null())
                .map(|dependency| dependency["name"].as_str().unwrap().to_owned())
                .filter(|name| ours(name))
                .collect();
            (package["name"].as_str().unwrap().to_owned(), uses)
        })
        .collect()
}

#[test]
fn dependencies_point_one_way() {
    let found = dependencies();
    let allowed: &[(&str, &[&str])] = &[
        ("cloister-bind", &[]),
        ("cloister-journal", &[]),
        ("cloister-memory", &[]),
        ("cloister-model", &[]),
        ("cloister-token", &[]),
        ("cloister-wire", &[]),
        ("cloister-seal", &["bind", "journal", "memory", "wire"]),
        ("cloister-guest", &["bind", "wire"]),
        ("cloister-verify", &["bind", "wire"]),
        ("cloister-digest", &["bind", "verify", "wire"]),
        ("cloister-log", &["verify"]),
        ("cloister-audit", &["digest", "image", "verify"]),
        (
            "cloister-serve",
            &[
                "bind", "guest", "journal", "memory", "model", "seal", "token", "wire",
            ],
        ),
        ("cloister-client", &["bind", "digest", "verify", "wire"]),
        (
            "cloister-init",
            &["bind", "guest", "journal", "memory", "serve"],
        ),
        (
            "cloister-decoders",
            &["client", "digest", "token", "verify", "wire"],
        ),
        ("cloister-image", &["bind"]),
        ("cloister-sim-guest", &["bind", "guest", "wire"]),
        (
            "cloister-sim-processor",
            &["bind", "digest", "verify", "wire"],
        ),
        (
            "cloister-sim-init",
            &[
                "bind",
                "guest",
                "init",
                "journal",
                "memory",
                "serve",
                "sim-guest",
                "wire",
            ],
        ),
    ];
    for (package, uses) in allowed {
        let uses: BTreeSet<_> = uses.iter().map(|name| format!("cloister-{name}")).collect();
        let really = found
            .get(*package)
            .unwrap_or_else(|| panic!("{package} is not in the workspace"));
        let extra: Vec<_> = really.difference(&uses).collect();
        assert!(
            extra.is_empty(),
            "{package} depends on {extra:?}, which it may not"
        );
    }
    let known: BTreeSet<_> = allowed
        .iter()
        .map(|(package, _)| (*package).to_owned())
        .collect();
    let unknown: Vec<_> = found
        .keys()
        .filter(|name| !known.contains(*name) && *name != "cloister-tests")
        .collect();
    assert!(
        unknown.is_empty(),
        "no rule says what {unknown:?} may depend on"
    );
}

#[test]
fn the_production_image_has_nothing_of_the_simulation() {
    let output = Command::new(env!("CARGO"))
        .args([
            "tree",
            "-p",
            "cloister-init",
            "-e",
            "normal,build",
            "--prefix",
            "none",
            "--offline",
            "--locked",
        ])
        .args(["--target", "x86_64-unknown-linux-musl"])
        .current_dir(root())
        .output()
        .unwrap();
    let tree = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(tree.contains("cloister-serve"), "{tree}");
    for line in tree.lines() {
        let name = line.split_whitespace().next().unwrap_or_default();
        assert!(
            !name.starts_with("cloister-sim"),
            "{name} is in the production image"
        );
        assert!(
            !name.ends_with("-sys") || ["dirs-sys", "linux-raw-sys"].contains(&name),
            "{name}: C code in the image"
        );
        assert!(
            name != "cc" && name != "cmake",
            "{name}: C code is compiled for the image"
        );
    }
}

/// Link targets of a Markdown text.
fn links(text: &str) -> Vec<String> {
    text.split("](")
        .skip(1)
        .filter_map(|rest| rest.split_once(')'))
        .map(|(target, _)| target.to_owned())
        .collect()
}

#[test]
fn links_in_the_documents_lead_somewhere() {
    let mut checked = 0;
    for document in sources("md") {
        let text = fs::read_to_string(&document).unwrap();
        for link in links(&text)
            .iter()
            .filter(|link| !link.contains("://") && !link.starts_with('#'))
        {
            let path = document
                .parent()
                .unwrap()
                .join(link.split('#').next().unwrap());
            assert!(
                path.exists(),
                "{}: the link to {link} leads nowhere",
                document.display()
            );
            checked += 1;
        }
    }
    assert!(checked > 30, "only {checked} links were found");
}

#[test]
fn the_readme_is_short() {
    let lines = fs::read_to_string(root().join("README.md"))
        .unwrap()
        .lines()
        .count();
    assert!(lines < 150, "README.md has {lines} lines");
}

/// What the operators' pages show is what the launcher runs, word for word.
#[test]
fn the_operators_pages_show_the_launchers_line() {
    let image = Path::new(env!("CARGO_TARGET_TMPDIR")).join("launcher-image");
    fs::create_dir_all(&image).unwrap();
    fs::write(image.join("cmdline"), "MEASURED LINE").unwrap();
    for (flavour, page) in [("snp", "bare-metal-snp.md"), ("tdx", "bare-metal-tdx.md")] {
        let output = Command::new(root().join("image/run"))
            .args(["--flavour", flavour, "--vcpus", "4", "--memory", "4096"])
            .args(["--port", "8443", "--print"])
            .env("CLOISTER_IMAGE", &image)
            .env_remove("CLOISTER_QEMU")
            .env_remove("CLOISTER_QEMU_DATA")
            .output()
            .unwrap();
        let line = String::from_utf8(output.stdout).unwrap();
        let line = line
            .replace(&format!("{}/", image.display()), "")
            .replace("'MEASURED LINE'", "\"$(cat cmdline)\"");
        let text = fs::read_to_string(root().join("image/operators").join(page)).unwrap();
        let shown: Vec<String> = text
            .split("```")
            .skip(1)
            .step_by(2)
            .map(|block| block.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect();
        assert!(
            shown.iter().any(|block| block == line.trim_end()),
            "{page} does not show this line:\n{line}"
        );
    }
}

#[test]
fn every_test_that_security_md_names_exists() {
    let security = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let code: String = sources("rs")
        .iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    // Table cells name tests in backticks; a name with at least two underscores is a test's.
    let named: BTreeSet<_> = security
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| {
            name.matches('_').count() >= 2
                && name
                    .bytes()
                    .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
        })
        .collect();
    assert!(named.len() > 20, "only {} tests are named", named.len());
    for name in named {
        assert!(
            code.contains(&format!("fn {name}(")),
            "SECURITY.md names the test {name}, which does not exist"
        );
    }
}

/// Each of the 58 rows of the attack list has one line in SECURITY.md: with a prefix, tests have it; without, none has.
#[test]
fn every_row_of_the_attack_list_is_accounted_for() {
    let security = fs::read_to_string(root().join("SECURITY.md")).unwrap();
    let code: String = sources("rs")
        .iter()
        .map(|file| fs::read_to_string(file).unwrap())
        .collect();
    for row in 1..=58 {
        let head = format!("| A{row} | ");
        let lines: Vec<_> = security
            .lines()
            .filter(|line| line.starts_with(&head))
            .collect();
        let [line] = lines.as_slice() else {
            panic!("A{row} has {} lines", lines.len());
        };
        let tests = code.contains(&format!("fn a{row}_")) || code.contains(&format!("_a{row}_"));
        assert_eq!(line.contains(&format!("`a{row}_…`")), tests, "{line}");
    }
}

#[test]
fn unsafe_code_is_where_it_may_be() {
    let mut crates = 0;
    for manifest in sources("toml")
        .iter()
        .filter(|path| path.ends_with("Cargo.toml") && **path != root().join("Cargo.toml"))
    {
        let folder = manifest.parent().unwrap().join("src");
        let relative = folder
            .strip_prefix(root())
            .unwrap()
            .to_string_lossy()
            .into_owned();
        let mut entrances = vec![folder.join("lib.rs"), folder.join("main.rs")];
        if let Ok(programs) = fs::read_dir(folder.join("bin")) {
            entrances.extend(programs.map(|program| program.unwrap().path()));
        }
        for entrance in entrances.iter().filter(|path| path.is_file()) {
            crates += 1;
            let text = fs::read_to_string(entrance).unwrap();
            // The last two: an allocator that counts, and the entry point that libFuzzer calls.
            let permitted = [
                "enclave/memory/src",
                "image/init/src",
                "tests/decoders/src",
                "fuzz/src",
            ]
            .contains(&relative.as_str());
            assert!(
                text.contains("#![forbid(unsafe_code)]") || permitted,
                "{} does not forbid unsafe code",
                entrance.display()
            );
        }
    }
    assert!(crates > 15, "only {crates} crate roots were found");
}
