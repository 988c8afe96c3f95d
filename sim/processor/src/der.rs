//! Writes the DER that certificates are made of (X.690): values inside values, lengths filled in from the inside out.

/// A tag, the definite length in its shortest form, the content.
pub(crate) fn tlv(tag: u8, content: &[u8]) -> Vec<u8> {
    let length = content.len().to_be_bytes();
    let skip = length.iter().take_while(|byte| **byte == 0).count();
    let significant: Vec<u8> = length.iter().copied().skip(skip).collect();
    let mut out = vec![tag];
    match (content.len(), u8::try_from(significant.len())) {
        (0..=0x7f, _) => out.push(significant.first().copied().unwrap_or(0)),
        (_, Ok(count)) => {
            out.push(0x80 | count);
            out.extend(significant);
        }
        // A length never has more than eight bytes.
        (_, Err(_)) => {}
    }
    out.extend_from_slice(content);
    out
}

/// `SEQUENCE` of encoded members.
pub(crate) fn sequence(members: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &members.concat())
}

/// `SET` of one encoded member.
pub(crate) fn set_of_one(member: &[u8]) -> Vec<u8> {
    tlv(0x31, member)
}

/// `[number] EXPLICIT`.
pub(crate) fn explicit(number: u8, content: &[u8]) -> Vec<u8> {
    tlv(0xa0 | number, content)
}

/// A non-negative `INTEGER` from big-endian bytes, in its shortest form.
pub(crate) fn integer(big_endian: &[u8]) -> Vec<u8> {
    let skip = big_endian.iter().take_while(|byte| **byte == 0).count();
    let mut content: Vec<u8> = big_endian.iter().copied().skip(skip).collect();
    if content.first().is_none_or(|byte| *byte >= 0x80) {
        content.insert(0, 0);
    }
    tlv(0x02, &content)
}

/// `BIT STRING` of whole bytes less `unused` bits at its end.
pub(crate) fn bit_string(unused: u8, bytes: &[u8]) -> Vec<u8> {
    tlv(0x03, &[&[unused], bytes].concat())
}

/// `OCTET STRING`.
pub(crate) fn octet_string(bytes: &[u8]) -> Vec<u8> {
    tlv(0x04, bytes)
}

/// `UTF8String`.
pub(crate) fn utf8_string(text: &str) -> Vec<u8> {
    tlv(0x0c, text.as_bytes())
}

/// `IA5String`; the caller's text is ASCII.
pub(crate) fn ia5_string(text: &str) -> Vec<u8> {
    tlv(0x16, text.as_bytes())
}

/// `BOOLEAN TRUE`; `FALSE` is always a default and never written.
pub(crate) const TRUE: &[u8] = &[0x01, 0x01, 0xff];
/// `NULL`.
pub(crate) const NULL: &[u8] = &[0x05, 0x00];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_and_integers_are_in_their_shortest_form() {
        assert_eq!(octet_string(&[]), [4, 0]);
        assert_eq!(octet_string(&[7; 127]).get(..2), Some(&[4, 127][..]));
        assert_eq!(octet_string(&[7; 128]).get(..3), Some(&[4, 0x81, 128][..]));
        assert_eq!(octet_string(&[7; 256]).get(..4), Some(&[4, 0x82, 1, 0][..]));
        assert_eq!(integer(&[]), [2, 1, 0]);
        assert_eq!(integer(&[0, 0]), [2, 1, 0]);
        assert_eq!(integer(&[0, 0x7f]), [2, 1, 0x7f]);
        assert_eq!(integer(&[0x80]), [2, 2, 0, 0x80]);
        assert_eq!(integer(&[1, 0]), [2, 2, 1, 0]);
    }
}
