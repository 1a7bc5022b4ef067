//! Connections that wait for another request.

use crate::connection::{Connection, Key};
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// No more connections to one place are kept than a busy worker pool uses again at once.
const MAX_OF_A_PLACE: usize = 32;
/// Nor more in all than an eighth of the files that a process may often have open, which is 1024.
const MAX_IDLE: usize = 128;
/// Servers close what is silent for a minute or less; what they closed fails when it is used.
const MAX_AGE: Duration = Duration::from_secs(30);

/// Connections that wait for another request, the one that has waited longest first. Whoever takes one or gives one back
/// closes all that are too old, whatever place they lead to.
#[derive(Clone, Default)]
pub(crate) struct Pool(Arc<Mutex<VecDeque<Idle>>>);

struct Idle {
    key: Key,
    since: Instant,
    connection: Connection,
}

impl Pool {
    /// The connection that was used last and still works.
    pub(crate) fn take(&self, key: &Key) -> Option<Connection> {
        self.take_at(Instant::now(), key)
    }

    /// Keeps a connection, unless it is over.
    pub(crate) fn put(&self, key: Key, connection: Connection) {
        self.put_at(Instant::now(), key, connection);
    }

    fn take_at(&self, now: Instant, key: &Key) -> Option<Connection> {
        loop {
            let (expired, last) = {
                let mut idle = self.lock();
                let expired = expired(&mut idle, now);
                let at = idle.iter().rposition(|idle| idle.key == *key);
                (expired, at.and_then(|at| idle.remove(at)))
            };
            // Closed once the lock is free.
            drop(expired);
            let mut last = last?.connection;
            if last.is_usable() {
                return Some(last);
            }
        }
    }

    fn put_at(&self, now: Instant, key: Key, mut connection: Connection) {
        let usable = connection.is_usable();
        let closing = {
            let mut idle = self.lock();
            let mut closing = expired(&mut idle, now);
            if usable {
                closing.extend(displaced(&mut idle, &key));
                idle.push_back(Idle { key, since: now, connection });
            }
            closing
        };
        // Closed once the lock is free.
        drop(closing);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Idle>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Those that have waited too long.
fn expired(idle: &mut VecDeque<Idle>, now: Instant) -> Vec<Idle> {
    let is_old = |idle: &Idle| now.saturating_duration_since(idle.since) >= MAX_AGE;
    let young = idle.iter().position(|idle| !is_old(idle)).unwrap_or(idle.len());
    idle.drain(..young).collect()
}

/// The one that has waited longest where there is no room for another to this place.
fn displaced(idle: &mut VecDeque<Idle>, key: &Key) -> Option<Idle> {
    let same: Vec<usize> = (0..idle.len()).filter(|at| idle[*at].key == *key).collect();
    match same.first() {
        Some(oldest) if same.len() >= MAX_OF_A_PLACE => idle.remove(*oldest),
        _ if idle.len() >= MAX_IDLE => idle.pop_front(),
        _ => None,
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool")
    }
}

#[cfg(test)]
mod tests;
