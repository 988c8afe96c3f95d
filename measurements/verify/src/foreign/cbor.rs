//! CBOR (RFC 8949) of others: heads, strings and maps of definite length, read off the bytes received.
//!
//! Nothing is allocated for a length that is claimed, and nothing recurses: values that nobody asked for are skipped by counting, and a map
//! hands out its values as bytes. Evidence frames of our own are read in `cloister-wire`, which takes one encoding of each and no more;
//! others write what they like, so longer heads than needed are taken here, since hashes and signatures are over the bytes received.

/// The most entries of a map, and of an array of certificates.
pub(crate) const MAX_ENTRIES: u64 = 32;

/// Major types (RFC 8949 section 3.1).
const UNSIGNED: u8 = 0;
const NEGATIVE: u8 = 1;
const BYTES: u8 = 2;
const TEXT: u8 = 3;
const ARRAY: u8 = 4;
const MAP: u8 = 5;
const TAG: u8 = 6;

/// Not the CBOR that is expected here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BadCbor;

/// Reads items off the front of a slice.
#[derive(Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// A tag's number.
    pub(crate) fn tag(&mut self) -> Result<u64, BadCbor> {
        self.head_of(TAG)
    }

    /// The number of elements of an array.
    pub(crate) fn array(&mut self) -> Result<u64, BadCbor> {
        self.head_of(ARRAY)
    }

    /// An unsigned number.
    pub(crate) fn unsigned(&mut self) -> Result<u64, BadCbor> {
        self.head_of(UNSIGNED)
    }

    /// A number of either sign.
    pub(crate) fn number(&mut self) -> Result<i64, BadCbor> {
        let (major, value) = self.head()?;
        let value = i64::try_from(value).map_err(|_| BadCbor)?;
        match major {
            UNSIGNED => Ok(value),
            // -1 - value.
            NEGATIVE => Ok(!value),
            _ => Err(BadCbor),
        }
    }

    /// A byte string.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], BadCbor> {
        let length = self.head_of(BYTES)?;
        self.take(length)
    }

    /// A text.
    pub(crate) fn text(&mut self) -> Result<&'a str, BadCbor> {
        let length = self.head_of(TEXT)?;
        core::str::from_utf8(self.take(length)?).map_err(|_| BadCbor)
    }

    /// The bytes of the next item, whatever it is.
    pub(crate) fn item(&mut self) -> Result<&'a [u8], BadCbor> {
        let before = self.0;
        let mut left = 1_u64;
        while let Some(next) = left.checked_sub(1) {
            let (major, value) = self.head()?;
            let inside = match major {
                BYTES | TEXT => {
                    self.take(value)?;
                    0
                }
                ARRAY => value,
                MAP => value.checked_mul(2).ok_or(BadCbor)?,
                TAG => 1,
                _ => 0,
            };
            left = next.checked_add(inside).ok_or(BadCbor)?;
            // Every item has a byte at least.
            if usize::try_from(left).map_or(true, |left| left > self.0.len()) {
                return Err(BadCbor);
            }
        }
        let length = before.len().saturating_sub(self.0.len());
        before.get(..length).ok_or(BadCbor)
    }

    /// Nothing may be left.
    pub(crate) fn end(self) -> Result<(), BadCbor> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(BadCbor)
        }
    }

    fn take(&mut self, length: u64) -> Result<&'a [u8], BadCbor> {
        let length = usize::try_from(length).map_err(|_| BadCbor)?;
        let (taken, rest) = self.0.split_at_checked(length).ok_or(BadCbor)?;
        self.0 = rest;
        Ok(taken)
    }

    fn head_of(&mut self, expected: u8) -> Result<u64, BadCbor> {
        let (major, value) = self.head()?;
        if major == expected {
            Ok(value)
        } else {
            Err(BadCbor)
        }
    }

    /// A major type and its number. Indefinite lengths and reserved forms are refused.
    fn head(&mut self) -> Result<(u8, u64), BadCbor> {
        let (&first, rest) = self.0.split_first().ok_or(BadCbor)?;
        self.0 = rest;
        let width = match first & 0x1f {
            small @ 0..=23 => return Ok((first >> 5, u64::from(small))),
            24 => 1,
            25 => 2,
            26 => 4,
            27 => 8,
            _ => return Err(BadCbor),
        };
        let number = self.take(width)?.iter();
        let value = number.fold(0, |value, &byte| value << 8 | u64::from(byte));
        Ok((first >> 5, value))
    }
}

/// The key of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Label<'a> {
    Number(i64),
    Text(&'a str),
}

/// A map of definite length, its keys unique.
pub(crate) struct Map<'a>(Vec<(Label<'a>, &'a [u8])>);

impl<'a> Map<'a> {
    /// Reads a map that is all of `bytes`.
    pub(crate) fn parse(bytes: &'a [u8]) -> Result<Self, BadCbor> {
        let mut reader = Reader::new(bytes);
        let map = Self::read(&mut reader)?;
        reader.end()?;
        Ok(map)
    }

    /// Reads a map off the front.
    pub(crate) fn read(reader: &mut Reader<'a>) -> Result<Self, BadCbor> {
        let count = reader.head_of(MAP)?;
        if count > MAX_ENTRIES {
            return Err(BadCbor);
        }
        let mut entries: Vec<(Label<'a>, &'a [u8])> = Vec::new();
        for _ in 0..count {
            let text = reader.0.first().is_some_and(|first| first >> 5 == TEXT);
            let label = if text {
                Label::Text(reader.text()?)
            } else {
                Label::Number(reader.number()?)
            };
            if entries.iter().any(|(known, _)| *known == label) {
                return Err(BadCbor);
            }
            entries.push((label, reader.item()?));
        }
        Ok(Self(entries))
    }

    /// The bytes of a value.
    pub(crate) fn get(&self, label: Label<'_>) -> Option<&'a [u8]> {
        let found = self.0.iter().find(|(known, _)| *known == label);
        found.map(|(_, value)| *value)
    }

    /// A value that is a byte string.
    pub(crate) fn bytes(&self, label: Label<'_>) -> Option<&'a [u8]> {
        whole(self.get(label)?, Reader::bytes)
    }

    /// A value that is a text.
    pub(crate) fn text(&self, label: Label<'_>) -> Option<&'a str> {
        whole(self.get(label)?, Reader::text)
    }

    /// A value that is a number.
    pub(crate) fn number(&self, label: Label<'_>) -> Option<i64> {
        whole(self.get(label)?, Reader::number)
    }

    /// A value that is a map.
    pub(crate) fn map(&self, label: Label<'_>) -> Option<Self> {
        Self::parse(self.get(label)?).ok()
    }
}

/// One item that is all of `bytes`.
pub(crate) fn whole<'a, T>(
    bytes: &'a [u8],
    read: impl FnOnce(&mut Reader<'a>) -> Result<T, BadCbor>,
) -> Option<T> {
    let mut reader = Reader::new(bytes);
    let value = read(&mut reader).ok()?;
    reader.end().ok()?;
    Some(value)
}

/// Appends the head of an item: its major type and its number, in the shortest form (RFC 8949 section 3).
pub(crate) fn put_head(out: &mut Vec<u8>, major: u8, value: usize) {
    let major = major << 5;
    let wide = u64::try_from(value).unwrap_or(u64::MAX).to_be_bytes();
    match value {
        0..=23 => out.push(major | wide[7]),
        24..=0xff => out.extend([major | 24, wide[7]]),
        0x100..=0xffff => out.extend([major | 25, wide[6], wide[7]]),
        0x1_0000..=0xffff_ffff => {
            out.push(major | 26);
            out.extend(wide.iter().skip(4));
        }
        _ => {
            out.push(major | 27);
            out.extend(wide);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// RFC 8949 appendix A.
    #[test]
    fn numbers_texts_and_strings() {
        for (bytes, number) in [
            (&[0x00][..], 0),
            (&[0x17], 23),
            (&[0x18, 0x64], 100),
            (&[0x1a, 0x00, 0x0f, 0x42, 0x40], 1_000_000),
            (&[0x20], -1),
            (&[0x38, 0x63], -100),
            (&[0x39, 0x03, 0xe7], -1000),
        ] {
            assert_eq!(whole(bytes, Reader::number), Some(number));
        }
        assert_eq!(
            whole(&[0x3b, 0x80, 0, 0, 0, 0, 0, 0, 0], Reader::number),
            None
        );
        assert_eq!(whole(b"\x64IETF", Reader::text), Some("IETF"));
        assert_eq!(whole(b"\x61\xff", Reader::text), None);
        assert_eq!(
            whole(&[0x44, 1, 2, 3, 4], Reader::bytes),
            Some(&[1, 2, 3, 4][..])
        );
        assert_eq!(whole(&[0x44, 1, 2, 3], Reader::bytes), None);
        assert_eq!(whole(&[0x41, 1, 2], Reader::bytes), None);
        assert_eq!(whole(&[0xc1], Reader::tag), Some(1));
    }

    #[test]
    fn items_are_skipped_whole_and_within_their_bytes() {
        // [1, {2: [3, tag 4 of "a"]}, h'0102', 1.5, false] and one byte behind it.
        let item = b"\x85\x01\xa1\x02\x82\x03\xc4\x61a\x42\x01\x02\xf9\x3e\x00\xf4";
        let bytes = [&item[..], &[0x05]].concat();
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.item().unwrap(), item);
        assert_eq!(reader.unsigned(), Ok(5));
        for cut in 0..item.len() {
            assert_eq!(
                Reader::new(item.get(..cut).unwrap()).item(),
                Err(BadCbor),
                "{cut}"
            );
        }
        // Counts that no bytes can hold, indefinite lengths, reserved forms, a break.
        for bytes in [
            &b"\x9b\xff\xff\xff\xff\xff\xff\xff\xff"[..],
            b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x5b\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x9f\xff",
            b"\x5f\xff",
            b"\x1c",
            b"\xff",
        ] {
            assert_eq!(Reader::new(bytes).item(), Err(BadCbor), "{bytes:?}");
        }
        // As deep as it is long: no stack is used.
        let deep = [vec![0x81; 1 << 20], vec![0]].concat();
        assert_eq!(Reader::new(&deep).item().unwrap().len(), deep.len());
    }

    #[test]
    fn maps_have_unique_keys_of_two_kinds() {
        let map = Map::parse(b"\xa3\x01\x02\x61a\x41\x07\x20\xa0").unwrap();
        assert_eq!(map.number(Label::Number(1)), Some(2));
        assert_eq!(map.bytes(Label::Text("a")), Some(&[7][..]));
        assert!(map.map(Label::Number(-1)).is_some());
        assert_eq!(map.get(Label::Text("b")), None);
        for bad in [
            &b"\xa2\x01\x02\x01\x03"[..],
            b"\xa1\x41a\x00",
            b"\xa1\x01",
            b"\xa0\x00",
            b"\xb8\x21",
        ] {
            assert!(Map::parse(bad).is_err(), "{bad:?}");
        }
    }
}
