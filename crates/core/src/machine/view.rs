//! What the machine tells without changing.

use super::fetch::Fetching;
use super::holding::Holding;
use super::{Fetch, Machine, SetAside};
use crate::error::Cause;
use crate::policy::Policy;
use crate::time::{Mono, Now};
use crate::token::{Stored, Token};

// Outputs.
impl Machine {
    /// The first instant at which a poll would `Send` if nothing else happens: a poll then does, a poll before does
    /// not.
    pub fn next_wake(&self, now: Now) -> Mono {
        let due = match &self.holding {
            Holding::Fixed(_) => Mono::MAX,
            holding => match holding.held(now) {
                Some(lease) if !lease.is_due(now) => now.mono.after(now.until(lease.token.refresh_at)),
                _ => now.mono,
            },
        };
        due.max(self.ready())
    }

    /// The held token, and the instant before which (on both clocks) every poll, of whatever site, would `Use` it: what
    /// may be handed out without asking the machine, as long as it gets no other input. Never one that is set aside.
    pub fn quiet_until(&self, now: Now) -> Option<(&Token, Now)> {
        let lease = match &self.holding {
            Holding::Fixed(token) => return Some((token, token.use_until)),
            holding => holding.held(now)?,
        };
        let token = &lease.token;
        let until = if lease.is_due(now) {
            Now::new(self.ready().min(token.use_until.mono), token.use_until.wall)
        } else {
            token.refresh_at
        };
        Some((token, until))
    }

    /// The held token as it may be kept across a restart. Never one that is set aside, nor a fixed one.
    pub fn export(&self, now: Now) -> Option<Stored> {
        let lease = self.holding.held(now)?;
        Some(Stored { token: lease.token.value.clone(), issued: lease.issued, life: lease.life })
    }
}

// Getters.
impl Machine {
    /// The token that all callers may use now.
    pub fn held(&self, now: Now) -> Option<&Token> {
        match &self.holding {
            Holding::Fixed(token) => Some(token),
            holding => holding.held(now).map(|lease| &lease.token),
        }
    }

    /// The token that is set aside, with the sites that refused it, until it is replaced or has ended.
    pub fn set_aside(&self, now: Now) -> Option<SetAside<'_>> {
        self.holding.aside(now).map(SetAside::new)
    }

    /// What is known of the token request.
    pub fn fetch(&self, now: Now) -> Fetch<'_> {
        match &self.fetching {
            Fetching::InFlight { deadline, .. } => Fetch::InFlight { deadline: *deadline },
            Fetching::Resting(rest) if now.mono < rest.until => {
                Fetch::Resting { until: rest.until, cause: &rest.cause }
            }
            _ => Fetch::Idle,
        }
    }

    /// The calls that hold a place.
    pub const fn waiters(&self) -> usize {
        self.waiters
    }

    /// How often in a row the server handed out the held token again, or one that ends no later.
    pub const fn no_progress(&self) -> u32 {
        self.no_progress
    }

    /// What became of the last flight that failed, since a token was last installed or the credentials changed.
    pub const fn last_error(&self) -> Option<&Cause> {
        self.last_error.as_ref()
    }

    /// The figures it decides by.
    pub const fn policy(&self) -> &Policy {
        &self.policy
    }
}
