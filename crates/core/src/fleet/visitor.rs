//! For the exhaustive search alone: everything that has a name or a time.

use super::name::Print;
use super::operation::{Fence, Operation, Sealed, Stamp};
use super::reply::Reply;
use super::store_time::StoreTime;
use crate::time::{Mono, Now};
use crate::token::AccessToken;

/// Sees, and may change, each name and each time of a state.
pub(super) trait Visitor {
    fn token(&mut self, _: &mut AccessToken) {}
    fn print(&mut self, _: &mut Print) {}
    fn sealed(&mut self, _: &mut Sealed) {}
    fn fence(&mut self, _: &mut Fence) {}
    fn mono(&mut self, _: &mut Mono) {}
    fn both(&mut self, _: &mut Now) {}
    fn store(&mut self, _: &mut StoreTime) {}

    fn stamp(&mut self, stamp: &mut Stamp) {
        self.fence(&mut stamp.fence);
        self.store(&mut stamp.now);
    }
}

impl Operation {
    pub(super) fn visit(&mut self, visitor: &mut impl Visitor) {
        match self {
            Self::Claim(claim) => {
                claim.dropped.iter_mut().chain(&mut claim.held).for_each(|print| visitor.print(print));
            }
            Self::Put(put) => {
                visitor.stamp(&mut put.stamp);
                visitor.print(&mut put.print);
                visitor.sealed(&mut put.sealed);
            }
            // Of a failure only the fence is looked at.
            Self::Fail(fail) => {
                visitor.fence(&mut fail.stamp.fence);
                fail.stamp.now = StoreTime::default();
            }
        }
    }
}

impl Reply {
    pub(super) fn visit(&mut self, visitor: &mut impl Visitor) {
        match self {
            Self::Have(have) => {
                visitor.sealed(&mut have.token);
                visitor.print(&mut have.print);
                visitor.fence(&mut have.fence);
                visitor.store(&mut have.end);
            }
            Self::Busy { fence, told, .. } => {
                visitor.fence(fence);
                // So few that they do not change the pace.
                *told = 0;
            }
            Self::Claimed { stamp, .. } => visitor.stamp(stamp),
            Self::Rest { .. } | Self::Free | Self::Kept | Self::Late | Self::Noted => {}
        }
    }
}
