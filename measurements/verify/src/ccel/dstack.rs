//! dstack's event log: a JSON list with one object per event. Its short form leaves out the payload of the firmware's events, and the
//! digest of the guest agent's own, which follows from name and payload.

use super::event::{Content, Event, EventLog, Register, kind};
use super::log::{BadLog, MAX_EVENTS, MAX_LOG};
use crate::release::Hex;
use serde::Deserialize;
use sha2::{Digest, Sha384};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    imr: u32,
    event_type: u32,
    digest: String,
    event: String,
    event_payload: String,
}

impl EventLog {
    /// Reads a dstack event log.
    ///
    /// # Errors
    /// [`BadLog`] when it is not exactly a list of such events, or one contradicts itself.
    pub fn parse_dstack(json: &[u8]) -> Result<Self, BadLog> {
        if json.len() > MAX_LOG {
            return Err(BadLog::TooLong { found: json.len() });
        }
        let entries: Vec<Entry> =
            serde_json::from_slice(json).map_err(|error| BadLog::Json { line: error.line() })?;
        if entries.len() > MAX_EVENTS {
            return Err(BadLog::TooManyEvents);
        }
        let mut log = Self {
            events: Vec::with_capacity(entries.len()),
            not_extended: 0,
        };
        for (at, entry) in entries.into_iter().enumerate() {
            match event(at, entry)? {
                Some(event) => log.events.push(event),
                None => log.not_extended = log.not_extended.saturating_add(1),
            }
        }
        Ok(log)
    }
}

fn event(at: usize, entry: Entry) -> Result<Option<Event>, BadLog> {
    let member = |why| BadLog::Member { at, why };
    let register = Register::of_number(entry.imr).ok_or(BadLog::Register {
        at,
        found: entry.imr,
    })?;
    let payload = hex::decode(&entry.event_payload)
        .map_err(|_| member("a payload that is not hexadecimal"))?;
    let stated = match entry.digest.as_str() {
        "" => None,
        digits => {
            let digest = Hex::<48>::parse(digits);
            Some(
                digest
                    .ok_or(member("a digest that is not 96 lower-case digits"))?
                    .0,
            )
        }
    };
    if entry.event_type == kind::RUNTIME {
        let computed = runtime_digest(&entry.event, &payload);
        return Ok(Some(Event {
            register,
            kind: entry.event_type,
            digest: stated.unwrap_or(computed),
            content: Content::Runtime {
                name: entry.event,
                payload,
            },
        }));
    }
    let digest = stated.ok_or(member("no digest"))?;
    if entry.event_type == kind::NO_ACTION {
        return if digest == [0; 48] {
            Ok(None)
        } else {
            Err(BadLog::NoAction { at })
        };
    }
    // The name of a firmware event is a label that the agent adds; no digest covers it, so nothing here reads it.
    Ok(Some(Event {
        register,
        kind: entry.event_type,
        digest,
        content: if payload.is_empty() {
            Content::Removed
        } else {
            Content::Tcg(payload)
        },
    }))
}

/// The digest of an event of dstack's guest agent (dstack, `cc-eventlog`): type, name and payload with colons between them.
pub(super) fn runtime_digest(name: &str, payload: &[u8]) -> [u8; 48] {
    Sha384::new()
        .chain_update(kind::RUNTIME.to_le_bytes())
        .chain_update(b":")
        .chain_update(name.as_bytes())
        .chain_update(b":")
        .chain_update(payload)
        .finalize()
        .into()
}
