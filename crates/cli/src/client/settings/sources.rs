//! Who says a value that several can say.

use crate::client::args::ClientArgs;
use crate::client::said::{Said, Whence};
use std::collections::BTreeMap;

/// Who says a value: a flag or a variable before the profile, and each of these before a default.
pub(super) struct Sources<'a> {
    pub(super) args: &'a ClientArgs,
    pub(super) profile: Option<String>,
    pub(super) lines: BTreeMap<String, usize>,
}

impl Sources<'_> {
    /// The value of the flag with this id, or else of the profile's key of that name, or of its plural.
    pub(super) fn first<T>(&self, id: &str, said: Option<T>, profile: Option<T>) -> Said<Option<T>> {
        let by = match (&said, &profile) {
            (Some(_), _) => self.args.whence(id),
            (None, Some(_)) => self.by_profile(id),
            (None, None) => Whence::Default,
        };
        Said { value: said.or(profile), by }
    }

    /// The same of a list, which is taken whole from one or the other.
    pub(super) fn list<T>(&self, id: &str, said: Vec<T>, profile: Vec<T>) -> Said<Vec<T>> {
        let some = |list: Vec<T>| Some(list).filter(|list| !list.is_empty());
        self.first(id, some(said), some(profile)).or(Vec::new())
    }

    pub(super) fn by_profile(&self, id: &str) -> Whence {
        let line = self.lines.get(id).or_else(|| self.lines.get(&format!("{id}s")));
        Whence::Profile { name: self.profile.clone().unwrap_or_default(), line: line.copied() }
    }

    /// Who named the profile, where one is used.
    pub(super) fn named(&self) -> Option<Said<String>> {
        let by =
            if self.args.profile.is_some() { self.args.whence("profile") } else { Whence::DefaultProfile };
        self.profile.clone().map(|value| Said { value, by })
    }
}
