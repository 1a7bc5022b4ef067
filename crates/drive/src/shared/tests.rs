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

// Conforms: L-31
#[test]
fn i26_a_guard_that_is_dropped_abandons_its_flight_and_wakes_everyone() {
    let (shared, clock) = source();
    let mut waiter = shared.waiter(Some(MINUTE), None);
    let guard = send(&mut waiter);
    let waking = Waking::new();
    assert!(matches!(waiter.poll(&waking.waker()), Next::Wait(_)));
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        let _guard = guard;
        panic!("the transport's own");
    }));
    assert!(panicked.is_err());
    assert_eq!(waking.count(), 1);
    clock.advance(secs(1));
    drop(send(&mut waiter));
    assert_eq!(shared.status().requests, 2);
}

#[test]
fn a_poisoned_lock_is_entered_and_no_drop_panics() {
    let (shared, _clock) = source();
    let mut waiter = shared.waiter(Some(MINUTE), None);
    let guard = send(&mut waiter);
    assert!(matches!(waiter.poll(&Waking::new().waker()), Next::Wait(_)));
    let poisoner = Arc::clone(&shared);
    let poisoned = std::thread::spawn(move || {
        let _locked = poisoner.state.lock();
        panic!("under the lock");
    });
    assert!(poisoned.join().is_err() && shared.state.is_poisoned());
    drop(guard.land(grant("a", 3600)));
    assert_eq!(uses(&mut waiter).value(), "Bearer a");
    drop(shared.waiter(Some(MINUTE), None));
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

#[test]
fn what_is_published_ends_with_its_times() {
    let (shared, clock) = source();
    let mut waiter = shared.waiter(Some(MINUTE), None);
    drop(send(&mut waiter).land(grant("a", 3600)));
    clock.advance(secs(3269));
    assert!(shared.quiet().is_some());
    clock.advance(secs(1));
    assert!(shared.quiet().is_none() && shared.try_token().is_some(), "due: the machine must be asked");
    clock.advance(secs(300));
    assert!(shared.try_token().is_none());
}

#[test]
fn a_step_of_the_wall_clock_ends_what_is_published() {
    let (shared, clock) = source();
    let mut waiter = shared.waiter(Some(MINUTE), None);
    drop(send(&mut waiter).land(grant("a", 3600)));
    clock.set_wall(clock.now().wall.after(secs(3570)));
    assert!(shared.try_token().is_none(), "a suspend shows on the wall clock");
}

#[test]
fn a_rejected_token_is_not_handed_out_again() {
    let (shared, clock) = source();
    let mut waiter = shared.waiter(Some(MINUTE), None);
    drop(send(&mut waiter).land(grant("a", 3600)));
    clock.advance(secs(10));
    let generation = uses(&mut waiter).token().generation();
    assert_eq!(shared.reject(generation, &fixture::origin("a")), Rejection::Dropped);
    assert!(shared.quiet().is_none() && shared.try_token().is_none());
    assert_eq!(shared.reject(generation, &fixture::origin("a")), Rejection::Replaced);
}

// Conforms: L-20
#[test]
fn a_rotation_and_a_request_never_mix() {
    let (shared, clock) = source();
    let mut waiter = shared.waiter(Some(MINUTE), None);
    let old = send(&mut waiter);
    shared.rotate(fixture::auth("second"), Rotation::Keep);
    assert_eq!(old.client().client_id(), "first");
    drop(old.land(grant("old", 3600)));
    assert!(shared.try_token().is_none(), "what the old credentials bring has no effect");
    clock.advance(secs(1));
    assert_eq!(send(&mut waiter).client().client_id(), "second");
}

#[test]
fn a_clock_that_goes_back_does_not_take_the_machine_along() {
    let (shared, clock) = source();
    clock.advance(secs(100));
    let mut waiter = shared.waiter(Some(MINUTE), None);
    drop(send(&mut waiter).land(grant("a", 3600)));
    let ends = uses(&mut waiter).token().use_until().mono;
    let back = ManualClock::new();
    assert!(back.now().mono < clock.now().mono);
    let mut state = shared.lock();
    assert_eq!(state.read(back.now()).mono, clock.now().mono);
    let now = state.read(back.now());
    assert!(state.machine.held(now).is_some_and(|token| token.use_until().mono == ends));
}

#[test]
fn the_status_tells_what_is_held_and_what_happened() {
    let (shared, clock) = source();
    let mut waiter = shared.waiter(Some(MINUTE), None);
    let refusal = Refusal::new(Class::Transient, Some(503), Problem::Status);
    drop(send(&mut waiter).land(Outcome::Refused(refusal)));
    let status = shared.status();
    assert_eq!(status.held, None);
    assert!(
        matches!(&status.request, crate::RequestStatus::Resting(time, Cause::Refused(_)) if *time == secs(1))
    );
    assert_eq!(status.next_request_in, secs(1));
    clock.advance(secs(1));
    drop(send(&mut waiter).land(grant("a", 3600)));
    clock.advance(secs(5));
    let status = shared.status();
    assert_eq!(status.held.unwrap().used_for, secs(3565));
    assert_eq!(status.held.unwrap().refresh_in, secs(3265));
    assert_eq!(status.last_request, Some((evergrant_core::Reason::Retry, secs(5))));
    assert_eq!(status.requests, 2);
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
fn a_token_survives_a_restart() {
    let (shared, clock) = source();
    assert_eq!(shared.export(), None);
    let mut waiter = shared.waiter(Some(MINUTE), None);
    drop(send(&mut waiter).land(grant("a", 3600)));
    let stored = shared.export().unwrap();
    assert!(!shared.restore(stored.clone()), "one is held");

    let next = Shared::new(Settings::new(fixture::client()).clock(clock), 0, fixture::render);
    let mut waiting = next.waiter(Some(MINUTE), None);
    let waking = Waking::new();
    let _guard = send(&mut waiting);
    assert!(matches!(waiting.poll(&waking.waker()), Next::Wait(_)));
    assert!(next.restore(stored.clone()));
    assert_eq!(waking.count(), 1, "whoever waits is woken");
    assert_eq!(uses(&mut waiting).value(), "Bearer a");
    assert_eq!(lent(&next), Some(("Bearer a".into(), 1)), "and it is published");
    assert_eq!(next.export(), Some(stored));
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
    assert_eq!((guard.sent_at(), guard.limit(), guard.time_left()), (clock.now(), secs(10), secs(10)));
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

#[test]
fn two_seeds_differ() {
    let seeds: std::collections::BTreeSet<u64> = (0..10).map(|_| random_seed()).collect();
    assert_eq!(seeds.len(), 10);
}

#[test]
fn the_status_tells_what_became_of_the_last_request() {
    let (shared, clock) = source();
    let mut waiter = shared.waiter(Some(secs(3600)), None);
    let last = || shared.status().last_outcome.map(|(outcome, _)| outcome);
    assert_eq!(last(), None);
    let late = send(&mut waiter);
    clock.advance(secs(11));
    let flight = send(&mut waiter);
    drop(flight.land(grant("a", 3600)));
    let generation = shared.try_token().unwrap().generation();
    assert_eq!(last(), Some(LastOutcome::Installed(generation)));
    drop(late.land(grant("b", 3600)));
    assert_eq!(last(), Some(LastOutcome::Installed(generation)), "what does not count is not noted");
    clock.advance(secs(3300));
    drop(send(&mut waiter).land(grant("a", 300)));
    assert_eq!((last(), shared.status().no_progress), (Some(LastOutcome::NoProgress), 1));
    clock.advance(secs(3600));
    drop(send(&mut waiter));
    assert_eq!(last(), Some(LastOutcome::Failed(Cause::Abandoned)));
}

/// What is logged while this runs.
fn logged(run: impl FnOnce()) -> String {
    #[derive(Clone, Default)]
    struct Log(Arc<Mutex<Vec<u8>>>);
    impl std::io::Write for Log {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::DEBUG)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, run);
    let bytes = log.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn each_request_and_what_became_of_it_is_an_event() {
    let text = logged(|| {
        let (shared, clock) = source();
        let mut waiter = shared.waiter(Some(secs(3600)), None);
        drop(send(&mut waiter).land(Outcome::Refused(Refusal::new(
            Class::Transient,
            Some(503),
            Problem::Status,
        ))));
        clock.advance(secs(1));
        let late = send(&mut waiter);
        clock.advance(secs(11));
        drop(send(&mut waiter).land(grant("a", 3600)));
        drop(late.land(grant("b", 3600)));
        clock.advance(secs(3300));
        drop(send(&mut waiter).land(grant("a", 300)));
        clock.advance(secs(3600));
        drop(send(&mut waiter));
    });
    for words in [
        "a token is asked for flight=1 reason=\"first\" endpoint=http://127.0.0.1:1/token",
        "the token request failed flight=1 rest_ms=1000 cause=the authorization server answered with http 503",
        "a token is asked for flight=2 reason=\"retry\"",
        "a token was installed flight=3 generation=1 life_s=3600 hint=Absent",
        "the answer came too late to matter flight=2",
        "the server handed out a token that ends no later flight=4 count=1",
        "the token request failed flight=5 rest_ms=1000 cause=the token request was",
    ] {
        assert!(text.contains(words), "{words} is not in:\n{text}");
    }
}

#[test]
fn the_status_tells_what_of_a_scope_was_not_granted() {
    let provider = Provider::rfc6749("http://127.0.0.1:1/token").unwrap();
    let client = Client::builder(provider, fixture::auth("first")).scope("a b").build().unwrap();
    let clock = ManualClock::new();
    let shared = Shared::new(Settings::new(client.clone()).clock(clock.clone()), 0, fixture::render);
    for (granted, missing) in [("a", Some("b")), ("b a", None)] {
        let guard = send(&mut shared.waiter(Some(MINUTE), None));
        let body = format!(r#"{{"access_token":"t","expires_in":60,"scope":"{granted}"}}"#);
        let grant = client.read(&Response::new(200).with_body(body.into()), guard.sent_at());
        drop(guard.land(Outcome::Granted(grant.unwrap())));
        assert_eq!(shared.status().narrowed_scope, missing.map(|scope| Scope::parse(scope).unwrap()));
        clock.advance(secs(60));
    }
}

#[test]
fn a_fixed_token_is_there_for_ever_and_cannot_be_changed() {
    let shared = Shared::fixed(AccessToken::new("fixed").unwrap(), fixture::render);
    assert_eq!(lent(&shared), Some(("Bearer fixed".into(), 0)));
    let generation = shared.try_token().unwrap().generation();
    assert_eq!(shared.reject(generation, &fixture::origin("a")), Rejection::Refused);
    shared.rotate(fixture::auth("second"), Rotation::Drop);
    let clock = ManualClock::new();
    let stored =
        Stored { token: AccessToken::new("kept").unwrap(), issued: clock.now().wall, life: secs(3600) };
    assert!(!shared.restore(stored) && shared.export().is_none() && shared.client().is_none());
    assert_eq!(lent(&shared), Some(("Bearer fixed".into(), 0)));
    assert_eq!(shared.verdict_rule(), VerdictRule::Rfc6750);
    let status = shared.status();
    assert_eq!((status.requests, status.next_request_in), (0, Duration::MAX));
    assert_eq!(
        status.held.map(|held| (held.used_for, held.refresh_in)),
        Some((Duration::MAX, Duration::MAX))
    );
    // Its keeper has nothing to do, and ends with it.
    let mut keeper = shared.keeper();
    assert!(matches!(keeper.poll(Waker::noop()), Keep::Wait(_)));
    drop(shared);
    assert!(matches!(keeper.poll(Waker::noop()), Keep::Ended));
}

#[test]
fn a_flight_that_does_not_count_writes_nothing_over_a_good_status() {
    let (shared, clock) = source();
    let mut waiter = shared.waiter(Some(secs(3600)), None);
    let late = send(&mut waiter);
    clock.advance(secs(11));
    drop(send(&mut waiter).land(grant("a", 3600)));
    let good = shared.status().last_outcome;
    assert!(matches!(good, Some((LastOutcome::Installed(_), _))));
    // Its transport panics.
    drop(late);
    assert_eq!(shared.status().last_outcome, good);
}

#[test]
fn a_lease_once_seen_to_be_over_is_in_no_snapshot() {
    type Ask = fn(&Arc<Shared<String>>);
    let asked: [(&str, Ask); 4] = [
        ("a caller", |shared| drop(shared.waiter(Some(Duration::ZERO), None).poll(Waker::noop()))),
        ("try_token", |shared| assert!(shared.try_token().is_none())),
        ("the status", |shared| assert!(shared.status().held.is_none())),
        ("an export", |shared| assert!(shared.export().is_none())),
    ];
    for (who, ask) in asked {
        let (shared, clock) = source();
        let mut waiter = shared.waiter(Some(secs(7200)), None);
        drop(send(&mut waiter).land(grant("a", 3600)));
        clock.advance(secs(3300));
        // Due, and the server wants to be left alone for an hour.
        let busy = Response::new(503).with_header("retry-after", b"3600");
        let guard = send(&mut waiter);
        let refusal = shared.client().unwrap().read(&busy, guard.sent_at()).unwrap_err();
        drop(guard.land(Outcome::Refused(refusal)));
        assert!(lent(&shared).is_some(), "what is good is served on");
        let before = clock.now().wall;
        clock.set_wall(before.after(secs(1000)));
        ask(&shared);
        clock.set_wall(before);
        assert!(lent(&shared).is_none() && shared.try_token().is_none(), "seen by {who}");
        assert!(matches!(waiter.poll(Waker::noop()), Next::Wait(_)), "as the machine has it");
    }
}

#[test]
fn an_api_that_refuses_the_token_takes_it_from_no_other_while_the_server_is_down() {
    let (shared, clock) = source();
    drop(send(&mut shared.waiter(None, None)).land(grant("a", 3600)));
    clock.advance(secs(10));
    let [bad, good] = ["bad", "good"].map(fixture::origin);
    let generation = shared.try_token().unwrap().generation();
    assert_eq!(shared.reject(generation, &bad), Rejection::Dropped);

    let mut refused = shared.waiter(Some(secs(3600)), Some(&bad));
    let mut served = shared.waiter(Some(secs(3600)), Some(&good));
    let guard = send(&mut served);
    for waiter in [&mut refused, &mut served] {
        assert!(
            matches!(waiter.poll(&Waking::new().waker()), Next::Wait(_)),
            "everyone waits for its replacement"
        );
    }
    let before = RENDERED.with(|count| count.load(Ordering::Relaxed));
    drop(guard.land(Outcome::Refused(Refusal::new(Class::Transient, Some(503), Problem::Status))));
    assert_eq!((shared.status().waiting, shared.lock().waiting.len()), (2, 2), "nobody is marked as served");
    assert_eq!(uses(&mut served).value(), "Bearer a");
    assert_eq!(uses(&mut shared.waiter(None, None)).value(), "Bearer a", "who says no origin is served, too");
    assert!(matches!(refused.poll(&Waking::new().waker()), Next::Wait(_)));
    assert_eq!(
        RENDERED.with(|count| count.load(Ordering::Relaxed)),
        before,
        "the value is the one it came with"
    );

    // Nothing is published: the hot path knows no sites.
    assert!(lent(&shared).is_none() && shared.try_token().is_none());
    let status = shared.status();
    assert_eq!(status.held, None);
    let aside = status.set_aside.unwrap();
    assert_eq!((aside.generation, aside.refused_by), (generation, vec![bad.clone()]));
    assert_eq!(aside.used_for, secs(3560));

    // The second one that refuses it is served no more, either.
    assert_eq!(shared.reject(generation, &good), Rejection::Replaced);
    assert!(matches!(served.poll(&Waking::new().waker()), Next::Wait(_)));
    clock.advance(secs(1));
    drop(send(&mut refused).land(grant("b", 3600)));
    assert_eq!(
        (uses(&mut refused).value().as_str(), uses(&mut served).value().as_str()),
        ("Bearer b", "Bearer b")
    );
    assert!(shared.lock().rendered.as_ref().is_some_and(|(_, value)| **value == "Bearer b"));
    assert_eq!(shared.status().set_aside, None);
}

#[test]
fn no_debug_shows_the_rendered_value_whatever_its_type() {
    let render = |token: &AccessToken| Arc::<str>::from(token.expose());
    let shared = Shared::new(fixture::settings().0, 0, render);
    let mut waiter = shared.waiter(None, None);
    let Next::Send(guard, departure) = waiter.poll(Waker::noop()) else { panic!("nothing is held") };
    let mut texts = vec![format!("{guard:?} {departure:?}")];
    drop(guard.land(grant("sentinel", 3600)));
    let next = waiter.poll(Waker::noop());
    texts.push(format!("{shared:?} {waiter:?} {next:?} {:?}", shared.keeper()));
    let fixed = crate::BlockingSource::<(), _>::fixed(AccessToken::new("sentinel").unwrap(), render);
    texts.push(format!("{fixed:?}"));
    texts.push(format!("{:?} {:?}", shared.quiet(), shared.try_token()));
    let attachment = crate::call::attached(Arc::<str>::from("sentinel"));
    texts.push(format!("{attachment:?} {:?}", fixture::settings().0));
    let all = texts.concat();
    assert!(!all.contains("sentinel"), "{all}");
    for name in [
        "FlightGuard {",
        "Shared {",
        "Waiter {",
        "Keeper {",
        "Snapshot {",
        "BlockingSource {",
        "Attachment {",
        "Settings {",
    ] {
        assert!(all.contains(name), "{name} shows nothing: {all}");
    }
}

/// The one that sends is delayed by its own subscriber; nobody who waits is.
#[test]
fn everyone_is_woken_before_anything_is_reported() {
    let (shared, _clock) = source();
    let mut waiter = shared.waiter(Some(MINUTE), None);
    let guard = send(&mut waiter);
    let waking = Arc::new(Waking::new());
    assert!(matches!(waiter.poll(&waking.waker()), Next::Wait(_)));
    let (woken, events) = (Arc::clone(&waking), Arc::new(Mutex::new(Vec::new())));
    let noted = Arc::clone(&events);
    let listening = Listening(move || noted.lock().unwrap().push(woken.count()));
    tracing::subscriber::with_default(listening, || drop(guard.land(grant("a", 3600))));
    assert_eq!(*events.lock().unwrap(), [1], "one event, and by then the caller was woken");
}

#[test]
fn a_secret_of_one_letter_is_not_told_by_our_own_words_and_is_warned_of() {
    let provider = Provider::rfc6749("http://127.0.0.1:1/token").unwrap();
    let client = |secret: &str| {
        let auth = ClientAuth::post("an-id", secret).unwrap();
        Client::builder(provider.clone(), auth).build().unwrap()
    };
    let warned = "the client secret has fewer than 8 bytes";
    let text = logged(|| {
        let shared = Shared::new(Settings::new(client("n")), 0, fixture::render);
        let guard = send(&mut shared.waiter(None, None));
        let outcome = guard.outcome(Err(guard.timed_out()));
        let Outcome::Refused(refusal) = &outcome else { panic!("{outcome:?}") };
        assert!(refusal.to_string().contains("none within 10s"), "{refusal}");
        // A foreign text that has the secret as a word of its own is masked as a whole.
        let foreign =
            evergrant_core::TransportError::new(evergrant_core::TransportErrorKind::Other, "said n", &[]);
        let outcome = guard.outcome(Err(foreign));
        assert!(!format!("{outcome:?}").contains("said"), "{outcome:?}");
        shared.rotate(ClientAuth::post("an-id", "long enough").unwrap(), Rotation::Keep);
    });
    assert_eq!(text.matches(warned).count(), 1, "{text}");
    let text = logged(|| {
        let shared = Shared::new(Settings::new(client("8 bytes.")), 0, fixture::render);
        shared.rotate(ClientAuth::post("an-id", "7 bytes").unwrap(), Rotation::Keep);
    });
    assert_eq!(text.matches(warned).count(), 1, "{text}");
    assert!(!text.contains("7 bytes and") && text.contains("an-id"), "{text}");
}

#[test]
fn an_end_that_was_corrected_is_published_also_when_the_next_request_is_due_as_before() {
    let (shared, clock) = fixture::shared(Policy::new().with_jitter(false).with_default_lifetime(secs(3600)));
    let mut waiter = shared.waiter(None, None);
    // Nothing is said of its life: an hour is assumed.
    send(&mut waiter)
        .land(Outcome::Granted(evergrant_core::Grant::new(AccessToken::new("a").unwrap(), None)));
    clock.advance(secs(3300));
    drop(send(&mut waiter).land(grant("a", 100)));
    let end = shared.try_token().unwrap().use_until();
    assert_eq!(shared.status().held.unwrap().used_for, clock.now().until(end));
    assert_eq!(clock.now().until(end), secs(90));
}

/// A clock that panics as often as it is told to.
#[derive(Debug)]
struct Panicking(ManualClock, Arc<AtomicU32>);

impl Clock for Panicking {
    fn now(&self) -> Now {
        let left = self.1.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1));
        assert!(left.is_err(), "the clock's own");
        self.0.now()
    }

    fn coarse(&self) -> Now {
        self.0.now()
    }
}

#[test]
fn i9_a_clock_that_panics_while_somebody_waits_leaks_no_place() {
    let (panics, clock) = (Arc::new(AtomicU32::new(0)), ManualClock::new());
    let settings = fixture::settings().0.clock(Panicking(clock, Arc::clone(&panics)));
    let shared = Shared::new(settings, 0, fixture::render);
    let mut waiter = shared.waiter(Some(MINUTE), None);
    let _guard = send(&mut waiter);
    assert!(matches!(waiter.poll(Waker::noop()), Next::Wait(_)));
    panics.store(1, Ordering::SeqCst);
    assert!(catch_unwind(AssertUnwindSafe(|| waiter.poll(Waker::noop()))).is_err());
    assert_eq!(shared.status().waiting, 1);
    drop(waiter);
    assert_eq!((shared.status().waiting, shared.lock().waiting.len()), (0, 0));
}

#[test]
fn i8_a_clock_that_panics_at_a_landing_abandons_the_flight() {
    let (panics, clock) = (Arc::new(AtomicU32::new(0)), ManualClock::new());
    let settings = fixture::settings().0.clock(Panicking(clock.clone(), Arc::clone(&panics)));
    let shared = Shared::new(settings, 0, fixture::render);
    let mut waiter = shared.waiter(Some(MINUTE), None);
    let guard = send(&mut waiter);
    let waking = Waking::new();
    assert!(matches!(waiter.poll(&waking.waker()), Next::Wait(_)));
    panics.store(1, Ordering::SeqCst);
    assert!(catch_unwind(AssertUnwindSafe(|| drop(guard.land(grant("a", 3600))))).is_err());
    assert_eq!(waking.count(), 1, "everyone is woken");
    clock.advance(secs(1));
    drop(send(&mut waiter).land(grant("a", 3600)));
    assert_eq!(uses(&mut waiter).value(), "Bearer a");
}

#[test]
fn a_monotonic_clock_that_goes_back_does_not_stop_the_wall_clock() {
    /// Its monotonic half is behind by an hour once it is told so.
    #[derive(Debug)]
    struct Behind(ManualClock, Arc<AtomicU32>);
    impl Clock for Behind {
        fn now(&self) -> Now {
            let back = secs(3600 * u64::from(self.1.load(Ordering::SeqCst)));
            let now = self.0.now();
            Now::new(Mono::from_origin(now.mono.since_origin().saturating_sub(back)), now.wall)
        }
    }
    let (behind, clock) = (Arc::new(AtomicU32::new(0)), ManualClock::new());
    clock.advance(secs(10_000));
    let settings = fixture::settings().0.clock(Behind(clock.clone(), Arc::clone(&behind)));
    let shared = Shared::new(settings, 0, fixture::render);
    drop(send(&mut shared.waiter(None, None)).land(grant("a", 60)));
    behind.store(1, Ordering::SeqCst);
    clock.advance(secs(600));
    assert!(
        shared.try_token().is_none() && shared.status().held.is_none(),
        "its wall clock says that it has ended"
    );
    // The patience of a caller counts from the machine's own reading, which did not go back.
    let patience = fixture::ms(500);
    let mut waiter = shared.waiter(Some(patience), None);
    assert!(matches!(waiter.poll(Waker::noop()), Next::Wait(time) if time == patience));
}

#[test]
fn a_refusal_that_changed_nothing_takes_no_place_and_a_rotation_frees_all() {
    let (shared, clock) = source();
    drop(send(&mut shared.waiter(None, None)).land(grant("a", 3600)));
    let generation = shared.try_token().unwrap().generation();
    let origin = |number| fixture::origin(&format!("api{number}"));
    for number in 0..100 {
        assert!(matches!(shared.reject(generation, &origin(number)), Rejection::Settling(_)));
    }
    assert_eq!(shared.lock().sites.of(&origin(0)), None);
    clock.advance(secs(10));
    assert_eq!(shared.reject(generation, &origin(7)), Rejection::Dropped);
    assert_eq!(shared.reject(generation, &origin(8)), Rejection::Replaced);
    assert_eq!(shared.status().set_aside.unwrap().refused_by, [origin(7), origin(8)]);
    assert_eq!(shared.lock().sites.of(&origin(9)), None);
    shared.rotate(fixture::auth("second"), Rotation::Keep);
    assert_eq!(shared.status().set_aside.unwrap().refused_by, [origin(7), origin(8)]);
    shared.rotate(fixture::auth("third"), Rotation::Drop);
    assert_eq!(shared.lock().sites.of(&origin(7)), None);
}
