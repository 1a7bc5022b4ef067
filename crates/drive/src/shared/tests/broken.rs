//! Foreign code and clocks that break, and flights that nobody waits for.

use super::*;

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
    fixture::subscribed(listening, || drop(guard.land(grant("a", 3600))));
    assert_eq!(*events.lock().unwrap(), [1], "one event, and by then the caller was woken");
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
