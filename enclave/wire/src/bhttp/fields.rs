//! Field lines of header and trailer sections (RFC 9292 section 3.6).

use super::cursor::Cursor;
use super::sink::{EncodeError, Sink, prefixed_length, put_integer, put_prefixed};
use super::{BhttpError, Framing};

/// The most bytes of a field section: 16 KiB.
pub const MAX_SECTION: usize = 16 * 1024;
/// The most field lines of a section.
pub const MAX_FIELDS: usize = 64;

/// One field line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Field<'a> {
    /// A token in lower case.
    pub name: &'a [u8],
    /// Its value, without control characters but tab.
    pub value: &'a [u8],
}

/// A checked section of field lines; it borrows from the message.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Fields<'a> {
    /// Whole field lines, one behind the other, without length or terminator of the section.
    lines: &'a [u8],
}

impl<'a> Fields<'a> {
    pub(super) fn read(cursor: &mut Cursor<'a>, framing: Framing) -> Result<Self, BhttpError> {
        // A message may end before a section (RFC 9292 section 3.8).
        if cursor.is_at_end() {
            return Ok(Self { lines: &[] });
        }
        match framing {
            Framing::Known => Self::read_known(cursor.prefixed()?),
            Framing::Indeterminate => Self::read_indeterminate(cursor),
        }
    }

    fn read_known(lines: &'a [u8]) -> Result<Self, BhttpError> {
        if lines.len() > MAX_SECTION {
            return Err(BhttpError::SectionTooLong);
        }
        let mut cursor = Cursor::new(lines);
        let mut count = 0;
        while !cursor.is_empty() {
            let name_length = cursor.integer()?;
            read_line(&mut cursor, name_length, &mut count)?;
        }
        Ok(Self { lines })
    }

    fn read_indeterminate(cursor: &mut Cursor<'a>) -> Result<Self, BhttpError> {
        let start = cursor.rest();
        let mut count = 0;
        loop {
            let used = start.len() - cursor.rest().len();
            if used > MAX_SECTION {
                return Err(BhttpError::SectionTooLong);
            }
            match cursor.integer()? {
                0 => {
                    let lines = start.get(..used).ok_or(BhttpError::Truncated)?;
                    return Ok(Self { lines });
                }
                name_length => read_line(cursor, name_length, &mut count)?,
            }
        }
    }

    /// The field lines in the order of the message.
    #[must_use]
    pub fn iter(&self) -> FieldsIter<'a> {
        FieldsIter(Cursor::new(self.lines))
    }

    /// The value of a field that may be there once; the name in lower case.
    ///
    /// # Errors
    /// [`BhttpError::FieldTwice`] when it is there more than once.
    pub fn single(&self, name: &[u8]) -> Result<Option<&'a [u8]>, BhttpError> {
        let mut values = self.iter().filter(|field| field.name == name);
        let value = values.next().map(|field| field.value);
        match values.next() {
            None => Ok(value),
            Some(_) => Err(BhttpError::FieldTwice),
        }
    }
}

impl<'a> IntoIterator for &Fields<'a> {
    type Item = Field<'a>;
    type IntoIter = FieldsIter<'a>;

    fn into_iter(self) -> FieldsIter<'a> {
        self.iter()
    }
}

/// Iterator over the field lines of a section.
pub struct FieldsIter<'a>(Cursor<'a>);

impl<'a> Iterator for FieldsIter<'a> {
    type Item = Field<'a>;

    fn next(&mut self) -> Option<Field<'a>> {
        // The lines were read once before: the only error left is their end.
        let name = self.0.prefixed().ok()?;
        let value = self.0.prefixed().ok()?;
        Some(Field { name, value })
    }
}

fn read_line(
    cursor: &mut Cursor<'_>,
    name_length: u64,
    count: &mut usize,
) -> Result<(), BhttpError> {
    let line = Field {
        name: cursor.take(name_length)?,
        value: cursor.prefixed()?,
    };
    *count += 1;
    if *count > MAX_FIELDS {
        return Err(BhttpError::TooManyFields);
    }
    line.check()
}

impl Field<'_> {
    fn check(&self) -> Result<(), BhttpError> {
        if self.name.first() == Some(&b':') {
            return Err(BhttpError::PseudoField);
        }
        if !is_token(self.name) || self.name.iter().any(u8::is_ascii_uppercase) {
            return Err(BhttpError::FieldName);
        }
        let space = |byte: Option<&u8>| matches!(byte, Some(b' ' | b'\t'));
        let control = |&byte: &u8| byte.is_ascii_control() && byte != b'\t';
        if space(self.value.first()) || space(self.value.last()) || self.value.iter().any(control) {
            return Err(BhttpError::FieldValue);
        }
        Ok(())
    }
}

/// `token` of RFC 9110 section 5.6.2.
pub(super) fn is_token(bytes: &[u8]) -> bool {
    let allowed = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    !bytes.is_empty() && bytes.iter().all(allowed)
}

/// Writes a section in either framing.
///
/// # Errors
/// [`EncodeError`] for fields that a reader would refuse, and when the sink is full.
pub(super) fn write(
    fields: &[Field<'_>],
    framing: Framing,
    sink: &mut impl Sink,
) -> Result<(), EncodeError> {
    let mut length = 0;
    for field in fields {
        field.check().map_err(EncodeError::Invalid)?;
        length += prefixed_length(field.name)? + prefixed_length(field.value)?;
    }
    if fields.len() > MAX_FIELDS {
        return Err(EncodeError::Invalid(BhttpError::TooManyFields));
    }
    if length > MAX_SECTION {
        return Err(EncodeError::Invalid(BhttpError::SectionTooLong));
    }
    if framing == Framing::Known {
        put_integer(sink, length)?;
    }
    for field in fields {
        put_prefixed(sink, field.name)?;
        put_prefixed(sink, field.value)?;
    }
    if framing == Framing::Indeterminate {
        put_integer(sink, 0)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;

    fn line(name: &[u8], value: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        put_prefixed(&mut out, name).unwrap();
        put_prefixed(&mut out, value).unwrap();
        out
    }

    fn known(lines: &[u8]) -> Result<(), BhttpError> {
        let mut section = Vec::new();
        put_prefixed(&mut section, lines).unwrap();
        Fields::read(&mut Cursor::new(&section), Framing::Known).map(|_| ())
    }

    fn indeterminate(lines: &[u8]) -> Result<(), BhttpError> {
        let section = [lines, &[0]].concat();
        Fields::read(&mut Cursor::new(&section), Framing::Indeterminate).map(|_| ())
    }

    #[test]
    fn names_and_values_obey_http_in_both_framings() {
        for (name, value, expected) in [
            (&b"date"[..], &b"x y\tz"[..], Ok(())),
            (b"date", b"", Ok(())),
            (b"x-1_~", b"\x80\xff", Ok(())),
            (b"Date", b"x", Err(BhttpError::FieldName)),
            (b"da te", b"x", Err(BhttpError::FieldName)),
            (b"da:te", b"x", Err(BhttpError::FieldName)),
            (b"d\xc3\xa4te", b"x", Err(BhttpError::FieldName)),
            (b"date\x00", b"x", Err(BhttpError::FieldName)),
            (b"date", b" x", Err(BhttpError::FieldValue)),
            (b"date", b"x\t", Err(BhttpError::FieldValue)),
            (b"date", b"x\r\nhost: y", Err(BhttpError::FieldValue)),
            (b"date", b"x\x00", Err(BhttpError::FieldValue)),
            (b"date", b"x\x7f", Err(BhttpError::FieldValue)),
            (b"date", b"x\x1b[m", Err(BhttpError::FieldValue)),
            (b":method", b"GET", Err(BhttpError::PseudoField)),
            (b":status", b"200", Err(BhttpError::PseudoField)),
            (b":protocol", b"x", Err(BhttpError::PseudoField)),
        ] {
            assert_eq!(known(&line(name, value)), expected, "{name:?}: {value:?}");
            assert_eq!(
                indeterminate(&line(name, value)),
                expected,
                "{name:?}: {value:?}"
            );
        }
        assert_eq!(known(&line(b"", b"x")), Err(BhttpError::FieldName));
    }

    #[test]
    fn a51_sections_are_bounded() {
        let many = line(b"a", b"b").repeat(MAX_FIELDS);
        assert_eq!(known(&many), Ok(()));
        assert_eq!(indeterminate(&many), Ok(()));
        let more = line(b"a", b"b").repeat(MAX_FIELDS + 1);
        assert_eq!(known(&more), Err(BhttpError::TooManyFields));
        assert_eq!(indeterminate(&more), Err(BhttpError::TooManyFields));
        let long = line(b"a", &[b'b'; MAX_SECTION - 3]);
        assert!(long.len() > MAX_SECTION);
        assert_eq!(known(&long), Err(BhttpError::SectionTooLong));
        assert_eq!(indeterminate(&long), Err(BhttpError::SectionTooLong));
        let fits = line(b"a", &[b'b'; MAX_SECTION - 4]);
        assert_eq!(fits.len(), MAX_SECTION);
        assert_eq!(known(&fits), Ok(()));
        assert_eq!(indeterminate(&fits), Ok(()));
    }

    #[test]
    fn a_field_is_looked_up_once() {
        let lines = [line(b"a", b"1"), line(b"b", b"2"), line(b"a", b"3")].concat();
        let fields = Fields::read_known(&lines).unwrap_or(Fields { lines: &[] });
        assert_eq!(fields.single(b"b"), Ok(Some(&b"2"[..])));
        assert_eq!(fields.single(b"c"), Ok(None));
        assert_eq!(fields.single(b"a"), Err(BhttpError::FieldTwice));
        assert_eq!(fields.iter().count(), 3);
    }

    #[test]
    fn what_would_be_refused_is_not_written() {
        let mut out = Vec::new();
        let bad = Field {
            name: b"Date",
            value: b"x",
        };
        assert_eq!(
            write(&[bad], Framing::Known, &mut out),
            Err(EncodeError::Invalid(BhttpError::FieldName))
        );
        let good = Field {
            name: b"date",
            value: b"x",
        };
        assert_eq!(
            write(&[good; MAX_FIELDS + 1], Framing::Known, &mut out),
            Err(EncodeError::Invalid(BhttpError::TooManyFields))
        );
        assert!(out.is_empty());
    }
}
