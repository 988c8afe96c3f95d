//! Release files are read whole or not at all.
#![allow(clippy::unwrap_used, clippy::panic)]
use super::*;

fn text() -> String {
    let (hash, digest) = ("ab".repeat(32), "cd".repeat(48));
    format!(
        r#"{{"release":"0.1.0","flavour":"production",
"firmware":{{"name":"amdsev","sha256":"{hash}","snp":{{"pages_digest":"{digest}","sections":[{{"gpa":8388608,"size":4096,"kind":16}}],
"reset_eip":1,"hashes_gpa":8388608}}}},
"kernel_sha256":"{hash}","initrd_sha256":"{hash}","cmdline":"panic=-1 cloister.release=0.1.0 cloister.weights={hash}:12",
"weights":{{"root_hash":"{hash}"}},"snp":[{{"cpu":"EPYC-v4","vcpus":1,"guest_features":1,"digest":"{digest}"}}],
"tdx":[{{"firmware_sha256":"{hash}","vcpus":1,"memory_mib":2048,"mrtd":"{digest}","rtmr0":"{digest}","rtmr1":"{digest}","rtmr2":"{digest}"}}]}}"#
    )
}

#[test]
fn reads_what_it_writes() {
    let release = Release::from_json(text().as_bytes()).unwrap();
    assert_eq!(release.flavour, Flavour::Production);
    assert_eq!(release.snp.len(), 1);
    let again = Release::from_json(release.to_json().unwrap().as_bytes()).unwrap();
    assert_eq!(again, release);
}

#[test]
fn refuses_everything_else() {
    let good = text();
    let root = "ab".repeat(32);
    for (what, from, to) in [
        (
            "an unknown member",
            "\"flavour\"",
            "\"colour\":1,\"flavour\"",
        ),
        (
            "a member twice",
            "\"flavour\"",
            "\"release\":\"0.1.0\",\"flavour\"",
        ),
        ("an unknown flavour", "\"production\"", "\"Production\""),
        (
            "upper-case hex",
            "\"kernel_sha256\":\"ab",
            "\"kernel_sha256\":\"AB",
        ),
        (
            "a short hash",
            "\"kernel_sha256\":\"ab",
            "\"kernel_sha256\":\"",
        ),
        (
            "a long hash",
            "\"kernel_sha256\":\"ab",
            "\"kernel_sha256\":\"abab",
        ),
        ("no CPU count", "\"vcpus\":1,", ""),
        ("no TDX shapes at all", "\"tdx\":", "\"tdy\":"),
        ("a missing RTMR", "\"rtmr1\":", "\"rtmr3\":"),
        ("an RTMR twice", "\"rtmr1\":", "\"rtmr0\":"),
        ("a short RTMR", "\"rtmr2\":\"cd", "\"rtmr2\":\""),
        (
            "memory as text",
            "\"memory_mib\":2048",
            "\"memory_mib\":\"2048\"",
        ),
        ("a negative CPU count", "\"vcpus\":1", "\"vcpus\":-1"),
        ("a CPU count as text", "\"vcpus\":1", "\"vcpus\":\"1\""),
        (
            "an address of 33 bits",
            "\"hashes_gpa\":8388608",
            "\"hashes_gpa\":4294967296",
        ),
        (
            "a bad release id",
            "\"release\":\"0.1.0\"",
            "\"release\":\"0.1.0 \"",
        ),
        (
            "another release on the command line",
            "release=0.1.0",
            "release=0.1.1",
        ),
        (
            "no release on the command line",
            " cloister.release=0.1.0",
            "",
        ),
        (
            "another root on the command line",
            "weights=ab",
            "weights=bb",
        ),
        ("a control character", "panic=-1", "panic=\\n"),
        ("bytes after the end", "]}", "]} x"),
    ] {
        let bad = good.replacen(from, to, 1);
        let last = if what == "bytes after the end" {
            format!("{good}x")
        } else {
            bad
        };
        assert_ne!(last, good, "{what}: the test changes nothing");
        assert!(
            Release::from_json(last.as_bytes()).is_err(),
            "{what} was accepted"
        );
    }
    let twice = good.replacen("panic=-1", &format!("cloister.weights={root}:12"), 1);
    assert!(
        Release::from_json(twice.as_bytes()).is_err(),
        "two roots were accepted"
    );
    let mut release = Release::from_json(good.as_bytes()).unwrap();
    release.snp.push(release.snp.first().unwrap().clone());
    assert!(matches!(
        release.to_json(),
        Err(ReleaseError::ShapeTwice { .. })
    ));
    release.snp.clear();
    assert!(release.to_json().is_ok(), "a release for TDX alone");
    release.tdx.push(release.tdx.first().unwrap().clone());
    assert!(matches!(
        release.to_json(),
        Err(ReleaseError::ShapeTwice { .. })
    ));
    release.tdx.clear();
    assert!(matches!(
        release.to_json(),
        Err(ReleaseError::Shapes { found: 0 })
    ));
    assert!(Release::from_json(&vec![b' '; MAX_RELEASE_FILE + 1]).is_err());
    for cut in 0..good.len() {
        let Some(part) = good.get(..cut) else {
            panic!("the sample is ASCII")
        };
        assert!(
            Release::from_json(part.as_bytes()).is_err(),
            "cut at {cut} was accepted"
        );
    }
}
