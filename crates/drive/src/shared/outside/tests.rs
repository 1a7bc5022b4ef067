//! Everything foreign, from first to last, each time with a look at the lock.

use crate::clock::Clock;
use crate::contained::contained;
use crate::fixture::{self, Listening, secs};
use crate::settings::Settings;
use crate::shared::waiter::Waiter;
use crate::shared::{FlightGuard, Keep, Next, Shared};
use crate::{ManualClock, Snapshot};
use evergrant_core::{AccessToken, Now, Outcome, Policy, Rejection, Rotation};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, TryLockError, Weak};
use std::task::{Wake, Waker};
use std::time::Duration;

thread_local! {
    static WATCHED: RefCell<Weak<Shared<Rendered>>> = const { RefCell::new(Weak::new()) };
    static SEEN: RefCell<Vec<(&'static str, bool)>> = const { RefCell::new(Vec::new()) };
    static PANICKING: Cell<bool> = const { Cell::new(false) };
}

/// Something foreign runs: notes whether the lock is free, and panics if the test wants that.
fn probe(kind: &'static str) {
    let watched = WATCHED.with_borrow(Weak::upgrade);
    let free = watched.is_none_or(|shared| !matches!(shared.state.try_lock(), Err(TryLockError::WouldBlock)));
    SEEN.with_borrow_mut(|seen| seen.push((kind, free)));
    // A second panic out of a Drop during the first is foreign code's own end.
    if PANICKING.get()
        && !std::thread::panicking()
        && kind != "a clock is read"
        && kind != "a value is rendered"
    {
        panic!("{kind}");
    }
}

struct Rendered(String);

impl Drop for Rendered {
    fn drop(&mut self) {
        probe("a value is dropped");
    }
}

fn render(token: &AccessToken) -> Rendered {
    probe("a value is rendered");
    Rendered(token.expose().to_owned())
}

#[derive(Debug)]
struct Probing(ManualClock);

impl Clock for Probing {
    fn now(&self) -> Now {
        probe("a clock is read");
        self.0.now()
    }

    fn coarse(&self) -> Now {
        probe("a clock is read");
        self.0.now()
    }
}

struct Waking;

impl Wake for Waking {
    fn wake(self: Arc<Self>) {
        probe("a waker is called");
    }
}

impl Drop for Waking {
    fn drop(&mut self) {
        probe("a waker is dropped");
    }
}

/// Lends a waker of which the source, if it keeps one, has the only copy afterwards.
fn lent<R>(poll: impl FnOnce(&Waker) -> R) -> R {
    let waker = Waker::from(Arc::new(Waking));
    let result = poll(&waker);
    contained(|| drop(waker));
    result
}

fn poll(waiter: &mut Waiter<'_, Rendered>) -> Next<Rendered> {
    lent(|waker| waiter.poll(waker))
}

fn send(waiter: &mut Waiter<'_, Rendered>) -> FlightGuard<Rendered> {
    let Next::Send(guard, departure) = poll(waiter) else { panic!("a request is due") };
    drop(departure);
    guard
}

fn grant(name: &str) -> Outcome {
    fixture::grant(name, 3600)
}

/// Each input of a source, with callers who wait and a keeper.
fn story() {
    let clock = ManualClock::new();
    let settings = Settings::new(fixture::client()).policy(Policy::new().with_jitter(false));
    let shared = Shared::new(settings.clock(Probing(clock.clone())), 0, render);
    WATCHED.set(Arc::downgrade(&shared));
    let origin = fixture::origin("a");

    let mut keeper = shared.keeper();
    let mut waiter = shared.waiter(Some(secs(3600)), Some(&origin));
    let guard = send(&mut waiter);
    for _ in 0..2 {
        assert!(matches!(poll(&mut waiter), Next::Wait(_)));
        assert!(matches!(lent(|waker| keeper.poll(waker)), Keep::Wait(_)));
    }
    // A panic in the transport.
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _guard = guard;
        panic!("the transport's own");
    }));
    assert!(panicked.is_err());
    clock.advance(secs(1));
    let guard = send(&mut waiter);
    assert!(matches!(poll(&mut waiter), Next::Wait(_)));
    drop(guard.land(grant("a")));
    let Next::Use(snapshot) = poll(&mut waiter) else { panic!("a token is held") };
    assert_eq!(snapshot.value().0, "a");
    let generation = Snapshot::token(&snapshot).generation();
    drop(snapshot);

    clock.advance(secs(10));
    assert_eq!(shared.reject(generation, &origin), Rejection::Dropped);
    let guard = send(&mut waiter);
    assert!(matches!(poll(&mut waiter), Next::Wait(_)));
    drop(guard.land(grant("b")));
    drop(waiter);
    let stored = shared.export().unwrap();
    assert!(!shared.restore(stored));
    clock.advance(secs(10));
    shared.rotate(fixture::auth("second"), Rotation::Drop);
    let _status = shared.status();
    let mut leaving = shared.waiter(Some(secs(3600)), None);
    let guard = send(&mut leaving);
    assert!(matches!(poll(&mut leaving), Next::Wait(_)));
    drop(leaving);
    drop(guard);
    clock.advance(Duration::from_secs(1));
    let guard = send(&mut shared.waiter(None, None));
    drop(guard.land(grant("c")));
    assert!(shared.try_token().is_some());
    clock.advance(secs(4000));
    assert!(shared.try_token().is_none(), "it has expired");
    drop(keeper);
    let keeper = shared.keeper();
    drop(shared);
    drop(keeper);
}

#[test]
fn nothing_foreign_is_called_or_dropped_under_the_lock() {
    fixture::subscribed(Listening(|| probe("an event is told")), story);
    let seen = SEEN.take();
    let under: Vec<_> = seen.iter().filter(|(_, free)| !free).collect();
    assert!(under.is_empty(), "under the lock: {under:?}");
    for kind in [
        "a clock is read",
        "a value is rendered",
        "a value is dropped",
        "a waker is called",
        "a waker is dropped",
        "an event is told",
    ] {
        assert!(seen.iter().any(|(seen, _)| *seen == kind), "{kind}: never seen");
    }
}

#[test]
fn i26_no_panic_of_a_subscriber_a_waker_or_a_value_strands_anybody() {
    PANICKING.set(true);
    // The story asserts that everybody gets what they wait for.
    fixture::subscribed(Listening(|| probe("an event is told")), story);
    PANICKING.set(false);
    let events = SEEN.take().iter().filter(|(kind, _)| *kind == "an event is told").count();
    assert!(events > 8, "{events} events");
}
