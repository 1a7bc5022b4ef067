//! Times in headers: seconds and dates.

use super::{noon, split};
use crate::auth::ClientAuth;
use crate::client::Client;
use crate::provider::Provider;
use crate::response::Response;
use crate::{date, seconds};
use alloc::string::String;
use core::time::Duration;

/// Another implementation of HTTP dates, in seconds since 1970.
pub struct Dates {
    /// Reads one, if it takes it.
    pub read: fn(&str) -> Option<u64>,
    /// Writes one as RFC 9110 §5.6.7 prefers it.
    pub write: fn(u64) -> String,
}

/// 9999-12-31T23:59:59Z.
const LAST: u64 = 253_402_300_799;

/// `data` is a Retry-After, and after a line's end a Date.
///
/// # Panics
/// A time is misread.
pub fn retry_after(data: &[u8], dates: &Dates) {
    let (told, answered) = split(data, b"\n");
    let text = core::str::from_utf8(told).unwrap_or_default();
    let ours = date::read(text).map(|date| date.since_epoch().as_secs());
    let theirs = (dates.read)(text);
    // It takes a few more forms, and knows no leap second; of what both take, the reading is one.
    if let (Some(ours), Some(theirs)) = (ours, theirs) {
        assert_eq!(ours, theirs, "another date");
    }

    let mut moment = [0; 8];
    moment.iter_mut().zip(told).for_each(|(place, byte)| *place = *byte);
    let moment = u64::from_le_bytes(moment) % (LAST + 1);
    let written = (dates.write)(moment);
    assert_eq!(date::read(&written).map(|date| date.since_epoch().as_secs()), Some(moment), "{written}");

    let whole = seconds::whole_seconds(text);
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    assert_eq!(whole, digits.then(|| text.parse().unwrap_or(u64::MAX)));
    if let (Some(seconds), Ok(double)) = (seconds::of_number(text), text.parse::<f64>()) {
        assert!(seconds.abs_diff(double as u64) <= seconds / 1_000_000_000_000, "{seconds} of {text}");
    }

    let response = Response::new(503).with_header("Retry-After", told);
    let response = match answered {
        Some(date) => response.with_header("Date", date),
        None => response,
    };
    let Err(refusal) = client().read(&response, noon()) else { panic!("a token at 503") };
    let from = answered.and_then(|date| core::str::from_utf8(date).ok());
    let from = from.map(|date| date.trim_matches([' ', '\t'])).and_then(date::read);
    let trimmed = text.trim_matches([' ', '\t']);
    let now = from.unwrap_or(noon().wall);
    let expected = match seconds::whole_seconds(trimmed) {
        // As written, or as a point in time within ten years, in seconds or milliseconds.
        Some(number) => {
            let unit = if number >= 1_000_000_000_000 { 1000 } else { 1 };
            let (point, now) = (number / unit, now.since_epoch().as_secs());
            let is_point = number >= 1_000_000_000 && point.abs_diff(now) <= 3652 * 86_400;
            Some(Duration::from_secs(if is_point { point.saturating_sub(now) } else { number }))
        }
        None => date::read(trimmed).map(|date| date.since(now)),
    };
    assert_eq!(refusal.retry_after(), expected);
}

fn client() -> Client {
    let provider = Provider::rfc6749("https://as.example/token");
    let (Ok(provider), Ok(auth)) = (provider, ClientAuth::none("client")) else {
        unreachable!("plain words")
    };
    let Ok(client) = Client::builder(provider, auth).build() else { unreachable!("nothing to refuse") };
    client
}
