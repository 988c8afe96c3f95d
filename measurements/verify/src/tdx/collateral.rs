//! What comes with a quote: the JSON that Intel signs, the certificates of its signers, and revocation lists (Intel PCS API v4).
//!
//! A signed JSON document is an object of two members, the signed one and `signature`. Intel signs the text of the first as it was sent, so
//! that text is cut out of what was received and never written anew. It is read strictly: unknown, missing and doubled members, other
//! versions and other lengths are errors.

use crate::release::Hex;
use crate::time::UnixTime;
use cloister_wire::certs::{CertTable, CertTableError, Guid};
use serde::Deserialize;
use serde::de::{DeserializeOwned, Deserializer, Error as _};
use serde_json::value::RawValue;

/// No document of Intel's comes near this size.
const MAX_DOCUMENT: usize = 64 * 1024;

/// The collateral that came with a quote, none of it believed yet.
#[derive(Clone, Copy, Debug, Default)]
pub struct Collateral<'a> {
    /// TCB info, JSON as Intel's service answered.
    pub tcb_info: Option<&'a [u8]>,
    /// The certificates of its signer, PEM.
    pub tcb_info_chain: Option<&'a [u8]>,
    /// Identity of the TD quoting enclave, JSON as Intel's service answered.
    pub qe_identity: Option<&'a [u8]>,
    /// The certificates of its signer, PEM.
    pub qe_identity_chain: Option<&'a [u8]>,
    /// The root's revocation list, DER.
    pub root_crl: Option<&'a [u8]>,
    /// The revocation list of the PCK certificate's issuer, DER.
    pub pck_crl: Option<&'a [u8]>,
    /// The certificates of that list's issuer, PEM. The quote carries them too; when they are given here they must agree.
    pub pck_crl_chain: Option<&'a [u8]>,
}

impl<'a> Collateral<'a> {
    /// Reads the table that travels with a quote ([`cloister_wire::certs`]). Entries of other kinds are hints and vouch for nothing.
    ///
    /// # Errors
    /// [`CertTableError`] when the table is malformed.
    pub fn from_table(table: &'a [u8]) -> Result<Self, CertTableError> {
        let table = CertTable::parse(table)?;
        Ok(Self {
            tcb_info: table.find(Guid::TDX_TCB_INFO),
            tcb_info_chain: table.find(Guid::TDX_TCB_INFO_CHAIN),
            qe_identity: table.find(Guid::TDX_QE_IDENTITY),
            qe_identity_chain: table.find(Guid::TDX_QE_IDENTITY_CHAIN),
            root_crl: table.find(Guid::TDX_ROOT_CRL),
            pck_crl: table.find(Guid::TDX_PCK_CRL),
            pck_crl_chain: table.find(Guid::TDX_PCK_CRL_CHAIN),
        })
    }
}

/// A signed document: what it says, the text that is signed, and the signature.
pub(super) struct Document<'a, T> {
    pub(super) content: T,
    pub(super) signed: &'a str,
    /// r and s, big-endian.
    pub(super) signature: [u8; 64],
}

/// The frame around TCB info.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct TcbInfoFrame<'a> {
    #[serde(borrow)]
    tcb_info: &'a RawValue,
    signature: Hex<64>,
}

/// The frame around an enclave identity.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct EnclaveIdentityFrame<'a> {
    #[serde(borrow)]
    enclave_identity: &'a RawValue,
    signature: Hex<64>,
}

impl<'a, T: DeserializeOwned> Document<'a, T> {
    /// Reads TCB info.
    pub(super) fn tcb_info(bytes: &'a [u8]) -> Result<Self, String> {
        let frame: TcbInfoFrame<'a> = parse(bytes)?;
        Self::of(frame.tcb_info, frame.signature)
    }

    /// Reads an enclave identity.
    pub(super) fn enclave_identity(bytes: &'a [u8]) -> Result<Self, String> {
        let frame: EnclaveIdentityFrame<'a> = parse(bytes)?;
        Self::of(frame.enclave_identity, frame.signature)
    }

    fn of(signed: &'a RawValue, signature: Hex<64>) -> Result<Self, String> {
        let signed = signed.get();
        Ok(Self {
            content: serde_json::from_str(signed).map_err(|error| error.to_string())?,
            signed,
            signature: signature.0,
        })
    }
}

fn parse<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Result<T, String> {
    if bytes.len() > MAX_DOCUMENT {
        return Err(format!("{} bytes", bytes.len()));
    }
    serde_json::from_slice(bytes).map_err(|error| error.to_string())
}

/// `N` bytes as hexadecimal digits of either case: Intel writes both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct AnyCaseHex<const N: usize>(pub(super) [u8; N]);

impl<'de, const N: usize> Deserialize<'de> for AnyCaseHex<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let mut bytes = [0; N];
        hex::decode_to_slice(&text, &mut bytes)
            .map_err(|_| D::Error::custom(format!("expected {N} bytes in hexadecimal")))?;
        Ok(Self(bytes))
    }
}

/// A moment, `YYYY-MM-DDThh:mm:ssZ`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Moment(pub(super) UnixTime);

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let moment = text
            .parse::<der::DateTime>()
            .map(|date| UnixTime(date.unix_duration().as_secs()))
            .ok()
            // One way of writing each moment.
            .filter(|moment| moment.to_string() == text);
        moment
            .map(Self)
            .ok_or_else(|| D::Error::custom("a moment is written YYYY-MM-DDThh:mm:ssZ"))
    }
}
