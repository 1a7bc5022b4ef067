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
    let (day_name, rest) = text.split_once(' ')?;
    let (date, time) = match day_name.strip_suffix(',') {
        Some(name) if DAYS.contains(&name) => rfc850(rest)?,
        Some(name) => imf_fixdate(short_day(name, rest)?)?,
        None => asctime(short_day(day_name, rest)?)?,
    };
    let seconds = days_since_epoch(date)? * 86_400 + seconds_of_day(time)?;
    Some(Wall::from_epoch(Duration::from_secs(seconds)))
}

struct Date {
    year: u64,
    /// From 0.
    month: usize,
    day: u64,
}

/// `06 Nov 1994 08:49:37 GMT`
fn imf_fixdate(text: &str) -> Option<(Date, &str)> {
    let (date, time) = text.strip_suffix(" GMT")?.split_at_checked(11)?;
    let date = Date {
        day: digits(date.get(..2)?)?,
        month: month(date.get(2..)?.strip_prefix(' ')?.get(..3)?)?,
        year: digits(date.get(6..)?.strip_prefix(' ')?)?,
    };
    Some((date, time.strip_prefix(' ')?))
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

/// `rest`, if `name` is the short name of a day.
fn short_day<'a>(name: &str, rest: &'a str) -> Option<&'a str> {
    DAYS.iter().any(|day| day.get(..3) == Some(name)).then_some(rest)
}

fn month(name: &str) -> Option<usize> {
    MONTHS.iter().position(|month| *month == name)
}

/// `08:49:37`
fn seconds_of_day(text: &str) -> Option<u64> {
    let mut parts = text.split(':');
    let (hour, minute, second) = (parts.next()?, parts.next()?, parts.next()?);
    let (hour, minute, second) = (two_digits(hour)?, two_digits(minute)?, two_digits(second)?);
    let fits = parts.next().is_none() && hour < 24 && minute < 60 && second <= 60;
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

fn days_since_epoch(Date { year, month, day }: Date) -> Option<u64> {
    let is_leap =
        |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let lengths = [31, if is_leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    if year < 1970 || day == 0 || day > *lengths.get(month)? {
        return None;
    }
    // Leap days from the year 1 to the end of the year before.
    let leap_days = |year: u64| (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
    let before: u64 = lengths.iter().take(month).sum();
    Some((year - 1970) * 365 + leap_days(year) - leap_days(1970) + before + day - 1)
}

#[cfg(test)]
mod tests;
