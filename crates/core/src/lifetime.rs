//! How long a token lives, from everything that is known about it.

use crate::jwt::Times;
use crate::time::Wall;
use core::fmt;
use core::time::Duration;

/// What a response says about the life of its token, measured from the moment the request was SENT.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub struct Lifetime {
    pub(crate) life: Option<Duration>,
    pub(crate) refresh_in: Option<Duration>,
    pub(crate) hint: JwtHint,
    pub(crate) stated: StatedLife,
}

/// How `expires_in` was read. It is a number of seconds (RFC 6749 §5.1); some servers write something else.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum StatedLife {
    /// As a number of seconds, or it is not there.
    #[default]
    Seconds,
    /// As a point in time, in seconds or milliseconds since 1970: it is one within ten years of the answer.
    PointInTime,
    /// As a number of seconds that is longer than a year and a day: no token lives so long.
    BeyondMeasure,
}

/// As people read it.
impl fmt::Display for StatedLife {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Seconds => "expires_in is a number of seconds",
            Self::PointInTime => "expires_in is a point in time, where RFC 6749 has a number of seconds",
            Self::BeyondMeasure => "expires_in is longer than a year: no token lives so long",
        })
    }
}

/// What became of the JWT's own times: a hint can only shorten a life, or stand in for a missing `expires_in`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
#[non_exhaustive]
pub enum JwtHint {
    /// The token is no readable JWT, has no `exp`, or the hint is switched off.
    #[default]
    Absent,
    /// It decided the life.
    Used,
    /// It says more than `expires_in`, which decided.
    Longer,
    /// It says that the token is over while `expires_in` says otherwise: a clock is out of step, and `expires_in`
    /// decided.
    ClockSkew,
}

/// As people read it.
impl fmt::Display for JwtHint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absent => "the token has no readable exp claim, or the claim is not used",
            Self::Used => "the token's exp claim decided its lifetime",
            Self::Longer => "the token's exp claim is later than expires_in, which decided its lifetime",
            Self::ClockSkew => {
                "the token has expired by its exp claim but not by expires_in, which decided its lifetime: check the clocks"
            }
        })
    }
}

/// Everything that a response says about time. Seconds are from the server; 0 is never among them.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) struct Said {
    /// `expires_in` (RFC 6749 §5.1).
    pub(crate) expires_in: Option<u64>,
    /// `expires_on`, seconds since 1970, where there is no `expires_in`.
    pub(crate) expires_on: Option<u64>,
    /// `refresh_in`.
    pub(crate) refresh_in: Option<u64>,
    /// Age (RFC 9111 §5.1): how long ago a cache got the answer; 0 without.
    pub(crate) age: u64,
    /// Date (RFC 9110 §6.6.1): the server's clock when it answered.
    pub(crate) date: Option<Wall>,
    /// The JWT's times, if it is looked at.
    pub(crate) jwt: Option<Times>,
    /// When the request was sent, by our wall clock.
    pub(crate) sent: Wall,
}

impl Lifetime {
    /// The smallest of what is known; `None` when nothing is.
    pub const fn life(&self) -> Option<Duration> {
        self.life
    }

    /// When the server wants its token refreshed (`refresh_in`), from the moment of sending.
    pub const fn refresh_in(&self) -> Option<Duration> {
        self.refresh_in
    }

    /// How `expires_in` was read.
    pub const fn stated(&self) -> StatedLife {
        self.stated
    }

    /// What became of the JWT's own times.
    pub const fn hint(&self) -> JwtHint {
        self.hint
    }

    /// The smallest of what is known, from the moment of sending. Clamping it, and a default where nothing is known,
    /// are the machine's affair.
    pub(crate) fn of(said: &Said) -> Self {
        let age = Duration::from_secs(said.age);
        let refresh_in = said.refresh_in.map(|seconds| Duration::from_secs(seconds).saturating_sub(age));
        let stated = said.stated();
        let (life, hint) = match (stated, said.jwt_life()) {
            (stated, None) => (stated, JwtHint::Absent),
            (None, Some(jwt)) => (Some(jwt.aged), JwtHint::Used),
            // Judged before the Age is taken off: a token that grew old in a cache is over, whatever the clocks say.
            (Some(stated), Some(jwt)) if jwt.fresh.is_zero() && !stated.is_zero() => {
                (Some(stated), JwtHint::ClockSkew)
            }
            (Some(stated), Some(jwt)) if jwt.aged <= stated => (Some(jwt.aged), JwtHint::Used),
            (stated, Some(_)) => (stated, JwtHint::Longer),
        };
        Self { life, refresh_in, hint, stated: said.stated_as() }
    }
}

/// What is left of a JWT.
struct JwtLife {
    /// When the server answered.
    fresh: Duration,
    /// Less the time its answer spent in a cache.
    aged: Duration,
}

/// 366 d, in seconds: the longest life that a policy believes.
const LONGEST: u64 = 366 * 86_400;
/// From here on a point in time is in milliseconds.
const FIRST_MILLISECONDS: u64 = 1_000_000_000_000;
/// In seconds.
const TEN_YEARS: u64 = 3652 * 86_400;

/// The seconds since 1970 that this number stands for, in seconds or milliseconds, if they are within ten years of `near`.
pub(crate) fn point_in_time(number: u64, near: Wall) -> Option<u64> {
    let seconds = if number >= FIRST_MILLISECONDS { number / 1000 } else { number };
    let is_near = seconds.abs_diff(near.since_epoch().as_secs()) <= TEN_YEARS;
    (number >= Said::FIRST_POINT && is_near).then_some(seconds)
}

impl Said {
    /// From here on an `expires_in` may be a point in time.
    pub(crate) const FIRST_POINT: u64 = 1_000_000_000;

    /// What the response itself says: `expires_in`, else `expires_on`, which is unknown once it is past, as
    /// `expires_in` is at 0.
    fn stated(&self) -> Option<Duration> {
        let point = self.expires_in.and_then(|number| self.point(number));
        if let (Some(seconds), None) = (self.expires_in, point) {
            return Some(Duration::from_secs(seconds).saturating_sub(Duration::from_secs(self.age)));
        }
        let end = Wall::from_epoch(Duration::from_secs(point.or(self.expires_on)?));
        let JwtLife { fresh, aged } = self.until(end, None);
        (!fresh.is_zero()).then_some(aged)
    }

    /// The seconds since 1970 that this `expires_in` stands for, if it is near enough to be a point in time. The smallest is
    /// in 2001, and a life of as many seconds would be one of 31 years.
    fn point(&self, number: u64) -> Option<u64> {
        point_in_time(number, self.date.unwrap_or(self.sent))
    }

    fn stated_as(&self) -> StatedLife {
        match self.expires_in {
            Some(number) if self.point(number).is_some() => StatedLife::PointInTime,
            Some(number) if number > LONGEST => StatedLife::BeyondMeasure,
            _ => StatedLife::Seconds,
        }
    }

    fn jwt_life(&self) -> Option<JwtLife> {
        self.jwt.map(|Times { exp, iat }| self.until(exp, iat))
    }

    /// The time until `end`, which the server's clock wrote: the smaller of what its Date and its `iat` leave, both
    /// immune to a skew of ours; with neither, what our wall clock leaves.
    fn until(&self, end: Wall, iat: Option<Wall>) -> JwtLife {
        match [self.date, iat].into_iter().flatten().max() {
            Some(begin) => {
                let fresh = end.since(begin);
                JwtLife { fresh, aged: fresh.saturating_sub(Duration::from_secs(self.age)) }
            }
            // Our clock counts the time in a cache by itself.
            None => {
                let fresh = end.since(self.sent);
                JwtLife { fresh, aged: fresh }
            }
        }
    }
}

#[cfg(test)]
mod tests;
