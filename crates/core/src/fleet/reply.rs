//! What a store answers.

use super::name::Print;
use super::operation::{Fence, Sealed, Stamp};
use super::said::Said;
use super::store_time::StoreTime;
use crate::token::AccessToken;
use core::time::Duration;

/// The answer to one [`Operation`](super::Operation). `T` is the token: [`Sealed`] as it comes from a store, and what
/// [`opened`](Self::opened) makes of it for a [`Passage`](super::Passage).
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Reply<T = Sealed> {
    /// To a claim: there is a token that the claimant has not, or that is not due yet.
    Have(Have<T>),
    /// To a claim: nobody asks, since another instance was refused.
    Rest {
        /// How long.
        left: Duration,
        /// Failures in a row, of the whole fleet.
        failures: u32,
        /// What the authorization server said.
        said: Option<Said>,
    },
    /// To a claim: another one asks.
    Busy {
        /// When its claim ends at the latest.
        left: Duration,
        /// How often somebody was told so during this claim.
        told: u32,
        /// Which claim it is.
        fence: Fence,
    },
    /// To a claim that only looks: it would be granted.
    Free,
    /// To a claim: it is granted; the claimant asks.
    Claimed {
        /// What `put` or `fail` brings back.
        stamp: Stamp,
        /// Failures in a row, of the whole fleet.
        failures: u32,
    },
    /// To a put: the token is the current one.
    Kept,
    /// To a put or a fail: it was overtaken, or the token has ended; nothing changed.
    Late,
    /// To a fail: the claim has ended.
    Noted,
}

/// The token of an entry.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Have<T = Sealed> {
    /// The token.
    pub token: T,
    /// Its print.
    pub print: Print,
    /// The fence of the claim that brought it: the seal covers it.
    pub fence: Fence,
    /// When it ends, on the store's clock: the seal covers it.
    pub end: StoreTime,
    /// How much of its life is left.
    pub left: Duration,
    /// How long until its replacement is due; zero if it is.
    pub due_in: Duration,
    /// Its whole life, from the moment its request was sent: the seal covers it.
    pub life: Duration,
}

impl Reply {
    /// The same with its token opened, by `open`; `None` for one that does not open, or whose numbers are not those that
    /// were sealed.
    pub fn opened(self, open: impl FnOnce(&Have) -> Option<AccessToken>) -> Reply<Option<AccessToken>> {
        match self {
            Self::Have(have) => {
                let token = open(&have);
                let Have { token: _, print, fence, end, left, due_in, life } = have;
                Reply::Have(Have { token, print, fence, end, left, due_in, life })
            }
            Self::Rest { left, failures, said } => Reply::Rest { left, failures, said },
            Self::Busy { left, told, fence } => Reply::Busy { left, told, fence },
            Self::Free => Reply::Free,
            Self::Claimed { stamp, failures } => Reply::Claimed { stamp, failures },
            Self::Kept => Reply::Kept,
            Self::Late => Reply::Late,
            Self::Noted => Reply::Noted,
        }
    }
}
