//! A mock enclave: the `ohttp` crate's keys, the simulated processor's evidence, and one trick at a time.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{SystemTime, UNIX_EPOCH};

use base64ct::{Base64, Encoding};
use cloister_bind::{KeyBinding, ReleaseId, ReportData, SessionBinding};
use cloister_digest::measure::{Files, Measured};
use cloister_digest::snp::{CpuType, Shape};
use cloister_sim_processor::Processor;
use cloister_verify::release::{Firmware, Flavour, Hex, Release, SnpShape, Weights};
use cloister_wire::bhttp::{Field, Request, ResponseHead};
use cloister_wire::problem::Problem;
use cloister_wire::summary::{Full, Highlight, Keep, Source, SummaryReply, SummaryRequest};
use cloister_wire::{media, pad};
use ohttp::hpke::{Aead, Kdf, Kem};
use ohttp::{KeyConfig, Server, SymmetricSuite};
use sha2::{Digest, Sha256};

use super::{Facts, Handler, Reply};

#[path = "../../../measurements/digest/tests/synthetic/mod.rs"]
mod synthetic;

/// The release that the mock enclave runs.
pub const RELEASE: &str = "0.1.0";

/// A processor with a launched machine, and the release that describes it.
pub struct Lab {
    pub processor: Processor,
    pub release: Release,
    pub other_release: Release,
}

/// One for all tests of a process: its keys take a while.
pub fn lab() -> &'static Lab {
    static LAB: OnceLock<Lab> = OnceLock::new();
    LAB.get_or_init(|| {
        let shape = Shape {
            cpu: CpuType::parse("EPYC-v4").unwrap(),
            vcpus: 1,
            guest_features: 1,
        };
        let measured = |initrd: &[u8]| {
            let cmdline = format!(
                "console=ttyS0 cloister.release={RELEASE} cloister.weights={}:1",
                "0".repeat(64)
            );
            Measured::hash(&Files {
                firmware: &synthetic::amdsev().bytes(),
                kernel: b"kernel",
                initrd,
                cmdline: cmdline.as_bytes(),
            })
            .unwrap()
        };
        Lab {
            processor: Processor::start(&measured(b"initrd"), &shape, now()).unwrap(),
            release: release(&measured(b"initrd"), &shape),
            other_release: release(&measured(b"another initrd"), &shape),
        }
    })
}

fn release(measured: &Measured, shape: &Shape) -> Release {
    let claims = measured.claims(shape).unwrap();
    Release {
        release: ReleaseId::parse(RELEASE).unwrap(),
        flavour: Flavour::Simulated,
        firmware: Firmware {
            name: "synthetic".into(),
            sha256: claims.firmware_sha256,
            snp: claims.firmware_layout,
        },
        kernel_sha256: claims.kernel_sha256,
        initrd_sha256: claims.initrd_sha256,
        cmdline: claims.cmdline,
        weights: Weights {
            root_hash: Hex([0; 32]),
        },
        snp: vec![SnpShape {
            cpu: "EPYC-v4".into(),
            vcpus: 1,
            guest_features: 1,
            digest: Hex(measured.digest(shape).unwrap()),
        }],
        tdx: Vec::new(),
    }
}

pub fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap()
        .as_secs()
}

/// What the mock enclave does wrong.
#[derive(Clone, Debug, PartialEq)]
pub enum Trick {
    None,
    // About keys.
    NoKeys,
    KeysWithTail,
    UnknownSuitesOnly,
    KeysOfAnother,
    // About evidence.
    ForeignExporter,
    OldNonce,
    ForeignSpki,
    ForeignRelease,
    OneShotEvidence,
    EvidenceCut,
    EvidenceWithTail,
    EvidenceTooLarge,
    EvidenceAsJson,
    // About replies.
    ReplyCut,
    ReplyTooLarge,
    ReplyUnpadded,
    ReplyPaddedWithOnes,
    ReplyOfAnother,
    ReplyAsText,
    ReplyProblem(Problem),
    ReplyNoSummary,
    OuterStatus(u16),
    OuterProblem(Problem),
    // About the bundle.
    BundleExpired,
    BundleOfAnotherKey,
    BundleWithTail,
    // About the content.
    HostileSummary,
}

/// The parts of an enclave that outlive a connection.
pub struct Enclave {
    trick: Trick,
    hybrid: Server,
    classical: Server,
    spki: Vec<u8>,
    received: Mutex<Vec<Vec<u8>>>,
}

impl Enclave {
    pub fn with(trick: Trick) -> Arc<Self> {
        let server = |id, kem| {
            let suites = [Aead::Aes128Gcm, Aead::ChaCha20Poly1305]
                .map(|aead| SymmetricSuite::new(Kdf::HkdfSha256, aead));
            Server::new(KeyConfig::new(id, kem, suites.to_vec()).unwrap()).unwrap()
        };
        Arc::new(Self {
            trick,
            hybrid: server(1, Kem::XWing),
            classical: server(2, Kem::X25519Sha256),
            spki: b"a key that need not be in any session".to_vec(),
            received: Mutex::default(),
        })
    }

    /// Plaintexts that were opened.
    pub fn received(&self) -> Vec<Vec<u8>> {
        self.received.lock().unwrap().clone()
    }

    pub fn handler(self: &Arc<Self>) -> Handler {
        let enclave = self.clone();
        Arc::new(move |facts, what, body| enclave.answer(facts, what, body))
    }

    fn true_keys(&self) -> Vec<u8> {
        KeyConfig::encode_list(&[self.hybrid.config(), self.classical.config()]).unwrap()
    }

    fn keys(&self) -> Vec<u8> {
        match self.trick {
            Trick::NoKeys => Vec::new(),
            Trick::KeysWithTail => [self.true_keys(), vec![0]].concat(),
            Trick::UnknownSuitesOnly => {
                let mut config = vec![0, 41, 9, 0, 0x20];
                config.extend([1; 32]);
                config.extend([0, 4, 0, 1, 0, 2]);
                config
            }
            _ => self.true_keys(),
        }
    }

    fn answer(&self, facts: &Facts<'_>, what: &str, body: &[u8]) -> Reply {
        match what {
            "GET /.well-known/ohttp-gateway" => match self.trick {
                Trick::KeysOfAnother => {
                    (200, media::OHTTP_KEYS, Self::with(Trick::None).true_keys())
                }
                _ => (200, media::OHTTP_KEYS, self.keys()),
            },
            "POST /attest" => self.attest(facts, body),
            "GET /.well-known/cloister-bundle" => (200, media::JSON, self.bundle()),
            "POST /ohttp" | "POST /relay" => self.ohttp(body),
            _ => (404, "text/plain", Vec::new()),
        }
    }

    fn attest(&self, facts: &Facts<'_>, nonce: &[u8]) -> Reply {
        let mut binding = SessionBinding {
            nonce: nonce.try_into().unwrap(),
            spki_sha256: Sha256::digest(facts.spki).into(),
            exporter: facts.exporter(nonce),
            key_configs_sha256: Sha256::digest(self.keys()).into(),
            release: ReleaseId::parse(RELEASE).unwrap(),
        };
        match self.trick {
            Trick::ForeignExporter => binding.exporter = [7; 32],
            Trick::OldNonce => binding.nonce = [7; 32],
            Trick::ForeignSpki => binding.spki_sha256 = [7; 32],
            Trick::ForeignRelease => binding.release = ReleaseId::parse("0.0.9").unwrap(),
            _ => {}
        }
        let data = match self.trick {
            Trick::OneShotEvidence => self.key_data(now() + 3600),
            _ => binding.report_data(),
        };
        let mut frame = lab().processor.answer(&data).unwrap();
        match self.trick {
            Trick::EvidenceCut => frame.truncate(frame.len() - 1),
            Trick::EvidenceWithTail => frame.push(0),
            Trick::EvidenceTooLarge => frame.resize(200_000, 0),
            Trick::EvidenceAsJson => return (200, media::JSON, frame),
            _ => {}
        }
        (200, media::CMW_CBOR, frame)
    }

    fn key_data(&self, not_after: u64) -> ReportData {
        KeyBinding {
            spki_sha256: Sha256::digest(&self.spki).into(),
            key_configs_sha256: Sha256::digest(self.keys()).into(),
            not_after,
            release: ReleaseId::parse(RELEASE).unwrap(),
        }
        .report_data()
    }

    /// The attested key bundle.
    pub fn bundle(&self) -> Vec<u8> {
        let not_after = match self.trick {
            Trick::BundleExpired => now() - 60,
            _ => now() + 3600,
        };
        let frame = lab().processor.answer(&self.key_data(not_after)).unwrap();
        let keys = match self.trick {
            Trick::BundleOfAnotherKey => Self::with(Trick::None).true_keys(),
            Trick::BundleWithTail => [self.true_keys(), vec![0]].concat(),
            _ => self.keys(),
        };
        format!(
            r#"{{"key_configs":"{}","spki":"{}","not_after":{not_after},"evidence":"{}"}}"#,
            Base64::encode_string(&keys),
            Base64::encode_string(&self.spki),
            Base64::encode_string(&frame)
        )
        .into_bytes()
    }

    fn ohttp(&self, sealed: &[u8]) -> Reply {
        if let Trick::OuterStatus(status) = self.trick {
            return (status, "text/plain", b"no".to_vec());
        }
        if let Trick::OuterProblem(problem) = self.trick {
            return (problem.status(), media::PROBLEM_JSON, problem.json().into());
        }
        let server = if sealed[0] == 1 {
            &self.hybrid
        } else {
            &self.classical
        };
        let (plaintext, response) = server.decapsulate(sealed).unwrap();
        self.received.lock().unwrap().push(plaintext.clone());
        let mut reply = response
            .encapsulate(&self.plaintext_reply(&plaintext))
            .unwrap();
        match self.trick {
            Trick::ReplyCut => reply.truncate(reply.len() - 1),
            Trick::ReplyTooLarge => reply.resize(2 << 20, 0),
            Trick::ReplyOfAnother => {
                let (_, other) = server.decapsulate(&seal_something(server)).unwrap();
                reply = other.encapsulate(&[0; pad::LOWEST]).unwrap();
            }
            Trick::ReplyAsText => return (200, "text/plain", reply),
            _ => {}
        }
        (200, media::OHTTP_RESPONSE, reply)
    }

    fn plaintext_reply(&self, plaintext: &[u8]) -> Vec<u8> {
        struct Heap(Mutex<Vec<&'static str>>);
        impl Keep for Heap {
            fn keep(&self, text: &str) -> Result<&str, Full> {
                // Tests are short-lived; the service has an arena for this.
                let kept: &'static str = String::leak(text.to_owned());
                self.0.lock().unwrap().push(kept);
                Ok(kept)
            }
        }
        let keep = Heap(Mutex::default());
        let request = Request::decode(plaintext).unwrap();
        let asked = SummaryRequest::decode(request.content.as_single().unwrap(), &keep).unwrap();
        let (author, time, text) = match &asked.source {
            Source::Messages(messages) => (messages[0].author, messages[0].time, messages[0].text),
            Source::Text(text) => ("", None, *text),
        };
        let summary = match self.trick {
            Trick::HostileSummary => {
                "first\u{1b}[2J\u{1b}]0;owned\u{7}\nsecond \u{202e}drawkcab".to_owned()
            }
            _ => format!("{author} wrote: {text}"),
        };
        let highlights = [Highlight {
            id: 0,
            author,
            time,
            text,
            clipped: false,
        }];
        let reply = SummaryReply {
            engine: "mock",
            model: "none",
            summary: &summary,
            highlights: &highlights,
        };
        let mut body = vec![0; reply.encoded_len().unwrap()];
        reply.encode_into(&mut body).unwrap();
        let (status, kind, body) = match &self.trick {
            Trick::ReplyProblem(problem) => (
                problem.status(),
                media::PROBLEM_JSON,
                problem.json().as_bytes().to_vec(),
            ),
            Trick::ReplyNoSummary => (200, media::JSON, b"{}".to_vec()),
            _ => (200, media::JSON, body),
        };
        let fields = [Field {
            name: b"content-type",
            value: kind.as_bytes(),
        }];
        let head = ResponseHead {
            status,
            fields: &fields,
        };
        let size = head.encoded_len(body.len()).unwrap();
        let mut out = vec![0; pad::rung(size).unwrap()];
        head.encode(&body, &mut out).unwrap();
        match self.trick {
            Trick::ReplyUnpadded => out.truncate(size),
            Trick::ReplyPaddedWithOnes => out[size..].fill(1),
            _ => {}
        }
        out
    }
}

/// Any sealed request of somebody else's.
fn seal_something(server: &Server) -> Vec<u8> {
    let config = server.config().encode().unwrap();
    let client = ohttp::ClientRequest::from_encoded_config(&config).unwrap();
    client.encapsulate(&[0; pad::LOWEST]).unwrap().0
}

/// A folder of its own for a test's files; removed when dropped.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "cloister-client-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Ordering::Relaxed)
        );
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    /// Writes a file and gives its path as an argument.
    pub fn file(&self, name: &str, bytes: &[u8]) -> String {
        std::fs::write(self.0.join(name), bytes).unwrap();
        self.path(name)
    }

    pub fn path(&self, name: &str) -> String {
        self.0.join(name).to_str().unwrap().to_owned()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
