//! A case of an RA-TLS certificate: `cert.pem` or `cert.der`, `quote.bin` as captured beside it, `ca_chain.pem` above it.

use std::path::Path;

use cloister_client::failure::Failure;
use cloister_verify::ratls::{self, Demand, Presented};
use cloister_verify::{Field, Step, UnixTime};

use super::super::files;
use super::super::verify::Verdict;
use super::{MAX_FILE, certificates, if_there};

/// Judges a case at a time.
///
/// # Errors
/// [`Failure`] of the input when there is no certificate, or when it can't be read as PEM or DER.
pub(crate) fn judge(folder: &Path, demand: Demand, now: UnixTime) -> Result<Verdict, Failure> {
    let der = folder.join("cert.der");
    let path = if der.exists() {
        der
    } else {
        folder.join("cert.pem")
    };
    let leaf = certificates(&path, &files::read(&path, MAX_FILE)?)?;
    let [certificate] = leaf.as_slice() else {
        return Err(Failure::input(path.display(), "expected one certificate"));
    };
    let path = folder.join("ca_chain.pem");
    let above = match if_there(&path)? {
        None => Vec::new(),
        Some(bytes) => certificates(&path, &bytes)?,
    };
    let quote = if_there(&folder.join("quote.bin"))?;
    let presented = Presented {
        certificate,
        above: &above,
        quote: quote.as_deref(),
    };
    let opinion = ratls::judge(&presented, demand, now);
    let accepted = opinion.trail.iter().all(Step::passed);
    let explanation = match demand {
        Demand::Binding if accepted => vec![
            "the certificate's key is bound to a genuine quote; nothing is said of patches, and nothing of what was quoted"
                .to_owned(),
        ],
        Demand::Binding | Demand::Production => Vec::new(),
    };
    Ok(Verdict {
        platform: "RA-TLS",
        accepted,
        trail: opinion.trail,
        claims: None,
        measured: opinion
            .fields
            .into_iter()
            .map(|(name, value)| (name.to_owned(), Field::Text(value)))
            .collect(),
        attested: None,
        published: serde_json::Value::Null,
        explanation,
    })
}
