//! What follows a refused token: whether a request is sent again, and when.
//!
//! | rejection             | can be repeated, first time | can be repeated, that was done before              | cannot be repeated |
//! |-----------------------|-----------------------------|----------------------------------------------------|--------------------|
//! | `Refused`             | hand on                     | hand on                                            | hand on            |
//! | `Settling(t)`         | settle until t              | hand on                                            | hand on            |
//! | `Dropped`             | send again                  | hand on, and refresh                               | hand on, and refresh |
//! | `Replaced`            | send again                  | hand on                                            | hand on, and refresh |
//!
//! Each of the two ways to send again is taken once, so a request is sent at most [`Replay::MAX_SENDS`] times.

use crate::machine::Rejection;
use crate::time::Mono;

/// One authorized request: what was done for it so far, which decides what follows a refused token.
///
/// A request begins with [`new`](Self::new). Each time its token is refused, the token is given to the machine's
/// `reject`, and what comes of that to [`refused`](Self::refused). Nothing else has to be reported: a send that has
/// another answer, or none, ends the request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Replay {
    repeatable: bool,
    settled: bool,
    replaced: bool,
}

/// What comes next for a request whose token was refused. What a program does not know, it takes for
/// [`HandOn`](Self::HandOn).
#[must_use]
#[non_exhaustive]
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AfterRefusal {
    /// Hand the answer on.
    HandOn,
    /// Hand the answer on, and poll the machine once without patience, so that a token request that is due is sent.
    HandOnAndRefresh,
    /// Send the same token once more then. If the caller's patience ends first, hand the answer on.
    Settle(Mono),
    /// Take a token, wait for it if need be, and send once more.
    SendAgain,
}

impl Replay {
    /// The most sends of one request: the first, one for a token that had to settle, one for a token that was
    /// replaced.
    pub const MAX_SENDS: u8 = 3;

    /// A request that is sent for the first time; `repeatable` says whether its body can be sent again.
    pub const fn new(repeatable: bool) -> Self {
        Self { repeatable, settled: false, replaced: false }
    }

    /// The request's body cannot be sent again any more: it had become too long to be kept.
    pub const fn cannot_repeat(&mut self) {
        self.repeatable = false;
    }

    /// How often the request was sent, counting the send that was decided last: 1 to [`MAX_SENDS`](Self::MAX_SENDS).
    pub const fn sends(&self) -> u8 {
        1 + self.settled as u8 + self.replaced as u8
    }

    /// The token of the last send was refused, and this is what the machine's `reject` made of it.
    pub const fn refused(&mut self, rejection: Rejection) -> AfterRefusal {
        match rejection {
            Rejection::Refused => AfterRefusal::HandOn,
            Rejection::Settling(then) if self.repeatable && !self.settled => {
                self.settled = true;
                AfterRefusal::Settle(then)
            }
            Rejection::Settling(_) => AfterRefusal::HandOn,
            Rejection::Dropped | Rejection::Replaced if self.repeatable && !self.replaced => {
                self.replaced = true;
                AfterRefusal::SendAgain
            }
            // Another token was tried for this request: a machine that holds yet another has nothing to fetch.
            Rejection::Replaced if self.replaced => AfterRefusal::HandOn,
            Rejection::Dropped | Rejection::Replaced => AfterRefusal::HandOnAndRefresh,
        }
    }
}

#[cfg(test)]
mod tests;
