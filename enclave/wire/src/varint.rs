//! Variable-length integers (RFC 9000 section 16): the two high bits of the first byte say whether there are 1, 2, 4 or 8 bytes.

/// An integer as bytes.
#[derive(Clone, Copy)]
pub(crate) struct Encoded {
    bytes: [u8; 8],
    length: usize,
}

impl Encoded {
    pub(crate) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..self.length).unwrap_or(&self.bytes)
    }
}

/// The integer in its shortest form; `None` above 2^62 - 1.
pub(crate) fn encode(value: u64) -> Option<Encoded> {
    [1, 2, 4, 8]
        .into_iter()
        .find_map(|width| encode_in(value, width))
}

/// The integer in a form of 1, 2, 4 or 8 bytes; `None` when it does not fit, or there is no such form.
pub(crate) fn encode_in(value: u64, width: usize) -> Option<Encoded> {
    let (form, bits) = match width {
        1 => (0, 6),
        2 => (1, 14),
        4 => (2, 30),
        8 => (3, 62),
        _ => return None,
    };
    (value >> bits == 0).then(|| Encoded {
        // The form stands right above the value's bits, and the whole is moved to the front.
        bytes: ((value | (form << bits)) << (62 - bits)).to_be_bytes(),
        length: width,
    })
}

/// Reads one integer, in any form, from bytes that come one by one.
#[derive(Clone, Copy, Default)]
pub(crate) struct Decoder {
    value: u64,
    /// Bytes still to come; `None` before the first.
    left: Option<u8>,
}

impl Decoder {
    /// Takes the next byte; returns the integer with its last one, and is fresh again.
    pub(crate) fn push(&mut self, byte: u8) -> Option<u64> {
        let left = match self.left {
            None => {
                self.value = u64::from(byte & 0x3f);
                (1 << (byte >> 6)) - 1
            }
            Some(left) => {
                self.value = (self.value << 8) | u64::from(byte);
                left - 1
            }
        };
        if left > 0 {
            self.left = Some(left);
            return None;
        }
        let value = self.value;
        *self = Self::default();
        Some(value)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn decode(bytes: &[u8]) -> Option<u64> {
        let mut decoder = Decoder::default();
        let (last, before) = bytes.split_last().unwrap();
        for byte in before {
            assert_eq!(decoder.push(*byte), None);
        }
        decoder.push(*last)
    }

    #[test]
    fn integers_of_rfc_9000_appendix_a_1() {
        for (bytes, value) in [
            (
                &[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c][..],
                151_288_809_941_952_652,
            ),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (&[0x7b, 0xbd], 15293),
            (&[0x25], 37),
        ] {
            assert_eq!(decode(bytes), Some(value));
            assert_eq!(encode(value).unwrap().as_slice(), bytes);
        }
        // The appendix's second form of 37.
        assert_eq!(decode(&[0x40, 0x25]), Some(37));
        assert_eq!(encode_in(37, 2).unwrap().as_slice(), [0x40, 0x25]);
    }

    #[test]
    fn every_width_holds_what_fits_it_and_no_more() {
        for (width, bits) in [(1, 6), (2, 14), (4, 30), (8, 62)] {
            let most = (1_u64 << bits) - 1;
            for value in [0, 1, most] {
                let encoded = encode_in(value, width).unwrap();
                assert_eq!(encoded.as_slice().len(), width);
                assert_eq!(decode(encoded.as_slice()), Some(value));
            }
            assert!(encode_in(most + 1, width).is_none());
            let length = |value| encode(value).map(|encoded| encoded.as_slice().len());
            assert_eq!(length(most), Some(width));
            assert_eq!(length(most + 1), (width < 8).then_some(2 * width));
        }
        assert!(encode(u64::MAX).is_none() && encode_in(0, 3).is_none());
    }
}
