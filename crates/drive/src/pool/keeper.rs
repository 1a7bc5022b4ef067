//! The one job that keeps the tokens of a pool fresh, as far as they are used.

use super::inner::Inner;
use super::pooled::Pooled;
use crate::clock::Readings;
use crate::commons::{Commons, Mark, Next, Spot, UNCLAIMED};
use crate::contained::contained;
use crate::naps::LONGEST;
use crate::observer::Report;
use crate::shared::{FlightGuard, Keep, Keeper};
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Weak};
use std::task::Waker;
use std::time::Duration;

/// The job. It holds no share in the pool.
pub(super) struct PoolKeeper<K, S: Pooled> {
    pool: Weak<Inner<K, S>>,
    commons: Arc<Commons>,
    /// Its number in the calendar, once it has come.
    number: Option<u64>,
    /// Those that are due, and wait for a permit.
    held_back: VecDeque<(S, Keeper<S::Value>)>,
    /// How many of them are still to be looked at in this round: each once after a wait, whoever sends meanwhile.
    to_look_at: usize,
    has_waited: bool,
    /// Which shard is swept next.
    rounds: u64,
}

impl<K, S: Pooled> fmt::Debug for PoolKeeper<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolKeeper").field("number", &self.number).finish_non_exhaustive()
    }
}

/// What it does next.
#[derive(Debug)]
pub(super) enum PoolKeep<S: Pooled> {
    /// Launch it by way of that source, then drop the report that it left.
    Send(S, FlightGuard<S::Value>, Report),
    /// At most that long, or until woken.
    Wait(Duration),
    /// The pool is gone.
    Ended,
}

impl<K: Clone, S: Pooled> PoolKeeper<K, S> {
    /// The user's own job that keeps the tokens of this pool fresh.
    pub(super) fn new(pool: &Arc<Inner<K, S>>) -> Self {
        let (pool, commons) = (Arc::downgrade(pool), Arc::clone(&pool.commons));
        Self {
            pool,
            commons,
            number: None,
            held_back: VecDeque::new(),
            to_look_at: 0,
            has_waited: false,
            rounds: 0,
        }
    }

    pub(super) fn poll(&mut self, waker: &Waker) -> PoolKeep<S> {
        let Some(pool) = self.pool.upgrade() else { return PoolKeep::Ended };
        let keep = self.step(&pool, waker);
        // It may have become the last share.
        contained(|| drop(pool));
        keep
    }

    fn step(&mut self, pool: &Inner<K, S>, waker: &Waker) -> PoolKeep<S> {
        let readings = pool.clock.readings();
        let number = self.come(pool, readings);
        self.rounds = self.rounds.wrapping_add(1);
        pool.sweep(self.rounds << 40, readings);
        if std::mem::take(&mut self.has_waited) {
            self.to_look_at = self.held_back.len();
        }
        while self.to_look_at > 0 {
            self.to_look_at -= 1;
            let Some((source, keeper)) = self.held_back.pop_front() else { break };
            if let Some(send) = self.look(source, keeper, waker) {
                return send;
            }
        }
        loop {
            let (next, before) = self.commons.calendar.next(readings.now.mono, number, waker.clone());
            contained(|| drop(before));
            match next {
                Next::Due(spot) => {
                    let Some(source) = pool.due(spot, readings) else { continue };
                    let keeper = source.shared().keeper();
                    if let Some(send) = self.look(source, keeper, waker) {
                        return send;
                    }
                }
                Next::At(at) => return self.wait(at.since(readings.now.mono)),
                Next::Nothing => return self.wait(LONGEST),
            }
        }
    }

    fn wait(&mut self, time: Duration) -> PoolKeep<S> {
        self.has_waited = true;
        PoolKeep::Wait(if self.held_back.is_empty() { time } else { time.min(UNCLAIMED) })
    }

    /// Whether this one sends now. If it must wait for a permit, it is looked at again.
    fn look(&mut self, source: S, mut keeper: Keeper<S::Value>, waker: &Waker) -> Option<PoolKeep<S>> {
        match keeper.poll(waker) {
            Keep::Send(guard, report) => return Some(PoolKeep::Send(source, guard, report)),
            Keep::HeldBack => self.held_back.push_back((source, keeper)),
            Keep::Wait(_) | Keep::Ended => {}
        }
        None
    }

    /// The first keeper notes what there is; from then on every source does that by itself.
    fn come(&mut self, pool: &Inner<K, S>, readings: Readings) -> u64 {
        if let Some(number) = self.number {
            return number;
        }
        let (number, is_only) = self.commons.calendar.open();
        self.number = Some(number);
        if is_only {
            pool.visit(|_, source| drop(source.shared().note_anew(readings)));
        }
        number
    }
}

impl<K, S: Pooled> Drop for PoolKeeper<K, S> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            contained(|| drop(self.commons.calendar.close(number)));
        }
        for (source, keeper) in self.held_back.drain(..) {
            contained(|| drop(keeper));
            // Another keeper may take it on.
            contained(|| source.shared().note_again());
            contained(|| drop(source));
        }
    }
}

impl<K, S: Pooled> Inner<K, S> {
    /// The source that stands there, if its next token is due and anybody wants it: whoever was not used since its token came gets no
    /// new one, and whoever has none is asked for once, until it is used again.
    fn due(&self, spot: Spot, readings: Readings) -> Option<S> {
        let room = self.shards.at(usize::from(spot.shard)).read();
        let entry = room.there(spot)?;
        let member = entry.shared().member()?;
        let is_used = if entry.shared().glance(readings).is_held {
            member.has(Mark::TokenUsed)
        } else {
            member.take(Mark::TokenUsed)
        };
        (is_used || entry.is_held_outside()).then(|| entry.source.clone())
    }
}
