//! Dates of HTTP: the fixed form `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 section 5.6.7, IMF-fixdate).
//!
//! The two obsolete forms are not read: whoever seals a request for Cloister writes the fixed one, and a second spelling of a date
//! would be a second way to mark a request.

/// Bytes of a date.
pub const DATE_LENGTH: usize = 29;

const WEEKDAYS: [&[u8; 3]; 7] = [b"Mon", b"Tue", b"Wed", b"Thu", b"Fri", b"Sat", b"Sun"];
const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];
const DAY: u64 = 24 * 60 * 60;
/// The first second of the year 10000, which the form cannot write.
const END: u64 = 253_402_300_800;

/// The Unix time in seconds of a date, or `None` when it is not exactly in the fixed form, names a day that does not exist or
/// gives it another weekday than it has, or lies before 1970. A leap second is refused like any other 60th second.
#[must_use]
pub fn parse(date: &[u8]) -> Option<u64> {
    let date: &[u8; DATE_LENGTH] = date.try_into().ok()?;
    let &[
        w0,
        w1,
        w2,
        b',',
        b' ',
        d0,
        d1,
        b' ',
        m0,
        m1,
        m2,
        b' ',
        y0,
        y1,
        y2,
        y3,
        b' ',
        h0,
        h1,
        b':',
        n0,
        n1,
        b':',
        s0,
        s1,
        b' ',
        b'G',
        b'M',
        b'T',
    ] = date
    else {
        return None;
    };
    let month = MONTHS.iter().position(|&name| *name == [m0, m1, m2])?;
    let year = number(&[y0, y1, y2, y3])?;
    let (hour, minute, second) = (number(&[h0, h1])?, number(&[n0, n1])?, number(&[s0, s1])?);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let day_of_month = number(&[d0, d1])?;
    let month = u64::try_from(month).ok()?;
    if day_of_month == 0 || day_of_month > days_in_month(year, month) || year < 1970 {
        return None;
    }
    let days = (1970..year).map(days_in_year).sum::<u64>()
        + (0..month)
            .map(|month| days_in_month(year, month))
            .sum::<u64>()
        + (day_of_month - 1);
    let time = days * DAY + hour * 3600 + minute * 60 + second;
    (weekday(time) == &[w0, w1, w2]).then_some(time)
}

/// The date of a Unix time in seconds, or `None` from the year 10000 on.
#[must_use]
pub fn format(time: u64) -> Option<[u8; DATE_LENGTH]> {
    if time >= END {
        return None;
    }
    let mut days = time / DAY;
    let mut year = 1970;
    while days >= days_in_year(year) {
        days -= days_in_year(year);
        year += 1;
    }
    let mut month = 0;
    while days >= days_in_month(year, month) {
        days -= days_in_month(year, month);
        month += 1;
    }
    let [m0, m1, m2] = **MONTHS.get(usize::try_from(month).ok()?)?;
    let [w0, w1, w2] = *weekday(time);
    let [[d0, d1], [y0, y1], [y2, y3]] =
        [digits(days + 1)?, digits(year / 100)?, digits(year % 100)?];
    let second = time % DAY;
    let [[h0, h1], [n0, n1], [s0, s1]] = [
        digits(second / 3600)?,
        digits(second / 60 % 60)?,
        digits(second % 60)?,
    ];
    Some([
        w0, w1, w2, b',', b' ', d0, d1, b' ', m0, m1, m2, b' ', y0, y1, y2, y3, b' ', h0, h1, b':',
        n0, n1, b':', s0, s1, b' ', b'G', b'M', b'T',
    ])
}

fn number(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0, |value, digit| {
        digit
            .is_ascii_digit()
            .then(|| value * 10 + u64::from(digit - b'0'))
    })
}

fn digits(number: u64) -> Option<[u8; 2]> {
    let number = u8::try_from(number).ok().filter(|&number| number < 100)?;
    Some([b'0' + number / 10, b'0' + number % 10])
}

/// 1 January 1970 was a Thursday.
fn weekday(time: u64) -> &'static [u8; 3] {
    let index = usize::try_from((time / DAY + 3) % 7).unwrap_or(0);
    WEEKDAYS.get(index).copied().unwrap_or(b"Mon")
}

const fn is_leap(year: u64) -> bool {
    year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
}

const fn days_in_year(year: u64) -> u64 {
    if is_leap(year) { 366 } else { 365 }
}

/// Months count from zero.
const fn days_in_month(year: u64, month: u64) -> u64 {
    match month {
        1 if is_leap(year) => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::indexing_slicing)]
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn known_dates() {
        for (text, time) in [
            (b"Thu, 01 Jan 1970 00:00:00 GMT", 0),
            (b"Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            (b"Tue, 29 Feb 2000 23:59:59 GMT", 951_868_799),
            (b"Mon, 23 Nov 2026 12:00:00 GMT", 1_795_435_200),
            (b"Fri, 31 Dec 9999 23:59:59 GMT", END - 1),
        ] {
            assert_eq!(parse(text), Some(time));
            assert_eq!(format(time).as_ref(), Some(text));
        }
        assert_eq!(format(END), None);
        assert_eq!(format(u64::MAX), None);
    }

    #[test]
    fn other_spellings_and_impossible_days_are_refused() {
        for bad in [
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
            "Sun, 6 Nov 1994 08:49:37 GMT",
            "sun, 06 nov 1994 08:49:37 gmt",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37 GMT ",
            "Mon, 06 Nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:00:00 GMT",
            "Sun, 06 Nov 1994 08:60:37 GMT",
            "Sun, 06 Nov 1994 08:49:60 GMT",
            "Thu, 30 Feb 2023 00:00:00 GMT",
            "Wed, 29 Feb 2023 00:00:00 GMT",
            "Mon, 29 Feb 2100 00:00:00 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Wed, 31 Dec 1969 23:59:59 GMT",
            "Sun, 06 Nov 1994 08:49:+7 GMT",
            "",
        ] {
            assert_eq!(parse(bad.as_bytes()), None, "{bad}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]
        #[test]
        fn round_trip(time in 0..END) {
            prop_assert_eq!(parse(&format(time).unwrap()), Some(time));
        }
    }
}
