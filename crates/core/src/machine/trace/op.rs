//! What happens in a random trace, and the bytes that it is made of.

use crate::machine::Rotation;
use core::time::Duration;

pub(super) const DAY: u64 = 86_400;

/// One input. Indices are taken modulo what is there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Op {
    /// Both clocks go on.
    Pass(Duration),
    /// The wall clock alone steps, in seconds.
    Step(i64),
    /// The monotonic clock freezes: a suspend.
    Freeze(Duration),
    /// This caller asks, for a site if it says one.
    Poll(usize, Option<u16>),
    /// This caller asks, for no site, and nothing may be sent for it.
    PollHeldBack(usize),
    /// Somebody tells that no request may be sent for so many seconds, after so many failures.
    Rest {
        /// Seconds.
        seconds: u64,
        /// Whether callers fail at once until then.
        permanent: bool,
        /// Failures in a row.
        failures: u32,
    },
    /// This caller stops caring.
    Leave(usize),
    /// This flight is answered.
    Land(usize, Answer),
    /// Nobody will report on this flight.
    Abandon(usize),
    /// A token so many generations behind the last one is refused at this site.
    Reject {
        /// Generations behind the last one.
        behind: u64,
        /// Where.
        site: u16,
    },
    /// Somebody looks, and what has ended stays so.
    Lapse,
    /// The credentials change.
    Rotate(Rotation),
    /// A stored token is offered: so many seconds old, with a life of so many.
    Restore {
        /// Seconds since it was issued.
        age: u64,
        /// Seconds of life.
        life: u64,
    },
}

/// What becomes of a flight.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Answer {
    /// One of four tokens, with or without a life and a wish for its refresh.
    Grant {
        /// Which of the four.
        name: u8,
        /// The life it is said to have.
        life: Option<Duration>,
        /// `refresh_in`, in seconds.
        refresh_in: Option<u64>,
    },
    /// A transient refusal.
    Transient,
    /// The same, with a Retry-After of so many seconds.
    Throttled(u64),
    /// A permanent refusal.
    Permanent,
    /// The request could not be built.
    NotSent,
    /// A permanent refusal of a credential that was read for the request.
    PermanentLive,
    /// That credential is the same one still, and nothing was sent.
    HeldBack,
    /// Another process has asked: one of the four tokens.
    Shared {
        /// Which of the four.
        name: u8,
        /// What is left of it, from the sending.
        left: Duration,
        /// When it is due, from the sending.
        due_in: Duration,
        /// Its whole life.
        life: Duration,
    },
    /// Another process was about to ask.
    Elsewhere,
}

impl Op {
    /// The input that these bytes stand for: every eight bytes are one, and small numbers are simple ones.
    pub(crate) fn decode([kind, a, b, c, d, e, f, g]: [u8; 8]) -> Self {
        let number = u64::from_le_bytes([b, c, d, e, 0, 0, 0, 0]);
        match kind % 32 {
            0..=6 => Self::Pass(time(a, number)),
            7 => Self::Step(i64::try_from(number % (2 * DAY)).unwrap_or(0) - DAY.cast_signed()),
            8 => Self::Freeze(time(a, number)),
            9..=16 => Self::Poll(usize::from(a % 4), Some(u16::from(b % 4)).filter(|site| *site < 3)),
            17 => Self::Leave(usize::from(a % 4)),
            18..=24 => Self::Land(usize::from(a), Answer::decode([b, c, d, e, f, g])),
            25 => Self::Abandon(usize::from(a)),
            26 | 27 => Self::Reject { behind: u64::from(a % 3), site: u16::from(b % 3) },
            28 => Self::Rotate(if a % 2 == 0 { Rotation::Keep } else { Rotation::Drop }),
            30 => Self::Lapse,
            31 if a % 4 == 1 => Self::PollHeldBack(usize::from(b % 4)),
            31 if a % 4 == 2 => {
                Self::Rest { seconds: number % 400, permanent: f % 2 == 1, failures: u32::from(g) }
            }
            29 => Self::Restore { age: number % 5000, life: u64::from(f) * 20 },
            _ => Self::Pass(Duration::from_millis(number % 3000)),
        }
    }
}

impl Answer {
    fn decode([kind, name, a, b, c, d]: [u8; 6]) -> Self {
        let number = u64::from_le_bytes([a, b, c, d, 0, 0, 0, 0]);
        let huge = u64::from_le_bytes([a, b, c, d, a, b, c, d]);
        let grant = |life, refresh_in| Self::Grant { name: name % 4, life, refresh_in };
        match kind % 16 {
            0 | 1 => grant(Some(Duration::from_secs(number % 100_000)), None),
            2 | 3 => grant(Some(Duration::from_millis(number % 100_000)), None),
            4 => grant(Some(Duration::from_secs(number % 100_000)), Some(huge)),
            5 => grant(Some(Duration::from_secs(number % 10_000)), Some(u64::from(d))),
            6 => grant(None, None),
            7 => grant(Some(Duration::from_secs(huge)), None),
            8 => grant(Some(if d % 2 == 0 { Duration::MAX } else { Duration::ZERO }), None),
            9 => grant(Some(Duration::from_nanos(number % 100)), None),
            10 | 11 => Self::Transient,
            12 | 13 => Self::Throttled(number % 5000),
            14 if d % 4 == 1 => Self::PermanentLive,
            14 if d % 4 == 2 => Self::HeldBack,
            14 => Self::Permanent,
            15 if d % 4 == 1 => Self::Elsewhere,
            15 if d % 4 > 1 => {
                let left = time(a, number);
                let due_in = left / (u32::from(c % 3) + 1);
                Self::Shared { name: name % 4, left, due_in, life: left.saturating_mul(u32::from(b % 4)) }
            }
            _ => Self::NotSent,
        }
    }
}

fn time(scale: u8, number: u64) -> Duration {
    match scale % 8 {
        0..=3 => Duration::from_millis(number % 3000),
        4 | 5 => Duration::from_secs(number % 400),
        6 => Duration::from_secs(number % 100_000),
        _ => Duration::from_nanos(number % 10),
    }
}
