//! Messages that arrive bit by bit, in either framing (RFC 9292 sections 3.1 and 3.2).
//!
//! A stream is shown all bytes that it has not yet taken, takes whole parts off their front, and keeps none: the caller holds the
//! plaintext in memory of its choice. It need not hold much: when more than [`MAX_UNREAD`] bytes make no part, the message is refused.
//! Content is handed on as it comes, so whoever acts on it must know that the message may still turn out to be invalid or cut
//! (RFC 9292 section 4).

use super::cursor::Cursor;
use super::request::{check_expect, read_control};
use super::response::{self, Status};
use super::{BhttpError, Fields, Framing, Informational, MAX_SECTION, StatedLength};

/// The most bytes that a stream may leave unread: control data and a field section, with their lengths.
pub const MAX_UNREAD: usize = 2 * MAX_SECTION + 64;

/// A part of a message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Part<'a, H> {
    /// What comes before the content.
    Head(H),
    /// The next bytes of content, never none.
    Content(&'a [u8]),
    /// The trailer section. Nothing but padding follows.
    Trailers(Fields<'a>),
}

/// The part of a request before its content.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RequestStart<'a> {
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
}

/// The parts of a response before its content.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum ResponseStart<'a> {
    /// An informational response; another start follows.
    Informational(Informational<'a>),
    /// The final status, 200 to 599, and the header section.
    Final(u16, Fields<'a>),
}

/// Reads a request part by part.
#[derive(Clone)]
pub struct RequestStream(Rest);

/// Reads a response part by part.
#[derive(Clone)]
pub struct ResponseStream {
    rest: Rest,
    /// Known from the first part on.
    framing: Option<Framing>,
    informational: usize,
}

impl Default for RequestStream {
    fn default() -> Self {
        Self::new()
    }
}

impl RequestStream {
    /// Before the first byte.
    #[must_use]
    pub fn new() -> Self {
        Self(Rest::new())
    }

    /// Takes the next part off the front of `input`, which begins with what was left there before. `more` says whether bytes may
    /// follow it. `None` means that more are needed, or without `more` that the message is complete.
    ///
    /// # Errors
    /// [`BhttpError`] as for [`super::Request::decode`], and when more than [`MAX_UNREAD`] bytes make no part.
    pub fn next<'a>(
        &mut self,
        input: &mut &'a [u8],
        more: bool,
    ) -> Result<Option<Part<'a, RequestStart<'a>>>, BhttpError> {
        if !matches!(self.0.state, State::Head) {
            return self.0.next(input, more);
        }
        attempt(input, more, |cursor| {
            let (framing, [method, scheme, authority, path]) = read_control(cursor)?;
            let fields = Fields::read(cursor, framing)?;
            check_expect(&fields)?;
            let start = RequestStart {
                method,
                scheme,
                authority,
                path,
                fields,
            };
            Ok((framing, StatedLength::of(&fields)?, start))
        })
        .map(|found| {
            found.map(|(framing, stated, start)| {
                self.0.begin(framing, stated, false);
                Part::Head(start)
            })
        })
    }
}

impl Default for ResponseStream {
    fn default() -> Self {
        Self::new()
    }
}

impl ResponseStream {
    /// Before the first byte.
    #[must_use]
    pub fn new() -> Self {
        Self {
            rest: Rest::new(),
            framing: None,
            informational: 0,
        }
    }

    /// Takes the next part off the front of `input`, as [`RequestStream::next`] does.
    ///
    /// # Errors
    /// [`BhttpError`] as for [`super::Response::decode`], and when more than [`MAX_UNREAD`] bytes make no part.
    pub fn next<'a>(
        &mut self,
        input: &mut &'a [u8],
        more: bool,
    ) -> Result<Option<Part<'a, ResponseStart<'a>>>, BhttpError> {
        if !matches!(self.rest.state, State::Head) {
            return self.rest.next(input, more);
        }
        let (framing, seen) = (self.framing, self.informational);
        let found = attempt(input, more, |cursor| {
            let framing = match framing {
                Some(framing) => framing,
                None => response::read_framing(cursor)?,
            };
            let status = response::read_status(cursor, seen)?;
            let fields = Fields::read(cursor, framing)?;
            Ok((framing, status, fields, StatedLength::of(&fields)))
        })?;
        let Some((framing, status, fields, stated)) = found else {
            return Ok(None);
        };
        self.framing = Some(framing);
        Ok(Some(Part::Head(match status {
            Status::Informational(status) => {
                self.informational += 1;
                ResponseStart::Informational(Informational { status, fields })
            }
            Status::Final(status) => {
                self.rest.begin(framing, stated?, true);
                ResponseStart::Final(status, fields)
            }
        })))
    }
}

/// Everything behind the head, which requests and responses have in common.
#[derive(Clone)]
struct Rest {
    state: State,
    framing: Framing,
    stated: StatedLength,
    /// Whether content may be absent though its length is stated, as in the response to `HEAD`.
    may_be_absent: bool,
    /// Bytes of content so far.
    received: u64,
}

#[derive(Clone, Copy)]
enum State {
    Head,
    /// Before the length of the content, or of its next chunk.
    Length,
    /// Bytes that the content, or its present chunk, still lacks.
    Content(u64),
    Trailers,
    Padding,
}

impl Rest {
    fn new() -> Self {
        Self {
            state: State::Head,
            framing: Framing::Known,
            stated: StatedLength::default(),
            may_be_absent: false,
            received: 0,
        }
    }

    fn begin(&mut self, framing: Framing, stated: StatedLength, may_be_absent: bool) {
        self.state = State::Length;
        self.framing = framing;
        self.stated = stated;
        self.may_be_absent = may_be_absent;
    }

    fn next<'a, H>(
        &mut self,
        input: &mut &'a [u8],
        more: bool,
    ) -> Result<Option<Part<'a, H>>, BhttpError> {
        loop {
            match self.state {
                // The head is its owner's business.
                State::Head => return Err(BhttpError::Framing),
                State::Length => {
                    let before_content = self.received == 0;
                    let length = attempt(input, more, |cursor| {
                        // A message may end before its content (RFC 9292 section 3.8), and not between its chunks.
                        if before_content && cursor.is_at_end() {
                            return Ok(0);
                        }
                        cursor.integer()
                    })?;
                    let Some(length) = length else {
                        return Ok(None);
                    };
                    self.state = match (length, self.framing) {
                        (0, _) => self.end_content()?,
                        (length, _) => State::Content(length),
                    };
                }
                State::Content(0) => {
                    self.state = match self.framing {
                        Framing::Known => self.end_content()?,
                        Framing::Indeterminate => State::Length,
                    };
                }
                State::Content(left) => {
                    let there = u64::try_from(input.len()).unwrap_or(u64::MAX);
                    let mut cursor = Cursor::new(input);
                    let content = cursor.take(left.min(there))?;
                    if content.is_empty() {
                        return if more {
                            Ok(None)
                        } else {
                            Err(BhttpError::Truncated)
                        };
                    }
                    *input = cursor.rest();
                    let taken = left.min(there);
                    self.received += taken;
                    self.state = State::Content(left - taken);
                    return Ok(Some(Part::Content(content)));
                }
                State::Trailers => {
                    let framing = self.framing;
                    let trailers = attempt(input, more, |cursor| Fields::read(cursor, framing))?;
                    if trailers.is_some() {
                        self.state = State::Padding;
                    }
                    return Ok(trailers.map(Part::Trailers));
                }
                State::Padding => {
                    if input.iter().any(|&byte| byte != 0) {
                        return Err(BhttpError::Padding);
                    }
                    *input = &[];
                    return Ok(None);
                }
            }
        }
    }

    fn end_content(&self) -> Result<State, BhttpError> {
        self.stated.check(self.received, self.may_be_absent)?;
        Ok(State::Trailers)
    }
}

/// Reads a part that must lie in one piece; `None`, and nothing is taken, while it is incomplete and may still become complete.
fn attempt<'a, T>(
    input: &mut &'a [u8],
    more: bool,
    read: impl FnOnce(&mut Cursor<'a>) -> Result<T, BhttpError>,
) -> Result<Option<T>, BhttpError> {
    let mut cursor = if more {
        Cursor::partial(input)
    } else {
        Cursor::new(input)
    };
    match read(&mut cursor) {
        Ok(part) => {
            *input = cursor.rest();
            Ok(Some(part))
        }
        Err(BhttpError::Truncated) if more => {
            if input.len() > MAX_UNREAD {
                return Err(BhttpError::SectionTooLong);
            }
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
