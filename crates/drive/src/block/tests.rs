mod store;

use super::*;
use crate::fixture::{self, Ticking, ms, secs};
use crate::settings::Settings;
use evergrant_core::{Policy, Request, Response};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Condvar, mpsc};

/// Answers once the gate is open.
#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    opened: Condvar,
    sent: AtomicU32,
    names: Mutex<Vec<String>>,
}

#[derive(Clone)]
struct Gated(Arc<Gate>);

impl BlockingTransport for Gated {
    fn send(&self, _: Request, _: Duration) -> Result<Response, TransportError> {
        self.0.sent.fetch_add(1, Ordering::SeqCst);
        self.0.names.lock().unwrap().push(thread::current().name().unwrap_or_default().into());
        let open = self.0.opened.wait_while(self.0.open.lock().unwrap(), |open| !*open);
        drop(open);
        let body = r#"{"access_token":"a","token_type":"Bearer","expires_in":3600}"#;
        Ok(Response::new(200).with_header("content-type", b"application/json").with_body(body.into()))
    }
}

impl Gate {
    fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.opened.notify_all();
    }
}

fn source() -> (BlockingSource<Gated, String>, Arc<Gate>, crate::ManualClock) {
    let (shared, clock) = fixture::shared(Policy::new().with_jitter(false));
    let gate = Arc::new(Gate::default());
    (BlockingSource::over(shared, Gated(Arc::clone(&gate))), gate, clock)
}

#[test]
fn threads_that_ask_at_once_share_one_request_on_a_thread_of_its_own() {
    let (source, gate, _clock) = source();
    let threads: Vec<_> = (0..32)
        .map(|_| {
            let source = source.clone();
            thread::spawn(move || source.wait(Some(secs(60)), None).unwrap().value().clone())
        })
        .collect();
    while source.shared().status().waiting < 32 {
        thread::yield_now();
    }
    gate.open();
    for thread in threads {
        assert_eq!(thread.join().unwrap(), "Bearer a");
    }
    assert_eq!(gate.sent.load(Ordering::SeqCst), 1);
    assert_eq!(*gate.names.lock().unwrap(), ["evergrant-flight"]);
}

#[test]
fn a_blocked_send_does_not_hold_a_caller_beyond_its_patience() {
    let (source, gate, _clock) = source();
    let (shared, clock) = (Arc::clone(source.shared()), _clock);
    let (returned, result) = mpsc::channel();
    let caller = thread::spawn(move || {
        let _told = returned.send(source.wait(Some(secs(3)), None));
        source
    });
    while shared.status().waiting < 1 {
        thread::yield_now();
    }
    clock.advance(secs(3));
    // The clock is the test's: the caller looks at it when it is woken.
    caller.thread().unpark();
    let error = result.recv().unwrap().unwrap_err();
    assert!(matches!(error, Error::TimedOut { .. }), "{error}");
    gate.open();
    drop(caller.join());
}

#[test]
fn a_held_token_is_served_while_its_replacement_is_blocked() {
    let (source, gate, clock) = source();
    gate.open();
    assert_eq!(source.wait(Some(secs(60)), None).unwrap().value(), "Bearer a");
    *gate.open.lock().unwrap() = false;
    clock.advance(secs(3300));
    for _ in 0..10 {
        assert_eq!(source.wait(Some(secs(60)), None).unwrap().value(), "Bearer a");
    }
    assert_eq!(source.shared().status().requests, 2);
    gate.open();
}

#[test]
fn keep_fresh_returns_when_the_last_source_is_gone() {
    let (source, gate, _clock) = source();
    gate.open();
    let keeping = thread::spawn(source.keep_fresh());
    while source.shared().try_token().is_none() {
        thread::yield_now();
    }
    drop(source);
    keeping.join().unwrap();
}

#[test]
fn settle_returns_at_once_when_then_is_past_or_too_far() {
    let (source, _gate, clock) = source();
    let now = crate::Clock::now(&clock).mono;
    assert!(source.settle(now, secs(1)));
    assert!(!source.settle(now.after(secs(2)), secs(1)));
}

#[test]
fn settle_waits_as_long_as_the_patience_allows() {
    let clock = Ticking(crate::ManualClock::new(), ms(10));
    let settings = Settings::new(fixture::client()).clock(clock.clone());
    let shared = Shared::new(settings, 0, fixture::render);
    let source = BlockingSource::over(shared, Gated(Arc::default()));
    let now = crate::Clock::now(&clock).mono;
    // At the first look, a tick later, that is 20 ms away.
    assert!(!source.settle(now.after(ms(30)), ms(19)));
    let now = crate::Clock::now(&clock).mono;
    assert!(source.settle(now.after(ms(30)), ms(20)));
}

#[test]
fn a_waker_ends_the_nap_of_its_thread() {
    let (told, woken) = mpsc::channel();
    let (give, waker) = mpsc::channel();
    let _napping = thread::spawn(move || {
        let _given = give.send(this_thread());
        thread::park();
        let _told = told.send(());
    });
    waker.recv().unwrap().wake();
    // A minute is for a machine that stands still.
    woken.recv_timeout(secs(60)).expect("the thread goes on");
}

/// A clock that stands, and counts how often it is looked at.
#[derive(Clone, Debug)]
struct Counting(crate::ManualClock, Arc<AtomicU32>);

impl crate::Clock for Counting {
    fn now(&self) -> evergrant_core::Now {
        self.1.fetch_add(1, Ordering::SeqCst);
        self.0.now()
    }
}

#[test]
fn a_thread_that_waits_sleeps_and_does_not_spin() {
    let looks = Arc::new(AtomicU32::new(0));
    let clock = Counting(crate::ManualClock::new(), Arc::clone(&looks));
    let policy = Policy::new().with_jitter(false);
    let shared =
        Shared::new(Settings::new(fixture::client()).policy(policy).clock(clock), 0, fixture::render);
    let gate = Arc::new(Gate::default());
    let source = BlockingSource::over(shared, Gated(Arc::clone(&gate)));
    let waiting = source.clone();
    let thread =
        thread::spawn(move || waiting.wait(Some(secs(60)), None).map(|snapshot| snapshot.value().clone()));
    while gate.sent.load(Ordering::SeqCst) == 0 {
        thread::yield_now();
    }
    // Long enough for one that spins to look thousands of times.
    thread::sleep(Duration::from_millis(50));
    gate.open();
    assert_eq!(thread.join().unwrap().unwrap(), "Bearer a");
    let looks = looks.load(Ordering::SeqCst);
    assert!(looks < 100, "it looked at the clock {looks} times");
}

#[test]
fn a_clock_that_leaps_with_every_reading_ends_a_wait() {
    for by in [secs(10), secs(20), secs(3600)] {
        let (settings, clock) = fixture::settings();
        let gate = Arc::new(Gate::default());
        let shared = Shared::new(settings.clock(Ticking(clock, by)), 0, fixture::render);
        let source = BlockingSource::over(shared, Gated(Arc::clone(&gate)));
        assert!(source.wait(None, None).is_err(), "{by:?}: nobody answers");
        let sent = gate.sent.load(Ordering::SeqCst);
        assert!(sent < 50, "{by:?}: {sent} requests");
        gate.open();
    }
}

#[test]
fn a_thread_gets_the_next_token_or_none_within_its_limit() {
    let (source, gate, clock) = source();
    gate.open();
    let first = source.token(None).unwrap().generation();
    clock.advance(secs(1));
    assert_eq!(source.changed(first, Duration::ZERO), Ok(None));
    let watching = source.clone();
    let thread = thread::spawn(move || watching.changed(first, secs(60)));
    source.shared().rotate(fixture::auth("second"), evergrant_core::Rotation::Drop);
    let second = source.token(None).unwrap();
    assert_eq!(thread.join().unwrap(), Ok(Some(second)));
}

mod certified;
