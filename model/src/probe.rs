//! A direction in the space of embeddings that points from small talk to what matters.
//!
//! It is a logistic regression on the sentences of `probe/sentences.tsv`, computed by `cargo run -p cloister-model --example probe`
//! and kept in `probe/probe.f32`; a test computes it again and compares.

use crate::DIMENSIONS;
use core::fmt;
use std::error::Error;

/// Gradient descent with momentum: steps, their length, how much of the last step the next one keeps, and the weight of the squared
/// norm that keeps the direction short.
const STEPS: usize = 500;
const RATE: f64 = 4.0;
const MOMENTUM: f64 = 0.9;
const SHRINKAGE: f64 = 0.0006;

/// Says of an embedding how much its text seems to matter.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    direction: Vec<f32>,
    offset: f32,
}

/// The file is no probe: it has another length than one float for each dimension and one more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeError {
    found: usize,
}

impl fmt::Display for ProbeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a probe has {} bytes, found {}",
            (DIMENSIONS + 1) * 4,
            self.found
        )
    }
}

impl Error for ProbeError {}

impl Probe {
    /// The probe of `probe/probe.f32`.
    #[must_use]
    pub fn compiled_in() -> Self {
        Self::decode(include_bytes!("../probe/probe.f32")).unwrap_or(Self {
            direction: vec![0.0; DIMENSIONS],
            offset: 0.0,
        })
    }

    /// Reads little-endian floats: the direction, then the offset.
    ///
    /// # Errors
    /// [`ProbeError`] when the length is wrong.
    pub fn decode(bytes: &[u8]) -> Result<Self, ProbeError> {
        let (floats, rest) = bytes.as_chunks::<4>();
        let mut direction: Vec<f32> = floats
            .iter()
            .map(|float| f32::from_le_bytes(*float))
            .collect();
        match direction.pop() {
            Some(offset) if direction.len() == DIMENSIONS && rest.is_empty() => {
                Ok(Self { direction, offset })
            }
            _ => Err(ProbeError { found: bytes.len() }),
        }
    }

    /// Writes what [`Probe::decode`] reads.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        self.direction
            .iter()
            .chain([&self.offset])
            .flat_map(|float| float.to_le_bytes())
            .collect()
    }

    /// Learns from `vectors`, [`DIMENSIONS`] floats for each of `matters`. The same input gives the same probe.
    #[must_use]
    pub fn learn(vectors: &[f32], matters: &[bool]) -> Self {
        let rows: Vec<(&[f32], f64)> = vectors
            .chunks_exact(DIMENSIONS)
            .zip(matters)
            .map(|(row, &matters)| (row, if matters { 1.0 } else { 0.0 }))
            .collect();
        let share = 1.0 / f64::from(u32::try_from(rows.len().max(1)).unwrap_or(u32::MAX));
        // The last place is the offset's: it is not shrunk, and its input is 1.
        let mut weights = vec![0.0_f64; DIMENSIONS + 1];
        let mut speed = weights.clone();
        for _ in 0..STEPS {
            let mut slope: Vec<f64> = weights.iter().map(|weight| weight * SHRINKAGE).collect();
            slope.pop();
            slope.push(0.0);
            for (row, label) in &rows {
                let inputs = || row.iter().copied().map(f64::from).chain([1.0]);
                let logit: f64 = weights
                    .iter()
                    .zip(inputs())
                    .map(|(weight, input)| weight * input)
                    .sum();
                let miss = (1.0 / (1.0 + (-logit).exp()) - label) * share;
                slope
                    .iter_mut()
                    .zip(inputs())
                    .for_each(|(slope, input)| *slope += miss * input);
            }
            for ((weight, speed), slope) in weights.iter_mut().zip(&mut speed).zip(slope) {
                *speed = MOMENTUM * *speed - RATE * slope;
                *weight += *speed;
            }
        }
        let offset = weights.pop().unwrap_or_default();
        Self {
            direction: weights.into_iter().map(short).collect(),
            offset: short(offset),
        }
    }

    /// How much the text of this embedding seems to matter, -1 to 1; 0 is undecided.
    #[must_use]
    pub fn matters(&self, embedding: &[f32]) -> f32 {
        let logit: f32 = self.offset
            + self
                .direction
                .iter()
                .zip(embedding)
                .map(|(weight, value)| weight * value)
                .sum::<f32>();
        (logit / 2.0).tanh()
    }
}

/// Sixteen bits of a float's fraction are plenty; what is beyond differs between machines.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "no other conversion from f64 to f32 exists; the values are small"
)]
fn short(value: f64) -> f32 {
    (value * 65_536.0).round() as f32 / 65_536.0
}
