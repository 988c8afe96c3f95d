//! A DER writer that writes whatever it is told, right or wrong.

/// A tag, a length and a value.
pub(crate) fn tlv(tag: u8, value: &[u8]) -> Vec<u8> {
    let mut bytes = vec![tag];
    match value.len() {
        length @ 0..128 => bytes.push(length as u8),
        length @ 128..256 => bytes.extend([0x81, length as u8]),
        length => bytes.extend([0x82, (length >> 8) as u8, length as u8]),
    }
    bytes.extend(value);
    bytes
}

pub(crate) fn sequence(members: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &members.concat())
}

/// A non-negative INTEGER.
pub(crate) fn integer(bytes: &[u8]) -> Vec<u8> {
    let start = bytes.iter().position(|&byte| byte != 0);
    let mut value = start.map_or_else(|| vec![0], |start| bytes[start..].to_vec());
    if value[0] >= 0x80 {
        value.insert(0, 0);
    }
    tlv(2, &value)
}

pub(crate) fn oid(text: &str) -> Vec<u8> {
    tlv(6, der::asn1::ObjectIdentifier::new_unwrap(text).as_bytes())
}

pub(crate) fn bits(unused: u8, bytes: &[u8]) -> Vec<u8> {
    tlv(3, &[&[unused], bytes].concat())
}

pub(crate) fn explicit(number: u8, value: &[u8]) -> Vec<u8> {
    tlv(0xa0 | number, value)
}

pub(crate) const TRUE: &[u8] = &[1, 1, 0xff];
pub(crate) const NULL: &[u8] = &[5, 0];

/// `Time`: UTCTime until 2049, GeneralizedTime after.
pub(crate) fn time(unix: u64) -> Vec<u8> {
    use der::Encode;
    let unix = std::time::Duration::from_secs(unix);
    match der::asn1::UtcTime::from_unix_duration(unix) {
        Ok(time) => time.to_der().unwrap(),
        Err(_) => der::asn1::GeneralizedTime::from_unix_duration(unix)
            .unwrap()
            .to_der()
            .unwrap(),
    }
}

/// RSASSA-PSS with a hash and a salt length.
pub(crate) fn pss(hash: &str, salt: u8) -> Vec<u8> {
    let hash = sequence(&[&oid(hash), NULL]);
    let mask = sequence(&[&oid("1.2.840.113549.1.1.8"), &hash]);
    sequence(&[
        &oid("1.2.840.113549.1.1.10"),
        &sequence(&[
            &explicit(0, &hash),
            &explicit(1, &mask),
            &explicit(2, &integer(&[salt])),
        ]),
    ])
}

pub(crate) fn pss_sha384() -> Vec<u8> {
    pss("2.16.840.1.101.3.4.2.2", 48)
}
