//! What the search moves through: a machine, its callers and its flights, and everything that can happen next.

use crate::{
    AccessToken, Ask, Call, Class, Closed, ConfigError, Flight, Generation, Grant, Landing, Lent, Machine,
    Mono, Now, Outcome, Policy, Problem, Refusal, Rejection, Rotation, Site, SourceError, Step, Stored,
    Unready, Wall,
};
use std::time::Duration;
use std::{vec, vec::Vec};

/// All times are multiples of this.
pub(super) const UNIT: Duration = Duration::from_millis(500);
/// A flight that is older is never heard of again.
const OLDEST: u32 = 8;
/// The steps of the wall clock, and how far it may be off.
const SKEW: i8 = 6;

pub(super) fn units(n: u32) -> Duration {
    UNIT * n
}

/// Every figure a few units: attempt_timeout 1 (with the grace: 3), min_interval 1, settle 1, gates 2 and 4, leeway and
/// ahead at most 1 and 2, backoff 1 and 2, cooldown 2 and 4, Retry-After at most 3, two places in the queue.
pub(super) fn policy() -> Policy {
    Policy::new()
        .with_jitter(false)
        .with_attempt_timeout(units(1))
        .with_min_interval(units(1))
        .with_settle(units(1))
        .with_gate(units(2), units(4))
        .with_leeway(units(1))
        .with_ahead(units(2))
        .with_backoff(units(1), units(2))
        .with_cooldown(units(2), units(4))
        .with_retry_after_cap(units(3))
        .with_default_lifetime(units(10))
        .with_max_waiters(2)
}

/// What may happen in one search.
#[derive(Clone, Debug)]
pub(super) struct Bounds {
    pub callers: usize,
    /// Flights in the air at once, those that are superseded included.
    pub flights: usize,
    pub sites: u16,
    pub rotations: bool,
    pub restores: bool,
    /// The wall clock steps, and the machine is suspended.
    pub skews: bool,
    /// Calls are held back, and the machine is closed.
    pub pooled: bool,
    /// Other processes ask, and share their tokens.
    pub fleet: bool,
}

impl Bounds {
    pub(super) fn none() -> Self {
        Self {
            callers: 1,
            flights: 1,
            sites: 0,
            rotations: false,
            restores: false,
            skews: false,
            pooled: false,
            fleet: false,
        }
    }
}

/// One thing that happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Event {
    Pass(u32),
    /// The wall clock alone moves.
    Step(i8),
    /// For a site, if the caller says one.
    Poll(usize, Option<u16>),
    /// For no site, and nothing may be sent for it.
    PollHeldBack(usize),
    Leave(usize),
    Land(usize, Answer),
    Abandon(usize),
    /// Of the generation that is held or set aside, or of the one before.
    Reject {
        held: bool,
        site: u16,
    },
    Rotate(Rotation),
    Restore {
        age: u32,
        life: u32,
    },
    Close,
}

/// What becomes of a flight.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Answer {
    /// Another token than the held one, with this life.
    Token(u32),
    /// Another one, of whose life nothing is known.
    Unknown,
    /// The last one again.
    Same(u32),
    /// The last one again, and nothing is said of its life.
    SameUnknown,
    Transient,
    Throttled(u32),
    Permanent,
    PermanentThrottled(u32),
    NotSent,
    /// Something could not be read for the request: it may be there in a second.
    Unready,
    /// The credential that was read for the request is refused.
    PermanentLive,
    /// It is the same one still, and nothing was sent.
    HeldBack,
    /// The last token, or another one: another process has asked.
    Shared {
        same: bool,
        left: u32,
        due_in: u32,
        life: u32,
    },
    /// Another process was about to ask.
    Elsewhere,
}

const ANSWERS: [Answer; 14] = [
    Answer::Token(0),
    Answer::Token(10),
    Answer::Token(20),
    Answer::Unknown,
    Answer::Same(10),
    Answer::SameUnknown,
    Answer::Transient,
    Answer::Throttled(3),
    Answer::Permanent,
    Answer::PermanentThrottled(3),
    Answer::NotSent,
    Answer::Unready,
    Answer::PermanentLive,
    Answer::HeldBack,
];

/// What becomes of a flight where other processes ask as well.
const SHARED: [Answer; 7] = [
    Answer::Elsewhere,
    Answer::Shared { same: false, left: 8, due_in: 4, life: 10 },
    Answer::Shared { same: false, left: 2, due_in: 0, life: 10 },
    Answer::Shared { same: false, left: 1, due_in: 0, life: 10 },
    Answer::Shared { same: true, left: 8, due_in: 3, life: 10 },
    Answer::Shared { same: true, left: 2, due_in: 0, life: 10 },
    Answer::Shared { same: true, left: 0, due_in: 0, life: 0 },
];

#[derive(Clone, PartialEq, Eq, Hash)]
pub(super) struct World {
    pub now: Now,
    pub machine: Machine,
    pub calls: Vec<Option<Call>>,
    pub flights: Vec<Flight>,
    /// How far the wall clock is off, in units.
    skew: i8,
    pub ghost: Ghost,
}

/// What an observer remembers to judge what he sees; the machine knows nothing of it.
#[derive(Clone, PartialEq, Eq, Hash, Default)]
pub(super) struct Ghost {
    /// No Send before.
    pub spaced: Option<Mono>,
    /// A Retry-After told to a flight that counted: no Send before.
    pub told: Option<Mono>,
    /// A permanent refusal: every poll without a token fails before.
    pub permanent: Option<Mono>,
    /// Per site, that its tokens were dropped and no new one came; and when the next may be dropped at the earliest.
    pub sites: [(bool, Option<Mono>); 2],
    pub aside: Option<Refused>,
    /// A token was refused since one was last installed.
    pub refused: bool,
    pub rotated: bool,
    /// An answer told the end of the last token.
    pub told_end: bool,
    pub closed: bool,
}

/// A token that is set aside.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Refused {
    pub by: [bool; 2],
    pub replacement: Replacement,
}

/// The request that is to replace what is set aside.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Replacement {
    Due,
    InFlight,
    /// It ended without a token.
    Failed,
}

impl Ghost {
    /// Whether what is set aside may serve a call of this site.
    pub(super) fn serves(&self, site: Option<u16>) -> bool {
        self.aside.is_some_and(|aside| {
            aside.replacement == Replacement::Failed && site.is_none_or(|site| !aside.by[usize::from(site)])
        })
    }
}

/// What happened, for the invariants to judge.
pub(super) enum Effect {
    Passed,
    Polled(usize, Option<u16>, Step),
    PolledHeldBack(usize, Step),
    Closed,
    Left(usize),
    Landed { flight: Flight, answer: Answer, landing: Landing },
    Abandoned(Landing),
    Rejected { held: bool, site: u16, verdict: Rejection },
    Rotated(Rotation),
    Restored { taken: bool, stored: Stored },
}

impl World {
    pub(super) fn new(bounds: &Bounds) -> Self {
        let noon = Duration::from_secs(43_200);
        let world = Self {
            now: Now::new(Mono::from_origin(noon), Wall::from_epoch(noon)),
            machine: Machine::new(policy(), 0),
            calls: vec![None; bounds.callers],
            flights: Vec::new(),
            skew: 0,
            ghost: Ghost::default(),
        };
        world.canonical()
    }

    /// Everything that can happen next.
    pub(super) fn events(&self, bounds: &Bounds) -> Vec<Event> {
        // Time passes finely, and coarsely: past every rest and deadline, into the middle of a life.
        let mut events = vec![Event::Pass(1), Event::Pass(6)];
        for at in 0..bounds.callers {
            events.push(Event::Poll(at, None));
            events.extend((0..bounds.sites).map(|site| Event::Poll(at, Some(site))));
            if self.calls[at].is_some() {
                events.push(Event::Leave(at));
            }
        }
        for at in 0..self.flights.len() {
            events.extend(ANSWERS.map(|answer| Event::Land(at, answer)));
            if bounds.fleet {
                events.extend(SHARED.map(|answer| Event::Land(at, answer)));
            }
            events.push(Event::Abandon(at));
        }
        for site in 0..bounds.sites {
            events.extend([true, false].map(|held| Event::Reject { held, site }));
        }
        if bounds.pooled {
            events.extend((0..bounds.callers).map(Event::PollHeldBack));
            if !self.ghost.closed {
                events.push(Event::Close);
            }
        }
        if bounds.rotations {
            events.extend([Rotation::Keep, Rotation::Drop].map(Event::Rotate));
        }
        if bounds.restores {
            events
                .extend([(0, 10), (8, 10), (9, 10), (0, 0)].map(|(age, life)| Event::Restore { age, life }));
        }
        if bounds.skews {
            events.extend(
                [-SKEW, SKEW].into_iter().filter(|by| (self.skew + by).abs() <= SKEW).map(Event::Step),
            );
        }
        events
    }

    /// Lets it happen.
    pub(super) fn apply(&mut self, event: Event) -> Effect {
        let now = self.now;
        match event {
            Event::Pass(time) => {
                self.now = now.after(units(time));
                Effect::Passed
            }
            Event::Step(by) => {
                self.skew += by;
                let wall = now.wall.since_epoch();
                let step = units(u32::from(by.unsigned_abs()));
                self.now.wall = Wall::from_epoch(if by < 0 { wall - step } else { wall + step });
                Effect::Passed
            }
            Event::Poll(at, site) => {
                let step = self.poll(at, |call| call.at(site.map(Site::new)));
                Effect::Polled(at, site, step)
            }
            Event::PollHeldBack(at) => {
                let step = self.poll(at, |call| {
                    call.at(None);
                    call.hold_back(true);
                });
                if let Some(call) = &mut self.calls[at] {
                    call.hold_back(false);
                }
                Effect::PolledHeldBack(at, step)
            }
            Event::Close => {
                self.machine.close(now, Closed::Replaced);
                Effect::Closed
            }
            Event::Leave(at) => {
                if let Some(call) = &mut self.calls[at] {
                    self.machine.leave(call);
                }
                self.calls[at] = None;
                Effect::Left(at)
            }
            Event::Land(at, answer) => {
                let flight = self.flights.remove(at);
                let outcome = self.outcome(answer);
                let landing = self.machine.complete(now, flight.clone(), outcome);
                Effect::Landed { flight, answer, landing }
            }
            Event::Abandon(at) => {
                let flight = self.flights.remove(at);
                Effect::Abandoned(self.machine.abandon(now, flight))
            }
            Event::Reject { held, site } => {
                let verdict = self.machine.reject(now, self.generation(held), Site::new(site));
                Effect::Rejected { held, site, verdict }
            }
            Event::Rotate(rotation) => {
                self.machine.rotate(now, rotation);
                Effect::Rotated(rotation)
            }
            Event::Restore { age, life } => {
                let issued = Wall::from_epoch(now.wall.since_epoch() - units(age));
                let stored = Stored { token: token("kept"), issued, life: units(life) };
                Effect::Restored { taken: self.machine.restore(now, stored.clone()), stored }
            }
        }
    }

    fn poll(&mut self, at: usize, say: impl FnOnce(&mut Call)) -> Step {
        let now = self.now;
        let call = self.calls[at].get_or_insert_with(|| call(now, at));
        say(call);
        let step = self.machine.poll(now, call);
        if matches!(step, Step::Use(_) | Step::Fail(_)) {
            self.calls[at] = None;
        }
        step
    }

    /// After a Send: the flight is in the air, and the oldest beyond the bound is never heard of again.
    pub(super) fn launch(&mut self, flight: Flight, bounds: &Bounds) {
        if self.flights.len() == bounds.flights {
            let _forgotten = self.flights.remove(0);
        }
        self.flights.push(flight);
    }

    /// The generation that is held or set aside, or one that is neither.
    pub(super) fn generation(&self, held: bool) -> Generation {
        // Generations cannot be made up: an old one is that of a fixed token.
        let old = crate::Token::fixed(token("old")).generation();
        let aside = self.machine.set_aside(self.now).map(|aside| aside.token().generation());
        let current = self.machine.held(self.now).map(crate::Token::generation).or(aside);
        current.filter(|_| held).unwrap_or(old)
    }

    fn outcome(&self, answer: Answer) -> Outcome {
        let refusal = |class| Refusal::new(class, Some(400), Problem::Status);
        let grant = |name, life| Outcome::Granted(Grant::new(token(name), life));
        match answer {
            // The held token is always called so after `relative`.
            Answer::Same(life) => grant("held", Some(units(life))),
            Answer::SameUnknown => grant("held", None),
            Answer::Token(life) => grant("other", Some(units(life))),
            Answer::Unknown => grant("other", None),
            Answer::Transient => Outcome::Refused(refusal(Class::Transient)),
            Answer::Throttled(told) => {
                Outcome::Refused(refusal(Class::Transient).with_retry_after(units(told)))
            }
            Answer::Permanent => Outcome::Refused(refusal(Class::Permanent)),
            Answer::PermanentThrottled(told) => {
                Outcome::Refused(refusal(Class::Permanent).with_retry_after(units(told)))
            }
            Answer::NotSent => Outcome::NotSent(ConfigError::ColonInClientId.into()),
            Answer::Unready => Outcome::NotSent(Unready::new(Ask::ClientSecret, SourceError::Missing)),
            Answer::PermanentLive => Outcome::Refused(refusal(Class::Permanent).of_live()),
            Answer::HeldBack => Outcome::HeldBack(refusal(Class::Permanent).of_live()),
            Answer::Shared { same, left, due_in, life } => {
                let token = token(if same { "held" } else { "other" });
                Outcome::Shared(Lent::new(token, units(left), units(due_in), units(life)))
            }
            Answer::Elsewhere => Outcome::Elsewhere,
        }
    }

    /// The one world that stands for all that behave alike.
    pub(super) fn canonical(mut self) -> Self {
        let (then, wall_then) = (self.now.mono, self.now);
        let oldest = units(OLDEST);
        self.flights.retain(|flight| wall_then.mono.since(flight.sent_at().mono) <= oldest);
        // A caller says its site anew with each poll.
        self.calls.iter_mut().flatten().for_each(|call| call.at(None));
        let (machine, now) = self.machine.relative(self.now, &mut self.flights, &mut self.calls);
        let shift = |at: Option<Mono>| {
            let ahead = at?.since(then);
            (!ahead.is_zero()).then(|| now.mono.after(ahead))
        };
        self.ghost.spaced = shift(self.ghost.spaced);
        self.ghost.told = shift(self.ghost.told);
        self.ghost.permanent = shift(self.ghost.permanent);
        for (_, gate) in &mut self.ghost.sites {
            *gate = shift(*gate);
        }
        Self { machine, now, ..self }
    }
}

/// The callers differ: a patient one, one that fails fast, a hasty one.
fn call(now: Now, at: usize) -> Call {
    match at {
        0 => Call::new(now.mono.after(units(5))),
        1 => Call::new(now.mono.after(units(5))).fail_fast(true),
        _ => Call::new(now.mono.after(units(1))),
    }
}

pub(super) fn token(name: &str) -> AccessToken {
    AccessToken::new(name).expect("visible ASCII")
}
