//! A25: malformed and malleable certificates. Each test changes one thing in a good chain, signs it again, and is refused.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::field_reassign_with_default
)]

mod support;

use cloister_verify::{Anchors, Step};
use cloister_wire::certs::Guid;
use rsa::traits::PublicKeyParts;
use support::der::{bits, explicit, integer, pss, sequence, time, tlv};
use support::pki::*;
use support::publish::publish;

fn failed(trail: &[Step]) -> Vec<&'static str> {
    trail
        .iter()
        .filter(|step| !step.passed())
        .map(|step| step.rule)
        .collect()
}

/// A scene with one change fails exactly these rules.
#[track_caller]
fn refuses(rules: &[&str], change: impl FnOnce(&mut Scene)) {
    let mut scene = Scene::default();
    change(&mut scene);
    let appraisal = scene.attest();
    assert_eq!(failed(&appraisal.trail), rules);
    assert!(appraisal.verdict.is_err());
}

/// A scene with one change has certificates that cannot be read.
#[track_caller]
fn unreadable(change: impl FnOnce(&mut Scene)) {
    let mut scene = Scene::default();
    change(&mut scene);
    let appraisal = scene.attest();
    let found = failed(&appraisal.trail);
    assert!(found.contains(&"snp.chain.certificates"), "{found:?}");
    assert!(found.contains(&"snp.signature"), "{found:?}");
    assert!(appraisal.verdict.is_err());
}

const CERTS: [fn(&mut Scene) -> &mut Cert; 2] = [|scene| &mut scene.leaf, |scene| &mut scene.ask];

#[test]
fn a25_versions_and_algorithms() {
    for cert in CERTS {
        unreadable(|scene| cert(scene).version = Vec::new());
        for version in [0, 1, 3] {
            unreadable(|scene| cert(scene).version = explicit(0, &integer(&[version])));
        }
        // Another hash, another salt, another algorithm inside or outside the signed part.
        for wrong in [
            pss("2.16.840.1.101.3.4.2.1", 48),
            pss("2.16.840.1.101.3.4.2.2", 32),
            sequence(&[&tlv(6, &hex::decode("2a8648ce3d040303").unwrap())]),
        ] {
            unreadable(|scene| cert(scene).inner_algorithm = wrong.clone());
            unreadable(|scene| cert(scene).outer_algorithm = wrong.clone());
            unreadable(|scene| {
                cert(scene).inner_algorithm = wrong.clone();
                cert(scene).outer_algorithm = wrong;
            });
        }
    }
}

#[test]
fn a25_signatures() {
    // The leaf signed by the root, by itself twice over, or with its last byte changed; the same for the intermediate.
    refuses(&["snp.chain.leaf"], |scene| {
        scene.table = |entries| entries[0].1 = Scene::default().leaf.sign(&ARK);
    });
    refuses(&["snp.chain.issuer"], |scene| {
        scene.table = |entries| entries[1].1 = Scene::default().ask.sign(&ASK);
    });
    for (entry, rule) in [(0, "snp.chain.leaf"), (1, "snp.chain.issuer")] {
        let mut scene = Scene::default();
        scene.table = if entry == 0 {
            |entries| *entries[0].1.last_mut().unwrap() ^= 1
        } else {
            |entries| *entries[1].1.last_mut().unwrap() ^= 1
        };
        assert_eq!(failed(&scene.attest().trail), [rule]);
    }
    // A leaf under the root itself, with the intermediate left out.
    unreadable(|scene| {
        scene.leaf.issuer = name("ARK-Genoa SIMULATED");
        scene.table = |entries| {
            entries.remove(1);
        };
    });
}

#[test]
fn a25_roles() {
    let issuer = &["snp.chain.issuer"];
    refuses(issuer, |scene| scene.ask.remove(BASIC_CONSTRAINTS));
    refuses(issuer, |scene| scene.ask.remove(KEY_USAGE));
    refuses(issuer, |scene| scene.ask.extensions.clear());
    refuses(issuer, |scene| {
        scene.ask.extension(BASIC_CONSTRAINTS).value = sequence(&[]);
    });
    refuses(issuer, |scene| {
        scene.ask.extension(BASIC_CONSTRAINTS).critical = false;
    });
    refuses(issuer, |scene| {
        scene.ask.extension(KEY_USAGE).critical = false;
    });
    // cRLSign alone; digitalSignature alone; nothing.
    for usage in [bits(1, &[0x02]), bits(7, &[0x80]), bits(0, &[])] {
        refuses(issuer, |scene| scene.ask.extension(KEY_USAGE).value = usage);
    }
    // cA written out as false, a path length without cA, BER's other TRUE, unused bits that are not zero, a byte more.
    for constraints in [
        sequence(&[&[1, 1, 0]]),
        sequence(&[&integer(&[0])]),
        sequence(&[&[1, 1, 1]]),
        [sequence(&[&[1, 1, 0xff]]), vec![0]].concat(),
    ] {
        refuses(issuer, |scene| {
            scene.ask.extension(BASIC_CONSTRAINTS).value = constraints;
        });
    }
    refuses(issuer, |scene| {
        scene.ask.extension(KEY_USAGE).value = bits(2, &[0x05]);
    });
    // A leaf that claims to be an authority, in either way.
    let leaf = &["snp.chain.leaf"];
    refuses(leaf, |scene| {
        let constraints = sequence(&[&[1, 1, 0xff]]);
        scene
            .leaf
            .extensions
            .push(ext(BASIC_CONSTRAINTS, true, constraints));
    });
    refuses(leaf, |scene| {
        let usage = bits(2, &[0x04]);
        scene.leaf.extensions.push(ext(KEY_USAGE, true, usage));
    });
}

#[test]
fn a25_extensions() {
    for cert in CERTS {
        // Unknown and critical; twice; an empty list; more than anybody needs.
        unreadable(|scene| {
            cert(scene)
                .extensions
                .push(ext("2.5.29.36", true, integer(&[0])));
        });
        unreadable(|scene| {
            let again = cert(scene).extensions[0].clone();
            cert(scene).extensions.push(again);
        });
        unreadable(|scene| cert(scene).before_extensions = explicit(3, &sequence(&[])));
        unreadable(|scene| {
            let ids = [
                "1.2.3.1", "1.2.3.2", "1.2.3.3", "1.2.3.4", "1.2.3.5", "1.2.3.6", "1.2.3.7",
                "1.2.3.8", "1.2.3.9", "1.2.3.10", "1.2.3.11", "1.2.3.12", "1.2.3.13", "1.2.3.14",
                "1.2.3.15", "1.2.3.16", "1.2.3.17", "1.2.3.18", "1.2.3.19", "1.2.3.20", "1.2.3.21",
                "1.2.3.22", "1.2.3.23", "1.2.3.24", "1.2.3.25", "1.2.3.26", "1.2.3.27", "1.2.3.28",
                "1.2.3.29", "1.2.3.30", "1.2.3.31", "1.2.3.32",
            ];
            cert(scene)
                .extensions
                .extend(ids.map(|id| ext(id, false, vec![])));
        });
        // A unique identifier, which no certificate of AMD's has.
        unreadable(|scene| cert(scene).before_extensions = tlv(0x81, &[0, 1]));
        // Unknown and not critical is no harm.
        let mut scene = Scene::default();
        cert(&mut scene)
            .extensions
            .push(ext("2.5.29.36", false, integer(&[0])));
        assert!(scene.attest().verdict.is_ok());
    }
}

#[test]
fn a25_names() {
    let names = &["snp.chain.names"];
    // The leaf names another issuer; no name says what it is.
    refuses(names, |scene| {
        scene.leaf.issuer = name("SEV-Milan SIMULATED")
    });
    refuses(names, |scene| scene.leaf.subject = name("SEV-VCEK"));
    refuses(names, |scene| {
        scene.ask.subject = name("SEV-Genoa");
        scene.leaf.issuer = name("SEV-Genoa");
    });
    // AMD's names, each in its role.
    for (line, passes) in [("Genoa", true), ("Milan", false)] {
        let mut scene = Scene::default().named(line);
        assert_eq!(scene.appraise().verdict.is_ok(), passes);
        scene = Scene::default().named("Genoa");
        scene.leaf.subject = name(if passes { "SEV-VCEK" } else { "SEV-VLEK" });
        assert_eq!(scene.appraise().verdict.is_ok(), passes);
    }
    let mut scene = Scene::default().named("Genoa");
    scene.ask.subject = name("SEV-VLEK-Genoa");
    scene.leaf.issuer = name("SEV-VLEK-Genoa");
    assert_eq!(scene.appraise().verdict.unwrap_err().rules, *names);
    // Two common names, none, one of another kind of string, two attributes in one set.
    let attribute =
        |id: &str, tag, text: &[u8]| sequence(&[&support::der::oid(id), &tlv(tag, text)]);
    let cn = |tag, text| attribute("2.5.4.3", tag, text);
    for wrong in [
        sequence(&[
            &tlv(0x31, &cn(0x0c, b"SEV-VCEK SIMULATED")),
            &tlv(0x31, &cn(0x0c, b"x")),
        ]),
        sequence(&[]),
        sequence(&[&tlv(0x31, &cn(0x1e, b"SEV-VCEK SIMULATED"))]),
        sequence(&[&tlv(0x31, &cn(0x0c, b"\xff SIMULATED"))]),
        sequence(&[&tlv(
            0x31,
            &[cn(0x0c, b"SIMULATED"), attribute("2.5.4.10", 0x0c, b"x")].concat(),
        )]),
        sequence(&[&tlv(0x30, &cn(0x0c, b"SEV-VCEK SIMULATED"))]),
    ] {
        unreadable(|scene| scene.leaf.subject = wrong);
    }
}

#[test]
fn a25_dates() {
    for cert in CERTS {
        // GeneralizedTime before 2050, a time zone, no seconds, text.
        for wrong in [
            tlv(0x18, b"20270101000000Z"),
            tlv(0x17, b"270101000000+0000"),
            tlv(0x17, b"2701010000Z"),
            tlv(0x17, b"271301000000Z"),
            tlv(0x18, b"20600101000000.5Z"),
            tlv(0x0c, b"270101000000Z"),
        ] {
            unreadable(|scene| cert(scene).not_after = wrong);
        }
        let mut scene = Scene::default();
        cert(&mut scene).not_after = tlv(0x18, b"20500101000000Z");
        assert!(scene.attest().verdict.is_ok());
    }
}

#[test]
fn a25_der() {
    for cert in CERTS {
        // Serial numbers with a sign, with a zero too many, with no byte; a version with a zero too many.
        for wrong in [tlv(2, &[0x80]), tlv(2, &[0, 1]), tlv(2, &[]), tlv(1, &[1])] {
            unreadable(|scene| cert(scene).serial = wrong);
        }
        unreadable(|scene| cert(scene).version = explicit(0, &tlv(2, &[0, 2])));
        unreadable(|scene| cert(scene).version = explicit(0, &[integer(&[2]), vec![0]].concat()));
    }
    let changes: [fn(&mut Vec<u8>); 5] = [
        |der| der.push(0),
        |der| {
            der.pop();
        },
        // A length in one byte more than it needs, and an indefinite one.
        |der| {
            der.splice(1..2, [0x83, 0]);
        },
        |der| {
            der.splice(1..4, [0x80]);
            der.extend([0, 0]);
        },
        |der| der[0] = 0x31,
    ];
    for entry in 0..2 {
        for change in changes {
            let scene = Scene::default();
            let mut entries = scene.entries();
            change(&mut entries[entry].1);
            let mut evidence = scene.evidence();
            let borrowed: Vec<(Guid, &[u8])> = entries.iter().map(|(g, b)| (*g, &b[..])).collect();
            evidence.auxiliary = cloister_wire::certs::CertTable::encode(&borrowed).unwrap();
            let appraisal = cloister_verify::attest(
                &evidence,
                &SESSION,
                &cloister_verify::Expected {
                    policy: &scene.policy,
                    releases: &publish(&scene.releases, NOW),
                    anchors: &scene.anchors(),
                    now: cloister_verify::UnixTime(NOW),
                },
            );
            assert!(failed(&appraisal.trail).contains(&"snp.chain.certificates"));
            assert!(appraisal.verdict.is_err());
        }
    }
    // A certificate of a size that none has.
    unreadable(|scene| {
        scene
            .leaf
            .extensions
            .push(ext("1.2.3.4", false, vec![0; 9000]));
    });
}

#[test]
fn a25_keys() {
    // The report's key: another curve, a compressed point, no point of the curve, the point at infinity, RSA.
    let point = |spki: Vec<u8>| move |scene: &mut Scene| scene.leaf.spki = spki;
    let good = chip_spki(&CHIP, false);
    let mut off_curve = good.clone();
    *off_curve.last_mut().unwrap() ^= 1;
    unreadable(point(off_curve));
    unreadable(point(chip_spki(&CHIP, true)));
    unreadable(point(ec_spki("1.2.840.10045.3.1.7", &[4; 97])));
    unreadable(point(ec_spki("1.3.132.0.34", &[0])));
    unreadable(point(rsa_spki(&ASK.n_bytes(), &[1, 0, 1])));
    // The intermediate's key: another exponent, fewer bits, an even modulus, the report's key.
    let mut even = ASK.n_bytes().to_vec();
    *even.last_mut().unwrap() &= 0xfe;
    for spki in [
        rsa_spki(&ASK.n_bytes(), &[3]),
        rsa_spki(&ASK.n_bytes(), &[1]),
        rsa_spki(&short_modulus(), &[1, 0, 1]),
        rsa_spki(&even, &[1, 0, 1]),
        good,
    ] {
        refuses(&["snp.chain.leaf"], |scene| scene.ask.spki = spki);
    }
}

#[test]
fn a25_the_root_in_the_evidence_is_the_pinned_one() {
    let root = &["snp.chain.root", "snp.chain.issuer", "snp.chain.revocation"];
    let fails = |table: fn(&mut Vec<(Guid, Vec<u8>)>)| {
        let mut scene = Scene::default();
        scene.table = table;
        let found = failed(&scene.attest().trail);
        assert!(root.iter().all(|rule| found.contains(rule)), "{found:?}");
    };
    // Its signature changed; signed by another key; another key under its name.
    fails(|entries| *entries[2].1.last_mut().unwrap() ^= 1);
    fails(|entries| entries[2].1 = Scene::default().ark.sign(&ASK));
    fails(|entries| {
        let mut ark = Scene::default().ark;
        ark.spki = rsa_spki(&ASK.n_bytes(), &[1, 0, 1]);
        entries[2].1 = ark.sign(&ASK);
        let mut ask = Scene::default().ask;
        ask.spki = rsa_spki(&ASK.n_bytes(), &[1, 0, 1]);
        entries[1].1 = ask.sign(&ASK);
    });
    // Left out, or made anew by the same key: the pinned one counts.
    for table in [
        (|entries| entries.retain(|(guid, _)| *guid != Guid::ARK)) as fn(&mut Vec<_>),
        |entries| {
            let mut ark = Scene::default().ark;
            ark.not_after = time(NOW + 99 * DAY);
            entries[2].1 = ark.sign(&ARK);
        },
    ] {
        let mut scene = Scene::default();
        scene.table = table;
        assert!(scene.attest().verdict.is_ok());
    }
}

#[test]
fn a25_what_may_be_an_anchor() {
    let good = Scene::default().ark;
    assert!(Anchors::danger_simulated(&good.sign(&ARK)).is_ok());
    // A simulated root is no test root, and the other way round.
    assert!(Anchors::danger_test_root(&good.sign(&ARK)).is_err());
    let amd_like = Scene::default().named("Genoa").ark;
    assert!(Anchors::danger_test_root(&amd_like.sign(&ARK)).is_ok());
    assert!(Anchors::danger_simulated(&amd_like.sign(&ARK)).is_err());
    // Not signed by itself, not an authority, not a root, no certificate.
    let refused = |der: &[u8]| {
        assert!(Anchors::danger_simulated(der).is_err());
    };
    refused(&good.sign(&ASK));
    refused(&Scene::default().ask.sign(&ARK));
    refused(&Scene::default().leaf.sign(&ARK));
    refused(b"");
    for change in [
        (|cert| cert.remove(BASIC_CONSTRAINTS)) as fn(&mut Cert),
        |cert| cert.remove(KEY_USAGE),
        |cert| cert.issuer = name("ARK-Milan SIMULATED"),
        |cert| cert.spki = rsa_spki(&short_modulus(), &[1, 0, 1]),
    ] {
        let mut cert = good.clone();
        change(&mut cert);
        refused(&cert.sign(&ARK));
    }
}
