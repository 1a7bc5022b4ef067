//! Tenants: callers that each have a client of their own, which the name of their key picks.

use evergrant_tokio_reqwest::{PoolError, Tokens, TokensPool};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use tokio::sync::{Mutex as Turn, OwnedMutexGuard, Semaphore};
use tokio::task::spawn_blocking;

/// How many clients are made at once: each may read a file, on a thread of its own.
const AT_ONCE: usize = 64;

/// The clients of tenants, by the names of their keys: a pool, whose function makes the client of a name. Clones are one.
///
/// The function is called on a thread where it may read a file, once at a time for each name: one that takes its time holds up nobody but the
/// requests of that name. It says [`UnknownTenant`] where there is none, who gets 403; any other error is told to the caller as a fault of its
/// client's configuration, without its words, and is for the function itself to log. A client is used for a route only if the route's API is
/// among its provider's origins.
#[derive(Clone)]
pub struct Tenants {
    pool: TokensPool<String>,
    making: Arc<Making>,
}

/// There is no tenant of this name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnknownTenant;

/// The clients that are being made.
struct Making {
    at_once: Arc<Semaphore>,
    turns: Mutex<BTreeMap<Box<str>, Weak<Turn<()>>>>,
}

impl Tenants {
    /// The tenants of this pool.
    pub fn new(pool: TokensPool<String>) -> Self {
        let making = Making { at_once: Arc::new(Semaphore::new(AT_ONCE)), turns: Mutex::default() };
        Self { pool, making: Arc::new(making) }
    }

    /// Their pool.
    pub const fn pool(&self) -> &TokensPool<String> {
        &self.pool
    }

    /// Whether these are the same.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.making, &other.making)
    }

    /// The source of this tenant, if it is there.
    pub(crate) fn known(&self, name: &str) -> Option<Result<Tokens, PoolError>> {
        // As long as somebody holds it, it is not let go: no client is made here.
        let _held = self.pool.get(name)?;
        Some(self.pool.tokens(name))
    }

    /// The source of this tenant, whose client is made if need be.
    pub(crate) async fn made(&self, name: &str) -> Result<Tokens, PoolError> {
        let turn = self.making.turn(name).await;
        if let Some(known) = self.known(name) {
            return known;
        }
        let place = Arc::clone(&self.making.at_once).acquire_owned().await;
        let (pool, name) = (self.pool.clone(), name.to_owned());
        let make = move || {
            // It goes on when its caller has gone, and so must these.
            let _held = (turn, place);
            pool.tokens(name.as_str())
        };
        spawn_blocking(make).await.unwrap_or_else(|ended| Err(PoolError::Client(Box::new(ended))))
    }
}

impl Making {
    /// Of all that want the client of one name, one makes it.
    async fn turn(&self, name: &str) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
            turns.retain(|_, turn| turn.strong_count() > 0);
            match turns.get(name).and_then(Weak::upgrade) {
                Some(turn) => turn,
                None => {
                    let turn = Arc::<Turn<()>>::default();
                    turns.insert(name.into(), Arc::downgrade(&turn));
                    turn
                }
            }
        };
        turn.lock_owned().await
    }
}

/// The numbers alone: who the tenants are is nobody's business.
impl fmt::Debug for Tenants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tenants").field(&self.pool).finish()
    }
}

impl fmt::Display for UnknownTenant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("there is no tenant of this name")
    }
}

impl std::error::Error for UnknownTenant {}
