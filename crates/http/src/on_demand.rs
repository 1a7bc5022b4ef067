//! What is built once and shared by many.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Values that are built when they are first needed, one for each key, and shared from then on. It is for a few keys: they are
/// compared one by one.
///
/// ```
/// use evergrant_http::OnDemand;
/// use std::sync::Arc;
///
/// let clients = OnDemand::new();
/// let client = |proxy| clients.value(proxy, |proxy: &Option<&str>| Ok::<_, ()>(Arc::new(format!("a client, {proxy:?}"))));
/// let (first, second, other) = (client(None)?, client(None)?, client(Some("proxy.example"))?);
/// assert!(Arc::ptr_eq(&first, &second) && !Arc::ptr_eq(&first, &other));
/// # Ok::<(), ()>(())
/// ```
pub struct OnDemand<K, V>(Mutex<Vec<(K, V)>>);

impl<K: PartialEq, V: Clone> OnDemand<K, V> {
    /// None is built yet.
    pub const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// A clone of the value for this key. The first call builds it, without a lock: of two threads that do so at once, both
    /// get what the first to finish has built.
    ///
    /// # Errors
    /// Those of `build`. They are not kept: the next call builds again.
    pub fn value<E>(&self, key: K, build: impl FnOnce(&K) -> Result<V, E>) -> Result<V, E> {
        let found = find(&self.lock(), &key);
        if let Some(found) = found {
            return Ok(found);
        }
        let built = build(&key)?;
        let first = {
            let mut values = self.lock();
            let first = find(&values, &key);
            if first.is_none() {
                values.push((key, built.clone()));
            }
            first
        };
        // The one that came too late is dropped here, without the lock.
        Ok(first.unwrap_or(built))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<(K, V)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn find<K: PartialEq, V: Clone>(values: &[(K, V)], key: &K) -> Option<V> {
    values.iter().find(|(known, _)| known == key).map(|(_, value)| value.clone())
}

impl<K: PartialEq, V: Clone> Default for OnDemand<K, V> {
    fn default() -> Self {
        Self::new()
    }
}

/// Neither keys nor values: they may hold a secret.
impl<K, V> fmt::Debug for OnDemand<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OnDemand")
    }
}

#[cfg(test)]
mod tests;
