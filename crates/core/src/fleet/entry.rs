//! What a store holds for one identity.

use super::name::{Claimant, Print};
use super::operation::{Claim, Fail, Fence, Operation, Put, Sealed, Stamp};
use super::reply::{Have, Reply};
use super::said::Said;
use super::store_time::StoreTime;
use core::time::Duration;

#[cfg(test)]
mod relative;
mod text;

/// How long an entry is kept after the last of its times has passed: the count of failures, and the fences.
const KEPT: Duration = Duration::from_secs(3600);

/// How far a store's clock may seem to go back from one operation to the next: two hosts of one store differ by so much, and a clock that
/// is being corrected.
const SLACK: Duration = Duration::from_secs(1);

/// What a store holds for one identity, and the three operations on it: what every engine does, in this order.
///
/// First of all: if it was last changed more than a second in the future, the clock has been set back, and nothing that it holds can be
/// believed. Its token, claim and failures are forgotten; the fences stay.
///
/// | `claim`, first row that fits | reply |
/// |------------------------------|-------|
/// | the token is the dropped one, and arrived `young` ago or earlier: it is forgotten, and the next rows are read without it | |
/// | there is a token, and it is not the held one or is not due | `Have` |
/// | nobody asks, until a time in the future | `Rest` |
/// | the claim of another source | `Busy` |
/// | the claim only looks | `Free` |
/// | otherwise the claim is the claimant's, with the next fence | `Claimed` |
///
/// | `put` | reply |
/// |-------|-------|
/// | the fence is not higher than that of the last token, kept or thrown away; the token has ended; or the stamp is of a clock that has been set back since | `Late` |
/// | otherwise it is the token; no failures; the claim ends if it is this one | `Kept` |
///
/// | `fail` | reply |
/// |--------|-------|
/// | the claim is another one, or none | `Late` |
/// | otherwise the claim ends. One that counts is one failure more in a row, n: nobody asks for `base` * 2^(n - 1), at most `cap`, from half of it to all of it; one that does not: for `base`. Never shorter than what was told | `Noted` |
#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
pub struct Entry {
    token: Option<Kept>,
    /// The fence of the last token that was kept.
    kept: Fence,
    /// The fence of the last token that was thrown away.
    thrown_away: Fence,
    claim: Option<Claimed>,
    /// The last fence given.
    last: Fence,
    rest_until: StoreTime,
    failures: u32,
    said: Option<Said>,
    /// When it was last changed.
    changed: StoreTime,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Kept {
    sealed: Sealed,
    print: Print,
    end: StoreTime,
    due: StoreTime,
    life: Duration,
    arrived: StoreTime,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Claimed {
    by: Claimant,
    fence: Fence,
    until: StoreTime,
    /// How often somebody was told busy.
    told: u32,
}

impl Entry {
    /// Executes one command. `now` is the store's clock.
    pub fn run(&mut self, now: StoreTime, operation: &Operation) -> Reply {
        match operation {
            Operation::Claim(claim) => self.claim(now, claim),
            Operation::Put(put) => self.put(now, put),
            Operation::Fail(fail) => self.fail(now, fail),
        }
    }

    /// Gives the token, or the right to ask for one.
    pub fn claim(&mut self, now: StoreTime, claim: &Claim) -> Reply {
        let Claim { claimant, dropped, held, lease, young } = claim;
        self.forget_future(now);
        let is_dropped =
            |kept: &Kept| now < kept.end && Some(kept.print) == *dropped && now >= kept.arrived.after(*young);
        if self.token.take_if(|kept| is_dropped(kept)).is_some() {
            self.thrown_away = self.kept;
            self.changed = now;
        }
        if let Some(kept) = self.token.as_ref().filter(|kept| now < kept.end)
            && (Some(kept.print) != *held || now < kept.due)
        {
            return Reply::Have(Have {
                token: kept.sealed.clone(),
                print: kept.print,
                fence: self.kept,
                end: kept.end,
                left: kept.end.since(now),
                due_in: kept.due.since(now),
                life: kept.life,
            });
        }
        if now < self.rest_until {
            let left = self.rest_until.since(now);
            return Reply::Rest { left, failures: self.failures, said: self.said };
        }
        // A claim whose reply was lost is its source's to take again, as an offer too.
        let is_anothers = |claim: &&mut Claimed| !claim.by.is_of_source(*claimant) && now < claim.until;
        if let Some(other) = self.claim.as_mut().filter(is_anothers) {
            other.told = other.told.saturating_add(1);
            self.changed = now;
            return Reply::Busy { left: other.until.since(now), told: other.told, fence: other.fence };
        }
        let Some(lease) = lease else { return Reply::Free };
        let fence = Fence::new(self.last.number().saturating_add(1).max(now.as_millis()));
        (self.last, self.changed) = (fence, now);
        self.claim = Some(Claimed { by: *claimant, fence, until: now.after(*lease), told: 0 });
        Reply::Claimed { stamp: Stamp::new(fence, now), failures: self.failures }
    }

    /// Takes the token of a claim.
    pub fn put(&mut self, now: StoreTime, put: &Put) -> Reply {
        let Put { claimant, stamp, print, sealed, due_in, life, .. } = put;
        self.forget_future(now);
        let (fence, end) = (stamp.fence, put.end());
        if fence <= self.kept.max(self.thrown_away) || end <= now || stamp.now > now.after(SLACK) {
            return Reply::Late;
        }
        self.token = Some(Kept {
            sealed: sealed.clone(),
            print: *print,
            end,
            due: stamp.now.after(*due_in),
            life: Duration::from_millis(millis(*life)),
            arrived: now,
        });
        (self.kept, self.changed) = (fence, now);
        (self.rest_until, self.failures, self.said) = (StoreTime::default(), 0, None);
        self.claim.take_if(|claim| claim.is(*claimant, fence));
        Reply::Kept
    }

    /// Takes that a claim brought no token.
    pub fn fail(&mut self, now: StoreTime, fail: &Fail) -> Reply {
        let Fail { claimant, stamp, counts, base, cap, told, spread, said } = fail;
        self.forget_future(now);
        if self.claim.take_if(|claim| claim.is(*claimant, stamp.fence)).is_none() {
            return Reply::Late;
        }
        let rest = if *counts {
            let doublings = self.failures.min(63);
            self.failures = self.failures.saturating_add(1);
            let full = millis(*base).saturating_mul(1 << doublings).min(millis(*cap));
            let half = full / 2;
            let spread = u128::from((full - half).saturating_mul(u64::from((*spread).min(1000))));
            half.saturating_add(u64::try_from(spread / 1000).unwrap_or(u64::MAX))
        } else {
            millis(*base)
        };
        self.rest_until = now.after(Duration::from_millis(rest.max(millis(*told))));
        self.said = said.or(self.said);
        self.changed = now;
        Reply::Noted
    }

    /// What of it is believed at this time: all of it, or its fences alone where the clock has been set back since it was changed.
    #[must_use]
    pub fn as_of(mut self, now: StoreTime) -> Self {
        self.forget_future(now);
        self
    }

    /// The clock was set back: what it said before is of another time.
    fn forget_future(&mut self, now: StoreTime) {
        if self.changed > now.after(SLACK) {
            let Self { kept, thrown_away, last, .. } = *self;
            *self = Self { kept, thrown_away, last, ..Self::default() };
        }
    }

    /// Who asks at this time, and by which claim.
    pub fn claimed_by(&self, now: StoreTime) -> Option<(Claimant, Fence)> {
        self.claim.as_ref().filter(|claim| now < claim.until).map(|claim| (claim.by, claim.fence))
    }

    /// Ends the claim, for an engine that knows that whoever made it is no more: its lease would end later.
    pub fn end_claim(&mut self) {
        self.claim = None;
    }

    /// When its token ends; `None` if it has none.
    pub fn token_ends_at(&self) -> Option<StoreTime> {
        self.token.as_ref().map(|kept| kept.end)
    }

    /// When the replacement of its token is due; `None` if it has none.
    pub fn token_is_due_at(&self) -> Option<StoreTime> {
        self.token.as_ref().map(|kept| kept.due)
    }

    /// Until when nobody asks; `None` if nothing failed since a token came.
    pub fn rests_until(&self) -> Option<StoreTime> {
        Some(self.rest_until).filter(|until| *until > StoreTime::default())
    }

    /// When a store may forget it, after a write: an hour after the last of its times.
    pub fn expires_at(&self) -> StoreTime {
        let end = self.token.as_ref().map_or(StoreTime::default(), |kept| kept.end);
        let claim = self.claim.as_ref().map_or(StoreTime::default(), |claim| claim.until);
        end.max(claim).max(self.rest_until).after(KEPT)
    }
}

impl Claimed {
    fn is(&self, claimant: Claimant, fence: Fence) -> bool {
        self.by == claimant && self.fence == fence
    }
}

fn millis(duration: Duration) -> u64 {
    StoreTime::default().after(duration).as_millis()
}
