//! Inside the machine: the test image tries, in the image's own boot and in its running service, what must not work.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

use std::collections::BTreeMap;
use std::ffi::OsString;

use cloister_tests::folder::Folder;
use cloister_tests::service::{self, Files, Release, Service};

/// `EPERM`, which the system call filter answers, and `EACCES`, from IPE and Landlock; `EROFS`, from a read-only mount.
const FILTERED: &str = "error 1";
const DENIED: &str = "error 13";

/// What the probes said: for each attempt, its outcomes in the order of the console.
fn probes(console: &str) -> BTreeMap<String, Vec<String>> {
    let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in console.lines() {
        if let Some((what, outcome)) = line
            .split_once("probe: ")
            .and_then(|(_, line)| line.trim_end().rsplit_once(": "))
        {
            all.entry(what.to_owned())
                .or_default()
                .push(outcome.to_owned());
        }
    }
    all
}

#[test]
fn a53_nothing_but_the_service_runs_and_it_reaches_nothing() {
    let folder = Folder::new();
    let initrd = service::image().join("initrd-probe.cpio");
    assert!(
        initrd.is_file(),
        "{} is missing; run `make probe`",
        initrd.display()
    );
    let files = Files {
        initrd,
        ..Files::of_the_image()
    };
    let mut machine = Service::booted(folder.path(), &files);
    let release = Release::publish(folder.path());
    for _ in 0..3 {
        // Its measurement is not the release's, so it is refused, after it has been asked for evidence.
        let mut arguments: Vec<OsString> = vec![
            "verify".into(),
            "--gateway".into(),
            machine.address.to_string().into(),
            "--danger-accept-simulated".into(),
            machine.root.clone().into_os_string(),
        ];
        arguments.extend(release.options());
        let asked = service::cloister(arguments, b"");
        assert_eq!(asked.code, 1, "{}{}", asked.out(), asked.err());
        assert!((asked.out() + &asked.err()).contains("the initrd differs"));
    }
    assert!(machine.alive());
    let console = String::from_utf8_lossy(&machine.output()).into_owned();
    let probes = probes(&console);
    let outcomes = |what: &str| {
        probes
            .get(what)
            .unwrap_or_else(|| panic!("no probe {what:?}: {console}"))
    };

    // IPE, for root with every right.
    for (what, outcome) in [
        ("execute the initramfs's program", "done"),
        ("execute a copy on tmpfs", DENIED),
        ("execute a copy in a memfd", DENIED),
        ("map a copy on tmpfs", "done"),
        ("map a copy on tmpfs, executable", DENIED),
    ] {
        assert_eq!(*outcomes(what), [outcome], "{what}");
    }

    // The service: each time evidence was asked for, three times of them by a device.
    let rounds = outcomes("connect").len();
    assert!(rounds >= 4, "{rounds}");
    let always = |what: &str, allowed: &[&str]| {
        let found = outcomes(what);
        assert_eq!(found.len(), rounds, "{what}");
        assert!(
            found.iter().all(|one| allowed.contains(&one.as_str())),
            "{what}: {found:?}"
        );
    };
    for what in ["connect", "a datagram socket", "execute", "trace"] {
        always(what, &[FILTERED]);
    }
    always("a second port", &[DENIED]);
    always("read the weights", &["done"]);
    for what in probes.keys() {
        if what == "make a file in /proc" {
            continue;
        }
        if what.starts_with("make a ") || what.starts_with("write /") || what.starts_with("read /")
        {
            always(what, &[FILTERED, DENIED, "error 30"]);
        }
    }
    for what in [
        "make a file in /",
        "make a folder in configfs",
        "write /proc/self/mem",
        "read /dev/vda",
    ] {
        always(what, &[FILTERED, DENIED, "error 30"]);
    }

    // One listener, no datagrams, no named socket; and every request gives back its descriptors.
    let asked = |what: &str| outcomes(what)[rounds - 3..].to_vec();
    assert_eq!(asked("ports"), ["0F02000A:01BB"; 3]);
    always("datagram ports", &["none"]);
    always("named sockets", &["none"]);
    let descriptors = asked("descriptors");
    assert!(
        descriptors.iter().all(|number| *number == descriptors[0]),
        "{descriptors:?}"
    );
}

/// What the kernel says of the processor's flaws: nothing is left open that a kernel can close.
#[test]
fn a11_mitigations_are_on() {
    let folder = Folder::new();
    let initrd = service::image().join("initrd-probe.cpio");
    let files = Files {
        initrd,
        ..Files::of_the_image()
    };
    let machine = Service::booted(folder.path(), &files);
    let console = String::from_utf8_lossy(&machine.output()).into_owned();
    let flaws: BTreeMap<_, _> = probes(&console)
        .into_iter()
        .filter(|(what, _)| what.starts_with("processor: "))
        .collect();
    assert!(flaws.len() > 8, "{console}");
    for (flaw, state) in flaws {
        assert!(!state[0].starts_with("Vulnerable"), "{flaw}: {state:?}");
    }
}
