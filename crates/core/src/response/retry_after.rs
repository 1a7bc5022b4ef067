//! When a server says to ask again.

use super::{Field, Response, rate_limit};
use crate::date;
use crate::lifetime::point_in_time;
use crate::seconds;
use crate::time::Wall;
use core::time::Duration;

/// Retry-After, and at 429 what says when the limit ends where there is none that can be read. At any other status the
/// end of a limit is not the time to wait: many servers send it with every answer. `sent` is our clock, for an answer without a Date.
pub(crate) fn retry_after(response: &Response, sent: Wall) -> Option<Duration> {
    let now = response.date().unwrap_or(sent);
    let told = response.header(Field::RetryAfter).and_then(|text| delay(text, now));
    match told {
        Some(time) if !time.is_zero() => told,
        // Of no time at all nothing is told: the limit may say more.
        _ if response.status() == 429 => rate_limit::reset(response, now).or(told),
        _ => told,
    }
}

/// RFC 9110 §10.2.3: seconds, or a date, which is judged by the clock that wrote it when the answer has a Date. Servers also write
/// the point in time in seconds or milliseconds since 1970, as with the end of a rate limit.
fn delay(text: &str, now: Wall) -> Option<Duration> {
    let Some(number) = seconds::whole_seconds(text) else { return Some(date::read(text)?.since(now)) };
    let point =
        point_in_time(number, now).map(|point| Wall::from_epoch(Duration::from_secs(point)).since(now));
    Some(point.unwrap_or(Duration::from_secs(number)))
}
