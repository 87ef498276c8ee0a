//! Times as text: RFC 3339, in UTC, with microseconds.
//!
//! Pure: no I/O.

use std::time::{SystemTime, UNIX_EPOCH};

/// Adds `time` to `text`: `2026-03-01T12:00:00.000250Z`. Times before 1970 are shown as its start,
/// and times after 9999 as the end of that year: RFC 3339 has four digits for the year.
pub(crate) fn push(text: &mut Vec<u8>, time: SystemTime) {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let seconds = since.as_secs().min(LAST_SECOND);
    let (year, month, day) = date(seconds / DAY_SECONDS);
    let second = seconds % DAY_SECONDS;
    for (number, digits, end) in [
        (year, 4, b'-'),
        (month, 2, b'-'),
        (day, 2, b'T'),
        (second / 3600, 2, b':'),
        (second / 60 % 60, 2, b':'),
        (second % 60, 2, b'.'),
        (since.subsec_micros().into(), 6, b'Z'),
    ] {
        push_digits(text, number, digits);
        text.push(end);
    }
}

/// Returns `time` as text.
pub(crate) fn text(time: SystemTime) -> String {
    let mut text = Vec::with_capacity(LENGTH);
    push(&mut text, time);
    String::from_utf8_lossy(&text).into_owned()
}

fn push_digits(text: &mut Vec<u8>, number: u64, digits: u32) {
    for place in (0..digits).rev() {
        let digit = number / 10_u64.pow(place) % 10;
        // A digit is below 10.
        text.push(b'0' + digit as u8);
    }
}

/// Returns year, month and day of the day with this number since 1970-01-01, in the Gregorian
/// calendar.
///
/// Counted from 1 March of year 0: a leap day is then the last day of its year, and 400 years, the
/// period of the leap years, have 146,097 days.
fn date(day: u64) -> (u64, u64, u64) {
    let day = day + 719_468;
    let (era, day) = (day / 146_097, day % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    // From March on, the months have 31, 30, 31, 30, 31 days, and again.
    let month = (5 * day + 2) / 153;
    let day_of_month = day - (153 * month + 2) / 5 + 1;
    let (month, is_next_year) = match month {
        0..=9 => (month + 3, 0),
        _ => (month - 9, 1),
    };
    (era * 400 + year + is_next_year, month, day_of_month)
}

const DAY_SECONDS: u64 = 86_400;

/// The last second of the year 9999.
const LAST_SECOND: u64 = 253_402_300_799;

/// The length of a time in bytes.
pub(crate) const LENGTH: usize = 27;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_utc_with_microseconds() {
        for (seconds, micros, expected) in [
            (0, 0, "1970-01-01T00:00:00.000000Z"),
            (951_782_400, 1, "2000-02-29T00:00:00.000001Z"),
            (951_868_800, 0, "2000-03-01T00:00:00.000000Z"),
            (1_709_251_199, 999_999, "2024-02-29T23:59:59.999999Z"),
            (1_767_225_599, 0, "2025-12-31T23:59:59.000000Z"),
            (1_767_225_600, 0, "2026-01-01T00:00:00.000000Z"),
            (4_107_542_400, 0, "2100-03-01T00:00:00.000000Z"),
            (LAST_SECOND, 0, "9999-12-31T23:59:59.000000Z"),
            (LAST_SECOND + 5, 0, "9999-12-31T23:59:59.000000Z"),
        ] {
            let time = UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_micros(micros);
            assert_eq!(text(time), expected);
            assert_eq!(expected.len(), LENGTH);
        }
        let before = UNIX_EPOCH - Duration::from_secs(1);
        assert_eq!(text(before), "1970-01-01T00:00:00.000000Z");
    }

    /// Every day of 400 years follows the day before.
    #[test]
    fn days_follow_each_other() {
        let mut before = date(0);
        for day in 1..146_097 {
            let (year, month, of_month) = date(day);
            let follows = match before {
                (y, m, d) if (year, month) == (y, m) => of_month == d + 1,
                (y, 12, 31) => (year, month, of_month) == (y + 1, 1, 1),
                (y, m, d) => (year, month, of_month) == (y, m + 1, 1) && d >= 28,
            };
            assert!(follows, "{before:?} {year} {month} {of_month}");
            before = (year, month, of_month);
        }
    }
}
