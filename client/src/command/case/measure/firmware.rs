//! MRTD of the firmware images of a case, against every MRTD that the case states.

use std::fs;
use std::path::Path;

use cloister_client::failure::Failure;
use cloister_digest::tdx::{PageOrder, Tdvf, mrtd};
use cloister_verify::Rule;
use serde_json::Value;

use super::super::if_there;
use super::quote::Measured;
use super::{Description, Findings, MAX_FIRMWARE, digest, json};
use crate::command::files;

/// Files that a folder may hold; a case has a handful.
const MAX_FILES: usize = 64;

const MRTD: Rule = Rule {
    id: "measure.mrtd",
    title: "the firmware is measured to the stated MRTD",
    clause: "Intel TDX Module ABI, TDH.MEM.PAGE.ADD and TDH.MR.EXTEND",
};

/// Measures the folder's firmware images.
///
/// # Errors
/// [`Failure`] of the input when a file of the folder can't be read.
pub(super) fn judge(
    folder: &Path,
    description: &Description,
    quote: Option<&Measured>,
    findings: &mut Findings,
) -> Result<(), Failure> {
    let names: Vec<_> = fs::read_dir(folder)
        .map_err(|error| Failure::input(folder.display(), error.kind()))?
        .take(MAX_FILES)
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|end| end == "fd"))
        .collect();
    if names.is_empty() {
        return Ok(());
    }
    let mut stated: Vec<(String, [u8; 48])> = quote
        .map(|quote| ("the quote's mrtd".to_owned(), quote.mrtd))
        .into_iter()
        .collect();
    let path = folder.join("expected.json");
    let beside: Option<Value> = match if_there(&path)? {
        Some(bytes) => Some(json(&path, &bytes)?),
        None => None,
    };
    digests_named_mrtd(&Value::Object(description.fields.clone()), &mut stated);
    beside
        .iter()
        .for_each(|value| digests_named_mrtd(value, &mut stated));
    for path in names {
        let image = files::read(&path, MAX_FIRMWARE)?;
        let computed =
            Tdvf::parse(&image).map(|tdvf| PageOrder::ALL.map(|order| (order, mrtd(&tdvf, order))));
        let expected: Vec<String> = stated
            .iter()
            .map(|(name, value)| format!("{name} {}", hex::encode(value)))
            .collect();
        let (passed, found) = match &computed {
            Ok(computed) => {
                let known = |value: &[u8; 48]| computed.iter().any(|(_, mrtd)| mrtd == value);
                let found: Vec<String> = computed
                    .iter()
                    .map(|(order, mrtd)| format!("{} {order}", hex::encode(mrtd)))
                    .collect();
                (
                    !stated.is_empty() && stated.iter().all(|(_, value)| known(value)),
                    found.join(", "),
                )
            }
            Err(error) => (false, error.to_string()),
        };
        let expected = if expected.is_empty() {
            "a stated MRTD".to_owned()
        } else {
            expected.join(", ")
        };
        findings.check(&MRTD, passed, expected, found);
        let Ok(computed) = computed else { continue };
        // A description names one value or one per order; what it says is repeated only where it was computed.
        for (name, value) in description
            .fields
            .iter()
            .filter(|(name, _)| name.contains("mrtd"))
        {
            let value =
                digest(value).filter(|value| computed.iter().any(|(_, mrtd)| mrtd == value));
            if let Some(value) = value {
                findings.field(name.clone(), &value);
            }
        }
    }
    Ok(())
}

/// Every digest under a name with `mrtd` in it.
fn digests_named_mrtd(value: &Value, found: &mut Vec<(String, [u8; 48])>) {
    let members = value.as_object().into_iter().flatten();
    for (name, value) in members {
        match digest(value) {
            Some(digest) if name.contains("mrtd") => found.push((name.clone(), digest)),
            _ => digests_named_mrtd(value, found),
        }
    }
}
