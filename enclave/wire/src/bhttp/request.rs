//! Requests (RFC 9292 sections 3.1, 3.2 and 3.4).

use super::cursor::Cursor;
use super::fields::{self, is_token};
use super::sink::{EncodeError, Sink, put_integer, put_prefixed, write_methods};
use super::{BhttpError, Content, Field, Fields, Framing, StatedLength, body};

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
        let (framing, [method, scheme, authority, path]) = read_control(&mut cursor)?;
        let (fields, content, trailers) = body(cursor, framing)?;
        check_expect(&fields)?;
        StatedLength::of(&fields)?.check(content.length(), false)?;
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

/// The framing of a request, then method, scheme, authority and path (RFC 9292 section 3.4).
pub(super) fn read_control<'a>(
    cursor: &mut Cursor<'a>,
) -> Result<(Framing, [&'a [u8]; 4]), BhttpError> {
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
    Ok((framing, [method, scheme, authority, path]))
}

pub(super) fn check_expect(fields: &Fields<'_>) -> Result<(), BhttpError> {
    if fields.iter().any(|field| field.name == b"expect") {
        return Err(BhttpError::Expect);
    }
    Ok(())
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
    write_methods!("request", Request);

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
