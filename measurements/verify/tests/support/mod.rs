//! The evidence corpus: cases on disk, loud when absent. Beside it the signer of the tests.
#![allow(dead_code, reason = "each test file uses its part")]

pub(crate) mod boot_log;
pub(crate) mod collateral;
pub(crate) mod der;
pub(crate) mod expected;
pub(crate) mod intel;
pub(crate) mod merkle;
pub(crate) mod pki;
pub(crate) mod publish;
pub(crate) mod scene;
pub(crate) mod tdx;
pub(crate) mod wrapped;
pub(crate) mod x509;

use cloister_verify::{Anchors, Endorsements, Opinion, Policy, Step, UnixTime, appraise, pem};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// The ids of the rules that speak against evidence.
pub(crate) fn failed(trail: &[Step]) -> Vec<&'static str> {
    let failed = trail.iter().filter(|step| !step.passed());
    failed.map(|step| step.rule).collect()
}

/// The same with what was expected and found, a line each.
pub(crate) fn explain(trail: &[Step]) -> String {
    let failed = trail.iter().filter(|step| !step.passed());
    let lines: Vec<String> = failed.map(ToString::to_string).collect();
    lines.join("\n")
}

/// The corpus, or `None` after saying loudly that its tests compare nothing.
pub(crate) fn corpus() -> Option<PathBuf> {
    let root = std::env::var_os("CLOISTER_EVIDENCE").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/evidence"),
        PathBuf::from,
    );
    if root.join("snp").is_dir() {
        return Some(root);
    }
    let text = format!(
        "\n*** NOT TESTED: no evidence corpus at {}; set CLOISTER_EVIDENCE ***\n",
        root.display()
    );
    print!("{text}");
    eprint!("{text}");
    None
}

/// One case of the corpus.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) description: Value,
    pub(crate) report: Vec<u8>,
    pub(crate) vcek: Option<Vec<u8>>,
    pub(crate) vlek: Option<Vec<u8>>,
    pub(crate) chain: Vec<Vec<u8>>,
}

impl Case {
    pub(crate) fn load(folder: &Path) -> Self {
        let text = |name: &str| fs::read_to_string(folder.join(name));
        Self {
            name: folder.file_name().unwrap().to_string_lossy().into_owned(),
            description: serde_json::from_str(&text("case.json").unwrap()).unwrap(),
            report: fs::read(folder.join("report.bin")).unwrap(),
            vcek: fs::read(folder.join("vcek.der")).ok(),
            vlek: fs::read(folder.join("vlek.der")).ok(),
            chain: text("cert_chain.pem")
                .ok()
                .map(|text| pem::certificates(&text).unwrap())
                .unwrap_or_default(),
        }
    }

    pub(crate) fn endorsements(&self) -> Endorsements<'_> {
        Endorsements {
            vcek: self.vcek.as_deref(),
            vlek: self.vlek.as_deref(),
            ask: self.chain.first().map(Vec::as_slice),
            ark: self.chain.get(1).map(Vec::as_slice),
            crl: None,
        }
    }

    /// The time at which the corpus judges the case.
    pub(crate) fn time(&self) -> Option<UnixTime> {
        evaluation_date(&self.description)
    }

    pub(crate) fn appraise(&self, policy: &Policy, anchors: &Anchors) -> Opinion {
        let now = self.time().unwrap_or(UnixTime(1_785_542_400));
        appraise(&self.report, &self.endorsements(), policy, anchors, now)
    }

    pub(crate) fn expected(&self, member: &str) -> Option<&str> {
        self.description["expected"][member].as_str()
    }
}

/// The first second of the day at which a case is judged.
pub(crate) fn evaluation_date(description: &Value) -> Option<UnixTime> {
    let day = description["expected"]["evaluation_date"].as_str()?;
    let date: ::der::DateTime = format!("{day}T00:00:00Z").parse().unwrap();
    Some(UnixTime(date.unix_duration().as_secs()))
}

/// All SNP cases, in order.
pub(crate) fn snp_cases(corpus: &Path) -> Vec<Case> {
    let mut folders: Vec<_> = fs::read_dir(corpus.join("snp"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.join("case.json").is_file())
        .collect();
    folders.sort();
    folders.iter().map(|folder| Case::load(folder)).collect()
}

/// One case by its name.
pub(crate) fn case(corpus: &Path, name: &str) -> Case {
    Case::load(&corpus.join("snp").join(name))
}
