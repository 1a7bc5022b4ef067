//! The invariants marked [M], asserted at every transition by somebody who sees inputs and outputs alone.

use super::world::{Answer, Bounds, Effect, World, policy, units};
use crate::{Call, Error, Fetch, Landing, Machine, Mono, Now, Rejection, Rotation, Step, Token};
use std::time::Duration;
use std::{format, string::String};

macro_rules! hold {
    ($condition:expr, $($what:tt)*) => {
        if !$condition {
            return Err(format!($($what)*));
        }
    };
}

/// Judges one transition, and keeps the observer's notes in `after`.
pub(super) fn check(
    before: &World,
    after: &mut World,
    effect: Effect,
    bounds: &Bounds,
) -> Result<(), String> {
    let now = before.now;
    let (held_before, held_after) = (before.machine.held(now).cloned(), after.machine.held(now).cloned());
    match effect {
        Effect::Passed => {}
        Effect::Polled(at, step) => polled(before, after, at, step, bounds)?,
        Effect::Left(at) => others_are_unharmed(before, after, Some(at))?,
        Effect::Abandoned => {
            hold!(held_before == held_after, "I14: an abandonment changed the lease");
            // From the second in a row on it is a failure, which may make waiting pointless.
            if !matches!(after.machine.fetch(now), Fetch::Resting { .. }) {
                others_are_unharmed(before, after, None)?;
            }
        }
        Effect::Landed { flight, answer, landing } => {
            let counted = before.machine.fetch(now) != after.machine.fetch(now);
            landed(before, after, answer, &landing)?;
            if let Landing::Installed { life, .. } = landing {
                let held = held_after.ok_or("I2: what was installed is over")?;
                let leeway = policy().leeway(life);
                let end = flight.sent_at().after(life - leeway);
                hold!(held.use_until() == end, "I11: {:?} is not {end:?}", held.use_until());
                hold!(flight.id() > before.machine.brought_by(), "I5: an older flight displaced a newer one");
                not_born_due(&held, flight.sent_at(), now)?;
            } else if matches!(landing, Landing::Superseded) {
                hold!(!counted, "I22: a superseded flight touched the fetch");
                hold!(held_before == held_after, "I22: a superseded flight touched the lease");
            }
        }
        Effect::Rejected { held, site, verdict } => {
            let gate = &mut after.ghost.sites[usize::from(site)];
            if verdict == Rejection::Dropped {
                hold!(held && held_after.is_none(), "I3: Dropped, and still held");
                let stale = before.machine.quiet_until(now).is_some_and(|(token, _)| is_stale(before, token));
                hold!(stale || gate.1.is_none_or(|closed| now.mono >= closed), "I18: the gate was closed");
                gate.0 = true;
            } else {
                hold!(before.machine == after.machine, "I4: {verdict:?} changed the machine");
                let current = held && held_before.is_some();
                hold!(current || verdict == Rejection::Replaced, "{verdict:?} for a token that is not held");
                hold!(!current || verdict != Rejection::Replaced, "Replaced, and still held");
            }
        }
        Effect::Rotated(rotation) => {
            after.ghost.permanent = None;
            after.ghost.sites = Default::default();
            let kept = rotation == Rotation::Keep && held_before == held_after;
            hold!(kept || held_after.is_none(), "I3: rotate({rotation:?}) left a token");
            // I22: one request is due as soon as min_interval and a Retry-After allow.
            let due = [Some(now.mono), after.ghost.spaced, after.ghost.told].into_iter().flatten().max();
            hold!(Some(after.machine.next_wake(now)) == due, "a rotation is not followed by a request");
        }
        Effect::Restored { taken, stored } => {
            if taken {
                after.ghost.permanent = None;
                hold!(held_before.is_none(), "I31: restored over a held token");
                let held = held_after.ok_or("I31: what was restored is over")?;
                let end = stored.issued.after(stored.life - policy().leeway(stored.life));
                hold!(held.use_until().wall == end, "I31: used longer than the original");
                not_born_due(&held, now, now)?;
            } else {
                hold!(held_before == held_after, "I31: refused, and changed the lease");
            }
        }
    }
    always(before, after)
}

fn polled(before: &World, after: &mut World, at: usize, step: Step, bounds: &Bounds) -> Result<(), String> {
    let now = before.now;
    let held = before.machine.held(now);
    let due = before.machine.next_wake(now) <= now.mono;
    hold!(due == matches!(step, Step::Send(_)), "I32: next_wake and {step:?}");
    let (had_place, deadline) = match &before.calls[at] {
        Some(call) => (call.holds_place(), call.deadline()),
        None => (false, after.calls[at].as_ref().map_or(Mono::MAX, Call::deadline)),
    };
    if let Some(permanent) = after.ghost.permanent
        && now.mono < permanent
        && held.is_none()
    {
        let failed = matches!(&step, Step::Fail(Error::Failed { .. }));
        hold!(failed, "I16: {step:?} in a permanent rest");
    }
    match step {
        Step::Use(token) => {
            hold!(!now.has_reached(token.use_until()), "I2: {token:?} is over");
            hold!(Some(&token) == held, "I3, I5: another token than the held one");
        }
        Step::Send(flight) => {
            hold!(!is_in_flight(&before.machine, now), "I1: a second flight while one counts");
            hold!(after.ghost.spaced.is_none_or(|then| now.mono >= then), "I17: min_interval");
            hold!(after.ghost.told.is_none_or(|then| now.mono >= then), "I17: Retry-After");
            let limit = now.mono.after(policy().attempt_timeout()).after(Duration::from_secs(1));
            hold!(flight.deadline() == limit, "I8: {:?} is not {limit:?}", flight.deadline());
            let place = after.calls[at].as_ref().is_some_and(Call::holds_place);
            hold!(place == had_place, "a Send takes no place and takes none away");
            after.ghost.spaced = Some(now.mono.after(policy().min_interval()));
            (after.ghost.told, after.ghost.permanent) = (None, None);
            after.launch(flight, bounds);
        }
        Step::Wait(until) => {
            hold!(held.is_none(), "I15: a wait while a token is held");
            hold!(now.mono < until && until <= deadline, "I6: {until:?}");
            let mut again = after.clone();
            let same = again.apply(super::world::Event::Poll(at));
            hold!(
                matches!(same, Effect::Polled(_, Step::Wait(then)) if then == until),
                "I10: another answer"
            );
            hold!(again.machine == after.machine, "I10: a spurious poll changed the machine");
        }
        Step::Fail(error) => {
            hold!(held.is_none(), "I15: a failure while a token is held");
            match error {
                Error::Saturated { .. } => {
                    hold!(!had_place, "I9: saturated, although it holds a place");
                    hold!(before.machine.waiters() == policy().max_waiters(), "I9: saturated, and not full");
                }
                Error::TimedOut { .. } => hold!(now.mono >= deadline, "I19: timed out before its deadline"),
                Error::Failed { .. } => {
                    let rests = matches!(before.machine.fetch(now), Fetch::Resting { .. });
                    hold!(rests, "only a rest may fail a caller early");
                }
            }
        }
    }
    Ok(())
}

fn landed(before: &World, after: &mut World, answer: Answer, landing: &Landing) -> Result<(), String> {
    let now = before.now;
    let (held_before, held_after) = (before.machine.held(now), after.machine.held(now));
    let grant = matches!(answer, Answer::Token(_) | Answer::Unknown | Answer::Same(_));
    hold!(grant || held_before == held_after, "I14: a failure changed the lease");
    match landing {
        Landing::Resting { until, cause } => {
            hold!(*until > now.mono, "a rest that is over");
            hold!(held_before == held_after, "I14: a failure changed the lease");
            after.ghost.permanent = cause.is_permanent().then_some(*until);
            after.ghost.told = match answer {
                Answer::Throttled(told) | Answer::PermanentThrottled(told) => {
                    Some(now.mono.after(units(told)))
                }
                _ => None,
            };
        }
        Landing::Installed { .. } => {
            after.ghost.permanent = None;
            for (armed, closed) in &mut after.ghost.sites {
                if std::mem::take(armed) {
                    *closed = Some(now.mono.after(policy().gate(1)));
                }
            }
        }
        Landing::NoProgress { .. } => {
            let same = |token: Option<&Token>| token.map(|token| (token.generation(), token.use_until()));
            hold!(same(held_before) == same(held_after), "no progress, and another lease");
            hold!(held_after.is_some_and(|token| !now.has_reached(token.refresh_at())), "I13: due at once");
        }
        Landing::Superseded => {}
    }
    Ok(())
}

/// Of both clocks: max(sent, arrival) < refresh_at <= use_until.
fn not_born_due(token: &Token, sent: Now, arrival: Now) -> Result<(), String> {
    let (refresh, end) = (token.refresh_at(), token.use_until());
    let mono = sent.mono.max(arrival.mono) < refresh.mono && refresh.mono <= end.mono;
    let wall = sent.wall.max(arrival.wall) < refresh.wall && refresh.wall <= end.wall;
    hold!(mono && wall, "I13: {token:?} is born due");
    Ok(())
}

fn is_in_flight(machine: &Machine, now: Now) -> bool {
    matches!(machine.fetch(now), Fetch::InFlight { deadline } if now.mono < deadline)
}

/// A stale token is due although its time has not come.
fn is_stale(world: &World, token: &Token) -> bool {
    !world.now.has_reached(token.refresh_at())
        && world.machine.quiet_until(world.now).is_some_and(|(_, quiet)| quiet != token.refresh_at())
}

/// I19: what one caller did makes no other one fail before its deadline.
fn others_are_unharmed(before: &World, after: &World, but: Option<usize>) -> Result<(), String> {
    for (at, call) in after.calls.iter().enumerate().filter(|(at, _)| Some(*at) != but) {
        let Some(call) = call else { continue };
        let fails = |machine: &Machine| {
            let step = machine.clone().poll(after.now, &mut call.clone());
            matches!(step, Step::Fail(_)) && after.now.mono < call.deadline()
        };
        hold!(fails(&before.machine) || !fails(&after.machine), "I19: caller {at} fails now");
    }
    Ok(())
}

/// What holds in every state.
fn always(before: &World, after: &World) -> Result<(), String> {
    let holding = after.calls.iter().flatten().filter(|call| call.holds_place()).count();
    let waiters = after.machine.waiters();
    hold!(waiters == holding, "I9: {waiters} waiters, {holding} calls hold a place");
    hold!(waiters <= policy().max_waiters(), "I9: {waiters} waiters");
    if let Some(token) = after.machine.held(after.now) {
        hold!(token.refresh_at().mono <= token.use_until().mono, "I13: {token:?}");
        // I3, I5: a token comes back to life neither by a clock nor by a rejection.
        let was = before.machine.held(before.now).map(Token::generation);
        let alive = was.is_none_or(|was| token.generation() >= was);
        hold!(alive, "I5: generations went back");
    }
    Ok(())
}

/// I7, I8: time alone brings a caller Use, Send or Fail, in a few polls.
pub(super) fn time_alone(world: &World) -> Result<(), String> {
    let (mut machine, mut now) = (world.machine.clone(), world.now);
    let mut call = Call::new(now.mono.after(units(100)));
    for _ in 0..3 {
        match machine.poll(now, &mut call) {
            Step::Wait(until) => {
                hold!(until.since(now.mono) <= units(5), "I8: {until:?} is further than any rest or flight");
                now = now.after(until.since(now.mono));
            }
            Step::Use(_) | Step::Send(_) => return Ok(()),
            Step::Fail(Error::Saturated { .. } | Error::Failed { .. }) => return Ok(()),
            Step::Fail(error) => return Err(format!("I7: {error:?}")),
        }
    }
    Err("I7: a livelock".into())
}
