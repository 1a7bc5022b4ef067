//! One source's state: callers, flights, keepers, the snapshot.

mod broken;
mod ends;
mod live;
mod refusals;
mod seen;
mod watching;

use super::waiter::Waiter;
use super::*;
use crate::clock::{Clock, ManualClock};
use crate::fixture::{self, Listening, RENDERED, Waking, grant, secs};
use crate::settings::Settings;
use crate::status::LastOutcome;
use evergrant_core::{Cause, Class, Outcome, Problem, Provider, Refusal, Response, Scope};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Waker;

const MINUTE: Duration = Duration::from_secs(60);

fn source() -> (Arc<Shared<String>>, ManualClock) {
    fixture::shared(Policy::new().with_jitter(false))
}

fn send(waiter: &mut Waiter<'_, String>) -> FlightGuard<String> {
    match waiter.poll(&Waking::new().waker()) {
        Next::Send(guard, departure) => {
            drop(departure);
            guard
        }
        next => panic!("expected Send, got {next:?}"),
    }
}

fn uses(waiter: &mut Waiter<'_, String>) -> Arc<Snapshot<String>> {
    match waiter.poll(&Waking::new().waker()) {
        Next::Use(snapshot) => snapshot,
        next => panic!("expected Use, got {next:?}"),
    }
}

/// What is lent without the lock: the value, and its token's generation.
fn lent(shared: &Shared<String>) -> Option<(String, u64)> {
    shared.lend_quiet(|it| (it.value().clone(), it.token().generation().number())).ok()
}

// Conforms: L-05, L-38
#[test]
fn everyone_who_waits_is_woken_by_the_landing_and_finds_the_token() {
    let (shared, _clock) = source();
    let mut waiters: Vec<_> = (0..100).map(|_| shared.waiter(Some(MINUTE), None)).collect();
    let guard = send(&mut waiters[0]);
    let wakings: Vec<_> = waiters
        .iter_mut()
        .map(|waiter| {
            let waking = Waking::new();
            assert!(matches!(waiter.poll(&waking.waker()), Next::Wait(_)));
            waking
        })
        .collect();
    assert_eq!(shared.status().waiting, 100);
    assert_eq!(shared.lock().waiting.len(), 100, "I9: the list is as long as the machine's count");
    drop(guard.land(grant("a", 3600)));
    assert!(wakings.iter().all(|waking| waking.count() == 1));
    for waiter in &mut waiters {
        assert_eq!(uses(waiter).value(), "Bearer a");
    }
    assert_eq!((shared.status().waiting, shared.lock().waiting.len()), (0, 0));
    assert_eq!(shared.status().deepest_queue, 100);
}

/// Ten thousand of them would stand in line for the lock.
#[test]
fn who_was_served_finds_the_token_without_the_lock_and_holds_no_place() {
    let (shared, _clock) = source();
    let mut waiters: Vec<_> = (0..3).map(|_| shared.waiter(Some(MINUTE), None)).collect();
    let guard = send(&mut waiters[0]);
    for waiter in &mut waiters {
        assert!(matches!(waiter.poll(&Waking::new().waker()), Next::Wait(_)));
    }
    drop(guard.land(grant("a", 3600)));
    assert_eq!((shared.status().waiting, shared.lock().waiting.len()), (0, 0));
    let locked = shared.lock();
    for waiter in &mut waiters {
        assert_eq!(uses(waiter).value(), "Bearer a");
    }
    drop(locked);
    drop(waiters);
    assert_eq!(shared.status().waiting, 0);
}

#[test]
fn who_was_served_and_comes_too_late_waits_anew() {
    let (shared, clock) = source();
    let [mut late, mut gone, mut next] = [(); 3].map(|()| shared.waiter(Some(MINUTE), None));
    let guard = send(&mut late);
    let wait = |waiter: &mut Waiter<'_, String>| {
        assert!(matches!(waiter.poll(&Waking::new().waker()), Next::Wait(_)));
    };
    wait(&mut late);
    wait(&mut gone);
    drop(guard.land(grant("a", 10)));
    // Both have it, and it ends before either looks.
    clock.advance(secs(20));
    let guard = send(&mut next);
    wait(&mut next);
    wait(&mut late);
    assert_eq!((shared.status().waiting, shared.lock().waiting.len()), (2, 2));
    // The token they had is not published any more, and they are not taken for served by it.
    wait(&mut late);
    drop(gone);
    assert_eq!((shared.status().waiting, shared.lock().waiting.len()), (2, 2));
    drop(guard.land(grant("b", 3600)));
    assert_eq!(
        (uses(&mut late).value().as_str(), uses(&mut next).value().as_str()),
        ("Bearer b", "Bearer b")
    );
    assert_eq!((shared.status().waiting, shared.lock().waiting.len()), (0, 0));
}

// Conforms: L-09
#[test]
fn i24_a_waiter_that_is_dropped_frees_its_place_and_harms_nobody() {
    let (shared, _clock) = source();
    let (mut first, mut second) = (shared.waiter(Some(MINUTE), None), shared.waiter(Some(MINUTE), None));
    let guard = send(&mut first);
    let waking = Waking::new();
    assert!(matches!(first.poll(&waking.waker()), Next::Wait(_)));
    assert!(matches!(second.poll(&waking.waker()), Next::Wait(_)));
    drop(first);
    assert_eq!((shared.status().waiting, shared.lock().waiting.len()), (1, 1));
    drop(guard.land(grant("a", 3600)));
    assert_eq!(uses(&mut second).value(), "Bearer a");
    assert_eq!(shared.status().requests, 1);
}

// Conforms: L-02
#[test]
fn the_value_is_rendered_once_per_token_and_read_without_the_lock() {
    let (shared, clock) = source();
    let mut waiter = shared.waiter(Some(MINUTE), None);
    let before = RENDERED.with(|count| count.load(Ordering::Relaxed));
    drop(send(&mut waiter).land(grant("a", 3600)));
    let locked = shared.lock();
    for _ in 0..10 {
        assert_eq!(lent(&shared), Some(("Bearer a".into(), 1)));
        assert!(shared.quiet().is_some() && shared.try_token().is_some());
    }
    drop(locked);
    // A flight in the air publishes anew, and renders nothing.
    clock.advance(secs(3300));
    let guard = send(&mut waiter);
    assert_eq!(lent(&shared), Some(("Bearer a".into(), 1)));
    drop(guard);
    assert_eq!(RENDERED.with(|count| count.load(Ordering::Relaxed)) - before, 1);
}

#[test]
fn a_borrower_comes_back_uncalled_when_the_machine_must_be_asked() {
    let (shared, clock) = source();
    let called = Cell::new(0);
    let borrow = || shared.lend_quiet(|_: &Snapshot<String>| called.set(called.get() + 1));
    assert!(borrow().is_err(), "nothing is held");
    drop(send(&mut shared.waiter(Some(MINUTE), None)).land(grant("a", 3600)));
    assert!(borrow().is_ok());
    clock.advance(secs(3269));
    assert!(borrow().is_ok());
    clock.advance(secs(1));
    let Err(borrower) = borrow() else { panic!("it is due: the machine must be asked") };
    assert_eq!(called.get(), 2);
    borrower(&shared.snapshot.load().unwrap());
    assert_eq!(called.get(), 3);
}

// Conforms: L-20
#[test]
fn a_rotation_and_a_request_never_mix() {
    let (shared, clock) = source();
    let mut waiter = shared.waiter(Some(MINUTE), None);
    let old = send(&mut waiter);
    shared.rotate(fixture::auth("second"), Rotation::Keep);
    assert_eq!(old.client.client_id(), "first");
    drop(old.land(grant("old", 3600)));
    assert!(shared.try_token().is_none(), "what the old credentials bring has no effect");
    clock.advance(secs(1));
    assert_eq!(send(&mut waiter).client.client_id(), "second");
}

#[test]
fn a_keeper_sends_what_is_due_and_ends_with_the_last_source() {
    let (shared, clock) = source();
    let mut keeper = shared.keeper();
    let waking = Waking::new();
    let Keep::Send(guard, _) = keeper.poll(&waking.waker()) else { panic!("the first token is due") };
    assert!(matches!(keeper.poll(&waking.waker()), Keep::Wait(time) if time == secs(11)));
    drop(guard.land(grant("a", 3600)));
    assert_eq!(waking.count(), 1, "a landing wakes the keeper");
    assert!(matches!(keeper.poll(&waking.waker()), Keep::Wait(time) if time == secs(3270)));
    clock.advance(secs(3270));
    assert!(matches!(keeper.poll(&waking.waker()), Keep::Send(..)));
    drop(shared);
    assert!(waking.count() > 1, "the end of the last source wakes the keeper");
    assert!(matches!(keeper.poll(&waking.waker()), Keep::Ended));
}

#[test]
fn a_new_token_has_a_value_of_its_own() {
    let (shared, clock) = source();
    let mut waiter = shared.waiter(Some(MINUTE), None);
    drop(send(&mut waiter).land(grant("a", 3600)));
    assert_eq!(uses(&mut waiter).value(), "Bearer a");
    clock.advance(secs(3300));
    drop(send(&mut waiter).land(grant("b", 3600)));
    assert_eq!(uses(&mut waiter).value(), "Bearer b");
    assert_eq!(lent(&shared), Some(("Bearer b".into(), 2)));
}

#[test]
fn the_policy_is_the_one_it_was_made_with() {
    let policy = Policy::new().with_max_waiters(7);
    let (shared, _clock) = fixture::shared(policy.clone());
    assert_eq!(shared.policy(), policy);
}

#[test]
fn whoever_polls_with_another_waker_is_woken_by_that_one() {
    let (shared, _clock) = source();
    let mut waiter = shared.waiter(Some(MINUTE), None);
    let guard = send(&mut waiter);
    let (first, second) = (Waking::new(), Waking::new());
    for waking in [&first, &second, &second] {
        assert!(matches!(waiter.poll(&waking.waker()), Next::Wait(_)));
    }
    drop(guard.land(grant("a", 3600)));
    assert_eq!((first.count(), second.count()), (0, 1));
}

#[test]
fn every_caller_gets_the_snapshot_that_is_published() {
    let (shared, _clock) = source();
    let (mut one, mut other) = (shared.waiter(Some(MINUTE), None), shared.waiter(Some(MINUTE), None));
    drop(send(&mut one).land(grant("a", 3600)));
    assert!(Arc::ptr_eq(&uses(&mut one), &uses(&mut other)));
    assert!(Arc::ptr_eq(&uses(&mut one), &shared.quiet().unwrap()));
}

#[test]
fn a_flight_knows_when_it_was_sent_and_how_long_it_may_take() {
    let (shared, clock) = source();
    let guard = send(&mut shared.waiter(Some(MINUTE), None));
    assert_eq!((guard.sent_at(), guard.time_left()), (clock.now(), secs(10)));
    clock.advance(secs(4));
    assert_eq!(guard.time_left(), secs(6));
}

#[test]
fn a_keeper_that_is_dropped_leaves_nothing_behind() {
    let (shared, _clock) = source();
    let mut keeper = shared.keeper();
    let _flight = keeper.poll(&Waking::new().waker());
    assert_eq!(shared.lock().keepers.len(), 1);
    drop(keeper);
    assert!(shared.lock().keepers.is_empty());
}
