//! What one attempt leaves for the next.

use crate::clock_offset::{ClockOffset, NEGLIGIBLE};
use crate::error::Refusal;
use crate::metadata::Metadata;
use crate::origin::Origin;
use crate::policy::Policy;
use crate::response::{Field, Response};
use crate::seconds;
use crate::secret::Secret;
use crate::time::{Mono, Now, Wall};
use alloc::sync::Arc;
use core::time::Duration;

/// So many texts in a row may be refused, each another than the one before, until it is taken that it does not lie in the text.
const OTHERS: u32 = 3;

/// What attempts of one client have learnt: kept by whoever drives them, and handed from each to the next. It decides nothing about the
/// machine. When the client's credentials are replaced, it [forgets](Known::forget_credential) the one that was refused.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Known {
    policy: Policy,
    /// `None` while nothing was learnt, as with most clients: there may be a million of them.
    learnt: Option<Arc<Learnt>>,
}

#[derive(Clone, PartialEq, Eq, Hash, Debug, Default)]
struct Learnt {
    refused: Option<Refused>,
    clock: Option<ClockOffset>,
    /// The offset that people were told of.
    told: Option<ClockOffset>,
    /// A refusal was taken for the clock's fault, and no token was granted since.
    is_excused: bool,
    metadata: Option<Kept>,
}

/// Metadata, and how good it is.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Kept {
    metadata: Arc<Metadata>,
    /// When it was asked for, and when it was asked for last, with whatever success.
    fetched: Mono,
    tried: Mono,
    /// An answer of the token endpoint says that it may be out of date.
    is_doubtful: bool,
    /// Since when it could not be had.
    failing_since: Option<Wall>,
}

/// So far ahead of ours a server's clock is followed: a time zone that was set wrongly is less.
const MOST_AHEAD: Duration = Duration::from_secs(24 * 3600);

/// Metadata that may be out of date is asked for no more often.
const METADATA_PAUSE: Duration = Duration::from_secs(60);

/// The credential that was refused last.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
struct Refused {
    text: Secret,
    refusal: Refusal,
    /// How often in a row.
    count: u32,
    /// When it may be tried once more.
    until: Mono,
    /// How often in a row another text than the one before was refused.
    others: u32,
    /// When any text may be tried: somebody who makes a new one for each request is not refused for the one he has.
    any_until: Mono,
}

impl Known {
    /// Nothing yet. The policy says how long a refused credential rests.
    pub fn new(policy: &Policy) -> Self {
        Self { policy: policy.clone(), learnt: None }
    }

    /// How far the two clocks are from each other, by the last answer that told it; `None` if that is no more than 30 s, or nobody told.
    ///
    /// An answer tells it by its Date and Age (RFC 9110 §6.6.1, RFC 9111 §5.1), where nobody on the way can change them: by https, or
    /// on a loopback address. No lifetime is judged by it.
    pub fn clock(&self) -> Option<ClockOffset> {
        self.learnt.as_ref()?.clock
    }

    /// When the credential that was refused last may be sent again though it is the same; `None` if none was refused.
    pub fn refused_until(&self) -> Option<Mono> {
        let refused = self.refusal()?;
        Some(refused.until.max(refused.any_until))
    }

    /// The client's credentials are other ones: which one was refused last is of no account any more. What is known of the server stays.
    pub fn forget_credential(&mut self) {
        if self.refusal().is_some() {
            self.learn().refused = None;
        }
    }

    fn refusal(&self) -> Option<&Refused> {
        self.learnt.as_ref()?.refused.as_ref()
    }

    fn learn(&mut self) -> &mut Learnt {
        Arc::make_mut(self.learnt.get_or_insert_default())
    }

    /// What the refusal of this credential was, if it may not be sent again yet.
    pub(super) fn held_back(&self, text: &Secret, now: Mono) -> Option<Refusal> {
        let refused = self
            .refusal()
            .filter(|refused| now < refused.any_until || (refused.text == *text && now < refused.until))?;
        Some(refused.refusal.clone())
    }

    /// The server has refused this credential.
    pub(super) fn refused(&mut self, text: Secret, refusal: &Refusal, now: Mono) {
        let (count, others) = match self.refusal() {
            Some(before) if before.text == text => (before.count.saturating_add(1), before.others),
            Some(before) => (0, before.others.saturating_add(1)),
            None => (0, 0),
        };
        let until = now.after(self.policy.cooldown(count));
        let any_until = match others.checked_sub(OTHERS) {
            Some(beyond) => now.after(self.policy.cooldown(beyond)),
            None => Mono::ZERO,
        };
        let refusal = refusal.kept();
        self.learn().refused = Some(Refused { text, refusal, count, until, others, any_until });
    }

    /// The server has taken the credential of this attempt.
    pub(super) fn accepted(&mut self) {
        self.forget_credential();
        if self.learnt.as_ref().is_some_and(|learnt| learnt.is_excused) {
            self.learn().is_excused = false;
        }
    }

    /// What an answer tells of the server's clock. It was written at some moment between the two.
    pub(super) fn hear(&mut self, response: &Response, origin: &Origin, sent: Now, now: Now) {
        if origin.scheme() != "https" && !origin.is_loopback() {
            return;
        }
        let Some(date) = response.date() else { return };
        let age = response.header(Field::Age).and_then(seconds::whole_seconds).unwrap_or(0);
        let theirs = date.after(Duration::from_secs(age));
        let (behind, ahead) = (theirs.since(now.wall), sent.wall.since(theirs));
        let clock = match (behind > NEGLIGIBLE, ahead > NEGLIGIBLE) {
            (true, _) => Some(ClockOffset::Behind(behind)),
            (_, true) => Some(ClockOffset::Ahead(ahead)),
            (false, false) => None,
        };
        if clock.is_none() && self.learnt.is_none() {
            return;
        }
        let told = self.told();
        // One that drifts by a second, or about the limit, is told once.
        let is_told = told.zip(clock).is_some_and(|(told, clock)| told.is_like(clock));
        let is_right = behind.max(ahead) <= NEGLIGIBLE / 2;
        let told = if !is_told && (clock.is_some() || is_right) { clock } else { told };
        if self.clock() != clock || self.told() != told {
            let learnt = self.learn();
            (learnt.clock, learnt.told) = (clock, told);
        }
    }

    /// The offset of the clocks, if it is news to whoever knew that.
    pub fn clock_news(&self, before: &Self) -> Option<ClockOffset> {
        self.told().filter(|told| before.told() != Some(*told))
    }

    /// A refusal by a server whose clock has turned out to be another than was taken for it: whether it may be the clock's fault. It may be once
    /// until a token is granted.
    pub(super) fn excuse(&mut self, before: Option<ClockOffset>) -> bool {
        let is_other = match (self.clock(), before) {
            (Some(clock), Some(before)) => !clock.is_like(before),
            (clock, before) => clock != before,
        };
        // Where it is not followed, the next assertion would be as wrong.
        let is_followed = !matches!(self.clock(), Some(ClockOffset::Behind(by)) if by > MOST_AHEAD);
        let is_excused =
            is_other && is_followed && !self.learnt.as_ref().is_some_and(|learnt| learnt.is_excused);
        if is_excused {
            self.learn().is_excused = true;
        }
        is_excused
    }

    /// The server's metadata, as it was last had.
    pub fn metadata(&self) -> Option<&Metadata> {
        Some(&self.kept()?.metadata)
    }

    /// Since when the metadata that is kept could not be asked for again.
    pub fn metadata_failing_since(&self) -> Option<Wall> {
        self.kept()?.failing_since
    }

    /// The metadata that is kept, and nothing else that was learnt: for other clients of the same server, which
    /// [take it up](Self::adopt_metadata).
    pub fn metadata_alone(&self) -> Option<Self> {
        let metadata = Some(self.kept()?.clone());
        Some(Self {
            policy: self.policy.clone(),
            learnt: Some(Arc::new(Learnt { metadata, ..Learnt::default() })),
        })
    }

    /// Takes up the metadata that another client of the same server has found out, at the same place and of the same issuer, if it asked later than
    /// this one.
    pub fn adopt_metadata(&mut self, other: &Self) {
        let Some(theirs) = other.kept() else { return };
        if self.kept().is_none_or(|ours| ours.fetched < theirs.fetched) {
            self.learn().metadata = Some(theirs.clone());
        }
    }

    fn kept(&self) -> Option<&Kept> {
        self.learnt.as_ref()?.metadata.as_ref()
    }

    /// What is kept, unless it is time to ask for it again.
    pub(super) fn current_metadata(&self, max_age: Duration, now: Mono) -> Option<&Metadata> {
        let kept = self.kept()?;
        let is_old = now.since(kept.fetched) >= max_age;
        let is_due = (is_old || kept.is_doubtful) && now.since(kept.tried) >= METADATA_PAUSE;
        (!is_due).then_some(&*kept.metadata)
    }

    /// It was asked for then, and came.
    pub(super) fn fetched(&mut self, metadata: Metadata, asked: Mono) {
        let metadata = match self.kept() {
            Some(kept) if *kept.metadata == metadata => Arc::clone(&kept.metadata),
            before => {
                // What was refused there may be right at the other place, or by the other rules.
                if before.is_some() {
                    self.forget_credential();
                }
                Arc::new(metadata)
            }
        };
        self.learn().metadata =
            Some(Kept { metadata, fetched: asked, tried: asked, is_doubtful: false, failing_since: None });
    }

    /// It was asked for then, and did not come: what is kept, if anything is.
    pub(super) fn not_fetched(&mut self, asked: Now) -> Option<&Metadata> {
        self.kept()?;
        let kept = self.learn().metadata.as_mut()?;
        kept.tried = asked.mono;
        kept.failing_since.get_or_insert(asked.wall);
        Some(&kept.metadata)
    }

    /// The token endpoint answered as one does that has moved, or whose methods have changed.
    pub(super) fn doubt_metadata(&mut self) {
        if let Some(kept) = self.learnt.as_mut().and_then(|learnt| Arc::make_mut(learnt).metadata.as_mut()) {
            kept.is_doubtful = true;
        }
    }

    fn told(&self) -> Option<ClockOffset> {
        self.learnt.as_ref()?.told
    }

    /// What an assertion is made at when our clock shows this: the server's time, unless that is more than a day ahead. An assertion for a day
    /// to come is good for whoever keeps it until then, and who answers may not be whom it is for.
    pub(super) fn signing_now(&self, now: Wall) -> Wall {
        match self.clock() {
            Some(ClockOffset::Behind(by)) if by > MOST_AHEAD => now,
            _ => self.server_now(now),
        }
    }

    /// What the server's clock shows when ours shows this.
    pub(super) fn server_now(&self, now: Wall) -> Wall {
        match self.clock() {
            Some(ClockOffset::Behind(by)) => now.after(by),
            Some(ClockOffset::Ahead(by)) => Wall::from_epoch(now.since_epoch().saturating_sub(by)),
            None => now,
        }
    }
}

#[cfg(test)]
mod tests;
