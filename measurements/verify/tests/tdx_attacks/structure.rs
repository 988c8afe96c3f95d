//! A51: quotes, read to the byte.

use super::*;

#[test]
fn a51_quotes_are_read_to_the_byte() {
    let quote = Td::default().quote();
    for length in 0..quote.len() {
        assert!(Quote::parse(&quote[..length]).is_err(), "cut to {length}");
    }
    let padded = |length: usize| {
        let mut quote = quote.clone();
        quote.resize(length, 0);
        Quote::parse(&quote)
    };
    assert!(padded(8000).is_ok());
    assert!(padded(MAX_QUOTE).is_ok());
    assert_eq!(
        padded(MAX_QUOTE + 1),
        Err(QuoteError::TooLong(MAX_QUOTE + 1))
    );
    accepts(|td| td.after = |quote| quote.resize(8000, 0));
    refuses(&["tdx.quote.padding"], |td| {
        td.after = |quote| {
            quote.resize(8000, 0);
            quote[7999] = 1;
        }
    });
    // Each length, one more and one less: signature data, both certification data, QE authentication data.
    let data = 48 + 6 + 648;
    for offset in [
        data,
        data + 4 + 130,
        data + 4 + 134 + 448,
        data + 4 + 134 + 448 + 36,
    ] {
        for change in [1u8, 0xff] {
            let mut quote = quote.clone();
            quote[offset] = quote[offset].wrapping_add(change);
            quote.push(0);
            assert!(Quote::parse(&quote).is_err(), "length at {offset}");
        }
    }
}

#[test]
fn other_kinds_of_quote_are_called_what_they_are() {
    let quote = Td::default().quote();
    let changed = |changes: &[(usize, u8)]| {
        let mut quote = quote.clone();
        for (offset, byte) in changes {
            quote[*offset] = *byte;
        }
        Quote::parse(&quote).unwrap_err()
    };
    assert_eq!(changed(&[(0, 3)]), QuoteError::Version(3));
    assert_eq!(changed(&[(0, 6)]), QuoteError::Version(6));
    assert_eq!(changed(&[(2, 3)]), QuoteError::KeyType(3));
    assert_eq!(changed(&[(4, 0)]), QuoteError::TeeType(0));
    assert_eq!(changed(&[(48, 1)]), QuoteError::BodyType(1));
    assert_eq!(changed(&[(48, 4)]), QuoteError::BodyType(4));
    assert_eq!(changed(&[(48, 2)]), QuoteError::BodySize(648));
    assert_eq!(changed(&[(50, 0)]), QuoteError::BodySize(512));
    let outer = QuoteError::CertificationType {
        found: 5,
        expected: 6,
    };
    assert_eq!(changed(&[(48 + 6 + 648 + 4 + 128, 5)]), outer);
    assert_eq!(
        changed(&[(0, 3)]).to_string(),
        "version 3: a quote of an SGX enclave, not of a TD"
    );
    refuses(&["tdx.quote.reserved"], |td| td.header[8] = 1);
    refuses(&["tdx.quote.vendor"], |td| td.header[12] = 0);
}
