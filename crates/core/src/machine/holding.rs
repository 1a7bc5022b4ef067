//! What the machine holds, and for whom.

use super::Site;
use super::aside::Aside;
use super::lease::Lease;
use crate::time::Now;
use crate::token::{AccessToken, Token};
use core::mem;
use core::time::Duration;

/// The lease: held, set aside, or why there is none.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) enum Holding {
    Nothing {
        why: Missing,
        /// The last lease, if it ended by itself.
        last: Option<Over>,
    },
    Held(Lease),
    Aside(Aside),
    /// A token that no server brought and that never ends.
    Fixed(Token),
}

/// Why there is no lease.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Missing {
    Never,
    Expired,
    Rejected,
    Rotated,
}

/// What is kept of a lease that has ended: enough to know its token when the server hands it out again.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Over {
    pub(super) value: AccessToken,
    pub(super) told: bool,
    pub(super) life: Duration,
}

/// The end that an answer told of a token earlier.
pub(super) enum ToldEnd<'a> {
    /// It was reached.
    Reached,
    /// It is that of this lease.
    Ahead(&'a Lease),
}

impl Holding {
    /// The lease that all may use, if neither clock says that it has ended.
    pub(super) fn held(&self, now: Now) -> Option<&Lease> {
        match self {
            Self::Held(lease) => Some(lease).filter(|lease| !lease.is_over(now)),
            _ => None,
        }
    }

    /// What is set aside, if neither clock says that it has ended.
    pub(super) fn aside(&self, now: Now) -> Option<&Aside> {
        match self {
            Self::Aside(aside) => Some(aside).filter(|aside| !aside.lease.is_over(now)),
            _ => None,
        }
    }

    /// The token that a call for this site may use now, and whether its replacement is due.
    pub(super) fn serves(&self, now: Now, site: Option<Site>) -> Option<(&Token, bool)> {
        match self {
            Self::Nothing { .. } => None,
            Self::Held(_) => self.held(now).map(|lease| (&lease.token, lease.is_due(now))),
            Self::Aside(_) => {
                self.aside(now).filter(|aside| aside.serves(site)).map(|aside| (&aside.lease.token, true))
            }
            Self::Fixed(token) => Some((token, false)),
        }
    }

    /// What was once seen to have ended stays so, wherever the wall clock goes. Returns whether something ended.
    pub(super) fn lapse(&mut self, now: Now) -> bool {
        let (lease, why) = match self {
            Self::Held(lease) => (lease, Missing::Expired),
            Self::Aside(Aside { lease, .. }) => (lease, Missing::Rejected),
            Self::Nothing { .. } | Self::Fixed(_) => return false,
        };
        if !lease.is_over(now) {
            return false;
        }
        let last = Some(Over { value: lease.token.value.clone(), told: lease.told, life: lease.life });
        *self = Self::Nothing { why, last };
        true
    }

    /// The lease is refused at this site: it is set aside, until this flight has ended.
    pub(super) fn set_aside(&mut self, site: Site, awaits: Option<u64>) {
        let nothing = Self::Nothing { why: Missing::Rejected, last: None };
        *self = match mem::replace(self, nothing) {
            Self::Held(lease) => Self::Aside(Aside::new(lease, site, awaits)),
            other => other,
        };
    }

    /// The token that is held, set aside, or was the last one to end by itself.
    pub(super) fn value(&self) -> Option<&AccessToken> {
        match self {
            Self::Held(lease) | Self::Aside(Aside { lease, .. }) => Some(&lease.token.value),
            Self::Nothing { last, .. } => last.as_ref().map(|over| &over.value),
            Self::Fixed(token) => Some(&token.value),
        }
    }

    /// The end that an earlier answer told of this token, if it is the last one.
    pub(super) fn told_end_of(&self, token: &AccessToken) -> Option<ToldEnd<'_>> {
        match self {
            Self::Held(lease) | Self::Aside(Aside { lease, .. }) => {
                (lease.told && lease.token.value == *token).then_some(ToldEnd::Ahead(lease))
            }
            Self::Nothing { last: Some(over), .. } => {
                (over.told && over.value == *token).then_some(ToldEnd::Reached)
            }
            Self::Nothing { last: None, .. } | Self::Fixed(_) => None,
        }
    }
}
