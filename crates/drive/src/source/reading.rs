//! One read at a time: a mount that hangs costs one thread, however often it is asked.
//!
//! Under shuttle the lock, the thread and its wakers are the scheduler's. Two things are not: the source itself, which must wait by
//! shuttle's means there, and `catch_unwind` around it, which makes an error of a panic that should fail the test.

use super::SecretSource;
use super::arrived::Arrived;
use crate::contained::contained;
use crate::sync::{Mutex, MutexGuard, thread};
use evergrant_core::{SecretText, SourceError};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::task::Waker;
use std::time::Duration;

/// A source, and the read of it that is under way.
pub(crate) struct Reading {
    pub(super) source: Arc<dyn SecretSource>,
    progress: Mutex<Progress>,
    /// For telling whether a text is another one, without keeping it.
    hasher: RandomState,
}

#[derive(Default)]
struct Progress {
    /// The number of the last read.
    read: u64,
    is_under_way: bool,
    /// What the last read brought, while somebody who waits for it has not taken it.
    brought: Option<Brought>,
    tickets: u64,
    /// Those who wait, each with the read that it waits for.
    waiting: BTreeMap<u64, (u64, Option<Waker>)>,
    /// What tells the last text from another.
    seen: Option<u64>,
}

struct Brought {
    read: u64,
    text: Result<SecretText, SourceError>,
    is_news: bool,
}

/// Somebody who waits for one read.
pub(crate) struct Ticket {
    reading: Arc<Reading>,
    number: u64,
}

impl fmt::Debug for Reading {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Reading")
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("number", &self.number).finish_non_exhaustive()
    }
}

impl Reading {
    pub(crate) fn new(source: impl SecretSource) -> Arc<Self> {
        let (source, progress) = (Arc::new(source), Mutex::default());
        Arc::new(Self { source, progress, hasher: RandomState::new() })
    }

    /// Begins a read that may take this long, or joins the one that is under way.
    pub(crate) fn begin(self: &Arc<Self>, limit: Duration) -> Ticket {
        let (number, is_first) = {
            let mut progress = self.progress();
            let is_first = !std::mem::replace(&mut progress.is_under_way, true);
            progress.read += u64::from(is_first);
            progress.tickets += 1;
            let (number, read) = (progress.tickets, progress.read);
            progress.waiting.insert(number, (read, None));
            (number, is_first)
        };
        if is_first {
            let reading = Arc::clone(self);
            let read = move || reading.finish(reading.contained(limit));
            if let Err(error) = thread::Builder::new().name("evergrant-secret".into()).spawn(read) {
                let words = format!(
                    "the system could not start a thread to read it on ({error}); raise this process's limit of threads"
                );
                self.finish(Err(SourceError::failed(&words)));
            }
        }
        Ticket { reading: Arc::clone(self), number }
    }

    fn contained(&self, limit: Duration) -> Result<SecretText, SourceError> {
        catch_unwind(AssertUnwindSafe(|| self.source.read(limit).map(|text| self.named(text))))
            .unwrap_or_else(|payload| {
                // What it panicked with is foreign too.
                contained(|| drop(payload));
                Err(SourceError::failed("reading it ended with a panic; see what the panic says"))
            })
    }

    /// The text with where it is from.
    fn named(&self, text: SecretText) -> SecretText {
        let text = match self.source.name() {
            Some(name) => text.read_from(&name),
            None => text,
        };
        if self.source.is_costly() { text.costly() } else { text }
    }

    /// What came is for those who wait still, and wiped if nobody does.
    fn finish(&self, text: Result<SecretText, SourceError>) {
        let hash = text.as_ref().ok().map(|text| self.hasher.hash_one(text.expose()));
        let wakers: Vec<Waker> = {
            let mut progress = self.progress();
            progress.is_under_way = false;
            // What nobody waited for is told of when somebody does.
            if !progress.waiting.is_empty() {
                let is_news = hash.is_some() && progress.seen.is_some() && progress.seen != hash;
                progress.seen = hash.or(progress.seen);
                progress.brought = Some(Brought { read: progress.read, text, is_news });
            }
            progress.waiting.values_mut().filter_map(|(_, waker)| waker.take()).collect()
        };
        wakers.into_iter().for_each(|waker| contained(|| waker.wake()));
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ticket {
    /// What was read, once it is there; until then the waker is woken when it is.
    pub(crate) fn poll(&self, waker: &Waker) -> Option<Arrived> {
        let waker = waker.clone();
        let mut progress = self.reading.progress();
        let Progress { brought, waiting, .. } = &mut *progress;
        let (read, place) = waiting.get_mut(&self.number)?;
        // A later read than that is as good: it may have ended before this ticket was looked at.
        if let Some(brought) = brought.as_ref().filter(|brought| brought.read >= *read) {
            return Some(Arrived { text: brought.text.clone(), is_news: brought.is_news });
        }
        let before = place.replace(waker);
        drop(progress);
        contained(|| drop(before));
        None
    }

    pub(super) fn name(&self) -> Option<Cow<'_, str>> {
        self.reading.source.name()
    }

    pub(super) fn is_costly(&self) -> bool {
        self.reading.source.is_costly()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let (waker, brought) = {
            let mut progress = self.reading.progress();
            let waker = progress.waiting.remove(&self.number);
            // Whoever comes later reads anew.
            let brought = if progress.waiting.is_empty() { progress.brought.take() } else { None };
            (waker, brought)
        };
        contained(|| drop(waker));
        drop(brought);
    }
}

#[cfg(test)]
mod tests;
