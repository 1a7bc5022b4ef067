//! For the exhaustive search alone.

use super::{Brought, Passage, Right, State, Then, Unsealed};
use crate::fleet::Stamp;
use crate::fleet::visitor::Visitor;
use crate::time::Mono;

impl Passage {
    pub(in crate::fleet) fn visit(&mut self, visitor: &mut impl Visitor) {
        // Only draws count these, and nothing is drawn; but the first pause is another one than the next.
        self.flight = 0;
        self.pauses = self.pauses.min(1);
        visitor.both(&mut self.sent);
        self.held.iter_mut().chain(&mut self.dropped).for_each(|print| visitor.print(print));
        self.began.iter_mut().for_each(|began| visitor.mono(began));
        if let Some(seen) = &mut self.seen {
            visitor.fence(&mut seen.fence);
            visitor.mono(&mut seen.since);
        }
        match &mut self.state {
            State::Claiming { sent, .. } => visitor.both(sent),
            State::Paused { until } => visitor.mono(until),
            State::Asks(Right::Claimed(stamp, came))
            | State::Asking(Right::Claimed(stamp, came))
            | State::Landing(Then::Report(stamp, came)) => {
                visitor.stamp(stamp);
                visitor.mono(came);
            }
            State::Offers(brought) | State::Offering(brought) => brought.visit(visitor),
            State::Puts { unsealed, from, .. } => {
                unsealed.visit(visitor);
                visitor.mono(from);
            }
            State::Putting { unsealed, .. } => unsealed.visit(visitor),
            State::Fails(fail) => visitor.fence(&mut fail.stamp.fence),
            State::Lands(..) => unreachable!("it lands at once"),
            State::Claims
            | State::Asks(_)
            | State::Asking(_)
            | State::Landing(_)
            | State::Failing
            | State::Done => {}
        }
    }

    /// Whether an answer of the authorization server is awaited, and if by the store's right, by which one.
    pub(in crate::fleet) const fn asks(&self) -> Option<Option<Stamp>> {
        match &self.state {
            State::Asking(Right::Claimed(stamp, _)) => Some(Some(*stamp)),
            State::Asking(Right::Broken) => Some(None),
            _ => None,
        }
    }

    /// When it first claimed, if it still asks the store for a token.
    pub(in crate::fleet) fn claims_since(&self) -> Option<Mono> {
        let claims = matches!(self.state, State::Claims | State::Claiming { .. } | State::Paused { .. });
        self.began.filter(|_| claims)
    }

    /// When its flight was sent.
    pub(in crate::fleet) const fn sent(&self) -> Mono {
        self.sent.mono
    }
}

impl Brought {
    fn visit(&mut self, visitor: &mut impl Visitor) {
        visitor.token(&mut self.token);
        visitor.both(&mut self.end);
        visitor.both(&mut self.due);
    }
}

impl Unsealed {
    fn visit(&mut self, visitor: &mut impl Visitor) {
        visitor.token(&mut self.token);
        visitor.stamp(&mut self.stamp);
    }
}
