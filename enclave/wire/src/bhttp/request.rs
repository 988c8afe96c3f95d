//! Requests (RFC 9292 sections 3.1, 3.2 and 3.4).

use super::cursor::Cursor;
use super::fields::{self, is_token};
use super::sink::{Counter, EncodeError, Sink, SliceSink, put_integer, put_prefixed};
use super::{BhttpError, Content, Field, Fields, Framing, body};

/// A decoded request; it borrows from its plaintext, so it has no `Debug`.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Request<'a> {
    /// A token, such as `POST`.
    pub method: &'a [u8],
    /// Such as `https`.
    pub scheme: &'a [u8],
    /// Host and port; may be empty.
    pub authority: &'a [u8],
    /// Path and query; begins with a slash, or is the asterisk.
    pub path: &'a [u8],
    /// The header section.
    pub fields: Fields<'a>,
    /// The content.
    pub content: Content<'a>,
    /// The trailer section.
    pub trailers: Fields<'a>,
}

impl<'a> Request<'a> {
    /// Reads exactly one request, padding included. Nothing is copied or allocated.
    ///
    /// # Errors
    /// [`BhttpError`] when the message is invalid (RFC 9292 section 4), is a response, or asks for what a sealed exchange cannot
    /// do (see [`crate::bhttp`]).
    pub fn decode(message: &'a [u8]) -> Result<Self, BhttpError> {
        let mut cursor = Cursor::new(message);
        let framing = match cursor.integer()? {
            0 => Framing::Known,
            2 => Framing::Indeterminate,
            _ => return Err(BhttpError::Framing),
        };
        let method = cursor.prefixed()?;
        let scheme = cursor.prefixed()?;
        let authority = cursor.prefixed()?;
        let path = cursor.prefixed()?;
        check_control_data(method, scheme, authority, path)?;
        let (fields, content, trailers) = body(cursor, framing)?;
        if fields.iter().any(|field| field.name == b"expect") {
            return Err(BhttpError::Expect);
        }
        check_content_length(&fields, &content)?;
        Ok(Self {
            method,
            scheme,
            authority,
            path,
            fields,
            content,
            trailers,
        })
    }
}

/// RFC 9113 section 8.3.1, and no byte in scheme, authority or path that could end it early elsewhere.
fn check_control_data(
    method: &[u8],
    scheme: &[u8],
    authority: &[u8],
    path: &[u8],
) -> Result<(), BhttpError> {
    let scheme_allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"+-.".contains(byte);
    // User information and its '@' have no place in an authority there.
    let authority_allowed = |byte: &u8| byte.is_ascii_graphic() && !b"@/?#\\".contains(byte);
    let path_allowed = |byte: &u8| byte.is_ascii_graphic() && *byte != b'#';
    let valid = is_token(method)
        && scheme.first().is_some_and(u8::is_ascii_alphabetic)
        && scheme.iter().all(scheme_allowed)
        && authority.iter().all(authority_allowed)
        && (path.first() == Some(&b'/') || (path == b"*" && method == b"OPTIONS"))
        && path.iter().all(path_allowed);
    if valid {
        Ok(())
    } else {
        Err(BhttpError::ControlData)
    }
}

/// RFC 9113 section 8.1.1: a length that is stated is the length.
fn check_content_length(fields: &Fields<'_>, content: &Content<'_>) -> Result<(), BhttpError> {
    let stated = fields
        .single(b"content-length")
        .map_err(|_| BhttpError::ContentLength)?;
    let Some(digits) = stated else { return Ok(()) };
    let number = digits
        .iter()
        .all(u8::is_ascii_digit)
        .then(|| core::str::from_utf8(digits).ok()?.parse::<usize>().ok())
        .flatten();
    if number == Some(content.len()) {
        Ok(())
    } else {
        Err(BhttpError::ContentLength)
    }
}

/// Everything of a request but its content and trailers, to be written.
#[derive(Clone, Copy)]
pub struct RequestHead<'a> {
    /// A token, such as `POST`.
    pub method: &'a [u8],
    /// Such as `https`.
    pub scheme: &'a [u8],
    /// Host and port; may be empty.
    pub authority: &'a [u8],
    /// Path and query.
    pub path: &'a [u8],
    /// The header section, names in lower case.
    pub fields: &'a [Field<'a>],
}

impl RequestHead<'_> {
    /// How many bytes the known-length request with this much content has, before padding.
    ///
    /// # Errors
    /// [`EncodeError`] as for [`RequestHead::encode`].
    pub fn encoded_len(&self, content_length: usize) -> Result<usize, EncodeError> {
        let mut counter = Counter(0);
        self.encode_before_content(content_length, &mut counter)?;
        counter
            .0
            .checked_add(content_length)
            .ok_or(EncodeError::NoRoom)
    }

    /// Writes a known-length request to the front of `out` and sets the rest of `out` to zero, as padding. Returns how many bytes
    /// the request has without padding.
    ///
    /// # Errors
    /// [`EncodeError`] for a request that [`Request::decode`] would refuse, and when `out` is too small.
    pub fn encode(&self, content: &[u8], out: &mut [u8]) -> Result<usize, EncodeError> {
        let mut sink = SliceSink::new(out);
        self.encode_before_content(content.len(), &mut sink)?;
        sink.put(content)?;
        Ok(sink.pad())
    }

    /// Writes a known-length request up to where its content begins. The caller then writes exactly `content_length` bytes; an
    /// empty trailer section may be left away (RFC 9292 section 3.8).
    ///
    /// # Errors
    /// [`EncodeError`] as for [`RequestHead::encode`].
    pub fn encode_before_content(
        &self,
        content_length: usize,
        sink: &mut impl Sink,
    ) -> Result<(), EncodeError> {
        self.write(Framing::Known, sink)?;
        put_integer(sink, content_length)
    }

    /// Writes an indeterminate-length request up to where its content begins; [`super::encode_chunk`] and
    /// [`super::encode_end`] write the rest.
    ///
    /// # Errors
    /// [`EncodeError`] as for [`RequestHead::encode`].
    pub fn encode_indeterminate(&self, sink: &mut impl Sink) -> Result<(), EncodeError> {
        self.write(Framing::Indeterminate, sink)
    }

    fn write(&self, framing: Framing, sink: &mut impl Sink) -> Result<(), EncodeError> {
        check_control_data(self.method, self.scheme, self.authority, self.path)
            .map_err(EncodeError::Invalid)?;
        if self.fields.iter().any(|field| field.name == b"expect") {
            return Err(EncodeError::Invalid(BhttpError::Expect));
        }
        put_integer(sink, if framing == Framing::Known { 0 } else { 2 })?;
        for part in [self.method, self.scheme, self.authority, self.path] {
            put_prefixed(sink, part)?;
        }
        fields::write(self.fields, framing, sink)
    }
}
