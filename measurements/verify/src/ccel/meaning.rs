//! What an event means: its digest recomputed from what the log says about it, where the event's type defines the digest over that.
//!
//! A log that replays to the registers proves the digests, and nothing else in it. So an event counts as read only if its digest
//! follows from its content, or is one that the caller knows (a release's kernel, command line, tables). What the log says about an
//! unread event is the host's word.

use super::dstack::runtime_digest;
use super::event::{Content, Event, kind};
use super::{Known, Register};
use sha2::{Digest, Sha384};

/// What came of reading one event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// The digest follows from the content.
    Recomputed,
    /// The caller knows the digest, under this name.
    Known(String),
    /// The digest is not the one of the content, or the content is not what the type defines.
    Contradicted(&'static str),
    /// Nothing says what was measured.
    Unread(&'static str),
}

/// `EV_EFI_ACTION` strings of TDVF and the profile (section 10.4.4): firmware measures no others into RTMR1.
pub(super) const ACTIONS: [&str; 5] = [
    "Calling EFI Application from Boot Option",
    "Returning from EFI Application from Boot Option",
    "Exit Boot Services Invocation",
    "Exit Boot Services Returned with Failure",
    "Exit Boot Services Returned with Success",
];
/// The last of a boot: behind it the firmware measures nothing any more.
pub(super) const BOOT_SERVICES_ENDED: &str = "Exit Boot Services Returned with Success";

/// The value of a separator: zero, or all ones, which the profile allows too; one means that the firmware failed.
const SEPARATORS: [&[u8]; 2] = [&[0; 4], &[0xff; 4]];
/// What GRUB measures is text behind one of these words; the digest is over the text alone.
const GRUB: [&[u8]; 3] = [b"grub_cmd: ", b"kernel_cmdline: ", b"module_cmdline: "];
/// `EVENT_TAG` ids of Linux' EFI stub (`drivers/firmware/efi/libstub/efistub.h`): initrd and command line.
const STUB_TAGS: [u32; 2] = [0x8f3b_22ec, 0x8f3b_22ed];
/// `EFI_IMAGE_LOAD_EVENT`: address, length, link-time address, length of the device path.
const IMAGE_HEADER: usize = 32;

/// Reads an event, with the digests that the caller knows.
pub(super) fn read(event: &Event, known: &[Known<'_>]) -> Reading {
    let by_content = match by_content(event) {
        // No digest covers the type, so what one type explains must not be passed off as another's.
        Reading::Recomputed if home(event.kind).is_some_and(|home| home != event.register) => {
            Reading::Unread("a register in which nothing of its type is measured")
        }
        other => other,
    };
    match by_content {
        Reading::Unread(why) => known
            .iter()
            .find(|known| known.register == event.register && known.digest == event.digest)
            .map_or(Reading::Unread(why), |known| {
                Reading::Known(known.what.to_owned())
            }),
        other => other,
    }
}

/// The register of an event type: the PCR that the profile (table 27) gives it, as UEFI 2.10 section 38.4.1 maps it.
fn home(kind: u32) -> Option<Register> {
    Some(match kind {
        kind::VARIABLE_DRIVER_CONFIG
        | kind::VARIABLE_BOOT
        | kind::VARIABLE_BOOT2
        | kind::VARIABLE_AUTHORITY
        | kind::PLATFORM_CONFIG_FLAGS => Register::Rtmr0,
        kind::GPT_EVENT => Register::Rtmr1,
        kind::IPL | kind::EVENT_TAG => Register::Rtmr2,
        _ => return None,
    })
}

/// The string of an `EV_EFI_ACTION` whose digest is the string's; nothing for any other event.
pub(super) fn action(event: &Event) -> Option<&str> {
    if event.kind != kind::ACTION {
        return None;
    }
    match &event.content {
        Content::Tcg(data) => core::str::from_utf8(data)
            .ok()
            .filter(|text| is(event, text.as_bytes())),
        Content::Removed => ACTIONS.into_iter().find(|text| is(event, text.as_bytes())),
        Content::Runtime { .. } => None,
    }
}

/// Whether the event's digest is the hash of these bytes.
fn is(event: &Event, bytes: &[u8]) -> bool {
    event.digest == <[u8; 48]>::from(Sha384::digest(bytes))
}

fn recomputed(event: &Event, bytes: &[u8], otherwise: Reading) -> Reading {
    if is(event, bytes) {
        Reading::Recomputed
    } else {
        otherwise
    }
}

fn by_content(event: &Event) -> Reading {
    const OTHER: Reading = Reading::Contradicted("a digest that is not the one of its content");
    let data = match &event.content {
        Content::Tcg(data) => data.as_slice(),
        Content::Runtime { name, payload } => {
            return if event.register != Register::Rtmr3 {
                Reading::Contradicted("an event of the guest in a register of the firmware")
            } else if event.digest == runtime_digest(name, payload) {
                Reading::Recomputed
            } else {
                OTHER
            };
        }
        Content::Removed => return without_content(event),
    };
    match event.kind {
        kind::SEPARATOR if SEPARATORS.contains(&data) => recomputed(event, data, OTHER),
        kind::SEPARATOR => Reading::Contradicted("a value that means an error"),
        kind::ACTION if !ACTIONS.iter().any(|text| text.as_bytes() == data) => {
            Reading::Contradicted("an action that no firmware announces")
        }
        kind::GPT_EVENT if !is_partition_table(data) => Reading::Contradicted("no UEFI_GPT_DATA"),
        kind::ACTION | kind::GPT_EVENT => recomputed(event, data, OTHER),
        kind::VARIABLE_DRIVER_CONFIG => match Variable::parse(data) {
            Some(_) => recomputed(event, data, OTHER),
            None => Reading::Contradicted("no UEFI_VARIABLE_DATA"),
        },
        // The profile (section 10.4.2) takes the digest over the variable's data alone; later firmware takes the whole.
        kind::VARIABLE_BOOT | kind::VARIABLE_BOOT2 => match Variable::parse(data) {
            Some(variable) => recomputed(event, variable.data, recomputed(event, data, OTHER)),
            None => Reading::Contradicted("no UEFI_VARIABLE_DATA"),
        },
        kind::IPL => boot_loader(event, data),
        kind::EVENT_TAG => tagged(event, data),
        kind::BOOT_SERVICES_APPLICATION
        | kind::BOOT_SERVICES_DRIVER
        | kind::RUNTIME_SERVICES_DRIVER => {
            if is_image_load(data) {
                Reading::Unread("a program by its address and path; the digest is the program's")
            } else {
                Reading::Contradicted("no UEFI_IMAGE_LOAD_EVENT")
            }
        }
        kind::PLATFORM_CONFIG_FLAGS => recomputed(
            event,
            data,
            Reading::Unread("a name; the digest is that of a table or file from the host"),
        ),
        kind::HANDOFF_TABLES
        | kind::HANDOFF_TABLES2
        | kind::PLATFORM_FIRMWARE_BLOB
        | kind::PLATFORM_FIRMWARE_BLOB2 => {
            Reading::Unread("a name and an address; the digest is that of the memory there")
        }
        // Some firmware measures the signature list that let a program pass, and logs less than that.
        kind::VARIABLE_AUTHORITY => recomputed(
            event,
            data,
            Reading::Unread("a part of a variable; the digest is not over it"),
        ),
        _ => Reading::Unread("a type that is not known here"),
    }
}

/// An event of a short log: its type leaves only so many contents.
fn without_content(event: &Event) -> Reading {
    let found = match event.kind {
        kind::SEPARATOR => SEPARATORS.iter().any(|value| is(event, value)),
        kind::ACTION => action(event).is_some(),
        _ => return Reading::Unread("no content in the log"),
    };
    if found {
        Reading::Recomputed
    } else {
        Reading::Contradicted("a digest that no content of its type has")
    }
}

/// `EV_IPL`: shim logs a name, GRUB the text that it runs, with a NUL behind it that is not hashed.
fn boot_loader(event: &Event, data: &[u8]) -> Reading {
    if is(event, data) {
        return Reading::Recomputed;
    }
    let text = data.strip_suffix(&[0]).unwrap_or(data);
    match GRUB.iter().find_map(|word| text.strip_prefix(*word)) {
        Some(measured) => recomputed(
            event,
            measured,
            Reading::Contradicted("a digest that is not the one of its text"),
        ),
        None => Reading::Unread("a name; the digest is that of a file or variable"),
    }
}

/// `TCG_PCClientTaggedEvent`: an id and data. Linux' EFI stub measures other bytes than it logs.
fn tagged(event: &Event, data: &[u8]) -> Reading {
    let parts = data.split_first_chunk::<4>().and_then(|(id, rest)| {
        let (length, body) = rest.split_first_chunk::<4>()?;
        let length = usize::try_from(u32::from_le_bytes(*length)).ok()?;
        (length == body.len()).then_some((u32::from_le_bytes(*id), body))
    });
    match parts {
        None => Reading::Contradicted("no TCG_PCClientTaggedEvent"),
        Some((id, _)) if STUB_TAGS.contains(&id) => {
            Reading::Unread("a name; the digest is that of the command line or the initrd")
        }
        Some((_, body)) => recomputed(
            event,
            data,
            recomputed(event, body, Reading::Unread("a tag that is not known here")),
        ),
    }
}

/// Whether data is a `UEFI_IMAGE_LOAD_EVENT` with exactly the device path that it announces.
fn is_image_load(data: &[u8]) -> bool {
    data.split_at_checked(IMAGE_HEADER)
        .and_then(|(header, path)| {
            let length = u64::from_le_bytes(*header.last_chunk::<8>()?);
            Some(usize::try_from(length).ok()? == path.len())
        })
        .unwrap_or(false)
}

/// Whether data is a `UEFI_GPT_DATA` (profile section 10.4.3): the table's header of 92 bytes, a count, and so many entries of the size
/// that the header states.
fn is_partition_table(data: &[u8]) -> bool {
    let read = || {
        let (header, rest) = data.split_at_checked(92)?;
        let (count, entries) = rest.split_first_chunk::<8>()?;
        let size = u32::from_le_bytes(*header.get(84..)?.first_chunk::<4>()?);
        let wanted = u64::from_le_bytes(*count).checked_mul(u64::from(size))?;
        Some(header.starts_with(b"EFI PART") && usize::try_from(wanted).ok()? == entries.len())
    };
    read().unwrap_or(false)
}

/// `UEFI_VARIABLE_DATA` (profile section 10.4.2): GUID, number of UTF-16 units, number of bytes, name, data.
struct Variable<'a> {
    data: &'a [u8],
}

impl<'a> Variable<'a> {
    /// Reads it; nothing when the lengths do not add up to the whole.
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let (header, rest) = bytes.split_at_checked(32)?;
        let (head, data_length) = header.split_last_chunk::<8>()?;
        let units = head.last_chunk::<8>()?;
        let name = usize::try_from(u64::from_le_bytes(*units))
            .ok()?
            .checked_mul(2)?;
        let length = usize::try_from(u64::from_le_bytes(*data_length)).ok()?;
        let (_, data) = rest.split_at_checked(name)?;
        (data.len() == length).then_some(Self { data })
    }
}
