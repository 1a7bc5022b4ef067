//! Who makes a source at this moment: a client that is made while its key is replaced or removed may be an old one.

/// The sources that are being made in one shard, by the hashes of their keys.
#[derive(Debug, Default)]
pub(super) struct Making {
    last: u64,
    makers: Vec<Maker>,
}

#[derive(Debug)]
struct Maker {
    number: u64,
    hash: u64,
    is_late: bool,
}

impl Making {
    /// Somebody begins. Returns its number.
    pub(super) fn begin(&mut self, hash: u64) -> u64 {
        self.last += 1;
        self.makers.push(Maker { number: self.last, hash, is_late: false });
        self.last
    }

    /// The client of this key has changed: whoever makes a source for it may have the old one.
    pub(super) fn change(&mut self, hash: u64) {
        self.makers.iter_mut().filter(|maker| maker.hash == hash).for_each(|maker| maker.is_late = true);
    }

    /// It is done, or has failed. Returns whether the client may be an old one.
    pub(super) fn end(&mut self, number: u64) -> bool {
        let at = self.makers.iter().position(|maker| maker.number == number);
        at.is_some_and(|at| self.makers.swap_remove(at).is_late)
    }
}
