//! Instants in UTC, and spans of time, as people read them.

use evergrant_tokio_reqwest::core::Span;
use jiff::Timestamp;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The time since 1970-01-01T00:00:00Z; zero before.
pub(crate) fn now() -> Duration {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// RFC 3339, in whole seconds; `None` for what no calendar has.
pub(crate) fn rfc3339(since_epoch: Duration) -> Option<String> {
    Some(timestamp(since_epoch)?.to_string())
}

/// The same for people: `2026-11-24 15:00:00 UTC`.
pub(crate) fn utc(since_epoch: Duration) -> Option<String> {
    Some(timestamp(since_epoch)?.strftime("%F %T UTC").to_string())
}

/// The time of the day in UTC: `15:00:00Z`.
pub(crate) fn clock(since_epoch: Duration) -> Option<String> {
    Some(timestamp(since_epoch)?.strftime("%TZ").to_string())
}

fn timestamp(since_epoch: Duration) -> Option<Timestamp> {
    Timestamp::from_second(i64::try_from(since_epoch.as_secs()).ok()?).ok()
}

/// How far `then` is from `now`: `in 23 h 59 min`, `12 s ago`, `now`.
pub(crate) fn relative(then: Duration, now: Duration) -> String {
    let (ahead, behind) = (then.saturating_sub(now), now.saturating_sub(then));
    match (ahead.as_secs(), behind.as_secs()) {
        (0, 0) => "now".into(),
        (_, 0) => format!("in {}", Span(ahead)),
        _ => ago(behind),
    }
}

/// A span of time of a view that moves: below 10 s in tenths, `4.2 s`.
pub(crate) fn span(time: Duration) -> String {
    match time.as_millis() {
        // Rounded down, as all spans are: what is to come is never later than it says.
        millis @ 0..10_000 => format!("{}.{} s", millis / 1000, millis % 1000 / 100),
        _ => Span(time).to_string(),
    }
}

/// `12 s ago`, or `just now`.
pub(crate) fn ago(time: Duration) -> String {
    if time.as_secs() == 0 { "just now".into() } else { format!("{} ago", Span(time)) }
}

#[cfg(test)]
mod tests;
