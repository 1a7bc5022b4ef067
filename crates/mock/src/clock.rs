//! The server's clock: microseconds since 1970, and the date as HTTP writes it.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) const SECOND: i64 = 1_000_000;
/// The last second of the year 9999: an HTTP date has four digits for the year.
const LAST: i64 = 253_402_300_799;

/// The system's clock moved by `offset` seconds, in microseconds since 1970; never before 1970.
pub(crate) fn now(offset: i64) -> i64 {
    let system = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    micros(system).saturating_add(offset.saturating_mul(SECOND)).max(0)
}

/// Microseconds; a duration that does not fit is the longest that does.
pub(crate) fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

/// An IMF-fixdate (RFC 9110 §5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`.
pub(crate) fn http_date(now: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let seconds = (now / SECOND).clamp(0, LAST);
    let (days, clock) = (seconds / 86_400, seconds % 86_400);
    // Years that begin in March put the leap day at their end: 719 468 days lie between 1 March of the year 0 and
    // 1 January 1970, 146 097 days in 400 years.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let weekday = DAYS[usize::try_from(days % 7).unwrap_or(0)];
    let name = MONTHS[usize::try_from(month - 1).unwrap_or(0)];
    let (hour, minute, second) = (clock / 3_600, clock / 60 % 60, clock % 60);
    format!("{weekday}, {day:02} {name} {year:04} {hour:02}:{minute:02}:{second:02} GMT")
}

#[cfg(test)]
mod tests;
