//! What extends the registers of a TDX shape, so that an event log can be read by what is published.

use super::{Hex, TdxShape};
use crate::ccel::{Known, Register, Registers};
use serde::{Deserialize, Serialize};

/// The most events of a shape; a direct boot has about thirty.
pub const MAX_EVENTS: usize = 64;
/// The most characters of a description.
const MAX_WORDS: usize = 128;

/// One extension of RTMR0 to RTMR2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TdxEvent {
    /// The register's number, 0 to 2.
    pub rtmr: u32,
    /// SHA-384: what the register is extended with.
    pub digest: Hex<48>,
    /// What was measured, in words.
    pub what: String,
}

impl TdxShape {
    /// The published events, for the appraisal of an event log (`Demands::known` of [`crate::ccel`]).
    #[must_use]
    pub fn known(&self) -> Vec<Known<'_>> {
        let known = |event: &'_ TdxEvent| {
            Register::of_number(event.rtmr).map(|register| (register, event.digest.0))
        };
        self.events
            .iter()
            .filter_map(|event| {
                let (register, digest) = known(event)?;
                Some(Known {
                    register,
                    digest,
                    what: &event.what,
                })
            })
            .collect()
    }

    /// Whether the events, if there are any, lead to exactly the published registers.
    pub(super) fn events_lead_to_registers(&self) -> bool {
        if self.events.is_empty() {
            return true;
        }
        let mut registers = Registers::START;
        for event in &self.events {
            let printable = event.what.bytes().all(|byte| (b' '..=b'~').contains(&byte));
            match Register::of_number(event.rtmr) {
                Some(register @ (Register::Rtmr0 | Register::Rtmr1 | Register::Rtmr2))
                    if printable && event.what.len() <= MAX_WORDS =>
                {
                    registers.extend(register, &event.digest.0);
                }
                _ => return false,
            }
        }
        let [rtmr0, rtmr1, rtmr2, _] = registers.0;
        self.events.len() <= MAX_EVENTS && self.rtmrs() == [rtmr0, rtmr1, rtmr2]
    }
}
