//! What a quote says about its TD (Intel TDX DCAP Quoting Library API, TD quote bodies; Intel TDX module ABI, TDREPORT): the fields in the
//! order in which they stand.

use super::envelope::{Bytes, QuoteError};
use serde::Deserialize;
use std::fmt;

/// Which body a quote has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum BodyKind {
    /// TD report of TDX 1.0: 584 bytes.
    #[serde(rename = "td-1.0")]
    Td10,
    /// TD report of TDX 1.5: 648 bytes.
    #[serde(rename = "td-1.5")]
    Td15,
}

impl BodyKind {
    /// The kind with this number in a body descriptor.
    pub(super) fn numbered(number: u16) -> Result<Self, QuoteError> {
        match number {
            2 => Ok(Self::Td10),
            3 => Ok(Self::Td15),
            other => Err(QuoteError::BodyType(other)),
        }
    }

    /// Bytes.
    #[must_use]
    pub fn size(self) -> usize {
        match self {
            Self::Td10 => 584,
            Self::Td15 => 648,
        }
    }
}

impl fmt::Display for BodyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Td10 => "TD 1.0",
            Self::Td15 => "TD 1.5",
        })
    }
}

/// A TD's report in a quote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Body {
    /// Which body.
    pub kind: BodyKind,
    /// `TEE_TCB_SVN`: SVNs at launch. Byte 0 is the TDX module's SVN, byte 1 its major version.
    pub tee_tcb_svn: [u8; 16],
    /// `MRSEAM`: measurement of the TDX module.
    pub mr_seam: [u8; 48],
    /// `MRSIGNERSEAM`: its signer; zero is Intel.
    pub mr_signer_seam: [u8; 48],
    /// `SEAMATTRIBUTES`.
    pub seam_attributes: [u8; 8],
    /// `ATTRIBUTES` of the TD, little-endian.
    pub td_attributes: [u8; 8],
    /// `XFAM`: extended features, little-endian.
    pub xfam: [u8; 8],
    /// `MRTD`: measurement of what the TD started with.
    pub mr_td: [u8; 48],
    /// `MRCONFIGID`: the host's configuration id.
    pub mr_config_id: [u8; 48],
    /// `MROWNER`.
    pub mr_owner: [u8; 48],
    /// `MROWNERCONFIG`.
    pub mr_owner_config: [u8; 48],
    /// `RTMR0` to `RTMR3`: measurements that the TD has extended.
    pub rtmr: [[u8; 48]; 4],
    /// `REPORTDATA`: 64 bytes that the TD chose.
    pub report_data: [u8; 64],
    /// What TDX 1.5 adds.
    pub current: Option<Current>,
}

/// The fields of a TD 1.5 body that a TD 1.0 body has not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Current {
    /// `TEE_TCB_SVN_2`: SVNs of what runs now; the TDX module can be updated under a running TD.
    pub tee_tcb_svn: [u8; 16],
    /// `MRSERVICETD`: hash over the service TDs that are bound; zero without any.
    pub mr_service_td: [u8; 48],
}

impl Body {
    /// Whether any bit of `ATTRIBUTES.TUD` is set: the host may debug or profile the TD (Intel TDX module ABI, ATTRIBUTES, bits 7 to 0).
    #[must_use]
    pub fn debuggable(&self) -> bool {
        let [tud, ..] = self.td_attributes;
        tud != 0
    }

    /// The fields from `ATTRIBUTES` to `RTMR3`, 400 bytes, in which a body and a `TDREPORT` agree (Intel TDX module ABI, TDINFO).
    pub(crate) fn td_info(&self) -> Vec<u8> {
        let mut info = [self.td_attributes, self.xfam].concat();
        for register in [
            &self.mr_td,
            &self.mr_config_id,
            &self.mr_owner,
            &self.mr_owner_config,
        ]
        .into_iter()
        .chain(&self.rtmr)
        {
            info.extend_from_slice(register);
        }
        info
    }

    /// Reads a body of its kind.
    ///
    /// # Errors
    /// [`QuoteError`] when the bytes are more or fewer than the kind has.
    pub fn parse(body: &[u8], kind: BodyKind) -> Result<Self, QuoteError> {
        let mut bytes = Bytes {
            rest: body,
            of: "the body",
        };
        let read = Self {
            kind,
            tee_tcb_svn: bytes.array()?,
            mr_seam: bytes.array()?,
            mr_signer_seam: bytes.array()?,
            seam_attributes: bytes.array()?,
            td_attributes: bytes.array()?,
            xfam: bytes.array()?,
            mr_td: bytes.array()?,
            mr_config_id: bytes.array()?,
            mr_owner: bytes.array()?,
            mr_owner_config: bytes.array()?,
            rtmr: [
                bytes.array()?,
                bytes.array()?,
                bytes.array()?,
                bytes.array()?,
            ],
            report_data: bytes.array()?,
            current: match kind {
                BodyKind::Td10 => None,
                BodyKind::Td15 => Some(Current {
                    tee_tcb_svn: bytes.array()?,
                    mr_service_td: bytes.array()?,
                }),
            },
        };
        bytes.finish()?;
        Ok(read)
    }
}
