//! Interleavings: how tasks and threads meet under the machine's mutex, tried by a scheduler.
//!
//!     RUSTFLAGS="--cfg shuttle" cargo test --release -p evergrant-drive --target-dir target/shuttle --test shuttle
//!
//! A task that is never woken is a deadlock here, and a deadlock fails the test. Time does not pass by itself: a timer
//! is over when the test says so. The order of locks, wakers, exchanges of the snapshot, jobs and drops is tried; the
//! atomic pointer of the snapshot is a lock here (see `published.rs`), and memory orderings are not tried.
#![cfg(shuttle)]
#![allow(missing_docs, clippy::unwrap_used)]

use evergrant_core::{
    AccessToken, Client, ClientAuth, Origin, Policy, Provider, Rejection, Request, Response, Rotation,
    TransportError,
};
use evergrant_drive::{
    BlockingSource, BlockingTransport, Handle, ManualClock, RequestStatus, Runtime, Settings, Shared, Source,
    Token, Transport,
};
use shuttle::future::{block_on, spawn, yield_now};
use shuttle::rand::{Rng, thread_rng};
use shuttle::thread;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

#[path = "shuttle/live.rs"]
mod live;
#[path = "shuttle/pool.rs"]
mod pool;
#[path = "shuttle/stored.rs"]
mod stored;

/// Schedules tried by each scheduler, for each test.
const SCHEDULES: usize = 20_000;
const PATIENT: Duration = Duration::from_secs(3000);

/// Each test under a random scheduler, and under one that likes few and late switches.
fn try_all(test: impl Fn() + Send + Sync + Clone + 'static) {
    shuttle::check_random(test.clone(), SCHEDULES);
    shuttle::check_pct(test, SCHEDULES, 3);
}

const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// What becomes of a job that is spawned.
#[derive(Clone, Copy, PartialEq, Default)]
enum Fate {
    #[default]
    Run,
    /// The runtime is shut down after so many polls: the job is dropped where it is.
    Shutdown(u32),
    /// It is neither run nor dropped: a leak.
    Leak,
}

/// A runtime whose timers end when the clock is moved, and a server that counts.
#[derive(Clone, Default)]
struct Stage {
    timers: Arc<Mutex<Vec<Waker>>>,
    fate: Arc<Mutex<Fate>>,
    sent: Arc<AtomicU32>,
}

/// One source on a stage.
#[derive(Clone)]
struct World {
    clock: ManualClock,
    shared: Arc<Shared<u64>>,
    stage: Stage,
}

impl World {
    fn new() -> Self {
        Self::of(Settings::new(client(auth())), ManualClock::new())
    }

    fn of(settings: Settings, clock: ManualClock) -> Self {
        let policy = Policy::new().with_jitter(false);
        // What is rendered stands for the token: its number.
        let render = |token: &AccessToken| token.expose().parse().unwrap();
        let settings = settings.policy(policy).patience(PATIENT).clock(clock.clone());
        let shared = Shared::new(settings, 0, render);
        Self { clock, shared, stage: Stage::default() }
    }

    fn source(&self) -> Source<Stage, Stage, u64> {
        Source::over(Arc::clone(&self.shared), self.stage.clone(), self.stage.clone())
    }

    fn fate(&self, fate: Fate) {
        *self.stage.fate.lock().unwrap() = fate;
    }

    /// The clock goes on, and every timer is looked at.
    fn pass(&self, time: Duration) {
        self.clock.advance(time);
        let wakers = std::mem::take(&mut *self.stage.timers.lock().unwrap());
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Lets time pass until there is a token, but not while a flight is in the air that will land by itself.
    fn tick(&self) -> impl Future<Output = ()> + Send + 'static {
        let world = self.clone();
        async move {
            while world.shared.try_token().is_none() {
                let status = world.shared.status();
                if !matches!(status.request, RequestStatus::InFlight(_)) {
                    world.pass(secs(2));
                }
                yield_now().await;
            }
        }
    }

    fn sent(&self) -> u32 {
        self.stage.sent.load(Ordering::SeqCst)
    }

    /// Nobody waits, and nobody is forgotten.
    fn is_empty(&self) {
        assert_eq!(self.shared.status().waiting, 0, "I9");
    }
}

impl Stage {
    fn grant(&self) -> Response {
        let number = self.sent.fetch_add(1, Ordering::SeqCst) + 1;
        let body = format!(r#"{{"access_token":"{number}","token_type":"Bearer","expires_in":3600}}"#);
        Response::new(200).with_header("content-type", b"application/json").with_body(body.into_bytes())
    }
}

/// A token's number.
fn number(token: &Token) -> u64 {
    token.value().expose().parse().unwrap()
}

fn client(auth: ClientAuth) -> Client {
    let provider = Provider::rfc6749("http://127.0.0.1:1/token").unwrap();
    Client::builder(provider, auth).build().unwrap()
}

fn auth() -> ClientAuth {
    ClientAuth::post("id", "secret").unwrap()
}

impl Runtime for Stage {
    type Handle = Self;

    fn current(&self) -> Result<Self, TransportError> {
        Ok(self.clone())
    }
}

impl Handle for Stage {
    type Sleep = Timer;

    fn sleep(&self, _: Duration) -> Timer {
        Timer(Arc::clone(&self.timers))
    }

    fn spawn(&self, job: impl Future<Output = ()> + Send + 'static) {
        let fate = *self.fate.lock().unwrap();
        match fate {
            Fate::Leak => std::mem::forget(Box::new(job)),
            Fate::Run => drop(spawn(job)),
            Fate::Shutdown(polls) => drop(spawn(Cut { job: Some(Box::pin(job)), polls })),
        }
    }
}

/// Pending for ever: who looks at the clock is woken when it is moved.
struct Timer(Arc<Mutex<Vec<Waker>>>);

impl Future for Timer {
    type Output = ();

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.lock().unwrap().push(cx.waker().clone());
        Poll::Pending
    }
}

/// A job that is dropped after so many polls.
struct Cut {
    job: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    polls: u32,
}

impl Future for Cut {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if self.polls == 0 {
            self.job = None;
            return Poll::Ready(());
        }
        self.polls -= 1;
        self.job.as_mut().map_or(Poll::Ready(()), |job| job.as_mut().poll(cx))
    }
}

impl Transport for Stage {
    async fn send(&self, _: Request) -> Result<Response, TransportError> {
        yield_now().await;
        Ok(self.grant())
    }
}

impl BlockingTransport for Stage {
    fn send(&self, _: Request, _: Duration) -> Result<Response, TransportError> {
        thread::yield_now();
        Ok(self.grant())
    }
}

// Conforms: L-38
#[test]
fn tasks_and_threads_that_ask_at_once_share_one_request_and_all_are_woken() {
    try_all(|| {
        let world = World::new();
        let tasks: Vec<_> = (0..3)
            .map(|_| {
                let source = world.source();
                spawn(async move { number(&source.token(None).await.unwrap()) })
            })
            .collect();
        let blocking = BlockingSource::over(Arc::clone(&world.shared), world.stage.clone());
        let thread = thread::spawn(move || number(&blocking.token(None).unwrap()));
        for task in tasks {
            assert_eq!(block_on(task).unwrap(), 1);
        }
        assert_eq!(thread.join().unwrap(), 1);
        assert_eq!(world.sent(), 1);
        world.is_empty();
    });
}

// Conforms: L-38
#[test]
fn i24_callers_dropped_at_any_moment_strand_nobody() {
    try_all(|| {
        let world = World::new();
        let dropped: Vec<_> = (0..2)
            .map(|_| {
                let source = world.source();
                spawn(async move {
                    let polls = thread_rng().gen_range(0..4_u32);
                    let mut call = Box::pin(source.token(None));
                    for _ in 0..polls {
                        let done =
                            std::future::poll_fn(|cx| Poll::Ready(call.as_mut().poll(cx).is_ready())).await;
                        if done {
                            return;
                        }
                        yield_now().await;
                    }
                })
            })
            .collect();
        // One that is polled once and never again, and still lives.
        let forgotten = world.source();
        let mut forgotten = Box::pin(forgotten.token(None));
        let _ = forgotten.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        let source = world.source();
        assert_eq!(number(&block_on(source.token(None)).unwrap()), 1);
        for task in dropped {
            block_on(task).unwrap();
        }
        drop(forgotten);
        assert_eq!(world.sent(), 1);
        world.is_empty();
    });
}

#[test]
fn i26_i30_a_flight_that_is_dropped_at_any_moment_wakes_everyone() {
    try_all(|| {
        let world = World::new();
        world.fate(Fate::Shutdown(thread_rng().gen_range(0..4_u32)));
        let tasks: Vec<_> = (0..2)
            .map(|_| {
                let source = world.source();
                spawn(async move { source.token(None).await.map(|token| number(&token)) })
            })
            .collect();
        let first = world.source();
        let mut first = Box::pin(first.token(None));
        let _ = first.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        // The next runtime works. min_interval passes, and a rest, should the flight have been dropped twice.
        world.fate(Fate::Run);
        let ticking = spawn(world.tick());
        for task in tasks {
            assert!(block_on(task).unwrap().is_ok());
        }
        block_on(ticking).unwrap();
        drop(first);
        assert!(world.sent() <= 2, "{} requests", world.sent());
        world.is_empty();
    });
}

#[test]
fn i8_a_flight_that_leaks_delays_the_others_to_its_deadline_and_no_longer() {
    try_all(|| {
        let world = World::new();
        world.fate(Fate::Leak);
        let source = world.source();
        let caller = spawn(async move { number(&source.token(None).await.unwrap()) });
        while world.shared.status().requests == 0 {
            thread::yield_now();
        }
        world.fate(Fate::Run);
        world.pass(secs(10));
        thread::yield_now();
        assert_eq!(world.shared.status().requests, 1, "its deadline has not come");
        // The one that leaked is in the air to the end: the clock moves although it is.
        while world.shared.status().requests == 1 {
            world.pass(secs(1));
            thread::yield_now();
        }
        assert_eq!(block_on(caller).unwrap(), 1);
        assert_eq!(world.shared.status().requests, 2);
        world.is_empty();
    });
}

#[test]
fn i3_what_was_dropped_is_not_handed_out_once_the_dropping_call_has_returned() {
    try_all(|| {
        let world = World::new();
        let source = world.source();
        let first = block_on(source.token(None)).unwrap().generation();
        world.pass(secs(10));
        let rejecting: Vec<_> = (0..2)
            .map(|_| {
                let (world, source) = (world.clone(), world.source());
                let origin = Origin::parse("https://api.example.com").unwrap();
                spawn(async move {
                    let verdict = world.shared.reject(first, &origin);
                    assert!(matches!(verdict, Rejection::Dropped | Rejection::Replaced), "{verdict:?}");
                    assert!(world.shared.try_token().is_none_or(|token| token.generation() > first));
                    let token = source.token(None).await.unwrap();
                    assert!(token.generation() > first);
                })
            })
            .collect();
        let reading = {
            let source = world.source();
            spawn(async move { source.token(None).await.map(drop) })
        };
        for task in rejecting {
            block_on(task).unwrap();
        }
        assert!(block_on(reading).unwrap().is_ok());
        assert_eq!(world.sent(), 2, "two rejections of one token, one request");
        world.is_empty();
    });
}

#[test]
fn i22_a_rotation_in_mid_flight_leaves_no_trace_of_the_old_credentials() {
    try_all(|| {
        let world = World::new();
        let source = world.source();
        let asking = spawn(async move { source.token(None).await.map(|token| number(&token)) });
        let rotating = {
            let world = world.clone();
            spawn(async move {
                world.shared.rotate(auth(), Rotation::Drop);
            })
        };
        block_on(rotating).unwrap();
        // Somebody asks after the rotation, if nobody did before its end.
        let source = world.source();
        let again = spawn(async move { source.token(None).await.map(drop) });
        let ticking = spawn(world.tick());
        assert!(block_on(asking).unwrap().is_ok() && block_on(again).unwrap().is_ok());
        block_on(ticking).unwrap();
        // At most one request of the old credentials, and one of the new.
        assert!(world.sent() <= 2, "{} requests", world.sent());
        world.is_empty();
    });
}

#[test]
fn whoever_waits_for_the_next_token_is_woken_by_it_on_a_task_and_on_a_thread() {
    try_all(|| {
        let world = World::new();
        let first = block_on(world.source().token(None)).unwrap().generation();
        world.clock.advance(secs(2));
        let source = world.source();
        let task = spawn(async move { source.changed(first).await.map(|token| number(&token)) });
        let blocking = BlockingSource::over(Arc::clone(&world.shared), world.stage.clone());
        let thread =
            thread::spawn(move || blocking.changed(first, PATIENT).unwrap().map(|token| number(&token)));
        let source = world.source();
        let asking = spawn(async move {
            source.shared().rotate(auth(), Rotation::Drop);
            source.token(None).await.map(|token| number(&token))
        });
        assert_eq!(block_on(asking).unwrap(), Ok(2));
        assert_eq!((block_on(task).unwrap(), thread.join().unwrap()), (Ok(2), Some(2)));
    });
}

#[test]
fn the_last_source_dropped_at_any_moment_ends_its_keeper() {
    try_all(|| {
        let world = World::new();
        let source = world.source();
        let keeping = spawn(source.keep_fresh());
        let using = {
            let source = source.clone();
            spawn(async move { source.token(None).await.map(drop) })
        };
        drop(source);
        // The world holds a share of its own.
        drop(world);
        block_on(using).unwrap().unwrap();
        block_on(keeping).unwrap();
    });
}
