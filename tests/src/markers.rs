//! Looking for a text in bytes that should not hold it.

use std::collections::HashMap;
use std::net::Ipv4Addr;

/// Length of the pieces that are looked for: long enough that sealed bytes do not hold one by chance (2^-96 for each place).
pub const PIECE: usize = 12;

/// Every piece of some texts, for a search in one pass.
#[derive(Debug, Default)]
pub struct Pieces {
    pieces: HashMap<[u8; PIECE], usize>,
    texts: Vec<String>,
}

impl Pieces {
    /// All pieces of `texts`. Texts shorter than a piece are refused, since they would never be found.
    ///
    /// # Panics
    /// When a text is too short.
    pub fn of<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        let mut all = Self::default();
        for text in texts {
            assert!(
                text.len() >= PIECE,
                "{text:?} is shorter than {PIECE} bytes and would never be found"
            );
            let index = all.texts.len();
            all.texts.push(text.to_owned());
            for piece in text.as_bytes().windows(PIECE) {
                let piece: [u8; PIECE] = piece.try_into().expect("a piece");
                all.pieces.entry(piece).or_insert(index);
            }
        }
        all
    }

    /// Where `bytes` holds a piece: offset and the text it is from.
    pub fn find_in(&self, bytes: &[u8]) -> Option<(usize, &str)> {
        bytes
            .windows(PIECE)
            .enumerate()
            .find_map(|(offset, window)| {
                let piece: [u8; PIECE] = window.try_into().ok()?;
                self.pieces
                    .get(&piece)
                    .map(|index| (offset, self.texts[*index].as_str()))
            })
    }
}

/// Whether `bytes` holds `needle`.
pub fn holds(bytes: &[u8], needle: &[u8]) -> bool {
    bytes.windows(needle.len()).any(|window| window == needle)
}

/// Whether `bytes` holds an address: in text, in network order, or in IPv6's mapped text form.
pub fn holds_address(bytes: &[u8], address: Ipv4Addr) -> bool {
    let [a, b, c, d] = address.octets();
    holds(bytes, address.to_string().as_bytes())
        || holds(bytes, &address.octets())
        || holds(bytes, format!("{a:02x}{b:02x}:{c:02x}{d:02x}").as_bytes())
        || holds(bytes, format!("{a:02x}{b:02x}{c:02x}{d:02x}").as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_found_at_any_offset_and_only_when_there() {
        let pieces = Pieces::of(["the boat leaves at seven"]);
        assert_eq!(
            pieces
                .find_in(b"...boat leaves at...")
                .map(|(offset, _)| offset),
            Some(3)
        );
        assert!(
            pieces.find_in(b"boat leaves").is_none(),
            "eleven bytes are no piece"
        );
    }

    #[test]
    fn addresses_are_found_in_each_form() {
        let address = Ipv4Addr::new(127, 0, 0, 77);
        for form in [
            &b"for=127.0.0.77;"[..],
            &[1, 127, 0, 0, 77, 2],
            b"::ffff:7f00:004d",
            b"x7f00004dx",
        ] {
            assert!(holds_address(form, address), "{form:?}");
        }
        assert!(!holds_address(b"127.0.0.21", address));
    }
}
