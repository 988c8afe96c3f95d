//! The kernel's report interface, `configfs-tsm` (Linux `Documentation/ABI/testing/configfs-tsm`).

use crate::{EvidenceError, EvidenceSource};
use cloister_bind::ReportData;
use cloister_wire::evidence::{Evidence, EvidenceKind};
use std::{
    fs,
    io::{self, Read},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

/// Where configfs is mounted by the image's init.
pub(crate) const REPORTS: &str = "/sys/kernel/config/tsm/report";

/// No report or certificate table is longer (a TDX quote is about 5 KiB, an SNP certificate table at most 16 KiB).
const LONGEST: u64 = 64 * 1024;

/// How often a request that another one overtook is made again.
const ATTEMPTS: usize = 4;

/// Evidence through `configfs-tsm`: SEV-SNP (`sev_guest`) and TDX (`tdx_guest`) alike.
pub struct Tsm {
    reports: PathBuf,
    next_entry: AtomicU64,
}

impl Tsm {
    /// Opens the interface and has one report signed, to know that it works.
    ///
    /// # Errors
    /// [`EvidenceError`] when there is no provider or it does not sign.
    pub fn open() -> Result<Self, EvidenceError> {
        Self::at(Path::new(REPORTS))
    }

    fn at(reports: &Path) -> Result<Self, EvidenceError> {
        let tsm = Self {
            reports: reports.to_owned(),
            next_entry: AtomicU64::new(0),
        };
        tsm.evidence(&ReportData([0; 64]))?;
        Ok(tsm)
    }
}

impl EvidenceSource for Tsm {
    fn evidence(&self, report_data: &ReportData) -> Result<Evidence, EvidenceError> {
        let name = format!(
            "cloister-{}",
            self.next_entry.fetch_add(1, Ordering::Relaxed)
        );
        let entry = Entry::create(self.reports.join(name))?;
        for _ in 0..ATTEMPTS {
            if let Some(evidence) = entry.report(report_data)? {
                return Ok(evidence);
            }
        }
        Err(EvidenceError::Contended)
    }

    fn describe(&self) -> &'static str {
        "configfs-tsm"
    }
}

/// One report directory; the kernel fills it with attribute files. Removed when dropped.
struct Entry(PathBuf);

impl Entry {
    fn create(path: PathBuf) -> Result<Self, EvidenceError> {
        fs::create_dir(&path).map_err(failed("create a configfs-tsm report"))?;
        Ok(Self(path))
    }

    /// One round: write the input, read the outputs, and see that nobody wrote in between. `None` when somebody did.
    fn report(&self, report_data: &ReportData) -> Result<Option<Evidence>, EvidenceError> {
        let before = self.generation()?;
        fs::write(self.0.join("inblob"), report_data.0)
            .map_err(failed("write configfs-tsm inblob"))?;
        let report = self.read("outblob")?;
        // Providers without certificates have no such attribute.
        let auxiliary = match self.read("auxblob") {
            Err(EvidenceError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => {
                Vec::new()
            }
            other => other?,
        };
        let kind = match self.read("provider")?.trim_ascii_end() {
            b"sev_guest" => EvidenceKind::Snp,
            b"tdx_guest" => EvidenceKind::Tdx,
            _ => {
                return Err(EvidenceError::Malformed {
                    what: "a provider other than sev_guest and tdx_guest",
                });
            }
        };
        // Each write increments the generation, so exactly one step means that the outputs answer our input.
        let ours = before.checked_add(1) == Some(self.generation()?);
        Ok(ours.then_some(Evidence {
            kind,
            report,
            auxiliary,
        }))
    }

    fn generation(&self) -> Result<u64, EvidenceError> {
        let text = self.read("generation")?;
        core::str::from_utf8(text.trim_ascii())
            .ok()
            .and_then(|digits| digits.parse().ok())
            .ok_or(EvidenceError::Malformed {
                what: "generation is not a number",
            })
    }

    fn read(&self, attribute: &'static str) -> Result<Vec<u8>, EvidenceError> {
        let mut bytes = Vec::new();
        fs::File::open(self.0.join(attribute))
            .and_then(|file| file.take(LONGEST + 1).read_to_end(&mut bytes))
            .map_err(failed("read a configfs-tsm attribute"))?;
        if u64::try_from(bytes.len()).is_ok_and(|length| length <= LONGEST) {
            Ok(bytes)
        } else {
            Err(EvidenceError::Malformed {
                what: "an attribute longer than 64 KiB",
            })
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        // The directory costs a little kernel memory if it stays; there is nothing better to do.
        let _ = fs::remove_dir(&self.0);
    }
}

fn failed(step: &'static str) -> impl FnOnce(io::Error) -> EvidenceError {
    move |source| EvidenceError::Io { step, source }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// A directory that looks like one configfs-tsm report. The kernel's answers are files, so the generation stands still.
    fn entry(name: &str, provider: &str, generation: &str) -> (PathBuf, Entry) {
        let directory =
            std::env::temp_dir().join(format!("cloister-tsm-{}-{name}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        for (file, content) in [
            ("outblob", "report"),
            ("provider", provider),
            ("generation", generation),
        ] {
            fs::write(directory.join(file), content).unwrap();
        }
        (directory.clone(), Entry(directory))
    }

    #[test]
    fn outputs_that_may_answer_another_input_are_not_used() {
        let (directory, entry) = entry("stale", "sev_guest\n", "7\n");
        assert!(entry.report(&ReportData([9; 64])).unwrap().is_none());
        assert_eq!(
            fs::read(directory.join("inblob")).unwrap(),
            [9; 64],
            "the input is written as it is"
        );
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn unknown_providers_and_broken_generations_are_refused() {
        let (directory, other) = entry("other", "mock\n", "7\n");
        assert!(matches!(
            other.report(&ReportData([0; 64])),
            Err(EvidenceError::Malformed { .. })
        ));
        fs::remove_dir_all(directory).unwrap();
        let (directory, broken) = entry("broken", "sev_guest\n", "seven\n");
        assert!(matches!(
            broken.report(&ReportData([0; 64])),
            Err(EvidenceError::Malformed { .. })
        ));
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn an_endless_attribute_is_refused() {
        let (directory, entry) = entry("endless", "sev_guest\n", "7\n");
        fs::write(directory.join("outblob"), vec![0; 64 * 1024 + 1]).unwrap();
        assert!(matches!(
            entry.report(&ReportData([0; 64])),
            Err(EvidenceError::Malformed { .. })
        ));
        fs::remove_dir_all(directory).unwrap();
    }
}
