//! Responses (RFC 9292 sections 3.1, 3.2 and 3.5).

use super::cursor::Cursor;
use super::fields;
use super::sink::{EncodeError, Sink, put_integer, write_methods};
use super::{BhttpError, Content, Field, Fields, Framing, StatedLength, body};

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
        let framing = read_framing(&mut cursor)?;
        let mut informational = Vec::new();
        let status = loop {
            match read_status(&mut cursor, informational.len())? {
                Status::Informational(status) => informational.push(Informational {
                    status,
                    fields: Fields::read(&mut cursor, framing)?,
                }),
                Status::Final(status) => break status,
            }
        };
        let (fields, content, trailers) = body(cursor, framing)?;
        StatedLength::of(&fields)?.check(content.length(), true)?;
        Ok(Self {
            informational,
            status,
            fields,
            content,
            trailers,
        })
    }
}

/// A status, and what it begins.
pub(super) enum Status {
    /// 100 to 199.
    Informational(u16),
    /// 200 to 599.
    Final(u16),
}

pub(super) fn read_framing(cursor: &mut Cursor<'_>) -> Result<Framing, BhttpError> {
    match cursor.integer()? {
        1 => Ok(Framing::Known),
        3 => Ok(Framing::Indeterminate),
        _ => Err(BhttpError::Framing),
    }
}

/// Reads a status behind `informational` informational responses.
pub(super) fn read_status(
    cursor: &mut Cursor<'_>,
    informational: usize,
) -> Result<Status, BhttpError> {
    match u16::try_from(cursor.integer()?) {
        Ok(100..=199) if informational >= MAX_INFORMATIONAL => {
            Err(BhttpError::TooManyInformational)
        }
        Ok(status @ 100..=199) => Ok(Status::Informational(status)),
        Ok(status @ 200..=599) => Ok(Status::Final(status)),
        _ => Err(BhttpError::Status),
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
    write_methods!("response", Response);

    fn write(&self, framing: Framing, sink: &mut impl Sink) -> Result<(), EncodeError> {
        ResponseWriter::begin(framing, sink)?.head(self, sink)
    }
}

/// Writes a response up to where its content begins, informational responses first (RFC 9292 section 3.5.1), each when it is known.
pub struct ResponseWriter {
    framing: Framing,
    informational: usize,
}

impl ResponseWriter {
    /// Begins a response.
    ///
    /// # Errors
    /// [`EncodeError::NoRoom`] when the sink is full.
    pub fn begin(framing: Framing, sink: &mut impl Sink) -> Result<Self, EncodeError> {
        put_integer(sink, if framing == Framing::Known { 1 } else { 3 })?;
        Ok(Self {
            framing,
            informational: 0,
        })
    }

    /// Writes an informational response: a status of 100 to 199 and its header section.
    ///
    /// # Errors
    /// [`EncodeError`] for one that a reader would refuse, and when the sink is full.
    pub fn informational(
        &mut self,
        status: u16,
        fields: &[Field<'_>],
        sink: &mut impl Sink,
    ) -> Result<(), EncodeError> {
        if !(100..=199).contains(&status) {
            return Err(EncodeError::Invalid(BhttpError::Status));
        }
        if self.informational >= MAX_INFORMATIONAL {
            return Err(EncodeError::Invalid(BhttpError::TooManyInformational));
        }
        self.informational += 1;
        put_integer(sink, usize::from(status))?;
        fields::write(fields, self.framing, sink)
    }

    /// Writes the final status and header section. The content's length follows in a message of known length, else its chunks.
    ///
    /// # Errors
    /// [`EncodeError`] for a head that a reader would refuse, and when the sink is full.
    pub fn head(self, head: &ResponseHead<'_>, sink: &mut impl Sink) -> Result<(), EncodeError> {
        if !(200..=599).contains(&head.status) {
            return Err(EncodeError::Invalid(BhttpError::Status));
        }
        put_integer(sink, usize::from(head.status))?;
        fields::write(head.fields, self.framing, sink)
    }
}
