//! Binary HTTP messages (RFC 9292).
//!
//! Both framings are read and written, in place: a decoded message borrows from the plaintext it was read from, and an encoder
//! writes into memory that the caller owns, after it has said how many bytes that takes. So plaintext exists once, in the locked
//! buffer that it was opened into or will be sealed in. A message that arrives bit by bit is read by [`RequestStream`] and
//! [`ResponseStream`], which keep nothing of it either.
//!
//! What RFC 9292 leaves to the reader is decided here:
//!
//! * Integers need not be in their shortest form (section 3), so longer forms are accepted.
//! * Padding must be zero (section 3.8: a reader may look, this one does).
//! * Names are lower case and values obey RFC 9113 section 8.2.1; control characters other than tab are refused in values
//!   (RFC 9110 section 5.5).
//! * The five pseudo-fields that the control data replaces are invalid (section 3.6). Others exist only by an extension, none is
//!   spoken here, and undefined ones make a message malformed (RFC 9113 section 8.3): every name with a colon is refused.
//! * A stated `content-length` is the length of the content; only a response without content may state another (RFC 9110
//!   section 8.6).
//! * A request with an `Expect` field is refused (RFC 9458 section 5.1), one without scheme or path too (`CONNECT` serves no
//!   purpose here, RFC 9292 section 6).

mod content;
mod cursor;
mod fields;
mod request;
mod response;
mod sink;
mod stream;

pub use content::{Content, Pieces};
pub use fields::{Field, Fields, FieldsIter, MAX_FIELDS, MAX_SECTION};
pub use request::{Request, RequestHead};
pub use response::{Informational, MAX_INFORMATIONAL, Response, ResponseHead, ResponseWriter};
pub use sink::{
    Counter, EncodeError, Sink, SliceSink, encode_chunk, encode_end, encode_length, encode_trailers,
};
pub use stream::{MAX_UNREAD, Part, RequestStart, RequestStream, ResponseStart, ResponseStream};

use content::StatedLength;
use core::fmt;
use cursor::Cursor;

/// How a message says where its parts end (RFC 9292 section 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// Every part begins with its length (RFC 9292 section 3.1).
    Known,
    /// Parts end with a zero (RFC 9292 section 3.2).
    Indeterminate,
}

/// Why bytes are not a binary HTTP message. Nothing here repeats a byte of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BhttpError {
    /// The method is no token, or scheme, authority or path is missing or has a character it must not have.
    ControlData,
    /// The `content-length` field is no number, is there twice or differs from the length of the content.
    ContentLength,
    /// A request asks for `100-continue` or another expectation.
    Expect,
    /// A field that may be there once is there twice.
    FieldTwice,
    /// A field name is empty or has a character other than a token's in lower case.
    FieldName,
    /// A field value has a control character, or space at either end.
    FieldValue,
    /// The framing indicator belongs to no message of the expected kind.
    Framing,
    /// A byte behind the message is not zero.
    Padding,
    /// A field name with a colon.
    PseudoField,
    /// A field section of more than [`MAX_SECTION`] bytes.
    SectionTooLong,
    /// The status code is outside 100 to 599.
    Status,
    /// More than [`MAX_FIELDS`] field lines in a section.
    TooManyFields,
    /// More than [`MAX_INFORMATIONAL`] informational responses.
    TooManyInformational,
    /// The bytes end inside the message.
    Truncated,
}

impl fmt::Display for BhttpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = |f: &mut fmt::Formatter<'_>, what: &str, limit: usize| {
            write!(f, "binary HTTP message has more than {limit} {what}")
        };
        f.write_str(match self {
            Self::ControlData => {
                "binary HTTP message has a malformed method, scheme, authority or path"
            }
            Self::ContentLength => {
                "binary HTTP message has a content-length that is not its content's"
            }
            Self::Expect => {
                "binary HTTP request has an expectation, which cannot be met in a sealed exchange"
            }
            Self::FieldTwice => "binary HTTP message has a field twice that may be there once",
            Self::FieldName => {
                "binary HTTP message has a field name that is not a token in lower case"
            }
            Self::FieldValue => {
                "binary HTTP message has a control character or outer space in a field value"
            }
            Self::Framing => {
                "binary HTTP message has a framing indicator of another kind of message"
            }
            Self::Padding => "binary HTTP message is followed by bytes other than zero",
            Self::PseudoField => "binary HTTP message has a pseudo-field",
            Self::SectionTooLong => return limit(f, "bytes in a field section", MAX_SECTION),
            Self::Status => "binary HTTP message has a status outside 100 to 599",
            Self::TooManyFields => return limit(f, "fields in a section", MAX_FIELDS),
            Self::TooManyInformational => {
                return limit(f, "informational responses", MAX_INFORMATIONAL);
            }
            Self::Truncated => "binary HTTP message ends inside one of its parts",
        })
    }
}

impl core::error::Error for BhttpError {}

/// Header section, content and trailer section, and nothing but zero bytes behind them.
fn body<'a>(
    mut cursor: Cursor<'a>,
    framing: Framing,
) -> Result<(Fields<'a>, Content<'a>, Fields<'a>), BhttpError> {
    let fields = Fields::read(&mut cursor, framing)?;
    let content = Content::read(&mut cursor, framing)?;
    let trailers = Fields::read(&mut cursor, framing)?;
    if cursor.rest().iter().any(|&byte| byte != 0) {
        return Err(BhttpError::Padding);
    }
    Ok((fields, content, trailers))
}
