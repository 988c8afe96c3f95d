//! Responses (RFC 9292 sections 3.1, 3.2 and 3.5).

use super::cursor::Cursor;
use super::fields;
use super::sink::{Counter, EncodeError, Sink, SliceSink, put_integer};
use super::{BhttpError, Content, Field, Fields, Framing, body};

/// The most informational responses before the final one.
pub const MAX_INFORMATIONAL: usize = 8;

/// A decoded response; it borrows from its plaintext, so it has no `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Response<'a> {
    /// The informational responses before the final one.
    pub informational: Vec<Informational<'a>>,
    /// The final status, 200 to 599.
    pub status: u16,
    /// The header section.
    pub fields: Fields<'a>,
    /// The content.
    pub content: Content<'a>,
    /// The trailer section.
    pub trailers: Fields<'a>,
}

/// An informational response (RFC 9292 section 3.5.1).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Informational<'a> {
    /// The status, 100 to 199.
    pub status: u16,
    /// Its header section.
    pub fields: Fields<'a>,
}

impl<'a> Response<'a> {
    /// Reads exactly one response, padding included. Nothing of the message is copied.
    ///
    /// # Errors
    /// [`BhttpError`] when the message is invalid (RFC 9292 section 4) or is a request.
    pub fn decode(message: &'a [u8]) -> Result<Self, BhttpError> {
        let mut cursor = Cursor::new(message);
        let framing = match cursor.integer()? {
            1 => Framing::Known,
            3 => Framing::Indeterminate,
            _ => return Err(BhttpError::Framing),
        };
        let mut informational = Vec::new();
        let status = loop {
            let status = u16::try_from(cursor.integer()?).map_err(|_| BhttpError::Status)?;
            match status {
                100..=199 if informational.len() == MAX_INFORMATIONAL => {
                    return Err(BhttpError::TooManyInformational);
                }
                100..=199 => informational.push(Informational {
                    status,
                    fields: Fields::read(&mut cursor, framing)?,
                }),
                200..=599 => break status,
                _ => return Err(BhttpError::Status),
            }
        };
        let (fields, content, trailers) = body(cursor, framing)?;
        Ok(Self {
            informational,
            status,
            fields,
            content,
            trailers,
        })
    }
}

/// Everything of a response but its content and trailers, to be written.
#[derive(Clone, Copy)]
pub struct ResponseHead<'a> {
    /// The final status, 200 to 599.
    pub status: u16,
    /// The header section, names in lower case.
    pub fields: &'a [Field<'a>],
}

impl ResponseHead<'_> {
    /// How many bytes the known-length response with this much content has, before padding.
    ///
    /// # Errors
    /// [`EncodeError`] as for [`ResponseHead::encode`].
    pub fn encoded_len(&self, content_length: usize) -> Result<usize, EncodeError> {
        let mut counter = Counter(0);
        self.encode_before_content(content_length, &mut counter)?;
        counter
            .0
            .checked_add(content_length)
            .ok_or(EncodeError::NoRoom)
    }

    /// Writes a known-length response to the front of `out` and sets the rest of `out` to zero, as padding. Returns how many
    /// bytes the response has without padding.
    ///
    /// # Errors
    /// [`EncodeError`] for a response that [`Response::decode`] would refuse, and when `out` is too small.
    pub fn encode(&self, content: &[u8], out: &mut [u8]) -> Result<usize, EncodeError> {
        let mut sink = SliceSink::new(out);
        self.encode_before_content(content.len(), &mut sink)?;
        sink.put(content)?;
        Ok(sink.pad())
    }

    /// Writes a known-length response up to where its content begins. The caller then writes exactly `content_length` bytes; an
    /// empty trailer section may be left away (RFC 9292 section 3.8).
    ///
    /// # Errors
    /// [`EncodeError`] as for [`ResponseHead::encode`].
    pub fn encode_before_content(
        &self,
        content_length: usize,
        sink: &mut impl Sink,
    ) -> Result<(), EncodeError> {
        self.write(Framing::Known, sink)?;
        put_integer(sink, content_length)
    }

    /// Writes an indeterminate-length response up to where its content begins; [`super::encode_chunk`] and
    /// [`super::encode_end`] write the rest.
    ///
    /// # Errors
    /// [`EncodeError`] as for [`ResponseHead::encode`].
    pub fn encode_indeterminate(&self, sink: &mut impl Sink) -> Result<(), EncodeError> {
        self.write(Framing::Indeterminate, sink)
    }

    fn write(&self, framing: Framing, sink: &mut impl Sink) -> Result<(), EncodeError> {
        if !(200..=599).contains(&self.status) {
            return Err(EncodeError::Invalid(BhttpError::Status));
        }
        put_integer(sink, if framing == Framing::Known { 1 } else { 3 })?;
        put_integer(sink, usize::from(self.status))?;
        fields::write(self.fields, framing, sink)
    }
}
