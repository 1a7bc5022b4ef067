//! The origins that refused a token of this source, and the machine's numbers for them.

use evergrant_core::{Origin, Site};

/// The origins that refused a token, in the order in which they first did.
///
/// The list is the source's, not a client's: two clients over one source must not share a gate because each calls its only origin
/// the first.
#[derive(Debug, Default)]
pub(crate) struct Sites(Vec<Origin>);

impl Sites {
    /// The site of `origin`; `None` for one that has refused nothing.
    pub(crate) fn of(&self, origin: &Origin) -> Option<Site> {
        match self.0.iter().position(|known| known == origin) {
            Some(place) => Some(site(place)),
            // All places are taken: it may be one of those that share the last one.
            None => (self.0.len() >= Site::OWN).then_some(Site::SHARED),
        }
    }

    /// The site of `origin`, which refuses a token now: its own, or the one that it [keeps](Self::keep) if the machine remembers
    /// the refusal.
    pub(crate) fn refusing(&self, origin: &Origin) -> Site {
        self.of(origin).unwrap_or_else(|| site(self.0.len()))
    }

    /// The machine remembers that `origin` refused a token. One that changed nothing takes no place, of which there are few.
    pub(crate) fn keep(&mut self, origin: &Origin) {
        if self.of(origin).is_none() {
            self.0.push(origin.clone());
        }
    }

    /// The machine remembers nobody any more.
    pub(crate) fn forget(&mut self) {
        self.0.clear();
    }

    /// The origins of these sites; those that share the last one are not known by name.
    pub(crate) fn origins(&self, sites: impl Iterator<Item = Site>) -> Vec<Origin> {
        sites.filter_map(|site| self.0.get(usize::from(site.place())).cloned()).collect()
    }
}

fn site(place: usize) -> Site {
    u16::try_from(place).map_or(Site::SHARED, Site::new)
}

#[cfg(test)]
mod tests;
