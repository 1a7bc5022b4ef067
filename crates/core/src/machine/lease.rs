//! A held token: how long it is used, when its replacement is due, and what replaces it.

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
    /// Before this a refusal may mean that the resource server does not know it yet.
    pub(super) settled_at: Mono,
    /// Of credentials that were rotated away: used, but due.
    pub(super) stale: bool,
}

impl Lease {
    /// The lease of a grant that arrives now; none if it is over already. Its generation is still to be given.
    ///
    /// The life counts from the moment the request was SENT, on both clocks, however slow the answer was.
    pub(super) fn granted(
        policy: &Policy,
        now: Now,
        sent: Now,
        grant: &Grant,
        life: Duration,
        jitter: Duration,
    ) -> Option<Self> {
        let life = life.min(policy.max_lifetime());
        let used = life - policy.leeway(life);
        let use_until = sent.after(used);
        if now.has_reached(use_until) {
            return None;
        }
        let own = used.saturating_sub(policy.ahead(life) + jitter);
        let refresh = grant.lifetime.refresh_in.map_or(own, |wish| own.min(wish.max(life / 5)));
        let refresh_at = Now::new(
            Mono::from_origin(not_born_due(
                sent.mono.after(refresh).since_origin(),
                sent.mono.max(now.mono).since_origin(),
                use_until.mono.since_origin(),
            )),
            Wall::from_epoch(not_born_due(
                sent.wall.after(refresh).since_epoch(),
                sent.wall.max(now.wall).since_epoch(),
                use_until.wall.since_epoch(),
            )),
        );
        let token = Token { value: grant.token.clone(), generation: Generation(0), refresh_at, use_until };
        let settled_at = now.mono.after(policy.settle(life));
        Some(Self { token, issued: sent.wall, life, settled_at, stale: false })
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
        let early = policy.ahead(life) + jitter;
        let refresh = not_born_due(used.saturating_sub(early), Duration::ZERO, used);
        let age = now.wall.since(stored.issued);
        Some(Self {
            token: Token {
                value: stored.token,
                generation: Generation(0),
                refresh_at: now.after(refresh),
                use_until: now.after(used),
            },
            issued: stored.issued,
            life,
            settled_at: now.mono.after(policy.settle(life).saturating_sub(age)),
            stale: false,
        })
    }

    pub(super) fn is_due(&self, now: Now) -> bool {
        self.stale || now.has_reached(self.token.refresh_at)
    }

    /// Whether the other is worth taking: it is of newer credentials, or another token that has more left, on the
    /// smaller of both clocks.
    pub(super) fn is_replaced_by(&self, other: &Self, now: Now) -> bool {
        let left = |lease: &Self| now.until(lease.token.use_until);
        self.stale || (self.token.value != other.token.value && left(other) > left(self))
    }

    /// Due again at half of what is left, not sooner than `min_interval` and not later than its end.
    pub(super) fn postpone_refresh(&mut self, policy: &Policy, now: Now) {
        let use_until = self.token.use_until;
        let half = (now.until(use_until) / 2).max(policy.min_interval());
        let next = now.after(half);
        self.token.refresh_at = Now::new(next.mono.min(use_until.mono), next.wall.min(use_until.wall));
    }
}

/// When a refresh planned for `planned` is due, on one clock: there, or, if that is over at birth, at half of what
/// is left.
fn not_born_due(planned: Duration, born: Duration, end: Duration) -> Duration {
    if planned > born {
        return planned;
    }
    let left = end.saturating_sub(born);
    born.saturating_add(left - left / 2)
}
