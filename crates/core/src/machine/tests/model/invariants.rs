//! The invariants marked [M], asserted at every transition by somebody who sees inputs and outputs alone.

use super::world::{Answer, Bounds, Effect, Refused, Replacement, World, policy, units};
use crate::{Call, Error, Fetch, Landing, Machine, Mono, Now, Rejection, Rotation, Site, Step, Token};
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
    let aside_before = before.machine.set_aside(now).is_some();
    // These see what has ended.
    let lapses = match &effect {
        Effect::Polled(..)
        | Effect::PolledHeldBack(..)
        | Effect::Closed
        | Effect::Rotated(_)
        | Effect::Restored { .. } => true,
        Effect::Landed { answer, .. } => is_grant(*answer),
        _ => false,
    };
    if lapses && !aside_before {
        after.ghost.aside = None;
    }
    match effect {
        Effect::Passed => {}
        Effect::Polled(at, site, step) => polled(before, after, (at, site), step, bounds)?,
        Effect::PolledHeldBack(at, step) => polled_held_back(before, after, at, &step)?,
        Effect::Closed => {
            hold!(held_before == held_after, "I3: closing took the token");
            after.ghost.closed = true;
            if !is_in_flight(&before.machine, now) {
                nothing_replaces_it(after);
            }
        }
        Effect::Left(at) => others_are_unharmed(before, after, Some(at))?,
        Effect::Abandoned(landing) => {
            hold!(held_before == held_after, "I14: an abandonment changed the lease");
            if landing == Landing::Superseded {
                hold!(before.machine == after.machine, "I22: a superseded abandonment changed the machine");
            } else {
                ended_without_token(after)?;
            }
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
                if let Answer::Shared { left, life, .. } = answer {
                    let used = units(left).saturating_sub(policy().leeway(units(life)));
                    let end = flight.sent_at().after(used);
                    hold!(held.use_until() == end, "I11: {:?} is not {end:?}", held.use_until());
                } else if answer == Answer::SameUnknown && before.ghost.told_end {
                    let known = before.machine.set_aside(now).map(|aside| aside.token().use_until());
                    let kept = known.or(held_before.as_ref().map(Token::use_until));
                    hold!(kept == Some(held.use_until()), "I48: {:?} was told", kept);
                } else {
                    let end = flight.sent_at().after(life - policy().leeway(life));
                    hold!(held.use_until() == end, "I11: {:?} is not {end:?}", held.use_until());
                }
                after.ghost.told_end &= answer == Answer::SameUnknown;
                after.ghost.told_end |= matches!(answer, Answer::Token(1..) | Answer::Same(1..));
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
                hold!(held && held_before.is_some() && held_after.is_none(), "I3: Dropped, and still held");
                let mut by = [false; 2];
                by[usize::from(site)] = true;
                let replacement = match before.machine.fetch(now) {
                    Fetch::InFlight { .. } => Replacement::InFlight,
                    Fetch::Resting { .. } => Replacement::Failed,
                    Fetch::Idle if before.ghost.closed => Replacement::Failed,
                    Fetch::Idle => Replacement::Due,
                };
                after.ghost.aside = Some(Refused { by, replacement });
                after.ghost.refused = true;
                let stale = before.machine.quiet_until(now).is_some_and(|(token, _)| is_stale(before, token));
                hold!(stale || gate.1.is_none_or(|closed| now.mono >= closed), "I18: the gate was closed");
                gate.0 = true;
            } else if held && aside_before {
                hold!(verdict == Rejection::Replaced, "{verdict:?} for a token that is set aside");
                if let Some(aside) = &mut after.ghost.aside {
                    aside.by[usize::from(site)] = true;
                }
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
            after.ghost.rotated = true;
            after.ghost.told_end &= rotation == Rotation::Keep;
            after.ghost.aside =
                after.ghost.aside.filter(|_| rotation == Rotation::Keep).map(|aside| Refused {
                    replacement: match aside.replacement {
                        Replacement::InFlight => Replacement::Due,
                        other => other,
                    },
                    ..aside
                });
            let kept = rotation == Rotation::Keep && held_before == held_after;
            hold!(kept || held_after.is_none(), "I3: rotate({rotation:?}) left a token");
            // I22: one request is due as soon as min_interval and a Retry-After allow.
            let due = [Some(now.mono), after.ghost.spaced, after.ghost.told].into_iter().flatten().max();
            let due = due.map(|due| if after.ghost.closed { Mono::MAX } else { due });
            hold!(Some(after.machine.next_wake(now)) == due, "a rotation is not followed by a request");
        }
        Effect::Restored { taken, stored } => {
            if taken {
                after.ghost.permanent = None;
                hold!(held_before.is_none(), "I31: restored over a held token");
                let open = !before.ghost.rotated && !before.ghost.refused && !aside_before;
                hold!(open, "I47: restored after a rotation, or over what was refused");
                after.ghost.told_end = false;
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

fn polled(
    before: &World,
    after: &mut World,
    (at, site): (usize, Option<u16>),
    step: Step,
    bounds: &Bounds,
) -> Result<(), String> {
    let now = before.now;
    let held = before.machine.held(now);
    let aside = before.machine.set_aside(now).filter(|_| before.ghost.serves(site));
    let may_use = held.or(aside.map(|aside| aside.token()));
    let due = before.machine.next_wake(now) <= now.mono;
    hold!(due == matches!(step, Step::Send(_)), "I32: next_wake and {step:?}");
    let (had_place, deadline) = match &before.calls[at] {
        Some(call) => (call.holds_place(), call.deadline()),
        None => (false, after.calls[at].as_ref().map_or(Mono::MAX, Call::deadline)),
    };
    if let Some(permanent) = after.ghost.permanent
        && now.mono < permanent
        && may_use.is_none()
    {
        let failed = matches!(&step, Step::Fail(Error::Failed { .. } | Error::Closed { .. }));
        hold!(failed, "I16: {step:?} in a permanent rest");
    }
    match step {
        Step::Use(token) => {
            hold!(!now.has_reached(token.use_until()), "I2: {token:?} is over");
            hold!(Some(&token) == may_use, "I3, I5, I46: not the token that this call may use");
        }
        Step::Send(flight) => {
            hold!(!before.ghost.closed, "P1: a closed machine sends");
            hold!(!is_in_flight(&before.machine, now), "I1: a second flight while one counts");
            hold!(after.ghost.spaced.is_none_or(|then| now.mono >= then), "I17: min_interval");
            hold!(after.ghost.told.is_none_or(|then| now.mono >= then), "I17: Retry-After");
            let limit = now.mono.after(policy().attempt_timeout()).after(Duration::from_secs(1));
            hold!(flight.deadline() == limit, "I8: {:?} is not {limit:?}", flight.deadline());
            let place = after.calls[at].as_ref().is_some_and(Call::holds_place);
            hold!(place == had_place, "a Send takes no place and takes none away");
            after.ghost.spaced = Some(now.mono.after(policy().min_interval()));
            (after.ghost.told, after.ghost.permanent) = (None, None);
            if let Some(aside) = &mut after.ghost.aside {
                aside.replacement = match aside.replacement {
                    Replacement::Due => Replacement::InFlight,
                    // Its deadline had passed.
                    Replacement::InFlight | Replacement::Failed => Replacement::Failed,
                };
            }
            after.launch(flight, bounds);
        }
        Step::Wait(until) => {
            hold!(may_use.is_none(), "I15: a wait while a token may be used");
            hold!(now.mono < until && until <= deadline, "I6: {until:?}");
            let mut again = after.clone();
            let same = again.apply(super::world::Event::Poll(at, site));
            hold!(
                matches!(same, Effect::Polled(_, _, Step::Wait(then)) if then == until),
                "I10: another answer"
            );
            hold!(again.machine == after.machine, "I10: a spurious poll changed the machine");
        }
        Step::Fail(error) => {
            hold!(may_use.is_none(), "I15: a failure while a token may be used");
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
                Error::Closed { .. } => {
                    hold!(before.ghost.closed, "P1: closed by nobody");
                    hold!(!is_in_flight(&before.machine, now), "P1: closed, and a flight is in the air");
                }
            }
        }
    }
    Ok(())
}

/// It is answered like any other call, but where that would send it waits, or its patience is over.
fn polled_held_back(before: &World, after: &World, at: usize, step: &Step) -> Result<(), String> {
    let now = before.now;
    let mut free = before.clone();
    let Effect::Polled(_, _, other) = free.apply(super::world::Event::Poll(at, None)) else {
        return Err("a poll is a poll".into());
    };
    let may_use = before.machine.held(now).or_else(|| {
        before.machine.set_aside(now).filter(|_| before.ghost.serves(None)).map(|aside| aside.token())
    });
    match (step, other) {
        (Step::Send(_), _) => return Err("a call that is held back sends".into()),
        (Step::Use(token), Step::Send(_)) => hold!(Some(token) == may_use, "I3: not the token it may use"),
        (Step::Wait(until), Step::Send(_)) => {
            hold!(may_use.is_none(), "I15: held back while a token may be used");
            let deadline = after.calls[at].as_ref().map(Call::deadline);
            hold!(Some(*until) == deadline && now.mono < *until, "I6: {until:?}");
        }
        (Step::Fail(Error::TimedOut { .. } | Error::Saturated { .. }), Step::Send(_)) => {
            hold!(may_use.is_none(), "I15: held back while a token may be used");
        }
        (step, other) => hold!(*step == other, "held back: {step:?}, and else {other:?}"),
    }
    Ok(())
}

/// What is set aside waits for no request any more.
fn nothing_replaces_it(after: &mut World) {
    if let Some(aside) = &mut after.ghost.aside {
        aside.replacement = Replacement::Failed;
    }
}

fn landed(before: &World, after: &mut World, answer: Answer, landing: &Landing) -> Result<(), String> {
    let now = before.now;
    let (held_before, held_after) = (before.machine.held(now), after.machine.held(now));
    hold!(is_grant(answer) || held_before == held_after, "I14: a failure changed the lease");
    match landing {
        Landing::Resting { until, cause } | Landing::HeldBack { until, cause } => {
            hold!(
                matches!(landing, Landing::HeldBack { .. }) == (answer == Answer::HeldBack),
                "{landing:?} of {answer:?}"
            );
            hold!(*until > now.mono, "a rest that is over");
            hold!(held_before == held_after, "I14: a failure changed the lease");
            ended_without_token(after)?;
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
            (after.ghost.aside, after.ghost.refused) = (None, false);
            for (armed, closed) in &mut after.ghost.sites {
                if std::mem::take(armed) {
                    *closed = Some(now.mono.after(policy().gate(1)));
                }
            }
        }
        Landing::NoProgress { .. } => {
            let generation = |token: Option<&Token>| token.map(Token::generation);
            hold!(generation(held_before) == generation(held_after), "no progress, and another lease");
            let end = |token: Option<&Token>| token.map(Token::use_until);
            let told = matches!(answer, Answer::Same(1..));
            let earlier = end(held_before)
                .zip(end(held_after))
                .is_some_and(|(before, after)| after.mono <= before.mono && after.wall <= before.wall);
            hold!(told || end(held_before) == end(held_after), "I11: another end, and none was told");
            hold!(!before.ghost.told_end || earlier, "I48: a later end than was told");
            after.ghost.told_end |= told;
            hold!(held_after.is_some_and(|token| !now.has_reached(token.refresh_at())), "I13: due at once");
        }
        Landing::Idle => hold!(false, "only an abandonment is idle"),
        Landing::Elsewhere => {
            hold!(answer == Answer::Elsewhere, "{landing:?} of {answer:?}");
            hold!(after.machine.fetch(now) == Fetch::Idle, "elsewhere, and not idle");
            ended_without_token(after)?;
        }
        Landing::Superseded => {}
    }
    Ok(())
}

fn is_grant(answer: Answer) -> bool {
    matches!(
        answer,
        Answer::Token(_) | Answer::Unknown | Answer::Same(_) | Answer::SameUnknown | Answer::Shared { .. }
    )
}

/// A flight that counted brought no token: what is set aside serves from now on.
fn ended_without_token(after: &mut World) -> Result<(), String> {
    if let Some(aside) = &mut after.ghost.aside {
        hold!(aside.replacement != Replacement::Due, "a request counts that is not the replacing one");
        aside.replacement = Replacement::Failed;
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
            // Of a closed machine the last flight has ended: nothing else can come.
            let is_closed = matches!(step, Step::Fail(Error::Closed { .. }));
            matches!(step, Step::Fail(_)) && !is_closed && after.now.mono < call.deadline()
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
    if let Some(aside) = after.machine.set_aside(after.now) {
        let nothing = after.machine.held(after.now).is_none()
            && after.machine.quiet_until(after.now).is_none()
            && after.machine.export(after.now).is_none();
        hold!(nothing, "I46: a refused token is held, published or exported");
        let known = after.ghost.aside.ok_or("a token is set aside that nobody refused")?;
        let by = [0, 1].map(|site| aside.refused_by().any(|refused| refused == Site::new(site)));
        hold!(by == known.by, "I46: refused by {by:?}");
    }
    if let Some(token) = after.machine.held(after.now) {
        hold!(token.refresh_at().mono <= token.use_until().mono, "I13: {token:?}");
        // I3, I5: a token comes back to life neither by a clock nor by a rejection.
        let was = before.machine.held(before.now).map(Token::generation);
        let alive = was.is_none_or(|was| token.generation() >= was);
        hold!(alive, "I5: generations went back");
    }
    Ok(())
}

/// I49: before `quiet_until` every poll, of whatever site, is Use of that token.
pub(super) fn quiet(world: &World) -> Result<(), String> {
    let Some((token, until)) = world.machine.quiet_until(world.now) else { return Ok(()) };
    for site in [None, Some(Site::new(0)), Some(Site::new(1))] {
        let mut call = Call::new(world.now.mono);
        call.at(site);
        let step = world.machine.clone().poll(world.now, &mut call);
        let used = matches!(&step, Step::Use(used) if used == token);
        hold!(used || world.now.has_reached(until), "I49: {step:?} at {site:?}");
    }
    Ok(())
}

/// I7, I8: time alone brings a caller Use, Send or Fail, in a few polls.
pub(super) fn time_alone(world: &World) -> Result<(), String> {
    for site in [None, Some(Site::new(0))] {
        time_alone_at(world, site)?;
    }
    Ok(())
}

fn time_alone_at(world: &World, site: Option<Site>) -> Result<(), String> {
    let (mut machine, mut now) = (world.machine.clone(), world.now);
    let mut call = Call::new(now.mono.after(units(100)));
    call.at(site);
    for _ in 0..3 {
        match machine.poll(now, &mut call) {
            Step::Wait(until) => {
                hold!(until.since(now.mono) <= units(5), "I8: {until:?} is further than any rest or flight");
                now = now.after(until.since(now.mono));
            }
            Step::Use(_) | Step::Send(_) => return Ok(()),
            Step::Fail(Error::Saturated { .. } | Error::Failed { .. } | Error::Closed { .. }) => {
                return Ok(());
            }
            Step::Fail(error) => return Err(format!("I7: {error:?}")),
        }
    }
    Err("I7: a livelock".into())
}
