//! HTTP dates (RFC 9110 §5.6.7).

use crate::time::Wall;
use core::time::Duration;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAYS: [&str; 7] = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

/// The date in one of its three forms, from 1970 to 9999.
///
/// The name of the day has to be one and may be the wrong one: it adds nothing. A leap second is the second after
/// it, as on the clocks of most machines.
pub(crate) fn read(text: &str) -> Option<Wall> {
    if let Some(wall) = imf_fixdate(text.as_bytes()) {
        return Some(wall);
    }
    let (day_name, rest) = text.split_once(' ')?;
    let (date, time) = match day_name.strip_suffix(',') {
        Some(name) => rfc850(DAYS.contains(&name).then_some(rest)?)?,
        None => asctime(short_day(day_name.as_bytes()).then_some(rest)?)?,
    };
    wall(date, seconds_of_day(time)?)
}

fn wall(date: Date, second: u64) -> Option<Wall> {
    Some(Wall::from_epoch(Duration::from_secs(days_since_epoch(date)? * 86_400 + second)))
}

struct Date {
    year: u64,
    /// From 0.
    month: usize,
    day: u64,
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
#[rustfmt::skip] // As it is written.
pub(crate) fn imf_fixdate(text: &[u8]) -> Option<Wall> {
    let [
        n1, n2, n3, b',', b' ', d1, d2, b' ', m1, m2, m3, b' ', y1, y2, y3, y4, b' ',
        h1, h2, b':', i1, i2, b':', s1, s2, b' ', b'G', b'M', b'T',
    ] = *text else { return None };
    let is_day = matches!(&[n1, n2, n3], b"Mon" | b"Tue" | b"Wed" | b"Thu" | b"Fri" | b"Sat" | b"Sun");
    let month = match &[m1, m2, m3] {
        b"Jan" => 0, b"Feb" => 1, b"Mar" => 2, b"Apr" => 3, b"May" => 4, b"Jun" => 5,
        b"Jul" => 6, b"Aug" => 7, b"Sep" => 8, b"Oct" => 9, b"Nov" => 10, b"Dec" => 11,
        _ => return None,
    };
    let (year, day) = (pair(y1, y2)? * 100 + pair(y3, y4)?, pair(d1, d2)?);
    let second = second_of_day(pair(h1, h2)?, pair(i1, i2)?, pair(s1, s2)?)?;
    if is_day { wall(Date { year, month, day }, second) } else { None }
}

/// The number of two digits.
fn pair(tens: u8, units: u8) -> Option<u64> {
    let (tens, units) = (tens.wrapping_sub(b'0'), units.wrapping_sub(b'0'));
    (tens < 10 && units < 10).then(|| u64::from(tens * 10 + units))
}

/// `06-Nov-94 08:49:37 GMT`. The century is that of 1970 to 2069, as everywhere.
fn rfc850(text: &str) -> Option<(Date, &str)> {
    let (date, time) = text.strip_suffix(" GMT")?.split_at_checked(9)?;
    let (day, rest) = date.split_once('-')?;
    let (name, year) = rest.split_once('-')?;
    let year = two_digits(year)?;
    let year = year + if year < 70 { 2000 } else { 1900 };
    Some((Date { day: two_digits(day)?, month: month(name)?, year }, time.strip_prefix(' ')?))
}

/// `Nov  6 08:49:37 1994`
fn asctime(text: &str) -> Option<(Date, &str)> {
    let (date, rest) = text.split_at_checked(6)?;
    let (time, year) = rest.strip_prefix(' ')?.split_once(' ')?;
    let day = date.get(3..)?.strip_prefix(' ')?;
    let day = day.strip_prefix(' ').map_or_else(|| two_digits(day), digits)?;
    let year = if year.len() == 4 { digits(year)? } else { return None };
    Some((Date { day, month: month(date.get(..3)?)?, year }, time))
}

/// Whether it is the short name of a day.
fn short_day(name: &[u8]) -> bool {
    DAYS.iter().any(|day| day.as_bytes().get(..3) == Some(name))
}

fn month(name: &str) -> Option<usize> {
    MONTHS.iter().position(|month| *month == name)
}

/// `08:49:37`
fn seconds_of_day(text: &str) -> Option<u64> {
    let mut parts = text.split(':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next()?);
    let (hour, minute, second) = (two_digits(hour)?, two_digits(minute)?, two_digits(second)?);
    if parts.next().is_none() { second_of_day(hour, minute, second) } else { None }
}

fn second_of_day(hour: u64, minute: u64, second: u64) -> Option<u64> {
    let fits = hour < 24 && minute < 60 && second <= 60;
    fits.then_some(hour * 3600 + minute * 60 + second)
}

fn two_digits(text: &str) -> Option<u64> {
    if text.len() == 2 { digits(text) } else { None }
}

/// Up to four digits.
fn digits(text: &str) -> Option<u64> {
    let fits = (1..=4).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    if fits { text.parse().ok() } else { None }
}

/// The days of a year up to the end of each month, without a leap day.
const ENDS: [u64; 12] = [31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];

fn days_since_epoch(Date { year, month, day }: Date) -> Option<u64> {
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let (is_leap, month_before) = (is_leap(year), month.checked_sub(1));
    let ends = |month: usize| Some(ENDS.get(month)? + u64::from(is_leap && month > 0));
    let before = month_before.map_or(Some(0), ends)?;
    if year < 1970 || day == 0 || day > ends(month)? - before {
        return None;
    }
    // Leap days from the year 1 to the end of the year before.
    let leap_days = |year: u64| (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
    Some((year - 1970) * 365 + leap_days(year) - leap_days(1970) + before + day - 1)
}

#[cfg(test)]
mod tests;
