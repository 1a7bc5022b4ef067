//! Random traces: any inputs in any order, two clocks that jump, freeze and run backwards, servers that answer anything.
//!
//! One generator for the property tests and for fuzzing: a trace is a list of `Op`s, and an `Op` is made of eight
//! bytes. A trace that breaks an invariant shrinks to a list that can be read.

mod op;

use op::DAY;
pub(crate) use op::{Answer, Op};

use super::{Call, Flight, Landing, Machine, Outcome, Rejection, RestNote, Rotation, SetAside, Site, Step};
use crate::error::{Class, ConfigError, Error, Problem, Refusal};
use crate::lent::Lent;
use crate::policy::Policy;
use crate::response::Grant;
use crate::time::{Mono, Now, Wall};
use crate::token::{AccessToken, Generation, Stored, Token};
use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;

const HOUR: u64 = 3600;

/// A machine under a trace, and what an observer remembers to judge it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Trace {
    machine: Machine,
    now: Now,
    calls: [Call; 4],
    flights: Vec<Flight>,
    sends: Vec<Mono>,
    /// A Retry-After told to a flight that counted: no Send before.
    told: Mono,
    /// What somebody else told: no Send before, unless the credentials change.
    rests: Mono,
    /// No generation at or below this may be used again.
    dropped: u64,
    last_used: u64,
    last: Option<Last>,
    aside: Option<Refused>,
    /// Something was refused since a token was last installed.
    refused: bool,
    rotated: bool,
    /// What happened, by name.
    seen: BTreeSet<&'static str>,
}

/// The token of the last lease, until `rotate(Drop)`.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Last {
    value: AccessToken,
    use_until: Now,
    /// Whether an answer told that end.
    told: bool,
    /// Whether the machine saw it reached.
    over: bool,
}

/// A token that is set aside.
#[derive(Clone, PartialEq, Eq, Debug)]
struct Refused {
    generation: u64,
    by: BTreeSet<u16>,
    replacement: Replacement,
}

/// The request that is to replace what is set aside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Replacement {
    Due,
    InFlight,
    /// It ended without a token.
    Failed,
}

const PATIENCE: [Duration; 4] =
    [Duration::from_millis(10), Duration::from_secs(3), Duration::from_secs(30), Duration::from_secs(3000)];

impl Trace {
    /// Runs the trace and asserts, after every input, the invariants I1 to I17 (I12 and I16 by their parts), I19, I22,
    /// I31, I32 and I46 to I49.
    ///
    /// # Panics
    /// An invariant is broken; the message names it.
    pub(crate) fn run(ops: &[Op], seed: u64) -> Self {
        let now = Now::new(
            Mono::from_origin(Duration::from_secs(50)),
            Wall::from_epoch(Duration::from_secs(1_795_000_000)),
        );
        let mut trace = Self {
            machine: Machine::new(Policy::new().with_max_waiters(3), seed),
            now,
            calls: PATIENCE.map(|patience| Call::new(now.mono.after(patience))),
            flights: Vec::new(),
            sends: Vec::new(),
            told: Mono::ZERO,
            rests: Mono::ZERO,
            dropped: 0,
            last_used: 0,
            last: None,
            aside: None,
            refused: false,
            rotated: false,
            seen: BTreeSet::new(),
        };
        for op in ops {
            trace.apply(op);
            trace.check();
        }
        trace
    }

    /// What happened in it, by the names of steps, reasons, landings and rejections.
    #[cfg(test)]
    pub(crate) fn seen(&self) -> &BTreeSet<&'static str> {
        &self.seen
    }

    fn apply(&mut self, op: &Op) {
        let now = self.now;
        let before = self.machine.clone();
        match op {
            Op::Pass(time) => self.now = now.after(*time),
            Op::Step(seconds) => {
                let (step, wall) = (Duration::from_secs(seconds.unsigned_abs()), now.wall);
                self.now.wall = if *seconds < 0 {
                    Wall::from_epoch(wall.since_epoch().saturating_sub(step))
                } else {
                    wall.after(step)
                };
            }
            Op::Freeze(time) => self.now.wall = now.wall.after(*time),
            Op::Poll(at, site) => self.poll(*at, *site),
            Op::PollHeldBack(at) => self.poll_held_back(*at),
            Op::Rest { seconds, permanent, failures } => {
                self.rest(Duration::from_secs(*seconds), *permanent, *failures, &before);
            }
            Op::Leave(at) => {
                let call = &mut self.calls[*at];
                self.machine.leave(call);
                let once = self.machine.clone();
                self.machine.leave(call);
                assert_eq!(self.machine, once, "leave is idempotent");
            }
            Op::Land(at, answer) if !self.flights.is_empty() => self.land(*at, answer, &before),
            Op::Abandon(at) if !self.flights.is_empty() => self.abandon(*at, &before),
            Op::Reject { behind, site } => self.reject(*behind, *site, &before),
            Op::Lapse => {
                self.see_what_ended();
                self.machine.lapse(now);
            }
            Op::Rotate(rotation) => self.rotate(*rotation, &before),
            Op::Restore { age, life } => {
                self.restore(Duration::from_secs(*age), Duration::from_secs(*life), &before);
            }
            Op::Land(..) | Op::Abandon(_) => {}
        }
    }

    /// What the machine is about to see: an end that is reached stays so.
    fn see_what_ended(&mut self) {
        if let Some(last) = self.last.as_mut().filter(|last| self.now.has_reached(last.use_until)) {
            last.over = true;
            self.aside = None;
        }
    }

    /// Whether a call for this site may use what is set aside.
    fn is_served_aside(&self, site: Option<u16>) -> bool {
        self.aside.as_ref().is_some_and(|aside| {
            aside.replacement == Replacement::Failed && site.is_none_or(|site| !aside.by.contains(&site))
        })
    }

    fn poll(&mut self, at: usize, site: Option<u16>) {
        let now = self.now;
        self.see_what_ended();
        let held = self.machine.held(now).cloned();
        let served = held.is_some() || self.is_served_aside(site);
        let (wake, in_flight) = (self.machine.next_wake(now), self.machine.fetch(now));
        let in_flight = matches!(in_flight, super::Fetch::InFlight { deadline } if now.mono < deadline);
        let call = &mut self.calls[at];
        if call.deadline() <= now.mono && !call.holds_place() {
            *call = Call::new(now.mono.after(PATIENCE[at]));
        }
        call.at(site.map(Site::new));
        let (step, deadline) = (self.machine.poll(now, call), call.deadline());
        assert_eq!(matches!(step, Step::Send(_)), wake <= now.mono, "I32");
        self.seen.insert(match &step {
            Step::Use(_) if held.is_none() => "Use aside",
            Step::Use(_) => "Use",
            Step::Send(_) => "Send",
            Step::Wait(_) => "Wait",
            Step::Fail(Error::Failed { .. }) => "Failed",
            Step::Fail(Error::TimedOut { .. }) => "TimedOut",
            Step::Fail(Error::Saturated { .. }) => "Saturated",
            Step::Fail(Error::Closed { .. }) => "Closed",
        });
        match step {
            Step::Use(token) => {
                assert!(!now.has_reached(token.use_until()), "I2");
                let generation = token.generation().number();
                let aside = self.aside.as_ref().map(|aside| aside.generation);
                assert!(generation > self.dropped, "I3");
                assert!(served && (held.is_some() || aside == Some(generation)), "I3, I46: {site:?}");
                assert!(generation >= self.last_used, "I5");
                self.last_used = generation;
            }
            Step::Send(flight) => {
                assert!(!in_flight, "I1");
                let spaced =
                    self.sends.last().is_none_or(|last| now.mono.since(*last) >= Duration::from_secs(1));
                assert!(spaced, "I17: min_interval");
                assert!(now.mono >= self.told, "I17: Retry-After");
                assert!(now.mono >= self.rests, "a request within a rest that was told");
                if let Some(aside) = &mut self.aside {
                    aside.replacement = match aside.replacement {
                        Replacement::Due => Replacement::InFlight,
                        // Its deadline had passed.
                        Replacement::InFlight | Replacement::Failed => Replacement::Failed,
                    };
                }
                self.seen.insert(flight.reason().as_str());
                self.sends.push(now.mono);
                self.flights.push(flight);
            }
            Step::Wait(until) => {
                assert!(!served, "I15");
                assert!(now.mono < until && until <= deadline, "I6");
                let before = self.machine.clone();
                assert_eq!(self.machine.poll(now, call), Step::Wait(until), "I10");
                assert_eq!(self.machine, before, "I10");
            }
            Step::Fail(error) => {
                assert!(!served, "I15");
                assert!(!call.holds_place(), "I9");
                if matches!(error, Error::TimedOut { .. }) {
                    assert!(now.mono >= deadline, "I19");
                }
            }
        }
    }

    /// It is answered like any call, but where that would send it waits to its deadline.
    fn poll_held_back(&mut self, at: usize) {
        let now = self.now;
        self.see_what_ended();
        let served = self.machine.held(now).is_some() || self.is_served_aside(None);
        let (free, may_send) = (self.machine.clone(), self.machine.next_wake(now) <= now.mono);
        let call = &mut self.calls[at];
        if call.deadline() <= now.mono && !call.holds_place() {
            *call = Call::new(now.mono.after(PATIENCE[at]));
        }
        call.at(None);
        let mut other = Call { held_back: false, ..*call };
        call.hold_back(true);
        let step = self.machine.poll(now, call);
        call.hold_back(false);
        self.seen.insert("held back");
        match step {
            Step::Send(_) => panic!("a call that is held back sends"),
            Step::Use(_) => assert!(served),
            step if may_send => {
                assert!(!served, "I15");
                let is_own = match &step {
                    Step::Wait(until) => *until == call.deadline() && now.mono < *until,
                    Step::Fail(Error::TimedOut { .. }) => call.deadline() <= now.mono,
                    Step::Fail(Error::Saturated { .. }) => self.machine.waiters() == free.waiters(),
                    _ => false,
                };
                assert!(is_own, "{step:?}");
            }
            // What holds everybody back holds this one back, too.
            step => assert_eq!(step, free.clone().poll(now, &mut other)),
        }
    }

    fn rest(&mut self, time: Duration, permanent: bool, failures: u32, before: &Machine) {
        let (now, until) = (self.now, self.now.mono.after(time));
        let in_flight =
            matches!(before.fetch(now), super::Fetch::InFlight { deadline } if now.mono < deadline);
        self.machine.rest(now, RestNote::new(until, permanent, failures));
        assert_eq!(self.machine.held(now), before.held(now), "I14");
        if self.machine == *before {
            return;
        }
        assert!(!in_flight, "I1: a rest ends no flight");
        assert!(self.machine.next_wake(now) >= until && self.machine.next_wake(now) >= before.next_wake(now));
        self.rests = until;
        // Nobody waits for a request through a rest that somebody told.
        if let Some(aside) = self.aside.as_mut() {
            aside.replacement = Replacement::Failed;
        }
        self.seen.insert("told to rest");
    }

    fn abandon(&mut self, at: usize, before: &Machine) {
        let now = self.now;
        let flight = self.flights.swap_remove(at % self.flights.len());
        let counts = before.counts(&flight);
        let landing = self.machine.abandon(now, flight);
        assert_eq!(self.machine.held(now), before.held(now), "I14");
        match landing {
            Landing::Idle | Landing::Resting { .. } | Landing::HeldBack { .. } if counts => {
                self.ended_without_token();
            }
            Landing::Superseded if !counts => assert_eq!(self.machine, *before, "I22"),
            other => panic!("{other:?} of a flight that is abandoned"),
        }
        self.seen.insert(match landing {
            Landing::Idle => "Idle",
            Landing::Resting { .. } => "abandoned again",
            _ => "abandoned late",
        });
    }

    fn ended_without_token(&mut self) {
        if let Some(aside) = self.aside.as_mut() {
            assert!(aside.replacement != Replacement::Due, "a request counts that is not the replacing one");
            aside.replacement = Replacement::Failed;
        }
    }

    fn land(&mut self, at: usize, answer: &Answer, before: &Machine) {
        let now = self.now;
        let flight = self.flights.swap_remove(at % self.flights.len());
        let (counts, sent) = (before.counts(&flight), flight.sent_at());
        let refused = |class| Refusal::new(class, Some(400), Problem::Status);
        let outcome = match answer {
            Answer::Grant { name, life, refresh_in } => {
                let grant = Grant::new(token(&format!("t{name}")), *life);
                Outcome::Granted(match refresh_in {
                    Some(wish) => grant.with_refresh_in(Duration::from_secs(*wish)),
                    None => grant,
                })
            }
            Answer::Transient => Outcome::Refused(refused(Class::Transient)),
            Answer::Throttled(seconds) => {
                let told = Duration::from_secs(*seconds);
                if counts {
                    self.told = now.mono.after(told.min(Duration::from_secs(HOUR)));
                }
                Outcome::Refused(refused(Class::Transient).with_retry_after(told))
            }
            Answer::Permanent => Outcome::Refused(refused(Class::Permanent)),
            Answer::NotSent => Outcome::NotSent(ConfigError::ColonInClientId.into()),
            Answer::PermanentLive => Outcome::Refused(refused(Class::Permanent).of_live()),
            Answer::HeldBack => Outcome::HeldBack(refused(Class::Permanent).of_live()),
            Answer::Shared { name, left, due_in, life } => {
                Outcome::Shared(Lent::new(token(&format!("t{name}")), *left, *due_in, *life))
            }
            Answer::Elsewhere => Outcome::Elsewhere,
        };
        let foreign = Flight { seed: flight.seed.wrapping_add(1), ..flight.clone() };
        assert_eq!(self.machine.complete(now, foreign, outcome.clone()), Landing::Superseded, "I49");
        assert_eq!(self.machine, *before, "I49");
        let failure = !matches!(outcome, Outcome::Granted(_) | Outcome::Shared(_));
        if !failure {
            self.see_what_ended();
        }
        let landing = self.machine.complete(now, flight, outcome);
        let (held_before, held) = (before.held(now), self.machine.held(now).cloned());
        assert!(!failure || held.as_ref() == held_before, "I14");
        self.seen.insert(match (&landing, counts) {
            (Landing::Installed { .. }, true) => "Installed",
            (Landing::Installed { .. }, false) => "Installed late",
            (Landing::Resting { .. }, _) => "Resting",
            (Landing::HeldBack { .. }, _) => "HeldBack",
            (Landing::NoProgress { .. }, _) => "NoProgress",
            (Landing::Idle, _) => "Idle",
            (Landing::Elsewhere, _) => "Elsewhere",
            (Landing::Superseded, _) => "Superseded",
        });
        match landing {
            Landing::Installed { life, .. } => {
                let Some(held) = held else { panic!("I2: what was installed has ended") };
                assert!(life <= Duration::from_secs(366 * DAY), "I12");
                self.installed(answer, sent, life, &held);
                not_born_due(&held, sent, now);
            }
            Landing::Resting { until, .. } | Landing::HeldBack { until, .. } => {
                assert!(counts && until > now.mono);
                assert_eq!(held.as_ref(), held_before, "I14");
                self.ended_without_token();
            }
            Landing::NoProgress { .. } => {
                let (Some(held), Some(held_before)) = (held, held_before) else {
                    panic!("no progress, and nothing held");
                };
                assert_eq!(held.generation(), held_before.generation());
                assert!(!now.has_reached(held.refresh_at()), "I13");
                self.not_progressed(answer, sent, &held);
            }
            Landing::Idle => panic!("only an abandonment is idle"),
            Landing::Elsewhere => {
                assert!(counts && *answer == Answer::Elsewhere);
                assert_eq!(held.as_ref(), held_before, "I14");
                assert_eq!(self.machine.fetch(now), super::Fetch::Idle, "idle, and nothing rested from");
                let counted = (self.machine.failures, self.machine.last_error());
                assert_eq!(counted, (before.failures, before.last_error()), "counted, and nothing failed");
                self.ended_without_token();
            }
            Landing::Superseded => {
                assert!(!counts, "I22: a flight that counts has an effect");
                let fetch = (self.machine.fetch(now), self.machine.failures);
                assert_eq!(fetch, (before.fetch(now), before.failures), "I22");
                assert_eq!(held.as_ref(), held_before, "I22");
            }
        }
    }

    /// I11, I48: where the end of a token comes from.
    fn installed(&mut self, answer: &Answer, sent: Now, life: Duration, held: &Token) {
        let told = match answer {
            Answer::Grant { life: told, .. } => told,
            Answer::Shared { life: whole, .. } => {
                self.seen.insert("shared");
                // Less the leeway of the whole life; and its end is an assumption.
                let whole = (*whole).min(Duration::from_secs(366 * DAY));
                let leeway = Duration::from_secs(30).min(whole / 10);
                assert_eq!(held.use_until(), sent.after(life - leeway), "I11");
                let (value, use_until) = (held.value().clone(), held.use_until());
                self.last = Some(Last { value, use_until, told: false, over: false });
                (self.aside, self.refused) = (None, false);
                return;
            }
            _ => panic!("I14: installed by {answer:?}"),
        };
        let last = self.last.take().filter(|last| last.value == *held.value());
        let kept = last.filter(|last| told.is_none() && last.told);
        if let Some(kept) = &kept {
            assert!(!kept.over, "I48: used beyond the end that was told");
            assert_eq!(held.use_until(), kept.use_until, "I48");
            self.seen.insert("repeated");
        } else {
            assert_eq!(held.use_until(), sent.after(used(life)), "I11");
        }
        let told = told.is_some() || kept.is_some();
        self.last =
            Some(Last { value: held.value().clone(), use_until: held.use_until(), told, over: false });
        (self.aside, self.refused) = (None, false);
    }

    /// I11, I48: what an answer without progress changes of the end.
    fn not_progressed(&mut self, answer: &Answer, sent: Now, held: &Token) {
        let (name, life) = match answer {
            Answer::Grant { name, life, .. } => (name, life),
            // What another process knows of its end counts for nobody else.
            Answer::Shared { name, .. } => (name, &None),
            _ => panic!("I14: no progress by {answer:?}"),
        };
        let Some(last) = &mut self.last else { panic!("held, and never installed") };
        if let Some(life) = life
            && token(&format!("t{name}")) == last.value
        {
            let end = sent.after(used((*life).min(Duration::from_secs(366 * DAY))));
            last.use_until = if last.told {
                Now::new(last.use_until.mono.min(end.mono), last.use_until.wall.min(end.wall))
            } else {
                self.seen.insert("corrected");
                end
            };
            last.told = true;
        }
        assert_eq!(held.use_until(), last.use_until, "I11, I48");
    }

    fn reject(&mut self, behind: u64, site: u16, before: &Machine) {
        let now = self.now;
        let last = before.held(now).map_or(before.generations, |held| held.generation().number());
        let generation = Generation(last.saturating_sub(behind));
        let aside = before.set_aside(now).filter(|aside| aside.token().generation() == generation);
        let verdict = self.machine.reject(now, generation, Site::new(site));
        self.seen.insert(match verdict {
            Rejection::Dropped => "Dropped",
            Rejection::Replaced if aside.is_some() => "refused again",
            Rejection::Replaced => "Replaced",
            Rejection::Settling(_) => "Settling",
            Rejection::Refused => "Refused",
        });
        match (verdict, aside, &mut self.aside) {
            (Rejection::Dropped, ..) => {
                self.refused = true;
                let replacement = match before.fetch(now) {
                    super::Fetch::Resting { .. } => Replacement::Failed,
                    super::Fetch::InFlight { .. } => Replacement::InFlight,
                    super::Fetch::Idle => Replacement::Due,
                };
                let by = BTreeSet::from([site]);
                self.aside = Some(Refused { generation: generation.number(), by, replacement });
            }
            (Rejection::Replaced, Some(_), Some(refused)) => {
                refused.by.insert(site);
                let but_the_sites = Machine { holding: before.holding.clone(), ..self.machine.clone() };
                assert_eq!(but_the_sites, *before, "I4: more than a site was added");
            }
            (verdict, ..) => {
                assert_eq!(self.machine, *before, "I4 {verdict:?}");
                let over = matches!(verdict, Rejection::Settling(until) if until <= now.mono);
                assert!(!over, "I6: a settling token is waited for in the future");
            }
        }
    }

    fn rotate(&mut self, rotation: Rotation, before: &Machine) {
        self.see_what_ended();
        self.machine.rotate(self.now, rotation);
        (self.rotated, self.rests) = (true, Mono::ZERO);
        match (rotation, &mut self.aside) {
            (Rotation::Drop, _) => {
                self.dropped = before.generations;
                (self.aside, self.last) = (None, None);
            }
            (Rotation::Keep, Some(aside)) if aside.replacement == Replacement::InFlight => {
                aside.replacement = Replacement::Due;
            }
            (Rotation::Keep, _) => {}
        }
    }

    fn restore(&mut self, age: Duration, life: Duration, before: &Machine) {
        let now = self.now;
        self.see_what_ended();
        let issued = Wall::from_epoch(now.wall.since_epoch().saturating_sub(age));
        let end = issued.after(used(life));
        let stored = Stored { token: token("kept"), issued, life };
        let taken = self.machine.restore(now, stored);
        let held = self.machine.held(now).cloned();
        if !taken {
            assert_eq!(held.as_ref(), before.held(now), "I31");
            return;
        }
        self.seen.insert("restored");
        assert_eq!(before.held(now), None, "I31");
        assert!(!self.refused && !self.rotated, "I47");
        let Some(held) = held else { panic!("I31: what was restored has ended") };
        assert_eq!(held.use_until().wall, end, "I31: no longer than the original");
        not_born_due(&held, now, now);
        let use_until = held.use_until();
        self.last = Some(Last { value: held.value().clone(), use_until, told: false, over: false });
    }

    /// What holds in every state.
    fn check(&self) {
        let (now, machine) = (self.now, &self.machine);
        let holding = self.calls.iter().filter(|call| call.holds_place()).count();
        assert_eq!(machine.waiters(), holding, "I9");
        assert!(holding <= machine.policy().max_waiters(), "I9");
        assert!(machine.next_wake(now) >= now.mono);
        if let Some((token, until)) = machine.quiet_until(now)
            && !now.has_reached(until)
        {
            // To the last instant before the first of both clocks reaches it.
            for then in [now, now.after(now.until(until) - Duration::from_nanos(1))] {
                for site in [None, Some(Site::new(0)), Some(Site::new(2))] {
                    let mut call = Call::new(then.mono);
                    call.at(site);
                    let step = machine.clone().poll(then, &mut call);
                    assert_eq!(step, Step::Use(token.clone()), "I49");
                }
            }
        }
        self.check_what_is_set_aside();
        self.time_alone_leads_to_an_answer();
    }

    /// I46: what was refused is known by its sites, until its end, and is neither held nor exported.
    fn check_what_is_set_aside(&self) {
        let (now, machine) = (self.now, &self.machine);
        let aside = machine.set_aside(now);
        let sites = |aside: &SetAside<'_>| aside.refused_by().map(Site::place).collect::<BTreeSet<u16>>();
        let expected = self
            .aside
            .as_ref()
            .filter(|_| self.last.as_ref().is_some_and(|last| !now.has_reached(last.use_until)));
        let told = aside.map(|aside| (aside.token().generation().number(), sites(&aside)));
        assert_eq!(told, expected.map(|aside| (aside.generation, aside.by.clone())), "I46");
        let out = (machine.held(now), machine.quiet_until(now), machine.export(now));
        assert!(self.aside.is_none() || out == (None, None, None), "I46: a refused token is given away");
    }

    /// I7: whatever happened, a caller that only waits gets `Use`, `Send` or a `Fail` in a few polls.
    fn time_alone_leads_to_an_answer(&self) {
        let (mut machine, mut now) = (self.machine.clone(), self.now);
        let mut call = Call::new(now.mono.after(PATIENCE[2]));
        for _ in 0..3 {
            match machine.poll(now, &mut call) {
                Step::Wait(until) => now = now.after(until.since(now.mono)),
                Step::Use(_) | Step::Send(_) | Step::Fail(_) => return,
            }
        }
        panic!("I7: a livelock");
    }
}

/// The part of a life in which a token is used.
fn used(life: Duration) -> Duration {
    life - Duration::from_secs(30).min(life / 10)
}

/// I13, on each clock: max(sent, arrival) < refresh_at <= use_until.
fn not_born_due(token: &Token, sent: Now, arrival: Now) {
    let (refresh, end) = (token.refresh_at(), token.use_until());
    assert!(sent.mono.max(arrival.mono) < refresh.mono && refresh.mono <= end.mono, "I13: {token:?}");
    assert!(sent.wall.max(arrival.wall) < refresh.wall && refresh.wall <= end.wall, "I13: {token:?}");
}

fn token(name: &str) -> AccessToken {
    let Ok(token) = AccessToken::new(name) else { unreachable!("the names are visible ASCII") };
    token
}
