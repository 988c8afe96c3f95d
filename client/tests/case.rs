//! `cloister verify --case`: the contract that foreign suites call, on a case made here and on the evidence corpus.
#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)]

mod mock;

use std::path::{Path, PathBuf};
use std::process::Command;

use base64ct::{Base64, Base64UrlUnpadded, Encoding};
use cloister_bind::ReportData;
use cloister_wire::certs::{CertTable, Guid};
use cloister_wire::evidence::Evidence;
use mock::enclave::{Folder, lab};
use mock::pem;
use serde_json::{Value, json};

fn verify(line: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_cloister"))
        .arg("verify")
        .args(line)
        .output()
        .unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (
        output.status.code().unwrap(),
        text(output.stdout),
        text(output.stderr),
    )
}

fn judged(line: &[&str]) -> (i32, Value) {
    let (code, out, err) = verify(line);
    let object = serde_json::from_str(&out).unwrap_or_else(|e| panic!("{e}: {out}{err}"));
    (code, object)
}

/// A case out of the simulated processor's evidence: everything is in order but the root.
fn made_here() -> Folder {
    let frame = lab().processor.answer(&ReportData([3; 64])).unwrap();
    let evidence = Evidence::decode(&frame).unwrap();
    let table = CertTable::parse(&evidence.auxiliary).unwrap();
    let certificate = |guid| table.find(guid).unwrap();
    let folder = Folder::new();
    let description = json!({
        "platform": "SEV-SNP",
        "expected": { "verdict": "reject", "evaluation_date": null },
    });
    folder.file("case.json", description.to_string().as_bytes());
    folder.file("report.bin", &evidence.report);
    folder.file("vcek.der", certificate(Guid::VCEK));
    let chain = pem(certificate(Guid::ASK)) + &pem(certificate(Guid::ARK));
    folder.file("cert_chain.pem", chain.as_bytes());
    folder
}

#[test]
fn the_object_has_the_members_of_the_contract() {
    let folder = made_here();
    let (code, object) = judged(&[
        "--case",
        &folder.path(""),
        "--policy",
        "authentic",
        "--json",
    ]);
    assert_eq!(code, 1);
    assert_eq!(object["verdict"], "reject");
    assert_eq!(object["platform"], "SEV-SNP");
    assert_eq!(object["product"], "Genoa");
    let failed = object["failed"].as_array().unwrap();
    assert!(!failed.is_empty());
    for member in ["rule", "expected", "found"] {
        assert!(
            failed.iter().all(|step| step[member].is_string()),
            "{member}"
        );
    }
    assert_eq!(object["fields"]["report_version"], 5);
    assert_eq!(object["fields"]["report_data"], "03".repeat(64));
}

#[test]
fn without_json_it_is_sentences() {
    let folder = made_here();
    let (code, out, _) = verify(&["--case", &folder.path(""), "--policy", "production", "-v"]);
    assert_eq!(code, 1);
    assert!(
        out.contains("FAILED") && out.contains("REFUSED: of "),
        "{out}"
    );
    assert!(out.contains("says    product: Genoa"), "{out}");
}

#[test]
fn what_is_missing_is_judged_and_what_can_not_be_read_is_not() {
    let folder = made_here();
    let case = folder.path("");
    for name in ["vcek.der", "cert_chain.pem"] {
        std::fs::remove_file(folder.path(name)).unwrap();
        assert_eq!(judged(&["--case", &case, "--json"]).0, 1, "without {name}");
    }
    folder.file("report.bin", b"short");
    assert_eq!(judged(&["--case", &case, "--json"]).0, 1);

    folder.file("cert_chain.pem", b"-----BEGIN CERTIFICATE-----\n?");
    assert_eq!(verify(&["--case", &case]).0, 2);
    std::fs::remove_file(folder.path("cert_chain.pem")).unwrap();
    std::fs::remove_file(folder.path("report.bin")).unwrap();
    assert_eq!(verify(&["--case", &case]).0, 2);
    for description in [
        "",
        "{}",
        r#"{"platform":"SEV-SNP","expected":{"evaluation_date":"soon"}}"#,
        r#"{"platform":"X","expected":{}}"#,
    ] {
        folder.file("case.json", description.as_bytes());
        assert_eq!(verify(&["--case", &case]).0, 2, "{description}");
    }
    folder.file("case.json", br#"{"platform":"SEV-SNP","expected":{}}"#);
    assert_eq!(verify(&["--case", &case, "--policy", "lenient"]).0, 2);
}

#[test]
fn a_quote_that_is_none_is_refused_with_its_reason() {
    let folder = Folder::new();
    folder.file(
        "case.json",
        br#"{"platform":"TDX","expected":{"evaluation_date":"2026-03-25"}}"#,
    );
    let case = folder.path("");
    assert_eq!(verify(&["--case", &case]).0, 2, "without a quote");
    // Version 3, and no more.
    folder.file("quote.bin", &[3, 0]);
    let (code, object) = judged(&["--case", &case, "--policy", "authentic", "--json"]);
    assert_eq!((code, &object["verdict"]), (1, &json!("reject")));
    assert_eq!(object["platform"], "TDX");
    assert_eq!(object["failed"][0]["rule"], "tdx.quote.format");
    assert_eq!(object["fields"], json!({ "quote_version": 3 }));
    let (code, out, _) = verify(&["--case", &case, "-v"]);
    assert_eq!(code, 1);
    assert!(
        out.contains("a quote of an SGX enclave") && out.contains("REFUSED: of "),
        "{out}"
    );
}

/// The corpus, or `None` after saying loudly that nothing is compared.
fn corpus() -> Option<PathBuf> {
    let root = std::env::var_os("CLOISTER_EVIDENCE").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/evidence"),
        PathBuf::from,
    );
    if root.join("snp").is_dir() {
        return Some(root);
    }
    eprintln!(
        "\n*** NOT TESTED: no evidence corpus at {}; set CLOISTER_EVIDENCE ***\n",
        root.display()
    );
    None
}

#[test]
fn every_snp_case_of_the_corpus_has_its_verdict_and_fields() {
    let Some(corpus) = corpus() else { return };
    let root = corpus.join("roots/test-only/amd_milan_test_ask_ark.pem");
    assert!(compare(&corpus.join("snp"), &root, "report_version") >= 38);
}

#[test]
fn every_tdx_case_of_the_corpus_has_its_verdict_and_fields() {
    let Some(corpus) = corpus() else { return };
    let root = corpus.join("roots/test-only/tdx_test_root.der");
    assert!(compare(&corpus.join("tdx"), &root, "quote_version") >= 40);
}

/// Compares verdict and fields of every case in `folder`, those made here also under their `root`; the number of cases. What has no
/// field `version` can't be read at all.
fn compare(folder: &Path, root: &Path, version: &str) -> usize {
    let root = root.to_str().unwrap();
    let mut cases = 0;
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let folder = path.to_str().unwrap();
        let text = std::fs::read_to_string(path.join("case.json")).unwrap();
        let case: Value = serde_json::from_str(&text).unwrap();
        let expected = &case["expected"];

        let (code, object) = judged(&["--case", folder, "--policy", "authentic", "--json"]);
        // A report without its certificate can be read, and no more.
        let accepted = expected["verdict"] == "accept";
        assert_eq!(
            object["verdict"],
            if accepted { "accept" } else { "reject" },
            "{folder}: {}",
            object["failed"]
        );
        assert_eq!(object["platform"], case["platform"]);
        assert_eq!(code, i32::from(!accepted));
        let empty = serde_json::Map::new();
        let readable = object["fields"][version].is_number();
        for (name, value) in case["fields"].as_object().unwrap_or(&empty) {
            if readable && !value.is_null() {
                assert_eq!(&object["fields"][name], value, "{folder}: {name}");
            }
        }
        if let Some(verdict) = expected["verdict_when_test_root_trusted"].as_str() {
            let (_, object) = judged(&[
                "--case",
                folder,
                "--policy",
                "authentic",
                "--danger-trust-root",
                root,
                "--json",
            ]);
            assert_eq!(object["verdict"], verdict, "{folder}: {}", object["failed"]);
        }
        cases += 1;
    }
    cases
}

/// A20: the numbers of a case agree, or its verdict says which do not.
#[test]
fn a20_every_measurement_case_of_the_corpus_has_its_verdict_and_fields() {
    let Some(corpus) = corpus() else { return };
    let mut cases = 0;
    for entry in std::fs::read_dir(corpus.join("measure")).unwrap() {
        let path = entry.unwrap().path();
        let folder = path.to_str().unwrap();
        let text = std::fs::read_to_string(path.join("case.json")).unwrap();
        let case: Value = serde_json::from_str(&text).unwrap();
        let (code, object) = judged(&["--case", folder, "--policy", "authentic", "--json"]);
        let matches = case["expected"]["verdict"] == "match";
        let verdict = if matches { "accept" } else { "reject" };
        assert_eq!(object["verdict"], verdict, "{folder}: {}", object["failed"]);
        assert_eq!(code, i32::from(!matches));
        assert_eq!(object["platform"], case["platform"]);
        for (name, value) in case["fields"].as_object().unwrap() {
            assert_eq!(&object["fields"][name], value, "{folder}: {name}");
        }
        // A foreign system's events are never all understood.
        if path.join("ccel_data.bin").is_file() || path.join("event_log.json").is_file() {
            let (code, object) = judged(&["--case", folder, "--policy", "production", "--json"]);
            assert_eq!(code, 1, "{folder}");
            let failed = object["failed"].as_array().unwrap();
            let unread = failed.iter().any(|step| step["rule"] == "ccel.unread");
            assert!(unread, "{folder}");
        }
        cases += 1;
    }
    assert!(cases >= 6, "only {cases} cases");
}

/// A21: a case without anything to measure or to compare with is refused.
#[test]
fn a21_a_measurement_without_its_other_half_is_refused() {
    let folder = Folder::new();
    let case = folder.path("");
    let describe = |description: &Value| {
        folder.file("case.json", description.to_string().as_bytes());
        let (code, object) = judged(&["--case", &case, "--policy", "authentic", "--json"]);
        assert_eq!((code, &object["verdict"]), (1, &json!("reject")));
        object["failed"][0]["rule"].as_str().unwrap().to_owned()
    };
    let zero = "00".repeat(48);
    let tdx = json!({ "platform": "TDX measurement", "expected": {} });
    assert_eq!(describe(&tdx), "measure.comparable");
    let snp = json!({ "platform": "SEV-SNP measurement", "expected": {} });
    assert_eq!(describe(&snp), "measure.comparable");
    // A log without a quote, with half of the registers, with a quote's name that leads nowhere.
    folder.file("event_log.json", b"[]");
    assert_eq!(describe(&tdx), "measure.comparable");
    let mut half = tdx.clone();
    half["fields"] = json!({ "rtmr0": zero, "rtmr1": zero });
    assert_eq!(describe(&half), "measure.comparable");
    let mut named = tdx.clone();
    named["title"] = json!("replays to tdx/../../nowhere");
    assert_eq!(describe(&named), "measure.comparable");
    // An empty log replays to fresh registers, and that is no match either.
    let mut fresh = half.clone();
    fresh["fields"]["rtmr2"] = json!(zero);
    assert_eq!(describe(&fresh), "ccel.log");
    folder.file("ccel_data.bin", b"");
    assert_eq!(describe(&fresh), "measure.comparable");
    // Firmware without a stated measurement, and firmware that is none.
    std::fs::remove_file(folder.path("ccel_data.bin")).unwrap();
    std::fs::remove_file(folder.path("event_log.json")).unwrap();
    folder.file("firmware.fd", b"none");
    assert_eq!(describe(&tdx), "measure.mrtd");
    fresh["fields"]["mrtd"] = json!(zero);
    assert_eq!(describe(&fresh), "measure.mrtd");
    folder.file("vectors.json", b"[]");
    assert_eq!(describe(&snp), "measure.comparable");
}

/// The cases of a group of the corpus.
fn cases(group: &str) -> Option<Vec<PathBuf>> {
    let mut folders: Vec<_> = std::fs::read_dir(corpus()?.join(group))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    folders.sort();
    Some(folders)
}

#[test]
fn certificates_with_evidence_are_bound_and_no_more() {
    let Some(folders) = cases("ratls") else {
        return;
    };
    for folder in &folders {
        let case = folder.to_str().unwrap();
        let line = |policy| judged(&["--case", case, "--policy", policy, "--json"]);
        let (code, object) = line("authentic");
        assert_eq!((code, &object["verdict"]), (0, &json!("accept")), "{case}");
        assert_eq!(object["fields"]["scope"], "binding");
        let description = std::fs::read(folder.join("case.json")).unwrap();
        let description: Value = serde_json::from_slice(&description).unwrap();
        for (name, value) in description["fields"].as_object().unwrap() {
            assert_eq!(&object["fields"][name], value, "{case}: {name}");
        }
        let (code, object) = line("production");
        assert_eq!((code, &object["verdict"]), (1, &json!("reject")), "{case}");
        let failed = object["failed"].as_array().unwrap();
        assert!(
            failed.iter().any(|step| step["rule"] == "ratls.collateral"),
            "{case}"
        );
    }
}

#[test]
fn a_wrapper_beside_a_report_is_judged_with_it() {
    let folder = made_here();
    let case = folder.path("");
    let failed = |object: &Value| -> Vec<String> {
        let failed = object["failed"].as_array().unwrap().iter();
        failed
            .map(|step| step["rule"].as_str().unwrap().to_owned())
            .collect()
    };
    let rule = "aci.security-policy".to_owned();
    // The host data of this report are zeroes, which are the hash of nothing.
    folder.file("security_policy.bin", b"package policy");
    assert!(failed(&judged(&["--case", &case, "--json"]).1).contains(&rule));
    std::fs::remove_file(folder.path("security_policy.bin")).unwrap();
    assert!(!failed(&judged(&["--case", &case, "--json"]).1).contains(&rule));
    // A quote without its signature is an input that is not whole.
    folder.file("hcl_report.bin", b"HCLA");
    assert!(failed(&judged(&["--case", &case, "--json"]).1).contains(&"hcl.format".to_owned()));
    folder.file("tpm_quote.msg", b"message");
    assert_eq!(verify(&["--case", &case]).0, 2);
}

/// The ids of the rules that failed.
fn failed_rules(object: &Value) -> Vec<&str> {
    let failed = object["failed"].as_array().unwrap().iter();
    failed.map(|step| step["rule"].as_str().unwrap()).collect()
}

/// A copy of a case of the corpus, to be changed.
fn copied(source: &Path) -> Folder {
    let folder = Folder::new();
    for entry in std::fs::read_dir(source).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        folder.file(name, &std::fs::read(&path).unwrap());
    }
    folder
}

#[test]
fn a_td_under_azures_paravisor_is_judged_with_its_bindings() {
    let Some(corpus) = corpus() else { return };
    let source = corpus.join("tdx/v4-azure-90c06f-ars");
    let judge = |folder: &Folder| {
        judged(&[
            "--case",
            &folder.path(""),
            "--policy",
            "authentic",
            "--json",
        ])
    };
    let (code, object) = judge(&copied(&source));
    assert_eq!((code, failed_rules(&object)), (0, vec![]));
    let trail = object["trail"].to_string();
    for rule in [
        "hcl.inner-report",
        "hcl.runtime-data",
        "hcl.quote.signature",
        "azure.td-quote",
    ] {
        assert!(trail.contains(rule), "{rule} was not judged");
    }
    // The paravisor's report with other runtime data, and with another report inside.
    let bytes = std::fs::read(source.join("hcl_report.bin")).unwrap();
    for (place, rule) in [(1240, "hcl.runtime-data"), (32 + 600, "hcl.inner-report")] {
        let folder = copied(&source);
        let mut changed = bytes.clone();
        changed[place] ^= 1;
        folder.file("hcl_report.bin", &changed);
        let (code, object) = judge(&folder);
        assert_eq!(code, 1);
        assert!(failed_rules(&object).contains(&rule), "{object}");
    }
    // A bundle around another quote, and one whose registers the virtual TPM did not quote.
    let bundle = std::fs::read_to_string(source.join("evidence.json")).unwrap();
    let bundle: Value = serde_json::from_str(&bundle).unwrap();
    let other = std::fs::read_to_string(corpus.join("tdx/v4-azure-00806f-trustee/evidence.json"));
    let other: Value = serde_json::from_str(&other.unwrap()).unwrap();
    for (member, rule) in [
        ("td_quote", "azure.td-quote"),
        ("tpm_quote", "hcl.quote.signature"),
    ] {
        let folder = copied(&source);
        let mut changed = bundle.clone();
        changed[member] = other[member].clone();
        folder.file("evidence.json", changed.to_string().as_bytes());
        let (code, object) = judge(&folder);
        assert_eq!(code, 1);
        assert!(failed_rules(&object).contains(&rule), "{object}");
    }
}

#[test]
fn evidence_is_found_in_its_wrapper_and_read_in_other_notations() {
    let Some(corpus) = corpus() else { return };
    let judge = |folder: &Folder| {
        judged(&[
            "--case",
            &folder.path(""),
            "--policy",
            "authentic",
            "--json",
        ])
    };
    for (case, name) in [
        ("tdx/v4-azure-90c06f-ars", "quote.bin"),
        ("snp/genoa-v3-tsm-veraison", "report.bin"),
    ] {
        let source = corpus.join(case);
        let bytes = std::fs::read(source.join(name)).unwrap();
        // By the bundle or the table beside it alone.
        let folder = copied(&source);
        std::fs::remove_file(folder.path(name)).unwrap();
        assert_eq!(judge(&folder).0, 0, "{case} without {name}");
        for text in [
            hex::encode(&bytes),
            format!("0x{}\n", hex::encode_upper(&bytes)),
            Base64::encode_string(&bytes),
            Base64UrlUnpadded::encode_string(&bytes),
        ] {
            let folder = copied(&source);
            folder.file(name, text.as_bytes());
            assert_eq!(judge(&folder).0, 0, "{case}: {text:.40}");
        }
        // A text of something else is what it is.
        folder.file(name, b"deadbeef");
        assert_eq!(judge(&folder).0, 1, "{case}");
    }
    // The chip's certificate out of the table, and as PEM.
    let source = corpus.join("snp/genoa-v3-tsm-veraison");
    let folder = copied(&source);
    let leaf = std::fs::read(folder.path("vcek.der")).unwrap();
    std::fs::remove_file(folder.path("vcek.der")).unwrap();
    std::fs::remove_file(folder.path("cert_chain.pem")).unwrap();
    assert_eq!(judge(&folder).0, 0);
    folder.file("vcek.pem", pem(&leaf).as_bytes());
    assert_eq!(judge(&folder).0, 0);
}

#[test]
fn a_wrapped_file_is_judged_by_itself() {
    let frame = lab().processor.answer(&ReportData([3; 64])).unwrap();
    let evidence = Evidence::decode(&frame).unwrap();
    let folder = Folder::new();
    folder.file(
        "extended",
        &[&evidence.report[..], &evidence.auxiliary].concat(),
    );
    folder.file("short", &evidence.report[..100]);
    let line = |name: &str| {
        verify(&[
            "--wrapped",
            &folder.path(name),
            "--policy",
            "authentic",
            "--json",
        ])
    };
    let (code, object) = judged(&[
        "--wrapped",
        &folder.path("extended"),
        "--policy",
        "authentic",
        "--json",
    ]);
    // Everything is in order but the root, which is not one of AMD's.
    assert_eq!(code, 1);
    assert_eq!(
        object["fields"]["wrapper"],
        "a report with a certificate table"
    );
    let failed = object["failed"].as_array().unwrap();
    assert!(failed.iter().any(|step| step["rule"] == "snp.chain.root"));
    assert!(
        !failed
            .iter()
            .any(|step| step["rule"].as_str().unwrap().starts_with("table."))
    );
    assert_eq!(line("short").0, 2);
    assert_eq!(verify(&["--wrapped", "a", "--case", "b"]).0, 2);
    assert_eq!(verify(&["--certs", "a"]).0, 2);
}

#[test]
fn wrapped_files_of_the_corpus_are_accepted_by_themselves() {
    let Some(folders) = cases("snp") else { return };
    let mut judged_files = 0;
    for folder in &folders {
        for (name, brings) in [
            ("message.cose", true),
            ("snp.json", true),
            ("tsm_report.json", true),
            ("tsm_report.cbor", true),
            ("hcl_report.bin", false),
        ] {
            let file = folder.join(name);
            if !file.is_file() {
                continue;
            }
            let path = file.to_str().unwrap();
            let line = ["--wrapped", path, "--policy", "authentic", "--json"];
            let (code, object) = if brings {
                judged(&line)
            } else {
                // The paravisor's report comes without certificates.
                let leaf = pem(&std::fs::read(folder.join("vcek.der")).unwrap());
                let above = std::fs::read_to_string(folder.join("cert_chain.pem")).unwrap();
                let certs = Folder::new();
                certs.file("certs.pem", (leaf + &above).as_bytes());
                assert_eq!(judged(&line).0, 1, "{path}: nobody has certified the key");
                judged(&[&line[..], &["--certs", &certs.path("certs.pem")]].concat())
            };
            // A wrapped file is judged as of now, and some day its certificates will have ended.
            let failed = object["failed"].as_array().unwrap();
            let ended = |step: &Value| step["rule"] == "snp.chain.validity";
            assert!(failed.iter().all(ended), "{path}: {failed:?}");
            assert_eq!(code, i32::from(!failed.is_empty()));
            judged_files += 1;
        }
    }
    assert!(judged_files >= 10, "only {judged_files} files");
}
