//! What a store is asked to do.

use super::name::{Claimant, Print};
use super::said::Said;
use super::store_time::StoreTime;
use alloc::sync::Arc;
use core::fmt;
use core::time::Duration;

/// One command to a store. What it does is in [`Table`](super::Table), and what it is answered in [`Reply`](super::Reply).
///
/// Durations are whole milliseconds. Whoever makes an operation rounds: what is left of a life down, a rest and a lease up;
/// an engine cuts off what is below.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Operation {
    /// Give me the token, or the right to ask for one.
    Claim(Claim),
    /// I have asked: here is the token.
    Put(Put),
    /// I have asked, and there is none.
    Fail(Fail),
}

impl Operation {
    /// Whose command it is.
    pub const fn claimant(&self) -> Claimant {
        match self {
            Self::Claim(Claim { claimant, .. })
            | Self::Put(Put { claimant, .. })
            | Self::Fail(Fail { claimant, .. }) => *claimant,
        }
    }
}

/// The arguments of `claim`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Claim {
    /// Who claims.
    pub claimant: Claimant,
    /// The print of a token that a resource server refused, or that was rotated away.
    pub dropped: Option<Print>,
    /// The print of the token that the claimant holds.
    pub held: Option<Print>,
    /// For how long the claim is wanted; `None` to look only.
    pub lease: Option<Duration>,
    /// A refused token that arrived less than this ago is not thrown away.
    pub young: Duration,
}

/// The arguments of `put`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Put {
    /// Who claimed.
    pub claimant: Claimant,
    /// What the claim was answered with.
    pub stamp: Stamp,
    /// The token's print.
    pub print: Print,
    /// The token, sealed.
    pub sealed: Sealed,
    /// When it ends, from the time of the stamp.
    pub ends_in: Duration,
    /// When its replacement is due, from the time of the stamp.
    pub due_in: Duration,
    /// Its whole life, from the moment its request was sent.
    pub life: Duration,
}

impl Put {
    /// When the token ends, on the store's clock: what the seal covers beside the [fence](Stamp::fence) and the life.
    pub const fn end(&self) -> StoreTime {
        self.stamp.now.after(self.ends_in)
    }
}

/// The arguments of `fail`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Fail {
    /// Who claimed.
    pub claimant: Claimant,
    /// What the claim was answered with.
    pub stamp: Stamp,
    /// Whether it is a failure of the fleet's: one more in a row, and the rest grows with them. Else the rest is `base`.
    pub counts: bool,
    /// The rest after the first failure.
    pub base: Duration,
    /// The longest rest.
    pub cap: Duration,
    /// What the authorization server said in its Retry-After; zero for nothing.
    pub told: Duration,
    /// Where between half the rest and all of it, in thousandths: drawn by the claimant, since a store draws nothing.
    pub spread: u16,
    /// What the authorization server said, for the others; `None` leaves what is there.
    pub said: Option<Said>,
}

/// What `claim` granted, for `put` or `fail` to bring back: the fence, and the time on the store's clock. Opaque to
/// everyone but engines and seals.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Stamp {
    pub(super) fence: Fence,
    pub(super) now: StoreTime,
}

impl Stamp {
    /// For engines: this fence, at this time.
    pub const fn new(fence: Fence, now: StoreTime) -> Self {
        Self { fence, now }
    }

    /// The number of the claim.
    pub const fn fence(&self) -> Fence {
        self.fence
    }

    /// The store's clock when it was granted.
    pub const fn now(&self) -> StoreTime {
        self.now
    }
}

/// The number of a claim: each is higher than those before, and at least the store's time in milliseconds, so that an
/// entry that was lost does not begin again below the old ones.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Fence(u64);

impl Fence {
    /// This number.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The number.
    pub const fn number(self) -> u64 {
        self.0
    }
}

/// A sealed token: bytes that mean nothing to a store. Debug shows how many they are.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Sealed(Arc<[u8]>);

impl Sealed {
    /// These bytes.
    pub fn new(bytes: &[u8]) -> Self {
        Self(bytes.into())
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}
