//! A token that was refused somewhere: whom it serves until its replacement is there.

use super::Site;
use super::lease::Lease;
use crate::token::Token;

/// A lease that a site refused. It is set aside and not thrown away: while the authorization server is down, one API
/// that answers 401 would take the token from all others.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub(super) struct Aside {
    pub(super) lease: Lease,
    refused_by: Sites,
    /// Everyone waits for this flight, or for the first one after it that is sent. `None` once it has ended without a
    /// token: from then on the lease serves the sites that have not refused it.
    awaits: Option<u64>,
}

/// A set of sites: a bit for each that has a place of its own, and one for the shared one.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
struct Sites {
    own: u64,
    shared: bool,
}

impl Aside {
    pub(super) fn new(lease: Lease, site: Site, awaits: Option<u64>) -> Self {
        let mut refused_by = Sites::default();
        refused_by.insert(site);
        Self { lease, refused_by, awaits }
    }

    /// Whether a call for this site, or for none in particular, may use it.
    pub(super) fn serves(&self, site: Option<Site>) -> bool {
        self.awaits.is_none() && !site.is_some_and(|site| self.refused_by.contains(site))
    }

    /// One site more refused it.
    pub(super) fn refused(&mut self, site: Site) {
        self.refused_by.insert(site);
    }

    /// No token comes from this flight, nor from those before it.
    pub(super) fn ended_without_token(&mut self, flight: u64) {
        self.awaits = self.awaits.filter(|awaited| *awaited > flight);
    }

    /// The credentials changed: who still waits, waits for the first flight of the new ones. Whom it serves already
    /// it serves on.
    pub(super) fn rotated(&mut self, next_flight: u64) {
        self.lease.stale = true;
        self.awaits = self.awaits.map(|_| next_flight);
    }
}

impl Sites {
    fn bit(site: Site) -> Option<u64> {
        1_u64.checked_shl(u32::from(site.place()))
    }

    fn insert(&mut self, site: Site) {
        match Self::bit(site) {
            Some(bit) => self.own |= bit,
            None => self.shared = true,
        }
    }

    fn contains(self, site: Site) -> bool {
        Self::bit(site).map_or(self.shared, |bit| self.own & bit != 0)
    }

    fn iter(self) -> impl Iterator<Item = Site> {
        (0..=Site::SHARED.place()).map(Site::new).filter(move |site| self.contains(*site))
    }
}

/// A token that at least one site refused and that is not replaced yet: what [`set_aside`](super::Machine::set_aside)
/// gives.
#[derive(Clone, Copy, Debug)]
pub struct SetAside<'a>(&'a Aside);

impl<'a> SetAside<'a> {
    pub(super) const fn new(aside: &'a Aside) -> Self {
        Self(aside)
    }

    /// The token.
    pub const fn token(&self) -> &'a Token {
        &self.0.lease.token
    }

    /// The sites that refused it, in the order of their places.
    pub fn refused_by(&self) -> impl Iterator<Item = Site> + use<> {
        self.0.refused_by.iter()
    }
}

#[cfg(test)]
impl Aside {
    /// The flight that is waited for.
    pub(super) const fn awaits_mut(&mut self) -> &mut Option<u64> {
        &mut self.awaits
    }
}
