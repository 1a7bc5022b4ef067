//! An entry as a text, for engines that keep it in a file or in one column of a row.
//!
//! ```text
//! evergrant-entry 1
//! changed TIME
//! fences KEPT THROWN_AWAY LAST
//! token PRINT END DUE LIFE ARRIVED SEALED     if there is one; the sealed token in base64url
//! claim CLAIMANT FENCE UNTIL TOLD             if somebody asks
//! rest UNTIL FAILURES SAID                    if there was a failure since the last token
//! end
//! ```
//! Times are milliseconds. Each line ends with a line feed: a text that was cut off is none.

use super::super::name::{Claimant, Print};
use super::super::operation::{Fence, Sealed};
use super::super::said::Said;
use super::{Claimed, Entry, Kept, StoreTime};
use alloc::string::ToString;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use core::fmt;
use core::time::Duration;

const FIRST_LINE: &str = "evergrant-entry 1";

impl Entry {
    /// What [`Display`](fmt::Display) wrote; `None` for anything else, for a text that was cut off, and for that of another version.
    ///
    /// ```
    /// use evergrant_core::fleet::{Claim, Claimant, Entry, StoreTime};
    /// use std::time::Duration;
    ///
    /// let mut entry = Entry::default();
    /// let (claimant, lease) = (Claimant::new([7; 16]), Some(Duration::from_secs(11)));
    /// let claim = Claim { claimant, dropped: None, held: None, lease, young: Duration::from_secs(10) };
    /// let _ = entry.claim(StoreTime::from_millis(1_767_225_600_000), &claim);
    /// let text = entry.to_string();
    /// assert_eq!(Entry::parse(&text), Some(entry));
    /// assert_eq!(Entry::parse(&text[..text.len() - 1]), None);
    /// ```
    pub fn parse(text: &str) -> Option<Self> {
        let mut entry = Self::default();
        for line in text.lines() {
            let (name, rest) = line.split_once(' ').unwrap_or((line, ""));
            let mut words = Words(rest);
            match name {
                "changed" => entry.changed = words.time()?,
                "fences" => {
                    (entry.kept, entry.thrown_away, entry.last) =
                        (words.fence()?, words.fence()?, words.fence()?);
                }
                "token" => entry.token = Some(words.kept()?),
                "claim" => entry.claim = Some(words.claimed()?),
                "rest" => {
                    (entry.rest_until, entry.failures) = (words.time()?, words.number()?.try_into().ok()?);
                    entry.said = Said::parse(words.0);
                }
                _ => {}
            }
        }
        // Whatever was read otherwise, twice or not at all is not what was written.
        (entry.to_string() == text).then_some(entry)
    }
}

/// The words of a line that were not read yet.
struct Words<'a>(&'a str);

impl<'a> Words<'a> {
    fn word(&mut self) -> Option<&'a str> {
        let (word, rest) = self.0.split_once(' ').unwrap_or((self.0, ""));
        self.0 = rest;
        (!word.is_empty()).then_some(word)
    }

    fn number(&mut self) -> Option<u64> {
        self.word()?.parse().ok()
    }

    fn fence(&mut self) -> Option<Fence> {
        self.number().map(Fence::new)
    }

    fn time(&mut self) -> Option<StoreTime> {
        self.number().map(StoreTime::from_millis)
    }

    fn kept(&mut self) -> Option<Kept> {
        let print = Print::parse(self.word()?)?;
        let (end, due, life, arrived) = (self.time()?, self.time()?, self.number()?, self.time()?);
        let sealed = URL_SAFE_NO_PAD.decode(self.word()?).ok()?;
        let life = Duration::from_millis(life);
        Some(Kept { sealed: Sealed::new(&sealed), print, end, due, life, arrived })
    }

    fn claimed(&mut self) -> Option<Claimed> {
        let by = Claimant::parse(self.word()?)?;
        Some(Claimed { by, fence: self.fence()?, until: self.time()?, told: self.number()?.try_into().ok()? })
    }
}

/// As [`parse`](Entry::parse) reads it. It shows what a store may know, and the sealed token.
impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fences = [self.kept, self.thrown_away, self.last].map(Fence::number);
        let [kept, thrown_away, last] = fences;
        let changed = self.changed.as_millis();
        write!(f, "{FIRST_LINE}\nchanged {changed}\nfences {kept} {thrown_away} {last}\n")?;
        if let Some(Kept { sealed, print, end, due, life, arrived }) = &self.token {
            let life = StoreTime::default().after(*life);
            let [end, due, life, arrived] = [*end, *due, life, *arrived].map(StoreTime::as_millis);
            let sealed = URL_SAFE_NO_PAD.encode(sealed.as_bytes());
            writeln!(f, "token {print} {end} {due} {life} {arrived} {sealed}")?;
        }
        if let Some(Claimed { by, fence, until, told }) = &self.claim {
            writeln!(f, "claim {by} {} {} {told}", fence.number(), until.as_millis())?;
        }
        if self.failures > 0 || self.rest_until > StoreTime::default() || self.said.is_some() {
            write!(f, "rest {} {} ", self.rest_until.as_millis(), self.failures)?;
            match self.said {
                Some(said) => writeln!(f, "{said}")?,
                None => f.write_str("-\n")?,
            }
        }
        f.write_str("end\n")
    }
}

#[cfg(test)]
mod tests;
