//! Many sources in one process, by the program's own keys: bounded, and never two for one key.

mod entry;
mod error;
mod evict;
mod inner;
mod keep;
mod keeper;
mod making;
mod notes;
mod pooled;
mod settings;
mod shards;
mod shelf;
mod status;
mod vacancy;

pub use error::{BoxError, PoolError, PoolFull};
pub use pooled::Pooled;
pub use settings::{PoolClient, PoolSettings};
pub use status::PoolStatus;

use crate::commons::Commons;
use crate::observer::Audience;
use crate::shared::Shared;
use crate::status::Status;
use crate::sync::Mutex;
use evergrant_core::{AccessToken, Ask, Client, Closed, ConfigError, Excerpt, Rotation, Stored};
use inner::{Counters, Inner};
use shards::Shards;
use std::borrow::Borrow;
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fmt;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// A request that takes longer than it may by this is lost, and its permit is somebody else's.
const GRACE: Duration = Duration::from_secs(5);

/// Many sources of tokens, by keys of the program's own. Clones are one pool.
pub struct Pool<K, S: Pooled>(Arc<Inner<K, S>>);

impl<K, S: Pooled> Clone for Pool<K, S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

/// The numbers alone: keys are the user's.
impl<K, S: Pooled> fmt::Debug for Pool<K, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("status", &self.status()).finish_non_exhaustive()
    }
}

// Making one.
impl<K, S: Pooled> Pool<K, S> {
    /// A pool without sources. A token is rendered once, by `render`; `wrap` makes the source of a client, over what
    /// its clones share.
    pub fn new(
        settings: PoolSettings<K>,
        render: fn(&AccessToken) -> S::Value,
        wrap: impl Fn(&Client, Arc<Shared<S::Value>>) -> Result<S, ConfigError> + Send + Sync + 'static,
    ) -> Self {
        let PoolSettings {
            terms,
            name,
            label,
            client_for,
            max_sources,
            idle,
            limits,
            shares_rests,
            max_waiters,
        } = settings;
        Self(Arc::new(Inner {
            shards: Shards::new(max_sources),
            hasher: RandomState::new(),
            count: AtomicUsize::new(0),
            max_sources,
            idle,
            commons: Commons::new(limits, terms.attempt_timeout() + GRACE, shares_rests, max_waiters),
            clock: terms.clock.clone(),
            audience: Audience::new(name, terms.observers.clone()),
            terms,
            label,
            client_for,
            render,
            wrap: Box::new(wrap),
            counters: Counters::default(),
            full: Mutex::new(None),
        }))
    }
}

// Sources by their keys, which may be lent: `&str` for a `String`.
impl<K: Eq + Hash, S: Pooled> Pool<K, S> {
    /// The source of this key: a clone of the one that is there, or a new one with the client that the program makes for the key.
    /// Never waits for a token, and sends nothing.
    ///
    /// # Errors
    /// The program makes no client for the key, no source can be made for that client, or all sources are busy.
    pub fn tokens<Q>(&self, key: &Q) -> Result<S, PoolError>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        let hash = self.0.hasher.hash_one(key);
        match self.0.find(hash, key) {
            Some(source) => Ok(source),
            None => self.0.make(hash, key.to_owned()),
        }
    }

    /// The source of this key, if it is there. A look, which does not count as use: for people who want to know of it.
    pub fn get<Q>(&self, key: &Q) -> Option<S>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.0.look(self.0.hasher.hash_one(key), key)
    }

    /// The client of this key has changed. One that differs in how it proves who it is alone is rotated, as
    /// [`Shared::rotate`](crate::Shared::rotate) does with `Keep`. For any other a new source takes the place of the old one, which
    /// never sends again: its token serves those who hold a clone until it ends, then they get
    /// [`Error::Closed`](evergrant_core::Error::Closed). Returns whether there was one; if not, nothing happens.
    ///
    /// # Errors
    /// No source can be made for the client; then the old one stays.
    pub fn replace<Q>(&self, key: &Q, client: impl Into<PoolClient>) -> Result<bool, PoolError>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        let (hash, client) = (self.0.hasher.hash_one(key), client.into());
        let Some(source) = self.0.look(hash, key) else {
            self.0.shards.of(hash).write().making.change(hash);
            return Ok(false);
        };
        let known = source.shared().client();
        let is_rotation = known.as_ref().is_some_and(|known| known.differs_in_auth_alone(&client.client));
        if is_rotation || known.is_some_and(|known| *known == client.client) {
            client.sources.check(&client.client)?;
            self.0.terms.check(&client.client)?;
            let PoolClient { client, sources } = client;
            if is_rotation {
                source.shared().rotate_to(client.auth().clone(), Some(sources), Rotation::Keep);
            } else {
                source.shared().read_from(sources);
            }
            self.0.shards.of(hash).write().making.change(hash);
            return Ok(true);
        }
        let key = key.to_owned();
        let fresh = self.0.open(client, &key)?;
        Ok(self.0.exchange(hash, key, fresh))
    }

    /// The key is not wanted any more. Its source never sends again: its token serves those who hold a clone until it ends, then they
    /// get [`Error::Closed`](evergrant_core::Error::Closed). Returns whether there was one.
    pub fn remove<Q>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        let (hash, readings) = (self.0.hasher.hash_one(key), self.0.clock.readings());
        let removed = {
            let mut room = self.0.shards.of(hash).write();
            room.making.change(hash);
            let removed = room.shelf.remove(hash, key);
            // Closed before another one of that key can come.
            removed.map(|(key, entry)| (entry.shared().close(readings, Closed::Removed), key, entry))
        };
        if removed.is_some() {
            self.0.count.fetch_sub(1, Ordering::Relaxed);
        }
        removed.is_some()
    }

    /// A token of this key, kept from before a restart. Returns whether it was taken.
    ///
    /// # Errors
    /// As [`tokens`](Self::tokens).
    pub fn restore<Q>(&self, key: &Q, stored: Stored) -> Result<bool, PoolError>
    where
        K: Borrow<Q>,
        Q: Eq + Hash + ToOwned<Owned = K> + ?Sized,
    {
        Ok(self.tokens(key)?.shared().restore(stored))
    }
}

// Where the client is the key.
impl<S: Pooled> Pool<Client, S> {
    /// The source of this client, in a pool whose keys are the clients themselves: as [`tokens`](Self::tokens).
    ///
    /// # Errors
    /// As [`tokens`](Self::tokens); and [`ConfigError::LiveKey`] for a client that is not whole by itself: something is read for each of its
    /// requests, and nobody says from where.
    pub fn tokens_of(&self, client: &Client) -> Result<S, PoolError> {
        let hash = self.0.hasher.hash_one(client);
        if let Some(source) = self.0.find(hash, client) {
            return Ok(source);
        }
        let signs = client.auth().is_signed().then_some(Ask::Signature);
        match client.asks().next().or(signs) {
            Some(ask) => {
                let field = Excerpt::new(&ask.to_string(), &[]).unwrap_or_default();
                Err(ConfigError::LiveKey { field }.into())
            }
            None => self.0.make(hash, client.clone()),
        }
    }
}

// All sources, one after the other.
impl<K: Clone, S: Pooled> Pool<K, S> {
    /// Every held token with its key, as they may be kept across a restart. Key by key: the pool can be used meanwhile.
    pub fn export(&self, mut to: impl FnMut(&K, Stored)) {
        self.0.visit(|key, source| {
            if let Some(stored) = source.shared().export() {
                to(key, stored);
            }
        });
    }

    /// Shows the status of every source with its key. Key by key: the pool can be used meanwhile.
    pub fn each(&self, mut show: impl FnMut(&K, Status)) {
        self.0.visit(|key, source| show(key, source.shared().status()));
    }

    /// The keys whose sources made the most token requests, at most so many of them, with the number of requests: for finding the one
    /// that loops.
    pub fn top(&self, most: usize) -> Vec<(K, u64)> {
        let (mut lowest, mut keys) = (BinaryHeap::new(), Vec::new());
        self.0.visit(|key, source| {
            keys.push(key.clone());
            lowest.push(Reverse((source.shared().requests(), keys.len() - 1)));
            if lowest.len() > most {
                lowest.pop();
            }
        });
        let top = lowest.into_sorted_vec().into_iter();
        top.filter_map(|Reverse((requests, at))| Some((keys.get(at)?.clone(), requests))).collect()
    }
}

// What needs nothing of the keys.
impl<K, S: Pooled> Pool<K, S> {
    /// What people call the pool: [`PoolSettings::name`].
    pub fn name(&self) -> &str {
        self.0.audience.source()
    }

    /// What it holds, and what happened. It looks at every source, one shard at a time.
    pub fn status(&self) -> PoolStatus {
        let inner = &*self.0;
        let readings = inner.clock.readings();
        let counters = &inner.counters;
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut status = PoolStatus {
            in_flight: inner.commons.permits.in_use(),
            waiting: inner.commons.waiting(),
            misses: read(&counters.misses),
            evicted_for_capacity: read(&counters.evicted_for_capacity),
            evicted_idle: read(&counters.evicted_idle),
            full: read(&counters.full),
            ..PoolStatus::default()
        };
        for shard in inner.shards.iter() {
            status.hits += shard.hits();
            for (_, entry) in shard.read().shelf.iter() {
                let (glance, is_kept) = entry.glance(readings);
                status.sources += 1;
                status.held += usize::from(glance.is_held);
                status.resting += usize::from(glance.is_resting);
                status.held_outside += usize::from(is_kept);
                status.oldest_idle = status.oldest_idle.max(entry.unused_for(readings));
            }
        }
        status
    }
}

#[cfg(test)]
mod tests;
