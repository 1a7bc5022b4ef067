mod store;

use super::*;
use crate::clock::Clock;
use crate::fixture::{self, Ticking, Waking, secs};
use crate::naps;
use evergrant_core::{Now, Request, Response, TransportErrorKind};
use std::pin::Pin;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Waker};

/// A runtime of the test's own: a timer is pending until it is looked at again, a job waits to be run by hand.
#[derive(Clone, Default)]
struct Hand(Arc<Jobs>);

#[derive(Default)]
struct Jobs {
    jobs: Mutex<Vec<Pin<Box<dyn Future<Output = ()> + Send>>>>,
    naps: Mutex<Vec<Duration>>,
    /// Timers that are over when they are set.
    hasty: AtomicBool,
    gone: AtomicBool,
}

impl Runtime for Hand {
    type Handle = Self;

    fn current(&self) -> Result<Self, TransportError> {
        if self.0.gone.load(Ordering::SeqCst) {
            return Err(TransportError::new(TransportErrorKind::NoRuntime, "gone", &[]));
        }
        Ok(self.clone())
    }
}

impl Handle for Hand {
    type Sleep = Timer;

    fn sleep(&self, time: Duration) -> Timer {
        self.0.naps.lock().unwrap().push(time);
        Timer(self.0.hasty.load(Ordering::SeqCst))
    }

    fn spawn(&self, job: impl Future<Output = ()> + Send + 'static) {
        self.0.jobs.lock().unwrap().push(Box::pin(job));
    }
}

struct Timer(bool);

impl Future for Timer {
    type Output = ();

    fn poll(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if self.0 { Poll::Ready(()) } else { Poll::Pending }
    }
}

impl Hand {
    /// Runs what was spawned as far as it goes.
    fn run(&self) {
        let waker = Waking::new().waker();
        let mut jobs = std::mem::take(&mut *self.0.jobs.lock().unwrap());
        jobs.retain_mut(|job| job.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        self.0.jobs.lock().unwrap().extend(jobs);
    }
}

/// Answers with this status and body, or not at all.
#[derive(Clone, Copy)]
struct Answers(Option<(u16, &'static str)>, &'static AtomicU32);

impl Transport for Answers {
    async fn send(&self, _: Request) -> Result<Response, TransportError> {
        self.1.fetch_add(1, Ordering::SeqCst);
        match self.0 {
            Some((0, text)) => panic!("{text}"),
            Some((status, body)) => {
                let response = Response::new(status).with_header("content-type", b"application/json");
                Ok(response.with_body(body.into()))
            }
            None => std::future::pending().await,
        }
    }
}

const GRANT: Option<(u16, &str)> =
    Some((200, r#"{"access_token":"a","token_type":"Bearer","expires_in":3600}"#));

fn source(
    answer: Option<(u16, &'static str)>,
) -> (Source<Hand, Answers, String>, Hand, crate::ManualClock, &'static AtomicU32) {
    let (settings, clock) = fixture::settings();
    let (source, hand, sent) = source_of(settings, answer);
    (source, hand, clock, sent)
}

fn source_of(
    settings: Settings,
    answer: Option<(u16, &'static str)>,
) -> (Source<Hand, Answers, String>, Hand, &'static AtomicU32) {
    let sent: &'static AtomicU32 = Box::leak(Box::default());
    let hand = Hand::default();
    (Source::new(settings, fixture::render, hand.clone(), Answers(answer, sent)), hand, sent)
}

fn poll<T>(future: &mut Pin<Box<impl Future<Output = T>>>) -> Poll<T> {
    future.as_mut().poll(&mut Context::from_waker(Waker::noop()))
}

// Conforms: L-11
#[test]
fn i24_dropping_every_caller_leaves_the_flight_alone() {
    let (source, hand, _clock, sent) = source(GRANT);
    for _ in 0..10 {
        let mut call = Box::pin(source.wait(Some(secs(30)), None));
        assert!(poll(&mut call).is_pending());
    }
    hand.run();
    assert_eq!(sent.load(Ordering::SeqCst), 1);
    assert_eq!(source.shared().status().waiting, 0);
    let mut call = Box::pin(source.wait(Some(secs(30)), None));
    assert!(matches!(poll(&mut call), Poll::Ready(Ok(snapshot)) if snapshot.value() == "Bearer a"));
}

// Conforms: L-31
#[test]
fn i30_a_runtime_that_drops_the_flight_lets_the_next_caller_send() {
    let (source, hand, clock, sent) = source(GRANT);
    let mut call = Box::pin(source.wait(Some(secs(30)), None));
    assert!(poll(&mut call).is_pending());
    // Shut down: its jobs are dropped where they are.
    hand.0.jobs.lock().unwrap().clear();
    clock.advance(secs(1));
    assert!(poll(&mut call).is_pending());
    hand.run();
    assert_eq!(sent.load(Ordering::SeqCst), 1);
    assert!(matches!(poll(&mut call), Poll::Ready(Ok(_))));
    assert_eq!(source.shared().status().requests, 2);
}

// Conforms: L-31
#[test]
fn a_panic_in_the_transport_abandons_the_flight() {
    let (source, hand, _clock, _sent) = source(Some((0, "a bug of the transport")));
    let mut call = Box::pin(source.wait(Some(secs(30)), None));
    assert!(poll(&mut call).is_pending());
    let panicked = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| hand.run()));
    assert!(panicked.is_err());
    let status = source.shared().status();
    assert!(matches!(status.request, crate::RequestStatus::Idle));
    assert!(matches!(status.last_outcome, Some((crate::LastOutcome::Failed(Cause::Abandoned), _))));
}

#[test]
fn i25_a_caller_returns_at_its_deadline_whatever_the_server_does() {
    let (source, hand, clock, _sent) = source(None);
    let mut call = Box::pin(source.wait(Some(secs(3)), None));
    assert!(poll(&mut call).is_pending());
    hand.run();
    clock.advance(secs(3));
    let Poll::Ready(Err(error)) = poll(&mut call) else { panic!("its patience is over") };
    assert!(matches!(error, Error::TimedOut { last_error: None, .. }), "{error}");
    assert_eq!(error.retry_after(), secs(8));
}

#[test]
fn a_transport_that_hangs_is_given_up_after_attempt_timeout() {
    let (settings, clock) = fixture::settings();
    let (source, hand, _sent) = source_of(settings.fail_fast(true), None);
    let mut call = Box::pin(source.wait(Some(secs(30)), None));
    assert!(poll(&mut call).is_pending());
    // Timers that fire before their time do not end it; the clock does.
    hand.0.hasty.store(true, Ordering::SeqCst);
    hand.run();
    assert!(matches!(source.shared().status().request, crate::RequestStatus::InFlight(_)));
    clock.advance(secs(10));
    hand.run();
    let Poll::Ready(Err(error)) = poll(&mut call) else { panic!("it fails fast") };
    assert!(error.to_string().contains("timed out before the full response arrived"), "{error}");
}

#[test]
fn naps_are_bounded_on_both_sides_and_a_timer_that_fires_at_once_does_not_spin() {
    let (source, hand, clock, _sent) = source(None);
    let mut call = Box::pin(source.wait(Some(Duration::MAX), None));
    assert!(poll(&mut call).is_pending());
    hand.0.naps.lock().unwrap().clear();
    hand.0.hasty.store(true, Ordering::SeqCst);
    assert!(poll(&mut call).is_pending(), "it yields instead of looping");
    clock.advance(Duration::from_nanos(10_999_999_999));
    assert!(poll(&mut call).is_pending());
    assert_eq!(*hand.0.naps.lock().unwrap(), [secs(11), naps::SHORTEST]);
    let (resting, hand, _clock, _sent) = self::source(Some((400, r#"{"error":"slow_down"}"#)));
    let mut call = Box::pin(resting.wait(Some(Duration::MAX), None));
    assert!(poll(&mut call).is_pending());
    hand.run();
    assert!(poll(&mut call).is_pending());
    assert!(hand.0.naps.lock().unwrap().iter().all(|nap| *nap <= naps::LONGEST));
}

#[test]
fn without_a_runtime_a_caller_is_told_so_and_a_held_token_is_still_served() {
    let (source, hand, clock, sent) = source(GRANT);
    hand.0.gone.store(true, Ordering::SeqCst);
    let mut call = Box::pin(source.wait(Some(secs(30)), None));
    let Poll::Ready(Err(error)) = poll(&mut call) else { panic!("nobody can wait without a runtime") };
    assert!(error.to_string().contains("no async runtime"), "{error}");
    assert_eq!(sent.load(Ordering::SeqCst), 0);

    hand.0.gone.store(false, Ordering::SeqCst);
    clock.advance(secs(1));
    let mut call = Box::pin(source.wait(Some(secs(30)), None));
    assert!(poll(&mut call).is_pending());
    hand.run();
    hand.0.gone.store(true, Ordering::SeqCst);
    assert!(matches!(poll(&mut call), Poll::Ready(Ok(_))));
    clock.advance(secs(3300));
    let mut call = Box::pin(source.wait(Some(secs(30)), None));
    assert!(matches!(poll(&mut call), Poll::Ready(Ok(_))), "due, but usable");
}

#[test]
fn keep_fresh_sends_before_the_end_and_ends_with_the_source() {
    let (source, hand, clock, sent) = source(GRANT);
    let mut keeping = Box::pin(source.keep_fresh());
    assert!(poll(&mut keeping).is_pending());
    hand.run();
    assert!(poll(&mut keeping).is_pending());
    clock.advance(secs(3270));
    assert!(poll(&mut keeping).is_pending());
    hand.run();
    assert_eq!(sent.load(Ordering::SeqCst), 2);
    drop(source);
    assert!(poll(&mut keeping).is_ready());
}

#[test]
fn settle_waits_until_then_and_not_beyond_the_patience() {
    let (source, _hand, clock, _sent) = source(GRANT);
    let then = clock.now().mono.after(secs(2));
    let mut hasty = Box::pin(source.settle(then, secs(1)));
    assert_eq!(poll(&mut hasty), Poll::Ready(false));
    let mut just = Box::pin(source.settle(then, secs(2)));
    assert!(poll(&mut just).is_pending());
    let mut patient = Box::pin(source.settle(then, secs(30)));
    assert!(poll(&mut patient).is_pending());
    clock.advance(secs(2));
    assert_eq!(poll(&mut patient), Poll::Ready(true));
}

#[test]
fn whoever_is_on_no_runtime_takes_no_right_to_send_and_nobody_rests_for_it() {
    let (source, hand, clock, sent) = source(GRANT);
    let mut inside = Box::pin(source.wait(Some(secs(30)), None));
    for _ in 0..50 {
        hand.0.gone.store(true, Ordering::SeqCst);
        let mut outside = Box::pin(source.wait(Some(secs(30)), None));
        let Poll::Ready(Err(error)) = poll(&mut outside) else { panic!("nobody can wait without a runtime") };
        assert!(matches!(error, Error::Failed { .. }), "{error:?}");
        clock.advance(Duration::from_millis(20));
    }
    let status = source.shared().status();
    assert_eq!((status.requests, status.last_outcome), (0, None));
    hand.0.gone.store(false, Ordering::SeqCst);
    assert!(poll(&mut inside).is_pending());
    hand.run();
    assert!(matches!(poll(&mut inside), Poll::Ready(Ok(_))));
    assert_eq!(sent.load(Ordering::SeqCst), 1);
}

#[test]
fn a_keeper_on_no_runtime_ends_and_sends_nothing() {
    let (source, hand, _clock, _sent) = source(GRANT);
    hand.0.gone.store(true, Ordering::SeqCst);
    assert!(poll(&mut Box::pin(source.keep_fresh())).is_ready());
    assert_eq!(source.shared().status().requests, 0);
}

/// The request is on its way before anything is reported of it.
#[test]
fn a_request_is_launched_before_it_is_reported() {
    let (source, hand, _clock, _sent) = source(GRANT);
    let (jobs, noted) = (hand.clone(), Arc::new(Mutex::new(Vec::new())));
    let events = Arc::clone(&noted);
    let listening = fixture::Listening(move || {
        events.lock().unwrap().push(jobs.0.jobs.lock().unwrap().len());
    });
    let mut call = Box::pin(source.wait(Some(secs(30)), None));
    fixture::subscribed(listening, || {
        assert!(poll(&mut call).is_pending());
        // The runtime may keep the job for this very thread, so the poll that launched it reports nothing.
        assert!(noted.lock().unwrap().is_empty());
        assert!(poll(&mut call).is_pending());
        assert_eq!(*noted.lock().unwrap(), [1]);
        // Whoever was woken by the landing comes first, too.
        hand.run();
        assert!(source.shared().status().held.is_some());
        assert_eq!(noted.lock().unwrap().len(), 1);
        hand.run();
        assert_eq!(noted.lock().unwrap().len(), 2);
    });
}

#[test]
fn a_caller_that_has_something_to_report_wakes_itself_and_one_that_is_dropped_reports_it() {
    let (source, _hand, _clock, _sent) = source(GRANT);
    let events = Arc::new(AtomicU32::new(0));
    let noted = Arc::clone(&events);
    let listening = fixture::Listening(move || {
        noted.fetch_add(1, Ordering::SeqCst);
    });
    fixture::subscribed(listening, || {
        let waking = Waking::new();
        let mut call = Box::pin(source.wait(Some(secs(30)), None));
        assert!(call.as_mut().poll(&mut Context::from_waker(&waking.waker())).is_pending());
        assert_eq!((waking.count(), events.load(Ordering::SeqCst)), (1, 0));
        drop(call);
        assert_eq!(events.load(Ordering::SeqCst), 1);
    });
}

#[test]
fn debug_of_a_source_shows_its_status() {
    let (source, _hand, _clock, _sent) = source(GRANT);
    let text = format!("{source:?}");
    assert!(text.starts_with("Source {") && text.contains("next_request_in"), "{text}");
}

/// A clock that leaps with every reading, and fails a loop without end.
#[derive(Debug)]
struct Leaping(Ticking, AtomicU32);

impl Clock for Leaping {
    fn now(&self) -> Now {
        assert!(self.1.fetch_add(1, Ordering::SeqCst) < 10_000, "it is asked without end");
        self.0.now()
    }

    fn coarse(&self) -> Now {
        self.0.coarse()
    }
}

fn leaping(by: Duration) -> Settings {
    let (settings, clock) = fixture::settings();
    settings.clock(Leaping(Ticking(clock, by), AtomicU32::new(0)))
}

/// 10 s are less than a flight may take, 20 s are more, and an hour is more than a token lives.
#[test]
fn a_clock_that_leaps_with_every_reading_ends_a_wait_and_keeps_no_thread() {
    for by in [secs(10), secs(20), secs(3600)] {
        for answer in [GRANT, Some((503, "{}")), None] {
            let (source, hand, sent) = source_of(leaping(by), answer);
            let mut call = Box::pin(source.wait(None, None));
            let mut turns = 0;
            while poll(&mut call).is_pending() {
                hand.run();
                turns += 1;
                assert!(turns < 50, "{by:?} {answer:?}");
            }
            hand.run();
            assert!(sent.load(Ordering::SeqCst) < 50, "{by:?} {answer:?}");
            let mut keeping = Box::pin(source.keep_fresh());
            assert!(poll(&mut keeping).is_pending(), "{by:?} {answer:?}");
        }
    }
}

#[test]
fn who_hands_tokens_on_gets_each_next_one_from_a_job_that_keeps_fresh() {
    let (source, hand, clock, _) = source(GRANT);
    let mut first = Box::pin(source.token(None));
    assert!(poll(&mut first).is_pending());
    hand.run();
    let Poll::Ready(Ok(token)) = poll(&mut first) else { panic!() };
    let mut next = Box::pin(source.changed(token.generation()));
    assert!(poll(&mut next).is_pending());
    clock.advance(secs(3600));
    let mut keeper = Box::pin(source.keep_fresh());
    assert!(poll(&mut keeper).is_pending());
    hand.run();
    let Poll::Ready(Ok(token)) = poll(&mut next) else { panic!() };
    assert_eq!(token.generation().number(), 2);
}
