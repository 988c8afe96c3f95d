//! What was published: the file that says which measurement belongs to which sources and machine shapes.
//!
//! It is JSON, written by `cloister-measure`, read here and only here. Unknown members, other lengths, upper-case hex and numbers out
//! of range are refused, so that two readers cannot understand one file differently.

use cloister_bind::ReleaseId;
use core::fmt;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

mod tdx;

pub use tdx::{MAX_EVENTS, TdxEvent};

/// Bytes that a release file may have.
pub const MAX_RELEASE_FILE: usize = 256 << 10;
/// Shapes that a release may list.
pub const MAX_SHAPES: usize = 512;
/// Bytes of a command line: the kernel's own limit (`COMMAND_LINE_SIZE` on x86) less its terminator.
pub const MAX_CMDLINE: usize = 2047;

/// A hash or digest of `N` bytes: in JSON exactly `2 N` lower-case hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hex<const N: usize>(pub [u8; N]);

impl<const N: usize> Hex<N> {
    /// Reads exactly `2 N` lower-case digits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != N.checked_mul(2)? {
            return None;
        }
        let digit = |b: u8| match b {
            b'0'..=b'9' => Some(b.wrapping_sub(b'0')),
            b'a'..=b'f' => Some(b.wrapping_sub(b'a').wrapping_add(10)),
            _ => None,
        };
        let mut bytes = [0; N];
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let [high, low] = *pair else { return None };
            *byte = (digit(high)? << 4) | digit(low)?;
        }
        Some(Self(bytes))
    }
}

impl<const N: usize> fmt::Display for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl<const N: usize> fmt::Debug for Hex<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<const N: usize> Serialize for Hex<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, const N: usize> Deserialize<'de> for Hex<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Digits<const N: usize>;
        impl<const N: usize> de::Visitor<'_> for Digits<N> {
            type Value = Hex<N>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{} lower-case hexadecimal digits", N.saturating_mul(2))
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Hex<N>, E> {
                Hex::parse(text).ok_or_else(|| E::invalid_value(de::Unexpected::Str(text), &self))
            }
        }
        deserializer.deserialize_str(Digits::<N>)
    }
}

/// Whether the image asks real hardware for evidence, or the simulated secure processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Flavour {
    /// Hardware evidence only; this image refuses to serve without it.
    Production,
    /// The simulated secure processor only; for tests and demonstrations.
    Simulated,
}

/// A range that the launcher adds after the firmware's pages, in the order of measurement.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnpSection {
    /// Guest physical address.
    pub gpa: u32,
    /// Bytes.
    pub size: u32,
    /// The number in the firmware's SEV metadata (edk2, `OvmfSevMetadata.asm`).
    pub kind: u32,
}

/// What of the firmware enters an SNP launch digest, so that a digest can be recomputed without the firmware file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnpLayout {
    /// The running launch digest after the firmware's pages.
    pub pages_digest: Hex<48>,
    /// The sections of the SEV metadata.
    pub sections: Vec<SnpSection>,
    /// Where the second and further CPUs start.
    pub reset_eip: u32,
    /// Where the table with the hashes of kernel, initrd and command line goes.
    pub hashes_gpa: u32,
}

/// The firmware of a release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Firmware {
    /// Its name in the firmware allow-list.
    pub name: String,
    /// SHA-256 of the file.
    pub sha256: Hex<32>,
    /// Its part in the SNP launch digest.
    pub snp: SnpLayout,
}

/// The model's weights, on a dm-verity volume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Weights {
    /// Root hash of the volume; it stands on the measured command line.
    pub root_hash: Hex<32>,
}

/// One shape of the virtual machine and the launch digest that it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SnpShape {
    /// QEMU's CPU model.
    pub cpu: String,
    /// Number of virtual CPUs.
    pub vcpus: u32,
    /// `SEV_FEATURES` of the initial state.
    pub guest_features: u64,
    /// The launch digest.
    pub digest: Hex<48>,
}

/// One shape of the TD, what starts it and the measurements that it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TdxShape {
    /// SHA-256 of the firmware file that starts this shape.
    pub firmware_sha256: Hex<32>,
    /// Number of virtual CPUs: the firmware measures the host's tables, which depend on it.
    pub vcpus: u32,
    /// Memory in MiB: the firmware measures the memory map.
    pub memory_mib: u64,
    /// `MRTD`: the firmware as the host put it into memory.
    pub mrtd: Hex<48>,
    /// `RTMR0`: the firmware's configuration and the host's tables.
    pub rtmr0: Hex<48>,
    /// `RTMR1`: the kernel.
    pub rtmr1: Hex<48>,
    /// `RTMR2`: the command line and the initrd.
    pub rtmr2: Hex<48>,
    /// What extends these registers, in order: either all of it, or nothing for a shape whose events are not published.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub events: Vec<TdxEvent>,
}

impl TdxShape {
    /// `RTMR0` to `RTMR2`.
    #[must_use]
    pub fn rtmrs(&self) -> [[u8; 48]; 3] {
        [self.rtmr0.0, self.rtmr1.0, self.rtmr2.0]
    }
}

/// A published release.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Release {
    /// Its name; the measured command line carries the same.
    #[serde(with = "release_id")]
    pub release: ReleaseId,
    /// For hardware, or for the simulated secure processor.
    pub flavour: Flavour,
    /// The firmware that checks and starts the kernel.
    pub firmware: Firmware,
    /// SHA-256 of the kernel file.
    pub kernel_sha256: Hex<32>,
    /// SHA-256 of the initrd file.
    pub initrd_sha256: Hex<32>,
    /// The kernel's command line, one line without its end.
    pub cmdline: String,
    /// The model's weights.
    pub weights: Weights,
    /// The accepted shapes with their SNP launch digests.
    pub snp: Vec<SnpShape>,
    /// The accepted shapes with their TDX measurements.
    pub tdx: Vec<TdxShape>,
}

/// Why bytes are not a release file.
#[derive(Debug)]
pub enum ReleaseError {
    /// Longer than [`MAX_RELEASE_FILE`].
    TooLong {
        /// Bytes found.
        found: usize,
    },
    /// Not the JSON of a release: the parser says where and what.
    Json(serde_json::Error),
    /// No shape, or more than [`MAX_SHAPES`].
    Shapes {
        /// Shapes found.
        found: usize,
    },
    /// The same CPU, CPU count and features twice, or (for TDX) the same firmware, CPU count and memory.
    ShapeTwice {
        /// The CPU model, or the memory of a TD.
        cpu: String,
        /// The CPU count.
        vcpus: u32,
    },
    /// A TDX shape's events do not lead to its registers, or are too many or malformed.
    Events {
        /// The shape's memory in MiB.
        memory_mib: u64,
        /// The CPU count.
        vcpus: u32,
    },
    /// The command line is too long or is not printable ASCII.
    Cmdline,
    /// The command line does not carry this member's value, so it would not be measured.
    NotOnCmdline {
        /// The word that is expected on the command line.
        expected: String,
    },
}

impl fmt::Display for ReleaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("release file: ")?;
        match self {
            Self::TooLong { found } => {
                write!(
                    f,
                    "expected at most {MAX_RELEASE_FILE} bytes, found {found}"
                )
            }
            Self::Json(e) => e.fmt(f),
            Self::Shapes { found } => {
                write!(f, "expected 1 to {MAX_SHAPES} shapes, found {found}")
            }
            Self::ShapeTwice { cpu, vcpus } => {
                write!(f, "the shape {cpu:?} with {vcpus} CPUs occurs twice")
            }
            Self::Events { memory_mib, vcpus } => write!(
                f,
                "the events of the shape with {memory_mib} MiB and {vcpus} CPUs do not lead to its registers"
            ),
            Self::Cmdline => write!(
                f,
                "the command line must be at most {MAX_CMDLINE} printable ASCII characters"
            ),
            Self::NotOnCmdline { expected } => {
                write!(
                    f,
                    "the command line does not carry {expected:?} exactly once"
                )
            }
        }
    }
}

impl core::error::Error for ReleaseError {}

impl Release {
    /// Reads a release file.
    ///
    /// # Errors
    /// [`ReleaseError`] when the bytes are not exactly one well-formed, consistent release.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ReleaseError> {
        if bytes.len() > MAX_RELEASE_FILE {
            return Err(ReleaseError::TooLong { found: bytes.len() });
        }
        let release: Self = serde_json::from_slice(bytes).map_err(ReleaseError::Json)?;
        release.check()?;
        Ok(release)
    }

    /// Writes the release file: indented, members in the order of the type, one newline at the end.
    ///
    /// # Errors
    /// [`ReleaseError`] when the release would not be read back.
    pub fn to_json(&self) -> Result<String, ReleaseError> {
        self.check()?;
        let mut text = serde_json::to_string_pretty(self).map_err(ReleaseError::Json)?;
        text.push('\n');
        Ok(text)
    }

    /// The rules between members.
    ///
    /// # Errors
    /// [`ReleaseError`] names the first rule that does not hold.
    pub fn check(&self) -> Result<(), ReleaseError> {
        let shapes = self.snp.len().saturating_add(self.tdx.len());
        if !(1..=MAX_SHAPES).contains(&shapes) {
            return Err(ReleaseError::Shapes { found: shapes });
        }
        for (n, shape) in self.snp.iter().enumerate() {
            let same = |o: &SnpShape| {
                (o.cpu.as_str(), o.vcpus, o.guest_features)
                    == (shape.cpu.as_str(), shape.vcpus, shape.guest_features)
            };
            if self.snp.iter().take(n).any(same) {
                return Err(ReleaseError::ShapeTwice {
                    cpu: shape.cpu.clone(),
                    vcpus: shape.vcpus,
                });
            }
        }
        for (n, shape) in self.tdx.iter().enumerate() {
            if !shape.events_lead_to_registers() {
                return Err(ReleaseError::Events {
                    memory_mib: shape.memory_mib,
                    vcpus: shape.vcpus,
                });
            }
            let key = |o: &TdxShape| (o.firmware_sha256, o.vcpus, o.memory_mib);
            if self.tdx.iter().take(n).any(|o| key(o) == key(shape)) {
                return Err(ReleaseError::ShapeTwice {
                    cpu: format!("{} MiB", shape.memory_mib),
                    vcpus: shape.vcpus,
                });
            }
        }
        let printable = self.cmdline.bytes().all(|b| (b' '..=b'~').contains(&b));
        if self.cmdline.len() > MAX_CMDLINE || !printable {
            return Err(ReleaseError::Cmdline);
        }
        self.on_cmdline(
            "cloister.release=",
            self.release.as_str(),
            |found, expected| found == expected,
        )?;
        let root = self.weights.root_hash.to_string();
        // The value is `<root hash>:<data blocks>`.
        let same_root = |found: &str, expected: &str| found.split(':').next() == Some(expected);
        self.on_cmdline("cloister.weights=", &root, same_root)
    }

    /// The word with this prefix occurs exactly once, with this value.
    fn on_cmdline(
        &self,
        prefix: &str,
        value: &str,
        same: impl Fn(&str, &str) -> bool,
    ) -> Result<(), ReleaseError> {
        let mut words = self
            .cmdline
            .split(' ')
            .filter_map(|word| word.strip_prefix(prefix));
        match (words.next(), words.next()) {
            (Some(found), None) if same(found, value) => Ok(()),
            _ => Err(ReleaseError::NotOnCmdline {
                expected: format!("{prefix}{value}"),
            }),
        }
    }
}

/// [`ReleaseId`] as JSON text.
mod release_id {
    use super::{Deserialize, Deserializer, ReleaseId, Serializer, de};

    pub(super) fn serialize<S: Serializer>(
        id: &ReleaseId,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(id.as_str())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<ReleaseId, D::Error> {
        let text = String::deserialize(deserializer)?;
        ReleaseId::parse(&text).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
