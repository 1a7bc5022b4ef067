//! When a rate limit ends, by the fields that servers send in place of Retry-After.

use super::{Field, Response};
use crate::lifetime::{Said, point_in_time};
use crate::seconds;
use crate::time::Wall;
use core::time::Duration;

/// The time until the limit ends: by a field of its own, in seconds or as a point in time, else by the longest wait of the
/// quotas in `RateLimit` (draft-ietf-httpapi-ratelimit-headers) that nothing is left of. `now` is the server's clock.
pub(super) fn reset(response: &Response, now: Wall) -> Option<Duration> {
    let fields = [Field::RateLimitReset, Field::XRateLimitReset, Field::XRateLimitResetHyphenated];
    let told = fields.into_iter().find_map(|field| wait(response.header(field)?, now));
    told.or_else(|| {
        response.header(Field::RateLimit)?.split(',').filter_map(|quota| of_quota(quota, now)).max()
    })
}

/// Seconds, or a point in time in seconds or milliseconds since 1970.
fn wait(text: &str, now: Wall) -> Option<Duration> {
    match seconds::of_text(text)? {
        number if number < Said::FIRST_POINT => Some(Duration::from_secs(number)),
        number => Some(Wall::from_epoch(Duration::from_secs(point_in_time(number, now)?)).since(now)),
    }
}

/// `"default";r=0;t=30`, or a member of what the draft had before: `limit=100, remaining=0, reset=30`.
fn of_quota(quota: &str, now: Wall) -> Option<Duration> {
    let parameter = |name: &str| {
        quota.split(';').find_map(|part| part.trim_matches([' ', '\t']).strip_prefix(name)?.strip_prefix('='))
    };
    let is_used_up = parameter("r").is_none_or(|left| seconds::whole_seconds(left) == Some(0));
    let told = parameter("t").or_else(|| parameter("reset")).filter(|_| is_used_up);
    wait(told?, now)
}
