//! Evidence: what the processor signed, and what travels beside it.
//!
//! On the wire evidence is a [`crate::cmw::Record`] whose media type names the kind and whose value is the CBOR array
//! `[report, auxiliary]` of two byte strings, both exactly as the processor or the host gave them: nothing is decoded and encoded
//! again between the signature and its check (attack A32).

use crate::cbor::{self, CborError, Reader};
use crate::cmw::{self, Record};
use crate::media;
use core::fmt;

/// The most bytes that a whole evidence frame may have: 64 KiB.
pub const MAX_EVIDENCE: usize = 64 * 1024;

/// Who signed the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EvidenceKind {
    /// The simulated secure processor. No hardware policy accepts it.
    Simulated,
    /// AMD SEV-SNP: an attestation report (AMD 56860, attestation report).
    Snp,
    /// Intel TDX: a quote.
    Tdx,
}

impl EvidenceKind {
    /// The media type of this kind.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Simulated => media::EVIDENCE_SIMULATED,
            Self::Snp => media::EVIDENCE_SNP,
            Self::Tdx => media::EVIDENCE_TDX,
        }
    }

    /// The kind of a media type, which must match byte for byte.
    #[must_use]
    pub fn from_media_type(media_type: &str) -> Option<Self> {
        [Self::Simulated, Self::Snp, Self::Tdx]
            .into_iter()
            .find(|kind| kind.media_type() == media_type)
    }
}

/// A signed report with its certificates. Not yet verified by anybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// Who signed.
    pub kind: EvidenceKind,
    /// The report or quote, byte for byte as signed.
    pub report: Vec<u8>,
    /// For SNP and simulated reports the certificate table, for TDX quotes the table of collateral (see [`crate::certs`]); possibly empty.
    pub auxiliary: Vec<u8>,
}

/// Why bytes are not evidence, or evidence cannot be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EvidenceError {
    /// The frame or its value is not the CBOR it should be.
    Cbor(CborError),
    /// The record is marked as another conceptual message than evidence; the number found.
    NotEvidence(u64),
    /// More bytes than [`MAX_EVIDENCE`]; the number found.
    TooLong(usize),
    /// The record's media type is none of the three known ones.
    UnknownKind,
}

impl fmt::Display for EvidenceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cbor(error) => write!(f, "evidence frame is malformed: {error}"),
            Self::NotEvidence(found) => {
                write!(
                    f,
                    "the frame's indicator is {found}, evidence has {}",
                    cmw::EVIDENCE
                )
            }
            Self::TooLong(found) => {
                write!(
                    f,
                    "evidence of {found} bytes, at most {MAX_EVIDENCE} are accepted"
                )
            }
            Self::UnknownKind => write!(
                f,
                "the frame's media type is unknown, expected {}, {} or {}",
                media::EVIDENCE_SNP,
                media::EVIDENCE_TDX,
                media::EVIDENCE_SIMULATED
            ),
        }
    }
}

impl core::error::Error for EvidenceError {}

impl From<CborError> for EvidenceError {
    fn from(error: CborError) -> Self {
        Self::Cbor(error)
    }
}

impl Evidence {
    /// Reads exactly one evidence frame.
    ///
    /// # Errors
    /// [`EvidenceError`] when the frame is too long, malformed, not marked as evidence or of an unknown kind. Whether the report
    /// is genuine is for the verifier to say.
    pub fn decode(frame: &[u8]) -> Result<Self, EvidenceError> {
        if frame.len() > MAX_EVIDENCE {
            return Err(EvidenceError::TooLong(frame.len()));
        }
        let record = Record::decode(frame)?;
        let kind =
            EvidenceKind::from_media_type(record.media_type).ok_or(EvidenceError::UnknownKind)?;
        if record.indicator != cmw::EVIDENCE {
            return Err(EvidenceError::NotEvidence(record.indicator));
        }
        let mut reader = Reader(record.value);
        match reader.array()? {
            0 | 1 => return Err(CborError::Truncated.into()),
            2 => {}
            _ => return Err(CborError::Trailing.into()),
        }
        let (report, auxiliary) = (reader.bytes()?, reader.bytes()?);
        reader.end()?;
        Ok(Self {
            kind,
            report: report.to_vec(),
            auxiliary: auxiliary.to_vec(),
        })
    }

    /// The evidence as one frame.
    ///
    /// # Errors
    /// [`EvidenceError::TooLong`] when the frame would exceed [`MAX_EVIDENCE`]: the host's certificates are too large to send.
    pub fn encode(&self) -> Result<Vec<u8>, EvidenceError> {
        let content = self.report.len().saturating_add(self.auxiliary.len());
        if content > MAX_EVIDENCE {
            return Err(EvidenceError::TooLong(content));
        }
        let mut value = Vec::with_capacity(content + 1 + 2 * 9);
        cbor::put_array(&mut value, 2);
        cbor::put_bytes(&mut value, &self.report);
        cbor::put_bytes(&mut value, &self.auxiliary);
        let frame = Record {
            media_type: self.kind.media_type(),
            value: &value,
            indicator: cmw::EVIDENCE,
        }
        .encode();
        if frame.len() > MAX_EVIDENCE {
            return Err(EvidenceError::TooLong(frame.len()));
        }
        Ok(frame)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn sample(kind: EvidenceKind) -> Evidence {
        Evidence {
            kind,
            report: vec![7; 1184],
            auxiliary: vec![8; 300],
        }
    }

    #[test]
    fn round_trip() {
        for kind in [
            EvidenceKind::Simulated,
            EvidenceKind::Snp,
            EvidenceKind::Tdx,
        ] {
            let evidence = sample(kind);
            assert_eq!(Evidence::decode(&evidence.encode().unwrap()), Ok(evidence));
        }
    }

    #[test]
    fn every_truncation_and_every_extra_byte_is_refused() {
        let mut frame = sample(EvidenceKind::Snp).encode().unwrap();
        for end in 0..frame.len() {
            assert!(Evidence::decode(&frame[..end]).is_err(), "{end}");
        }
        frame.push(0);
        assert_eq!(Evidence::decode(&frame), Err(CborError::Trailing.into()));
    }

    #[test]
    fn kind_and_indicator_are_checked() {
        let value = [0x82, 0x41, 1, 0x40];
        let of = |media_type, indicator| {
            Evidence::decode(
                &Record {
                    media_type,
                    value: &value,
                    indicator,
                }
                .encode(),
            )
        };
        assert!(of(media::EVIDENCE_SNP, 4).is_ok());
        assert_eq!(
            of(media::EVIDENCE_SNP, 2),
            Err(EvidenceError::NotEvidence(2))
        );
        assert_eq!(
            of(media::EVIDENCE_SNP, 6),
            Err(EvidenceError::NotEvidence(6))
        );
        assert_eq!(
            of("application/vnd.cloister.SNP+cbor", 4),
            Err(EvidenceError::UnknownKind)
        );
        assert_eq!(of("", 4), Err(EvidenceError::UnknownKind));
    }

    #[test]
    fn a51_the_limit_holds_in_both_directions() {
        let mut evidence = sample(EvidenceKind::Tdx);
        evidence.auxiliary = Vec::new();
        let overhead = evidence.encode().unwrap().len() - evidence.report.len();
        // The longest report that fits, then one byte more.
        evidence.report = vec![1; MAX_EVIDENCE - overhead];
        assert_eq!(evidence.encode().unwrap().len(), MAX_EVIDENCE);
        evidence.report.push(1);
        assert_eq!(
            evidence.encode(),
            Err(EvidenceError::TooLong(MAX_EVIDENCE + 1))
        );
        assert_eq!(
            Evidence::decode(&vec![0; MAX_EVIDENCE + 1]),
            Err(EvidenceError::TooLong(MAX_EVIDENCE + 1))
        );
    }
}
