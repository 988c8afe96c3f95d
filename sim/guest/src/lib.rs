//! The simulated secure processor, guest side.
//!
//! In come the 64 bytes of `REPORT_DATA`; they go over a virtio-serial port (or a Unix socket, for tests without a virtual machine) to
//! `cloister-sim` on the host. Out comes its evidence, of kind Simulated and made for exactly these bytes, or an error in bounded time.
//! This crate is in the simulated image alone; nothing that it returns passes for hardware.
#![forbid(unsafe_code)]

mod port;

use cloister_bind::ReportData;
use cloister_guest::{EvidenceError, EvidenceSource};
use cloister_wire::evidence::{Evidence, EvidenceKind, MAX_EVIDENCE};
use port::Port;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a request may take. The processor makes its keys while the machine boots, and the first request waits for them.
const PATIENCE: Duration = Duration::from_secs(60);
/// Answers to earlier requests, of a process that did not wait for them, that are read and thrown away.
const MAX_STALE: usize = 16;
/// `REPORT_DATA` in a report (AMD 56860, table "ATTESTATION_REPORT").
const REPORT_DATA_AT: usize = 0x50;

/// The simulated secure processor behind a port.
pub struct SimulatedProcessor {
    path: PathBuf,
    patience: Duration,
    /// The open port; none after an error, so that the next request starts on a fresh one.
    port: Mutex<Option<Port>>,
}

impl SimulatedProcessor {
    /// Opens a character device or connects to a Unix socket, and has one report signed, to know that it works.
    ///
    /// # Errors
    /// [`EvidenceError`] when there is no such port or nobody answers within a minute.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, EvidenceError> {
        Self::with_patience(path.as_ref(), PATIENCE)
    }

    fn with_patience(path: &Path, patience: Duration) -> Result<Self, EvidenceError> {
        let source = Self {
            path: path.to_owned(),
            patience,
            port: Mutex::new(None),
        };
        source.evidence(&ReportData([0; 64]))?;
        Ok(source)
    }
}

impl EvidenceSource for SimulatedProcessor {
    fn evidence(&self, report_data: &ReportData) -> Result<Evidence, EvidenceError> {
        let deadline = Instant::now() + self.patience;
        // A thread that panicked left the port closed or between two requests; both are fine.
        let mut slot = self.port.lock().unwrap_or_else(PoisonError::into_inner);
        // Taken out, and put back only when all went well.
        let mut port = match slot.take() {
            Some(port) => port,
            None => Port::open(&self.path)?,
        };
        let evidence = request(&mut port, report_data, deadline)?;
        *slot = Some(port);
        Ok(evidence)
    }

    fn describe(&self) -> &'static str {
        "SIMULATED secure processor"
    }
}

/// One request and its answer.
fn request(
    port: &mut Port,
    report_data: &ReportData,
    deadline: Instant,
) -> Result<Evidence, EvidenceError> {
    port.write_all(&report_data.0, deadline)?;
    for _ in 0..MAX_STALE {
        let mut length = [0; 4];
        port.read_exact(&mut length, deadline)?;
        let length = usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX);
        if length > MAX_EVIDENCE {
            return Err(EvidenceError::Malformed {
                what: "the answer is longer than evidence can be",
            });
        }
        let mut frame = vec![0; length];
        port.read_exact(&mut frame, deadline)?;
        let evidence = Evidence::decode(&frame).map_err(|_| EvidenceError::Malformed {
            what: "the answer is not one evidence frame",
        })?;
        if evidence.kind != EvidenceKind::Simulated {
            return Err(EvidenceError::Malformed {
                what: "the evidence is not of kind Simulated",
            });
        }
        let signed = evidence
            .report
            .get(REPORT_DATA_AT..)
            .and_then(<[u8]>::first_chunk::<64>);
        if signed == Some(&report_data.0) {
            return Ok(evidence);
        }
    }
    Err(EvidenceError::Contended)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]
    use super::*;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixListener;

    fn frame(kind: EvidenceKind, report_data: &[u8; 64]) -> Vec<u8> {
        let mut report = vec![0; 1184];
        report[REPORT_DATA_AT..REPORT_DATA_AT + 64].copy_from_slice(report_data);
        Evidence {
            kind,
            report,
            auxiliary: vec![1, 2, 3],
        }
        .encode()
        .unwrap()
    }

    fn framed(frame: &[u8]) -> Vec<u8> {
        [&u32::try_from(frame.len()).unwrap().to_be_bytes(), frame].concat()
    }

    /// The name of a socket, removed at the end of the test.
    struct Socket(PathBuf);

    impl Drop for Socket {
        fn drop(&mut self) {
            let _ = std::fs::remove_file(&self.0);
        }
    }

    impl AsRef<Path> for Socket {
        fn as_ref(&self) -> &Path {
            &self.0
        }
    }

    /// A processor that gives `answer` to each request, connection after connection; the socket's path.
    fn processor(
        name: &str,
        answer: impl Fn(&[u8; 64]) -> Option<Vec<u8>> + Send + 'static,
    ) -> Socket {
        let path =
            std::env::temp_dir().join(format!("cloister-sim-guest-{}-{name}", std::process::id()));
        let _ = std::fs::remove_file(&path);
        let listener = UnixListener::bind(&path).unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let mut request = [0; 64];
                while stream.read_exact(&mut request).is_ok() {
                    match answer(&request) {
                        // In two pieces, as a serial port may deliver it.
                        Some(bytes) => {
                            let (start, end) = bytes.split_at(bytes.len() / 2);
                            if stream
                                .write_all(start)
                                .and_then(|()| stream.write_all(end))
                                .is_err()
                            {
                                break;
                            }
                        }
                        None => break,
                    }
                }
            }
        });
        Socket(path)
    }

    const SHORT: Duration = Duration::from_millis(300);

    fn outcome(path: impl AsRef<Path>) -> Result<(), String> {
        SimulatedProcessor::with_patience(path.as_ref(), SHORT)
            .map(|_| ())
            .map_err(|e| e.to_string())
    }

    #[test]
    fn evidence_is_for_the_bytes_asked() {
        let path = processor("good", |request| {
            Some(framed(&frame(EvidenceKind::Simulated, request)))
        });
        let source = SimulatedProcessor::open(&path).unwrap();
        for byte in [7, 8] {
            let evidence = source.evidence(&ReportData([byte; 64])).unwrap();
            assert_eq!(
                evidence.report[REPORT_DATA_AT..REPORT_DATA_AT + 64],
                [byte; 64]
            );
            assert_eq!(evidence.kind, EvidenceKind::Simulated);
        }
        assert!(source.describe().contains("SIMULATED"));
    }

    #[test]
    fn stale_answers_are_passed_over_but_not_for_ever() {
        let path = processor("stale", |request| {
            let stale = framed(&frame(EvidenceKind::Simulated, &[9; 64]));
            Some(
                [
                    stale.clone(),
                    stale,
                    framed(&frame(EvidenceKind::Simulated, request)),
                ]
                .concat(),
            )
        });
        let source = SimulatedProcessor::open(&path).unwrap();
        assert_eq!(
            source.evidence(&ReportData([1; 64])).unwrap().report[REPORT_DATA_AT],
            1
        );

        let path = processor("only-stale", |_| {
            Some(framed(&frame(EvidenceKind::Simulated, &[9; 64])).repeat(20))
        });
        assert!(outcome(&path).unwrap_err().contains("other requests"));
    }

    #[test]
    fn a_processor_that_hangs_up_is_asked_again_on_a_fresh_connection() {
        let calls = std::sync::atomic::AtomicUsize::new(0);
        let path = processor("restart", move |request| {
            // Hangs up on every second request.
            let call = calls.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            call.is_multiple_of(2)
                .then(|| framed(&frame(EvidenceKind::Simulated, request)))
        });
        let source = SimulatedProcessor::open(&path).unwrap();
        let refused = source.evidence(&ReportData([1; 64])).unwrap_err();
        assert!(matches!(refused, EvidenceError::Io { .. }), "{refused}");
        assert!(source.evidence(&ReportData([2; 64])).is_ok());
    }

    #[test]
    fn everything_else_is_an_error_in_time() {
        let begun = Instant::now();
        let hardware = processor("hardware", |request| {
            Some(framed(&frame(EvidenceKind::Snp, request)))
        });
        assert!(
            outcome(&hardware)
                .unwrap_err()
                .contains("not of kind Simulated")
        );
        let noise = processor("noise", |_| Some(framed(&[0xff; 100])));
        assert!(
            outcome(&noise)
                .unwrap_err()
                .contains("not one evidence frame")
        );
        let empty = processor("empty", |_| Some(framed(&[])));
        assert!(
            outcome(&empty)
                .unwrap_err()
                .contains("not one evidence frame")
        );
        let long = processor("long", |_| Some(u32::MAX.to_be_bytes().to_vec()));
        assert!(outcome(&long).unwrap_err().contains("longer than evidence"));
        let part = processor("part", |request| {
            let whole = framed(&frame(EvidenceKind::Simulated, request));
            Some(whole[..whole.len() - 1].to_vec())
        });
        assert!(outcome(&part).unwrap_err().contains("timed out"));
        let silent = processor("silent", |_| Some(Vec::new()));
        assert!(outcome(&silent).unwrap_err().contains("timed out"));
        let gone = processor("gone", |_| None);
        assert!(outcome(&gone).unwrap_err().contains("read"));
        assert!(outcome("/nonexistent").unwrap_err().contains("find"));
        assert!(outcome("/dev").unwrap_err().contains("neither"));
        assert!(begun.elapsed() < SHORT * 20, "took {:?}", begun.elapsed());
    }
}
