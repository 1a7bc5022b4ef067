//! For the exhaustive search alone.

use super::{Entry, StoreTime};
use crate::fleet::visitor::Visitor;
use crate::fleet::{Claimant, Fence, Print};
use core::time::Duration;

impl Entry {
    pub(in crate::fleet) fn visit(&mut self, visitor: &mut impl Visitor) {
        visitor.fence(&mut self.kept);
        visitor.fence(&mut self.thrown_away);
        visitor.fence(&mut self.last);
        visitor.store(&mut self.rest_until);
        if let Some(kept) = &mut self.token {
            visitor.sealed(&mut kept.sealed);
            visitor.print(&mut kept.print);
            for time in [&mut kept.end, &mut kept.due, &mut kept.arrived] {
                visitor.store(time);
            }
        }
        if let Some(claim) = &mut self.claim {
            visitor.fence(&mut claim.fence);
            visitor.store(&mut claim.until);
        }
    }

    /// Forgets what is past and decides nothing any more.
    pub(in crate::fleet) fn forget_past(&mut self, now: StoreTime, young: Duration, failures: u32) {
        self.token.take_if(|kept| kept.end <= now);
        if let Some(kept) = &mut self.token {
            kept.due = kept.due.max(now);
            let old = now.as_millis().saturating_sub(StoreTime::default().after(young).as_millis());
            kept.arrived = kept.arrived.max(StoreTime::from_millis(old));
        }
        if let Some(claim) = &mut self.claim {
            claim.until = claim.until.max(now);
            // So few that they do not change the pace.
            claim.told = 0;
        }
        if self.rest_until <= now {
            (self.rest_until, self.said) = (StoreTime::default(), None);
        }
        self.failures = self.failures.min(failures);
        // Here the clock goes forward alone.
        self.changed = StoreTime::default();
    }

    /// A process died: nobody comes back to its claim.
    pub(in crate::fleet) fn bury(&mut self, from: Claimant, to: Claimant) {
        if let Some(claim) = self.claim.as_mut().filter(|claim| claim.by == from) {
            claim.by = to;
        }
    }

    pub(in crate::fleet) fn forget_claim(&mut self) {
        self.claim = None;
    }

    pub(in crate::fleet) fn bring_back(&mut self, before: &Self) {
        self.token = self.token.take().or(before.token.clone());
    }

    /// The print of the token, ended or not.
    pub(in crate::fleet) fn print(&self) -> Option<Print> {
        self.token.as_ref().map(|kept| kept.print)
    }

    pub(in crate::fleet) const fn kept_fence(&self) -> Fence {
        self.kept
    }

    pub(in crate::fleet) const fn last_fence(&self) -> Fence {
        self.last
    }
}
