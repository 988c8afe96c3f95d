//! The framing of Oblivious HTTP (RFC 9458 section 4), without its cryptography.
//!
//! ```text
//! request:  key id 1 | KEM 2 | KDF 2 | AEAD 2 | encapsulated key Nenc | ciphertext with tag
//! response: nonce max(Nn, Nk) | ciphertext with tag
//! ```

use crate::keyconfig::{AEAD_AES128GCM, AEAD_CHACHA20POLY1305, encapsulated_key_length};
use crate::pad;
use core::fmt;

/// HPKE `info` of a request begins with this label (RFC 9458 section 4.3).
pub const REQUEST_LABEL: &[u8; 21] = b"message/bhttp request";
/// The export context of the response's secret (RFC 9458 section 4.4).
pub const RESPONSE_LABEL: &[u8; 22] = b"message/bhttp response";
/// HKDF `info` of the response's key (RFC 9458 section 4.4).
pub const RESPONSE_KEY_INFO: &[u8] = b"key";
/// HKDF `info` of the response's nonce (RFC 9458 section 4.4).
pub const RESPONSE_NONCE_INFO: &[u8] = b"nonce";

/// Bytes of [`RequestHeader`] on the wire.
pub const HEADER_LENGTH: usize = 7;
/// Bytes that both AEADs add to a plaintext (Nt, RFC 9180 section 7.3).
pub const TAG_LENGTH: usize = 16;
/// Bytes of both AEADs' nonces (Nn, RFC 9180 section 7.3).
pub const NONCE_LENGTH: usize = 12;
/// The most bytes of an encapsulated request: the highest rung of the ladder under the larger KEM.
pub const MAX_REQUEST: usize = HEADER_LENGTH + 1120 + pad::HIGHEST + TAG_LENGTH;
/// The most bytes of an encapsulated response: the highest rung of the ladder behind the longer nonce.
pub const MAX_RESPONSE: usize = 32 + pad::HIGHEST + TAG_LENGTH;

/// The length of an AEAD's key in bytes (Nk), or `None` for an AEAD that is not spoken here.
///
/// It is also the length of the response's nonce and secret, `max(Nn, Nk)`, for no key is shorter than the nonce.
#[must_use]
pub const fn key_length(aead: u16) -> Option<usize> {
    match aead {
        AEAD_AES128GCM => Some(16),
        AEAD_CHACHA20POLY1305 => Some(32),
        _ => None,
    }
}

/// What an encapsulated request says in clear about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestHeader {
    /// Which key it is sealed to.
    pub key_id: u8,
    /// The KEM's number.
    pub kem: u16,
    /// The KDF's number.
    pub kdf: u16,
    /// The AEAD's number.
    pub aead: u16,
}

impl RequestHeader {
    /// The header as bytes.
    #[must_use]
    pub const fn encode(&self) -> [u8; HEADER_LENGTH] {
        let [kem0, kem1] = self.kem.to_be_bytes();
        let [kdf0, kdf1] = self.kdf.to_be_bytes();
        let [aead0, aead1] = self.aead.to_be_bytes();
        [self.key_id, kem0, kem1, kdf0, kdf1, aead0, aead1]
    }

    pub(crate) fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self::decode)
    }

    const fn decode(bytes: [u8; HEADER_LENGTH]) -> Self {
        let [key_id, kem0, kem1, kdf0, kdf1, aead0, aead1] = bytes;
        Self {
            key_id,
            kem: u16::from_be_bytes([kem0, kem1]),
            kdf: u16::from_be_bytes([kdf0, kdf1]),
            aead: u16::from_be_bytes([aead0, aead1]),
        }
    }
}

/// The HPKE `info` of a request with this header: label, a zero byte, header (RFC 9458 section 4.3, step 2). The label is
/// [`REQUEST_LABEL`], or [`crate::chunked::REQUEST_LABEL`] for a request in chunks.
#[must_use]
pub fn request_info(label: &[u8], header: &RequestHeader) -> Vec<u8> {
    [label, &[0], &header.encode()].concat()
}

/// The HKDF salt of a response: the request's encapsulated key, then the response's nonce (RFC 9458 section 4.4, step 3).
#[must_use]
pub fn response_salt(enc: &[u8], nonce: &[u8]) -> Vec<u8> {
    [enc, nonce].concat()
}

/// Why bytes are not an encapsulated message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EncapsulationError {
    /// Longer than the highest rung of the ladder allows.
    TooLong {
        /// The most bytes that are accepted.
        limit: usize,
        /// Bytes that are there.
        found: usize,
    },
    /// The bytes end before the tag could be complete.
    Truncated,
    /// The AEAD is not spoken here; its number.
    UnknownAead(u16),
    /// The KEM is not spoken here, so the length of its encapsulated key is unknown; its number.
    UnknownKem(u16),
}

impl fmt::Display for EncapsulationError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLong { limit, found } => {
                write!(
                    f,
                    "encapsulated message of {found} bytes, at most {limit} are accepted"
                )
            }
            Self::Truncated => f.write_str("encapsulated message ends too early"),
            Self::UnknownAead(aead) => {
                write!(f, "encapsulated message: AEAD {aead:#06x} is unknown")
            }
            Self::UnknownKem(kem) => write!(f, "encapsulated message: KEM {kem:#06x} is unknown"),
        }
    }
}

impl core::error::Error for EncapsulationError {}

/// A request as it comes from the wire; it borrows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncapsulatedRequest<'a> {
    /// What it says about itself.
    pub header: RequestHeader,
    /// The encapsulated key, of its KEM's length.
    pub enc: &'a [u8],
    /// The sealed request, the tag at its end; at least [`TAG_LENGTH`] bytes.
    pub ciphertext: &'a [u8],
}

impl<'a> EncapsulatedRequest<'a> {
    /// Takes the parts of a request apart. Nothing is allocated.
    ///
    /// # Errors
    /// [`EncapsulationError`] when it is longer than [`MAX_REQUEST`], too short for its parts, or names an unknown KEM.
    pub fn decode(bytes: &'a [u8]) -> Result<Self, EncapsulationError> {
        check_length(bytes, MAX_REQUEST)?;
        let truncated = EncapsulationError::Truncated;
        let (&header, rest) = bytes.split_first_chunk().ok_or(truncated)?;
        let header = RequestHeader::decode(header);
        let enc_length = encapsulated_key_length(header.kem)
            .ok_or(EncapsulationError::UnknownKem(header.kem))?;
        let (enc, ciphertext) = rest.split_at_checked(enc_length).ok_or(truncated)?;
        if ciphertext.len() < TAG_LENGTH {
            return Err(truncated);
        }
        Ok(Self {
            header,
            enc,
            ciphertext,
        })
    }
}

/// A response as it comes from the wire; it borrows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EncapsulatedResponse<'a> {
    /// Chosen by the responder for this response alone.
    pub nonce: &'a [u8],
    /// The sealed response, the tag at its end; at least [`TAG_LENGTH`] bytes.
    pub ciphertext: &'a [u8],
}

impl<'a> EncapsulatedResponse<'a> {
    /// Takes the parts of a response to a request under `aead` apart. Nothing is allocated.
    ///
    /// # Errors
    /// [`EncapsulationError`] when it is longer than [`MAX_RESPONSE`], too short for its parts, or the AEAD is unknown.
    pub fn decode(bytes: &'a [u8], aead: u16) -> Result<Self, EncapsulationError> {
        check_length(bytes, MAX_RESPONSE)?;
        let nonce_length = key_length(aead).ok_or(EncapsulationError::UnknownAead(aead))?;
        let (nonce, ciphertext) = bytes
            .split_at_checked(nonce_length)
            .ok_or(EncapsulationError::Truncated)?;
        if ciphertext.len() < TAG_LENGTH {
            return Err(EncapsulationError::Truncated);
        }
        Ok(Self { nonce, ciphertext })
    }
}

fn check_length(bytes: &[u8], limit: usize) -> Result<(), EncapsulationError> {
    let found = bytes.len();
    if found > limit {
        return Err(EncapsulationError::TooLong { limit, found });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use crate::keyconfig::{KEM_X25519, KEM_XWING};

    const HEADER: RequestHeader = RequestHeader {
        key_id: 9,
        kem: KEM_XWING,
        kdf: 1,
        aead: AEAD_AES128GCM,
    };

    #[test]
    fn info_is_label_zero_header() {
        assert_eq!(
            request_info(REQUEST_LABEL, &HEADER),
            b"message/bhttp request\x00\x09\x64\x7a\x00\x01\x00\x01"
        );
        assert_eq!(
            request_info(crate::chunked::REQUEST_LABEL, &HEADER),
            b"message/bhttp chunked request\x00\x09\x64\x7a\x00\x01\x00\x01"
        );
    }

    #[test]
    fn parts_of_a_request() {
        for (kem, enc_length) in [(KEM_XWING, 1120), (KEM_X25519, 32)] {
            let header = RequestHeader { kem, ..HEADER };
            let bytes = [&header.encode()[..], &vec![1; enc_length], &[2; 16]].concat();
            let request = EncapsulatedRequest::decode(&bytes).unwrap();
            assert_eq!(request.header, header);
            assert_eq!(request.enc, vec![1; enc_length]);
            assert_eq!(request.ciphertext, [2; 16]);
            for end in 0..bytes.len() {
                assert_eq!(
                    EncapsulatedRequest::decode(&bytes[..end]),
                    Err(EncapsulationError::Truncated)
                );
            }
        }
        assert_eq!(
            EncapsulatedRequest::decode(&[9, 0, 0x10, 0, 1, 0, 1, 3, 3, 3]),
            Err(EncapsulationError::UnknownKem(0x10))
        );
    }

    #[test]
    fn parts_of_a_response() {
        for (aead, nonce_length) in [(AEAD_AES128GCM, 16), (AEAD_CHACHA20POLY1305, 32)] {
            let bytes = [vec![1; nonce_length], vec![2; 17]].concat();
            let response = EncapsulatedResponse::decode(&bytes, aead).unwrap();
            assert_eq!(response.nonce, vec![1; nonce_length]);
            assert_eq!(response.ciphertext, [2; 17]);
            for end in 0..bytes.len() - 1 {
                assert_eq!(
                    EncapsulatedResponse::decode(&bytes[..end], aead),
                    Err(EncapsulationError::Truncated)
                );
            }
        }
        assert_eq!(
            EncapsulatedResponse::decode(&[0; 99], 2),
            Err(EncapsulationError::UnknownAead(2))
        );
    }

    #[test]
    fn a51_lengths_are_bounded() {
        let mut bytes = vec![0; MAX_REQUEST];
        bytes[..7].copy_from_slice(&HEADER.encode());
        assert_eq!(
            EncapsulatedRequest::decode(&bytes)
                .unwrap()
                .ciphertext
                .len(),
            pad::HIGHEST + TAG_LENGTH
        );
        bytes.push(0);
        assert_eq!(
            EncapsulatedRequest::decode(&bytes),
            Err(EncapsulationError::TooLong {
                limit: MAX_REQUEST,
                found: MAX_REQUEST + 1
            })
        );
        assert!(
            EncapsulatedResponse::decode(&vec![0; MAX_RESPONSE], AEAD_CHACHA20POLY1305).is_ok()
        );
        assert!(
            EncapsulatedResponse::decode(&vec![0; MAX_RESPONSE + 1], AEAD_CHACHA20POLY1305)
                .is_err()
        );
    }
}
