//! One signature at a time: a key service that hangs costs one thread, however often it is asked.
//!
//! Whoever waits for a signature waits for its own: two requests with one assertion would be one too many, since a server takes each once. So an
//! order whose turn has not come waits until the one before has ended, and an answer that nobody waits for any more is dropped.

use super::arrived::Arrived;
use crate::contained::{asked, contained};
use crate::signer::{KeySource, Signer};
use crate::sync::{Mutex, MutexGuard, thread};
use evergrant_core::{KeyInfo, SecretText, SourceError, UnsignedAssertion};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::hash::{BuildHasher, RandomState};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

/// What signs for one client, and the signatures that are asked of it.
pub(crate) struct Desk {
    key: Key,
    orders: Mutex<Orders>,
    /// For telling whether a key is another one, without keeping what it says of itself.
    hasher: RandomState,
}

enum Key {
    Held(Arc<dyn Signer>),
    /// It is read for each signature.
    Read(Arc<dyn KeySource>),
}

#[derive(Default)]
struct Orders {
    is_under_way: bool,
    last: u64,
    by_number: BTreeMap<u64, Order>,
    /// What tells the last key from another.
    seen: Option<u64>,
}

/// What somebody waits for.
#[derive(Default)]
struct Order {
    /// Taken when its turn comes.
    work: Option<Work>,
    arrived: Option<Arrived>,
    waker: Option<Waker>,
}

struct Work {
    unsigned: UnsignedAssertion,
    /// `None`: there is no end to it.
    until: Option<Instant>,
}

/// Somebody who waits for one signature.
pub(crate) struct Ticket {
    desk: Arc<Desk>,
    number: u64,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Desk")
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("number", &self.number).finish_non_exhaustive()
    }
}

impl Desk {
    pub(crate) fn held(signer: impl Signer) -> Arc<Self> {
        Self::of(Key::Held(Arc::new(signer)))
    }

    pub(crate) fn read(source: impl KeySource) -> Arc<Self> {
        Self::of(Key::Read(Arc::new(source)))
    }

    fn of(key: Key) -> Arc<Self> {
        Arc::new(Self { key, orders: Mutex::default(), hasher: RandomState::new() })
    }

    /// What people call it.
    pub(super) fn name(&self) -> Option<Cow<'_, str>> {
        match &self.key {
            Key::Held(signer) => signer.name(),
            Key::Read(source) => source.name(),
        }
    }

    fn is_read_at_a_cost(&self) -> bool {
        matches!(&self.key, Key::Read(source) if source.is_costly())
    }

    /// Has this signed, in a time that may be so long. A quick key does it in place.
    pub(crate) fn begin(self: &Arc<Self>, unsigned: UnsignedAssertion, limit: Duration) -> Ticket {
        let quick = match &self.key {
            Key::Held(signer) if asked(|| signer.is_quick()) == Some(true) => Some(Arc::clone(signer)),
            Key::Held(_) | Key::Read(_) => None,
        };
        let order = match quick {
            Some(signer) => {
                Order { arrived: Some(self.arrived(&unsigned, || Ok(signer))), ..Order::default() }
            }
            None => {
                let until = Instant::now().checked_add(limit);
                Order { work: Some(Work { unsigned, until }), ..Order::default() }
            }
        };
        let number = {
            let mut orders = self.orders();
            orders.last += 1;
            let number = orders.last;
            orders.by_number.insert(number, order);
            number
        };
        self.go_on();
        Ticket { desk: Arc::clone(self), number }
    }

    /// Begins the next signature, unless one is under way.
    fn go_on(self: &Arc<Self>) {
        let (number, work) = {
            let mut orders = self.orders();
            if orders.is_under_way {
                return;
            }
            let next =
                orders.by_number.iter_mut().find_map(|(number, order)| Some((*number, order.work.take()?)));
            let Some(next) = next else { return };
            orders.is_under_way = true;
            next
        };
        let desk = Arc::clone(self);
        let sign = move || {
            let arrived = desk.arrived(&work.unsigned, || desk.signer(work.until));
            desk.finish(number, arrived);
        };
        if let Err(error) = thread::Builder::new().name("evergrant-signature".into()).spawn(sign) {
            let words = format!(
                "the system could not start a thread to sign on ({error}); raise this process's limit of threads"
            );
            let failed = Arrived { text: Err(SourceError::failed(&words)), is_news: false };
            // The others have as few threads: each hears it when its turn comes.
            self.finish(number, failed);
        }
    }

    fn signer(&self, until: Option<Instant>) -> Result<Arc<dyn Signer>, SourceError> {
        match &self.key {
            Key::Held(signer) => Ok(Arc::clone(signer)),
            Key::Read(source) => {
                let left =
                    until.map_or(Duration::MAX, |until| until.saturating_duration_since(Instant::now()));
                source.read(left)
            }
        }
    }

    /// What comes of it. What is foreign may panic.
    fn arrived(
        &self,
        unsigned: &UnsignedAssertion,
        signer: impl FnOnce() -> Result<Arc<dyn Signer>, SourceError>,
    ) -> Arrived {
        let signed = catch_unwind(AssertUnwindSafe(|| {
            let signer = signer()?;
            let key = signer.key();
            let text = sign(&*signer, &key, unsigned)?;
            let text = if self.is_read_at_a_cost() { text.costly() } else { text };
            let text = match self.name() {
                Some(name) => text.read_from(&name),
                None => text,
            };
            Ok((text, self.hasher.hash_one(&key)))
        }));
        let signed = signed.unwrap_or_else(|payload| {
            // What it panicked with is foreign too.
            contained(|| drop(payload));
            Err(SourceError::failed("signing ended with a panic; see what the panic says"))
        });
        match signed {
            Ok((text, key)) => {
                let before = self.orders().seen.replace(key);
                Arrived { text: Ok(text), is_news: before.is_some_and(|before| before != key) }
            }
            Err(error) => Arrived { text: Err(error), is_news: false },
        }
    }

    /// What came is for whoever ordered it, and wiped if nobody waits for it any more.
    fn finish(self: &Arc<Self>, number: u64, arrived: Arrived) {
        let waker = {
            let mut orders = self.orders();
            orders.is_under_way = false;
            orders.by_number.get_mut(&number).and_then(|order| {
                order.arrived = Some(arrived);
                order.waker.take()
            })
        };
        if let Some(waker) = waker {
            contained(|| waker.wake());
        }
        self.go_on();
    }

    fn orders(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The assertion with its signature, under a name that it has for the first time.
fn sign(signer: &dyn Signer, key: &KeyInfo, unsigned: &UnsignedAssertion) -> Result<SecretText, SourceError> {
    let mut jti = [0; 16];
    getrandom::fill(&mut jti).map_err(|error| {
        SourceError::failed(&format!(
            "the system gives no random numbers ({error}), and each assertion needs some; check what this process may call"
        ))
    })?;
    let input = unsigned.for_key(key, jti)?;
    let signature = signer.sign(input.algorithm(), input.as_bytes())?;
    input.signed(&signature)
}

impl Ticket {
    /// What came, once it is there; until then the waker is woken when it is.
    pub(super) fn poll(&self, waker: &Waker) -> Option<Arrived> {
        let waker = waker.clone();
        let before = {
            let mut orders = self.desk.orders();
            let order = orders.by_number.get_mut(&self.number)?;
            if let Some(arrived) = order.arrived.take() {
                return Some(arrived);
            }
            order.waker.replace(waker)
        };
        contained(|| drop(before));
        None
    }

    pub(super) fn name(&self) -> Option<Cow<'_, str>> {
        self.desk.name()
    }

    /// A key service may take a fee for each signature, and nobody can tell whether its key is another one.
    pub(super) fn is_costly(&self) -> bool {
        match &self.desk.key {
            Key::Held(signer) => !signer.is_quick(),
            Key::Read(_) => self.desk.is_read_at_a_cost(),
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        let order = self.desk.orders().by_number.remove(&self.number);
        contained(|| drop(order));
    }
}

#[cfg(test)]
mod tests;
