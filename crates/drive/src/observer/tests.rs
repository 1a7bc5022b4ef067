//! What is reported, to whom, and when.

use super::*;
use crate::fixture::{self, Waking, grant, ms, origin, secs};
use crate::shared::{Next, Shared};
use evergrant_core::{AccessToken, Cause, Outcome, Policy, Stored, TransportError, TransportErrorKind, Wall};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex};

/// Remembers what it hears.
#[derive(Default)]
struct Heard(Mutex<Vec<(String, EventKind)>>);

impl Observer for Heard {
    fn event(&self, event: &Event<'_>) {
        self.0.lock().unwrap().push((event.source.to_owned(), event.kind.clone()));
    }
}

impl Heard {
    fn kinds(&self) -> Vec<EventKind> {
        self.0.lock().unwrap().drain(..).map(|(_, kind)| kind).collect()
    }
}

fn observed() -> (Arc<Shared<String>>, crate::ManualClock, Arc<Heard>) {
    let (settings, clock) = fixture::settings();
    let heard = Arc::new(Heard::default());
    let settings = settings.observer(Arc::<Heard>::clone(&heard)).policy(Policy::new().with_jitter(false));
    (Shared::new(settings, 0, fixture::render), clock, heard)
}

fn launched(shared: &Arc<Shared<String>>) -> crate::shared::FlightGuard<String> {
    let mut waiter = shared.waiter(None, None);
    match waiter.poll(&Waking::new().waker()) {
        Next::Send(guard, report) => {
            drop(report);
            guard
        }
        next => panic!("expected Send, got {next:?}"),
    }
}

fn closed() -> Outcome {
    Outcome::Refused(TransportError::ours(TransportErrorKind::Closed, "").into())
}

#[test]
fn a_request_is_reported_when_it_leaves_and_when_it_lands_with_its_time_and_its_rest() {
    let (shared, clock, heard) = observed();
    let guard = launched(&shared);
    clock.advance(ms(250));
    drop(guard.land(closed()));
    let [sent, landed] = &heard.kinds()[..] else { panic!() };
    let EventKind::Sent { flight: 1, reason: Reason::First, endpoint } = sent else { panic!("{sent:?}") };
    assert_eq!(endpoint.to_string(), "http://127.0.0.1:1/token");
    let EventKind::Landed { flight: 1, landing, took, rest, narrowed: None, asked: true } = landed else {
        panic!("{landed:?}")
    };
    assert!(matches!(landing, Landing::Resting { .. }), "{landing:?}");
    assert_eq!(*took, ms(250));
    assert_eq!(*rest, shared.status().next_request_in);
    clock.advance(*rest);
    drop(launched(&shared).land(grant("a", 3600)));
    let [sent, landed] = &heard.kinds()[..] else { panic!() };
    assert!(matches!(sent, EventKind::Sent { flight: 2, reason: Reason::Retry, .. }), "{sent:?}");
    let EventKind::Landed { landing: Landing::Installed { generation, .. }, .. } = landed else {
        panic!("{landed:?}")
    };
    assert_eq!(generation.number(), 1);
}

#[test]
fn a_request_that_nobody_reports_on_is_abandoned() {
    let (shared, clock, heard) = observed();
    for rests in [false, true] {
        let guard = launched(&shared);
        heard.kinds();
        clock.advance(secs(1));
        drop(guard);
        let [EventKind::Abandoned { landing, took, .. }] = &heard.kinds()[..] else { panic!() };
        assert_eq!(
            (*took, matches!(landing, Landing::Resting { cause: Cause::Abandoned, .. })),
            (secs(1), rests)
        );
        clock.advance(secs(1));
    }
}

#[test]
fn a_refused_token_new_credentials_and_a_stored_token_are_reported() {
    let (shared, _clock, heard) = observed();
    let stored = Stored::new(AccessToken::new("kept").unwrap(), Wall::from_epoch(secs(1)), secs(60));
    assert!(!shared.restore(stored));
    drop(launched(&shared).land(grant("a", 3600)));
    heard.kinds();
    let generation = shared.try_token().unwrap().generation();
    let rejection = shared.reject(generation, &origin("api"));
    shared.rotate(fixture::auth("second"), Rotation::Keep);
    let short = evergrant_core::ClientAuth::post("third", "short").unwrap();
    shared.rotate(short, Rotation::Drop);
    let [rejected, kept, short, dropped] = &heard.kinds()[..] else { panic!() };
    let site = Site::new(0);
    assert_eq!(*rejected, EventKind::Rejected { generation, origin: origin("api"), site, rejection });
    assert_eq!(*kept, EventKind::Rotated { rotation: Rotation::Keep });
    assert_eq!(*short, EventKind::ShortSecret { client_id: "third".into() });
    assert_eq!(*dropped, EventKind::Rotated { rotation: Rotation::Drop });
}

#[test]
fn whoever_waited_or_failed_is_reported_and_whoever_finds_a_token_is_not() {
    let (shared, clock, heard) = observed();
    let mut waiter = shared.waiter(Some(secs(5)), None);
    let waking = Waking::new();
    let Next::Send(guard, report) = waiter.poll(&waking.waker()) else { panic!() };
    drop(report);
    assert!(matches!(waiter.poll(&waking.waker()), Next::Wait(_)));
    clock.advance(secs(2));
    drop(guard.land(grant("a", 60)));
    heard.kinds();
    assert!(matches!(waiter.poll(&waking.waker()), Next::Use(_)));
    assert_eq!(heard.kinds(), [EventKind::Waited { waited: secs(2), result: WaitResult::Served }]);
    assert!(shared.lend_quiet(|_| ()).is_ok());
    assert!(matches!(shared.waiter(None, None).poll(&waking.waker()), Next::Use(_)));
    assert_eq!(heard.kinds(), []);

    clock.advance(secs(60));
    let mut late = shared.waiter(Some(secs(1)), None);
    let Next::Send(guard, report) = late.poll(&waking.waker()) else { panic!() };
    drop(report);
    assert!(matches!(late.poll(&waking.waker()), Next::Wait(_)));
    clock.advance(secs(1));
    heard.kinds();
    assert!(matches!(late.poll(&waking.waker()), Next::Fail(_)));
    // What a call sets off without waiting for it is nobody's wait.
    assert!(matches!(shared.waiter(Some(ms(0)), None).unreported().poll(&waking.waker()), Next::Fail(_)));
    assert_eq!(heard.kinds(), [EventKind::Waited { waited: secs(1), result: WaitResult::TimedOut }]);
    drop(guard.land(closed()));
    heard.kinds();
    assert!(matches!(shared.waiter(Some(ms(1)), None).poll(&waking.waker()), Next::Fail(_)));
    assert_eq!(heard.kinds(), [EventKind::Waited { waited: ms(0), result: WaitResult::Failed }]);
}

#[test]
fn the_queue_that_is_full_is_reported() {
    let (settings, _clock) = fixture::settings();
    let heard = Arc::new(Heard::default());
    let policy = Policy::new().with_max_waiters(1);
    let shared =
        Shared::new(settings.policy(policy).observer(Arc::<Heard>::clone(&heard)), 0, fixture::render);
    let _guard = launched(&shared);
    let (mut first, mut second) = (shared.waiter(None, None), shared.waiter(None, None));
    assert!(matches!(first.poll(&Waking::new().waker()), Next::Wait(_)));
    heard.kinds();
    assert!(matches!(second.poll(&Waking::new().waker()), Next::Fail(_)));
    assert_eq!(heard.kinds(), [EventKind::Waited { waited: ms(0), result: WaitResult::Saturated }]);
}

/// One that asks the source, and panics.
struct Rude(Mutex<Option<Arc<Shared<String>>>>);

impl Observer for Rude {
    fn event(&self, _: &Event<'_>) {
        let shared = self.0.lock().unwrap().clone();
        if let Some(shared) = shared {
            // The lock is free: this would hang.
            assert!(shared.status().requests > 99, "on purpose");
        }
    }
}

#[test]
fn an_observer_that_asks_the_source_and_panics_keeps_nobody_from_hearing_and_strands_nobody() {
    let (settings, _clock) = fixture::settings();
    let (rude, heard) = (Arc::new(Rude(Mutex::default())), Arc::new(Heard::default()));
    let settings = settings.observer(Arc::<Rude>::clone(&rude)).observer(Arc::<Heard>::clone(&heard));
    let shared = Shared::new(settings, 0, fixture::render);
    *rude.0.lock().unwrap() = Some(Arc::clone(&shared));
    let done = catch_unwind(AssertUnwindSafe(|| {
        let guard = launched(&shared);
        let (mut waiter, waking) = (shared.waiter(None, None), Waking::new());
        assert!(matches!(waiter.poll(&waking.waker()), Next::Wait(_)));
        drop(guard.land(grant("a", 3600)));
        assert_eq!(waking.count(), 1);
        assert!(matches!(waiter.poll(&waking.waker()), Next::Use(_)));
        shared.rotate(fixture::auth("second"), Rotation::Drop);
    }));
    assert!(done.is_ok());
    assert_eq!(heard.kinds().len(), 4);
    rude.0.lock().unwrap().take();
}

/// One that looks at whom it finds woken.
struct Looking(Mutex<Option<Waking>>, Mutex<Vec<u32>>);

impl Observer for Looking {
    fn event(&self, _: &Event<'_>) {
        if let Some(waking) = &*self.0.lock().unwrap() {
            self.1.lock().unwrap().push(waking.count());
        }
    }
}

#[test]
fn an_observer_hears_of_it_after_everyone_was_woken_and_the_status_knows_before() {
    let (settings, _clock) = fixture::settings();
    let looking = Arc::new(Looking(Mutex::default(), Mutex::default()));
    let shared = Shared::new(settings.observer(Arc::<Looking>::clone(&looking)), 0, fixture::render);
    let guard = launched(&shared);
    assert_eq!(shared.status().requests, 1);
    let (mut waiter, waking) = (shared.waiter(None, None), Waking::new());
    assert!(matches!(waiter.poll(&waking.waker()), Next::Wait(_)));
    *looking.0.lock().unwrap() = Some(waking);
    let report = guard.land(grant("a", 3600));
    assert!(shared.status().last_outcome.is_some());
    assert_eq!(*looking.1.lock().unwrap(), Vec::<u32>::new());
    drop(report);
    assert_eq!(*looking.1.lock().unwrap(), [1]);
}

#[test]
fn a_source_is_called_what_its_user_calls_it_or_by_its_host() {
    let (settings, _clock) = fixture::settings();
    assert_eq!(Shared::new(settings.clone(), 0, fixture::render).name(), "127.0.0.1");
    let heard = Arc::new(Heard::default());
    let settings = settings.name("myparcel").observer(Arc::<Heard>::clone(&heard));
    let shared = Shared::new(settings, 0, fixture::render);
    drop(launched(&shared));
    assert_eq!(shared.name(), "myparcel");
    assert!(heard.0.lock().unwrap().iter().all(|(source, _)| source == "myparcel"));
    assert_eq!(Shared::fixed(AccessToken::new("a").unwrap(), fixture::render).name(), "fixed");
}
