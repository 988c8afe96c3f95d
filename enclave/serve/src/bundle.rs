//! The attested key bundle (`GET /.well-known/cloister-bundle`): what a device needs to seal without a connection to the VM.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::json;

/// The bundle as JSON. All of it is public; the device believes none of it but the evidence.
pub(crate) fn encode(
    key_configs: &[u8],
    spki: &[u8],
    not_after: u64,
    evidence_frame: &[u8],
) -> Vec<u8> {
    let bundle = json!({
        "key_configs": STANDARD.encode(key_configs),
        "spki": STANDARD.encode(spki),
        "not_after": not_after,
        "evidence": STANDARD.encode(evidence_frame),
    });
    bundle.to_string().into_bytes()
}
