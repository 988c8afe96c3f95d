//! Reads the event log in the area that the CCEL table names: the TCG's crypto-agile format (PC Client Platform Firmware Profile 1.06
//! section 10.2), with measurement register indexes in place of PCRs (UEFI 2.10 section 38.4).
//!
//! The area is larger than the log and filled up with 0x00 or 0xff. The log ends where a header would be all filler; everything
//! behind that must be the same filler, so that nothing hides there.

use super::event::{Content, Event, EventLog, Register, kind};
use core::fmt;

/// The largest log or area that is read, in bytes; firmware sets 64 KiB to 256 KiB aside.
pub const MAX_LOG: usize = 1 << 20;
/// The most events that are read; a boot makes some dozens, a boot loader with a long script some hundreds.
pub const MAX_EVENTS: usize = 4096;

/// `TPM_ALG_SHA384`.
const SHA384: u16 = 0x000c;
/// The most algorithms that a header may list.
const MAX_ALGORITHMS: u32 = 8;
/// `TCG_EfiSpecIDEvent.signature` of this format.
const SIGNATURE: &[u8; 16] = b"Spec ID Event03\0";

/// Why bytes are not an event log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadLog {
    /// More than [`MAX_LOG`] bytes.
    TooLong {
        /// Bytes found.
        found: usize,
    },
    /// More than [`MAX_EVENTS`] events.
    TooManyEvents,
    /// A field reaches over the end.
    Truncated {
        /// Offset of the event.
        at: usize,
    },
    /// The first event is not the header of this format.
    Header {
        /// What is wrong with it.
        why: &'static str,
    },
    /// An event does not carry exactly the digests that the header announces.
    Digests {
        /// Offset of the event.
        at: usize,
    },
    /// An event names a register that nothing extends.
    Register {
        /// Offset or number of the event.
        at: usize,
        /// The index found.
        found: u32,
    },
    /// An event of type `EV_NO_ACTION` with a digest that is not zero.
    NoAction {
        /// Offset or number of the event.
        at: usize,
    },
    /// The log goes on behind its end.
    BehindEnd {
        /// Offset of the end.
        at: usize,
    },
    /// Not the JSON of a dstack log.
    Json {
        /// Line of the error.
        line: usize,
    },
    /// An event of a dstack log whose members contradict each other.
    Member {
        /// Number of the event.
        at: usize,
        /// Which, and how.
        why: &'static str,
    },
}

impl fmt::Display for BadLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { found } => write!(f, "{found} bytes, more than {MAX_LOG}"),
            Self::TooManyEvents => write!(f, "more than {MAX_EVENTS} events"),
            Self::Truncated { at } => write!(f, "an event at byte {at} that is cut off"),
            Self::Header { why } => write!(f, "a header with {why}"),
            Self::Digests { at } => {
                write!(
                    f,
                    "an event at byte {at} with other digests than the header announces"
                )
            }
            Self::Register { at, found } => {
                write!(
                    f,
                    "an event at {at} for register index {found}, which nothing extends"
                )
            }
            Self::NoAction { at } => {
                write!(f, "an EV_NO_ACTION at {at} with a digest that is not zero")
            }
            Self::BehindEnd { at } => {
                write!(f, "bytes behind the end of the log, which is at byte {at}")
            }
            Self::Json { line } => write!(f, "no list of events in JSON, at line {line}"),
            Self::Member { at, why } => write!(f, "event {at} with {why}"),
        }
    }
}

impl core::error::Error for BadLog {}

impl EventLog {
    /// Reads the area of a CCEL log.
    ///
    /// # Errors
    /// [`BadLog`] when it is not exactly one well-formed log with nothing but filler behind it.
    pub fn parse_ccel(area: &[u8]) -> Result<Self, BadLog> {
        if area.len() > MAX_LOG {
            return Err(BadLog::TooLong { found: area.len() });
        }
        let mut reader = Reader {
            bytes: area,
            position: 0,
            event: 0,
        };
        let sizes = header(&mut reader)?;
        let mut log = Self {
            events: Vec::new(),
            not_extended: 0,
        };
        while !reader.at_end()? {
            if log.events.len().saturating_add(log.not_extended) >= MAX_EVENTS {
                return Err(BadLog::TooManyEvents);
            }
            match event(&mut reader, &sizes)? {
                Some(event) => log.events.push(event),
                None => log.not_extended = log.not_extended.saturating_add(1),
            }
        }
        Ok(log)
    }
}

/// The header, a `TCG_PCR_EVENT` of the old format: gives the algorithms with their digest sizes.
fn header(reader: &mut Reader<'_>) -> Result<Vec<(u16, usize)>, BadLog> {
    let bad = |why| BadLog::Header { why };
    // The register index of the header means nothing: edk2 writes 1, the profile 0.
    if reader.u32()? > 4 {
        return Err(bad("an unknown register index"));
    }
    if reader.u32()? != kind::NO_ACTION {
        return Err(bad("another event type than EV_NO_ACTION"));
    }
    if reader.take(20)?.iter().any(|&byte| byte != 0) {
        return Err(bad("a digest that is not zero"));
    }
    let length = usize::try_from(reader.u32()?).map_err(|_| bad("an impossible length"))?;
    let mut body = Reader {
        bytes: reader.take(length)?,
        position: 0,
        event: 0,
    };
    if body.take(16)? != SIGNATURE {
        return Err(bad("another signature than Spec ID Event03"));
    }
    // platformClass, specVersionMinor, specVersionMajor, specErrata, uintnSize
    let [_, _, _, _, 0, 2, _, 1 | 2] = body.take(8)? else {
        return Err(bad("another version than 2.0 or another word size"));
    };
    let count = body.u32()?;
    if count == 0 || count > MAX_ALGORITHMS {
        return Err(bad("no algorithm, or too many"));
    }
    let mut sizes: Vec<(u16, usize)> = Vec::new();
    for _ in 0..count {
        let (id, size) = (body.u16()?, usize::from(body.u16()?));
        if size == 0 || size > 64 || (id == SHA384 && size != 48) {
            return Err(bad("an impossible digest size"));
        }
        if sizes.iter().any(|(known, _)| *known == id) {
            return Err(bad("an algorithm that occurs twice"));
        }
        sizes.push((id, size));
    }
    if !sizes.iter().any(|(id, _)| *id == SHA384) {
        return Err(bad("no SHA-384"));
    }
    let vendor = usize::from(body.u8()?);
    body.take(vendor)?;
    if body.position != body.bytes.len() {
        return Err(bad("bytes behind its end"));
    }
    Ok(sizes)
}

/// One `TCG_PCR_EVENT2`; nothing when it extends nothing.
fn event(reader: &mut Reader<'_>, sizes: &[(u16, usize)]) -> Result<Option<Event>, BadLog> {
    reader.event = reader.position;
    let at = reader.event;
    let (index, kind) = (reader.u32()?, reader.u32()?);
    let count = reader.u32()?;
    if usize::try_from(count) != Ok(sizes.len()) {
        return Err(BadLog::Digests { at });
    }
    let (mut seen, mut sha384) = (Vec::with_capacity(sizes.len()), None);
    let mut zero = true;
    for _ in 0..count {
        let id = reader.u16()?;
        let known = sizes.iter().find(|(known, _)| *known == id);
        let (_, size) = known.ok_or(BadLog::Digests { at })?;
        if seen.contains(&id) {
            return Err(BadLog::Digests { at });
        }
        seen.push(id);
        let digest = reader.take(*size)?;
        zero &= digest.iter().all(|&byte| byte == 0);
        if id == SHA384 {
            sha384 = <[u8; 48]>::try_from(digest).ok();
        }
    }
    let digest = sha384.ok_or(BadLog::Digests { at })?;
    let length = usize::try_from(reader.u32()?).map_err(|_| BadLog::Truncated { at })?;
    let data = reader.take(length)?;
    if kind == kind::NO_ACTION {
        return if zero && index <= 4 {
            Ok(None)
        } else {
            Err(BadLog::NoAction { at })
        };
    }
    let register = Register::of_cc_index(index).ok_or(BadLog::Register { at, found: index })?;
    Ok(Some(Event {
        register,
        kind,
        digest,
        content: Content::Tcg(data.to_vec()),
    }))
}

/// Takes little-endian fields off a slice.
struct Reader<'a> {
    bytes: &'a [u8],
    position: usize,
    /// Where the current event starts, for errors.
    event: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], BadLog> {
        let truncated = BadLog::Truncated { at: self.event };
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let taken = rest.get(..length).ok_or(truncated)?;
        self.position = self.position.saturating_add(length);
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], BadLog> {
        let truncated = BadLog::Truncated { at: self.event };
        self.take(N)?.try_into().map_err(|_| truncated)
    }

    fn u8(&mut self) -> Result<u8, BadLog> {
        self.array().map(u8::from_le_bytes)
    }

    fn u16(&mut self) -> Result<u16, BadLog> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Result<u32, BadLog> {
        self.array().map(u32::from_le_bytes)
    }

    /// Whether the log ends here: at the end of the area, or at filler up to there.
    fn at_end(&self) -> Result<bool, BadLog> {
        let rest = self.bytes.get(self.position..).unwrap_or_default();
        let Some(filler) = rest
            .first()
            .copied()
            .filter(|byte| [0, 0xff].contains(byte))
        else {
            return Ok(rest.is_empty());
        };
        if rest.iter().all(|&byte| byte == filler) {
            return Ok(true);
        }
        // No register has index 0, except for an event that extends nothing; none has index 0xffffffff.
        let head = rest.get(..8).unwrap_or(rest);
        if head.iter().all(|&byte| byte == filler) {
            return Err(BadLog::BehindEnd { at: self.position });
        }
        Ok(false)
    }
}
