//! A token with its times: how long it is used, when its replacement is due, and what replaces it.

use crate::lent::Lent;
use crate::policy::Policy;
use crate::response::Grant;
use crate::time::{Mono, Now, Wall};
use crate::token::{Generation, Stored, Token};
use core::time::Duration;

/// How far in the future of the wall clock a stored token may have been issued: what clocks are commonly off.
const FUTURE: Duration = Duration::from_secs(60);

#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Lease {
    pub(super) token: Token,
    /// When its request was sent, and for how long it lives from then on.
    pub(super) issued: Wall,
    pub(super) life: Duration,
    /// Whether an answer told its end; else it is an assumption, which any answer may correct.
    pub(super) told: bool,
    /// Before this a refusal may mean that the resource server does not know it yet.
    pub(super) settled_at: Mono,
    /// Of credentials that were rotated away: used, but due.
    pub(super) stale: bool,
}

/// The answer that a lease comes from.
#[derive(Clone, Copy)]
pub(super) struct Arrival<'a> {
    pub(super) now: Now,
    /// When its request was sent.
    pub(super) sent: Now,
    pub(super) grant: &'a Grant,
}

impl Lease {
    /// The lease of a grant that arrives now; none if it has ended already. Its generation is still to be given.
    ///
    /// The life counts from the moment the request was SENT, on both clocks, however slow the answer was.
    pub(super) fn granted(
        policy: &Policy,
        arrival: Arrival<'_>,
        life: Duration,
        jitter: Duration,
    ) -> Option<Self> {
        let Arrival { sent, grant, .. } = arrival;
        let life = life.min(policy.max_lifetime());
        let use_until = sent.after(life - policy.leeway(life));
        let told = grant.lifetime.life.is_some();
        Self::until(policy, arrival, Term { use_until, issued: sent.wall, life, told }, jitter)
    }

    /// The same token again, of whose life the answer says nothing: a new lease that ends when this one does. None if
    /// that is now, or was before.
    pub(super) fn repeated(&self, policy: &Policy, arrival: Arrival<'_>, jitter: Duration) -> Option<Self> {
        let term =
            Term { use_until: self.token.use_until, issued: self.issued, life: self.life, told: self.told };
        Self::until(policy, arrival, term, jitter)
    }

    /// The lease of a token that another process asked for; none if it has ended already. Its generation is still to be given.
    ///
    /// `left` and `due_in` count from the moment this flight was sent, and the leeway is that of the whole life: here it ends when it
    /// ends there, or earlier.
    pub(super) fn shared(
        policy: &Policy,
        now: Now,
        sent: Now,
        lent: &Lent,
        jitter: Duration,
    ) -> Option<Self> {
        let Lent { left, life, .. } = *lent;
        let use_until = sent.after(left.saturating_sub(policy.leeway(life)));
        if now.has_reached(use_until) {
            return None;
        }
        let wish = sent.after(lent.due_in.saturating_add(jitter)).min_each(use_until);
        let refresh_at = each_not_born_due(wish, now, sent, use_until);
        let token = Token { value: lent.token.clone(), generation: Generation(0), refresh_at, use_until };
        // When its own request was sent, as far as this wall clock knows.
        let issued = Wall::from_epoch(sent.wall.since_epoch().saturating_sub(life.saturating_sub(left)));
        // Others have had it for so long.
        let age = life.saturating_sub(left.saturating_sub(now.mono.since(sent.mono)));
        let settled_at = now.mono.after(policy.settle(life).saturating_sub(age));
        let life = sent.wall.after(left).since(issued).min(life);
        Some(Self { token, issued, life, told: false, settled_at, stale: false })
    }

    fn until(policy: &Policy, arrival: Arrival<'_>, term: Term, jitter: Duration) -> Option<Self> {
        let (Arrival { now, sent, grant }, Term { use_until, issued, life, told }) = (arrival, term);
        if now.has_reached(use_until) {
            return None;
        }
        let early = policy.ahead(life) + jitter;
        let wish = grant.lifetime.refresh_in.map(|wish| wish.max(life / 5));
        let refresh_at = refresh_at(now, sent, use_until, early, wish);
        let token = Token { value: grant.token.clone(), generation: Generation(0), refresh_at, use_until };
        let settled_at = now.mono.after(policy.settle(life));
        Some(Self { token, issued, life, told, settled_at, stale: false })
    }

    /// The lease of a token kept from before a restart, on the wall clock: the only one that went on meanwhile.
    /// It ends when the original would have ended, leeway included.
    pub(super) fn restored(policy: &Policy, now: Now, stored: Stored, jitter: Duration) -> Option<Self> {
        if stored.issued.since(now.wall) > FUTURE {
            return None;
        }
        let life = stored.life.min(policy.max_lifetime());
        let left = stored.issued.after(life).since(now.wall).min(life);
        let used = left.saturating_sub(policy.leeway(life));
        if used.is_zero() {
            return None;
        }
        let use_until = now.after(used);
        let refresh_at = refresh_at(now, now, use_until, policy.ahead(life) + jitter, None);
        let age = now.wall.since(stored.issued);
        Some(Self {
            token: Token { value: stored.token, generation: Generation(0), refresh_at, use_until },
            issued: stored.issued,
            life,
            told: false,
            settled_at: now.mono.after(policy.settle(life).saturating_sub(age)),
            stale: false,
        })
    }

    /// Whether either clock says that it has ended.
    pub(super) fn is_over(&self, now: Now) -> bool {
        now.has_reached(self.token.use_until)
    }

    pub(super) fn is_due(&self, now: Now) -> bool {
        self.stale || now.has_reached(self.token.refresh_at)
    }

    /// Whether the other is worth taking: it is of newer credentials, or another token that has more left, on the
    /// smaller of both clocks, or that is bound to another key or certificate: whoever has renewed that needs it.
    pub(super) fn is_replaced_by(&self, other: &Self, now: Now) -> bool {
        let left = |lease: &Self| now.until(lease.token.use_until);
        let is_rebound = || self.token.binding() != other.token.binding();
        self.stale || (self.token.value != other.token.value && (is_rebound() || left(other) > left(self)))
    }

    /// The answer brought no progress: what it told of the end of this very token counts, and the next request is due
    /// at half of what is left, not sooner than `min_interval` and not later than the end.
    ///
    /// Of a token that another process shares, that one has said when it is due.
    pub(super) fn outlast(&mut self, policy: &Policy, now: Now, answer: &Self, due_at: Option<Now>) {
        if answer.told && answer.token.value == self.token.value {
            self.correct_end(answer);
        }
        let use_until = self.token.use_until;
        let least = now.after(policy.min_interval());
        let due = due_at.unwrap_or(now.after(now.until(use_until) / 2));
        let due = Now::new(due.mono.max(least.mono), due.wall.max(least.wall));
        self.token.refresh_at = due.min_each(use_until);
    }

    /// A told end stands in for an assumed one; of two told ones the earlier counts, on each clock.
    fn correct_end(&mut self, answer: &Self) {
        let (own, told) = (self.token.use_until, answer.token.use_until);
        self.token.use_until = if self.told { own.min_each(told) } else { told };
        if self.token.use_until.wall == told.wall {
            // Only an export tells these, and it is the wall clock that goes on across a restart.
            (self.issued, self.life) = (answer.issued, answer.life);
        }
        self.told = true;
    }
}

/// When a lease ends, and what an export says of that.
struct Term {
    use_until: Now,
    issued: Wall,
    life: Duration,
    told: bool,
}

/// On each clock: `early` before the end, or at the server's wish, counted from the sending, if that is earlier; and
/// after the arrival.
fn refresh_at(now: Now, sent: Now, use_until: Now, early: Duration, wish: Option<Duration>) -> Now {
    let wish = sent.after(wish.unwrap_or(Duration::MAX));
    let before = |end: Duration| end.saturating_sub(early);
    let planned = Now::new(
        Mono::from_origin(before(use_until.mono.since_origin())),
        Wall::from_epoch(before(use_until.wall.since_epoch())),
    );
    each_not_born_due(planned.min_each(wish), now, sent, use_until)
}

/// When a refresh planned for `planned` is due, on each clock.
fn each_not_born_due(planned: Now, now: Now, sent: Now, use_until: Now) -> Now {
    Now::new(
        Mono::from_origin(not_born_due(
            planned.mono.since_origin(),
            sent.mono.max(now.mono).since_origin(),
            use_until.mono.since_origin(),
        )),
        Wall::from_epoch(not_born_due(
            planned.wall.since_epoch(),
            sent.wall.max(now.wall).since_epoch(),
            use_until.wall.since_epoch(),
        )),
    )
}

/// When a refresh planned for `planned` is due, on one clock: there, or, if that is past on arrival, at half of what is
/// left.
fn not_born_due(planned: Duration, born: Duration, end: Duration) -> Duration {
    if planned > born {
        return planned;
    }
    let left = end.saturating_sub(born);
    born.saturating_add(left - left / 2)
}
